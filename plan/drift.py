"""What on the NAS is no longer as the last `pulumi up` left it, by the record that it left there (plan/record.py)."""

import re
from collections.abc import Iterable, Iterator
from ipaddress import ip_interface

from plan.facts import FileState, Interface, Link, LiveContainer, NasFacts
from plan.install import InstallPlan
from plan.lan import ContainerPlan, LanPlan
from plan.record import Record, Repair, one_line, read_conf

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


def host_repair(install: InstallPlan, facts: NasFacts, stray: str, now: str) -> tuple[Repair | None, list[str]]:
    """The repair line that the data file is to have, and what drifted since it was written ([] where all is well).

    stray: id of a Docker network that took the place of ours, "" for none. now: the time, as text without blanks.
    """
    record = read_conf(facts.confs.get(install.conf))
    if record is None:
        # Never installed, or wiped, where the state would take it for done: a new line is a change in both cases.
        lost = [f"{install.conf} is gone"] if facts.conf is None and _was_here(install, facts) else []  # not just moved
        return Repair(now, f"repaired: {_told(lost)}" if lost else "installed", stray), lost
    found = list(host_drift(install, record, facts))
    if stray:
        found.append("the Docker network was made anew by someone else")
    if not found:
        return record.repair, []
    return Repair(now, f"repaired: {_told(found)}", stray), found


def _was_here(install: InstallPlan, facts: NasFacts) -> bool:
    ours = any(container.addresses for container in facts.containers.values())
    return ours or (install.program in facts.files and install.program in facts.backups)


def _told(found: list[str]) -> str:
    more = f"; and {len(found) - SHOWN} more" if len(found) > SHOWN else ""
    return one_line("; ".join(found[:SHOWN]) + more)


def host_drift(install: InstallPlan, record: Record, facts: NasFacts) -> Iterator[str]:
    yield from _files(install, record, facts)
    if record.hook[:1] in ((), (install.persistence,)):  # of another hook the site says so
        yield from _hook(install, facts)
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


def _hook(install: InstallPlan, facts: NasFacts) -> Iterator[str]:
    if not install.systemd:
        if not facts.loop:
            yield "the watch loop does not run"
        if install.task and facts.task == "no":
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
        state = facts.files.get(path)
        if state is None:
            if path in record.sums or path == install.conf:  # else it is new
                yield f"{path} is gone"
        elif not record.whole if path == install.conf else _changed(state, record.sums.get(path)):
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


def container_drift(plan: ContainerPlan, network: str, live: LiveContainer) -> list[str]:
    """What is not as the container was made, which its label tells. A container without the label is not ours."""
    made = live.addresses.split()
    if len(made) != 3:
        return []
    place = live.networks.get(network)
    if place is None:
        return [f"{plan.name} is not on {network} any more"]
    found = []
    if live.runs:
        pairs = zip(("IPv4 address", "ULA", "MAC"), (place.ipv4, place.ipv6, place.mac), made, strict=True)
    else:  # only what it was told to take is known
        pairs = zip(("IPv4 address", "ULA"), (place.asked_ipv4, place.asked_ipv6), made[:2], strict=True)
    for what, has, wanted in pairs:
        if has != wanted:
            found.append(f"{what} of {plan.name} is {has or 'none'} instead of {wanted}")
    return found


def container_repairs(plan: LanPlan, facts: NasFacts, now: str) -> tuple[dict[str, str], dict[str, list[str]]]:
    """By the containers' keys: the value of the label ``repaired``, and what drifted."""
    labels: dict[str, str] = {}
    found: dict[str, list[str]] = {}
    for container in plan.containers:
        live = facts.containers.get(container.name)
        if live is None:
            continue
        drifted = container_drift(container, plan.network.name, live)
        if drifted:
            found[container.key] = drifted
            labels[container.key] = f"{now} {_told(drifted)}"
        elif live.repaired:
            labels[container.key] = live.repaired
    return labels, found
