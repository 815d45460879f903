"""What a container may use, and its ports and files, in the docker stand-in: as the plugin's source says, no daemon."""

import io
import tarfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.engine.docker_provider.api import NEWEST
from lab.engine.docker_provider.checking import Naming, check
from lab.engine.docker_provider.container_read import properties
from lab.engine.docker_provider.container_spec import create_body, update_body
from lab.engine.docker_provider.diffing import diff
from lab.engine.docker_provider.operations import OperationError
from lab.engine.docker_provider.planning import merged
from lab.engine.docker_provider.resources import cpu_limits, cpus_from
from lab.engine.docker_provider.schema import CONTAINER
from lab.engine.docker_provider.uploads import _tar

BOX: dict[str, Any] = {"name": "box", "image": "sha256:1", "command": ["x"], "entrypoints": ["y"]}


def body(api: tuple[int, int] = NEWEST, **inputs: Any) -> dict[str, Any]:
    return create_body({**BOX, **inputs}, api)


def inspected(ports: Any = None, **host: Any) -> dict[str, Any]:
    """As much of an inspect as is needed to read it."""
    return {
        "Name": "/box",
        "Image": "sha256:1",
        "Platform": "linux",
        "State": {"Running": True},
        "Config": {"Image": "x", "Cmd": ["x"], "Entrypoint": ["y"]},
        "HostConfig": {"NetworkMode": "bridge", **host},
        "NetworkSettings": {"Ports": ports or {}},
    }


def second_preview(inputs: dict[str, Any], found: dict[str, Any]) -> dict[str, str]:
    """What the preview after the create shows, if the daemon tells `found`."""
    checked, failures = check(CONTAINER, {**BOX, **inputs}, {}, Naming("r", b""))
    assert failures == []
    state = merged(CONTAINER, checked, properties(found, checked), "id")
    return dict(diff(CONTAINER, state, checked, checked).detailed)


@pytest.mark.parametrize(
    ("given", "read"),
    [
        ("1", "1.0"),
        ("0.5", "0.5"),
        ("0.25", "0.25"),
        ("1.5", "1.5"),
        ("10", "10."),
        ("10.5", "10.5"),
        ("0.05", "0.1"),
        ("0.01", "0.0"),
        ("1.05", "1.05"),
        ("100", "100."),
        ("1e1", "10."),
    ],
)
def test_processors_are_read_back_in_the_plugins_own_spelling(given: str, read: str) -> None:
    nano = cpu_limits({"cpus": given, "cpuPeriod": 1})["NanoCpus"]
    assert cpus_from(nano) == read
    changed = {} if read == given else {"cpus": "UPDATE_REPLACE"}
    assert second_preview({"cpus": given}, inspected(NanoCpus=nano)) == changed


@given(st.integers(min_value=1, max_value=10**12))
def test_what_the_plugin_prints_as_processors_is_a_number_again(nano: int) -> None:
    again = cpu_limits({"cpus": cpus_from(nano)}).get("NanoCpus", 0)
    assert abs(again - nano) <= 5 * 10**7


@pytest.mark.parametrize(
    ("text", "words"), [("half", "rational"), ("0.0000000001", "too precise"), ("inf", "rational")]
)
def test_processors_that_are_no_number_are_refused_before_anything_is_made(text: str, words: str) -> None:
    with pytest.raises(OperationError, match=words):
        body(cpus=text)


def test_period_and_quota_count_only_without_cpus_and_are_never_read_back() -> None:
    assert body(cpuPeriod=100000, cpuQuota=5000)["HostConfig"]["CpuQuota"] == 5000
    assert "CpuQuota" not in body(cpus="1", cpuQuota=5000)["HostConfig"]
    assert second_preview({"cpuQuota": 5000}, inspected(CpuQuota=1)) == {}
    assert "CpuQuota" not in update_body({"cpuQuota": 5000})


ALL = {"Driver": "", "Count": -1, "Capabilities": [["gpu"]], "Options": {}}


