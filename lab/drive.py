"""The lab's NAS and a stack against it, as the end-to-end tests drive them; all inside the lab's namespaces."""

import copy
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[1]
LAB = (sys.executable, ROOT / "lab/lab")  # the first python3 of PATH may take half the time to find out which it is
PURE = ("compose", "config", "facts", "plan", "install", "preflight")
PROGRAM = (*PURE, "inputs", "probe", "components", "nas", "examples", "__main__.py", "Pulumi.yaml")
TOOLS = ("pyproject.toml", "uv.lock")
NAS, SHIM, SHIM_ULA = "192.168.1.10", "192.168.1.254", "fd0d:7eb5:2afd::254"
RETRIED = "retrying create due to"  # what Pulumi logs when an error hook lets it try again
Done = subprocess.CompletedProcess[str]


def lost_of(count: int, said: str) -> int:
    """Packets of the first ``count`` that a ping (of iputils) got no answer to, however late the answer came.

    By their numbers and not by ping's own sum: of the last ones it knows only what it read within a second of sending
    them (with -i 0.1 within a tenth), and on a busy machine it is not always at work in that moment.
    """
    answered = {int(number) for number in re.findall(r"bytes from \S+ .*?icmp_seq=(\d+) ", said)}
    return count - len(answered & set(range(1, count + 1)))


def within(container: str, program: str, words: str) -> str:
    """A command of the NAS's own in a container's network namespace.

    `docker exec` would do, but runc has failed on a busy machine ("read init-p: connection reset by peer", 2026-11-27).
    DSM has no nsenter, but for the one in the lab's busybox, which takes its own applet for any bare name.
    """
    enter = "$(command -v nsenter || echo /usr/lib/lab/busybox-static nsenter)"
    pid = f"$(docker inspect -f '{{{{.State.Pid}}}}' {container})"
    return f"{enter} -t {pid} -n $(command -v {program}) {words}"


def dev_site() -> dict[str, Any]:
    """The site of stack dev, to be changed by a test."""
    return copy.deepcopy(yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text())["config"]["macvlan-ipv6:site"])


