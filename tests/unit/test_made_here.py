"""What this program made beside the LAN: where it is lost, does not run, or is another state's."""

from dataclasses import replace
from typing import Any

import pytest

from config.problems import Problem
from facts.nas import Docker, LiveContainer, LiveNetwork, NasFacts
from facts.state import VOLUME, StackState, stack_state_of
from facts.storage import LiveVolume
from preflight.findings import containers as on_lan
from preflight.projects.made_here import findings
from tests.unit.projects import stack
from tests.unit.recorder import STACK as MINE
from tests.unit.test_containers import BACK, inner, web

DOCUMENT: dict[str, Any] = {
    "name": "app",
    "services": {
        "web": web("back", depends_on={"job": {"condition": "service_completed_successfully"}}),
        "db": inner(container_name="pg", volumes=["nfs:/n"]),
        "job": inner(),
    },
    "volumes": {"nfs": {"driver_opts": {"type": "nfs"}}},
    **BACK,
}
STATE = StackState(
    containers=frozenset({"web", "pg", "job"}),
    networks=frozenset({"bridge-host", "app_back"}),
    volumes=frozenset({"app_nfs"}),
)
VOLUMES = {"app_nfs": LiveVolume("app_nfs", "local")}


def live(name: str, status: str = "running", **changes: Any) -> LiveContainer:
    return LiveContainer(name, status, {}, **{"addresses": "none", "stack": MINE, **changes})


def told(*containers: LiveContainer, state: StackState = STATE, **changes: Any) -> list[Problem]:
    found = stack(DOCUMENT)
    there = {"pg": live("pg"), "job": live("job", "exited"), **{one.name: one for one in containers}}
    network = LiveNetwork("1", "app_back", "bridge", {}, ())
    facts = NasFacts(docker=Docker(engine="26.1"), networks=(network,), containers=there, volumes=VOLUMES)
    keys = {one.key for one in found.containers.values() if one.on_lan is not None}
    return list(findings(found.sources, keys, replace(facts, **changes), state, MINE))


def test_what_is_there_and_runs_or_was_to_end_is_not_told_of() -> None:
    """That the container on the LAN is not there, other findings tell."""
    assert told() == []


def test_what_the_state_has_and_the_nas_does_not_is_made_again_with_a_refresh_only() -> None:
    lost = told(containers={"job": live("job")}, networks=(), volumes={})
    assert [(one.value, one.severity, one.resource) for one in lost] == [
        ("pg", "warning", "db"),
        ("app_back", "warning", "lan"),
        ("app_nfs", "warning", "lan"),
    ]
    assert all("--refresh" in one.remedy for one in lost)
    assert told(containers={}, networks=(), volumes={}, state=StackState()) == []
    assert told(volumes=None) == []


def test_a_docker_that_did_not_answer_has_lost_nothing() -> None:
    assert told(containers={}, networks=(), volumes={}, docker=Docker()) == []


def test_a_container_that_does_not_run_is_told_unless_it_was_to_end() -> None:
    [one] = told(live("pg", "exited"))
    assert (one.value, one.severity, one.resource) == ("pg", "warning", "db") and "is exited" in one.message


@pytest.mark.parametrize(
    ("label", "whose"), [(MINE, "a state that is lost"), ("", "a state that is lost"), ("o/p/s", "the stack o/p/s")]
)
def test_a_container_of_another_state_has_the_name(label: str, whose: str) -> None:
    [one] = told(live("pg", stack=label), state=replace(STATE, containers=frozenset()), containers={
        "pg": live("pg", stack=label)
    })  # fmt: skip
    assert one.severity == "error" and whose in one.message and "docker rm -f pg" in one.remedy
    theirs = {"pg": live("pg", addresses="")}  # preflight/projects/take_over.py tells of it
    assert told(state=replace(STATE, containers=frozenset()), containers=theirs) == []


def test_a_container_on_the_lan_that_was_to_end_may_have_ended() -> None:
    [plan] = stack(DOCUMENT).lans
    facts = NasFacts(containers={"web": live("web", "exited", addresses="192.168.1.60 - 02:42:c0:a8:01:3c")})
    for ends in (False, True):
        marked = replace(plan, containers=tuple(replace(one, ends=ends) for one in plan.containers))
        assert [one.value for one in on_lan.findings(marked, facts)] == ([] if ends else ["web"])


def test_the_state_tells_the_names_of_volumes() -> None:
    assert stack_state_of({"urn::lan-x": {"type": VOLUME, "outputs": {"name": "x"}}}).volumes == {"x"}
