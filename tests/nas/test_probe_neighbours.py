"""Who is at which address of the LAN, as probe.sh finds out: by a ping to all and the kernel's neighbour table."""

import fcntl
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.nas.box import ANNOUNCED, PREFIX, Box
from tests.nas.fake_nas import AWAKE, DEAF, NOBODY, PATIENT, FakeNas, make_lan

PINNED = "02:00:00:00:00:31"


@pytest.fixture
def nas(box: Box) -> Iterator[FakeNas]:
    """With no global address, so that it asks from its ULA."""
    box.ip("addr", "del", f"{ANNOUNCED}10/64", "dev", "eth0")
    yield FakeNas(box)


@pytest.fixture
def lan(box: Box) -> str:
    return make_lan(box)


@pytest.fixture
def alone() -> Iterator[None]:
    """Not beside another test with hundreds of neighbours: the kernel has room for 1024, in all namespaces together."""
    with (Path(tempfile.gettempdir()) / "macvlan-ipv6-neighbours.lock").open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def asks(addresses: list[str]) -> list[str]:
    return [f"ask={address}" for address in addresses]


@pytest.mark.parametrize("ping", ["busybox", "iputils"])
def test_the_neighbour_table_tells_who_is_at_an_address(nas: FakeNas, lan: str, ping: str) -> None:
    box = nas.box
    if ping == "iputils":
        for name in "ping", "ping6":
            (box.bin / name).unlink()
    box.ip(*f"neigh replace 192.168.1.30 lladdr {PINNED} dev eth0 nud stale".split())
    box.ip(*f"neigh replace 192.168.1.31 lladdr {PINNED} dev eth0 nud permanent".split())
    box.ip("-6", "route", "add", "default", "via", f"{PREFIX}20")
    box.ip("addr", "add", "2001:db8:9::1/128", "dev", "lo", space=lan)
    addresses = [f"192.168.1.{host}" for host in (10, 2, 20, 21, 30, 31, 40)]
    addresses += [*(f"{PREFIX}{host}" for host in (10, 20, 21, 40)), "2001:db8:9::1", "10.9.9.9"]
    told = nas.look(*asks(addresses), probe=PATIENT)
    stale = told["answers"].pop(2)
    assert stale.startswith(f"answer 192.168.1.30 {PINNED} ") and stale.endswith(" known")
    assert told["answers"] == [
        f"answer 192.168.1.20 {AWAKE} REACHABLE ping",
        f"answer 192.168.1.21 {DEAF} REACHABLE quiet",
        f"answer 192.168.1.31 {PINNED} PERMANENT known",
        f"answer {PREFIX}20 {AWAKE} REACHABLE ping",
        f"answer {PREFIX}21 {DEAF} REACHABLE quiet",
        "routed 2001:db8:9::1",
        "unasked 10.9.9.9",
    ]


def test_a_stale_entry_whose_owner_answers_is_an_answer(nas: FakeNas, lan: str) -> None:
    nas.box.ip(*f"neigh replace 192.168.1.20 lladdr {AWAKE} dev eth0 nud stale".split())
    (answer,) = nas.look("ask=192.168.1.20", probe=PATIENT)["answers"]
    assert answer.startswith(f"answer 192.168.1.20 {AWAKE} ") and answer.endswith(" ping")


def test_without_a_route_nobody_was_asked(nas: FakeNas, lan: str) -> None:
    assert nas.look("ask=2001:db8:9::1")["answers"] == ["unasked 2001:db8:9::1"]


def unable(nas: FakeNas) -> None:
    nas.box.ip(*f"neigh replace 192.168.1.20 lladdr {AWAKE} dev eth0 nud permanent".split())
    told = nas.look("ask=192.168.1.20", "ask=192.168.1.10", f"gateway={PREFIX}20")
    assert told["answers"] == ["unasked 192.168.1.20"] and told["gateway"] == []


def test_where_the_user_may_not_ping_nobody_was_asked_whatever_the_table_says(nas: FakeNas, lan: str) -> None:
    nas.wrapper = NOBODY
    unable(nas)


@pytest.mark.parametrize("shell", ["dash", "bash"])  # busybox ash brings a ping of its own
def test_where_there_is_no_ping_nobody_was_asked_whatever_the_table_says(nas: FakeNas, lan: str) -> None:
    nas.without = "ping ping6"
    for name in "ping", "ping6":
        (nas.box.bin / name).unlink()
    unable(nas)


def test_200_addresses_where_nobody_is_cost_little_more_than_a_second(alone: None, nas: FakeNas, lan: str) -> None:
    words = asks([f"192.168.1.{host}" for host in range(50, 150)] + [f"{PREFIX}{host}" for host in range(50, 150)])
    took: list[float] = []
    end = time.monotonic() + 180
    while min(took, default=99) >= 2 and time.monotonic() < end:  # other tests may be at work beside this one
        began = time.monotonic()
        assert nas.look(*words)["answers"] == []
        took.append(time.monotonic() - began)
    print(f"200 addresses with nobody there: {min(took):.2f} s")
    assert min(took) < 2


def test_520_addresses_are_asked_and_each_answer_is_its_own(alone: None, nas: FakeNas, lan: str) -> None:
    for host in 2, 250:
        nas.box.ip("addr", "add", f"192.168.1.{host}/24", "dev", "eth0", space=lan)
    words = asks([f"192.168.1.{host}" for host in range(1, 255)] + [f"{PREFIX}{host}" for host in range(1, 255)])
    told = [line.split()[1] for line in nas.look(*words)["answers"] if line.startswith("answer")]
    assert told == ["192.168.1.2", "192.168.1.20", "192.168.1.21", "192.168.1.250", f"{PREFIX}20", f"{PREFIX}21"]


@pytest.mark.parametrize(("gateway", "told"), [(f"{PREFIX}20", ["answers"]), (f"{PREFIX}99", ["silent"]), ("-", [])])
def test_the_gateway_answers_or_is_silent(nas: FakeNas, lan: str, gateway: str, told: list[str]) -> None:
    assert nas.look(f"gateway={gateway}", "ask=192.168.1.20")["gateway"] == told


def test_a_gateway_that_drops_pings_but_says_who_it_is_answers(nas: FakeNas, lan: str) -> None:
    told = nas.look(f"gateway={PREFIX}21")
    assert (told["gateway"], told["answers"]) == (["answers"], [])


def test_a_gateway_to_which_the_nas_has_no_route_was_not_asked(nas: FakeNas, lan: str) -> None:
    nas.box.ip("addr", "add", "2001:db8:9::1/128", "dev", "lo", space=lan)
    assert nas.look("gateway=2001:db8:9::1")["gateway"] == ["unasked"]
    nas.box.ip("-6", "route", "add", "default", "via", f"{PREFIX}20")
    assert nas.look("gateway=2001:db8:9::2", "ask=192.168.1.20")["gateway"] == ["silent"]
    assert nas.look("gateway=2001:db8:9::1")["gateway"] == ["answers"]


def test_no_process_is_left_behind(nas: FakeNas, lan: str) -> None:
    nas.look("ask=192.168.1.40", f"gateway={PREFIX}99")
    assert subprocess.run(["ip", "netns", "pids", nas.box.host], capture_output=True, text=True).stdout == ""
