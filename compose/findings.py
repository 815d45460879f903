"""What is wrong with a Compose file, or has to be told of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

from compose.values import Place
from config.problems import Problem, dotted

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Finding:
    """path: within the file, () for the file as a whole; the other fields as in Problem."""

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

    def problem(self, file: str) -> Problem:
        """file: named where the finding has no place."""
        return Problem(located(file, self.place, self.path), self.value, self.message, self.remedy, self.severity)

    def at(self, place: Place | None) -> "Finding":
        return self if self.place else replace(self, place=place)


def located(file: str, place: Place | None, path: Sequence[str | int]) -> str:
    """`docker-compose.yml:14 services.pihole.image`"""
    where = str(place) if place else file
    return f"{where} {dotted('', path).removeprefix('.')}".rstrip()


class Refused(Exception):
    """A file that cannot be read any further."""

    def __init__(self, finding: Finding) -> None:
        super().__init__(finding.message)
        self.finding = finding
