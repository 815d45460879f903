"""What the probe found in the containers' namespaces."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address

from facts.nas import Inside

TEMPORARY, FAILED, DEPRECATED = 0x01, 0x08, 0x20  # linux/if_addr.h
_LINK = re.compile(r"\d+: ([^\s:@]+)(?:@\S+)?: .*link/ether ([0-9a-f:]{17}) ")


@dataclass
class _Part:
    ipv4: set[IPv4Address] = field(default_factory=set)
    ipv6: list[tuple[str, IPv6Address]] = field(default_factory=list)
    failed: set[IPv6Address] = field(default_factory=set)
    speaks_ipv6: bool = False
    macs: dict[str, str] = field(default_factory=dict)
    known: bool = True


def read_inside(lines: Iterable[str]) -> Mapping[int, Inside]:
    """By the process number of the container, less those of whom not all could be read. lines: see look_inside in
    probe.sh."""
    found: dict[int, _Part] = {}
    part = _Part()
    for line in lines:
        kind, _, rest = line.partition(" ")
        if kind in ("pid", "links"):
            part = found.setdefault(int(rest), _Part())
        elif kind == "cut":
            part.known = False
        elif match := _LINK.match(line):
            part.macs[match[1]] = match[2]
        else:
            _take(part, kind, rest.split())
    return {
        pid: _inside(container)
        for pid, container in found.items()
        if container.known and (container.ipv4 or container.ipv6 or container.macs)
    }


def _inside(part: _Part) -> Inside:
    return Inside(
        ipv4=frozenset(part.ipv4),
        ipv6=tuple(part.ipv6),
        failed=frozenset(part.failed),
        speaks_ipv6=part.speaks_ipv6,
        macs=part.macs,
    )


def _take(part: _Part, kind: str, words: list[str]) -> None:
    if kind == "v4" and not (address := IPv4Address(words[0])).is_loopback:
        part.ipv4.add(address)
    elif kind == "v6" and words[5] != "lo":
        part.speaks_ipv6 = True
        address, flags = IPv6Address(int(words[0], 16)), int(words[4], 16)
        if words[3] == "00" and not flags & (TEMPORARY | DEPRECATED):
            part.ipv6.append((words[5], address))
            part.failed |= {address} if flags & FAILED else set()
