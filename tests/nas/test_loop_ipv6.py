"""IPv6 that the loop gives where Docker's network has none, and what it takes back."""

import signal
import time
from pathlib import Path

import pytest

from tests.nas.box import CONF, PREFIX, SHIM, Box, mac_of, run, until

ULA = f"{PREFIX}201"
LOOP = CONF.replace("placeholder_gateway fd0d:7eb5:2afd::1\n", "") + "ipv6 loop\n"
SLOW = LOOP.replace("check_interval 1\n", "check_interval 3600\n")
ONE = f"container test 192.168.1.201 {ULA} -\n"
MAC, RANDOM = "02:42:c0:a8:01:4d", "aa:5c:97:be:35:2f"
WITH_MAC = ONE.replace(" -\n", f" {MAC}\n")
SLAAC = "container test 192.168.1.201 slaac -\n"
OTHER = "container other 192.168.1.99 - -\n"
ALL = "others all\nlan_subnet 192.168.1.0/24\n"
PREFIXED = f"{ALL}ula_prefix {PREFIX}/64\n"
FORMED = "2001:db8:1:1:42:c0ff:fea8:1c9"  # of the MAC that docker gives to .201
OFF = '{"net.ipv6.conf.all.disable_ipv6":"1"} null'


def sysctl(box: Box, space: str, name: str, value: str = "", family: str = "ipv6", link: str = "eth0") -> str:
    file = f"/proc/sys/net/{family}/conf/{link}/{name}"
    return run(*box.inside("sh", "-c", f"{f'echo {value} >{file}; ' if value else ''}cat {file}", space=space)).stdout[
        :-1
    ]


def dockers(box: Box, name: str = "test", number: int = 201, off: str = "eth0") -> tuple[int, str]:
    """A container as docker makes it on a network without IPv6, and what docker says of it."""
    v4 = f"192.168.1.{number}"
    space = box.space(name)
    box.ip("link", "add", "link", "eth0", "name", "new0", "netns", space, "type", "macvlan", "mode", "bridge")
    run(
        *box.inside(
            "sh", "-c", f"echo 1 >/proc/sys/net/ipv6/conf/{off.replace('eth0', 'new0')}/disable_ipv6", space=space
        )
    )
    for args in f"link set new0 name eth0 address {mac_of(v4)}", f"addr add {v4}/24 dev eth0", "link set eth0 up":
        box.ip(*args.split(), space=space)
    return box.sleepers(1, space)[0], space


def addresses(box: Box, space: str, link: str = "eth0") -> set[str]:
    said = box.ip("-6", "-o", "addr", "show", "dev", link, "scope", "global", space=space)
    return {line.split()[3] for line in said.splitlines()}


def state(box: Box, space: str) -> str:
    """All sysctls of the interface, its MAC, its token, its addresses but for the link-local ones."""
    script = "cd /proc/sys/net; grep . ipv4/conf/eth0/* ipv6/conf/eth0/* ipv6/conf/all/* ipv6/conf/lo/* 2>/dev/null"
    sysctls = run(*box.inside("sh", "-c", script, space=space), check=False).stdout
    link = box.ip("link", "show", "dev", "eth0", space=space).splitlines()[1]
    return f"{sysctls}{link}\n{box.ip('token', 'show', space=space)}{sorted(addresses(box, space))}"


def record(box: Box) -> list[str]:
    file = box.here / f"macvlan-ipv6.{SHIM}.given"
    return file.read_text().splitlines() if file.exists() else []


def attach(box: Box, conf: str, name: str = "test", number: int = 201, off: str = "eth0") -> tuple[int, str]:
    """A container that docker tells of; the loop is at work and has looked once."""
    pid, space = dockers(box, name, number, off)
    start(box, conf, {name: (pid, number)})
    return pid, space


def start(box: Box, conf: str, containers: dict[str, tuple[int, int]]) -> None:
    box.running({name: (pid, f"192.168.1.{number}", "-") for name, (pid, number) in containers.items()})
    box.conf.write_text(conf)
    box.program("start")
    box.watch()
    until("it has looked", lambda: box.asked("stopped"))


def loop(box: Box) -> int:
    return box.processes[-1].pid


