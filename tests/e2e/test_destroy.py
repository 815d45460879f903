"""`destroy` leaves the NAS as it was found."""

from lab.drive import Stack
from tests.e2e.test_persistence import UNIT


def test_destroy_leaves_the_nas_as_it_was_found(stack: Stack) -> None:
    before = stack.box.snapshot()
    stack.up()
    during = stack.box.snapshot()
    assert during["links"] != before["links"] and during["files"] != before["files"], "the comparison sees nothing"
    stack.destroy()
    assert stack.box.snapshot() == before


def test_destroy_works_where_someone_removed_things_by_hand(stack: Stack) -> None:
    before = stack.box.snapshot()
    stack.up()
    files = "/usr/local/bin/setup_docker_macvlan.sh /etc/setup_docker_macvlan.conf /etc/systemd/system/" + UNIT
    stack.box.nas(f"systemctl stop {UNIT}; rm {files}; docker rm -f test")
    stack.pulumi("refresh", "--yes", "--skip-preview", "--stack", "e2e")
    stack.destroy()
    assert stack.box.snapshot() == before


def test_up_works_after_destroy(stack: Stack) -> None:
    stack.up()
    assert stack.box.ping("nas", "192.168.1.201") == 0
    stack.destroy()
