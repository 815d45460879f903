"""The docker stand-in without a daemon: durations, what it asks the daemon for, and its own settings."""

from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.engine.docker_provider import config
from lab.engine.docker_provider.api import NEWEST
from lab.engine.docker_provider.config import check_config, settings
from lab.engine.docker_provider.container_spec import create_body, endpoint_config
from lab.engine.docker_provider.durations import format_go_duration, parse_go_duration
from lab.engine.docker_provider.image import split_tag
from lab.engine.docker_provider.values import UNKNOWN


@pytest.mark.parametrize(
    ("text", "nanos", "printed"),
    [
        ("30s", 30 * 10**9, "30s"),
        ("90s", 90 * 10**9, "1m30s"),
        ("1h", 3600 * 10**9, "1h0m0s"),
        ("1.5s", 1500 * 10**6, "1.5s"),
        ("500ms", 5 * 10**8, "500ms"),
        ("1m0.25s", 60250 * 10**6, "1m0.25s"),
        ("0", 0, "0s"),
    ],
)
def test_durations_are_read_and_printed_as_go_does(text: str, nanos: int, printed: str) -> None:
    assert parse_go_duration(text) == nanos
    assert format_go_duration(nanos) == printed


@given(st.integers(min_value=-(10**17), max_value=10**17))
def test_every_duration_that_is_printed_can_be_read_back(nanos: int) -> None:
    assert parse_go_duration(format_go_duration(nanos)) == nanos


@pytest.mark.parametrize("text", ["", "5", "1 s", "s", "1x", "--1s", "1s2"])
def test_what_go_refuses_is_no_duration(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        parse_go_duration(text)


def test_a_container_is_asked_for_in_the_daemons_own_words() -> None:
    body = create_body(
        {
            "image": "sha256:1",
            "restart": "always",
            "ports": [{"internal": 80, "external": 8080}],
            "healthcheck": {"tests": ["CMD", "true"], "interval": "30s", "timeout": "0s", "retries": 0},
            "memory": 64,
            "memorySwap": -1,
            "cpus": "1.5",
            "volumes": [
                {"hostPath": "/a", "containerPath": "/b", "readOnly": True},
                {"volumeName": "v", "containerPath": "/c", "selinuxRelabel": "z"},
                {"containerPath": "/anonymous"},
                {"fromContainer": "other"},
            ],
            "devices": [{"hostPath": "/dev/net/tun"}],
            "capabilities": {"adds": ["NET_ADMIN"]},
            "hosts": [{"host": "nas", "ip": "fd00::1"}],
            "init": False,
        },
        NEWEST,
    )
    host = body["HostConfig"]
    assert host["Binds"] == ["/a:/b:ro", "v:/c:rw,z"]
    assert host["VolumesFrom"] == ["other"]
    assert set(body["Volumes"]) == {"/b", "/c", "/anonymous"}
    assert host["Devices"][0]["PathInContainer"] == "/dev/net/tun"
    assert (host["Memory"], host["MemorySwap"], host["NanoCpus"]) == (64 * 1024**2, -1, 1_500_000_000)
    assert host["RestartPolicy"] == {"Name": "always", "MaximumRetryCount": 0}
    assert host["ExtraHosts"] == ["nas:fd00::1"]
    assert host["Init"] is False
    assert host["PortBindings"]["80/tcp"] == [{"HostIp": "0.0.0.0", "HostPort": "8080"}]
    assert body["Healthcheck"] == {"Test": ["CMD", "true"], "Interval": 30 * 10**9}


def test_an_endpoint_carries_all_three_addresses() -> None:
    network = {
        "name": "lan",
        "ipv4Address": "192.168.1.201",
        "ipv6Address": "fd00::201",
        "macAddress": "02:42:c0:a8:01:c9",
        "driverOpts": ["com.docker.network.endpoint.ifname=eth9"],
        "gwPriority": 1,
    }
    assert endpoint_config(network) == {
        "IPAMConfig": {"IPv4Address": "192.168.1.201", "IPv6Address": "fd00::201"},
        "MacAddress": "02:42:c0:a8:01:c9",
        "DriverOpts": {"com.docker.network.endpoint.ifname": "eth9"},
        "GwPriority": 1,
    }


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("busybox", ("busybox", "latest")),
        ("busybox:1.36", ("busybox", "1.36")),
        ("lscr.io/linuxserver/qbittorrent:latest", ("lscr.io/linuxserver/qbittorrent", "latest")),
        ("localhost:5000/x", ("localhost:5000/x", "latest")),
        ("x@sha256:1", ("x", "sha256:1")),
    ],
)
def test_the_tag_of_an_image_is_told_from_a_registrys_port(name: str, parts: tuple[str, str]) -> None:
    assert split_tag(name) == parts


def test_provider_settings_that_are_not_implemented_are_refused() -> None:
    assert [f.path for f in check_config({"host": "unix:///x", "certPath": "/certs"})] == ["certPath"]
    assert [f.path for f in check_config({"host": "npipe://x"})] == ["host"]
    assert check_config({"host": UNKNOWN, "sshOpts": '["-v"]', "version": "5.2.0"}) == []


def test_the_host_of_the_provider_wins_over_that_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", "tcp://192.0.2.1")
    assert settings({"host": "unix:///x"}).host == "unix:///x"
    assert settings({}).host == "tcp://192.0.2.1"


def test_a_context_of_the_environment_wins_over_the_host(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    home = SimpleNamespace(pw_dir=str(tmp_path))
    monkeypatch.setattr(config, "pwd", SimpleNamespace(getpwuid=lambda _: home))
    meta = tmp_path / ".docker/contexts/meta/1f/meta.json"
    meta.parent.mkdir(parents=True)
    meta.write_text('{"Name": "other", "Metadata": {}, "Endpoints": {"docker": {"Host": "ssh://me@elsewhere"}}}')
    monkeypatch.setenv("DOCKER_CONTEXT", "other")
    monkeypatch.setenv("HOME", "/nowhere")
    found = settings({"host": "unix:///x", "sshOpts": ["-v"]})
    assert (found.host, found.ssh_opts) == ("ssh://me@elsewhere", ("-v",))
    for missing in ("default", "nobody"):
        monkeypatch.setenv("DOCKER_CONTEXT", missing)
        with pytest.raises(ValueError, match=f"context '{missing}' not found"):
            settings({"host": "unix:///x"})


@pytest.mark.parametrize("name", ["DOCKER_CERT_PATH", "DOCKER_CERT_MATERIAL", "DOCKER_KEY_MATERIAL"])
def test_certificates_in_the_environment_keep_the_plugin_from_ssh(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "/certs")
    assert [f.path for f in check_config({"host": "ssh://nas"})] == ["host"]


def test_settings_arrive_as_json_and_a_password_is_never_shown() -> None:
    login = '[{"address":"https://reg.example/v2","username":"u","password":"s3cret"}]'
    found = settings({"host": "unix:///x", "sshOpts": '["-o","A=b"]', "registryAuth": login})
    assert found.ssh_opts == ("-o", "A=b")
    assert found.logins["reg.example"]["password"] == "s3cret"
    assert "s3cret" not in repr(found)
    with pytest.raises(ValueError, match="configFile"):
        settings({"registryAuth": '[{"address":"x","configFile":"/x"}]'})
