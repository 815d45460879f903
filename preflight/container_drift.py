"""How a container differs from its plan of the last run, and whether recreating it would repair that."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address

from config.types import LOOP
from facts.labels import NO_ADDRESS, read_addresses
from facts.nas import LiveContainer, NasFacts
from install.conf import Record, read_conf
from install.layout import InstallPlan
from plan.lan import ContainerPlan, LanPlan
from preflight.host_drift import loop_runs, summary

SETTLED = 60  # seconds after a container's start in which the loop may still be setting its MAC


@dataclass(frozen=True)
class ContainerDrift:
    """The differences of one container, in words.

    recreate: a new container repairs them.
    unmended: a new container did not repair them before.
    left_to_loop: the watch loop repairs them when the next `pulumi up` has restored the loop.
    not_given: the watch loop runs, and has not repaired them; no `pulumi up` does more.
    """

    recreate: tuple[str, ...] = ()
    unmended: tuple[str, ...] = ()
    left_to_loop: tuple[str, ...] = ()
    not_given: tuple[str, ...] = ()


def container_drift(
    plan: ContainerPlan,
    network: str,
    live: LiveContainer,
    pinned: bool,
    key: str = "",
    loop_ula: IPv6Address | None = None,
) -> ContainerDrift:
    """How a container differs from its label, which says how it was made. A container without the label is not ours.

    If the container's namespace could not be read, Docker's answer counts, but never for the MAC: Docker shows its own
    even after the loop has set another.

    network: name of the network that it was put on.
    pinned: whether the watch loop has had the time to set its MAC and its addresses.
    loop_ula: the ULA that the loop was told to give it, None for none.
    key: the network's name in the label, "" for the site's first one.
    """
    made = read_addresses(live.addresses, key)
    if made is None:
        return ContainerDrift()
    place, mac = live.networks.get(network), ""
    if place is None:
        return _not_twice(live, [f"{plan.name} is not on {network} any more"])
    by_docker = made[1] != NO_ADDRESS
    has = (place.ipv4, place.ipv6) if live.runs else (place.asked_ipv4, place.asked_ipv6)
    lost_ula = ""
    if live.runs and live.inside is not None:
        there = {address for _, address in live.inside.ipv6}
        has = _there(made[0], has[0], live.inside.ipv4), _there(made[1], has[1], there) if by_docker else ""
        if not live.inside.speaks_ipv6:
            has = has[0], made[1]  # IPv6 is switched off in it, and a new container would not have the address either
        if pinned and loop_ula is not None and loop_ula not in there:
            lost_ula = _differs(plan.name, "ULA", "", str(loop_ula))
        mac = live.inside.mac(IPv6Address(made[1]) if by_docker else loop_ula)
    found = [_differs(plan.name, "IPv4 address", has[0], made[0])]
    found += [_differs(plan.name, "ULA", has[1], made[1])] if by_docker else []
    wrong_mac = _differs(plan.name, "MAC", mac, made[2]) if mac else ""
    drift = _not_twice(live, [text for text in (*found, wrong_mac if pinned else "") if text])
    drift = replace(drift, not_given=(lost_ula,)) if lost_ula else drift
    return replace(drift, left_to_loop=(wrong_mac,)) if wrong_mac and not pinned else drift


def _there(wanted: str, reported: str, inside: Iterable[IPv4Address | IPv6Address]) -> str:
    """What the container has in place of a wanted address: the wanted one if the kernel has it, whatever Docker
    reported."""
    if ip_address(wanted) in inside:
        return wanted
    return reported if reported and reported != wanted and ip_address(reported) in inside else ""


def _differs(name: str, what: str, has: str, wanted: str) -> str:
    return "" if has == wanted else f"{what} of {name} is {has or 'none'} instead of {wanted}"


def _not_twice(live: LiveContainer, found: list[str]) -> ContainerDrift:
    """A container is not recreated twice for the same reason, because what did not help once will not help again."""
    before = _kinds(live.repaired.partition(" ")[2])
    if found and before and _kinds("; ".join(found)) <= before:
        return ContainerDrift(unmended=tuple(found))
    return ContainerDrift(recreate=tuple(found))


def _kinds(text: str) -> set[str]:
    """The texts without the values that were found, which may differ each time."""
    return {re.sub(r" is \S+ instead of ", " instead of ", part) for part in text.split("; ") if part}


def is_pinned(install: InstallPlan, record: Record | None, live: LiveContainer, facts: NasFacts) -> bool:
    """Whether a loop that sets MACs runs, and has run longer than it needs for this container."""
    if record is None or live.name not in record.macs or not loop_runs(install, facts):
        return False
    return live.ran > SETTLED


def container_repairs(
    plan: LanPlan, install: InstallPlan, facts: NasFacts, now: str
) -> tuple[dict[str, str], dict[str, ContainerDrift]]:
    """Container's key → the value of the label ``repaired``, and the differences."""
    record = read_conf(facts.conf)
    network = plan.network.name if record is None else record.values.get("network", plan.network.name)
    labels: dict[str, str] = {}
    found: dict[str, ContainerDrift] = {}
    for container in plan.containers:
        live = facts.containers.get(container.name)
        if live is None:
            continue
        pinned = is_pinned(install, record, live, facts)
        drift = container_drift(container, network, live, pinned, plan.key, _loop_ula(record, container.name))
        if drift != ContainerDrift():
            found[container.key] = drift
        if drift.recreate:
            labels[container.key] = f"{now} {summary(list(drift.recreate))}"
        elif live.repaired:
            labels[container.key] = live.repaired
    return labels, found


def _loop_ula(record: Record | None, name: str) -> IPv6Address | None:
    if record is None or record.values.get("ipv6") != LOOP or name not in record.containers:
        return None
    ula = record.containers[name][1]
    return IPv6Address(ula) if ":" in ula else None


def newest(repairs: Iterable[str]) -> str:
    """The label ``repaired`` of a container that is on several networks: what was found last, on all of them."""
    found = [(when, what) for when, _, what in (text.partition(" ") for text in sorted(set(repairs))) if when]
    last = max((when for when, _ in found), default="")
    return f"{last} {'; '.join(what for when, what in found if when == last)}".strip()
