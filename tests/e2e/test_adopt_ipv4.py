"""The network that people have: made by hand, IPv4 only, with containers of several makers running on it.

It becomes dual-stack and is given back as it was, and no container is restarted: uptime and TCP connections go on.
"""

import shlex
import time
from collections.abc import Iterator, Mapping
from typing import Any

import pytest

from lab.drive import SHIM_ULA, Box, Stack
from tests.e2e.fixtures_lan import INTERNET6, standing, wait
from tests.e2e.inside import ROUTER, changed, default_routes, has_no_ipv6, state, uptimes
from tests.e2e.streams import disturbed, streaming
from tests.e2e.test_dsm_hooks import DOCKER as DSM_DOCKER
from tests.e2e.test_dsm_hooks import loop

ULA, PREFIX = "fd0d:7eb5:2afd::", "2001:db8:1:1:"
CLIENT_ULA = f"{ULA}20"
# As docker compose 2.29 and Portainer 2.21 set them; neither is to be had in the box.
COMPOSE = {
    "com.docker.compose.project": "paperless",
    "com.docker.compose.service": "webserver",
    "com.docker.compose.oneoff": "False",
    "com.docker.compose.container-number": "1",
    "com.docker.compose.config-hash": "0b4a5e3f5a7d2f8a4f2a0b8a51b1c33e0d9d3f6a7d4d2a3b1e5f7c9d8e6a4b20",
    "com.docker.compose.depends_on": "",
    "com.docker.compose.project.config_files": "/volume1/docker/paperless/compose.yaml",
    "com.docker.compose.project.working_dir": "/volume1/docker/paperless",
    "com.docker.compose.version": "2.29.7",
}
PORTAINER = {
    "com.docker.compose.project": "home",
    "com.docker.compose.service": "unifi",
    "com.docker.compose.oneoff": "False",
    "com.docker.compose.container-number": "1",
    "com.docker.compose.project.config_files": "/data/compose/7/docker-compose.yml",
    "com.docker.compose.project.working_dir": "/data/compose/7",
    "io.portainer.accesscontrol.teams": "family",
}
LABELS: Mapping[str, Mapping[str, str]] = {"pihole": {}, "paperless": COMPOSE, "unifi": PORTAINER}
LAST = {"pihole": "53", "paperless": "54", "unifi": "55"}  # number of the address, in both families
NAMES = tuple(LAST)
LISTED = [{"name": name, "ipv4_address": f"192.168.1.{last}"} for name, last in LAST.items()]
BY_CLIENT = {f"client to {name}": ("client", name, f"192.168.1.{LAST[name]}") for name in NAMES}
BY_NAS = {f"NAS to {name}": ("nas", name, f"192.168.1.{LAST[name]}") for name in NAMES}


@pytest.fixture(scope="module", params=["20.10", "26", "29", "dsm"])
def fresh(request: pytest.FixtureRequest) -> Iterator[Box]:
    """With a client that has a ULA, too, as in a home whose router gives them out. On DSM with the link that the
    preview asks for, since the docker plugin reads a network before anything is installed."""
    dsm = request.param == "dsm"
    options = ("--profile", "dsm") if dsm else ("--engine", request.param)
    box = Box("20.10" if dsm else request.param, f"adopt-{request.param}".replace(".", ""))
    with standing(box, *options) as box:
        box.run("client", f"ip address add {CLIENT_ULA}/64 dev eth0 nodad")
        if dsm:
            box.nas("ln -s /usr/local/bin/docker /usr/bin/docker")
        yield box


