"""Devices that a service gets, and what `deploy:` says of a single container, as Compose makes them."""

from typing import Any

import pytest

from config.parts.deploy import RestartPolicy
from tests.unit.projects import stack
from tests.unit.test_containers import inner


def made(**keys: Any) -> dict[str, Any]:
    document = {"name": "app", "services": {"box": inner(**keys)}, "networks": {"back": {}}}
    found = stack(document)
    assert found.problems == []
    [one] = [one for one in found.record().made if one.name == "lan-box-container"]
    return one.inputs


def problems(**keys: Any) -> list[tuple[str, str]]:
    document = {"name": "app", "services": {"box": inner(**keys)}, "networks": {"back": {}}}
    return [(one.path.partition(" ")[2], one.message) for one in stack(document).problems]


GPU = {"capabilities": ["gpu"]}


@pytest.mark.parametrize(
    ("keys", "requests"),
    [
        ({"gpus": "all"}, [{"count": -1, **GPU}]),
        ({"gpus": [{"count": 2}]}, [{"count": 2, **GPU}]),
        ({"gpus": [{"driver": "nvidia"}]}, [{"driver": "nvidia", "count": -1, **GPU}]),
        ({"gpus": [{"device_ids": ["0", "2"]}]}, [{"deviceIds": ["0", "2"], **GPU}]),
        (
            {"gpus": [{"capabilities": ["utility"], "options": {"a": "b"}}]},
            [{"count": -1, "capabilities": ["utility", "gpu"], "options": {"a": "b"}}],
        ),
        ({"devices": ["nvidia.com/gpu=all"]}, [{"driver": "cdi", "deviceIds": ["nvidia.com/gpu=all"]}]),
    ],
)
def test_devices_are_asked_for_as_compose_does(keys: dict[str, Any], requests: list[dict[str, Any]]) -> None:
    inputs = made(**keys)
    assert inputs["deviceRequests"] == requests
    assert "devices" not in inputs and "gpus" not in inputs


def test_devices_of_both_places_are_added_and_those_of_deploy_say_their_capabilities_themselves() -> None:
    reserved = {"devices": [{"capabilities": ["tpu"], "device_ids": ["1"]}]}
    inputs = made(gpus="all", devices=["/dev/dri", "v.com/c=d"], deploy={"resources": {"reservations": reserved}})
    assert inputs["deviceRequests"] == [
        {"driver": "cdi", "deviceIds": ["v.com/c=d"]},
        {"count": -1, **GPU},
        {"deviceIds": ["1"], "capabilities": ["tpu"]},
    ]
    assert inputs["devices"] == [{"hostPath": "/dev/dri", "containerPath": "/dev/dri", "permissions": "rwm"}]


def test_rates_of_devices_are_passed_on_in_bytes() -> None:
    written = {
        "device_read_bps": [{"path": "/dev/sda", "rate": "12mb"}],
        "device_write_iops": [{"path": "/dev/sda", "rate": 30}],
    }
    inputs = made(blkio_config=written)
    assert inputs["deviceReadBps"] == [{"path": "/dev/sda", "rate": 12 * 2**20}]
    assert inputs["deviceWriteIops"] == [{"path": "/dev/sda", "rate": 30}]
    assert {"deviceReadIops", "deviceWriteBps"}.isdisjoint(inputs)


@pytest.mark.parametrize(
    ("keys", "path", "message"),
    [
        (
            {"devices": ["dri:/dev/dri"]},
            "devices[0].source",
            "is neither the path of a device nor the name of one (CDI)",
        ),
        (
            {"devices": ["v.com/c=d:/dev/x"]},
            "devices[0].target",
            "stands beside the name of a device (CDI), which has no other path",
        ),
        ({"devices": ["/dev/a:dri"]}, "devices[0].target", "is not an absolute path in the container"),
        ({"gpus": [{"count": "two"}]}, "gpus[0].count", "is no number of devices"),
        ({"blkio_config": {"weight": 10}}, "blkio_config.weight", "has no key in the Docker plugin for Pulumi"),
    ],
)
def test_what_cannot_be_a_device_is_told_at_its_key(keys: dict[str, Any], path: str, message: str) -> None:
    [(where, what)] = problems(**keys)
    assert where == f"services.box.{path}" and what.startswith(message)


@pytest.mark.parametrize(
    ("written", "restart"),
    [
        ({}, "no"),
        ({"condition": "any"}, "always"),
        ({"condition": "none"}, "no"),
        ({"condition": "unless-stopped"}, "unless-stopped"),
        ({"condition": "on-failure", "max_attempts": 3}, "on-failure:3"),
        ({"condition": "any", "max_attempts": 3}, "always"),
    ],
)
def test_a_restart_policy_of_deploy_is_translated_as_by_compose(written: dict[str, Any], restart: str) -> None:
    assert RestartPolicy.model_validate(written).restart == restart


def test_the_restart_policy_of_deploy_wins_as_in_compose() -> None:
    inputs = made(restart="always", deploy={"restart_policy": {"condition": "on-failure", "max_attempts": 2}})
    assert (inputs["restart"], inputs["maxRetryCount"]) == ("on-failure", 2)