@dataclass(frozen=True)
class Box:
    """One instance of the lab. engine: 20.10, 26 or 29."""

    engine: str
    instance: str

    @property
    def env(self) -> dict[str, str]:
        return {**os.environ, "LAB_INSTANCE": self.instance}

    def lab(self, *arguments: str, timeout: int = 900) -> Done:
        done = subprocess.run([*LAB, *arguments], env=self.env, capture_output=True, text=True, timeout=timeout)
        assert done.returncode == 0, f"lab {' '.join(arguments)}: {done.stdout[-3000:]}{done.stderr[-3000:]}"
        return done

    def run(self, where: str, command: str, check: bool = True, timeout: int = 300) -> Done:
        """A shell command on nas, client, router or internet."""
        if where == "nas":
            command = f"PATH=$PATH:/usr/local/bin; {command}"  # DSM's docker
        done = subprocess.run(
            [*LAB, "exec", where, "--", "sh", "-c", command],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0 or not check, f"{where}: {command}\n{done.stdout}{done.stderr}"
        return done

    def run_by_hand(self, name: str, words: str) -> None:
        """docker run -d --name NAME WORDS on the NAS."""
        done = self.run("nas", f"docker run -itd --name {name} {words}", check=False)
        self._started(done, name)

    def start_by_hand(self, *names: str) -> None:
        self._started(self.run("nas", f"docker start {' '.join(names)}", check=False), *names)

    def _started(self, done: Done, *names: str) -> None:
        """Once more where Docker < 29 lost its race with the router's advertisement
        (docs/upstream-facts.md#docker-gateway-race)."""
        tries = 0
        while "failed to set IPv6 gateway" in done.stderr and tries < 3:
            print(f"a start of {' '.join(names)} lost Docker's race with the router's advertisement; once more")
            done, tries = self.run("nas", f"docker start {' '.join(names)}", check=False), tries + 1
        assert done.returncode == 0, done.stdout + done.stderr

    def remove_containers_and(self, network: str) -> None:
        """All containers of the NAS, and this network of theirs if it is there.

        Docker may keep the count of a network's endpoints after the last is gone ("has active endpoints", with
        nobody in it), when many containers go at once; only Docker's own restart takes it away then.
        """
        self.nas("docker rm -f $(docker ps -aq)", check=False)
        there = f"docker network inspect {network} >/dev/null 2>&1"
        gone = f"! {there} || docker network rm {network}"
        tried = self.run("nas", f"for i in 1 2 3 4 5; do {gone} && exit; sleep 1; done; exit 1", check=False)
        if tried.returncode != 0:
            print(f"engine {self.engine}: {tried.stderr.splitlines()[-1]}; Docker is restarted")
            self.nas("systemctl reset-failed docker; systemctl restart docker")
            self.nas(gone)

    def start(self, where: str, command: str) -> subprocess.Popen[bytes]:
        """A shell command that goes on until its process is terminated."""
        words = [*LAB, "exec", where, "--", "sh", "-c", f"exec {command}"]
        return subprocess.Popen(words, env=self.env, stdin=subprocess.DEVNULL)

    def nas(self, command: str, check: bool = True, timeout: int = 300) -> str:
        return self.run("nas", command, check, timeout).stdout

    @contextmanager
    def packets(self, where: str, what: str) -> Iterator[Callable[[], str]]:
        """What tcpdump sees of ``what`` on the eth0 of router, client or internet, from when it listens."""
        with tempfile.TemporaryDirectory() as folder, (Path(folder) / "seen").open("w") as out:
            words = [*LAB, "exec", where, "--", "tcpdump", "-lnne", "--immediate-mode", "-i", "eth0", what]
            process = subprocess.Popen(
                words, env=self.env, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.PIPE, text=True
            )
            assert process.stderr
            try:
                said = ""
                while "listening on" not in said:
                    line = process.stderr.readline()
                    said += line
                    assert line, f"tcpdump did not start: {said}"
                yield (Path(folder) / "seen").read_text
            finally:
                process.terminate()
                process.communicate()

    @contextmanager
    def precedence(self) -> Iterator[None]:
        """The machine's processors are this box's first of all, as a NAS has its own: for what is measured in time."""
        name = self.lab_id()
        shares = [Path(f"/sys/fs/cgroup/{v1}/mv6-{name}/cpu.shares") for v1 in ("cpu", "cpu,cpuacct")]
        weights = [Path("/sys/fs/cgroup") / group for group in (f"mv6-{name}", f"system.slice/mv6-{name}.scope")]
        found = [(path, "262144", "1024") for path in shares] + [
            (path / "cpu.weight", "10000", "100") for path in weights
        ]
        there = [(path, most, usual) for path, most, usual in found if path.exists()]
        for path, most, _ in there:
            path.write_text(most)
        try:
            yield
        finally:
            for path, _, usual in there:
                path.write_text(usual)

    def lab_id(self) -> str:
        """With the checkout's number in it: another checkout's lab of the same name is none of ours."""
        done = subprocess.run([*LAB, "status"], env=self.env, capture_output=True, text=True, timeout=300)
        return done.stdout.split()[1].rstrip(":")

    def ping(self, where: str, target: str, count: int = 3, container: str = "", source: str = "") -> int:
        """Packets lost of ``count``, 0.2 s apart, from a machine or (where=nas) from a container on it. source: the
        address of it that asks, "" for the one that the kernel takes.

        An answer may take seconds on a busy machine: with -w ping waits for it, and sends more meanwhile. From
        a container by the NAS's own ping, since busybox's waits a second for the last answer, and no longer.
        """
        asks = f"-I {source} " if source else ""
        words = f"{'-6 ' if ':' in target else ''}{asks}-i 0.2 -c {count} -w {count + 9} {target}"
        command = within(container, "ping", words) if container else f"ping {words}"
        return lost_of(count, self.run(where, command, check=False).stdout)

    def lost(self, pings: Mapping[str, tuple[str, str]]) -> dict[str, int]:
        """Packets lost of 3, of pings that run side by side: label → (from, to).

        From: a machine, nas@ADDRESS for the NAS by that address of its, or a container on the NAS. Labels without
        loss are left out: {} is what one wants.
        """

        def one(pair: tuple[str, str]) -> int:
            (where, _, source), target = pair[0].partition("@"), pair[1]
            machine = where in ("nas", "client", "router", "internet")
            return self.ping(where, target, source=source) if machine else self.ping("nas", target, container=where)

        with ThreadPoolExecutor(12) as pool:
            counts = dict(zip(pings, pool.map(one, pings.values()), strict=True))
        return {label: count for label, count in counts.items() if count}

    def ip(self, container: str, words: str) -> str:
        """What `ip WORDS` says in the network namespace of a container on the NAS."""
        return self.nas(within(container, "ip", words))

    def addresses(self, container: str) -> list[str]:
        """Global-scope IPv6 addresses of a container, without prefix length, tentative ones left out."""
        said = self.ip(container, "-6 address show dev eth0 scope global")
        return [
            line.split()[1].split("/")[0] for line in said.splitlines() if "inet6" in line and "tentative" not in line
        ]

    def snapshot(self) -> dict[str, str]:
        """All that `destroy` has to give back as it was."""
        looks = {
            "links": "ip -o link | sed 's/^[0-9]*: //' | grep -v '^veth' | sort",
            "addresses": "ip -o address | grep -v '^.*: veth' | sed 's/^[0-9]*: //; s/valid_lft.*//' | sort",
            "routes": "(ip route show table all; ip -6 route show table all) | grep -v veth"
            " | sed 's/expires [0-9]*sec//' | sort -u",
            "rules": "ip rule; ip -6 rule",
            "firewall": "iptables-save | grep -v '^#' | sed 's/\\[.*\\]//'",
            "networks": "docker network ls --format '{{.Name}} {{.Driver}}' | sort",
            "containers": "docker ps -a --format '{{.Names}}' | sort",
            "files": "find /etc /usr/local /root /opt /lib/systemd -xdev \\( -type f -o -type l -o -type d \\)"
            " ! -name '*.cache' | sort",
            "docker": "ls -l /usr/bin/docker /usr/local/bin/docker",
            "tasks": "ls /usr/syno/etc/esynoscheduler/tasks",
            "leftovers": "ls /run | grep -i macvlan; ps -e -o args= | grep macvlan | grep -v grep; ls -A /tmp",
            "units": "systemctl list-unit-files --no-legend | sort",
            "active": "systemctl list-units --type=service --state=active,failed --no-legend --plain | awk '{print $1}'"
            " | grep -v -e ssh@ -e user -e session | sort",
            "sysctls": "sysctl -a 2>/dev/null | grep -e '^net.ipv[46].conf.all' -e 'conf.eth0' -e conf.default | sort",
        }
        return {name: self.nas(command, check=False) for name, command in looks.items()}


@dataclass(frozen=True)
class Preview:
    """steps: resource name → operation, unchanged ones left out; told: the messages."""

    steps: dict[str, str]
    told: str


def copy_part(source: Path, to: Path) -> None:
    """Copies a file or folder of the program, without what Python may be writing into it at that moment."""
    if source.is_dir():
        shutil.copytree(source, to, ignore=shutil.ignore_patterns("__pycache__"), dirs_exist_ok=True)
    else:
        shutil.copy(source, to)


class Stack:
    """A stack of its own project folder, so that tests neither touch the checkout's state nor its files."""

    def __init__(self, box: Box, folder: Path, name: str = "e2e") -> None:
        self.box, self.folder, self.name = box, folder, name
        for name in PROGRAM:
            copy_part(ROOT / name, folder / name)
        for name in TOOLS:
            if (ROOT / name).exists():
                shutil.copy(ROOT / name, folder / name)
        for name in (".venv", ".lab"):
            (folder / name).symlink_to(ROOT / name)
        (folder / "state").mkdir()
        self.write(self.site())
        self.pulumi("stack", "init", self.name)

    def site(self) -> dict[str, Any]:
        site = dev_site()
        keys = f".lab/{self.box.instance}/ssh"
        site["nas"] |= {"identity_file": f"{keys}/id_ed25519", "known_hosts": f"{keys}/known_hosts"}
        return site

    def dsm_site(self, user: str = "admin", **install: str) -> dict[str, Any]:
        """The same for a NAS of profile dsm, where all that can be found is found."""
        site = self.site()
        site["nas"] |= {"user": user, "docker_wrapper": True}
        site["lan"]["parent"] = "auto"
        return site | {"install": install}

    def site_with(self, count: int) -> dict[str, Any]:
        """The site with that many containers c0, c1 … and no other."""
        site = self.site()
        del site["compose"]
        site["containers"] = {
            f"c{number}": {"image": "busybox", "ipv4_address": f"192.168.1.{100 + number}", "tty": True}
            for number in range(count)
        }
        return site

    @property
    def file(self) -> Path:
        return self.folder / f"Pulumi.{self.name}.yaml"

    def write(self, site: Mapping[str, Any] | str) -> None:
        """Replaces the site; text is taken as the YAML below `macvlan-ipv6:site:`, indented by four."""
        kept = self.file.read_text() if self.file.exists() else ""
        salt = "".join(re.findall("^encryptionsalt: .*\n", kept, re.MULTILINE))
        if not isinstance(site, str):
            site = "".join(f"    {line}\n" for line in yaml.safe_dump(dict(site)).splitlines())
        self.file.write_text(f"{salt}config:\n  macvlan-ipv6:site:\n{site}")

    def written(self) -> dict[str, Any]:
        """The site as it stands in the stack's file, to be changed by a test."""
        return yaml.safe_load(self.file.read_text())["config"]["macvlan-ipv6:site"]

    def pulumi(self, *arguments: str, check: bool = True, timeout: int = 600) -> Done:
        done = subprocess.run(
            [ROOT / "lab/pulumi", *arguments, "--non-interactive"],
            cwd=self.folder,
            env={**self.box.env, "PULUMI_BACKEND_URL": f"file://{self.folder}/state"},
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
        )
        assert done.returncode == 0 or not check, f"pulumi {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done

    def up(self, check: bool = True, *more: str) -> Done:
        """Once more where a container that lost Docker's race was made again: Pulumi keeps the failure with the
        resource until its next update (3.259), and shows one till then."""
        words = ("up", "--yes", "--skip-preview", "--stack", self.name, *more)
        done = self.pulumi(*words, check=check)
        if done.returncode == 0 and RETRIED in done.stdout:
            print("a container's start lost Docker's race with the router's advertisement; up once more")
            self.pulumi(*words)
        return done

    def expect_no_changes(self) -> None:
        self.pulumi("preview", "--expect-no-changes", "--diff", "--stack", self.name)

    def steps(self) -> dict[str, str]:
        """What a preview would do: resource name → operation, unchanged ones left out."""
        return self.preview().steps

    def preview(self) -> "Preview":
        """One preview: its steps and what it tells beside them."""
        found = json.loads(self.pulumi("preview", "--json", "--stack", self.name).stdout)
        steps = {step["urn"].rsplit("::", 1)[1]: step["op"] for step in found["steps"]}
        told = "\n".join(diagnostic.get("message", "") for diagnostic in found.get("diagnostics") or [])
        return Preview({name: op for name, op in steps.items() if op not in ("same", "read")}, told)

    def told(self, check: bool = True) -> str:
        """What a person reads of a plain preview."""
        done = self.pulumi("preview", "--stack", self.name, check=check)
        return done.stdout + done.stderr

    def outputs(self) -> dict[str, Any]:
        return json.loads(self.pulumi("stack", "output", "--json", "--stack", self.name).stdout)

    def force_away(self) -> None:
        """Leaves the NAS to the next module as a new one, whatever a failed test left."""
        if self.destroy(check=False).returncode == 0:
            return
        self.box.remove_containers_and("bridge-host")
        files = "/usr/local/bin/setup_docker_macvlan.sh /etc/setup_docker_macvlan.conf"
        unit = "setup_docker_macvlan.service"
        self.box.nas(f"systemctl disable --now {unit}; rm -f {files} /etc/systemd/system/{unit}", check=False)
        raise AssertionError("destroy at the end of the module failed; see the failures above")

    def destroy(self, check: bool = True) -> Done:
        return self.pulumi("destroy", "--yes", "--skip-preview", "--stack", self.name, check=check)
