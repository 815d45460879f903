"""The loop: heals, reacts, reloads, ends, and costs next to nothing."""

import os
import re
import shutil
import signal
import time
from collections import Counter
from itertools import pairwise
from pathlib import Path

import pytest

from tests.nas.box import (
    CONF,
    GATEWAY,
    PREFIX,
    PROGRAM,
    SHIM,
    TABLE,
    TWO,
    Box,
    alive,
    children,
    held,
    naps,
    put_tool,
    run,
    until,
)
from tests.nas.test_containers import RACE

SLOW = CONF.replace("check_interval 1", "check_interval 3600")
# Not under busybox sh, which has a sleep of its own, so that nothing can stand for it
OTHERS = pytest.mark.parametrize("shell", ["dash", "bash"])
STATIC = {"192.168.1.201", "192.168.1.202", f"{PREFIX}201", f"{PREFIX}202"}


def settled(box: Box) -> bool:
    return box.program("status", "--brief", check=False).returncode == 0


def lose_events(box: Box) -> None:
    """Kill docker's events client and wait for the next one."""
    gone = box.listening()
    os.kill(gone, signal.SIGKILL)
    until("another client", lambda: box.listening() != gone)


@pytest.mark.parametrize(
    "damage",
    [
        "ip link del macvlan-host",
        "ip route del 192.168.1.201 dev macvlan-host table 109",
        "ip rule del pref 109",
        f"ip addr del {PREFIX}254/128 dev macvlan-host",
        "echo 0 >/proc/sys/net/ipv4/conf/macvlan-host/arp_filter",
    ],
)
def test_damage_is_healed_within_a_tick_and_told_in_one_line(box: Box, damage: str) -> None:
    box.program("start")
    child = box.watch()
    box.listening()
    with held(child.pid):  # a round that looks while a link goes may tell of a half of it
        before = box.log()
        run(*box.inside("sh", "-ec", damage))
    until("healed", lambda: settled(box))
    until("told", lambda: box.log() != before)
    lines = box.log().removeprefix(before).splitlines()
    assert len(lines) == 1 and lines[0].startswith("corrected: ")


def test_a_parent_that_goes_and_comes_back_is_told_once_each(box: Box) -> None:
    box.program("start")
    child = box.watch()
    box.listening()
    with held(child.pid):
        box.ip("link", "del", "eth0")
    until("told", lambda: "eth0 does not exist" in box.log())
    box.full_rounds()
    assert box.log().count("eth0 does not exist") == 1
    box.ip("link", "add", "eth0", "type", "veth", "peer", "name", "wire")
    box.ip("link", "set", "eth0", "up")
    until("healed", lambda: settled(box))
    until("told", lambda: "as wanted again" in box.log())


def test_an_event_is_answered_at_once(box: Box) -> None:
    program = box.patient()
    box.program("start")
    child = box.watch(program=program)
    box.listening()
    until("it naps", lambda: naps(child.pid))
    box.ip("route", "del", "192.168.1.201", "dev", SHIM, "table", TABLE)
    started = time.monotonic()
    box.event()
    until("healed", lambda: box.routes() == STATIC)
    print(f"healed {time.monotonic() - started:.2f} s after the event")


def test_events_of_other_networks_are_left_alone(box: Box) -> None:
    box.write_conf(TWO, SLOW)
    box.watch()
    until("it has asked", lambda: box.asked("stopped"))
    calls = box.asked()
    box.event(5, name="bridge")
    time.sleep(1)
    assert box.asked() == calls
    box.event(name="web", kind="container")
    until("asked again", lambda: box.asked() > calls)


def test_a_burst_of_events_converges_and_stays_bounded(box: Box) -> None:
    box.write_conf(TWO, SLOW)
    box.program("start")
    child = box.watch()
    box.listening()
    most = 0
    for _ in range(20):
        box.event(20)
        most = max(most, len(children(child.pid)))
        time.sleep(0.02)
    box.ip("route", "del", "192.168.1.201", "dev", SHIM, "table", TABLE)
    box.event()
    until("healed", lambda: box.routes() == STATIC)
    time.sleep(2.5)
    until("nothing but reader, client and nap is left", lambda: naps(child.pid) and len(children(child.pid)) <= 3)
    rounds = box.asked()
    print(f"400 events: at most {most} processes, {rounds} rounds")
    assert most <= 12 and rounds < 400


