"""One Compose project: its files read, merged and completed as Compose does it."""

import posixpath
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from compose.checks import check_service
from compose.disk import Disk, File, Folder
from compose.findings import Finding, Path, Refused
from compose.forms.typed import give_types
from compose.loading import Env, Loader, read_env_file
from compose.values import Derived, Fault, Map, Place, dict_of, list_of, place_of

_DECLARED = ("networks", "volumes", "configs", "secrets")
_SHARED = ("network_mode", "ipc", "pid", "uts", "cgroup")
_KEY = re.compile(r"[a-zA-Z0-9._-]+")  # of a service, a network …, in the specification's schema


@dataclass(frozen=True)
class Source:
    """What a person named as one project.

    files: each over those before it; env_files: () for the .env beside the first one. The shell's own variables never
        count.
    folder: of the first file on the machine that the containers run on; "" if unknown.
    name: of the project; "" for Compose's own rules.
    """

    files: tuple[File, ...]
    env_files: tuple[File, ...] = ()
    folder: str = ""
    name: str = ""
    profiles: tuple[str, ...] = ()


@dataclass(frozen=True)
class Project:
    """file: its first one, as written.
    name, named: of the project, and whether somebody said it. Else it is only that of a folder of the laptop.
    services, networks, volumes, configs, secrets: by their keys, in the specification's long forms.
    disabled: the services whose profiles are not active; started: those that Compose itself starts, to which nobody
        names a profile but the env file.
    document: all of that with the other top-level keys.
    findings: what is wrong with single services.
    """

    file: str
    name: str
    named: bool
    folder: str
    services: Map
    disabled: Map
    networks: Map
    volumes: Map
    configs: Map
    secrets: Map
    document: Map
    started: frozenset[str] = frozenset()
    findings: tuple[Finding, ...] = field(default=())

    def place(self, path: Path) -> Place | None:
        """Where the value at that path is written, or the nearest one above it."""
        return place_of(self.document, path)


def read_project(source: Source, disk: Disk) -> tuple[Project | None, list[Finding]]:
    """The project, and what is wrong with its files as a whole. The rest are its findings."""
    loader = Loader(disk)
    try:
        return _project(source, loader), loader.refused
    except Refused as error:
        return None, [*loader.refused, error.finding]


def _project(source: Source, loader: Loader) -> Project:
    first, disk = source.files[0], loader.disk
    shown = posixpath.join(posixpath.dirname(first.shown), "")
    folder = Folder(posixpath.dirname(first.path), source.folder or ".", shown)
    env = _environment(source, folder, disk)
    name, named = _name(source, folder, env, loader)
    env = {**env, "COMPOSE_PROJECT_NAME": name}
    if source.folder:
        env.setdefault("PWD", source.folder)  # people run Compose there
    document = loader.load([*source.files], folder, env)
    loader.refused += _misshapen(document, first)
    give_types(document)
    by_env = tuple(filter(None, env.get("COMPOSE_PROFILES", "").split(",")))
    findings = [*loader.findings, *_complete(document, name, env, disk, folder)]
    enabled, disabled = Map(), Map()
    services = document.get("services") or Map()
    for key, service in services.items():
        (enabled if _is_on(service, source.profiles or by_env) else disabled)[key] = service
    sections = {section: document.setdefault(section, Map()) for section in _DECLARED}
    for key in enabled:
        findings += check_service(document, key, enabled, disabled)
    started = frozenset(key for key, service in services.items() if _is_on(service, by_env))
    whole = {"document": document, "started": started, "findings": tuple(findings)}
    return Project(first.shown, name, named, source.folder, enabled, disabled, **sections, **whole)


def _is_on(service: Map, profiles: Sequence[str]) -> bool:
    own = list_of(service.get("profiles"))
    return not own or "*" in profiles or any(one in profiles for one in own)


def _environment(source: Source, folder: Folder, disk: Disk) -> dict[str, str]:
    if not source.env_files:
        dotenv = folder.file(".env")
        return read_env_file(disk, dotenv) if disk.is_file(dotenv.path) else {}
    env: dict[str, str] = {}
    for file in source.env_files:
        env = read_env_file(disk, file, {}, env)
    return env


def normalised_name(text: str) -> str:
    """A project's name as Compose makes it of another text."""
    return re.sub(r"[^a-z0-9_-]", "", text.lower()).lstrip("_-")


def _name(source: Source, folder: Folder, env: Env, loader: Loader) -> tuple[str, bool]:
    """The project's name, and whether somebody said it."""
    said = source.name or env.get("COMPOSE_PROJECT_NAME", "") or loader.written_name([*source.files], env)
    name = normalised_name(said)
    if name:
        return name, True
    on_machine = normalised_name(posixpath.basename(source.folder))
    name = on_machine or normalised_name(posixpath.basename(folder.here))
    if not name:
        message = "has no project name, because its folder's name has no letter or digit"
        raise Refused(Finding((), Place(source.files[0].shown, 1), "", message, "write `name:` at the top of the file"))
    return name, bool(on_machine)


