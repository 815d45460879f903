"""Docker labels. By those of this program it recognises its own networks and containers, and records why it recreated
one; by those of Compose it recognises what Compose made."""

from collections.abc import Iterable
from dataclasses import dataclass

OURS = "macvlan-ipv6"
MADE_BY = f"{OURS}.made-by"  # on a network that was made here; one that was adopted has none
MAKER = "pulumi"
ADDRESSES = f"{OURS}.addresses"  # on a container: the IPv4, ULA and MAC it was made with on each network
NO_ADDRESS = "-"  # in its value, for a ULA that Docker does not give
NONE_ON_THE_LAN = "none"  # its value on a container that has no address of the site
REPAIRED = f"{OURS}.repaired"  # on both: when and why it was recreated
STACK = f"{OURS}.stack"  # on both: organization/project/stack that made it, unless an older version did
COMPOSE = "com.docker.compose"  # what Compose's own labels begin with

Words = tuple[str, str, str]


@dataclass(frozen=True)
class ComposeLabels:
    """What Compose wrote onto a container, or whoever set such labels; "" for nothing.

    files, folder: of the project where Compose ran, which may be within another container (Portainer).
    is_one_off: whether `docker compose run` made it beside the service's own.
    """

    project: str = ""
    service: str = ""
    files: tuple[str, ...] = ()
    folder: str = ""
    is_one_off: bool = False


BY_NOBODY = ComposeLabels()


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
