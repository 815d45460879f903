"""In which order containers are made, and how long one waits for another."""

from collections.abc import Iterable, Mapping

from config.service import Service
from config.service_parts import Healthcheck

SERVICE = "service:"
SHORTEST, LONGEST = 60, 600  # seconds that a container waits for another one to be healthy


def needed(service: Service) -> tuple[str, ...]:
    """The keys of the containers that have to be there before it."""
    shared = (service.network_mode, service.ipc, service.pid)
    keys = [mode.removeprefix(SERVICE) for mode in shared if mode is not None and mode.startswith(SERVICE)]
    lent = [name for name, _, mode in (text.partition(":") for text in service.volumes_from) if name != "container"]
    return tuple(dict.fromkeys([*service.depends_on, *keys, *lent]))


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
