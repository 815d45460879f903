"""Containers on a network without IPv6, and the loop that gives it to them."""

import signal
from pathlib import Path

from tests.nas.box import CONF, PREFIX, PROGRAM, SHIM, Box, mac_of, run, until

ULA = f"{PREFIX}201"
LOOP = CONF.replace("placeholder_gateway fd0d:7eb5:2afd::1\n", "") + "ipv6 loop\n"
SLOW = LOOP.replace("check_interval 1\n", "check_interval 3600\n")
ONE = f"container test 192.168.1.201 {ULA} -\n"
MAC, RANDOM = "02:42:c0:a8:01:4d", "aa:5c:97:be:35:2f"
WITH_MAC = ONE.replace(" -\n", f" {MAC}\n")
SLAAC = "container test 192.168.1.201 slaac -\n"
OTHER = "container other 192.168.1.99 - -\n"
ALL = "others all\nlan_subnet 192.168.1.0/24\n"
PREFIXED = f"{ALL}ula_prefix {PREFIX}/64\n"
FORMED = "2001:db8:1:1:42:c0ff:fea8:1c9"  # of the MAC that docker gives to .201
OFF = '{"net.ipv6.conf.all.disable_ipv6":"1"} null'


def sysctl(box: Box, space: str, name: str, value: str = "", family: str = "ipv6", link: str = "eth0") -> str:
    file = f"/proc/sys/net/{family}/conf/{link}/{name}"
    script = f"{f'echo {value} >{file}; ' if value else ''}cat {file}"
    return run(*box.inside("sh", "-c", script, space=space)).stdout.rstrip("\n")


def dockers(box: Box, name: str = "test", number: int = 201, off: str = "eth0") -> tuple[int, str]:
    """A container as docker makes it on a network without IPv6, and what docker says of it."""
    v4 = f"192.168.1.{number}"
    space = box.space(name)
    box.ip("link", "add", "link", "eth0", "name", "new0", "netns", space, "type", "macvlan", "mode", "bridge")
    sysctl(box, space, "disable_ipv6", "1", link=off.replace("eth0", "new0"))
    for args in f"link set new0 name eth0 address {mac_of(v4)}", f"addr add {v4}/24 dev eth0", "link set eth0 up":
        box.ip(*args.split(), space=space)
    return box.sleepers(1, space)[0], space


def addresses(box: Box, space: str, link: str = "eth0") -> set[str]:
    said = box.ip("-6", "-o", "addr", "show", "dev", link, "scope", "global", space=space)
    return {line.split()[3] for line in said.splitlines()}


def state(box: Box, space: str) -> str:
    """All sysctls of the interface, its MAC, its token, its addresses but for the link-local ones."""
    script = "cd /proc/sys/net; grep . ipv4/conf/eth0/* ipv6/conf/eth0/* ipv6/conf/all/* ipv6/conf/lo/* 2>/dev/null"
    sysctls = run(*box.inside("sh", "-c", script, space=space), check=False).stdout
    link = box.ip("link", "show", "dev", "eth0", space=space).splitlines()[1]
    return f"{sysctls}{link}\n{box.ip('token', 'show', space=space)}{sorted(addresses(box, space))}"


def index(box: Box, space: str) -> int:
    """The number of its interface."""
    return int(box.ip("-o", "link", "show", "eth0", space=space).split(":")[0])


def started(pid: int) -> int:
    """When it was, in clock ticks since the system's start."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[19])


def record(box: Box) -> list[str]:
    file = box.here / f"macvlan-ipv6.{SHIM}.given"
    return file.read_text().splitlines() if file.exists() else []


def attach(box: Box, conf: str, name: str = "test", number: int = 201, off: str = "eth0") -> tuple[int, str]:
    """A container that docker tells of; the loop is at work and has looked once."""
    pid, space = dockers(box, name, number, off)
    start(box, conf, {name: (pid, number)})
    return pid, space


def start(box: Box, conf: str, containers: dict[str, tuple[int, int]]) -> None:
    box.running({name: (pid, f"192.168.1.{number}", "-") for name, (pid, number) in containers.items()})
    box.conf.write_text(conf)
    box.program("start")
    box.watch()
    until("it has looked", lambda: box.asked("stopped"))


def reload(box: Box, conf: str) -> None:
    """Waits until the loop has done what follows from it."""
    asked = box.asked("stopped")
    box.conf.write_text(conf)
    box.processes[-1].send_signal(signal.SIGHUP)
    until("it has looked again", lambda: box.asked("stopped") > asked)


def has(box: Box, space: str, address: str = ULA) -> bool:
    return f"{address}/64" in addresses(box, space)


def ended(box: Box) -> None:
    """The loop ends."""
    box.processes[-1].terminate()
    assert box.processes[-1].wait(timeout=60) == 0


def withdraw(box: Box, program: Path = PROGRAM, *words: str) -> None:
    run("env", f"MACVLAN_RUN={box.here}", *box.inside(*box.shell, program, "withdraw", box.conf, *words))
