"""Containers have the MAC of their plan, whatever Docker gave them, and no address of another one."""

import json
import re
from pathlib import Path

import pytest

from tests.nas.box import CONF, PREFIX, Box, run, until
from tests.nas.test_containers import attach

PLANNED, RANDOM = "02:42:c0:a8:01:c9", "aa:5c:97:be:35:2f"
SUFFIX, OTHER = "42:c0ff:fea8:1c9", "a85c:97ff:febe:352f"
WITH_MACS = f"container test 192.168.1.201 {PREFIX}201 {PLANNED}\ncontainer qbittorrent 192.168.1.202 {PREFIX}202 -\n"
SLOW = CONF.replace("check_interval 1", "check_interval 3600")


def mac(box: Box, space: str, link: str = "eth0") -> str:
    found = re.search("link/ether (\\S+)", box.ip("link", "show", link, space=space))
    assert found
    return found[1]


def globals_of(box: Box, space: str) -> set[str]:
    said = box.ip("-6", "-o", "addr", "show", "dev", "eth0", "scope", "global", space=space)
    return {line.split()[3].partition("/")[0] for line in said.splitlines()} - {f"{PREFIX}201"}


def form(box: Box, space: str, suffix: str, life: str = "600") -> None:
    """An address as the kernel forms it of an advertisement; for ever: as somebody gives one."""
    words = f"addr add 2001:db8:1:1:{suffix}/64 dev eth0 nodad"
    box.ip(*words.split(), *([] if life == "forever" else ["valid_lft", life, "preferred_lft", life]), space=space)


@pytest.fixture
def space(box: Box) -> str:
    """Of a container to which Docker gave a MAC of its own."""
    (space,) = attach(box, "test", dead=False)
    box.ip("link", "set", "eth0", "address", RANDOM, space=space)
    box.write_conf(WITH_MACS)
    box.program("start")
    return space


def test_the_planned_mac_is_set_and_told_and_neighbours_learn_it(box: Box, space: str) -> None:
    assert box.pings("192.168.1.201"), "the NAS knows the container by the MAC before"
    box.watch()
    until("the planned MAC", lambda: mac(box, space) == PLANNED)
    until("told", lambda: f"test: has the MAC {PLANNED} in place of {RANDOM}" in box.log())
    known = box.ip("neigh", "show", "192.168.1.201")
    assert PLANNED in known and RANDOM not in known, "without the container's word the entry would stay"
    assert box.pings("192.168.1.201") and box.pings(f"{PREFIX}201")


def test_the_kernel_is_told_the_suffix_and_asks_the_router_at_once(box: Box, space: str) -> None:
    box.watch()
    until("the planned MAC", lambda: mac(box, space) == PLANNED)
    until("the token", lambda: f"token ::{SUFFIX} " in box.ip("token", "show", "dev", "eth0", space=space))


def test_an_address_of_the_mac_before_is_removed_and_no_other(box: Box, space: str) -> None:
    form(box, space, OTHER)
    form(box, space, SUFFIX)
    form(box, space, "1:2:3:4")  # by DHCP, say
    form(box, space, "8:9ff:fe00:1", "forever")  # somebody's own
    box.watch()
    until("gone", lambda: f"2001:db8:1:1:{OTHER}" not in globals_of(box, space))
    left = {f"2001:db8:1:1:{suffix}" for suffix in (SUFFIX, "1:2:3:4", "8:9ff:fe00:1")}
    assert globals_of(box, space) == left


def test_an_advertisement_that_was_quicker_than_the_loop_leaves_no_address(box: Box, space: str) -> None:
    """It comes when the MAC has been set already, as one that was on its way does."""
    box.write_conf(WITH_MACS, SLOW)
    child = box.watch()
    until("it is through", lambda: box.asked("stopped"))
    assert mac(box, space) == PLANNED
    form(box, space, OTHER)
    box.event()
    until("gone", lambda: globals_of(box, space) == set())
    assert child.poll() is None


def test_a_container_that_gives_itself_hundreds_of_addresses_costs_a_few_commands_a_round(box: Box, space: str) -> None:
    box.write_conf(WITH_MACS, SLOW)
    box.watch()
    until("it is through", lambda: box.asked("stopped"))
    for number in range(100):
        form(box, space, f"{number:x}:ff:fe00:1")
    asked = box.asked("stopped")
    box.event()
    until("looked again", lambda: box.asked("stopped") > asked)
    assert 0 < 100 - len(globals_of(box, space)) <= 32  # the round of the event, and one that may have come between


def test_of_a_container_without_a_planned_mac_and_of_other_interfaces_none_is_touched(box: Box) -> None:
    _, second = attach(box, "test", "qbittorrent", dead=False)
    box.ip("link", "set", "eth0", "address", RANDOM, space=second)
    box.ip("link", "add", "eth1", "type", "veth", "peer", "name", "eth2", space=second)
    first = mac(box, second, "eth1")
    box.write_conf(WITH_MACS)
    box.program("start")
    box.watch()
    until("routes", lambda: f"{PREFIX}202" in box.routes() and box.asked("stopped"))
    assert mac(box, second) == RANDOM and mac(box, second, "eth1") == first


