"""What each kind of NAS has, and where. docs/guide.md shows this table."""

import re
from collections.abc import Mapping
from dataclasses import dataclass

from facts.nas import NasFacts

PROGRAM, CONF, RC = "setup_docker_macvlan.sh", "setup_docker_macvlan.conf", "/usr/local/etc/rc.d/macvlan.sh"
KERNEL = "uname -r"
SYSTEMD, SYSTEMD_STANDALONE, RC_D, TASK = "systemd", "systemd-standalone", "rc.d", "task-scheduler"
_SYNOLOGY = (
    "pkg-ContainerManager-dockerd.service",
    "pkg-Docker-dockerd.service",
    "pkgctl-Docker.service",
    "docker.service",
)


@dataclass(frozen=True)
class DetectionRule:
    """A line in one of the NAS's files that shows its kind (KERNEL stands for `uname -r`). key and value are regular
    expressions that match the whole word. A rule without them matches if the file exists."""

    file: str
    key: str = ".*"
    value: str = ".*"


@dataclass(frozen=True)
class Profile:
    """One kind of NAS.

    detection: None for the profile that is taken if no other is recognised.
    docker_units: names that Docker's unit has there, the likeliest first.
    docker_places: folders that Docker's client may be in.
    program, conf: folders of those files, "" if only the person can know a lasting one; example_folder is an example of
        one.
    hooks: the possible boot hooks, the default first.
    task: how a person makes the boot task, with {command} in it.
    vlan: where a person makes an interface for VLAN {number} of the interface {lower}.
    tested: what this profile has run on.
    """

    name: str
    title: str
    detection: DetectionRule | None
    docker_units: tuple[str, ...]
    docker_places: tuple[str, ...]
    program: str
    conf: str
    hooks: tuple[str, ...]
    task: str
    vlan: str
    tested: str
    example_folder: str = ""


_DSM_TASK = (
    "Control Panel, Task Scheduler, Create, Triggered Task, User-defined script: "
    "user root, event Boot-up, and as the script: {command}"
)
# The web page moves the whole interface into a VLAN; a further one needs a file (docs/upstream-facts.md#dsm-vlan).
_DSM_VLAN = (
    "the file /etc/sysconfig/network-scripts/ifcfg-{lower}.{number} with the lines DEVICE={lower}.{number}, "
    "VLAN_ROW_DEVICE={lower}, VLAN_ID={number}, ONBOOT=yes, BOOTPROTO=static, NETMASK=… and IPADDR=…, which is "
    "lan.nas_address then; and a restart"
)
_ALL = (
    Profile(
        name="dsm7",
        title="Synology DSM 7",
        detection=DetectionRule("/etc.defaults/VERSION", "majorversion", "[7-9]|[1-9][0-9]+"),
        docker_units=_SYNOLOGY,
        docker_places=("/usr/local/bin", "/var/packages/ContainerManager/target/usr/bin"),
        program="/usr/local/bin",
        conf="/usr/local/etc",
        hooks=(SYSTEMD, SYSTEMD_STANDALONE, RC_D, TASK),
        task=_DSM_TASK,
        vlan=_DSM_VLAN,
        tested="a box dressed as DSM 7.2",
    ),
    Profile(
        name="dsm6",
        title="Synology DSM 6",
        detection=DetectionRule("/etc.defaults/VERSION", "majorversion", "6"),
        docker_units=("pkg-Docker-dockerd.service", "pkgctl-Docker.service", "docker.service"),
        docker_places=("/usr/local/bin", "/var/packages/Docker/target/usr/bin"),
        program="/usr/local/bin",
        conf="/usr/local/etc",
        hooks=(RC_D, TASK),
        task=_DSM_TASK,
        vlan=_DSM_VLAN,
        tested="nowhere; its hooks in the box of DSM 7.2",
    ),
    Profile(
        name="unraid",
        title="Unraid 6 and 7",
        detection=DetectionRule("/etc/unraid-version"),
        docker_units=(),
        docker_places=("/usr/bin",),
        program="",
        conf="",
        hooks=(TASK,),
        vlan="Settings, Network Settings, `Enable VLANs`; it is br0.{number} then, or eth0.{number} without bridging",
        task="Settings, User Scripts (a plugin), Add New Script, At Startup of Array, and as the script: {command}",
        tested="nowhere",
        # /boot is a FAT disk, which nothing runs from; all else is RAM
        example_folder="/mnt/cache/appdata/macvlan-ipv6",
    ),
    Profile(
        name="truenas",
        title="TrueNAS SCALE",
        detection=DetectionRule(KERNEL, value=".*truenas.*"),
        docker_units=("docker.service",),
        docker_places=("/usr/bin",),
        program="",
        conf="",
        hooks=(TASK,),
        vlan="Network, Interfaces, Add, Type VLAN; write the name that it gets there as lan.parent",
        task="System, Advanced Settings, Init/Shutdown Scripts, Add: type Command, when Post Init, command: {command}",
        tested="nowhere",
        example_folder="/mnt/tank/macvlan-ipv6",
    ),
    Profile(
        name="qnap",
        title="QNAP QTS and QuTS hero",
        detection=DetectionRule("/etc/config/uLinux.conf"),
        docker_units=(),
        docker_places=("/share/CACHEDEV1_DATA/.qpkg/container-station/bin",),
        program="",
        conf="",
        hooks=(TASK,),
        vlan="Network & Virtual Switch; write the name that `ip link` shows for it as lan.parent",
        task="Control Panel, Hardware: Run user defined processes during startup; and in autorun.sh: {command}",
        tested="nowhere",
        example_folder="/share/CACHEDEV1_DATA/macvlan-ipv6",
    ),
    Profile(
        name="debian",
        title="Debian, and any other Linux with systemd",
        detection=None,
        docker_units=("docker.service", "snap.docker.dockerd.service", *_SYNOLOGY[:3]),
        docker_places=("/usr/bin", "/usr/local/bin", "/opt/bin", "/snap/bin"),
        program="/usr/local/bin",
        conf="/etc",
        hooks=(SYSTEMD, SYSTEMD_STANDALONE, RC_D, TASK),
        vlan="`auto {lower}.{number}` and `iface {lower}.{number} inet manual` in /etc/network/interfaces, or a "
        ".netdev file with Kind=vlan and Id={number} for systemd-networkd",
        task="an entry `@reboot {command}` in root's crontab, or what the NAS has for commands at boot",
        tested="Debian 12 and 13 in a box",
    ),
)
PROFILES: Mapping[str, Profile] = {profile.name: profile for profile in _ALL}


def recognise(facts: NasFacts) -> Profile:
    """The first profile whose rule fits the NAS, else debian."""
    return next(profile for profile in _ALL if profile.detection is None or _shows(profile.detection, facts))


def _shows(sign: DetectionRule, facts: NasFacts) -> bool:
    files = {**facts.vendor, KERNEL: {"": facts.system.get("kernel", "")}}
    lines = files.get(sign.file)
    if lines is None:
        return False
    return not lines or any(
        re.fullmatch(sign.key, key) and re.fullmatch(sign.value, value) for key, value in lines.items()
    )
