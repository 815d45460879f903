"""Which of the NAS's interfaces are on the site's LAN, and which can carry a macvlan network at all."""

import re
from collections.abc import Iterator, Set
from ipaddress import IPv4Address, IPv4Interface

from config.site import Site
from facts.nas import Link, NasFacts

OVS = "ovs-system"  # Open vSwitch's datapath: the master of all its ports, and no interface to stand on
STACKED = ("macvlan", "macvtap", "ipvlan", "ipvtap")  # kinds that stand on another interface and share its cable
_VIRTUAL = re.compile(r"veth|virbr|docker\d|docker_gwbridge|br-[0-9a-f]{12}$")
_BRIDGE_NAME = "com.docker.network.bridge.name"


def can_be_parent(link: Link, facts: NasFacts) -> bool:
    """Whether a macvlan network on that interface reaches a LAN. The kernel takes Ethernet interfaces only, and none
    that is a part of a bridge or a bond."""
    bridges = {network.options.get(_BRIDGE_NAME) for network in facts.networks}
    stands_alone = not link.master and not link.wireless and link.kind not in STACKED and not is_tunnel(link)
    return stands_alone and link.name not in ("lo", OVS, *bridges) and not _VIRTUAL.match(link.name)


def is_tunnel(link: Link) -> bool:
    """A tap interface of a VPN is one too, although it has a MAC. The loopback counts as one."""
    return not link.ethernet or link.kind == "tun"


def ipv4_of(link: Link) -> list[IPv4Interface]:
    return [one.interface for one in link.addresses if isinstance(one.interface, IPv4Interface)]


def base_of(link: Link, facts: NasFacts) -> Link:
    """The interface that a shim or another stacked link stands on, else the link itself."""
    return facts.links.get(link.lower, link) if link.kind in STACKED else link


def lan_links(site: Site, facts: NasFacts) -> list[Link]:
    """The interfaces on lan.subnet that can carry the network: first those that have an address in it themselves, then
    those below a link that has one, because some set-ups move the NAS's address to a macvlan link."""
    near = [link for link in facts.links.values() if any(one.ip in site.lan.subnet for one in ipv4_of(link))]
    found = [*near, *(base_of(link, facts) for link in near)]
    return list({link.name: link for link in found if can_be_parent(link, facts)}.values())


def nas_addresses(site: Site, facts: NasFacts, shims: Set[str]) -> dict[IPv4Address, Link]:
    """The NAS's own addresses in lan.subnet, those of the parent first. shims: names of our shim. A single address
    (/32) of a stacked link is another shim's."""
    links = sorted(facts.links.values(), key=lambda link: link.name != site.lan.parent)
    found: dict[IPv4Address, Link] = {}
    for link in links:
        for one in ipv4_of(link) if link.name not in shims else ():
            if one.ip in site.lan.subnet and not (link.kind in STACKED and one.network.prefixlen == 32):
                found.setdefault(one.ip, link)
    return found


def of_another_vlan(one: Link, other: Link) -> bool:
    """Whether two interfaces are different VLANs of one cable, untagged packets being one of them."""
    trunks = {link.lower if link.kind == "vlan" else link.name for link in (one, other)}
    return one != other and len(trunks) == 1


def usable_names(facts: NasFacts) -> str:
    names: Iterator[str] = (link.name for link in facts.links.values() if can_be_parent(link, facts))
    return ", ".join(sorted(names)) or "no usable interface"
