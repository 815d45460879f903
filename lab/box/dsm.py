"""Profile dsm: what the options of `up` put on the disk, and what an upgrade of DSM takes from it."""

from pathlib import Path
from typing import Protocol

from box.spec import Spec

UNITS = "usr/local/lib/systemd/system"
TEMPLATE = Path(__file__).resolve().parent / "dsm/usr/lib/lab/docker.service"
# As people report: additions to /etc and /etc/systemd/system, /root and /opt are gone, and so is what was put beside
# DSM's own programs; the volumes, /usr/local with its rc.d, packages and users' tasks stay. That all of /etc goes back
# is the strictest reading; of DSM's own settings there the box has none.
WIPED = ("etc", "root", "opt")
KEPT_OF_USR = ("local", "syno")


class Writes(Protocol):
    def file(self, path: str, content: str, mode: int = 0o644, owner: int = 0) -> None: ...
    def link(self, path: str, to: str) -> None: ...


def furnish(put: Writes, unit: str, asked: Spec) -> None:
    file, wanted = unit_files(unit)
    put.file(file, TEMPLATE.read_text())
    put.link(wanted, f"../{unit}")
    if asked.sudo == "nopasswd":
        put.file("etc/sudoers.d/lab", "%administrators ALL=(ALL) NOPASSWD: ALL\n", 0o440)
    if asked.synowebapi:
        put.file("usr/syno/bin/synowebapi", '#!/bin/sh\nexec /usr/lib/lab/synowebapi "$@"\n', 0o755)


def unit_files(unit: str) -> tuple[str, str]:
    """Docker's unit, and the link by which it starts at boot: no `systemctl enable`, which would write to /etc."""
    return f"{UNITS}/{unit}", f"{UNITS}/multi-user.target.wants/{unit}"


def wiped(top: Path, wipe_usr_local: bool) -> list[str]:
    """Paths to make as in the image again. top: the folder that the disk's changes are in."""
    usr = [f"usr/{path.name}" for path in (top / "usr").glob("*") if path.name not in KEPT_OF_USR]
    return [*WIPED, *usr, *(["usr/local"] if wipe_usr_local else [])]
