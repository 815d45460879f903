"""What a site takes of a Compose project: the services that join its networks, or all, and what they need beside."""

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal, TypeVar

from pydantic import BaseModel, ValidationError

from compose.project import Project, faults_of
from compose.values import copied, dict_of, list_of, without_extensions
from config.declared import DeclaredFile, DeclaredNetwork, DeclaredVolume, Origin
from config.problems import Problem, from_pydantic, pruned, unknown_keys
from config.projects.file_networks import LanSettings, Matched, match
from config.projects.places import problem_of, unplaced
from config.projects.service_reading import Reading, hidden, read_service, shown_services
from config.projects.specification import FILE, NETWORK, TOP, VOLUME, Ignored, Refused, Rule, told
from config.projects.telling import (
    ignored_note,
    left_with_compose,
    not_waited_for,
    pointless,
    renaming_links,
)
from config.projects.unset_variables import unset_variables
from config.service import Service
from config.service_parts import FILE_FOLDERS, Attachment, BindOptions, Volume
from config.types import as_service, is_docker_name

JOINED: Literal["joined"] = "joined"
ALL: Literal["all"] = "all"
_SECTIONS = ("services", "networks", "volumes", "configs", "secrets")
NOTHING_JOINS = "has no service that joins the network {}, so nothing of it would be made"
_Model = TypeVar("_Model", bound=BaseModel)


@dataclass(frozen=True)
class ServiceEntry:
    """A service of the site, wherever it is written.

    path: where it stands in the YAML; place: where its addresses on one network stand, if they do not stand beside its
        other keys.
    name: Docker's name for its container, "" for the key by which the site knows it.
    network_keys: Docker's names of its networks → their keys in its Compose file.
    alias: the name by which the containers of its networks find it beside Docker's name, "" for none.
    project: the Compose project that its container is grouped under, "" for none.
    lacks_networks: whether these, or the address there, could not be read, which is told.
    secret: its environment variables whose values are never shown.
    compose_project, compose_service: as Compose names them on the containers that it makes, "" for a service of the
        site itself; is_project_named: whether somebody said the project's name.
    """

    path: str
    service: Service
    place: str = ""
    name: str = ""
    network_keys: Mapping[str, str] = field(default_factory=dict)
    alias: str = ""
    project: str = ""
    secret: frozenset[str] = frozenset()
    lacks_networks: bool = False
    compose_project: str = ""
    compose_service: str = ""
    is_project_named: bool = False

    def docker_name(self, key: str) -> str:
        """Of its container. key: as in ``name``."""
        return self.name or self.service.container_name or key


@dataclass(frozen=True)
class Taken:
    """networks, volumes: by Docker's names, what the services need beside the site's own networks. origins: where these
    are declared, by the section ("networks", "volumes") and that name. problems: with warnings and notes. left: the
    services that stay with Compose."""

    services: Mapping[str, ServiceEntry] = field(default_factory=dict)
    networks: Mapping[str, DeclaredNetwork] = field(default_factory=dict)
    volumes: Mapping[str, DeclaredVolume] = field(default_factory=dict)
    origins: Mapping[tuple[str, str], Origin] = field(default_factory=dict)
    problems: Sequence[Problem] = ()
    left: Sequence[str] = ()


def take(project: Project, lans: Sequence[LanSettings], services: Literal["joined", "all"] = JOINED) -> Taken:
    """lans: the site's networks, the first one first. The problems' paths are `FILE: services.…`, without lines."""
    taking = _Taking(project, lans)
    return taking.all(services)


