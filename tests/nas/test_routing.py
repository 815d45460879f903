"""The program's own routing table: its routes win over other people's rules, and nothing of it stays behind."""

import itertools
import json
import shutil
from contextlib import suppress
from pathlib import Path

import pytest

from tests.nas.box import CONF, PREFIX, PROGRAM, SHIM, TABLE, TWO, Box, put_tool, run, until

NAS, SECOND, GLOBAL, NAS_GLOBAL = "192.168.1.10", "192.168.1.11", "2001:db8:1:1:42:c0ff:fea8:1c9", "2001:db8:1:1::10"
OURS = [f"{TABLE}: from all lookup {TABLE}"] * 2
# What a NAS maker does for "multiple gateways", what a firewall or a VPN does for everything, and a second card in
# the same LAN with its own table: each as lines of `ip`
VENDORS = {
    "no rule": [],
    "a rule from the NAS": [
        "-4 rule add from 192.168.1.10 lookup 100 pref 32764",
        "-6 rule add from 2001:db8:1:1::10 lookup 100 pref 32764",
    ],
    "a table before main": ["-4 rule add lookup 100 pref 32763", "-6 rule add lookup 100 pref 32763"],
    "a second card": [
        "-4 rule add from 192.168.1.11 lookup 101 pref 32762",
        "-4 rule add from 192.168.1.10 lookup 100 pref 32764",
    ],
}
TABLES = (
    "-4 route add 192.168.1.0/24 dev eth0 src 192.168.1.10 table 100",
    "-4 route add default via 192.168.1.1 dev eth0 table 100",
    "-6 route add 2001:db8:1:1::/64 dev eth0 table 100",
    f"-6 route add {PREFIX}/64 dev eth0 table 100",
    "-6 route add default via fe80::1 dev eth0 table 100",
)
SECOND_CARD = (
    "link add eth1 type veth peer name wire1",
    f"addr add {SECOND}/24 dev eth1",
    "link set eth1 up",
    "link set wire1 up",
    "-4 route add 192.168.1.0/24 dev eth1 src 192.168.1.11 table 101",
    "-4 route add default via 192.168.1.1 dev eth1 table 101",
)


def dressed(box: Box, vendor: str) -> tuple[int, str]:
    """The NAS with its own addresses and that maker's rules, and one container; its process and its namespace."""
    box.ip("addr", "add", f"{NAS}/24", "dev", "eth0")
    box.ip("route", "add", "default", "via", "192.168.1.1")
    for line in (*TABLES, *(SECOND_CARD if vendor == "a second card" else ()), *VENDORS[vendor]):
        box.ip(*line.split())
    pid, space = box.container("test", "192.168.1.201", f"{PREFIX}201", dead=False)
    box.ip("addr", "add", f"{GLOBAL}/64", "dev", "eth0", "nodad", space=space)
    box.ip("route", "add", "default", "via", "192.168.1.1", space=space)
    box.running({"test": (pid, "192.168.1.201", f"{PREFIX}201")})
    return pid, space


def unreached(box: Box, space: str) -> list[str]:
    """The directions in which a ping gets no answer, and the pings of the NAS from each of its own addresses."""
    own = [address for address in (NAS, SECOND) if f" {address}/" in box.ip("-o", "addr")]
    asked = {f"NAS -> {a}": (None, a, "") for a in ("192.168.1.201", f"{PREFIX}201", GLOBAL)}
    asked |= {f"NAS from {one}": (None, "192.168.1.201", one) for one in own}
    asked |= {"NAS from the shim's address": (None, GLOBAL, f"{PREFIX}254")}
    asked |= {f"container -> {a}": (space, a, "") for a in ("192.168.1.254", f"{PREFIX}254", *own)}
    lost = []
    for what, (where, address, source) in asked.items():
        words = ["ping6" if ":" in address else "ping", "-c1", "-W3", *(["-I", source] if source else []), address]
        if run(*box.inside("busybox", *words, space=where), check=False).returncode != 0:
            lost.append(what)
    return lost


@pytest.mark.parametrize("vendor", VENDORS)
def test_every_direction_works_beside_the_rules_of_others(box: Box, vendor: str) -> None:
    _, space = dressed(box, vendor)
    box.program("start")
    box.watch()
    until("the global address is learned", lambda: GLOBAL in box.routes())
    for value in "0", "1", "2":
        for knob in ("all", "eth0", SHIM):
            run(*box.inside("sh", "-c", f"echo {value} >/proc/sys/net/ipv4/conf/{knob}/rp_filter"))
        assert unreached(box, space) == [], f"rp_filter {value}"
    assert box.program("status").returncode == 0
    assert SHIM not in box.ip("-4", "route") + box.ip("-6", "route"), "something of ours is in table main"


