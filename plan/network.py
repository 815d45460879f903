"""Docker's network: its plan, what it keeps of a live one, and where the two differ.

Docker cannot change a network, only replace it, and then all its containers stop. A setting that has no effect on the
containers (the list of reserved addresses, others' labels) is therefore taken from the live network and never counts as
a difference.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from config.site import Site
from config.types import DOCKER
from facts.labels import MADE_BY, MAKER, REPAIRED, STACK
from facts.nas import LiveNetwork, LiveRange
from plan.lan import NetworkPlan, ShimPlan
from plan.numbering import ula_of

FIRST_ENGINE_WITHOUT_OWN_GATEWAY = 29  # docs/upstream-facts.md#docker-own-gateway


@dataclass(frozen=True)
class Difference:
    """One setting in which two networks differ: its name, the live value, and the site's."""

    setting: str
    live: str
    wanted: str


def is_adopted(live: LiveNetwork) -> bool:
    """Whether somebody else made it. Then it is used as it is, and stays when the stack is destroyed."""
    return MADE_BY not in live.labels


def plan_network(
    site: Site,
    host: IPv4Address | None,
    shim: ShimPlan,
    engine_major: int | None,
    live: LiveNetwork | None,
    stack: str = "",
) -> NetworkPlan:
    """host: the NAS's own address on the LAN, None if it has none. live: the network of that name on the NAS, None if
    there is none. stack: the value of the label of a network that is made now, "" for no label."""
    ranges = _Ranges(live, site)
    gateway = _gateway(site, engine_major, live, ranges)
    aux4 = {"shim": shim.ipv4} | ({} if host is None else {"host": host})
    aux6: dict[str, IPv6Address] = {}
    prefix = _docker_prefix(site)
    if prefix is not None and shim.ipv6 is not None:
        aux6["shim"] = shim.ipv6
    if prefix is not None and gateway is None:
        aux6["router"] = ula_of(site.lan.gateway, site.lan.subnet, prefix)
    adopted = live is not None and is_adopted(live)
    new = {**site.network.labels, MADE_BY: MAKER, **({STACK: stack} if stack else {})}
    labels = new if live is None else {**live.labels, **site.network.labels}
    wanted = NetworkPlan(
        name=site.network.name,
        parent=site.lan.parent,
        subnet=site.lan.subnet,
        gateway=site.lan.gateway,
        ip_range=_kept_range(ranges.ipv4) if adopted and site.lan.ip_range is None else site.lan.ip_range,
        ula_prefix=prefix,
        ula_gateway=gateway,
        ula_gateway_is_router=isinstance(site.ula_gateway, IPv6Address),
        reserved_ipv4=aux4 if ranges.ipv4 is None else {key: IPv4Address(a) for key, a in ranges.ipv4.aux.items()},
        reserved_ipv6=aux6 if ranges.ipv6 is None else {key: IPv6Address(a) for key, a in ranges.ipv6.aux.items()},
        labels=labels,
        adopted=adopted,
        ipv6=site.ipv6,
    )
    if live is None:
        return wanted
    if not list(differences(wanted, live, engine_major)):
        return replace(wanted, live_id=live.id)
    return replace(  # it will be replaced, so the plan keeps nothing of the live one
        wanted,
        reserved_ipv4=aux4,
        reserved_ipv6=aux6,
        labels=new,
        ip_range=site.lan.ip_range,
        adopted=False,
        replaces=True,
    )


def differences(plan: NetworkPlan, live: LiveNetwork, engine_major: int | None = None) -> Iterator[Difference]:
    """The settings of the live network that are not as planned and have an effect on containers."""

    def compare(setting: str, has: object, wants: object) -> Iterator[Difference]:
        if has != wants:
            yield Difference(setting, "none" if has is None else str(has), "none" if wants is None else str(wants))

    yield from compare("driver", live.driver, "macvlan")
    yield from compare("parent", live.parent, plan.parent)
    yield from compare("macvlan_mode", live.options.get("macvlan_mode", "bridge"), "bridge")
    yield from compare("internal", live.internal, False)
    by_family = {
        network.version: live_range
        for live_range in live.ranges
        if (network := _network(live_range.subnet)) is not None
    }
    v4, v6 = by_family.get(4), by_family.get(6)
    yield from compare("IPv4 subnet", v4 and _network(v4.subnet), plan.subnet)
    if v4 is not None:
        yield from compare("IPv4 gateway", _ipv4_gateway(v4, live, engine_major), str(plan.gateway))
        yield from compare("ip_range", _kept_range(v4), plan.ip_range)
    yield from compare("IPv6 prefix", v6 and _network(v6.subnet), plan.ula_prefix)
    # Below 29 Docker hides a gateway that it chose by itself until it is restarted.
    if v6 is not None and (v6.gateway is not None or not is_adopted(live)):
        yield from compare("IPv6 gateway", v6.gateway and str(IPv6Address(v6.gateway)), _text(plan.ula_gateway))
    for key, value in plan.labels.items():
        if key not in (MADE_BY, REPAIRED, STACK):
            yield from compare(f"label {key}", live.labels.get(key), value)


