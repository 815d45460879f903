"""Who gets which IPv6 from the loop, by which interface, and what is taken back: nas/embedded, under every awk."""

import json
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from pathlib import Path

import pytest

from plan.numbering import ula_of
from tests.nas.test_awk import GLOBAL, LINK, OURS, ROUTES, RULES, SHIM, ULA, compare, proc_of, run

PLANNED = f"""planned test 192.168.1.201 {ULA}201 02:42:c0:a8:01:c9
planned slaac 192.168.1.202 slaac -
planned four 192.168.1.203 - -
planned static 192.168.1.204 2001:db8:1:1::53 -
planned later - {ULA}77 -
"""
ALL = ("-v", "others=all", "-v", "subnet=192.168.1.0/24", "-v", f"prefix={ULA}/64", "-v", f"shim={ULA}254")
MAC = "02:42:ac:11:00:09"


def give(awk: list[str], v4: str, *words: str, docker: str = "-", more: str = "null null") -> str:
    """ULA and GIVE of one container."""
    told = run(awk, "learn.awk give.awk", f"{PLANNED}attached 7 /x {v4} {docker} {MAC} {more}\n", None, *words)
    (line,) = told
    head, rest = f"attached 7 /x {v4} ", line.split()
    assert line.startswith(head) and len(rest) == 7 and rest[5] == MAC
    return f"{rest[4]} {rest[6]}"


@pytest.mark.parametrize(
    ("v4", "nobody", "everybody"),
    [
        ("192.168.1.201", f"{ULA}201 give", f"{ULA}201 give"),
        ("192.168.1.202", "- give", "- give"),
        ("192.168.1.203", "- -", "- -"),  # planned without IPv6
        ("192.168.1.204", "2001:db8:1:1::53 give", "2001:db8:1:1::53 give"),
        ("192.168.1.9", "- -", f"{ULA}9 give"),
        ("192.168.1.77", "- -", "- give"),  # its number is another container's
        ("192.168.1.254", "- -", "- give"),  # the shim's
        ("192.168.2.9", "- -", "- give"),  # on no LAN of ours
        ("-", "- -", "- -"),
    ],
)
def test_who_gets_what(awk: list[str], v4: str, nobody: str, everybody: str) -> None:
    assert give(awk, v4) == nobody
    assert give(awk, v4, *ALL) == everybody
    assert give(awk, v4, "-v", "others=all") == ("- give" if v4 == "192.168.1.9" else everybody)


@pytest.mark.parametrize(
    ("more", "is_given"),
    [
        ({"net.ipv6.conf.all.disable_ipv6": "1"}, False),
        ({"net.core.somaxconn": "9", "net.ipv6.conf.eth0.disable_ipv6": "1"}, False),
        ({"net.ipv6.conf.default.disable_ipv6": "1"}, False),
        ({"net.ipv6.conf.all.disable_ipv6": "0"}, True),
        ({"net.ipv6.conf.lo.disable_ipv6": "1", "net.ipv6.conf.all.forwarding": "1"}, True),
        ({"netXipv6.conf.all.disable_ipv6": "1"}, True),
        ({}, True),
    ],
)
def test_what_the_creator_switched_off_by_sysctl_is_not_given(
    awk: list[str], more: dict[str, str], is_given: bool
) -> None:
    words = json.dumps(more, separators=(",", ":"))  # as Go writes it
    assert give(awk, "192.168.1.201", more=f"{words} null") == (f"{ULA}201 give" if is_given else "- -")


@pytest.mark.parametrize(("value", "is_given"), [("disable_ipv6=1", False), ("disable_ipv6=0", True), ("mtu=1", True)])
def test_or_in_the_form_of_engine_28(awk: list[str], value: str, is_given: bool) -> None:
    options = {"com.docker.network.endpoint.sysctls": f"net.ipv6.conf.IFNAME.forwarding=1,net.ipv6.conf.IFNAME.{value}"}
    said = f"null {json.dumps(options, separators=(',', ':'))}"
    assert give(awk, "192.168.1.201", more=said) == (f"{ULA}201 give" if is_given else "- -")


def test_what_docker_gives_itself_stays_and_nothing_is_added(awk: list[str]) -> None:
    assert give(awk, "192.168.1.201", *ALL, docker=f"{ULA}2") == f"{ULA}2 -"


