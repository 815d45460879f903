"""The awk programs of nas/embedded, text in and text out, under every awk of this machine. No namespace is needed."""

import subprocess
from pathlib import Path

import pytest

from install.scripts import LEARNED_PROTO
from tests.nas.box import NAS

SHIM, ULA = "macvlan-host", "fd0d:7eb5:2afd::"
LINK = f"""7: {SHIM}@eth0: <BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP
    link/ether 02:42:c0:a8:01:fe brd ff:ff:ff:ff:ff:ff promiscuity 0
    macvlan mode bridge
    inet 192.168.1.254/32 scope global {SHIM}
    inet6 {ULA}254/128 scope global nodad noprefixroute
"""
RULES = "0:\tfrom all lookup local\n109:\tfrom all lookup 109\n32766:\tfrom all lookup main\n"
ROUTES = f"192.168.1.201 table 109 scope link\n{ULA}201 table 109 metric 1024 pref medium\n"
PLANNED = f"planned test 192.168.1.201 {ULA}201 02:42:c0:a8:01:c9\n"
OURS = ["ours 4 109 109", "ours 6 109 109"]
WELL = [*OURS, "tables 109 109", "wanted 2", "present 2", "stale 0", "link right"]
GLOBAL = "2001:db8:1:1:42:c0ff:fea8:1c9"
DEAD = f"{ULA}1"


def run(awk: list[str], names: str, text: str, proc: Path | None = None, *words: str) -> list[str]:
    """What a program, of one file or more, answers. proc: a folder in the place of /proc."""
    program = "".join((NAS / "embedded" / name).read_text() for name in names.split())
    program = program.replace("/proc/", f"{proc}/" if proc else "/proc/")
    done = subprocess.run([*awk, *words, program], input=text, capture_output=True, text=True, timeout=20)
    assert done.stderr == "" and done.returncode == 0
    return done.stdout.splitlines()


def compare(
    awk: list[str],
    link: str = LINK,
    routes: str = ROUTES,
    lines: str = PLANNED,
    knows: int = 1,
    proc: Path | None = None,
    rules: tuple[str, str] = (RULES, RULES),
    table: str = "109 - main main",
) -> list[str]:
    conf = f"conf {SHIM} eth0 02:42:c0:a8:01:fe 192.168.1.254 {ULA}254 {DEAD} {knows} {LEARNED_PROTO}\ntables {table}\n"
    said = f"== link\n{link}== rules4\n{rules[0]}== rules6\n{rules[1]}== routes\n{routes}"
    return run(awk, "learn.awk compare.awk", f"{conf}{lines}{said}", proc)


def test_what_is_as_wanted_needs_nothing(awk: list[str]) -> None:
    assert compare(awk) == WELL


@pytest.mark.parametrize(
    ("link", "state"),
    [
        ("", "missing"),
        (LINK.replace("    macvlan mode bridge\n", ""), "foreign"),
        (LINK.replace("@eth0", "@eth1"), "wrong it stands on eth1"),
        (LINK.replace("mode bridge", "mode private"), "wrong its mode is private"),
        (LINK.replace(":fe brd", ":fd brd"), "wrong its MAC is 02:42:c0:a8:01:fd"),
    ],
)
def test_a_link_that_is_not_ours_or_not_right_gets_everything(awk: list[str], link: str, state: str) -> None:
    assert compare(awk, link=link) == [
        f"do addr replace 192.168.1.254/32 dev {SHIM}",
        f"do addr replace {ULA}254/128 dev {SHIM} nodad noprefixroute",
        f"do link set dev {SHIM} up",
        f"do route replace 192.168.1.201/32 dev {SHIM} table 109",
        f"do route replace {ULA}201/128 dev {SHIM} table 109",
        *OURS,
        "tables 109 109",
        "wanted 2",
        "present 0",
        "stale 0",
        f"link {state}",
    ]


