"""The docker stand-in's operations against a real dockerd, without the CLI: what only it can be asked directly."""

import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import pytest

from lab.engine.docker_provider import container
from lab.engine.docker_provider.checking import Naming
from lab.engine.docker_provider.operations import OperationError, PartlyCreated
from lab.engine.docker_provider.provider import DockerProvider
from lab.engine.docker_provider.schema import CONTAINER, NETWORK, REMOTE_IMAGE, Resource
from tests.engine.docker_box import IMAGE, Dockerd, start

BOX: dict[str, Any] = {"name": "box", "image": IMAGE, "networkMode": "none", "command": ["sleep", "1000"]}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dockerd]:
    yield from start(tmp_path_factory.mktemp("dockerd"))


@pytest.fixture
def provider(daemon: Dockerd) -> Iterator[DockerProvider]:
    found = DockerProvider()
    found.configure({"host": daemon.host})
    yield found
    found.close()
    for name in daemon.docker("ps -aq").split():
        daemon.docker(f"rm -f {name}")


def make(
    provider: DockerProvider, resource: Resource, inputs: dict[str, Any]
) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Check and create: (id, state, inputs). A container's image name is turned into its id, as a program would."""
    if resource is CONTAINER:
        _, image, _ = make(provider, REMOTE_IMAGE, {"name": inputs["image"], "keepLocally": True})
        inputs = {**inputs, "image": image["imageId"]}
    checked, failures = provider.check(resource.token, inputs, {}, Naming("r", b"1234"))
    assert failures == []
    resource_id, state = provider.create(resource.token, checked, preview=False)
    return resource_id, state, checked


EVERYTHING: dict[str, Any] = {
    "capabilities": {"adds": ["NET_ADMIN"], "drops": ["MKNOD"]},
    "cpuSet": "0",
    "cpuShares": 512,
    "cpus": "0.5",
    "destroyGraceSeconds": 1,
    "devices": [{"hostPath": "/dev/null", "containerPath": "/dev/nothing"}],
    "dns": ["192.0.2.1", "2001:db8::1"],
    "dnsOpts": ["ndots:1"],
    "dnsSearches": ["example"],
    "domainname": "example",
    "entrypoints": ["sh", "-c"],
    "command": ["sleep 1000"],
    "envs": ["A=1", "EMPTY=", "SPACED=a b"],
    "groupAdds": ["100"],
    "healthcheck": {"tests": ["CMD", "true"], "interval": "1m30s", "timeout": "2s", "startPeriod": "1s", "retries": 2},
    "hostname": "boxed",
    "hosts": [{"host": "six", "ip": "2001:db8::2"}, {"host": "four", "ip": "192.0.2.2"}],
    "init": False,
    "ipcMode": "private",
    "labels": [{"label": "a", "value": "b"}],
    "logDriver": "json-file",
    "logOpts": {"max-size": "1m"},
    "maxRetryCount": 2,
    "memory": 64,
    "memorySwap": 128,
    "mounts": [
        {"type": "tmpfs", "target": "/m", "tmpfsOptions": {"sizeBytes": 1048576, "mode": 448}},
        {
            "type": "bind",
            "target": "/n",
            "source": "/etc",
            "readOnly": True,
            "bindOptions": {"propagation": "rprivate"},
        },
        {"type": "volume", "target": "/o", "source": "named", "volumeOptions": {"noCopy": True}},
    ],
    "networkMode": "bridge",
    "ports": [{"internal": 80, "external": 18080}, {"internal": 53, "external": 18053, "protocol": "udp"}],
    "readOnly": True,
    "restart": "on-failure",
    "runtime": "runc",
    "securityOpts": ["no-new-privileges"],
    "shmSize": 32,
    "stdinOpen": True,
    "stopSignal": "SIGINT",
    "stopTimeout": 3,
    "sysctls": {"net.ipv4.ip_forward": "1"},
    "tmpfs": {"/run": "size=1m"},
    "tty": True,
    "ulimits": [{"name": "nofile", "soft": 100, "hard": 200}],
    "user": "0:0",
    "volumes": [
        {"hostPath": "/etc", "containerPath": "/v", "readOnly": True},
        {"volumeName": "data", "containerPath": "/w"},
        {"containerPath": "/x"},
    ],
    "workingDir": "/tmp",
}


def test_every_property_survives_the_way_there_and_back(provider: DockerProvider) -> None:
    box, state, inputs = make(provider, CONTAINER, {**BOX, **EVERYTHING})
    assert provider.diff(CONTAINER.token, state, inputs, inputs, ()).detailed == {}
    found = provider.read(CONTAINER.token, box, state, inputs)
    assert found is not None
    assert found.inputs == inputs
    assert found.state == state
    assert provider.diff(CONTAINER.token, found.state, inputs, found.inputs, ()).detailed == {}


