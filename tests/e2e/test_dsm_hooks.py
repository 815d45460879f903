"""On a Synology: each thing that can start the watch loop at boot, and the way from one to the other."""

from collections.abc import Iterator

import pytest

from lab.drive import Box, Stack
from tests.e2e.fixtures_lan import assert_all_is_as_planned, shim_is_there, standing, start_all, wait

UNIT = "/etc/systemd/system/setup_docker_macvlan.service"
RC = "/usr/local/etc/rc.d/macvlan.sh"
TASK = "/usr/syno/etc/esynoscheduler/tasks/macvlan-ipv6"
PID = "/run/setup_docker_macvlan.sh.macvlan-host.pid"
DOCKER = "pkg-ContainerManager-dockerd.service"
HOOKS = {"systemd": UNIT, "systemd-standalone": UNIT, "rc.d": RC, "task-scheduler": TASK}
WAY = ["systemd", "systemd-standalone", "rc.d", "task-scheduler", "systemd"]


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    with standing(Box("20.10", "dsm-hooks"), "--profile", "dsm", "--synowebapi") as box:
        yield box


@pytest.fixture(scope="module")
def up(box: Box, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(box, tmp_path_factory.mktemp("stack"))
    yield stack
    stack.force_away()


# One look at each process, for those of a round are gone the moment after. The loop is the unit's main process or the
# keeper's child; others of its name are the shell's own copies for its subshells, and the reader that a killed loop
# leaves behind until docker's next event, which is nobody's child any more.
LOOPS = """main=$(systemctl show -p MainPID --value setup_docker_macvlan.service)
for p in /proc/[0-9]*; do
    words=$(tr '\\0' ' ' 2>/dev/null <$p/cmdline) || continue
    case $words in *'macvlan.sh 'watch*) ;; *) continue ;; esac
    parent=$(awk '$1 == "PPid:" { print $2 }' $p/status 2>/dev/null)
    above=$(tr '\\0' ' ' 2>/dev/null <"/proc/${parent:-none}/cmdline")
    case $above in *'macvlan.sh 'supervise*) ;; *) [ "${p#/proc/}" = "$main" ] || continue ;; esac
    echo "${p#/proc/}"
done
"""


def loop(box: Box) -> str:
    """pid of the watch loop, "" for none; an AssertionError where there are two."""
    own = box.nas(LOOPS).split()
    assert len(own) <= 1, own
    return own[0] if own else ""


# The way from systemd is that of every site which changes its hook; back to it only in `make test-all`.
@pytest.fixture(
    scope="module",
    params=[
        pytest.param(n, id=f"{n + 1}-{hook}", marks=pytest.mark.full if n in (0, 4) else [])
        for n, hook in enumerate(WAY)
    ],
)
def hook(request: pytest.FixtureRequest, up: Stack) -> str:
    """Switched to, from the one before."""
    name = WAY[request.param]
    up.write(up.dsm_site(boot_hook=name))
    if shim_is_there(up.box):  # else it is the first of them
        start_all(up.box)
        assert up.steps()["lan-host"] == "replace"
    up.up()
    return name


def test_everything_is_as_planned(hook: str, up: Stack) -> None:
    assert_all_is_as_planned(up)
    up.expect_no_changes()


def test_what_starts_the_loop_is_there_and_nothing_of_the_others(hook: str, up: Stack) -> None:
    places = sorted({*HOOKS.values(), f"{UNIT.rpartition('/')[0]}/{DOCKER}.wants/setup_docker_macvlan.service"})
    found = up.box.nas(f"for f in {' '.join(places)}; do [ ! -e $f ] || echo $f; done; [ ! -e {PID} ] || echo {PID}")
    wants = [place for place in places if ".wants" in place] if hook == "systemd" else []
    assert sorted(found.split()) == sorted([HOOKS[hook], *wants, *([] if "systemd" in hook else [PID])])
    wait("the loop runs", lambda: loop(up.box))  # after a change in its file it is another process for a moment


def test_a_reboot_brings_everything_back(hook: str, up: Stack) -> None:
    up.box.lab("reboot")
    print(f"{hook}: after reboot the shim is there in {wait('the shim is there', lambda: shim_is_there(up.box)):.1f} s")
    start_all(up.box)
    assert_all_is_as_planned(up)
    up.expect_no_changes()


def test_a_loop_that_is_killed_comes_back_and_the_shim_stays(hook: str, up: Stack) -> None:
    index = up.box.nas("ip -o link show dev macvlan-host | cut -d: -f1")
    old = loop(up.box)
    up.box.nas(f"kill -9 {old}")
    wait("another loop", lambda: loop(up.box) not in ("", old))
    up.box.nas("ip route del 192.168.1.202 dev macvlan-host table 109")
    wait("healed", lambda: "192.168.1.202" in up.box.nas("ip route show table 109 dev macvlan-host"))
    assert up.box.nas("ip -o link show dev macvlan-host | cut -d: -f1") == index


def test_a_docker_restart_leaves_or_brings_back_everything(hook: str, up: Stack) -> None:
    up.box.nas(f"systemctl stop {DOCKER}")
    wait("the shim is as the hook says", lambda: shim_is_there(up.box) == (hook != "systemd"))
    up.box.nas(f"systemctl start {DOCKER}")
    wait("docker answers", lambda: up.box.run("nas", "docker ps", check=False).returncode == 0)
    start_all(up.box)
    assert_all_is_as_planned(up)


def test_a_stopped_loop_is_shown_and_repaired(hook: str, up: Stack) -> None:
    stop = (
        "systemctl stop setup_docker_macvlan"
        if "systemd" in hook
        else "/usr/local/bin/setup_docker_macvlan.sh stop-loop"
    )
    up.box.nas(f"{stop} /usr/local/etc/setup_docker_macvlan.conf" if "sh" in stop else stop)
    told = up.told()
    assert ("the unit is inactive" if "systemd" in hook else "the watch loop does not run") in told
    assert "link macvlan-host is gone" in told
    up.up()
    up.expect_no_changes()
    assert_all_is_as_planned(up)


# That of systemd is proven in test_dsm_users.py.
@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.full if "systemd" in name else []) for name in HOOKS]
)
def test_destroy_leaves_the_nas_as_it_was_found(name: str, up: Stack) -> None:
    up.destroy()
    before = up.box.snapshot()
    up.write(up.dsm_site(boot_hook=name))
    up.up()
    assert up.box.snapshot()["links"] != before["links"], "the comparison sees nothing"
    up.destroy()
    assert up.box.snapshot() == before
