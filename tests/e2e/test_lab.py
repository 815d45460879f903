"""The box itself: what tests and people lean on, and that it leaves nothing behind. In an instance of its own.

`make test` has what would spoil other tests: a lab that waits for another, or leaves something behind. The rest of the
lab is used by every other end-to-end test, so its details run in `make test-all`."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from lab.box.engines import ENGINES
from lab.box.locks import locked
from lab.drive import ROOT, Box, Done, copy_part
from tests.e2e.fixtures_lan import standing, wait

INTERNET, INTERNET6 = "203.0.113.9", "2001:db8:ffff::9"
PREFIX = "2001:db8:1:1:"
THREAD = "fd69:3e50:e165:4bf8::/64"
RA = "icmp6 and ip6[40] == 134"  # RFC 4861 section 4.2; the flags are in octet 5, the lifetime in 6 and 7
# When init began, in this machine's ticks: another after each boot. (Not the times of /proc/1, which are those of its
# entry in the kernel's cache and change when that is short of memory.)
BOOTED = "awk '{ print $22 }' /proc/1/stat"
BY_HAND = """
docker network create -d macvlan --subnet=192.168.1.0/24 --gateway=192.168.1.1 --ipv6 --subnet=fd0d:7eb5:2afd::/64 \
  --gateway=fd0d:7eb5:2afd::1 --aux-address shim=192.168.1.254 -o parent=eth0 by-hand >/dev/null
