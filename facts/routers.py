"""What routers advertise on the NAS's LAN (RFC 4861)."""

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv6Address, IPv6Network

SLAAC_LENGTH = 64  # with an interface identifier of 64 bits no other prefix forms addresses (RFC 4862, 5.5.3)


@dataclass(frozen=True)
class AdvertisedPrefix:
    """on_link, autonomous: the flags L and A; valid, preferred: seconds."""

    network: IPv6Network
    on_link: bool
    autonomous: bool
    valid: int
    preferred: int

    @property
    def forms_addresses(self) -> bool:
        """Whether SLAAC forms addresses of it that are not deprecated from the start."""
        return self.autonomous and self.network.prefixlen == SLAAC_LENGTH and min(self.valid, self.preferred) > 0


@dataclass(frozen=True)
class Router:
    """lifetime: seconds for which it is a default router; 0 if it is none, as a Thread border router.
    managed, other: the flags M and O, by which it sends devices to DHCPv6."""

    address: IPv6Address
    lifetime: int
    managed: bool = False
    other: bool = False
    prefixes: tuple[AdvertisedPrefix, ...] = ()


@dataclass(frozen=True)
class Advertisements:
    """Of one link. link: "" if the probe did not find the LAN's.

    routers: those that answered the probe; None if it could not listen.
    known: those that the kernel's neighbour table calls routers, which may have forgotten some.
    """

    link: str = ""
    routers: tuple[Router, ...] | None = None
    known: frozenset[IPv6Address] = frozenset()

    def prefixes(self) -> Iterator[AdvertisedPrefix]:
        for router in self.routers or ():
            yield from router.prefixes


NOT_ASKED = Advertisements()
