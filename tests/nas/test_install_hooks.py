"""install.sh where something other than Docker's unit starts the loop: another unit, DSM's rc.d, a boot task."""

import json
import os
from collections.abc import Iterator

import pytest

from tests.nas.box import NAS, PREFIX, SHIM, TWO, Box, alive, until
from tests.nas.install_box import BAD_ROUTE, OURS, Nas

SUMMARY = f"shim {SHIM} on eth0: 192.168.1.254, {PREFIX}254; 2 containers, 4 routes"
# Tasks as files of JSON lines; FAILS makes it answer that nothing went well
SCHEDULER = """#!/usr/bin/env python3
import json, os, sys
from pathlib import Path
here = Path({here!r})
assert sys.argv[1:3] == ["-s", "--exec"]
given = dict(word.split("=", 1) for word in sys.argv[3:])
task = here / json.loads(given.pop("task_name"))
assert given.pop("api") == "SYNO.Core.EventScheduler" and given.pop("version") == "1"
method = given.pop("method")
with (here / "methods").open("a") as log:
    print(method, file=log)
good = not (here / "FAILS").exists() and (task.exists() is (method != "create"))
told = ""
if good and method == "get":
    told = ', "data" : ' + task.read_text()
elif good and method == "delete":
    task.unlink()
elif good:
    task.write_text(json.dumps({{key: json.loads(value) for key, value in given.items()}}))
print('{{ "success" : %s%s }}' % (str(good).lower(), told))
"""


class Hooked(Nas):
    """rc_d, task: the boot hook."""

    def __init__(self, box: Box, hook: str) -> None:
        super().__init__(box)
        self.rc = self.root / "usr/local/etc/rc.d/macvlan.sh"
        text = (NAS / "macvlan.rc.sh").read_text()
        text = text.replace("@PROGRAM@", str(self.program)).replace("@CONF@", str(self.conf))
        self.text["settings"] = f"program {self.program}\nconf {self.conf}\nhook {hook}\n"
        self.text["manifest"] = f"0755 {self.program} program\n0644 {self.conf} conf\n"
        del self.text["unit"]
        if hook == "rc.d":
            self.text["settings"] += f"hook_file {self.rc}\n"
            self.text["manifest"] += f"0755 {self.rc} hook\n"
            self.text["hook"] = text
        else:
            self.text["settings"] += "task macvlan-ipv6\n"
        self.tasks = box.here / "tasks"
        self.tasks.mkdir()

    def scheduler(self) -> None:
        tool = self.box.bin / "synowebapi"
        tool.write_text(SCHEDULER.format(here=str(self.tasks)))
        tool.chmod(0o755)

    def loop(self) -> int:
        file = self.box.here / f"{self.program.name}.{SHIM}.pid"
        return int(file.read_text().split()[0]) if file.exists() else 0

    def methods(self) -> list[str]:
        file = self.tasks / "methods"
        found = file.read_text().split() if file.exists() else []
        file.unlink(missing_ok=True)
        return found

    def leave(self) -> None:
        self.box_run("sh", str(self.program), "down", str(self.conf)) if self.program.exists() else None


@pytest.fixture(params=["rc.d", "task"])
def nas(box: Box, request: pytest.FixtureRequest) -> Iterator[Hooked]:
    made = Hooked(box, request.param)
    yield made
    made.leave()


@pytest.fixture
def rc_d(box: Box) -> Iterator[Hooked]:
    made = Hooked(box, "rc.d")
    yield made
    made.leave()


@pytest.fixture
def task(box: Box) -> Iterator[Hooked]:
    made = Hooked(box, "task")
    yield made
    made.leave()


def test_it_comes_up_stays_the_same_takes_over_what_is_new_and_goes(nas: Hooked) -> None:
    before = nas.tree()
    assert nas.ok().startswith(f"{SUMMARY}; loop running, started at boot by ")
    loop, index = nas.loop(), nas.index()
    assert alive(loop) and nas.calls() == []
    nas.ok()
    assert (nas.loop(), nas.index()) == (loop, index)
    nas.ok(conf=OURS + "container new 192.168.1.77 -\n")
    assert (nas.loop(), nas.index(), nas.box.routes()) == (loop, index, {"192.168.1.77"})
    assert nas.ok("remove") == "removed: link, unit and files\n"
    until("the loop ends", lambda: not alive(loop))
    assert nas.tree() == before and not nas.box.has_link() and nas.loop() == 0
    assert nas.ok("remove") == "removed: link, unit and files\n"


def test_a_loop_that_was_stopped_is_started_again(nas: Hooked) -> None:
    nas.ok()
    loop = nas.loop()
    nas.leave()
    assert nas.ok().startswith(SUMMARY) and alive(nas.loop()) and nas.loop() != loop


def test_a_change_that_does_not_come_up_leaves_the_loop_with_what_it_had(nas: Hooked) -> None:
    nas.ok()
    before, loop, index = nas.tree(), nas.loop(), nas.index()
    nas.impatient()
    said = nas.fails(conf=OURS + TWO + BAD_ROUTE)
    assert "ff02::1:2:3:4:5:6:7:8" in said and said.endswith("; the previous state was put back")
    assert nas.tree() == before and (nas.loop(), nas.index()) == (loop, index) and alive(loop)
    assert nas.box.routes() == {"192.168.1.201", "192.168.1.202", f"{PREFIX}201", f"{PREFIX}202"}


