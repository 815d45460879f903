"""Addresses follow from what was written, and from nothing else. The layout is pinned: a drift renumbers live sites."""

from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from plan.numbering import eui64, mac_of, ula_of, ula_prefix
from plan.outputs import report
from tests.unit.sites import box, by_hand, compose_file, dev_plan, judge, plan_of, put, site_of

ULA = IPv6Network("fd0d:7eb5:2afd::/64")
SUBNETS = ["192.168.1.0/24", "172.16.0.0/12", "10.0.0.0/8", "10.20.0.0/16", "10.20.4.0/22", "192.168.1.128/25"]


def suffix(mac: str) -> str:
    return str(IPv6Address(eui64(mac)))


@pytest.mark.parametrize(
    ("ipv4", "mac", "end"),
    [
        ("192.168.1.100", "02:42:c0:a8:01:64", "::42:c0ff:fea8:164"),  # docs/upstream-facts.md#docker-mac
        ("192.168.1.201", "02:42:c0:a8:01:c9", "::42:c0ff:fea8:1c9"),
        ("10.0.3.7", "02:42:0a:00:03:07", "::42:aff:fe00:307"),
    ],
)
def test_the_mac_and_the_slaac_suffix_follow_from_the_ipv4_address(ipv4: str, mac: str, end: str) -> None:
    assert mac_of(IPv4Address(ipv4)) == mac
    assert suffix(mac) == end


def test_the_suffix_of_a_universal_mac_has_its_universal_bit_flipped() -> None:
    assert suffix("00:11:32:aa:bb:cc") == "::211:32ff:feaa:bbcc"


@given(st.ip_addresses(v=4))
def test_a_mac_can_be_read_back_from_the_suffix(address: IPv4Address) -> None:
    octets = eui64(mac_of(address)).to_bytes(8, "big")
    assert octets[3:5] == b"\xff\xfe"
    assert bytes([octets[0] ^ 2]) + octets[1:3] + octets[5:] == b"\x02\x42" + address.packed


@given(st.ip_addresses(v=4))
def test_every_pinned_mac_is_local_and_unicast(address: IPv4Address) -> None:
    first = int(mac_of(address)[:2], 16)
    assert first & 0b11 == 0b10


@pytest.mark.parametrize(
    ("ipv4", "subnet", "ula"),
    [
        ("192.168.1.201", "192.168.1.0/24", "fd0d:7eb5:2afd::201"),
        ("192.168.1.7", "192.168.1.0/24", "fd0d:7eb5:2afd::7"),
        ("10.0.3.7", "10.0.0.0/16", "fd0d:7eb5:2afd::3:7"),
        ("10.20.7.255", "10.20.4.0/22", "fd0d:7eb5:2afd::3:255"),
        ("10.1.2.3", "10.0.0.0/8", "fd0d:7eb5:2afd::1:2:3"),
        ("192.168.1.201", "192.168.1.128/25", "fd0d:7eb5:2afd::73"),
    ],
)
def test_a_ula_is_the_host_part_in_decimal(ipv4: str, subnet: str, ula: str) -> None:
    assert str(ula_of(IPv4Address(ipv4), IPv4Network(subnet), ULA)) == ula


@pytest.mark.parametrize("subnet", ["192.168.1.0/24", "10.20.4.0/22", "10.20.0.0/16"])
def test_no_two_hosts_of_a_subnet_share_a_ula(subnet: str) -> None:
    network = IPv4Network(subnet)
    ulas = {ula_of(host, network, ULA) for host in network}
    assert len(ulas) == network.num_addresses
    assert all(ula in ULA for ula in ulas)


@given(st.data())
def test_no_two_hosts_of_any_subnet_share_a_ula(data: st.DataObject) -> None:
    network = IPv4Network(data.draw(st.sampled_from(SUBNETS)))
    hosts = st.integers(0, network.num_addresses - 1)
    one, other = data.draw(hosts), data.draw(hosts)
    first, second = (ula_of(network.network_address + host, network, ULA) for host in (one, other))
    assert first in ULA and second in ULA
    assert (first == second) == (one == other)


LASTS = st.integers(2, 253).filter(lambda last: last not in (10, 201, 202))


@given(st.permutations([*range(20, 30)]), st.sets(st.integers(20, 29)))
def test_adding_removing_and_reordering_containers_moves_no_neighbour(order: list[int], gone: set[int]) -> None:
    whole = plan_of(site_of(*(box(f"c{last}", last) for last in range(20, 30))))
    part = plan_of(site_of(*(box(f"c{last}", last) for last in order if last not in gone)))
    before = {container.key: container for container in whole.containers}
    assert {container.key for container in part.containers} == {"test"} | {f"c{n}" for n in order if n not in gone}
    for container in part.containers:
        assert container == before[container.key]
    assert part.network == whole.network and part.shim == whole.shim


@given(st.lists(LASTS, unique=True, max_size=8))
def test_routes_are_in_one_order_however_the_site_is_written(lasts: list[int]) -> None:
    one = plan_of(site_of(*(box(f"c{last}", last) for last in lasts)))
    other = plan_of(site_of(*(box(f"c{last}", last) for last in reversed(lasts))))
    assert one.routed == other.routed


