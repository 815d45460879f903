"""IPv6 that the loop gives where Docker's network has none."""

import time
from pathlib import Path

import pytest

from tests.nas.box import CONF, PREFIX, SHIM, Box, mac_of, until
from tests.nas.loop_box import (
    ALL,
    FORMED,
    LOOP,
    MAC,
    OFF,
    ONE,
    OTHER,
    PREFIXED,
    RANDOM,
    SLAAC,
    SLOW,
    ULA,
    WITH_MAC,
    addresses,
    attach,
    dockers,
    ended,
    has,
    record,
    reload,
    start,
    state,
    sysctl,
)


@pytest.mark.parametrize("off", ["eth0", "all"])
def test_a_container_on_a_network_without_ipv6_gets_its_ula_within_a_second(box: Box, off: str) -> None:
    start(box, SLOW + ONE, {})
    pid, space = dockers(box, off=off)
    assert sysctl(box, space, "disable_ipv6") == "1"
    box.running({"test": (pid, "192.168.1.201", "-")})
    began = time.monotonic()
    box.event()
    until("the ULA", lambda: has(box, space))
    took = time.monotonic() - began
    print(f"{box.shell}: ULA {took:.2f} s after the start")
    assert took < 1
    assert sysctl(box, space, "disable_ipv6") == "0"
    if off == "all":
        assert sysctl(box, space, "disable_ipv6", link="all") == "1"
    until("it reaches its own address", lambda: box.pings(ULA, space))
    assert box.pings(ULA)
    until("told", lambda: f"test: has IPv6 and the address {ULA} now" in box.log())


def test_the_loop_looks_again_soon_until_the_interface_is_there(box: Box) -> None:
    """Docker tells of the process before it has connected it."""
    pid, space = dockers(box)
    box.ip("addr", "del", "192.168.1.201/24", "dev", "eth0", space=space)
    start(box, SLOW + ONE, {"test": (pid, 201)})
    box.event()
    until("it looks", lambda: box.asked("stopped") > 1)
    assert not has(box, space)
    box.ip("addr", "add", "192.168.1.201/24", "dev", "eth0", space=space)
    began = time.monotonic()
    until("the ULA without an event", lambda: has(box, space))
    print(f"{box.shell}: ULA {time.monotonic() - began:.2f} s after the interface")
    assert time.monotonic() - began < 1.5  # busybox may know no naps below a second


def test_slaac_switches_ipv6_on_and_gives_nothing(box: Box) -> None:
    _, space = attach(box, LOOP + SLAAC)
    until("IPv6 is on", lambda: sysctl(box, space, "disable_ipv6") == "0")
    assert addresses(box, space) == set()
    box.ip(*f"addr add {FORMED}/64 dev eth0 nodad valid_lft 600 preferred_lft 600".split(), space=space)
    until("what the router announces is learned", lambda: FORMED in box.routes())
    assert [line.split()[2:] for line in record(box) if "optimistic" not in line] == [["2", "ipv6/disable_ipv6", "1"]]


@pytest.mark.parametrize("ula", [ULA, "slaac"])
def test_a_static_global_address_is_given_routed_and_taken_back_beside_the_other(box: Box, ula: str) -> None:
    static = "2001:db8:7:7::53"  # not of a /64 of this host: an address like that is never learned
    planned = f"container test 192.168.1.201 {ula} {MAC}"
    expected = {f"{address}/64" for address in (static, ula) if address != "slaac"}
    _, space = attach(box, f"{LOOP}{planned} {static}\n")
    until("both are there", lambda: addresses(box, space) == expected)
    # Without a ULA of its own a container cannot answer the shim's
    until("and the static one is reached", lambda: box.pings(static) if ula == ULA else static in box.routes())
    box.ip("addr", "del", f"{static}/64", "dev", "eth0", space=space)
    until("it is given again", lambda: has(box, space, static))
    reload(box, f"{LOOP}{planned}\n")
    until("it goes with its line", lambda: not has(box, space, static))
    assert (ula == "slaac" or has(box, space)) and static not in box.routes()


