"""The Compose projects of a site, read from the laptop's disk."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from compose.disk import Document, File
from compose.findings import Finding, Refused
from compose.project import Project, Source, read_project
from config.compose import Taken, take
from config.networks import lan_settings
from config.problems import Problem
from config.projects.places import problem_of
from config.site import ROOT, Site
from inputs.compose_yaml import read_documents
from inputs.paths import from_home


def read_projects(site: Site, start: Path) -> tuple[list[Project], list[Taken], list[Problem]]:
    """The projects, what the site takes of each, and the problems of the files that cannot be read. start: the folder
    that relative paths start from."""
    projects, taken, problems = [], [], []
    for index, entry in enumerate(site.compose):
        source = Source(
            files_of(entry.path, start),
            files_of(entry.env_file, start),
            entry.project_directory or "",
            entry.name or "",
            entry.profiles,
        )
        project, findings = read_project(source, LaptopDisk())
        for finding in findings:
            problems.append(problem_of(finding, entry.path[0] if finding.place else f"{ROOT}.compose[{index}]"))
        if project is not None:
            projects.append(project)
            taken.append(take(project, lan_settings(site), entry.services))
    return projects, taken, problems


def files_of(paths: Iterable[str], start: Path) -> tuple[File, ...]:
    """start: as in read_projects. ~ is the home."""
    return tuple(File(_absolute(path, start), path) for path in paths)


def _absolute(path: str, start: Path) -> str:
    try:
        return str(from_home(path, start))
    except OSError:
        return path  # told when it is read


class LaptopDisk:
    """compose.disk.Disk. Each file is read and parsed once."""

    def __init__(self) -> None:
        self._documents: dict[str, list[Document]] = {}

    def is_file(self, path: str) -> bool:
        try:
            return Path(path).is_file()
        except OSError:
            return False  # a name that is too long, or a folder that is closed

    def text(self, file: File) -> str:
        try:
            return from_home(file.path, Path("/")).read_text(encoding="utf-8-sig")
        except OSError as error:
            raise Refused(_unread(f"cannot be read ({error.strerror})", file)) from None
        except UnicodeDecodeError as error:
            raise Refused(_unread(f"is not text: byte {error.start + 1} is not UTF-8", file)) from None

    def documents(self, file: File) -> Sequence[Document]:
        if file.path not in self._documents:
            self._documents[file.path] = read_documents(self.text(file), file.shown)
        return self._documents[file.path]


def _unread(message: str, file: File) -> Finding:
    return Finding((), None, file.shown, message, "copy the file to this laptop, where it is read, or correct the path")
