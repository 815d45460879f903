"""install.sh, when it takes away a program that gave IPv6 to containers, or puts back one that gives none."""

from collections.abc import Iterator

import pytest

from tests.nas.box import PREFIX, TWO, Box, alive, put_tool, until
from tests.nas.install_box import BAD_ROUTE, OURS
from tests.nas.loop_box import MAC, dockers, has, record, state, sysctl
from tests.nas.test_install_hooks import Hooked
from tests.nas.test_install_upgrade import of_before

LOOP = OURS.replace(f"placeholder_gateway {PREFIX}1\n", "") + "ipv6 loop\n"
WITH_MAC = TWO.replace(f"{PREFIX}201\n", f"{PREFIX}201 {MAC}\n")


@pytest.fixture
def nas(box: Box) -> Iterator[Hooked]:
    made = Hooked(box, "rc.d")
    yield made
    made.leave()


@pytest.fixture
def space(box: Box) -> str:
    pid, space = dockers(box)
    box.running({"test": (pid, "192.168.1.201", "-")})
    return space


def installed(nas: Hooked, space: str, conf: str = LOOP + WITH_MAC) -> None:
    nas.ok(conf=conf)
    until("the ULA", lambda: has(nas.box, space))


def test_destroy_leaves_containers_as_they_were(nas: Hooked, space: str) -> None:
    before = state(nas.box, space)
    installed(nas, space)
    assert state(nas.box, space) != before
    assert nas.ok("remove") == "removed: link, unit and files\n"
    assert state(nas.box, space) == before and not record(nas.box)


@pytest.mark.parametrize("shell", ["dash"])  # busybox sh has an nsenter of its own
def test_what_could_not_be_taken_back_is_told(nas: Hooked, space: str) -> None:
    installed(nas, space)
    put_tool(nas.box.bin / "nsenter", "#!/bin/sh\nexit 1\n")
    said = "removed: link, unit and files; containers that run keep some of what the loop gave them\n"
    assert nas.ok("remove") == said and record(nas.box)
    (nas.box.bin / "nsenter").unlink()
    nas.ok("remove")
    assert not has(nas.box, space) and not record(nas.box)


def test_a_first_apply_that_does_not_come_up_takes_it_back_too(nas: Hooked, space: str) -> None:
    before = state(nas.box, space)
    # The loop has to have been at work before the apply gives up
    nas.impatient()
    assert nas.fails(conf=LOOP + WITH_MAC + BAD_ROUTE).endswith("; everything was taken away again")
    assert state(nas.box, space) == before and not record(nas.box)


def test_a_loop_that_gave_none_before_takes_it_back_itself(nas: Hooked, space: str) -> None:
    nas.ok(conf=OURS + TWO)
    nas.impatient()
    assert nas.fails(conf=LOOP + WITH_MAC + BAD_ROUTE).endswith("; the previous state was put back")
    until(
        "taken back",
        lambda: sysctl(nas.box, space, "disable_ipv6") == "1" and MAC not in nas.box.ip("link", space=space),
    )
    assert {line.split()[3] for line in record(nas.box)} <= {"ipv6/optimistic_dad", "ipv6/use_optimistic"}


def test_for_a_program_of_before_it_is_taken_back_and_the_macs_are_left_to_it(nas: Hooked, space: str) -> None:
    conf = OURS.replace("placeholder_gateway", "dead_gateway").replace("check_interval", "tick")
    now = nas.installer, dict(nas.text)
    nas.installer = nas.box.here / "before" / "install.sh"
    nas.installer.parent.mkdir()
    put_tool(nas.installer, of_before("install.sh"))
    hook = nas.text["hook"].replace("start-loop", "up").replace("stop-loop", "down")
    before = conf.replace("routing_table 109\n", "") + WITH_MAC
    nas.ok(program=of_before("setup_docker_macvlan.sh"), conf=before, hook=hook)
    until("the MAC", lambda: MAC in nas.box.ip("link", space=space))
    loop = nas.loop()
    nas.installer, nas.text = now
    nas.impatient()
    nas.fails(conf=LOOP + WITH_MAC + BAD_ROUTE)
    assert nas.program.read_text() == of_before("setup_docker_macvlan.sh") and nas.loop() == loop and alive(loop)
    assert sysctl(nas.box, space, "disable_ipv6") == "1" and not has(nas.box, space)
    assert MAC in nas.box.ip("link", space=space)
