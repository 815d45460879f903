"""A container with NET_ADMIN puts on its interface and into its routing table what it likes. The NAS must send it
nobody else's packets, and the loop must go on to serve the honest one beside it: figures are printed."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest

from lab.drive import Box, Stack
from tests.e2e.fixtures_lan import standing, wait
from tests.e2e.streams import disturbed, streaming

TICK = 5
HONEST, HONEST_ULA = "192.168.1.201", "fd0d:7eb5:2afd::201"
SHIM = "macvlan-host"
HOSTILE = "--cap-add NET_ADMIN --network bridge-host --ip 192.168.1.66 --ip6 fd0d:7eb5:2afd::66"
SUFFIX = "42:c0ff:fea8:142"  # that follows from its MAC
# Whom the NAS must not look for in a container
OTHERS = {
    "the router": "2001:db8:1:1::1",
    "the client": "2001:db8:1:1:0:ff:fe00:120",
    "the DNS server": "2001:db8:ffff::9",
    "a VPN peer": "fd99::2",
    "an address of the NAS's own LAN that nobody has": "2001:db8:1:1::bad",
    "a ULA that nobody has": "fd0d:7eb5:2afd::99",
    "its own suffix elsewhere": f"2001:db8:2:2:{SUFFIX}",
    "an IPv4 address in an IPv6 one": "::ffff:192.168.1.20",
}
COUNTED = 20  # seconds
# What the loop may use meanwhile: CPU seconds a minute, and lines: three of a container's, as the program bounds them
# (nas/program/log.sh), one a route that the test took away, and one of how many were left out.
MOST_CPU, MOST_LINES = 20, 8


def batch(lines: str) -> str:
    """A shell command that gives the lines of a shell loop to the container's `ip`, as its root could."""
    return f"{{ {lines}; }} | $in ip -6 -force -batch - 2>/dev/null"


def many_addresses(count: int) -> str:
    """Half of them with the suffix that follows from its MAC, in prefixes that nobody announces."""
    return batch(
        f"i=0; while [ $i -lt {count // 2} ]; do i=$((i + 1)); h=$(printf %x $i); "
        "echo address add 2001:db8:1:1::5:$h/128 dev eth0 nodad; "
        f"echo address add fd55:0:0:$h:{SUFFIX}/128 dev eth0 nodad; done"
    )


ATTACKS = {
    "addresses of others": "; ".join(f"$in ip -6 address add {one}/128 dev eth0 nodad" for one in OTHERS.values()),
    "addresses that are duplicates": "$in ip -6 address add 2001:db8:1:1::1/64 dev eth0",
    "10,000 addresses": many_addresses(10_000),
    "20,000 routes": batch(
        "i=0; while [ $i -lt 20000 ]; do i=$((i + 1)); echo route add $(printf fd77::%x $i) dev eth0; done"
    ),
    "4,000 dead default routes": batch(
        "i=0; while [ $i -lt 4000 ]; do i=$((i + 1)); "
        "echo route add default via fd0d:7eb5:2afd::1 dev eth0 metric $((5000 + i)); done"
    ),
    "1,000 addresses": many_addresses(1000),
    "the dead gateway's address": "$in ip -6 address add fd0d:7eb5:2afd::1/128 dev eth0 nodad",
}


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    """One engine will do: the loop is the same on each."""
    with standing(Box("26", "hostile"), "--engine", "26") as box:
        yield box


