"""Containers of whole Compose projects: their networks, their order and waits, and what is told of them."""

from typing import Any

import pytest

from facts.labels import ADDRESSES, MADE_BY, MAKER, STACK
from facts.nas import LiveNetwork
from plan.outputs import containers_off_lan
from plan.project.declared import SeenNetwork, plan_inner_networks, seen_networks
from plan.project.order import seconds_to_health
from tests.unit.projects import stack
from tests.unit.recorder import STACK as MINE
from tests.unit.sites import put
from tests.unit.test_two_networks import two

WEB, BACK = (
    {"image": "busybox", "networks": {"bridge-host": {"ipv4_address": "192.168.1.60"}}},
    {"networks": {"back": {}}},
)


def web(*more: str, **keys: Any) -> dict[str, Any]:
    """A service on the LAN, and on those networks."""
    return {**WEB, "networks": {**WEB["networks"], **dict.fromkeys(more)}, **keys}


def inner(**keys: Any) -> dict[str, Any]:
    """A service on the file's own network alone."""
    return {"image": "busybox", "networks": ["back"], **keys}


def priorities(engine: int | None, services: dict[str, Any], **networks: Any) -> dict[str, int | None]:
    [found] = stack({"name": "app", "services": services, "networks": networks}, engine=engine).containers.values()
    return {one.network: one.gw_priority for one in found.endpoints}


def test_of_several_networks_the_lan_has_the_default_route_where_docker_has_a_word_for_it() -> None:
    both = {"web": web("back")}
    assert priorities(28, both, back={}) == {"bridge-host": 1000, "app_back": None}
    for older in (20, 26, 27, None):
        assert priorities(older, both, back={}) == {"bridge-host": None, "app_back": None}
    assert priorities(29, {"web": web()}) == {"bridge-host": None}
    assert priorities(29, {"db": inner()}, back={}) == {"app_back": None}


def test_a_priority_that_a_person_wrote_stays_the_only_one() -> None:
    service = web(networks={**WEB["networks"], "back": {"gw_priority": 1}})
    assert priorities(29, {"web": service}, back={}) == {"bridge-host": None, "app_back": 1}


def test_of_two_lans_the_first_has_the_route_and_without_an_inner_network_all_is_as_it_was() -> None:
    for more, first in (({}, None), ({"back": None}, 1000)):
        networks = {**WEB["networks"], "iot": {"ipv4_address": "192.168.20.60"}, **more}
        document = {"services": {"web": web(networks=networks)}, "networks": {"iot": {"external": True}, "back": {}}}
        found = stack(document, put("networks", two()["networks"]), engine=29).containers["web"]
        lans = [(one.lan, one.gw_priority) for one in found.endpoints if one.lan is not None]
        assert lans == [("", first), ("iot", None)]


def test_the_services_key_is_an_alias_on_each_inner_network_beside_its_own() -> None:
    services = {"db": inner(container_name="pg", networks={"back": {"aliases": ["sql"]}, "front": None})}
    found = stack({"name": "app", "services": services, "networks": {"back": {}, "front": {}}}).containers["db"]
    assert {one.network: one.aliases for one in found.endpoints} == {"app_back": ("sql", "db"), "app_front": ("db",)}


def test_an_inner_endpoint_is_as_written_but_for_the_mac_that_the_plugin_would_lose() -> None:
    written = {"ipv4_address": "172.30.0.5", "ipv6_address": "fd30::5", "mac_address": "02:42:ac:1e:00:05"}
    written |= {"driver_opts": {"b": "2", "a": "1"}, "link_local_ips": ["169.254.1.1"]}
    found = stack({"name": "app", "services": {"db": inner(networks={"back": written})}, **BACK})
    [one] = found.containers["db"].endpoints
    assert (str(one.ipv4), str(one.ipv6), one.mac) == ("172.30.0.5", "fd30::5", None)
    assert (one.driver_opts, one.link_local_ips) == (("a=1", "b=2"), ("169.254.1.1",))
    [told] = found.told()
    assert (told.severity, told.value, told.resource) == ("warning", "02:42:ac:1e:00:05", "db")


