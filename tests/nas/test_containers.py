"""What the loop does for each attached container: no dead default route, and routes for its global addresses."""

import json
import os
import re
import shutil
import signal
import time
from pathlib import Path
from typing import Any

import pytest

from tests.nas.box import CONF, GATEWAY, PREFIX, PROGRAM, SHIM, TABLE, TWO, Box, held, put_tool, run, until

GLOBAL = "2001:db8:1:1:42:c0ff:fea8:1c9"
KEPT = CONF.replace("placeholder_gateway", "router_gateway")
SLOW = CONF.replace("check_interval 1", "check_interval 3600")


def defaults(box: Box, space: str) -> list[str]:
    return [line.split()[2] for line in box.ip("-6", "route", "show", "default", space=space).splitlines()]


def attach(box: Box, *names: str, first: int = 201, dead: bool = True) -> list[str]:
    made = {n: (f"192.168.1.{first + i}", f"{PREFIX}{first + i}") for i, n in enumerate(names)}
    spaces = {name: box.container(name, v4, ula, dead) for name, (v4, ula) in made.items()}
    box.running({name: (spaces[name][0], v4, ula) for name, (v4, ula) in made.items()})
    return [space for _, space in spaces.values()]


def router(box: Box) -> None:
    """A real router at the gateway's address, on the wire."""
    box.ip("addr", "add", f"{GATEWAY}/64", "dev", "wire", "nodad", space=box.lan)


def test_a_default_route_through_nobody_is_removed_and_told(box: Box) -> None:
    first, second = attach(box, "test", "qbittorrent")
    box.program("start")
    box.watch()
    until("removed", lambda: not defaults(box, first) and not defaults(box, second))
    assert f"test: default route via {GATEWAY} removed" in box.log()


@pytest.mark.parametrize("ends", [False, True])
def test_asking_leaves_no_route_behind(box: Box, ends: bool) -> None:
    def route() -> bool:
        return GATEWAY in box.ip("-6", "route", "show", "table", TABLE, "dev", SHIM)

    box.program("start")
    # It goes on only when it is told to, so that this sees it ask
    child = box.watch(program=box.patched("nap=1", "nap=600"))
    until("it asks", route)
    until("nobody has answered", lambda: "FAILED" in box.ip("-6", "neigh", "show", GATEWAY, "dev", SHIM))
    child.terminate() if ends else box.event()
    until("it has asked", lambda: not route())


def test_later_containers_need_not_wait_for_the_question_again(box: Box) -> None:
    (space,) = attach(box, "test")
    box.write_conf(TWO, SLOW)
    box.program("start")
    box.watch()
    until("removed", lambda: not defaults(box, space))
    router(box)  # would be found if it asked
    box.ip(*f"-6 route add default via {GATEWAY} dev eth0".split(), space=space)
    started = time.monotonic()
    box.event()
    until("removed again", lambda: not defaults(box, space))
    print(f"removed {time.monotonic() - started:.2f} s after the event")


def test_a_router_that_answers_keeps_its_route(box: Box) -> None:
    router(box)
    (space,) = attach(box, "test")
    box.program("start")
    box.watch()
    until("it has answered", lambda: "lladdr" in box.ip("-6", "neigh", "show", GATEWAY, "dev", SHIM))
    box.rounds(2)
    assert defaults(box, space) == [GATEWAY]


def test_a_gateway_that_is_declared_a_router_is_kept_even_when_it_is_silent(box: Box) -> None:
    (space,) = attach(box, "test")
    box.write_conf(TWO, KEPT)
    box.program("start")
    box.watch()
    box.rounds()
    assert defaults(box, space) == [GATEWAY]


def test_no_other_route_of_a_container_is_touched(box: Box) -> None:
    (space,) = attach(box, "test")
    for args in (
        "-6 route add default via fe80::1 dev eth0 metric 100 proto ra",
        f"-6 route add default via {PREFIX}99 dev eth0 metric 300",
        f"-6 route add 2001:db8:7::/48 via {GATEWAY} dev eth0",
        "route add default via 192.168.1.1 dev eth0",
    ):
        box.ip(*args.split(), space=space)
    before = box.ip("-6", "route", space=space) + box.ip("route", space=space)
    box.program("start")
    box.watch()
    until("removed", lambda: GATEWAY not in defaults(box, space))
    after = box.ip("-6", "route", space=space) + box.ip("route", space=space)
    gone = [line for line in before.splitlines() if line not in after.splitlines()]
    assert [line.split()[:3] for line in gone] == [["default", "via", GATEWAY]]


