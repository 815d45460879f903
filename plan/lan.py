"""What the site is to become: plain values, each address and MAC settled. Made by ``plan.addresses``."""

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

from plan.service import Service


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

    ula_gateway_is_router: False where the gateway only keeps Docker from taking another one, and nobody answers.
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
class ImagePlan:
    """name: as written. pulled: the person's word for when images were last wanted anew, "" for never, and for one
    whose name can never mean another; again: whether the NAS pulls it then, or Pulumi only looks at what it has."""

    name: str
    pulled: str = ""
    again: bool = False


@dataclass(frozen=True)
class LanPlan:
    """The whole site. host: the NAS's own address; others: containers that someone else runs; pulled: see ImagePlan."""

    network: NetworkPlan
    shim: ShimPlan
    host: IPv4Address
    containers: tuple[ContainerPlan, ...]
    others: tuple[ContainerPlan, ...]
    pulled: str = ""

    @property
    def images(self) -> tuple[ImagePlan, ...]:
        """Each once, in the containers' order. One that several have is pulled anew if one of them lets it be."""
        again: dict[str, bool] = {}
        for service in (container.service for container in self.containers):
            if service is not None:
                again[service.image] = again.get(service.image, False) or service.pull_policy is None
        moving = {name for name in again if self.pulled and "@" not in name}
        return tuple(
            ImagePlan(name, self.pulled, pull) if name in moving else ImagePlan(name) for name, pull in again.items()
        )

    @property
    def routed(self) -> tuple[ContainerPlan, ...]:
        """All that the host reaches through the shim, in a stable order."""
        return tuple(sorted((*self.containers, *self.others), key=lambda container: container.ipv4))


def eui64(mac: str) -> int:
    """The interface identifier of a MAC: universal bit flipped, ff:fe in the middle (RFC 4291 appendix A)."""
    octets = bytes.fromhex(mac.replace(":", ""))
    return int.from_bytes(bytes([octets[0] ^ 0x02]) + octets[1:3] + b"\xff\xfe" + octets[3:], "big")
