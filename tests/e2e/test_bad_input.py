"""Each bad input: one clear error naming key, value and remedy, before anything is changed, never a traceback.

What needs no NAS to be found is proven to the letter in tests/unit (test_config, test_load, test_yaml_traps); one case
of each way to the error runs here always, the others with `make test-all`.
"""

import re
from collections.abc import Callable
from typing import Any

import pytest

from lab.drive import ROOT, Box, Stack

Site = dict[str, Any]


def put(*path_and_value: Any) -> Callable[[Site], None]:
    *path, last, value = path_and_value

    def change(site: Site) -> None:
        holder = site
        for key in path:
            holder = holder.setdefault(key, {})
        holder[last] = holder[last] | value if isinstance(value, dict) and last in holder else value

    return change


def container(name: str, **keys: Any) -> Callable[[Site], None]:
    return put("containers", name, {"image": "busybox", **keys})


# A host key that nobody asks for, since nobody answers
NOWHERE = {"host_key": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ3dl/bfx2wbkIXuOL4dkl5HFXN260Iz1kU8V7rdU1km"}

# what is wrong, the key that the error names, the value it names
CASES: list[tuple[str, Callable[[Site], None], str, str]] = [
    ("prefix that is global", put("ula", "prefix", "2001:db8::/64"), "site.ula.prefix", "2001:db8::/64"),
    ("prefix in the unassigned half fc00::/8", put("ula", "prefix", "fc00::/64"), "site.ula.prefix", "fc00::/64"),
    ("prefix that is no /64", put("ula", "prefix", "fd0d:7eb5:2afd::/48"), "site.ula.prefix", "fd0d:7eb5:2afd::/48"),
    (
        "container outside the subnet",
        container("zz", ipv4_address="192.168.2.9"),
        "site.containers.zz.ipv4_address",
        "192.168.2.9",
    ),
    ("shim outside the subnet", put("shim", "ipv4_address", "10.0.0.1"), "site.shim.ipv4_address", "10.0.0.1"),
    ("gateway outside the subnet", put("lan", "gateway", "10.0.0.1"), "site.lan.gateway", "10.0.0.1"),
    ("host outside the subnet", put("lan", "nas_address", "10.0.0.1"), "site.lan.nas_address", "10.0.0.1"),
    (
        "two with one address",
        container("zz", ipv4_address="192.168.1.201"),
        "site.containers.zz.ipv4_address",
        "192.168.1.201",
    ),
    (
        "container at the shim's address",
        container("zz", ipv4_address="192.168.1.254"),
        "site.containers.zz.ipv4_address",
        "192.168.1.254",
    ),
    ("network address", container("zz", ipv4_address="192.168.1.0"), "site.containers.zz.ipv4_address", "192.168.1.0"),
    (
        "broadcast address",
        container("zz", ipv4_address="192.168.1.255"),
        "site.containers.zz.ipv4_address",
        "192.168.1.255",
    ),
    (
        "two with one name",
        container("zz", ipv4_address="192.168.1.210", container_name="test"),
        "site.containers.zz.container_name",
        "test",
    ),
    (
        "two with one MAC",
        container("zz", ipv4_address="192.168.1.210", mac_address="02:42:c0:a8:01:c9"),
        "site.containers.zz.mac_address",
        "02:42:c0:a8:01:c9",
    ),
    ("interface name too long", put("shim", "name", "macvlan-host-long"), "site.shim.name", "macvlan-host-long"),
    ("unknown key", put("nas", "prot", 22), "site.nas.prot", "22"),
    ("unknown key of a container", put("containers", "test", "imgae", "x"), "site.containers.test.imgae", "x"),
    ("families swapped: IPv6 as IPv4", put("shim", "ipv4_address", "fd00::1"), "site.shim.ipv4_address", "fd00::1"),
    (
        "families swapped: IPv4 as IPv6",
        put("shim", "ipv6_address", "192.168.1.9"),
        "site.shim.ipv6_address",
        "192.168.1.9",
    ),
    ("subnet with host bits", put("lan", "subnet", "192.168.1.10/24"), "site.lan.subnet", "192.168.1.10/24"),
    ("missing identity file", put("nas", "identity_file", "nowhere/id"), "site.nas.identity_file", "nowhere/id"),
    ("no host key known", put("nas", "known_hosts", "/dev/null"), "site.nas.known_hosts", "/dev/null"),
    ("missing compose file", put("compose", "nowhere.yml"), "site.compose[0]", "nowhere.yml"),
    ("unsupported compose key", put("containers", "test", "pids_limit", 9), "site.containers.test.pids_limit", ""),
    ("parent that does not exist", put("lan", "parent", "eth7"), "site.lan.parent", "eth7"),
    ("user without a way in", put("nas", "user", "nobodyhere"), "site.nas.identity_file", ""),
    ("user who may not use Docker", put("nas", "user", "hobby"), "site.nas.user", "hobby"),
    ("NAS that is not there", put("nas", NOWHERE | {"host": "192.168.1.77"}), "site.nas.host", "192.168.1.77"),
    ("port that is closed", put("nas", NOWHERE | {"port": 2222}), "site.nas.host", "192.168.1.10"),
]


def refused(stack: Stack) -> str:
    """The text of a refused `up`. Preview and update run the same program; nothing may have been changed."""
    done = stack.up(check=False)
    said = done.stdout + done.stderr
    assert done.returncode != 0, said
    assert "Traceback" not in said and "error:" in said, said
    assert stack.pulumi("stack", "--show-urns", "--stack", "e2e").stdout.count("docker:") == 0
    return said


@pytest.fixture(scope="module")
def untouched(stack: Stack) -> dict[str, str]:
    return stack.box.snapshot()


# Those that only a NAS can show, and one that the laptop's files show.
ALWAYS = {
    "parent that does not exist",
    "user without a way in",
    "user who may not use Docker",
    "NAS that is not there",
    "port that is closed",
    "missing compose file",
}


@pytest.mark.parametrize(
    ("change", "key", "value"),
    [pytest.param(*case[1:], id=case[0], marks=[] if case[0] in ALWAYS else pytest.mark.full) for case in CASES],
)
def test_bad_input_is_told_with_key_value_and_remedy(
    stack: Stack, untouched: dict[str, str], change: Callable[[Site], None], key: str, value: str
) -> None:
    site = stack.site()
    change(site)
    stack.write(site)
    said = refused(stack)
    assert f"{key}: {value}" in said if value else key in said, said
    assert "->" in said


def test_a_wrong_host_key_is_refused(stack: Stack, untouched: dict[str, str]) -> None:
    wrong = stack.folder / "wrong_known_hosts"
    other = (ROOT / ".lab" / stack.box.instance / "ssh/id_ed25519.pub").read_text().split()
    wrong.write_text(f"192.168.1.10 {other[0]} {other[1]}\n")
    site = stack.site()
    site["nas"]["known_hosts"] = str(wrong)
    stack.write(site)
    said = refused(stack)
    assert f"site.nas.known_hosts: {wrong}" in said and "does not match the key" in said


@pytest.mark.parametrize(
    ("line", "value"),
    [
        ("mac_address: 02:42:10:20:30:40", "02:42:10:20:30:40"),
        pytest.param("user: 0022", "0022", marks=pytest.mark.full),
        pytest.param("restart: no", "no", marks=pytest.mark.full),
    ],
)
def test_unquoted_yaml_traps_are_told(stack: Stack, untouched: dict[str, str], line: str, value: str) -> None:
    stack.write(stack.site())
    text = re.sub("( +)image: busybox\n", rf"\g<0>\1{line}\n", stack.file.read_text(), count=1)
    assert line in text
    stack.file.write_text(text)
    assert f"{line.split(':')[0]}: {value}" in refused(stack)


def test_all_problems_are_told_at_once(stack: Stack, untouched: dict[str, str]) -> None:
    site = stack.site()
    for change in (
        put("nas", "identity_file", "nowhere/id"),
        put("nas", "prot", 22),
        put("shim", "ipv4_address", "10.0.0.1"),
        container("zz", ipv4_address="192.168.1.201"),
    ):
        change(site)
    stack.write(site)
    said = refused(stack)
    for key in ("nas.identity_file", "nas.prot", "shim.ipv4_address", "containers.zz.ipv4_address"):
        assert f"site.{key}: " in said


def test_nothing_of_all_that_changed_the_nas(stack: Stack, untouched: dict[str, str]) -> None:
    assert stack.box.snapshot() == untouched


def test_the_box_is_not_just_broken(stack: Stack, box: Box) -> None:
    """The same stack with good input works: the refusals above were not for another reason."""
    stack.write(stack.site())
    stack.up()
    assert box.ping("nas", "192.168.1.201") == 0
