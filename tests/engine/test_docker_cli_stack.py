"""A volume, a container in another's network namespace and a one-shot one under the real CLI: as in a Compose file."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
import pulumi_docker as docker
import pytest

from tests.engine.docker_box import IMAGE, Dockerd, start
from tests.engine.docker_stack import Program, Stack, environment, fresh


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dockerd]:
    yield from start(tmp_path_factory.mktemp("dockerd"))


@pytest.fixture
def stack(tmp_path: Path, daemon: Dockerd, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    yield from fresh(tmp_path, environment(), daemon, monkeypatch)


def project(daemon: Dockerd, *, env: str = "A=1", options: dict[str, str] | None = None, keep: bool = False) -> Program:
    """vpn; guest, which shares its network; once, which ends; and a volume that guest has."""

    def program() -> None:
        provider = docker.Provider("nas", host=daemon.host)
        opts = pulumi.ResourceOptions(provider=provider)
        image = docker.RemoteImage("image", name=IMAGE, keep_locally=True, opts=opts)
        data = docker.Volume(
            "data",
            name="data",
            driver_opts=options or {"type": "tmpfs", "device": "tmpfs"},
            opts=pulumi.ResourceOptions(provider=provider, retain_on_delete=keep),
        )
        common: dict[str, Any] = {"image": image.image_id, "opts": opts}
        first = {"opts": pulumi.ResourceOptions(provider=provider, delete_before_replace=True)}
        vpn = docker.Container("vpn", name="vpn", command=["sleep", "1000"], envs=[env], **{**common, **first})
        docker.Container(
            "guest",
            name="guest",
            command=["sleep", "1000"],
            network_mode=pulumi.Output.concat("container:", vpn.id),
            volumes=[docker.ContainerVolumeArgs(volume_name=data.name, container_path="/data")],
            **{**common, **first},
        )
        once = docker.Container(
            "once", name="once", command=["sh", "-c", "exit 3"], attach=True, must_run=False, **common
        )
        pulumi.export("exit", once.exit_code)

    return program


def test_all_of_it_is_made_and_neither_a_preview_nor_a_refresh_finds_a_change(stack: Stack, daemon: Dockerd) -> None:
    program = project(daemon)
    stack.up(program)
    assert stack.stack.outputs()["exit"].value == 3
    assert daemon.inspect("guest", ".HostConfig.NetworkMode") == "container:" + daemon.inspect("vpn", ".Id")
    assert set(stack.preview()) == {"same"}
    assert set(stack.refresh()) == {"same"}
    assert set(stack.up(program)) == {"same"}


def test_who_shares_a_network_is_replaced_with_the_container_that_has_it(stack: Stack, daemon: Dockerd) -> None:
    stack.up(project(daemon))
    assert stack.up(project(daemon, env="A=2"))["replace"] == 2
    assert daemon.inspect("guest", ".HostConfig.NetworkMode") == "container:" + daemon.inspect("vpn", ".Id")
    assert daemon.inspect("guest", ".State.Running") == "true"
    assert set(stack.preview()) == {"same"}


LARGER = {"type": "tmpfs", "device": "tmpfs", "o": "size=2m"}


def test_a_volume_whose_options_change_is_emptied_together_with_its_containers(stack: Stack, daemon: Dockerd) -> None:
    """Without a word: the containers that have its name from it are deleted first, so that nobody uses it."""
    stack.up(project(daemon))
    assert stack.up(project(daemon, options=LARGER))["replace"] == 2
    assert daemon.docker("volume inspect -f {{.Options.o}} data") == "size=2m"
    assert set(stack.preview()) == {"same"}


def test_a_volume_that_is_retained_stays_as_it_is_and_each_preview_shows_the_change(
    stack: Stack, daemon: Dockerd
) -> None:
    stack.up(project(daemon, keep=True))
    assert stack.up(project(daemon, options=LARGER, keep=True))["replace"] == 2
    assert daemon.docker("volume inspect -f {{.Options}} data") == "map[device:tmpfs type:tmpfs]"
    assert stack.preview()["replace"] == 2
    stack.destroy()
    assert daemon.docker("volume ls -q -f name=data") == "data"
    daemon.docker("volume rm data")
