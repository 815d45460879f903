"""What the loop changed in a container is taken back: all of it, and nothing else."""

import time
from pathlib import Path

import pytest

from tests.nas.box import CONF, NAS, PREFIX, PROGRAM, SHIM, Box, run, until
from tests.nas.loop_box import (
    FORMED,
    LOOP,
    MAC,
    OFF,
    ONE,
    OTHER,
    PREFIXED,
    SLAAC,
    SLOW,
    ULA,
    WITH_MAC,
    addresses,
    attach,
    dockers,
    ended,
    has,
    index,
    record,
    reload,
    start,
    started,
    state,
    sysctl,
    withdraw,
)

ARRANGE = "".join((NAS / f"embedded/{name}.sh").read_text() for name in ("record", "arrange"))


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
    ended(box)
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
    ended(box)
    withdraw(box, PROGRAM, "ipv6")
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
    ended(box)
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
    ended(box)
    box.program("withdraw")
    assert state(box, space) == before


def test_another_planned_ula_comes_and_the_old_one_goes_and_ipv6_stays_on(box: Box) -> None:
    _, space = attach(box, LOOP + ONE)
    until("the ULA", lambda: has(box, space))
    box.ip(*f"addr add {FORMED}/64 dev eth0 nodad valid_lft 600 preferred_lft 600".split(), space=space)
    reload(box, LOOP + ONE.replace(ULA, f"{PREFIX}abc"))
    assert addresses(box, space) == {f"{PREFIX}abc/64", f"{FORMED}/64"}
    assert [line.split()[4] for line in record(box) if " address " in line] == [f"{PREFIX}abc"]


@pytest.mark.parametrize(
    "conf", [LOOP.replace("ipv6 loop", "ipv6 off").replace(f"shim_ipv6 {PREFIX}254", "shim_ipv6 -"), LOOP + PREFIXED]
)
def test_what_would_be_taken_back_at_once_is_not_set(box: Box, conf: str) -> None:
    """Nobody gives it IPv6, but it has some by itself. While docker answers only in part nothing is taken back."""
    pid, space = dockers(box)
    sysctl(box, space, "disable_ipv6", "0")
    box.running({"test": (pid, "192.168.1.201", f"- 02:42:c0:a8:01:c9 {OFF}")})
    (box.here / "docker.fails").touch()
    box.conf.write_text(f"{conf}container test 192.168.1.201 - 02:42:c0:a8:01:c9\n")
    box.program("start")
    box.watch()
    until("it has looked twice", lambda: box.asked("inspect") > 2)
    assert record(box) == []


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
    ended(box)
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
    ended(box)
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
    ended(box)
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
    """New interfaces with its IPv4 address, and IPv6 off again, as fast as it can for a few seconds."""
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

    def is_long() -> bool:
        nonlocal most
        box.event()
        time.sleep(0.15)
        most = max(most, len(record(box)))
        return most >= 10

    for _ in range(25):
        is_long()
    until("the record has grown", is_long)
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
    box.conf.write_text(LOOP + ONE)
    file = box.here / f"macvlan-ipv6.{SHIM}.given"
    lines = "{started} {index} ipv6/disable_ipv6 1\n{pid} {started} {index} address {ula}\n"

    def withdrawn(since: int, number: int) -> bool:
        file.write_text(f"{pid} " + lines.format(pid=pid, started=since, index=number, ula=ULA))
        box.program("withdraw")
        return not has(box, space) and sysctl(box, space, "disable_ipv6") == "1"

    before = state(box, space)
    assert not withdrawn(started(pid) - 1, index(box, space)) and state(box, space) == before
    assert not withdrawn(started(pid), index(box, space) + 1) and state(box, space) == before, (
        "another interface of that name"
    )
    assert withdrawn(started(pid), index(box, space)), "the comparison sees nothing"


