"""What the site will be: plain values, with every address and MAC. ``plan.planner`` makes them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Literal

from config.service import Service
from config.types import DOCKER, LOOP
from plan.numbering import ROUTING_TABLE, eui64


@dataclass(frozen=True)
class ContainerPlan:
    """A container and its addresses on the LAN.

    key: the person's own name for it. path: where it stands in the YAML; place: where its addresses do, if elsewhere.
    name: Docker's name for it.
    service: None if the container is run otherwise.
    driver_opts: of its endpoint, as Docker takes them.
    stack: the value of the label that says whose it is, "" for none.
    ula: its private IPv6 address, None if it gets none; static: its global one in the site's lan.static_prefix, None
        for none.
    ipv6_is_off, forwards, ignores_routers: what its own sysctls make of IPv6 (plan/container_sysctls.py).
    moved_sysctls: those that its engine takes with the endpoint only, as written and as they are handed over.
    ends: whether it is to do its work and end.
    suffix: the interface identifier, the last 64 bits of the global address that SLAAC forms (RFC 4291 appendix A);
        None if this program does not set the MAC.
    """

    key: str
    name: str
    ipv4: IPv4Address
    ula: IPv6Address | None
    mac: str | None
    service: Service | None
    path: str
    aliases: tuple[str, ...] = ()
    driver_opts: tuple[str, ...] = ()
    place: str = ""
    stack: str = ""
    static: IPv6Address | None = None
    ipv6_is_off: bool = False
    forwards: bool = False
    ignores_routers: bool = False
    moved_sysctls: tuple[tuple[str, str], ...] = ()
    ends: bool = False

    @property
    def addressed_at(self) -> str:
        return self.place or self.path

    @property
    def suffix(self) -> str | None:
        return None if self.mac is None else str(IPv6Address(eui64(self.mac)))


@dataclass(frozen=True)
class NetworkPlan:
    """Docker's macvlan network. Docker never gives a reserved address to a container.

    ipv6: who gives containers their IPv6 addresses. ula_prefix: of Docker's network, None if it has no IPv6.
    ula_gateway_is_router: False for a placeholder, which only keeps Docker from choosing a gateway itself.
    adopted: whether somebody else made it; then it is used as it is.
    live_id: Docker's id of the live network, if that one stays.
    replaces: whether the live network differs and has to be replaced.
    """

    name: str
    parent: str
    subnet: IPv4Network
    gateway: IPv4Address
    ip_range: IPv4Network | None
    ula_prefix: IPv6Network | None
    ula_gateway: IPv6Address | None
    ula_gateway_is_router: bool
    reserved_ipv4: Mapping[str, IPv4Address]
    reserved_ipv6: Mapping[str, IPv6Address]
    labels: Mapping[str, str]
    adopted: bool = False
    live_id: str = ""
    replaces: bool = False
    ipv6: Literal["docker", "loop", "off"] = DOCKER


@dataclass(frozen=True)
class ShimPlan:
    """ipv6: its ULA; without a ULA prefix the link-local address of its MAC, and None without IPv6.
    routing_table: the number of the table for the containers' routes, and of the rule that leads to it."""

    name: str
    parent: str
    mac: str
    ipv4: IPv4Address
    ipv6: IPv6Address | None
    routing_table: int = ROUTING_TABLE


@dataclass(frozen=True)
class PlannedAddress:
    """An address that this program assigns. path: where the person wrote it, or what it follows from; name, key: of its
    container, "" for the shim."""

    path: str
    address: IPv4Address | IPv6Address
    mac: str | None
    name: str = ""
    key: str = ""


@dataclass(frozen=True)
class AddressPlan:
    """Everything that follows from what the person wrote, without the NAS. The shim's parent may still be `auto`.

    nas_ipv4: the NAS's own address on the LAN, None if it has none there.
    external: containers that are run otherwise; all_external: whether that means each one on the network, without a
        list.
    """

    nas_ipv4: IPv4Address | None
    shim: ShimPlan
    containers: tuple[ContainerPlan, ...]
    external: tuple[ContainerPlan, ...]
    all_external: bool = False

    @property
    def given(self) -> tuple[PlannedAddress, ...]:
        """The addresses of the shim and of our own containers. No other device may have one of them."""
        return given_addresses(self.shim, self.containers)


def given_addresses(shim: ShimPlan, containers: Iterable[ContainerPlan]) -> tuple[PlannedAddress, ...]:
    found = [PlannedAddress("site.shim.ipv4_address", shim.ipv4, shim.mac)]
    if shim.ipv6 is not None and not shim.ipv6.is_link_local:
        found.append(PlannedAddress("site.shim.ipv6_address", shim.ipv6, shim.mac))
    for container in containers:
        for key, address in (("ipv4", container.ipv4), ("ipv6", container.ula), ("ipv6", container.static)):
            if address is not None:
                path = f"{container.addressed_at}.{key}_address"
                found.append(PlannedAddress(path, address, container.mac, container.name, container.key))
    return tuple(found)


def loop_given(mode: str, external: Iterable[ContainerPlan]) -> tuple[PlannedAddress, ...]:
    """The addresses that the watch loop gives to containers which others run. No other device may have one of them.
    mode: who gives containers their IPv6 addresses."""
    return tuple(
        PlannedAddress(f"{one.path}.ipv6_address", address, one.mac, one.name, one.key)
        for one in (external if mode == LOOP else ())
        for address in (one.ula, one.static)
        if address is not None
    )


@dataclass(frozen=True)
class ImagePlan:
    """An image of the site's containers.

    name: as written.
    pulled: the person's word of the last request to pull, "" if there was none or if the name can never mean another
        image.
    again: whether the NAS then pulls it, or Pulumi only looks up what the NAS has.
    platform: "" for the NAS's own.
    """

    name: str
    pulled: str = ""
    again: bool = False
    platform: str = ""


@dataclass(frozen=True)
class LanPlan:
    """One network of the site.

    key: "" for the first one, else its name.
    nas_ipv4: as in AddressPlan.
    external, all_external: as in AddressPlan.
    ula_prefix: of the containers' private IPv6 addresses, whoever gives them; None for none.
    found: with all_external, the others' containers that the probe found on the network. No file has them, because
        they come and go.
    """

    network: NetworkPlan
    shim: ShimPlan
    nas_ipv4: IPv4Address | None
    containers: tuple[ContainerPlan, ...]
    external: tuple[ContainerPlan, ...]
    key: str = ""
    all_external: bool = False
    ula_prefix: IPv6Network | None = None
    found: tuple[ContainerPlan, ...] = ()

    @property
    def given(self) -> tuple[PlannedAddress, ...]:
        """As in AddressPlan."""
        return given_addresses(self.shim, self.containers)

    @property
    def routed(self) -> tuple[ContainerPlan, ...]:
        """All addresses that the NAS reaches through the shim, in a stable order."""
        return tuple(sorted((*self.containers, *self.external), key=lambda container: container.ipv4))