def test_ports_are_published_by_the_network_with_the_default_route_and_else_left_out() -> None:
    """The plugin would see a difference for ever where Docker opens none."""
    services = {
        "web": web("back", ports=["8080:80"]),
        "db": inner(ports=["5432:5432"]),
        "dark": {"image": "busybox", "networks": ["dark"], "ports": ["1:1"]},
        "none": {"image": "busybox", "network_mode": "none", "ports": ["1:1"]},
        "bridge": {"image": "busybox", "network_mode": "bridge", "ports": ["2:2"]},
    }
    found = stack({"name": "app", "services": services, "networks": {"back": {}, "dark": {"internal": True}}})
    opened = {key: [port.published for port in one.service.ports] for key, one in found.containers.items()}
    assert opened == {"web": [], "db": ["5432"], "dark": [], "none": [], "bridge": ["2"]}
    told = {one.resource: (one.severity, one.remedy) for one in found.told()}
    assert told.keys() == {"web", "dark", "none"}
    assert told["web"] == ("note", "use the container's own address, 192.168.1.60, and its ports there")


def test_ports_stay_where_the_bridge_has_the_default_route() -> None:
    """Without IPv6 in Docker's network on the LAN, Docker goes by the names: aback comes before bridge-host."""
    document = {"name": "app", "services": {"web": web("a", ports=["80:80"])}, "networks": {"a": {"name": "aback"}}}
    by_name = stack(document, put("network", {"ipv6": "loop"}))
    assert by_name.containers["web"].service.ports
    assert [(one.path.rpartition(".")[2], one.value, one.severity) for one in by_name.told()] == [
        ("networks", "aback", "warning")
    ]
    by_priority = stack(document, put("network", {"ipv6": "loop"}), engine=28)
    assert not by_priority.containers["web"].service.ports
    document["networks"]["a"]["internal"] = True
    as_told = stack(document, put("network", {"ipv6": "loop"}))
    assert not [one for one in as_told.told() if one.severity == "warning"]


def test_a_bridge_that_a_person_has_given_the_default_route_is_not_told_of() -> None:
    service = web(networks={**WEB["networks"], "back": {"gw_priority": 1}})
    found = stack({"name": "app", "services": {"web": service}, "networks": {"back": {}}}, engine=29)
    assert found.containers["web"].default is not None and found.told() == []


def test_what_is_known_of_an_external_network_decides_too() -> None:
    document = {"services": {"web": web("a", ports=["80:80"])}, "networks": {"a": {"external": True}}}
    for seen, opened in ((SeenNetwork(ipv6=True), True), (SeenNetwork(), False), (SeenNetwork(internal=True), False)):
        assert bool(stack(document, seen={"a": seen}).containers["web"].service.ports) is opened


def test_the_gateway_of_the_host_is_the_shim_of_the_containers_lan_and_else_dockers() -> None:
    hosts = {"extra_hosts": ["host.docker.internal:host-gateway", "nas:192.168.1.10"]}
    services = {"web": web("back", **hosts), "db": inner(**hosts)}
    found = stack({"name": "app", "services": services, **BACK}).containers
    nas = ("nas", "192.168.1.10")
    assert found["web"].service.extra_hosts == (("host.docker.internal", "192.168.1.254"), nas)
    assert found["db"].service.extra_hosts == (("host.docker.internal", "host-gateway"), nas)


def test_a_container_is_grouped_by_its_project_only_where_somebody_named_that() -> None:
    services = {"db": inner(container_name="pg", labels={"com.docker.compose.service": "mine"})}
    document = {"services": services, **BACK}
    grouped = stack({"name": "app", **document}).containers["db"]
    assert grouped.labels == {"com.docker.compose.project": "app", "com.docker.compose.service": "db"}
    [made] = [one for one in stack({"name": "app", **document}).record().made if one.name == "lan-db-container"]
    labels = {one["label"]: one["value"] for one in made.inputs["labels"]}
    assert labels == {
        "com.docker.compose.project": "app",
        "com.docker.compose.service": "mine",
        STACK: MINE,
        ADDRESSES: "none",
    }