@pytest.mark.parametrize(("more", "given"), [("", None), (ALL, ""), (PREFIXED, f"{PREFIX}77")])
def test_a_container_that_nobody_planned_gets_it_only_if_the_site_says_so(
    box: Box, more: str, given: str | None
) -> None:
    _, space = attach(box, LOOP + ONE + more, "other", 77)
    box.full_rounds(2)
    assert sysctl(box, space, "disable_ipv6") == ("1" if given is None else "0")
    assert addresses(box, space) == ({f"{given}/64"} if given else set())
    assert (f"{PREFIX}77" in box.routes()) is bool(given)
    if given:
        assert box.pings(given)
    reload(box, LOOP + ONE)
    assert sysctl(box, space, "disable_ipv6") == "1" and addresses(box, space) == set()
    until("its route goes", lambda: f"{PREFIX}77" not in box.routes())
    assert "192.168.1.77" in box.routes()


@pytest.mark.parametrize("conf", [LOOP + ONE, LOOP + SLAAC, LOOP + OTHER + PREFIXED])
def test_what_its_creator_has_switched_off_stays_off(box: Box, conf: str) -> None:
    pid, space = dockers(box)
    before = sysctl(box, space, "disable_ipv6")
    box.running({"test": (pid, "192.168.1.201", "-")})
    inspect = box.here / "docker.inspect"
    inspect.write_text(inspect.read_text().replace("\n", f" {OFF}\n"))
    box.conf.write_text(conf)
    box.program("start")
    box.watch()
    box.full_rounds(2)
    assert sysctl(box, space, "disable_ipv6") == before == "1" and addresses(box, space) == set()


def test_docker_is_asked_for_the_sysctls_of_the_creator_only_in_this_mode(box: Box) -> None:
    attach(box, LOOP + ONE)
    words = (box.here / "docker.words").read_text()
    assert "{{json $.HostConfig.Sysctls}} {{json .DriverOpts}}{{end}}" in words
    reload(box, CONF + ONE)
    assert "Sysctls" not in (box.here / "docker.words").read_text().rpartition("inspect --format attached")[2]


@pytest.mark.parametrize("damage", ["addr del {ula}/64 dev eth0", "off", "link set eth0 down; link set eth0 up"])
def test_what_a_container_loses_is_given_again_and_recorded_once(box: Box, damage: str) -> None:
    _, space = attach(box, LOOP + ONE)
    until("the ULA", lambda: has(box, space))
    before = record(box)
    for _ in range(3):
        for line in damage.format(ula=ULA).split("; "):
            if line == "off":
                sysctl(box, space, "disable_ipv6", "1")
            else:
                box.ip(*line.split(), space=space)
        until("the ULA again", lambda: has(box, space) and sysctl(box, space, "disable_ipv6") == "0")
    assert record(box) == before


def test_the_planned_mac_comes_first_so_that_no_address_has_the_other_one(box: Box) -> None:
    pid, space = dockers(box)
    box.ip("link", "set", "eth0", "address", RANDOM, space=space)
    monitor = box.popen("ip", "-6", "monitor", "address", space=space)
    until("it listens", lambda: Path(f"/proc/{monitor.pid}/comm").read_text() == "ip\n")
    time.sleep(0.2)
    start(box, LOOP + WITH_MAC, {"test": (pid, 201)})
    until("the ULA", lambda: has(box, space))
    until("a link-local address", lambda: "fe80::42:c0ff:fea8:14d" in box.ip("-6", "addr", space=space))
    assert "fe80::42:c0ff:fea8:14d" in box.log() and "97ff:febe" not in box.log()
    assert f"test: has the MAC {MAC} in place of {RANDOM}" in box.log()
    assert f"test: has IPv6 and the address {ULA} now" in box.log()


