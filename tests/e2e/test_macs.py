"""Each container has the MAC of its plan and the one global address that follows from it, whatever Docker gave it.

On 20.10 and 26 Docker's own default is the planned MAC, so there only a MAC that the site chose otherwise needs the
watch loop; on 29 each container does, at each start (docs/decisions/0018).
"""

import json
import shlex
import time
from collections.abc import Iterator, Mapping

import pytest

from lab.drive import Box, Stack
from tests.e2e.fixtures_lan import flooded, wait

PREFIX, CHOSEN, LISTED = "2001:db8:1:1:", "02:1a:22:33:44:5e", "02:1a:22:33:44:6e"
# name → MAC, suffix of the global address; `chosen` has a MAC of the site's, `listed` is somebody else's container
WANTED = {
    "test": ("02:42:c0:a8:01:c9", "42:c0ff:fea8:1c9"),
    "qbittorrent": ("02:42:c0:a8:01:ca", "42:c0ff:fea8:1ca"),
    "chosen": (CHOSEN, "1a:22ff:fe33:445e"),
    "listed": (LISTED, "1a:22ff:fe33:446e"),
}
LOOK = """for c in {names}; do
    p=$(docker inspect -f '{{{{.State.Pid}}}}' $c) && [ $p != 0 ] || continue
    echo $c $(nsenter -t $p -n ip -o link show dev eth0 | sed 's/.*link.ether \\([^ ]*\\).*/\\1/') \
        $(nsenter -t $p -n ip -6 -o addr show dev eth0 scope global | sed -n 's/.*inet6 \\(2001[^/]*\\).*/\\1/p')
done"""
# 20.10 loses some of these starts to the router's advertisements (docs/upstream-facts.md#docker-gateway-race)
RESTARTS = """for i in $(seq {count}); do
    docker restart -t 0 {name} >/dev/null ||
        for again in 1 2 3 4 5 6 7 8; do docker start {name} >/dev/null && break; done
    p=$(docker inspect -f '{{{{.State.Pid}}}}' {name}); t=0
    until nsenter -t $p -n ip link show dev eth0 | grep -q {mac}; do
        [ $((t += 1)) -le 100 ] || exit 1; sleep 0.05
    done
    until nsenter -t $p -n ip -6 addr show dev eth0 | grep -q {address}; do
        [ $((t += 1)) -le 200 ] || exit 2; sleep 0.05
    done
    echo $t $(nsenter -t $p -n ip -6 -o addr show dev eth0 scope global | grep -c 2001)
done"""

FLIP = """while sleep 0.3; do
    nsenter -t $(docker inspect -f '{{.State.Pid}}' chosen) -n ip link set eth0 address 02:66:00:00:00:01
done"""


