"""What a look at the NAS makes of the resources: imports, marks of repairs, their order, and what is told on which."""

from collections.abc import Mapping
from typing import Any

import pulumi
import pytest

from components.diagnostics import report_diagnostics
from components.lan import MacvlanLan, MacvlanLanArgs, SiteNetwork
from config.problems import Problem
from facts.labels import REPAIRED
from install.conf import Repair
from install.files import SOURCES, host_files
from plan.lan import ImagePlan, LanPlan
from plan.project.containers import whole_containers
from preflight.snapshot import NasSnapshot
from preflight.survey import Drift
from tests.unit.recorder import ACCESS, SCRIPTS, Recorder, Registered, record, record_lan, sources_of_plans
from tests.unit.sites import by_hand, dev_plan, installed, plan_of, site_of

WHEN = "2026-11-24T01:02:03Z"


def network_of(recorder: Recorder) -> Registered:
    [network] = recorder.of("network:Network")
    return network


def labels(resource: Registered) -> Mapping[str, str]:
    return {one["label"]: one["value"] for one in resource.inputs["labels"]}


def test_a_network_of_someone_elses_is_imported_kept_as_it_is_and_never_removed() -> None:
    network = network_of(record_lan(plan_of(site_of(), live=by_hand())))
    assert network.import_id == by_hand().id and network.retain
    assert set(network.ignore_changes) == {"ipamConfigs", "options", "labels", "attachable"}


def test_a_network_of_ours_is_neither_imported_nor_kept() -> None:
    network = network_of(record_lan(dev_plan()))
    assert (network.import_id, network.retain, network.ignore_changes) == ("", False, ())


def test_repairs_are_marked_on_what_they_make_anew() -> None:
    seen = NasSnapshot("eth0", installed(), network_repair=f"{WHEN} gone", container_repairs={"test": f"{WHEN} moved"})
    recorder = record_lan(dev_plan(), seen=seen)
    assert labels(network_of(recorder))[REPAIRED] == f"{WHEN} gone"
    marked = {one.name: labels(one).get(REPAIRED) for one in recorder.of("container:Container")}
    assert marked == {"lan-test-container": f"{WHEN} moved", "lan-qbittorrent-container": None}


@pytest.mark.parametrize(("stray", "waits"), [("", False), ("3f" * 32, True)])
def test_a_network_waits_for_the_command_only_where_that_clears_its_place(stray: str, waits: bool) -> None:
    recorder = record_lan(dev_plan(), seen=NasSnapshot("eth0", installed(), repair=Repair(WHEN, "repaired: x", stray)))
    assert any(urn.endswith("lan-host") for urn in network_of(recorder).after) == waits


def test_drift_and_warnings_are_told_on_what_they_are_about(monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, Any]] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda text, resource: told.append((text, resource)))
    plan: LanPlan = dev_plan()
    made: list[MacvlanLan] = []

    def program() -> None:
        sources = {name: "text\n" for name in SOURCES}
        files = host_files(plan, installed(), sources)
        lan = MacvlanLan(
            "lan",
            MacvlanLanArgs(
                [SiteNetwork(plan, files, NasSnapshot("eth0", installed()))],
                SCRIPTS,
                ACCESS,
                whole_containers(sources_of_plans([plan]), [plan], {}, "", None),
                [ImagePlan(container.service.image) for container in plan.containers if container.service],
            ),
        )
        made.append(lan)
        report_diagnostics(
            lan,
            Drift(
                ("link is gone", "a route is missing"),
                ("bridge-host is gone",),
                {"test": ["test has moved"]},
                not_given={"qbittorrent": ["no ULA"]},
            ),
            [Problem("site.shim", "x", "is odd", "look", "warning", "shim"), Problem("a", "", "b", "c", "warning")],
        )

    record(program)
    [lan] = made
    assert [(text.partition(": ")[2], resource) for text, resource in told[:4]] == [
        ("link is gone; a route is missing", lan.shims[""]),
        ("bridge-host is gone", lan.networks[""]),
        ("test has moved", lan.containers["test"]),
        ("no ULA", lan.containers["qbittorrent"]),
    ]
    assert "the next one repairs it" not in told[3][0], "a run changes nothing of it"
    assert told[4:] == [("a: \nb\n-> c", lan), ("site.shim: x\nis odd\n-> look", lan.shims[""])]
