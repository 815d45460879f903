"""What the router tells the LAN: radvd, its configuration and its reloads (RFC 4861, RFC 4862)."""

import os
import signal
import subprocess
import time
from dataclasses import dataclass
from ipaddress import IPv6Network
from pathlib import Path

from box import spec
from box.errors import LabError
from box.network import PREFIX, SECOND_PREFIX, inside, ip, router_address
from box.place import Place
from box.processes import last_lines, run


@dataclass(frozen=True)
class Announcement:
    """prefixes: announced with `lifetime` seconds valid, half of it preferred. withdrawn: announced with zero
    lifetimes; a host then stops preferring its address at once and keeps it for what was left of its valid
    lifetime, two hours at most (RFC 4862 section 5.5.3 e). interval: the longest time in seconds between two RAs."""

    prefixes: tuple[IPv6Network, ...] = (IPv6Network(PREFIX),)
    withdrawn: tuple[IPv6Network, ...] = ()
    interval: int = 10
    lifetime: int = 600

    def render(self, interface: str = "br-lan") -> str:
        lines = [
            f"interface {interface} {{",
            "\tAdvSendAdvert on;",
            f"\tMinRtrAdvInterval {max(3, self.interval * 3 // 10)};",
            f"\tMaxRtrAdvInterval {self.interval};",
            # A router that goes away is noticed soon; 0 would mean "no default router".
            f"\tAdvDefaultLifetime {max(30, 3 * self.interval)};",
        ]
        times = {prefix: self.lifetime for prefix in self.prefixes} | {prefix: 0 for prefix in self.withdrawn}
        for prefix, valid in times.items():
            lines.append(f"\tprefix {prefix} {{ AdvOnLink on; AdvAutonomous on;")
            lines.append(f"\t\tAdvValidLifetime {valid}; AdvPreferredLifetime {valid // 2}; }};")
        return "\n".join([*lines, "};", ""])


def announce(place: Place, what: Announcement) -> None:
    """The router takes ::1 of each announced prefix, gives those of others up, and announces. Starts radvd if need be.
    Raises LabError when radvd does not live."""
    _addresses(place, what)
    config, pid = place.run / "radvd.conf", running(place)
    place.run.mkdir(parents=True, exist_ok=True)
    config.write_text(what.render() + _second_lan(place))
    reload = pid is not None
    pid = pid or _start(place)
    deadline = time.monotonic() + 20
    while running(place) == pid and not _hears_reloads(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    if reload and running(place) == pid:
        os.kill(pid, signal.SIGHUP)
    time.sleep(0.2)
    if running(place) != pid:
        raise LabError(
            f"the router's radvd died\n{last_lines(place.run / 'radvd.log')}",
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
    pid = running(place)
    if pid:
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + 20
        while running(place) and time.monotonic() < deadline:
            time.sleep(0.05)


def running(place: Place) -> int | None:
    """radvd's pid."""
    file = place.run / "radvd.pid"
    try:
        pid = int(file.read_text())
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
        return pid if str(place.run / "radvd.conf").encode() in words else None
    except (OSError, ValueError):
        return None


def _start(place: Place) -> int:
    log, file = place.run / "radvd.log", place.run / "radvd.pid"
    file.unlink(missing_ok=True)
    radvd = ["radvd", "--nodaemon", "-C", place.run / "radvd.conf", "-p", place.run / "radvd.own-pid"]
    with log.open("w") as out:
        process = subprocess.Popen(
            inside(place, "router", *radvd, "-m", "stderr"),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
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
