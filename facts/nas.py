"""What a NAS says of itself, as values. Made by ``probe.parse`` from the output of probe.sh (parts: nas/probe/)."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface, IPv6Network
from itertools import pairwise

from config.types import ULA_RANGE

Interface = IPv4Interface | IPv6Interface


@dataclass(frozen=True)
class LinkAddress:
    """flags: ip's words behind an address, as "dynamic", "temporary", "deprecated"."""

    interface: Interface
    flags: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Link:
    """One network interface. kind: ip's ("macvlan", "bridge", "bond" …), "" for a plain card; lower: what it stands on
    (eth0 of macvlan-host@eth0); master: the bridge or bond that it is a part of; carrier: whether it is up and linked.
    """

    name: str
    kind: str = ""
    mode: str = ""
    lower: str = ""
    master: str = ""
    mac: str = ""
    up: bool = True
    carrier: bool = True
    wireless: bool = False
    addresses: tuple[LinkAddress, ...] = ()


@dataclass(frozen=True)
class LiveRange:
    """One address range of a Docker network. gateway: None where Docker shows none."""

    subnet: str
    gateway: str | None = None
    ip_range: str | None = None
    aux: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LiveNetwork:
    """A Docker network as `docker network inspect` shows it. attached: names of running containers on it; ipam: who
    gives out its addresses, "default" for Docker itself."""

    id: str
    name: str
    driver: str
    options: Mapping[str, str]
    ranges: tuple[LiveRange, ...]
    labels: Mapping[str, str] = field(default_factory=dict)
    ipv6: bool = True
    internal: bool = False
    attachable: bool = False
    attached: tuple[str, ...] = ()
    ipam: str = "default"

    @property
    def parent(self) -> str:
        return self.options.get("parent", "")


@dataclass(frozen=True)
class Attachment:
    """A container's place on a network; addresses are "" while it does not run. asked: what it was given to keep."""

    ipv4: str = ""
    ipv6: str = ""
    mac: str = ""
    asked_ipv4: str = ""
    asked_ipv6: str = ""


@dataclass(frozen=True)
class Inside:
    """What the kernel says of a running container's namespace. ipv6: (interface, address) of global scope, less
    temporary and deprecated ones; failed: those of them that another device has (DAD); speaks_ipv6: whether any
    interface has an IPv6 address, as one has wherever IPv6 is not switched off; macs: of its interfaces by name, empty
    where only root could ask."""

    ipv4: frozenset[IPv4Address] = frozenset()
    ipv6: tuple[tuple[str, IPv6Address], ...] = ()
    failed: frozenset[IPv6Address] = frozenset()
    speaks_ipv6: bool = True
    macs: Mapping[str, str] = field(default_factory=dict)

    def link(self, ula: IPv6Address | None) -> str:
        """The interface on our network: the one that has this ULA, or the only one there is; "" if that is unclear."""
        own = [link for link, address in self.ipv6 if address == ula] or [*self.macs]
        return own[0] if len(own) == 1 else ""

    def mac(self, ula: IPv6Address | None) -> str:
        return self.macs.get(self.link(ula), "")

    def globals(self, ula: IPv6Address | None) -> tuple[IPv6Address, ...]:
        """Addresses beside ULAs on that interface, which it may use."""
        own = (address for link, address in self.ipv6 if link == self.link(ula) and address not in self.failed)
        return tuple(address for address in own if address not in ULA_RANGE)


@dataclass(frozen=True)
class LiveContainer:
    """addresses, repaired: values of our labels, "" where it has none, and then it is not ours; ran: seconds since its
    last start, by the NAS's clock, 0 where that is not known; inside: None where it does not run, is on another network
    or could not be asked.
    """

    name: str
    status: str
    networks: Mapping[str, Attachment]
    addresses: str = ""
    repaired: str = ""
    ran: float = 0
    id: str = ""
    inside: Inside | None = None

    @property
    def runs(self) -> bool:
        return self.status == "running"


@dataclass(frozen=True)
class FileState:
    """mode_right: whether its mode is the wanted one; sha256: "" where it could not be read. None of it: no file."""

    mode_right: bool
    sha256: str


@dataclass(frozen=True)
class Unit:
    """systemd's words. load: "loaded", "not-found" …; main_pid: 0 where no process of it runs."""

    load: str
    active: str
    enabled: str
    path: str = ""
    stale: bool = False
    main_pid: int = 0


@dataclass(frozen=True)
class Neighbour:
    """Somebody at an address on the LAN. how: "ping", or "quiet" where only the question who it is was answered, or
    "known" where the NAS knew already and has no answer of now."""

    mac: str
    how: str


