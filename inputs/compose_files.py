"""The Compose projects of a site, read from the laptop's disk."""

from collections.abc import Sequence
from pathlib import Path

from compose.project import Project, Source, read_project
from config.compose import Taken, take
from config.file_networks import LanSettings
from config.networks import lan_settings
from config.problems import Problem
from config.site import ComposeProject, Site


def read_projects(site: Site, start: Path) -> tuple[list[Project], list[Taken], list[Problem]]:
    """The projects, what the site takes of each, and the problems of the files that cannot be read."""
    projects, taken, problems = [], [], []
    for entry in site.compose:
        project, wrong = read_project(source_of(entry, start))
        problems += wrong
        if project is not None:
            projects.append(project)
            taken.append(take(project, lan_settings(site), entry.services))
    return projects, taken, problems


def source_of(entry: ComposeProject, start: Path) -> Source:
    return Source(entry.path, start, entry.env_file, entry.project_directory or "", entry.name or "", entry.profiles)


def read_file(path: str, start: Path, lans: Sequence[LanSettings]) -> tuple[Project | None, Taken, list[Problem]]:
    """One file by itself, for people who try it."""
    project, problems = read_project(Source((path,), start))
    return project, Taken() if project is None else take(project, lans), problems
