"""The services of a site, wherever they are written: in the site itself and in its Compose projects."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from compose.project import Project
from config.compose import ServiceEntry, Taken
from config.declared import DeclaredNetwork, DeclaredVolume, Origin
from config.problems import Problem
from config.site import ROOT, Site


@dataclass(frozen=True)
class Sources:
    """services: by their keys, which are unique in the site. networks, volumes: by Docker's names, what the services
    need beside the site's own networks. origins: as in Taken."""

    services: Mapping[str, ServiceEntry] = field(default_factory=dict)
    networks: Mapping[str, DeclaredNetwork] = field(default_factory=dict)
    volumes: Mapping[str, DeclaredVolume] = field(default_factory=dict)
    origins: Mapping[tuple[str, str], Origin] = field(default_factory=dict)


def all_services(
    site: Site, projects: Iterable[Project] = (), taken: Iterable[Taken] = ()
) -> tuple[Sources, list[Problem]]:
    """The problems are those of the projects' services, with warnings and notes."""
    found = {
        key: ServiceEntry(f"{ROOT}.containers.{key}", service.as_deployed()) for key, service in site.containers.items()
    }
    networks: dict[str, DeclaredNetwork] = {}
    volumes: dict[str, DeclaredVolume] = {}
    origins: dict[tuple[str, str], Origin] = {}
    problems: list[Problem] = []
    for project, one in zip(projects, taken, strict=True):
        problems += one.problems
        keys = {key: _free_key(key, project, found) for key in one.services}
        for key, entry in one.services.items():
            found[keys[key]] = _with_keys(entry, keys)
        networks |= one.networks
        volumes |= one.volumes
        origins |= one.origins
    return Sources(found, networks, volumes, origins), problems


def _free_key(key: str, project: Project, found: Mapping[str, ServiceEntry]) -> str:
    """Two projects may have a service of one name, `db` for example."""
    return f"{project.name}-{key}" if key in found else key


def _with_keys(entry: ServiceEntry, keys: Mapping[str, str]) -> ServiceEntry:
    """The service with the others of its project as the site knows them. Those that stay with Compose are left out."""
    service = entry.service
    depends_on = {keys[key]: how for key, how in service.depends_on.items() if key in keys}
    return replace(entry, service=service.model_copy(update={"depends_on": depends_on, **_shared(entry, keys)}))


def _shared(entry: ServiceEntry, keys: Mapping[str, str]) -> dict[str, object]:
    update: dict[str, object] = {}
    for key in ("network_mode", "ipc", "pid"):
        value = getattr(entry.service, key)
        if isinstance(value, str) and value.startswith("service:"):
            other = value.removeprefix("service:")
            update[key] = f"service:{keys.get(other, other)}"
    lent = (text.partition(":") for text in entry.service.volumes_from)
    update["volumes_from"] = tuple(f"{keys.get(name, name)}{colon}{mode}" for name, colon, mode in lent)
    return update


def errors(problems: Sequence[Problem]) -> list[Problem]:
    return [problem for problem in problems if problem.severity == "error"]
