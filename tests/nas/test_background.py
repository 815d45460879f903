"""The loop where no systemd keeps it: boot, start-loop, stop-loop, supervise, and the script that DSM calls."""

import os
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from tests.nas.box import NAS, PROGRAM, SHIM, TABLE, Box, alive, children, put_tool, until

# Not kill's own: what a test looks at are processes, by their command lines
HIDDEN = ("setsid", "logger")


@pytest.fixture
def kept(box: Box) -> Box:
    """A program at a path of its own, run by the shell in question; what it leaves is in the box's namespace."""
    program = box.here / "macvlan.sh"
    shell = " ".join([shutil.which(box.shell[0]) or box.shell[0], *box.shell[1:]])
    put_tool(program, PROGRAM.read_text().replace("#!/bin/sh", f"#!{shell}", 1))
    put_tool(box.bin / "logger", f"#!/bin/sh\nexec cat >>{box.here}/log\n")
    return box


def call(box: Box, command: str, *wrapper: str, **env: str) -> subprocess.CompletedProcess[str]:
    argv = box.inside(*wrapper, box.here / "macvlan.sh", command, box.conf)
    done = subprocess.run(
        argv, env={**box.env(), **env}, capture_output=True, text=True, timeout=240, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 0, done
    return done


def running(box: Box, command: str) -> list[int]:
    """Processes of the program at that command, less the loop's reader, which is a child of one with the same words."""
    words = f"{box.here / 'macvlan.sh'}\0{command}\0"
    found = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            if words in (entry / "cmdline").read_text(errors="replace"):
                found[int(entry.name)] = int(re.findall(r"PPid:\s+(\d+)", (entry / "status").read_text())[0])
        except OSError:
            continue
    return [pid for pid, parent in found.items() if parent not in found]


def number(box: Box) -> Path:
    return box.here / f"macvlan.sh.{SHIM}.pid"


def loops(box: Box) -> list[int]:
    """Those that listen to docker, so that they take signals; not the reader that a killed one left."""
    clients = {int(pid) for pid in read(box.here / "events.pids").split()}
    return [pid for pid in running(box, "watch") if clients & set(children(pid))]


def is_up(box: Box) -> bool:
    return len(loops(box)) == 1 and box.has_link() and "192.168.1.201" in box.routes()


def read(file: Path) -> str:
    return file.read_text() if file.exists() else ""


def test_up_leaves_one_loop_and_its_number_and_down_leaves_nothing(kept: Box) -> None:
    assert call(kept, "start-loop").stdout == ""
    until("it is up", lambda: is_up(kept))
    (keeper,) = running(kept, "supervise")
    assert number(kept).read_text().startswith(f"{keeper}\n") and number(kept).stat().st_mode & 0o777 == 0o644
    loop, index = loops(kept), kept.ip("-o", "link", "show", SHIM).split(":")[0]
    kept.write_conf("container new 192.168.1.77 -\n")
    call(kept, "start-loop")
    until("the second one reads the files again", lambda: kept.routes() == {"192.168.1.77"})
    until("it is the same loop", lambda: loops(kept) == loop)
    assert running(kept, "supervise") == [keeper]
    assert kept.ip("-o", "link", "show", SHIM).split(":")[0] == index
    call(kept, "stop-loop")
    until("all is gone", lambda: not kept.left())
    assert not kept.has_link() and not number(kept).exists() and not list(kept.here.glob("*.lock"))
    call(kept, "stop-loop")


def test_a_loop_that_is_killed_is_started_again_and_the_link_stays(kept: Box) -> None:
    call(kept, "start-loop")
    until("it is up", lambda: is_up(kept))
    (loop,), index = loops(kept), kept.ip("-o", "link", "show", SHIM).split(":")[0]
    os.kill(loop, signal.SIGKILL)
    until("another", lambda: loops(kept) != [loop] and is_up(kept))
    assert kept.ip("-o", "link", "show", SHIM).split(":")[0] == index
    if "busybox" not in kept.shell[0]:  # which takes its own logger
        until("told", lambda: f"the loop ended by itself: {SHIM} stays for the next one" in kept.log())


def test_a_keeper_that_is_killed_takes_its_loop_with_it_and_the_next_up_has_one(kept: Box) -> None:
    call(kept, "start-loop")
    until("it is up", lambda: is_up(kept))
    (keeper,), (loop,) = running(kept, "supervise"), loops(kept)
    os.kill(keeper, signal.SIGKILL)
    until("the loop leaves", lambda: not alive(loop))
    assert kept.has_link()
    call(kept, "start-loop")
    until("one again", lambda: is_up(kept) and len(running(kept, "supervise")) == 1)


def test_the_reader_that_a_killed_loop_leaves_ends_at_the_next_event(kept: Box) -> None:
    kept.watch()
    kept.listening()
    loop = kept.processes[-1]
    loop.kill()
    loop.wait()
    until("its last nap is over", lambda: not any(line.startswith("sleep: ") for line in kept.left()))
    assert any("watch" in line for line in kept.left()), "nothing was left behind, so nothing is shown"
    kept.event()
    until("the reader ends", lambda: not any("watch" in line for line in kept.left()))
    assert any("events.fifo" in line for line in kept.left()), "the client is gone already, so nothing is shown"
    kept.event()
    until("and at the one after, docker's client", lambda: not kept.left())


def test_two_at_once_leave_one_keeper_and_one_loop(kept: Box) -> None:
    kept.popen(
        "sh",
        "-c",
        'for i in 1 2 3 4 5 6; do "$@" & done; wait',
        "sh",
        kept.here / "macvlan.sh",
        "start-loop",
        kept.conf,
    )
    assert kept.processes[-1].wait(timeout=240) == 0
    until("the others have looked", lambda: not running(kept, "start-loop") and len(running(kept, "supervise")) == 1)
    until("it is up", lambda: is_up(kept))
    assert [int(number(kept).read_text().split()[0])] == running(kept, "supervise")
    call(kept, "stop-loop")
    until("all is gone", lambda: not kept.left())


def test_the_end_of_logger_is_not_the_end_of_the_loop(kept: Box) -> None:
    logger = kept.here / "logger.pid"
    put_tool(kept.bin / "logger", f"#!/bin/sh\necho $$ >>{logger}\nexec cat >/dev/null\n")
    if "busybox" in kept.shell[0]:  # which takes its own logger
        program = kept.here / "macvlan.sh"
        put_tool(program, program.read_text().replace("$away logger", f"$away {kept.bin}/logger", 1))
    call(kept, "start-loop")
    until("it is up", lambda: is_up(kept))
    keeper, loop = running(kept, "supervise"), loops(kept)
    until("there is a logger", lambda: read(logger))
    os.kill(int(logger.read_text()), signal.SIGKILL)
    for _ in range(2):
        kept.ip("route", "del", "192.168.1.201", "dev", SHIM, "table", TABLE)
        until("healed, and told to nobody", lambda: is_up(kept))
    os.kill(loop[0], signal.SIGKILL)
    until("another loop", lambda: loops(kept) != loop and is_up(kept))
    kept.rounds(1)
    assert running(kept, "supervise") == keeper and len(loops(kept)) == 1
    call(kept, "stop-loop")


@pytest.mark.parametrize("missing", [*HIDDEN, "both"])
def test_without_setsid_or_logger_it_works_too(kept: Box, missing: str) -> None:
    hidden = HIDDEN if missing == "both" else (missing,)
    tools = {Path(f"/usr/bin/{name}") for name in ("setsid", "logger")}
    for tool in [*Path("/usr/bin").iterdir(), *Path("/usr/sbin").iterdir()]:
        if tool not in tools and not (kept.bin / tool.name).exists() and tool.name not in ("nsenter",):
            (kept.bin / tool.name).symlink_to(tool)
    for name in HIDDEN:
        if name in hidden:
            (kept.bin / name).unlink(missing_ok=True)
        elif name == "setsid":
            (kept.bin / name).symlink_to("/usr/bin/setsid")
    program = kept.here / "macvlan.sh"
    text = program.read_text().replace("PATH=$PATH:/usr/sbin:/sbin:/usr/local/bin", "PATH=$PATH", 1)
    put_tool(program, text)
    call(kept, "start-loop", PATH=str(kept.bin))
    until("it is up", lambda: is_up(kept))
    if "busybox" not in kept.shell[0]:
        assert (kept.here / f"macvlan.sh.{SHIM}.log").exists() is ("logger" in hidden)
    call(kept, "stop-loop", PATH=str(kept.bin))
    until("all is gone", lambda: not kept.left())


def test_one_that_was_started_with_signals_ignored_is_ended_all_the_same(kept: Box) -> None:
    call(kept, "start-loop", "sh", "-c", "trap '' HUP INT TERM; exec \"$@\"", "sh")
    until("it is up", lambda: is_up(kept))
    call(kept, "stop-loop")
    until("all is gone", lambda: not kept.left())


def test_one_that_was_started_with_signals_ignored_is_replaced_by_one_that_reads_the_files_again(kept: Box) -> None:
    """A shell cannot trap what it was started with ignored, so HUP would never reach the loop."""
    ignoring = ("sh", "-c", "trap '' HUP INT TERM PIPE; exec \"$@\"", "sh")
    call(kept, "start-loop", *ignoring)
    until("it is up", lambda: is_up(kept))
    index = kept.ip("-o", "link", "show", SHIM).split(":")[0]
    for address in ("192.168.1.77", "192.168.1.78"):
        kept.write_conf(f"container new {address} -\n")
        call(kept, "start-loop", *ignoring)
        until("it goes by the new files", lambda there=address: kept.routes() == {there} and len(loops(kept)) == 1)
    assert len(running(kept, "supervise")) == 1
    assert kept.ip("-o", "link", "show", SHIM).split(":")[0] == index
    call(kept, "stop-loop")
    until("all is gone", lambda: not kept.left())


# ---- a parent that is not there yet ------------------------------------------------------------------------
def test_boot_waits_for_a_late_parent_and_says_so(box: Box) -> None:
    box.ip("link", "del", "eth0")
    child = box.popen(*box.shell, PROGRAM, "boot", box.conf)
    until("it waits", lambda: "waiting up to 60 s for the parent link eth0" in box.log())
    box.ip("link", "add", "eth0", "type", "veth", "peer", "name", "wire2", "netns", box.lan)
    assert child.wait(timeout=240) == 0 and box.has_link()
    assert re.search(r"the parent link eth0 appeared after \d+ s; ", box.log())


def test_boot_says_nothing_of_a_parent_that_is_there(box: Box) -> None:
    assert box.program("boot").stdout == "" and box.has_link()


# Not under busybox sh, which has a sleep, a modprobe and an insmod of its own, so that nothing can stand for them
OTHERS = pytest.mark.parametrize("shell", ["dash", "bash"])


@OTHERS
def test_boot_gives_up_after_a_minute_and_names_the_links_that_there_are(box: Box) -> None:
    box.ip("link", "del", "eth0")
    naps = box.here / "naps"
    put_tool(box.bin / "sleep", f"#!/bin/sh\necho $1 >>{naps}\nexec {shutil.which('sleep')} 0.05\n")
    done = box.program("boot", check=False)
    assert done.returncode == 1 and "; it did not come within 60 s" in done.stderr and "links here:" in done.stderr
    assert naps.read_text().count("\n") == 60 and not box.has_link()


# ---- what DSM calls ----------------------------------------------------------------------------------------
def test_the_script_of_rc_d_takes_start_and_stop_and_nothing_else(kept: Box) -> None:
    text = (NAS / "macvlan.rc.sh").read_text()
    for name, value in (("@PROGRAM@", kept.here / "macvlan.sh"), ("@CONF@", kept.conf)):
        text = text.replace(name, str(value))
    script = kept.here / "rc.sh"
    script.write_text(text)

    def rc(*words: str) -> int:
        return subprocess.run(kept.inside(*kept.shell, script, *words), env=kept.env(), timeout=240).returncode

    assert rc("start") == 0
    until("it is up", lambda: is_up(kept))
    assert rc("stop") == 0 and not kept.has_link()
    until("all is gone", lambda: not kept.left())
    assert rc() == rc("restart") == 2


# ---- the kernel's module -----------------------------------------------------------------------------------
@OTHERS
@pytest.mark.parametrize("helps", ["modprobe", "insmod", ""])
def test_a_kernel_without_macvlan_gets_its_module_by_modprobe_or_as_dsm_has_it(box: Box, helps: str) -> None:
    real = next(path for path in ("/sbin/ip", "/usr/sbin/ip", "/bin/ip") if Path(path).exists())
    refuses = f"""#!/bin/sh
[ -e {box.here}/loaded ] && exec {real} "$@"
case $* in *-batch*) ;; *) exec {real} "$@" ;; esac
text=$(cat)
case $text in
*"type macvlan"*) echo 'RTNETLINK answers: Operation not supported' >&2; echo 'Command failed -:1' >&2; exit 1 ;;
esac
printf '%s\\n' "$text" | {real} "$@"
"""
    put_tool(box.bin / "ip", refuses)
    for tool in "modprobe", "insmod":
        does = f"touch {box.here}/loaded" if tool == helps else "exit 1"
        put_tool(box.bin / tool, f'#!/bin/sh\necho "{tool} $*" >>{box.here}/modules\n{does}\n')
    program = box.here / "macvlan.sh"
    program.write_text(PROGRAM.read_text().replace("for ip in /sbin/ip", f"for ip in {box.bin}/ip /sbin/ip", 1))
    argv = box.inside(*box.shell, program, "start", box.conf)
    done = subprocess.run(argv, env=box.env(), capture_output=True, text=True, timeout=240)
    asked = (box.here / "modules").read_text().splitlines()
    assert asked == ["modprobe macvlan", "insmod /lib/modules/macvlan.ko"][: 1 if helps == "modprobe" else 2]
    assert (done.returncode == 0) is box.has_link() is bool(helps)
    assert helps or "the kernel has no macvlan, and neither modprobe nor /lib/modules/macvlan.ko helped" in done.stderr


def test_words_of_before_the_first_release_do_the_same(kept: Box) -> None:
    """People's boot tasks have them, and an older install.sh that puts its version back calls them."""
    call(kept, "up")
    until("it is up", lambda: is_up(kept))
    assert call(kept, "reached").stdout == call(kept, "reachability").stdout
    call(kept, "down")
    assert not kept.has_link() and not number(kept).exists()
