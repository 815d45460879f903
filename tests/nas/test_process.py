"""Which process a stored number belongs to: a number that another process has by now blocks and signals nobody."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.nas.box import NAS, PROGRAM, SHELLS, SHIM, Box, alive, put_tool, until
from tests.nas.test_background import call, is_up, kept, loops, number, running

__all__ = ["kept"]
ASK = """set -uf
. "$1"
if is_process "$2" "$3"; then echo yes; else echo no; fi
"""
NAME = "ours.sh supervise /etc/ours.conf"


def start_of(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]


def is_ours(shell: str, stored: str) -> bool:
    argv = [*SHELLS[shell], "-c", ASK, "sh", str(NAS / "lib/process.sh"), stored, NAME]
    return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stdout == "yes\n"


@contextmanager
def process(*before: str, path: str = "/opt/ours.sh", conf: str = "/etc/ours.conf") -> Iterator[int]:
    """A process whose command line is that of a loop's supervisor; its number."""
    child = subprocess.Popen([*before, "sh", "-c", "echo; read x; exit", path, "supervise", conf],
                             stdin=subprocess.PIPE, stdout=subprocess.PIPE)  # fmt: skip
    assert child.stdout is not None and child.stdout.readline() == b"\n"
    found = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()
    try:
        yield int(found[0]) if found else child.pid
    finally:
        child.communicate(b"\n", timeout=60)


def test_a_process_is_known_by_its_number_and_starting_time(shell: str) -> None:
    with process() as pid:
        assert is_ours(shell, f"{pid}.{start_of(pid)}") and is_ours(shell, str(pid))
        assert not is_ours(shell, f"{pid}.{int(start_of(pid)) - 1}"), "a number that was used again"
    assert not is_ours(shell, str(pid))


@pytest.mark.parametrize(
    "other",
    [
        {"before": ("unshare", "--pid", "--fork")},  # a container's
        {"before": ("setpriv", "--reuid=65534", "--clear-groups")},  # another user's
        {"path": "/opt/yours.sh"},
        {"conf": "/etc/ours.conf.old"},
        {"path": "/opt/not-ours.sh"},
    ],
    ids=["container", "user", "name", "conf", "suffix"],
)
def test_a_process_that_only_looks_like_it_is_not_it(shell: str, other: dict[str, str]) -> None:
    words = {key: value for key, value in other.items() if key != "before"}  # all shells have the same one
    with process(*other.get("before", ()), **words) as pid:
        assert not is_ours(shell, str(pid)) and not is_ours(shell, f"{pid}.{start_of(pid)}")


@pytest.mark.parametrize("stored", ["", "0", "-1", "1;reboot", "1 2", "1.2.3", ".5", "x", "99999999"])
def test_what_is_no_number_of_a_process_is_nobody(shell: str, stored: str) -> None:
    assert not is_ours(shell, stored)


@pytest.mark.parametrize("old", [True, False], ids=["of-before", "with-time"])
def test_a_stale_number_never_blocks_a_start_and_its_process_is_never_signalled(kept: Box, old: bool) -> None:
    """Also one in a container that has the program's name in its arguments."""
    before = ("unshare", "--pid", "--fork") if old else ()
    with process(*before, path=str(kept.here / "macvlan.sh"), conf=str(kept.conf)) as pid:
        stale = str(pid) if old else f"{pid}.{int(start_of(pid)) - 1}"
        file = stale.replace(".", "\n") + "\n"
        number(kept).write_text(file)
        (kept.here / f"macvlan.sh.{SHIM}.lock").symlink_to(stale)
        call(kept, "start-loop")
        until("it is up", lambda: is_up(kept))
        assert alive(pid) and len(loops(kept)) == 1
        number(kept).write_text(file)
        for supervisor in running(kept, "supervise"):
            if supervisor != pid:
                os.kill(supervisor, 12)  # USR2
        until("the loop is gone", lambda: not loops(kept))
        call(kept, "stop-loop")
        assert alive(pid) and not kept.has_link() and not kept.rules()


def test_a_supervisor_of_before_is_still_found(kept: Box) -> None:
    """It stored its number alone."""
    text = PROGRAM.read_text().replace('say $$ "${self#*.}" >"$kept"', 'say $$ >"$kept"')
    assert text != PROGRAM.read_text()
    shell = " ".join([shutil.which(kept.shell[0]) or kept.shell[0], *kept.shell[1:]])
    put_tool(kept.here / "macvlan.sh", text.replace("#!/bin/sh", f"#!{shell}", 1))
    call(kept, "start-loop")
    until("it is up", lambda: is_up(kept))
    before = running(kept, "supervise")
    assert number(kept).read_text() == f"{before[0]}\n"
    call(kept, "start-loop")
    assert running(kept, "supervise") == before
    call(kept, "stop-loop")
    until("all is gone", lambda: not kept.left())


def test_a_version_from_before_that_is_put_back_finds_the_supervisor_and_its_loop_stays(kept: Box) -> None:
    """It knows numbers alone. A second supervisor would keep a second loop, which undoes what the first one does."""
    call(kept, "start-loop")
    until("it is up", lambda: is_up(kept))
    before = running(kept, "supervise")
    text = (kept.here / "macvlan.sh").read_text()
    for new, old in (
        ("{ read -r stored && read -r time; }", "read -r stored"),
        ('[ -z "$keeper" ] || still_runs "$keeper"', '[ -z "$MACVLAN_KEEPER" ] || kill -0 "$MACVLAN_KEEPER"'),
    ):
        assert new in text
        text = text.replace(new, old)
    put_tool(
        kept.here / "macvlan.sh", text.replace("is_process() {", "is_process() {\n    case $1 in *.*) return 1 ;; esac")
    )
    clients, loop = kept.here / "events.pids", loops(kept)
    asked = len(clients.read_text().split())
    call(kept, "start-loop")
    until("the loop is at work again", lambda: len(clients.read_text().split()) > asked and is_up(kept))
    assert running(kept, "supervise") == before and loops(kept) == loop
    call(kept, "stop-loop")
    until("all is gone", lambda: not kept.left())
