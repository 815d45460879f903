"""Container images for the NAS, made here because no image registry may be reachable: busybox under the names that
the examples use. The same bytes give the same image ids in every lab."""

import hashlib
import io
import json
import platform
import subprocess
import tarfile
from pathlib import Path

from box import nas
from box.errors import LabError
from box.place import Place
from box.processes import say

# Docker's way to say "long ago"; a fixed time keeps the ids.
EPOCH = "1970-01-01T00:00:00Z"
# Like a real service: it has a port, and goes when it is told to.
SERVICE = """#!/bin/sh
httpd -p "${WEBUI_PORT:-8080}" -h /srv
trap 'exit 0' TERM INT
while :; do sleep 3600 & wait $!; done
"""
FOLDERS = ("bin", "dev", "etc", "proc", "root", "run", "srv", "sys", "tmp", "usr", "usr/bin", "var")
IMAGES: dict[str, dict[str, list[str]]] = {
    "busybox:latest": {"Cmd": ["sh"]},
    "busybox:1.36": {"Cmd": ["sh"], "Env": ["BUSYBOX=1.36"]},
    "lscr.io/linuxserver/qbittorrent:latest": {"Entrypoint": ["/init"], "Cmd": []},
}
PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def load(place: Place, busybox: Path) -> None:
    """Gives the NAS the images that it does not have. Raises LabError with what docker said.
    busybox: one that needs no libraries."""
    wanted = " ".join(f"'{name}'" for name in IMAGES)
    if nas.ask(place, f"docker image inspect {wanted} >/dev/null 2>&1", timeout=180).returncode == 0:
        return
    command = nas.inside(place, "docker", "load", "-q")
    if command is None:
        raise LabError("the NAS went off while it got its images", "lab/lab up")
    done = subprocess.run(command, input=archive(busybox), capture_output=True, timeout=300)
    if done.returncode:
        raise LabError(
            f"docker on the NAS took no images: {done.stderr.decode(errors='replace').strip()}",
            "lab/lab down, then lab/lab up",
        )
    say(f"images loaded: {', '.join(IMAGES)}")


def archive(busybox: Path) -> bytes:
    """What `docker save` would write, for all of IMAGES: one layer, one config each."""
    layer = _layer(busybox)
    digest = hashlib.sha256(layer).hexdigest()
    files, manifest = {f"{digest}/layer.tar": layer}, []
    for name, config in IMAGES.items():
        text = json.dumps(
            {
                "architecture": _architecture(),
                "os": "linux",
                "created": EPOCH,
                "config": {**config, "Env": [PATH, *config.get("Env", [])]},
                "rootfs": {"type": "layers", "diff_ids": [f"sha256:{digest}"]},
                "history": [{"created": EPOCH, "created_by": "lab"}],
            },
            sort_keys=True,
        ).encode()
        image = f"{hashlib.sha256(text).hexdigest()}.json"
        files[image] = text
        manifest.append({"Config": image, "RepoTags": [name], "Layers": [f"{digest}/layer.tar"]})
    files["manifest.json"] = json.dumps(manifest).encode()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for path, content in files.items():
            _add(tar, path, content, 0o644)
    return out.getvalue()


def _layer(busybox: Path) -> bytes:
    applets = subprocess.run([busybox, "--list"], capture_output=True, text=True, check=True).stdout.split()
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for folder in FOLDERS:
            entry = tarfile.TarInfo(folder)
            entry.type, entry.mode = tarfile.DIRTYPE, 0o1777 if folder == "tmp" else 0o755
            tar.addfile(entry)
        _add(tar, "bin/busybox", busybox.read_bytes(), 0o755)
        for applet in sorted(set(applets) - {"busybox"}):
            entry = tarfile.TarInfo(f"bin/{applet}")
            entry.type, entry.linkname = tarfile.SYMTYPE, "busybox"
            tar.addfile(entry)
        _add(tar, "init", SERVICE.encode(), 0o755)
        _add(tar, "etc/passwd", b"root:x:0:0:root:/root:/bin/sh\nabc:x:1000:1000::/:/bin/sh\n", 0o644)
        _add(tar, "etc/group", b"root:x:0:\nabc:x:1000:\n", 0o644)
        _add(tar, "srv/index.html", b"a service\n", 0o644)
    return out.getvalue()


def _add(tar: tarfile.TarFile, path: str, content: bytes, mode: int) -> None:
    entry = tarfile.TarInfo(path)
    entry.size, entry.mode = len(content), mode
    tar.addfile(entry, io.BytesIO(content))


def _architecture() -> str:
    machine = platform.machine()
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)
