"""The networks of Compose files: which are the site's own, which services are taken for them, and what is told."""

from dataclasses import replace
from ipaddress import IPv4Address, IPv4Network, IPv6Network
from typing import Any

import pytest

from config.compose import Taken
from config.declared import DeclaredNetwork
from config.projects.file_networks import LanSettings, match
from tests.unit.compose_projects import EXTERNAL, LAN, NAME, ON_LAN, app, problems_of, taken_of, told
from tests.unit.sites import compose_file, judge, plan_of, put, site_of

POOL = {"subnet": "192.168.1.0/24", "gateway": "192.168.1.1"}
V6 = {"subnet": "fd0d:7eb5:2afd::/64"}
IOT = LanSettings("iot", IPv4Network("192.168.20.0/24"), IPv4Address("192.168.20.1"), "eth0.20")
DB = {"image": "postgres:16", "networks": ["inner"]}


def made(driver: str = "macvlan", *pools: dict[str, str], **keys: Any) -> dict[str, Any]:
    """A network as a file declares it."""
    return {"driver": driver, "driver_opts": {"parent": "eth0"}, "ipam": {"config": [*pools]}, **keys}


def on(network: dict[str, Any], key: str = "net") -> dict[str, Any]:
    """A document whose only service is on that network."""
    service = {"image": "app:1", "networks": {key: {"ipv4_address": "192.168.1.77"}}}
    return {"services": {"app": service}, "networks": {key: network}}


def networks_of(taken: Taken) -> dict[str, list[str]]:
    return {key: [*entry.service.networks] for key, entry in taken.services.items()}


# ---- the site's own network --------------------------------------------------------------------------------
OWN: list[dict[str, Any]] = [
    {"external": True, "name": "lan"},
    {"external": {"name": "lan"}},
    made("macvlan", POOL),
    made("macvlan", POOL, name="other"),
    made("macvlan", POOL, name="lan"),
    made("macvlan", {"subnet": "192.168.1.0/24"}),
    made("macvlan", POOL | {"ip_range": "192.168.1.208/28"}, V6, enable_ipv6=True, labels=["a=b"]),
    made("macvlan", V6, POOL),
    {"driver": "macvlan", "ipam": {"config": [POOL]}},
    {"driver": "macvlan", "name": "lan"},
    {"external": "true", "name": "lan", "driver": "ipvlan"},
]


@pytest.mark.parametrize("network", OWN, ids=str)
def test_a_network_with_the_sites_name_or_settings_is_the_sites_whatever_its_key(network: dict[str, Any]) -> None:
    taken = taken_of(on(network))
    assert networks_of(taken) == {"app": ["lan"]} and taken.networks == {} and taken.problems == []
    assert taken.services["app"].network_keys == {"lan": "net"}


def test_an_external_network_without_a_name_is_called_as_its_key() -> None:
    assert networks_of(taken_of(app())) == {"app": ["lan"]}


# A network that is none of the site's, and words of what is told side by side
FOREIGN: list[tuple[dict[str, Any], str]] = [
    (made("macvlan", POOL | {"subnet": "192.168.2.0/24"}), "subnet 192.168.2.0/24 there and 192.168.1.0/24 here"),
    (made("macvlan", POOL | {"gateway": "192.168.1.254"}), "gateway 192.168.1.254 there and 192.168.1.1 here"),
    (made("macvlan", POOL, driver_opts={"parent": "eth1"}), "parent eth1 there and eth0 here"),
    (made("macvlan", POOL, {"subnet": "fd99::/64"}), "IPv6 prefix fd99::/64 there and fd0d:7eb5:2afd::/64 here"),
    (made("macvlan", POOL, name="lan", driver_opts={"parent": "eth1"}), "parent eth1 there and eth0 here"),
    (made("macvlan"), "no subnet there"),
    (made("ipvlan", POOL), "is a network of the driver ipvlan, and the site's lan is a macvlan one"),
    (made("bridge", POOL, name="lan"), "is a network of the driver bridge, and the site's lan is a macvlan one"),
    (made("macvlan", {"subnet": "192.168.2.0/24", "gateway": "192.168.2.9"}, driver_opts={"parent": "eth1"}),
     "subnet 192.168.2.0/24 there and 192.168.1.0/24 here, gateway 192.168.2.9 there and 192.168.1.1 here, "
     "parent eth1 there and eth0 here"),
]  # fmt: skip


