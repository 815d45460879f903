"""A host and its containers in network namespaces of our own, for the sh program to be run in."""

import itertools
import os
import secrets
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from inputs.nas_scripts import read_nas_scripts
from install.scripts import PARTS

ROOT = Path(__file__).parents[2]
NAS = ROOT / "nas"
MADE = ROOT / ".made"  # the scripts as they go to the NAS, joined of their parts
PROGRAM = MADE / "setup_docker_macvlan.sh"
SHELLS = {"dash": ["dash"], "ash": ["busybox", "sh"], "bash": ["bash"]}
PREFIX = "fd0d:7eb5:2afd::"
GATEWAY = f"{PREFIX}1"
ANNOUNCED = "2001:db8:1:1::"  # a global /64 that the host has an address in
SHIM = "macvlan-host"
TABLE = "109"
CONF = f"""# a comment
version 1
network bridge-host
parent eth0
shim {SHIM}
shim_mac 02:42:c0:a8:01:fe
shim_ipv4 192.168.1.254
shim_ipv6 {PREFIX}254
routing_table 109
placeholder_gateway {GATEWAY}
check_interval 1
"""
TWO = f"container test 192.168.1.201 {PREFIX}201\ncontainer qbittorrent 192.168.1.202 {PREFIX}202\n"
# Stands where docker's client is looked for: says what the test wrote into files beside it.
DOCKER = """#!/bin/sh
here={here}
case "$1 $2" in "ps -a") what=stopped ;; *) what=$1 ;; esac
echo $what >>$here/docker.calls
echo "$*" >>$here/docker.words
[ ! -e $here/docker.hangs ] || [ $1 = events ] || exec sleep 60
case $what in
events) echo $$ >>$here/events.pids; exec cat $here/events.fifo ;;
ps) cat $here/docker.ps ;;
stopped) cat $here/docker.stopped 2>/dev/null ;;
inspect) case "$*" in *'stopped {{{{'*) exec cat $here/docker.errors ;; esac
    cat $here/docker.inspect; [ ! -e $here/docker.fails ] || exit 1 ;;
esac
"""


def make_scripts() -> None:
    """Each in one step: another worker may be running it."""
    MADE.mkdir(exist_ok=True)
    for name, text in read_nas_scripts(ROOT).items():
        if name in PARTS and (not (MADE / name).exists() or (MADE / name).read_text() != text):
            new = MADE / f"{name}.{os.getpid()}"
            new.write_text(text)
            new.chmod(0o755)
            new.rename(MADE / name)


make_scripts()
_number = itertools.count()
_ours = secrets.token_hex(4)  # not our pid: what had it before us may have been killed and left its namespaces


def run(*argv: str | Path, check: bool = True, text: str | None = None) -> subprocess.CompletedProcess[str]:
    done = subprocess.run([str(a) for a in argv], input=text, capture_output=True, text=True, timeout=120)
    if check and done.returncode != 0:
        raise AssertionError(f"{argv}: exit {done.returncode}\n{done.stdout}{done.stderr}")
    return done


def put_tool(file: Path, text: str) -> None:
    """A script to be run, written in one step: the loop may be running the one before, and such a file cannot be
    written, nor one be run that is being written ("Text file busy")."""
    new = file.with_name(f"{file.name}.new")
    new.write_text(text)
    new.chmod(0o755)
    new.rename(file)


def mac_of(v4: str) -> str:
    return f"02:42:{':'.join(f'{int(octet):02x}' for octet in v4.split('.'))}"


