"""Problems of Compose projects, with the file and the line that a person finds them in."""

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any

from compose.findings import Finding
from compose.project import Project
from compose.values import Derived, Place, child, dict_of
from config.problems import Problem, as_text, dotted, on_one_line


def located(file: str, place: Place | None, path: Sequence[str | int]) -> str:
    """`docker-compose.yml:14 services.pihole.image`. file: named where there is no place."""
    where = str(place) if place else file
    return f"{where} {dotted('', path).removeprefix('.')}".rstrip()


def problem_of(finding: Finding, file: str) -> Problem:
    """file: as in located."""
    path = located(file, finding.place, finding.path)
    message, remedy = on_one_line(finding.message), on_one_line(finding.remedy)
    value = "" if isinstance(finding.value, Derived) else as_text(finding.value)
    return Problem(path, value, message, remedy, finding.severity)


def relocated(problem: Problem, projects: Iterable[Project]) -> Problem:
    """`docker-compose.yml: services.pihole.image` becomes `docker-compose.yml:14 services.pihole.image`."""
    for project in projects:
        head = f"{project.file}: "
        if problem.path.startswith(head):
            path = _as_written(project.document, tuple(_parts(project.document, problem.path.removeprefix(head))))
            return replace(problem, path=located(project.file, project.place(path), path))
    return problem


def _as_written(document: Any, path: tuple[str | int, ...]) -> tuple[str | int, ...]:
    """A MAC or IPv6 address may stand beside its service's keys and the IPv4 address under a network, or the other way
    round."""
    *above, key = path
    if key not in ("mac_address", "ipv6_address") or above[:1] != ["services"] or len(above) < 2:
        return path
    service = child(child(document, "services"), above[1])
    networks = [name for name, place in dict_of(child(service, "networks")).items() if key in dict_of(place)]
    here = above[3] in networks if len(above) > 3 else key in dict_of(service)
    if here or not (networks or key in dict_of(service)):
        return path
    return ("services", above[1], *(() if key in service else ("networks", networks[0])), key)


def _parts(value: Any, rest: str) -> Iterable[str | int]:
    """The keys of a dotted path. A key may have dots itself."""
    while rest:
        if match := re.match(r"\[(\d+)\]\.?", rest):
            part: str | int = int(match[1])
            rest = rest[match.end() :]
        else:
            part = _key(value, rest)
            rest = rest[len(part) :].removeprefix(".")
        yield part
        value = child(value, part)


def _key(value: Any, rest: str) -> str:
    known = [key for key in value if isinstance(key, str)] if isinstance(value, dict) else []
    fits = [key for key in known if rest == key or rest.startswith((f"{key}.", f"{key}["))]
    return max(fits, key=len, default=re.split(r"[.\[]", rest)[0] or rest)