def test_sysctls_of_eth0_go_with_the_endpoint_of_a_companion_too_from_engine_27_on() -> None:
    document = {"name": "app", "services": {"db": inner(sysctls={"net.ipv4.conf.eth0.log_martians": "1"})}, **BACK}
    old, new = (stack(document, engine=engine).containers["db"] for engine in (26, 29))
    assert old.service.sysctls and not old.endpoints[0].driver_opts
    option = "com.docker.network.endpoint.sysctls=net.ipv4.conf.IFNAME.log_martians=1"
    assert not new.service.sysctls and new.endpoints[0].driver_opts == (option,)


def test_containers_come_after_those_that_they_need_and_else_as_written() -> None:
    services = {
        "a": inner(depends_on=["d"]),
        "b": {"image": "busybox", "network_mode": "service:c"},
        "c": inner(volumes_from=["d:ro", "container:other"]),
        "d": inner(),
        "e": inner(ipc="service:f"),
        "f": inner(),
    }
    found = stack({"name": "app", "services": services, **BACK}).containers
    assert [*found] == ["d", "f", "a", "c", "e", "b"]
    after = {key: one.after for key, one in found.items()}
    assert after == {"a": ("d",), "b": ("c",), "c": ("d",), "d": (), "e": ("f",), "f": ()}


def test_containers_of_the_site_itself_come_after_those_whose_volumes_they_take() -> None:
    changes = [
        put("containers", key, {"image": "busybox", "ipv4_address": ip, "volumes_from": lent})
        for key, ip, lent in (("one", "192.168.1.61", ["two:ro"]), ("two", "192.168.1.62", []))
    ]
    assert stack({"services": {"web": web()}}, *changes).containers["one"].after == ("two",)


def test_two_projects_with_services_of_one_name_keep_them_apart() -> None:
    shares = {"image": "busybox", "network_mode": "service:db", "volumes_from": ["db:ro"], "depends_on": ["db"]}
    first = {"name": "one", "services": {"db": inner()}, **BACK}
    second = {"name": "two", "services": {"db": inner(), "vpn": shares}, **BACK}
    found = stack(first, more=[second])
    assert found.containers.keys() == {"db", "two-db", "vpn"}
    vpn = found.containers["vpn"]
    assert (vpn.after, vpn.service.volumes_from) == (("two-db",), ("two-db:ro",))
    assert found.containers["two-db"].endpoints[0].network == "two_back"


def test_what_containers_of_the_site_itself_need_and_cannot_have_is_told_and_planned_all_the_same() -> None:
    changes = [
        put("containers", key, {"image": "busybox", "ipv4_address": ip, "depends_on": needs})
        for key, ip, needs in (("one", "192.168.1.61", ["two"]), ("two", "192.168.1.62", ["one", "six"]))
    ]
    found = stack({"services": {"web": web()}}, *changes)
    assert [(one.path, one.value) for one in found.problems] == [
        ("site.containers.one.depends_on", "two"),
        ("site.containers.two.depends_on", "six"),
    ]
    assert found.containers["two"].after == ("one",) and found.containers["one"].after == ()


def test_what_others_wait_for_is_waited_for_within_bounds() -> None:
    check = {"test": "true", "interval": "10s", "timeout": "5s", "start_period": "30s", "retries": 3}
    services = {
        "web": web(depends_on={key: {"condition": "service_healthy"} for key in ("db", "image", "quick", "slow")}),
        "job": inner(),
        "last": inner(depends_on={"job": {"condition": "service_completed_successfully"}, "idle": {}}),
        "db": inner(healthcheck=check),
        "image": inner(),
        "quick": inner(healthcheck={"test": "true", "interval": "1s", "timeout": "1s"}),
        "slow": inner(healthcheck={"test": "true", "start_period": "1h"}),
        "idle": inner(healthcheck=check),
    }
    found = stack({"name": "app", "services": services, **BACK}).containers
    waits = {key: one.wait for key, one in found.items() if one.wait}
    assert waits == {"db": 90, "image": 240, "quick": 60, "slow": 600}
    assert [key for key, one in found.items() if one.ends] == ["job"]
    assert seconds_to_health(None) == 240  # Docker's 30 s of interval and of timeout, and three more tries