def test_another_interface_of_the_container_is_left_alone(box: Box) -> None:
    (space,) = attach(box, "test", dead=False)
    box.ip("link", "add", "eth1", "type", "veth", "peer", "name", "eth2", space=space)
    for args in "link set eth1 up", "link set eth2 up", "addr add 2001:db8:99::5/64 dev eth1 nodad":
        box.ip(*args.split(), space=space)
    box.ip(*f"-6 route add {GATEWAY}/128 dev eth1".split(), space=space)
    box.ip(*f"-6 route add default via {GATEWAY} dev eth1".split(), space=space)
    box.program("start")
    box.watch()
    box.rounds()
    assert defaults(box, space) == [GATEWAY]
    assert "2001:db8:99::5" not in box.routes()


def test_global_addresses_get_routes_and_answer_and_lose_them_when_they_go(box: Box) -> None:
    (space,) = attach(box, "test")
    box.program("start")
    box.watch()
    until("it has looked", lambda: box.asked("stopped"))
    box.ip("addr", "add", f"{GLOBAL}/64", "dev", "eth0", "nodad", space=space)
    until("learned", lambda: GLOBAL in box.routes())
    assert box.pings(GLOBAL)
    second = GLOBAL.replace("2001:db8:1:1", "2001:db8:2:2")
    box.ip("addr", "add", "2001:db8:2:2::10/64", "dev", "eth0", "nodad")
    box.ip("addr", "add", f"{second}/64", "dev", "eth0", "nodad", space=space)
    box.ip("addr", "del", f"{GLOBAL}/64", "dev", "eth0", space=space)
    until("the new prefix is followed", lambda: second in box.routes() and GLOBAL not in box.routes())
    assert box.pings(second)


def test_a_container_may_use_a_new_address_while_it_is_checked_for_duplicates(box: Box) -> None:
    (space,) = attach(box, "test", dead=False)
    box.program("start")
    box.watch()
    script = "cat /proc/sys/net/ipv6/conf/eth0/optimistic_dad /proc/sys/net/ipv6/conf/eth0/use_optimistic"
    until("optimistic", lambda: run(*box.inside("sh", "-c", script, space=space)).stdout == "1\n1\n")


def test_containers_that_nobody_planned_are_served_too(box: Box) -> None:
    (space,) = attach(box, "portainer", first=77)
    box.program("start")
    box.watch()
    until("routes", lambda: {"192.168.1.77", f"{PREFIX}77"} <= box.routes())
    assert box.pings("192.168.1.77") and box.pings(f"{PREFIX}77")
    until("removed", lambda: not defaults(box, space))
    box.running({})
    box.event()
    until("gone", lambda: not {"192.168.1.77", f"{PREFIX}77"} & box.routes())
    assert {"192.168.1.201", f"{PREFIX}202"} <= box.routes()


def test_learned_routes_outlive_the_loop_and_a_docker_that_does_not_answer(box: Box) -> None:
    (space,) = attach(box, "test", dead=False)
    box.ip("addr", "add", f"{GLOBAL}/64", "dev", "eth0", "nodad", space=space)
    box.program("start")
    child = box.watch()
    until("learned", lambda: GLOBAL in box.routes())
    child.kill()
    child.wait()
    put_tool(box.bin / "docker", "#!/bin/sh\nexit 1\n")
    box.program("start")
    box.watch()
    box.rounds(3)
    assert GLOBAL in box.routes()


@pytest.mark.parametrize("partly", [True, False])
def test_a_question_that_docker_answers_in_part_forgets_nobody_and_is_asked_again(box: Box, partly: bool) -> None:
    """`inspect` fails when one of the containers is gone by then, and tells of the others."""
    (space,) = attach(box, "test", dead=False)
    box.ip("addr", "add", f"{GLOBAL}/64", "dev", "eth0", "nodad", space=space)
    box.program("start")
    box.watch()
    until("learned", lambda: GLOBAL in box.routes())
    (box.here / "docker.fails").touch()
    if partly:
        attach(box, "portainer", first=77)
    else:
        (box.here / "docker.inspect").write_text("")
    asked = box.asked()
    box.event()
    until("asked again and again", lambda: box.asked() >= asked + 4)
    assert GLOBAL in box.routes() and ("192.168.1.77" in box.routes()) is partly
    (box.here / "docker.fails").unlink()
    until("forgotten when docker says so", lambda: GLOBAL not in box.routes())


