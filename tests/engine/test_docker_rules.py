"""The docker stand-in's rules without a daemon: check, diff, what a preview and a refresh bring, durations."""

from typing import Any

import pytest

from lab.engine.docker_provider.checking import Naming, check
from lab.engine.docker_provider.diffing import Diff, diff
from lab.engine.docker_provider.planning import imported_inputs, merged, planned, refreshed_inputs
from lab.engine.docker_provider.schema import CONTAINER, NETWORK, REMOTE_IMAGE, VOLUME, Resource
from lab.engine.docker_provider.values import DEFAULTS, UNKNOWN, without_defaults

NAMING = Naming("box", bytes.fromhex("0123456789abcdef"))
V4 = {"subnet": "192.168.1.0/24", "gateway": "192.168.1.1", "auxAddress": {"host": "192.168.1.10"}}
V6 = {"subnet": "fd0d:7eb5:2afd::/64", "gateway": "fd0d:7eb5:2afd::1"}
LAN: dict[str, Any] = {
    "name": "lan",
    "driver": "macvlan",
    "options": {"parent": "eth0"},
    "ipv6": True,
    "ipamConfigs": [V4, V6],
    "labels": [{"label": "a", "value": "1"}, {"label": "b", "value": "2"}],
}
BOX: dict[str, Any] = {
    "name": "box",
    "image": "sha256:1",
    "envs": ["A=1", "B=2"],
    "command": ["sleep", "1"],
    "restart": "always",
    "healthcheck": {"tests": ["CMD", "true"], "interval": "30s"},
    "networksAdvanced": [{"name": "lan", "ipv4Address": "192.168.1.201", "aliases": ["x", "y"]}],
    "ports": [{"internal": 80, "external": 8080}, {"internal": 443, "external": 8443}],
}
IMAGE: dict[str, Any] = {"name": "busybox:latest", "keepLocally": True}
DATA: dict[str, Any] = {"name": "data", "driverOpts": {"type": "nfs"}, "labels": [{"label": "a", "value": "1"}]}
RESOURCES = [(NETWORK, LAN), (CONTAINER, BOX), (REMOTE_IMAGE, IMAGE), (VOLUME, DATA)]


def checked(resource: Resource, inputs: dict[str, Any]) -> dict[str, Any]:
    """Inputs as Check returns them; they must be right."""
    result, failures = check(resource, inputs, {}, NAMING)
    assert failures == []
    return result


def state_of(resource: Resource, inputs: dict[str, Any], read: dict[str, Any] | None = None) -> dict[str, Any]:
    """The state after inputs were carried out: what the daemon filled in is there, if only as an empty list."""
    filled = {"command": [], "entrypoints": []} if resource is CONTAINER else {}
    return merged(
        resource, inputs, {**filled, **{k: v for k, v in inputs.items() if k in filled}, **(read or {})}, "id"
    )


def compared(resource: Resource, old: dict[str, Any], new: dict[str, Any]) -> Diff:
    """The diff of a state made from old inputs against new inputs."""
    before = checked(resource, old)
    return diff(resource, state_of(resource, before), checked(resource, new), before)


@pytest.mark.parametrize(("resource", "inputs"), RESOURCES, ids=lambda v: getattr(v, "token", ""))
def test_the_same_inputs_give_no_diff(resource: Resource, inputs: dict[str, Any]) -> None:
    assert compared(resource, inputs, inputs).detailed == {}


