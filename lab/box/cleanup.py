"""Takes everything of a running lab away, by id, whatever state it is in; also after a crash, also twice."""

import os
import signal
import time
from contextlib import suppress
from pathlib import Path

from box import cgroups, nas, network
from box.enter import MACHINES, LabError
from box.place import Place

NAMESPACES = (*MACHINES, network.BORDER)


def processes_and_namespaces(place: Place) -> None:
    """Ends what lives in the lab's namespaces and what keeps the NAS running, then removes the namespaces.
    Raises LabError when a process cannot be ended."""
    _hang_up(_living(place))
    deadline = time.monotonic() + 60
    while True:
        left = _living(place)
        if not left:
            break
        if time.monotonic() > deadline:
            raise LabError(f"processes that cannot be ended: {left}", "see what holds them (ps), then lab/lab down")
        for pid in left:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        time.sleep(0.05)
    for machine in NAMESPACES:
        network.remove(place, machine)


def _hang_up(pids: list[int]) -> None:
    """Shared ssh connections get a second to end by themselves: they take their socket in ~/.ssh along."""
    calls = [pid for pid in pids if _name(pid) == "ssh"]
    for pid in calls:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 1
    while time.monotonic() < deadline and any(_name(pid) == "ssh" for pid in calls):
        time.sleep(0.02)


def _name(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/comm").read_text().strip()
    except OSError:
        return ""


def _living(place: Place) -> list[int]:
    """Power supply and nspawn by their command lines, which have the lab's id; the rest by network namespace.
    The power supply comes first, or it would boot the NAS again. Never this process or one it was started from."""
    spared = _own_line()
    found = nas.running_with("_power", nas.machine(place)) + nas.running_with(f"--machine={nas.machine(place)}")
    found += cgroups.pids(place)
    for machine in NAMESPACES:
        found += network.pids(place, machine)
    return [pid for pid in dict.fromkeys(found) if pid not in spared and not _is_dead(pid)]


def _own_line() -> set[int]:
    """This process and those above it: `lab down` may be typed in a shell in the lab's client."""
    line, pid = set(), os.getpid()
    while pid > 1:
        line.add(pid)
        pid = int(_stat(pid)[1])
    return line


def _is_dead(pid: int) -> bool:
    try:
        return _stat(pid)[0] in "ZX"
    except OSError:
        return True


def _stat(pid: int) -> list[str]:
    """State, parent, ..."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