@dataclass(frozen=True)
class Docker:
    """path: "" for none; on_path: whether a command over ssh finds it, or our wrapper; wrapper: path of that, "" for
    none; search: that PATH; denied: Docker's words to this user, where it answered root only; engine: "" where it did
    not answer."""

    on_path: bool = False
    path: str = ""
    wrapper: str = ""
    search: tuple[str, ...] = ()
    denied: str = ""
    engine: str = ""
    api: str = ""
    error: str = ""

    @property
    def refusal(self) -> str:
        """Docker's words to this user, whether or not root could ask instead."""
        return self.denied or (self.error if "permission denied" in self.error.lower() else "")


@dataclass(frozen=True)
class NasFacts:
    """All of it. sudo: what it says to this user: "yes" (asks nothing), "asks" (for a password), "right" and "wrong"
    (of the one given), "" for no sudo or none needed; vendor: files that tell the kind of NAS, with their `key=value`
    lines; routes: (family, line) of default routes; shim_routes: lines of those through the shim; confs: path → text
    of the data files there; loop_pid: of one in the background, 0 for none; boot_task: whether DSM's task scheduler has
    ours ("yes", "no"), "" where that is unknown; unprobed: planned addresses that could not be checked."""

    uid: int = -1
    user: str = ""
    groups: tuple[str, ...] = ()
    client: str = ""
    sudo: str = ""
    system: Mapping[str, str] = field(default_factory=dict)
    os_release: Mapping[str, str] = field(default_factory=dict)
    vendor: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    tools: frozenset[str] = frozenset()
    abilities: Mapping[str, str] = field(default_factory=dict)
    macvlan: str = "unknown"
    links: Mapping[str, Link] = field(default_factory=dict)
    routes: tuple[tuple[str, str], ...] = ()
    shim_routes: tuple[str, ...] = ()
    sysctls: Mapping[str, str] = field(default_factory=dict)
    docker: Docker = Docker()
    networks: tuple[LiveNetwork, ...] = ()
    containers: Mapping[str, LiveContainer] = field(default_factory=dict)
    files: Mapping[str, FileState] = field(default_factory=dict)
    backups: tuple[str, ...] = ()
    confs: Mapping[str, str] = field(default_factory=dict)
    loop_pid: int = 0
    boot_task: str = ""
    units: Mapping[str, Unit] = field(default_factory=dict)
    sshd: Mapping[str, str] = field(default_factory=dict)
    host_keys: tuple[str, ...] = ()
    leftovers: tuple[str, ...] = ()
    ula_gateway_state: str = ""
    neighbours: Mapping[IPv4Address | IPv6Address, Neighbour] = field(default_factory=dict)
    unprobed: tuple[str, ...] = ()

    @property
    def conf(self) -> str | None:
        """The data file of this program's, wherever it is."""
        return next((text for text in self.confs.values() if "macvlan-ipv6" in text.partition("\n")[0]), None)

    @property
    def engine_major(self) -> int | None:
        head = self.docker.engine.split(".", 1)[0]
        return int(head) if head.isdigit() else None

    def network(self, name: str) -> LiveNetwork | None:
        return next((network for network in self.networks if network.name == name), None)

    def default_link(self) -> str | None:
        """The interface of the IPv4 default route; of the IPv6 one where there is none."""
        for family in ("4", "6"):
            for of_family, line in self.routes:
                if of_family == family and (links := _behind("dev", line.split())):
                    return links[0]
        return None

    def default_gateway(self, link: str) -> IPv4Address | None:
        for family, line in self.routes:
            words = line.split()
            if family != "4" or words[:2] != ["default", "via"] or link not in _behind("dev", words):
                continue
            try:
                return IPv4Address(words[2])
            except (IndexError, ValueError):
                continue  # `via inet6 fe80::1` (RFC 5549): the router has no IPv4 address here
        return None

    def advertised(self, link: str) -> tuple[IPv6Network, ...]:
        """The /64s in which the NAS took an address from the router's RA, ULAs too."""
        found = set()
        for address in self.links[link].addresses if link in self.links else ():
            network = address.interface.network
            if not isinstance(network, IPv6Network) or network.prefixlen != 64 or network.is_link_local:
                continue
            if "dynamic" in address.flags and not address.flags & {"deprecated", "temporary"}:
                found.add(network)
        return tuple(sorted(found))

    def advertised_global(self, link: str) -> tuple[IPv6Network, ...]:
        return tuple(network for network in self.advertised(link) if not network.subnet_of(ULA_RANGE))


def _behind(word: str, words: Sequence[str]) -> list[str]:
    """Every word that follows this one."""
    return [after for before, after in pairwise(words) if before == word]