REPLACES = [
    (NETWORK, LAN, {"name": "other"}, {"name": "UPDATE_REPLACE"}),
    (NETWORK, LAN, {"driver": "ipvlan"}, {"driver": "UPDATE_REPLACE"}),
    (NETWORK, LAN, {"options": {"parent": "eth1"}}, {"options.parent": "UPDATE_REPLACE"}),
    (NETWORK, LAN, {"ipv6": False}, {"ipv6": "UPDATE_REPLACE"}),
    (NETWORK, LAN, {"attachable": True}, {"attachable": "ADD_REPLACE"}),
    (NETWORK, LAN, {"ipamConfigs": [V4]}, {"ipamConfigs[1]": "DELETE_REPLACE"}),
    (
        NETWORK,
        LAN,
        {"ipamConfigs": [{**V4, "ipRange": "192.168.1.192/27"}, V6]},
        {"ipamConfigs[0].ipRange": "ADD_REPLACE"},
    ),
    (NETWORK, LAN, {"labels": [{"label": "a", "value": "9"}, LAN["labels"][1]]}, {"labels[0].value": "UPDATE_REPLACE"}),
    (NETWORK, LAN, {"labels": None}, {"labels": "DELETE_REPLACE"}),
    (NETWORK, LAN, {"name": UNKNOWN}, {"name": "UPDATE_REPLACE"}),
    (CONTAINER, BOX, {"image": "sha256:2"}, {"image": "UPDATE_REPLACE"}),
    (CONTAINER, BOX, {"envs": ["A=1", "B=3"]}, {"envs[1]": "UPDATE_REPLACE"}),
    (CONTAINER, BOX, {"command": ["sleep", "2"]}, {"command[1]": "UPDATE_REPLACE"}),
    (CONTAINER, BOX, {"dns": ["1.1.1.1"]}, {"dns": "ADD_REPLACE"}),
    (
        CONTAINER,
        BOX,
        {"healthcheck": {"tests": ["CMD", "true"], "interval": "60s"}},
        {"healthcheck.interval": "UPDATE_REPLACE"},
    ),
    (CONTAINER, BOX, {"privileged": True}, {"privileged": "ADD_REPLACE"}),
    (
        CONTAINER,
        BOX,
        {"networksAdvanced": [{"name": "lan", "ipv4Address": "192.168.1.202", "aliases": ["x", "y"]}]},
        {"networksAdvanced[0].ipv4Address": "UPDATE_REPLACE"},
    ),
    (REMOTE_IMAGE, IMAGE, {"name": "busybox:musl"}, {"name": "UPDATE_REPLACE"}),
    (CONTAINER, BOX, {"gpus": "all"}, {"gpus": "ADD_REPLACE"}),
    (CONTAINER, BOX, {"deviceCgroupRules": ["c 189:* rmw"]}, {"deviceCgroupRules": "ADD_REPLACE"}),
    (CONTAINER, BOX, {"uploads": [{"file": "/a", "content": "b"}]}, {"uploads": "ADD_REPLACE"}),
    (REMOTE_IMAGE, IMAGE, {"triggers": {"a": "b"}}, {"triggers": "ADD_REPLACE"}),
    (VOLUME, DATA, {"driverOpts": {"type": "tmpfs"}}, {"driverOpts.type": "UPDATE_REPLACE"}),
    (VOLUME, DATA, {"driverOpts": None}, {"driverOpts": "DELETE_REPLACE"}),
    (VOLUME, DATA, {"labels": []}, {"labels": "DELETE_REPLACE"}),
    (VOLUME, DATA, {"driver": "other"}, {"driver": "ADD_REPLACE"}),
]


@pytest.mark.parametrize(("resource", "inputs", "change", "detailed"), REPLACES)
def test_a_change_replaces(resource: Resource, inputs: Any, change: Any, detailed: dict[str, str]) -> None:
    found = compared(resource, inputs, {**inputs, **change})
    assert found.detailed == detailed
    assert found.replaces == tuple(change)


UPDATES = [
    (CONTAINER, BOX, {"restart": "no"}),
    (CONTAINER, BOX, {"memory": 64}),
    (CONTAINER, BOX, {"mustRun": False}),
    (CONTAINER, BOX, {"destroyGraceSeconds": 5}),
    (CONTAINER, BOX, {"tmpfs": {"/run": "size=1m"}}),
    (CONTAINER, BOX, {"init": True}),
    (CONTAINER, BOX, {"cpuQuota": 5000}),
    (CONTAINER, BOX, {"deviceReadBps": [{"path": "/dev/sda", "rate": 1}]}),
    (REMOTE_IMAGE, IMAGE, {"keepLocally": False}),
]


@pytest.mark.parametrize(("resource", "inputs", "change"), UPDATES)
def test_a_change_updates_in_place(resource: Resource, inputs: Any, change: Any) -> None:
    found = compared(resource, inputs, {**inputs, **change})
    assert found.changed == tuple(change)
    assert found.replaces == ()
    assert not found.delete_before_replace


