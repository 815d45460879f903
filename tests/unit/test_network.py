"""What of a live Docker network is kept, what is a difference, and what is only noise."""

from dataclasses import replace
from typing import Any

import pytest

from facts.labels import MADE_BY, MAKER
from facts.nas import LiveNetwork, LiveRange
from plan.lan import NetworkPlan
from plan.network import as_live, differences
from tests.unit.sites import Change, by_hand, plan_of, put, site_of

OURS = {MADE_BY: MAKER}


def planned(*changes: Change, engine: int = 26, live: LiveNetwork | None = None) -> NetworkPlan:
    return plan_of(site_of(*changes), (), engine, live).network


def told(plan: NetworkPlan, live: LiveNetwork) -> list[tuple[str, str, str]]:
    return [(one.setting, one.live, one.wanted) for one in differences(plan, live)]


@pytest.mark.parametrize("engine", [20, 26, 29])
def test_a_network_made_as_planned_is_taken_for_the_one_that_is_wanted(engine: int) -> None:
    first = planned(engine=engine)
    live = replace(as_live(first), id="1234" * 16)
    again = planned(engine=engine, live=live)
    assert again == replace(first, live_id=live.id)
    assert told(again, live) == []


def test_a_network_made_by_hand_with_the_same_settings_is_adopted() -> None:
    plan = planned(live=by_hand())
    assert plan.adopted and plan.live_id == by_hand().id and not plan.replaces
    assert plan.reserved_ipv4 == {} and MADE_BY not in plan.labels


NOISE: list[dict[str, Any]] = [
    {"labels": {"com.docker.compose.network": "lan"}},
    {"attachable": True},
    {"options": {"parent": "eth0", "macvlan_mode": "bridge"}},
    {"attached": ("a", "b")},
]


@pytest.mark.parametrize("noise", NOISE, ids=str)
def test_what_nobody_would_notice_is_no_difference(noise: dict[str, Any]) -> None:
    plan = planned(live=by_hand(**noise))
    assert plan.live_id and not plan.replaces


def test_the_order_and_the_spelling_of_ranges_are_no_difference() -> None:
    made = by_hand()
    v4, v6 = made.ranges
    spelled = replace(v6, subnet="FD0D:7EB5:2AFD:0::/64", gateway="fd0d:7eb5:2afd:0:0:0:0:1")
    assert planned(live=replace(made, ranges=(spelled, v4))).live_id == made.id


def test_a_gateway_that_docker_hides_is_no_difference_where_it_hides_it() -> None:
    assert planned(live=by_hand(None)).live_id
    assert planned(live=by_hand(None), engine=29).live_id


@pytest.mark.parametrize(
    ("ip_range", "router", "fits"),
    [
        (None, "192.168.1.1", True),
        (None, "192.168.1.2", False),
        ("192.168.1.0/25", "192.168.1.1", True),
        ("192.168.1.192/26", "192.168.1.192", True),  # a range's first address is one like any other
        ("192.168.1.192/26", "192.168.1.1", False),
    ],
)
def test_an_ipv4_gateway_that_docker_hides_is_the_one_that_it_takes_by_itself(
    ip_range: str | None, router: str, fits: bool
) -> None:
    made = by_hand()
    live = replace(made, ranges=(LiveRange("192.168.1.0/24", None, ip_range), made.ranges[1]))
    change = put("lan", "gateway", router)
    assert bool(planned(change, live=live).live_id) == fits
    assert not planned(change, live=live, engine=29).live_id, "from 29 on there is none"


def test_reserved_addresses_never_replace_a_network() -> None:
    live = replace(as_live(planned()), id="12" * 32)
    moved = planned(put("shim", "ipv4_address", "192.168.1.253"), live=live)
    assert moved.live_id == live.id and str(moved.reserved_ipv4["shim"]) == "192.168.1.254"


