"""A whole file system for probe.sh to look at: this machine's, read-only, with a test's own files laid over it."""

import os
import subprocess
from dataclasses import dataclass, field
from pathlib import Path

from tests.nas.box import MADE, PREFIX, Box, put_tool, run

PROBE = (MADE / "probe.sh").read_text()
# For who wants to see an answer to a ping. In more than three seconds the kernel may forget whom it looked for in vain
PATIENT = PROBE.replace('pings 1 "$address"', 'pings 2 "$address"')
assert PATIENT != PROBE
# Of this machine, and in the way: a test that wants one of them brings its own
OURS_NOT = (
    "usr/local/etc usr/local/lib/systemd etc/ssh etc/init.d etc/systemd etc/network etc/NetworkManager etc/rc.local "
    "etc/crontab etc/version etc/config etc.defaults etc/unraid-version lib/modules boot var/packages opt/bin"
)
TOOLS_NOT = "docker sudo sshd systemctl synowebapi synosystemctl"
# $1 is the test's folder; what follows runs in the new root, where only /mnt, with the test's tools, is writable
ENTER = """
here=$1; shift
mount -t tmpfs none /mnt && mkdir /mnt/upper /mnt/work /mnt/root && root=/mnt/root
mount -t overlay none -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work $root
cd $root
rm -rf @OURS_NOT@
for tool in @TOOLS_NOT@; do
    for place in usr/local/bin usr/local/sbin usr/bin usr/sbin bin sbin; do rm -f $place/$tool; done
done
cp -a --remove-destination $here/root/. ./
for place in proc sys dev; do mount --rbind /$place $place; done
mount --bind $here mnt
@MORE@
mount -o remount,ro $root
exec chroot . "$@"
"""
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")
AWAKE, DEAF = "02:00:00:00:00:20", "02:00:00:00:00:21"
RECORD = """#!/bin/sh
printf '%s\\n' "$*" >>/mnt/{name}.calls
{does}
"""


@dataclass
class FakeNas:
    """files: `put` them; tools on the user's PATH: `tool`; more: sh for further mounts, in the new root's folder."""

    box: Box
    path: str = "/mnt/bin:/usr/sbin:/usr/bin:/sbin:/bin"
    more: str = ""
    without: str = ""
    wrapper: tuple[str, ...] = ()
    env: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        (self.box.here / "root").mkdir()
        self.box.here.chmod(0o755)
        (self.box.bin / "docker").unlink()

    def put(self, path: str, text: str | None = "", mode: int = 0o644) -> Path:
        """A file at this absolute path of the NAS; a folder where text is None."""
        file = self.box.here / "root" / path.lstrip("/")
        (file if text is None else file.parent).mkdir(parents=True, exist_ok=True)
        if text is not None:
            file.write_text(text)
            file.chmod(mode)
        return file

    def tool(self, name: str, does: str, path: str = "") -> None:
        """A tool that records its calls, on the user's PATH or at this absolute path."""
        text = RECORD.format(name=name, does=does)
        if path:
            self.put(path, text, 0o755)
        else:
            put_tool(self.box.bin / name, text)

    def calls(self, name: str) -> list[str]:
        log = self.box.here / f"{name}.calls"
        return log.read_text().splitlines() if log.exists() else []

    def say(self, *words: str, probe: str = PROBE) -> subprocess.CompletedProcess[str]:
        """Runs the probe as ssh does: the text on stdin, the words as arguments."""
        enter = ENTER.replace("@OURS_NOT@", OURS_NOT).replace("@TOOLS_NOT@", f"{TOOLS_NOT} {self.without}")
        enter = enter.replace("@MORE@", self.more)
        argv = self.box.inside("sh", "-ec", enter, "sh", self.box.here)
        argv += ["env", "-i", f"PATH={self.path}", *(f"{k}={v}" for k, v in self.env.items()), *self.wrapper]
        # Absolute, for a PATH of the test's that has no shell
        argv += [f"/usr/bin/{self.box.shell[0]}", *self.box.shell[1:], "-s", "--", *words]
        return subprocess.run(argv, input=probe, capture_output=True, text=True, timeout=300, env=dict(os.environ))

    def look(self, *words: str, probe: str = PROBE) -> dict[str, list[str]]:
        """The answer's sections. The program itself says nothing on stderr and ends well."""
        done = self.say(*words, probe=probe)
        assert (done.returncode, done.stderr) == (0, ""), done.stderr
        sections: dict[str, list[str]] = {}
        assert done.stdout.startswith("\n"), "what a login script printed has to end first"
        for line in done.stdout.split("\n")[1:-1]:
            if line.startswith("== "):
                assert line[3:] not in sections, f"{line} comes twice"
                sections[line[3:]] = []
            else:
                sections[list(sections)[-1]].append(line)
        return sections


def neighbour(box: Box, name: str, mac: str, host: int) -> str:
    """A machine on the LAN, reached through eth0."""
    space = box.space(name)
    box.ip(*f"link add link wire name new0 netns {space} type macvlan mode bridge".split(), space=box.lan)
    for args in (
        f"link set new0 name eth0 address {mac} up",
        f"addr add 192.168.1.{host}/24 dev eth0",
        f"addr add {PREFIX}{host}/64 dev eth0 nodad",
    ):
        box.ip(*args.split(), space=space)
    return space


def make_lan(box: Box) -> str:
    """The NAS is .10, .20 answers pings, .21 only says who it is; the namespace of .20."""
    box.ip("addr", "add", "192.168.1.10/24", "dev", "eth0")
    box.ip("addr", "add", f"{PREFIX}10/64", "dev", "eth0", "nodad")
    awake = neighbour(box, "awake", AWAKE, 20)
    deaf = neighbour(box, "deaf", DEAF, 21)
    for key in "ipv4/icmp_echo_ignore_all", "ipv6/icmp/echo_ignore_all":
        run(*box.inside("sh", "-c", f"echo 1 >/proc/sys/net/{key}", space=deaf))
    return awake
