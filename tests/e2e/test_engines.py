"""What depends on the engine, on 20.10 and 29; engine 26 has the whole suite."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from lab.drive import NAS, RETRIED, SHIM, Box, Stack
from tests.e2e.fixtures_lan import flooded, wait
from tests.e2e.test_main_job import CONTAINERS, INTERNET, INTERNET6, wait_for_global_address
from tests.e2e.test_persistence import all_is_well

OUTSIDE, INSIDE = "2001:db8:1:1::205", "fd0d:7eb5:2afd::206"


@pytest.fixture(scope="module")
def up(other_box: Box, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(other_box, tmp_path_factory.mktemp("stack"))
    stack.up()
    yield stack
    stack.force_away()


def test_the_engine_is_the_one_that_is_meant(up: Stack) -> None:
    assert up.box.nas("docker version --format '{{.Server.Version}}'").startswith(up.box.engine)


def test_all_reach_each_other(up: Stack) -> None:
    for name, (ipv4, ula) in CONTAINERS.items():
        address = wait_for_global_address(up.box, name)
        pings = {
            "NAS -> IPv4": ("nas", ipv4),
            "NAS -> ULA": ("nas", ula),
            "container -> shim": (name, SHIM),
            "container -> NAS": (name, NAS),
            "client -> IPv4": ("client", ipv4),
            "client -> global": ("client", address),
            "container -> internet": (name, INTERNET6),
        }
        assert up.box.lost(pings) == {}, name


def test_docker_takes_no_ipv6_address_outside_its_networks_range(up: Stack) -> None:
    """Which is why a static global address needs `network.ipv6: loop` (plan/checks.py). After a refusal, 20.10 keeps
    the IPv4 address taken, so the one that is accepted has another."""
    run = "docker run -d --name outside --network bridge-host"
    refused = up.box.run("nas", f"{run} --ip 192.168.1.205 --ip6 {OUTSIDE} busybox sleep 99", check=False)
    print(f"engine {up.box.engine}: {refused.stderr.strip()}")
    up.box.nas("docker rm -f outside", check=False)
    assert refused.returncode != 0 and OUTSIDE in refused.stderr
    up.box.nas(f"{run} --ip 192.168.1.206 --ip6 {INSIDE} busybox sleep 99 && docker rm -f outside")


def test_nothing_differs_after_a_refresh_and_a_docker_restart(up: Stack) -> None:
    up.expect_no_changes()
    up.box.nas("systemctl restart docker")
    wait("all is well", lambda: all_is_well(up.box))
    up.box.start_by_hand("test")
    up.pulumi("refresh", "--yes", "--skip-preview", "--stack", "e2e")
    up.expect_no_changes()


def start_late(up: Stack) -> str:
    """What `pulumi up` printed that had a hundred advertisements a second, until one outran a start or all was made."""
    # From now on: a start of an earlier test's may have failed so, too
    since = up.box.nas("date +%s").strip()
    lost = f"journalctl -u docker --since=@{since} | grep -q 'failed to set IPv6 gateway'"

    def outrun() -> bool:
        return up.box.run("nas", lost, check=False).returncode == 0

    with ThreadPoolExecutor(1) as pool:
        with flooded(up.box):
            run = pool.submit(up.up, True, "--refresh")
            wait("a start that was outrun, or the end of the run", lambda: outrun() or run.done(), 240)
        return run.result().stdout


def test_a_start_that_is_outrun_is_made_again_in_the_same_run(up: Stack) -> None:
    """On 20.10 a hundred advertisements a second outrun nearly each start; on a busy machine the router may send fewer,
    so a container that came up at once is made again. On 26 it would be chance (in 0 of 8 starts, 2026-11-25), and 29
    sets no gateway."""
    box, races = up.box, up.box.engine == "20.10"
    site = up.site()
    site["containers"]["late"] = {"image": "busybox", "ipv4_address": "192.168.1.203", "tty": True}
    up.write(site)
    said = start_late(up)
    for _ in range(4):
        if RETRIED in said or not races:
            break
        box.nas("docker rm -f late")
        said = start_late(up)
    assert (RETRIED in said) == races
    late = "docker inspect -f '{{.State.Running}} {{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}' late"
    assert box.nas(late) == "true 192.168.1.203\n"
    assert box.lost({"from the NAS": ("nas", "192.168.1.203"), "to the internet": ("late", INTERNET)}) == {}
    up.expect_no_changes()
    up.write(up.site())
    up.up()
    assert "late" not in box.nas("docker ps -a --format '{{.Names}}'").split()


def test_sysctls_of_the_interface_hold_on_every_engine(up: Stack) -> None:
    """20.10 takes them with the container alone, 29 with its endpoint alone (docs/decisions/0017)."""
    box, path = up.box, "/proc/sys/net/ipv4/conf/eth0/log_martians"
    site = up.site()
    tuned = {"image": "busybox", "ipv4_address": "192.168.1.204", "tty": True}
    site["containers"]["tuned"] = tuned | {"sysctls": {"net.ipv4.conf.eth0.log_martians": 1}}
    up.write(site)
    up.up()
    assert box.nas(f"docker exec tuned cat {path}; docker exec test cat {path}").split() == ["1", "0"]
    box.nas("docker stop -t 0 tuned")
    box.start_by_hand("tuned")
    assert box.nas(f"docker exec tuned cat {path}") == "1\n"
    up.expect_no_changes()
    up.write(up.site())
    up.up()


def test_a_network_made_by_hand_loses_its_route_to_nobody_on_every_engine(up: Stack) -> None:
    """Engine 29 gives none by itself, but a network that was made earlier keeps what it has
    (docs/upstream-facts.md#docker-own-gateway)."""
    up.destroy()
    dead = "fd0d:7eb5:2afd::1"
    up.box.nas(
        "docker network create -d macvlan --subnet 192.168.1.0/24 --gateway 192.168.1.1 --ipv6"
        f" --subnet fd0d:7eb5:2afd::/64 --gateway {dead} -o parent=eth0 bridge-host"
    )
    routes = "nsenter -t $(docker inspect -f '{{.State.Pid}}' %s) -n ip -6 route show default"
    try:
        up.box.run_by_hand("before", "--network bridge-host --ip 192.168.1.230 busybox sleep 999")
        assert f"via {dead} " in up.box.nas(routes % "before"), "Docker sets no such route here"
        up.up()
        for name in ("before", *CONTAINERS):
            wait_for_global_address(up.box, name)
            wait("no route to nobody", lambda of=name: f"via {dead} " not in up.box.nas(routes % of))
            assert up.box.lost({"to the internet": (name, INTERNET6)}) == {}
        up.expect_no_changes()
    finally:
        up.destroy(check=False)
        up.box.remove_containers_and("bridge-host")
