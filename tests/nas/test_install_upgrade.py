"""install.sh on a NAS without systemd that has the program of before the first release, with its own names."""

import json
import tarfile
from collections.abc import Iterator

import pytest

from tests.nas.box import NAS, PREFIX, ROOT, SHIM, Box, alive, put_tool
from tests.nas.install_box import BAD_ROUTE, OURS, TWO
from tests.nas.test_install_hooks import SUMMARY, Hooked

OLD_ROUTES = "192.168.1.201 scope link", f"{PREFIX}201 metric 1024 pref medium"
FOUR = {"192.168.1.201", "192.168.1.202", f"{PREFIX}201", f"{PREFIX}202"}


def of_before(name: str) -> str:
    with tarfile.open(ROOT / "tests/e2e/before/2026-11-27.tar.gz") as archive:
        found = archive.extractfile(f"nas/{name}")
        assert found is not None
        return found.read().decode()


@pytest.fixture(params=["rc.d", "task"])
def old(box: Box, request: pytest.FixtureRequest) -> Iterator[Hooked]:
    """As that version's own installer left it."""
    made = Hooked(box, request.param)
    made.scheduler()
    now, today = made.installer, dict(made.text)
    made.installer = box.here / "before" / "install.sh"
    made.installer.parent.mkdir()
    put_tool(made.installer, of_before("install.sh"))
    hook = (NAS / "macvlan.rc.sh").read_text().replace("start-loop", "up").replace("stop-loop", "down")
    hook = hook.replace("@PROGRAM@", str(made.program)).replace("@CONF@", str(made.conf))
    conf = OURS.replace("placeholder_gateway", "dead_gateway").replace("check_interval", "tick")
    conf = conf.replace("routing_table 109\n", "")
    made.ok(program=of_before("setup_docker_macvlan.sh"), conf=conf + TWO, hook=hook)
    made.installer, made.text = now, today
    yield made
    made.leave()


def test_the_loop_of_before_goes_on_with_the_program_of_now(old: Hooked) -> None:
    loop, index = old.loop(), old.index()
    assert old.ok().startswith(SUMMARY)
    assert (old.loop(), old.index(), old.box.routes()) == (loop, index, FOUR) and alive(loop)


@pytest.mark.parametrize("shell", ["dash"])  # busybox sh has a mv of its own
def test_the_program_is_put_back_last(old: Hooked) -> None:
    """The NAS may lose power between two files, and the program of before does not read the data file of now."""
    moved = old.box.here / "moved"
    put_tool(old.box.bin / "mv", f'#!/bin/sh\necho "$3" >>{moved}\nexec /bin/mv "$@"\n')
    old.impatient()
    old.fails(conf=OURS + TWO + BAD_ROUTE)
    names = [line.rpartition("/")[2] for line in moved.read_text().splitlines()]
    program, conf = old.program.name, old.conf.name
    assert [name for name in names if name in (program, conf)] == [program, conf, conf, program]


def test_an_upgrade_that_does_not_come_up_leaves_the_program_of_before_and_what_starts_it(old: Hooked) -> None:
    before, loop, index = old.tree(), old.loop(), old.index()
    task = old.tasks / "macvlan-ipv6"
    assert not task.exists() or json.loads(task.read_text())["operation"] == f"{old.program} up {old.conf}"
    old.impatient()
    said = old.fails(conf=OURS + TWO + BAD_ROUTE)
    assert said.endswith("; the previous state was put back")
    assert old.tree() == before and (old.loop(), old.index()) == (loop, index) and alive(loop)
    shown = ("route", "show", "dev", SHIM)
    lines = [line.strip() for family in ("-4", "-6") for line in old.box.ip(family, *shown).splitlines()]
    assert set(OLD_ROUTES) <= set(lines) and not old.box.routes() and not old.box.rules()
    assert not task.exists() or json.loads(task.read_text())["operation"] == f"{old.program} up {old.conf}"
