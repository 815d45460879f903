"""A container is judged by its interface, replaced only where that can help, and never twice for the same."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address

import pytest

from facts.nas import Inside, NasFacts
from preflight.snapshot import NasSnapshot
from preflight.survey import Drift
from probe.parse import parse_facts
from tests.unit.recorded import answer
from tests.unit.test_drift import NOW, look

ULA, MAC, RANDOM = IPv6Address("fd0d:7eb5:2afd::201"), "02:42:c0:a8:01:c9", "aa:5c:97:be:35:2f"


def inside(mac: str = MAC, ipv4: str = "192.168.1.201", ula: IPv6Address = ULA) -> Inside:
    return Inside(frozenset({IPv4Address(ipv4)}), (("eth0", ula),), macs={"eth0": mac} if mac else {})


def facts(seen: Inside | None, *, pinned: bool = True, **changes: object) -> NasFacts:
    """A NAS whose record says that the loop sets the MAC, or one of a version that did not."""
    there = parse_facts(answer("installed"))
    test = there.containers["test"]
    place = replace(test.networks["bridge-host"], mac=RANDOM)  # Docker's own opinion
    test = replace(test, inside=seen, ran=3600.0, networks={"bridge-host": place})
    line = "container test 192.168.1.201 fd0d:7eb5:2afd::201"
    confs = {path: text.replace(line, f"{line} {MAC}") if pinned else text for path, text in there.confs.items()}
    return replace(there, containers={**there.containers, "test": replace(test, **changes)}, confs=confs)


def containers(seen: Inside | None, pinned: bool = True, **changes: object) -> tuple[NasSnapshot, Drift]:
    return look(facts(seen, pinned=pinned, **changes))


def test_dockers_opinion_of_the_mac_is_no_drift() -> None:
    for seen in (inside(), inside(mac=""), None):
        found, drift = containers(seen)
        assert (drift.containers, drift.unmended, found.container_repairs) == ({}, {}, {})


def test_a_mac_that_the_loop_could_not_set_is_mended_by_a_new_container() -> None:
    found, drift = containers(inside(RANDOM))
    assert drift.containers == {"test": [f"MAC of test is {RANDOM} instead of {MAC}"]}
    assert found.container_repairs == {"test": f"{NOW} MAC of test is {RANDOM} instead of {MAC}"}


@pytest.mark.parametrize("ran", [59.0, 0.0])
def test_a_container_that_has_just_started_is_left_to_the_loop(ran: float) -> None:
    found, drift = containers(inside(RANDOM), ran=ran)
    assert drift.containers == {"test": [f"MAC of test is {RANDOM} instead of {MAC}"]}
    assert found.container_repairs == {}


def test_an_upgrade_from_a_version_whose_loop_set_no_macs_replaces_no_container() -> None:
    found, _ = containers(inside(RANDOM), pinned=False)
    assert found.container_repairs == {}


def test_where_the_loop_does_not_run_its_return_mends_the_mac_and_no_container_is_replaced() -> None:
    there = facts(inside(RANDOM))
    name = "setup_docker_macvlan.service"
    units = {**there.units, name: replace(there.units[name], active="inactive")}
    found, drift = look(replace(there, units=units))
    assert "the unit is inactive" in drift.shim and drift.containers["test"]
    assert found.container_repairs == {}


def test_nothing_is_made_anew_twice_for_the_same_and_that_is_told() -> None:
    before = f"2026-01-01T00:00:00Z MAC of test is 02:00:00:00:00:01 instead of {MAC}"
    found, drift = containers(inside(RANDOM), repaired=before)
    assert drift.containers == {} and drift.unmended == {"test": [f"MAC of test is {RANDOM} instead of {MAC}"]}
    assert found.container_repairs == {"test": before}, "another text would be a replacement"


def test_something_else_is_mended_though_something_was_before() -> None:
    before = f"2026-01-01T00:00:00Z MAC of test is 02:00:00:00:00:01 instead of {MAC}"
    found, drift = containers(inside(ipv4="192.168.1.77"), repaired=before)
    assert drift.containers == {"test": ["IPv4 address of test is none instead of 192.168.1.201"]}
    assert found.container_repairs["test"].startswith(f"{NOW} IPv4 address")


@pytest.mark.parametrize(
    ("seen", "named"),
    [
        (inside(ipv4="192.168.1.77"), "IPv4 address of test is none instead of 192.168.1.201"),
        (inside(ula=IPv6Address("fd0d:7eb5:2afd::9")), "ULA of test is none instead of fd0d:7eb5:2afd::201"),
    ],
)
def test_an_address_that_docker_tells_and_the_interface_has_not_is_drift(seen: Inside, named: str) -> None:
    assert containers(seen)[1].containers == {"test": [named]}


def test_a_container_with_ipv6_switched_off_has_not_drifted() -> None:
    without = Inside(ipv4=frozenset({IPv4Address("192.168.1.201")}), speaks_ipv6=False, macs={"eth0": MAC})
    assert containers(without)[1].containers == {}


def test_an_address_that_was_given_by_hand_is_named() -> None:
    there = parse_facts(answer("drifted"))
    test = replace(there.containers["test"], inside=inside(ipv4="192.168.1.77"))
    _, drift = look(replace(there, containers={"test": test}))
    assert "IPv4 address of test is 192.168.1.77 instead of 192.168.1.201" in drift.containers["test"]
