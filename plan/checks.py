"""Problems that only several keys together can have: an address outside its subnet; an address, name or MAC given
twice."""

from collections.abc import Iterable, Iterator, Mapping, Set
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Protocol

from config.problems import Problem
from config.site import Site
from config.types import AUTO, DOCKER, GLOBAL_RANGE, LOOP, MAX_INTERFACE, NONE, OFF
from plan.lan import AddressPlan
from plan.numbering import mac_of, ula_of


@dataclass(frozen=True)
class Claim:
    """One planned address. source: the address that it follows from, if it was not written; choice, instead: the
    remedies if it is outside its network; network: that one, if it is neither lan.subnet nor ula.prefix."""

    path: str
    who: str
    address: IPv4Address | IPv6Address
    source: IPv4Address | None = None
    choice: str = "choose a free address"
    instead: str = ""
    network: IPv6Network | None = None


def _claims(site: Site, plan: AddressPlan, ula_gateway: IPv6Address | None) -> Iterator[Claim]:
    yield Claim("site.lan.gateway", "the router", site.lan.gateway, choice="write the router's own address")
    if plan.nas_ipv4 is not None:
        choice = "write the NAS's own address"
        yield Claim(nas_address_key(site), "the NAS", plan.nas_ipv4, choice=choice, instead=no_nas_address(site))
    yield Claim("site.shim.ipv4_address", "the shim", plan.shim.ipv4)
    shim_source = plan.shim.ipv4 if site.shim.ipv6_address is None else None
    if plan.shim.ipv6 is not None and site.ula_prefix is not None:
        yield Claim("site.shim.ipv6_address", "the shim", plan.shim.ipv6, shim_source)
    if ula_gateway is not None:
        gateway_source = None if isinstance(site.ula_gateway, IPv6Address) else site.lan.gateway
        choice = "write auto, or the router's own address"
        yield Claim("site.ula.gateway", "the IPv6 gateway", ula_gateway, gateway_source, choice)
    for holder in (*plan.containers, *plan.external):
        who, path = f"container {holder.name}", f"{holder.addressed_at}.ipv6_address"
        yield Claim(f"{holder.addressed_at}.ipv4_address", who, holder.ipv4)
        if holder.ula is not None and site.ula_prefix is not None:
            derived = holder.ula == ula_of(holder.ipv4, site.lan.subnet, site.ula_prefix)
            instead = static_remedy(site, holder.ula) if holder.ula in GLOBAL_RANGE else ""
            yield Claim(path, who, holder.ula, holder.ipv4 if derived else None, instead=instead)
        if holder.static is not None:
            yield Claim(path, who, holder.static, network=site.lan.static_prefix)


def static_remedy(site: Site, address: IPv6Address) -> str:
    """The remedy for a global address that was written for a container."""
    prefix = site.lan.static_prefix
    if prefix is not None and address in prefix:
        return f"`network.ipv6: {LOOP}`, because Docker takes no address outside its network's range"
    lan = IPv6Network((int(address) >> 64 << 64, 64))
    by_loop = "" if site.ipv6 == LOOP else f" and `network.ipv6: {LOOP}`"
    return f"if your provider never changes {lan}: `lan.static_prefix: {lan}`{by_loop}"


def nas_address_key(site: Site) -> str:
    """Where the NAS's own address was written."""
    return "site.nas.host" if site.lan.nas_address is None else "site.lan.nas_address"


def no_nas_address(site: Site) -> str:
    """The remedy for a LAN in which the NAS has no address."""
    named = ", with the interface's name as `lan.parent`" if site.lan.parent == AUTO else ""
    return f"`lan.nas_address: none` if it has none there{named}"