def test_nothing_is_reserved_for_a_nas_without_an_address_on_the_lan_and_no_network_is_replaced_for_it() -> None:
    none = put("lan", "nas_address", "none")
    assert {key: str(one) for key, one in planned(none).reserved_ipv4.items()} == {"shim": "192.168.1.254"}
    for before, after in (((), (none,)), ((none,), ())):
        first = planned(*before)
        live = replace(as_live(first), id="12" * 32)
        assert planned(*after, live=live) == replace(first, live_id=live.id)


DIFFERENCES: list[tuple[dict[str, Any], tuple[str, str, str]]] = [
    ({"driver": "ipvlan"}, ("driver", "ipvlan", "macvlan")),
    ({"options": {"parent": "eth1"}}, ("parent", "eth1", "eth0")),
    ({"options": {"parent": "eth0", "macvlan_mode": "private"}}, ("macvlan_mode", "private", "bridge")),
    ({"internal": True}, ("internal", "True", "False")),
    ({"ranges": by_hand().ranges[1:]}, ("IPv4 subnet", "none", "192.168.1.0/24")),
    ({"ranges": by_hand().ranges[:1]}, ("IPv6 prefix", "none", "fd0d:7eb5:2afd::/64")),
    (
        {"ranges": (replace(by_hand().ranges[0], gateway="192.168.1.2"), by_hand().ranges[1])},
        ("IPv4 gateway", "192.168.1.2", "192.168.1.1"),
    ),
]


@pytest.mark.parametrize(("change", "expected"), DIFFERENCES, ids=[case[1][0] for case in DIFFERENCES])
def test_what_matters_is_a_difference_and_nothing_else_of_it_is(
    change: dict[str, Any], expected: tuple[str, str, str]
) -> None:
    live = by_hand(**change)
    plan = planned(live=live)
    assert plan.replaces and not plan.live_id and not plan.adopted
    assert told(plan, live) == [expected]


def test_what_the_site_asks_for_and_a_network_by_hand_lacks_is_a_difference() -> None:
    live = by_hand()
    site = (put("lan", "ip_range", "192.168.1.192/26"), put("network", "labels", {"a": "b"}))
    assert told(planned(*site, live=live), live) == [
        ("ip_range", "none", "192.168.1.192/26"),
        ("label a", "none", "b"),
    ]
    gateway = put("ula", "gateway", "fd0d:7eb5:2afd::ff")
    assert told(planned(gateway, live=live), live) == [("IPv6 gateway", "fd0d:7eb5:2afd::1", "fd0d:7eb5:2afd::ff")]


def test_a_network_that_is_replaced_reserves_the_addresses_of_now() -> None:
    live = replace(as_live(planned()), id="12" * 32, labels={**OURS, "macvlan-ipv6.repaired": "long ago"})
    site = (put("shim", "ipv4_address", "192.168.1.253"), put("lan", "ip_range", "192.168.1.192/26"))
    plan = planned(*site, live=live)
    assert plan.replaces and str(plan.reserved_ipv4["shim"]) == "192.168.1.253" and plan.labels == OURS


def test_the_mark_of_a_repair_is_kept() -> None:
    live = replace(as_live(planned()), id="12" * 32, labels={**OURS, "macvlan-ipv6.repaired": "long ago"})
    assert planned(live=live).labels == live.labels


@pytest.mark.parametrize("engine", [20, 26, 29])
def test_none_is_no_gateway_where_docker_takes_a_network_without_one_and_as_good_as_auto_elsewhere(engine: int) -> None:
    none, live = put("ula", "gateway", "none"), replace(as_live(planned()), id="12" * 32)
    if engine < 29:
        assert planned(none, engine=engine) == planned(engine=engine)
        assert planned(none, engine=engine, live=live).live_id
    else:
        assert planned(none, engine=engine).ula_gateway is None
        assert planned(none, engine=engine, live=live).replaces and planned(engine=engine, live=live).live_id
