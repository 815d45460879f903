"""Whose prefixes the LAN has: the router's own, or a device's that is no default router; and whether SLAAC forms global
addresses at all."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Network
from typing import Literal

from config.problems import Problem, shortened
from config.site import Site
from config.types import OFF, ULA_RANGE
from facts.nas import Link, NasFacts
from facts.routers import SLAAC_LENGTH, AdvertisedPrefix, Router

FOREVER = 0xFFFFFFFF  # RFC 4861, 4.6.2
SHOWN = 4  # in a message: any device of the LAN can advertise any number
THREAD = "Thread border routers of Apple, Google and Home Assistant advertise such prefixes, and change them"
RENUMBERS = "it changes the containers' private addresses"
GUIDE = "docs/guide.md, «No global address»"


def findings(site: Site, parent: Link, facts: NasFacts) -> Iterator[Problem]:
    if site.ipv6 == OFF:
        return
    yield from _gateway(site, facts)
    if site.ula_prefix is not None:
        yield from _ula(site.ula_prefix, parent.name, facts)
    yield from _no_slaac(parent, facts)


def _gateway(site: Site, facts: NasFacts) -> Iterator[Problem]:
    if facts.ula_gateway_state == "silent":
        message = "does not answer, so the containers' IPv6 traffic to the internet would be lost"
        remedy = "give the router that address (in the /64 of ula.prefix), or use `gateway: auto`"
        yield Problem("site.ula.gateway", str(site.ula_gateway), message, remedy)
    elif facts.ula_gateway_state == "unasked":
        message = f"cannot be checked by the NAS, which has no address in {site.ula_prefix}: it may lead nowhere"
        remedy = "check whether your router has that address, or use `gateway: auto`"
        yield Problem("site.ula.gateway", str(site.ula_gateway), message, remedy, "warning")


@dataclass(frozen=True)
class _Claim:
    """A ULA prefix and who advertises it. router: None if only the NAS's own address tells of the prefix."""

    network: IPv6Network
    router: Router | None = None
    valid: int = 0

    def __str__(self) -> str:
        if self.router is None:
            return str(self.network)
        valid = "for ever" if self.valid == FOREVER else f"for {self.valid} s"
        lifetimes = f"with a router lifetime of {self.router.lifetime} s, valid {valid}"
        return f"{self.network} by {self.router.address} {lifetimes}"


def _ula(prefix: IPv6Network, link: str, facts: NasFacts) -> Iterator[Problem]:
    routers, others, unclear = _claims(link, facts)
    if prefix in {claim.network for claim in (*routers, *unclear)}:
        return
    remedy = f"write {routers[0].network}, so that the whole LAN does; {RENUMBERS}" if routers else ""
    severity: Literal["warning", "note"] = "warning"
    if own := [claim for claim in others if claim.network == prefix]:
        message = (
            f"is no default router's prefix ({_listed(own)}). {THREAD}: then only the NAS reaches containers at it"
        )
        make = f"remove the line and run `macvlan-ipv6 ula --stack NAME`, which makes the site's own; {RENUMBERS}"
        remedy = remedy or make
    elif routers:
        what = "none of the private prefixes" if len(routers) > 1 else "not the private prefix"
        message = f"is {what} that your router advertises ({_listed(routers)}): only the NAS reaches containers at it"
        message += f". Leave alone what no default router advertises ({_listed(others)})" if others else ""
    elif others:
        severity = "note"
        message = (
            "is right, although the LAN has another private prefix, too, because no default router advertises that "
        )
        message += f"one ({_listed(others)}). {THREAD}"
        remedy = "leave ula.prefix as it is; containers form addresses of that prefix, too, which do not last"
    elif unclear:
        message = f"is not the LAN's private prefix {_listed(unclear)}, and the NAS cannot tell whether your router "
        message += f"advertises that one. {THREAD}"
        remedy = "leave ula.prefix as it is, unless the router's own settings show the LAN's: then take that over"
    else:
        return
    yield Problem("site.ula.prefix", str(prefix), message, remedy, severity)


def _claims(link: str, facts: NasFacts) -> tuple[list[_Claim], list[_Claim], list[_Claim]]:
    """The ULA prefixes of which SLAAC forms addresses: of default routers, the one that is valid for the longest time
    first; of other devices; and those of which the NAS cannot tell whose they are."""
    heard = facts.heard(link) or ()
    told = [
        _Claim(prefix.network, router, prefix.valid)
        for router in heard
        for prefix in router.prefixes
        if prefix.forms_addresses and prefix.network.subnet_of(ULA_RANGE)
    ]
    told.sort(key=lambda claim: (-claim.valid, claim.network))
    routers = [claim for claim in told if claim.router is not None and claim.router.lifetime > 0]
    known = {claim.network for claim in routers}
    others = [claim for claim in told if claim.network not in known]
    said = {prefix.network for router in heard for prefix in router.prefixes}
    rest = [_Claim(one) for one in facts.formed(link) if one.subnet_of(ULA_RANGE) and one not in said]
    if heard and facts.heard_all(link):
        return routers, [*others, *rest], []
    # The kernel's neighbour table shows routers that are no default routers, too
    neighbours = facts.advertisements.known if facts.advertisements.link == link else frozenset()
    if not heard and neighbours and neighbours <= facts.default_routers(link):
        return rest, [], []
    return routers, others, rest


def _no_slaac(parent: Link, facts: NasFacts) -> Iterator[Problem]:
    """Containers ask no DHCPv6 server: the kernel forms their global addresses, or they have none."""
    if facts.advertised_global(parent.name):
        return
    routers = facts.heard(parent.name)
    if routers is not None and facts.heard_all(parent.name):
        message = (
            f"gives containers no global IPv6 address: {_why_not(routers)}. So IPv6 does not take them to the internet"
        )
    elif leased := _leased(parent):
        message = (
            f"seems to give containers no global IPv6 address: the NAS has {leased} by DHCPv6 and none by SLAAC, and "
        )
        message += "containers ask no DHCPv6 server. Then IPv6 does not take them to the internet"
    else:
        return
    remedy = f"let the router advertise its global /64 for SLAAC, if your provider gives you IPv6; {GUIDE}, says how"
    yield Problem("site.lan.parent", parent.name, message, remedy, "warning")


def _why_not(routers: Sequence[Router]) -> str:
    if not routers:
        return "no router advertises itself there"
    default = [router for router in routers if router.lifetime > 0] or routers
    told = [
        f"{router.address} {_fault(prefix)}" for router in default for prefix in router.prefixes if _is_global(prefix)
    ]
    if told:
        return _listed(told)
    managed = [router.address for router in default if router.managed]
    if managed:
        return f"addresses come by DHCPv6 only ({_listed(managed)}), and containers ask no DHCPv6 server"
    return f"no global prefix is advertised ({_listed(router.address for router in default)})"


def _fault(prefix: AdvertisedPrefix) -> str:
    """Why SLAAC forms no address of it."""
    if prefix.network.prefixlen != SLAAC_LENGTH:
        return f"advertises {prefix.network}, and SLAAC needs a /{SLAAC_LENGTH}"
    if not prefix.autonomous:
        return f"advertises {prefix.network} without the flag A (autonomous), as for DHCPv6"
    return f"has withdrawn {prefix.network}"


def _is_global(prefix: AdvertisedPrefix) -> bool:
    return not prefix.network.subnet_of(ULA_RANGE) and not prefix.network.is_link_local


def _leased(parent: Link) -> str:
    """A global address of the interface that has the form of DHCPv6's, "" for none."""
    for address in parent.addresses:
        network = address.interface.network
        if "dynamic" not in address.flags or not isinstance(network, IPv6Network) or network.prefixlen != 128:
            continue
        if not network.subnet_of(ULA_RANGE):
            return str(address.interface.ip)
    return ""


def _listed(things: Iterable[object]) -> str:
    return shortened([str(thing) for thing in things], SHOWN, "; ")
