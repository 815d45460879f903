"""What is wrong with a Compose file, or has to be told of it."""

from dataclasses import dataclass
from typing import Literal

from compose.values import Place

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Finding:
    """path: within the file, () for the file as a whole. value: what stands there, "" for nothing; one that is Derived
    may be a password. message, remedy: what is wrong, reading on from the value, and what to do."""

    path: Path
    place: Place | None
    value: str
    message: str
    remedy: str
    severity: Literal["error", "warning", "note"] = "error"

    @property
    def service(self) -> str | None:
        """The service that it is about, None if it is about the file."""
        return str(self.path[1]) if len(self.path) > 1 and self.path[0] == "services" else None


class Refused(Exception):
    """A file that cannot be read any further."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding
