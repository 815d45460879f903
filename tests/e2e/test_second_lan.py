"""Several networks on one NAS: two of one site, and two stacks. Each is made, changed and taken away while the other
one carries TCP connections, which must not notice."""

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import pytest

from lab.drive import NAS, SHIM, SHIM_ULA, Box, Stack
from tests.e2e.fixtures_lan import CLIENT, INTERNET, INTERNET6, standing, wait
from tests.e2e.streams import disturbed, streaming

IOT: dict[str, Any] = {
    "lan": {"parent": "eth1", "subnet": "192.168.20.0/24", "gateway": "192.168.20.1", "nas_address": "none"},
    "ula": {"prefix": "fd20:1f3c:77aa::/64"},
}
# Name of a container → its IPv4, ULA and global address; the shim's of its network
TEST = ("192.168.1.201", "fd0d:7eb5:2afd::201", "2001:db8:1:1:42:c0ff:fea8:1c9")
BULB = ("192.168.20.201", "fd20:1f3c:77aa::201", "2001:db8:1:20:42:c0ff:fea8:14c9")
PLUG = "192.168.20.202"
IOT_SHIM, IOT_SHIM_ULA = "192.168.20.254", "fd20:1f3c:77aa::254"
OTHER, IOT_OTHER = "192.168.1.253", "192.168.20.253"  # the shims' addresses before a change
OF_SECOND = (BULB[0], PLUG, IOT_SHIM, IOT_OTHER, "fd20:1f3c:77aa")
FIRST = {
    "NAS to first": ("nas", "test", TEST[0]),
    "first to NAS": ("test", "nas", NAS),
    "client to first": ("client", "test", TEST[0]),
    "NAS to first by ULA": ("nas", "test", TEST[1]),
}
SECOND = {
    "NAS to second": ("nas", "bulb", BULB[0]),
    "second to shim": ("bulb", "nas", IOT_SHIM),
    "client to second": ("client", "bulb", BULB[0]),
    "NAS to second by ULA": ("nas", "bulb", BULB[1]),
}
BY_THE_LAN = {"client to second": SECOND["client to second"]}  # the NAS's own have the shim's address at their end
PINGS = {
    "first": {
        **{f"NAS -> {to}": ("nas", to) for to in TEST},
        **{f"first -> {to}": ("test", to) for to in (SHIM, SHIM_ULA, NAS, CLIENT, INTERNET, INTERNET6)},
        "client -> first": ("client", TEST[0]),
        "internet -> first": ("internet", TEST[2]),
    },
    "second": {
        **{f"NAS -> {to}": ("nas", to) for to in BULB},
        **{f"second -> {to}": ("bulb", to) for to in (IOT_SHIM, IOT_SHIM_ULA, CLIENT, INTERNET, INTERNET6)},
        "router -> second": ("router", BULB[0]),
        "client -> second": ("client", BULB[0]),
        "internet -> second": ("internet", BULB[2]),
    },
}
LEFT = (
    "ip -o link; ip rule; ip -6 rule; ip route show table all; ip -6 route show table all; ls /etc /usr/local/bin /run"
)


def container(name: str, **more: Any) -> dict[str, Any]:
    """It ends as soon as it is told to, which a shell does not."""
    run = {"image": "busybox", "command": ["sleep", "99999"], "init": True, "restart": "always"}
    return {name: run | more}


def first_site(stack: Stack, shim: str = SHIM) -> dict[str, Any]:
    """The first network alone, with one container."""
    site = stack.site() | {"shim": {"ipv4_address": shim}, "install": {"check_interval": 5}}
    del site["compose"]
    return site | {"containers": container("test", ipv4_address=TEST[0])}


def iot(shim: str = IOT_SHIM) -> dict[str, Any]:
    return IOT | {"shim": {"ipv4_address": shim}}


def both_networks(stack: Stack, more: bool, iot_shim: str, shim: str) -> dict[str, Any]:
    """The second one beside it in one site. more: with another container."""
    site = first_site(stack, shim) | {"networks": {"iot": iot(iot_shim)}}
    for name, address in {"bulb": BULB[0], **({"plug": PLUG} if more else {})}.items():
        site["containers"] |= container(name, networks={"iot": {"ipv4_address": address}})
    return site


def second_site(stack: Stack, more: bool, shim: str) -> dict[str, Any]:
    """The second network as the only one of its stack."""
    site = first_site(stack) | iot(shim) | {"network": {"name": "iot"}}
    site["install"] |= {"name": "iot"}
    names = {"bulb": BULB[0], **({"plug": PLUG} if more else {})}
    return site | {"containers": {k: v for n, a in names.items() for k, v in container(n, ipv4_address=a).items()}}


@pytest.fixture(scope="module", params=["20.10", "26", "29"])
def fresh(request: pytest.FixtureRequest) -> Iterator[Box]:
    box = Box(request.param, f"second-{request.param}".replace(".", ""))
    with standing(box, "--engine", request.param, "--second-lan") as box:
        yield box