@pytest.mark.parametrize("prefix", [8, 15, 16, 20, 23, 24, 25, 28, 30])
def test_the_number_is_the_one_that_the_plan_would_give(awk: list[str], prefix: int) -> None:
    for start, hosts in (
        ("10.77.203.160", (1, 2, 99, 254, 256, 1003, 65535, 70000)),
        ("192.168.254.0", (1, 2, 10, 101)),
    ):
        subnet = IPv4Network(f"{start}/{prefix}", strict=False)
        lines, wanted = "", []
        for host in hosts:
            address = IPv4Address(int(subnet.network_address) + host)
            if address in subnet:
                lines += f"attached 7 /x {address} - {MAC}\n"
                wanted.append(str(ula_of(address, subnet, IPv6Network(f"{ULA}/64"))))
        words = ("-v", "others=all", "-v", f"subnet={subnet}", "-v", f"prefix={ULA}/64")
        assert [line.split()[4] for line in run(awk, "learn.awk give.awk", lines, None, *words)] == wanted


# -- the interface ----------------------------------------------------------------------------------------------
LAN, WIDE, HOST = (
    "0001A8C0 00000000 0001 0 0 0 00FFFFFF",
    "0000A8C0 00000000 0001 0 0 0 0000FFFF",
    "C901A8C0 00000000 0005 0 0 0 FFFFFFFF",
)


@pytest.mark.parametrize(
    ("routes", "link"),
    [
        (f"br0 {WIDE}\nlan5 {LAN}\n", "lan5"),
        (f"lan5 {LAN}\nbr0 {WIDE}\n", "lan5"),
        ("gw0 00000000 0101A8C0 0003 0 0 0 00000000\nlan5 0080A8C0 00000000 0001 0 0 0 0080FFFF\n", ""),
        ("gw0 0001A8C0 0101A8C0 0003 0 0 0 00FFFFFF\nlan5 " + LAN + "\n", "lan5"),  # by a gateway is not connected
        ("lan5 C801A8C0 00000000 0001 0 0 0 F8FFFFFF\n", "lan5"),  # .200/29
        ("lan5 D001A8C0 00000000 0001 0 0 0 F8FFFFFF\n", ""),  # .208/29
        (f"a {LAN}\nb {HOST}\n", "b"),
        ("x 0001A8C0 00000000 0001 0 0 0 zzFFFFFF\ny 01A8C0 00000000 1 0 0 0 FFFFFF\n", ""),
        ("", ""),
    ],
)
def test_of_several_interfaces_it_is_the_one_on_the_lan(awk: list[str], routes: str, link: str, tmp_path: Path) -> None:
    proc = proc_of(tmp_path, [(f"{ULA}5", "80", "eth0")])
    (proc / "7/net/dev").write_text("Inter-|\n face |\n lo: 0\n eth0: 0\n eth1: 0\n")
    (proc / "7/net/route").write_text(f"Iface Destination Gateway Flags RefCnt Use Metric Mask\n{routes}")
    lines = f"{PLANNED}attached 7 /test 192.168.1.201 {ULA}201 - give\n"
    seen = [line.split() for line in compare(awk, lines=lines, proc=proc) if line.startswith("seen ")]
    assert [line[2] for line in seen] == ([link] if link else [])
    (proc / "7/net/dev").write_text("Inter-|\n face |\n lo: 0\n eth0: 0\n")
    seen = [line.split() for line in compare(awk, lines=lines, proc=proc) if line.startswith("seen ")]
    assert [line[2] for line in seen] == [link or "eth0"], "without a route it is the only one"


ROUTED = f"Iface Destination Gateway Flags RefCnt Use Metric Mask\neth0 {LAN}\n"
NR = "02:42:c0:a8:01:c9 0042c0fffea801c9"


