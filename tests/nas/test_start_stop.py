"""start, stop and status against the real kernel."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.nas.box import CONF, PREFIX, PROGRAM, SHIM, TABLE, TWO, Box, run, until

WANTED = {"192.168.1.201", "192.168.1.202", f"{PREFIX}201", f"{PREFIX}202"}
ADDRESSES = {"192.168.1.254/32", f"{PREFIX}254/128"}
MANY = "".join(f"container c{n} 192.168.{n // 200}.{n % 200 + 1} {PREFIX}{n + 4096:x}\n" for n in range(250))


def sysctl(box: Box, name: str, value: str | None = None) -> str:
    family, key = name.split("/")
    path = f"/proc/sys/net/{family}/conf/{SHIM}/{key}"
    script = f"cat {path}" if value is None else f"echo {value} >{path}"
    return run(*box.inside("sh", "-c", script)).stdout.strip()


def ip_calls(box: Box, command: str) -> list[str]:
    """What the program calls ip with: a wrapper stands in its place, in the mount namespace of this one run."""
    log, wrapper, real = (box.here / name for name in ("ip.calls", "ip.wrapper", "ip.real"))
    real.write_bytes(Path("/sbin/ip").read_bytes())
    wrapper.write_text(f'#!/bin/sh\necho "$*" >>{log}\nexec {real} "$@"\n')
    for file in real, wrapper:
        file.chmod(0o755)
    log.write_text("")
    script = f'mount --bind {wrapper} "$(readlink -f /sbin/ip)" && exec "$@"'
    run(*box.inside("sh", "-c", script, "sh", "env", f"MACVLAN_RUN={box.here}", *box.shell, PROGRAM, command, box.conf))
    return log.read_text().splitlines()


def test_start_makes_link_addresses_sysctls_and_routes(box: Box) -> None:
    box.program("start")
    link = box.ip("-d", "link", "show", "dev", SHIM)
    assert "macvlan mode bridge" in link and f"{SHIM}@eth0" in link and "02:42:c0:a8:01:fe" in link and ",UP," in link
    assert box.addresses() == ADDRESSES
    assert box.routes() == WANTED
    values = {key: sysctl(box, key) for key in ("ipv6/accept_ra", "ipv6/autoconf", "ipv6/addr_gen_mode")}
    assert values == {"ipv6/accept_ra": "0", "ipv6/autoconf": "0", "ipv6/addr_gen_mode": "1"}
    assert sysctl(box, "ipv4/arp_filter") == "1" and sysctl(box, "ipv4/arp_announce") == "2"


def test_start_leaves_other_links_as_they_were(box: Box) -> None:
    box.settled()
    before = box.ip("-4", "route"), box.ip("-6", "route", "show", "dev", "eth0"), box.ip("link", "show", "eth0")
    box.program("start")
    box.program("stop")
    after = box.ip("-4", "route"), box.ip("-6", "route", "show", "dev", "eth0"), box.ip("link", "show", "eth0")
    assert before == after


def seen(box: Box, does: Callable[[], object]) -> list[str]:
    """What the kernel tells of links, addresses and routes meanwhile."""
    box.settled()
    # On stderr it complains of namespaces of other tests that come and go
    monitor = box.popen("sh", "-c", "exec ip monitor link address route 2>/dev/null")
    mark = "192.0.2.1 dev lo"

    def listens() -> bool:
        for does in "add", "del":
            box.ip("route", does, *mark.split())
        return f"Deleted {mark}" in box.log()

    until("the monitor listens", listens)
    does()
    box.ip("route", "add", "192.0.2.2", "dev", "lo")
    until("it has told everything", lambda: "192.0.2.2 dev lo" in box.log())
    monitor.terminate()
    return [line for line in box.log().splitlines() if "192.0.2." not in line]


def test_a_second_start_changes_nothing(box: Box) -> None:
    box.program("start")
    assert seen(box, lambda: box.program("start")) == []


def test_the_monitor_of_that_test_does_see_a_change(box: Box) -> None:
    box.program("start")
    box.ip("route", "del", "192.168.1.201", "dev", SHIM, "table", TABLE)
    assert any("192.168.1.201" in line for line in seen(box, lambda: box.program("start")))


@pytest.mark.parametrize(
    "damage",
    [
        "ip link del macvlan-host",
        "ip link set macvlan-host down",
        "ip link set macvlan-host down; ip link set macvlan-host address 02:00:00:00:00:01",
        "ip link set macvlan-host type macvlan mode private",
        "ip link add other type veth peer name other2; ip link del macvlan-host; "
        "ip link add link other name macvlan-host type macvlan mode bridge",
        "ip addr del 192.168.1.254/32 dev macvlan-host",
        f"ip addr del {PREFIX}254/128 dev macvlan-host",
        "ip addr add 192.168.1.254/24 dev macvlan-host; ip addr add 2001:db8::1/64 dev macvlan-host",
        "ip route flush table 109",
        f"ip -6 route del {PREFIX}201 dev macvlan-host table 109",
        "ip rule del pref 109",
        "ip -6 rule del pref 109; ip rule del pref 109; ip route flush table 109",
        "ip route add 192.168.1.0/24 dev macvlan-host; ip route add 192.168.1.99 dev macvlan-host",
        "ip route add default dev macvlan-host; ip -6 route add default via fe80::1 dev macvlan-host",
        "ip route replace 192.168.1.201 dev eth0 table 109",
        "ip route replace 192.168.1.201 via 192.168.1.7 dev macvlan-host table 109 onlink",
        "echo 0 >/proc/sys/net/ipv4/conf/macvlan-host/arp_filter",
        "echo 0 >/proc/sys/net/ipv4/conf/macvlan-host/arp_announce",
        "echo 2 >/proc/sys/net/ipv6/conf/macvlan-host/accept_ra",
        "echo 1 >/proc/sys/net/ipv6/conf/macvlan-host/disable_ipv6",
    ],
)
def test_start_corrects_whatever_was_done_to_the_shim(box: Box, damage: str) -> None:
    box.program("start")
    run(*box.inside("sh", "-ec", damage))
    drifted = box.program("status", "--brief", check=False)
    assert drifted.returncode == (3 if damage == "ip link del macvlan-host" else 1)
    box.program("start")
    assert (box.addresses(), box.routes()) == (ADDRESSES, WANTED)
    assert box.program("status", "--brief").returncode == 0


def test_a_route_that_is_no_longer_wanted_goes_and_the_link_stays(box: Box) -> None:
    box.program("start")
    index = box.ip("-o", "link", "show", SHIM).split(":")[0]
    box.write_conf(f"container test 192.168.1.203 {PREFIX}203\ncontainer v4only 192.168.1.204 -\n")
    box.program("start")
    assert box.routes() == {"192.168.1.203", f"{PREFIX}203", "192.168.1.204"}
    assert box.ip("-o", "link", "show", SHIM).split(":")[0] == index


def test_routes_that_the_watch_loop_learned_survive_a_start(box: Box) -> None:
    box.program("start")
    box.ip("route", "add", "2001:db8::7/128", "dev", SHIM, "table", TABLE, "proto", "109")
    box.program("start")
    assert "2001:db8::7" in box.routes()


@pytest.mark.parametrize("times", [1, 2])
def test_stop_removes_everything_and_succeeds_when_nothing_is_there(box: Box, times: int) -> None:
    box.settled()
    before = box.ip("addr"), box.ip("route", "show", "table", "all")
    assert not box.rules()
    box.program("start")
    for _ in range(times):
        box.program("stop")
    assert not box.has_link() and not box.rules()
    after = box.ip("addr"), box.ip("route", "show", "table", "all")
    assert [line for line in after[0].splitlines() if "valid_lft" not in line] == [
        line for line in before[0].splitlines() if "valid_lft" not in line
    ]
    assert sorted(after[1].splitlines()) == sorted(before[1].splitlines())


def test_a_failed_start_leaves_nothing_behind_and_says_why_in_one_line(box: Box) -> None:
    box.ip("link", "del", "eth0")
    done = box.program("start", check=False)
    assert done.returncode == 1 and not box.has_link()
    (line,) = done.stderr.splitlines()  # some kernels put idle tunnels into each namespace
    assert line.startswith("setup_docker_macvlan.sh: start failed: the parent link eth0 does not exist; links here:")


def test_a_start_that_fails_halfway_takes_its_link_away_again(box: Box) -> None:
    # Passes for an address here, and not with ip, after the link was made
    box.write_conf("container odd 192.168.1.203 ff02::1:2:3:4:5:6:7:8\n")
    done = box.program("start", check=False)
    assert done.returncode == 1 and not box.has_link() and not box.rules()
    assert not list(box.here.glob("macvlan-ipv6.table.*"))
    assert "ff02::1:2:3:4:5:6:7:8" in done.stderr and len(done.stderr.splitlines()) == 1


def test_a_link_of_that_name_that_is_no_macvlan_is_never_touched(box: Box) -> None:
    box.ip("link", "add", SHIM, "type", "veth", "peer", "name", "other")
    done = box.program("start", check=False)
    assert done.returncode == 1 and "no macvlan" in done.stderr
    box.program("stop")
    assert box.has_link()
    assert box.program("status", "--brief", check=False).returncode == 1


def test_the_parent_may_be_down_at_start(box: Box) -> None:
    box.ip("link", "set", "eth0", "down")
    box.program("start")
    assert box.routes() == WANTED and box.program("status", "--brief").returncode == 0


def test_250_containers_cost_at_most_eight_ip_processes(box: Box) -> None:
    box.write_conf(MANY)
    cold = ip_calls(box, "start")
    assert len(box.routes()) == 500
    idle = ip_calls(box, "start")
    print(f"ip processes for 500 routes: {len(cold)} from nothing, {len(idle)} with no change")
    assert len(cold) <= 8 and len(idle) <= 4


def test_two_starts_at_once_both_end_well(box: Box) -> None:
    box.write_conf(MANY)
    three = [box.popen(*box.shell, PROGRAM, "start", box.conf) for _ in range(3)]
    assert [child.wait(timeout=240) for child in three] == [0, 0, 0], box.log()
    assert len(box.routes()) == 500 and not list(box.here.glob("*.lock*"))


def test_a_lock_that_a_crash_left_does_not_stop_anyone(box: Box) -> None:
    (box.here / f"setup_docker_macvlan.sh.{SHIM}.lock").symlink_to("1")  # alive, but another program
    box.program("start")
    assert box.has_link() and not list(box.here.glob("*.lock*"))


def test_where_no_lock_can_be_made_a_start_ends_soon_and_says_why(box: Box) -> None:
    argv = box.inside(*box.shell, PROGRAM, "start", box.conf)
    env = box.env() | {"MACVLAN_RUN": str(box.here / "nowhere")}
    done = subprocess.run(argv, env=env, capture_output=True, text=True, timeout=15)
    assert done.returncode == 1 and len(done.stderr.splitlines()) == 1 and not box.has_link()
    assert done.stderr.startswith("setup_docker_macvlan.sh: start failed: cannot lock (ln: ")
    assert "nowhere is writable" in done.stderr


def test_a_loop_that_can_make_no_lock_goes_on_and_says_so_once(box: Box) -> None:
    program = box.patched("due=20 unanswered", "due=0 unanswered")  # asks docker in each round
    child = box.popen("env", f"MACVLAN_RUN={box.here}/run", *box.shell, program, "watch", box.conf)
    until("told", lambda: "cannot lock (" in box.log())
    until("two more rounds", lambda: box.asked("stopped") >= 2)
    assert box.log().count("cannot lock (") == 1 and child.poll() is None
    (box.here / "run").mkdir()
    until("made", box.has_link)


def test_a_parent_without_an_ipv4_address_serves_by_the_shims_address(box: Box) -> None:
    """The site says `lan.nas_address: none`."""
    assert "inet " not in box.ip("addr", "show", "dev", "eth0")
    _, space = box.container("test", "192.168.1.201", f"{PREFIX}201")
    box.program("start")
    assert box.pings("192.168.1.201") and box.pings(f"{PREFIX}201")
    assert box.pings("192.168.1.254", space) and box.pings(f"{PREFIX}254", space)


def test_host_and_container_talk_in_both_families_and_directions(box: Box) -> None:
    box.ip("addr", "add", "192.168.1.10/24", "dev", "eth0")
    for knob in "all", "eth0", "default":
        run(*box.inside("sh", "-c", f"echo 1 >/proc/sys/net/ipv4/conf/{knob}/rp_filter"))
    _, space = box.container("test", "192.168.1.201", f"{PREFIX}201")
    assert not box.pings("192.168.1.201", seconds=2)
    box.program("start")
    # At once: no duplicate address detection that would hold the shim's address back for a second
    assert all(box.pings(address) for address in ("192.168.1.201", f"{PREFIX}201"))
    assert all(box.pings(address, space) for address in ("192.168.1.254", f"{PREFIX}254", "192.168.1.10"))
    assert "192.168.1.254" in box.ip("route", "get", "192.168.1.201")
    assert f"src {PREFIX}254" in box.ip("route", "get", f"{PREFIX}201")


def test_status_has_three_answers(box: Box) -> None:
    assert box.program("status", check=False).returncode == 3
    box.program("start")
    fine = box.program("status")
    assert "4 wanted, 4 present, 0 missing, 0 stale" in fine.stdout
    box.ip("route", "del", "192.168.1.201", "dev", SHIM, "table", TABLE)
    drifted = box.program("status", check=False)
    assert drifted.returncode == 1 and "route replace 192.168.1.201/32" in drifted.stdout


def test_brief_status_is_one_line_that_stays_the_same(box: Box) -> None:
    box.program("start")
    line = f"shim {SHIM} on eth0: 192.168.1.254, {PREFIX}254; 2 containers, 4 routes\n"
    assert [box.program("status", "--brief").stdout for _ in range(2)] == [line, line]


@pytest.mark.parametrize("containers", ["", TWO, "container a.b-c_D 192.168.1.9 -\n"])
@pytest.mark.parametrize("damage", ["", "ip link del macvlan-host", "ip rule del pref 109"])
def test_json_status_is_json(box: Box, containers: str, damage: str) -> None:
    box.write_conf(containers)
    box.program("start")
    subprocess.run(box.inside("sh", "-c", damage), check=True)
    answer = json.loads(box.program("status", "--json", check=False).stdout)
    assert answer["shim"] == {
        "name": SHIM,
        "parent": "eth0",
        "mac": "02:42:c0:a8:01:fe",
        "ipv4": "192.168.1.254",
        "ipv6": f"{PREFIX}254",
    }
    assert (answer["state"] == "ok") == (not answer["drift"])
    assert len(answer["containers"]) == len(containers.splitlines())


def test_a_link_whose_parent_moved_is_made_anew(box: Box) -> None:
    box.program("start")
    box.ip("link", "add", "eth7", "type", "veth", "peer", "name", "wire7")
    box.write_conf(TWO, CONF.replace("parent eth0", "parent eth7"))
    box.program("start")
    assert f"{SHIM}@eth7" in box.ip("link", "show", SHIM) and box.routes() == WANTED