@pytest.mark.parametrize(
    ("gpus", "request_"),
    [
        ("all", ALL),
        ('"all"', ALL),
        ("2", {**ALL, "Count": 2}),
        ("device=0", {**ALL, "Count": 0, "DeviceIDs": ["0"]}),
        ("'\"device=0,2\"'", {**ALL, "Count": 2, "DeviceIDs": ["0"]}),  # the quotes that would keep it whole are gone
        (
            "driver=nvidia,capabilities=utility",
            {**ALL, "Count": 1, "Driver": "nvidia", "Capabilities": [["utility", "gpu"]]},
        ),
    ],
)
def test_gpus_are_asked_for_as_docker_run_does(gpus: str, request_: dict[str, Any]) -> None:
    assert body(gpus=gpus)["HostConfig"]["DeviceRequests"] == [request_]
    assert body(gpus=gpus, deviceRequests=[{"driver": "cdi"}])["HostConfig"]["DeviceRequests"] == [request_]


@pytest.mark.parametrize("gpus", ["some", "x=1", "count=some"])
def test_gpus_that_docker_run_refuses_are_refused_before_anything_is_made(gpus: str) -> None:
    with pytest.raises(OperationError, match="Error setting gpus"):
        body(gpus=gpus)


@pytest.mark.parametrize(
    ("gpus", "changed"),
    [("all", {}), ("device=0", {}), ("2", {}), ("device=0,2", {"gpus": "UPDATE_REPLACE"})],
)
def test_gpus_are_read_back_where_the_plugin_can_say_them(gpus: str, changed: dict[str, str]) -> None:
    found = inspected(DeviceRequests=body(gpus=gpus)["HostConfig"]["DeviceRequests"])
    assert second_preview({"gpus": gpus}, found) == changed


def test_device_requests_are_read_back_if_they_were_given() -> None:
    asked = [{"driver": "nvidia", "deviceIds": ["0", "2"], "capabilities": ["gpu", "utility"], "options": {"a": "b"}}]
    found = inspected(DeviceRequests=body(deviceRequests=asked)["HostConfig"]["DeviceRequests"])
    assert found["HostConfig"]["DeviceRequests"][0]["DeviceIDs"] == ["0", "2"]
    assert second_preview({"deviceRequests": asked}, found) == {}
    assert second_preview({}, found) == {}


@pytest.mark.parametrize(
    ("device", "changed"),
    [
        ({}, {}),
        ({"containerPath": "/dev/x"}, {}),
        ({"containerPath": "/dev/x", "permissions": "r"}, {}),
        ({"permissions": "r"}, {"devices[0].permissions": "UPDATE_REPLACE"}),  # without a path they are not asked for
    ],
)
def test_devices_are_read_back_as_far_as_they_were_given(device: dict[str, str], changed: dict[str, str]) -> None:
    devices = [{"hostPath": "/dev/a", **device}]
    found = inspected(Devices=body(devices=devices)["HostConfig"]["Devices"])
    assert second_preview({"devices": devices}, found) == changed


def test_limits_of_block_devices_are_read_back_and_changed_in_place() -> None:
    limits: dict[str, Any] = {"deviceWriteIops": [{"path": "/dev/sda", "rate": 10}]}
    asked = body(**limits)["HostConfig"]["BlkioDeviceWriteIOps"]
    assert asked == [{"Path": "/dev/sda", "Rate": 10}]
    assert second_preview(limits, inspected(BlkioDeviceWriteIOps=asked)) == {}
    assert update_body(limits)["BlkioDeviceWriteIOps"] == asked


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"command": ["sh", "-c", ""]}, "command may not be empty"),
        ({"cgroupnsMode": "shared"}, "cgroupns_mode"),
        ({"mounts": [{"type": "volume", "target": "/v", "volumeOptions": {"noCopy": True}}]}, "Subpath requires"),
    ],
)
def test_what_the_plugin_refuses_is_refused_before_anything_is_made(inputs: dict[str, Any], words: str) -> None:
    with pytest.raises(OperationError, match=words):
        body((1, 41), **inputs)


def test_unmasked_system_paths_are_two_empty_lists_and_a_change_for_ever() -> None:
    options = ["systempaths=unconfined", "label=disable"]
    host = body(securityOpts=options)["HostConfig"]
    assert (host["MaskedPaths"], host["ReadonlyPaths"], host["SecurityOpt"]) == ([], [], ["label=disable"])
    changed = second_preview({"securityOpts": options}, inspected(SecurityOpt=["label=disable"]))
    assert set(changed.values()) == {"ADD_REPLACE"}


