"""Whoever waits for another process of the lab says for what; and a lab's imports have no circle."""

import ast
import os
import re
import subprocess
import sys
import time
from pathlib import Path

import pytest

from lab.box import locks
from lab.box.locks import locked
from tests.unit.sites import ROOT

HOLD = """
import sys, time
from pathlib import Path
from lab.box.locks import locked
with locked(Path(sys.argv[1]), "building the engine"):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def holder(tmp_path: Path) -> subprocess.Popen[str]:
    """A process that holds the lock until its stdin ends."""
    words = [sys.executable, "-c", HOLD, str(tmp_path / "lock")]
    process = subprocess.Popen(words, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None and process.stdout.readline() == "held\n"
    return process


def release_after(process: subprocess.Popen[str], seconds: float) -> None:
    subprocess.Popen(["sh", "-c", f"sleep {seconds}; kill {process.pid}"])


def test_who_waits_says_at_once_for_whom_and_again_now_and_then(
    holder: subprocess.Popen[str], tmp_path: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(locks, "SAY_EVERY", 0.5)
    release_after(holder, 1.5)
    with locked(tmp_path / "lock", "starting the lab"):
        told = capfd.readouterr().err.splitlines()
    first = f"process {holder.pid} is building the engine, since 0 min (it holds {tmp_path / 'lock'})"
    assert told[0] == f"waiting: {first}" and 3 <= len(told) <= 4
    assert re.fullmatch(rf"waiting \(\d s so far\): {re.escape(first)}", told[-1])
    holder.wait()


def test_where_nobody_holds_it_nothing_is_said(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        with locked(tmp_path / "lock", "starting the lab"):
            assert f'"pid": {os.getpid()}' in (tmp_path / "lock").read_text()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("text", ["", "half {", "[]", '{"pid": "x"}'])
def test_a_holder_that_left_no_name_is_waited_for_too(
    holder: subprocess.Popen[str], text: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "lock").write_text(text)
    release_after(holder, 0.5)
    started = time.monotonic()
    with locked(tmp_path / "lock", "starting the lab"):
        assert time.monotonic() - started > 0.3
    assert capfd.readouterr().err == f"waiting: another process holds {tmp_path / 'lock'}\n"
    holder.wait()


def test_a_lock_that_is_free_again_names_nobody(tmp_path: Path) -> None:
    with locked(tmp_path / "lock", "starting the lab"):
        pass
    assert (tmp_path / "lock").read_text() == ""


def test_a_long_step_says_how_many_packages_of_how_many_are_done(tmp_path: Path) -> None:
    code = """
import pathlib, sys
from box import processes
processes.SAY_EVERY = 0.5
build = ["sh", "-c", "echo a; echo b; sleep 2"]
processes.long_step("building runc", build, pathlib.Path(sys.argv[1]), "see the log", lines=3)
"""
    words = [sys.executable, "-c", code, str(tmp_path / "log")]
    done = subprocess.run(words, env={**os.environ, "PYTHONPATH": str(ROOT / "lab")}, capture_output=True, text=True)
    first, *progress, last = done.stderr.splitlines()
    assert first == "lab: building runc ..." and last.startswith("lab:   done in 2 s")
    assert progress and all(line.endswith(" s, 2 of at most 3 packages") for line in progress)


def imports_of(path: Path) -> set[str]:
    """Names of the modules of lab/box that a module imports, within its functions too."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.ImportFrom) and node.module == "box":
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("box."):
            names.add((node.module or "").split(".")[1])
    return names


def test_no_module_of_the_lab_needs_one_that_needs_it() -> None:
    needs = {path.stem: imports_of(path) for path in (ROOT / "lab/box").glob("*.py")}
    while leaves := {name for name, wanted in needs.items() if not wanted & needs.keys()}:
        needs = {name: wanted for name, wanted in needs.items() if name not in leaves}
    assert needs == {}
