"""IPv6 that the loop gives where Docker's network has none, and what it takes back."""

import os
import time
from pathlib import Path

import pytest

from tests.nas.box import CONF, PREFIX, SHIM, TABLE, Box, held, mac_of, run, until

SUFFIX = "42:c0ff:fea8:1c9"  # of the planned MAC
MAC = "02:42:c0:a8:01:c9"
LOOP = CONF.replace("placeholder_gateway fd0d:7eb5:2afd::1\n", "") + "ipv6 loop\n"
SLOW = LOOP.replace("check_interval 1\n", "check_interval 3600\n")
ONE = f"container test 192.168.1.201 {PREFIX}201 -\n"
SLAAC = "container test 192.168.1.201 slaac -\n"
ALL = f"others all\nula_prefix {PREFIX}/64\nlan_subnet 192.168.1.0/24\n"


def sysctl(box: Box, space: str, name: str, value: str = "", family: str = "ipv6", link: str = "eth0") -> str:
    file = f"/proc/sys/net/{family}/conf/{link}/{name}"
    return run(*box.inside("sh", "-c", f"{f'echo {value} >{file}; ' if value else ''}cat {file}", space=space)).stdout[
        :-1
    ]


def dockers(box: Box, name: str = "test", number: int = 201, off: str = "eth0") -> tuple[int, str]:
    """A container as docker makes it on a network without IPv6, and what docker says of it."""
    v4 = f"192.168.1.{number}"
    space = box.space(name)
    box.ip("link", "add", "link", "eth0", "name", "new0", "netns", space, "type", "macvlan", "mode", "bridge")
    run(
        *box.inside(
            "sh", "-c", f"echo 1 >/proc/sys/net/ipv6/conf/{off.replace('eth0', 'new0')}/disable_ipv6", space=space
        )
    )
    for args in f"link set new0 name eth0 address {mac_of(v4)}", f"addr add {v4}/24 dev eth0", "link set eth0 up":
        box.ip(*args.split(), space=space)
    return box.sleepers(1, space)[0], space


def attach(
    box: Box, conf: str = LOOP + ONE, name: str = "test", number: int = 201, off: str = "eth0"
) -> tuple[int, str]:
    pid, space = dockers(box, name, number, off)
    box.running({name: (pid, f"192.168.1.{number}", "-")})
    box.conf.write_text(conf)
    box.program("start")
    return pid, space


def addresses(box: Box, space: str, link: str = "eth0") -> set[str]:
    said = box.ip("-6", "-o", "addr", "show", "dev", link, "scope", "global", space=space)
    return {line.split()[3] for line in said.splitlines()}


def state(box: Box, space: str) -> str:
    """All sysctls of the interface, its MAC, its token, its addresses but for the link-local ones."""
    script = "cd /proc/sys/net; grep . ipv4/conf/eth0/* ipv6/conf/eth0/* ipv6/conf/all/* ipv6/conf/lo/* 2>/dev/null"
    sysctls = run(*box.inside("sh", "-c", script, space=space), check=False).stdout
    link = box.ip("link", "show", "dev", "eth0", space=space).splitlines()[1]
    return f"{sysctls}{link}\n{box.ip('token', 'show', space=space)}{sorted(addresses(box, space))}"


def record(box: Box) -> list[str]:
    file = box.here / f"macvlan-ipv6.{SHIM}.given"
    return file.read_text().splitlines() if file.exists() else []


@pytest.mark.parametrize("off", ["eth0", "all"])
def test_a_container_on_a_network_without_ipv6_gets_its_ula_within_a_second(box: Box, off: str) -> None:
    box.running({})
    box.conf.write_text(SLOW + ONE)
    box.program("start")
    box.watch()
    until("it has asked", lambda: box.asked("stopped"))
    pid, space = dockers(box, off=off)
    before = state(box, space)
    assert sysctl(box, space, "disable_ipv6") == "1"
    box.running({"test": (pid, "192.168.1.201", "-")})
    began = time.monotonic()
    box.event()
    until("the ULA", lambda: f"{PREFIX}201/64" in addresses(box, space))
    took = time.monotonic() - began
    print(f"ULA {took:.2f} s after the start")
    assert took < 1
    assert sysctl(box, space, "disable_ipv6") == "0" and state(box, space) != before
    if off == "all":
        assert sysctl(box, space, "disable_ipv6", link="all") == "1" == sysctl(box, space, "disable_ipv6", link="lo")
    assert box.pings(f"{PREFIX}201")
    until("told", lambda: f"test: has IPv6 and the address {PREFIX}201 now" in box.log())


def test_withdraw_leaves_all_as_it_was(box: Box) -> None:
    pid, space = dockers(box)
    before = state(box, space)
    box.running({"test": (pid, "192.168.1.201", "-")})
    box.conf.write_text(LOOP + ONE.replace(" -\n", " 02:42:00:00:00:77\n"))
    box.program("start")
    child = box.watch()
    until("the ULA", lambda: f"{PREFIX}201/64" in addresses(box, space))
    assert "02:42:00:00:00:77" in state(box, space)
    child.terminate()
    assert child.wait(timeout=60) == 0
    box.program("stop")
    assert f"{PREFIX}201/64" in addresses(box, space), "a plain stop takes nothing back"
    box.program("withdraw")
    assert state(box, space) == before and not record(box)
