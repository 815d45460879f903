"""Each rule by which an address of a container is learned or not (nas/embedded/learn.awk), under every awk here."""

from pathlib import Path

import pytest

from tests.nas.test_awk import GLOBAL, PLANNED, SHIM, ULA, compare, hex_of, proc_of

SUFFIX = "42:c0ff:fea8:1c9"  # of the planned MAC
DOCKERS = "02:42:ac:11:00:09"
DOCKERS_SUFFIX = "42:acff:fe11:9"
LAN = "2001:db8:1:1"


def learned(awk: list[str], proc: Path, attached: str = "") -> list[str]:
    """The global addresses that are routed to the container, beside its ULA."""
    lines = f"{PLANNED}attached 7 /test 192.168.1.201 {ULA}201 {attached or DOCKERS}\n"
    found = [line.split()[2] for line in compare(awk, lines=lines, proc=proc) if line.startswith("address test ")]
    return [address for address in found if address not in ("192.168.1.201", f"{ULA}201")]


def container(folder: Path, *addresses: tuple[str, str]) -> Path:
    return proc_of(folder, [(f"{ULA}201", "80", "eth0"), *((address, flags, "eth0") for address, flags in addresses)])


def host(proc: Path, name: str, text: str) -> None:
    file = proc / "net" / name
    file.write_text((file.read_text() if file.exists() else "") + text)


@pytest.mark.parametrize(
    ("address", "flags", "is_learned"),
    [
        (f"{LAN}:{SUFFIX}", "00", True),
        (f"{LAN}:{SUFFIX}", "80", True),  # permanent
        (f"{LAN}:{SUFFIX}", "20", True),  # deprecated: still its own
        (f"{LAN}:{SUFFIX}", "44", True),  # tentative, but optimistic
        (f"{LAN}:{DOCKERS_SUFFIX}", "00", True),
        (f"{LAN}:{SUFFIX}", "40", False),  # tentative
        (f"{LAN}:{SUFFIX}", "c0", False),
        (f"{LAN}:{SUFFIX}", "08", False),  # dadfailed
        (f"{LAN}:{SUFFIX}", "4c", False),
        (f"{LAN}:{SUFFIX}", "88", False),
        (f"{LAN}::53", "00", False),  # of no MAC of its
        (f"{LAN}:1a2b:3c4d:5e6f:7a8b", "01", False),  # temporary (RFC 8981)
        (f"{LAN}:42:c0ff:fea8:1ca", "00", False),  # of another container's MAC
        (f"2001:db8:9:9:{SUFFIX}", "00", False),  # in no /64 of this LAN
        ("0:0:0:0:0:ffff:c0a8:101", "00", False),  # mapped IPv4
        (f"fd99:0:0:0:{SUFFIX}", "00", False),
    ],
)
def test_what_follows_from_its_mac_on_this_lan_and_may_be_used_is_learned(
    awk: list[str], address: str, flags: str, is_learned: bool, tmp_path: Path
) -> None:
    found = learned(awk, container(tmp_path, (address, flags)))
    assert found == ([address] if is_learned else [])


def test_without_a_mac_from_docker_only_the_planned_one_counts(awk: list[str], tmp_path: Path) -> None:
    proc = container(tmp_path, (f"{LAN}:{DOCKERS_SUFFIX}", "00"), (f"{LAN}:{SUFFIX}", "00"))
    for said in ("-", "02:42:ac:11:00", "02:42:ac:11:00:0g", "x"):
        assert learned(awk, proc, said) == [f"{LAN}:{SUFFIX}"], said


def test_of_a_container_that_nobody_planned_the_mac_of_docker_counts(awk: list[str], tmp_path: Path) -> None:
    proc = proc_of(tmp_path, [(f"{ULA}77", "80", "eth0"), (f"{LAN}:{DOCKERS_SUFFIX}", "00", "eth0"),
                              (GLOBAL, "00", "eth0")], ipv4="192.168.1.77")  # fmt: skip
    lines = f"{PLANNED}attached 7 /other 192.168.1.77 {ULA}77 {DOCKERS}\n"
    told = [line.split()[2] for line in compare(awk, lines=lines, proc=proc) if line.startswith("address ")]
    assert told == ["192.168.1.77", f"{ULA}77", f"{LAN}:{DOCKERS_SUFFIX}"]


ZEROS = "0" * 32


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("if_inet6", f"{hex_of(GLOBAL)} 02 80 00 80 eth0\n"),  # this host's own
        ("ipv6_route", f"{ZEROS} 00 {ZEROS} 00 {hex_of(GLOBAL)} 00000400 1 0 00450003 eth0\n"),  # a gateway
    ],
)
def test_an_address_of_this_host_or_of_its_gateway_is_not_learned(
    awk: list[str], file: str, text: str, tmp_path: Path
) -> None:
    proc = container(tmp_path, (GLOBAL, "00"))
    assert learned(awk, proc) == [GLOBAL]
    host(proc, file, text)
    assert learned(awk, proc) == []