@pytest.mark.parametrize("told", [f"{PREFIX}77", "-"])
def test_a_container_with_ipv6_switched_off_gets_its_ipv4_route_and_is_not_waited_for(box: Box, told: str) -> None:
    pid, space = box.container("vpn", "192.168.1.77", f"{PREFIX}77", dead=False)
    run(*box.inside("sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6", space=space))
    box.write_conf(TWO, SLOW)
    box.program("start")
    naps = box.fast_sleep()
    box.watch()
    until("it has asked", lambda: box.asked("stopped"))
    box.running({"vpn": (pid, "192.168.1.77", told)})
    box.event()
    until("routes", lambda: "192.168.1.77" in box.routes())
    assert f"{PREFIX}77" not in box.routes() and box.pings("192.168.1.77")
    if box.shell != ["busybox", "sh"]:
        before = naps.read_text().count("3600")
        until("it naps long", lambda: naps.read_text().count("3600") > before + 2)
        assert "0.2" not in naps.read_text().split()


def test_a_container_that_is_connected_anew_is_hastened_again(box: Box) -> None:
    (space,) = attach(box, "test", dead=False)
    box.write_conf(TWO, SLOW)
    box.program("start")
    child = box.watch()

    def optimistic() -> bool:
        file = "/proc/sys/net/ipv6/conf/eth0/use_optimistic"
        return run(*box.inside("cat", file, space=space)).stdout == "1\n"

    until("optimistic", optimistic)
    with held(child.pid):
        for args in (
            "link del eth0",
            f"link add link eth0 name new1 netns {space} type macvlan mode bridge",
            "link set new1 name eth0 address 02:42:c0:a8:01:c9",
            "addr add 192.168.1.201/24 dev eth0",
            f"addr add {PREFIX}201/64 dev eth0 nodad",
            "link set eth0 up",
        ):
            box.ip(*args.split(), space=box.host if " netns " in args else space)
        assert not optimistic()
        box.event()
    until("optimistic again", optimistic)


def test_a_container_that_ends_is_asked_about_and_forgotten(box: Box) -> None:
    (space,) = attach(box, "test", dead=False)
    box.ip("addr", "add", f"{GLOBAL}/64", "dev", "eth0", "nodad", space=space)
    box.program("start")
    child = box.watch()
    until("learned", lambda: GLOBAL in box.routes())
    sleeper = box.processes[-2]
    with held(child.pid):
        box.running({})
        os.kill(sleeper.pid, signal.SIGKILL)
        sleeper.wait()
        asked = box.asked()
    until("forgotten without an event", lambda: GLOBAL not in box.routes())
    box.rounds(2)
    assert box.asked() == asked + 1


def test_a_process_number_that_another_process_has_now_teaches_nothing(box: Box) -> None:
    box.ip("addr", "add", f"{GLOBAL}/64", "dev", "eth0", "nodad")
    box.running({"other": (box.sleepers(1)[0], "192.168.1.77", f"{PREFIX}77")})
    box.program("start")
    box.watch()
    box.rounds()
    assert not {GLOBAL, "192.168.1.77", f"{PREFIX}77"} & box.routes()


def test_what_docker_says_is_checked_too(box: Box) -> None:
    """Each line names a real container by its process: without the guard the loop would take it (test_awk.py, too)."""
    pid, _ = box.container("x", "192.168.1.7", f"{PREFIX}7")
    (box.here / "docker.ps").write_text("0\n")
    bad = (f"{pid};reboot /x 192.168.1.7", f"{pid} /$(reboot) 192.168.1.7", f"{pid} /x 192.168.1.7|x")
    lines = "".join(f"attached {one} {PREFIX}7\n" for one in bad)
    (box.here / "docker.inspect").write_text(f"{lines}do link del dev {SHIM}\nattached 0 /x - -\n")
    box.program("start")
    box.watch()
    box.rounds()
    assert box.has_link() and not {"192.168.1.7", f"{PREFIX}7"} & box.routes()
    box.running({"x": (pid, "192.168.1.7", f"{PREFIX}7")})
    box.event()
    until("what is well-formed is taken", lambda: "192.168.1.7" in box.routes())


