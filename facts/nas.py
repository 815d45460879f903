"""What a NAS reports about itself, as values. ``probe.parse`` makes them from the output of the probe (nas/probe/)."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv4Interface, IPv6Address, IPv6Interface, IPv6Network
from itertools import pairwise

from config.types import ULA_RANGE
from facts.labels import BY_NOBODY, ComposeLabels
from facts.routers import NOT_ASKED, SLAAC_LENGTH, Advertisements, Router
from facts.storage import LiveMount, LiveVolume

Interface = IPv4Interface | IPv6Interface


@dataclass(frozen=True)
class LinkAddress:
    """flags: ip's words behind an address, for example "dynamic", "temporary", "deprecated"."""

    interface: Interface
    flags: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Link:
    """One network interface.

    kind: ip's word ("macvlan", "bridge", "bond" …), "" for a plain network card.
    lower: the interface below it (eth0 of macvlan-host@eth0), "" if it has none.
    master: the bridge or bond that it is a part of, "" if it is part of none.
    carrier: whether it is up and has a link.
    ethernet: False for the loopback and for most tunnels (WireGuard, PPP, tun …), which have no MAC.
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
    ethernet: bool = True
    addresses: tuple[LinkAddress, ...] = ()


@dataclass(frozen=True)
class LiveRange:
    """One address range of a Docker network. gateway: None if Docker shows none."""

    subnet: str
    gateway: str | None = None
    ip_range: str | None = None
    aux: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class LiveNetwork:
    """A Docker network as `docker network inspect` shows it.

    attached: names of the running containers on it.
    ipam: the driver that gives out its addresses, "default" for Docker itself.
    """

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
    """A container's endpoint on a network. The addresses are "" while it does not run; asked_ipv4 and asked_ipv6 are
    those that it was created with."""

    ipv4: str = ""
    ipv6: str = ""
    mac: str = ""
    asked_ipv4: str = ""
    asked_ipv6: str = ""


@dataclass(frozen=True)
class Inside:
    """What the kernel reports about the namespace of a running container.

    ipv6: (interface, address) of global scope, without temporary and deprecated ones.
    failed: those of them that another device has (duplicate address detection).
    speaks_ipv6: whether any interface has an IPv6 address, which is so unless IPv6 is switched off.
    macs: interface → MAC; empty if only root could read them.
    """

    ipv4: frozenset[IPv4Address] = frozenset()
    ipv6: tuple[tuple[str, IPv6Address], ...] = ()
    failed: frozenset[IPv6Address] = frozenset()
    speaks_ipv6: bool = True
    macs: Mapping[str, str] = field(default_factory=dict)

    def link(self, ula: IPv6Address | None) -> str:
        """The interface on our network: the one that has this ULA, else the only one that exists; "" if neither decides
        it."""
        own = [link for link, address in self.ipv6 if address == ula] or [*self.macs]
        return own[0] if len(own) == 1 else ""

    def mac(self, ula: IPv6Address | None) -> str:
        return self.macs.get(self.link(ula), "")

    def globals(self, ula: IPv6Address | None) -> tuple[IPv6Address, ...]:
        """The addresses of that interface that are no ULAs and that it may use."""
        return tuple(address for address in self._usable(ula) if address not in ULA_RANGE)

    def ulas(self, ula: IPv6Address | None) -> tuple[IPv6Address, ...]:
        """The ULAs of that interface that it may use."""
        return tuple(address for address in self._usable(ula) if address in ULA_RANGE)

    def _usable(self, ula: IPv6Address | None) -> Iterator[IPv6Address]:
        own = self.link(ula)
        return (address for link, address in self.ipv6 if link == own and address not in self.failed)


@dataclass(frozen=True)
class LiveContainer:
    """A container as Docker shows it.

    addresses, repaired, stack: values of our labels, "" if it has none; a container without the first is not ours.
    ran: seconds since its last start, by the NAS's clock; 0 if unknown.
    inside: None if it does not run, is on another network, or could not be read.
    ports: (address, port, protocol) on the NAS that Docker opened for it.
    """

    name: str
    status: str
    networks: Mapping[str, Attachment]
    addresses: str = ""
    repaired: str = ""
    ran: float = 0
    id: str = ""
    inside: Inside | None = None
    stack: str = ""
    compose: ComposeLabels = BY_NOBODY
    mounts: tuple[LiveMount, ...] = ()
    ports: tuple[tuple[str, int, str], ...] = ()

    @property
    def runs(self) -> bool:
        return self.status == "running"


@dataclass(frozen=True)
class FileState:
    """A file on the NAS; no value means no file. mode_right: whether it has the wanted mode; sha256: "" if it could not
    be read."""

    mode_right: bool
    sha256: str


@dataclass(frozen=True)
class Unit:
    """A systemd unit, in systemd's words. load: "loaded", "not-found" …; main_pid: 0 if it has no process."""

    load: str
    active: str
    enabled: str
    path: str = ""
    stale: bool = False
    main_pid: int = 0