EQUAL = [
    (NETWORK, LAN, {"ipamConfigs": [V6, V4]}),
    (NETWORK, LAN, {"labels": LAN["labels"][::-1]}),
    (NETWORK, LAN, {"attachable": False}),
    (CONTAINER, BOX, {"envs": ["B=2", "A=1"]}),
    (CONTAINER, BOX, {"healthcheck": None}),
    (CONTAINER, BOX, {"command": None}),
    (CONTAINER, BOX, {"privileged": False}),
    (CONTAINER, BOX, {"ports": BOX["ports"][::-1]}),
    (CONTAINER, BOX, {"networksAdvanced": [{**BOX["networksAdvanced"][0], "aliases": ["y", "x"], "macAddress": ""}]}),
]


@pytest.mark.parametrize(("resource", "inputs", "change"), EQUAL)
def test_order_of_sets_and_absent_values_are_no_change(resource: Resource, inputs: Any, change: Any) -> None:
    assert compared(resource, inputs, {**inputs, **change}).detailed == {}


def test_an_empty_user_or_workdir_means_as_it_is() -> None:
    state = state_of(CONTAINER, checked(CONTAINER, BOX), {"user": "1000", "workingDir": "/srv"})
    news = checked(CONTAINER, BOX)
    assert diff(CONTAINER, state, news, news).detailed == {}
    assert diff(CONTAINER, state, {**news, "user": "0"}, news).detailed == {"user": "UPDATE_REPLACE"}


@pytest.mark.parametrize(
    ("resource", "inputs", "change", "first"),
    [
        (NETWORK, LAN, {"labels": []}, True),
        (NETWORK, LAN, {"name": "other"}, False),
        (NETWORK, {**LAN, "name": None}, {"labels": []}, False),
        (CONTAINER, BOX, {"image": "sha256:2"}, True),
        (CONTAINER, {**BOX, "name": None}, {"image": "sha256:2"}, True),
        (REMOTE_IMAGE, IMAGE, {"triggers": {"a": "b"}}, False),
        (VOLUME, DATA, {"labels": []}, True),
    ],
)
def test_what_bears_a_pinned_name_is_deleted_before_it_is_replaced(
    resource: Resource, inputs: Any, change: Any, first: bool
) -> None:
    assert compared(resource, inputs, {**inputs, **change}).delete_before_replace is first


def test_what_a_failed_create_left_is_replaced_unless_the_program_gave_command_and_entrypoint() -> None:
    """Terraform's own SDK does so (helper/schema of 2.33, run on a failing create, 2026-11-27): then the next update
    finds nothing to do, and the container stays stopped."""
    both = {**BOX, "entrypoints": ["sh"]}
    for given, replaces in (
        (BOX, ("entrypoints",)),
        ({**BOX, "command": None}, ("command", "entrypoints")),
        (both, ()),
    ):
        inputs = checked(CONTAINER, given)
        found = diff(CONTAINER, merged(CONTAINER, inputs, {}, "id"), inputs, inputs)
        assert found.replaces == found.changed == replaces


def test_ignored_properties_are_left_out_of_the_diff() -> None:
    before, after = checked(CONTAINER, BOX), checked(CONTAINER, {**BOX, "image": "sha256:2", "restart": "no"})
    found = diff(CONTAINER, state_of(CONTAINER, before), after, before, ["image"])
    assert found.changed == ("restart",)


def test_defaults_are_filled_in_and_remembered() -> None:
    inputs = checked(CONTAINER, {**BOX, "name": None})
    assert inputs["mustRun"] is True
    assert inputs["networkMode"] == "bridge"
    assert {"mustRun", "networkMode", "name"} <= set(inputs[DEFAULTS])
    assert inputs["healthcheck"][DEFAULTS] == ["retries", "startInterval", "startPeriod", "timeout"]
    assert inputs["healthcheck"]["timeout"] == "0s"


def test_the_defaults_are_those_of_the_official_plugin() -> None:
    inputs = checked(CONTAINER, {"name": "box", "image": "x"})
    assert {name: inputs[name] for name in inputs[DEFAULTS]} == {
        "attach": False,
        "containerReadRefreshTimeoutMilliseconds": 15000,
        "logs": False,
        "mustRun": True,
        "networkMode": "bridge",
        "readOnly": False,
        "removeVolumes": True,
        "restart": "no",
        "rm": False,
        "start": True,
        "stdinOpen": False,
        "tty": False,
        "wait": False,
        "waitTimeout": 60,
    }