def test_json_status_tells_lifetimes_default_routes_and_who_answers(box: Box) -> None:
    first, _ = attach(box, "test", "silent")
    box.ip(*f"addr add {GLOBAL}/64 dev eth0 nodad valid_lft 1800 preferred_lft 900".split(), space=first)
    box.ip("-6", "route", "add", "default", "via", "fe80::1", "dev", "eth0", "proto", "ra", "metric", "99", space=first)
    box.program("start")
    box.ip("route", "add", f"{GLOBAL}/128", "dev", SHIM, "table", TABLE, "proto", "109")
    reached = sorted(["192.168.1.201", f"{PREFIX}201", GLOBAL])

    def told() -> dict[str, dict[str, Any]]:
        return {c["name"]: c for c in json.loads(box.program("status", "--json").stdout)["containers"]}

    # A ping of its waits two seconds only
    until("each address answers", lambda: sorted(told()["test"]["reached"]) == reached)
    containers = told()
    test = containers["test"]
    assert test["planned"] and test["attached"] and test["ipv4"] == "192.168.1.201" and test["ula"] == f"{PREFIX}201"
    assert test["globals"][0]["address"] == GLOBAL and 1700 < test["globals"][0]["valid"] <= 1800
    assert sorted(test["default_routes"]) == sorted(["fe80::1", GATEWAY])
    assert "qbittorrent" not in containers and containers["silent"]["planned"]
    until("the table says so too", lambda: f" {GLOBAL} " in box.program("status").stdout)


def test_an_address_that_does_not_answer_is_marked(box: Box) -> None:
    (space,) = attach(box, "test")
    box.program("start")
    box.ip("link", "set", "eth0", "down", space=space)
    containers = json.loads(box.program("status", "--json").stdout)["containers"]
    assert {c["name"]: c["reached"] for c in containers}["test"] == []
    assert "192.168.1.201!" in box.program("status").stdout


@pytest.mark.parametrize("shell", ["dash", "bash"])  # busybox sh has its own nsenter
def test_with_no_way_into_a_namespace_it_says_so_once_and_goes_on(box: Box) -> None:
    (space,) = attach(box, "test")
    real = next(path for path in ("/sbin/ip", "/usr/sbin/ip", "/bin/ip") if Path(path).exists())
    put_tool(box.here / "ip", f'#!/bin/sh\ncase " $* " in *" netns "*) exit 255 ;; esac\nexec {real} "$@"\n')
    program = box.bare(ip=f"{box.here}/ip")
    box.program("start")
    child = box.watch(program=program)
    until("routes", lambda: box.asked() > 0 and "192.168.1.201" in box.routes())
    box.rounds()
    assert child.poll() is None and defaults(box, space) == [GATEWAY]
    argv = box.inside(*box.shell, program, "status", box.conf)
    status = run(*argv, check=False).stdout
    note = "neither nsenter nor ip netns: default routes and MACs in containers stay as docker made them"
    assert status.count(note) == 1 and "test" in status
    assert all(line.startswith("corrected: ") for line in box.log().splitlines())
    child.terminate()
    assert child.wait(timeout=60) == 0
    name = f"/proc/{box.processes[0].pid}/ns/net"
    assert run("find", "/var/run/netns", "-lname", name, check=False).stdout == "", "left behind"


@pytest.mark.parametrize("tool", ["nsenter", "ip netns"])
def test_both_ways_into_a_namespace_remove_the_route(box: Box, tool: str) -> None:
    (space,) = attach(box, "test")
    box.program("start")
    if tool == "nsenter":
        child = box.watch()
    else:  # a PATH without nsenter; busybox sh uses its own all the same
        tools = "sh awk sed sleep mkfifo rm ln readlink mkdir tr timeout dash bash busybox cat"
        for name in tools.split():
            (box.bin / name).symlink_to(shutil.which(name) or name)
        child = box.watch("env", f"PATH={box.bin}")
    until("removed", lambda: not defaults(box, space))
    child.terminate()
    assert child.wait(timeout=60) == 0
    assert not Path(f"/var/run/netns/setup_docker_macvlan.sh.{child.pid}").exists()