@dataclass(frozen=True)
class Neighbour:
    """The device that has an address on the LAN.

    how: "ping" if it answered one, "quiet" if it answered only ARP or a neighbour solicitation, "known" if the NAS's
        neighbour table names it and it did not answer now.
    """

    mac: str
    how: str


@dataclass(frozen=True)
class Docker:
    """Docker's client and daemon on the NAS.

    on_path: whether an SSH command finds the client, or our wrapper.
    path: of the client, "" if there is none.
    wrapper: path of our wrapper, "" if there is none.
    search: the folders of the PATH of SSH commands.
    denied: Docker's message to this user, if it answered root only.
    engine: the daemon's version, "" if it did not answer.
    podman: Podman's version, if it answers in Docker's place; "" for Docker.
    """

    on_path: bool = False
    path: str = ""
    wrapper: str = ""
    search: tuple[str, ...] = ()
    denied: str = ""
    engine: str = ""
    api: str = ""
    error: str = ""
    podman: str = ""

    @property
    def refusal(self) -> str:
        """Docker's message if it refused this user, whether or not it answered root."""
        return self.denied or (self.error if "permission denied" in self.error.lower() else "")


@dataclass(frozen=True)
class Routing:
    """Policy routing on the NAS, as far as it concerns this program's routing table.

    without: families ("4", "6") for which the kernel has none.
    ours: families whose rule of the last run is in place.
    taken: the route or rule of somebody else that uses the table's number, "" for none.
    other_ways: packets between the NAS and a container that do not go through the shim, in words. Before the shim is
        there: only those that a rule of somebody else will keep from it.
    """

    without: frozenset[str] = frozenset()
    ours: frozenset[str] = frozenset()
    taken: str = ""
    other_ways: tuple[str, ...] = ()