def test_a_missing_name_is_made_up_once_and_kept() -> None:
    first = checked(CONTAINER, {**BOX, "name": None})
    assert first["name"] == "box-0123456"
    again, _ = check(CONTAINER, {**BOX, "name": None}, first, Naming("box", b"\xff" * 8))
    assert again["name"] == "box-0123456"
    proposed, _ = check(CONTAINER, {**BOX, "name": None}, {}, Naming("box", b"", "as-configured"))
    assert proposed["name"] == "as-configured"
    pinned, _ = check(CONTAINER, BOX, first, NAMING)
    assert pinned["name"] == "box"
    assert "name" not in pinned[DEFAULTS]


WRONG = [
    (CONTAINER, {**BOX, "oomScoreAdj": 1}, "oomScoreAdj", "not implemented"),
    (CONTAINER, {**BOX, "cpuQuota": -1}, "cpuQuota", "at least 0"),
    (CONTAINER, {**BOX, "uploads": [{"file": "/a", "permissions": "444"}]}, "uploads[0].permissions", "0644"),
    (CONTAINER, {**BOX, "uploads": [{"file": "/a", "contentBase64": "?"}]}, "uploads[0].contentBase64", "base64"),
    (CONTAINER, {**BOX, "uploads": [{"file": "/a", "owner": "root"}]}, "uploads[0].owner", "a number"),
    (VOLUME, {"name": "data", "cluster": {}}, "cluster", "not implemented"),
    (CONTAINER, {"name": "box"}, "image", "must be given"),
    (CONTAINER, {**BOX, "restart": "sometimes"}, "restart", "unless-stopped"),
    (CONTAINER, {**BOX, "memory": "64m"}, "memory", "whole number"),
    (CONTAINER, {**BOX, "memory": True}, "memory", "whole number"),
    (CONTAINER, {**BOX, "init": "yes"}, "init", "true or false"),
    (CONTAINER, {**BOX, "memorySwap": -2}, "memorySwap", "at least -1"),
    (CONTAINER, {**BOX, "cpuSet": "all"}, "cpuSet", "0-1"),
    (CONTAINER, {**BOX, "healthcheck": {"interval": "30"}}, "healthcheck.interval", "30s"),
    (CONTAINER, {**BOX, "healthcheck": {"interval": "-1s"}}, "healthcheck.interval", "negative"),
    (CONTAINER, {**BOX, "sysctls": {"a": 1}}, "sysctls.a", "text"),
    (
        CONTAINER,
        {**BOX, "networksAdvanced": [{"name": "lan", "ipv4Address": "192.168.1"}]},
        "networksAdvanced[0].ipv4Address",
        "IP",
    ),
    (
        CONTAINER,
        {**BOX, "networksAdvanced": [{"name": "lan", "driverOpts": ["x"]}]},
        "networksAdvanced[0].driverOpts",
        "key=value",
    ),
    (
        CONTAINER,
        {**BOX, "networksAdvanced": [{"name": "lan", "ipv4Adress": "1.2.3.4"}]},
        "networksAdvanced[0].ipv4Adress",
        "not implemented",
    ),
    (CONTAINER, {**BOX, "volumes": [{"hostPath": "data", "containerPath": "/d"}]}, "volumes[0].hostPath", "absolute"),
    (CONTAINER, {**BOX, "volumes": [{"readOnly": True}]}, "volumes[0]", "containerPath"),
    (CONTAINER, {**BOX, "volumes": [{"containerPath": "/d", "fromContainer": "x"}]}, "volumes[0]", "not both"),
    (CONTAINER, {**BOX, "mounts": [{"type": "npipe", "target": "/d"}]}, "mounts[0].type", "bind"),
    (NETWORK, {**LAN, "checkDuplicate": True}, "checkDuplicate", "not implemented"),
    (NETWORK, {**LAN, "labels": [{"label": "a"}]}, "labels[0].value", "must be given"),
    (NETWORK, {**LAN, "ipamConfigs": {"subnet": "x"}}, "ipamConfigs", "a list"),
    (REMOTE_IMAGE, {"name": "x", "build": {"context": "."}}, "build", "not implemented"),
    (REMOTE_IMAGE, {}, "name", "must be given"),
]


@pytest.mark.parametrize(("resource", "inputs", "path", "words"), WRONG)
def test_what_is_wrong_is_named_with_its_path(resource: Resource, inputs: Any, path: str, words: str) -> None:
    _, failures = check(resource, inputs, {}, NAMING)
    assert [f.path for f in failures] == [path]
    assert words in failures[0].reason


