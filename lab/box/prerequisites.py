"""What the lab needs of this machine: the first thing missing is named with its remedy; packages are installed."""

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from box.errors import COMMANDS, LabError
from box.processes import long_step, run

# By a file where the package brings no command.
TO_BUILD_IMAGES = {
    "mmdebstrap": "mmdebstrap",
    "/usr/share/keyrings/debian-archive-keyring.gpg": "debian-archive-keyring",
}
TO_BUILD_RUNC = {
    "gcc": "gcc",
    "pkg-config": "pkg-config",
    "/usr/include/seccomp.h": "libseccomp-dev",
    "/usr/include/stdlib.h": "libc6-dev",
}
GIB = 1024**3
# All in a namespace that is gone when the shell ends.
KERNEL_TRY = """
try() { what=$1; shift; "$@" 2>/dev/null || { echo "$what"; exit 1; }; }
try veth ip link add try0 type veth peer name try1
try bridge ip link add try2 type bridge
try macvlan ip link add try3 link try0 type macvlan mode bridge
try IPv6 test -d /proc/sys/net/ipv6
"""


def require_programs(build: bool) -> None:
    """build: images have to be built too."""
    require({**COMMANDS, **(TO_BUILD_IMAGES if build else {})})


def require(wanted: Mapping[str, str]) -> None:
    """Command, or path of a file, → the package that brings it; what is missing is installed where apt-get is."""
    missing = {what: package for what, package in wanted.items() if not shutil.which(what) and not Path(what).exists()}
    if not missing:
        return
    packages = " ".join(sorted(set(missing.values())))
    if not shutil.which("apt-get"):
        what = f"{next(iter(missing))} is missing"
        raise LabError(what, f"install {packages} with this system's package manager")
    log = Path("/tmp") / f"lab-apt-{os.getpid()}.log"
    command = [Path(__file__).parents[1] / "packages", *(f"{what}:{package}" for what, package in missing.items())]
    long_step(f"installing {packages}", command, log, f"apt-get update && apt-get install {packages}")
    log.unlink()


def require_kernel() -> None:
    done = run("unshare", "--net", "sh", "-c", KERNEL_TRY, check=False)
    if done.returncode:
        what = done.stdout.strip()
        if not what:
            raise LabError(
                f"this machine refuses network namespaces: {done.stderr.strip()}",
                "use a real or virtual machine, or a container started with --privileged",
            )
        raise LabError(
            f"the running kernel cannot make {what} links" if what != "IPv6" else "the running kernel has no IPv6",
            f"modprobe {what}; Ubuntu: apt-get install linux-modules-extra-$(uname -r); or boot another kernel",
        )
    if "overlay" not in Path("/proc/filesystems").read_text():
        run("modprobe", "overlay", check=False)
        if "overlay" not in Path("/proc/filesystems").read_text():
            raise LabError("the running kernel has no overlay file system", "modprobe overlay, or boot another kernel")


def require_space(images: Path, go: bool) -> None:
    """Asked only where an image is to be made: about 0.6 GiB each, and 3 more to build programs in Go."""
    images.mkdir(parents=True, exist_ok=True)
    free, wanted = shutil.disk_usage(images).free, 5 * GIB if go else 2 * GIB
    if free < wanted:
        raise LabError(
            f"only {free / GIB:.1f} GiB are free for the NAS's image in {images}",
            f"free {wanted / GIB:.0f} GiB there, or set LAB_CACHE to a folder with more",
        )