def test_the_layout_of_dev_is_as_it_always_was() -> None:
    plan = dev_plan()
    assert {c.key: (c.name, str(c.ipv4), str(c.ula), c.mac, c.suffix) for c in plan.containers} == {
        "test": ("test", "192.168.1.201", "fd0d:7eb5:2afd::201", "02:42:c0:a8:01:c9", "::42:c0ff:fea8:1c9"),
        "qbittorrent": (
            "qbittorrent",
            "192.168.1.202",
            "fd0d:7eb5:2afd::202",
            "02:42:c0:a8:01:ca",
            "::42:c0ff:fea8:1ca",
        ),
    }
    shim = plan.shim
    assert (shim.name, shim.parent, str(shim.ipv4), str(shim.ipv6), shim.mac) == (
        "macvlan-host",
        "eth0",
        "192.168.1.254",
        "fd0d:7eb5:2afd::254",
        "02:42:c0:a8:01:fe",
    )
    network = plan.network
    assert (network.name, network.parent, str(network.subnet), str(network.gateway), network.ip_range) == (
        "bridge-host",
        "eth0",
        "192.168.1.0/24",
        "192.168.1.1",
        None,
    )
    assert (str(network.ula_prefix), str(network.ula_gateway)) == ("fd0d:7eb5:2afd::/64", "fd0d:7eb5:2afd::1")
    assert {name: str(address) for name, address in network.reserved_ipv4.items()} == {
        "shim": "192.168.1.254",
        "host": "192.168.1.10",
    }
    assert {name: str(address) for name, address in network.reserved_ipv6.items()} == {"shim": "fd0d:7eb5:2afd::254"}


@pytest.mark.parametrize(
    ("gateway", "engine", "live", "expected", "router"),  # live: a network that was made by hand
    [
        ("auto", None, None, "fd0d:7eb5:2afd::1", False),
        ("auto", 20, None, "fd0d:7eb5:2afd::1", False),
        ("auto", 28, None, "fd0d:7eb5:2afd::1", False),
        ("auto", 29, None, None, False),
        ("auto", 29, "none", None, False),
        ("auto", 29, "fd0d:7eb5:2afd::7", "fd0d:7eb5:2afd::7", False),  # made before the upgrade
        ("auto", 26, "fd0d:7eb5:2afd::7", "fd0d:7eb5:2afd::7", False),
        ("auto", 26, "none", "fd0d:7eb5:2afd::1", False),  # the one that Docker took and hides
        ("none", 29, "fd0d:7eb5:2afd::7", None, False),
        ("none", 26, None, "fd0d:7eb5:2afd::1", False),  # below 29 Docker would take one by itself
        ("none", 26, "fd0d:7eb5:2afd::7", "fd0d:7eb5:2afd::7", False),
        ("fd0d:7eb5:2afd::ff", 26, None, "fd0d:7eb5:2afd::ff", True),
        ("fd0d:7eb5:2afd::ff", 29, "none", "fd0d:7eb5:2afd::ff", True),
    ],
)
def test_the_ula_gateway_is_the_one_that_the_engine_needs(
    gateway: str, engine: int | None, live: str | None, expected: str | None, router: bool
) -> None:
    there = live and by_hand(None if live == "none" else live)
    plan, problems = judge(site_of(put("ula", "gateway", gateway)), (), engine, there or None)
    assert plan is not None and not problems
    assert (plan.network.ula_gateway and str(plan.network.ula_gateway)) == expected
    assert plan.network.ula_gateway_is_router is router


def test_other_containers_get_their_routes_and_no_mac_is_made_up_for_them() -> None:
    plan = plan_of(site_of(put("external_containers", [{"name": "pihole", "ipv4_address": "192.168.1.53"}])))
    assert [(c.name, str(c.ula), c.mac, c.suffix) for c in plan.external] == [
        ("pihole", "fd0d:7eb5:2afd::53", None, None)
    ]
    assert [c.name for c in plan.routed] == ["pihole", "test"]


def test_an_other_container_may_be_listed_by_its_address_alone() -> None:
    others = ["192.168.1.53", {"ipv4_address": "192.168.1.54", "ipv6_address": "fd0d:7eb5:2afd::beef"}]
    plan = plan_of(site_of(put("external_containers", others)))
    assert [(c.key, c.name, str(c.ipv4), str(c.ula)) for c in plan.external] == [
        ("192.168.1.53", "192.168.1.53", "192.168.1.53", "fd0d:7eb5:2afd::53"),
        ("192.168.1.54", "192.168.1.54", "192.168.1.54", "fd0d:7eb5:2afd::beef"),
    ]


def test_addresses_that_were_written_win_over_derived_ones() -> None:
    plan = plan_of(
        site_of(box("a1", 30, ipv6_address="fd0d:7eb5:2afd::beef", mac_address="02-00-00-00-00-0A")),
    )
    [a1] = [c for c in plan.containers if c.key == "a1"]
    assert (str(a1.ula), a1.mac, a1.suffix) == ("fd0d:7eb5:2afd::beef", "02:00:00:00:00:0a", "::ff:fe00:a")


@given(st.binary(min_size=5, max_size=5))
def test_a_generated_prefix_is_a_ula_64_with_the_random_bits_where_rfc_4193_has_them(bits: bytes) -> None:
    prefix = ula_prefix(bits)
    assert prefix.prefixlen == 64 and prefix.subnet_of(IPv6Network("fd00::/8"))
    assert prefix.network_address.packed == b"\xfd" + bits + bytes(10)
    plan = plan_of(site_of(put("ula", "prefix", str(prefix))))
    assert plan.network.ula_prefix == prefix


@pytest.mark.parametrize("count", [0, 4, 6])
def test_a_global_id_of_another_length_is_refused(count: int) -> None:
    with pytest.raises(ValueError, match="5 bytes"):
        ula_prefix(bytes(count))


def test_where_the_nas_has_no_address_on_the_lan_its_containers_look_for_it_at_the_shim() -> None:
    plan = plan_of(site_of(put("lan", "nas_address", "none")), [compose_file()])
    assert plan.nas_ipv4 is None
    assert report(plan, "status", tools=["nsenter"])["manual_checks"]["test to NAS"] == (
        "nsenter -t $(docker inspect -f '{{.State.Pid}}' test) -n ping -c 3 192.168.1.254"
    )