"""
ONE = "--ip 192.168.1.201 --ip6 fd0d:7eb5:2afd::201 --network by-hand busybox"
SHIM_BY_HAND = """
ip link add macvlan-host link eth0 type macvlan mode bridge
sysctl -qw net.ipv6.conf.macvlan-host.accept_ra=0
ip address add 192.168.1.254/32 dev macvlan-host
ip address add fd0d:7eb5:2afd::254/128 dev macvlan-host noprefixroute nodad
ip link set macvlan-host up
ip route add 192.168.1.201 dev macvlan-host
ip route add fd0d:7eb5:2afd::201 dev macvlan-host
# Docker's default route to nobody would cost the first packets (docs/upstream-facts.md#docker-dead-gateway).
nsenter -t $(docker inspect -f '{{.State.Pid}}' one) -n ip -6 route del default via fd0d:7eb5:2afd::1
"""


def lab(box: Box, *arguments: str, text: str = "", cwd: Path = ROOT) -> Done:
    return subprocess.run(
        [ROOT / "lab/lab", *arguments], env=box.env, input=text, capture_output=True, text=True, timeout=900, cwd=cwd
    )


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    with standing(Box("26", "e2e-lab"), "--engine", "26") as box:
        yield box


@pytest.fixture
def fresh() -> Iterator[Box]:
    """A second lab, down at first and afterwards; keeps nothing but its keys."""
    box = Box("26", "e2e-lab-2")
    box.lab("down")
    yield box
    box.lab("down")
    shutil.rmtree(folder(box))


def folder(box: Box) -> Path:
    return ROOT / ".lab" / box.instance


def namespaces(box: Box) -> list[str]:
    """This lab's, without the machine's name; `-2` of the second instance is no part of the first."""
    said = subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout
    return sorted(found[1] for found in re.finditer(rf"^mv6-{box.lab_id()}-([a-z]+)", said, re.MULTILINE))


def delete_namespace(box: Box, machine: str) -> None:
    said = subprocess.run(["ip", "netns"], capture_output=True, text=True, check=True).stdout
    (name,) = re.findall(rf"^mv6-{box.lab_id()}-{machine}\b", said, re.MULTILINE)
    subprocess.run(["ip", "netns", "del", name], check=True)


def traces(box: Box) -> dict[str, list[str]]:
    """All that a lab may leave on this machine, but its keys."""
    mounts = [line for line in Path("/proc/mounts").read_text().splitlines() if f"{folder(box)}/" in line]
    own = box.lab_id()
    # A scope where systemd runs this machine
    # os.walk, because groups of other labs go meanwhile
    found = [Path(top) / name for top, names, _ in os.walk("/sys/fs/cgroup") for name in names]
    ours = [path for path in found if path.name.startswith("mv6-")]
    groups = [str(path) for path in ours if path.name.removesuffix(".scope").endswith(f"-{own}")]
    processes = []
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = process.read_text(errors="replace").split("\0")
        except OSError:
            continue
        if any(word.endswith(f"mv6-{own}") or word.startswith(f"{folder(box)}/run/") for word in words):
            processes.append(f"{process.parent.name} {' '.join(words)}")
    files = [path.name for path in folder(box).glob("*") if path.name not in ("ssh", ".lock")]
    return {"ns": namespaces(box), "mounts": mounts, "cgroups": groups, "processes": processes, "files": files}


NOTHING = {"ns": [], "mounts": [], "cgroups": [], "processes": [], "files": []}


def ssh(box: Box, user: str, command: str, *options: str) -> Done:
    keys = folder(box) / "ssh"
    known = ("-o", f"UserKnownHostsFile={keys}/known_hosts", "-o", "StrictHostKeyChecking=yes", "-o", "BatchMode=yes")
    words = ("ssh", "-F", "none", *known, *options, "-i", f"{keys}/id_ed25519", f"{user}@192.168.1.10", command)
    return lab(box, "exec", "client", "--", *words)


def process(box: Box, pattern: str) -> int:
    """A process on this machine that keeps the NAS running: the power supply, which boots it again, or nspawn."""
    pattern = pattern.replace("ID", f"mv6-{box.lab_id()}")
    return int(subprocess.run(["pgrep", "-f", pattern], capture_output=True, text=True).stdout)


POWER_SUPPLY, NSPAWN = "lab/lab _power ID$", "systemd-nspawn .*machine=ID "


def test_a_second_up_sees_that_all_is_well(box: Box) -> None:
    started = time.monotonic()
    done = box.lab("up", "--engine", "26")
    print(f"a second up: {time.monotonic() - started:.1f} s")
    assert "all is well" in done.stderr
    assert lab(box, "status").returncode == 0


def test_a_lab_that_is_up_does_not_wait_while_another_builds_its_image(box: Box) -> None:
    images = Path(os.environ.get("LAB_CACHE") or ROOT / ".lab/images")
    with ExitStack() as locks:
        for suite in {engine.suite for engine in ENGINES.values()}:
            locks.enter_context(locked(images / f".{suite}.lock", "building an image"))
        done = box.lab("up", "--engine", box.engine, timeout=60)
    assert "all is well" in done.stderr and "waiting" not in done.stderr


@pytest.mark.full
@pytest.mark.parametrize("source", ["client", "nas"])
@pytest.mark.parametrize("target", [INTERNET, INTERNET6, "192.168.1.1"])
def test_the_internet_is_reached_in_both_families(box: Box, source: str, target: str) -> None:
    assert box.ping(source, target) == 0


@pytest.mark.full
@pytest.mark.parametrize("machine", ["nas", "client"])
def test_the_prefix_of_the_router_is_taken(box: Box, machine: str) -> None:
    shown = box.run(machine, "ip -6 -o address show dev eth0 scope global; ip -6 route show default").stdout
    assert f"inet6 {PREFIX}" in shown and "default via fe80::" in shown and "tentative" not in shown


@pytest.mark.full
def test_exec_hands_on_words_input_and_exit_code(box: Box) -> None:
    for machine in ("nas", "client", "router", "internet"):
        done = lab(
            box, "exec", machine, "--", "sh", "-c", 'cat; echo "$1"; exit 7', "sh", "two  words $HOME", text="in\n"
        )
        assert (done.returncode, done.stdout, done.stderr) == (7, "in\ntwo  words $HOME\n", "")


@pytest.mark.full
def test_exec_nas_is_inside_the_nas_and_exec_client_in_the_callers_folder(box: Box, tmp_path: Path) -> None:
    assert box.nas("cat /proc/1/comm; hostname; id -u; pwd").split() == ["systemd", "nas", "0", "/root"]
    assert lab(box, "exec", "client", "--", "pwd", cwd=tmp_path).stdout.strip() == str(tmp_path)


@pytest.mark.full
def test_exec_outlives_the_moment_in_which_a_shutdown_stops_all_processes(box: Box) -> None:
    """systemd-shutdown stops everything before it ends it; a nsenter that waits itself would sleep for good then."""
    caught = box.start("nas", "sleep 77.7")
    try:
        box.nas("until pgrep -x -f 'sleep 77.7'; do sleep 0.1; done")
        for signal_ in ("STOP", "CONT", "TERM"):
            box.nas(f"pkill -{signal_} -x -f 'sleep 77.7'; sleep 0.2")
        assert caught.wait(60) != 0
    finally:
        caught.kill()


@pytest.mark.full
@pytest.mark.parametrize("kind", ["ssh-ed25519", "ecdsa-sha2-nistp256", "rsa-sha2-512"])
def test_every_host_key_of_the_nas_is_known(box: Box, kind: str) -> None:
    assert ssh(box, "root", "hostname", "-o", f"HostKeyAlgorithms={kind}").stdout == "nas\n"


@pytest.mark.full
def test_only_some_users_may_use_docker(box: Box) -> None:
    assert ssh(box, "root", "docker version -f '{{.Server.Version}}'").stdout.startswith("26.")
    assert ssh(box, "dockeruser", "docker ps -q").returncode == 0
    hobby = ssh(box, "hobby", "docker ps -q")
    assert hobby.returncode == 1 and "permission denied" in hobby.stderr


@pytest.mark.full
@pytest.mark.parametrize("how", ["reboot", "typed in the NAS"])
def test_a_reboot_keeps_the_disk_and_nothing_else(box: Box, how: str) -> None:
    box.nas("touch /etc/kept; ip link add gone link eth0 type macvlan; docker tag busybox kept:1")
    before = box.nas(BOOTED)
    if how == "reboot":
        box.lab("reboot")
    else:
        lab(box, "exec", "nas", "--", "systemctl", "reboot")
        # Until then the lab is well, and `up` has nothing to do
        wait("the NAS goes down", lambda: box.run("nas", BOOTED, check=False).stdout != before)
        box.lab("up", "--engine", "26")
    assert box.nas(BOOTED) != before
    links = box.nas("ls /etc/kept; ip -o link")
    assert "/etc/kept" in links and "gone" not in links
    assert box.nas("docker images -q kept:1").strip()


@pytest.mark.full
def test_power_off_and_on(box: Box) -> None:
    box.lab("power-off")
    assert lab(box, "status").returncode == 1
    assert box.ping("client", "192.168.1.10", count=1) == 1
    refused = lab(box, "exec", "nas", "--", "true")
    assert refused.returncode == 1 and "the NAS is off" in refused.stderr and "-> " in refused.stderr
    box.lab("power-on")
    assert lab(box, "status").returncode == 0


@pytest.mark.full
def test_a_new_prefix_is_taken_and_the_old_one_no_longer_preferred(box: Box) -> None:
    try:
        box.lab("ra", "--prefix", "2001:db8:2:2::/64", "--withdraw", "2001:db8:1:1::/64", "--interval", "4")

        def taken() -> bool:
            shown = box.run("client", "ip -6 -o address show dev eth0 scope global").stdout
            new = [line for line in shown.splitlines() if "inet6 2001:db8:2:2:" in line and "tentative" not in line]
            return bool(new and re.search(rf"{PREFIX}\S+ scope global deprecated", shown))

        wait("the new prefix is taken, the old one deprecated", taken, 30)
        assert box.ping("client", INTERNET6) == 0
    finally:
        box.lab("ra")


@pytest.mark.full
def test_a_router_that_announces_no_more_is_no_default_router(box: Box) -> None:
    box.lab("ra", "--off")
    route = "ip -6 route show default"
    wait("no default route", lambda: box.run("client", route).stdout == "", 20)  # its lifetime would be 30 s
    assert lab(box, "status").returncode == 1
    box.lab("up", "--engine", "26")
    wait("a default route", lambda: "default via" in box.run("client", route).stdout, 30)


def addresses(box: Box, machine: str, prefix: str) -> list[str]:
    shown = box.run(machine, "ip -6 -o address show dev eth0 scope global").stdout
    return [word for word in shown.split() if word.startswith(prefix)]


@pytest.mark.full
def test_of_a_prefix_without_slaac_no_address_is_made(box: Box) -> None:
    other, route = "2001:db8:2:3:", "ip -6 route show 2001:db8:2:3::/64 dev eth0"
    try:
        with box.packets("client", f"{RA} and ip6[45] & 0x80 != 0") as managed:
            box.lab("ra", "--prefix", f"{other}:/64", "--no-slaac", "--managed")
            wait("a route to the prefix", lambda: "proto kernel" in box.run("client", route).stdout, 30)
            wait("the managed flag", managed, 30)
        assert addresses(box, "client", other) == []
        with box.packets("client", f"{RA} and ip6[45] & 0x80 == 0") as plain:
            box.lab("ra", "--prefix", f"{other}:/64")
            wait("an address", lambda: addresses(box, "client", other), 30)
            wait("no managed flag", plain, 30)
    finally:
        box.lab("ra", "--withdraw", f"{other}:/64", "--prefix", f"{PREFIX}:/64")
        box.lab("ra")


@pytest.mark.full
def test_a_border_router_announces_its_prefix_and_is_no_default_router(box: Box) -> None:
    default = "ip -6 route show default"
    before = box.run("client", default).stdout.partition(" metric")[0]
    assert before.startswith("default via fe80::")
    try:
        with box.packets("client", f"{RA} and ip6[46:2] == 0") as seen:
            box.lab("ra", "--second", THREAD)
            wait("an address of its prefix", lambda: addresses(box, "client", THREAD.removesuffix(":/64")), 30)
            senders = {tuple(line.split()[i] for i in (1, 9)) for line in seen().splitlines()}
        assert senders == {("02:00:00:00:01:30", "fe80::ff:fe00:130")}
        assert box.run("client", default).stdout.partition(" metric")[0] == before
        assert box.run("client", default).stdout.count("via") == 1
        assert "border eth0" in lab(box, "status").stdout
    finally:
        box.lab("ra")
    assert namespaces(box) == ["client", "internet", "nas", "router"]


@pytest.mark.full
def test_advertisements_every_ten_milliseconds_until_the_next_command(box: Box) -> None:
    """Half of a hundred a second is enough of a proof on a busy machine; radvd alone sends one in three seconds."""
    with box.packets("client", RA) as seen:
        box.lab("ra", "--ms", "10")
        time.sleep(2)
        box.lab("ra")
        count = len(seen().splitlines())
    assert count > 100
    with box.packets("client", RA) as later:
        time.sleep(2)
        assert len(later().splitlines()) < 5


@pytest.mark.full
def test_reach_tells_what_reaches_what_and_fails_on_the_first_pair_that_does_not(box: Box) -> None:
    box.nas(BY_HAND)
    box.run_by_hand("one", ONE)
    box.nas(SHIM_BY_HAND)
    outputs = '{"containers": {"x": {"name": "one", "ipv4": "192.168.1.201", "ula": "fd0d:7eb5:2afd::201"}}}'
    good = lab(box, "reach", text=outputs)
    assert good.returncode == 0 and "9 of 9 pairs" in good.stdout, good.stdout
    box.nas("ip route del 192.168.1.201 dev macvlan-host")
    bad = lab(box, "reach", "one=192.168.1.201,fd0d:7eb5:2afd::201")
    lost = {tuple(line.split()[:3]) for line in bad.stdout.splitlines() if "NO:" in line}
    # Without the route the answers of the NAS's own side go astray too.
    assert bad.returncode == 1 and ("nas", "one", "IPv4") in lost and ("client", "one", "IPv4") not in lost


CRASHES: dict[str, Callable[[Box], object]] = {
    "power supply killed": lambda box: os.kill(process(box, POWER_SUPPLY), signal.SIGKILL),
    "nspawn killed": lambda box: os.kill(process(box, NSPAWN), signal.SIGKILL),
    "client's namespace deleted": lambda box: delete_namespace(box, "client"),
}


@pytest.mark.full
@pytest.mark.parametrize("crash", CRASHES)
def test_up_heals_a_lab_that_is_half_up_and_the_nas_keeps_its_disk(box: Box, crash: str) -> None:
    box.nas("touch /etc/before-the-crash; sync")
    CRASHES[crash](box)
    wait("all is not well", lambda: lab(box, "status").returncode == 1)  # who watches over nspawn needs its moment
    box.lab("up", "--engine", "26")
    assert lab(box, "status").returncode == 0
    assert box.nas("ls /etc/before-the-crash").strip()


def test_down_leaves_nothing_but_the_keys_behind(fresh: Box) -> None:
    assert traces(fresh) == NOTHING
    fresh.lab("up", "--engine", "26")
    key = (folder(fresh) / "ssh/known_hosts").read_text()
    master = ("-o", "ControlMaster=yes", "-o", f"ControlPath={folder(fresh)}/run/master", "-o", "ControlPersist=600")
    assert ssh(fresh, "root", "docker run -d busybox sleep 600", *master, "-f").returncode == 0
    fresh.lab("ra", "--second", THREAD, "--ms", "10")
    during = traces(fresh)
    assert during["ns"] == ["border", "client", "internet", "nas", "router"] and during["cgroups"]
    assert all(name in str(during["processes"]) for name in ("radvd.conf", "radvd-border.conf", "flood.conf"))
    fresh.lab("down")
    assert traces(fresh) == NOTHING
    fresh.lab("up", "--engine", "26")
    assert (folder(fresh) / "ssh/known_hosts").read_text() == key


@pytest.mark.full
def test_down_takes_away_what_a_crash_left_without_any_record_of_it(fresh: Box) -> None:
    fresh.lab("up", "--engine", "26")
    os.kill(process(fresh, POWER_SUPPLY), signal.SIGKILL)
    os.kill(process(fresh, NSPAWN), signal.SIGKILL)
    delete_namespace(fresh, "nas")  # the NAS runs on, in a network that has no name
    shutil.rmtree(folder(fresh) / "run")
    fresh.lab("down")
    assert traces(fresh) == NOTHING


@pytest.mark.full
def test_another_engine_takes_the_place_of_the_one_before_and_another_lab_is_left_alone(box: Box, fresh: Box) -> None:
    before = box.nas(BOOTED)
    fresh.lab("up", "--engine", "26")
    fresh.nas("touch /etc/of-26")
    fresh.lab("up", "--engine", "20.10")
    assert fresh.nas("docker version -f '{{.Server.Version}}'").startswith("20.10.")
    assert "of-26" not in fresh.nas("ls /etc")
    fresh.lab("down")
    assert box.nas(BOOTED) == before
    assert lab(box, "status").returncode == 0


PUBLISHED = """
services:
  web:
    image: busybox
    command: httpd -f -p 8080 -h /srv
    ports: ["8081:8080"]
