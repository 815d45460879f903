"""docker.Volume of the stand-in against a real dockerd: what it takes over, when it replaces, and how it goes."""

from collections.abc import Iterator
from typing import Any

import pytest

from lab.engine.docker_provider import volume
from lab.engine.docker_provider.api import Docker, DockerError
from lab.engine.docker_provider.operations import OperationError
from lab.engine.docker_provider.provider import DockerProvider
from lab.engine.docker_provider.schema import CONTAINER, VOLUME
from tests.engine.docker_box import Dockerd, start
from tests.engine.docker_made import BOX, configured, make

TMPFS = {"type": "tmpfs", "device": "tmpfs", "o": "size=1m"}
DATA: dict[str, Any] = {"name": "data", "driverOpts": TMPFS, "labels": [{"label": "a", "value": "b"}]}


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dockerd]:
    yield from start(tmp_path_factory.mktemp("dockerd"))


@pytest.fixture
def provider(daemon: Dockerd, monkeypatch: pytest.MonkeyPatch) -> Iterator[DockerProvider]:
    monkeypatch.setattr(volume, "REMOVE_DELAY", 0.0)
    monkeypatch.setattr(volume, "REMOVE_PAUSE", 0.5)
    monkeypatch.setattr(volume, "REMOVE_TIMEOUT", 2.0)
    yield from configured(daemon)
    for name in daemon.docker("volume ls -q").split():
        daemon.docker(f"volume rm {name}")


def test_a_volume_is_made_read_imported_and_removed(provider: DockerProvider, daemon: Dockerd) -> None:
    made, state, inputs = make(provider, VOLUME, DATA)
    assert (made, state["driver"]) == ("data", "local")
    assert state["mountpoint"].endswith("/volumes/data/_data")
    assert provider.diff(VOLUME.token, state, inputs, inputs, ()).detailed == {}
    imported = provider.read(VOLUME.token, "data", {}, {})
    assert imported is not None
    assert provider.diff(VOLUME.token, imported.state, inputs, imported.inputs, ()).detailed == {}
    provider.delete(VOLUME.token, made, state)
    assert daemon.docker("volume ls -q") == ""
    assert provider.read(VOLUME.token, made, state, inputs) is None
    provider.delete(VOLUME.token, made, state)  # gone already, and no error


@pytest.mark.parametrize(
    ("change", "replaces"),
    [
        ({}, ()),
        ({"driver": "local"}, ()),
        ({"driverOpts": {**TMPFS, "o": "size=2m"}}, ("driverOpts",)),
        ({"driverOpts": None}, ("driverOpts",)),
        ({"labels": None}, ("labels",)),
        ({"labels": [{"label": "a", "value": "c"}]}, ("labels",)),
    ],
)
def test_one_that_is_there_is_taken_as_it_is_and_the_next_preview_replaces_what_differs(
    provider: DockerProvider, daemon: Dockerd, change: dict[str, Any], replaces: tuple[str, ...]
) -> None:
    make(provider, VOLUME, DATA)
    _, state, inputs = make(provider, VOLUME, {**DATA, **change})
    found = provider.diff(VOLUME.token, state, inputs, inputs, ())
    assert found.replaces == replaces
    assert found.delete_before_replace is bool(replaces)
    assert daemon.docker("volume inspect -f {{.Options.o}}{{.Labels.a}} data") == "size=1mb"


@pytest.mark.parametrize(
    ("inputs", "words"),
    [
        ({"name": "data", "driver": "none-such"}, "none-such"),
        ({"name": "other", "driverOpts": {"tyep": "nfs"}}, "invalid option"),
        ({"name": "a"}, "too short"),
        ({"name": "a/b"}, "invalid characters"),
    ],
)
def test_what_the_daemon_refuses_is_an_error(provider: DockerProvider, inputs: dict[str, Any], words: str) -> None:
    make(provider, VOLUME, {"name": "data"})
    with pytest.raises(OperationError, match=f"Unable to create volume: Error response from daemon: .*{words}"):
        make(provider, VOLUME, inputs)


def test_a_device_that_is_not_there_shows_only_when_a_container_starts(provider: DockerProvider) -> None:
    make(provider, VOLUME, {"name": "data", "driverOpts": {"type": "none", "o": "bind", "device": "/none-such"}})
    with pytest.raises(OperationError, match=r"Unable to start container: .*none-such"):
        make(provider, CONTAINER, {**BOX, "volumes": [{"volumeName": "data", "containerPath": "/v"}]})


def test_one_in_use_stays_and_is_tried_again_until_it_is_free(
    provider: DockerProvider, daemon: Dockerd, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A container that does not run has it, too."""
    made, state, _ = make(provider, VOLUME, {"name": "data"})
    mount = [{"volumeName": "data", "containerPath": "/v"}]
    make(provider, CONTAINER, {**BOX, "volumes": mount, "start": False, "mustRun": False})
    with pytest.raises(OperationError, match=r"timeout while waiting for state to become 'removed' .*'in_use'"):
        provider.delete(VOLUME.token, made, state)
    assert daemon.docker("volume ls -q") == "data"
    sleep = volume.time.sleep

    def freed(seconds: float) -> None:
        if seconds:
            daemon.docker("rm -f box")
        sleep(seconds)

    monkeypatch.setattr(volume.time, "sleep", freed)
    provider.delete(VOLUME.token, made, state)
    assert daemon.docker("volume ls -q") == ""


def test_only_a_volume_that_the_daemon_does_not_know_is_gone(
    provider: DockerProvider, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(docker: Docker, path: str) -> None:
        raise DockerError(500, "the plugin of the volume does not answer")

    monkeypatch.setattr(Docker, "get", refused)
    with pytest.raises(OperationError, match=r"Unable to inspect volume: .*does not answer"):
        provider.read(VOLUME.token, "data", {}, {})


def test_a_daemon_that_is_away_is_an_error_and_not_a_volume_that_is_gone(
    provider: DockerProvider, daemon: Dockerd
) -> None:
    make(provider, VOLUME, {"name": "data"})
    away = daemon.socket.with_name("away.sock")
    provider.close()
    daemon.socket.rename(away)
    try:
        with pytest.raises(OperationError, match="Unable to inspect volume"):
            provider.read(VOLUME.token, "data", {}, {})
    finally:
        away.rename(daemon.socket)
