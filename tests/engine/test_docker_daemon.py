"""The docker stand-in's operations against a real dockerd, without the CLI: what only it can be asked directly."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from lab.engine.docker_provider import container, network
from lab.engine.docker_provider.api import Docker
from lab.engine.docker_provider.checking import Naming
from lab.engine.docker_provider.operations import OperationError, PartlyDone
from lab.engine.docker_provider.provider import DockerProvider
from lab.engine.docker_provider.schema import CONTAINER, NETWORK, REMOTE_IMAGE
from lab.engine.docker_provider.transport import endpoint
from tests.engine.docker_box import IMAGE, Dockerd, start
from tests.engine.docker_made import BOX, configured, make


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dockerd]:
    yield from start(tmp_path_factory.mktemp("dockerd"))


@pytest.fixture
def provider(daemon: Dockerd) -> Iterator[DockerProvider]:
    yield from configured(daemon)


EVERYTHING: dict[str, Any] = {
    "capabilities": {"adds": ["NET_ADMIN"], "drops": ["MKNOD"]},
    "cgroupParent": "/mine",
    "cgroupnsMode": "private",
    "cpuSet": "0",
    "cpuShares": 512,
    "cpus": "0.5",
    "destroyGraceSeconds": 1,
    "deviceCgroupRules": ["c 189:* rmw"],
    "deviceReadBps": [{"path": "/dev/loop0", "rate": 1048576}],
    "devices": [{"hostPath": "/dev/null", "containerPath": "/dev/nothing", "permissions": "rw"}],
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
    "hosts": [{"host": "nas", "ip": "host-gateway"}, {"host": "four", "ip": "192.0.2.2"}],
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
        {"type": "volume", "target": "/o", "source": "named"},
    ],
    "networkMode": "bridge",
    "ports": [{"internal": 53, "external": 18053, "protocol": "udp"}, {"internal": 80, "external": 18080}],
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
    untold = {"logOpts", "destroyGraceSeconds", "envs", "labels", "volumes", "mustRun", "removeVolumes", "start"}
    untold |= {"cgroupParent", "cgroupnsMode", "deviceCgroupRules"}
    untold |= {"containerReadRefreshTimeoutMilliseconds", "waitTimeout", "devices"}
    assert changed <= untold


LAN = "network create -d macvlan --subnet 192.168.1.0/24 -o parent=eth0 lan"
ADDRESS: dict[str, Any] = {"name": "lan", "ipv4Address": "192.168.1.201", "macAddress": "02:42:c0:a8:01:c9"}
ON_LAN: dict[str, Any] = {**BOX, "networkMode": "bridge", "networksAdvanced": [ADDRESS]}


@pytest.fixture
def lan(daemon: Dockerd, provider: DockerProvider) -> Iterator[None]:
    daemon.docker(LAN)
    yield
    for name in daemon.docker("ps -aq").split():
        daemon.docker(f"rm -f {name}")
    daemon.docker("network rm lan")


def calls(daemon: Dockerd, since: int) -> list[str]:
    """The requests after the first so many, without API version, ids and queries."""
    plain = (re.sub(r"^(\w+) (/v[0-9.]+)?([^?]*).*", r"\1 \3", call) for call in daemon.calls()[since:])
    return [re.sub(r"[0-9a-f]{64}", "ID", call) for call in plain]


def test_a_container_is_made_connected_and_started_in_that_order_and_looked_at_once(
    provider: DockerProvider, daemon: Dockerd, lan: None
) -> None:
    provider.create(REMOTE_IMAGE.token, {"name": IMAGE, "keepLocally": True}, preview=False)
    inputs, _ = provider.check(CONTAINER.token, {**ON_LAN, "image": IMAGE}, {}, Naming("r", b"1234"))
    before = len(daemon.calls())
    _, state = provider.create(CONTAINER.token, inputs, preview=False)
    assert calls(daemon, before) == [
        f"GET /images/{IMAGE}/json",
        "POST /containers/create",
        "POST /networks/bridge/disconnect",
        "POST /networks/lan/connect",
        "POST /containers/ID/start",
        "GET /containers/json",
        "GET /containers/ID/json",
    ]
    (data,) = state["networkDatas"]
    assert (data["networkName"], data["ipAddress"]) == ("lan", "192.168.1.201")
    asked = re.findall(r"form data: (\{.*\})", (daemon.folder / "log").read_text())
    body = next(one for one in reversed(asked) if "HostConfig" in one)
    assert "EndpointsConfig" not in body
    assert "192.168.1.201" not in body


def test_what_a_failed_connect_left_is_in_the_state_as_if_all_was_well(
    provider: DockerProvider, daemon: Dockerd, lan: None
) -> None:
    refused = {"name": "bridge", "ipv4Address": "172.17.0.9"}  # only networks of one's own take an address
    with pytest.raises(PartlyDone, match="Unable to connect to network 'bridge'") as err:
        make(provider, CONTAINER, {**ON_LAN, "networksAdvanced": [refused, ADDRESS]})
    assert daemon.inspect("box", ".State.Status") == "created"
    assert daemon.inspect("box", ".NetworkSettings.Networks") == "map[]"
    assert err.value.known["mustRun"] is True
    provider.delete(CONTAINER.token, err.value.resource_id, err.value.known)
    assert daemon.docker("ps -aq") == ""


def test_a_container_that_ends_at_once_is_no_error_and_the_next_update_starts_it(
    provider: DockerProvider, daemon: Dockerd, monkeypatch: pytest.MonkeyPatch
) -> None:
    start = container._start

    def start_and_end(docker: Docker, box: str) -> None:
        start(docker, box)
        daemon.docker("wait box")  # otherwise it may still run when it is looked at

    monkeypatch.setattr(container, "_start", start_and_end)
    box, state, inputs = make(provider, CONTAINER, {**BOX, "command": ["sh", "-c", "exit 3"]})
    assert (state["mustRun"], state["exitCode"]) == (False, 3)
    assert daemon.inspect("box", ".State.Status") == "exited"
    assert provider.diff(CONTAINER.token, state, inputs, inputs, ()).detailed == {"mustRun": "UPDATE"}
    first = daemon.inspect("box", ".State.StartedAt")
    after = provider.update(CONTAINER.token, box, state, inputs, preview=False)
    assert daemon.inspect("box", ".State.StartedAt") != first
    assert after["mustRun"] is True  # unread: it has ended again
    assert daemon.inspect("box", ".State.Status") == "exited"


def test_a_container_that_may_end_tells_its_status(provider: DockerProvider) -> None:
    _, state, _ = make(
        provider,
        CONTAINER,
        {**BOX, "command": ["sh", "-c", "echo out; exit 3"], "mustRun": False, "attach": True, "logs": True},
    )
    assert state["exitCode"] == 3
    assert state["containerLogs"].endswith("out\n")


def test_a_failed_start_stands_in_the_state_as_done_and_no_update_starts_it(
    provider: DockerProvider, daemon: Dockerd
) -> None:
    bad = {**BOX, "devices": [{"hostPath": "/dev/none-such", "containerPath": "/dev/x"}]}
    with pytest.raises(PartlyDone, match="Unable to start container") as err:
        make(provider, CONTAINER, bad)
    state, inputs = err.value.known, {**err.value.known}
    assert state["mustRun"] is True
    before = len(daemon.calls())
    provider.update(CONTAINER.token, err.value.resource_id, state, inputs, preview=False)
    assert calls(daemon, before) == []
    assert daemon.inspect("box", ".State.Status") == "created"
    provider.delete(CONTAINER.token, err.value.resource_id, state)


def test_a_start_that_fails_in_an_update_stands_in_the_state_as_done(provider: DockerProvider) -> None:
    bad = {**BOX, "devices": [{"hostPath": "/dev/none-such", "containerPath": "/dev/x"}]}
    with pytest.raises(PartlyDone) as err:
        make(provider, CONTAINER, bad)
    stopped = {**err.value.known, "mustRun": False}
    with pytest.raises(PartlyDone, match="Unable to start container") as again:
        provider.update(CONTAINER.token, err.value.resource_id, stopped, err.value.known, preview=False)
    assert again.value.known["mustRun"] is True


def test_a_container_that_was_stopped_is_read_as_one_that_need_not_run_and_has_no_ports(
    provider: DockerProvider, daemon: Dockerd
) -> None:
    ports = [{"internal": 80, "external": 18080}]
    box, state, inputs = make(provider, CONTAINER, {**BOX, "networkMode": "bridge", "ports": ports})
    daemon.docker("stop -t 0 box")
    found = provider.read(CONTAINER.token, box, state, inputs)
    assert found is not None
    assert found.state["mustRun"] is False
    assert provider.diff(CONTAINER.token, found.state, inputs, inputs, ()).detailed == {
        "mustRun": "UPDATE",
        "ports": "ADD_REPLACE",
    }
    daemon.docker("start box")
    found = provider.read(CONTAINER.token, box, found.state, inputs)
    assert found is not None
    assert found.state["mustRun"] is False  # as it was; the next update asks for a start, which is none


def test_a_container_is_known_by_its_whole_id_alone(provider: DockerProvider) -> None:
    box, _, _ = make(provider, CONTAINER, BOX)
    for name in ("box", box[:12]):
        assert provider.read(CONTAINER.token, name, {}, {}) is None
    assert provider.read(CONTAINER.token, box, {}, {}) is not None


def test_a_container_that_was_removed_by_hand_is_destroyed_without_an_error(
    provider: DockerProvider, daemon: Dockerd
) -> None:
    box, state, _ = make(provider, CONTAINER, BOX)
    daemon.docker("rm -f box")
    provider.delete(CONTAINER.token, box, state)


def test_an_init_that_nobody_asked_for_is_refused_in_so_many_words(provider: DockerProvider, daemon: Dockerd) -> None:
    make(provider, CONTAINER, BOX)
    assert daemon.inspect("box", ".HostConfig.Init") == "false"  # and not unset, where dockerd has its own default


def test_waiting_for_health_ends_when_it_is_healthy(provider: DockerProvider, daemon: Dockerd) -> None:
    check = {"tests": ["CMD", "true"], "interval": "1s"}
    make(provider, CONTAINER, {**BOX, "healthcheck": check, "wait": True})
    assert daemon.inspect("box", ".State.Health.Status") == "healthy"
    with pytest.raises(PartlyDone, match="does not have a healthcheck defined"):
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


def test_an_image_that_is_there_is_never_pulled_whatever_its_triggers_say(
    provider: DockerProvider, daemon: Dockerd
) -> None:
    before = len(daemon.calls())
    for trigger in ("1", "2"):
        make(provider, REMOTE_IMAGE, {"name": IMAGE, "keepLocally": True, "pullTriggers": [trigger]})
    assert "POST /images/create" not in calls(daemon, before)


def test_a_network_that_cannot_be_asked_for_counts_as_gone(daemon: Dockerd, monkeypatch: pytest.MonkeyPatch) -> None:
    found = daemon.docker("network create -d bridge gone")
    monkeypatch.setattr(network, "READ_DELAY", 0.0)
    docker = Docker(endpoint(daemon.host, ()))
    assert network.read(docker, found) is not None
    docker.close()
    away = daemon.socket.with_name("away.sock")
    daemon.socket.rename(away)
    try:
        assert network.read(docker, found) is None
        network.delete(docker, found)
    finally:
        away.rename(daemon.socket)
    daemon.docker("network rm gone")


def test_a_network_that_the_daemon_refuses_says_why(provider: DockerProvider) -> None:
    with pytest.raises(OperationError, match=r"Unable to create network: Error response from daemon: .*invalid"):
        make(provider, NETWORK, {"name": "x", "driver": "macvlan", "ipamConfigs": [{"subnet": "nonsense"}]})


def test_logs_of_pipes_have_dockers_headers_in_them_and_those_of_a_terminal_have_none(provider: DockerProvider) -> None:
    for tty, logs in ((False, "\1\0\0\0\0\0\0\3hi\n"), (True, "hi\n")):
        inputs = {**BOX, "name": f"box{tty}", "command": ["echo", "hi"], "tty": tty}
        _, state, _ = make(provider, CONTAINER, {**inputs, "mustRun": False, "attach": True, "logs": True})
        assert state["containerLogs"] == logs