def ipv6_problems(site: Site, addresses: AddressPlan) -> Iterator[Problem]:
    """Problems between the keys that say how containers get IPv6."""
    if site.ula is None and site.network.ipv6 == DOCKER:
        message = "has Docker give out IPv6 addresses, and with `ula: none` there is no prefix to give them from"
        remedy = "write `ipv6: loop`, or a prefix as `ula.prefix:` (`make ula`)"
        yield Problem("site.network.ipv6", DOCKER, message, remedy)
    if site.ipv6 != DOCKER and site.ula_gateway != AUTO:
        message = f"does nothing with `ipv6: {site.ipv6}`: Docker's network then has no IPv6, and so no gateway"
        yield Problem("site.ula.gateway", str(site.ula_gateway), message, "remove it")
    written = [("site.shim.ipv6_address", site.shim.ipv6_address)]
    written += [(f"{one.addressed_at}.ipv6_address", one.ula) for one in addresses.containers]
    written += [(f"{one.path}.ipv6_address", one.ula) for one in addresses.external]
    for path, address in written:
        if address is not None and site.ula_prefix is None:
            yield _without_prefix(site, path, address)


def _without_prefix(site: Site, path: str, address: IPv6Address) -> Problem:
    if site.ipv6 == OFF:
        return Problem(path, str(address), "is on a network without IPv6 (`ipv6: off`)", "remove it")
    message = "is a fixed IPv6 address, and with `ula: none` containers have those only that the router announces"
    remedy = "remove it, or write a prefix as `ula.prefix:`"
    if path == "site.shim.ipv6_address":
        message = "is a fixed IPv6 address, and with `ula: none` the shim has the link-local one of its MAC only"
    elif address in GLOBAL_RANGE:
        remedy += "; if it is of a prefix that your provider never changes, write that as `lan.static_prefix:`"
    return Problem(path, str(address), message, remedy)


def clashes(site: Site, plan: AddressPlan, ula_gateway: IPv6Address | None) -> Iterator[Problem]:
    """ula_gateway: the IPv6 gateway that the network has, or the router's address in the ULA prefix."""
    subnet = site.lan.subnet
    wrong: set[object] = set()
    yield from address_conflicts(_claims(site, plan, ula_gateway), subnet, site.ula_prefix, wrong)
    if site.lan.ip_range is not None and not site.lan.ip_range.subnet_of(subnet):
        message = f"is outside lan.subnet {subnet}; Docker would refuse the network"
        yield Problem("site.lan.ip_range", str(site.lan.ip_range), message, f"choose a part of {subnet}")
    if site.shim.name == site.lan.parent:
        message = "is the parent's own name, and two interfaces cannot have one name"
        yield Problem("site.shim.name", site.shim.name, message, "give the shim a name of its own")
    if site.lan.parent == AUTO and site.lan.nas_address == NONE:
        message = (
            "finds the interface by the NAS's own address in lan.subnet, and there is none (lan.nas_address: none)"
        )
        yield Problem("site.lan.parent", AUTO, message, f"write the name of the interface that is on {subnet}")
    if len(site.shim.name) > MAX_INTERFACE:
        message = (
            f"is made of macvlan- and the installation's name and has {len(site.shim.name)} characters; Linux takes"
        )
        message += f" at most {MAX_INTERFACE}"
        yield Problem("site.shim.name", site.shim.name, message, "write a shorter `shim.name:`, as in shim-iot")
    yield from _leased(site, plan)
    yield from names_and_macs_given_twice((*plan.containers, *plan.external), {plan.shim.mac: "the shim"}, wrong)


def address_conflicts(
    claims: Iterable[Claim],
    subnet: IPv4Network | None,
    prefix: IPv6Network | None,
    wrong: set[object],
) -> Iterator[Problem]:
    """Addresses that are given twice, or are outside their network.

    subnet, prefix: None if unknown; then no address counts as outside.
    wrong: this function adds the addresses that have a problem, so that an address derived from one of them is not
        reported again.
    """
    owners: dict[object, str] = {}
    for claim in claims:
        if claim.source in wrong:
            continue
        network = claim.network or (subnet if isinstance(claim.address, IPv4Address) else prefix)
        problems = [] if network is None else list(_outside(claim, network))
        if claim.address in owners:
            message = f"is taken by {owners[claim.address]} already; two machines with one address cut each other off"
            remedy = "give each an address of its own"
            if claim.source is not None:
                remedy = f"add a free `ipv6_address:` (this one was made from {claim.source}), or change {claim.source}"
            problems.append(Problem(claim.path, str(claim.address), message, remedy))
        owners.setdefault(claim.address, claim.who)
        yield from problems
        if problems:
            wrong.add(claim.address)