@pytest.fixture
def site(fresh: Box, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(fresh, tmp_path_factory.mktemp("site"))
    yield stack
    stack.force_away()


@pytest.fixture
def stacks(fresh: Box, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, Stack]]:
    first, second = (Stack(fresh, tmp_path_factory.mktemp(name), name) for name in ("first", "second"))
    yield first, second
    second.destroy(check=False)
    first.force_away()


def assert_reached(box: Box, *which: str) -> None:
    """All pairs of these networks."""
    for network, name, of, link in (("first", "test", TEST, "macvlan-host"), ("second", "bulb", BULB, "macvlan-iot")):
        if network in which:
            wait(f"{name} has {of[2]}", lambda name=name, of=of: of[2] in box.addresses(name))
            look = f"ip -6 route get {of[2]}"
            wait(f"the NAS knows {of[2]}", lambda look=look, link=link: link in box.nas(look))
            # After a restart the loop first asks who has that gateway, for a second or more
            no_ula = f"{name} has no default route to Docker's gateway, where nobody is"
            took = wait(no_ula, lambda name=name: "via fd" not in box.ip(name, "-6 route show default"))
            print(f"engine {box.engine}, {no_ula}: {took:.1f} s after the rest")
    assert box.lost({label: pair for one in which for label, pair in PINGS[one].items()}) == {}


def undisturbed(box: Box, ends: Mapping[str, tuple[str, str, str]], what: str, change: Callable[[], object]) -> None:
    """The connections do not notice the change."""
    with streaming(box, ends) as told:
        change()
    assert disturbed(told) == {}, what


def put(stack: Stack, site: Mapping[str, Any]) -> Callable[[], object]:
    stack.write(site)
    return stack.up


def survive(box: Box, *stacks: Stack) -> None:
    box.nas("systemctl restart docker")
    wait("docker answers", lambda: box.run("nas", "docker ps", check=False).returncode == 0)
    assert_reached(box, "first", "second")
    box.lab("reboot")
    assert_reached(box, "first", "second")
    for stack in stacks:
        stack.expect_no_changes()


def left(box: Box) -> set[str]:
    """Of ours on the NAS: links, rules, routes, files."""
    words = ("macvlan", " 109", *OF_SECOND)
    return {line for line in box.nas(LEFT).splitlines() if any(word in line for word in words)}


def test_a_second_network_of_a_site_comes_changes_and_goes_while_the_first_is_in_use(site: Stack) -> None:
    box = site.box
    put(site, first_site(site, OTHER))()
    undisturbed(box, FIRST, "the second comes", put(site, both_networks(site, False, IOT_OTHER, OTHER)))
    changed = put(site, both_networks(site, True, IOT_SHIM, OTHER))
    undisturbed(box, FIRST | BY_THE_LAN, "the second changes", changed)
    undisturbed(box, SECOND, "the first changes", put(site, both_networks(site, True, IOT_SHIM, SHIM)))
    site.expect_no_changes()
    assert_reached(box, "first", "second")
    survive(box, site)
    undisturbed(box, FIRST, "the second goes", put(site, first_site(site)))
    site.expect_no_changes()
    assert_reached(box, "first")
    assert not [line for line in left(box) if "iot" in line or any(address in line for address in OF_SECOND)]
    site.destroy()
    assert left(box) == set()


def test_a_second_stack_comes_changes_and_goes_while_the_first_is_in_use(stacks: tuple[Stack, Stack]) -> None:
    first, second = stacks
    box = first.box
    put(first, first_site(first, OTHER))()
    undisturbed(box, FIRST, "the second comes", put(second, second_site(second, False, IOT_OTHER)))
    changed = put(second, second_site(second, True, IOT_SHIM))
    undisturbed(box, FIRST | BY_THE_LAN, "the second changes", changed)
    undisturbed(box, SECOND, "the first changes", put(first, first_site(first)))
    for stack in stacks:
        stack.expect_no_changes()
    assert_reached(box, "first", "second")
    survive(box, first, second)
    undisturbed(box, FIRST, "the second goes", second.destroy)
    assert_reached(box, "first")
    second.up()
    undisturbed(box, SECOND, "the first goes", first.destroy)
    assert_reached(box, "second")
    second.destroy()
    assert left(box) == set()


def test_a_second_stack_without_a_name_of_its_own_is_told_whose_the_files_are(stacks: tuple[Stack, Stack]) -> None:
    first, second = stacks
    put(first, first_site(first))()
    second.write(second_site(second, False, IOT_SHIM) | {"install": {"check_interval": 5}})
    done = second.up(check=False)
    said = done.stdout + done.stderr
    assert done.returncode != 0 and "/first" in said and "install.name" in said, said
    assert_reached(first.box, "first")
    first.expect_no_changes()
