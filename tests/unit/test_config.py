"""Every bad site gets one clear error per mistake, with key, value and remedy; all at once, and never a traceback."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.problems import UserErrors
from config.service import Service
from config.service_parts import Attachment, Healthcheck, Logging
from config.site import RENAMED, Site, Ula, parse_site
from plan.lan import LanPlan
from tests.unit.junk import junk
from tests.unit.sites import COMPOSE, Change, box, compose_file, drop, judge, put, site_of

LONG = "macvlan-host-lng"  # 16 characters
OUTSIDE = "is outside lan.subnet 192.168.1.0/24"
A1 = "site.containers.a1"
OTHERS = [{"name": "pihole", "ipv4_address": "192.168.1.53"}, {"name": "ha", "ipv4_address": "192.168.1.53"}]

# the mistake, the key that the error names, the value it shows, words of what is wrong, words of the remedy
BAD: list[tuple[Change, str, str, str, str]] = [
    (put("ula", "prefix", "2001:db8::/64"), "site.ula.prefix", "2001:db8::/64", "outside fd00::/8", "make ula"),
    (put("ula", "prefix", "fc00::/64"), "site.ula.prefix", "fc00::/64", "outside fd00::/8", "make ula"),
    (put("ula", "prefix", "2001:db8::/48"), "site.ula.prefix", "2001:db8::/48", "outside fd00::/8", "make ula"),
    (put("ula", "prefix", "fd0d::/48"), "site.ula.prefix", "fd0d::/48", "not a /64", "write fd0d::/64"),
    (put("ula", "prefix", "fd0d::"), "site.ula.prefix", "fd0d::", "not a /64", "write fd0d::/64"),
    (put("ula", "prefix", "fd0d::1/64"), "site.ula.prefix", "fd0d::1/64", "one address in", "write fd0d::/64"),
    (put("ula", "prefix", "nonsense"), "site.ula.prefix", "nonsense", "not an IPv6 prefix", "make ula"),
    (put("ula", "prefix", "10.0.0.0/8"), "site.ula.prefix", "10.0.0.0/8", "IPv4 subnet", "swap"),
    (put("ula", "gateway", "fd99::1"), "site.ula.gateway", "fd99::1", "outside ula.prefix", "auto, or the router"),
    (put("ula", "gateway", "192.168.1.1"), "site.ula.gateway", "192.168.1.1", "is an IPv4 address", "swap"),
    (put("ula", "gateway", "yes"), "site.ula.gateway", "yes", "not a kind of gateway", "auto, none"),
    (put("ula", "gateway", True), "site.ula.gateway", "true", "YAML boolean", "quotes"),
    (put("ula", "gateway", "fd0d:7eb5:2afd::201"), "site.containers.test.ipv6_address", "fd0d:7eb5:2afd::201",
     "taken by the IPv6 gateway", "made from 192.168.1.201"),
    (put("lan", "subnet", "192.168.1.10/24"), "site.lan.subnet", "192.168.1.10/24", "one address in", "192.168.1.0/24"),
    (put("lan", "subnet", "192.168.1.0"), "site.lan.subnet", "192.168.1.0", "no prefix length", "192.168.1.0/24"),
    (put("lan", "subnet", "fd0d::/64"), "site.lan.subnet", "fd0d::/64", "is an IPv6 prefix", "swap"),
    (put("lan", "subnet", "192.168.1.0/33"), "site.lan.subnet", "192.168.1.0/33", "not an IPv4 subnet", "/24"),
    (put("lan", "gateway", "10.0.0.1"), "site.lan.gateway", "10.0.0.1", OUTSIDE, "the router's own"),
    (put("lan", "gateway", "192.168.1.0"), "site.lan.gateway", "192.168.1.0", "network address", "another"),
    (put("lan", "gateway", "fd00::1"), "site.lan.gateway", "fd00::1", "is an IPv6 address", "swap"),
    (put("lan", "nas_address", "10.0.0.1"), "site.lan.nas_address", "10.0.0.1", OUTSIDE, "the NAS's own address in"),
    (put("nas", "host", "10.0.0.1"), "site.nas.host", "10.0.0.1", OUTSIDE, "write `lan.nas_address:` with"),
    (put("nas", "host", "10.0.0.1"), "site.nas.host", "10.0.0.1", OUTSIDE, "`lan.nas_address: none` if"),
    (put("nas", "host", "nas.lan"), "site.lan.nas_address", "", "is missing", "in 192.168.1.0/24, or `lan."),
    (put("lan", "nas_address", "no"), "site.lan.nas_address", "no", "neither an address nor none", "or none if it has"),
    (put("lan", "nas_address", "fd00::1"), "site.lan.nas_address", "fd00::1", "is an IPv6 address", "swap"),
    (put("lan", "nas_address", False), "site.lan.nas_address", "false", "YAML boolean", "quotes"),
    (put("lan", "ip_range", "10.0.0.0/28"), "site.lan.ip_range", "10.0.0.0/28", OUTSIDE, "part of 192.168.1.0/24"),
    (put("lan", "parent", "interface-sixteen"), "site.lan.parent", "interface-sixteen", "17 characters", "shorten"),
    (put("lan", "parent", "eth 0"), "site.lan.parent", "eth 0", "not an interface name", "eth0"),
    (put("lan", "parent", "-eth0"), "site.lan.parent", "-eth0", "not an interface name", "eth0"),
    (put("lan", "parent", "lo"), "site.lan.parent", "lo", "not an interface name", "eth0"),
    (put("lan", "parent", "macvlan-host"), "site.shim.name", "macvlan-host", "the parent's own", "name of its own"),
    (put("shim", "name", LONG), "site.shim.name", LONG, "16 characters", "shorten"),
    (put("shim", "ipv4_address", "10.0.0.1"), "site.shim.ipv4_address", "10.0.0.1", OUTSIDE, "free address in"),
    (put("shim", "ipv4_address", "fd00::1"), "site.shim.ipv4_address", "fd00::1", "is an IPv6 address", "swap"),
    (put("shim", "ipv4_address", "192.168.1.255"), "site.shim.ipv4_address", "192.168.1.255", "broadcast", "another"),
    (put("shim", "ipv4_address", "192.168.1.10"), "site.shim.ipv4_address", "192.168.1.10", "the NAS already", "own"),
    (put("shim", "ipv4_address", "192.168.01.9"), "site.shim.ipv4_address", "192.168.01.9", "octal", "192.168.1.9"),
    (put("shim", "ipv4_address", "192.168.1.9/24"), "site.shim.ipv4_address", "192.168.1.9/24", "prefix length",
     "write 192.168.1.9"),
    (put("shim", "ipv6_address", "192.168.1.9"), "site.shim.ipv6_address", "192.168.1.9", "is an IPv4 address", "swap"),
    (put("shim", "ipv6_address", "fd99::1"), "site.shim.ipv6_address", "fd99::1", "outside ula.prefix", "fd0d:7eb5"),
    (put("shim", "ipv6_address", "fe80::1%eth0"), "site.shim.ipv6_address", "fe80::1%eth0", "zone", "write fe80::1"),
    (put("shim", "ipv6_address", "fd0d:7eb5:2afd::/64"), "site.shim.ipv6_address", "fd0d:7eb5:2afd::/64",
     "prefix length", "write fd0d:7eb5:2afd::"),
    (put("shim", "mac_address", "03:42:c0:a8:01:fe"), "site.shim.mac_address", "03:42:c0:a8:01:fe", "multicast", "02"),
    (put("shim", "mac_address", "02:42:c0"), "site.shim.mac_address", "02:42:c0", "not a MAC", "six pairs"),
    (put("shim", "mac_address", 7928182140), "site.shim.mac_address", "7928182140", "YAML number", "quotes"),
    (put("shim", "mac_address", "00:00:00:00:00:00"), "site.shim.mac_address", "00:00:00:00:00:00", "zero", "leave"),
    (drop("shim", "ipv4_address"), "site.shim.ipv4_address", "", "is missing", "add `ipv4_address:`"),
    (drop("nas"), "site.nas", "", "is missing", "add `nas:`"),
    (put("nas", "prot", 22), "site.nas.prot", "22", "not a key of this program", "docs/guide.md"),
    (put("nas", "port", 0), "site.nas.port", "0", "1 or more", "1 or more"),
    (put("nas", "port", 70000), "site.nas.port", "70000", "65535 or less", "65535 or less"),
    (put("nas", "port", True), "site.nas.port", "true", "YAML boolean", "digits"),
    (put("nas", "port", "ssh"), "site.nas.port", "ssh", "not a whole number", "digits"),
    (put("nas", "host", "-oProxyCommand=reboot"), "site.nas.host", "-oProxyCommand=reboot", "not an address", "as in"),
    (put("nas", "host", "root@192.168.1.10"), "site.nas.host", "root@192.168.1.10", "more than an address", "nas.user"),
    (put("nas", "host", ""), "site.nas.host", "", "not an address", "as in"),
    (put("nas", "user", "a b"), "site.nas.user", "a b", "not a user name", "root"),
    (put("nas", "identity_file", 5), "site.nas.identity_file", "5", "YAML number", "quotes"),
    (put("nas", "host_key", 5), "site.nas.host_key", "5", "not a list", "starts with `- `"),
    (put("network", {"name": "x"}), "site.network.name", "x", "not a name that Docker takes", "two or more"),
    (put("network", {"labels": ["a"]}), "site.network.labels", "", "no value for a", "- a=value"),
    (put("install", {"script_path": "bin/x"}), "site.install.script_path", "bin/x", "not an absolute path", "/usr"),
    (put("install", {"script_path": "/a/../b"}), "site.install.script_path", "/a/../b", "not an absolute", "/usr"),
    (put("install", {"unit_path": "/etc/x"}), "site.install.unit_path", "/etc/x", "not the path of a systemd", ".serv"),
    (put("install", {"docker_unit": "docker"}), "site.install.docker_unit", "docker", "systemd service", "docker.ser"),
    (put("install", {"check_interval": 1}), "site.install.check_interval", "1", "5 or more", "5 or more"),
    (put("install", {"script_path": "/a", "config_path": "/a"}), "site.install", "/a", "path of another", "config_"),
    (put("compose", 5), "site.compose", "5", "not a list", "starts with `- `"),
    (put("containers", True), "site.containers", "true", "not a map of keys", "key: value"),
    (put("containers", "a1", 5), A1, "5", "not a map of keys", "key: value"),
    (put("containers", "a b", {"image": "x", "ipv4_address": "192.168.1.9"}), "site.containers.a b", "a b",
     "not a name that Docker takes", "letters"),
    (box("a1", 9, ipv4_address="192.168.2.9"), f"{A1}.ipv4_address", "192.168.2.9", OUTSIDE, "free address in"),
    (box("a1", 0), f"{A1}.ipv4_address", "192.168.1.0", "network address", "another"),
    (box("a1", 255), f"{A1}.ipv4_address", "192.168.1.255", "broadcast address", "another"),
    (box("a1", 201), f"{A1}.ipv4_address", "192.168.1.201", "taken by container test", "address of its own"),
    (box("a1", 254), f"{A1}.ipv4_address", "192.168.1.254", "taken by the shim", "address of its own"),
    (box("a1", 10), f"{A1}.ipv4_address", "192.168.1.10", "taken by the NAS", "address of its own"),
    (box("a1", 1), f"{A1}.ipv4_address", "192.168.1.1", "taken by the router", "address of its own"),
    (box("a1", 9, ipv6_address="fd0d:7eb5:2afd::201"), f"{A1}.ipv6_address", "fd0d:7eb5:2afd::201",
     "taken by container test", "address of its own"),
    (box("a1", 9, ipv6_address="2001:db8::9"), f"{A1}.ipv6_address", "2001:db8::9", "outside ula.prefix", "fd0d:"),
    (box("a1", 9, ipv6_address="192.168.1.8"), f"{A1}.ipv6_address", "192.168.1.8", "is an IPv4 address", "swap"),
    (box("a1", 9, ipv4_address="fd0d::9"), f"{A1}.ipv4_address", "fd0d::9", "is an IPv6 address", "swap"),
    (box("a1", 9, ipv4_address=3232235785), f"{A1}.ipv4_address", "3232235785", "YAML number", "quotes"),
    (box("a1", 9, ipv4_address=None), f"{A1}.ipv4_address", "", "is missing", "outside your router's DHCP range"),
    (box("a1", 9, mac_address="02:42:c0:a8:01:c9"), f"{A1}.mac_address", "02:42:c0:a8:01:c9",
     "MAC of site.containers.test too", "give each its own"),
    (box("a1", 9, mac_address="02:42:c0:a8:01:fe"), f"{A1}.mac_address", "02:42:c0:a8:01:fe", "MAC of the shim",
     "give each its own"),
    (box("a1", 9, container_name="test"), f"{A1}.container_name", "test", "the name of site.containers.test too",
     "rename"),
    (box("a1", 9, networks={"other": None}), f"{A1}.networks", "other", "not this site's network", "use bridge-host"),
    (box("a1", 9, imgae="x"), f"{A1}.imgae", "x", "not a key of this program", "docs/guide.md"),
    (box("a1", 9, image="BusyBox"), f"{A1}.image", "BusyBox", "capitals", "write busybox"),
    (box("a1", 9, image="busy box"), f"{A1}.image", "busy box", "not the name of an image", "as in"),
    (put("external_containers", OTHERS), "site.external_containers.ha.ipv4_address", "192.168.1.53",
     "taken by container pihole", "address of its own"),
    (put("external_containers", [{"name": "test", "ipv4_address": "192.168.1.9"}]),
     "site.external_containers.test.container_name", "test", "the name of site.containers.test", "rename"),
    (put("external_containers", ["192.168.1"]), "site.external_containers[0].ipv4_address", "192.168.1", "not an IPv4",
     "four"),
    (put("external_containers", ["192.168.1.201"]), "site.external_containers.192.168.1.201.ipv4_address",
     "192.168.1.201", "taken by container test", "address of its own"),
    (put("lan", "dhcp_pool", "10.0.0.1-10.0.0.9"), "site.lan.dhcp_pool", "10.0.0.1-10.0.0.9",
     "not a part of lan.subnet 192.168.1.0/24", "192.168.1.0/24"),
    (put("lan", "dhcp_pool", "192.168.1.240-192.168.2.9"), "site.lan.dhcp_pool", "192.168.1.240-192.168.2.9",
     "not a part of lan.subnet", "192.168.1.0/24"),
    (put("lan", "dhcp_pool", "192.168.1.9-192.168.1.2"), "site.lan.dhcp_pool", "192.168.1.9-192.168.1.2",
     "ends before it begins", "192.168.1.2-192.168.1.9"),
    (box("a1", 9, environment=["P=${PUID:-1000}"]), f"{A1}.environment[0]", "", "$variable", "$$"),
    (box("a1", 9, environment={"P": "$PUID"}), f"{A1}.environment.P", "", "$variable", "$$"),
    (box("a1", 9, command="echo $HOME"), f"{A1}.command", "", "$variable", "$$"),
    (box("a1", 9, image="$IMAGE"), f"{A1}.image", "$IMAGE", "$variable", "$$"),
    (box("a1", 9, networks={"bridge-host": {"ipv4_address": "192.168.1.10"}}), f"{A1}.ipv4_address", "192.168.1.9",
     "is 192.168.1.10 under networks.bridge-host", "remove one"),
    (box("a1", 9, volumes=["_x:/a"]), f"{A1}.volumes[0]", "_x", "not a name that a volume", "docker volume ls"),
    (box("a1", 9, network_mode="host"), f"{A1}.network_mode", "host", "off the site's network", "`services: all`"),
    (box("a1", 9, network_mode="bridge-host", networks=["bridge-host"]), f"{A1}.network_mode", "bridge-host",
     "beside `networks:`", "remove it"),
    (box("a1", 9, env_file=".env"), f"{A1}.env_file", "", "read in compose files only", "move the service to one"),
    (box("a1", 9, extends="x"), f"{A1}.extends", "", "read in compose files only", "move the service to one"),
    (box("a1", 9, uts="host"), f"{A1}.uts", "", "no key in the Docker plugin", "remove it"),
    (box("a1", 9, secrets=["db_key"]), f"{A1}.secrets[0]", "db_key", "secrets of a compose file",
     "`volumes: [/folder/on/the/NAS/db_key:/run/secrets/db_key:ro]`"),
    (box("a1", 9, configs=[{"source": "cfg", "target": "/etc/cfg"}]), f"{A1}.configs[0]", "cfg",
     "configs of a compose file", "`volumes: [/folder/on/the/NAS/cfg:/cfg:ro]`"),
    (box("a1", 9, links=["test:web"]), f"{A1}.links[0]", "test:web", "no key for links", "aliases: [web]"),
    (box("a1", 9, depends_on=["db"]), f"{A1}.depends_on", "db", "no container of this site", "correct the name"),
    (box("a1", 9, depends_on=["a1"]), f"{A1}.depends_on", "a1", "leads back", "remove one of the dependencies"),
    (put("external_containers", [{"name": "ha"}]), "site.external_containers[0].ipv4_address", "", "is missing", "add"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("change", "key", "value", "what", "remedy"), BAD, ids=[f"{key}={value}" for _, key, value, _, _ in BAD]
)
def test_each_mistake_gets_one_error_with_key_value_and_remedy(
    change: Change, key: str, value: str, what: str, remedy: str
) -> None:
    _, problems = judge(site_of(change))
    assert [(p.path, p.value) for p in problems] == [(key, value)], "\n".join(map(str, problems))
    [problem] = problems
    assert what in problem.message, problem
    assert remedy in problem.remedy, problem


def test_the_site_that_all_mistakes_are_made_in_is_right() -> None:
    plan, problems = judge(site_of(), [compose_file()])
    assert plan is not None and problems == []


@pytest.mark.parametrize("raw", [None, "x", 5, [], True])
def test_a_site_that_is_no_map_is_told_so(raw: Any) -> None:
    plan, [problem] = judge(raw)
    assert plan is None
    assert problem.path == "macvlan-ipv6:site" and "README.md" in problem.remedy


def test_an_empty_site_names_every_key_that_it_needs() -> None:
    _, problems = judge({})
    assert [problem.path for problem in problems] == ["site.nas", "site.lan", "site.ula", "site.shim"]


def test_mistakes_of_single_keys_and_between_keys_are_told_in_one_run() -> None:
    changes = (
        put("nas", "prot", 22),
        put("network", {"labels": 5}),
        put("nas", "host_key", [5]),
        put("shim", "ipv4_address", "10.0.0.1"),
        box("a1", 9, network_mode="host"),
        box("a2", 201),
        box("a3", 1, imgae="x"),
        box("a4", 7, imgae="x", image=5),
        box("a5", 7),
        put("external_containers", [5, {"name": "ha", "ipv4_address": "192.168.2.1"}]),
    )
    plan, problems = judge(site_of(*changes))
    assert plan is not None
    assert sorted(p.path for p in problems) == [
        "site.containers.a1.network_mode",
        "site.containers.a2.ipv4_address",
        "site.containers.a3.imgae",
        "site.containers.a3.ipv4_address",
        "site.containers.a4.image",
        "site.containers.a4.imgae",
        "site.external_containers.ha.ipv4_address",
        "site.external_containers[0]",
        "site.nas.host_key[0]",
        "site.nas.prot",
        "site.network.labels",
        "site.shim.ipv4_address",
    ]


@pytest.mark.parametrize("path", RENAMED)
def test_a_key_of_before_the_first_release_names_the_one_that_took_its_place(path: str) -> None:
    _, problems = judge(site_of(put(*path.split(".")[1:], "x")))
    (problem,) = [one for one in problems if one.path == path]
    new = problem.remedy.removeprefix("write `").removesuffix(":`")
    assert problem.message == f"is called {new} now"
    renamed = ".".join([*path.split(".")[:-1], new])
    _, problems = judge(site_of(put(*renamed.split(".")[1:], "x")))
    assert all("is not a key" not in one.message for one in problems), problems


def test_the_value_of_a_key_of_before_the_first_release_is_not_missing_and_is_checked_too() -> None:
    _, problems = judge(site_of(put("nas", "host", "nas.lan"), put("lan", "host", "192.168.1.10")))
    assert [one.path for one in problems] == ["site.lan.host"]
    _, problems = judge(site_of(put("install", "persistence", "systemd-network"), put("install", "tick", 1)))
    assert [(one.path, one.message.partition(" now")[0]) for one in sorted(problems)] == [
        ("site.install.boot_hook", "is called systemd-standalone"),
        ("site.install.check_interval", "is out of range: it has to be 5 or more"),
        ("site.install.persistence", "is called boot_hook"),
        ("site.install.tick", "is called check_interval"),
    ]
    _, problems = judge(site_of(put("other_containers", ["192.168.1.77"]), put("external_containers", [])))
    assert [one.path for one in problems] == ["site.other_containers"]


def test_a_hook_of_before_the_first_release_names_the_one_that_took_its_place() -> None:
    _, problems = judge(site_of(put("install", "boot_hook", "systemd-network")))
    assert [(one.path, one.value, one.message, one.remedy) for one in problems] == [
        ("site.install.boot_hook", "systemd-network", "is called systemd-standalone now", "write systemd-standalone")
    ]


def test_the_error_text_counts_sorts_and_says_that_nothing_was_changed() -> None:
    _, problems = judge(site_of(put("nas", "prot", 22), put("lan", "gateway", "10.0.0.1")))
    assert str(UserErrors([*problems, *problems])).splitlines() == [
        "Found 2 problems; nothing was changed:",
        "  site.lan.gateway: 10.0.0.1",
        "      is outside lan.subnet 192.168.1.0/24; the router would not be reachable on the LAN",
        "      -> write the router's own address in 192.168.1.0/24",
        "  site.nas.prot: 22",
        "      is not a key of this program, so it would do nothing",
        "      -> remove it, or see the keys in docs/guide.md",
    ]
    assert str(UserErrors(problems[:1])).startswith("Found 1 problem;")


@pytest.mark.parametrize(
    "environment",
    [
        {"PASSWORD": ["hunter2"]},
        {"PASSWORD": {"x": "hunter2"}},
        [{"PASSWORD": "hunter2"}],
        ["PASSWORD hunter2"],
        "hunter2",
    ],
)
def test_what_stands_under_environment_is_never_shown(environment: Any) -> None:
    _, problems = judge(site_of(box("a1", 9, environment=environment)))
    [problem] = problems
    assert problem.path.startswith(f"{A1}.environment")
    assert "hunter2" not in str(problem)


def test_a_private_key_in_the_wrong_line_is_not_shown() -> None:
    text = "-----BEGIN OPENSSH PRIVATE KEY-----\nb3BlbnNzaC1rZXk"
    _, problems = judge(site_of(put("nas", "user", text), put("nas", "key", text)))
    assert len(problems) == 2 and "b3Blb" not in str(UserErrors(problems))


def test_a_value_stays_on_its_line_and_cannot_steer_the_terminal() -> None:
    _, problems = judge(site_of(put("lan", "parent", "eth0\n\x1b[2Jx"), put("lan", "gateway", "1" * 5000)))
    text = str(UserErrors(problems))
    assert "\x1b" not in text and len(text.splitlines()) == 7 and max(map(len, text.splitlines())) < 200


PLACES = [
    *((section,) for section in Site.model_fields),
    *((section, key) for section, model in ((s, f.annotation) for s, f in Site.model_fields.items())
      for key in getattr(model, "model_fields", ())),
    *(("ula", key) for key in Ula.model_fields),
    *(("containers", "test", key) for key in Service.model_fields),
    *(("containers", "test", "networks", "bridge-host", key) for key in Attachment.model_fields),
    *(("containers", "test", "healthcheck", key) for key in Healthcheck.model_fields),
    *(("containers", "test", "logging", key) for key in Logging.model_fields),
]  # fmt: skip


def test_the_places_for_junk_are_all_there() -> None:
    assert {("nas", "port"), ("ula", "gateway"), ("install", "check_interval"), ("containers", "test", "dns")} <= set(
        PLACES
    )
    assert len(PLACES) > 75


def test_auto_has_nothing_to_find_the_parent_by_where_the_nas_has_no_address() -> None:
    raw = site_of(put("lan", "nas_address", "none"))
    assert judge(raw)[1] == []
    put("lan", "parent", "auto")(raw)
    _, (problem,) = judge(raw)
    assert (problem.path, problem.value) == ("site.lan.parent", "auto")
    assert "(lan.nas_address: none)" in problem.message and "192.168.1.0/24" in problem.remedy


@given(st.sampled_from(PLACES), junk())
def test_junk_anywhere_gives_a_plan_or_clear_problems_and_nothing_else(place: tuple[str, ...], value: Any) -> None:
    site = site_of(put(*place, value))
    plan, problems = judge(site, [compose_file()])
    assert (plan is not None) or problems
    for problem in problems:
        assert problem.path.startswith(("site", "macvlan-ipv6:site", COMPOSE)) and problem.message and problem.remedy
        assert len(str(problem).splitlines()) == 3, problem
    if plan is not None and not problems:
        _is_sound(plan)


@given(junk())
def test_junk_in_place_of_the_whole_site_gives_clear_problems(value: Any) -> None:
    site, problems = parse_site(value)
    assert site is None and problems


def _is_sound(plan: LanPlan) -> None:
    """What the NAS would reject, or what would cut somebody off, is in no plan that passed."""
    holders = (*plan.containers, *plan.external)
    subnet, prefix = plan.network.subnet, plan.ula_prefix
    ipv4s = [plan.network.gateway, plan.shim.ipv4, *(h.ipv4 for h in holders)] + (
        [plan.nas_ipv4] if plan.nas_ipv4 else []
    )
    ulas = [plan.shim.ipv6, *(h.ula for h in holders), plan.network.ula_gateway]
    ulas = [ula for ula in ulas if ula is not None and not ula.is_link_local]
    macs = [plan.shim.mac, *(h.mac for h in holders if h.mac)]
    for values in (ipv4s, ulas, macs, [h.name for h in holders]):
        assert len(set(values)) == len(values)
    assert all(a in subnet and a not in (subnet.network_address, subnet.broadcast_address) for a in ipv4s)
    assert all(prefix is not None and a in prefix and a != prefix.network_address for a in ulas)
    assert len(plan.shim.name) <= 15 and len(plan.shim.parent) <= 15