def reload(box: Box, conf: str) -> None:
    """Waits until the loop has done what follows from it."""
    asked = box.asked("stopped")
    box.conf.write_text(conf)
    box.processes[-1].send_signal(signal.SIGHUP)
    until("it has looked again", lambda: box.asked("stopped") > asked)


def has(box: Box, space: str, address: str = ULA) -> bool:
    return f"{address}/64" in addresses(box, space)


@pytest.mark.parametrize("off", ["eth0", "all"])
def test_a_container_on_a_network_without_ipv6_gets_its_ula_within_a_second(box: Box, off: str) -> None:
    start(box, SLOW + ONE, {})
    pid, space = dockers(box, off=off)
    assert sysctl(box, space, "disable_ipv6") == "1"
    box.running({"test": (pid, "192.168.1.201", "-")})
    began = time.monotonic()
    box.event()
    until("the ULA", lambda: has(box, space))
    took = time.monotonic() - began
    print(f"{box.shell}: ULA {took:.2f} s after the start")
    assert took < 1
    assert sysctl(box, space, "disable_ipv6") == "0"
    if off == "all":
        assert sysctl(box, space, "disable_ipv6", link="all") == "1" == sysctl(box, space, "disable_ipv6", link="lo")
    assert box.pings(ULA)
    until("told", lambda: f"test: has IPv6 and the address {ULA} now" in box.log())


def test_the_loop_looks_again_soon_until_the_interface_is_there(box: Box) -> None:
    """Docker tells of the process before it has connected it."""
    pid, space = dockers(box)
    box.ip("addr", "del", "192.168.1.201/24", "dev", "eth0", space=space)
    start(box, SLOW + ONE, {"test": (pid, 201)})
    box.event()
    until("it looks", lambda: box.asked("stopped") > 1)
    assert not has(box, space)
    box.ip("addr", "add", "192.168.1.201/24", "dev", "eth0", space=space)
    began = time.monotonic()
    until("the ULA without an event", lambda: has(box, space))
    print(f"{box.shell}: ULA {time.monotonic() - began:.2f} s after the interface")
    assert time.monotonic() - began < 1.5  # busybox may know no naps below a second


def test_slaac_switches_ipv6_on_and_gives_nothing(box: Box) -> None:
    _, space = attach(box, LOOP + SLAAC)
    until("IPv6 is on", lambda: sysctl(box, space, "disable_ipv6") == "0")
    assert addresses(box, space) == set()
    box.ip(*f"addr add {FORMED}/64 dev eth0 nodad valid_lft 600 preferred_lft 600".split(), space=space)
    until("what the router announces is learned", lambda: FORMED in box.routes())
    assert [line.split()[2:] for line in record(box) if "optimistic" not in line] == [["2", "ipv6/disable_ipv6", "1"]]


@pytest.mark.parametrize("ula", [ULA, "slaac"])
def test_a_static_global_address_is_given_routed_and_taken_back_beside_the_other(box: Box, ula: str) -> None:
    static = "2001:db8:7:7::53"  # not of a /64 of this host: an address like that is never learned
    planned = f"container test 192.168.1.201 {ula} {MAC}"
    expected = {f"{address}/64" for address in (static, ula) if address != "slaac"}
    _, space = attach(box, f"{LOOP}{planned} {static}\n")
    until("both are there", lambda: addresses(box, space) == expected)
    # Without a ULA of its own a container cannot answer the shim's
    until("and the static one is reached", lambda: box.pings(static) if ula == ULA else static in box.routes())
    box.ip("addr", "del", f"{static}/64", "dev", "eth0", space=space)
    until("it is given again", lambda: has(box, space, static))
    reload(box, f"{LOOP}{planned}\n")
    until("it goes with its line", lambda: not has(box, space, static))
    assert (ula == "slaac" or has(box, space)) and static not in box.routes()


@pytest.mark.parametrize(("more", "given"), [("", None), (ALL, ""), (PREFIXED, f"{PREFIX}77")])
def test_a_container_that_nobody_planned_gets_it_only_if_the_site_says_so(
    box: Box, more: str, given: str | None
) -> None:
    _, space = attach(box, LOOP + ONE + more, "other", 77)
    box.full_rounds(2)
    assert sysctl(box, space, "disable_ipv6") == ("1" if given is None else "0")
    assert addresses(box, space) == ({f"{given}/64"} if given else set())
    assert (f"{PREFIX}77" in box.routes()) is bool(given)
    if given:
        assert box.pings(given)
    reload(box, LOOP + ONE)
    assert sysctl(box, space, "disable_ipv6") == "1" and addresses(box, space) == set()
    until("its route goes", lambda: f"{PREFIX}77" not in box.routes())
    assert "192.168.1.77" in box.routes()


