"""Where one lab lives: its names and folders. Several checkouts, and several labs of one, stand side by side."""

import os
from dataclasses import dataclass
from pathlib import Path

from box import enter


@dataclass(frozen=True)
class Place:
    """checkout: the folder that has `lab/`. instance: LAB_INSTANCE, "" for the default one."""

    checkout: Path
    instance: str

    @property
    def id(self) -> str:
        """Unique on this machine: the checkout's hash, and the instance's name where there is one."""
        return enter.identity(str(self.checkout), self.instance)

    def namespace(self, machine: str) -> str:
        return enter.namespace(self.id, machine)

    @property
    def base(self) -> Path:
        return self.checkout / ".lab" / self.instance if self.instance else self.checkout / ".lab"

    @property
    def ssh(self) -> Path:
        """Keys of client and NAS; kept by `down`, so that a stack's state stays valid."""
        return self.base / "ssh"

    @property
    def run(self) -> Path:
        """What belongs to the running lab: radvd's config, logs, pids. Goes with `down`."""
        return self.base / "run"

    @property
    def disk(self) -> Path:
        """The NAS's disk. Goes with `down`, survives reboot and power-off."""
        return self.base / "disk"

    @property
    def images(self) -> Path:
        """Root file systems to boot from, shared by the instances of a checkout, or by all with LAB_CACHE."""
        cache = os.environ.get("LAB_CACHE")
        return Path(cache).resolve() if cache else self.checkout / ".lab/images"


def here() -> Place:
    return Place(Path(enter.checkout()), enter.asked_instance())
