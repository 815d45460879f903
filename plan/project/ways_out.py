"""Containers on the LAN that leave it by another network of theirs (docs/decisions/0030-second-networks.md)."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from config.problems import Problem
from config.types import LOOP
from facts.labels import COMPOSE
from plan.lan import LanPlan
from plan.project.containers import WholeContainer
from plan.project.declared import InnerNetworkPlan
from plan.project.default_route import FIRST_ENGINE_WITH_PRIORITIES, heeds_priorities, rank
from plan.project.endpoints import EndpointPlan

UPGRADE = f"upgrade Docker, which takes a priority from {FIRST_ENGINE_WITH_PRIORITIES} on, and this program gives it"


def other_ways_out(
    containers: Iterable[WholeContainer],
    lans: Sequence[LanPlan],
    inner: Mapping[str, InnerNetworkPlan],
    engine_major: int | None,
) -> Iterator[Problem]:
    """They are told on the container. Of what a person asked for by `gw_priority` nobody is told."""
    dual = {plan.network.name: plan.network.ula_prefix is not None for plan in lans}
    by_loop = {plan.network.name for plan in lans if plan.network.ipv6 == LOOP}
    for container in containers:
        lan = next((one for one in container.endpoints if one.lan is not None), None)
        if lan is None or container.default is None:
            continue
        others = [
            one
            for one in container.endpoints
            if one.lan is None and one.network in inner and not inner[one.network].internal
        ]
        if container.default.lan is None:
            if not heeds_priorities(engine_major):
                yield _of_both(container, lan, dual[lan.network], [inner[one.network] for one in others], engine_major)
        elif lan.network in by_loop:
            yield from _of_ipv6(container, lan, [inner[one.network] for one in others])


def _of_both(
    container: WholeContainer,
    lan: EndpointPlan,
    dual: bool,
    others: Sequence[InnerNetworkPlan],
    engine_major: int | None,
) -> Problem:
    """others: that can have the default route. dual: whether the LAN has both families in Docker."""
    before = [one for one in others if rank(one.name, one.dual) < rank(lan.network, dual)]
    first = sorted(before, key=lambda one: rank(one.name, one.dual))
    names = [one.name for one in first]
    docker = f"Docker before {FIRST_ENGINE_WITH_PRIORITIES}" if engine_major is None else f"Docker {engine_major}"
    which = (
        "the first one by name" if all(one.dual == dual for one in first) else "one with IPv4 and IPv6 before others"
    )
    message = f"has the container's default route before the LAN: {docker} gives it to {which}. What the "
    message += "container sends beyond the LAN goes through the NAS, with an address of that network"
    if len(names) > 1:
        message = f"come before the LAN, and the first of them {message.replace(' before the LAN', '')}"
    if container.service.ports and container.on_lan is not None:
        message += f". Its ports on the NAS answer no host on the LAN, which has to use {container.on_lan.ipv4}"
    ways = [_remedy(one, dual, lan.network) for one in first]
    remedy = "; ".join([*ways, f"or {UPGRADE}"])
    return Problem(f"{container.path}.networks", ", ".join(names), message, remedy, "warning", container.key)


def _remedy(network: InnerNetworkPlan, dual: bool, lan: str) -> str:
    key = network.declared.labels.get(f"{COMPOSE}.network", network.name)
    internal = f"write `internal: true` under the network {key}, if its containers need no way out by it"
    behind = f"`name: {lan}-{key}` under the network {key}, which stands behind {lan} by name"
    # Under another name it is another network, and two of one subnet cannot exist
    named = network.dual == dual and not network.declared.external and not network.declared.ipam.config
    if network.made:
        return f"{internal}, or {behind}" if named else internal
    # What is there is used as it is, and under another name a new one is made
    return f"write {behind} (in the file on the NAS, too)" if named else f"take the container off {network.name}"


def _of_ipv6(container: WholeContainer, lan: EndpointPlan, others: Sequence[InnerNetworkPlan]) -> Iterator[Problem]:
    """Of a network of IPv4 alone a priority decides nothing for IPv6, which the watch loop gives there."""
    names = [one.name for one in others if one.dual]
    if names:
        message = f"has the container's IPv6 default route, because {lan.network} is a network of IPv4 for Docker"
        remedy = "switch IPv6 off on it (remove `enable_ipv6` and its IPv6 subnet), if its containers do not need it"
        yield Problem(f"{container.path}.networks", ", ".join(names), message, remedy, "warning", container.key)