@pytest.mark.parametrize(
    ("link", "routes", "todo"),
    [
        (LINK.replace("UP,LOWER_UP", "DOWN"), ROUTES, [f"link set dev {SHIM} up"]),
        (LINK.replace("254/32", "253/32"), ROUTES,
         [f"addr replace 192.168.1.254/32 dev {SHIM}", f"addr del 192.168.1.253/32 dev {SHIM}"]),
        (LINK.replace("nodad nop", "dadfailed nop"), ROUTES,
         [f"addr replace {ULA}254/128 dev {SHIM} nodad noprefixroute"]),
        (LINK + "    inet6 fe80::42:c0ff:fea8:1fe/64 scope link nodad\n", ROUTES,
         [f"addr del fe80::42:c0ff:fea8:1fe/64 dev {SHIM}"]),
        (LINK + "    inet6 fe80::42:c0ff:fea8:1fe/64 scope link proto kernel_ll\n", ROUTES, []),
        (LINK, ROUTES + "192.168.1.0/24 table 109 scope link\n", [f"route del 192.168.1.0/24 dev {SHIM} table 109"]),
        (LINK, ROUTES + "default table 109 scope link\n", [f"route del default dev {SHIM} table 109"]),
        (LINK, ROUTES + "default via fe80::1 table 109 metric 1\n", [f"route del ::/0 dev {SHIM} table 109"]),
        (LINK, ROUTES.replace("scope link", "via 192.168.1.9"),
         [f"route replace 192.168.1.201/32 dev {SHIM} table 109"]),
    ],
)  # fmt: skip
def test_what_differs_is_named_as_the_command_that_mends_it(
    awk: list[str], link: str, routes: str, todo: list[str]
) -> None:
    assert [line[3:] for line in compare(awk, link, routes) if line.startswith("do ")] == todo


def test_routes_of_the_kernel_and_of_other_tables_are_none_of_ours(awk: list[str]) -> None:
    kernel = "10.0.0.0/8 proto kernel scope link\nfe80::/64 proto kernel\nff00::/8 table local\n"
    noise = f"local {ULA}254 table local proto kernel\n{kernel}{DEAD} table 109 proto 109\n10.9.0.0/16 table 77\n"
    assert compare(awk, routes=ROUTES + noise) == WELL


def test_a_learned_route_stays_until_docker_has_told_which_containers_run(awk: list[str]) -> None:
    learned = f"{ROUTES}{GLOBAL} table 109 proto {LEARNED_PROTO} metric 1024\n"
    assert compare(awk, routes=learned, knows=0) == WELL
    assert f"do route del {GLOBAL} dev {SHIM} table 109" in compare(awk, routes=learned, knows=1)


def hex_of(address: str) -> str:
    """As /proc writes an address."""
    head, _, tail = address.partition("::")
    left, right = head.split(":") if head else [], tail.split(":") if tail else []
    groups = left + ["0"] * (8 - len(left) - len(right)) + right
    return "".join(f"{int(group, 16):04x}" for group in groups)


def proc_of(
    folder: Path, addresses: list[tuple[str, str, str]], gateway: str = "", ipv4: str = "192.168.1.201"
) -> Path:
    """A /proc with process 7. addresses: (address, flags, interface), of global scope."""
    net = folder / "7/net"
    net.mkdir(parents=True)
    lines = [f"{hex_of(address)} 0c 40 00 {flags} {link}\n" for address, flags, link in addresses]
    (net / "if_inet6").write_text("".join(lines))
    (net / "fib_trie").write_text(f"  |-- {ipv4}\n     /32 host LOCAL\n")
    (net / "dev").write_text("Inter-|\n face |\n    lo: 0\n  eth0: 0\n")
    route = f"{'0' * 32} 00 {'0' * 32} 00 {hex_of(gateway)} 00000400 1 0 00000003 eth0\n" if gateway else ""
    (net / "ipv6_route").write_text(route)
    (folder / "net").mkdir()
    (folder / "net/if_inet6").write_text(f"{hex_of('2001:db8:1:1::10')} 02 40 00 80 eth0\n")
    return folder


ATTACHED = f"{PLANNED}attached 7 /test 192.168.1.201 {ULA}201\n"


def test_a_container_teaches_its_global_address_and_shows_its_dead_route(awk: list[str], tmp_path: Path) -> None:
    proc = proc_of(tmp_path, [(f"{ULA}201", "80", "eth0"), (GLOBAL, "00", "eth0")], DEAD)
    assert compare(awk, lines=ATTACHED, proc=proc) == [
        "address test 192.168.1.201",
        f"address test {ULA}201",
        "seen 7 eth0 0c 02:42:c0:a8:01:c9 0042c0fffea801c9 test ra",
        f"address test {GLOBAL}",
        "dead 7 eth0 test",
        f"do route replace {GLOBAL}/128 dev {SHIM} table 109 proto {LEARNED_PROTO}",
        *OURS,
        "tables 109 109",
        "wanted 3",
        "present 2",
        "stale 0",
        "link right",
    ]


