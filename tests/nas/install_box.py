"""install.sh as Pulumi's command runs it, on a NAS whose file tree is a directory."""

import shutil
import subprocess
from pathlib import Path

from tests.nas.box import CONF, MADE, NAS, PROGRAM, SHIM, TWO, Box, put_tool

OURS = CONF.replace("# a comment", "# Written by pulumi up (macvlan-ipv6)")
BAD_ROUTE = "container odd 192.168.1.203 ff02::1:2:3:4:5:6:7:8\n"  # no kernel takes it, and check does not see it
READS = ("show", "-q is-active", "-q is-enabled", "is-active", "is-enabled", "list-unit-files", "--no-legend")


class Nas:
    """What Pulumi's command would do to a NAS whose file tree is a directory."""

    def __init__(self, box: Box) -> None:
        self.box = box
        self.root = box.here / "root"
        (self.root / "etc/systemd/system").mkdir(parents=True)
        self.program = self.root / "usr/local/bin/setup_docker_macvlan.sh"
        self.conf = self.root / "etc/setup_docker_macvlan.conf"
        self.unit = self.root / "etc/systemd/system/setup_docker_macvlan.service"
        self.client = ""
        self.installer = MADE / "install.sh"
        self.fake = box.here / "fake"
        self.fake.mkdir()
        (self.fake / "unit").write_text(str(self.unit))
        shutil.copy(Path(__file__).parent / "fake_systemctl.py", box.bin / "systemctl")
        (box.bin / "systemctl").chmod(0o755)
        put_tool(box.bin / "journalctl", f"#!/bin/sh\ncat {self.fake}/journal\n")
        self.text = {
            "conf": OURS + TWO,
            "program": PROGRAM.read_text(),
            "unit": self.render("docker.service"),
            "settings": f"program {self.program}\nconf {self.conf}\n"
            f"hook systemd\nhook_file {self.unit}\nwanted_by docker.service\n",
            "manifest": f"0755 {self.program} program\n0644 {self.conf} conf\n0644 {self.unit} unit\n",
        }

    def render(self, docker_unit: str) -> str:
        text = (NAS / "setup_docker_macvlan.service").read_text()
        for name, value in (("PROGRAM", self.program), ("CONF", self.conf), ("DOCKER_UNIT", docker_unit)):
            text = text.replace(f"@{name}@", str(value))
        return text

    def env(self) -> dict[str, str]:
        return {**self.box.env(), "FAKE": str(self.fake), "SSH_CLIENT": self.client}

    def run(self, action: str = "apply", **changes: str) -> subprocess.CompletedProcess[str]:
        self.text |= changes
        bundle = self.box.here / "bundle"
        shutil.rmtree(bundle, ignore_errors=True)
        bundle.mkdir()
        for name, text in self.text.items():
            (bundle / name).write_text(text)
        (self.fake / "calls").write_text("")
        argv = self.box.inside(*self.box.shell, self.installer, action, bundle)
        return subprocess.run(argv, env=self.env(), capture_output=True, text=True, timeout=1200)

    def impatient(self) -> None:
        """From now on install.sh gives up sooner, for tests in which waiting changes nothing."""
        text = self.installer.read_text()
        for old, new in ("[ $((tries += 1)) -le 30 ]", "[ $((tries += 1)) -le 6 ]"), ("$(now) + 10", "$(now) + 4"):
            assert old in text
            text = text.replace(old, new)
        self.installer = self.box.here / "install.sh"
        put_tool(self.installer, text)

    def fails(self, action: str = "apply", **changes: str) -> str:
        """What it says, which is one line."""
        done = self.run(action, **changes)
        assert done.returncode == 1 and done.stdout == "" and len(done.stderr.splitlines()) == 1, done
        return done.stderr.removeprefix("install.sh: ").rstrip("\n")

    def ok(self, action: str = "apply", **changes: str) -> str:
        done = self.run(action, **changes)
        assert done.returncode == 0 and done.stderr == "", done
        return done.stdout

    def calls(self) -> list[str]:
        """What was asked of systemd that changes something."""
        return [c for c in (self.fake / "calls").read_text().splitlines() if not c.startswith(READS)]

    def box_run(self, *argv: str | Path) -> None:
        """By hand, as a person at the NAS would."""
        subprocess.run(self.box.inside(*argv), env=self.env(), check=True, timeout=30)

    def dies_at(self, moment: str, action: str = "apply") -> None:
        """Power loss, when systemctl is asked for that the first time."""
        at = self.fake / "at"
        at.write_text(f"{moment} KILL installer")
        done = self.run(action)
        assert done.returncode == -9 and not at.exists(), done

    def files(self) -> list[Path]:
        return [p for p in self.root.rglob("*") if p.is_file()]

    def tree(self) -> dict[str, tuple[int, str]]:
        return {str(p.relative_to(self.root)): (p.stat().st_mode & 0o777, p.read_text()) for p in self.files()}

    def index(self) -> str:
        return self.box.ip("-o", "link", "show", SHIM).split(":")[0]