def _outside(claim: Claim, network: IPv4Network | IPv6Network) -> Iterator[Problem]:
    def problem(message: str, remedy: str) -> Problem:
        return Problem(claim.path, str(claim.address), message, remedy)

    if claim.address not in network and claim.path == "site.nas.host":
        message = f"is outside lan.subnet {network}, and the NAS's own address there has to be reserved in Docker"
        remedy = f"write `lan.nas_address:` with the NAS's own address in {network}, or {claim.instead}"
        yield problem(message, f"{remedy}; or correct lan.subnet")
    elif claim.address not in network:
        key = "lan.subnet" if isinstance(network, IPv4Network) else "ula.prefix"
        message = f"is outside {key} {network}; {claim.who} would not be reachable on the LAN"
        if isinstance(network, IPv6Network) and claim.instead:
            message = f"is outside {key} {network}, of which the fixed IPv6 addresses of containers are"
        yield problem(message, f"{claim.choice} in {network}{claim.instead and ', or '}{claim.instead}")
    elif claim.address == network.network_address:
        yield problem(f"is the network address of {network}, which no machine can have", "choose another one")
    elif isinstance(network, IPv4Network) and claim.address == network.broadcast_address:
        yield problem(f"is the broadcast address of {network}, which no machine can have", "choose another one")


def _leased(site: Site, plan: AddressPlan) -> Iterator[Problem]:
    if site.lan.dhcp_pool is None:
        return
    first, last = site.lan.dhcp_pool
    if first not in site.lan.subnet or last not in site.lan.subnet:
        message = f"is not a part of lan.subnet {site.lan.subnet}, so no address of yours would be looked for in it"
        remedy = f"write the first and the last address of {site.lan.subnet} that your router leases"
        yield Problem("site.lan.dhcp_pool", f"{first}-{last}", message, remedy)
        return
    mine = [("site.shim.ipv4_address", plan.shim.ipv4)]
    mine += [(f"{holder.addressed_at}.ipv4_address", holder.ipv4) for holder in (*plan.containers, *plan.external)]
    for path, address in mine:
        if first <= address <= last:
            message = f"is in the router's DHCP pool {first}-{last}; sooner or later another machine gets it too"
            yield Problem(
                path, str(address), message, "choose an address outside the pool, or make the pool smaller there"
            )


class Holder(Protocol):
    """A container's name and MAC."""

    @property
    def name(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def ipv4(self) -> IPv4Address: ...
    @property
    def mac(self) -> str | None: ...


def names_and_macs_given_twice(
    holders: Iterable[Holder], taken: Mapping[str, str], wrong: Set[object]
) -> Iterator[Problem]:
    """taken: MAC → device that has it already. wrong: IPv4 addresses with a problem, as in ``address_conflicts``."""
    names: dict[str, str] = {}
    macs = dict(taken)
    for holder in holders:
        if holder.name in names:
            message = f"is the name of {names[holder.name]} too; Docker takes each name once"
            yield Problem(f"{holder.path}.container_name", holder.name, message, "rename one of them")
        names.setdefault(holder.name, holder.path)
        if holder.mac is None or (holder.mac == mac_of(holder.ipv4) and holder.ipv4 in wrong):
            continue
        if holder.mac in macs:
            message = f"is the MAC of {macs[holder.mac]} too; the switch would send the packets of both to one"
            yield Problem(f"{holder.path}.mac_address", holder.mac, message, "give each its own, or leave the key out")
        macs.setdefault(holder.mac, holder.path)