@pytest.fixture
def by_hand(fresh: Box, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """The network and its three containers. Nothing of them is left after the test."""
    stack = Stack(fresh, tmp_path_factory.mktemp("stack"))
    parent = "ovs_eth0" if is_dsm(fresh) else "eth0"
    addresses = "--subnet 192.168.1.0/24 --gateway 192.168.1.1"
    try:
        fresh.nas(f"docker network create -d macvlan {addresses} -o parent={parent} lan")
        for name, labels in LABELS.items():
            words = " ".join(f"--label {shlex.quote(f'{key}={value}')}" for key, value in labels.items())
            where = f"--network lan --ip 192.168.1.{LAST[name]}"
            fresh.run_by_hand(name, f"--restart unless-stopped {words} {where} busybox")
        yield stack
    finally:
        stack.destroy(check=False)
        fresh.remove_containers_and("lan")


def is_dsm(box: Box) -> bool:
    return "dsm" in box.instance


def site(stack: Stack, **more: Any) -> dict[str, Any]:
    """The network by its name, without anything of how it is."""
    site = stack.site()
    if is_dsm(stack.box):
        site = stack.dsm_site("dockeradmin")
        del site["nas"]["docker_wrapper"]
    del site["compose"], site["containers"]
    return site | {"network": {"name": "lan"}, "external_containers": "all"} | more


LOOP = {"name": "lan", "ipv6": "loop"}


def dual_stack(box: Box, after: str, within: float) -> dict[str, str]:
    """Name → global address, as soon as each has it beside its ULA."""
    found: dict[str, str] = {}
    with box.precedence():
        started = time.monotonic()

        def all_have_both() -> bool:
            for name in NAMES:
                have = box.addresses(name)
                taken = [address for address in have if address.startswith(PREFIX)]
                if f"{ULA}{LAST[name]}" in have and taken:
                    found[name] = taken[0]
            return len(found) == len(NAMES)

        wait("each has its ULA and a global address", all_have_both)
        print(f"engine {box.engine}: all are dual-stack {time.monotonic() - started:.1f} s after {after}")
        assert time.monotonic() - started <= within
    return found


def assert_reached(box: Box, after: str = "`pulumi up`", within: float = 10) -> None:
    """By ULA and global address, from the NAS, the LAN and the internet, and back. within: seconds, until all are
    dual-stack."""
    taken = dual_stack(box, after, within)
    assert {name: default_routes(box, name) for name in NAMES} == {name: [ROUTER] for name in NAMES}
    wait("the NAS knows them", lambda: all("macvlan-host" in box.nas(f"ip -6 route get {a}") for a in taken.values()))
    pings = {}
    for name, address in taken.items():
        ula = f"{ULA}{LAST[name]}"
        ends = {"NAS to ULA": ("nas", ula), "NAS to global": ("nas", address), "client to ULA": ("client", ula)}
        ends |= {"client to global": ("client", address), "internet to it": ("internet", address)}
        ends |= {f"to {to}": (name, to) for to in (INTERNET6, SHIM_ULA, CLIENT_ULA)}
        pings |= {f"{name}: {label}": pair for label, pair in ends.items()}
    assert box.lost(pings) == {}


def assert_as_before(box: Box, before: Mapping[str, dict[str, list[str]]], *names: str) -> None:
    """Within some rounds of the loop."""
    deadline, left = time.monotonic() + 20, {name: {} for name in names}
    while left and time.monotonic() < deadline:
        found = {name: changed(before[name], state(box, name)) for name in names}
        left = {name: change for name, change in found.items() if change}
    assert left == {}


def test_running_containers_become_dual_stack_and_are_given_back_as_they_were(by_hand: Stack) -> None:
    """As the preview's own remedy says."""
    box = by_hand.box
    nas, uptime = box.snapshot(), uptimes(box, *NAMES)
    before = {name: state(box, name) for name in NAMES}
    assert all(has_no_ipv6(box, name) for name in NAMES)
    by_hand.write(site(by_hand))
    refused = by_hand.pulumi("preview", "--stack", "e2e", check=False)
    assert refused.returncode != 0 and "ipv6: loop" in refused.stdout + refused.stderr

    by_hand.write(site(by_hand, network=LOOP))
    assert by_hand.steps()["lan-network"] == "import"
    with streaming(box, BY_CLIENT) as told:
        by_hand.up()
        assert_reached(box)
    assert disturbed(told) == {}
    assert uptimes(box, *NAMES) == uptime
    by_hand.expect_no_changes()
    changes = {name: changed(before[name], state(box, name)) for name in NAMES}
    assert all(changes[name]["addresses"] and changes[name]["settings"] for name in NAMES), "the comparison is blind"

    with streaming(box, BY_CLIENT) as told:
        by_hand.destroy()
    assert disturbed(told) == {}
    assert_as_before(box, before, *NAMES)
    assert uptimes(box, *NAMES) == uptime
    assert box.snapshot() == nas


def test_ipv6_comes_to_those_on_a_list_and_goes_with_nothing_restarted(by_hand: Stack) -> None:
    """From no IPv6 to the loop's and back, and with one container less: the NAS's connections notice nothing."""
    box = by_hand.box
    uptime, before = uptimes(box, *NAMES), {name: state(box, name) for name in NAMES}
    by_hand.write(site(by_hand, network={"name": "lan", "ipv6": "off"}, external_containers=LISTED))
    by_hand.up()
    assert all(has_no_ipv6(box, name) for name in NAMES)
    with streaming(box, BY_CLIENT | BY_NAS) as told:
        by_hand.write(site(by_hand, network=LOOP, external_containers=LISTED))
        by_hand.up()
        assert_reached(box)
        by_hand.expect_no_changes()
        by_hand.write(site(by_hand, network=LOOP, external_containers=LISTED[:2]))
        by_hand.up()
        assert_as_before(box, before, "unifi")
        assert f"{ULA}53" in box.addresses("pihole")
        by_hand.write(site(by_hand, network={"name": "lan", "ipv6": "off"}, external_containers=LISTED))
        by_hand.up()
        assert_as_before(box, before, *NAMES)
    assert disturbed({label: one for label, one in told.items() if label != "NAS to unifi"}) == {}
    assert uptimes(box, *NAMES) == uptime


# Each of these is proven for containers of the site in test_ipv6_loop.py, but not with DSM's tools.
@pytest.mark.full
def test_all_stay_dual_stack_over_restarts_a_killed_loop_and_a_reboot(by_hand: Stack) -> None:
    box = by_hand.box
    by_hand.write(site(by_hand, network=LOOP))
    by_hand.up()
    assert_reached(box)
    unit = DSM_DOCKER if is_dsm(box) else "docker"
    events = {
        "a restart of all containers": f"docker restart -t 0 {' '.join(NAMES)}",
        "a killed loop and such a restart": f"kill -9 {loop(box)}; docker restart -t 0 {' '.join(NAMES)}",
        "a restart of Docker": f"systemctl reset-failed {unit}; systemctl restart {unit}",
    }
    for what, command in events.items():
        box.nas(command)
        assert_reached(box, what, within=60)
    box.lab("reboot")
    wait("docker answers", lambda: box.run("nas", "docker ps", check=False).returncode == 0)
    assert_reached(box, "a reboot", within=60)
    by_hand.expect_no_changes()
