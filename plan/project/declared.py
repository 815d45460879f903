"""What the services need beside the site's own networks: other networks and volumes of Docker."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from config.declared import DeclaredNetwork, DeclaredVolume
from config.sources import Sources
from facts.labels import MADE_BY, MAKER, STACK
from facts.nas import LiveNetwork


@dataclass(frozen=True)
class SeenNetwork:
    """A network that the services need, as the NAS has it.

    made_here: whether this stack made it.
    id: Docker's, of one that this stack made and that its state does not have; else "".
    """

    made_here: bool = False
    internal: bool = False
    ipv6: bool = False
    id: str = ""


@dataclass(frozen=True)
class InnerNetworkPlan:
    """A network of Docker's beside those of the site.

    made: whether this program makes it. Else it is used by its name, and never changed or removed.
    internal, dual: as Docker has it, for the default route (plan/project/default_route.py).
    live_id: of one that Pulumi has to take into its state.
    """

    name: str
    declared: DeclaredNetwork
    made: bool
    internal: bool = False
    dual: bool = False
    labels: Mapping[str, str] = field(default_factory=dict)
    live_id: str = ""


def seen_networks(
    names: Iterable[str], live: Iterable[LiveNetwork], in_state: frozenset[str], stack: str
) -> dict[str, SeenNetwork]:
    """Those of the names that are there. in_state: the names of the networks that this stack's state has."""
    wanted = {*names}
    found: dict[str, SeenNetwork] = {}
    for one in live:
        if one.name not in wanted:
            continue
        made_here = MADE_BY in one.labels and (one.name in in_state or one.labels.get(STACK) == stack)
        unknown = made_here and one.name not in in_state
        found[one.name] = SeenNetwork(made_here, one.internal, one.ipv6, one.id if unknown else "")
    return found


def plan_inner_networks(sources: Sources, seen: Mapping[str, SeenNetwork], stack: str) -> dict[str, InnerNetworkPlan]:
    """By Docker's names. A network that is there and that others made is used as it is."""
    found: dict[str, InnerNetworkPlan] = {}
    for name, declared in sources.networks.items():
        there = seen.get(name)
        if declared.external or (there is not None and not there.made_here):
            there = there or SeenNetwork()
            found[name] = InnerNetworkPlan(name, declared, False, there.internal, there.ipv6)
        else:
            labels = {**declared.labels, MADE_BY: MAKER, STACK: stack}
            # Docker 29 drops the subnet of a network without IPv6, which would be a difference at each preview
            dual = declared.enable_ipv6 is True or declared.pool(6) is not None
            live_id = there.id if there is not None else ""
            found[name] = InnerNetworkPlan(name, declared, True, declared.internal, dual, labels, live_id)
    return found


def own_volumes(sources: Sources) -> tuple[DeclaredVolume, ...]:
    """Those that have to be made before a container names them, because Docker alone would make them otherwise. An
    external one says no more than its name."""
    return tuple(one for one in sources.volumes.values() if not one.is_plain)
