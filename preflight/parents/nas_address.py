"""The LAN of the parent, and the NAS's own address in it."""

from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Interface

from config.problems import Problem
from config.site import Site
from config.types import NONE
from facts.nas import Link, NasFacts
from install.conf import read_conf
from plan.checks import nas_address_key
from plan.lan import LanPlan
from preflight.parents.lan_links import ipv4_of, lan_links, nas_addresses, of_another_vlan


def findings(site: Site, plan: LanPlan, parent: Link, facts: NasFacts) -> Iterator[Problem]:
    own = ipv4_of(parent)
    another = bool(own) and site.lan.subnet not in [interface.network for interface in own]
    if another:
        yield _another_lan(site, plan, parent, own, facts)
    if not another or plan.nas_ipv4 is None:
        yield from _address(site, plan, parent, own, facts)
    gateway = facts.default_gateway(parent.name)
    if gateway is not None and gateway in site.lan.subnet and gateway != site.lan.gateway:
        message = f"is not the NAS's own gateway, which is {gateway}: containers would go to the internet another way"
        yield Problem(
            "site.lan.gateway", str(site.lan.gateway), message, f"write {gateway}, if you did not mean to", "warning"
        )


def own_addresses(plan: LanPlan, site: Site, facts: NasFacts) -> dict[IPv4Address, Link]:
    """The NAS's addresses on the LAN, without those of its shim and of other VLANs on the same cable."""
    record = read_conf(facts.conf)
    parent = facts.links.get(site.lan.parent)
    found = nas_addresses(site, facts, {plan.shim.name, "" if record is None else record.shim})
    return {ip: link for ip, link in found.items() if parent is None or not of_another_vlan(parent, link)}


def _another_lan(site: Site, plan: LanPlan, parent: Link, own: list[IPv4Interface], facts: NasFacts) -> Problem:
    has = ", ".join(map(str, own))
    elsewhere = [link for link in lan_links(site, facts) if link != parent]
    if plan.nas_ipv4 is None and not elsewhere:  # one cable can carry two subnets, with the NAS in one of them
        message = f"is perhaps not the LAN of {parent.name}, which has {has}: then containers reach no neighbour"
        remedy = f"check that {site.lan.subnet} is on the same cable or VLAN as {parent.name}"
        return Problem("site.lan.subnet", str(site.lan.subnet), message, remedy, "warning")
    message = f"is not the LAN of {parent.name}, which has {has}: containers would not reach their neighbours"
    size = [one.network for one in own if one.network.overlaps(site.lan.subnet)]
    near = f"{size[0]}" if size else f"{own[0].network}, and addresses in it,"
    remedy = f"write {near} or another parent"
    if elsewhere:
        remedy = f"write `lan.parent: {elsewhere[0].name}`, which is on that LAN"
    return Problem("site.lan.subnet", str(site.lan.subnet), message, remedy)


def _address(site: Site, plan: LanPlan, parent: Link, own: list[IPv4Interface], facts: NasFacts) -> Iterator[Problem]:
    nas, known = plan.nas_ipv4, own_addresses(plan, site, facts)
    key, first = nas_address_key(site), next(iter(known), None)
    inside = nas is not None and nas in site.lan.subnet  # else plan.checks tells of it
    elsewhere = [link for link in facts.links.values() if inside and nas in [one.ip for one in ipv4_of(link)]]
    if nas is None:
        if first is not None:
            message = (
                f"is not so: {known[first].name} has {first} in lan.subnet, and Docker might give it to a container"
            )
            yield Problem(key, NONE, message, f"write `lan.nas_address: {first}`")
    elif any(of_another_vlan(parent, link) for link in elsewhere):
        message = f"is another VLAN than that of {elsewhere[0].name}, which has the NAS's address {nas} in lan.subnet"
        yield Problem("site.lan.parent", parent.name, message, f"write `lan.parent: {elsewhere[0].name}`")
    elif elsewhere:
        return  # on the parent, or on another card in the same LAN: docs/upstream-facts.md#two-cards
    elif own:
        message = f"is not the NAS's address on {parent.name}, which has {', '.join(str(one.ip) for one in own)}"
        yield Problem(key, str(nas), message, f"write `lan.nas_address: {first}`, or another parent")
    elif inside:
        message = f"is not on {parent.name}, which has no IPv4 address: containers reach the NAS at the shim only"
        remedy = f"write `lan.nas_address: none`, or give {parent.name} that address"
        yield Problem(key, str(nas), message, remedy, "warning")