@pytest.mark.parametrize("conf", [LOOP + ONE, LOOP + SLAAC, LOOP + OTHER + PREFIXED])
def test_what_its_creator_has_switched_off_stays_off(box: Box, conf: str) -> None:
    pid, space = dockers(box)
    before = sysctl(box, space, "disable_ipv6")
    box.running({"test": (pid, "192.168.1.201", "-")})
    inspect = box.here / "docker.inspect"
    inspect.write_text(inspect.read_text().replace("\n", f" {OFF}\n"))
    box.conf.write_text(conf)
    box.program("start")
    box.watch()
    box.full_rounds(2)
    assert sysctl(box, space, "disable_ipv6") == before == "1" and addresses(box, space) == set()


def test_docker_is_asked_for_the_sysctls_of_the_creator_only_in_this_mode(box: Box) -> None:
    attach(box, LOOP + ONE)
    words = (box.here / "docker.words").read_text()
    assert "{{json $.HostConfig.Sysctls}} {{json .DriverOpts}}{{end}}" in words
    reload(box, CONF + ONE)
    assert "Sysctls" not in (box.here / "docker.words").read_text().rpartition("inspect --format attached")[2]


@pytest.mark.parametrize("damage", ["addr del {ula}/64 dev eth0", "off", "link set eth0 down; link set eth0 up"])
def test_what_a_container_loses_is_given_again_and_recorded_once(box: Box, damage: str) -> None:
    _, space = attach(box, LOOP + ONE)
    until("the ULA", lambda: has(box, space))
    before = record(box)
    for _ in range(3):
        for line in damage.format(ula=ULA).split("; "):
            if line == "off":
                sysctl(box, space, "disable_ipv6", "1")
            else:
                box.ip(*line.split(), space=space)
        until("the ULA again", lambda: has(box, space) and sysctl(box, space, "disable_ipv6") == "0")
    assert record(box) == before


def test_the_planned_mac_comes_first_so_that_no_address_has_the_other_one(box: Box) -> None:
    pid, space = dockers(box)
    box.ip("link", "set", "eth0", "address", RANDOM, space=space)
    monitor = box.popen("ip", "-6", "monitor", "address", space=space)
    until("it listens", lambda: Path(f"/proc/{monitor.pid}/comm").read_text() == "ip\n")
    time.sleep(0.2)
    start(box, LOOP + WITH_MAC, {"test": (pid, 201)})
    until("the ULA", lambda: has(box, space))
    until("a link-local address", lambda: "fe80::42:c0ff:fea8:14d" in box.ip("-6", "addr", space=space))
    assert "fe80::42:c0ff:fea8:14d" in box.log() and "97ff:febe" not in box.log()
    assert f"test: has the MAC {MAC} in place of {RANDOM}" in box.log()
    assert f"test: has IPv6 and the address {ULA} now" in box.log()


FORWARDS = ("docker", CONF + ONE), ("docker, MAC", CONF + WITH_MAC), ("loop", LOOP + ONE), ("all", LOOP + OTHER + ALL)


@pytest.mark.parametrize("conf", [conf for _, conf in FORWARDS], ids=[name for name, _ in FORWARDS])
def test_one_that_forwards_takes_advertisements_all_the_same(box: Box, conf: str) -> None:
    pid, space = dockers(box)
    if "ipv6 loop" not in conf:
        sysctl(box, space, "disable_ipv6", "0")
        box.ip("addr", "add", f"{ULA}/64", "dev", "eth0", "nodad", space=space)
    sysctl(box, space, "forwarding", "1")
    assert sysctl(box, space, "accept_ra") == "1"
    before = state(box, space)
    box.running({"test": (pid, "192.168.1.201", "-" if "ipv6 loop" in conf else ULA)})
    box.conf.write_text(conf)
    box.program("start")
    child = box.watch()
    until("2", lambda: sysctl(box, space, "accept_ra") == "2")
    assert sysctl(box, space, "accept_ra", link="all") == sysctl(box, space, "accept_ra", link="default") == "1"
    until("told", lambda: "test: forwards packets: takes advertisements all the same now (accept_ra=2)" in box.log())
    ended(child)
    box.program("withdraw")
    assert state(box, space) == before


