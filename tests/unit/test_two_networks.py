"""A site with two networks, from its plans to resources, outputs and snapshot; and through __main__.py as a whole."""

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from config.networks import views
from config.problems import UserErrors
from config.site import parse_site
from facts.labels import MADE_BY, MAKER, STACK
from facts.state import StackState
from inputs.load import plan_networks
from plan.container_sysctls import OPTION
from plan.outputs import joined, report
from preflight.container_drift import container_repairs, newest
from preflight.snapshot import NasSnapshot, dump_snapshot, load_snapshots
from preflight.survey import Asked, shared_macs, surveyed, sysctls_without_a_place
from probe.parse import parse_facts
from tests.unit.recorded import answer
from tests.unit.recorder import Recorder, Registered, record_lan, revealed
from tests.unit.sites import Change, installed, make_plans, put, sources_of
from tests.unit.test_components import CONTAINER, NETWORK, at_once, ends, one
from tests.unit.test_main import nas, refused, run
from tests.unit.test_networks import BOTH, CAMS, IOT, container, planned, plans, two

assert nas  # the fixture
EYE = container("eye", networks={"iot": {"ipv4_address": "192.168.20.50"}})
HUB = container("hub", networks=BOTH)
ADDRESSES = "macvlan-ipv6.addresses"


def recorded(*changes: Change) -> Recorder:
    found = plans(two(*changes))
    return record_lan(found.pop(""), further=list(found.values()))


def labels(made: Registered) -> dict[str, str]:
    return {label["label"]: label["value"] for label in made.inputs["labels"]}


@pytest.mark.parametrize(("engine", "count"), [(20, 1), (26, 1), (27, 0), (29, 0), (None, 0)])
def test_a_sysctl_of_one_interface_of_several_has_no_place_in_an_old_engine(engine: int | None, count: int) -> None:
    option = {OPTION: "net.ipv6.conf.IFNAME.accept_ra_rt_info_max_plen=64"}
    both = {name: {**place, "driver_opts": option} if name == "iot" else place for name, place in BOTH.items()}
    site, _ = parse_site(two(container("hub", networks=both)))
    assert site is not None
    found = plans(two(container("hub", networks=both)))
    told = list(sysctls_without_a_place(list(zip(views(site), found.values(), strict=True)), engine))
    assert [problem.path for problem in told] == ["site.containers.hub.networks.iot.driver_opts"] * count


def test_a_sysctl_of_the_second_interface_is_refused_once_and_its_remedy_accepted() -> None:
    _, problems = planned(two(container("hub", networks=BOTH, sysctls={"net.ipv4.conf.eth1.forwarding": "1"})))
    [problem] = UserErrors(problems).problems
    assert (problem.path, problem.value) == ("site.containers.hub.sysctls", "net.ipv4.conf.eth1.forwarding")
    option, value = problem.remedy.split('"')[1].split(": ")
    both = {name: {**place, "driver_opts": {option: value}} if name == "iot" else place for name, place in BOTH.items()}
    site, _ = parse_site(two(container("hub", networks=both)))
    assert site is not None
    found, problems = make_plans(site, engine=29)
    [hub] = (one for one in found["iot"].containers if one.key == "hub")
    assert not problems and f"{option}={value}" in hub.driver_opts


# ---- resources ---------------------------------------------------------------------------------------------
def test_a_further_network_adds_its_shim_and_its_network_and_changes_nothing_of_the_first() -> None:
    first = plans(two())[""]
    alone, both = record_lan(first), recorded()
    before = {made.urn: (made.inputs, made.parent, made.after) for made in alone.made}
    after = {made.urn: (made.inputs, made.parent, made.after) for made in both.made}
    assert {urn: after[urn] for urn in before} == before
    assert {(made.type, made.name) for made in both.made if made.urn not in before} == {
        ("macvlan:lan:HostShim", "lan-iot"),
        ("command:remote:Command", "lan-iot-host"),
        ("macvlan:lan:LanNetwork", "lan-iot"),
        ("docker:index/network:Network", "lan-iot-network"),
    }


def test_one_shim_and_one_network_is_changed_at_a_time() -> None:
    recorder = recorded(put("networks", "cams", CAMS))
    assert at_once(recorder, "remote:Command") == at_once(recorder, NETWORK) == 1
    assert "lan-iot-host" in ends(one(recorder, "remote:Command", "lan-cams-host").after)


def test_each_network_is_as_its_part_of_the_site_says() -> None:
    network = one(recorded(), NETWORK, "lan-iot-network").inputs
    assert (network["name"], network["options"]) == ("iot", {"parent": "eth0.20"})
    assert network["ipamConfigs"][0] == {
        "subnet": "192.168.20.0/24",
        "gateway": "192.168.20.1",
        "auxAddress": {"shim": "192.168.20.254", "host": "192.168.20.2"},
    }


