"""What changed on a NAS since the last run is found and named; what only looks different is not."""

import base64
import json
import re
import zlib
from collections.abc import Callable, Mapping
from dataclasses import MISSING, fields, replace
from ipaddress import IPv6Network, ip_interface
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.site import parse_site
from facts.nas import FileState, LiveRange, NasFacts
from facts.state import StackState
from inputs.nas_scripts import read_nas_scripts
from install.conf import Repair, read_conf
from install.layout import InstallPlan, plan_install
from preflight.host_drift import host_drift
from preflight.snapshot import NasSnapshot, dump_snapshot, load_snapshot
from preflight.survey import Drift, take_snapshot, with_repairs
from probe.parse import parse_facts
from tests.unit.recorded import HERE, answer, site_in, stack_state_left_by
from tests.unit.sites import ROOT, Change, box, compose_file, dev_plan, drop, plan_of, put, site_of
from tests.unit.sites import installed as on_debian

NOW = "2026-11-24T01:02:03Z"
SITE = site_in("all-right")


def look(facts: NasFacts, *changes: Change) -> tuple[NasSnapshot, Drift]:
    seen = take_snapshot(SITE, plan_install(SITE, facts)[0], facts)
    plan = plan_of(site_of(*changes), [compose_file()], seen.engine_major, seen.network)
    return with_repairs(SITE, plan, facts, seen, NOW, stack_state_left_by(facts))


def drift_of(facts: NasFacts) -> list[str]:
    record = read_conf(facts.conf)
    assert record is not None
    return list(host_drift(on_debian(), record, facts))


def installed(**changes: object) -> NasFacts:
    return replace(parse_facts(answer("installed")), **changes)


def test_a_nas_as_it_was_left_has_not_drifted_and_its_record_is_given_back() -> None:
    seen, drift = look(installed())
    assert drift == Drift()
    assert seen.repair is not None and seen.repair.what == "installed" and seen.repair.when != NOW
    assert (seen.network_repair, seen.container_repairs) == ("", {})


def test_everything_that_was_changed_by_hand_is_named() -> None:
    seen, drift = look(parse_facts(answer("drifted")))
    assert drift.shim == (
        "/usr/local/bin/setup_docker_macvlan.sh was changed by hand",
        "address 192.168.1.254/32 is missing on macvlan-host",
        "address 192.168.1.253/32 is on macvlan-host, and is not planned",
        "sysctl accept_ra of macvlan-host is 2 instead of 0",
        "sysctl arp_filter of macvlan-host is 0 instead of 1",
        "route to 192.168.1.99 is there, and is not planned",
        "route to 192.168.1.201 is missing",
    )
    assert drift.containers == {
        "test": [
            "IPv4 address of test is 192.168.1.77 instead of 192.168.1.201",
            "ULA of test is fd0d:7eb5:2afd::2 instead of fd0d:7eb5:2afd::201",
        ]
    }
    assert seen.repair == Repair(NOW, "repaired: " + "; ".join(drift.shim[:4]) + "; and 3 more")
    assert seen.container_repairs["test"].startswith(f"{NOW} IPv4 address of test is 192.168.1.77")


def test_a_unit_a_file_and_a_mode_are_named() -> None:
    _, drift = look(parse_facts(answer("unit-gone")))
    assert drift.shim == (
        "/usr/local/bin/setup_docker_macvlan.sh has another mode",
        "/etc/setup_docker_macvlan.conf was changed by hand",
        "/etc/systemd/system/setup_docker_macvlan.service is gone",
        "link macvlan-host is gone",
    )