@pytest.mark.parametrize("conf", [CONF + OTHER, LOOP + OTHER])
def test_forwarding_of_a_container_that_nobody_planned_is_none_of_ours(box: Box, conf: str) -> None:
    pid, space = dockers(box)
    sysctl(box, space, "forwarding", "1")
    sysctl(box, space, "disable_ipv6", "0")
    box.ip("addr", "add", f"{ULA}/64", "dev", "eth0", "nodad", space=space)
    box.running({"test": (pid, "192.168.1.201", ULA)})
    box.conf.write_text(conf)
    box.program("start")
    box.watch()
    box.full_rounds(2)
    assert (sysctl(box, space, "accept_ra"), sysctl(box, space, "optimistic_dad")) == ("1", "1")


@pytest.mark.parametrize("takes", ["0", "2"])
def test_what_its_creator_says_of_advertisements_stays(box: Box, takes: str) -> None:
    pid, space = dockers(box)
    sysctl(box, space, "forwarding", "1")
    sysctl(box, space, "accept_ra", takes)
    start(box, LOOP + ONE, {"test": (pid, 201)})
    until("the ULA", lambda: has(box, space))
    assert sysctl(box, space, "accept_ra") == takes


def test_forwarding_that_is_switched_on_later_is_seen_at_the_next_full_look(box: Box) -> None:
    pid, space = dockers(box)
    box.running({"test": (pid, "192.168.1.201", "-")})
    box.conf.write_text(LOOP + ONE)
    box.program("start")
    box.watch(program=box.patched("due=20 unanswered", "due=2 unanswered"))
    until("the ULA", lambda: has(box, space))
    sysctl(box, space, "forwarding", "1")
    until("2", lambda: sysctl(box, space, "accept_ra") == "2")


# -- taking back -----------------------------------------------------------------------------------------------
def ended(child: "object") -> None:
    child.terminate()  # type: ignore[attr-defined]
    assert child.wait(timeout=60) == 0  # type: ignore[attr-defined]


@pytest.mark.parametrize("conf", [LOOP + ONE, LOOP + SLAAC, LOOP + WITH_MAC, CONF + WITH_MAC, LOOP + OTHER + PREFIXED])
@pytest.mark.parametrize("was", ["off", "on"])
def test_withdraw_leaves_sysctls_and_addresses_as_they_were(box: Box, conf: str, was: str) -> None:
    """IPv6 that was on before stays on, with what the container had."""
    pid, space = dockers(box)
    if was == "on":
        sysctl(box, space, "disable_ipv6", "0")
        box.ip("addr", "add", "2001:db8:1:1::5/64", "dev", "eth0", "nodad", space=space)
    before = state(box, space)
    start(box, conf, {"test": (pid, 201)})
    until("it is arranged", lambda: record(box) and state(box, space) != before)
    box.full_rounds(1)
    assert ("IPv6" in box.log()) is not (conf.startswith(CONF) or (was == "on" and conf == LOOP + SLAAC))
    ended(box.processes[-1])
    box.program("stop")
    arranged = state(box, space)
    assert arranged != before, "a plain stop takes nothing back"
    box.program("withdraw")
    assert state(box, space) == before and not record(box)
    box.program("withdraw")
    assert state(box, space) == before


def test_withdraw_of_ipv6_alone_leaves_the_mac(box: Box) -> None:
    """For a version of before, which sets MACs and takes nothing back."""
    _, space = attach(box, LOOP + WITH_MAC)
    until("the ULA", lambda: has(box, space))
    ended(box.processes[-1])
    argv = box.inside(*box.shell, box.patched("x", "x"), "withdraw", box.conf, "ipv6")
    run("env", f"MACVLAN_RUN={box.here}", *argv)
    assert sysctl(box, space, "disable_ipv6") == "1" and MAC in box.ip("link", space=space)
    assert {line.split()[3] for line in record(box)} >= {"mac", "ipv6/optimistic_dad"}
    assert not {"address", "ipv6/disable_ipv6"} & {line.split()[3] for line in record(box)}


