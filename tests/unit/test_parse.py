"""The text that probe.sh prints (its parts are in nas/probe/) becomes values; what it does not say stays empty."""

from ipaddress import IPv4Address, IPv6Address, IPv6Network

import pytest

from facts.nas import Docker, LiveRange, NasFacts, Neighbour, Unit
from plan.outputs import report
from probe.parse import parse_facts
from tests.unit.recorded import answer, facts_of
from tests.unit.sites import dev_plan, installed

ANSWERS = ["bare", "installed", "recipe", "docker-stopped", "drifted", "stray"]


def test_a_recorded_answer_becomes_facts() -> None:
    facts = parse_facts(answer("installed"))
    assert (facts.uid, facts.user, facts.groups, facts.client) == (0, "root", ("root",), "192.168.1.20")
    assert facts.system["init"] == "systemd" and facts.os_release["ID"] == "debian"
    assert {"ip", "systemctl", "nsenter"} <= facts.tools and facts.abilities["ip_json"] == "yes"
    assert facts.macvlan == "yes" and facts.docker == Docker(
        on_path=True, path="/usr/bin/docker", search=facts.docker.search, engine="26.1.5+dfsg1", api="1.45"
    )
    assert facts.engine_major == 26 and facts.sshd["maxsessions"] == "10" and len(facts.host_keys) == 3
    assert facts.units["docker.service"] == Unit(
        "loaded",
        "active",
        "enabled",
        "/usr/lib/systemd/system/docker.service",
        False,
        facts.units["docker.service"].main_pid,
    )
    assert facts.conf is not None and facts.conf.startswith("# Written by pulumi up (macvlan-ipv6)")
    assert [state.mode_right for state in facts.files.values()] == [True, True, True]
    assert facts.sysctls["accept_ra"] == "0" and facts.backups == ()
    assert facts.leftovers == ("/etc/systemd/system/setup_docker_macvlan.service",)


def test_links_are_read_with_what_they_stand_on_and_are_part_of() -> None:
    shim = parse_facts(answer("installed")).links["macvlan-host"]
    assert (shim.kind, shim.mode, shim.lower, shim.mac) == ("macvlan", "bridge", "eth0", "02:42:c0:a8:01:fe")
    assert shim.up and shim.carrier and not shim.master
    assert {str(one.interface) for one in shim.addresses} == {"192.168.1.254/32", "fd0d:7eb5:2afd::254/128"}
    links = facts_of("parent-enslaved").links
    assert links["eth0"].master == "ovs_eth0" and links["ovs_eth0"].kind == "bridge"
    assert not facts_of("parent-switched-off").links["eth0"].up
    without = facts_of("parent-without-link").links["eth0"]
    assert without.up and not without.carrier
    assert parse_facts(answer("bare")).links["docker0"].kind == "bridge"


@pytest.mark.parametrize(
    ("name", "link", "kind", "mode", "ethernet"),
    [
        ("parent-is-a-tunnel", "wg0", "", "", False),
        ("parent-auto-and-tailscale-has-the-default-route", "tailscale0", "tun", "", False),
        ("parent-auto-and-only-a-tunnel-has-a-route", "ppp0", "", "", False),
        ("macvtap-of-mode-passthru-on-the-parent", "vm0", "macvtap", "passthru", True),
        ("ipvlan-link-on-the-parent", "ipvl0", "ipvlan", "", True),
        ("vlan-parent-in-which-the-nas-has-no-address", "eth0.20", "vlan", "", True),
        ("all-right", "lo", "", "", False),
    ],
)
def test_tunnels_and_what_shares_a_cable_are_told_apart(
    name: str, link: str, kind: str, mode: str, ethernet: bool
) -> None:
    found = facts_of(name).links[link]
    assert (found.kind, found.mode, found.ethernet) == (kind, mode, ethernet)


def test_the_docker_network_is_read_with_its_ranges_and_who_is_on_it() -> None:
    network = parse_facts(answer("installed")).network("bridge-host")
    assert network is not None and (network.driver, network.parent, network.ipv6) == ("macvlan", "eth0", True)
    assert network.ranges == (
        LiveRange("192.168.1.0/24", "192.168.1.1", None, {"shim": "192.168.1.254", "host": "192.168.1.10"}),
        LiveRange("fd0d:7eb5:2afd::/64", "fd0d:7eb5:2afd::1", None, {"shim": "fd0d:7eb5:2afd::254"}),
    )
    assert network.attached == ("qbittorrent", "test")


@pytest.mark.parametrize("section", ["networks", "containers"])
def test_a_docker_that_tells_half_is_one_that_does_not_answer(section: str) -> None:
    """What it did not tell of would be taken for lost, and planned anew."""
    before, mark, behind = answer("installed").partition(f"\n== {section}\n")
    facts = parse_facts(f"{before}{mark}unanswered\n== " + behind.partition("\n== ")[2])
    assert (facts.docker.engine, facts.engine_major) == ("", None)
    assert facts.docker.error == "it does not tell which networks and containers it has, as when it is starting or busy"


def test_a_container_is_read_with_its_addresses_and_our_label() -> None:
    container = parse_facts(answer("installed")).containers["test"]
    assert container.runs and container.addresses == "192.168.1.201 fd0d:7eb5:2afd::201 02:42:c0:a8:01:c9"
    place = container.networks["bridge-host"]
    assert (place.ipv4, place.ipv6, place.mac) == ("192.168.1.201", "fd0d:7eb5:2afd::201", "02:42:c0:a8:01:c9")
    stopped = parse_facts(answer("stopped-and-gone")).containers["test"]
    assert not stopped.runs and stopped.networks["bridge-host"].asked_ipv4 == "192.168.1.201"


