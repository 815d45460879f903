"""What was chosen: where each part of the engine comes from, and the environment to run it in."""

import json
import shlex
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]
ENGINE = ROOT / ".engine"
BIN, HOME = ENGINE / "bin", ENGINE / "home"
CHOSEN, ENV, READY = ENGINE / "chosen.json", ENGINE / "env", ENGINE / "READY"
CLI_VERSION = "3.259.0"
PLUGINS = {"docker": "5.2.0", "command": "1.2.1"}


class SetupProblem(Exception):
    """The engine cannot be had; the text says why and what to do."""


@dataclass(frozen=True)
class Choice:
    """key: all that the choice was made from, so that a later run sees whether it still holds.

    origins: part → where it comes from, in words. files: what has to be there for it to be used.
    variables: the environment; PATH is what goes in front of the PATH of whoever uses it.
    """

    key: Mapping[str, str]
    origins: Mapping[str, str]
    files: tuple[str, ...]
    variables: Mapping[str, str]

    def holds(self, key: Mapping[str, str]) -> bool:
        """Nothing has changed since it was made."""
        return dict(self.key) == dict(key) and ENV.exists() and all(Path(file).exists() for file in self.files)

    def write(self) -> None:
        """Makes it the choice of this checkout."""
        lines = [f"{name}={shlex.quote(value)}" for name, value in self.variables.items() if name != "PATH"]
        lines.append(f"PATH={shlex.quote(self.variables['PATH'])}:$PATH")
        ENV.write_text("\n".join(lines) + "\n")
        CHOSEN.write_text(json.dumps(asdict(self), indent=1) + "\n")
        READY.touch()

    def show(self) -> str:
        """The parts, one a line."""
        return "".join(f"{part:<15}{origin}\n" for part, origin in self.origins.items())


def chosen() -> Choice | None:
    """The choice that was made last."""
    try:
        found = json.loads(CHOSEN.read_text())
        return Choice(found["key"], found["origins"], tuple(found["files"]), found["variables"])
    except (OSError, ValueError, KeyError):
        return None
