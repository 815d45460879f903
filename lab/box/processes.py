"""Runs other programs, and tells people what takes long."""

import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from box.errors import LabError

Done = subprocess.CompletedProcess[str]
SAY_EVERY = 20.0  # seconds between two lines of a long step


def say(text: str) -> None:
    print(f"lab: {text}", file=sys.stderr, flush=True)


def run(*command: str | Path, check: bool = True, text: str | None = None, timeout: float = 180) -> Done:
    """A short command. Raises LabError with what it said when it fails or takes longer than timeout seconds."""
    shown = " ".join(str(word) for word in command)
    try:
        done = subprocess.run(
            [str(word) for word in command],
            input=text,
            stdin=None if text is not None else subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
        )
    except subprocess.TimeoutExpired:
        if check:
            raise LabError(f"`{shown}` gave no answer within {timeout:g} s", "lab/lab down, then lab/lab up") from None
        return subprocess.CompletedProcess(list(map(str, command)), 124, "", "no answer")
    if check and done.returncode:
        raise LabError(
            f"`{shown}` failed: {(done.stderr or done.stdout).strip() or f'exit code {done.returncode}'}",
            "lab/lab down, then lab/lab up; if it stays, the text above says what this machine refuses",
        )
    return done


def long_step(
    what: str,
    command: Sequence[str | Path],
    log: Path,
    remedy: str,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    lines: int = 0,
) -> None:
    """Runs a command that takes seconds to minutes, with a line on what and how long; its output goes to log.

    lines: about how many the command prints when all is to be done (a package a line), 0 where nobody knows.
    """
    say(f"{what} ...")
    started = time.monotonic()
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w") as out:
        process = subprocess.Popen(
            [str(word) for word in command], stdin=subprocess.DEVNULL, stdout=out, stderr=out, env=env, cwd=cwd
        )
        try:
            while True:
                try:
                    code = process.wait(timeout=SAY_EVERY)
                    break
                except subprocess.TimeoutExpired:
                    say(f"  ... {time.monotonic() - started:.0f} s{_progress(log, lines)}")
        except BaseException:
            process.kill()
            process.wait()
            raise
    if code:
        raise LabError(f"{what}: failed (exit code {code})\n{last_lines(log)}", remedy, f"its whole output: {log}")
    say(f"  done in {time.monotonic() - started:.0f} s")


def _progress(log: Path, lines: int) -> str:
    if not lines:
        return ""
    done = len(log.read_text(errors="replace").splitlines())
    return f", {min(done, lines)} of at most {lines} packages"


def last_lines(log: Path, count: int = 15) -> str:
    lines = log.read_text(errors="replace").splitlines() if log.exists() else []
    return "\n".join(f"    {line}" for line in lines[-count:])
