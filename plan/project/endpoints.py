"""The networks of one container: its addresses on those of the site, and what it has on the others."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv6Address

from config.compose import ServiceEntry
from config.service_parts import Attachment
from config.types import DOCKER
from plan.addresses import with_alias
from plan.container_sysctls import options
from plan.lan import ContainerPlan, LanPlan
from plan.project.declared import InnerNetworkPlan
from plan.project.default_route import Way, default_way, heeds_priorities

LAN_PRIORITY = 1000  # above those that people write for networks among each other


@dataclass(frozen=True)
class EndpointPlan:
    """A container on one network, as Docker is told.

    network: Docker's name for it.
    lan: the key of the site's network that it is ("" for the first one), None if it is none of the site's.
    ipv6: the address that Docker gives, None if the watch loop does or nobody.
    gw_priority: None to say nothing.
    """

    network: str
    lan: str | None = None
    ipv4: IPv4Address | None = None
    ipv6: IPv6Address | None = None
    mac: str | None = None
    aliases: tuple[str, ...] = ()
    driver_opts: tuple[str, ...] = ()
    link_local_ips: tuple[str, ...] = ()
    gw_priority: int | None = None


def on_lan(plan: LanPlan, container: ContainerPlan) -> EndpointPlan:
    written = (container.service and container.service.networks.get(plan.network.name)) or Attachment()
    return EndpointPlan(
        network=plan.network.name,
        lan=plan.key,
        ipv4=container.ipv4,
        ipv6=container.ula if plan.network.ipv6 == DOCKER else None,
        mac=container.mac,
        aliases=container.aliases,
        driver_opts=container.driver_opts,
        link_local_ips=written.link_local_ips,
        gw_priority=written.gw_priority or None,
    )


def on_others(entry: ServiceEntry, lans: Sequence[LanPlan]) -> Iterator[EndpointPlan]:
    """On the networks that are none of the site's. The plugin loses a MAC on its way there, so none is given."""
    names = {plan.network.name for plan in lans}
    for name, written in entry.service.networks.items():
        if name not in names:
            yield EndpointPlan(
                network=name,
                ipv4=written.ipv4_address,
                ipv6=written.ipv6_address,
                aliases=with_alias(written.aliases, entry.alias),
                driver_opts=options(written.driver_opts),
                link_local_ips=written.link_local_ips,
                gw_priority=written.gw_priority or None,
            )


def with_default_route(endpoints: Sequence[EndpointPlan], engine_major: int | None) -> tuple[EndpointPlan, ...]:
    """The default route goes over the first LAN, unless the person said otherwise: of a container that has other
    networks too, people expect that it is on the LAN as any device there. Older engines have no word for it."""
    mixed = any(one.lan is None for one in endpoints) and any(one.lan is not None for one in endpoints)
    written = any(one.gw_priority is not None for one in endpoints)
    if not mixed or written or not heeds_priorities(engine_major):
        return tuple(endpoints)
    first = next(one for one in endpoints if one.lan is not None)
    return tuple(replace(one, gw_priority=LAN_PRIORITY) if one is first else one for one in endpoints)


def default_endpoint(
    endpoints: Sequence[EndpointPlan],
    lans: Sequence[LanPlan],
    inner: Mapping[str, InnerNetworkPlan],
    engine_major: int | None,
) -> EndpointPlan | None:
    """The one that has the default route, and by which Docker publishes ports. None if none has."""
    dual = {plan.network.name: plan.network.ula_prefix is not None for plan in lans}
    dual |= {name: plan.dual for name, plan in inner.items()}
    found = default_way(
        (
            Way(
                network=one.network,
                internal=one.lan is None and one.network in inner and inner[one.network].internal,
                dual=dual.get(one.network, False),
                priority=one.gw_priority or 0,
            )
            for one in endpoints
        ),
        engine_major,
    )
    return next((one for one in endpoints if found is not None and one.network == found.network), None)
