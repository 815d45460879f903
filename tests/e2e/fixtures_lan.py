"""The main job, whole and in one call: for boxes on which something other than the addresses is in question."""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lab.drive import NAS, SHIM, SHIM_ULA, Box, Stack

CONTAINERS = {"test": ("192.168.1.201", "fd0d:7eb5:2afd::201"), "qbittorrent": ("192.168.1.202", "fd0d:7eb5:2afd::202")}
CLIENT, INTERNET, INTERNET6 = "192.168.1.20", "203.0.113.9", "2001:db8:ffff::9"


@contextmanager
def standing(box: Box, *options: str) -> Iterator[Box]:
    """`lab up OPTIONS` and, however the tests end, `lab down`; also if only half of it came up."""
    try:
        box.lab("up", *options)
        yield box
    finally:
        box.lab("down")


@contextmanager
def flooded(box: Box) -> Iterator[None]:
    """Meanwhile the router sends a hundred advertisements a second."""
    box.lab("ra", "--ms", "10")
    try:
        yield
    finally:
        box.lab("ra")


def wait(what: str, good: Callable[[], object], seconds: float = 60) -> float:
    """Seconds until it was so."""
    started = time.monotonic()
    while time.monotonic() - started < seconds:
        if good():
            return time.monotonic() - started
        time.sleep(0.3)
    raise AssertionError(f"{what}: not within {seconds} s")


def shim_is_there(box: Box) -> bool:
    return box.run("nas", "ip link show dev macvlan-host", check=False).returncode == 0


def start_all(box: Box) -> None:
    """`test` has no restart policy, as in the recipe."""
    box.start_by_hand("test", "qbittorrent")


def assert_all_is_as_planned(stack: Stack) -> None:
    """Addresses, MACs, and every pair of NAS, containers, client and internet in both families; 3 packets each."""
    box, planned = stack.box, stack.outputs()["containers"]
    wait("the shim is there", lambda: shim_is_there(box))
    globals_ = {}
    for name, (ipv4, ula) in CONTAINERS.items():
        endpoint = json.loads(box.nas(f"docker inspect {name}"))[0]["NetworkSettings"]["Networks"]["bridge-host"]
        assert (endpoint["IPAddress"], endpoint["GlobalIPv6Address"]) == (ipv4, ula)
        # By the interface: Docker tells of a MAC of its own where the loop has set the planned one
        wait(f"{name} has its MAC", lambda of=name: planned[of]["mac"] in box.ip(of, "link show dev eth0"))
        wait(f"{name} has a global address", lambda of=name: len(box.addresses(of)) > 1)
        (globals_[name],) = planned[name]["predicted_global_ipv6"]
        assert globals_[name] in box.addresses(name)
    routes = "ip -6 route show table 109 dev macvlan-host"
    wait("routes to the global addresses", lambda: all(address in box.nas(routes) for address in globals_.values()))
    pings = {}
    for name, (ipv4, ula) in CONTAINERS.items():
        ends = {"NAS IPv4": ("nas", ipv4), "NAS ULA": ("nas", ula), "NAS global": ("nas", globals_[name])}
        ends |= {"client IPv4": ("client", ipv4), "internet IPv6": ("internet", globals_[name])}
        ends |= {to: (name, to) for to in (SHIM, SHIM_ULA, NAS, CLIENT, INTERNET, INTERNET6)}
        pings |= {f"{name}: {label}": pair for label, pair in ends.items()}
    assert box.lost(pings) == {}
