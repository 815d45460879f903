"""The parent interface, and whether it is on the site's LAN."""

from collections.abc import Iterator
from ipaddress import IPv4Interface

from config.problems import Problem
from config.site import Site
from config.types import ULA_RANGE
from facts.nas import Link, NasFacts
from plan.lan import LanPlan

OVS = "ovs-system"  # Open vSwitch's datapath: the master of all its ports, and no interface to stand on
_NOT_A_LAN = ("lo", "veth", "docker", "br-", "tun", "sit", "ip6tnl", "virbr", OVS)


def resolve_parent(site: Site, facts: NasFacts) -> tuple[Site, list[Problem]]:
    """The site with the interface of the NAS's default route in place of `parent: auto`."""
    if site.lan.parent != "auto":
        return site, []
    found = facts.default_link()
    link = facts.links.get(found or "")
    if link is not None and link.kind == "macvlan" and link.lower:
        found = link.lower  # a hand-made shim that took the default route
    if found is None:
        message = "cannot be found: the NAS has no default route to tell its LAN by"
        return site, [Problem("site.lan.parent", "auto", message, f"write the interface; it has {_names(facts)}")]
    return site.with_parent(found), []


def findings(site: Site, plan: LanPlan, facts: NasFacts) -> Iterator[Problem]:
    parent = facts.links.get(site.lan.parent)
    if site.lan.parent == "auto":
        return
    if parent is None:
        message = f"does not exist on the NAS; it has {_names(facts)}"
        remedy = "choose the one that has the NAS's own LAN address (`ip address` there shows it)"
        yield Problem("site.lan.parent", site.lan.parent, message, remedy)
        return
    unusable = list(_usable(site, parent, facts))
    yield from unusable
    if unusable:
        return  # its addresses do not matter then
    yield from _lan(site, plan, parent, facts)
    yield from _ula(site, parent, facts)


def _usable(site: Site, parent: Link, facts: NasFacts) -> Iterator[Problem]:
    def problem(message: str, remedy: str) -> Problem:
        return Problem("site.lan.parent", parent.name, message, remedy)

    if parent.master:
        chain = _masters(parent, facts)
        top = chain[-1]
        message = f"is a part of {top}, which takes all its packets: containers on it would reach no other device"
        yield problem(message, f"write {_on_top_of(chain, site, facts) if top == OVS else top}")
    if parent.wireless:
        message = "is wireless, and access points take packets of one MAC only: containers would reach no other device"
        yield problem(message, "use the NAS's network cable")
    if parent.name == "lo" or parent.kind in ("macvlan", "ipvlan"):
        message = (
            f"is {'the loopback' if parent.name == 'lo' else f'itself a {parent.kind} link'}, and containers need a LAN"
        )
        yield problem(message, f"write {parent.lower or _names(facts)}")
    elif parent.name == OVS:
        message = (
            "is the inside of Open vSwitch, which no packet leaves by: containers on it would reach no other device"
        )
        yield problem(message, f"write {_on_top_of([OVS], site, facts)}")
    elif not parent.up:
        yield problem(
            "is switched off, so containers would reach no other device",
            f"on the NAS run `ip link set {parent.name} up`",
        )
    elif not parent.carrier:
        yield problem(
            "has no cable or no link, so containers would reach no other device", "plug it in, or choose another"
        )


def _masters(link: Link, facts: NasFacts) -> list[str]:
    """The interface's name, and those of the bond, the bridge … above it, up to the last."""
    chain = [link.name]
    while (above := facts.links.get(chain[-1])) is not None and above.master and above.master not in chain:
        chain.append(above.master)
    return chain


def _on_top_of(chain: list[str], site: Site, facts: NasFacts) -> str:
    """The interface of Open vSwitch on the LAN, in place of its ports: for eth0 it is ovs_eth0 on a Synology."""
    for link in facts.links.values():
        free = link.kind != "macvlan" and not link.master
        if free and any(address.interface.ip in site.lan.subnet for address in link.addresses):
            return link.name
    return next((name for port in reversed(chain) if (name := f"ovs_{port}") in facts.links), _names(facts))


def _lan(site: Site, plan: LanPlan, parent: Link, facts: NasFacts) -> Iterator[Problem]:
    own = [address.interface for address in parent.addresses if isinstance(address.interface, IPv4Interface)]
    if own and site.lan.subnet not in [interface.network for interface in own]:
        has = ", ".join(map(str, own))
        message = f"is not the LAN of {parent.name}, which has {has}: containers would not reach their neighbours"
        yield Problem("site.lan.subnet", str(site.lan.subnet), message, f"write {own[0].network}, or another parent")
    elif own and plan.nas_ipv4 not in [interface.ip for interface in own]:
        key = "site.nas.host" if site.lan.nas_address is None else "site.lan.nas_address"
        message = f"is not the NAS's address on {parent.name}, which has {', '.join(str(one.ip) for one in own)}"
        yield Problem(key, str(plan.nas_ipv4), message, f"write `lan.nas_address: {own[0].ip}`, or another parent")
    gateway = facts.default_gateway(parent.name)
    if gateway is not None and gateway != site.lan.gateway:
        message = f"is not the NAS's own gateway, which is {gateway}: containers would go to the internet another way"
        yield Problem(
            "site.lan.gateway", str(site.lan.gateway), message, f"write {gateway}, if you did not mean to", "warning"
        )


def _ula(site: Site, parent: Link, facts: NasFacts) -> Iterator[Problem]:
    if facts.ula_gateway_state == "silent":
        message = "does not answer, so the containers' IPv6 traffic to the internet would be lost"
        remedy = "give the router that address (in the /64 of ula.prefix), or use `gateway: auto`"
        yield Problem("site.ula.gateway", str(site.ula.gateway), message, remedy)
    elif facts.ula_gateway_state == "unasked":
        message = f"cannot be checked by the NAS, which has no address in {site.ula.prefix}: it may lead nowhere"
        remedy = "check whether your router has that address, or use `gateway: auto`"
        yield Problem("site.ula.gateway", str(site.ula.gateway), message, remedy, "warning")
    ulas = [network for network in facts.advertised(parent.name) if network.subnet_of(ULA_RANGE)]
    if ulas and site.ula.prefix not in ulas:
        advertised = ", ".join(map(str, ulas))
        message = f"is not the private prefix that your router advertises ({advertised}): "
        message += "only the NAS reaches containers at it"
        remedy = f"write {ulas[0]}, so that the whole LAN does; it changes the containers' private addresses"
        yield Problem("site.ula.prefix", str(site.ula.prefix), message, remedy, "warning")


def _names(facts: NasFacts) -> str:
    usable = [name for name, link in facts.links.items() if not name.startswith(_NOT_A_LAN) and not link.master]
    return ", ".join(sorted(usable)) or "no usable interface"
