"""The services of a site, wherever they are written: in the site itself and in its Compose projects."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from compose.project import Project
from config.compose import ServiceEntry, Taken
from config.declared import DeclaredNetwork, DeclaredVolume, Origin
from config.problems import Problem, as_text
from config.projects.telling import ignored_note, pointless, renaming_links
from config.service import Service
from config.service_parts import FILE_FOLDERS, Attachment
from config.site import ROOT, Site
from config.types import as_service, is_docker_name

_FILE = "mount the file itself: `volumes: [/folder/on/the/NAS/{0}:{1}{0}:ro]`"


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
    """The problems are those of the services, with warnings and notes."""
    found, problems = _own_services(site)
    networks: dict[str, DeclaredNetwork] = {}
    volumes: dict[str, DeclaredVolume] = {}
    origins: dict[tuple[str, str], Origin] = {}
    for project, one in zip(projects, taken, strict=True):
        problems += one.problems
        keys = {key: _free_key(key, project, found) for key in one.services}
        for key, entry in one.services.items():
            found[keys[key]] = _with_keys(entry, keys)
        networks |= one.networks
        volumes |= one.volumes
        origins |= one.origins
    return Sources(found, networks, volumes, origins), problems


def _own_services(site: Site) -> tuple[dict[str, ServiceEntry], list[Problem]]:
    lans = (site.network.name, *site.networks)
    found: dict[str, ServiceEntry] = {}
    problems: list[Problem] = []
    ignored: dict[str, list[tuple[str, str]]] = {}
    for key, service in site.containers.items():
        if service.is_left_out:
            continue
        path = f"{ROOT}.containers.{key}"
        problems += _problems(path, service, lans)
        on_lan_only = all(name in lans for name in service.networks)
        ignored[key] = [*pointless(service, on_lan_only)]
        found[key] = ServiceEntry(path, _as_taken(service, lans, on_lan_only))
    return found, [*problems, *ignored_note(f"{ROOT}.containers", ignored)]


def _problems(path: str, service: Service, lans: Collection[str]) -> Iterator[Problem]:
    mode = service.network_mode
    if mode is not None and service.networks:
        message = "stands beside `networks:`, and Compose takes only one of the two"
        yield Problem(f"{path}.network_mode", mode, message, "remove it")
    elif mode is not None and mode not in lans:
        message = "would take the container off the site's network, and a container of the site has an address there"
        remedy = "remove it; or move the service to a compose file, which `site.compose:` names with `services: all`"
        yield Problem(f"{path}.network_mode", as_text(mode), message, remedy)
    for key, folder in FILE_FOLDERS.items():
        for index, mount in enumerate(getattr(service, key)):
            message = f"names one of the {key} of a compose file, and the site has none"
            remedy = _FILE.format(as_text(mount.source), folder)
            yield Problem(f"{path}.{key}[{index}]", as_text(mount.source), message, remedy)
    for index, volume in enumerate(service.volumes):
        if volume.type == "volume" and volume.source and not is_docker_name(volume.source):
            message = "is not a name that a volume can have in Docker"
            remedy = "see its names: docker volume ls"
            yield Problem(f"{path}.volumes[{index}]", as_text(volume.source), message, remedy)
    yield from renaming_links(service, path)


def _as_taken(service: Service, lans: Collection[str], on_lan_only: bool) -> Service:
    """Without what is told of."""
    mode = service.network_mode
    networks = {mode: Attachment()} if mode is not None and mode in lans and not service.networks else service.networks
    update = {"networks": networks, "network_mode": None, "links": (), "configs": (), "secrets": ()}
    if on_lan_only:
        update["ports"] = ()
    return service.model_copy(update=update).as_deployed()


def _free_key(key: str, project: Project, found: Mapping[str, ServiceEntry]) -> str:
    """Two projects may have a service of one name, `db` for example."""
    while key in found:
        key = f"{project.name}-{key}"
    return key


def _with_keys(entry: ServiceEntry, keys: Mapping[str, str]) -> ServiceEntry:
    """The service with the others of its project as the site knows them. Those that stay with Compose are left out."""
    service = entry.service
    depends_on = {keys[key]: how for key, how in service.depends_on.items() if key in keys}
    return replace(entry, service=service.model_copy(update={"depends_on": depends_on, **_shared(entry, keys)}))


def _shared(entry: ServiceEntry, keys: Mapping[str, str]) -> dict[str, object]:
    update: dict[str, object] = {}
    for key in ("network_mode", "ipc", "pid"):
        if other := as_service(getattr(entry.service, key) or ""):
            update[key] = f"service:{keys.get(other, other)}"
    lent = (text.partition(":") for text in entry.service.volumes_from)
    update["volumes_from"] = tuple(f"{keys.get(name, name)}{colon}{mode}" for name, colon, mode in lent)
    return update


def errors(problems: Sequence[Problem]) -> list[Problem]:
    return [problem for problem in problems if problem.severity == "error"]