def in_table_main(box: Box) -> None:
    """What a version of before 2026-11-28 leaves."""
    run(*box.inside(*box.shell, without_rules(box, "-4", "-6"), "start", box.conf))


@pytest.mark.parametrize("vendor", ["a rule from the NAS", pytest.param("a table before main", marks=pytest.mark.full)])
def test_those_rules_do_win_over_routes_in_table_main(box: Box, vendor: str) -> None:
    """The test before this one can fail."""
    _, space = dressed(box, vendor)
    in_table_main(box)
    assert unreached(box, space)
    status = run(*box.inside(*box.shell, without_rules(box, "-4", "-6"), "status", box.conf), check=False)
    assert status.returncode == 1 and "packets for 192.168.1.201" in status.stdout and " leave by eth0" in status.stdout


def test_a_rule_that_wins_all_the_same_is_named(box: Box) -> None:
    dressed(box, "no rule")
    box.program("start")
    assert box.program("routing").stdout == ""
    box.ip("rule", "add", "lookup", "100", "pref", "5")
    told = box.program("routing").stdout.splitlines()
    rule = ': the rule "5: from all lookup 100" comes before that of this program'
    assert f"packets for 192.168.1.201 leave by eth0{rule}" in told[0] and len(told) == 3
    assert f"packets for 192.168.1.201 from {NAS} leave by eth0{rule}" in told[2]
    answer = json.loads(box.program("status", "--json", check=False).stdout)
    assert answer["state"] == "drifted" and any("5: from all lookup 100" in line for line in answer["drift"])
    assert box.program("status", "--brief").returncode == 0, "the loop could not mend it"


def test_an_upgrade_moves_the_routes_and_no_packet_finds_no_route_meanwhile(box: Box) -> None:
    in_table_main(box)
    main = "192.168.1.201 dev macvlan-host scope link"
    assert main in box.ip("route") and not box.rules() and not box.routes()
    monitor = box.popen("sh", "-c", "exec ip -t monitor route rule 2>/dev/null")

    def listens() -> bool:
        for does in "add", "del":
            box.ip("route", does, "192.0.2.2", "dev", "lo")
        return "Deleted 192.0.2.2" in box.log()

    until("it listens", listens)
    box.program("start")
    until("the last one is told", lambda: f"Deleted {PREFIX}202" in box.log())
    monitor.terminate()
    lines = box.log().splitlines()
    added = [n for n, line in enumerate(lines) if "table 109" in line or "lookup 109" in line]
    gone = [n for n, line in enumerate(lines) if line.startswith("Deleted ") and "192.0.2" not in line]
    assert len(added) == 6 and len(gone) == 4 and max(added) < min(gone), lines
    assert SHIM not in box.ip("route") + box.ip("-6", "route") and box.rules() == OURS
    assert box.routes() == {"192.168.1.201", "192.168.1.202", f"{PREFIX}201", f"{PREFIX}202"}


def test_another_number_moves_rule_and_routes(box: Box) -> None:
    box.program("start")
    box.write_conf(TWO, CONF.replace("routing_table 109", "routing_table 77"))
    box.program("start")
    assert box.rules() == ["77: from all lookup 77"] * 2 and not box.routes()
    assert "192.168.1.201" in box.ip("route", "show", "table", "77")
    box.program("stop")
    assert not box.rules()


def test_somebodys_route_to_a_containers_address_stays_where_it_is(box: Box) -> None:
    mine = f"{PREFIX}201 via {PREFIX}9 dev eth0"
    box.ip("addr", "add", f"{PREFIX}10/64", "dev", "eth0", "nodad")
    box.ip("-6", "route", "add", *mine.split())
    box.program("start")
    assert mine in box.ip("-6", "route")
    box.program("stop")
    assert mine in box.ip("-6", "route")


def without_rules(box: Box, *families: str) -> Path:
    """An ip of a kernel that has no policy routing for those families."""
    real = next(path for path in ("/sbin/ip", "/usr/sbin/ip", "/bin/ip") if Path(path).exists())
    refuse = 'echo "RTNETLINK answers: Operation not supported" >&2; exit 2'
    cases = "".join(f'*" {family} rule "*) {refuse} ;; ' for family in families)
    put_tool(box.here / "ip", f'#!/bin/sh\ncase " $* " in {cases}esac\nexec {real} "$@"\n')
    text = PROGRAM.read_text().replace("for ip in", f"for ip in {box.here}/ip", 1)
    put_tool(box.here / "ruleless.sh", text)
    return box.here / "ruleless.sh"