class _Taking:
    def __init__(self, project: Project, lans: Sequence[LanSettings]) -> None:
        self.project, self.lans = project, lans
        self.problems: list[Problem] = []
        self._unread: dict[tuple[str, str], list[Problem]] = {}
        self.declared = self._models("networks", DeclaredNetwork, NETWORK)
        self.volumes = self._models("volumes", DeclaredVolume, VOLUME)
        self.matched: Matched = match(self.declared, lans)
        self.wholly = False
        self.named_at: dict[str, str] = {}  # Docker's names of networks of others → where a service names one

    def path(self, *parts: str) -> str:
        return ".".join((f"{self.project.file}: {parts[0]}", *parts[1:]))

    def all(self, services: Literal["joined", "all"]) -> Taken:
        self.wholly = services == ALL
        keys = [*self.project.services] if self.wholly else self._on_lan()
        wanted = [key for key in keys or self._doubtful() if not _starts_none(self.project.services[key])]
        found = {key: read_service(self.project, key, self.path("services", key)) for key in wanted}
        left = [key for key, raw in self.project.services.items() if key not in found and not _starts_none(raw)]
        entries: dict[str, ServiceEntry] = {}
        for key, reading in found.items():
            self.problems += [*reading.problems, *self._of_networks(key), *self._of_mounts(key)]
            if service := reading.service or reading.part:
                entries[key] = self._entry(key, reading, service)
        self._tell_of_file(found)
        self._tell_of_ignored(found, left)
        if not keys:
            if all(problem.severity != "error" for problem in self.problems):
                self.problems.append(self._nothing())
            return Taken(problems=self.problems, left=[*self.project.services])
        if services == JOINED:
            self._tell_of_left(left, [*entries])
        networks, volumes = self._needed_networks(entries), self._needed_volumes(entries)
        return Taken(entries, networks, volumes, self._origins(), self.problems, left)

    def _models(self, section: str, model: type[_Model], rules: Mapping[str, Rule]) -> dict[str, _Model]:
        """What the file declares there, as far as it can be read; of the rest only that is told which is used."""
        found: dict[str, _Model] = {}
        for key, raw in getattr(self.project, section).items():
            one, wrong = _read(model, without_extensions(copied(raw)), self.path(section, key), rules)
            if wrong:
                self._unread[(section, key)] = wrong
            if one is not None:
                found[key] = one
        return found

    def _on_lan(self) -> list[str]:
        """The services on the site's networks, and those that share the network of one of these."""
        names = {lan.name for lan in self.lans}
        found: list[str] = []
        for key, raw in self.project.services.items():
            networks = raw.get("networks")
            joins = isinstance(networks, dict) and bool(networks.keys() & self.matched.own.keys())
            if joins or (isinstance(raw.get("network_mode"), str) and raw["network_mode"] in names):
                found.append(key)
        for _ in self.project.services:
            shared = [key for key, raw in self.project.services.items() if _shares(raw) in found and key not in found]
            if not shared:
                break
            found += shared
        return [key for key in self.project.services if key in found]

    def _doubtful(self) -> list[str]:
        """The services on networks of which it cannot be said, or not without more, that they are none of the site."""
        unclear = {key for section, key in self._unread if section == "networks"} | self.matched.foreign.keys()
        unclear |= {key for key, raw in self.project.networks.items() if any(faults_of(raw, ()))}
        known = self.project.networks.keys() - unclear
        services = self.project.services.items()
        return [key for key, raw in services if dict_of(raw.get("networks")).keys() - known]

    def _nothing(self) -> Problem:
        first = self.lans[0].name
        message = NOTHING_JOINS.format(" or ".join(lan.name for lan in self.lans))
        remedy = f"add `networks: {{{first}: {{ipv4_address: …}}}}` to a service, and {first} with `external: true`; "
        remedy += "or take all of it, with `services: all` beside the file's path in the site"
        return Problem(self.project.file, "", message, remedy)

    def _foreign(self, key: str, and_so: str = "") -> Problem:
        remedy = "write into the site what the file says, or correct the file"
        if key in self.matched.second:
            name = self.declared[key].name
            remedy = f"describe it in the site, under `networks:` as {name}, or take the services off it"
        return Problem(self.path("networks", key), "", f"{self.matched.foreign[key]}{and_so}", remedy)

    def _tell_of_file(self, found: Mapping[str, Reading]) -> None:
        for key in self.project.document:
            rule = TOP.get(key)
            if isinstance(rule, Refused):
                self.problems.append(Problem(self.path(key), "", rule.why, rule.remedy))
            elif isinstance(rule, Ignored) and not rule.quiet:
                self.problems.append(Problem(self.path(key), "", rule.why, "nothing needs to be done", "note"))
            elif rule is None and key not in _SECTIONS and not key.startswith("x-"):
                message = "is not a key of the Compose specification"
                self.problems.append(Problem(self.path(key), "", message, "remove it, or let its name start with x-"))
        findings = [one for one in self.project.findings if one.service is None or one.service in found]
        wrong = [problem.path for problem in self.problems] + [
            unplaced(self.project.file, one.path) for one in findings
        ]
        variables, consequences = unset_variables(self.project, [*found], wrong)
        self.problems = [problem for problem in self.problems if problem.path not in consequences] + variables
        findings = [one for one in findings if unplaced(self.project.file, one.path) not in consequences]
        self.problems += [problem_of(one, self.project.file) for one in findings]
        for key, reading in found.items():
            if reading.unset:
                message = "has no value in the .env: Compose would take it from the shell of whoever runs it, or leave "
                message += "it out; here it is left out"
                names = ", ".join(reading.unset)
                path = self.path("services", key, "environment")
                self.problems.append(
                    Problem(path, names, message, "write it into the .env, or remove the line", "warning")
                )

    def _tell_of_ignored(self, found: Mapping[str, Reading], left: Sequence[str]) -> None:
        ignored: dict[str, list[tuple[str, str]]] = {}
        for key, reading in found.items():
            ignored[key] = [*reading.ignored]
            if service := reading.service or reading.part:
                ignored[key] += pointless(service, self._is_on_lan_only(service))
                ignored[key] += not_waited_for(service, left)
        self.problems += ignored_note(self.project.file, ignored)

    def _tell_of_left(self, left: Sequence[str], taken: Sequence[str]) -> None:
        started = {key: _shares(self.project.services[key]) for key in taken if key in self.project.started}
        if left and started:
            self.problems.append(left_with_compose(self.project.file, left, started))
        for key in self.matched.foreign:
            users = [one for one in left if key in dict_of(self.project.services[one].get("networks"))]
            if users:
                and_so = f", so that {shown_services(users)} stays with Compose"
                self.problems.append(replace(self._foreign(key, and_so), severity="warning"))

    def _is_on_lan_only(self, service: Service) -> bool:
        names = {lan.name for lan in self.lans}
        if service.network_mode is not None:
            return service.network_mode in names
        return all(key in self.matched.own for key in service.networks)

    def _of_networks(self, key: str) -> Iterator[Problem]:
        """What is wrong with the networks of that service."""
        for name in dict_of(self.project.services[key].get("networks")):
            if name in self.matched.own:
                yield from self._mode(name)
            yield from self._unread.get(("networks", name), ())
            if name in self.matched.foreign:
                yield self._foreign(name)

    def _mode(self, key: str) -> Iterator[Problem]:
        """What the file's network has otherwise than the site's, and what nobody can say of the site's."""
        declared = self.declared[key]
        if declared.external:
            return
        message = f"is not done with the site's {self.matched.own[key].name}, "
        message += "which is a network of mode bridge with a way to the router"
        mode = declared.driver_opts.get("macvlan_mode", "bridge")
        otherwise = [("driver_opts.macvlan_mode", mode)] if mode != "bridge" else []
        otherwise += [("internal", "")] if declared.internal else []
        for name, value in otherwise:
            path = self.path("networks", key, name)
            yield Problem(path, value, message, "remove it from the file", "warning")

    def _entry(self, key: str, reading: Reading, service: Service) -> ServiceEntry:
        path = self.path("services", key)
        networks: dict[str, Attachment] = {}
        keys: dict[str, str] = {}
        told = {name for name in service.networks if ("networks", name) in self._unread} | self.matched.foreign.keys()
        for name, attachment in service.networks.items():
            if name in told:
                continue
            own, inner = self.matched.own.get(name), self.declared.get(name)
            docker = own.name if own else inner.name if inner else name
            networks[docker], keys[docker] = attachment, name
        mode = service.network_mode
        if mode is not None and mode not in ("host", "none", "bridge") and ":" not in mode:
            networks, keys = {mode: Attachment()}, {mode: mode}  # a network's name, as Docker's own --network takes it
            mode = None
            if networks.keys().isdisjoint(lan.name for lan in self.lans):
                self.named_at |= dict.fromkeys(networks, f"{path}.network_mode")
        self.problems += renaming_links(service, path)
        update: dict[str, Any] = {"networks": networks, "network_mode": mode, "links": ()}
        if self._is_on_lan_only(service) or mode == "host":
            update["ports"] = ()
        update["volumes"] = (*self._volumes(service), *self._files(service))
        update["configs"] = update["secrets"] = ()
        name = service.container_name or (key if is_docker_name(key) else f"{self.project.name}-{key}")
        return ServiceEntry(
            path,
            service.model_copy(update=update),
            name=name,
            network_keys=keys,
            alias="" if name == key else key,
            # An old Compose (1.x, 2 before 2.16) takes every container with its labels for its own and removes it with
            # the rest of the project, so that only a project that is wholly ours has them (docs/decisions/0029)
            project=self.project.name if self.project.named and self.wholly else "",
            secret=reading.secret,
            lacks_networks=reading.lacks_networks or bool(told & service.networks.keys()),
            compose_project=self.project.name,
            compose_service=key,
            is_project_named=self.project.named,
        )

    def _of_mounts(self, key: str) -> Iterator[Problem]:
        """What is wrong with the volumes, configs and secrets of that service, as far as the file declares them."""
        for section in ("volumes", "configs", "secrets"):
            for index, item in enumerate(list_of(self.project.services[key].get(section))):
                source = dict_of(item).get("source")
                if isinstance(source, str) and section == "volumes":
                    yield from self._unread.get((section, source), ())
                elif isinstance(source, str):
                    yield from self._file(section, source, self.path("services", key, f"{section}[{index}]"))[1]

    def _volumes(self, service: Service) -> Iterator[Volume]:
        """The mounts, named volumes by Docker's names."""
        for volume in service.volumes:
            declared = self.volumes.get(volume.source) if volume.type == "volume" else None
            yield volume if declared is None else volume.model_copy(update={"source": declared.name})

    def _files(self, service: Service) -> Iterator[Volume]:
        """Configs and secrets, as what they are without a swarm: files of the NAS that are mounted."""
        mounts = [
            (section, folder, one) for section, folder in FILE_FOLDERS.items() for one in getattr(service, section)
        ]
        for section, folder, mount in mounts:
            target = posixpath.join(folder, mount.target or mount.source)
            if source := self._file(section, mount.source, "")[0]:
                bind = BindOptions(create_host_path=False)
                yield Volume(type="bind", source=source, target=target, read_only=True, bind=bind)

    def _file(self, section: str, key: str, path: str) -> tuple[str, list[Problem]]:
        """The file on the NAS, "" for none, and what is wrong with it. path: where it is mounted."""
        raw = without_extensions(copied(getattr(self.project, section).get(key)))
        if raw is None:
            return "", []  # compose/checks.py
        declared, wrong = _read(DeclaredFile, raw, self.path(section, key), FILE)
        if declared is None:
            return "", wrong
        if declared.file is None:
            return "", [*wrong, _no_file(path, key, raw)]
        try:
            Volume(type="bind", source=declared.file, target="/")
        except ValidationError as error:
            place = self.path(section, key, "file")
            problems = (hidden(problem, raw["file"]) for problem in from_pydantic(error, place, {}))
            return "", [*wrong, *(replace(problem, path=place) for problem in problems)]
        return declared.file, wrong

    def _needed_networks(self, entries: Mapping[str, ServiceEntry]) -> dict[str, DeclaredNetwork]:
        own = {lan.name for lan in self.lans}
        used = {name for entry in entries.values() for name in entry.service.networks}
        by_name = {declared.name: self._labelled(key, declared) for key, declared in self.declared.items()}
        others = {name: DeclaredNetwork(name=name, external=True) for name in self.named_at}
        return {name: by_name[name] for name in by_name if name in used - own} | others

    def _labelled(self, key: str, declared: DeclaredNetwork) -> DeclaredNetwork:
        """With the labels without which Compose refuses a network of its project that it finds."""
        if declared.external:
            return declared
        labels = {"com.docker.compose.project": self.project.name, "com.docker.compose.network": key}
        return declared.model_copy(update={"labels": {**declared.labels, **labels}})

    def _needed_volumes(self, entries: Mapping[str, ServiceEntry]) -> dict[str, DeclaredVolume]:
        mounts = [volume for entry in entries.values() for volume in entry.service.volumes]
        used = {volume.source for volume in mounts if volume.type == "volume"}
        return {one.name: one for one in self.volumes.values() if one.name in used}

    def _origins(self) -> dict[tuple[str, str], Origin]:
        sections: dict[str, Mapping[str, DeclaredNetwork | DeclaredVolume]]
        sections = {"networks": self.declared, "volumes": self.volumes}
        declared = {
            (section, one.name): Origin(self.path(section, key), key, self.project.name, self.project.named)
            for section, found in sections.items()
            for key, one in found.items()
        }
        return {**{("networks", name): Origin(path) for name, path in self.named_at.items()}, **declared}