def _misshapen(document: Map, file: File) -> Iterator[Finding]:
    """What is no map where the rest of this module counts on one. It is taken out."""
    if document.get("services") is None:
        message = "has no services, and neither has a file that it includes"
        raise Refused(Finding((), Place(file.shown, 1), "", message, "name a compose file with `services:`"))
    for section in ("services", *_DECLARED):
        value = document.get(section)
        if not isinstance(value, Map):
            document.pop(section, None)
            if value is not None:
                yield _no_map(document, (section,), file)
            continue
        for key, item in [*value.items()]:
            if item is None and section != "services":
                value[key] = Map()
            elif not isinstance(item, Map):
                yield _no_map(document, (section, key), file)
                del value[key]
            elif not _KEY.fullmatch(key):
                message = "is a name that Compose does not take"
                remedy = "use letters, digits, '.', '_' and '-' only"
                yield Finding((section, key), place_of(document, (section, key)), "", message, remedy)


def _no_map(document: Map, path: Path, file: File) -> Finding:
    place = place_of(document, path) or Place(file.shown, 1)
    return Finding(path, place, "", "is not a map of keys", "write `key: value` lines below it")


def _complete(document: Map, name: str, env: Env, disk: Disk, folder: Folder) -> Iterator[Finding]:
    """What Compose adds: the default network, dependencies that follow from other keys, the names of networks and
    volumes, and the variables of env files."""
    networks = document.setdefault("networks", Map())
    for key, service in (document.get("services") or {}).items():
        if service.get("pull_policy") == "if_not_present":
            service["pull_policy"] = "missing"
        if "network_mode" not in service and not service.get("networks"):
            service["networks"] = Map({"default": None})
        if "default" in dict_of(service.get("networks")):
            networks.setdefault("default", Map())
        _add_dependencies(service)
        yield from _add_environment(service, key, env, disk, folder)
        yield from _add_labels(service, key, disk, folder)
    for section in _DECLARED:
        for key, declared in (document.get(section) or {}).items():
            if declared.get("name") is None:
                declared["name"] = key if declared.get("external") is True else f"{name}_{key}"


def _add_dependencies(service: Map) -> None:
    found = service.get("depends_on", Map())
    if not isinstance(found, Map):
        return
    for link in list_of(service.get("links")):
        if isinstance(link, str):
            found.setdefault(link.split(":")[0], _dependency(True))
    for key in _SHARED:
        other = service.get(key)
        if isinstance(other, str) and other.startswith("service:"):
            found.setdefault(other.removeprefix("service:"), _dependency(True))
    for other in list_of(service.get("volumes_from")):
        if isinstance(other, str) and not other.startswith("container:"):
            found.setdefault(other.split(":")[0], _dependency(False))
    if found:
        service["depends_on"] = found


def _dependency(restart: bool) -> Map:
    return Map({"condition": "service_started", "restart": restart, "required": True})


def _add_environment(service: Map, key: str, env: Env, disk: Disk, folder: Folder) -> Iterator[Finding]:
    own = service.get("environment", Map())
    if not isinstance(own, Map):
        return
    for name, value in own.items():
        if value is None and name in env:
            own[name] = Derived(env[name])
    found = {name: value for name, value in own.items() if value is not None}
    known = {**found, **env}
    for index, entry in enumerate(list_of(service.get("env_file"))):
        if not isinstance(entry, dict) or not isinstance(entry.get("path"), str):
            continue
        path = entry["path"]
        if not disk.is_file(path) and entry.get("required") is False:
            continue
        try:
            read = read_env_file(disk, File(path, folder.shown_as(path)), known, found, entry.get("format") == "raw")
        except Refused as error:
            at = ("services", key, "env_file", index)
            yield replace(error.finding, path=at, place=error.finding.place or place_of(service, at[2:]))
            continue
        found = {name: value if found.get(name) is value else Derived(value) for name, value in read.items()}
    whole = Map({**found, **{name: value for name, value in own.items()}}, own.places)
    if whole:
        service["environment"] = whole


def _add_labels(service: Map, key: str, disk: Disk, folder: Folder) -> Iterator[Finding]:
    found: dict[str, Any] = {}
    for index, name in enumerate(list_of(service.get("label_file"))):
        try:
            found = read_env_file(disk, File(name, folder.shown_as(name)), {}, found)
        except Refused as error:
            at = ("services", key, "label_file", index)
            yield replace(error.finding, path=at, place=error.finding.place or place_of(service, at[2:]))
    own = service.get("labels", Map())
    if found and isinstance(own, Map):
        service["labels"] = Map({**found, **own}, own.places)


def faults_of(value: Any, path: Path) -> Iterator[tuple[Fault, Path]]:
    """The variables without a value in everything below that path."""
    if isinstance(value, Derived):
        yield from ((fault, path) for fault in value.faults)
    elif isinstance(value, dict):
        for key, item in value.items():
            of_item = [*faults_of(item, (*path, key))]
            yield from of_item
            # The whole of a list's item may have become a key
            known = [fault for fault, _ in of_item]
            yield from ((fault, path) for fault, _ in faults_of(key, path) if fault not in known)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from faults_of(item, (*path, index))