def test_who_answers_on_the_lan_is_read_with_the_mac() -> None:
    facts = parse_facts(answer("answers"))
    assert facts.neighbours == {IPv4Address("192.168.1.201"): Neighbour("02:00:00:00:01:20", "ping")}
    assert facts.unprobed == ("fd0d:7eb5:2afd::254", "fd0d:7eb5:2afd::201", "fd0d:7eb5:2afd::202")
    quiet = facts_of("shim-address-in-use-ipv6").neighbours[IPv6Address("fd0d:7eb5:2afd::254")]
    assert quiet.how == "quiet"


def test_the_default_route_names_the_link_and_the_router() -> None:
    facts = parse_facts(answer("bare"))
    assert facts.default_link() == "eth0" and str(facts.default_gateway("eth0")) == "192.168.1.1"
    assert facts.default_gateway("eth1") is None
    assert NasFacts(routes=(("6", "default via fe80::1 dev eth3 proto ra"),)).default_link() == "eth3"
    assert NasFacts(routes=(("4", "blackhole default"),)).default_link() is None


@pytest.mark.parametrize(
    ("line", "link", "gateway"),
    [
        ("default via 192.168.1.1 dev eth0.20 proto dhcp", "eth0", None),
        ("default via 192.168.1.1 dev eth0.20 proto dhcp", "eth0.20", "192.168.1.1"),
        ("default via inet6 fe80::1 dev eth0", "eth0", None),
        ("default via", "eth0", None),
        ("default dev eth0 scope link", "eth0", None),
        ("default via 192.168.1.1 dev eth0", "eth0", "192.168.1.1"),
    ],
)
def test_the_router_is_the_ipv4_address_that_this_very_link_has_its_default_route_by(
    line: str, link: str, gateway: str | None
) -> None:
    found = NasFacts(routes=(("4", line),)).default_gateway(link)
    assert (None if found is None else str(found)) == gateway


def test_the_announced_prefixes_are_those_of_addresses_taken_from_the_router() -> None:
    facts = facts_of("ula-unlike-the-routers")
    assert facts.advertised("eth0") == (IPv6Network("2001:db8:1:1::/64"), IPv6Network("fd99:1:2:3::/64"))
    assert facts.advertised_global("eth0") == (IPv6Network("2001:db8:1:1::/64"),)
    assert facts.advertised("eth9") == ()
    told = parse_facts(answer("bare").replace("global dynamic", "global deprecated dynamic"))
    assert told.advertised("eth0") == ()


@pytest.mark.parametrize("name", ANSWERS)
def test_an_answer_that_was_cut_off_is_no_answer(name: str) -> None:
    lines = answer(name).splitlines()
    for cut in (0, 1, 5, len(lines) // 2, len(lines) - 1):
        with pytest.raises(ValueError):
            parse_facts("\n".join(lines[:cut]))


@pytest.mark.parametrize(("old", "new"), [("== user", "Quota: 5 GB== user"), ("uid 0\n", ""), ("uid 0", "uid -")])
def test_an_answer_that_does_not_say_whom_it_answered_is_none(old: str, new: str) -> None:
    with pytest.raises(ValueError, match="whom"):
        parse_facts(answer("bare").replace(old, new))


def test_what_a_login_script_printed_before_the_answer_is_no_part_of_it() -> None:
    assert parse_facts(f"Welcome\n\nQuota: 5 GB\n{answer('bare')}") == parse_facts(answer("bare"))


@pytest.mark.parametrize("name", ANSWERS)
def test_any_section_may_be_empty(name: str) -> None:
    """A NAS without the tool for it; what is said of it must never be a traceback."""
    text = answer(name)
    for section in [
        line[3:] for line in text.splitlines() if line.startswith("== ") and line[3:] not in ("end", "user")
    ]:
        head, _, rest = text.partition(f"== {section}\n")
        parse_facts(f"{head}== {section}\n== " + rest.partition("\n== ")[2] if not rest.startswith("== ") else text)


@pytest.mark.parametrize(
    ("engine", "major"),
    [("26.1.5+dfsg1", 26), ("20.10.24", 20), ("29.0.0-dev", 29), ("2.0.0-beta.24", 2), ("", None), ("dev", None)],
)
def test_the_engines_major_version_is_read(engine: str, major: int | None) -> None:
    assert NasFacts(docker=Docker(engine=engine)).engine_major == major


def test_the_prediction_is_the_announced_prefix_and_the_pinned_suffix() -> None:
    facts = parse_facts(answer("bare"))
    told = report(dev_plan(), installed().status_command, "", facts.advertised_global("eth0"), tools=["nsenter"])
    assert told["containers"]["test"] == {
        "name": "test",
        "ipv4": "192.168.1.201",
        "ula": "fd0d:7eb5:2afd::201",
        "mac": "02:42:c0:a8:01:c9",
        "interface_id": "::42:c0ff:fea8:1c9",
        "predicted_global_ipv6": ["2001:db8:1:1:42:c0ff:fea8:1c9"],
        "observed_mac": None,
        "observed_global_ipv6": [],
    }
    assert told["shim"] == {
        "interface": "macvlan-host",
        "ipv4": "192.168.1.254",
        "ula": "fd0d:7eb5:2afd::254",
        "mac": "02:42:c0:a8:01:fe",
    }
    assert told["network"] == "bridge-host" and len(told["manual_checks"]) == 7
