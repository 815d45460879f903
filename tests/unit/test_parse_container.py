"""What the kernel says in the containers' namespaces, as values; what was cut off is no answer."""

from ipaddress import IPv4Address, IPv6Address

import pytest

from facts.nas import Inside
from probe.parse_container import read_inside

ULA, GLOBAL = IPv6Address("fd0d:7eb5:2afd::201"), IPv6Address("2001:db8:1:1:42:c0ff:fea8:1c9")
# From a container on engine 29 in the lab, 2026-11-27
TEST = """pid 368
v6 fd0d7eb52afd00000000000000000201 04 40 00 82     eth0
v6 00000000000000000000000000000001 01 80 10 80       lo
v6 fe80000000000000a04e66fffeab1bc8 04 40 20 80     eth0
v6 20010db8000100010042c0fffea801c9 04 40 00 40     eth0
v4 127.0.0.1
v4 192.168.1.201""".splitlines()
LINKS = [
    "links 368",
    r"1: lo: <LOOPBACK,UP,LOWER_UP> mtu 65536\    link/loopback 00:00:00:00:00:00 brd 00:00:00:00:00:00",
    r"4: eth0@if2: <BROADCAST,UP,LOWER_UP> mtu 1500\    link/ether 02:42:c0:a8:01:c9 brd ff:ff:ff:ff:ff:ff",
]


def test_addresses_and_macs_are_read() -> None:
    assert read_inside([*TEST, *LINKS]) == {
        368: Inside(
            frozenset({IPv4Address("192.168.1.201")}),
            (("eth0", ULA), ("eth0", GLOBAL)),
            macs={"eth0": "02:42:c0:a8:01:c9"},
        )
    }


def test_of_several_interfaces_the_one_with_the_ula_is_on_our_network() -> None:
    inside = Inside(
        ipv6=(("eth1", ULA), ("eth0", GLOBAL)), macs={"eth0": "02:00:00:00:00:01", "eth1": "02:00:00:00:00:02"}
    )
    assert inside.mac(ULA) == "02:00:00:00:00:02" and inside.globals(ULA) == ()
    assert Inside(macs=inside.macs).mac(ULA) == "", "nobody knows which"
    assert Inside(macs={"eth0": "02:00:00:00:00:01"}).mac(ULA) == "02:00:00:00:00:01"


@pytest.mark.parametrize("flags", ["01", "20", "08", "28"])
def test_an_address_that_is_temporary_deprecated_or_a_duplicate_is_left_out(flags: str) -> None:
    lines = [line.replace("00 40 ", f"00 {flags} ") for line in TEST]
    assert read_inside(lines)[368].globals(ULA) == ()


@pytest.mark.parametrize("lines", [["pid 7"], ["pid 7", "links 7"], [*TEST, "cut"], [*TEST, "cut", *LINKS]])
def test_who_could_not_be_asked_for_all_of_it_is_not_known(lines: list[str]) -> None:
    assert read_inside(lines) == {}


def test_where_ipv6_is_switched_off_that_is_told() -> None:
    assert read_inside(TEST)[368].speaks_ipv6
    off = [line for line in TEST if not line.startswith("v6") or line.endswith(" lo")]
    assert not read_inside(off)[368].speaks_ipv6


def test_a_name_that_a_container_gave_to_a_link_is_no_line_of_ours() -> None:
    odd = r"5: pid: <UP>\    link/ether 02:00:00:00:00:09 brd ff:ff:ff:ff:ff:ff"
    assert read_inside([*TEST, *LINKS, odd])[368].macs == {"eth0": "02:42:c0:a8:01:c9", "pid": "02:00:00:00:00:09"}