@pytest.fixture(scope="module")
def up(box: Box, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(box, tmp_path_factory.mktemp("stack"))
    stack.write(stack.site() | {"install": {"check_interval": TICK}})
    stack.up()
    box.nas("ip -6 route add fd99::2/128 via 2001:db8:1:1::1 dev eth0")  # as the admin's VPN has it
    wait("the NAS knows the honest one", lambda: "2001:db8" in routes(box))
    yield stack
    box.nas("ip -6 route del fd99::2/128 dev eth0; docker rm -f hostile", check=False)
    stack.force_away()


def routes(box: Box) -> str:
    return box.nas(f"ip -6 route show table all dev {SHIM}; ip route show table all dev {SHIM}")


@contextmanager
def hostile(box: Box, *attacks: str) -> Iterator[None]:
    box.run_by_hand("hostile", f"{HOSTILE} busybox")
    try:
        inside = "in=\"nsenter -t $(docker inspect -f '{{.State.Pid}}' hostile) -n\"; "
        for attack in attacks:
            box.nas(inside + ATTACKS[attack], check=False)
        yield
    finally:
        box.nas("docker rm -f hostile")


@dataclass(frozen=True)
class Figures:
    """healed: seconds until a route of the honest one was there again. cpu: the loop's CPU seconds a minute. lines: the
    loop's in COUNTED seconds."""

    healed: float
    cpu: float
    lines: int

    def __str__(self) -> str:
        spent = f"{self.cpu:.1f} CPU s a minute, {self.lines} log lines in {COUNTED} s"
        return f"healed after {self.healed:.1f} s, {spent}"


# Of the loop and of the children that it waited for, in ticks of 1/100 s
CPU = "awk '{ print $14 + $15 + $16 + $17 }' /proc/$(systemctl show -p MainPID --value setup_docker_macvlan)/stat"


def measured(box: Box) -> Figures:
    """Over COUNTED seconds, in the last of which nothing happens but the attack."""
    since, cpu, started = box.nas("date +%s").strip(), int(box.nas(CPU)), time.monotonic()
    healed = []
    while len(healed) < 3 and (not healed or min(healed) > TICK + 3):
        box.nas(f"ip route flush {HONEST} dev {SHIM} table all; ip route flush {HONEST} dev {SHIM}", check=False)
        healed.append(wait("the honest one's route is there again", lambda: f"{HONEST} " in routes(box), 90))
    time.sleep(max(0.0, started + COUNTED - time.monotonic()))
    minutes = (time.monotonic() - started) / 60
    lines = box.nas(f"journalctl -q -u setup_docker_macvlan --since=@{since} -o cat | wc -l")
    return Figures(min(healed), (int(box.nas(CPU)) - cpu) / 100 / minutes, int(lines))


def assert_nobody_is_cut_off(box: Box) -> None:
    """The NAS's packets go where they went before."""
    for who, address in OTHERS.items():
        assert SHIM not in box.nas(f"ip -6 route get {address} 2>&1", check=False), who
    pings = {"router": "2001:db8:1:1::1", "client": "2001:db8:1:1:0:ff:fe00:120", "DNS": "2001:db8:ffff::9"}
    pings |= {"honest": HONEST, "honest by ULA": HONEST_ULA, "honest, global": "2001:db8:1:1:42:c0ff:fea8:1c9"}
    assert box.lost({label: ("nas", address) for label, address in pings.items()}) == {}


def test_the_nas_sends_a_container_nobody_elses_packets(up: Stack) -> None:
    box = up.box
    ends = {"NAS to the DNS server": ("nas", "internet", OTHERS["the DNS server"])}
    with streaming(box, ends) as told, hostile(box, "addresses of others", "addresses that are duplicates"):
        wait("the NAS knows its ULA", lambda: "fd0d:7eb5:2afd::66" in routes(box))
        wait("and the address that follows from its MAC", lambda: f"2001:db8:1:1:{SUFFIX}" in routes(box))
        time.sleep(TICK + 3)
        assert_nobody_is_cut_off(box)
        assert "via 2001:db8:1:1::1 dev eth0" in box.nas("ip -6 route show fd99::2")
        assert {line.split()[0] for line in routes(box).splitlines()}.isdisjoint(OTHERS.values())
    assert disturbed(told) == {}


@pytest.fixture(scope="module")
def without(up: Stack) -> Figures:
    figures = measured(up.box)
    print(f"engine {up.box.engine}, without an attack: {figures}")
    return figures


@pytest.mark.full
@pytest.mark.parametrize("attack", ATTACKS)
def test_one_attack_does_not_stall_the_loop(up: Stack, without: Figures, attack: str) -> None:
    assert_bounded(up.box, attack)


def test_all_attacks_at_once_do_not_stall_the_loop(up: Stack, without: Figures) -> None:
    # The kernel itself takes a minute to make and to forget 10,000 addresses
    assert_bounded(up.box, *(attack for attack in ATTACKS if attack != "10,000 addresses"))


def assert_bounded(box: Box, *attacks: str) -> None:
    with hostile(box, *attacks):
        figures = measured(box)
        print(f"engine {box.engine}, {', '.join(attacks)}: {figures}")
        assert_nobody_is_cut_off(box)
    assert figures.healed <= TICK + 3
    assert figures.lines <= MOST_LINES and figures.cpu <= MOST_CPU