def test_it_survives_the_end_of_dockers_events_without_spinning(box: Box) -> None:
    box.program("start")
    child = box.watch()
    lose_events(box)
    lose_events(box)
    box.full_rounds(3)
    assert alive(child.pid) and alive(box.listening())
    assert (box.here / "events.pids").read_text().count("\n") == 3


def test_a_docker_that_always_fails_is_asked_once_per_tick(box: Box) -> None:
    put_tool(box.bin / "docker", f"#!/bin/sh\necho x >>{box.here}/docker.calls\nexit 1\n")
    box.program("start")
    started = time.monotonic()
    child = box.watch()
    until("it has asked and asked", lambda: box.asked("x") >= 12)  # for events, and who is attached
    calls, ticks = box.asked("x"), time.monotonic() - started
    assert alive(child.pid) and calls <= 2 * (ticks + 1)
    assert box.routes() == STATIC


def test_a_docker_that_hangs_keeps_it_from_healing_and_from_ending_for_ten_seconds_at_most(box: Box) -> None:
    box.program("start")
    child = box.watch(program=box.patched("limited 10 docker", "limited 5 docker"))  # five of its ten seconds
    until("it has asked", lambda: box.asked("stopped"))
    (box.here / "docker.hangs").touch()
    asked = box.asked()
    box.event()
    until("it has waited once", lambda: box.asked() > asked + 1)
    until("it waits five seconds", lambda: any("KILL 5 docker ps" in line for line in box.left()))
    box.ip("link", "del", SHIM)
    started = time.monotonic()
    until("healed", lambda: settled(box))
    healed = time.monotonic() - started
    asked = box.asked()
    until("it asks again", lambda: box.asked() > asked)
    started = time.monotonic()
    child.terminate()
    assert child.wait(timeout=60) == 0
    ended = time.monotonic() - started
    print(f"with a docker that hangs: healed after {healed:.1f} s, ended after {ended:.1f} s")
    assert healed < 10 and ended < 10, "docker's minute was waited for, or five seconds twice"
    assert "illed" not in box.log()


@OTHERS
def test_when_nothing_happens_it_wakes_once_a_tick_and_asks_docker_every_twentieth_time(box: Box) -> None:
    box.write_conf(TWO, CONF.replace("check_interval 1", "check_interval 30"))
    calls = box.fast_sleep()
    box.program("start")
    box.watch()

    def idle() -> list[str]:
        """From the first tick to 70 more, however late the test looks."""
        words = calls.read_text().split()
        words = words[words.index("30") :] if "30" in words else []
        ends = [n for n, word in enumerate(words) if is_nap(word)][70:71]
        return words[: ends[0] + 1] if ends else []

    until("70 more", idle, 400)
    taken = [word for word in idle() if is_nap(word)]
    short = [n for n, nap in enumerate(taken) if nap != "30"]
    print(f"{box.shell}: {len(taken)} naps when idle, of which other than 30 s: {[taken[n] for n in short]}")
    assert {taken[n] for n in short} <= {"1"}, "only while it asks for the gateway"
    # How long a question takes is the kernel's matter; how often there is one is ours
    apart = [later - sooner for sooner, later in pairwise(short) if later - sooner > 1]
    assert all(between > 20 for between in apart) and len(apart) <= 3 and len(short) <= 16
    assert 3 <= idle().count("ps") <= 4


@OTHERS
def test_a_gateway_that_nobody_can_tell_of_is_soon_asked_for_seldom(box: Box) -> None:
    box.write_conf(TWO, CONF.replace("check_interval 1", "check_interval 30"))
    calls = box.fast_sleep()
    for tool in "ping", "ping6":
        put_tool(box.bin / tool, f"#!/bin/sh\necho asks >>{calls}\nexit 2\n")
    box.ip("addr", "add", f"{GATEWAY}/64", "dev", "eth0", "nodad")  # no neighbour of its own
    box.program("start")
    box.watch()

    def words() -> list[str]:
        """To the 60th tick, if there were as many, however late the test looks."""
        found = calls.read_text().split()
        ends = [n for n, word in enumerate(found) if word == "30"][59:60]
        return found[: ends[0] + 1] if ends else []

    until("60 rounds", words, 400)
    assert 5 <= words().count("asks") <= 9
    before = len(calls.read_text().split())
    box.event()

    def soon() -> list[str]:
        """To the tick after the nap of 16 s: looks come soon again, and later and later."""
        found = calls.read_text().split()[before:]
        late = found.index("16") if "16" in found else len(found)
        return found[: found.index("30", late) + 1] if "30" in found[late:] else []

    until("the event is seen", soon)
    assert soon().count("asks") >= 5, "an event is worth asking"