@pytest.mark.parametrize("check", [{"disable": True}, {"test": ["NONE"]}])
def test_who_can_never_be_healthy_is_not_waited_for(check: dict[str, Any]) -> None:
    services = {"web": web("back", depends_on={"db": {"condition": "service_healthy"}}), "db": inner(healthcheck=check)}
    [told] = stack({"name": "app", "services": services, **BACK}).problems
    assert told.path.endswith("services.web.depends_on.db.condition") and told.value == "service_healthy"
    services["web"] = web("back", depends_on=["db"])
    assert stack({"name": "app", "services": services, **BACK}).problems == []


def test_a_name_given_twice_is_told_where_one_of_the_two_is_not_on_the_lan() -> None:
    services = {"web": web("back"), "db": inner(container_name="web")}
    [told] = stack({"name": "app", "services": services, **BACK}).problems
    assert told.path.endswith("services.db.container_name") and "services.web too" in told.message
    services["db"] = web("back", container_name="web", networks={"bridge-host": {"ipv4_address": "192.168.1.61"}})
    assert len(stack({"name": "app", "services": services, **BACK}).problems) == 1


def test_what_shares_with_a_service_that_stays_with_compose_is_told() -> None:
    services = {"web": web("back", ipc="service:db"), "db": inner()}
    document = {"name": "app", "services": services, **BACK}
    [told] = stack(document, services="joined").problems
    assert told.value == "db" and "services: all" in told.remedy
    assert stack(document).problems == []


@pytest.mark.parametrize(("engine", "refused"), [(20, True), (26, False), (None, False)])
def test_options_of_a_volume_need_an_engine_for_which_the_plugin_has_them(engine: int | None, refused: bool) -> None:
    mount = {"type": "volume", "source": "data", "target": "/d", "volume": {"nocopy": True}}
    document = {"name": "app", "services": {"db": inner(volumes=[mount])}, "volumes": {"data": {}}, **BACK}
    told = stack(document, engine=engine).told()
    assert [one.severity for one in told] == (["error"] if refused else [])


def test_a_mount_cannot_have_both_a_propagation_and_a_label_of_selinux() -> None:
    def told(mode: str) -> list[str]:
        services = {"db": inner(volumes=[f"/a:/b:{mode}"])}
        return [one.value for one in stack({"name": "app", "services": services, **BACK}).problems]

    assert (told("rshared,z"), told("rshared"), told("z")) == (["/a"], [], [])


def live(name: str, **changes: Any) -> LiveNetwork:
    return LiveNetwork(f"id of {name}", name, "bridge", {}, (), **changes)


def test_whose_a_network_is_follows_from_its_labels_and_the_state() -> None:
    ours, theirs = {MADE_BY: MAKER, STACK: MINE}, {MADE_BY: MAKER, STACK: "organization/project/other"}
    found = seen_networks(
        ["kept", "lost", "composed", "others", "renamed", "absent"],
        [
            live("kept", labels=ours),
            live("lost", labels=ours),
            live("composed", ipv6=True, internal=True),
            live("others", labels=theirs, ipv6=False),
            live("renamed", labels=theirs),  # the stack was renamed, and its state has the network
            live("beside"),
        ],
        frozenset({"kept", "renamed", "composed"}),
        MINE,
    )
    assert {name: (one.made_here, one.id) for name, one in found.items()} == {
        "kept": (True, ""),
        "lost": (True, "id of lost"),
        "composed": (False, ""),
        "others": (False, ""),
        "renamed": (True, ""),
    }
    assert (found["composed"].internal, found["composed"].ipv6, found["others"].ipv6) == (True, True, False)


def test_a_network_is_made_unless_it_is_external_or_there_by_others() -> None:
    services = {"db": inner(networks=["back", "front", "out", "named"])}
    networks = {"back": {}, "front": {}, "out": {"external": True}, "named": {"name": "mine"}}
    found = stack({"name": "app", "services": services, "networks": networks})
    seen = {"app_front": SeenNetwork(), "app_back": SeenNetwork(made_here=True, id="7")}
    plans = plan_inner_networks(found.sources, seen, MINE)
    assert {name: (one.made, one.live_id) for name, one in plans.items()} == {
        "app_back": (True, "7"),
        "app_front": (False, ""),
        "out": (False, ""),
        "mine": (True, ""),
    }
    ours = {MADE_BY: MAKER, STACK: MINE}
    assert ours.items() <= plans["app_back"].labels.items() and plans["app_front"].labels == {}


