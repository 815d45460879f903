"""What this stack's state holds. The NAS may have lost it, or may have the same from another state."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from facts.labels import MADE_BY

NETWORK, CONTAINER, SHIM = "docker:index/network:Network", "docker:index/container:Container", "command:remote:Command"


@dataclass(frozen=True)
class StackState:
    """network: the Docker network's name, "" for none; network_is_ours: whether this program made it; containers: their
    names; shim: whether the command that makes the shim was run."""

    network: str = ""
    network_is_ours: bool = False
    containers: frozenset[str] = frozenset()
    shim: bool = False

    @property
    def is_empty(self) -> bool:
        return self == StackState()


def stack_state_of(resources: Mapping[str, Mapping[str, Any]]) -> StackState:
    """resources: URN → type and outputs of what the state holds."""

    def of(kind: str) -> list[Mapping[str, Any]]:
        return [resource.get("outputs") or {} for resource in resources.values() if resource.get("type") == kind]

    network = next(iter(of(NETWORK)), {})
    labels = [label.get("label") for label in network.get("labels") or []]
    return StackState(
        network=str(network.get("name") or ""),
        network_is_ours=MADE_BY in labels,
        containers=frozenset(str(container["name"]) for container in of(CONTAINER) if container.get("name")),
        shim=bool(of(SHIM)),
    )