def _read(model: type[_Model], raw: Any, path: str, rules: Mapping[str, Rule]) -> tuple[_Model | None, list[Problem]]:
    """Something that the file declares, without the keys that the model does not have, and what is wrong with it. path:
    of it."""
    try:
        return model.model_validate(raw), []
    except ValidationError as error:
        wrong = _by_rules(error, path, rules)
        try:
            return model.model_validate(pruned(raw, unknown_keys(error))), wrong
        except ValidationError:
            return None, wrong


def _by_rules(error: ValidationError, path: str, rules: Mapping[str, Rule]) -> list[Problem]:
    found: list[Problem] = []
    details = error.errors(include_url=False)
    for problem, detail in zip(from_pydantic(error, path, {}), details, strict=True):
        is_unknown = detail["type"] == "extra_forbidden"
        key = ".".join(map(str, detail["loc"]))
        problem = hidden(problem, detail["input"])
        found += filter(None, [told(problem, rules.get(key) if is_unknown else None)])
    return found


def _no_file(path: str, name: str, raw: Mapping[str, Any]) -> Problem:
    """Of a config or secret that is not in a file, or not said to be anywhere."""
    for key in ("external", "content", "environment"):
        rule = FILE[key]
        if raw.get(key) and isinstance(rule, Refused):
            return Problem(path, name, rule.why, rule.remedy)
    return Problem(path, name, "names no file", "write `file:` with its path on the NAS")


def _shares(raw: Mapping[str, Any]) -> str:
    """The service whose network that service shares, "" for none."""
    mode = raw.get("network_mode")
    return as_service(mode) if isinstance(mode, str) else ""


def _starts_none(raw: Mapping[str, Any]) -> bool:
    """Whether it asks for no container at all."""
    return any(type(one) is int and not one for one in (raw.get("scale"), dict_of(raw.get("deploy")).get("replicas")))
