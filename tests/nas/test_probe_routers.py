"""Which routers advertise what on the LAN, as probe.sh hears it, with the kernel's packets and a real perl."""

import time
from collections.abc import Iterator
from ipaddress import IPv6Address, IPv6Network

import pytest

from facts.routers import AdvertisedPrefix, Advertisements, Router
from probe.parse_routers import read_routers
from tests.nas.box import Box, run, until
from tests.nas.fake_nas import NOBODY, FakeNas
from tests.nas.fake_router import (
    AUTO,
    ICMPV6,
    MANAGED,
    OTHER,
    ROUTER,
    SECOND,
    advertisement,
    checksum,
    prefix,
    put_routers,
    questions,
)

GLOBAL, ULA = IPv6Network("2001:db8:1:1::/64"), IPv6Network("fd99:1:2:3::/64")
SLAAC = advertisement(prefix(str(GLOBAL)))
WHOLE = Router(IPv6Address(ROUTER), 1800, prefixes=(AdvertisedPrefix(GLOBAL, True, True, 600, 300),))


@pytest.fixture
def nas(box: Box) -> Iterator[FakeNas]:
    box.settled()
    yield FakeNas(box)


def heard(nas: FakeNas, *words: str) -> Advertisements:
    return read_routers(nas.look(*(words or ("parent=eth0",)))["routers"])


def sysctl(box: Box, key: str, value: int) -> None:
    run(*box.inside("sh", "-c", f"echo {value} >/proc/sys/net/ipv6/conf/{key}"))


def test_each_router_is_told_with_its_lifetime_flags_and_prefixes(nas: FakeNas) -> None:
    names = prefix("2001:db8:5::/60", flags=0, valid=0xFFFFFFFF, preferred=0)
    # DNS names and servers, an MTU, and an option that nobody knows: none of them is told
    rest = b"\x1f\x02" + bytes(6) + b"\x03lan\x00   " + b"\x05\x01" + bytes(6) + b"\xfe\x01$(id);"
    put_routers(
        nas.box,
        advertisement(prefix(str(GLOBAL)), rest, names, flags=MANAGED | OTHER),
        advertisement(prefix(str(ULA), flags=AUTO, valid=1800, preferred=1800), lifetime=0, of=SECOND),
    )
    told = heard(nas)
    longer = AdvertisedPrefix(IPv6Network("2001:db8:5::/60"), False, False, 0xFFFFFFFF, 0)
    assert told.link == "eth0" and told.routers == (
        Router(IPv6Address(ROUTER), 1800, True, True, (*WHOLE.prefixes, longer)),
        Router(IPv6Address(SECOND), 0, prefixes=(AdvertisedPrefix(ULA, False, True, 1800, 1800),)),
    )


def test_a_silent_lan_is_told_from_one_that_nobody_listened_on(nas: FakeNas) -> None:
    nas.box.ip("addr", "flush", "dev", "eth0", "scope", "global")
    assert heard(nas).routers == ()
    assert heard(nas, "parent=none") == Advertisements("none") and heard(nas, "network=x") == Advertisements()


def test_the_question_is_a_solicitation_from_the_own_address_and_comes_twice(nas: FakeNas) -> None:
    put_routers(nas.box)
    assert heard(nas).routers == ()
    own = nas.box.ip("-6", "-o", "addr", "show", "dev", "eth0", "scope", "link").split()[3].partition("/")[0]
    mac = nas.box.ip("-o", "link", "show", "dev", "eth0").partition("link/ether ")[2].split()[0].replace(":", "")
    assert len(questions(nas.box)) == 2 and len({*questions(nas.box)}) == 1
    first = questions(nas.box)[0]
    assert (first[7], first[8:24], first[24:40]) == (255, IPv6Address(own).packed, IPv6Address("ff02::2").packed)
    assert first[48:] == b"\x01\x01" + bytes.fromhex(mac)
    assert checksum(first[8:] + bytes([0, len(first) - 40, 0, ICMPV6])) == 0


def test_without_ipv6_on_the_parent_the_routers_are_heard_all_the_same(nas: FakeNas) -> None:
    sysctl(nas.box, "eth0/disable_ipv6", 1)
    put_routers(nas.box, SLAAC)
    assert heard(nas).routers == (WHOLE,)
    assert questions(nas.box)[0][8:24] == bytes(16) and len(questions(nas.box)[0]) == 48


def test_a_firewall_that_drops_advertisements_hides_no_router(nas: FakeNas) -> None:
    run(*nas.box.inside("ip6tables", "-A", "INPUT", "-j", "DROP"))
    put_routers(nas.box, SLAAC)
    assert heard(nas).routers == (WHOLE,)


def test_nothing_on_the_nas_is_other_than_before(nas: FakeNas) -> None:
    sysctl(nas.box, "eth0/accept_ra", 0)
    put_routers(nas.box, SLAAC)

    def state() -> str:
        shown = [nas.box.ip(*words) for words in (["-d", "link"], ["addr"], ["-6", "route"], ["maddr"])]
        keys = "for f in /proc/sys/net/ipv6/conf/*/*; do echo $f $(cat $f 2>&1); done"
        return "".join([*shown, run(*nas.box.inside("sh", "-c", keys)).stdout])

    before = state()
    assert heard(nas).routers == (WHOLE,)
    assert state() == before
    until(
        "nothing of it runs", lambda: nas.box.left() == [], 3
    )  # busybox's timeout ends within a second after its command