def test_a_unit_that_does_not_run_or_start_at_boot_is_named() -> None:
    facts = installed()
    name = "setup_docker_macvlan.service"
    units = {**facts.units, name: replace(facts.units[name], active="failed", enabled="disabled")}
    assert drift_of(replace(facts, units=units)) == ["the unit is failed", "the unit is disabled"]


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("macvlan-host@eth0", "macvlan-host@eth1", "link macvlan-host stands on eth1 instead of eth0"),
        ("macvlan mode bridge", "macvlan mode private", "link macvlan-host is in mode private instead of bridge"),
        ("02:42:c0:a8:01:fe brd", "02:00:00:00:00:01 brd",
         "link macvlan-host has the MAC 02:00:00:00:00:01 instead of 02:42:c0:a8:01:fe"),
        ("<BROADCAST,MULTICAST,UP,LOWER_UP> mtu 1500 qdisc noqueue state UP mode DEFAULT group default qlen 1000\\"
         "    link/ether 02:42:c0:a8:01:fe", "<BROADCAST,MULTICAST> mtu 1500\\    link/ether 02:42:c0:a8:01:fe",
         "link macvlan-host is down"),
    ],
)  # fmt: skip
def test_a_link_that_was_made_otherwise_is_named(old: str, new: str, named: str) -> None:
    text = answer("installed")
    assert text.count(old) == 1
    assert drift_of(parse_facts(text.replace(old, new))) == [named]


@pytest.mark.parametrize("bad", ["192.168.1.300", "192.168.1.254/33", "none"])
def test_an_address_of_the_record_that_is_none_is_the_files_drift_and_no_other(bad: str) -> None:
    conf = "/etc/setup_docker_macvlan.conf"
    text = installed().confs[conf]
    _, drift = look(installed(confs={conf: text.replace("shim_ipv4 192.168.1.254", f"shim_ipv4 {bad}")}))
    assert drift.shim == (f"{conf} was changed by hand",)


def test_line_ends_of_windows_hide_nothing_of_the_record() -> None:
    text = installed().conf
    assert text is not None
    adopted = text.replace("\nversion 1", "\n# network adopted\nversion 1")
    plain, edited = read_conf(adopted), read_conf(adopted.replace("\n", "\r\n"))
    assert plain is not None and plain.adopted and plain.sums and plain == edited


def test_routes_that_the_watch_loop_learned_are_no_drift() -> None:
    learned = ("2001:db8:1:1:42:c0ff:fea8:1c9 dev macvlan-host proto 109 metric 1024 pref medium",)
    noise = ("local 192.168.1.254 dev macvlan-host table local proto kernel scope host src 192.168.1.254",
             "fe80::/64 dev macvlan-host proto kernel metric 256 pref medium",
             "multicast ff00::/8 dev macvlan-host table local proto kernel metric 256 pref medium")  # fmt: skip
    facts = installed()
    assert drift_of(replace(facts, shim_routes=(*facts.shim_routes, *learned, *noise))) == []


SHIM_ULA, LINK_LOCAL = "fd0d:7eb5:2afd::254", "fe80::42:c0ff:fea8:1fe"


def by_the_loop(conf: Callable[[str], str], shim: str, *routes: str) -> list[str]:
    """The drift of a NAS whose data file, the shim's IPv6 address and its routes are changed."""
    text = answer("installed")
    facts = parse_facts(text)
    path, record = next(iter(facts.confs.items()))
    assert record is not None
    links = dict(facts.links)
    link = links["macvlan-host"]
    kept = tuple(one for one in link.addresses if one.interface.version == 4)
    more = (replace(link.addresses[0], interface=ip_interface(shim)),) if shim else ()
    links["macvlan-host"] = replace(link, addresses=(*kept, *more))
    ipv4 = tuple(line for line in facts.shim_routes if ":" not in line.split()[0])
    written = conf(record)
    facts = replace(facts, links=links, confs={path: written}, shim_routes=(*ipv4, *routes))
    return [line for line in drift_of(facts) if "changed by hand" not in line]


def without_ula(word: str, shim: str) -> Callable[[str], str]:
    return lambda conf: re.sub(r"(?m)^(container \S+ \S+) fd\S+", rf"\1 {word}", conf).replace(
        f"shim_ipv6 {SHIM_ULA}", f"shim_ipv6 {shim}"
    )


