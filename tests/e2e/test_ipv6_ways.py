"""Docker's own IPv6 and the loop's side by side, on each engine in one box: the figures that decide between them.

Both have the loop beside them: with Docker's own it takes the default route to nobody away. No part of the suite: what
is promised of the loop test_ipv6_loop.py proves. `make test-e2e ENGINE_VERSION=26 K=ipv6_ways` measures on one engine.
"""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from lab.drive import Box, Stack, lost_of
from tests.e2e.fixtures_lan import flooded, wait
from tests.e2e.test_ipv6 import lost_after_idle, lost_from_ra_on, started_and_lost
from tests.e2e.test_main_job import wait_for_global_address

# Four minutes for each way and engine, of which most is waiting.
pytestmark = pytest.mark.full
STARTS = 20
ADDRESS, ULA = "192.168.1.230", "fd0d:7eb5:2afd::230"
MAC = "02:1a:22:33:44:6e"  # of the site's, for on 29 it would have another one at each start
# One that fails leaves the container stopped.
RESTARTS = """for i in $(seq {count}); do
    docker stop -t 0 measured >/dev/null; docker start measured >/dev/null || echo "start $i failed"
done"""


@pytest.fixture(scope="module")
def stack(fresh: Box, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(fresh, tmp_path_factory.mktemp("stack"))
    yield stack
    fresh.nas("docker rm -f measured", check=False)
    stack.force_away()


@pytest.fixture(scope="module", params=["docker", "loop"])
def way(request: pytest.FixtureRequest, stack: Stack) -> str:
    """A network of this kind, and `measured` on it as the only container."""
    box = stack.box
    box.nas("docker rm -f measured", check=False)
    stack.destroy()
    site = stack.site()
    del site["compose"], site["containers"]
    measured = {"name": "measured", "ipv4_address": ADDRESS, "mac_address": MAC}
    site |= {"install": {"check_interval": 5}, "external_containers": [measured]}
    if request.param == "loop":  # the other one is the default, also of a program that knows no loop
        site["network"] = {"ipv6": "loop"}
    stack.write(site)
    stack.up()
    ula = f"--ip6 {ULA}" if request.param == "docker" else ""
    box.nas("docker rm -f measured", check=False)
    box.run_by_hand("measured", f"--restart always --network bridge-host --ip {ADDRESS} {ula} busybox")
    wait_for_global_address(box, "measured")
    return request.param


def test_starts_that_failed_with_an_advertisement_every_ten_milliseconds(stack: Stack, way: str) -> None:
    box = stack.box
    with flooded(box):
        failed = len(box.nas(RESTARTS.format(count=STARTS), timeout=600).splitlines())
    print(f"engine {box.engine}, {way}: {failed} of {STARTS} starts failed")
    box.start_by_hand("measured")
    wait_for_global_address(box, "measured")
    assert way == "docker" or failed == 0


def test_packets_lost_from_the_routers_advertisement_on(stack: Stack, way: str) -> None:
    lost = [lost_from_ra_on(stack.box, "measured") for _ in range(3)]
    print(f"engine {stack.box.engine}, {way}: lost of 100 from the RA on, three times: {lost}")
    assert way == "docker" or min(lost) == 0


def test_packets_lost_after_a_start_among_advertisements_every_ten_milliseconds(stack: Stack, way: str) -> None:
    """On 20.10 no start gets as far with Docker's own IPv6."""
    box = stack.box
    if (box.engine, way) == ("20.10", "docker"):
        pytest.skip("it does not start")
    lost = []
    with flooded(box):
        for _ in range(5):
            box.nas("docker stop -t 0 measured")
            lost.append(started_and_lost(box, "measured"))
    print(f"engine {box.engine}, {way}: lost of 100 after a start among advertisements, five times: {lost}")
    assert way == "docker" or min(lost) == 0


def test_packets_lost_after_idle(stack: Stack, way: str) -> None:
    wait_for_global_address(stack.box, "measured")
    lost = lost_after_idle(stack.box, "measured")
    print(f"engine {stack.box.engine}, {way}: lost of 20 after 60 s idle: {lost}")
    assert way == "docker" or lost == 0


def test_packets_lost_over_a_docker_restart(stack: Stack, way: str) -> None:
    """From the internet by the global address, ten a second: mostly the time that Docker takes itself. The last 30 are
    there to give the first 400 time."""
    box, lost = stack.box, []
    for _ in range(3):
        address = wait_for_global_address(box, "measured")
        wait("it answers", lambda to=address: box.ping("internet", to, 1) == 0)
        with ThreadPoolExecutor(1) as pool, box.precedence():
            said = pool.submit(box.run, "internet", f"ping -6 -i 0.1 -c 430 -W 1 {address}", False)
            box.nas("systemctl reset-failed docker.service docker.socket; systemctl restart docker")
        lost.append(lost_of(400, said.result().stdout))
    print(f"engine {box.engine}, {way}: lost of 400 over a docker restart, three times: {lost}")
    assert max(lost) < 400, "it never came back"
