"""Whole Compose projects in a run: what the NAS has of them, what is remembered for `probe: off`, and what is told."""

import asyncio
import re
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest
import yaml

import probe.gather
from facts.labels import MADE_BY, MAKER, STACK
from facts.nas import LiveContainer, LiveNetwork, NasFacts
from facts.state import CONTAINER, LAN_CONTAINER, NETWORK, stack_state_of
from plan.project.declared import SeenNetwork
from preflight.snapshot import NasSnapshot, dump_snapshot, load_snapshot
from tests.unit.recorder import STACK as MINE
from tests.unit.recorder import Recorder, revealed
from tests.unit.sites import Change, dev_plan, installed, put
from tests.unit.test_containers import BACK, inner, web
from tests.unit.test_main import nas, outputs_are, refused, run

__all__ = ["nas"]  # the fixture
VPN = "ab" * 32
SERVICES = {
    "web": web("back", ports=["8080:80"], depends_on={"db": {"condition": "service_healthy"}}),
    "db": inner(environment=["PASSWORD=${PASSWORD}"]),
    "vpn": {"image": "busybox", "network_mode": "container:vpn-1"},
}


def project(nas: Path, services: dict[str, Any] = SERVICES, take: str = "all", **more: Any) -> Change:
    """The change that adds a Compose project to the site."""
    folder = nas / "home"
    folder.mkdir(exist_ok=True)
    networks = {"bridge-host": {"external": True}, **BACK["networks"], **more.pop("networks", {})}
    document = {"name": "app", "services": services, "networks": networks}
    (folder / "compose.yml").write_text(yaml.safe_dump(document, sort_keys=False))
    (folder / ".env").write_text("PASSWORD=swordfish\n")
    entry = {"path": str(folder / "compose.yml"), "project_directory": "/volume1/app", "services": take, **more}
    return put("compose", [entry])


def facts(monkeypatch: pytest.MonkeyPatch, *networks: LiveNetwork, **containers: LiveContainer) -> None:
    """Makes the NAS have these, too."""
    asked = probe.gather.gather_facts

    def gather(*args: Any) -> NasFacts:
        found = asked(*args)
        there = {**found.containers, **{one.name: one for one in containers.values()}}
        return replace(found, networks=(*found.networks, *networks), containers=there)

    monkeypatch.setattr(probe.gather, "gather_facts", gather)


def live(name: str, **changes: Any) -> LiveNetwork:
    return LiveNetwork(f"id of {name}", name, "bridge", {}, (), **{"ipv6": False, **changes})


def other(name: str = "vpn-1") -> LiveContainer:
    return LiveContainer(name, "running", {}, id=VPN)


def names(run: Recorder, type_: str) -> set[str]:
    return {made.name for made in run.of(type_)}


def test_the_state_tells_the_names_of_all_networks() -> None:
    resources = {
        "urn::lan-network": {"type": NETWORK, "outputs": {"name": "bridge-host"}},
        "urn::lan-app_back-network": {"type": NETWORK, "outputs": {"name": "app_back"}},
        "urn::lan-web-container": {"type": CONTAINER, "outputs": {"name": "web"}},
        "urn::lan-half-network": {"type": NETWORK},
    }
    assert stack_state_of(resources).networks == {"bridge-host", "app_back"}


def test_what_others_have_is_remembered_and_what_is_made_here_is_not() -> None:
    seen = {"theirs": SeenNetwork(internal=True, ipv6=True), "ours": SeenNetwork(made_here=True, id="1")}
    kept = NasSnapshot("eth0", installed(), inner_networks=seen, shared={"vpn": "12"})
    read = load_snapshot(dump_snapshot(kept, dev_plan(), []), "bridge-host")
    assert read.inner_networks == {"theirs": SeenNetwork(internal=True, ipv6=True)}
    assert read.shared == {"vpn": "12"}