# ---- who does not get a word in ----------------------------------------------------------------------------
LIES = [
    advertisement(prefix(str(ULA)), of="2001:db8::1"),  # from no link-local address
    advertisement(prefix(str(ULA)), hops=64),  # from beyond a router
    advertisement(prefix(str(ULA)))[:50],  # cut off
    advertisement(b"\x03\x00" + prefix(str(ULA))[2:], lifetime=0, of=SECOND),  # an option without length
    advertisement(prefix(f"{ULA.network_address}/129"), lifetime=0, of=SECOND),
    advertisement(b"\x03\xff" + prefix(str(ULA))[2:], lifetime=0, of=SECOND),  # one longer than the packet
    advertisement(b"\x03\x02" + prefix(str(ULA))[2:16], lifetime=0, of=SECOND),  # a prefix that is too short
]


def test_what_is_no_advertisement_is_passed_over_and_the_next_one_is_read(nas: FakeNas) -> None:
    put_routers(nas.box, *LIES, SLAAC)
    assert heard(nas).routers == (WHOLE, Router(IPv6Address(SECOND), 0))


def test_of_many_routers_and_prefixes_sixteen_are_told(nas: FakeNas) -> None:
    many = [prefix(f"2001:db8:{number:x}::/64") for number in range(40)]
    put_routers(nas.box, *(advertisement(*many, of=f"fe80::{number:x}") for number in range(1, 40)))
    began = time.monotonic()
    routers = heard(nas).routers
    assert routers is not None and len(routers) == 16 and time.monotonic() - began < 6
    assert [len(router.prefixes) for router in routers] == [16] * 16


@pytest.mark.parametrize(("vlan", "routers"), [(7, ()), (None, (WHOLE,))])
def test_an_advertisement_in_a_vlan_that_the_nas_does_not_have_is_not_the_lans(
    nas: FakeNas, vlan: int | None, routers: tuple[Router, ...]
) -> None:
    put_routers(nas.box, SLAAC, vlan=vlan)
    assert heard(nas).routers == routers


# ---- who asks, and where -----------------------------------------------------------------------------------
def test_without_perl_or_root_the_neighbour_table_alone_tells_of_routers(nas: FakeNas) -> None:
    put_routers(nas.box, SLAAC)
    nas.box.ip(*f"-6 neigh add {SECOND} lladdr 02:00:00:00:00:99 dev eth0 nud stale router".split())
    nas.box.ip(*f"-6 neigh add {ROUTER} lladdr 02:00:00:00:00:98 dev eth0 nud stale".split())
    known = Advertisements("eth0", None, frozenset({IPv6Address(SECOND)}))
    nas.wrapper = NOBODY
    assert heard(nas) == known
    nas.wrapper, nas.without = (), "perl"
    assert heard(nas) == known and questions(nas.box) == []


def test_a_user_who_may_use_sudo_has_root_listen(nas: FakeNas) -> None:
    nas.wrapper = NOBODY
    nas.put(
        "/usr/bin/sudo",
        '#!/bin/sh\ncase "$*" in "-n true") ;; "-n /"*"/perl -e"*" eth0 "[1-3].?) echo heard ;; esac\n',
        0o755,
    )
    assert heard(nas).routers == ()


@pytest.mark.parametrize("kind", ["bridge", "macvlan"])
def test_with_auto_the_link_to_the_router_is_asked(nas: FakeNas, kind: str) -> None:
    box = nas.box
    if kind == "macvlan":
        box.ip("link", "add", "link", "eth0", "name", "lan0", "type", "macvlan", "mode", "bridge")
    else:
        box.ip("link", "add", "lan0", "type", "bridge")
        box.ip("link", "set", "eth0", "master", "lan0")
    box.ip("link", "set", "lan0", "up")
    box.ip("addr", "add", "192.168.1.10/24", "dev", "lan0")
    box.settled()
    put_routers(box, SLAAC)
    found = heard(nas, "parent=auto", "router=192.168.1.1")
    assert (found.link, found.routers) == ("eth0" if kind == "macvlan" else "lan0", (WHOLE,))


@pytest.mark.parametrize("words", [["router=10.9.9.9"], ["router=127.0.0.1"], ["router=$(id)"], []])
def test_with_auto_and_no_way_to_the_router_nobody_is_asked(nas: FakeNas, words: list[str]) -> None:
    assert nas.look("parent=auto", *words)["routers"] == []


@pytest.mark.parametrize("name", ["..", "../../x", "eth0/..", "a b", "lo"])
def test_a_name_that_is_none_of_a_link_leads_nowhere(nas: FakeNas, name: str) -> None:
    assert nas.look(f"parent={name}")["routers"] == []


# ---- how long it takes -------------------------------------------------------------------------------------
def test_it_waits_for_an_answer_that_comes_late_where_the_kernel_knows_of_a_router(nas: FakeNas) -> None:
    nas.box.ip("-6", "route", "add", "default", "via", ROUTER, "dev", "eth0", "proto", "ra")
    put_routers(nas.box, SLAAC, delay=2.5)
    assert heard(nas).routers == (WHOLE,)


def test_the_question_costs_no_time_beside_that_for_the_addresses(nas: FakeNas) -> None:
    """One planned address that nobody has is asked for a second."""
    nas.box.ip("addr", "add", "192.168.1.10/24", "dev", "eth0")
    put_routers(nas.box, SLAAC)
    took: dict[str, list[float]] = {"none": [], "eth0": []}
    end = time.monotonic() + 60
    while not took["eth0"] or (min(took["eth0"]) > min(took["none"]) + 0.3 and time.monotonic() < end):
        for parent, seconds in took.items():  # again, because other tests may be at work beside this one
            began = time.monotonic()
            assert nas.look(f"parent={parent}", "ask=192.168.1.99")["routers"]
            seconds.append(time.monotonic() - began)
    print(f"with the question to routers {min(took['eth0']):.2f} s, without {min(took['none']):.2f} s")
    assert min(took["eth0"]) <= min(took["none"]) + 0.3