def test_a_container_on_a_further_network_follows_that_network_and_waits_for_its_shim() -> None:
    eye = one(recorded(EYE), CONTAINER, "lan-eye-container")
    [place] = eye.inputs["networksAdvanced"]
    assert place == {
        "name": "iot",
        "ipv4Address": "192.168.20.50",
        "ipv6Address": "fd0d:7eb5:2afd:20::50",
        "macAddress": "02:42:c0:a8:14:32",
    }
    assert ends(eye.by_property["networksAdvanced"]) == {"lan-iot-network"} and "lan-iot-host" in ends(eye.after)
    assert labels(eye)[ADDRESSES] == "192.168.20.50 fd0d:7eb5:2afd:20::50 02:42:c0:a8:14:32 iot"


def test_a_container_on_both_has_an_address_on_each_and_is_one_container() -> None:
    hub = one(recorded(HUB), CONTAINER, "lan-hub-container")
    assert [(place["name"], place["ipv4Address"]) for place in hub.inputs["networksAdvanced"]] == [
        ("bridge-host", "192.168.1.60"),
        ("iot", "192.168.20.60"),
    ]
    assert ends(hub.by_property["networksAdvanced"]) == {"lan-network", "lan-iot-network"}
    assert {"lan-host", "lan-iot-host"} <= ends(hub.after)
    assert labels(hub)[ADDRESSES] == (
        "192.168.1.60 fd0d:7eb5:2afd::60 02:42:c0:a8:01:3c; 192.168.20.60 fd0d:7eb5:2afd:20::60 02:42:c0:a8:14:3c iot"
    )


def test_the_queues_of_containers_and_images_are_the_sites() -> None:
    many = [
        container(f"c{n}", image=f"i{n}", networks={"iot": {"ipv4_address": f"192.168.20.{n + 30}"}}) for n in range(9)
    ]
    recorder = recorded(*many, HUB)
    assert at_once(recorder, CONTAINER) == at_once(recorder, "remoteImage:RemoteImage") == 4


# ---- drift -------------------------------------------------------------------------------------------------
def test_each_network_judges_its_own_addresses_of_a_container_on_both() -> None:
    found = plans(two(HUB))
    made = (
        "192.168.1.60 fd0d:7eb5:2afd::60 02:42:c0:a8:01:3c; 192.168.20.60 fd0d:7eb5:2afd:20::60 02:42:c0:a8:14:3c iot"
    )
    facts = parse_facts(answer("installed"))
    live = facts.containers["test"]
    place = replace(live.networks["bridge-host"], ipv4="192.168.20.61", ipv6="fd0d:7eb5:2afd:20::60")
    moved = replace(place, ipv4="192.168.1.60", ipv6="fd0d:7eb5:2afd::60")
    hub = replace(live, name="hub", addresses=made, networks={"bridge-host": moved, "iot": place})
    facts = replace(facts, containers={"hub": hub}, confs={})
    drifts = {key: container_repairs(plan, installed(), facts, "now")[1] for key, plan in found.items()}
    assert drifts[""] == {}
    assert drifts["iot"]["hub"].recreate == ("IPv4 address of hub is 192.168.20.61 instead of 192.168.20.60",)


@pytest.mark.parametrize(
    ("repairs", "expected"),
    [
        ([], ""),
        (["", ""], ""),
        (["2026-11-24T01:02:03Z a is b"], "2026-11-24T01:02:03Z a is b"),
        (["2026-11-24T01:02:03Z old", "2026-11-25T01:02:03Z new"], "2026-11-25T01:02:03Z new"),
        (["2026-11-24T01:02:03Z a", "2026-11-24T01:02:03Z b"], "2026-11-24T01:02:03Z a; b"),
        (["2026-11-24T01:02:03Z a", "2026-11-24T01:02:03Z a"], "2026-11-24T01:02:03Z a"),
    ],
)
def test_a_container_on_several_networks_has_one_mark_of_its_repair(repairs: list[str], expected: str) -> None:
    assert newest(repairs) == expected


# ---- outputs and snapshot ----------------------------------------------------------------------------------
def test_outputs_of_a_further_network_stand_below_its_name_and_the_rest_is_as_before() -> None:
    found = plans(two(EYE, HUB, put("external_containers", ["192.168.20.9"])))
    reports = {key: report(plan, f"status {key}") for key, plan in found.items()}
    first = reports.pop("")
    outputs = joined(first, reports)
    assert joined(first, {}) == first
    assert {key: value for key, value in outputs.items() if key in ("network", "shim", "manual_checks")} == {
        key: first[key] for key in ("network", "shim", "manual_checks")
    }
    assert outputs["networks"]["iot"].keys() == {"shim", "manual_checks"}
    assert outputs["networks"]["iot"]["shim"]["ipv4"] == "192.168.20.254"
    assert outputs["containers"]["test"] == first["containers"]["test"]
    assert outputs["containers"]["eye"].keys() == {"name", "networks"}
    hub = outputs["containers"]["hub"]
    assert (hub["ipv4"], hub["networks"]["iot"]["ipv4"]) == ("192.168.1.60", "192.168.20.60")
    assert outputs["external_containers"].keys() == {"192.168.20.9"}