def until(what: str, test: Callable[[], object], seconds: float = 60) -> None:
    """Wait for ``test`` to be true; an AssertionError naming ``what`` when it never is."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if test():
            return
        time.sleep(0.05)
    raise AssertionError(f"not within {seconds} s: {what}")


def children(pid: int) -> list[int]:
    """All descendants of a process, those too that have ended and were not waited for yet."""
    found: list[int] = []
    with suppress(OSError):
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            found += [int(child), *children(int(child))]
    return found


def alive(pid: int) -> bool:
    try:
        return ") Z " not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def naps(loop: int) -> bool:
    """Whether the loop is between two rounds."""
    with suppress(OSError):
        for child in Path(f"/proc/{loop}/task/{loop}/children").read_text().split():
            if alive(int(child)) and Path(f"/proc/{child}/comm").read_text() == "sleep\n":
                return True
    return False


@contextmanager
def held(loop: int) -> Iterator[None]:
    """Meanwhile the loop stands still, between two rounds."""

    def stands() -> bool:
        os.kill(loop, signal.SIGSTOP)
        until("it stands still", lambda: ") T " in Path(f"/proc/{loop}/stat").read_text())
        if naps(loop):
            return True
        os.kill(loop, signal.SIGCONT)
        return False

    until("it naps", stands)
    try:
        yield
    finally:
        os.kill(loop, signal.SIGCONT)


class Box:
    """A host with a parent link eth0, run by one of the shells."""

    def __init__(self, shell: str, here: Path) -> None:
        self.shell = SHELLS[shell]
        self.here = here
        self.conf = here / "macvlan.conf"
        self.bin = here / "bin"
        self.bin.mkdir()
        self.spaces: list[str] = []
        self.processes: list[subprocess.Popen[str]] = []
        self.host = self.space("host")
        self.lan = self.space("lan")
        run("ip", "-n", self.host, "link", "add", "eth0", "type", "veth", "peer", "name", "wire", "netns", self.lan)
        for space, link in (self.host, "eth0"), (self.lan, "wire"):
            run("ip", "-n", space, "link", "set", link, "up")
        self.ip("addr", "add", f"{ANNOUNCED}10/64", "dev", "eth0", "nodad")
        for tool in "ping", "ping6":
            (self.bin / tool).symlink_to(shutil.which("busybox") or "busybox")
        self.write_conf(TWO)
        os.mkfifo(here / "events.fifo")
        self.events = os.open(here / "events.fifo", os.O_RDWR)
        self.running({})

    def space(self, name: str) -> str:
        full = f"mvt{_ours}-{next(_number)}-{name}"
        run("ip", "netns", "add", full)
        self.spaces.append(full)
        run("ip", "-n", full, "link", "set", "lo", "up")
        return full

    def write_conf(self, containers: str, conf: str = CONF) -> None:
        self.conf.write_text(conf + containers)

    # -- running things ---------------------------------------------------------------------------------------
    def env(self) -> dict[str, str]:
        return {**os.environ, "PATH": f"{self.bin}:/usr/sbin:/usr/bin:/sbin:/bin", "MACVLAN_RUN": str(self.here)}

    def inside(self, *argv: str | Path, space: str | None = None) -> list[str]:
        return ["ip", "netns", "exec", space or self.host, *(str(a) for a in argv)]

    def program(self, *args: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        argv = self.inside(*self.shell, PROGRAM, *args, self.conf)
        done = subprocess.run(argv, env=self.env(), capture_output=True, text=True, timeout=120)
        if check and done.returncode != 0:
            raise AssertionError(f"{args}: exit {done.returncode}\n{done.stdout}{done.stderr}")
        return done

    def ip(self, *args: str, space: str | None = None, check: bool = True) -> str:
        return run("ip", "-n", space or self.host, *args, check=check).stdout

    def popen(self, *argv: str | Path, space: str | None = None) -> subprocess.Popen[str]:
        log = (self.here / "log").open("a")
        child = subprocess.Popen(self.inside(*argv, space=space), env=self.env(), stdout=log, stderr=log, text=True)
        self.processes.append(child)
        return child

    def watch(self, *wrapper: str | Path, program: Path = PROGRAM) -> subprocess.Popen[str]:
        """The loop, in the foreground of a process of its own; its pid is the shell's."""
        return self.popen(*wrapper, *self.shell, program, "watch", self.conf)

    def log(self) -> str:
        return (self.here / "log").read_text()

    def listening(self) -> int:
        """The pid of docker's events client, once the loop has one: from then on it takes signals, too."""
        pids = self.here / "events.pids"
        until("the loop listens to docker", lambda: pids.exists() and pids.read_text())
        return int(pids.read_text().split()[-1])

    def left(self) -> list[str]:
        """Names and command lines of the processes in the host's namespace."""
        found: list[str] = []
        for pid in run("ip", "netns", "pids", self.host).stdout.split():
            with suppress(OSError):
                name, line = (Path(f"/proc/{pid}/{file}").read_text(errors="replace") for file in ("comm", "cmdline"))
                found.append(f"{name.strip()}: {line}".replace("\0", " "))
        return found

    def patched(self, old: str, new: str) -> Path:
        """The program with that in place of this."""
        text = PROGRAM.read_text()
        assert old in text
        put_tool(self.here / "patched.sh", text.replace(old, new))
        return self.here / "patched.sh"

    def patient(self) -> Path:
        """The program that looks once, and then again at events only; with a conf that has it ask for no gateway."""
        self.write_conf(
            TWO, CONF.replace("check_interval 1", "check_interval 3600").replace(f"placeholder_gateway {GATEWAY}\n", "")
        )
        return self.patched("pause=1", "pause=600")

    def settled(self) -> None:
        """Wait until the kernel, by itself, changes nothing more about the links."""

        def settled() -> bool:
            # Those that are up: some kernels put idle tunnels into each namespace. lo has no state
            links = self.ip("-o", "link", "show", "up").splitlines()
            return "tentative" not in self.ip("addr") and all(" lo: " in ln or "state UP" in ln for ln in links)

        until("links and addresses are settled", settled)

    # -- docker and containers --------------------------------------------------------------------------------
    def running(self, containers: dict[str, tuple[int, str, str]]) -> None:
        """What docker says is attached: name → pid, IPv4, ULA. The MAC is the one that follows from the IPv4."""
        lines = [f"attached {pid} /{name} {v4} {ula} {mac_of(v4)}\n" for name, (pid, v4, ula) in containers.items()]
        for file, text in (
            (self.bin / "docker", DOCKER.format(here=self.here)),
            (self.here / "docker.ps", "".join(f"{n:064x}\n" for n in range(len(containers)))),
            (self.here / "docker.inspect", "".join(lines)),
        ):
            put_tool(file, text)

    def stopped(self, errors: dict[str, str], age: str = "2 hours ago") -> None:
        """What docker says of containers that do not run: name → the error of the last start."""
        ids = {name: f"{0xD0D0 + n:064x}" for n, name in enumerate(errors)}
        (self.here / "docker.stopped").write_text("".join(f"{one} {age}\n" for one in ids.values()))
        lines = [f'stopped {ids[name]} /{name} "{error}"\n' for name, error in errors.items()]
        (self.here / "docker.errors").write_text("".join(lines))

    def fast_sleep(self) -> Path:
        """A `sleep` that takes a moment instead of more than a second; the file of what it and docker were asked for,
        one a line in order. Not under busybox sh, which has its own."""
        real, calls = shutil.which("sleep"), self.here / "docker.calls"
        text = f'#!/bin/sh\necho "$1" >>{calls}\ncase $1 in 0.* | 1) ;; *) set -- 0.05 ;; esac\nexec {real} "$1"\n'
        put_tool(self.bin / "sleep", text)
        calls.touch()
        return calls

    def bare(self, ip: str = "") -> Path:
        """The program with nothing on its PATH but the box's own tools, a plain few and no nsenter; ip: its `ip`."""
        tools = "sh awk sed sleep mkfifo rm ln readlink mkdir rmdir tr timeout cat date grep sort env dash bash busybox"
        for name in tools.split():
            if not (self.bin / name).exists():
                (self.bin / name).symlink_to(shutil.which(name) or name)
        text = PROGRAM.read_text().replace("PATH=$PATH:/usr/sbin:/sbin:/usr/local/bin", f"PATH={self.bin}", 1)
        (self.here / "bare.sh").write_text(text.replace("for ip in", f"for ip in {ip}", 1))
        return self.here / "bare.sh"

    def asked(self, what: str = "ps") -> int:
        """How often docker was asked that."""
        calls = self.here / "docker.calls"
        return calls.read_text().split().count(what) if calls.exists() else 0

    def event(self, count: int = 1, name: str = "bridge-host", kind: str = "network") -> None:
        for _ in range(count):
            os.write(self.events, f"{kind} {name}\n".encode())

    def container(self, name: str, v4: str, ula: str, dead: bool = True) -> tuple[int, str]:
        """A macvlan container as docker makes it: eth0 with both addresses and a default through the gateway."""
        space = self.space(name)
        self.ip("link", "add", "link", "eth0", "name", "new0", "netns", space, "type", "macvlan", "mode", "bridge")
        for args in (
            f"link set new0 name eth0 address {mac_of(v4)}",
            f"addr add {v4}/24 dev eth0",
            f"addr add {ula}/64 dev eth0 nodad",
            "link set eth0 up",
        ):
            self.ip(*args.split(), space=space)
        if dead:
            self.ip(*f"-6 route add default via {GATEWAY} dev eth0".split(), space=space)
        return self.sleepers(1, space)[0], space

    def sleepers(self, count: int, space: str | None = None) -> list[int]:
        """Processes that only are there, once they are in their namespace."""
        pids = [self.popen("sleep", "600", space=space).pid for _ in range(count)]
        for pid in pids:
            until("it is inside", lambda pid=pid: Path(f"/proc/{pid}/comm").read_text() == "sleep\n")
        return pids

    # -- reading the state ------------------------------------------------------------------------------------
    def routes(self) -> set[str]:
        """Destinations of the routes through the shim in the program's own table, both families, less the one for
        asking. A table that is empty may not be there."""
        show = "route", "show", "table", TABLE, "dev", SHIM
        lines = self.ip("-4", *show, check=False) + self.ip("-6", *show, check=False)
        return {line.split()[0] for line in lines.splitlines()} - {GATEWAY}

    def rules(self) -> list[str]:
        """Those of both families that are not the kernel's own."""
        lines = (self.ip("-4", "rule") + self.ip("-6", "rule")).splitlines()
        return [" ".join(line.split()) for line in lines if line.split(":")[0] not in ("0", "32766", "32767")]

    def addresses(self) -> set[str]:
        return {line.split()[3] for line in self.ip("-o", "addr", "show", "dev", SHIM).splitlines()}

    def rounds(self, count: int = 4) -> None:
        """Waits for that many rounds of the loop, each of which mends a route; fails where no loop is at work."""
        for _ in range(count):
            self.ip("route", "del", "192.168.1.202", "dev", SHIM, "table", TABLE)
            until("the loop mends a route", lambda: "192.168.1.202" in self.routes())

    def full_rounds(self, count: int = 2) -> None:
        """Waits for that many rounds in which the loop has asked docker for all that it asks, each at an event."""
        for _ in range(count):
            asked = self.asked("stopped")
            self.event()
            until("the loop has asked docker", lambda asked=asked: self.asked("stopped") > asked)

    def has_link(self) -> bool:
        return SHIM in self.ip("link", "show")

    def pings(self, address: str, space: str | None = None, seconds: int = 15) -> bool:
        tool = "ping6" if ":" in address else "ping"
        argv = self.inside("busybox", tool, "-c1", f"-W{seconds}", address, space=space)
        return subprocess.run(argv, capture_output=True, timeout=120).returncode == 0

    def close(self) -> None:
        for child in self.processes:
            left = children(child.pid)
            for pid in [child.pid, *left]:
                with suppress(OSError):
                    os.kill(pid, 9)
            child.wait()
        os.close(self.events)
        for space in self.spaces:
            # Also what outlived a parent that a test killed, and what that one started meanwhile.
            for _ in range(20):
                pids = run("ip", "netns", "pids", space, check=False).stdout.split()
                for pid in pids:
                    with suppress(OSError):
                        os.kill(int(pid), 9)
                if not pids:
                    break
                time.sleep(0.02)
            run("ip", "netns", "del", space, check=False)


def missing_tools(tools: Iterable[str]) -> list[str]:
    return [tool for tool in tools if not shutil.which(tool)]
