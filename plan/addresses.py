"""Every address of the site. Each follows from what the person wrote and from nothing else."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address

from config.compose import ServiceEntry
from config.problems import Problem
from config.service import Service
from config.service_parts import Attachment
from config.site import ALL, ExternalContainer, Site
from config.types import AUTO, LOOP, NONE, OFF
from plan import container_sysctls
from plan.checks import clashes, ipv6_problems, no_nas_address
from plan.lan import AddressPlan, ContainerPlan, ShimPlan
from plan.network import default_ula_gateway
from plan.numbering import link_local, mac_of, routing_table_of, ula_of


def plan_addresses(site: Site, services: Mapping[str, ServiceEntry]) -> tuple[AddressPlan | None, list[Problem]]:
    """Every address of the site, and the problems between its keys. The plan is None if the person has not said which
    address the NAS has."""
    nas = site.host_address
    if nas is None and site.lan.nas_address != NONE:
        remedy = f"write `lan.nas_address:` with the NAS's own address in {site.lan.subnet}, or {no_nas_address(site)}"
        message = "is missing, and nas.host is not an IPv4 address to take it from: it must be reserved in Docker"
        return None, [Problem("site.lan.nas_address", "", message, remedy)]
    containers, problems = _containers(site, services)
    external = tuple(_other(site, other) for other in site.listed_externals)
    addresses = AddressPlan(nas, _shim(site), containers, external, site.external_containers == ALL)
    problems += ipv6_problems(site, addresses)
    return addresses, problems + list(clashes(site, addresses, default_ula_gateway(site)))


def _containers(site: Site, services: Mapping[str, ServiceEntry]) -> tuple[tuple[ContainerPlan, ...], list[Problem]]:
    containers, problems = [], []
    for key, entry in services.items():
        service = entry.service
        problems += service_problems(entry, site.network.name, site.lan.subnet)
        written = written_addresses(service, site.network.name)
        if written.ipv4 is None:
            continue
        attachment = service.networks.get(site.network.name)
        off = container_sysctls.is_switched_off(service, site.network.name, site.ipv6 == LOOP)
        ula, static = (None, None) if off and site.ipv6 == LOOP else _ipv6(site, written.ipv4, written.ipv6)
        containers.append(
            ContainerPlan(
                key=key,
                name=entry.docker_name(key),
                ipv4=written.ipv4,
                ula=ula,
                static=static,
                ipv6_is_off=off,
                forwards=container_sysctls.forwards(service, site.network.name),
                ignores_routers=container_sysctls.ignores_routers(service, site.network.name),
                mac=written.mac or mac_of(written.ipv4),
                service=service,
                path=entry.path,
                place=entry.place,
                aliases=with_alias(attachment.aliases if attachment else (), entry.alias),
            )
        )
    return tuple(containers), problems


def with_alias(aliases: tuple[str, ...], alias: str) -> tuple[str, ...]:
    return (*aliases, alias) if alias and alias not in aliases else aliases


@dataclass(frozen=True)
class WrittenAddresses:
    """The addresses that a person wrote for a container, beside its service or under its network; None if there is
    none."""

    ipv4: IPv4Address | None
    ipv6: IPv6Address | None
    mac: str | None


def written_addresses(service: Service, network: str) -> WrittenAddresses:
    attachment = service.networks.get(network) or Attachment()
    return WrittenAddresses(
        ipv4=service.ipv4_address or attachment.ipv4_address,
        ipv6=service.ipv6_address or attachment.ipv6_address,
        mac=service.mac_address or attachment.mac_address,
    )


def service_problems(entry: ServiceEntry, network: str, subnet: IPv4Network | None) -> Iterator[Problem]:
    """The problems that a service alone can have once each of its keys is right. subnet: the LAN's, None if unknown."""
    path, service = entry.path, entry.service
    attachment = service.networks.get(network)
    yield from _twice(path, network, service, attachment)
    yield from container_sysctls.wrong(path, service, network)
    elsewhere = service.networks and network not in service.networks  # placement_problems tells of it
    if written_addresses(service, network).ipv4 is None and not elsewhere and not entry.lacks_networks:
        message = "is missing: every container of this site has a fixed address of its own"
        remedy = f"add a free address of {subnet or 'your LAN'}, outside your router's DHCP range"
        yield Problem(f"{entry.place or path}.ipv4_address", "", message, remedy)


def _twice(path: str, network: str, service: Service, attachment: Attachment | None) -> Iterator[Problem]:
    for key in ("ipv4_address", "ipv6_address", "mac_address") if attachment else ():
        own, other = getattr(service, key), getattr(attachment, key)
        if own and other and own != other:
            message = f"is {other} under networks.{network}, and a container has one of them there"
            yield Problem(f"{path}.{key}", str(own), message, "remove one of the two lines")


def _ipv6(site: Site, ipv4: IPv4Address, written: IPv6Address | None) -> tuple[IPv6Address | None, IPv6Address | None]:
    """The container's ULA and its static global address. Beside the latter it keeps a ULA, because the NAS's shim has
    one too and the container would answer it by way of the router."""
    derived = None if site.ula_prefix is None else ula_of(ipv4, site.lan.subnet, site.ula_prefix)
    if site.ipv6 == LOOP and site.lan.static_prefix and written and written in site.lan.static_prefix:
        return derived, written
    return written or derived, None


def _other(site: Site, other: ExternalContainer) -> ContainerPlan:
    ula, static = _ipv6(site, other.ipv4_address, other.ipv6_address)
    name = other.name or str(other.ipv4_address)
    path = f"site.external_containers.{name}"
    return ContainerPlan(name, name, other.ipv4_address, ula, other.mac_address, None, path, static=static)


def _shim(site: Site) -> ShimPlan:
    shim = site.shim
    mac = shim.mac_address or mac_of(shim.ipv4_address)
    ipv6 = None
    if site.ula_prefix is not None:
        ipv6 = shim.ipv6_address or ula_of(shim.ipv4_address, site.lan.subnet, site.ula_prefix)
    elif site.ipv6 != OFF:
        ipv6 = link_local(mac)  # docs/decisions/0027: enough to reach containers by their global addresses
    return ShimPlan(
        name=shim.name,
        parent=site.lan.parent,
        mac=mac,
        ipv4=shim.ipv4_address,
        ipv6=ipv6,
        routing_table=routing_table_of(site.install.name) if shim.routing_table == AUTO else int(shim.routing_table),
    )