def test_an_external_container_on_both_has_its_addresses_on_both() -> None:
    places = [{"name": "ha", "ipv4_address": f"192.168.{lan}.9"} for lan in (1, 20)]
    found = plans(two(put("external_containers", places)))
    reports = {key: report(plan, "status") for key, plan in found.items()}
    ha = joined(reports.pop(""), reports)["external_containers"]["ha"]
    assert (ha["name"], ha["ipv4"], ha["networks"]["iot"]["ipv4"]) == ("ha", "192.168.1.9", "192.168.20.9")


def test_the_shim_of_the_other_network_is_known_wherever_its_data_file_stands() -> None:
    site, _ = parse_site(two(put("networks", "iot", "lan", "parent", "eth0"), put("compose", [])))
    assert site is not None
    networks, _ = plan_networks(site, sources_of(site, [])[0])
    facts = parse_facts(answer("installed"))
    confs = {"": {"/opt/shim.conf": facts.conf or ""}, "iot": {}}
    asked = [
        Asked(
            one, replace(facts, confs=confs[one.view.key], docker=replace(facts.docker, engine="29.0.0")), StackState()
        )
        for one in networks
    ]
    told = surveyed(asked, "organization/macvlan-ipv6/home", False, "now")[1]
    assert told and not [one for one in told if one.value == "macvlan-host"]


def test_one_interface_takes_each_mac_once_also_for_two_networks() -> None:
    mac = "02:00:00:00:00:07"
    hub = container("hub", networks={key: {**place, "mac_address": mac} for key, place in BOTH.items()})
    for parent, expected in (("eth0.20", []), ("eth0", ["site.containers.hub.networks.iot.mac_address"])):
        site, _ = parse_site(two(hub, put("networks", "iot", "lan", "parent", parent), put("lan", "parent", "eth0")))
        assert site is not None
        found = plans(two(hub, put("networks", "iot", "lan", "parent", parent), put("lan", "parent", "eth0")))
        told = list(shared_macs(zip(views(site), found.values(), strict=True)))
        assert [(one.path, one.value) for one in told] == [(path, mac) for path in expected]


def test_the_snapshot_carries_every_network_and_one_with_the_first_alone_is_as_before() -> None:
    found = plans(two())
    seen, iot = NasSnapshot("eth0", installed(), 26), NasSnapshot("eth0.20", installed(name="iot"), 26)
    text = dump_snapshot(seen, found[""], ["key"], [(iot, found["iot"])])
    back = load_snapshots(text, "bridge-host")
    assert [(key, one.parent, one.install.name) for key, one in back.items()] == [
        ("", "eth0", ""),
        ("iot", "eth0.20", "iot"),
    ]
    assert back["iot"].network is not None and back["iot"].network.name == "iot"
    assert back["iot"].host_keys == ("key",)
    alone = load_snapshots(dump_snapshot(seen, found[""], ["key"]), "bridge-host")
    assert alone == {"": back[""]}


# ---- the whole ---------------------------------------------------------------------------------------------
VLAN = (
    "3: eth0.20@eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500\\ link/ether 02:00:00:00:01:10 brd ff:ff:ff:ff:ff:ff"
    " promiscuity 0 \\    vlan protocol 802.1Q id 20 <REORDER_HDR>\n"
)


@pytest.fixture
def tagged(nas: Path) -> Path:
    """A NAS with a VLAN's own link."""
    text = (nas / "answer").read_text()
    text = text.replace(
        "== addresses\n", f"{VLAN}== addresses\n3: eth0.20    inet 192.168.20.2/24 scope global eth0.20\n"
    )
    (nas / "answer").write_text(text)
    return nas


SECOND = (put("networks", "iot", IOT), EYE, HUB)


def test_from_config_to_exports(tagged: Path) -> None:
    recorder, exports = run(tagged, *SECOND)
    assert (tagged / "calls").read_text() == "call\ncall\n", "one probe for each network"
    assert {made.name for made in recorder.of("remote:Command")} == {"lan-host", "lan-iot-host"}
    texts = {made.name: made.inputs["stdin"] for made in recorder.of("remote:Command")}
    for line in ("network iot", "shim macvlan-iot", "routing_table 182", "# stack organization/macvlan-ipv6/test"):
        assert f"|{line}\n" in texts["lan-iot-host"]
    assert "setup_docker_macvlan-iot.conf" in texts["lan-iot-host"] and "macvlan-iot" not in texts["lan-host"]
    assert exports["containers"]["hub"]["networks"]["iot"]["ipv4"] == "192.168.20.60"
    assert exports["networks"]["iot"].keys() == {"shim", "manual_checks", "nas_status"}