@pytest.mark.parametrize(("network", "what"), FOREIGN, ids=[what for _, what in FOREIGN])
@pytest.mark.parametrize("services", ["joined", "all"])
def test_a_network_on_the_lan_that_is_another_one_is_told_side_by_side(
    network: dict[str, Any], what: str, services: Any
) -> None:
    [problem] = problems_of(on(network), services=services)
    assert told([problem]) == [("error", f"{NAME}:8 networks.net")] and what in problem.message
    assert "write into the site what the file says" in problem.remedy


def test_an_unreadable_subnet_is_told_and_not_that_nothing_joins() -> None:
    network = made("macvlan", {"subnet": "192.168.1.0/33"})
    [problem] = problems_of(on(network))
    assert problem.path == f"{NAME}:14 networks.net.ipam.config[0].subnet" and "is not a subnet" in problem.message


def test_what_the_person_left_open_in_the_site_is_no_difference() -> None:
    loose = LanSettings("lan")
    assert [*loose.differences(DeclaredNetwork.model_validate({"name": "x", **made("macvlan", POOL)}))] == []


def test_of_several_networks_of_the_site_the_nearest_one_is_compared() -> None:
    iot = DeclaredNetwork.model_validate({"name": "p_net", **made("macvlan", {"subnet": "192.168.20.0/24"})})
    found = match({"net": iot}, [LAN, IOT])
    assert found.own == {}
    assert found.foreign == {"net": "is not the site's network iot: parent eth0 there and eth0.20 here"}
    fits = iot.model_copy(update={"driver_opts": {"parent": "eth0.20"}})
    assert match({"net": fits}, [LAN, IOT]).own == {"net": IOT}


def test_of_several_networks_without_known_subnets_none_is_guessed() -> None:
    """The command-line tool may not know the site's subnet."""
    first, second = (
        DeclaredNetwork.model_validate({"name": f"p_{key}", **made("macvlan", {"subnet": subnet})})
        for key, subnet in (("a", "10.0.0.0/24"), ("b", "10.0.1.0/24"))
    )
    assert match({"a": first}, [replace(LAN, subnet=None, gateway=None)]).own.keys() == {"a"}
    assert match({"a": first, "b": second}, [replace(LAN, subnet=None, gateway=None)]).own.keys() == set()


def test_a_network_is_known_by_an_address_in_it_as_old_engines_take_it() -> None:
    pool = {"subnet": "192.168.1.1/24", "ip_range": "192.168.1.200/28", "gateway": "192.168.1.1"}
    taken = taken_of(on(made("macvlan", pool)))
    assert networks_of(taken) == {"app": ["lan"]} and taken.problems == []


def test_a_prefix_of_the_provider_is_the_sites_if_the_site_has_it() -> None:
    document = on(made("macvlan", {"subnet": "192.168.1.0/24"}, {"subnet": "2001:db8:1::/64"}))
    [problem] = problems_of(document)
    assert "2001:db8:1::/64 there, which the site can have as `lan.static_prefix`" in problem.message
    assert problems_of(document, lans=[replace(LAN, static_prefix=IPv6Network("2001:db8:1::/64"))]) == []


# ---- who is taken ------------------------------------------------------------------------------------------
def several(**networks: Any) -> dict[str, Any]:
    document = app()
    document["services"] |= {
        "db": DB,
        "sidecar": {"image": "busybox", "network_mode": "service:app"},
        "second": {"image": "busybox", "network_mode": "service:sidecar"},
        "alone": {"image": "busybox", "network_mode": "none"},
        "host": {"image": "busybox", "network_mode": "host"},
        "web": {"image": "busybox"},
    }
    document["networks"] = EXTERNAL | {"inner": networks}
    return document


def test_services_on_the_site_and_those_that_share_the_network_of_one_are_taken_and_the_rest_stays() -> None:
    taken = taken_of(several())
    assert [*taken.services] == ["app", "sidecar", "second"]
    assert taken.left == ["db", "alone", "host", "web"] and taken.networks == {}
    assert [entry.service.network_mode for entry in taken.services.values()] == [None, "service:app", "service:sidecar"]
    [problem] = taken.problems
    assert (problem.severity, problem.path) == ("warning", NAME)
    assert "services that stay with Compose: db, alone, host, web. " in problem.message
    assert "`services: {app: {scale: 0}, sidecar: {scale: 0, network_mode: none}" in problem.remedy