@pytest.mark.parametrize("families", [("-4", "-6"), ("-6",)])
def test_a_kernel_without_policy_routing_gets_its_routes_in_table_main_and_is_told(
    box: Box, families: tuple[str, ...]
) -> None:
    program = without_rules(box, *families)
    argv = box.inside(*box.shell, program)
    for command in "start", "start":
        run(*argv, command, box.conf)
    assert f"{PREFIX}201" in box.ip("-6", "route", "show", "dev", SHIM)
    assert ("192.168.1.201" in box.ip("route", "show", "dev", SHIM)) == ("-4" in families)
    assert len(box.rules()) == 2 - len(families)
    status = run(*argv, "status", box.conf)
    assert [f"policy routing for IPv{f}" in status.stdout for f in "46"] == [f"-{f}" in families for f in "46"]
    run(*argv, "stop", box.conf)
    assert not box.rules() and not box.has_link()


@pytest.mark.parametrize(
    ("taken", "named"),
    [
        ("route add 10.9.0.0/16 dev eth0 table 109", "the route 10.9.0.0/16 dev eth0"),
        ("-6 route add 2001:db8:9::/64 dev eth0 table 109", "the route 2001:db8:9::/64 dev eth0"),
        ("rule add from 10.9.0.0/16 lookup 100 pref 109", "the rule 109: from 10.9.0.0/16 lookup 100"),
        ("rule add from all lookup 109 pref 32000", "the rule 32000: from all lookup 109"),
    ],
)
def test_a_number_that_somebody_uses_is_refused_and_named(box: Box, taken: str, named: str) -> None:
    box.ip(*taken.split())
    done = box.program("check", check=False)
    assert done.returncode == 1 and f"routing_table 109 is used already: {named}" in done.stderr


def test_a_data_file_without_a_number_means_109(box: Box) -> None:
    box.write_conf(TWO, CONF.replace("routing_table 109\n", ""))
    box.program("start")
    assert box.rules() == OURS and "192.168.1.201" in box.routes()


def test_its_own_table_and_rule_are_no_obstacle(box: Box) -> None:
    box.program("start")
    assert box.program("check").returncode == 0


def test_release_leaves_the_link_without_rules_and_table(box: Box) -> None:
    box.program("start")
    box.program("release")
    assert box.has_link() and not box.rules() and not box.routes()


def test_a_loop_that_was_killed_leaves_nothing_after_the_next_start_and_stop(box: Box) -> None:
    child = box.watch()
    until("it is up", lambda: len(box.routes()) == 4 and len(box.rules()) == 2)
    child.kill()
    child.wait()
    box.program("start")
    assert box.rules() == OURS
    box.program("stop")
    assert not box.rules() and not box.routes() and SHIM not in box.ip("route", "show", "table", "all")


def test_more_rules_of_ours_than_one_are_made_one(box: Box) -> None:
    box.program("start")
    put = ("rule", "add", "pref", TABLE, "lookup", TABLE, "protocol", "static")
    box.ip(*put)
    assert box.program("status", "--brief", check=False).returncode == 1
    box.program("start")
    assert [rule.split(" proto")[0] for rule in box.rules()] == OURS


def test_all_rules_of_learning_hold_in_a_real_namespace(box: Box) -> None:
    """One container with NET_ADMIN that takes what it can; the kernel's own words, in every shell."""
    pid, space = box.container("test", "192.168.1.201", f"{PREFIX}201", dead=False)
    suffix = "42:c0ff:fea8:1c9"
    box.running({"test": (pid, "192.168.1.201", f"{PREFIX}201")})
    run(*box.inside("sh", "-c", "echo 1 >/proc/sys/net/ipv6/conf/all/accept_dad", space=space))
    taken = [  # an address, and why this host must not send there
        f"{PREFIX}53",  # the DNS server's
        NAS_GLOBAL,  # this host's own
        "2001:db8:1:1::1",  # the router's
        f"2001:db8:9:9:{suffix}",  # no /64 of this LAN
        "::ffff:192.0.2.1",
        f"{PREFIX}254",  # the shim's
    ]
    batch = "".join(f"addr add {address}/64 dev eth0 nodad\n" for address in (*taken, GLOBAL))
    run("ip", "-n", space, "-batch", "-", text=batch)
    box.program("start")
    box.watch()
    until("its own is learned", lambda: GLOBAL in box.routes())
    box.full_rounds()
    assert box.routes() == {"192.168.1.201", "192.168.1.202", f"{PREFIX}201", f"{PREFIX}202", GLOBAL}
    assert not [line for line in box.log().splitlines() if "corrected" in line and GLOBAL not in line]


