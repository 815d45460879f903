"""Variables of a Compose project that have no value: one message for each, with all its places."""

from collections.abc import Iterator, Sequence

from compose.findings import Path
from compose.project import Project, faults_of
from compose.values import Fault
from config.problems import Problem, dotted
from config.projects.places import located

SHOWN = 6  # places that one message names


def unset_variables(
    project: Project, services: Sequence[str], problems: Sequence[Problem]
) -> tuple[list[Problem], set[str]]:
    """Also the paths of those problems that only follow from such a variable.

    services: the keys of those that are taken.
    """
    found: dict[str, list[tuple[Fault, Path]]] = {}
    for fault, path in _faults(project, services):
        found.setdefault(fault.name, []).append((fault, path))
    told, consequences = [], set()
    wrong = {problem.path for problem in problems}
    for name, uses in found.items():
        paths = [f"{project.file}: {dotted('', path).removeprefix('.')}" for _, path in uses]
        bad = [path for path in paths if path in wrong]
        consequences |= {*bad}
        demanded = [fault for fault, _ in uses if fault.demanded]
        told.append(_told(project, name, uses, demanded, bool(bad or demanded or not name)))
    return told, consequences


def _faults(project: Project, services: Sequence[str]) -> Iterator[tuple[Fault, Path]]:
    for key in services:
        own = {name: value for name, value in project.services[key].items() if not name.startswith("x-")}
        yield from faults_of(own, ("services", key))
    for section in ("networks", "volumes"):
        yield from faults_of(getattr(project, section), (section,))


def _told(
    project: Project, name: str, uses: list[tuple[Fault, Path]], demanded: list[Fault], is_error: bool
) -> Problem:
    places = list(dict.fromkeys(located(project.file, project.place(path), path) for _, path in uses))
    first, others = places[0], places[1:]
    more = f" (also in {', '.join(others[:SHOWN])}{' …' if len(others) > SHOWN else ''})" if others else ""
    if not name:
        return Problem(first, "", f"has a `${{` that is no variable{more}", "write $${ for the plain signs")
    shown = f"${{{name}}}"
    if demanded:
        reason = f", and says: {demanded[0].reason}" if demanded[0].reason else ""
        message = f"is not set in the .env, and the file demands it{reason}{more}"
    else:
        message = f"is not set in the .env{more}; Compose would take it from the shell, or else an empty text"
    remedy = f"write {name}=… into the .env beside the file, or a default: ${{{name}:-…}}"
    return Problem(first, shown, message, remedy, "error" if is_error else "warning")
