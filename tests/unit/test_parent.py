"""Which interface `parent: auto` takes, on NASes with several."""

from dataclasses import replace

import pytest

from config.site import Site, parse_site
from facts.nas import NasFacts
from preflight.parents.parent_interface import resolve_parent
from tests.unit.recorded import facts_of, site_in
from tests.unit.sites import put, site_of

CARDS = "second-card-has-the-address-of-the-site"  # eth0 has 192.168.1.10 and the default route, eth1 has 192.168.1.11


def auto(host: str = "192.168.1.10") -> Site:
    site, problems = parse_site(site_of(put("lan", "parent", "auto"), put("nas", "host", host)))
    assert site is not None and not problems
    return site


def resolved(site: Site, facts: NasFacts) -> str:
    found, problems = resolve_parent(site, facts)
    assert not problems
    return found.lan.parent


@pytest.mark.parametrize(
    "name",
    [
        "parent-auto-and-a-vpn-has-the-default-route",
        "parent-auto-and-tailscale-has-the-default-route",
        "parent-auto-behind-a-shim",
    ],
)
def test_the_interface_on_the_lan_is_taken_whoever_has_the_default_route(name: str) -> None:
    assert resolved(site_in(name), facts_of(name)) == "eth0"


@pytest.mark.parametrize(
    ("route", "host", "parent"),
    [
        ("default via 192.168.1.1 dev eth0", "192.168.1.11", "eth0"),
        ("default via 192.168.1.1 dev eth1", "192.168.1.10", "eth1"),
        ("default dev wg0", "192.168.1.10", "eth0"),
        ("default dev wg0", "192.168.1.11", "eth1"),
        ("default dev wg0", "nas.home.arpa", "eth0"),
    ],
)
def test_of_two_cards_in_the_lan_the_one_with_the_default_route_is_taken_or_else_the_one_of_the_site(
    route: str, host: str, parent: str
) -> None:
    assert resolved(auto(host), replace(facts_of(CARDS), routes=(("4", route),))) == parent


def test_an_address_that_was_moved_to_a_macvlan_link_shows_the_interface_below() -> None:
    facts = facts_of("older-shim-has-the-nas-address")
    bare = replace(facts.links["eth0"], addresses=())
    routes = (("4", "default dev wg0"),)
    assert resolved(auto(), replace(facts, links={**facts.links, "eth0": bare}, routes=routes)) == "eth0"


@pytest.mark.parametrize("changes", [{"kind": "tun"}, {"wireless": True}, {"master": "br0"}, {"ethernet": False}])
def test_what_cannot_carry_the_network_is_not_taken(changes: dict[str, str | bool]) -> None:
    facts = facts_of(CARDS)
    links = {**facts.links, "eth0": replace(facts.links["eth0"], **changes)}
    assert resolved(auto(), replace(facts, links=links)) == "eth1"


def test_no_bridge_of_dockers_is_taken() -> None:
    facts = facts_of(CARDS)
    links = {("docker0" if name == "eth0" else name): link for name, link in facts.links.items() if name != "docker0"}
    links["docker0"] = replace(links["docker0"], name="docker0")
    assert resolved(auto(), replace(facts, links=links, routes=())) == "eth1"