"""


@pytest.mark.full
@pytest.mark.parametrize(("engine", "compose"), [("20.10", "2.40"), ("26", "2.26"), ("29", "2.26")])
def test_docker_compose_is_there_when_it_is_asked_for_and_publishes_ports(
    fresh: Box, engine: str, compose: str
) -> None:
    """On 29 a port asks for a docker-proxy of its own version."""
    fresh.lab("up", "--engine", engine, "--compose", compose)
    assert f"compose {compose}" in fresh.lab("status").stdout
    assert fresh.nas("docker compose version --short").startswith(f"{compose}.")
    fresh.nas(f"mkdir app; printf %s {shlex.quote(PUBLISHED)} > app/compose.yaml")
    fresh.nas("docker compose --project-directory app up -d")
    assert "a service" in fresh.run("client", "busybox wget -qO- http://192.168.1.10:8081/").stdout
    fresh.lab("up", "--engine", engine)
    assert fresh.run("nas", "docker compose version", check=False).returncode != 0


@pytest.mark.full
@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("exec", "laptop", "--", "true"), "no such machine: laptop"),
        (("exec", "nas"), "no command given"),
        (("exec", "nas", "--", "true"), "is not up"),
        (("reboot",), "is not up"),
        (("ra", "--prefix", "2001:db8::/48"), "is not up"),
        (("up", "--sudo", "password"), "--sudo is for a NAS of profile dsm"),
        (("up", "--parent", "a b"), "'a b' is no name of an interface"),
        (("up", "--late-parent", "-1"), "--late-parent -1 is out of range"),
        (("upgrade-dsm",), "is not up"),
    ],
)
def test_a_mistake_is_told_with_its_remedy(fresh: Box, arguments: tuple[str, ...], told: str) -> None:
    done = lab(fresh, *arguments)
    assert done.returncode == 1 and told in done.stderr and "-> " in done.stderr and "Traceback" not in done.stderr
    assert traces(fresh) == NOTHING


def test_a_name_that_no_lab_can_have_is_refused() -> None:
    for name in ("../x", "ssh", "A"):
        done = lab(Box("26", name), "up")
        assert done.returncode == 1 and "cannot be the name of a lab" in done.stderr


def test_without_root_it_says_so(tmp_path: Path) -> None:
    copy = tmp_path / "checkout/lab"
    copy_part(ROOT / "lab/box", copy / "box")
    copy_part(ROOT / "lab/lab", copy / "lab")
    for path in tmp_path.resolve().parents:
        if path.stat().st_mode & 0o005 != 0o005:
            copy_at = Path("/tmp") / f"lab-{os.getpid()}"
            break
    else:
        copy_at = copy
    if copy_at != copy:
        shutil.copytree(copy, copy_at)
    python = next(
        path for path in ("/usr/bin/python3", "/usr/local/bin/python3", sys.executable) if Path(path).exists()
    )
    try:
        done = subprocess.run([python, copy_at / "lab", "up"], user=65534, capture_output=True, text=True, timeout=120)
    finally:
        if copy_at != copy:
            shutil.rmtree(copy_at)
    assert done.returncode == 1 and "needs root" in done.stderr and "-> sudo" in done.stderr, done.stderr