def test_at_most_sixteen_addresses_of_a_container_are_learned(box: Box) -> None:
    pid, space = box.container("test", "192.168.1.201", f"{PREFIX}201", dead=False)
    box.running({"test": (pid, "192.168.1.201", f"{PREFIX}201")})
    for where, suffix in (None, "::10"), (space, ":42:c0ff:fea8:1c9"):
        lines = "".join(f"addr add 2001:db8:1:{n:x}{suffix}/64 dev eth0 nodad\n" for n in range(0x20, 0x40))
        run("ip", "-n", where or box.host, "-batch", "-", text=lines)
    box.program("start")
    box.watch()
    until("learned", lambda: len(box.routes()) >= 20)
    box.full_rounds()
    assert len(box.routes()) == 4 + 16


HOSTILE = {
    "10,000 addresses": ("addr add 2001:db8:1:1:{:x}::{:x}/128 dev eth0 nodad\n", 10_000),
    "20,000 routes": ("route add 2001:db8:{:x}:{:x}::/64 dev eth0\n", 20_000),
    "4,000 dead default routes": ("route add default via fd0d:7eb5:2afd::1 dev eth0 metric {:d}{:04d}\n", 4_000),
}


@pytest.mark.parametrize("what", HOSTILE)
def test_a_hostile_container_does_not_keep_another_ones_route_from_being_healed(box: Box, what: str) -> None:
    pid, space = box.container("bad", "192.168.1.66", f"{PREFIX}66")
    good, _ = box.container("test", "192.168.1.201", f"{PREFIX}201", dead=False)
    box.running({"bad": (pid, "192.168.1.66", f"{PREFIX}66"), "test": (good, "192.168.1.201", f"{PREFIX}201")})
    line, count = HOSTILE[what]
    numbers = itertools.islice(itertools.product(range(1, 100), range(0, 1000)), count)
    run("ip", "-n", space, "-6", "-force", "-batch", "-", text="".join(line.format(*n) for n in numbers), check=False)
    box.program("start")
    child = box.watch()
    until("it is at work", lambda: box.asked("stopped"))
    box.rounds(3)
    stat = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
    box.rounds(5)
    after = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
    ticks = sum(map(int, after[11:15])) - sum(map(int, stat[11:15]))  # utime, stime and those of its children
    told = [line for line in box.log().splitlines() if line.startswith("bad: ")]
    print(f"{what}: {ticks / 100:.2f} s of CPU for 5 rounds, {len(told)} lines of the container in the log")
    assert ticks / 100 < 2.5 and len(told) <= 4


def test_a_rule_that_somebody_adds_without_a_preference_does_not_stay_before_ours(box: Box) -> None:
    """The kernel puts such a rule before all others but the one for table local."""
    _, space = dressed(box, "no rule")
    box.program("start")
    box.watch()
    for n in range(3):  # as a NAS does it at each change of a link
        box.ip("rule", "add", "from", NAS, "lookup", "100")
        box.ip("rule", "add", "lookup", "100")
        until("ours is the first one again", lambda: " lookup 109" in box.rules()[0])
        assert unreached(box, space) == [] if n == 2 else True
        if n < 2:
            box.ip("rule", "del", "from", NAS, "lookup", "100")
            box.ip("rule", "del", "from", "all", "lookup", "100")
    assert len([rule for rule in box.rules() if "lookup 109" in rule]) == 2, "one for each family"
    assert box.program("status").returncode == 0 and box.program("check").returncode == 0
    box.ip("rule", "del", "from", NAS, "lookup", "100")
    box.ip("rule", "del", "from", "all", "lookup", "100")
    until("it is back at its number", lambda: box.rules() == OURS)
    box.program("stop")


def test_two_installations_both_come_before_such_a_rule(box: Box) -> None:
    box.program("start")
    box.ip("rule", "add", "pref", "170", "lookup", "170")  # as another installation has it
    (box.here / "macvlan-ipv6.table.170").touch()
    box.ip("rule", "add", "lookup", "100")
    assert box.rules()[0] == "108: from all lookup 100"
    box.program("start")
    assert [rule.split()[-1] for rule in box.rules()[:3]] == ["109", "100", "170"]
    box.program("start")
    assert box.rules()[0].startswith("107: "), "it stays where it is"
    box.program("stop")
    assert not [rule for rule in box.rules() if "109" in rule]
    assert [file.name for file in box.here.glob("macvlan-ipv6.table.*")] == ["macvlan-ipv6.table.170"]


