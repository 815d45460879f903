"""What a NAS can be made of, as data: Docker engines and profiles."""

from dataclasses import dataclass

PACKAGES = (
    *("systemd", "systemd-sysv", "dbus", "docker.io", "openssh-server", "iproute2", "iptables", "iputils-ping"),
    *("procps", "sudo", "kmod", "busybox-static", "tcpdump", "ca-certificates"),
)


@dataclass(frozen=True)
class Engine:
    """version: how Docker's version begins. suite: the Debian whose packages the NAS has.
    built: the folder of lab/box/ with the go.mod of the programs that take the place of Debian's, "" for none."""

    version: str
    suite: str
    packages: tuple[str, ...] = PACKAGES
    built: str = ""


# Login name on the NAS: (uid, groups). All have the lab's key.
Users = dict[str, tuple[int, str]]


@dataclass(frozen=True)
class Profile:
    """files: folders of lab/box/ whose content is laid over the root file system, at its real paths, one over the
    other. dress: a script of lab/box/ that is then run in it. login: who may ask Docker over ssh, and how it is called.
    parent: the interface with the NAS's address. unit: Docker's. homes: where the users' homes are. useradd: its
    further words. password: of all users, "" for none. root_login: whether root has the lab's key too.
    busybox: a static one, for the containers' images; a profile whose own is not static has it out of the way."""

    name: str
    files: tuple[str, ...]
    users: Users
    engine: str
    parent: str = "eth0"
    dress: str = ""
    login: tuple[str, str] = ("root", "docker")
    unit: str = "docker.service"
    homes: str = "home"
    useradd: tuple[str, ...] = ("--shell", "/bin/bash")
    password: str = ""
    busybox: str = "bin/busybox"
    root_login: bool = True


# Debian split Docker's client off its package in trixie.
TRIXIE = (*PACKAGES, "docker-cli")
ENGINES = {
    "20.10": Engine("20.10", "bookworm"),
    "26": Engine("26", "trixie", TRIXIE),
    "29": Engine("29", "trixie", TRIXIE, built="engine29"),
}
# How its version begins → the folder of lab/box/ with the go.mod that it is built from, "" for the package of Debian
# trixie: that is fetched in seconds, where the build takes minutes.
COMPOSE = {"2.26": "", "2.40": "compose"}
# Synology's name of Docker's unit changed with its packages.
DSM_UNITS = (
    "pkg-ContainerManager-dockerd.service",
    "pkg-Docker-dockerd.service",
    "pkgctl-Docker.service",
    "docker.service",
)
PROFILES = {
    # hobby is for the error that a person without rights gets.
    "debian": Profile("debian", ("debian",), {"hobby": (1500, ""), "dockeruser": (1501, "docker")}, "26"),
    "dsm": Profile(
        name="dsm",
        files=("debian", "dsm"),
        users={
            "admin": (1024, "administrators"),
            "dockeradmin": (1026, "administrators,docker"),
            "dockeruser": (1027, "docker"),
        },
        engine="20.10",
        parent="ovs_eth0",
        dress="dress-dsm.sh",
        login=("dockeradmin", "/usr/local/bin/docker"),
        unit=DSM_UNITS[0],
        homes="volume1/homes",
        useradd=("--shell", "/bin/sh", "--gid", "users", "--base-dir", "/var/services/homes"),
        password="synology-lab",
        busybox="usr/lib/lab/busybox-static",
        root_login=False,
    ),
}
DEFAULT_PROFILE = "debian"