@dataclass(frozen=True)
class NasFacts:
    """Everything that one probe read.

    sudo: "yes" (asks no password), "asks" (for one), "right" or "wrong" (the given one), "" if there is no sudo or the
        user is root.
    vendor: file that shows the kind of NAS → its `key=value` lines.
    routes: (family, line) of the default routes.
    shim_routes: lines of the routes through the shim, of all routing tables.
    table_names: what `ip` calls a table, by its number, for those that concern this program and have a name.
    volumes: by their names; None if it could not be told which there are.
    confs: path → text of data files, of those that were asked for.
    others: path → text of data files of other installations of this program (preflight/others/installations.py).
    loop_pid: of a loop that runs in the background, 0 for none.
    boot_task: whether DSM's task scheduler has ours ("yes", "no"), "" if unknown.
    routed: planned addresses from which a ping came back through a router.
    unprobed: planned addresses that could not be checked.
    """

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
    routing: Routing = Routing()
    advertisements: Advertisements = NOT_ASKED
    table_names: Mapping[str, str] = field(default_factory=dict)
    sysctls: Mapping[str, str] = field(default_factory=dict)
    docker: Docker = Docker()
    networks: tuple[LiveNetwork, ...] = ()
    containers: Mapping[str, LiveContainer] = field(default_factory=dict)
    volumes: Mapping[str, LiveVolume] | None = None
    files: Mapping[str, FileState] = field(default_factory=dict)
    backups: tuple[str, ...] = ()
    confs: Mapping[str, str] = field(default_factory=dict)
    others: Mapping[str, str] = field(default_factory=dict)
    loop_pid: int = 0
    boot_task: str = ""
    units: Mapping[str, Unit] = field(default_factory=dict)
    sshd: Mapping[str, str] = field(default_factory=dict)
    host_keys: tuple[str, ...] = ()
    leftovers: tuple[str, ...] = ()
    ula_gateway_state: str = ""
    neighbours: Mapping[IPv4Address | IPv6Address, Neighbour] = field(default_factory=dict)
    routed: tuple[str, ...] = ()
    unprobed: tuple[str, ...] = ()

    @property
    def conf(self) -> str | None:
        """The text of this program's data file, wherever it is; None if there is none."""
        return next((text for text in self.confs.values() if "macvlan-ipv6" in text.partition("\n")[0]), None)

    @property
    def engine_major(self) -> int | None:
        head = self.docker.engine.split(".", 1)[0]
        return int(head) if head.isdigit() else None

    def network(self, name: str) -> LiveNetwork | None:
        return next((network for network in self.networks if network.name == name), None)

    def default_link(self) -> str | None:
        """The interface of the IPv4 default route, else that of the IPv6 one; None if there is neither."""
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

    def default_routers(self, link: str, learned: bool = False) -> frozenset[IPv6Address]:
        """The routers of that interface's IPv6 default routes. learned: only of those that an advertisement made."""
        found: set[IPv6Address] = set()
        head = ""
        for words in (line.split() for family, line in self.routes if family == "6"):
            head = " ".join(words) if words[:1] == ["default"] else head  # several routers stand below it, as `nexthop`
            if link in _behind("dev", words) and (" proto ra " in f"{head} " or not learned):
                found |= {IPv6Address(router) for router in _behind("via", words) if ":" in router}
        return frozenset(found)

    def heard(self, link: str) -> tuple[Router, ...] | None:
        """The routers that answered there; None if the probe could not listen."""
        return self.advertisements.routers if self.advertisements.link == link else None

    def heard_all(self, link: str) -> bool:
        """Whether each router answered from which the NAS has its default routes. An answer may get lost."""
        routers = self.heard(link)
        return routers is not None and self.default_routers(link, learned=True) <= {one.address for one in routers}

    def formed(self, link: str) -> tuple[IPv6Network, ...]:
        """The /64s that the NAS's own addresses there were formed of."""
        found = set()
        for address in self.links[link].addresses if link in self.links else ():
            network = address.interface.network
            if not isinstance(network, IPv6Network) or network.prefixlen != SLAAC_LENGTH or network.is_link_local:
                continue
            if "dynamic" in address.flags and not address.flags & {"deprecated", "temporary"}:
                found.add(network)
        return tuple(sorted(found))

    def advertised(self, link: str) -> tuple[IPv6Network, ...]:
        """The /64s that SLAAC forms addresses of there, ULAs included. They are what the routers said just now, and of
        routers that did not answer, what the NAS's own addresses tell."""
        said = list(self.advertisements.prefixes()) if self.heard(link) else []
        found = {prefix.network for prefix in said if prefix.forms_addresses}
        if not (self.heard(link) and self.heard_all(link)):
            found |= {*self.formed(link)} - {prefix.network for prefix in said}
        return tuple(sorted(found))

    def advertised_global(self, link: str) -> tuple[IPv6Network, ...]:
        return tuple(network for network in self.advertised(link) if not network.subnet_of(ULA_RANGE))


def _behind(word: str, words: Sequence[str]) -> list[str]:
    """Every word that follows ``word``."""
    return [after for before, after in pairwise(words) if before == word]