def test_with_services_all_the_rest_is_taken_too_with_the_networks_that_it_needs() -> None:
    taken = taken_of(several(driver="bridge"), services="all", name="home")
    assert [*taken.services] == ["app", "db", "sidecar", "second", "alone", "host", "web"]
    assert {key: entry.service.network_mode for key, entry in taken.services.items() if not entry.service.networks} == {
        "sidecar": "service:app",
        "second": "service:sidecar",
        "alone": "none",
        "host": "host",
    }
    assert networks_of(taken)["db"] == ["home_inner"] and networks_of(taken)["web"] == ["home_default"]
    assert taken.networks.keys() == {"home_inner", "home_default"}
    assert taken.problems == [] and taken.left == []


def test_dockers_own_word_for_its_bridge_is_no_networks_name() -> None:
    document = app()
    document["services"]["plain"] = {"image": "busybox", "network_mode": "default"}
    plain = taken_of(document, services="all").services["plain"].service
    assert (plain.network_mode, plain.networks) == ("bridge", {})


def test_services_that_nobody_would_start_do_not_stay_with_compose() -> None:
    document = app()
    document["services"] |= {
        "off": {"image": "x", "scale": 0},
        "out": {"image": "x", "deploy": {"replicas": 0}},
        "later": {"image": "x", "profiles": ["later"]},
    }
    taken = taken_of(document)
    assert taken.problems == [] and taken.left == []
    document["services"]["app"]["scale"] = 0
    document["services"]["other"] = {"image": "x", "networks": {"lan": {"ipv4_address": "192.168.1.78"}}}
    assert [*taken_of(document).services] == ["other"]


def test_services_with_profiles_of_their_own_are_not_started_by_compose_and_nothing_is_told() -> None:
    document = app(profiles=["macvlan"])
    document["services"]["db"] = DB
    document["networks"]["inner"] = {}
    taken = taken_of(document, profiles=("macvlan",))
    assert [*taken.services] == ["app"] and taken.left == ["db"] and taken.problems == []
    # Compose reads this by itself
    [problem] = taken_of(document, {".env": "COMPOSE_PROFILES=macvlan\n"}).problems
    assert "`services: {app: {scale: 0}}`" in problem.remedy


def test_a_profile_that_is_not_active_leaves_its_services_out() -> None:
    document = app()
    document["services"]["dns"] = {"image": "x", "networks": {"lan": None}, "profiles": ["dns"]}
    assert [*taken_of(document).services] == ["app"]
    assert [*taken_of(document, profiles=("other",)).services] == ["app"]
    assert [*taken_of(document, profiles=("dns",)).services] == ["app", "dns"]
    assert [*taken_of(document, profiles=("*",)).services] == ["app", "dns"]
    assert [*taken_of(document, {".env": "COMPOSE_PROFILES=x,dns\n"}).services] == ["app", "dns"]


def test_a_dependency_on_a_service_that_no_profile_starts_is_told_with_the_profile() -> None:
    document = app(depends_on=["db"])
    document["services"]["db"] = DB | {"profiles": ["db"]}
    document["networks"]["inner"] = {}
    [problem] = problems_of(document)
    assert problem.path == f"{NAME}:8 services.app.depends_on.db" and "only the profile db starts" in problem.message
    assert "`profiles: [db]` beside the file's path in the site" in problem.remedy
    assert all(problem.severity != "error" for problem in problems_of(document, profiles=("db",)))
    document["services"]["app"]["depends_on"] = {"db": {"condition": "service_started", "required": False}}
    assert problems_of(document) == []


def test_a_dependency_that_stays_with_compose_is_told_as_not_waited_for() -> None:
    document = app(depends_on={"db": {"condition": "service_healthy"}})
    document["services"]["db"] = DB
    document["networks"]["inner"] = {}
    note = problems_of(document)[0]
    assert (note.severity, note.path) == ("note", NAME)
    assert "depends_on.db (app) is not waited for: that service stays with Compose" in note.message
    assert problems_of(document, services="all") == []


