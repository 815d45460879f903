"""Who gives containers their IPv6: what each way does to plan, resources, data file and outputs."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv6Address, IPv6Network
from typing import Any

import pytest

from config.problems import Problem
from config.site import parse_site
from facts.nas import Attachment, Inside, LiveContainer, LiveNetwork, NasFacts
from inputs.load import plan_networks
from install.conf import read_conf, render_conf
from plan.container_sysctls import OPTION
from plan.lan import LanPlan
from plan.numbering import link_local
from plan.outputs import ObservedInterface, report
from preflight.container_drift import ContainerDrift, container_drift
from preflight.findings import NO_OTHERS, address_conflicts, container_ipv6
from preflight.survey import _found, _interfaces
from probe.gather import probe_arguments
from tests.unit.recorder import record_lan
from tests.unit.sites import Change, box, by_hand, installed, judge, plan_of, put, site_of, sources_of
from tests.unit.test_components import CONTAINER, NETWORK, one

LOOP, NO_ULA, OFF = put("network", "ipv6", "loop"), put("ula", "none"), put("network", "ipv6", "off")
STATIC = put("lan", "static_prefix", "2001:db8:1:1::/64")
PREFIX = IPv6Network("2001:db8:1:1::/64")
FORWARDS = {"net.ipv6.conf.all.forwarding": "1"}
SWITCHED_OFF = {"net.ipv6.conf.all.disable_ipv6": "1"}
BY_DEFAULT = {"net.ipv6.conf.default.disable_ipv6": "1"}  # which the loop takes as the creator's word, too


def planned(*changes: Change, engine: int | None = 26, live: LiveNetwork | None = None) -> LanPlan:
    return plan_of(site_of(box("web", 40), *changes), engine=engine, live=live)


def conf(plan: LanPlan) -> list[str]:
    return [line for line in render_conf(plan, installed(), {}, None).splitlines() if not line.startswith("#")]


def problems(*changes: Change) -> list[Problem]:
    return judge(site_of(*changes), [], 26)[1]


@pytest.mark.parametrize(
    ("changes", "mode", "shim", "ula", "word"),
    [
        ((), "docker", "fd0d:7eb5:2afd::254", "fd0d:7eb5:2afd::40", "fd0d:7eb5:2afd::40"),
        ((LOOP,), "loop", "fd0d:7eb5:2afd::254", "fd0d:7eb5:2afd::40", "fd0d:7eb5:2afd::40"),
        ((NO_ULA,), "loop", "fe80::42:c0ff:fea8:1fe", None, "slaac"),
        ((OFF,), "off", None, None, "-"),
        ((put("network", "ipv6", False),), "off", None, None, "-"),  # YAML reads off so
        ((LOOP, box("web", 40, sysctls=SWITCHED_OFF)), "loop", "fd0d:7eb5:2afd::254", None, "-"),
        ((NO_ULA, box("web", 40, sysctls=SWITCHED_OFF)), "loop", "fe80::42:c0ff:fea8:1fe", None, "-"),
        ((LOOP, box("web", 40, sysctls=BY_DEFAULT)), "loop", "fd0d:7eb5:2afd::254", None, "-"),
        (
            (box("web", 40, sysctls=BY_DEFAULT),),
            "docker",
            "fd0d:7eb5:2afd::254",
            "fd0d:7eb5:2afd::40",
            "fd0d:7eb5:2afd::40",
        ),
    ],
)
def test_each_way_has_its_addresses_and_its_words_in_the_data_file(
    changes: tuple[Change, ...], mode: str, shim: str | None, ula: str | None, word: str
) -> None:
    plan = planned(*changes)
    web = next(container for container in plan.containers if container.name == "web")
    assert plan.network.ipv6 == mode
    assert (plan.shim.ipv6 and str(plan.shim.ipv6), web.ula and str(web.ula)) == (shim, ula)
    assert f"container web 192.168.1.40 {word} 02:42:c0:a8:01:28" in conf(plan)
    assert f"shim_ipv6 {shim or '-'}" in conf(plan)
    assert [line for line in conf(plan) if line.startswith("ipv6 ")] == ([] if mode == "docker" else [f"ipv6 {mode}"])


def test_a_link_local_address_follows_from_the_mac_as_the_kernel_forms_it() -> None:
    assert link_local("02:42:c0:a8:01:fe") == IPv6Address("fe80::42:c0ff:fea8:1fe")


@pytest.mark.parametrize("changes", [(LOOP,), (NO_ULA,), (OFF,)])
def test_only_docker_itself_needs_a_network_with_ipv6(changes: tuple[Change, ...]) -> None:
    made = record_lan(planned(*changes))
    network = one(made, NETWORK, "lan-network").inputs
    assert network["ipv6"] is False and [ipam["subnet"] for ipam in network["ipamConfigs"]] == ["192.168.1.0/24"]
    container = one(made, CONTAINER, "lan-web-container").inputs
    assert "ipv6Address" not in container["networksAdvanced"][0]
    labels = {label["label"]: label["value"] for label in container["labels"]}
    assert labels["macvlan-ipv6.addresses"] == "192.168.1.40 - 02:42:c0:a8:01:28"


def test_another_ula_by_the_loop_changes_no_input_of_a_container() -> None:
    def made(*changes: Change) -> Any:
        return one(record_lan(planned(LOOP, *changes)), CONTAINER, "lan-web-container").inputs

    assert made() == made(put("ula", "prefix", "fd00:1:2:3::/64"))


def test_a_network_without_ipv6_is_used_as_it_is_by_the_loop_only() -> None:
    without = by_hand(ranges=by_hand().ranges[:1], ipv6=False)
    assert planned(LOOP, live=without).network.adopted and not planned(LOOP, live=without).network.replaces
    assert planned(live=without).network.replaces
    assert planned(LOOP, live=by_hand()).network.replaces, "it has IPv6 of Docker's"


def test_all_external_containers_are_a_word_in_the_data_file_and_not_a_list() -> None:
    everyone = put("external_containers", "all")
    assert "others all" not in conf(planned()) and "others all" in conf(planned(everyone))
    found = conf(planned(everyone, LOOP))
    assert found[found.index("others all") :][:3] == ["others all", "lan_subnet 192.168.1.0/24",
                                                     "ula_prefix fd0d:7eb5:2afd::/64"]  # fmt: skip
    assert not [line for line in conf(planned(everyone, NO_ULA)) if line.startswith("ula_prefix")]


def test_what_the_loop_has_instead_of_a_ula_is_no_address_in_the_record() -> None:
    record = read_conf(render_conf(planned(NO_ULA), installed(), {}, None))
    assert record is not None and record.containers["web"] == ("192.168.1.40", "slaac")
    assert "slaac" not in record.addresses and "192.168.1.40" in record.addresses


@pytest.mark.parametrize(
    ("changes", "path", "message"),
    [
        ((LOOP, put("ula", "gateway", "fd0d:7eb5:2afd::9")), "site.ula.gateway", "no gateway"),
        ((LOOP, put("ula", "gateway", "none")), "site.ula.gateway", "no gateway"),
        ((NO_ULA, put("network", "ipv6", "docker")), "site.network.ipv6", "no prefix"),
        ((NO_ULA, box("web", 40, ipv6_address="fd00::40")), "site.containers.web.ipv6_address", "fixed IPv6 address"),
        ((OFF, box("web", 40, ipv6_address="fd00::40")), "site.containers.web.ipv6_address", "without IPv6"),
        (
            (LOOP, box("web", 40, ipv6_address="2001:db8:1:1::53")),
            "site.containers.web.ipv6_address",
            "outside ula.prefix",
        ),
        (
            (STATIC, box("web", 40, ipv6_address="2001:db8:1:1::53")),
            "site.containers.web.ipv6_address",
            "fixed IPv6 addresses",
        ),
        ((put("lan", "static_prefix", "fd00::/64"),), "site.lan.static_prefix", "no global prefix"),
        ((put("lan", "static_prefix", "::/64"),), "site.lan.static_prefix", "no global prefix"),
        ((put("lan", "static_prefix", "ff02::/64"),), "site.lan.static_prefix", "no global prefix"),
        ((put("lan", "static_prefix", "2001:db8::/48"),), "site.lan.static_prefix", "not the /64"),
        ((STATIC, put("shim", "ipv6_address", "2001:db8:1:1::fe")), "site.shim.ipv6_address", "outside ula.prefix"),
        (
            (LOOP, STATIC, put("shim", "ipv6_address", "2001:db8:1:1::fe")),
            "site.shim.ipv6_address",
            "outside ula.prefix",
        ),
        ((STATIC, put("ula", "gateway", "2001:db8:1:1::1")), "site.ula.gateway", "outside ula.prefix"),
        ((NO_ULA, put("shim", "ipv6_address", "2001:db8:1:1::fe")), "site.shim.ipv6_address", "the shim has"),
        ((LOOP, box("web", 40, ipv6_address="fe80::53")), "site.containers.web.ipv6_address", "outside ula.prefix"),
        ((put("network", "ipv6", "yes"),), "site.network.ipv6", "not a way to IPv6"),
        ((put("external_containers", "some"),), "site.external_containers", "neither a list nor `all`"),
        ((put("external_containers", {"name": "x"}),), "site.external_containers", "neither a list nor `all`"),
        ((put("ula", None),), "site.ula", "neither a map of keys nor none"),
    ],
)
def test_what_contradicts_itself_is_told(changes: tuple[Change, ...], path: str, message: str) -> None:
    found = problems(*changes)
    assert [problem.path for problem in found] == [path] * bool(path)
    assert all(message in problem.message and problem.remedy for problem in found)
    # Only for a container, and only for a global address, does such a prefix help
    assert not any("static_prefix" in one.remedy for one in found if "shim" in one.path or one.value[:4] == "fe80")


def test_a_static_global_address_stands_beside_the_ula_and_is_warned_of() -> None:
    address = box("web", 40, ipv6_address="2001:db8:1:1::53")
    [refused] = problems(address)
    assert "`lan.static_prefix: 2001:db8:1:1::/64` and `network.ipv6: loop`" in refused.remedy  # and that leads on:
    plan = planned(address, STATIC, LOOP)
    web = next(container for container in plan.containers if container.name == "web")
    assert (str(web.ula), str(web.static)) == ("fd0d:7eb5:2afd::40", "2001:db8:1:1::53")
    assert "container web 192.168.1.40 fd0d:7eb5:2afd::40 02:42:c0:a8:01:28 2001:db8:1:1::53" in conf(plan)
    record = read_conf(render_conf(plan, installed(), {}, None))
    assert record is not None and "2001:db8:1:1::53" in record.addresses
    assert "ask=2001:db8:1:1::53" in asked(address, STATIC, LOOP)
    told = list(container_ipv6.findings(plan, NasFacts()))
    assert [one.severity for one in told if one.value == "2001:db8:1:1::53"] == ["warning"]
    assert report(plan, "status")["containers"]["web"]["static_global_ipv6"] == "2001:db8:1:1::53"


def asked(*changes: Change) -> list[str]:
    site, _ = parse_site(site_of(*changes))
    assert site is not None
    [network], _ = plan_networks(site, sources_of(site, [])[0])
    return probe_arguments(network.view.site, network.addresses)


def test_the_lan_is_asked_for_what_the_loop_will_give_to_containers_of_others() -> None:
    others = put("external_containers", ["192.168.1.77"])
    assert "ask=fd0d:7eb5:2afd::77" in asked(others, LOOP)
    assert "ask=fd0d:7eb5:2afd::77" not in asked(others), "Docker gives another one"


@pytest.mark.parametrize(
    ("keys", "severity", "words"),
    [
        ({"sysctls": FORWARDS}, "note", "accept_ra=2"),
        ({"sysctls": SWITCHED_OFF}, "warning", "switch IPv6 off"),
        ({"sysctls": {"net.ipv6.conf.eth0.accept_ra": "0"}}, "warning", "no global IPv6 address"),
        ({}, "", ""),
    ],
)
def test_what_a_containers_own_sysctls_do_to_ipv6_is_told(keys: Any, severity: str, words: str) -> None:
    told = list(container_ipv6.findings(planned(box("web", 40, **keys)), NasFacts()))
    assert [problem.severity for problem in told] == [severity] * bool(severity)
    assert all(words in problem.message for problem in told)


def test_sysctls_that_docker_28_refuses_are_told_in_the_form_that_it_takes() -> None:
    keys = box("web", 40, sysctls={"net.ipv6.conf.eth0.accept_ra_rt_info_max_plen": "64"})
    [told] = container_ipv6.findings(planned(keys, engine=29), NasFacts())
    assert told.severity == "note" and "net.ipv6.conf.IFNAME.accept_ra_rt_info_max_plen=64" in told.message
    assert list(container_ipv6.findings(planned(keys, engine=26), NasFacts())) == []


@pytest.mark.parametrize("engine", [26, 29])
def test_driver_opts_of_a_network_are_handed_over_in_the_form_that_the_engine_takes(engine: int) -> None:
    text = "net.ipv6.conf.IFNAME.accept_ra_rt_info_max_plen=64"
    place = {"ipv4_address": "192.168.1.40", "driver_opts": {OPTION: text, "other": "x"}}
    raw = site_of(put("containers", "web", {"image": "busybox", "networks": {"bridge-host": place}}))
    made = one(record_lan(plan_of(raw, engine=engine)), CONTAINER, "lan-web-container").inputs
    if engine == 29:
        assert made["networksAdvanced"][0]["driverOpts"] == [f"{OPTION}={text}", "other=x"]
        assert "sysctls" not in made
    else:
        assert made["networksAdvanced"][0]["driverOpts"] == ["other=x"]
        assert made["sysctls"] == {"net.ipv6.conf.eth0.accept_ra_rt_info_max_plen": "64"}


def test_an_entry_of_driver_opts_that_is_no_sysctl_is_refused() -> None:
    place = {"ipv4_address": "192.168.1.40", "driver_opts": {OPTION: "net.ipv6.conf.eth0.accept_ra=2"}}
    [problem] = problems(put("containers", "web", {"image": "busybox", "networks": {"bridge-host": place}}))
    assert problem.path == "site.containers.web.networks.bridge-host.driver_opts" and "IFNAME" in problem.remedy


def test_the_way_of_the_loop_is_told_once() -> None:
    plan = planned(LOOP)
    [told] = container_ipv6.findings(plan, NasFacts())
    assert told.severity == "note" and "docker inspect" in told.message
    made = NasFacts(confs={"/etc/x.conf": render_conf(plan, installed(), {}, None)})
    assert list(container_ipv6.findings(plan, made)) == []


SEEN = ObservedInterface("02:00:00:00:00:77", ("2001:db8:1:1::77",), ("fd0d:7eb5:2afd::2",))


@pytest.mark.parametrize(
    ("changes", "seen", "ula"),
    [
        ((), SEEN, "fd0d:7eb5:2afd::2"),  # Docker chose it
        ((), ObservedInterface("", ()), None),
        ((), None, None),
        ((LOOP,), None, "fd0d:7eb5:2afd::77"),
        ((NO_ULA,), SEEN, None),
        ((OFF,), SEEN, None),
    ],
)
def test_the_ula_of_a_container_of_others_is_the_one_that_it_has(
    changes: tuple[Change, ...], seen: ObservedInterface | None, ula: str | None
) -> None:
    plan = planned(put("external_containers", ["192.168.1.77"]), *changes)
    told = report(plan, "status", interfaces={} if seen is None else {"192.168.1.77": seen})
    assert told["external_containers"]["192.168.1.77"]["ula"] == ula
    assert ("fd0d" in told["manual_checks"]["NAS to 192.168.1.77"]) == (ula is not None)


def test_a_ula_that_was_written_for_a_container_of_others_is_believed_until_it_is_seen() -> None:
    other = {"ipv4_address": "192.168.1.77", "ipv6_address": "fd0d:7eb5:2afd::abc"}
    told = report(planned(put("external_containers", [other])), "status")
    assert told["external_containers"]["192.168.1.77"]["ula"] == "fd0d:7eb5:2afd::abc"


@pytest.mark.parametrize(
    ("changes", "count"),
    [
        ((), 1),
        ((NO_ULA,), 1),
        ((OFF,), 0),
        ((box("web", 40, sysctls=SWITCHED_OFF),), 0),
        ((box("web", 40, sysctls={"net.ipv6.conf.eth0.autoconf": "0"}),), 0),
    ],
)
def test_only_addresses_that_can_come_are_predicted(changes: tuple[Change, ...], count: int) -> None:
    told = report(planned(*changes), "status", advertised=[PREFIX])["containers"]["web"]
    assert len(told["predicted_global_ipv6"]) == count


def test_no_command_to_check_by_hand_needs_a_tool_that_is_not_there() -> None:
    without, checks = (report(planned(), "status", tools=tools)["manual_checks"] for tools in ((), ("nsenter",)))
    assert not any("nsenter" in command or "docker exec" in command for command in without.values())
    assert checks["web to NAS"].startswith("nsenter -t $(docker inspect") and "docker exec" not in str(checks)
    old = report(planned(), "status", tools=["ping6"])["manual_checks"]["NAS to web"]
    assert old == "ping -c 3 192.168.1.40; ping6 -c 3 fd0d:7eb5:2afd::40"


def live(ipv6: tuple[str, ...], name: str = "web", ipv4: str = "192.168.1.40") -> LiveContainer:
    addresses = tuple(("eth0", IPv6Address(address)) for address in ipv6)
    place, there = Attachment(ipv4, "", "02:42:c0:a8:01:28", ipv4, ""), frozenset([IPv4Address(ipv4)])
    inside = Inside(there, addresses, macs={"eth0": "02:42:c0:a8:01:28"}, speaks_ipv6=bool(ipv6))
    return LiveContainer(name, "running", {"bridge-host": place}, f"{ipv4} - 02:42:c0:a8:01:28", inside=inside, ran=99)


def test_a_ula_that_the_running_loop_has_not_given_replaces_no_container_and_is_no_change_of_pulumi() -> None:
    plan = planned(LOOP)
    web = next(container for container in plan.containers if container.name == "web")
    for has, ours, left in (
        (("fd0d:7eb5:2afd::40",), web.ula, ()),
        (("2001:db8:1:1::7",), web.ula, ("ULA of web is none instead of fd0d:7eb5:2afd::40",)),
        (("2001:db8:1:1::7",), None, ()),
    ):
        drift = container_drift(web, "bridge-host", live(has), True, "", ours)
        assert drift == ContainerDrift(not_given=left), has


def test_with_all_external_containers_those_that_run_are_told_and_stand_in_no_file() -> None:
    plan = planned(put("external_containers", "all"), LOOP)
    guest = replace(live(("fd0d:7eb5:2afd::77",), "guest", "192.168.1.77"), addresses="")
    facts = NasFacts(containers={"guest": guest, "web": live(())})
    plan = replace(plan, found=tuple(_found(plan, facts)))
    assert [(one.name, str(one.ula)) for one in plan.found] == [("guest", "fd0d:7eb5:2afd::77")]
    told = report(plan, "status", interfaces=dict(_interfaces(plan, facts)))
    assert told["external_containers"]["guest"]["ula"] == "fd0d:7eb5:2afd::77"
    assert not [line for line in conf(plan) if "guest" in line]


def test_a_ula_that_the_site_gives_to_another_container_is_nobody_elses() -> None:
    """The loop then gives the guest none, and Docker, which knows of neither, refuses nothing."""
    taken = box("web", 40, ipv6_address="fd0d:7eb5:2afd::77")
    plan = planned(put("external_containers", "all"), LOOP, taken)
    guest = replace(live(("fd0d:7eb5:2afd::77",), "guest", "192.168.1.77"), addresses="")
    facts = NasFacts(containers={"guest": guest})
    assert [(one.name, one.ula) for one in _found(plan, facts)] == [("guest", None)]
    site, _ = parse_site(site_of(LOOP, taken))
    assert site is not None
    [told] = address_conflicts.findings(site, plan, facts, NO_OTHERS)
    assert "held by the container guest" in told.message and "Docker" not in told.message


def test_networks_may_differ_in_who_gives_ipv6() -> None:
    lan = {"parent": "eth1", "subnet": "192.168.30.0/24", "gateway": "192.168.30.1", "nas_address": "none"}
    iot = {"lan": lan, "ula": "none", "shim": {"ipv4_address": "192.168.30.2"}}
    raw = site_of(put("networks", {"iot": iot}))
    plan, found = judge(raw)
    assert plan is not None and found == [] and plan.network.ipv6 == "docker"
    raw["networks"]["iot"] |= {"ipv6": "docker"}
    _, [problem] = judge(raw)
    assert problem.path == "site.networks.iot.ipv6"
    del raw["networks"]["iot"]["ula"]
    raw["networks"]["iot"]["ipv6"] = "off"
    assert judge(raw)[1] == []


def test_a_remedy_for_a_further_network_names_that_ones_keys() -> None:
    lan = {"parent": "eth1", "subnet": "192.168.30.0/24", "gateway": "192.168.30.1", "nas_address": "none"}
    iot = {"lan": lan, "ula": {"prefix": "fd0d:7eb5:2afd:30::/64"}, "shim": {"ipv4_address": "192.168.30.2"}}
    hub = {"image": "busybox", "networks": {"iot": {"ipv4_address": "192.168.30.60", "ipv6_address": "2001:db8::60"}}}
    raw = site_of(put("networks", {"iot": iot}), put("containers", "hub", hub))
    [problem] = judge(raw)[1]
    assert "and `networks.iot.ipv6: loop`" in problem.remedy
    put("networks", "iot", "ipv6", "loop")(raw)
    put("networks", "iot", "lan", "static_prefix", "2001:db8::/64")(raw)
    assert judge(raw)[1] == []
    put("lan", "static_prefix", "2001:db8::/64")(raw)
    [problem] = judge(raw)[1]
    assert problem.path == "site.networks.iot.lan.static_prefix"
