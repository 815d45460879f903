"""The networks that a Compose file declares beside those of the site: which of them are the site's own."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Network

from config.declared import DeclaredNetwork
from config.types import AUTO, ULA_RANGE

MACVLAN = "macvlan"


@dataclass(frozen=True)
class LanSettings:
    """A network of the site, as far as it is known. subnet, gateway: None if unknown. prefix: of its ULAs;
    static_prefix: as in the site."""

    name: str
    subnet: IPv4Network | None = None
    gateway: IPv4Address | None = None
    parent: str = AUTO
    prefix: IPv6Network | None = None
    static_prefix: IPv6Network | None = None

    def differences(self, declared: DeclaredNetwork) -> Iterator[str]:
        """Each setting in which the file's network is another one, as text."""
        v4, v6 = declared.pool(4), declared.pool(6)
        parent = declared.driver_opts.get("parent", "")
        if v4 is not None and self.subnet is not None and v4.subnet != self.subnet:
            yield f"subnet {v4.subnet} there and {self.subnet} here"
        if v4 is not None and v4.gateway is not None and self.gateway is not None and v4.gateway != self.gateway:
            yield f"gateway {v4.gateway} there and {self.gateway} here"
        if parent and self.parent != AUTO and parent != self.parent:
            yield f"parent {parent} there and {self.parent} here"
        if v6 is not None and self.prefix is not None and v6.subnet not in (self.prefix, self.static_prefix):
            is_global = v6.subnet is not None and v6.subnet.network_address not in ULA_RANGE
            where = "there, which the site can have as `lan.static_prefix`," if is_global else "there"
            yield f"IPv6 prefix {v6.subnet} {where} and {self.prefix} here"


@dataclass(frozen=True)
class Matched:
    """own: the file's key of a network → the site's network that it is. foreign: of one on the LAN that is no network
    of the site → what differs, in words; second: those of them beside which another one is that network of the site.
    inner: the other ones that the file declares."""

    own: Mapping[str, LanSettings]
    foreign: Mapping[str, str]
    inner: Mapping[str, DeclaredNetwork]
    second: frozenset[str] = frozenset()


def match(networks: Mapping[str, DeclaredNetwork], lans: Sequence[LanSettings]) -> Matched:
    own: dict[str, LanSettings] = {}
    foreign: dict[str, str] = {}
    inner: dict[str, DeclaredNetwork] = {}
    nearest: dict[str, LanSettings] = {}
    made = [key for key, one in networks.items() if one.driver == MACVLAN and not one.external]
    for key, declared in networks.items():
        named = next((lan for lan in lans if lan.name == declared.name), None)
        if named is not None and declared.external:
            own[key] = named
        elif declared.external or (named is None and declared.driver not in (MACVLAN, "ipvlan")):
            inner[key] = declared
        elif declared.driver != MACVLAN:
            of = named or _nearest(declared, lans)
            foreign[key] = f"is a network of the driver {declared.driver}, and the site's {of.name} is a macvlan one"
        else:
            of = named or _nearest(declared, lans)
            differs = [*of.differences(declared)]
            if declared.pool(4) is None and named is None:
                differs = ["no subnet there, for which Docker takes one of its own"]
            if of.subnet is None and named is None and len(made) > 1:
                differs = ["which of the file's macvlan networks that is, only its subnet could tell"]
            if differs:
                nearest[key] = of
                foreign[key] = f"is not the site's network {of.name}: {', '.join(differs)}"
            else:
                own[key] = of
    second = frozenset(key for key, of in nearest.items() if of in own.values())
    for key in second:
        message = (
            f"is a further macvlan network beside the site's {nearest[key].name}, and the site does not describe it"
        )
        foreign[key] = message
    return Matched(own, foreign, inner, second)


def _nearest(declared: DeclaredNetwork, lans: Sequence[LanSettings]) -> LanSettings:
    """The site's network of its subnet, or else the one with the fewest differences."""
    v4 = declared.pool(4)
    subnet = v4 and v4.subnet
    return min(lans, key=lambda lan: (subnet is not None and lan.subnet != subnet, len([*lan.differences(declared)])))
