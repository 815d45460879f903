"""Docker labels of this program: by them it recognises its own networks and containers, and records why it recreated
one."""

from collections.abc import Iterable

OURS = "macvlan-ipv6"
MADE_BY = f"{OURS}.made-by"  # on a network that was made here; one that was adopted has none
MAKER = "pulumi"
ADDRESSES = f"{OURS}.addresses"  # on a container: the IPv4, ULA and MAC it was made with on each network
NO_ADDRESS = "-"  # in its value, for a ULA that Docker does not give
NONE_ON_THE_LAN = "none"  # its value on a container that has no address of the site
REPAIRED = f"{OURS}.repaired"  # on both: when and why it was recreated
STACK = f"{OURS}.stack"  # on both: organization/project/stack that made it, unless an older version did

Words = tuple[str, str, str]


def write_addresses(entries: Iterable[tuple[str, Words]]) -> str:
    """The value of ADDRESSES. entries: network (its name, "" for the site's first one) and IPv4, ULA and MAC on it."""
    return "; ".join(" ".join([*words, network]).rstrip() for network, words in entries)


def read_addresses(text: str, network: str) -> Words | None:
    """IPv4, ULA and MAC that a container was made with on that network, None if the value does not say."""
    for entry in text.split("; "):
        words = entry.split()
        if len(words) in (3, 4) and words[3:] == [network] * bool(network):
            return words[0], words[1], words[2]
    return None
