"""What is changed by hand on the NAS is named by a plain preview, repaired by `pulumi up`, and then gone from it."""

import copy
from typing import Any

import pytest

from lab.drive import Stack

SHIM, PROGRAM = "macvlan-host", "/usr/local/bin/setup_docker_macvlan.sh"
CONF, UNIT = "/etc/setup_docker_macvlan.conf", "setup_docker_macvlan.service"
LOOP = f"$(systemctl show -p MainPID --value {UNIT})"
# The loop would heal these within moments; here it is asleep, as on a NAS where it hangs.
ASLEEP = f"kill -STOP {LOOP}; "
AWAKE = f"kill -CONT {LOOP}"
# Again where Docker < 29 lost its race with the router's advertisement, as in Box.start_by_hand
OFF_AND_ON = (
    "docker network disconnect bridge-host test;"
    " for i in 1 2 3 4; do docker network connect --ip 192.168.1.77 bridge-host test && break; done"
)
EMPTIED = "docker network disconnect -f bridge-host test; docker network rm bridge-host"
OTHER = f"{EMPTIED}; docker network create -d macvlan --subnet 192.168.1.0/24 --gateway 192.168.1.2 -o parent=eth0"

# Done by hand, all of it at once: what the preview names, of the shim's one resource.
AT_ONCE = {
    f"echo '# mine' >>{PROGRAM}": f"{PROGRAM} was changed by hand",
    f"chmod 600 /etc/systemd/system/{UNIT}": f"/etc/systemd/system/{UNIT} has another mode",
    f"echo '# mine' >>{CONF}": f"{CONF} was changed by hand",
    f"systemctl disable {UNIT}": "the unit is disabled",
    f"{ASLEEP}ip addr del 192.168.1.254/32 dev {SHIM}": "address 192.168.1.254/32 is missing",
    f"ip addr add 192.168.1.9/32 dev {SHIM}": "192.168.1.9/32 is on macvlan-host, and",
    f"sysctl -qw net.ipv4.conf.{SHIM}.arp_filter=0": f"sysctl arp_filter of {SHIM}",
    f"sysctl -qw net.ipv4.conf.{SHIM}.arp_announce=0": f"sysctl arp_announce of {SHIM}",
    f"sysctl -qw net.ipv6.conf.{SHIM}.accept_ra=2": f"sysctl accept_ra of {SHIM}",
    f"ip -6 route add fd0d:7eb5:2afd::99 dev {SHIM}": "route to fd0d:7eb5:2afd::99 is",
}

# Done by hand, each alone; the resource that the preview shows; its operation; what it names.
DRIFTS = [
    (f"echo '# mine' >>{PROGRAM}", "lan-host", "update", f"{PROGRAM} was changed by hand"),
    (f"chmod 700 {PROGRAM}", "lan-host", "update", f"{PROGRAM} has another mode"),
    (f"echo '# mine' >>{CONF}", "lan-host", "update", f"{CONF} was changed by hand"),
    (f"rm {CONF}", "lan-host", "update", f"{CONF} is gone"),
    (f"rm {CONF} {PROGRAM} /etc/systemd/system/{UNIT}", "lan-host", "update", f"{CONF} is gone"),
    (f"systemctl stop {UNIT}", "lan-host", "update", "the unit is inactive"),
    (f"systemctl disable {UNIT}", "lan-host", "update", "the unit is disabled"),
    (f"{ASLEEP}ip link del {SHIM}", "lan-host", "update", f"link {SHIM} is gone"),
    (f"{ASLEEP}ip link set {SHIM} down", "lan-host", "update", f"link {SHIM} is down"),
    (f"{ASLEEP}ip addr del 192.168.1.254/32 dev {SHIM}", "lan-host", "update", "address 192.168.1.254/32 is missing"),
    (f"{ASLEEP}ip addr add 192.168.1.9/32 dev {SHIM}", "lan-host", "update", "192.168.1.9/32 is on macvlan-host, and"),
    (f"{ASLEEP}sysctl -w net.ipv4.conf.{SHIM}.arp_filter=0", "lan-host", "update", "sysctl arp_filter of macvlan-host"),
    (f"{ASLEEP}ip route del 192.168.1.201 dev {SHIM} table 109", "lan-host", "update", "route to 192.168.1.201 is"),
    (f"{ASLEEP}ip rule del pref 109", "lan-host", "update", "the rule 109 for IPv4 is missing"),
    (f"{ASLEEP}ip -6 route add fd0d:7eb5:2afd::99 dev {SHIM}", "lan-host", "update", "route to fd0d:7eb5:2afd::99 is"),
    (OFF_AND_ON, "lan-test-container", "replace", "IPv4 address of test is 192.168.1.77 instead of 192.168.1.201"),
    (EMPTIED, "lan-network", "replace", "bridge-host is gone"),
    (f"{OTHER} bridge-host", "lan-network", "replace", "bridge-host was replaced by another network"),
]  # fmt: skip


@pytest.fixture(scope="module")
def up(looked: Stack) -> Stack:
    site = looked.site()
    del site["compose"]
    site["install"] = {"check_interval": 3600}
    looked.write(site)
    looked.up()
    looked.expect_no_changes()
    return looked