@pytest.mark.parametrize(
    ("addresses", "told"),
    [
        ([(f"{ULA}201", "80", "eth0"), ("2001:db8:1:1:1a:22ff:fe33:445e", "00", "eth0")], ["stray 7"]),
        ([(f"{ULA}201", "80", "eth0"), ("2001:db8:1:1:1a:22ff:fe33:445e", "80", "eth0")], []),  # somebody gave it
        ([("2001:db8:9::1", "00", "eth0")], ["late"]),  # the interface is not there yet
        ([], []),  # IPv6 is switched off in there: by its IPv4 address
    ],
)
def test_what_is_odd_about_a_container_is_told(
    awk: list[str], addresses: list[tuple[str, str, str]], told: list[str], tmp_path: Path
) -> None:
    found = compare(awk, lines=ATTACHED, proc=proc_of(tmp_path, addresses))
    assert [line for line in found if line.split()[0] in ("stray", "late", "gone", "dead")] == told


def test_a_process_number_that_another_process_has_now_is_no_container(awk: list[str], tmp_path: Path) -> None:
    proc = proc_of(tmp_path, [("2001:db8:9::1", "00", "eth0")], ipv4="10.0.0.1")
    assert compare(awk, lines=ATTACHED, proc=proc) == ["late", *WELL]


def test_a_container_whose_process_is_gone_is_told(awk: list[str], tmp_path: Path) -> None:
    assert compare(awk, lines=ATTACHED, proc=tmp_path) == ["gone", *WELL]


def test_a_container_on_a_kernel_without_ipv6_is_there_and_is_reached_by_ipv4(awk: list[str], tmp_path: Path) -> None:
    proc = proc_of(tmp_path, [])
    (proc / "7/net/if_inet6").unlink()
    lines = ATTACHED.replace(" -\n", f" {ULA}77 - give\n").replace(".201", ".77")
    for attached in (ATTACHED, lines):
        found = compare(awk, lines=attached, proc=proc)
        assert "gone" not in found and "stray 7" not in found, found
    (proc / "7/net/fib_trie").write_text("   |-- 192.168.1.77\n  /32 host LOCAL\n")
    found = compare(awk, lines=lines, proc=proc)
    assert "address test 192.168.1.77" in found and not {"gone", "late", "stray 7"} & {*found}, found


def test_link_local_addresses_count_among_the_lines_that_are_read(awk: list[str], tmp_path: Path) -> None:
    proc = proc_of(tmp_path, [(f"{ULA}201", "80", "eth0")])
    file = proc / "7/net/if_inet6"
    own = file.read_text()
    others = "".join(f"{hex_of(f'fe80::{n:x}')} 0c 40 20 80 eth0\n" for n in range(512))
    for lines, read in ((others[: len(own) * 511] + own, True), (others + own, False)):
        file.write_text(lines)
        assert (f"address test {ULA}201" in compare(awk, lines=ATTACHED, proc=proc)) == read


@pytest.mark.parametrize(
    "line",
    [
        "attached 7;reboot /test 192.168.1.7 -",
        "attached 07 /test 192.168.1.7 -",
        "attached 7 test 192.168.1.7 -",
        "attached 7 /te$st 192.168.1.7 -",
        "attached 7 /test 192.168.1.7|x -",
        "attached 7 /test 192.168.1.7 x",
        "attached ../7 /test 192.168.1.7 -",
    ],
)
def test_what_docker_says_is_checked(awk: list[str], line: str, tmp_path: Path) -> None:
    """Without the guard each of these would be looked up, and teach its addresses."""
    proc = proc_of(tmp_path, [(f"{ULA}7", "80", "eth0")], ipv4="192.168.1.7")
    assert compare(awk, lines=f"{PLANNED}{line}\n", proc=proc) == WELL
    good = "attached 7 /test 192.168.1.7 -"
    assert compare(awk, lines=f"{PLANNED}{good}\n", proc=proc) != WELL, "the comparison sees nothing"


DETAILS = f"""attached 7 /test 192.168.1.201 {ULA}201
2: eth0@if3: <UP> mtu 1500 link/ether 02:42:c0:a8:01:c8 brd ff:ff:ff:ff:ff:ff
2: eth0    inet6 {ULA}201/64 scope global nodad valid_lft forever preferred_lft forever
2: eth0    inet6 {GLOBAL}/64 scope global dynamic valid_lft 86399sec preferred_lft 300sec
default via fe80::1 dev eth0
"""


