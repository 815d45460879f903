"""What a container is given and what the state says after it was made, refreshed, and looked at once more: with a real
dockerd, because Docker itself writes some of it otherwise. Each form was seen on 20.10.24, 26.1.5 and 29.0
(2026-11-28, DOCKERD_ROOT in docker_box.py); where they differ it is said."""

from collections.abc import Iterator
from typing import Any

import pytest

from lab.engine.docker_provider.operations import PartlyDone
from lab.engine.docker_provider.provider import DockerProvider
from lab.engine.docker_provider.schema import CONTAINER
from tests.engine.docker_box import Dockerd, start
from tests.engine.docker_made import BOX, configured, make

LAN = {"name": "lan", "ipv4Address": "192.168.1.201"}
BRIDGE, INNER = {"name": "abridge"}, {"name": "inner"}
HTTP = {"internal": 80, "external": 18080}
PARTNER = "PARTNER"  # is replaced by the id of a container that runs


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dockerd]:
    for one in start(tmp_path_factory.mktemp("dockerd")):
        one.docker("network create -d macvlan --subnet 192.168.1.0/24 -o parent=eth0 lan")
        one.docker("network create abridge")
        one.docker("network create zbridge")
        one.docker("network create --internal inner")
        yield one


@pytest.fixture
def provider(daemon: Dockerd) -> Iterator[DockerProvider]:
    yield from configured(daemon)


def with_partner(provider: DockerProvider, inputs: dict[str, Any]) -> dict[str, Any]:
    """Makes the container that the inputs name as container:…, and puts its id in."""
    if "container:" not in str(inputs):
        return inputs
    found, _, _ = make(provider, CONTAINER, {**BOX, "name": "other", "networkMode": "bridge", "ipcMode": "shareable"})
    return {k: v.replace(PARTNER, found) for k, v in inputs.items()}


def changes(provider: DockerProvider, inputs: dict[str, Any]) -> dict[str, str]:
    """What the second preview shows; after a refresh it must show the same."""
    inputs = with_partner(provider, inputs)
    box, state, checked = make(provider, CONTAINER, {**BOX, "networkMode": None, **inputs})
    second = dict(provider.diff(CONTAINER.token, state, checked, checked, ()).detailed)
    found = provider.read(CONTAINER.token, box, state, checked)
    assert found is not None
    assert dict(provider.diff(CONTAINER.token, found.state, checked, found.inputs, ()).detailed) == second
    return second


SAME: list[dict[str, Any]] = [
    {},
    {"networkMode": "none"},
    {"networkMode": "host"},
    {"networkMode": "abridge"},
    {"networkMode": f"container:{PARTNER}"},
    {"ipcMode": f"container:{PARTNER}"},
    {"pidMode": f"container:{PARTNER}"},
    {"pidMode": "host"},
    {"usernsMode": "host"},
    {"securityOpts": ['seccomp={"defaultAction": "SCMP_ACT_ALLOW"}', "no-new-privileges:true"]},
    {"networksAdvanced": [LAN, BRIDGE], "ports": [HTTP]},
    {"networksAdvanced": [BRIDGE, {**LAN, "gwPriority": -1}], "ports": [{**HTTP, "ip": "::"}]},
    {"ports": [{"internal": 443, "external": 18443}, HTTP, {"internal": 80, "external": 18080, "protocol": "udp"}]},
    {"ports": [{**HTTP, "ip": ""}]},
    {"ports": [{"internal": 80}]},
    {"capabilities": {"adds": ["CAP_NET_ADMIN"], "drops": ["MKNOD"]}},
    {"cpus": "1.0"},
    {"cpuPeriod": 100000, "cpuQuota": 5000},
    {"memoryReservation": 64},
    {"memory": 64, "memorySwap": -1},
    {"deviceRequests": [], "deviceCgroupRules": ["c 189:* rmw", "b 8:* r"]},
    {"mounts": [{"type": "bind", "source": "/etc/", "target": "/n/", "bindOptions": {"propagation": "private"}}]},
    {"mounts": [{"type": "volume", "target": "/o"}, {"type": "tmpfs", "target": "/m", "tmpfsOptions": {"mode": 1023}}]},
    {"volumes": [{"hostPath": "/tmp/made/here", "containerPath": "/v", "readOnly": True, "selinuxRelabel": "Z"}]},
    {"tmpfs": {"/run": "size=1m,mode=1777", "/t": ""}},
    {"healthcheck": {"tests": ["NONE"]}},
    {"stopTimeout": 0},
    {"uploads": [{"file": "/new/conf", "content": "hello", "permissions": "0400", "owner": "7"}]},
]