def test_a_shim_with_a_link_local_address_has_not_drifted_and_one_without_it_has() -> None:
    conf = without_ula("slaac", LINK_LOCAL)
    assert by_the_loop(conf, f"{LINK_LOCAL}/64") == []
    assert by_the_loop(conf, f"{LINK_LOCAL[:-1]}/64") == [f"address {LINK_LOCAL}/64 is missing on macvlan-host"]


def test_without_ipv6_no_address_is_missed() -> None:
    assert by_the_loop(without_ula("-", "-"), "") == []


def test_a_route_that_the_loop_learned_serves_a_container_that_the_site_names_later() -> None:
    facts = installed()
    learned = tuple(line.replace("scope link", "proto 109 scope link") for line in facts.shim_routes)
    assert learned != facts.shim_routes and drift_of(replace(facts, shim_routes=learned)) == []


@given(st.permutations(parse_facts(answer("installed")).shim_routes))
def test_the_order_of_routes_is_no_drift(routes: list[str]) -> None:
    assert drift_of(installed(shim_routes=tuple(routes))) == []


def test_a_change_of_the_site_is_not_taken_for_drift() -> None:
    """The record says what was done, not the site: the two may differ at every preview with news."""
    seen, drift = look(installed(), put("containers", "new", {"image": "busybox", "ipv4_address": "192.168.1.99"}))
    assert drift == Drift() and seen.repair is not None and seen.repair.what == "installed"


def looked_at(facts: NasFacts, *changes: Change) -> tuple[NasSnapshot, Drift]:
    """The same, with all of it by the site as it is written now."""
    raw = site_of(put("lan", "parent", "eth0"), *changes)
    site, problems = parse_site(raw)
    assert site is not None and not problems
    install, _ = plan_install(site, facts)
    seen = take_snapshot(site, install, facts)
    files = [compose_file()] if site.compose else []
    return with_repairs(
        site, plan_of(raw, files, seen.engine_major, seen.network), facts, seen, NOW, stack_state_left_by(facts)
    )


RENAMED: dict[str, list[Change]] = {
    "shim": [put("shim", "name", "lan-shim")],
    "its address": [put("shim", "ipv4_address", "192.168.1.99")],
    "its MAC": [put("shim", "mac_address", "02:00:00:00:00:01")],
    "network": [put("network", "name", "other-net"), put("compose", [])],
    "a container": [put("containers", "test", "container_name", "other")],
    "its key": [drop("containers", "test"), box("other", 201, container_name="test")],
    "a container's address": [put("containers", "test", "ipv4_address", "192.168.1.99")],
    "program": [put("install", "script_path", "/opt/macvlan/other.sh")],
    "conf": [put("install", "config_path", "/opt/macvlan/other.conf")],
    "unit": [put("install", "unit_path", "/etc/systemd/system/other.service")],
    "docker's unit": [put("install", "docker_unit", "other.service")],
    "hook": [put("install", "boot_hook", "rc.d")],
    "hook and program": [put("install", "boot_hook", "rc.d"), put("install", "script_path", "/opt/macvlan/other.sh")],
    "profile": [put("nas", "profile", "dsm7")],
    "parent": [put("lan", "parent", "eth1")],
    "prefix": [put("ula", "prefix", "fd0d:7eb5:2afe::/64")],
    "all of it": [
        put("shim", "name", "lan-shim"),
        put("network", "name", "other-net"),
        put("compose", []),
        put("containers", "test", "container_name", "other"),
        put("install", "script_path", "/opt/o.sh"),
        put("install", "config_path", "/opt/o.conf"),
        put("install", "unit_path", "/etc/systemd/system/o.service"),
    ],
}


@pytest.mark.parametrize("what", RENAMED)
def test_what_a_person_renames_in_the_site_is_not_taken_for_drift(what: str) -> None:
    """Nor written down as such: `installed` is why the data file was last written."""
    seen, drift = looked_at(installed(), *RENAMED[what])
    assert drift == Drift() and seen.repair is not None and seen.repair.what == "installed"
    assert (seen.network_repair, seen.container_repairs) == ("", {})