def test_a_project_from_its_file_to_the_exports(nas: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    facts(monkeypatch, vpn=other())
    made, exports = run(nas, project(nas))
    assert names(made, "container:Container") == {f"lan-{key}-container" for key in ("test", *SERVICES)}
    assert names(made, "network:Network") == {"lan-network", "lan-app_back-network"}
    inputs = {one.name: one.inputs for one in made.of("container:Container")}
    assert inputs["lan-vpn-container"]["networkMode"] == f"container:{VPN}"
    assert revealed(inputs["lan-db-container"]["envs"]) == ["PASSWORD=swordfish"]
    assert [one.name for one in made.made if "swordfish" in one.raw] == ["lan-db-container"]
    assert exports["containers_off_lan"] == {"db": ["app_back"], "vpn": ["container:vpn-1"]}
    assert exports["containers"].keys() == {"test", "web"}


def test_a_site_without_such_containers_has_no_output_for_them(nas: Path) -> None:
    assert "containers_off_lan" not in run(nas)[1]


def test_a_network_that_others_made_is_used_and_stays_so_without_a_probe(
    nas: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also what follows from how it is: the way out of the container, and so its ports."""
    services = {key: SERVICES[key] for key in ("web", "db")}
    site = (project(nas, services), put("network", {"ipv6": "loop"}))
    ours = live("app_back", labels={MADE_BY: MAKER, STACK: MINE})
    for there, is_made, import_id, opens in (
        (live("app_back"), False, "", True),
        (live("app_back", internal=True), False, "", False),
        (ours, True, "id of app_back", True),
    ):
        with monkeypatch.context() as patched:
            facts(patched, there)
            asked, exports = run(nas, *site)
            memory = SimpleNamespace(value={"outputs": {"nas_snapshot": value_of(exports["nas_snapshot"])}})
            patched.setattr("pulumi.runtime.invoke", outputs_are(memory))
            unasked, _ = run(nas, *site, put("probe", False))
        assert import_ids(asked).get("lan-app_back-network") == (import_id if is_made else None)
        assert import_ids(unasked).get("lan-app_back-network") == ("" if is_made else None)
        for made in (asked, unasked):
            [container] = [one.inputs for one in made.of("container:Container") if one.name == "lan-web-container"]
            assert ("ports" in container) is opens


def import_ids(run: Recorder) -> dict[str, str]:
    return {one.name: one.import_id for one in run.of("network:Network")}


def value_of(output: pulumi.Output[str]) -> str | None:
    loop = asyncio.new_event_loop()
    try:
        return loop.run_until_complete(output.future())
    finally:
        loop.close()


def test_problems_of_the_nas_are_told_in_the_files_own_lines(nas: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those of the survey, and those that only the engine causes."""
    external = project(nas, {"web": web("back", "out")}, networks={"out": {"external": True}})
    said = refused(nas, external)
    assert re.search(r"/home/compose\.yml:\d+ networks\.out: out\n", said), said
    gone = project(nas, {"web": web("back"), "vpn": SERVICES["vpn"]})
    said = refused(nas, gone)
    assert re.search(r"/home/compose\.yml:\d+ services\.vpn\.network_mode: container:vpn-1\n", said), said


def test_what_is_told_of_a_project_stops_nothing(nas: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    for how in ("warn", "info"):
        monkeypatch.setattr(pulumi.log, how, lambda text, resource=None, how=how: told.append(f"{how} {text}"))
    services = {key: SERVICES[key] for key in ("web", "db")}
    run(nas, project(nas, services, "joined"))
    heads = [text.split("\n")[0] for text in told]
    assert len([head for head in heads if head.startswith("warn") and "compose.yml" in head]) == 1
    run(nas, project(nas, services))
    heads = [text.split("\n")[0] for text in told]
    assert any(head.startswith("info") and head.endswith(" services.web.ports: ") for head in heads), heads


def test_what_docker_adds_to_a_container_replaces_it_only_if_something_else_is_asked_for(
    nas: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ignored(**changes: Any) -> dict[str, tuple[str, ...]]:
        made, _ = run(nas, project(nas, {"web": web("back", **changes), "db": inner()}))
        left.update((urn, {"type": LAN_CONTAINER, "outputs": found}) for urn, found in made.outputs.items())
        return {one.name: one.ignore_changes for one in made.of("container:Container")}

    left: dict[str, Any] = {}
    known = SimpleNamespace(value={"outputs": left})
    monkeypatch.setattr("pulumi.runtime.invoke", outputs_are(SimpleNamespace(value={"outputs": {}}), known))
    nothing, both = (), ("ulimits", "securityOpts")
    names = ("lan-web-container", "lan-db-container")
    limits = {"nofile": 1024}
    for changes, expected in (
        ({}, (nothing, nothing)),
        ({}, (both, both)),
        ({"ulimits": limits}, (nothing, both)),
        ({"ulimits": limits, "labels": {"a": "b"}}, (both, both)),
        ({"ulimits": limits, "security_opt": ["no-new-privileges:true"]}, (nothing, both)),
    ):
        found = ignored(**changes)
        assert tuple(found[name] for name in names) == expected, changes


def test_what_runs_no_more_is_told_of_unless_it_was_to_end(nas: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda text, resource=None: told.append(text.split("\n")[0]))
    job = web("back", networks={"bridge-host": {"ipv4_address": "192.168.1.61"}})
    services = {"db": inner(), "job": job, "last": inner(), "web": web("back")}
    made = {
        "job": LiveContainer("job", "exited", {}, addresses="192.168.1.61 fd0d:7eb5:2afd::61 02:42:c0:a8:01:3d"),
        "db": LiveContainer("db", "exited", {}, addresses="none", stack=MINE),
        "last": LiveContainer("last", "running", {}, addresses="none", stack=MINE),
    }
    resources = {f"urn::lan-{name}-container": {"type": CONTAINER, "outputs": {"name": name}} for name in made}
    state = SimpleNamespace(value={"outputs": resources})
    monkeypatch.setattr("pulumi.runtime.invoke", outputs_are(SimpleNamespace(value={"outputs": {}}), state))
    facts(monkeypatch, **made)
    for waits, stopped in (("service_started", {"db", "job"}), ("service_completed_successfully", {"db"})):
        told.clear()
        services["web"]["depends_on"] = {"job": {"condition": waits}}
        run(nas, project(nas, services))
        found = {line.rpartition(" ")[2] for line in told if " services." in line}
        assert found == stopped