def test_the_table_marks_what_does_not_answer_and_a_mac_that_is_not_as_planned(awk: list[str]) -> None:
    text = f"pinged\nreached 192.168.1.201\n{PLANNED}planned away 192.168.1.202 - -\n{DETAILS}"
    first, second = run(awk, "report.awk", text, None, "-v", "json=")
    assert first.split() == [
        *("test", "192.168.1.201", f"{ULA}201!", f"{GLOBAL}!"),
        *("MAC", "02:42:c0:a8:01:c8", "instead", "of", "02:42:c0:a8:01:c9", "default", "via", '["fe80::1"]'),
    ]
    assert second.split() == ["away", "192.168.1.202", "-", "not", "running"]


def test_the_answers_of_the_nas_itself_are_no_containers(awk: list[str]) -> None:
    own = "own 2: eth0    inet 192.168.1.201/24 brd 192.168.1.255 scope global eth0\n"
    asked = f"test 192.168.1.201\ntest {ULA}201\ntest {GLOBAL}\n"
    text = f"{own}pinged\nreached 192.168.1.201\nreached {GLOBAL}\n{asked}"
    assert run(awk, "reachability.awk", text) == ["192.168.1.201 test no", f"{ULA}201 test no", f"{GLOBAL} test yes"]


NEIGHBOURS = """== told
able
pinged 192.168.1.7
pinged 192.168.1.12
sent 192.168.1.9
== gateway
fd00::1
fd00::1 from :: dev eth0
== asked
192.168.1.7
192.168.1.8
192.168.1.9
192.168.1.10
192.168.1.11
192.168.1.12
== before
192.168.1.8 dev eth0 lladdr 02:00:00:00:00:08 STALE
== own
1: eth0    inet 192.168.1.10/24 scope global eth0
== neighbours
192.168.1.7 dev eth0 lladdr 02:00:00:00:00:07 REACHABLE
192.168.1.8 dev eth0 lladdr 02:00:00:00:00:08 STALE
fd00::1 dev eth0 FAILED
"""


def test_the_neighbour_table_is_the_judge(awk: list[str]) -> None:
    assert run(awk, "neighbours.awk", NEIGHBOURS) == [
        "gateway silent",
        "answer 192.168.1.7 02:00:00:00:00:07 REACHABLE ping",
        "answer 192.168.1.8 02:00:00:00:00:08 STALE known",
        "unasked 192.168.1.11",
        "routed 192.168.1.12",
    ]
    unable = NEIGHBOURS.replace("able\n", "", 1)
    assert run(awk, "neighbours.awk", unable) == [f"unasked 192.168.1.{n}" for n in (7, 8, 9, 11, 12)]


def test_what_a_container_has_is_read_to_a_limit(awk: list[str], tmp_path: Path) -> None:
    proc = proc_of(tmp_path, [(f"{ULA}{n:x}", "80", "eth0") for n in range(70)])
    program = (NAS / "embedded/inside.awk").read_text().replace("/proc/", f"{proc}/")
    done = subprocess.run([*awk, program, "7"], capture_output=True, text=True, timeout=20)
    lines = done.stdout.splitlines()
    assert lines[0] == "pid 7" and sum(line.startswith("v6 ") for line in lines) == 64
    assert lines[-2:] == ["cut", "v4 192.168.1.201"]


def test_a_rule_that_has_nothing_to_do_with_a_packets_way_is_not_named(awk: list[str]) -> None:
    """Where the kernel tells tables, an answer without one is from main: here a route of ours is missing."""
    conf = f"conf {SHIM} eth0 192.168.1.254 {ULA}254 109\nplanned a 192.168.1.201 -\nplanned b 192.168.1.202 -\n"
    good = f"192.168.1.202 dev {SHIM} table 109 src 192.168.1.254 uid 0\n"
    lost = "192.168.1.201 dev eth0 src 192.168.1.10 uid 0\n"
    rules = "0:\tfrom all lookup local\n5:\tfrom all iif tun0 lookup 100\n109:\tfrom all lookup 109\n"
    answers = lost + good + "".join(line.replace(" dev", " from 192.168.1.254 dev") for line in (lost, good))
    told = run(awk, "routing.awk", f"{conf}== own\n== answers\n{answers}== rules4\n{rules}")
    assert told and not [line for line in told if "tun0" in line]
    old = answers.replace(" table 109", "")
    told = run(awk, "routing.awk", f"{conf}== own\n== answers\n{old}== rules4\n{rules}")
    assert told and "tun0" in told[0], "a kernel that tells no table leaves the first rule as a guess"
