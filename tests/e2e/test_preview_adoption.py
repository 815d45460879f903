"""A network and a whole recipe made by hand are taken over with their containers running, and given back."""

from pathlib import Path
from typing import Any

import pytest

from lab.drive import Stack
from tests.e2e.fixtures_lan import wait

NETWORK = (
    "docker network create -d macvlan --subnet=192.168.1.0/24 --gateway=192.168.1.1 --ipv6"
    " --subnet=fd0d:7eb5:2afd::/64 --gateway=fd0d:7eb5:2afd::1 -o parent=eth0 bridge-host"
)
CONTAINERS = {"pihole": "53", "unifi": "54"}
RECIPE = Path(__file__).with_name("recipe_by_hand.sh").read_text()
UPTIME = "docker inspect -f '{{.Name}} {{.State.StartedAt}} {{.State.Pid}}' pihole unifi"
OTHERS = [
    {"name": "pihole", "ipv4_address": "192.168.1.53"},
    {"name": "unifi", "ipv4_address": "192.168.1.54"},
]
UP_AGAIN = "active\nshim macvlan-host on eth0: 192"


@pytest.fixture
def by_hand(looked: Stack) -> Any:
    """The NAS with network and containers made by hand, and with none of it after the test."""
    looked.box.nas(NETWORK)
    for name, last in CONTAINERS.items():
        where = f"--ip 192.168.1.{last} --ip6 fd0d:7eb5:2afd::{last} --network bridge-host"
        looked.box.run_by_hand(name, f"{where} busybox")
    site = looked.site()
    site["external_containers"] = OTHERS
    looked.write(site)
    yield looked
    looked.destroy()
    looked.box.remove_containers_and("bridge-host")


def test_a_network_made_by_hand_is_imported_with_its_containers_untouched(by_hand: Stack) -> None:
    before = by_hand.box.nas(UPTIME)
    assert by_hand.steps()["lan-network"] == "import"
    by_hand.up()
    by_hand.expect_no_changes()
    assert by_hand.box.nas(UPTIME) == before
    reached = {name: ("nas", name) for name in ("192.168.1.53", "fd0d:7eb5:2afd::54", "192.168.1.201")}
    assert by_hand.box.lost(reached) == {}
    by_hand.box.nas("systemctl restart docker")  # Docker then shows a gateway that it hid
    state = "systemctl is-active setup_docker_macvlan; /usr/local/bin/setup_docker_macvlan.sh status --brief"
    # The unit is restarted behind docker's, and systemctl waited for docker's only
    wait("the unit is up again", lambda: by_hand.box.nas(state, check=False).startswith(UP_AGAIN))
    by_hand.expect_no_changes()


def test_a_network_of_someone_elses_stays_when_the_stack_goes(by_hand: Stack) -> None:
    by_hand.up()
    before = by_hand.box.nas(UPTIME)
    by_hand.destroy()
    assert by_hand.box.nas("docker network ls --format '{{.Name}}'").split().count("bridge-host") == 1
    assert by_hand.box.nas(UPTIME) == before


def test_a_network_with_other_settings_is_refused_side_by_side(by_hand: Stack) -> None:
    site = by_hand.site()
    site["lan"]["ip_range"] = "192.168.1.192/26"
    by_hand.write(site)
    said = by_hand.told(check=False)
    assert "exists already, was not made by this program, and differs" in said
    assert "ip_range  none        192.168.1.192/26" in said and "docker network rm bridge-host" in said


@pytest.mark.parametrize("wish", ["restore", "keep"])
def test_the_recipe_by_hand_is_taken_over_and_given_back_if_asked(by_hand: Stack, wish: str) -> None:
    box = by_hand.box
    box.nas(RECIPE)
    before, uptime = box.snapshot(), box.nas(UPTIME)
    site = by_hand.site()
    site |= {"install": {"on_destroy": wish}, "external_containers": OTHERS}
    by_hand.write(site)
    assert "setup_docker_macvlan.sh.before-macvlan-ipv6 and replaced" in by_hand.told()
    by_hand.up()
    by_hand.expect_no_changes()
    assert box.nas(UPTIME) == uptime
    assert box.lost({name: ("nas", name) for name in ("192.168.1.53", "fd0d:7eb5:2afd::53")}) == {}
    by_hand.destroy()
    assert box.nas(UPTIME) == uptime
    if wish == "restore":
        after = box.snapshot()  # the shim is another one, with a random MAC; a ping tells that it works
        assert {key for key in before if after[key] != before[key]} <= {"links", "addresses", "routes"}
        assert box.ping("nas", "192.168.1.53") == 0
        box.nas("systemctl disable --now setup_docker_macvlan.service")
    else:
        assert "macvlan-host" not in box.nas("ip -o link")
        assert "before-macvlan-ipv6" in box.nas("ls /usr/local/bin")
    box.nas(
        "rm -f /usr/local/bin/setup_docker_macvlan.sh* /etc/systemd/system/setup_docker_macvlan.service*;"
        " systemctl daemon-reload"
    )


def test_a_container_by_hand_under_a_planned_name_is_refused(by_hand: Stack) -> None:
    by_hand.box.nas("docker run -itd --name test --network none busybox")
    said = by_hand.told(check=False)
    assert "site.containers.test: test" in said and "was not made by this program" in said
    by_hand.box.nas("docker rm -f test")