@pytest.mark.parametrize(
    ("addresses", "ula", "told"),
    [
        ([], f"{ULA}201", [f"seen 7 eth0 0 {NR} test {ULA}201", "stray 7", "late"]),
        ([("fe80::1", "80", "eth0")], f"{ULA}201", [f"seen 7 eth0 0 {NR} test {ULA}201", "stray 7", "late"]),
        ([(f"{ULA}201", "80", "eth0")], f"{ULA}201", [f"seen 7 eth0 0c {NR} test {ULA}201"]),
        ([(f"{ULA}201", "88", "eth0")], f"{ULA}201", [f"seen 7 eth0 0 {NR} test {ULA}201", "stray 7", "late"]),
        ([], "-", [f"seen 7 eth0 0 {NR} test slaac", "stray 7", "late"]),
        ([("::1", "80", "lo")], "-", [f"seen 7 eth0 0 {NR} test slaac", "stray 7", "late"]),
        ([("fe80::1", "80", "eth0")], "-", [f"seen 7 eth0 0c {NR} test slaac"]),
        ([(GLOBAL, "00", "eth0")], "-", [f"seen 7 eth0 0c {NR} test slaac"]),
    ],
)
def test_what_is_missing_is_told_and_looked_for_again_soon(
    awk: list[str], addresses: list[tuple[str, str, str]], ula: str, told: list[str], tmp_path: Path
) -> None:
    proc = proc_of(tmp_path, addresses)
    (proc / "7/net/route").write_text(ROUTED)
    found = compare(awk, lines=f"{PLANNED}attached 7 /test 192.168.1.201 {ula} - give\n", proc=proc)
    assert [line for line in found if line.split()[0] in ("seen", "stray", "late", "gone")] == told
    # Whoever has it now: not the container, which has no such IPv4 address
    (proc / "7/net/fib_trie").write_text("  |-- 10.0.0.1\n     /32 host LOCAL\n")
    if "stray 7" in told:
        found = compare(awk, lines=f"{PLANNED}attached 7 /test 192.168.1.201 {ula} - give\n", proc=proc)
        assert [line for line in found if line.split()[0] in ("seen", "stray", "late", "gone")] == ["late"]


def test_slaac_teaches_what_follows_from_the_mac(awk: list[str], tmp_path: Path) -> None:
    proc = proc_of(tmp_path, [(GLOBAL, "00", "eth0"), ("2001:db8:1:1::7", "00", "eth0")])
    (proc / "7/net/route").write_text(ROUTED)
    found = compare(awk, lines=f"{PLANNED}attached 7 /test 192.168.1.201 - - give\n", proc=proc)
    assert [line for line in found if line.startswith("address ")] == [
        "address test 192.168.1.201",
        f"address test {GLOBAL}",
    ]


@pytest.mark.parametrize("name", ["all", "default", "$(reboot)", "a;b", "-x", "*", "a/b"])
def test_an_interface_with_an_odd_name_is_not_asked_for(awk: list[str], name: str, tmp_path: Path) -> None:
    proc = proc_of(tmp_path, [(f"{ULA}201", "80", name)])
    lines = f"{PLANNED}attached 7 /test 192.168.1.201 {ULA}201 - give\n"
    assert not [line for line in compare(awk, lines=lines, proc=proc) if line.startswith("seen ")]


# -- the shim's own address -------------------------------------------------------------------------------------
LOCAL = "fe80::42:c0ff:fea8:1fe"
LINK_LOCAL = LINK.replace(f"{ULA}254/128 scope global nodad noprefixroute", f"{LOCAL}/64 scope link nodad")
ONE = f"planned test 192.168.1.201 {ULA}201 -\n"


def shim(awk: list[str], v6: str, link: str, routes: str, rules6: str = RULES, lines: str = ONE) -> list[str]:
    conf = f"conf {SHIM} eth0 02:42:c0:a8:01:fe 192.168.1.254 {v6} - 1 109 -\ntables 109 - 109 109\n"
    said = f"== link\n{link}== rules4\n{RULES}== rules6\n{rules6}== routes\n{routes}"
    return run(awk, "learn.awk compare.awk", conf + lines + said)


SRC_ROUTES = ROUTES.replace("metric 1024", f"src {LOCAL} metric 1024")
REPLACE = f"do route replace {ULA}201/128 dev {SHIM} table 109"


@pytest.mark.parametrize(
    ("v6", "link", "routes", "does"),
    [
        (LOCAL, LINK_LOCAL, SRC_ROUTES, []),
        (LOCAL, LINK_LOCAL, ROUTES, [f"{REPLACE} src {LOCAL}"]),  # the kernel would take another link's
        (LOCAL, LINK_LOCAL, ROUTES.replace("metric 1024", "src fe80::1 metric 1024"), [f"{REPLACE} src {LOCAL}"]),
        (LOCAL, LINK, SRC_ROUTES,
         [f"do addr replace {LOCAL}/64 dev {SHIM} nodad", f"do addr del {ULA}254/128 dev {SHIM}"]),
        (LOCAL, LINK_LOCAL.replace("nodad", "dadfailed"), SRC_ROUTES, [f"do addr replace {LOCAL}/64 dev {SHIM} nodad"]),
        (f"{ULA}254", LINK, SRC_ROUTES, [REPLACE]),
        # An old kernel forms one by itself
        (f"{ULA}254", LINK + "    inet6 fe80::7/64 scope link\n", ROUTES, []),
    ],
)  # fmt: skip
def test_a_shim_with_a_link_local_address_says_so_in_its_routes(
    awk: list[str], v6: str, link: str, routes: str, does: list[str]
) -> None:
    assert [line for line in shim(awk, v6, link, routes) if line.startswith("do ")] == does