def test_of_several_interfaces_the_one_with_the_planned_address_is_meant(box: Box, space: str) -> None:
    box.ip("link", "add", "eth1", "type", "veth", "peer", "name", "eth2", space=space)
    first = mac(box, space, "eth1")
    box.watch()
    until("the planned MAC", lambda: mac(box, space) == PLANNED)
    assert mac(box, space, "eth1") == first


def test_without_ipv6_the_only_interface_gets_it(box: Box, space: str) -> None:
    run(*box.inside("sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6", space=space))
    box.watch()
    until("the planned MAC", lambda: mac(box, space) == PLANNED)


@pytest.mark.parametrize("tunnels", [("sit0", "ip6tnl0"), ("tun0", "wg0")])
def test_tunnels_are_none_of_them(box: Box, space: str, tunnels: tuple[str, str]) -> None:
    """Some kernels put idle ones into each namespace, and a container with a VPN makes its own."""
    box.ip("link", "add", tunnels[0], "type", "veth", "peer", "name", tunnels[1], space=space)
    run(*box.inside("sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6", space=space))
    box.watch()
    until("the planned MAC", lambda: mac(box, space) == PLANNED)


def test_what_a_container_calls_its_link_is_no_word_of_the_kernels(box: Box, space: str) -> None:
    forged = f"x\nattached 1 /forged 192.168.1.77 -\nreached 192.168.1.201\nlink/ether {PLANNED} brd"
    box.ip("link", "set", "eth0", "alias", forged, space=space)
    told = json.loads(box.program("status", "--json").stdout)["containers"]
    assert [(one["name"], one["mac"]) for one in told] == [("test", RANDOM), ("qbittorrent", None)]
    box.ip("link", "set", "eth0", "alias", f"link/ether {PLANNED} brd", space=space)
    box.watch()
    until("the planned MAC", lambda: mac(box, space) == PLANNED)


def test_a_mac_that_goes_back_and_forth_keeps_nobody_busy(box: Box, space: str) -> None:
    """As a container could do on purpose: in rounds in which no interface came, none is asked for its MAC."""
    child = box.watch()
    until("it is through", lambda: box.asked("stopped"))
    asked = box.asked("stopped")
    box.ip("link", "set", "eth0", "address", RANDOM, space=space)
    box.event()
    until("looked again", lambda: box.asked("stopped") > asked)
    assert mac(box, space) == RANDOM and box.log().count("has the MAC") == 1
    assert child.poll() is None


def test_a_mac_that_somebody_changed_is_set_again_at_the_next_full_look(box: Box, space: str) -> None:
    box.watch(program=box.patched("due=20 unanswered", "due=2 unanswered"))
    until("the planned MAC", lambda: mac(box, space) == PLANNED)
    box.ip("link", "set", "eth0", "address", RANDOM, space=space)
    until("again", lambda: mac(box, space) == PLANNED)


def test_a_loop_that_was_killed_is_followed_by_one_that_does_it(box: Box, space: str) -> None:
    child = box.watch()
    box.listening()
    child.kill()
    child.wait()
    box.ip("link", "set", "eth0", "address", RANDOM, space=space)
    box.watch()
    until("the planned MAC", lambda: mac(box, space) == PLANNED)


def test_a_conf_of_before_there_were_macs_is_read_and_sets_none(box: Box, space: str) -> None:
    box.write_conf(f"container test 192.168.1.201 {PREFIX}201\n", SLOW)
    box.watch()
    until("routes", lambda: f"{PREFIX}201" in box.routes() and box.asked("stopped"))
    assert mac(box, space) == RANDOM


@pytest.mark.parametrize("bad", ["02:42", "02-42-c0-a8-01-c9", "$(id)", f"{PLANNED} more"])
def test_a_mac_that_is_none_is_refused_with_its_line(box: Box, bad: str) -> None:
    box.write_conf(f"container test 192.168.1.201 {PREFIX}201 {bad}\n")
    done = box.program("check", check=False)
    assert done.returncode == 1 and "is not a valid value for container" in done.stderr


def test_status_tells_the_mac_that_the_interface_has(box: Box, space: str) -> None:
    (told, _) = json.loads(box.program("status", "--json").stdout)["containers"]
    assert (told["mac"], told["mac_planned"]) == (RANDOM, PLANNED)
    assert f"MAC {RANDOM} instead of {PLANNED}" in box.program("status").stdout
    box.watch()
    until("the planned MAC", lambda: mac(box, space) == PLANNED)
    (told, other) = json.loads(box.program("status", "--json").stdout)["containers"]
    assert (told["mac"], other["mac"], other["mac_planned"]) == (PLANNED, None, None)
    assert "instead of" not in box.program("status").stdout


@pytest.mark.parametrize("tool", ["nsenter", "ip netns"])
def test_both_ways_into_a_namespace_set_it(box: Box, space: str, tool: str) -> None:
    program = box.bare() if tool == "ip netns" else box.patched("x", "x")
    child = box.watch(program=program)
    until("the planned MAC", lambda: mac(box, space) == PLANNED)
    until("the token", lambda: SUFFIX in box.ip("token", "show", "dev", "eth0", space=space))
    child.terminate()
    assert child.wait(timeout=60) == 0
    assert not Path(f"/var/run/netns/{program.name}.{child.pid}").exists()