def test_real_drift_is_told_beside_a_rename() -> None:
    facts = parse_facts(answer("drifted"))
    _, plain = looked_at(facts)
    _, renamed = looked_at(
        facts, put("shim", "name", "lan-shim"), put("network", "name", "other-net"), put("compose", [])
    )
    assert renamed.shim == plain.shim != () and renamed.containers == plain.containers != {}


def test_a_loop_that_is_to_run_under_another_name_is_not_missed_there() -> None:
    """Where systemd does not keep it, its process is found by the program's name."""
    conf = "/etc/setup_docker_macvlan.conf"
    text = installed().confs[conf].replace("\nversion 1", "\n# hook rc.d\nversion 1")
    facts = installed(confs={conf: text})
    record = read_conf(text)
    assert record is not None
    hook = {"boot_hook": "rc.d", "hook_file": "/usr/local/etc/rc.d/macvlan.sh"}
    assert "the watch loop does not run" in host_drift(on_debian(**hook), record, facts)
    renamed = on_debian(**hook, script_path="/opt/other.sh")
    assert "the watch loop does not run" not in host_drift(renamed, record, facts)


def test_a_file_of_someone_elses_where_ours_is_to_be_is_not_judged() -> None:
    path = "/opt/macvlan/other.sh"
    facts = installed(files={**installed().files, path: FileState(False, "12" * 32)})
    _, drift = looked_at(facts, put("install", "script_path", path))
    assert drift == Drift()


def test_a_nas_where_nothing_was_ever_installed_has_not_drifted() -> None:
    seen, drift = look(parse_facts(answer("bare")))
    assert drift == Drift() and seen.repair == Repair(NOW, "installed")


def test_files_wiped_by_an_upgrade_are_named_by_the_containers_that_are_left() -> None:
    files: Mapping[str, FileState] = {}
    seen, drift = look(installed(confs={}, files=files))
    assert drift.shim == ("/etc/setup_docker_macvlan.conf is gone",)
    assert seen.repair == Repair(NOW, "repaired: /etc/setup_docker_macvlan.conf is gone")


def test_a_network_that_is_gone_is_marked_and_named() -> None:
    facts = installed()
    networks = tuple(network for network in facts.networks if network.name != "bridge-host")
    seen, drift = look(replace(facts, networks=networks))
    assert drift.network == ("bridge-host is gone",)
    assert seen.network_repair == f"{NOW} bridge-host is gone"


def test_a_network_that_somebody_made_in_place_of_ours_is_cleared_away_by_its_id() -> None:
    facts = parse_facts(answer("stray"))
    seen, drift = look(facts)
    there = facts.network("bridge-host")
    assert there is not None and seen.repair is not None and seen.repair.network_to_remove == there.id
    assert drift.network == ("bridge-host was replaced by another network",)


def test_a_network_by_hand_is_never_cleared_away_where_none_of_ours_was() -> None:
    seen, drift = look(parse_facts(answer("differs")))
    assert seen.repair is not None and seen.repair.network_to_remove == "" and drift.network == ()


def test_a_container_that_was_taken_off_the_network_is_named() -> None:
    facts = installed()
    test = replace(facts.containers["test"], networks={})
    _, drift = look(replace(facts, containers={**facts.containers, "test": test}))
    assert drift.containers == {"test": ["test is not on bridge-host any more"]}


def test_of_a_stopped_container_only_what_it_was_told_to_take_is_compared() -> None:
    _, drift = look(parse_facts(answer("stopped-and-gone")))
    assert drift.containers == {}


def test_marks_of_earlier_repairs_are_kept_as_they_are() -> None:
    facts = installed()
    test = replace(facts.containers["test"], repaired="2026-01-01T00:00:00Z because")
    seen, drift = look(replace(facts, containers={**facts.containers, "test": test}))
    assert drift == Drift() and seen.container_repairs == {"test": "2026-01-01T00:00:00Z because"}