def refused_for(plan: NetworkPlan, other: LiveNetwork, engine_major: int | None) -> str:
    """The range of another network because of which Docker would refuse this one; "" if there is none (moby,
    libnetwork/ipam: the same from 20.10 to 29). Docker compares pools whatever their drivers are. A network with an
    ip_range is not compared: it shares the addresses of its subnet with all others of that subnet, so only the
    router's address can be taken already."""
    if other.ipam != "default" or other.driver in (
        "overlay",
        "null",
    ):  # a swarm's, or config-only
        return ""
    for live_range in other.ranges:
        subnet = _network(live_range.subnet)
        wanted = plan.subnet if isinstance(subnet, IPv4Network) else plan.ula_prefix
        if subnet is None or wanted is None or subnet.version != wanted.version or not subnet.overlaps(wanted):
            continue
        if subnet.version == 6 or plan.ip_range is None:
            return str(subnet)
        held = {_ipv4_gateway(live_range, other, engine_major), *live_range.aux.values()}
        needed = {str(plan.gateway), *map(str, plan.reserved_ipv4.values())}
        if subnet == wanted and (_kept_range(live_range) == plan.ip_range or held & needed):
            return str(subnet)
    return ""


class _Ranges:
    """A live network's ranges, if they are those of the site."""

    def __init__(self, live: LiveNetwork | None, site: Site) -> None:
        found = {_network(live_range.subnet): live_range for live_range in live.ranges} if live is not None else {}
        self.ipv4: LiveRange | None = found.get(site.lan.subnet)
        self.ipv6: LiveRange | None = found.get(_docker_prefix(site))


def _gateway(site: Site, engine_major: int | None, live: LiveNetwork | None, ranges: _Ranges) -> IPv6Address | None:
    """The network's IPv6 gateway. Engines below 29 choose one if none is given, so one is always given there, and
    `none` means the same as `auto` (preflight/findings/network.py reports that). A live network keeps its own
    gateway. A new one gets the router's number, unless the person names another address, because the router may want
    that address one day."""
    prefix = _docker_prefix(site)
    if prefix is None:
        return None
    if isinstance(site.ula_gateway, IPv6Address):
        return site.ula_gateway
    modern = _gives_no_gateway(engine_major)
    if ranges.ipv6 is not None and not (modern and site.ula_gateway == "none"):
        if ranges.ipv6.gateway:
            return IPv6Address(ranges.ipv6.gateway)
        if live is not None and is_adopted(live) and not modern:
            return prefix.network_address + 1  # the one that Docker takes and hides
    return None if modern else default_ula_gateway(site)


def _docker_prefix(site: Site) -> IPv6Network | None:
    """The IPv6 prefix of Docker's network, None if that has no IPv6."""
    return site.ula_prefix if site.ipv6 == DOCKER else None


def default_ula_gateway(site: Site) -> IPv6Address | None:
    """The gateway that the site names, else the ULA with the number of the router's IPv4 address. None without a ULA
    prefix."""
    if isinstance(site.ula_gateway, IPv6Address):
        return site.ula_gateway
    return None if site.ula_prefix is None else ula_of(site.lan.gateway, site.lan.subnet, site.ula_prefix)


def _gives_no_gateway(engine_major: int | None) -> bool:
    return engine_major is not None and engine_major >= FIRST_ENGINE_WITHOUT_OWN_GATEWAY


def _ipv4_gateway(v4: LiveRange, live: LiveNetwork, engine_major: int | None) -> str | None:
    """The gateway that the network's containers have. Below 29 Docker hides a gateway that it chose itself until it
    restarts: the first address of the range, else of the subnet (moby, libnetwork/ipam)."""
    subnet, first = _network(v4.subnet), _network(v4.ip_range or v4.subnet)
    hidden = not v4.gateway and is_adopted(live) and not _gives_no_gateway(engine_major)
    if not hidden or subnet is None or first is None:
        return v4.gateway
    return str(max(first.network_address, subnet.network_address + 1))


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def _kept_range(live: LiveRange | None) -> IPv4Network | None:
    found = _network(live.ip_range) if live is not None and live.ip_range else None
    return found if isinstance(found, IPv4Network) else None


def _text(address: IPv6Address | None) -> str | None:
    return None if address is None else str(address)


def as_live(plan: NetworkPlan) -> LiveNetwork:
    """The network as Docker will show it, if it is made as planned."""
    ipv6 = LiveRange(
        str(plan.ula_prefix),
        _text(plan.ula_gateway),
        None,
        {key: str(address) for key, address in plan.reserved_ipv6.items()},
    )
    return LiveNetwork(
        id=plan.live_id,
        name=plan.name,
        driver="macvlan",
        options={"parent": plan.parent},
        ranges=(
            LiveRange(
                str(plan.subnet),
                str(plan.gateway),
                None if plan.ip_range is None else str(plan.ip_range),
                {key: str(address) for key, address in plan.reserved_ipv4.items()},
            ),
            *((ipv6,) if plan.ula_prefix is not None else ()),
        ),
        labels=dict(plan.labels),
        ipv6=plan.ula_prefix is not None,
    )
