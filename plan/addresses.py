"""Every address of the site, each a function of what the person wrote and of nothing else."""

from collections.abc import Iterator, Mapping
from ipaddress import IPv4Address, IPv6Address

from config.compose import ServiceEntry
from config.problems import Problem, as_text
from config.service import Attachment, Service
from config.site import ExternalContainer, Site
from config.types import is_docker_name
from plan import endpoint_sysctls
from plan.checks import clashes
from plan.lan import AddressPlan, ContainerPlan, ShimPlan
from plan.network import default_ula_gateway
from plan.numbering import mac_of, ula_of


def plan_addresses(site: Site, services: Mapping[str, ServiceEntry]) -> tuple[AddressPlan | None, list[Problem]]:
    """Every address of the site, and what is wrong between its keys; None where the NAS's own address is missing."""
    nas = site.host_address
    if nas is None:
        remedy = "add the NAS's own address on the LAN, as in 192.168.1.10"
        what = "is missing, and nas.host is not an IPv4 address to take it from: it must be reserved in Docker"
        return None, [Problem("site.lan.nas_address", "", what, remedy)]
    containers, problems = _containers(site, services)
    external = tuple(_other(site, other) for other in site.external_containers)
    addresses = AddressPlan(nas, _shim(site), containers, external)
    return addresses, problems + list(clashes(site, addresses, default_ula_gateway(site)))


def _containers(site: Site, services: Mapping[str, ServiceEntry]) -> tuple[tuple[ContainerPlan, ...], list[Problem]]:
    containers, problems = [], []
    for key, entry in services.items():
        path, service = entry.path, entry.service
        attachment = service.networks.get(site.network.name)
        for name in service.networks:
            if name != site.network.name:
                what = "is not this site's network, and a container of this site joins that one only"
                problems.append(Problem(f"{path}.networks", name, what, f"use {site.network.name}, or remove it"))
        ipv4 = service.ipv4_address or (attachment and attachment.ipv4_address)
        problems += [*_twice(path, site.network.name, service, attachment), *_bad_volumes(path, service)]
        problems += endpoint_sysctls.wrong(path, service.sysctls)
        if ipv4 is None:
            what = "is missing: every container of this site has a fixed address of its own"
            remedy = f"add a free address of {site.lan.subnet}, outside your router's DHCP range"
            problems.append(Problem(f"{path}.ipv4_address", "", what, remedy))
            continue
        ula = service.ipv6_address or (attachment and attachment.ipv6_address)
        mac = service.mac_address or (attachment and attachment.mac_address)
        containers.append(
            ContainerPlan(
                key=key,
                name=service.container_name or key,
                ipv4=ipv4,
                ula=ula or _ula(site, ipv4),
                mac=mac or mac_of(ipv4),
                service=service,
                path=path,
                aliases=attachment.aliases if attachment else (),
            )
        )
    return tuple(containers), problems


def _twice(path: str, network: str, service: Service, attachment: Attachment | None) -> Iterator[Problem]:
    for key in ("ipv4_address", "ipv6_address", "mac_address") if attachment else ():
        one, other = getattr(service, key), getattr(attachment, key)
        if one and other and one != other:
            what = f"is {other} under networks.{network}, and a container has one of them there"
            yield Problem(f"{path}.{key}", str(one), what, "remove one of the two lines")


def _bad_volumes(path: str, service: Service) -> Iterator[Problem]:
    for index, volume in enumerate(service.volumes):
        if volume.type == "volume" and not is_docker_name(volume.source):
            what = "is not a name that a volume can have in Docker"
            yield Problem(f"{path}.volumes[{index}]", as_text(volume.source), what, "see its names: docker volume ls")


def _ula(site: Site, ipv4: IPv4Address) -> IPv6Address:
    return ula_of(ipv4, site.lan.subnet, site.ula.prefix)


def _other(site: Site, other: ExternalContainer) -> ContainerPlan:
    ula = other.ipv6_address or _ula(site, other.ipv4_address)
    name = other.name or str(other.ipv4_address)
    path = f"site.external_containers.{name}"
    return ContainerPlan(name, name, other.ipv4_address, ula, other.mac_address, None, path)


def _shim(site: Site) -> ShimPlan:
    shim = site.shim
    return ShimPlan(
        name=shim.name,
        parent=site.lan.parent,
        mac=shim.mac_address or mac_of(shim.ipv4_address),
        ipv4=shim.ipv4_address,
        ula=shim.ipv6_address or _ula(site, shim.ipv4_address),
    )