def test_a_first_one_that_does_not_come_up_leaves_nothing(nas: Hooked) -> None:
    nas.scheduler()
    before = nas.tree()
    nas.impatient()
    assert nas.fails(conf=OURS + BAD_ROUTE).endswith("; everything was taken away again")
    assert nas.tree() == before and not nas.box.has_link() and not (nas.tasks / "macvlan-ipv6").exists()


@pytest.mark.parametrize("on_destroy", ["keep", "restore"])
def test_a_script_made_by_hand_is_kept_and_comes_back_if_that_is_wished(rc_d: Hooked, on_destroy: str) -> None:
    rc_d.rc.parent.mkdir(parents=True)
    by_hand = f"#!/bin/sh\necho $1 >>{rc_d.box.here}/by-hand\n"
    rc_d.rc.write_text(by_hand)
    rc_d.rc.chmod(0o755)
    rc_d.box.ip(*f"link add link eth0 name {SHIM} type macvlan mode bridge".split())
    rc_d.ok()
    kept = rc_d.rc.with_name("macvlan.sh.before-macvlan-ipv6")
    assert kept.read_text() == by_hand and "macvlan-ipv6" in rc_d.rc.read_text()
    rc_d.ok("remove", settings=rc_d.text["settings"] + f"on_destroy {on_destroy}\n")
    assert rc_d.rc.exists() is (on_destroy == "restore") and kept.exists() is (on_destroy == "keep")
    started = rc_d.box.here / "by-hand"
    assert (started.read_text() if started.exists() else "") == ("start\n" if on_destroy == "restore" else "")


def test_dsms_scheduler_gets_the_task_once_and_loses_it_again(task: Hooked) -> None:
    task.scheduler()
    assert task.ok() == f"{SUMMARY}; loop running, started at boot by the task macvlan-ipv6\n"
    file = task.tasks / "macvlan-ipv6"
    made = json.loads(file.read_text())
    assert made["operation"] == f"{task.program} start-loop {task.conf}" and made["owner"] == {"0": "root"}
    assert (made["event"], made["enable"], made["operation_type"]) == ("bootup", True, "script")
    assert task.methods() == ["get", "create"]
    task.ok()
    assert task.methods() == ["get"]
    file.write_text(json.dumps({**made, "operation": "reboot"}))
    task.ok()
    assert task.methods() == ["get", "set"] and json.loads(file.read_text()) == made
    task.ok("remove")
    assert not file.exists()


@pytest.mark.parametrize("tool", [False, True])
def test_where_nobody_makes_the_task_it_is_said_to_be_yours(task: Hooked, tool: bool) -> None:
    if tool:
        task.scheduler()
        (task.tasks / "FAILS").touch()
    yours = "which you create yourself: `pulumi stack output` says how"
    assert task.ok() == f"{SUMMARY}; loop running, started at boot by the task macvlan-ipv6, {yours}\n"


def test_a_unit_that_is_not_bound_to_docker_comes_and_goes_too(box: Box) -> None:
    nas = Nas(box)
    before = nas.tree()
    text = (NAS / "setup_docker_macvlan.network.service").read_text()
    text = text.replace("@PROGRAM@", str(nas.program)).replace("@CONF@", str(nas.conf))
    settings = nas.text["settings"].replace("docker.service", "multi-user.target")
    assert nas.ok(unit=text, settings=settings) == f"{SUMMARY}; unit active, enabled\n"
    assert (nas.fake / "enabled").read_text() == "multi-user.target"
    nas.ok("remove")
    assert nas.tree() == before


def test_a_wrapper_for_docker_goes_there_and_away_again(rc_d: Hooked) -> None:
    place = rc_d.root / "usr/bin/docker"
    place.parent.mkdir(parents=True)
    before = rc_d.tree()
    manifest = rc_d.text["manifest"] + f"0755 {place} docker\n"
    rc_d.ok(manifest=manifest, docker="#!/bin/sh\n# macvlan-ipv6\n")
    assert os.access(place, os.X_OK)
    rc_d.ok("remove")
    assert rc_d.tree() == before


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ("hook systemd\nwanted_by docker.service\n", "hook systemd: exactly hook_file and wanted_by are required"),
        ("hook systemd\nhook_file /x/y.service\n", "hook systemd: exactly hook_file and wanted_by are required"),
        ("hook rc.d\n", "hook rc.d: exactly hook_file is required"),
        ("hook rc.d\nhook_file /x/y.sh\nwanted_by docker.service\n", "hook rc.d: exactly hook_file is required"),
        ("hook task\n", "hook task: exactly task is required"),
        ("hook task\ntask a\nhook_file /x/y.sh\n", "hook task: exactly task is required"),
        ("hook cron\n", "'cron' is not a valid value for hook"),
        ("", "program, conf and hook are all needed"),
    ],
)
def test_settings_that_lack_something_or_have_too_much_change_nothing(box: Box, settings: str, why: str) -> None:
    nas = Nas(box)
    before = nas.tree()
    said = nas.fails(settings=f"program {nas.program}\nconf {nas.conf}\n{settings}")
    assert said == f"nothing was changed: settings: {why}" and nas.tree() == before