def test_addresses_that_the_router_led_to_go_with_the_mac_that_they_follow_from(box: Box) -> None:
    pid, space = dockers(box)
    sysctl(box, space, "disable_ipv6", "0")
    start(box, LOOP + WITH_MAC, {"test": (pid, 201)})
    until("the MAC", lambda: MAC in box.ip("link", space=space))
    formed = "2001:db8:1:1:42:c0ff:fea8:14d"
    box.ip(*f"addr add {formed}/64 dev eth0 nodad valid_lft 600 preferred_lft 600".split(), space=space)
    box.full_rounds(1)
    assert has(box, space, formed)
    ended(box.processes[-1])
    box.program("withdraw")
    assert addresses(box, space) == set() and MAC not in box.ip("link", space=space)


@pytest.mark.parametrize("conf", [LOOP + OTHER, CONF + ONE, CONF + ONE.replace(ULA, "-")])
def test_a_container_that_leaves_or_another_mode_gets_back_what_it_had(box: Box, conf: str) -> None:
    pid, space = dockers(box)
    start(box, LOOP + ONE, {"test": (pid, 201)})
    until("the ULA", lambda: has(box, space))
    reload(box, conf)
    assert sysctl(box, space, "disable_ipv6") == "1" and addresses(box, space) == set()
    until("its IPv4 route stays", lambda: "192.168.1.201" in box.routes())
    assert sysctl(box, space, "optimistic_dad") == "0", "it has no IPv6 that this would be for"


def test_a_mac_that_is_not_planned_any_more_is_taken_back(box: Box) -> None:
    pid, space = dockers(box)
    before = state(box, space)
    start(box, CONF + WITH_MAC, {"test": (pid, 201)})
    until("the MAC", lambda: MAC in box.ip("link", space=space))
    reload(box, CONF + ONE)
    assert MAC not in box.ip("link", space=space)
    ended(box.processes[-1])
    box.program("withdraw")
    assert state(box, space) == before


def test_another_planned_ula_comes_and_the_old_one_goes_and_ipv6_stays_on(box: Box) -> None:
    _, space = attach(box, LOOP + ONE)
    until("the ULA", lambda: has(box, space))
    box.ip(*f"addr add {FORMED}/64 dev eth0 nodad valid_lft 600 preferred_lft 600".split(), space=space)
    reload(box, LOOP + ONE.replace(ULA, f"{PREFIX}abc"))
    assert addresses(box, space) == {f"{PREFIX}abc/64", f"{FORMED}/64"}
    assert [line.split()[4] for line in record(box) if " address " in line] == [f"{PREFIX}abc"]


def test_a_docker_that_does_not_answer_takes_nothing_from_anybody(box: Box) -> None:
    _, space = attach(box, LOOP + ONE)
    until("the ULA", lambda: has(box, space))
    (box.here / "docker.fails").touch()
    (box.here / "docker.inspect").write_text("")
    asked = box.asked()
    box.event()
    until("asked again and again", lambda: box.asked() >= asked + 4)
    assert has(box, space)
    (box.here / "docker.fails").unlink()
    until("docker says that it is gone", lambda: not has(box, space))


def test_one_that_restarts_gets_it_again_and_the_record_forgets_the_process_of_before(box: Box) -> None:
    pid, space = attach(box, LOOP + ONE)
    until("the ULA", lambda: has(box, space))
    sleeper = next(child for child in box.processes if child.pid == pid)
    sleeper.kill()
    sleeper.wait()
    box.ip("link", "del", "eth0", space=space)
    pid, space = dockers(box)
    box.running({"test": (pid, "192.168.1.201", "-")})
    box.event()
    until("the ULA", lambda: has(box, space))
    until("forgotten", lambda: {int(line.split()[0]) for line in record(box)} == {pid})


def test_the_record_is_for_root_alone_and_goes_along_with_another_name_of_the_shim(box: Box) -> None:
    pid, space = dockers(box)
    before = state(box, space)
    start(box, LOOP + ONE, {"test": (pid, 201)})
    until("the ULA", lambda: has(box, space))
    (file,) = box.here.glob("*.given")
    assert file.stat().st_mode & 0o777 == 0o600
    reload(box, (LOOP + ONE).replace(f"shim {SHIM}", "shim lan-shim"))
    (file,) = box.here.glob("*.given")
    assert file.name == "macvlan-ipv6.lan-shim.given" and has(box, space)
    ended(box.processes[-1])
    box.program("withdraw")
    assert state(box, space) == before