def test_a_file_of_which_nothing_joins_says_so_with_both_ways_out() -> None:
    document = {"services": {"app": {"image": "x"}}}
    [problem] = problems_of(document)
    assert problem.path == NAME and problem.message.startswith("has no service that joins the network lan")
    assert "services: all" in problem.remedy
    assert problems_of(document, services="all") == []
    assert "network lan or iot" in problems_of(document, lans=[LAN, IOT])[0].message


def test_a_service_that_stays_for_another_network_on_the_lan_is_warned_of() -> None:
    document = app()
    document["services"]["eye"] = {"image": "x", "networks": {"cams": {"ipv4_address": "192.168.2.9"}}}
    document["networks"] = EXTERNAL | {"cams": made("macvlan", {"subnet": "192.168.2.0/24"})}
    [problem] = [one for one in problems_of(document) if one.path != NAME]
    assert told([problem]) == [("warning", f"{NAME}:15 networks.cams")]
    assert problem.message.endswith("the site does not describe it, so that eye stays with Compose")
    assert "under `networks:` as app_cams" in problem.remedy


# ---- the site's own name, other networks, ports -------------------------------------------------------------
def test_a_network_mode_that_names_the_sites_network_joins_it_and_asks_for_an_address() -> None:
    document = {"services": {"plex": {"image": "plex", "network_mode": "lan"}}}
    taken = taken_of(document)
    assert networks_of(taken) == {"plex": ["lan"]} and taken.services["plex"].service.network_mode is None
    _, [problem] = judge(site_of(put("network", {"name": "lan"})), [compose_file(document)])
    assert problem.path.endswith(": services.plex.networks.lan.ipv4_address") and "is missing" in problem.message


def test_two_networks_keep_their_attachments_under_docker_names() -> None:
    lan = {"ipv4_address": "192.168.1.18", "gw_priority": 1000}
    document = app(networks={"inner": {"aliases": ["db"]}, "lan": lan})
    pools = {"config": [{"subnet": "10.9.0.0/24"}]}
    document["networks"] |= {"inner": {"internal": True, "labels": {"a": 1}, "ipam": pools}}
    taken = taken_of(document, name="home")
    networks = taken.services["app"].service.networks
    assert networks["home_inner"].aliases == ("db",) and networks["lan"].gw_priority == 1000
    [inner] = taken.networks.values()
    assert (inner.name, inner.driver, inner.internal, inner.labels["a"]) == ("home_inner", "bridge", True, "1")
    assert str(inner.ipam.config[0].subnet) == "10.9.0.0/24"


def test_an_external_network_beside_is_joined_and_not_made() -> None:
    document = app(networks={"edge": None, **ON_LAN})
    document["networks"]["edge"] = {"external": True, "name": "proxy"}
    taken = taken_of(document)
    assert networks_of(taken) == {"app": ["proxy", "lan"]}
    assert [(one.name, one.external) for one in taken.networks.values()] == [("proxy", True)]


def test_ports_on_the_lan_only_are_a_note_and_beside_an_inner_network_they_are_kept() -> None:
    [note] = problems_of(app(ports=["53:53/udp", "80"], expose=["53"], links=[]))
    assert told([note]) == [("note", NAME)]
    assert "ports (app) opens nothing more: the container has an address of its own" in note.message
    assert "expose (app) tells" in note.message and note.remedy == "nothing needs to be done"
    assert taken_of(app(ports=["53:53/udp"])).services["app"].service.ports == ()
    document = app(ports=["8080:80"], networks={"inner": None, **ON_LAN})
    document["networks"]["inner"] = {}
    taken = taken_of(document)
    assert [(port.published, port.target) for port in taken.services["app"].service.ports] == [("8080", 80)]
    assert taken.problems == []


def test_ports_of_a_host_container_are_a_note_too() -> None:
    document = app()
    document["services"]["host"] = {"image": "x", "network_mode": "host", "ports": ["80:80"]}
    [note] = problems_of(document, services="all")
    assert note.severity == "note"
    assert "ports (host) opens nothing more: the container has the NAS's own" in note.message


def test_one_note_names_all_services_of_a_reason() -> None:
    document = app(ports=["80:80"])
    lan = {"lan": {"ipv4_address": "192.168.1.78"}}
    document["services"]["dns"] = {"image": "x", "ports": ["53:53"], "networks": lan}
    [note] = problems_of(document)
    assert "ports (app, dns) opens nothing more" in note.message