def test_a_record_that_is_none_does_nothing(box: Box) -> None:
    pid, space = dockers(box)
    before = state(box, space)
    ran = box.here / "ran"
    bad = (
        *(f"ipv6/{name} 1" for name in ("forwarding", "../../../ipv4/ip_forward", "accept_ra;x", "")),
        *(f"mac {value}" for value in (f"$(touch${{IFS}}{ran})", "02:42", "02:42:c0:a8:01:0g", "-1")),
        *(f"address {value}" for value in ("::/0", "1.2.3.4", f"`touch${{IFS}}{ran}`", "fd00::1%x")),
        *("ipv6/stable_secret 2001:db8::1", "ipv6/accept_ra 0x2", "ipv6/accept_ra 2 2", "", "token *"),
    )
    others = [f"{number} ipv6/accept_ra 7" for number in ("-2", "*", "../2", "eth0", "99999999999999999999")]
    lines = [*(f"{index(box, space)} {line}" for line in bad), *others, ""]
    text = "".join(f"{pid} {started(pid)} {line}\n" for line in lines)
    file = box.here / f"macvlan-ipv6.{SHIM}.given"
    file.write_text(f"{text}\0\xff\n$(reboot) 1 2 mac x\n{'x' * 9999}", encoding="latin-1")
    box.conf.write_text(LOOP + ONE)
    box.program("withdraw")
    assert state(box, space) == before and not ran.exists()


@pytest.mark.parametrize(("there", "is_full"), [(50, False), (64, True)])
def test_a_process_with_a_full_record_is_left_as_it_is(box: Box, there: int, is_full: bool) -> None:
    pid, space = dockers(box)
    before = state(box, space)
    file = box.here / f"macvlan-ipv6.{SHIM}.given"
    file.write_text("".join(f"{pid} {started(pid)} 1 ipv6/optimistic_dad {n}\n" for n in range(there)))
    start(box, LOOP + WITH_MAC, {"test": (pid, 201)})
    box.full_rounds(2)
    assert (state(box, space) == before) is is_full and (len(record(box)) == there) is is_full


def test_an_interface_that_is_gone_leaves_its_place_in_the_record(box: Box) -> None:
    """A container may be taken off the network and put back any number of times while it runs."""
    pid, space = dockers(box)
    others = [f"1 {started(pid)} 7 mac {MAC}", f"{pid}1 {started(pid)} 1001 token ::"]
    file = box.here / f"macvlan-ipv6.{SHIM}.given"
    lines = [*others, *(f"{pid} {started(pid)} {n + 1000} ipv6/optimistic_dad 0" for n in range(64))]
    file.write_text("\n".join(lines) + "\n")
    box.conf.write_text(LOOP + WITH_MAC)
    words = "eth0", MAC, "0042c0fffea8014d", ULA, str(pid), str(started(pid)), str(file)
    run(*box.inside(*box.shell, "-c", ARRANGE, "/sbin/ip", *words, space=space))
    assert has(box, space) and MAC in box.ip("link", "show", "eth0", space=space)
    assert record(box)[:2] == others and len(record(box)) < 20 and file.stat().st_mode & 0o777 == 0o600
    withdraw(box)
    assert not has(box, space)


def test_if_nothing_can_be_recorded_nothing_is_changed(box: Box) -> None:
    pid, space = dockers(box)
    before = state(box, space)
    (box.here / f"macvlan-ipv6.{SHIM}.given").mkdir()
    start(box, LOOP + WITH_MAC, {"test": (pid, 201)})
    box.full_rounds(2)
    assert state(box, space) == before
    assert "test: is not changed any further" in box.log() and "the kernel does not take" not in box.log()


def test_a_long_record_costs_a_container_no_time(box: Box, tmp_path: Path) -> None:
    """A shell reads a file byte by byte: with a hundred containers the last one would wait for seconds."""
    pid, space = dockers(box)
    file, trace = tmp_path / "given", tmp_path / "trace"
    file.write_text("".join(f"1{n} 123456789 12 ipv6/optimistic_dad 0\n" for n in range(2000)))
    words = "eth0", MAC, "0042c0fffea8014d", ULA, str(pid), str(started(pid)), str(file)
    script = box.inside(*box.shell, "-c", ARRANGE, "/sbin/ip", *words, space=space)
    run("strace", "-f", "-o", trace, "-e", "trace=read", *script)
    reads = trace.read_text().count(" read(")
    print(f"{box.shell}: {reads} reads")
    assert has(box, space) and reads < 4000


@pytest.mark.parametrize("tool", ["nsenter", "ip netns"])
def test_both_ways_into_a_namespace_give_and_take(box: Box, tool: str) -> None:
    pid, space = dockers(box)
    before = state(box, space)
    box.running({"test": (pid, "192.168.1.201", "-")})
    box.conf.write_text(LOOP + WITH_MAC)
    box.program("start")
    program = box.bare() if tool == "ip netns" else box.patched("x", "x")
    box.watch(program=program)
    until("the ULA", lambda: has(box, space))
    ended(box)
    withdraw(box, program)
    assert state(box, space) == before
    assert not list(Path("/var/run/netns").glob(f"{program.name}.*"))
