"""What a person is told when the lab cannot go on. Takes little to import, for `lab exec` needs it."""

# Command → the Debian package that brings it.
COMMANDS = {
    "ip": "iproute2",
    "unshare": "util-linux",
    "nsenter": "util-linux",
    "mount": "mount",
    "ssh": "openssh-client",
    "ssh-keygen": "openssh-client",
    "ping": "iputils-ping",
    "sysctl": "procps",
    "radvd": "radvd",
    "tcpdump": "tcpdump",
    "systemd-nspawn": "systemd-container",
}


class LabError(Exception):
    """Something a person can act on. what: one sentence; why it matters; remedy: what to do."""

    def __init__(self, what: str, remedy: str, why: str = "") -> None:
        super().__init__(what)
        self.what, self.remedy, self.why = what, remedy, why

    def __str__(self) -> str:
        return self.what + (f"\n  {self.why}" if self.why else "") + f"\n  -> {self.remedy}"
