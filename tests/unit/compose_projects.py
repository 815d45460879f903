"""Compose projects that tests write themselves, read from a disk in memory."""

import copy
from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import Any, Literal

import yaml

from compose.disk import Document, File
from compose.findings import Finding, Refused
from compose.project import Project, Source, read_project
from config.compose import Taken, take
from config.problems import Problem, in_order
from config.projects.file_networks import LanSettings
from config.projects.places import problem_of, relocated
from inputs.compose_yaml import read_documents

NAME = "docker-compose.yml"
FOLDER = "/volume1/docker/app"
LAN = LanSettings(
    "lan", IPv4Network("192.168.1.0/24"), IPv4Address("192.168.1.1"), "eth0", IPv6Network("fd0d:7eb5:2afd::/64")
)
EXTERNAL = {"lan": {"external": True}}
ON_LAN = {"lan": {"ipv4_address": "192.168.1.77"}}
Services = Literal["joined", "all"]


class Disk:
    """compose.disk.Disk. A document that is no text is written as YAML."""

    def __init__(self, files: Mapping[str, Any]) -> None:
        self.files = {path: text if isinstance(text, str) else dumped(text) for path, text in files.items()}

    def is_file(self, path: str) -> bool:
        return path in self.files

    def text(self, file: File) -> str:
        if file.path not in self.files:
            raise Refused(Finding((), None, file.shown, "cannot be read (No such file or directory)", "correct it"))
        return self.files[file.path]

    def documents(self, file: File) -> Sequence[Document]:
        return read_documents(self.text(file), file.shown)


def dumped(document: Any) -> str:
    return yaml.safe_dump(document, sort_keys=False)


def read(
    document: Any, files: Mapping[str, Any] | None = None, *more: str, folder: str = FOLDER, **source: Any
) -> tuple[Project | None, list[Problem]]:
    """document: of docker-compose.yml; files: those beside it; more: names of those that are of the project, too."""
    disk = Disk({f"/laptop/{NAME}": document, **{f"/laptop/{name}": text for name, text in (files or {}).items()}})
    paths = tuple(File(f"/laptop/{name}", name) for name in (NAME, *more))
    project, findings = read_project(Source(paths, folder=folder, **source), disk)
    return project, [problem_of(finding, NAME) for finding in findings]


def project_of(document: Any, files: Mapping[str, Any] | None = None, *more: str, **source: Any) -> Project:
    project, problems = read(document, files, *more, **source)
    assert project is not None, "\n".join(map(str, problems))
    return project


def taken_of(
    document: Any,
    files: Mapping[str, Any] | None = None,
    *more: str,
    services: Services = "joined",
    lans: Sequence[LanSettings] = (LAN,),
    **source: Any,
) -> Taken:
    return take(project_of(document, files, *more, **source), lans, services)


def problems_of(
    document: Any,
    files: Mapping[str, Any] | None = None,
    *more: str,
    services: Services = "joined",
    lans: Sequence[LanSettings] = (LAN,),
    **source: Any,
) -> list[Problem]:
    """All that is told of the project before it is planned, with its lines."""
    project, problems = read(document, files, *more, **source)
    if project is not None:
        problems += [relocated(problem, [project]) for problem in take(project, lans, services).problems]
    return in_order(problems)


def app(**keys: Any) -> dict[str, Any]:
    """A document with the one service `app` on the LAN."""
    document = {"services": {"app": {"image": "app:1", "networks": ON_LAN, **keys}}, "networks": EXTERNAL}
    return copy.deepcopy(document)


def told(problems: Sequence[Problem]) -> list[tuple[str, str]]:
    return [(problem.severity, problem.path) for problem in problems]
