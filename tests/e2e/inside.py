"""What containers have in their network namespaces, read from the NAS, as it is with nothing installed in them."""

import re
from dataclasses import dataclass

from lab.drive import Box, within

ROUTER = "fe80::ff:fe00:101"  # of the MAC of the router's bridge
# Without the seconds that addresses and routes are still valid; neighbours come and go, and are left out.
LOOKS = {
    "link": ("ip", "-o link show dev eth0"),
    "addresses": ("ip", "-o address"),
    "IPv4 routes": ("ip", "-4 route show table all"),
    "IPv6 routes": ("ip", "-6 route show table all"),
    "IPv6 rules": ("ip", "-6 rule"),
    "settings": ("sysctl", "-a"),
}
CLOCKS = re.compile(r"valid_lft \S+|preferred_lft \S+|expires \S+")


@dataclass(frozen=True)
class Uptime:
    started: str
    pid: int
    restarts: int


def uptimes(box: Box, *names: str) -> dict[str, Uptime]:
    form = "{{.Name}} {{.State.StartedAt}} {{.State.Pid}} {{.RestartCount}}"
    lines = box.nas(f"docker inspect -f '{form}' {' '.join(names)}").splitlines()
    return {name[1:]: Uptime(started, int(pid), int(count)) for name, started, pid, count in map(str.split, lines)}


def state(box: Box, container: str) -> dict[str, list[str]]:
    """Link, addresses, routes, rules and settings of its network, in an order that does not change."""
    return {what: _lines(box, container, *command) for what, command in LOOKS.items()}


def changed(before: dict[str, list[str]], after: dict[str, list[str]]) -> dict[str, list[str]]:
    """Lines that only one of two states has, with a sign before them."""
    return {
        what: [f"-{line}" for line in before[what] if line not in after[what]]
        + [f"+{line}" for line in after[what] if line not in before[what]]
        for what in LOOKS
        if sorted(before[what]) != sorted(after[what])
    }


def _lines(box: Box, container: str, program: str, words: str) -> list[str]:
    said = CLOCKS.sub("", box.nas(f"{within(container, program, words)} 2>/dev/null", check=False))
    lines = [" ".join(line.split()) for line in said.splitlines()]
    return sorted(line for line in lines if program != "sysctl" or line.startswith("net.ipv"))


def default_routes(box: Box, container: str) -> list[str]:
    """The routers that it sends IPv6 by."""
    said = box.ip(container, "-6 route show default")
    return re.findall(r"(?:default|nexthop) via (\S+)", said)


def addresses(box: Box, container: str) -> set[str]:
    """All that it may use for IPv6: link-local ones, too."""
    said = box.ip(container, "-6 -o address show dev eth0")
    lines = [line for line in said.splitlines() if "tentative" not in line or "optimistic" in line]
    return {line.split()[3].partition("/")[0] for line in lines}


def has_no_ipv6(box: Box, container: str) -> bool:
    off = box.nas(within(container, "sysctl", "-n net.ipv6.conf.eth0.disable_ipv6")).strip() == "1"
    return off and not addresses(box, container)
