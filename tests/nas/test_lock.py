"""nas/lib/lock.sh: one process at a time, also after a holder that was killed."""

import subprocess
from pathlib import Path

import pytest

from tests.nas.box import NAS, SHELLS

# Each contender: takes the lock, writes that it is in, stays a moment, writes that it is out.
CONTENDER = """#!/bin/sh
set -uf
me=contender.sh
say() { printf '%s\\n' "$@"; }
sleep() { command sleep 0.05; } # who waits looks again sooner than in a second
. "$1/process.sh"
. "$1/lock.sh"
take_lock "$2/lock" 60 || { say "$why" >&2; exit 1; }
say in >>"$2/log"
sleep
say out >>"$2/log"
unlock
"""
TRIES, CONTENDERS = 25, 4


@pytest.fixture
def contender(tmp_path: Path) -> Path:
    (tmp_path / "contender.sh").write_text(CONTENDER)
    return tmp_path / "contender.sh"


def dead_process() -> str:
    child = subprocess.Popen(["true"])
    child.wait()
    return str(child.pid)


def test_after_a_holder_that_was_killed_one_contender_at_a_time_gets_in(
    shell: str, contender: Path, tmp_path: Path
) -> None:
    argv = [*SHELLS[shell], str(contender), str(NAS / "lib"), str(tmp_path)]
    for _ in range(TRIES):
        (tmp_path / "lock").symlink_to(dead_process())
        (tmp_path / "log").write_text("")
        running = [subprocess.Popen(argv) for _ in range(CONTENDERS)]
        assert [child.wait(timeout=60) for child in running] == [0] * CONTENDERS
        assert (tmp_path / "log").read_text().split() == ["in", "out"] * CONTENDERS
        assert not (tmp_path / "lock").is_symlink()


def test_a_holder_that_works_is_waited_for_and_named(shell: str, contender: Path, tmp_path: Path) -> None:
    holder = subprocess.Popen(["sh", "-c", "sleep 60", "contender.sh"])
    (tmp_path / "lock").symlink_to(str(holder.pid))
    text = contender.read_text().replace('lock" 60', 'lock" 1')
    contender.write_text(text)
    argv = [*SHELLS[shell], str(contender), str(NAS / "lib"), str(tmp_path)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    holder.kill()
    holder.wait()
    told = f"process {holder.pid} has been at work for 1 s; if it hangs: kill it, or rm {tmp_path}/lock\n"
    assert (done.returncode, done.stderr) == (1, told) and not (tmp_path / "log").exists()


def test_a_contender_that_was_killed_while_it_removed_such_a_link_blocks_nobody(
    shell: str, contender: Path, tmp_path: Path
) -> None:
    (tmp_path / "lock").symlink_to(dead_process())
    (tmp_path / "lock.gone").mkdir()
    contender.write_text(contender.read_text().replace('lock" 60', 'lock" 20'))
    argv = [*SHELLS[shell], str(contender), str(NAS / "lib"), str(tmp_path)]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "") and not (tmp_path / "lock.gone").exists()
