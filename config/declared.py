"""Networks, volumes, configs and secrets as a Compose file declares them."""

from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator

from config.problems import reject
from config.service_parts import Strict, StringMap
from config.types import Text, VolumeName


def _network(value: Any) -> IPv4Network | IPv6Network:
    """Also from an address in it, as older engines take it (docs/upstream-facts.md#docker-host-bits)."""
    try:
        return ip_network(value, strict=False)
    except (ValueError, TypeError):
        reject("is not a subnet", "write it as in 172.30.0.0/24")


def _address(value: Any) -> IPv4Address | IPv6Address:
    try:
        return ip_address(value)
    except ValueError:
        reject("is not an address", "write it as in 172.30.0.1")


Subnet = Annotated[IPv4Network | IPv6Network, PlainValidator(_network)]
AnyAddress = Annotated[IPv4Address | IPv6Address, PlainValidator(_address)]


class Pool(Strict):
    subnet: Subnet | None = None
    gateway: AnyAddress | None = None
    ip_range: Subnet | None = None
    aux_addresses: dict[str, AnyAddress] = Field(default_factory=dict)


class Ipam(Strict):
    driver: Literal["default"] = "default"
    config: tuple[Pool, ...] = ()
    options: StringMap = Field(default_factory=dict)


class DeclaredNetwork(Strict):
    """name: Docker's. Without a driver it is a bridge."""

    name: Text
    driver: Text = "bridge"
    driver_opts: StringMap = Field(default_factory=dict)
    ipam: Ipam = Ipam()
    external: bool = False
    internal: bool = False
    attachable: bool = False
    enable_ipv6: bool | None = None
    labels: StringMap = Field(default_factory=dict)

    def pool(self, version: int) -> Pool | None:
        """The first pool of that family."""
        pools = (pool for pool in self.ipam.config if pool.subnet is not None and pool.subnet.version == version)
        return next(pools, None)


class DeclaredVolume(Strict):
    """name: Docker's."""

    name: VolumeName
    driver: Text | None = None
    driver_opts: StringMap = Field(default_factory=dict)
    external: bool = False
    labels: StringMap = Field(default_factory=dict)

    @property
    def is_plain(self) -> bool:
        """Whether Docker makes it just so when a container names it."""
        return not self.driver_opts and not self.labels and self.driver in (None, "local")


class DeclaredFile(Strict):
    """A config or a secret. file: its path on the NAS."""

    name: Text
    file: Text | None = None
    external: bool = False
    content: str | None = None
    environment: Text | None = None


@dataclass(frozen=True)
class Origin:
    """Where something is declared. key: the file's own for it, "" if it only names it. project, is_project_named: of
    Compose, as in ServiceEntry."""

    path: str
    key: str = ""
    project: str = ""
    is_project_named: bool = False
