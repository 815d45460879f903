"""One at a time, across processes; and whoever has to wait says for what."""

import fcntl
import json
import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

SAY_EVERY = 30.0  # seconds between two lines of one who waits
LOOK_EVERY = 0.2  # seconds between two tries


@contextmanager
def locked(path: Path, work: str) -> Iterator[None]:
    """Holds the lock at ``path``, which goes with the process. work: what is done under it, for those who wait.

    A process that finds the lock taken says at once which process holds it, for what and since when, and says it again
    every SAY_EVERY seconds.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+") as file:
        if not _taken(file.fileno()):
            _wait(file.fileno(), path)
        path.write_text(json.dumps({"pid": os.getpid(), "work": work, "since": time.time()}))
        try:
            yield
        finally:
            file.truncate(0)  # otherwise this process would be named while the next one holds the lock


def _taken(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True


def _wait(descriptor: int, path: Path) -> None:
    started, said = time.monotonic(), -SAY_EVERY
    while not _taken(descriptor):
        waited = time.monotonic() - started
        if waited - said >= SAY_EVERY:
            said = waited
            long = f" ({waited:.0f} s so far)" if waited >= 1 else ""
            print(f"waiting{long}: {_holder(path)}", file=sys.stderr, flush=True)
        time.sleep(LOOK_EVERY)


def _holder(path: Path) -> str:
    """The process that holds the lock, in words. What it wrote may be gone or half there."""
    try:
        told = json.loads(path.read_text())
        pid, work, minutes = int(told["pid"]), str(told["work"]), (time.time() - float(told["since"])) / 60
    except (OSError, ValueError, KeyError, TypeError):
        return f"another process holds {path}"
    return f"process {pid} is {work}, since {minutes:.0f} min (it holds {path})"