def test_what_is_wrong_with_several_networks_is_told_in_one_run(tagged: Path) -> None:
    text = (tagged / "answer").read_text()
    (tagged / "answer").write_text(text.replace("kernel yes", "kernel no"))
    said = refused(tagged, *SECOND, put("networks", "iot", "lan", "parent", "eth0"))
    assert said.count("without the macvlan module") == 1
    assert "site.networks.iot.lan.parent: eth0" in said and "site.networks.iot.lan.subnet" in said


def answers(outputs: dict[str, Any], resources: dict[str, Any]) -> Callable[..., SimpleNamespace]:
    """The engine's, for a stack with these outputs and resources."""

    def answer(function: str, _: Any) -> SimpleNamespace:
        return SimpleNamespace(value={"outputs": outputs if function.endswith("readStackOutputs") else resources})

    return answer


def resources_of(recorder: Recorder, strip: tuple[str, ...] = ()) -> dict[str, Any]:
    """What the engine's state holds after that run. strip: labels that an older version did not give."""
    held = {}
    for made in recorder.made:
        outputs = dict(made.inputs)
        if "labels" in outputs:
            outputs["labels"] = [label for label in outputs["labels"] if label["label"] not in strip]
        held[made.urn] = {"type": made.type, "outputs": outputs}
    return held


def test_new_networks_and_containers_say_whose_they_are(nas: Path) -> None:
    recorder, _ = run(nas)
    for made in (*recorder.of(NETWORK), *recorder.of(CONTAINER)):
        assert labels(made)[STACK] == "organization/macvlan-ipv6/test"


@pytest.mark.parametrize("probe", [True, False])
def test_an_upgrade_gives_nothing_a_label_that_would_replace_it(
    nas: Path, monkeypatch: pytest.MonkeyPatch, probe: bool
) -> None:
    """An older version left no label, and the state, the snapshot and the NAS have none."""
    first, exports = run(nas)
    snapshot = _snapshot_without_label(exports)
    held = resources_of(first, (STACK,))
    monkeypatch.setattr("pulumi.runtime.invoke", answers({"nas_snapshot": snapshot}, held))
    _as_installed(nas)
    again, _ = run(nas, put("probe", probe))
    for made in (*again.of(NETWORK), *again.of(CONTAINER)):
        before = {label["label"]: label["value"] for label in held[made.urn]["outputs"]["labels"]}
        assert labels(made) == before, made.name
    new = {(made.type, made.name) for made in again.made} ^ {(made.type, made.name) for made in first.made}
    assert new == set()


def _snapshot_without_label(exports: dict[str, Any]) -> str:
    """The output of a version that knew no such label: the network as it was made then."""
    import asyncio

    text = asyncio.new_event_loop().run_until_complete(exports["nas_snapshot"].future())
    back = load_snapshots(str(text), "bridge-host")[""]
    assert back.network is not None and back.network.labels == {MADE_BY: MAKER, STACK: "organization/macvlan-ipv6/test"}
    plan = plans(two())[""]
    return dump_snapshot(replace(back, network=None), plan, back.host_keys)


def _as_installed(nas: Path) -> None:
    """The NAS answers as one on which everything was made by an older version."""
    (nas / "answer").write_text(answer("installed"))


def test_without_a_probe_a_network_that_is_new_in_the_site_is_asked_for(
    nas: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, plan = NasSnapshot("eth0", installed(), 26), plans(two())[""]
    monkeypatch.setattr("pulumi.runtime.invoke", answers({"nas_snapshot": dump_snapshot(seen, plan, [])}, {}))
    said = refused(nas, *SECOND, put("probe", False))
    assert "does not have the network iot" in said and "probe: on" in said


def test_without_a_probe_both_networks_come_from_the_snapshot(tagged: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import asyncio

    first, exports = run(tagged, *SECOND)
    text = asyncio.new_event_loop().run_until_complete(exports["nas_snapshot"].future())
    monkeypatch.setattr("pulumi.runtime.invoke", answers({"nas_snapshot": str(text)}, resources_of(first)))
    (tagged / "calls").unlink()
    again, _ = run(tagged, *SECOND, put("probe", False))
    assert not (tagged / "calls").exists()
    assert {made.urn: made.inputs for made in again.made} == {made.urn: made.inputs for made in first.made}
    assert revealed(one(again, "remote:Command", "lan-iot-host").inputs["connection"])["host"] == "192.168.1.10"
    assert re.search(
        r"\|# stack organization/macvlan-ipv6/test\n", one(again, "remote:Command", "lan-host").inputs["stdin"]
    )