@pytest.mark.parametrize("name", ["bare", "installed", "drifted", "recipe", "stray"])
def test_a_run_without_a_look_plans_what_the_run_before_it_planned(name: str) -> None:
    facts = parse_facts(answer(name))
    seen, _ = look(facts)
    plan = plan_of(site_of(), [compose_file()], seen.engine_major, seen.network)
    back = load_snapshot(dump_snapshot(seen, plan, ["ssh-ed25519 AAAA"]), "bridge-host")
    again = plan_of(site_of(), [compose_file()], back.engine_major, back.network)
    assert replace(again, network=replace(again.network, live_id="", replaces=False)) == replace(
        plan, network=replace(plan.network, live_id="", replaces=False)
    )
    assert (back.repair, back.network_repair, back.container_repairs) == (
        seen.repair,
        seen.network_repair,
        seen.container_repairs,
    )
    assert back.advertised == seen.advertised and set(back.host_keys) == {"ssh-ed25519 AAAA", *seen.host_keys}


SNAPSHOT = "".join((HERE / "snapshots/2026-11-26.txt").read_text().split())


def told_otherwise(change: Callable[[dict[str, Any]], object], snapshot: str | None = None) -> str:
    """A snapshot, else one of this version, with something else in it."""
    if snapshot is None:
        snapshot = dump_snapshot(load_snapshot(SNAPSHOT, "bridge-host"), dev_plan(), ["ssh-ed25519 AAAA"])
    told = json.loads(zlib.decompress(base64.b64decode(snapshot)))
    change(told)
    return base64.b64encode(zlib.compress(json.dumps(told).encode())).decode()


def test_a_snapshot_that_the_first_version_wrote_is_read_by_every_later_one() -> None:
    back = load_snapshot(SNAPSHOT, "bridge-host")
    assert (back.parent, back.install, back.engine_major) == ("eth0", on_debian(), 26)
    assert back.advertised == (IPv6Network("2001:db8:1:1::/64"),) and back.network is not None
    assert back.repair == Repair(
        NOW,
        "repaired: /usr/local/bin/setup_docker_macvlan.sh was changed by hand; address 192.168.1.254/32 is missing on "
        "macvlan-host; address 192.168.1.253/32 is on macvlan-host, and nobody planned it; sysctl accept_ra of "
        "macvlan-host is 2 instead of 0; and 3 more",
    )
    assert back.container_repairs["test"].startswith(f"{NOW} IPv4 address of test is 192.168.1.77 instead of")
    assert (back.network.name, dict(back.network.labels)) == ("bridge-host", {"macvlan-ipv6.made-by": "pulumi"})
    assert back.network.ranges == (
        LiveRange("192.168.1.0/24", "192.168.1.1", None, {"host": "192.168.1.10", "shim": "192.168.1.254"}),
        LiveRange("fd0d:7eb5:2afd::/64", "fd0d:7eb5:2afd::1", None, {"shim": "fd0d:7eb5:2afd::254"}),
    )
    assert back.interfaces == {}, "which the first one did not keep"
    assert len(back.host_keys) == 4


def test_a_hook_is_read_under_the_name_that_it_has_now() -> None:
    older = told_otherwise(lambda told: told["install"].update(persistence="systemd-network"), SNAPSHOT)
    assert load_snapshot(older, "bridge-host").install.boot_hook == "systemd-standalone"
    record = read_conf("# Written by pulumi up (macvlan-ipv6)\n# hook systemd-network\nversion 1\n")
    assert record is not None and record.hook == ("systemd-standalone",)


def test_every_snapshot_says_its_version() -> None:
    seen = load_snapshot(SNAPSHOT, "bridge-host")
    assert b'"version": 2' in zlib.decompress(base64.b64decode(dump_snapshot(seen, dev_plan(), "ssh-ed25519 AAAA")))


DEFAULTED = [one.name for one in fields(InstallPlan) if one.default is not MISSING]


