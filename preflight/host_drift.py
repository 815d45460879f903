"""How the NAS differs from what the last `pulumi up` left, by the record that it left there (install/conf.py)."""

import re
from collections.abc import Iterator
from ipaddress import ip_interface

from facts.labels import NO_ADDRESS
from facts.nas import FileState, Interface, Link, NasFacts
from install.conf import Record, Repair, one_line, read_conf
from install.layout import InstallPlan
from install.profiles import SYSTEMD
from install.scripts import LEARNED_PROTO, SHIM_SYSCTLS

SYSCTLS = {key.partition("/")[2]: value for key, value in SHIM_SYSCTLS.items()}
LEARNED = f"proto {LEARNED_PROTO}"
SHOWN = 4  # drifts that are named one by one


def host_repair(
    install: InstallPlan,
    facts: NasFacts,
    foreign: str,
    now: str,
    had_shim: bool = False,
    replaced: tuple[str, ...] = (),
    network: str = "",
) -> tuple[Repair | None, list[str]]:
    """The repair line for the data file, and the drift since that was written ([] if all is well).

    foreign: id of a Docker network in place of ours, "" for none.
    now: the time, as text without blanks.
    had_shim: whether the state has a shim.
    replaced: ids of another state's containers, which are removed first.
    network: the Docker network's name.
    """
    record = read_conf(facts.confs.get(install.config_path))
    if record is None:
        # Never installed, or wiped while the state says that it is installed: a new line is a change in both cases.
        was_here = had_shim or _was_here(install, facts, network)
        lost = [f"{install.config_path} is gone"] if facts.conf is None and was_here else []  # not just moved
        return Repair(now, f"repaired: {summary(lost)}" if lost else "installed", foreign, replaced), lost
    found = list(host_drift(install, record, facts))
    if foreign:
        found.append("the Docker network was replaced by another network")
    if not found:
        return (Repair(now, "taken over from another state", "", replaced) if replaced else record.repair), []
    return Repair(now, f"repaired: {summary(found)}", foreign, replaced), found


def _was_here(install: InstallPlan, facts: NasFacts, network: str) -> bool:
    ours = any(container.addresses and network in container.networks for container in facts.containers.values())
    return ours or (install.script_path in facts.files and install.script_path in facts.backups)


def summary(found: list[str]) -> str:
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
    yield from _rules(record, facts)
    yield from _routes(record, facts)


def loop_runs(install: InstallPlan, facts: NasFacts) -> bool:
    if not install.systemd:
        return bool(facts.loop_pid)
    unit = facts.units.get(install.unit_name)
    return unit is not None and unit.active == "active"


def _hook(install: InstallPlan, record: Record, facts: NasFacts) -> Iterator[str]:
    if not install.systemd:
        # A loop whose files move still runs under the old name.
        if install.script_path in record.sums and not loop_runs(install, facts):
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
            continue  # it moves here, and what is here now is not ours
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
    wanted = {
        _interface(values[key]) for key in ("shim_ipv4", "shim_ipv6") if values.get(key, NO_ADDRESS) != NO_ADDRESS
    }
    if None in wanted:
        return  # edited by hand, which the file's own drift reports; its text before that is unknown
    found = {address.interface for address in link.addresses}
    there = {one for one in found if one in wanted or not one.ip.is_link_local}
    for address in sorted(map(str, wanted - there)):
        yield f"address {address} is missing on {name}"
    for address in sorted(map(str, there - wanted)):
        yield f"address {address} is on {name}, and is not planned"


def _interface(text: str) -> Interface | None:
    """Of one address as the shim has it: a link-local one with the prefix that every link has (RFC 4291)."""
    try:
        return ip_interface(f"{text}/64" if text.startswith("fe80:") else text)
    except ValueError:
        return None


def _rules(record: Record, facts: NasFacts) -> Iterator[str]:
    number = record.values.get("routing_table")
    families = ("4",) if record.values.get("shim_ipv6") == NO_ADDRESS else ("4", "6")
    for family in families if number else ():
        if family not in facts.routing.ours | facts.routing.without:
            yield f"the rule {number} for IPv{family} is missing"


def _table_of(record: Record, target: str, facts: NasFacts) -> str:
    """What `ip` calls the routing table that the route is meant for."""
    number = record.values.get("routing_table", "")
    if not number or ("6" if ":" in target else "4") in facts.routing.without:
        return "main"
    return facts.table_names.get(number, number)


def _routes(record: Record, facts: NasFacts) -> Iterator[str]:
    wanted, there = {*record.container_addresses}, set()
    own = {record.values.get("shim_ipv6"), record.values.get("placeholder_gateway")}
    for line in facts.shim_routes:
        target = line.split(" ", 1)[0].removesuffix("/32").removesuffix("/128")
        if re.match(r"(local|broadcast|multicast|anycast|unreachable|ff00:|fe80:)", line) or " table local " in line:
            continue
        match = re.search(r" table (\S+)", line)
        table = match[1] if match else "main"
        if table != _table_of(record, target, facts):
            if table == "main" and "proto kernel" not in line and target not in own:
                yield f"route to {target} is in table main"
            continue
        # One that the loop learned serves a container, too, that the site has named since
        if "proto kernel" in line or target in own or (LEARNED in line and target not in wanted):
            continue
        if " via " not in line:
            there.add(target)
        if target not in wanted:
            yield f"route to {target} is there, and is not planned"
    for address in sorted(wanted - there):
        yield f"route to {address} is missing"