# -- what a container or a crash may do -------------------------------------------------------------------------
def test_a_loop_that_is_killed_between_the_record_and_the_change_loses_nothing(box: Box) -> None:
    pid, space = dockers(box)
    before = state(box, space)
    box.running({"test": (pid, "192.168.1.201", "-")})
    box.conf.write_text(LOOP + ONE)
    box.program("start")
    change = '&& echo "$2" >"$file"'
    killer = f"&& if [ $1 = ipv6/disable_ipv6 ]; then kill -9 $(cat {box.here}/loop); sleep 600; fi {change}"
    program = box.patched(change, killer)
    child = box.popen("sh", "-c", 'echo $$ >"$0"; exec "$@"', box.here / "loop", *box.shell, program, "watch", box.conf)
    assert child.wait(timeout=60) == -9
    assert [line.split()[3] for line in record(box)][-1] == "ipv6/disable_ipv6" and not has(box, space)
    for left in run("ip", "netns", "pids", space).stdout.split():
        if Path(f"/proc/{left}/cmdline").read_bytes().split(b"\0")[0] != b"sleep" or int(left) != pid:
            run("kill", "-9", left, check=False)
    taken = record(box)
    box.watch()
    until("the ULA", lambda: has(box, space))
    assert record(box)[: len(taken)] == taken
    ended(box.processes[-1])
    box.program("withdraw")
    assert state(box, space) == before


def test_a_container_that_renames_its_interface_is_served_and_gets_all_back(box: Box) -> None:
    pid, space = dockers(box)
    before = state(box, space)
    start(box, LOOP + ONE, {"test": (pid, 201)})
    until("the ULA", lambda: has(box, space))
    lines = record(box)
    for args in ("link set eth0 down", "link set eth0 name lan0", "link set lan0 up"):
        box.ip(*args.split(), space=space)
    until("the ULA again", lambda: f"{ULA}/64" in addresses(box, space, "lan0"))
    assert record(box) == lines, "by the number of the interface"
    ended(box.processes[-1])
    box.program("withdraw")
    for args in ("link set lan0 down", "link set lan0 name eth0", "link set eth0 up"):
        box.ip(*args.split(), space=space)
    assert state(box, space) == before


@pytest.mark.parametrize("name", ["$(reboot)", "a;b", "-6", "*"])
def test_an_interface_with_the_name_of_a_command_is_left_alone(box: Box, name: str) -> None:
    pid, space = dockers(box)
    for args in (["link", "set", "eth0", "down"], ["link", "set", "eth0", "name", name]):
        box.ip(*args, space=space)
    box.ip("link", "set", "dev", name, "up", space=space)
    start(box, LOOP + ONE, {"test": (pid, 201)})
    box.full_rounds(2)
    assert not record(box) and ULA not in box.ip("-6", "addr", space=space)


def test_a_container_that_never_stops_changing_things_fills_no_record_and_no_log(box: Box) -> None:
    """New interfaces with its IPv4 address, and IPv6 off again, as fast as it can for 30 rounds of the loop."""
    pid, space = dockers(box)
    script = """n=0; while n=$((n + 1)); do
        ip link add x$n type veth peer name y$n; ip link set x$n up; ip link set y$n up
        ip addr add 192.168.1.201/32 dev x$n; ip route add 192.168.1.201/32 dev x$n
        sleep 0.3; echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6; ip link del x$n
    done"""
    box.popen("sh", "-c", script, space=space)
    box.running({"test": (pid, "192.168.1.201", "-")})
    box.conf.write_text(LOOP + ONE)
    box.program("start")
    box.watch()
    most = 0
    for _ in range(40):
        box.event()
        time.sleep(0.15)
        most = max(most, len(record(box)))
    until("it goes on", lambda: most >= 10)
    said = box.log().count("test: ")
    print(f"{box.shell}: {most} lines of the record, {said} of the log")
    assert most <= 64 and said <= 6


