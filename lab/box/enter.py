"""`lab exec`: becomes a command on one of the lab's machines; and what the rest of the lab shares with it.

People and tests start it hundreds of times, so this module takes little to import: no pathlib, re, dataclasses.
"""

import hashlib
import os
import sys

from box.errors import COMMANDS, LabError

MACHINES = ("router", "nas", "client", "internet")
TAKEN = {"images", "ssh", "disk", "run"}  # folders of the default instance
NAMESPACES = "/run/netns"


def main(arguments: list[str]) -> int:
    """Does not return where the command can be run; an error is told on stderr, never as a traceback."""
    find_sbin()
    try:
        require_root()
        _exec(arguments)
    except LabError as error:
        print(f"lab: error: {error}", file=sys.stderr)
    return 1


def _exec(arguments: list[str]) -> None:
    """MACHINE -- CMD... Raises LabError when there is no such machine or command."""
    machine, rest = (arguments[0] if arguments else ""), arguments[1:]
    command = rest[1:] if rest[:1] == ["--"] else rest
    if machine not in MACHINES or not command:
        raise LabError(
            f"no such machine: {machine}" if machine not in MACHINES else "no command given",
            f"lab/lab exec {'|'.join(MACHINES)} -- CMD...",
        )
    lab = identity(checkout(), asked_instance())
    if not exists(lab, machine):
        what = "the NAS is off" if machine == "nas" and exists(lab, "router") else f"lab {lab} is not up"
        raise LabError(what, "lab/lab power-on" if what == "the NAS is off" else "lab/lab up")
    line = inside_nas(lab, command) if machine == "nas" else inside(lab, machine, command)
    if line is None:
        raise LabError("the NAS is booting or off", "lab/lab status")
    try:
        os.execvp(line[0], line)
    except OSError as error:
        raise LabError(f"{line[0]} cannot be run: {error.strerror}", f"install {COMMANDS[line[0]]}") from None


def find_sbin() -> None:
    """Tools in sbin are out of sight of some users' PATH."""
    os.environ["PATH"] = os.environ.get("PATH", "") + ":/usr/local/sbin:/usr/sbin:/sbin:/usr/bin:/bin"


def require_root() -> None:
    if sys.platform != "linux":
        raise LabError(f"the lab runs on Linux only, not on {sys.platform}", "use a Linux machine or virtual machine")
    if os.geteuid() != 0:
        raise LabError("the lab makes network namespaces and boots a NAS: it needs root", "sudo lab/lab ...")


def checkout() -> str:
    """The folder that has `lab/`."""
    return os.path.dirname(os.path.dirname(os.path.dirname(os.path.realpath(__file__))))


def asked_instance() -> str:
    """LAB_INSTANCE, "" for the default one."""
    name = os.environ.get("LAB_INSTANCE", "")
    letters = set("abcdefghijklmnopqrstuvwxyz0123456789-")
    if name and (name[0] == "-" or len(name) > 24 or not set(name) <= letters or name in TAKEN):
        raise LabError(
            f"LAB_INSTANCE={name!r} cannot be the name of a lab",
            f"1 to 24 of a-z, 0-9 and -, and none of {', '.join(sorted(TAKEN))}",
        )
    return name


def identity(folder: str, instance: str) -> str:
    """Unique on this machine: the checkout's hash, and the instance's name where there is one."""
    digest = hashlib.sha256(folder.encode()).hexdigest()[:6]
    return f"{digest}-{instance}" if instance else digest


def namespace(lab: str, machine: str) -> str:
    return f"mv6-{lab}-{machine}"


def exists(lab: str, machine: str) -> bool:
    return os.path.exists(f"{NAMESPACES}/{namespace(lab, machine)}")


def inside(lab: str, machine: str, command: list[str]) -> list[str]:
    """The command line that runs a command of this machine's file system in a namespace of the lab."""
    return ["ip", "netns", "exec", namespace(lab, machine), *command]


def inside_nas(lab: str, command: list[str]) -> list[str] | None:
    """The command line that runs a command in the NAS as its root, from /root; None when the NAS is off."""
    pid = leader(lab)
    if pid is None:
        return None
    clean = ["env", "-i", "HOME=/root", "USER=root", "LANG=C.UTF-8", f"TERM={os.environ.get('TERM', 'dumb')}"]
    path = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    # --no-fork: a shell outside the NAS's pid namespace waits, the command is in it. nsenter as the one who waits stops
    # itself when its child is stopped, as systemd does to all for a moment at shutdown, and nobody wakes it again.
    enter = ["nsenter", "--no-fork", "-t", str(pid), "-m", "-u", "-i", "-n", "-p", "-C", "--"]
    return [*enter, *clean, path, "sh", "-c", 'cd /root; "$@"; exit $?', "sh", *command]


def leader(lab: str) -> int | None:
    """The pid, on this machine, of the NAS's init: number 1 of a pid namespace, in the NAS's network namespace."""
    try:
        wanted = os.stat(f"{NAMESPACES}/{namespace(lab, 'nas')}").st_ino
    except OSError:
        return None
    for pid in os.listdir("/proc"):
        if not pid.isdigit():
            continue
        try:
            if os.stat(f"/proc/{pid}/ns/net").st_ino != wanted:
                continue
            with open(f"/proc/{pid}/status") as file:
                ids = file.read().partition("NSpid:")[2].split("\n", 1)[0].split()
        except OSError:
            continue
        if len(ids) == 2 and ids[1] == "1":
            return int(pid)
    return None