@pytest.mark.parametrize("name", DEFAULTED)
def test_a_field_that_an_older_version_did_not_write_takes_its_default(name: str) -> None:
    older = told_otherwise(lambda told: told["install"].pop(name))
    back = load_snapshot(older, "bridge-host").install
    assert getattr(back, name) == next(one.default for one in fields(InstallPlan) if one.name == name)
    assert load_snapshot(told_otherwise(lambda told: told.pop("advertised")), "bridge-host").advertised == ()


@pytest.mark.parametrize(
    "change",
    [
        lambda told: told.update(version=3),
        lambda told: told.update(later=1),
        lambda told: told["install"].update(later=1),
        lambda told: told.pop("install"),
        lambda told: told["install"].pop("config_path"),
    ],
    ids=["version", "field", "field within", "one is missing", "one within is missing"],
)
def test_what_another_version_may_have_meant_otherwise_is_not_read(change: Callable[[dict[str, Any]], object]) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        load_snapshot(told_otherwise(change), "bridge-host")


@pytest.mark.parametrize("text", ["", "x", "eJw=", "bm9uZQ==", None, 7])
def test_a_memory_that_is_none_is_told_as_one(text: str) -> None:
    with pytest.raises((KeyError, TypeError, ValueError)):
        load_snapshot(text, "bridge-host")


def test_the_plan_of_the_record_is_the_one_that_ships() -> None:
    record = read_conf(installed().conf)
    assert record is not None
    assert record.containers == {one.name: (str(one.ipv4), str(one.ula)) for one in dev_plan().routed}


def test_a_take_over_that_failed_half_way_goes_on_with_what_the_state_has_not() -> None:
    """The network is imported beside the shim's command, which removes the containers."""
    facts = parse_facts(answer("installed"))
    state = StackState("bridge-host", True, frozenset({"qbittorrent"}))
    seen = take_snapshot(SITE, plan_install(SITE, facts)[0], facts)
    plan = plan_of(site_of(), [compose_file()], seen.engine_major, seen.network)
    repair = with_repairs(SITE, plan, facts, seen, NOW, state)[0].repair
    assert repair is not None and repair.replaced == (facts.containers["test"].id,)


@pytest.mark.parametrize(
    "setting",
    ["ipv6/accept_ra=0", "ipv6/autoconf=0", "ipv6/addr_gen_mode=1", "ipv6/disable_ipv6=0", "ipv4/arp_filter=1",
     "ipv4/arp_announce=2"],
)  # fmt: skip
def test_each_sysctl_of_the_shim_is_set_and_read_on_the_nas_and_compared_here(setting: str) -> None:
    scripts = read_nas_scripts(ROOT)
    for name in ("setup_docker_macvlan.sh", "probe.sh"):
        assert setting in re.findall(r"SHIM_SYSCTLS='(.*)'", scripts[name])[0].split(), name
    key, wanted = setting.partition("/")[2].split("=")
    changed = installed(sysctls={**installed().sysctls, key: "7"})
    assert drift_of(changed) == [f"sysctl {key} of macvlan-host is 7 instead of {wanted}"]


def test_a_route_to_a_static_global_address_is_planned() -> None:
    """With `lan.static_prefix` the program makes it, as any other."""
    facts, static = installed(), "2001:db8:1:1::53"
    path, text = next(iter(facts.confs.items()))
    assert text is not None
    written = re.sub(r"(?m)^(container test .*)", rf"\1 02:42:c0:a8:01:c9 {static}", text)
    assert written != text
    route = next(line for line in facts.shim_routes if line.startswith("fd") and "proto" not in line)
    there = replace(facts, confs={path: written}, shim_routes=(*facts.shim_routes, static + route[route.index(" ") :]))
    assert [line for line in drift_of(there) if "changed by hand" not in line] == []
    gone = [line for line in drift_of(replace(facts, confs={path: written})) if "changed by hand" not in line]
    assert gone == [f"route to {static} is missing"]
