"""The files of corpus/, and how both readers are asked for them.

A case is a file, or a folder with compose.yml and what belongs to it. ask.json in a folder names other files, env
files, profiles and a name, as people name them on Docker's command line.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from compose.disk import File
from compose.findings import Finding
from compose.project import Project, Source, read_project
from inputs.compose_files import LaptopDisk
from tests.compose.oracle import Oracle

CORPUS = Path(__file__).parent / "corpus"


@dataclass(frozen=True)
class Case:
    """folder: where Compose is run."""

    name: str
    folder: Path
    files: tuple[str, ...]
    env_files: tuple[str, ...] = ()
    profiles: tuple[str, ...] = ()
    said: str = ""
    project_directory: str = ""

    def by_oracle(self, oracle: Oracle) -> dict[str, Any]:
        return oracle.project(
            self.folder,
            self.files,
            env_files=self.env_files,
            profiles=self.profiles,
            name=self.said,
            project_directory=self.project_directory,
        )

    def by_us(self) -> tuple[Project | None, list[Finding]]:
        """As if the machine of the containers had the same folders."""
        folder = str((self.folder / self.files[0]).parent)
        files, env_files = self._named(self.files), self._named(self.env_files)
        return read_project(Source(files, env_files, folder, self.said, self.profiles), LaptopDisk())

    def _named(self, paths: tuple[str, ...]) -> tuple[File, ...]:
        return tuple(File(str(self.folder / path), path) for path in paths)


def cases(kind: str) -> list[Case]:
    """kind: "taken" or "refused"."""
    return [_case(path) for path in sorted((CORPUS / kind).iterdir())]


def _case(path: Path) -> Case:
    if not path.is_dir():
        return Case(path.stem, path.parent, (path.name,))
    file = path / "ask.json"
    asked = json.loads(file.read_text()) if file.exists() else {}
    return Case(
        path.name,
        path,
        tuple(asked.get("files", ["compose.yml"])),
        tuple(asked.get("env_files", ())),
        tuple(asked.get("profiles", ())),
        asked.get("name", ""),
        asked.get("project_directory", ""),
    )
