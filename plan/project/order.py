"""In which order containers are made, and how long one waits for another."""

from collections.abc import Iterable, Mapping

from config.service import Service
from config.service_parts import Healthcheck

SERVICE, CONTAINER = "service:", "container:"
SHARED = ("network_mode", "ipc", "pid")  # keys by which a container shares a namespace with another one
HEALTHY, COMPLETED = "service_healthy", "service_completed_successfully"
SHORTEST, LONGEST = 60, 600  # seconds that a container waits for another one to be healthy


def shared_with(service: Service, prefix: str) -> dict[str, str]:
    """Which key names which other container. prefix: SERVICE for those by key, CONTAINER for those by name."""
    modes: dict[str, str] = {key: getattr(service, key) or "" for key in SHARED}
    return {key: mode.removeprefix(prefix) for key, mode in modes.items() if mode.startswith(prefix)}


def with_keys(service: Service, keys: Mapping[str, str]) -> Service:
    """The containers of the site with which it shares a namespace by their keys. keys: by Docker's names."""
    found = {key: keys[name] for key, name in shared_with(service, CONTAINER).items() if name in keys}
    return service.model_copy(update={key: f"{SERVICE}{other}" for key, other in found.items()}) if found else service


def with_ids(service: Service, ids: Mapping[str, str]) -> Service:
    """Other containers by their ids, as Docker itself writes them down: the plugin would see a difference at each
    preview. ids: by names."""
    found = {key: ids[name] for key, name in shared_with(service, CONTAINER).items() if name in ids}
    return service.model_copy(update={key: f"{CONTAINER}{id_}" for key, id_ in found.items()}) if found else service


def needed(service: Service) -> tuple[str, ...]:
    """The keys of the containers that have to be there before it."""
    lent = [name for name, _, mode in (text.partition(":") for text in service.volumes_from) if name != "container"]
    return tuple(dict.fromkeys([*service.depends_on, *shared_with(service, SERVICE).values(), *lent]))


def in_order(services: Mapping[str, Service]) -> tuple[str, ...]:
    """The keys, each after those that it needs, and else as they are written."""
    rest = {key: {*needed(service)} & services.keys() for key, service in services.items()}
    found: list[str] = []
    while rest:
        # In a circle, which compose/checks.py refuses, none could be the first
        ready = [key for key, needs in rest.items() if not needs & rest.keys()] or [*rest]
        found += ready
        rest = {key: needs for key, needs in rest.items() if key not in ready}
    return tuple(found)


def awaited(services: Iterable[Service], condition: str) -> frozenset[str]:
    """The keys of the containers for which another one waits in that way."""
    waits = [(key, how.condition) for service in services for key, how in service.depends_on.items()]
    return frozenset(key for key, how in waits if how == condition)


def seconds_to_health(check: Healthcheck | None) -> int:
    """How long to wait at most: until Docker itself would have given it up. check: None for that of the image, which
    nobody knows before it is there."""
    latest = (check or Healthcheck()).latest
    return min(max(round(latest), SHORTEST), LONGEST)
