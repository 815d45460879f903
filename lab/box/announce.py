"""What routers tell the LAN: radvd, its configuration and its reloads (RFC 4861, RFC 4862).

Each call sets all anew: prefixes, flags, the border router beside the router, and the flood of advertisements.
"""

import os
import signal
import struct
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv6Network
from pathlib import Path

from box import network, spec
from box.errors import LabError
from box.network import BORDER, MAC, PREFIX, SECOND_PREFIX, inside, ip, router_address
from box.place import Place
from box.processes import last_lines, run

FLOOD = Path(__file__).with_name("flood.py")


@dataclass(frozen=True)
class Announcement:
    """prefixes: announced with `lifetime` seconds valid, half of it preferred. withdrawn: announced with zero
    lifetimes; a host then stops preferring its address at once and keeps it for what was left of its valid
    lifetime, two hours at most (RFC 4862 section 5.5.3 e). interval: the longest time in seconds between two RAs.
    slaac: hosts may make addresses of the prefixes. managed: hosts are told to ask by DHCPv6; nobody here answers.
    default_router: hosts may send by it what goes to no prefix."""

    prefixes: tuple[IPv6Network, ...] = (IPv6Network(PREFIX),)
    withdrawn: tuple[IPv6Network, ...] = ()
    interval: int = 10
    lifetime: int = 600
    slaac: bool = True
    managed: bool = False
    default_router: bool = True

    def render(self, interface: str = "br-lan") -> str:
        """radvd's configuration."""
        switch = {True: "on", False: "off"}
        lines = [
            f"interface {interface} {{",
            "\tAdvSendAdvert on;",
            f"\tAdvManagedFlag {switch[self.managed]};",
            f"\tMinRtrAdvInterval {max(3, self.interval * 3 // 10)};",
            f"\tMaxRtrAdvInterval {self.interval};",
            f"\tAdvDefaultLifetime {self._router_lifetime};",
        ]
        for prefix, valid in self._lifetimes():
            lines.append(f"\tprefix {prefix} {{ AdvOnLink on; AdvAutonomous {switch[self.slaac]};")
            lines.append(f"\t\tAdvValidLifetime {valid}; AdvPreferredLifetime {valid // 2}; }};")
        return "\n".join([*lines, "};", ""])

    def packet(self) -> bytes:
        """The same as one advertisement (RFC 4861 sections 4.2, 4.6.1 and 4.6.2); the kernel fills the checksum in.
        With the router's MAC, as radvd sends it: Linux takes an address for optimistic only then."""
        packet = struct.pack("!BBHBBHII", 134, 0, 0, 64, 0x80 * self.managed, self._router_lifetime, 0, 0)
        packet += struct.pack("!BB", 1, 1) + bytes.fromhex(MAC["router"].replace(":", ""))
        flags = 0x80 | 0x40 * self.slaac
        for prefix, valid in self._lifetimes():
            packet += struct.pack("!BBBBIII", 3, 4, 64, flags, valid, valid // 2, 0) + prefix.network_address.packed
        return packet

    @property
    def _router_lifetime(self) -> int:
        # A router that goes away is noticed soon; 0 means "no default router".
        return max(30, 3 * self.interval) if self.default_router else 0

    def _lifetimes(self) -> Iterator[tuple[IPv6Network, int]]:
        yield from ((prefix, self.lifetime) for prefix in self.prefixes)
        yield from ((prefix, 0) for prefix in self.withdrawn)


def announce(place: Place, what: Announcement) -> None:
    """The router takes ::1 of each announced prefix, gives those of others up, and announces. Starts radvd if need be.
    Raises LabError when radvd does not live."""
    stop_flood(place)
    _addresses(place, what)
    _tell(place, "router", "radvd", what.render() + _second_lan(place))


def announce_beside(place: Place, prefixes: tuple[IPv6Network, ...]) -> None:
    """A border router as in a home with Thread devices announces these, and is no default router; none: it is gone."""
    if not prefixes:
        _end(place, "radvd-border")
        network.remove(place, BORDER)
        return
    if not network.exists(place, BORDER):
        network.make_border(place)
    _tell(place, BORDER, "radvd-border", Announcement(prefixes, default_router=False).render("eth0"))


def _tell(place: Place, machine: str, name: str, configuration: str) -> None:
    """The machine's radvd of that name tells what the configuration says; it is started if need be."""
    config, pid = place.run / f"{name}.conf", running(place, name)
    place.run.mkdir(parents=True, exist_ok=True)
    config.write_text(configuration)
    reload = pid is not None
    radvd = ["radvd", "--nodaemon", "-C", config, "-p", place.run / f"{name}.own-pid", "-m", "stderr"]
    pid = pid or _start(place, inside(place, machine, *radvd), name)
    deadline = time.monotonic() + 20
    while running(place, name) == pid and not _hears_reloads(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    if reload and running(place, name) == pid:
        os.kill(pid, signal.SIGHUP)
    time.sleep(0.2)
    if running(place, name) != pid:
        raise LabError(
            f"the {machine}'s radvd died\n{last_lines(place.run / f'{name}.log')}",
            "look at the lines above; lab/lab ra --on starts it with the defaults",
        )


def _second_lan(place: Place) -> str:
    """The same there always, whatever the first LAN is told."""
    asked = spec.kept(place)
    there = asked is not None and asked.second_lan
    return Announcement((IPv6Network(SECOND_PREFIX),)).render("br-iot") if there else ""


def _hears_reloads(pid: int) -> bool:
    """Whether radvd is as far as to catch SIGHUP, which ends it before."""
    try:
        caught = Path(f"/proc/{pid}/status").read_text().partition("SigCgt:")[2].split()[0]
    except (OSError, IndexError):
        return False
    return bool(int(caught, 16) & 1 << (signal.SIGHUP - 1))


def silence(place: Place) -> None:
    """The router says good-bye (an RA with lifetime 0) and announces no more."""
    stop_flood(place)
    _end(place, "radvd")


def flood(place: Place, what: Announcement, milliseconds: int) -> None:
    """The router announces the same that often, too, until the next call of any other; radvd does so every 30 ms at
    the most."""
    stop_flood(place)
    packet = place.run / "flood.conf"
    packet.write_text(what.packet().hex())
    words = [sys.executable, FLOOD, "br-lan", str(milliseconds), packet]
    _start(place, inside(place, "router", *words), "flood")


def stop_flood(place: Place) -> None:
    _end(place, "flood")


def running(place: Place, name: str = "radvd") -> int | None:
    """The pid of what was started by this name and has its own configuration in its command line."""
    try:
        pid = int((place.run / f"{name}.pid").read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        return pid if str(place.run / f"{name}.conf").encode() in words else None
    except (OSError, ValueError):
        return None


def _end(place: Place, name: str) -> None:
    pid = running(place, name)
    if pid:
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 20
        while running(place, name) and time.monotonic() < deadline:
            time.sleep(0.05)


def _start(place: Place, command: list[str], name: str) -> int:
    file = place.run / f"{name}.pid"
    file.unlink(missing_ok=True)
    with (place.run / f"{name}.log").open("w") as out:
        process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True)
    # `ip netns exec` becomes the program itself.
    file.write_text(str(process.pid))
    return process.pid


def _addresses(place: Place, what: Announcement) -> None:
    shown = run(
        "ip", "-n", place.namespace("router"), "-6", "-o", "address", "show", "dev", "br-lan", "scope", "global"
    )
    have = {line.split()[3] for line in shown.stdout.splitlines()}
    want = {f"{router_address(str(prefix))}/64" for prefix in what.prefixes}
    changes = [f"address del {address} dev br-lan\n" for address in sorted(have - want)]
    changes += [f"address add {address} dev br-lan nodad\n" for address in sorted(want - have)]
    if changes:
        ip(place, "router", "".join(changes))