@pytest.mark.parametrize(("flags", "is_learned"), [("00000001", True), ("00200200", False)])
def test_a_64_that_is_on_link_on_the_parent_counts_but_not_one_that_is_unreachable(
    awk: list[str], flags: str, is_learned: bool, tmp_path: Path
) -> None:
    other = f"2001:db8:5:5:{SUFFIX}"
    proc = container(tmp_path, (other, "00"))
    prefix = hex_of("2001:db8:5:5::")
    host(proc, "ipv6_route", f"{prefix} 40 {ZEROS} 00 {ZEROS} 00000100 1 0 {flags} eth0\n")
    assert learned(awk, proc) == ([other] if is_learned else [])
    (proc / "net/ipv6_route").write_text(f"{prefix} 40 {ZEROS} 00 {ZEROS} 00000100 1 0 {flags} eth1\n")
    assert learned(awk, proc) == [], "on-link on another interface"


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("route", "Iface\tDestination\tGateway\neth0\t00000000\t4D01A8C0\t0003\n"),  # the gateway is 192.168.1.77
        ("fib_trie", "  |-- 192.168.1.77\n     /32 host LOCAL\n"),
    ],
)
def test_docker_cannot_give_a_container_the_address_of_the_nas_or_of_its_gateway_either(
    awk: list[str], file: str, text: str, tmp_path: Path
) -> None:
    proc = proc_of(tmp_path, [(f"{ULA}77", "80", "eth0")], ipv4="192.168.1.77")
    lines = f"{PLANNED}attached 7 /other 192.168.1.77 {ULA}77 {DOCKERS}\n"
    assert f"do route replace 192.168.1.77/32 dev {SHIM} table 109 proto 109" in compare(awk, lines=lines, proc=proc)
    host(proc, file, text)
    assert not [line for line in compare(awk, lines=lines, proc=proc) if "route" in line and "192.168.1.77" in line]


def test_the_bounds_hold_for_one_container(awk: list[str], tmp_path: Path) -> None:
    many = [(f"2001:db8:{n:x}:1:{SUFFIX}", "00") for n in range(1, 41)]
    proc = container(tmp_path, *many)
    host(proc, "if_inet6", "".join(f"{hex_of(f'2001:db8:{n:x}:1::10')} 02 40 00 80 eth0\n" for n in range(1, 41)))
    assert len(learned(awk, proc)) == 16


def test_lines_behind_the_bound_are_not_read(awk: list[str], tmp_path: Path) -> None:
    proc = container(tmp_path, *[(f"2001:db8:ffff::{n:x}", "80") for n in range(1, 511)], (GLOBAL, "00"))
    assert learned(awk, proc) == [GLOBAL]
    file = proc / "7/net/if_inet6"
    first, *rest = file.read_text().splitlines()
    file.write_text("\n".join([first, rest[0], *rest]) + "\n")
    assert learned(awk, proc) == [], "the last one is line 513 now"


@pytest.mark.parametrize(
    ("rules", "does"),
    [
        ("109:\tfrom all lookup 109\n", []),
        ("", ["rule 4 add 109 109"]),
        ("109:\tfrom all lookup 109\n109:\tfrom all lookup 109 proto static\n", ["rule 4 del 109 109"]),
        ("108:\tfrom all lookup 100\n109:\tfrom all lookup 109\n", ["rule 4 add 107 109", "norule 4 109 109"]),
        ("107:\tfrom all lookup 109\n108:\tfrom all lookup 100\n", []),
        ("107:\tfrom all lookup 109\n", ["rule 4 add 109 109", "norule 4 107 109"]),
        ("107:\tfrom all lookup main suppress_prefixlength 0\n108:\tnot from all fwmark 0xca6c lookup 51820\n"
         "109:\tfrom all lookup 109\n", ["rule 4 add 106 109", "norule 4 109 109"]),  # wg-quick
        ("5:\tfrom all lookup 100\n109:\tfrom all lookup 109\n", []),  # on purpose
        ("9:\tfrom all lookup 100\n10:\tfrom all lookup 101\n109:\tfrom all lookup 109\n",
         ["rule 4 add 9 109", "norule 4 109 109"]),
        ("108:\tfrom all lookup 170\n109:\tfrom all lookup 109\n", []),  # another installation's
        ("50:\tfrom all lookup 100\n109:\tfrom all lookup 109\n", ["rule 4 add 49 109", "norule 4 109 109"]),
        ("109:\tfrom 10.0.0.0/8 lookup 109\n", ["rule 4 add 108 109"]),  # not ours
        ("109:\tfrom all lookup 109\n32764:\tfrom 192.168.1.10 lookup eth0-table\n", []),
    ],
)  # fmt: skip
def test_the_rule_is_put_where_it_wins_over_all_but_what_was_put_first_on_purpose(
    awk: list[str], rules: str, does: list[str]
) -> None:
    ends = "32766:\tfrom all lookup main\n32767:\tfrom all lookup default\n"
    four = f"0:\tfrom all lookup local\n{rules}{ends}"
    six = f"0:\tfrom all lookup local\n109:\tfrom all lookup 109\n{ends}"
    told = compare(awk, rules=(four, six), table="109 - main main 170")
    assert [line for line in told if line.startswith(("rule ", "norule "))] == does


def test_a_table_that_ip_calls_by_a_name_is_ours_by_that_name(awk: list[str]) -> None:
    rules = "0:\tfrom all lookup local\n109:\tfrom all lookup lan\n32766:\tfrom all lookup main\n"
    routes = f"192.168.1.201 table lan scope link\n{ULA}201 table lan metric 1024\n"
    told = compare(awk, routes=routes, rules=(rules, rules), table="109 lan main main")
    assert "present 2" in told and not [line for line in told if line.split()[0] in ("do", "rule", "norule", "moved")]


def test_an_answer_about_the_rules_that_fails_once_moves_nothing(awk: list[str]) -> None:
    told = compare(awk, rules=("", ""), table="109 - 109 109")
    assert told == ["tables 109 109", "wanted 2", "present 2", "stale 0", "link right"]
    assert "tables main main" in compare(awk, rules=("", "")), "a kernel without policy routing"
