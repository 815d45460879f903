"""What on the NAS is no longer as the last `pulumi up` left it, by the record that it left there (install/conf.py)."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_interface

from facts.nas import FileState, Interface, Link, LiveContainer, NasFacts
from install.conf import Record, Repair, one_line, read_conf
from install.layout import InstallPlan
from install.profiles import SYSTEMD
from plan.lan import ContainerPlan, LanPlan

SYSCTLS = {
    "accept_ra": "0",
    "autoconf": "0",
    "addr_gen_mode": "1",
    "disable_ipv6": "0",
    "arp_filter": "1",
    "arp_announce": "2",
}
LEARNED = "proto 109"  # routes to global addresses, which the watch loop keeps (nas/setup_docker_macvlan.sh)
SHOWN = 4  # drifts that are named one by one
SETTLED = 60  # seconds after a container's start in which its MAC is nobody's fault yet


def host_repair(
    install: InstallPlan, facts: NasFacts, stray: str, now: str, had_shim: bool = False, replaced: tuple[str, ...] = ()
) -> tuple[Repair | None, list[str]]:
    """The repair line that the data file is to have, and what drifted since it was written ([] where all is well).

    stray: id of a Docker network that took the place of ours, "" for none. now: the time, as text without blanks.
    state: whether the state has a shim; replaced: ids of another state's containers, which are to go first.
    """
    record = read_conf(facts.confs.get(install.config_path))
    if record is None:
        # Never installed, or wiped, where the state would take it for done: a new line is a change in both cases.
        was_here = had_shim or _was_here(install, facts)
        lost = [f"{install.config_path} is gone"] if facts.conf is None and was_here else []  # not just moved
        return Repair(now, f"repaired: {_told(lost)}" if lost else "installed", stray, replaced), lost
    found = list(host_drift(install, record, facts))
    if stray:
        found.append("the Docker network was made anew by someone else")
    if not found:
        return (Repair(now, "taken over from another state", "", replaced) if replaced else record.repair), []
    return Repair(now, f"repaired: {_told(found)}", stray, replaced), found


def _was_here(install: InstallPlan, facts: NasFacts) -> bool:
    ours = any(container.addresses for container in facts.containers.values())
    return ours or (install.script_path in facts.files and install.script_path in facts.backups)


def _told(found: list[str]) -> str:
    more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return one_line("; ".join(found[:SHOWN]) + more)


def host_drift(install: InstallPlan, record: Record, facts: NasFacts) -> Iterator[str]:
    yield from _files(install, record, facts)
    if (record.hook or (SYSTEMD,))[0] == install.boot_hook:  # of another hook the site says so
        yield from _hook(install, record, facts)
    name = record.values.get("shim", "")
    link = facts.links.get(name)
    if link is None:
        yield f"link {name} is gone"
        return
    yield from _link(record, link)
    for key, value in SYSCTLS.items():
        if facts.sysctls.get(key, value) != value:
            yield f"sysctl {key} of {name} is {facts.sysctls[key]} instead of {value}"
    yield from _routes(record, facts.shim_routes)


def _loop_runs(install: InstallPlan, facts: NasFacts) -> bool:
    if not install.systemd:
        return bool(facts.loop_pid)
    unit = facts.units.get(install.unit_name)
    return unit is not None and unit.active == "active"


def _hook(install: InstallPlan, record: Record, facts: NasFacts) -> Iterator[str]:
    if not install.systemd:
        # One that is to move runs under another name still.
        if install.script_path in record.sums and not _loop_runs(install, facts):
            yield "the watch loop does not run"
        if install.task and facts.boot_task == "no":
            yield f"the boot task {install.task} is gone"
        return
    unit = facts.units.get(install.unit_name)
    if unit is not None and unit.load == "loaded":
        if unit.active != "active":
            yield f"the unit is {unit.active}"
        if unit.enabled != "enabled":
            yield f"the unit is {unit.enabled or 'not enabled'}"


def _files(install: InstallPlan, record: Record, facts: NasFacts) -> Iterator[str]:
    for path in install.files:
        if path not in record.sums and path != install.config_path:
            continue  # it is to come here, and what is here now is not ours
        state = facts.files.get(path)
        if state is None:
            yield f"{path} is gone"
        elif not record.whole if path == install.config_path else _changed(state, record.sums.get(path)):
            yield f"{path} was changed by hand"
        elif not state.mode_right:
            yield f"{path} has another mode"


def _changed(state: FileState, wanted: str | None) -> bool:
    return wanted is not None and state.sha256 not in ("", wanted)


def _link(record: Record, link: Link) -> Iterator[str]:
    name, values = link.name, record.values
    if link.kind != "macvlan":
        yield f"{name} is no macvlan link"
        return
    for what, has, wanted in (
        ("stands on", link.lower, values.get("parent")),
        ("has the MAC", link.mac, values.get("shim_mac")),
        ("is in mode", link.mode, "bridge"),
    ):
        if has != wanted:
            yield f"link {name} {what} {has} instead of {wanted}"
    if not link.up:
        yield f"link {name} is down"
    wanted = {_interface(values[key]) for key in ("shim_ipv4", "shim_ipv6") if key in values}
    if None in wanted:
        return  # edited by hand, which is told of the file; what it was before nobody knows
    there = {one.interface for one in link.addresses if not one.interface.ip.is_link_local}
    for address in sorted(map(str, wanted - there)):
        yield f"address {address} is missing on {name}"
    for address in sorted(map(str, there - wanted)):
        yield f"address {address} is on {name}, and nobody planned it"


def _interface(text: str) -> Interface | None:
    try:
        return ip_interface(text)
    except ValueError:
        return None


def _routes(record: Record, lines: Iterable[str]) -> Iterator[str]:
    wanted = {address for pair in record.containers.values() for address in pair if address != "-"}
    there = set()
    own = {record.values.get("shim_ipv6"), record.values.get("dead_gateway")}
    for line in lines:
        target = line.split(" ", 1)[0].removesuffix("/32").removesuffix("/128")
        if re.match(r"(local|broadcast|multicast|anycast|unreachable|ff00:|fe80:)", line) or " table " in line:
            continue
        if LEARNED in line or "proto kernel" in line or target in own:
            continue
        if " via " not in line:
            there.add(target)
        if target not in wanted:
            yield f"route to {target} is there, and nobody planned it"
    for address in sorted(wanted - there):
        yield f"route to {address} is missing"


@dataclass(frozen=True)
class ContainerDrift:
    """anew: mended by making it anew; kept: not as planned, and making it anew once did not mend it; loop: left to the
    watch loop, which the next `pulumi up` brings back."""

    anew: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    loop: tuple[str, ...] = ()


def container_drift(plan: ContainerPlan, network: str, live: LiveContainer, pinned: bool) -> ContainerDrift:
    """What is not as the container was made, which its label tells. A container without the label is not ours.

    network: the name of the one that it was put on; pinned: whether the watch loop has had the time to set its MAC.
    Docker's word counts where nobody could look into the container, and never for the MAC: it shows one of its own
    where the loop has set another.
    """
    made = live.addresses.split()
    if len(made) != 3:
        return ContainerDrift()
    place, mac = live.networks.get(network), ""
    if place is None:
        return _once(live, [f"{plan.name} is not on {network} any more"])
    has = (place.ipv4, place.ipv6) if live.runs else (place.asked_ipv4, place.asked_ipv6)
    if live.runs and live.inside is not None:
        ula = IPv6Address(made[1])
        has = _there(made[0], has[0], live.inside.ipv4), _there(made[1], has[1], {a for _, a in live.inside.ipv6})
        if not live.inside.speaks_ipv6:
            has = has[0], made[1]  # switched off in there, and no other container would have it either
        mac = live.inside.mac(ula)
    found = [_differs(plan.name, *one) for one in (("IPv4 address", has[0], made[0]), ("ULA", has[1], made[1]))]
    wrong_mac = _differs(plan.name, "MAC", mac, made[2]) if mac else ""
    if pinned:
        return _once(live, [text for text in (*found, wrong_mac) if text])
    drift = _once(live, [text for text in found if text])
    return replace(drift, loop=(wrong_mac,)) if wrong_mac else drift


def _there(wanted: str, told: str, inside: Iterable[IPv4Address | IPv6Address]) -> str:
    """What the container has in place of a wanted address: that one if the kernel has it, whatever Docker told."""
    if ip_address(wanted) in inside:
        return wanted
    return told if told and told != wanted and ip_address(told) in inside else ""


def _differs(name: str, what: str, has: str, wanted: str) -> str:
    return "" if has == wanted else f"{what} of {name} is {has or 'none'} instead of {wanted}"


def _once(live: LiveContainer, found: list[str]) -> ContainerDrift:
    """A container is not made anew twice for the same: what that did not mend it will not mend."""
    before = _kinds(live.repaired.partition(" ")[2])
    if found and before and _kinds("; ".join(found)) <= before:
        return ContainerDrift(kept=tuple(found))
    return ContainerDrift(anew=tuple(found))


def _kinds(text: str) -> set[str]:
    """Texts without what was found in place of the wanted, which may be another each time."""
    return {re.sub(r" is \S+ instead of ", " instead of ", part) for part in text.split("; ") if part}


def is_pinned(install: InstallPlan, record: Record | None, live: LiveContainer, facts: NasFacts) -> bool:
    """Whether a loop that sets MACs runs, and has done so for longer than it needs for this container."""
    if record is None or live.name not in record.macs or not _loop_runs(install, facts):
        return False
    return live.ran > SETTLED


def container_repairs(
    plan: LanPlan, install: InstallPlan, facts: NasFacts, now: str
) -> tuple[dict[str, str], dict[str, ContainerDrift]]:
    """By the containers' keys: the value of the label ``repaired``, and what drifted."""
    record = read_conf(facts.conf)
    network = plan.network.name if record is None else record.values.get("network", plan.network.name)
    labels: dict[str, str] = {}
    found: dict[str, ContainerDrift] = {}
    for container in plan.containers:
        live = facts.containers.get(container.name)
        if live is None:
            continue
        drift = container_drift(container, network, live, is_pinned(install, record, live, facts))
        if drift != ContainerDrift():
            found[container.key] = drift
        if drift.anew:
            labels[container.key] = f"{now} {_told(list(drift.anew))}"
        elif live.repaired:
            labels[container.key] = live.repaired
    return labels, found
