"""A dockerd in namespaces of its own, for the tests of the docker stand-in (or of the official plugin)."""

import contextlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "busybox:latest"
V4, V6 = "192.168.1.0/24", "fd0d:7eb5:2afd::/64"
NETWORK_BY_HAND = (
    f"network create -d macvlan --subnet {V4} --gateway 192.168.1.1 --aux-address host=192.168.1.10 "
    f"--ipv6 --subnet {V6} --gateway fd0d:7eb5:2afd::1 -o parent=eth0"
)
_UNSHARE = [
    "unshare",
    "--mount",
    "--propagation",
    "private",
    "--net",
    "--pid",
    "--fork",
    "--kill-child",
    "--mount-proc",
]
_START = """
set -e
ip link set lo up
ip link add eth0 type veth peer name peer0
ip link set eth0 up
ip link set peer0 up
# A containerd or systemd of this machine is in other namespaces: neither may be found
mount -t tmpfs none /run
if [ "$2" ]; then
    mkdir "$1/upper" "$1/work" "$1/root"
    mount -t overlay overlay -o "lowerdir=$2,upperdir=$1/upper,workdir=$1/work" "$1/root"
    for place in /dev /proc /sys /run; do mount --rbind "$place" "$1/root$place"; done
    mkdir -p "$1/root$1" "$1/root/old"
    mount --bind "$1" "$1/root$1"
    pivot_root "$1/root" "$1/root/old"
    cd /
    umount -l /old
fi
exec dockerd --exec-opt native.cgroupdriver=cgroupfs \
    --data-root "$1/data" --exec-root "$1/exec" --pidfile "$1/pid" -H "unix://$1/docker.sock" \
    --iptables=false --ip6tables=false --storage-driver vfs --debug
"""


@dataclass(frozen=True)
class Dockerd:
    """A running daemon; its `eth0` is a veth that leads nowhere."""

    folder: Path

    @property
    def socket(self) -> Path:
        return self.folder / "docker.sock"

    @property
    def host(self) -> str:
        return f"unix://{self.socket}"

    def docker(self, arguments: str, check: bool = True) -> str:
        """The output of a docker command, given as one text of words without spaces in them."""
        done = subprocess.run(["docker", "-H", self.host, *arguments.split()], capture_output=True, text=True)
        assert done.returncode == 0 or not check, f"docker {arguments}: {done.stderr}"
        return done.stdout.strip()

    def calls(self) -> list[str]:
        """Every request that it got since its start, as its own log tells: `POST /v1.41/networks/lan/connect`."""
        log = (self.folder / "log").read_text(errors="replace")
        return [f"{method} {path}" for method, path in re.findall(r'msg="Calling ([A-Z]+) (/\S+)"', log)]

    def inspect(self, name: str, what: str) -> str:
        """One value of `docker inspect`, as a Go template without the braces."""
        return self.docker(f"inspect -f {{{{{what}}}}} {name}")


def start(folder: Path) -> Iterator[Dockerd]:
    """Starts it, gives it an image, and takes everything away again.

    DOCKERD_ROOT: folders with a colon between them, whose overlay is the root of another dockerd than the machine's:
    those of the lab's engines are in .lab/images.
    """
    for tool, package in {"dockerd": "docker.io", "docker": "docker.io", "busybox": "busybox-static"}.items():
        if not shutil.which(tool):
            pytest.fail(f"{tool} is missing on this machine: apt-get install --no-install-recommends {package}")
    if os.geteuid() != 0:
        pytest.fail("these tests make namespaces: run them as root")
    daemon = Dockerd(folder)
    with (folder / "log").open("wb") as log:
        # A pid namespace takes everything with it when it ends, whatever becomes of dockerd.
        wrapper = subprocess.Popen(
            [*_UNSHARE, "sh", "-c", _START, "sh", str(folder), os.environ.get("DOCKERD_ROOT", "")],
            stdout=log,
            stderr=subprocess.STDOUT,
            env={k: v for k, v in os.environ.items() if not k.startswith("DOCKER_")},
        )
    try:
        _wait_until_it_answers(daemon, wrapper)
        _make_image(daemon)
        yield daemon
    finally:
        _stop(wrapper)


def _wait_until_it_answers(daemon: Dockerd, wrapper: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 180
    while subprocess.run(["docker", "-H", daemon.host, "version"], capture_output=True).returncode:
        log = (daemon.folder / "log").read_text(errors="replace")[-2000:]
        assert wrapper.poll() is None, f"dockerd ended: {log}"
        assert time.monotonic() < deadline, f"dockerd does not answer: {log}"
        time.sleep(0.2)


def _make_image(daemon: Dockerd) -> None:
    root = daemon.folder / "image"
    for name in ("bin", "etc", "proc", "sys", "dev", "tmp"):
        (root / name).mkdir(parents=True)
    busybox = shutil.which("busybox") or ""
    shutil.copy(busybox, root / "bin/busybox")
    for library in _libraries(busybox):
        (root / library[1:]).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(library, root / library[1:])
    for applet in ("sh", "ip", "sleep", "cat", "true", "false", "echo"):
        (root / "bin" / applet).symlink_to("busybox")
    tar = subprocess.run(["tar", "-C", str(root), "-c", "."], capture_output=True, check=True).stdout
    subprocess.run(["docker", "-H", daemon.host, "import", "-", IMAGE], input=tar, check=True, capture_output=True)


def _libraries(program: str) -> list[str]:
    """None for busybox-static, which stands in the way of the other busybox that some machines boot with."""
    said = subprocess.run(["ldd", program], capture_output=True, text=True).stdout
    return [word for word in said.split() if word.startswith("/")]


def _stop(wrapper: subprocess.Popen[bytes]) -> None:
    children = Path(f"/proc/{wrapper.pid}/task/{wrapper.pid}/children")
    with contextlib.suppress(OSError, subprocess.TimeoutExpired):
        for pid in children.read_text().split():
            os.kill(int(pid), signal.SIGTERM)
        wrapper.wait(20)
    wrapper.kill()
    wrapper.wait()