@pytest.mark.parametrize(
    ("inputs", "host", "changed"),
    [
        ({"hosts": [{"host": "a", "ip": "host-gateway"}]}, {"ExtraHosts": ["a:host-gateway"]}, None),
        ({"hosts": [{"host": "a", "ip": "fd00::1"}]}, {"ExtraHosts": ["a:fd00::1"]}, "hosts[0].ip"),
        ({"platform": "linux/amd64"}, {}, "platform"),
        ({"platform": "linux"}, {}, None),
        ({"networkMode": "container:other"}, {"NetworkMode": "container:1234"}, "networkMode"),
        ({"storageOpts": {"size": "1G"}}, {"StorageOpt": {"size": "1G"}}, None),
        ({}, {"Ulimits": [{"Name": "nofile", "Soft": 1, "Hard": 2}]}, "ulimits"),  # dockerd's default-ulimits
    ],
)
def test_what_is_read_back_otherwise_replaces_at_every_preview(
    inputs: dict[str, Any], host: dict[str, Any], changed: str | None
) -> None:
    assert list(second_preview(inputs, inspected(**host))) == ([changed] if changed else [])


def bound(*hosts: tuple[str, int]) -> list[dict[str, str]]:
    return [{"HostIp": ip, "HostPort": str(port)} for ip, port in hosts]


ANY = "0.0.0.0"
HTTP, HTTPS = {"internal": 80, "external": 8080}, {"internal": 443, "external": 8443}
DNS, DNS_UDP = {"internal": 53, "external": 5353}, {"internal": 53, "external": 5353, "protocol": "udp"}


@pytest.mark.parametrize(
    ("ports", "found", "changes"),
    [
        ([HTTPS, HTTP], {"80/tcp": bound((ANY, 8080)), "443/tcp": bound((ANY, 8443))}, False),
        ([DNS, DNS_UDP], {"53/tcp": bound((ANY, 5353)), "53/udp": bound((ANY, 5353))}, False),
        ([{**HTTP, "ip": ""}], {"80/tcp": bound((ANY, 8080))}, False),
        ([{**HTTP, "ip": "::"}], {"80/tcp": bound(("::", 8080))}, False),
        ([{"internal": 80}], {"80/tcp": bound((ANY, 32768))}, False),
        ([{"internal": 80, "external": 0}], {"80/tcp": bound((ANY, 32768))}, True),
        ([HTTPS, {"internal": 80}], {"80/tcp": bound((ANY, 32768)), "443/tcp": bound((ANY, 8443))}, True),
        ([HTTP, {**HTTP, "ip": "::"}], {"80/tcp": bound((ANY, 8080), ("::", 8080))}, True),
        ([HTTP, {**HTTP, "external": 8081}], {"80/tcp": bound((ANY, 8080), (ANY, 8081))}, True),
        ([HTTP], {"80/tcp": None}, True),
        ([HTTP], {}, True),
    ],
)
def test_ports_are_compared_as_the_plugin_does(ports: list[Any], found: dict[str, Any], changes: bool) -> None:
    assert bool(second_preview({"ports": ports}, inspected(found))) is changes


@pytest.mark.parametrize(
    ("rights", "mode", "owner"),
    [
        ({}, 0o644, (0, 0)),
        ({"executable": True, "owner": "7"}, 0o744, (7, 0)),
        ({"permissions": "0440", "executable": True, "group": "8"}, 0o440, (0, 8)),
    ],
)
def test_a_file_is_sent_with_its_rights_and_owner(rights: dict[str, Any], mode: int, owner: tuple[int, int]) -> None:
    with tarfile.open(fileobj=io.BytesIO(_tar({"file": "/etc/x", "contentBase64": "AAE=", **rights}))) as archive:
        (entry,) = archive.getmembers()
        content = archive.extractfile(entry)
        assert content is not None
        assert (entry.mode, (entry.uid, entry.gid), content.read()) == (mode, owner, b"\0\1")


@pytest.mark.parametrize("content", [{}, {"content": ""}, {"content": "a", "contentBase64": "YQ=="}])
def test_a_file_has_exactly_one_content_and_an_empty_one_is_none(content: dict[str, str]) -> None:
    with pytest.raises(OperationError, match="error with upload content"):
        _tar({"file": "/etc/x", **content})