def test_without_ipv6_there_is_neither_address_nor_route_nor_rule_and_ours_of_before_go(awk: list[str]) -> None:
    done = shim(awk, "-", LINK.replace(f"    inet6 {ULA}254/128 scope global nodad noprefixroute\n", ""),
                ROUTES.splitlines(keepends=True)[0], RULES.replace("109:\tfrom all lookup 109\n", ""))  # fmt: skip
    assert done == ["ours 4 109 109", "tables 109 109", "wanted 1", "present 1", "stale 0", "link right"]
    assert shim(awk, "-", LINK, ROUTES) == [
        f"do addr del {ULA}254/128 dev {SHIM}",
        f"do route del {ULA}201 dev {SHIM} table 109",
        *(OURS[:1]),
        "norule 6 109 109",
        "ours 6 109 109",
        "tables 109 109",
        "wanted 1",
        "present 1",
        "stale 1",
        "link right",
    ]


# -- taking back ------------------------------------------------------------------------------------------------
GIVEN = f"""7 100 2 ipv6/optimistic_dad 0
7 100 2 ipv6/ndisc_notify 0
7 100 2 token ::
7 100 2 mac aa:5c:97:be:35:2f
9 300 4 ipv6/disable_ipv6 1
7 100 2 ipv6/accept_ra 1
7 100 2 ipv6/disable_ipv6 1
7 100 2 address {ULA}201
"""
IN_USE = f"planned test 192.168.1.201 {ULA}201 02:42:c0:a8:01:c9\nattached 7 /test 192.168.1.201 {ULA}201 - give\n"
TOKEN = "2 no_token ::a85c:97ff:febe:352f"
BEFORE = f"{TOKEN} 2 ipv6/ndisc_notify 0"


@pytest.mark.parametrize(
    ("lines", "what", "back"),
    [
        (IN_USE, "unwanted", ["9 300 4 ipv6/disable_ipv6 1"]),
        (IN_USE.replace(f"{ULA}201", f"{ULA}9"), "unwanted",
         [f"7 100 2 address {ULA}201", "9 300 4 ipv6/disable_ipv6 1"]),
        (IN_USE.replace("give", "-"), "unwanted",
         [f"7 100 2 address {ULA}201 2 ipv6/disable_ipv6 1", "9 300 4 ipv6/disable_ipv6 1"]),
        (IN_USE.replace("02:42:c0:a8:01:c9", "-"), "unwanted",
         ["9 300 4 ipv6/disable_ipv6 1", f"7 100 2 mac aa:5c:97:be:35:2f {TOKEN}"]),
        (IN_USE.replace("02:42:c0:a8:01:c9", "-").replace("give", "-"), "unwanted",
         [f"7 100 2 address {ULA}201 2 ipv6/disable_ipv6 1 2 mac aa:5c:97:be:35:2f {BEFORE}",
          "9 300 4 ipv6/disable_ipv6 1"]),
        ("", "unwanted", None),
        (IN_USE, "all", None),
        (IN_USE, "ipv6",
         [f"7 100 2 address {ULA}201 2 ipv6/disable_ipv6 1 2 ipv6/accept_ra 1", "9 300 4 ipv6/disable_ipv6 1"]),
    ],
)  # fmt: skip
def test_what_is_not_wanted_any_more_is_taken_back_the_latest_first(
    awk: list[str], lines: str, what: str, back: list[str] | None
) -> None:
    text = lines + "".join(f"given {line}\n" for line in GIVEN.splitlines())
    told = run(awk, "learn.awk withdraw.awk", text, None, "-v", f"what={what}")
    everything = f"7 100 2 address {ULA}201 2 ipv6/disable_ipv6 1 2 ipv6/accept_ra 1"
    everything += f" 2 mac aa:5c:97:be:35:2f {BEFORE} 2 ipv6/optimistic_dad 0"
    assert [line[5:] for line in told if line.startswith("back ")] == (
        [everything, "9 300 4 ipv6/disable_ipv6 1"] if back is None else back
    )
    stays = [line[6:] for line in told if line.startswith("stays ")]
    said = " ".join(told)
    assert stays == [line for line in GIVEN.splitlines() if line in stays] and len(told) == len(stays) + sum(
        line.startswith("back ") for line in told
    )
    assert said.count("disable_ipv6") == 2 and said.count("address") == said.count(" mac ") == 1
