"""A control group of the lab's own, so that two labs do not meet in one and `down` can take it away."""

import os
import time
from pathlib import Path

from box.place import Place
from box.processes import run

TOP = Path("/sys/fs/cgroup")


def only_v2() -> bool:
    return (TOP / "cgroup.controllers").exists()


def _groups(place: Place) -> list[Path]:
    return [top / f"mv6-{place.id}" for top in _tops() if (top / "cgroup.procs").exists()]


def _tops() -> list[Path]:
    return [TOP] if only_v2() else [path for path in TOP.iterdir() if path.is_dir() and not path.is_symlink()]


def join(place: Place) -> None:
    """Moves this process into the lab's group, in every hierarchy. systemd's hosts give one by a scope instead."""
    for group in _groups(place):
        group.mkdir(exist_ok=True)
        for name in ("cpuset.cpus", "cpuset.mems"):
            # With v1 a new group has no processors until it is given some, and takes no process before.
            if (group / name).exists() and not only_v2():
                (group / name).write_text((group.parent / name).read_text())
        (group / "cgroup.procs").write_text(str(os.getpid()))


def pids(place: Place) -> list[int]:
    """Processes of the NAS and of its power supply: also those of a NAS whose nspawn was killed, which are in no
    namespace with a name."""
    found: set[int] = set()
    for group in [*_groups(place), TOP / f"system.slice/{unit(place)}.scope"]:
        for folder, _, _ in os.walk(group):  # which does not mind a group that goes meanwhile
            try:
                found |= {int(pid) for pid in (Path(folder) / "cgroup.procs").read_text().split()}
            except OSError:
                continue
    return sorted(found)


def remove(place: Place, seconds: float = 20) -> None:
    """Takes the group and all below it away; what still has a process after that many seconds stays. A scope is taken
    away by systemd, once it has noticed that nobody is left in it."""
    deadline = time.monotonic() + seconds
    scopes = [group / f"system.slice/{unit(place)}.scope" for group in _tops()]
    while time.monotonic() < deadline:
        left = any([_remove_tree(group) for group in _groups(place) if group.is_dir()])
        if not left and not any(scope.is_dir() for scope in scopes):
            return
        time.sleep(0.02)  # the kernel lets go of a killed process some time after the process is gone


def _remove_tree(group: Path) -> bool:
    """Whether something of it is left."""
    for folder, _, _ in os.walk(group, topdown=False):
        try:
            Path(folder).rmdir()
        except OSError:
            return True
    return False


def systemd_runs() -> bool:
    return Path("/run/systemd/system").is_dir()


def scope(place: Place) -> list[str]:
    """On a machine that systemd runs: the command line to put in front, for a scope whose groups are the lab's."""
    if not systemd_runs():
        return []
    run("systemctl", "reset-failed", f"{unit(place)}.scope", check=False)
    return ["systemd-run", "--quiet", "--scope", f"--unit={unit(place)}", "--property=Delegate=yes", "--"]


def unit(place: Place) -> str:
    return f"mv6-{place.id}"
