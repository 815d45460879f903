"""The NAS's disk: an overlay over the image's layers, with Docker's data beside it in folders of their own.

Docker's own overlays cannot stand on an overlay's upper folder, so these folders are bound into the NAS.
"""

import json
import os
import shlex
import shutil
from pathlib import Path

from box import dsm, keys
from box.place import Place
from box.processes import run, say
from box.spec import Spec

# Inside the NAS -> beside the disk.
BOUND = {"/var/lib/docker": "docker", "/var/lib/containerd": "containerd"}
HOSTNAME = "nas"


def prepare(place: Place, layers: list[Path], asked: Spec) -> None:
    """Makes the disk, or keeps the one that is there when it was made from the same image for the same spec."""
    disk, made_from = place.disk, [str(layer) for layer in layers]
    made_for = [asked.docker_unit, asked.sudo, asked.synowebapi]
    stamp, wanted = disk / "layers.json", disk / "made-for.json"
    if not stamp.exists() or [json.loads(stamp.read_text()), _read(wanted)] != [made_from, made_for]:
        shutil.rmtree(disk, ignore_errors=True)
        for name in ("upper", "work", "root", *BOUND.values()):
            (disk / name).mkdir(parents=True)
        if not _overlay_works(disk, layers):
            say("no overlay can be mounted here (the checkout is on one?): copying the image instead")
            for layer in layers:
                run("cp", "-a", "--reflink=auto", f"{layer}/.", disk / "root", timeout=300)
            shutil.rmtree(disk / "upper")
        stamp.write_text(json.dumps(made_from))
        wanted.write_text(json.dumps(made_for))
        _unit(place).write_text(asked.docker_unit)
    furnish(place, layers, asked)


def furnish(place: Place, layers: list[Path], asked: Spec) -> None:
    """Writes what is this NAS's own: names, keys, and what a profile's options ask for."""
    put = _writer(place.disk, layers)
    put.file("etc/hostname", f"{HOSTNAME}\n")
    put.file("etc/hosts", f"127.0.0.1 localhost\n::1 localhost\n127.0.1.1 {HOSTNAME}\n")
    for kind in keys.KINDS:
        key = keys.host_key(place, kind)
        put.file(f"etc/ssh/{key.name}", key.read_text(), 0o600)
        put.file(f"etc/ssh/{key.name}.pub", key.with_suffix(".pub").read_text())
    allowed, profile = (place.ssh / "id_ed25519.pub").read_text(), asked.dressed
    homes = {f"{profile.homes}/{name}": uid for name, (uid, _) in profile.users.items()}
    for home, owner in {**({"root": 0} if profile.root_login else {}), **homes}.items():
        put.file(f"{home}/.ssh/authorized_keys", allowed, 0o600, owner)
    if profile.name == "dsm":
        dsm.furnish(put, docker_unit(place), asked)


def docker_unit(place: Place) -> str:
    """The name of Docker's unit, which an upgrade may have changed since `up`."""
    unit = _unit(place)
    return unit.read_text() if unit.exists() else "docker.service"


def upgrade(place: Place, layers: list[Path], asked: Spec, unit: str, wipe_usr_local: bool) -> None:
    """What a DSM upgrade does to the disk of a NAS that is off: what came after the image goes, but for what is kept.
    unit: Docker's from now on."""
    for relative in dsm.wiped(_top(place.disk), wipe_usr_local):
        _as_in_image(place.disk, layers, relative)
    for path in dsm.unit_files(docker_unit(place)):
        (_top(place.disk) / path).unlink(missing_ok=True)
    _unit(place).write_text(unit)
    furnish(place, layers, asked)


def _unit(place: Place) -> Path:
    return place.disk / "docker-unit"


def _read(file: Path) -> object:
    return json.loads(file.read_text()) if file.exists() else None


def _top(disk: Path) -> Path:
    """The folder that changes are in: all of them, or a copy of the image with them."""
    return disk / ("upper" if (disk / "upper").exists() else "root")


def _writer(disk: Path, layers: list[Path]) -> "Writer":
    return Writer(_top(disk), layers if (disk / "upper").exists() else [])


def _as_in_image(disk: Path, layers: list[Path], relative: str) -> None:
    target = _top(disk) / relative
    if target.is_dir() and not target.is_symlink():
        shutil.rmtree(target)
    else:
        target.unlink(missing_ok=True)
    if not (disk / "upper").exists():
        for layer in layers:
            if (layer / relative).exists() or (layer / relative).is_symlink():
                run("cp", "-a", "--reflink=auto", "-T", layer / relative, target, timeout=300)


class Writer:
    """Writes into the upper folder of an overlay that is not mounted, or into a plain copy. A folder made in the first
    hides the mode and the owner of the one below, so they are taken over."""

    def __init__(self, upper: Path, layers: list[Path]) -> None:
        self.upper, self.layers = upper, layers
        upper.chmod(0o755)

    def link(self, path: str, to: str) -> None:
        target = self._place(path, 0)
        target.unlink(missing_ok=True)
        target.symlink_to(to)

    def file(self, path: str, content: str, mode: int = 0o644, owner: int = 0) -> None:
        target = self._place(path, owner)
        if target.exists() and target.read_text() == content:
            return
        target.unlink(missing_ok=True)
        target.touch(mode=0o600)
        target.write_text(content)
        target.chmod(mode)
        os.chown(target, owner, owner)

    def _place(self, path: str, owner: int) -> Path:
        target = self.upper / path
        for parent in reversed(target.relative_to(self.upper).parents):
            self._folder(parent, owner)
        return target

    def _folder(self, relative: Path, owner: int) -> None:
        folder = self.upper / relative
        if folder.is_dir():
            return
        folder.mkdir()
        below = [layer / relative for layer in reversed(self.layers) if (layer / relative).is_dir()]
        if below:
            status = below[0].stat()
            folder.chmod(status.st_mode & 0o7777)
            os.chown(folder, status.st_uid, status.st_gid)
        else:
            folder.chmod(0o700)
            os.chown(folder, owner, owner)


def mount_command(place: Place) -> str:
    """Shell text that mounts the disk at its `root`, in whatever mount namespace it is run in."""
    if not (place.disk / "upper").exists():
        return ":"  # a copy
    return _mount(place.disk, [Path(layer) for layer in json.loads((place.disk / "layers.json").read_text())])


def _mount(disk: Path, layers: list[Path]) -> str:
    below = ":".join(str(layer) for layer in reversed(layers))
    options = f"lowerdir={below},upperdir={disk}/upper,workdir={disk}/work"
    return f"mount -t overlay lab -o {shlex.quote(options)} {shlex.quote(f'{disk}/root')}"


def _overlay_works(disk: Path, layers: list[Path]) -> bool:
    try_it = f"{_mount(disk, layers)} && touch {shlex.quote(f'{disk}/root/etc')}"
    return run("unshare", "--mount", "sh", "-c", try_it, check=False).returncode == 0
