"""What this stack's state holds. The NAS may have lost it, or may have the same from another state."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from facts.labels import MADE_BY, STACK

NETWORK, CONTAINER, SHIM = "docker:index/network:Network", "docker:index/container:Container", "command:remote:Command"
VOLUME = "docker:index/volume:Volume"
LAN_CONTAINER = "macvlan:lan:LanContainer"


@dataclass(frozen=True)
class StackState:
    """What the state holds for one network of the site; of the containers it has those of all networks.

    network: the Docker network's name, "" for none; network_is_ours: whether this program made it; network_stack: the
        value of its label of that name.
    containers: their names; stacks: name → value of that label, for those that have one.
    shim: whether the command that makes the shim was run; paths: the files that it was run for.
    host, all_paths: the NAS, and these files for all networks of the stack.
    networks, volumes: the names of all of Docker's, those of the site and others.
    written: the outputs of that name of the containers' components, by these components' names.
    """

    network: str = ""
    network_is_ours: bool = False
    containers: frozenset[str] = frozenset()
    shim: bool = False
    network_stack: str = ""
    stacks: Mapping[str, str] = field(default_factory=dict)
    host: str = ""
    paths: frozenset[str] = frozenset()
    all_paths: frozenset[str] = frozenset()
    networks: frozenset[str] = frozenset()
    volumes: frozenset[str] = frozenset()
    written: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_empty(self) -> bool:
        return self == StackState()


def stack_state_of(resources: Mapping[str, Mapping[str, Any]], name: str = "lan") -> StackState:
    """resources: URN → type and outputs of what the state holds; name: of the resources of that network of the site."""

    def of(kind: str, of_name: str = "") -> list[Mapping[str, Any]]:
        return [
            resource.get("outputs") or {}
            for urn, resource in resources.items()
            if resource.get("type") == kind and (not of_name or urn.rpartition("::")[2] == of_name)
        ]

    network = next(iter(of(NETWORK, f"{name}-network")), {})
    shims = of(SHIM, f"{name}-host")
    triggers, all_triggers = _triggers(shims), _triggers(of(SHIM))
    labels = {str(container["name"]): _labels(container) for container in of(CONTAINER) if container.get("name")}
    return StackState(
        network=str(network.get("name") or ""),
        network_is_ours=MADE_BY in _labels(network),
        network_stack=_labels(network).get(STACK, ""),
        containers=frozenset(labels),
        stacks={name: found[STACK] for name, found in labels.items() if STACK in found},
        shim=bool(shims),
        host=next(iter(triggers or all_triggers), ""),  # a network that is new has no shim yet
        paths=frozenset(trigger for trigger in triggers if trigger.startswith("/")),
        all_paths=frozenset(trigger for trigger in all_triggers if trigger.startswith("/")),
        networks=frozenset(str(one["name"]) for one in of(NETWORK) if one.get("name")),
        volumes=frozenset(str(one["name"]) for one in of(VOLUME) if one.get("name")),
        written={
            urn.rpartition("::")[2]: str((resource.get("outputs") or {}).get("written") or "")
            for urn, resource in resources.items()
            if resource.get("type") == LAN_CONTAINER
        },
    )


def _triggers(shims: Iterable[Mapping[str, Any]]) -> list[str]:
    """What a shim is the shim of: the NAS, the link's name, the boot hook, and the files (components/shim.py)."""
    return [str(trigger) for shim in shims for trigger in shim.get("triggers") or []]


def _labels(outputs: Mapping[str, Any]) -> dict[str, str]:
    return {str(label.get("label")): str(label.get("value")) for label in outputs.get("labels") or []}
