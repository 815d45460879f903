"""State and NAS lose sight of each other: a NAS that was reset, a state that is gone, and two of them. On 26: what
Pulumi and the program make of it is the same on each."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.drive import Box, Stack
from tests.e2e.fixtures_lan import CONTAINERS, assert_all_is_as_planned, standing, start_all, wait

FILES = (
    "systemctl disable --now setup_docker_macvlan.service; ip link del macvlan-host;"
    " rm -f /usr/local/bin/setup_docker_macvlan.sh /etc/setup_docker_macvlan.conf"
    " /etc/systemd/system/setup_docker_macvlan.service; systemctl daemon-reload"
)
DOCKER = "docker rm -f $(docker ps -aq); docker network rm bridge-host; docker volume create kept"


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A box of its own, which runs beside the others."""
    with standing(Box("26", "states"), "--engine", "26") as box:
        yield Stack(box, tmp_path_factory.mktemp("stack"))


@pytest.fixture
def up(first: Stack) -> Stack:
    first.up()
    first.expect_no_changes()
    return first


@pytest.fixture
def other(first: Stack, tmp_path: Path) -> Stack:
    """The same site on another laptop, or after its state was lost: a stack of the same name with nothing in it."""
    return Stack(first.box, tmp_path)


def is_right(stack: Stack) -> None:
    stack.expect_no_changes()
    running = stack.box.nas("docker ps --format '{{.Names}}'").split()
    if set(CONTAINERS) - {*running}:
        start_all(stack.box)
    assert_all_is_as_planned(stack)


def test_a_nas_that_was_reset_is_named_and_one_command_makes_all_of_it_again(up: Stack) -> None:
    up.box.nas(f"{DOCKER}; {FILES}", check=False)
    said = up.told()
    assert "the network bridge-host, and the containers " in said and "qbittorrent" in said and "test" in said
    assert "`pulumi up --refresh` creates all of it again" in said
    assert "/etc/setup_docker_macvlan.conf is gone" in said
    up.up(True, "--refresh")
    is_right(up)


def test_a_plain_up_on_a_reset_nas_breaks_nothing_and_the_named_command_still_leads_on(up: Stack) -> None:
    up.box.nas(f"{DOCKER}; {FILES}", check=False)
    up.up()
    assert "`pulumi up --refresh` creates all of it again" in up.told()
    up.up(True, "--refresh")
    is_right(up)


def test_where_only_dockers_data_are_gone_the_same(up: Stack) -> None:
    up.box.nas(DOCKER, check=False)
    said = up.told()
    assert "`pulumi up --refresh` creates all of it again" in said
    up.up(True, "--refresh")
    is_right(up)


def test_where_only_the_files_are_gone_a_plain_up_will_do(up: Stack) -> None:
    ids = up.box.nas("docker ps -q | sort")
    up.box.nas(FILES, check=False)
    said = up.told()
    assert "/etc/setup_docker_macvlan.conf is gone" in said and "--refresh" not in said
    up.up()
    assert up.box.nas("docker ps -q | sort") == ids
    is_right(up)


def test_a_container_that_is_gone_is_named_with_its_way_back(up: Stack) -> None:
    up.box.nas("docker rm -f test")
    said = up.told()
    assert "is missing on the NAS, although this stack's state has it" in said and "recreates it" in said
    up.up(True, "--refresh")
    is_right(up)


def test_a_stack_without_state_is_refused_on_an_installed_nas_and_changes_nothing(up: Stack, other: Stack) -> None:
    before = up.box.snapshot()
    said = other.told(check=False)
    assert "has an installation of this program, of which this stack's state knows nothing" in said
    for part in ("the network bridge-host", "qbittorrent", "/etc/setup_docker_macvlan.conf", "takeOver=true"):
        assert part in said
    assert other.up(check=False).returncode != 0
    assert up.box.snapshot() == before
    up.expect_no_changes()


def test_the_state_can_be_brought_along(up: Stack, other: Stack) -> None:
    state = other.folder / "state.json"
    up.pulumi("stack", "export", "--stack", "e2e", "--file", str(state))
    salt = next(line for line in up.file.read_text().splitlines() if line.startswith("encryptionsalt:"))
    other.file.write_text(f"{salt}\n" + "".join(
        f"{line}\n" for line in other.file.read_text().splitlines() if not line.startswith("encryptionsalt:")
    ))  # fmt: skip
    other.pulumi("stack", "import", "--stack", "e2e", "--file", str(state))
    other.expect_no_changes()
    is_right(up)


def test_an_installation_is_taken_over_by_one_command(up: Stack, other: Stack) -> None:
    box = up.box
    network = box.nas("docker network inspect -f '{{.Id}}' bridge-host")
    box.nas("docker exec qbittorrent sh -c 'echo kept >/config/mine'", check=False)
    take = ("--config", "macvlan-ipv6:takeOver=true")
    said = other.pulumi("preview", "--stack", "e2e", *take).stdout
    for name in CONTAINERS:
        assert f"site.containers: {name}" in said
    assert "will be removed and recreated" in said and "lan-network" in said and "import" in said
    # As where the shim's command fails: the network is in the state, and nothing else
    half = [word for name in ("lan", "lan-docker", "lan-network") for word in ("--target", f"**::{name}")]
    other.up(True, *take, *half)
    said = other.told()
    assert "will be removed and recreated" in said and "has been done" not in said
    other.up(True, *take)
    assert box.nas("docker network inspect -f '{{.Id}}' bridge-host") == network
    other.expect_no_changes()
    assert "has been done" in other.told()
    other.pulumi("config", "rm", "macvlan-ipv6:takeOver", "--stack", "e2e")
    is_right(other)
    assert "has been done" not in other.told()
    # What is left of the first one's state is for the bin, and the new one destroys it all
    other.destroy()
    assert box.run("nas", "docker network inspect bridge-host", check=False).returncode != 0
    assert box.nas("docker ps -aq") == ""
    up.pulumi("stack", "rm", "--force", "--yes", "--preserve-config", "e2e")
    up.pulumi("stack", "init", "e2e")
    wait("nothing of it is left", lambda: not box.nas("ls /etc | grep setup_docker_macvlan", check=False))
