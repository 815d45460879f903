"""Which of a container's networks has its default route, as Docker decides it.

Measured on 20.10, 26 and 29 (docs/decisions/0030-second-networks.md); the same in libnetwork's source (Endpoint.Less).
"""

from collections.abc import Iterable
from dataclasses import dataclass

FIRST_ENGINE_WITH_PRIORITIES = 28


@dataclass(frozen=True)
class Way:
    """One network of a container. priority: its gw_priority; dual: whether Docker gives it both families."""

    network: str
    internal: bool = False
    dual: bool = False
    priority: int = 0


def heeds_priorities(engine_major: int | None) -> bool:
    """An unknown engine counts as an old one."""
    return engine_major is not None and engine_major >= FIRST_ENGINE_WITH_PRIORITIES


def rank(network: str, dual: bool) -> tuple[bool, bytes]:
    """What decides between networks of one priority. The lowest one has the default route."""
    return not dual, network.encode()


def default_way(ways: Iterable[Way], engine_major: int | None) -> Way | None:
    """The network with the IPv4 default route; None if none can have it.

    An old engine ignores priorities. A network of both families comes before one of a single family, and among equals
    the first by name. Docker publishes a container's ports by this network alone.
    """
    counts = heeds_priorities(engine_major)
    able = [way for way in ways if not way.internal]
    return min(able, key=lambda way: (-way.priority if counts else 0, rank(way.network, way.dual)), default=None)
