"""A container that leaves the LAN by another network of its own is told, and one that its person sent there is not."""

from typing import Any

import pytest

from plan.project.declared import SeenNetwork, plan_inner_networks
from plan.project.ways_out import other_ways_out
from tests.unit.projects import stack
from tests.unit.recorder import STACK
from tests.unit.sites import put

BOTH = {"enable_ipv6": True, "ipam": {"config": [{"subnet": "fd11:1::/64"}]}}


def told(
    engine: int | None,
    network: dict[str, Any],
    seen: SeenNetwork | None = None,
    mode: str = "docker",
    **attachment: Any,
) -> list[str]:
    """network: the second one of a container on the LAN. mode: who gives IPv6 on the LAN."""
    networks = {"bridge-host": {"ipv4_address": "192.168.1.9"}, "new": attachment}
    service = {"image": "busybox", "networks": networks, "ports": ["8080:80"]}
    document = {"name": "app", "services": {"web": service}, "networks": {"new": network}}
    found = stack(document, put("network", "ipv6", mode), engine=engine, seen={"app_new": seen} if seen else {})
    assert found.problems == []
    inner = plan_inner_networks(found.sources, found.seen, STACK)
    problems = other_ways_out(found.containers.values(), found.lans, inner, engine)
    return [f"{one.value} {one.message}" for one in problems]


@pytest.mark.parametrize("engine", [20, 26, 27])
def test_before_28_the_names_and_families_decide(engine: int) -> None:
    (message,) = told(engine, BOTH)
    assert message.startswith("app_new has the container's default route before the LAN") and "192.168.1.9" in message
    assert told(engine, {}) == []  # the LAN has both families
    assert len(told(engine, {}, mode="loop")) == 1
    assert told(engine, {"name": "zzz"}, mode="loop") == []
    assert told(engine, {**BOTH, "internal": True}) == told(engine, {"internal": True}, mode="loop") == []


def test_what_the_nas_has_counts_and_not_what_the_file_says_of_a_network_of_others() -> None:
    assert told(26, BOTH, SeenNetwork(internal=True)) == told(26, BOTH, SeenNetwork(ipv6=False)) == []
    assert len(told(26, {}, SeenNetwork(ipv6=True))) == 1


def test_from_28_on_the_lan_has_it_unless_the_person_says_otherwise() -> None:
    assert told(28, BOTH) == told(29, {}, mode="loop") == []
    assert told(29, BOTH, gw_priority=5) == []
    assert len(told(26, BOTH, gw_priority=5)) == 1  # an old engine does not know the word


def test_ipv6_goes_its_own_way_where_docker_has_none_on_the_lan() -> None:
    (message,) = told(29, BOTH, mode="loop")
    assert message.startswith("app_new has the container's IPv6 default route")
    assert told(29, BOTH, mode="off") == told(29, {**BOTH, "internal": True}, mode="loop") == []


def test_an_engine_that_nobody_knows_counts_as_an_old_one() -> None:
    (message,) = told(None, BOTH)
    assert "Docker before 28 gives it" in message and told(None, {}) == []