def test_hundreds_of_addresses_neither_hide_the_ula_nor_keep_the_loop_busy(box: Box) -> None:
    _, space = attach(box, SLOW + ONE)
    until("the ULA", lambda: has(box, space))
    batch = "".join(f"addr add 2001:db8:9::{n:x}/64 dev eth0 nodad\n" for n in range(600))
    run("ip", "-n", space, "-batch", "-", text=batch)
    box.full_rounds(2)
    before = record(box)
    began = time.monotonic()
    box.full_rounds(2)
    print(f"{box.shell}: two rounds with 600 addresses {time.monotonic() - began:.2f} s")
    assert has(box, space) and record(box) == before


def test_a_process_number_that_came_to_another_process_takes_nothing_back(box: Box) -> None:
    pid, space = dockers(box)
    sysctl(box, space, "disable_ipv6", "0")
    box.ip("addr", "add", f"{ULA}/64", "dev", "eth0", "nodad", space=space)
    started = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[19]
    index = box.ip("-o", "link", "show", "eth0", space=space).split(":")[0]
    box.conf.write_text(LOOP + ONE)
    file = box.here / f"macvlan-ipv6.{SHIM}.given"
    lines = "{started} {index} ipv6/disable_ipv6 1\n{pid} {started} {index} address {ula}\n"

    def withdrawn(since: int, number: int) -> bool:
        file.write_text(f"{pid} " + lines.format(pid=pid, started=since, index=number, ula=ULA))
        box.program("withdraw")
        return not has(box, space) and sysctl(box, space, "disable_ipv6") == "1"

    before = state(box, space)
    assert not withdrawn(int(started) - 1, int(index)) and state(box, space) == before
    assert not withdrawn(int(started), int(index) + 1) and state(box, space) == before, "another interface of that name"
    assert withdrawn(int(started), int(index)), "the comparison sees nothing"


def test_a_record_that_is_none_does_nothing(box: Box) -> None:
    pid, space = dockers(box)
    before = state(box, space)
    started = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[19]
    ran = box.here / "ran"
    bad = (
        *(f"2 ipv6/{name} 1" for name in ("forwarding", "../../../ipv4/ip_forward", "accept_ra;x", "")),
        *(f"2 mac {value}" for value in (f"$(touch${{IFS}}{ran})", "02:42", "02:42:c0:a8:01:0g", "-1")),
        *(f"2 address {value}" for value in ("::/0", "1.2.3.4", f"`touch${{IFS}}{ran}`", "fd00::1%x")),
        *("eth0 ipv6/mtu 1280", "2 ipv6/accept_ra 0x2", "2 ipv6/accept_ra 2 2", "2", "", "2 token *"),
        *(f"{number} ipv6/accept_ra 7" for number in ("-2", "*", "../2", "99999999999999999999")),
    )
    text = "".join(f"{pid} {started} {line}\n" for line in bad) + "\0\xff\n$(reboot) 1 2 mac x\n" + "x" * 9999
    (box.here / f"macvlan-ipv6.{SHIM}.given").write_text(text, encoding="latin-1")
    box.conf.write_text(LOOP + ONE)
    box.program("withdraw")
    assert state(box, space) == before and not ran.exists()


def test_if_nothing_can_be_recorded_nothing_is_changed(box: Box) -> None:
    pid, space = dockers(box)
    before = state(box, space)
    (box.here / f"macvlan-ipv6.{SHIM}.given").mkdir()
    start(box, LOOP + WITH_MAC, {"test": (pid, 201)})
    box.full_rounds(2)
    assert state(box, space) == before


@pytest.mark.parametrize("tool", ["nsenter", "ip netns"])
def test_both_ways_into_a_namespace_give_and_take(box: Box, tool: str) -> None:
    pid, space = dockers(box)
    before = state(box, space)
    box.running({"test": (pid, "192.168.1.201", "-")})
    box.conf.write_text(LOOP + WITH_MAC)
    box.program("start")
    program = box.bare() if tool == "ip netns" else box.patched("x", "x")
    child = box.watch(program=program)
    until("the ULA", lambda: has(box, space))
    ended(child)
    run("env", f"MACVLAN_RUN={box.here}", *box.inside(*box.shell, program, "withdraw", box.conf))
    assert state(box, space) == before
    assert not list(Path("/var/run/netns").glob(f"{program.name}.*"))