def test_an_import_finds_every_property_that_the_daemon_tells(provider: DockerProvider) -> None:
    box, _, inputs = make(provider, CONTAINER, {**BOX, **EVERYTHING})
    found = provider.read(CONTAINER.token, box, {}, {})
    assert found is not None
    changed = set(provider.diff(CONTAINER.token, found.state, inputs, found.inputs, ()).changed)
    untold = {"cpus", "destroyGraceSeconds", "envs", "labels", "volumes", "mustRun", "removeVolumes", "start"}
    untold |= {"containerReadRefreshTimeoutMilliseconds", "waitTimeout", "devices"}
    assert changed <= untold


def test_a_container_that_ends_at_once_is_an_error_with_its_last_words_and_leaves_nothing(
    provider: DockerProvider, daemon: Dockerd, monkeypatch: pytest.MonkeyPatch
) -> None:
    # On a busy machine it may still run after the pause before the first look, as long as that is one of seconds.
    pause = SimpleNamespace(sleep=lambda _: daemon.docker("wait box"), monotonic=time.monotonic)
    monkeypatch.setattr(container, "time", pause)
    with pytest.raises(OperationError, match=r"status 3; its last words: bye.*mustRun") as err:
        make(provider, CONTAINER, {**BOX, "command": ["sh", "-c", "echo bye; exit 3"]})
    assert not isinstance(err.value, PartlyCreated)
    assert daemon.docker("ps -aq") == ""


def test_a_container_that_may_end_tells_its_status(provider: DockerProvider) -> None:
    _, state, _ = make(
        provider,
        CONTAINER,
        {**BOX, "command": ["sh", "-c", "echo out; exit 3"], "mustRun": False, "attach": True, "logs": True},
    )
    assert (state["exitCode"], state["containerLogs"]) == (3, "out\n")


def test_a_failed_start_keeps_the_container_marked_so_that_an_update_starts_it(provider: DockerProvider) -> None:
    bad = {**BOX, "devices": [{"hostPath": "/dev/none-such", "containerPath": "/dev/x"}]}
    with pytest.raises(PartlyCreated, match="Unable to start container") as err:
        make(provider, CONTAINER, bad)
    state, inputs = err.value.known, {**err.value.known, "mustRun": True}
    assert state["mustRun"] is False
    assert provider.diff(CONTAINER.token, state, inputs, inputs, ()).detailed == {"mustRun": "UPDATE"}
    with pytest.raises(OperationError, match="Unable to start container"):
        provider.update(CONTAINER.token, err.value.resource_id, state, inputs, preview=False)
    provider.delete(CONTAINER.token, err.value.resource_id, state)


def test_a_failed_connect_leaves_no_container(provider: DockerProvider, daemon: Dockerd) -> None:
    with pytest.raises(OperationError, match="Unable to connect to network 'bridge'"):
        address = {"name": "bridge", "ipv4Address": "172.17.0.9"}  # only networks of one's own take an address
        make(provider, CONTAINER, {**BOX, "networkMode": "bridge", "networksAdvanced": [address]})
    assert daemon.docker("ps -aq") == ""


def test_waiting_for_health_ends_when_it_is_healthy(provider: DockerProvider, daemon: Dockerd) -> None:
    check = {"tests": ["CMD", "true"], "interval": "1s"}
    make(provider, CONTAINER, {**BOX, "healthcheck": check, "wait": True})
    assert daemon.inspect("box", ".State.Health.Status") == "healthy"
    with pytest.raises(PartlyCreated, match="no healthcheck"):
        make(provider, CONTAINER, {**BOX, "name": "other", "wait": True})


def test_an_image_that_is_nowhere_is_an_error_that_names_it(provider: DockerProvider) -> None:
    with pytest.raises(OperationError, match=r"unable to pull image 127\.0\.0\.1:1/none-such:1"):
        make(provider, REMOTE_IMAGE, {"name": "127.0.0.1:1/none-such:1"})


def test_an_image_is_removed_unless_it_is_to_be_kept(provider: DockerProvider, daemon: Dockerd) -> None:
    daemon.docker(f"tag {IMAGE} other:1")
    image, state, _ = make(provider, REMOTE_IMAGE, {"name": "other:1"})
    assert image == state["imageId"] + "other:1"
    provider.delete(REMOTE_IMAGE.token, image, {**state, "keepLocally": True})
    assert daemon.docker("images -q other:1")
    provider.delete(REMOTE_IMAGE.token, image, state)
    assert daemon.docker("images -q other:1") == ""
    assert provider.read(REMOTE_IMAGE.token, image, state, {"name": "other:1"}) is None


def test_a_network_that_the_daemon_refuses_says_why(provider: DockerProvider) -> None:
    with pytest.raises(OperationError, match=r"Unable to create network: Error response from daemon: .*invalid"):
        make(provider, NETWORK, {"name": "x", "driver": "macvlan", "ipamConfigs": [{"subnet": "nonsense"}]})


def test_logs_of_a_terminal_and_of_pipes_are_both_plain_text(provider: DockerProvider) -> None:
    for tty in (False, True):
        inputs = {**BOX, "name": f"box{tty}", "command": ["echo", "hi"], "tty": tty}
        _, state, _ = make(provider, CONTAINER, {**inputs, "mustRun": False, "attach": True, "logs": True})
        assert state["containerLogs"].strip() == "hi"