def test_the_default_network_of_a_project_is_made_only_if_it_is_used() -> None:
    used = stack({"name": "app", "services": {"web": web(), "db": {"image": "busybox"}}})
    assert [*used.sources.networks] == ["app_default"]
    assert [*stack({"name": "app", "services": {"web": web()}}).sources.networks] == []


def test_containers_without_an_address_on_the_lan_have_an_output_of_their_own() -> None:
    services = {
        "web": web("back"),
        "db": inner(container_name="pg"),
        "vpn": {"image": "busybox", "network_mode": "service:db"},
    }
    found = stack({"name": "app", "services": services, **BACK})
    off = {"pg": ["app_back"], "vpn": ["service:db"]}
    assert containers_off_lan(found.containers.values(), found.sources) == {"containers_off_lan": off}
    assert containers_off_lan([found.containers["web"]], found.sources) == {}


def test_a_container_by_its_name_is_the_sites_own_or_the_others_by_its_id() -> None:
    """Docker writes the id down itself, and the plugin would see a difference for ever."""
    there = "ab" * 32
    services = {
        "web": web("back", ipc="container:pg"),
        "db": inner(container_name="pg"),
        "own": {"image": "busybox", "network_mode": "container:pg"},
        "other": {"image": "busybox", "network_mode": "container:vpn", "pid": "container:gone"},
    }
    found = stack({"name": "app", "services": services, **BACK}, shared={"vpn": there})
    planned = found.containers
    assert planned["own"].service.network_mode == planned["web"].service.ipc == "service:db"
    assert planned["own"].after == planned["web"].after == ("db",)
    assert planned["other"].service.network_mode == f"container:{there}"
    [told] = found.told()
    assert (told.severity, told.value) == ("error", "container:gone") and told.path.endswith("services.other.pid")


@pytest.mark.parametrize("key", ["hostname", "dns", "extra_hosts", None])
def test_what_docker_refuses_without_a_network_of_its_own_is_told_before(key: str | None) -> None:
    values = {"hostname": "x", "dns": ["192.168.1.1"], "extra_hosts": ["a:192.168.1.1"]}
    vpn = {"image": "busybox", "network_mode": "service:db", **({key: values[key]} if key else {})}
    found = stack({"name": "app", "services": {"db": inner(), "vpn": vpn}, **BACK})
    assert [one.path.rpartition(".")[2] for one in found.problems] == ([key] if key else [])


def test_a_sysctl_of_the_network_is_refused_on_that_of_the_nas() -> None:
    host = {"image": "busybox", "network_mode": "host", "sysctls": {"net.core.somaxconn": "1", "kernel.msgmax": "1"}}
    found = stack({"name": "app", "services": {"host": host}})
    assert [one.value for one in found.problems] == ["net.core.somaxconn"]


@pytest.mark.parametrize(("engine", "kept"), [(20, False), (24, False), (25, True), (None, True)])
def test_the_interval_of_the_start_is_left_out_where_docker_forgets_it(engine: int | None, kept: bool) -> None:
    check = {"test": "true", "start_interval": "1s"}
    found = stack({"name": "app", "services": {"db": inner(healthcheck=check)}, **BACK}, engine=engine)
    made = found.containers["db"].service.healthcheck
    assert made is not None and made.start_interval == ("1s" if kept else None)
    assert [one.severity for one in found.told()] == ([] if kept else ["note"])


def test_of_a_network_that_is_wrong_nothing_else_is_told() -> None:
    service = {"image": "busybox", "networks": {"net": {"ipv4_address": "192.168.1.77"}}}
    for pool in ({"subnet": "192.168.1.0/24", "gateway": "192.168.1.1/24"}, {"subnet": "10.0.0.0/24"}):
        net = {"driver": "macvlan", "ipam": {"config": [pool]}}
        problems = stack({"name": "app", "services": {"web": service}, "networks": {"net": net}}).problems
        assert len(problems) == 1 and ": networks.net" in problems[0].path, problems