def is_nap(word: str) -> bool:
    return word[0].isdigit()


def test_what_happens_while_dockers_client_starts_is_told_later(box: Box) -> None:
    before = int(time.time())
    box.watch()
    box.listening()
    words = (box.here / "docker.words").read_text()
    (since,) = re.findall(r"^events --since (\d+) ", words, re.MULTILINE)
    assert before <= int(since) <= time.time()
    until("it has asked", lambda: box.asked("stopped"))
    box.rounds(3)
    assert box.asked() == 1, "what it says later need not be asked for"


def test_where_term_is_ignored_no_nap_outlives_an_event(box: Box) -> None:
    program = box.patient()
    box.program("start")
    child = box.watch("sh", "-c", "trap '' TERM; exec \"$@\"", "sh", program=program)
    box.listening()
    for count in range(1, 5):
        until("it naps", lambda n=count: box.asked("stopped") == n and naps(child.pid))
        box.event()
    until("it naps again", lambda: box.asked("stopped") == 5 and naps(child.pid))
    until("no other nap is there", lambda: len(children(child.pid)) <= 3)
    assert box.log() == ""
    child.send_signal(signal.SIGUSR2)
    assert child.wait(timeout=60) == 0


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT, signal.SIGUSR2])
def test_it_ends_promptly_and_leaves_no_child_and_no_file(box: Box, signum: signal.Signals) -> None:
    program = box.patient()
    box.program("start")
    child = box.watch(program=program)
    box.listening()
    until("it naps", lambda: naps(child.pid))
    family = children(child.pid)
    assert len(family) >= 3
    started = time.monotonic()
    child.send_signal(signum)
    assert child.wait(timeout=60) == 0  # of the 600 s that it would nap
    print(f"ended after {time.monotonic() - started:.2f} s")
    assert not [pid for pid in family if alive(pid)]
    assert not [p.name for p in box.here.iterdir() if "lock" in p.name]
    assert box.has_link() and box.routes() == STATIC
    assert box.log() == ""


def test_hup_takes_a_changed_conf_in_place(box: Box) -> None:
    box.write_conf(TWO, SLOW)
    box.program("start")
    child = box.watch()
    box.listening()
    index = box.ip("-o", "link", "show", SHIM).split(":")[0]
    box.write_conf(f"container test 192.168.1.203 {PREFIX}203\n", SLOW)
    child.send_signal(signal.SIGHUP)
    until("new routes", lambda: box.routes() == {"192.168.1.203", f"{PREFIX}203"})
    assert box.ip("-o", "link", "show", SHIM).split(":")[0] == index and alive(child.pid)


def test_hup_starts_a_changed_program_in_the_same_process(box: Box) -> None:
    program = box.here / "program.sh"
    shutil.copy(PROGRAM, program)
    box.write_conf(TWO, SLOW)
    box.program("start")
    child = box.watch(program=program)
    before = box.listening()
    index = box.ip("-o", "link", "show", SHIM).split(":")[0]
    put_tool(program, PROGRAM.read_text().replace('main "$@"', 'say "the new one"\nmain "$@"'))
    child.send_signal(signal.SIGHUP)
    until("the new program speaks", lambda: "the new one" in box.log())
    until("it listens", lambda: box.listening() != before)
    until("the old client is gone", lambda: not alive(before))
    box.ip("route", "del", "192.168.1.201", "dev", SHIM, "table", TABLE)
    box.event()
    until("the new one mends", lambda: "192.168.1.201" in box.routes())
    assert alive(child.pid) and box.ip("-o", "link", "show", SHIM).split(":")[0] == index
    child.send_signal(signal.SIGTERM)
    assert child.wait(timeout=60) == 0 and not children(child.pid)


@pytest.mark.parametrize("bad", ["a conf that is refused", "a program that does not parse"])
def test_hup_with_something_bad_changes_nothing_and_says_so(box: Box, bad: str) -> None:
    program = box.here / "program.sh"
    shutil.copy(PROGRAM, program)
    box.write_conf(TWO, SLOW)
    box.program("start")
    child = box.watch(program=program)
    box.listening()
    if bad.startswith("a conf"):
        box.conf.write_text("nonsense\n")
    else:
        put_tool(program, "#!/bin/sh\nif then\n")
    child.send_signal(signal.SIGHUP)
    until("told", lambda: "not reloaded" in box.log())
    assert alive(child.pid) and box.routes() == STATIC