def test_links_are_not_needed_unless_they_rename() -> None:
    document = app(links=["db"])
    document["services"]["db"] = {"image": "x", "networks": {"lan": {"ipv4_address": "192.168.1.78"}}}
    [note] = problems_of(document)
    assert note.severity == "note" and "links (app) is not needed" in note.message
    assert taken_of(document).services["app"].service.depends_on.keys() == {"db"}
    document["services"]["app"]["links"] = ["db:database"]
    [problem] = problems_of(document)
    assert problem.path == f"{NAME}:8 services.app.links[0]" and "aliases: [database]" in problem.remedy
    document["services"]["app"]["links"] = []
    document["services"]["db"]["networks"]["lan"]["aliases"] = ["database"]
    assert problems_of(document) == []


# ---- names -------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("key", "keys", "name", "alias"),
    [
        ("database", {"container_name": "photos_postgres"}, "photos_postgres", "database"),
        ("database", {}, "database", ""),
        ("a", {"container_name": "adguard"}, "adguard", "a"),
        ("a", {}, "home-a", "a"),
        ("_x", {}, "home-_x", "_x"),
    ],
)
def test_the_services_key_is_an_alias_and_the_name_where_docker_takes_it(
    key: str, keys: dict[str, Any], name: str, alias: str
) -> None:
    document = {"services": {key: {"image": "x", "networks": ON_LAN, **keys}}, "networks": EXTERNAL}
    entry = taken_of(document, name="home").services[key]
    assert (entry.name, entry.alias) == (name, alias)


def test_an_alias_reaches_the_plan() -> None:
    document = app(container_name="photos")
    document = {**document, "networks": {"lan": {"external": True, "name": "bridge-host"}}}
    [planned] = plan_of(site_of(put("containers", {})), [compose_file(document)]).containers
    assert (planned.name, planned.aliases) == ("photos", ("app",))


@pytest.mark.parametrize(
    ("source", "files", "document", "name"),
    [
        ({"name": "Said By_Site!"}, {".env": "COMPOSE_PROJECT_NAME=env"}, {"name": "file"}, "saidby_site"),
        ({}, {".env": "COMPOSE_PROJECT_NAME=Env"}, {"name": "file"}, "env"),
        ({}, {}, {"name": "file"}, "file"),
        ({}, {"x": ""}, {"name": "${P:-from}"}, "from"),
        ({"folder": "/volume1/docker/My App"}, {}, {}, "myapp"),
        ({"folder": ""}, {}, {}, "laptop"),
    ],
)
def test_the_projects_name_is_the_one_that_compose_takes(
    source: dict[str, Any], files: dict[str, str], document: dict[str, Any], name: str
) -> None:
    written = {**document, **app(networks={"inner": None, **ON_LAN}), "networks": {**EXTERNAL, "inner": None}}
    taken = taken_of(written, files, **source)
    assert [*taken.networks] == [f"{name}_inner"]
    assert taken.services["app"].compose_project == name
    assert taken.services["app"].is_project_named is (source != {"folder": ""})


def test_an_address_that_a_variable_leaves_blank_is_none() -> None:
    document = app(networks={"lan": {"ipv4_address": "192.168.1.77", "ipv6_address": "${SIX:-}", "mac_address": ""}})
    [attachment] = taken_of(document).services["app"].service.networks.values()
    assert (attachment.ipv6_address, attachment.mac_address) == (None, None)


def test_a_mode_that_the_sites_network_does_not_have_is_told() -> None:
    network = made("macvlan", POOL, internal=True)
    network["driver_opts"]["macvlan_mode"] = "private"
    found = [(one.severity, one.path.rpartition(".")[2], one.value) for one in problems_of(on(network))]
    assert found == [("warning", "macvlan_mode", "private"), ("warning", "internal", "")]
    network["driver_opts"]["macvlan_mode"] = "bridge"
    assert len(problems_of(on(network))) == 1 and problems_of(on({**network, "internal": False})) == []


def test_a_network_that_the_file_does_not_declare_is_told_in_place_of_what_follows() -> None:
    document = app(networks={"lan20": {"ipv4_address": "192.168.1.77"}})
    [problem] = problems_of(document)
    assert "is no network of the file" in problem.message
