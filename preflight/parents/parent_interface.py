"""The parent interface: which one `auto` means, and whether the network can stand on it."""

import re
from collections.abc import Iterator

from config.problems import Problem
from config.site import Site
from config.types import AUTO
from facts.nas import Link, NasFacts
from install.layout import InstallPlan
from install.profiles import PROFILES
from plan.lan import LanPlan
from preflight.parents import nas_address, router_prefixes, taken_parent
from preflight.parents.lan_links import (
    OVS,
    STACKED,
    base_of,
    can_be_parent,
    ipv4_of,
    is_tunnel,
    lan_links,
    usable_names,
)

LAST_VLAN = 4094  # IEEE 802.1Q


def resolve_parent(site: Site, facts: NasFacts) -> tuple[Site, list[Problem]]:
    """The site with an interface in place of `parent: auto`: of those on lan.subnet the one of the NAS's default route,
    or else the one with the address that the site names. Only if none is on lan.subnet, the default route decides
    alone. A VPN can have the default route, but a tunnel is no LAN."""
    if site.lan.parent != AUTO:
        return site, []
    way_out = facts.links.get(facts.default_link() or "")
    default = None if way_out is None else base_of(way_out, facts)  # a hand-made shim may have the default route
    found = lan_links(site, facts)
    if default is not None and (default in found or not (found or is_tunnel(default))):
        return site.with_parent(default.name), []
    if found:
        named = [link for link in found if site.host_address in [one.ip for one in ipv4_of(link)]]
        return site.with_parent((named or found)[0].name), []
    message = f"cannot be found: no interface of the NAS has an address in lan.subnet {site.lan.subnet}, and "
    message += f"the default route leads into the tunnel {default.name}" if default else "there is no default route"
    return site, [Problem("site.lan.parent", AUTO, message, f"write the interface; the NAS has {usable_names(facts)}")]


def findings(site: Site, install: InstallPlan, plan: LanPlan, facts: NasFacts) -> Iterator[Problem]:
    parent = facts.links.get(site.lan.parent)
    if site.lan.parent == AUTO:
        return
    if parent is None:
        yield _missing(site, install, facts)
        return
    better = _instead(site, parent, facts)
    unusable = list(_unusable(parent, better, facts))
    yield from unusable
    if unusable:  # then the LAN of the one that takes its place counts
        yield from nas_address.findings(site, plan, better, facts) if better else ()
        return
    yield from taken_parent.findings(site, install, facts)
    yield from nas_address.findings(site, plan, parent, facts)
    yield from router_prefixes.findings(site, parent, facts)


def _missing(site: Site, install: InstallPlan, facts: NasFacts) -> Problem:
    """Docker's way is no way for us: docs/upstream-facts.md#docker-vlan-link."""
    name = site.lan.parent
    lower, _, number = name.rpartition(".")
    if lower in facts.links and re.fullmatch(r"[1-9]\d{0,3}", number) and int(number) <= LAST_VLAN:
        message = (
            f"does not exist on the NAS yet. Docker would make it as VLAN {number} of {lower} for its network, and "
            "remove it with that network; the shim stands on the same interface and needs it before and after"
        )
        tool = PROFILES[install.profile].vlan.format(lower=lower, number=number)
        remedy = f"make VLAN {number} of {lower} with the NAS's own settings, so that it is there at each boot: {tool}"
        return Problem("site.lan.parent", name, message, remedy)
    message = f"does not exist on the NAS; it has {usable_names(facts)}"
    found = lan_links(site, facts)
    remedy = f"write {found[0].name}, which is on {site.lan.subnet}" if found else "write one that is on lan.subnet"
    return Problem("site.lan.parent", name, message, remedy)


def _unusable(parent: Link, better: Link | None, facts: NasFacts) -> Iterator[Problem]:
    """better: the interface that the network can stand on instead, None if there is no obvious one."""
    instead = f"write {better.name}" if better else f"choose another one; the NAS has {usable_names(facts)}"

    def problem(message: str, remedy: str) -> Problem:
        return Problem("site.lan.parent", parent.name, message, remedy)

    if parent.master:
        top = _masters(parent, facts)[-1]
        message = f"is a part of {top}, which takes all its packets: containers on it would reach no other device"
        yield problem(message, instead)
    if parent.wireless:
        message = "is wireless, and access points take packets of one MAC only: containers would reach no other device"
        yield problem(message, "use the NAS's network cable")
    if parent.kind in STACKED:
        yield problem(f"is itself a {parent.kind} link, and containers need a LAN", instead)
    elif not parent.ethernet:
        what = "the loopback" if parent.name == "lo" else "no Ethernet interface but a tunnel"
        yield problem(f"is {what}, and the kernel makes macvlan links on Ethernet only", instead)
    elif parent.name == OVS:
        message = (
            "is the inside of Open vSwitch, which no packet leaves by: containers on it would reach no other device"
        )
        yield problem(message, instead)
    elif not parent.up:
        yield problem(
            "is switched off, so containers would reach no other device",
            f"on the NAS run `ip link set {parent.name} up`",
        )
    elif not parent.carrier:
        yield problem(
            "has no cable or no link, so containers would reach no other device", "plug it in, or choose another"
        )


def _instead(site: Site, parent: Link, facts: NasFacts) -> Link | None:
    """The interface to write in place of one that the network cannot stand on: the bridge above it, the interface below
    it, or the one that is on the LAN. Above a port of Open vSwitch that is an interface of Open vSwitch on the LAN: for
    eth0 it is ovs_eth0 on a Synology."""
    chain, near = _masters(parent, facts), [link.name for link in lan_links(site, facts) if link != parent]
    names = near
    if chain[-1] == OVS:
        names = near + [f"ovs_{port}" for port in reversed(chain)]
    elif parent.master:
        names = chain[:0:-1]
    elif parent.kind in STACKED:
        names = [parent.lower, *near]
    elif can_be_parent(parent, facts):
        names = []
    return next((facts.links[name] for name in names if name in facts.links), None)


def _masters(link: Link, facts: NasFacts) -> list[str]:
    """The interface's name, and those of the bond, the bridge … above it, up to the last."""
    chain = [link.name]
    while (above := facts.links.get(chain[-1])) is not None and above.master and above.master not in chain:
        chain.append(above.master)
    return chain