def test_two_installations_do_not_try_to_come_first_in_turn(box: Box) -> None:
    other = box.here / "other.conf"
    other.write_text(CONF.replace(SHIM, "macvlan-iot").replace("routing_table 109", "routing_table 60")
                     .replace("1.254", "1.253").replace("::254", "::253").replace(":fe\n", ":fd\n"))  # fmt: skip
    places: list[str] = []
    for _ in range(3):
        for conf in (box.conf, other):
            run(*box.inside(*box.shell, PROGRAM, "start", conf))
        if len(box.rules()) == 4:
            box.ip("rule", "add", "lookup", "100")
        else:
            places = [rule for rule in box.rules() if "lookup 100" not in rule]
    assert box.rules()[0].endswith(" 109") and len(places) == 4
    first = box.rules()
    for conf in (box.conf, other, box.conf):
        run(*box.inside(*box.shell, PROGRAM, "start", conf))
        assert box.rules() == first


NAMES = {
    "with a comment": ("rt_tables", "109 vpn # the other office\n"),
    "the last of two": ("rt_tables", "109 one\n109 two\n"),
    "in a file of its own": ("rt_tables.d/vpn.conf", "109\tvpn\n"),
}


@pytest.mark.parametrize("how", NAMES)
def test_a_name_that_ip_has_for_the_table_hides_neither_rule_nor_routes(box: Box, how: str) -> None:
    """ip then prints the name in place of the number; each `ip netns exec` lays /etc/netns/NAME over /etc."""
    file, text = NAMES[how]
    names = Path("/etc/netns") / box.host / "iproute2"
    (names / "rt_tables.d").mkdir(parents=True)
    try:
        (names / file).write_text(text)
        shown = run(*box.inside("sh", "-c", "ip rule add lookup 109; ip rule; ip rule del lookup 109")).stdout
        assert "lookup 109" not in shown
        for _ in range(2):
            box.program("start")
            assert [rule.split(":")[0] for rule in box.rules()] == ["109"] * 2
            assert box.program("status", "--brief").returncode == 0
            assert box.program("routing").stdout == "" and box.program("check").returncode == 0
        box.program("stop")
        assert not box.rules()
    finally:
        shutil.rmtree(names.parent)
        with suppress(OSError):
            names.parent.parent.rmdir()


def test_a_rule_that_leads_to_a_table_of_a_higher_number_does_not_stay_before_ours_either(box: Box) -> None:
    box.program("start")
    box.ip("rule", "add", "lookup", "200")
    assert box.rules()[0] == "108: from all lookup 200"
    box.program("start")
    assert box.rules()[0] == "107: from all lookup 109" and box.program("status", "--brief").returncode == 0
    box.ip("rule", "del", "lookup", "200")
    box.program("start")
    assert box.rules() == OURS


def test_a_rule_with_the_same_preference_does_not_stay_before_ours(box: Box) -> None:
    """Where another installation has the next number, the kernel puts a rule without a preference there."""
    box.ip("rule", "add", "pref", "110", "lookup", "110")
    box.ip("rule", "add", "lookup", "100")
    assert box.rules()[0] == "109: from all lookup 100"
    box.program("start")
    assert box.rules()[0] == "108: from all lookup 109" and box.program("check").returncode == 0


@pytest.mark.parametrize("before", ["109: from all lookup 109", "110: from all lookup 110"])
def test_two_installations_with_such_a_rule_come_to_rest_before_it(box: Box, before: str) -> None:
    """The loops look in turn. Neither may make room for the other one for ever."""
    other = box.here / "other.conf"
    text = CONF
    for old, new in ((SHIM, "macvlan-two"), ("109", "110"), ("01:fe", "01:fd"), (".254", ".253"), ("::254", "::253")):
        text = text.replace(old, new)
    other.write_text(text)
    starts = [box.inside(*box.shell, PROGRAM, "start", conf) for conf in (box.conf, other)]
    for argv in starts if before.startswith("110") else reversed(starts):
        run(*argv)
    for does in "add", "del":
        box.ip("rule", does, "lookup", "200")
        for argv in starts * 3:
            run(*argv)
        rest = box.rules()
        for argv in starts:
            run(*argv)
        assert box.rules() == rest
        first = [rule.split()[-1] for rule in rest][:3]
        assert set(first[:2]) == {"109", "110"} and len(rest) == (5 if does == "add" else 4), rest
