"""What the probe heard of routers, as values, and of which prefixes SLAAC forms addresses."""

from dataclasses import replace
from ipaddress import IPv6Address, IPv6Network

import pytest

from facts.nas import NasFacts
from facts.routers import AdvertisedPrefix, Advertisements, Router
from probe.parse import parse_facts
from probe.parse_routers import read_routers
from tests.unit.recorded import answer

GLOBAL, OTHER = IPv6Network("2001:db8:1:1::/64"), IPv6Network("2001:db8:1:2::/64")
HEARD = """link eth0
heard
ra fe80:0:0:0:0:ff:fe00:101 1800 managed other
prefix fe80:0:0:0:0:ff:fe00:101 2001:db8:1:2:0:0:0:0/64 onlink auto 4294967295 300
prefix fe80:0:0:0:0:ff:fe00:101 2001:db8:5:1:0:0:0:1/60 - - 600 0
ra fe80:0:0:0:0:0:0:9 0 - -
known fe80::9"""
LEARNED = IPv6Address("fe80::ff:fe00:101")  # the router of the recorded answers' default route


def facts(heard: str = HEARD) -> NasFacts:
    """eth0 has an address of GLOBAL from an advertisement, and a default route."""
    return parse_facts(answer("bare").replace("== routers\n", f"== routers\n{heard}\n"))


def test_lines_become_routers_with_their_prefixes() -> None:
    assert facts().advertisements == Advertisements(
        "eth0",
        (
            Router(
                LEARNED,
                1800,
                True,
                True,
                (
                    AdvertisedPrefix(OTHER, True, True, 0xFFFFFFFF, 300),
                    AdvertisedPrefix(IPv6Network("2001:db8:5::/60"), False, False, 600, 0),
                ),
            ),
            Router(IPv6Address("fe80::9"), 0),
        ),
        frozenset({IPv6Address("fe80::9")}),
    )


def test_who_heard_nobody_is_told_from_who_did_not_listen_and_from_an_older_probe() -> None:
    assert read_routers(["link eth0", "heard", "a later line"]).routers == ()
    assert read_routers(["link eth0"]) == Advertisements("eth0")
    assert parse_facts(answer("bare").replace("== routers\n", "")).heard("eth0") is None
    assert facts().heard("eth1") is None


@pytest.mark.parametrize(
    ("route", "routers", "learned"),
    [
        ("default via fe80::1 dev eth0 proto ra metric 1024", ["fe80::1"], ["fe80::1"]),
        ("default via fe80::1 dev eth0 metric 1024", ["fe80::1"], []),
        ("default via fe80::1 dev eth1 proto ra", [], []),
        ("default dev eth0 proto ra", [], []),
        (
            "default proto ra metric 1024\n6 \tnexthop via fe80::1 dev eth0 weight 1\n6 \tnexthop via fe80::2 dev eth0",
            ["fe80::1", "fe80::2"],
            ["fe80::1", "fe80::2"],
        ),
        ("default metric 9\n6 \tnexthop via fe80::1 dev eth0 weight 1", ["fe80::1"], []),
    ],
)
def test_the_default_routers_are_those_of_the_links_own_routes(
    route: str, routers: list[str], learned: list[str]
) -> None:
    old = next(line for line in answer("bare").splitlines() if line.startswith("6 default"))
    told = parse_facts(answer("bare").replace(old, f"6 {route}"))
    assert told.default_routers("eth0") == {IPv6Address(one) for one in routers}
    assert told.default_routers("eth0", learned=True) == {IPv6Address(one) for one in learned}


def test_what_the_routers_say_counts_more_than_an_address_of_the_nas() -> None:
    """The router has another prefix since the NAS formed its address."""
    assert facts().formed("eth0") == (GLOBAL,) and facts().advertised_global("eth0") == (OTHER,)


def test_where_a_router_did_not_answer_the_address_of_the_nas_counts_too() -> None:
    silent = replace(facts(), routes=(("6", "default via fe80::7 dev eth0 proto ra"),))
    assert facts().heard_all("eth0") and not silent.heard_all("eth0")
    assert silent.advertised_global("eth0") == (GLOBAL, OTHER)
    withdrawn = HEARD.replace("2001:db8:1:2:0:0:0:0/64 onlink auto", "2001:db8:1:1:0:0:0:0/64 onlink -")
    assert replace(facts(withdrawn), routes=silent.routes).advertised_global("eth0") == ()


@pytest.mark.parametrize("heard", ["", "link eth0", "link eth1\nheard", "link eth0\nheard"])
def test_where_nobody_was_heard_the_address_of_the_nas_counts(heard: str) -> None:
    assert facts(heard).advertised_global("eth0") == (GLOBAL,)


@pytest.mark.parametrize(
    ("words", "forms"),
    [
        ("2001:db8:1:2:0:0:0:0/64 onlink auto 1 1", True),
        ("2001:db8:1:2:0:0:0:0/64 - auto 1 1", True),
        ("2001:db8:1:2:0:0:0:0/64 onlink - 1 1", False),
        ("2001:db8:1:2:0:0:0:0/64 onlink auto 0 0", False),
        ("2001:db8:1:2:0:0:0:0/64 onlink auto 1 0", False),
        ("2001:db8:1:2:0:0:0:0/63 onlink auto 1 1", False),
        ("2001:db8:1:2:0:0:0:0/65 onlink auto 1 1", False),
    ],
)
def test_addresses_are_formed_of_a_64_that_is_autonomous_and_in_force(words: str, forms: bool) -> None:
    told = f"link eth0\nheard\nra {LEARNED} 1800 - -\nprefix {LEARNED} {words}"
    assert facts(told).advertised_global("eth0") == ((OTHER,) if forms else ())