def test_all_that_is_wrong_is_told_at_once() -> None:
    _, failures = check(CONTAINER, {"name": 5, "restart": "x", "nonsense": 1}, {}, NAMING)
    assert {f.path for f in failures} == {"name", "restart", "nonsense", "image"}


def test_unknown_values_pass_the_check_and_show_as_a_change() -> None:
    before = checked(CONTAINER, BOX)
    news = checked(CONTAINER, {**BOX, "image": UNKNOWN, "networksAdvanced": [{"name": "lan", "ipv4Address": UNKNOWN}]})
    found = diff(CONTAINER, state_of(CONTAINER, before), news, before)
    assert set(found.replaces) == {"image", "networksAdvanced"}


@pytest.mark.parametrize("name", ["networksAdvanced", "envs", "command", "sysctls", "image", "ports", "hostname"])
def test_the_engine_may_ask_what_if_a_whole_property_were_unknown(name: str) -> None:
    """So it finds out which containers a replaced network takes along."""
    before = checked(CONTAINER, BOX)
    found = diff(CONTAINER, state_of(CONTAINER, before), {**before, name: UNKNOWN}, before)
    assert found.replaces == (name,)


def test_a_preview_knows_the_inputs_and_not_what_the_daemon_fills_in() -> None:
    state = planned(CONTAINER, checked(CONTAINER, {**BOX, "hostname": None}))
    assert state["image"] == "sha256:1"
    assert state["hostname"] == state["networkDatas"] == UNKNOWN
    assert DEFAULTS not in state["healthcheck"]
    assert "privileged" not in state


def test_a_preview_of_an_update_keeps_what_the_daemon_filled_in() -> None:
    before = checked(CONTAINER, BOX)
    state = merged(CONTAINER, before, {"hostname": "h", "networkDatas": [{"ipAddress": "x"}]}, "id")
    after = planned(CONTAINER, checked(CONTAINER, {**BOX, "restart": "no"}), state)
    assert (after["hostname"], after["restart"]) == ("h", "no")


def test_a_refresh_without_drift_changes_neither_state_nor_inputs() -> None:
    inputs = checked(NETWORK, LAN)
    read = {**without_defaults(inputs), "labels": LAN["labels"][::-1], "ipamConfigs": [V6, V4], "internal": False}
    state = merged(NETWORK, inputs, read, "id")
    assert refreshed_inputs(NETWORK, inputs, state) == inputs
    assert state["labels"] == LAN["labels"]


def test_a_refresh_brings_drift_into_state_and_inputs() -> None:
    inputs = checked(CONTAINER, BOX)
    state = state_of(CONTAINER, inputs, {"restart": "no", "mustRun": False, "command": []})
    back = refreshed_inputs(CONTAINER, inputs, state)
    assert (back["restart"], back["mustRun"]) == ("no", False)
    assert back["command"] == []
    assert diff(CONTAINER, state, inputs, back).changed == ("command", "mustRun", "restart")


def test_an_import_gives_inputs_that_describe_what_was_found() -> None:
    state = merged(NETWORK, {}, {**LAN, "internal": False, "ipamDriver": "default", "scope": "local"}, "id")
    inputs = imported_inputs(NETWORK, state)
    assert without_defaults(inputs) == LAN
    assert diff(NETWORK, state, checked(NETWORK, LAN), inputs).detailed == {}


def test_the_state_carries_the_marks_of_the_official_plugin() -> None:
    assert merged(NETWORK, {}, {}, "id")["__meta"] == '{"schema_version":"1"}'
    assert merged(CONTAINER, {}, {}, "id")["__meta"] == '{"schema_version":"2"}'
    assert merged(NETWORK, {}, {}, "id")["id"] == "id"


def test_a_state_of_the_official_plugin_with_nulls_and_defaults_gives_no_diff() -> None:
    inputs = checked(CONTAINER, BOX)
    state = {
        **inputs,
        "entrypoints": [],
        "dns": None,
        "gpus": None,
        "storageOpts": None,
        "memory": 0,
        "domainname": "",
        DEFAULTS: ["x"],
    }
    assert diff(CONTAINER, state, inputs, inputs).detailed == {}
