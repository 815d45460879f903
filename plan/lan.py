"""What the site is to become: plain values, with every address and MAC decided. Made by ``plan.planner``."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from config.service import Service
from plan.numbering import eui64


@dataclass(frozen=True)
class ContainerPlan:
    """One address holder on the LAN. ``service`` is None where someone else runs the container.

    key: the person's own name for it; path: where it stands in the YAML; name: the container's; driver_opts: of its
    place on the network, as Docker takes them; suffix: the last 64 bits that SLAAC will give its global address (RFC
    4291 appendix A), or None where the MAC is not ours to pin.
    """

    key: str
    name: str
    ipv4: IPv4Address
    ula: IPv6Address
    mac: str | None
    service: Service | None
    path: str
    aliases: tuple[str, ...] = ()
    driver_opts: tuple[str, ...] = ()

    @property
    def suffix(self) -> str | None:
        return None if self.mac is None else str(IPv6Address(eui64(self.mac)))


@dataclass(frozen=True)
class NetworkPlan:
    """Docker's macvlan network. Reserved addresses are never handed out by Docker.

    ula_gateway_is_router: False for a placeholder, which only keeps Docker from choosing a gateway itself.
    adopted: made by someone else, used as it is; live_id: Docker's id of the one that is there and will do; replaces:
    the one that is there differs and has to go.
    """

    name: str
    parent: str
    subnet: IPv4Network
    gateway: IPv4Address
    ip_range: IPv4Network | None
    ula_prefix: IPv6Network
    ula_gateway: IPv6Address | None
    ula_gateway_is_router: bool
    reserved_ipv4: Mapping[str, IPv4Address]
    reserved_ipv6: Mapping[str, IPv6Address]
    labels: Mapping[str, str]
    adopted: bool = False
    live_id: str = ""
    replaces: bool = False


@dataclass(frozen=True)
class ShimPlan:
    name: str
    parent: str
    mac: str
    ipv4: IPv4Address
    ula: IPv6Address


@dataclass(frozen=True)
class PlannedAddress:
    """An address that this program gives away. path: where the person wrote it, or what it follows from; name,
    key: of the container that gets it, "" for the shim."""

    path: str
    address: IPv4Address | IPv6Address
    mac: str | None
    name: str = ""
    key: str = ""


@dataclass(frozen=True)
class AddressPlan:
    """All that follows from what the person wrote, without the NAS. nas_ipv4: the NAS's own address on the LAN;
    external: containers that someone else runs. The shim's parent may still be `auto`."""

    nas_ipv4: IPv4Address
    shim: ShimPlan
    containers: tuple[ContainerPlan, ...]
    external: tuple[ContainerPlan, ...]

    @property
    def given(self) -> tuple[PlannedAddress, ...]:
        """The addresses of the shim and of our own containers: no other device may have one of them."""
        return given_addresses(self.shim, self.containers)


def given_addresses(shim: ShimPlan, containers: Iterable[ContainerPlan]) -> tuple[PlannedAddress, ...]:
    found = [
        PlannedAddress("site.shim.ipv4_address", shim.ipv4, shim.mac),
        PlannedAddress("site.shim.ipv6_address", shim.ula, shim.mac),
    ]
    for container in containers:
        found.append(
            PlannedAddress(
                f"{container.path}.ipv4_address", container.ipv4, container.mac, container.name, container.key
            )
        )
        found.append(
            PlannedAddress(
                f"{container.path}.ipv6_address", container.ula, container.mac, container.name, container.key
            )
        )
    return tuple(found)


@dataclass(frozen=True)
class ImagePlan:
    """name: as written. pulled: the person's word for when images were last to be pulled, "" for never, and for one
    whose name can never mean another; again: whether the NAS pulls it then, or Pulumi only looks at what it has."""

    name: str
    pulled: str = ""
    again: bool = False


@dataclass(frozen=True)
class LanPlan:
    """The whole site. nas_ipv4: the NAS's own address; external: containers that someone else runs; pulled: see
    ImagePlan."""

    network: NetworkPlan
    shim: ShimPlan
    nas_ipv4: IPv4Address
    containers: tuple[ContainerPlan, ...]
    external: tuple[ContainerPlan, ...]
    pulled: str = ""

    def pulled_at(self, when: str) -> "LanPlan":
        """The same, with images to be pulled since then."""
        return replace(self, pulled=when)

    @property
    def images(self) -> tuple[ImagePlan, ...]:
        """Each once, in the containers' order. An image of several containers is pulled again if one allows it."""
        again: dict[str, bool] = {}
        for service in (container.service for container in self.containers):
            if service is not None:
                again[service.image] = again.get(service.image, False) or service.pull_policy is None
        moving = {name for name in again if self.pulled and "@" not in name}
        return tuple(
            ImagePlan(name, self.pulled, pull) if name in moving else ImagePlan(name) for name, pull in again.items()
        )

    @property
    def given(self) -> tuple[PlannedAddress, ...]:
        """As in AddressPlan."""
        return given_addresses(self.shim, self.containers)

    @property
    def routed(self) -> tuple[ContainerPlan, ...]:
        """All that the host reaches through the shim, in a stable order."""
        return tuple(sorted((*self.containers, *self.external), key=lambda container: container.ipv4))