RACE = "failed to set up container networking: failed to set IPv6 gateway while updating gateway: file exists"


def started(box: Box, count: int) -> None:
    """Waits until it was started so many times, each at an event."""
    for n in range(box.asked("start") + 1, count + 1):
        box.event()
        until(f"{n} times", lambda n=n: box.asked("start") >= n)


def is_left_alone(box: Box) -> None:
    starts = box.asked("start")
    box.full_rounds(1)
    box.rounds(1)  # so that the one before is over
    assert box.asked("start") == starts


def test_a_start_that_an_advertisement_outran_is_made_up_for_ten_times_at_most(box: Box) -> None:
    box.running({})
    box.stopped({"lost": RACE, "off": "", "broken": "exec: no such file or directory"})
    box.program("start")
    box.watch()
    until("started again", lambda: box.asked("start") >= 1)
    started(box, 10)
    is_left_alone(box)
    words = (box.here / "docker.words").read_text().splitlines()
    assert {line for line in words if line.startswith("start ")} == {f"start {0xD0D0:064x}"}
    assert box.log().count("lost: an advertisement outran its start by docker; started again") == 10


def test_one_that_has_run_since_has_its_ten_times_again(box: Box) -> None:
    box.running({})
    box.stopped({"lost": RACE, "other": RACE})
    box.program("start")
    box.watch()
    until("started again", lambda: box.asked("start") >= 2)
    started(box, 20)
    is_left_alone(box)
    box.stopped({"lost": ""})
    is_left_alone(box)
    box.stopped({"lost": RACE})
    started(box, 30)
    is_left_alone(box)


def test_in_its_first_minute_it_is_left_to_who_made_it(box: Box) -> None:
    """Who may remove it and make it anew, as `pulumi up` does; later it is started without any event."""
    box.running({})
    box.stopped({"lost": RACE}, age="Less than a second ago")
    box.program("start")
    calls = box.fast_sleep()
    # busybox takes its own sleep, which nothing makes faster
    box.watch(program=box.patched("due=5", "due=1") if "busybox" in box.shell[0] else PROGRAM)
    until("docker is asked", lambda: box.asked("stopped") >= 1)
    box.stopped({"lost": RACE}, age="59 seconds ago")
    asked = box.asked("stopped")
    until("docker is asked again", lambda: box.asked("stopped") >= asked + 2)
    assert box.asked("start") == 0
    if "busybox" not in box.shell[0]:
        between = calls.read_text().split("stopped\n")[1:-1]
        assert [rounds.count("\n") for rounds in between] and all(rounds.count("\n") < 12 for rounds in between)
    box.stopped({"lost": RACE}, age="About a minute ago")
    until("started", lambda: box.asked("start") >= 1)


def test_what_docker_does_not_tell_of_stopped_containers_starts_none(box: Box) -> None:
    box.running({})
    box.stopped({"lost": RACE})
    (box.here / "docker.errors").write_text("")
    box.program("start")
    box.watch()
    is_left_alone(box)
    assert box.asked("start") == 0


def test_containers_forget_the_mac_that_the_shim_had_before(box: Box) -> None:
    box.ip("addr", "add", "192.168.1.10/24", "dev", "eth0")
    (space,) = attach(box, "test")
    box.program("start")
    child = box.watch()
    until("docker is asked", lambda: box.asked("stopped") >= 1)
    run(*box.inside("ping", "-c", "1", "-w", "20", "192.168.1.10", space=space))
    known = "neigh", "show", "192.168.1.10"
    (old,) = re.findall("^shim_mac (.*)$", CONF, re.MULTILINE)
    assert old in box.ip(*known, space=space)
    box.write_conf(TWO, CONF.replace(old, "02:42:00:00:00:77"))
    child.send_signal(signal.SIGHUP)
    until("another MAC", lambda: "02:42:00:00:00:77" in box.ip("link", "show", "dev", SHIM, check=False))
    until("forgotten", lambda: old not in box.ip(*known, space=space))
    run(*box.inside("ping", "-c", "1", "-w", "20", "192.168.1.10", space=space))
    assert "02:42:00:00:00:77" in box.ip(*known, space=space)