FORWARDS = ("docker", CONF + ONE), ("docker, MAC", CONF + WITH_MAC), ("loop", LOOP + ONE), ("all", LOOP + OTHER + ALL)


@pytest.mark.parametrize("conf", [conf for _, conf in FORWARDS], ids=[name for name, _ in FORWARDS])
def test_one_that_forwards_takes_advertisements_all_the_same(box: Box, conf: str) -> None:
    pid, space = dockers(box)
    if "ipv6 loop" not in conf:
        sysctl(box, space, "disable_ipv6", "0")
        box.ip("addr", "add", f"{ULA}/64", "dev", "eth0", "nodad", space=space)
    sysctl(box, space, "forwarding", "1")
    assert sysctl(box, space, "accept_ra") == "1"
    before = state(box, space)
    box.running({"test": (pid, "192.168.1.201", "-" if "ipv6 loop" in conf else ULA)})
    box.conf.write_text(conf)
    box.program("start")
    box.watch()
    until("2", lambda: sysctl(box, space, "accept_ra") == "2")
    assert sysctl(box, space, "accept_ra", link="all") == sysctl(box, space, "accept_ra", link="default") == "1"
    until("told", lambda: "test: forwards packets: takes advertisements all the same now (accept_ra=2)" in box.log())
    ended(box)
    box.program("withdraw")
    assert state(box, space) == before


@pytest.mark.parametrize("conf", [CONF + OTHER, LOOP + OTHER])
def test_forwarding_of_a_container_that_nobody_planned_is_none_of_ours(box: Box, conf: str) -> None:
    pid, space = dockers(box)
    sysctl(box, space, "forwarding", "1")
    sysctl(box, space, "disable_ipv6", "0")
    box.ip("addr", "add", f"{ULA}/64", "dev", "eth0", "nodad", space=space)
    box.running({"test": (pid, "192.168.1.201", ULA)})
    box.conf.write_text(conf)
    box.program("start")
    box.watch()
    box.full_rounds(2)
    assert (sysctl(box, space, "accept_ra"), sysctl(box, space, "optimistic_dad")) == ("1", "1")


@pytest.mark.parametrize("takes", ["0", "2"])
def test_what_its_creator_says_of_advertisements_stays(box: Box, takes: str) -> None:
    pid, space = dockers(box)
    sysctl(box, space, "forwarding", "1")
    sysctl(box, space, "accept_ra", takes)
    start(box, LOOP + ONE, {"test": (pid, 201)})
    until("the ULA", lambda: has(box, space))
    assert sysctl(box, space, "accept_ra") == takes


def test_forwarding_that_is_switched_on_later_is_seen_at_the_next_full_look(box: Box) -> None:
    pid, space = dockers(box)
    box.running({"test": (pid, "192.168.1.201", "-")})
    box.conf.write_text(LOOP + ONE)
    box.program("start")
    box.watch(program=box.patched("due=20 unanswered", "due=2 unanswered"))
    until("the ULA", lambda: has(box, space))
    sysctl(box, space, "forwarding", "1")
    until("2", lambda: sysctl(box, space, "accept_ra") == "2")


def test_who_knew_the_ula_at_another_mac_is_told_of_the_new_one(box: Box) -> None:
    """The neighbours' entry is good for half a minute, and nobody asks meanwhile."""
    _, space = attach(box, LOOP + ONE)
    until("the ULA", lambda: has(box, space))
    neighbour = ("neigh", "replace", ULA, "lladdr", "02:00:00:00:00:99", "dev", SHIM, "nud", "reachable")
    box.ip("-6", *neighbour)
    box.ip("addr", "del", f"{ULA}/64", "dev", "eth0", space=space)
    until("the ULA again", lambda: has(box, space))
    until("its MAC", lambda: mac_of("192.168.1.201") in box.ip("-6", "neigh", "show", ULA, "dev", SHIM))