@pytest.mark.full
@pytest.mark.parametrize("inputs", SAME, ids=str)
def test_the_second_preview_shows_nothing(provider: DockerProvider, inputs: dict[str, Any]) -> None:
    assert changes(provider, inputs) == {}


FOR_EVER: list[tuple[dict[str, Any], str]] = [
    ({"networkMode": "container:other"}, "networkMode"),
    ({"ipcMode": "container:other"}, "ipcMode"),
    ({"pidMode": "container:other"}, "pidMode"),
    ({"networkMode": "host", "ports": [HTTP]}, "ports"),
    ({"networksAdvanced": [LAN], "ports": [HTTP]}, "ports"),
    ({"networksAdvanced": [LAN, INNER], "ports": [HTTP]}, "ports"),
    # Docker publishes on the network of the default route only, and that is the first by name
    ({"networksAdvanced": [{"name": "zbridge"}, LAN], "ports": [HTTP]}, "ports"),
    ({"ports": [{"internal": 53}, {"internal": 53, "protocol": "udp"}]}, "ports"),
    ({"cpus": "1"}, "cpus"),
    ({"platform": "linux/amd64"}, "platform"),
    ({"memory": 64}, "memorySwap"),
    ({"securityOpts": ["systempaths=unconfined"]}, "securityOpts"),
    ({"privileged": True, "securityOpts": ["apparmor=unconfined"]}, "securityOpts"),
    ({"hosts": [{"host": "a", "ip": "2001:db8::1"}]}, "hosts"),
    ({"mounts": [{"type": "bind", "source": "/etc", "target": "/n", "bindOptions": {}}]}, "mounts"),
]


@pytest.mark.full
@pytest.mark.parametrize(("inputs", "name"), FOR_EVER, ids=str)
def test_the_second_preview_shows_a_change_and_so_does_every_other(
    provider: DockerProvider, inputs: dict[str, Any], name: str
) -> None:
    assert {path.partition(".")[0].partition("[")[0] for path in changes(provider, inputs)} == {name}


def test_a_file_is_in_the_container_before_it_starts(provider: DockerProvider, daemon: Dockerd) -> None:
    upload = {"file": "/new/conf", "content": "hello\n", "permissions": "0444"}
    _, state, _ = make(
        provider,
        CONTAINER,
        {**BOX, "command": ["cat", "/new/conf"], "uploads": [upload], "mustRun": False, "attach": True, "logs": True},
    )
    assert state["containerLogs"].endswith("hello\n")


LEFT: list[tuple[dict[str, Any], str]] = [
    ({"uploads": [{"file": "/x", "content": ""}]}, "must be set"),
    ({"uploads": [{"file": "/x", "content": "y"}], "readOnly": True}, "read-only"),
    ({"networkMode": "host", "networksAdvanced": [LAN]}, "sharing network namespace"),
    ({"gpus": "all"}, "Unable to start container"),
    (
        {"healthcheck": {"tests": ["CMD", "false"], "interval": "1s", "retries": 1}, "wait": True, "waitTimeout": 2},
        "failed to be in healthy state",
    ),
    # One that has ended is waited for as well
    (
        {"command": ["true"], "healthcheck": {"tests": ["CMD", "true"]}, "wait": True, "waitTimeout": 1},
        "failed to be in healthy state",
    ),
]


@pytest.mark.parametrize(("inputs", "words"), LEFT, ids=str)
def test_what_fails_after_the_create_leaves_a_container_that_the_state_takes_for_done(
    provider: DockerProvider, daemon: Dockerd, inputs: dict[str, Any], words: str
) -> None:
    with pytest.raises(PartlyDone, match=words) as err:
        make(provider, CONTAINER, {**BOX, **inputs})
    assert err.value.known["mustRun"] is True
    assert daemon.docker("ps -aq --no-trunc") == err.value.resource_id


def test_a_wait_of_no_time_fails_at_once(provider: DockerProvider) -> None:
    check = {"tests": ["CMD", "true"], "interval": "1s"}
    with pytest.raises(PartlyDone, match="failed to be in healthy state"):
        make(provider, CONTAINER, {**BOX, "healthcheck": check, "wait": True, "waitTimeout": 0})