@pytest.fixture(scope="module")
def up(fresh: Box, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(fresh, tmp_path_factory.mktemp("stack"))
    site = stack.site()
    site["containers"]["chosen"] = {
        "image": "busybox",
        "ipv4_address": "192.168.1.203",
        "mac_address": CHOSEN,
        "tty": True,
        "restart": "always",
    }
    site["containers"]["test"]["restart"] = "always"
    site["external_containers"] = [{"name": "listed", "ipv4_address": "192.168.1.230", "mac_address": LISTED}]
    stack.write(site)
    stack.up()
    words = "--restart always --network bridge-host --ip 192.168.1.230 --ip6 fd0d:7eb5:2afd::230 busybox sleep 99999"
    fresh.run_by_hand("listed", words)
    yield stack
    fresh.nas("docker rm -f listed", check=False)
    stack.force_away()


def look(box: Box, *names: str) -> Mapping[str, tuple[str, ...]]:
    """name → MAC and global addresses, of the interfaces themselves."""
    lines = box.nas(LOOK.format(names=" ".join(names)), check=False).splitlines()
    return {name: (*rest,) for name, *rest in (line.split() for line in lines)}


def wanted(*names: str) -> dict[str, tuple[str, ...]]:
    return {name: (WANTED[name][0], PREFIX + WANTED[name][1]) for name in names}


def assert_as_planned(box: Box) -> None:
    """Also a while later, when no advertisement can be on its way any more; and the LAN and the internet agree."""
    took = wait("each has its MAC and address", lambda: look(box, *WANTED) == wanted(*WANTED))
    print(f"engine {box.engine}: all as planned {took:.1f} s later")
    time.sleep(3)
    assert look(box, *WANTED) == wanted(*WANTED)
    pings = {f"{place} to {name}": (place, PREFIX + suffix) for name, (_, suffix) in WANTED.items()
             for place in ("client", "internet", "nas")}  # fmt: skip
    lost = box.lost(pings)
    assert lost == {}, box.nas(
        "date +%T.%N; ip -6 neigh show dev macvlan-host; ip -6 route show table 109 dev macvlan-host"
    )


def test_after_up_each_has_the_planned_mac_and_one_global_address(up: Stack) -> None:
    assert_as_planned(up.box)


def test_previews_are_empty_and_say_what_the_containers_have(up: Stack) -> None:
    up.expect_no_changes()
    up.up()
    up.expect_no_changes()
    told = up.outputs()["containers"]["chosen"]
    assert (told["observed_mac"], told["observed_global_ipv6"]) == (CHOSEN, [f"{PREFIX}1a:22ff:fe33:445e"])
    listed = json.loads(up.box.nas("/usr/local/bin/setup_docker_macvlan.sh status --json"))["containers"]
    assert {one["name"]: one["mac"] for one in listed} == {name: mac for name, (mac, _) in WANTED.items()}


@pytest.mark.parametrize("name", ["chosen", "listed"])
def test_a_restart_of_a_container_never_leaves_another_mac_or_address(
    up: Stack, name: str, request: pytest.FixtureRequest
) -> None:
    mac, suffix = WANTED[name]
    count = 20 if up.box.engine == "29" and request.config.getoption("--full") else 5
    script = RESTARTS.format(name=name, mac=mac, address=PREFIX + suffix, count=count)
    rounds = [line.split() for line in up.box.nas(script, timeout=500).splitlines()]
    times = [int(tries) * 0.05 for tries, _ in rounds]
    print(f"engine {up.box.engine}, {name}: address {min(times):.2f} to {max(times):.2f} s after `docker restart`")
    assert {count for _, count in rounds} == {"1"}
    assert_as_planned(up.box)


def test_with_an_advertisement_every_10_ms_too(up: Stack) -> None:
    """On 20.10 a start then fails in Docker itself (test_engines.py): it has advertisements while containers run."""
    restart = "docker restart -t 0 chosen" if up.box.engine != "20.10" else "true"
    with flooded(up.box):
        up.box.nas(f"for i in 1 2 3 4 5; do {restart}; sleep 1; done")
        wait("as planned", lambda: look(up.box, "chosen") == wanted("chosen"))
    assert_as_planned(up.box)


def test_a_loop_that_is_killed_while_a_container_starts_is_made_up_for(up: Stack) -> None:
    up.box.nas("docker stop -t 0 chosen; docker start chosen & pkill -9 -f '[s]etup_docker_macvlan.sh watch'; wait")
    assert_as_planned(up.box)


def test_a_docker_restart_and_a_reboot_bring_them_back(up: Stack) -> None:
    up.box.nas("systemctl restart docker", timeout=300)
    assert_as_planned(up.box)
    up.box.lab("reboot")
    wait("Docker is there", lambda: up.box.run("nas", "docker ps", check=False).returncode == 0)
    assert_as_planned(up.box)
    up.expect_no_changes()


# Two minutes of waiting; which of the two a preview shows is proven in tests/unit/test_container_drift.py.
@pytest.mark.full
@pytest.mark.parametrize("fresh", ["29"], indirect=True, scope="module")
def test_a_mac_that_cannot_be_held_makes_the_container_anew_once(up: Stack) -> None:
    """Where somebody sets another again and again. One engine will do: loop and preview are the same on each."""
    box = up.box
    flipper = box.start("nas", f"sh -c {shlex.quote(FLIP)}")
    try:
        old = enough(box)
        assert "MAC of chosen is 02:66:00:00:00:01 instead of" in up.told()
        up.up()
        assert enough(box) != old, "it was to be made anew"
        assert "it was recreated for the same reason before" in up.told()
        up.expect_no_changes()
    finally:
        flipper.terminate()
        flipper.wait()
        box.nas("pkill -f '[0]2:66:00:00:00:01'", check=False)
    assert_as_planned_after_a_restart(up)


def enough(box: Box) -> str:
    """Waits until the loop has had its minute for the container, and returns its id."""
    time.sleep(62)
    wait("another MAC", lambda: look(box, "chosen")["chosen"][0] == "02:66:00:00:00:01")
    return box.nas("docker inspect -f '{{.Id}}' chosen")


def assert_as_planned_after_a_restart(up: Stack) -> None:
    """Who learned the other MAC sends there for 8 s more (docs/upstream-facts.md#optimistic-is-silent)."""
    up.box.nas("docker restart -t 0 chosen")
    pings = {place: (place, PREFIX + WANTED["chosen"][1]) for place in ("client", "internet", "nas")}
    wait("the old MAC is forgotten", lambda: not up.box.lost(pings), 40)
    assert_as_planned(up.box)


def test_forty_containers_at_once(up: Stack) -> None:
    box, names = up.box, [f"c{number}" for number in range(40)]
    up.write(up.site_with(40))
    up.up()
    planned = {
        name: (f"02:42:c0:a8:01:{100 + n:02x}", f"{PREFIX}42:c0ff:fea8:1{100 + n:02x}") for n, name in enumerate(names)
    }
    wait("each has its MAC and address", lambda: look(box, *names) == planned, 120)
    # 20.10 loses some of these starts to the router's advertisements: the loop starts them again
    box.run("nas", f"docker restart -t 0 {' '.join(names)}", check=box.engine != "20.10", timeout=500)
    took = wait("again", lambda: look(box, *names) == planned, 180)
    print(f"engine {box.engine}: 40 containers as planned {took:.1f} s after `docker restart` of all")
    up.expect_no_changes()