def test_hup_with_another_shim_name_removes_the_old_one(box: Box) -> None:
    box.program("start")
    child = box.watch()
    box.listening()
    box.write_conf(TWO, CONF.replace("shim macvlan-host", "shim lan-shim"))
    child.send_signal(signal.SIGHUP)
    until("the old one is gone", lambda: not box.has_link() and "lan-shim" in box.ip("link"))


def test_kill_9_leaves_the_link_and_all_routes(box: Box) -> None:
    box.program("start")
    child = box.watch()
    box.listening()
    child.kill()
    child.wait()
    assert box.routes() == STATIC
    box.program("start")
    again = box.watch()
    until("it runs again", lambda: len(children(again.pid)) >= 3)


@pytest.mark.parametrize("mode", [pytest.param("docker", marks=pytest.mark.full), "loop"])  # the loop does more
def test_an_idle_tick_forks_less_than_ten_processes_for_100_containers(box: Box, mode: str, tmp_path: Path) -> None:
    pids = box.sleepers(100)
    ulas = [f"{PREFIX}{n + 4096:x}" for n in range(100)]
    box.write_conf(
        "".join(f"container c{n} 192.168.1.{n + 1} {ula}\n" for n, ula in enumerate(ulas)), f"{CONF}ipv6 {mode}\n"
    )
    told = ulas if mode == "docker" else ["-"] * 100
    box.running({f"c{n}": (pid, f"192.168.1.{n + 1}", told[n]) for n, pid in enumerate(pids)})
    for ula in ulas:  # all in the host's namespace: it is the reading that is counted
        box.ip("addr", "add", f"{ula}/64", "dev", "eth0", "nodad")
    box.program("start")
    trace = tmp_path / "trace"
    child = box.watch("strace", "-f", "-tt", "-o", trace, "-e", "trace=fork,vfork,clone,clone3,execve")
    box.listening()
    loop = children(child.pid)[0]
    until("14 rounds", lambda: trace.read_text().count('"-d", "addr", "show"') >= 14, 400)
    memory: dict[int, int] = {}

    def is_small() -> bool:
        memory.clear()
        memory.update({pid: rss(pid) for pid in [loop, *children(loop)]})
        return 0 < sum(memory.values()) < 10_000

    # At one moment, while it naps: what stays, and not a subshell that shares its parent's pages
    until("it needs less than 10 MB", is_small)
    lines = [line for line in trace.read_text().splitlines() if not line.startswith(f"{child.pid} ")]
    # A round begins where the loop itself forks the process that will be its sleep. It has none at work then
    naps = {m[1] for line in lines if (m := re.match(r'(\d+) .*execve\("[^"]+", \["sleep", "1"\]', line))}
    rounds = [
        n
        for n, line in enumerate(lines)
        if line.startswith(f"{loop} ") and (m := re.search(r" = (\d+)$", line)) and m[1] in naps
    ]
    # The first rounds are not idle: docker is asked twice, the gateway once, and each container is hastened once. Nor
    # is one after the twentieth, if the test looks as late as that
    ticks = [lines[a:b] for a, b in pairwise(rounds)][7:10]
    fork = re.compile(r"(fork|clone3?)(\(| resumed).*\) += \d+")
    forks = [sum(bool(fork.search(line)) for line in tick) for tick in ticks]
    programs = Counter(m[1] for line in ticks[-1] if (m := re.search(r'execve\("([^"]+)".* = 0', line)))
    print(
        f"{box.shell}, {mode}: forks per idle tick with 100 containers: {forks}; {dict(programs)}; RSS in kB: {memory}"
    )
    assert len(ticks) == 3 and 0 < max(forks) < 10


def rss(pid: int) -> int:
    try:
        status = Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return 0
    return int(re.findall(r"VmRSS:\s+(\d+)", status + "VmRSS: 0")[0])


def test_events_that_come_while_it_is_at_work_never_hold_it_up(box: Box) -> None:
    """bash 5.2 hung in one of three such runs when the loop waited twice for a sleep that it had ended."""
    box.running({})
    box.stopped({"lost": RACE, "other": RACE})
    box.program("start")
    box.watch(program=box.patched('[ "$tries" -lt 10 ]', '[ "$tries" -lt 9999 ]'))
    until("it is at work", lambda: box.asked("start"))
    for _ in range(200):
        asked = box.asked("start")
        box.event()
        until("it is at work again", lambda asked=asked: box.asked("start") > asked, 15)
    assert "Killed" not in box.log()
