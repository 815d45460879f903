"""Variables of a Compose project that have no value: one message for each, with all its places."""

from collections.abc import Collection, Iterator, Sequence

from compose.findings import Path
from compose.project import Project, faults_of
from compose.values import Fault, copied, dict_of, list_of, without_extensions
from config.problems import Problem
from config.projects.places import located, unplaced

_FOR_A_SHELL = (("command",), ("entrypoint",), ("healthcheck",))
SHOWN = 6  # places that one message names


def unset_variables(
    project: Project, services: Sequence[str], wrong: Collection[str]
) -> tuple[list[Problem], set[str]]:
    """Also the paths of those problems that only follow from such a variable.

    services: the keys of those that are taken; wrong: the paths of all problems.
    """
    found: dict[str, list[tuple[Fault, Path]]] = {}
    for fault, path in _faults(project, services):
        found.setdefault(fault.name, []).append((fault, path))
    told, consequences = [], set()
    for name, uses in found.items():
        paths = [unplaced(project.file, path) for _, path in uses]
        bad = [path for path in paths if path in wrong]
        consequences |= {*bad}
        demanded = [fault for fault, _ in uses if fault.demanded]
        told.append(_told(project, name, uses, demanded, bool(bad or demanded or not name)))
    return told, consequences


def _faults(project: Project, services: Sequence[str]) -> Iterator[tuple[Fault, Path]]:
    used: dict[str, dict[str, None]] = {section: {} for section in ("networks", "volumes", "configs", "secrets")}
    for key in services:
        service = without_extensions(copied(project.services[key]))
        yield from faults_of(service, ("services", key))
        used["networks"] |= dict.fromkeys(dict_of(service.get("networks")))
        for section in ("volumes", "configs", "secrets"):
            items = (dict_of(item).get("source") for item in list_of(service.get(section)))
            used[section] |= dict.fromkeys(source for source in items if isinstance(source, str))
    for section, keys in used.items():
        for key in keys:
            yield from faults_of(getattr(project, section).get(key), (section, key))


def _source(project: Project, path: Path) -> object:
    """Where the file has the variable. Several values can be made of one line's short form."""
    items = [index for index, part in enumerate(path) if isinstance(part, int)]
    return (project.place(path), path[: items[0] + 1]) if items else path


def _told(
    project: Project, name: str, uses: list[tuple[Fault, Path]], demanded: list[Fault], is_error: bool
) -> Problem:
    by_source: dict[object, str] = {}
    for _, path in uses:
        by_source.setdefault(_source(project, path), located(project.file, project.place(path), path))
    places = [*by_source.values()]
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
    if any(path[2:3] in _FOR_A_SHELL for _, path in uses):
        remedy += f"; or $${name} if it is a variable of the container's own shell"
    if name == "PWD":
        message = f"is the folder in which somebody runs Compose, and that is not known here{more}"
        remedy, is_error = "write `project_directory:` beside the file's path in `site.compose:`, and it is that", True
    return Problem(first, shown, message, remedy, "error" if is_error else "warning")