# The unit's state, a link that is down and a route that is missing come from the same reading of the same report.
IN_AT_ONCE = (
    *("by hand", "another mode", "disabled", "254/32", "arp_filter", "::99", "1.9/32"),
    *("is down", "route to 192.168.1.201"),
)


# Drifts of AT_ONCE, and two that are read from the same lines of the NAS's report.
ALONE_IN_FULL = (
    *("by hand", "another mode", "disabled", "254/32", "1.9/32", "arp_filter", "::99"),
    *("is down", "route to 192.168.1.201"),
)


def in_at_once(named: str) -> bool:
    return any(word in named for word in ALONE_IN_FULL)


def test_all_that_drifted_at_the_shim_is_named_repaired_and_gone(up: Stack) -> None:
    up.box.nas("; ".join(AT_ONCE))
    found = up.preview()
    assert found.steps == {"lan-host": "update"}
    assert [named for named in AT_ONCE.values() if named not in found.told] == []
    up.box.nas(AWAKE, check=False)
    up.up()
    up.expect_no_changes()
    assert up.box.lost({"NAS -> IPv4": ("nas", "192.168.1.201"), "NAS -> ULA": ("nas", "fd0d:7eb5:2afd::201")}) == {}


@pytest.mark.parametrize(
    ("by_hand", "resource", "operation", "named"),
    [pytest.param(*case, id=case[3], marks=pytest.mark.full if in_at_once(case[3]) else []) for case in DRIFTS],
)
def test_what_drifted_is_named_repaired_and_gone(
    up: Stack, by_hand: str, resource: str, operation: str, named: str
) -> None:
    up.box.nas(by_hand)
    found = up.preview()
    assert found.steps.get(resource) == operation
    assert named in found.told
    up.box.nas(AWAKE, check=False)
    up.up()
    up.expect_no_changes()
    assert up.box.lost({"NAS -> IPv4": ("nas", "192.168.1.201"), "NAS -> ULA": ("nas", "fd0d:7eb5:2afd::201")}) == {}


def test_up_waits_for_the_loop_of_the_new_unit(up: Stack) -> None:
    """The old loop is told to end, and does so only seconds later."""
    asks = f"systemctl is-active {UNIT}; systemctl show -p MainPID {UNIT}"
    old = up.box.nas(asks)
    up.box.nas(f"{ASLEEP}rm /etc/systemd/system/{UNIT}; setsid sh -c 'sleep 5; {AWAKE}' >/dev/null 2>&1 </dev/null &")
    up.up()
    new = up.box.nas(asks)
    assert new.startswith("active\n") and new != old
    up.expect_no_changes()


def test_nothing_is_shown_where_nothing_drifted(up: Stack) -> None:
    """Docker restarted, containers in another order, a gateway that Docker hid: none of it is a change."""
    up.box.nas("systemctl reset-failed docker; systemctl restart docker; docker stop -t 1 test")
    up.box.start_by_hand("test")
    up.box.nas(f"for i in $(seq 60); do {PROGRAM} status --brief && break; sleep 1; done")
    up.expect_no_changes()


def test_a_container_that_is_gone_is_named_with_what_brings_it_back(up: Stack) -> None:
    up.box.nas("docker rm -f test")
    assert "`pulumi up --refresh` recreates it" in up.told()
    up.up(True, "--refresh")
    up.expect_no_changes()
    assert up.box.ping("nas", "192.168.1.201") == 0


RENAMED: dict[str, dict[str, Any]] = {
    "shim": {"shim": {"name": "lan-shim"}},
    "paths": {
        "install": {
            "script_path": "/usr/local/bin/other.sh",
            "config_path": "/etc/other.conf",
            "unit_path": "/etc/systemd/system/other.service",
        }
    },
    "network and container": {
        "network": {"name": "other-net"},
        "containers": {"test": {"container_name": "other", "ipv4_address": "192.168.1.77"}},
    },
}


RENAMED["all of it"] = {key: change for part in list(RENAMED.values()) for key, change in part.items()}


# Each kind alone in tests/unit/test_drift.py, too.
@pytest.mark.parametrize(
    "what", [pytest.param(what, marks=[] if what == "all of it" else pytest.mark.full) for what in RENAMED]
)
def test_what_is_renamed_in_the_site_is_a_change_and_no_drift(up: Stack, what: str) -> None:
    """There and back again; the record names no drift that there was not."""
    first = up.written()
    second = copy.deepcopy(first)
    for key, change in RENAMED[what].items():
        for name, value in change.items():
            part = second.setdefault(key, {})
            part[name] = {**part[name], **value} if isinstance(value, dict) else value
    for site in (second, first):
        was = reason(up)
        up.write(site)
        assert "changed on the NAS" not in up.told()
        up.up()
        up.expect_no_changes()
        assert reason(up) in (was, "installed\n")  # that, where the record itself has moved
    assert up.box.lost({"NAS -> IPv4": ("nas", "192.168.1.201"), "NAS -> ULA": ("nas", "fd0d:7eb5:2afd::201")}) == {}


def reason(up: Stack) -> str:
    """Why the data file was last written, without the time."""
    return up.box.nas(
        "sed -n 's/^# [0-9-]*T[0-9:]*Z //p' /etc/setup_docker_macvlan.conf /etc/other.conf 2>/dev/null; :"
    )
