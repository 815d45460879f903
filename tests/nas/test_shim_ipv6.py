"""The NAS's own side where containers have no ULA or no IPv6: the shim's link-local address, or none."""

import json

import pytest

from tests.nas.box import CONF, PREFIX, SHIM, TABLE, TWO, Box, until
from tests.nas.loop_box import FORMED, SLAAC, attach, has, reload

LOCAL = "fe80::42:c0ff:fea8:1fe"
BASE = CONF.replace("placeholder_gateway fd0d:7eb5:2afd::1\n", "")
ONLY_SLAAC = BASE.replace(f"shim_ipv6 {PREFIX}254", f"shim_ipv6 {LOCAL}") + "ipv6 loop\n"
NONE = BASE.replace(f"shim_ipv6 {PREFIX}254", "shim_ipv6 -") + "ipv6 off\n"
FOUR = "container test 192.168.1.201 - -\ncontainer qbittorrent 192.168.1.202 - -\n"


def test_nas_and_container_reach_each_other_by_the_links_address_alone(box: Box) -> None:
    _, space = attach(box, ONLY_SLAAC + SLAAC)
    until("IPv6 is on", lambda: "fe80::" in box.ip("-6", "addr", "show", "dev", "eth0", space=space))
    box.ip(*f"addr add {FORMED}/64 dev eth0 nodad valid_lft 600 preferred_lft 600".split(), space=space)
    until("learned", lambda: FORMED in box.routes())
    assert f"src {LOCAL}" in box.ip("-6", "route", "show", "table", TABLE, "dev", SHIM)
    assert box.pings(FORMED) and f"{LOCAL}/64" in box.addresses()
    assert box.pings(f"{LOCAL}%eth0", space=space)
    status = json.loads(box.program("status", "--json").stdout)
    assert (status["state"], status["shim"]["ipv6"], status["drift"]) == ("ok", LOCAL, [])
    (told,) = status["containers"]
    assert (told["ula"], [one["address"] for one in told["globals"]], told["attached"]) == ("-", [FORMED], True)
    assert FORMED in told["reached"]
    assert "-!" not in box.program("status").stdout


def test_from_and_to_a_ula_the_routes_follow(box: Box) -> None:
    box.write_conf(TWO, BASE)
    box.program("start")
    box.write_conf(TWO, ONLY_SLAAC)
    box.program("start")
    shown = box.ip("-6", "route", "show", "table", TABLE, "dev", SHIM).splitlines()
    assert shown and all(f"src {LOCAL}" in line for line in shown)
    assert box.addresses() == {"192.168.1.254/32", f"{LOCAL}/64"} and box.program("status", "--brief").returncode == 0
    box.write_conf(TWO, BASE)
    box.program("start")
    assert "src" not in box.ip("-6", "route", "show", "table", TABLE, "dev", SHIM)
    assert f"{PREFIX}254/128" in box.addresses() and box.program("status", "--brief").returncode == 0


def test_without_ipv6_ipv4_is_all_there_is(box: Box) -> None:
    box.write_conf(FOUR, NONE)
    box.program("start")
    assert box.addresses() == {"192.168.1.254/32"} and box.routes() == {"192.168.1.201", "192.168.1.202"}
    assert box.rules() == ["109: from all lookup 109"]
    status = json.loads(box.program("status", "--json").stdout)
    assert (status["state"], status["shim"]["ipv6"], status["drift"]) == ("ok", None, [])
    assert box.program("status", "--brief").stdout == f"shim {SHIM} on eth0: 192.168.1.254; 2 containers, 2 routes\n"


def test_ipv6_that_is_switched_off_later_takes_all_of_it_along(box: Box) -> None:
    _, space = attach(box, BASE + "ipv6 loop\n" + TWO.replace("\n", " -\n"))
    until("the ULA", lambda: has(box, space))
    reload(box, NONE + FOUR)
    until("settled", lambda: box.program("status", "--brief", check=False).returncode == 0)
    assert box.addresses() == {"192.168.1.254/32"} and box.routes() == {"192.168.1.201", "192.168.1.202"}
    assert box.rules() == ["109: from all lookup 109"] and not has(box, space)
    reload(box, BASE + "ipv6 loop\n" + TWO)
    until("back", lambda: has(box, space) and len(box.rules()) == 2 and f"{PREFIX}201" in box.routes())


def test_a_mark_for_others_that_cannot_be_written_fails_no_start(box: Box) -> None:
    (box.here / f"macvlan-ipv6.table.{TABLE}").mkdir()
    assert box.program("start").stderr == ""
    assert box.has_link() and box.program("status", "--brief").returncode == 0


@pytest.mark.parametrize("value", ["docker", "loop", "off"])
def test_each_mode_is_read(box: Box, value: str) -> None:
    box.conf.write_text(f"{BASE}ipv6 {value}\n{SLAAC}")
    box.program("check")
