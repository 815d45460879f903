"""Several networks of one site: what each is as a site of its own, who is on it, and what two of them may not share."""

from copy import deepcopy
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.networks import NetworkView, named, views
from config.problems import Problem
from config.site import parse_site
from facts.labels import read_addresses, write_addresses
from plan.numbering import routing_table_of
from tests.unit.sites import Change, box, compose_file, drop, make_plans, plan_of, put, site_of, sources_of

IOT = {
    "lan": {"parent": "eth0.20", "subnet": "192.168.20.0/24", "gateway": "192.168.20.1", "nas_address": "192.168.20.2"},
    "ula": {"prefix": "fd0d:7eb5:2afd:20::/64"},
    "shim": {"ipv4_address": "192.168.20.254"},
}
CAMS = {
    "lan": {"parent": "eth0.30", "subnet": "192.168.30.0/24", "gateway": "192.168.30.1", "nas_address": "192.168.30.2"},
    "ula": {"prefix": "fd0d:7eb5:2afd:30::/64"},
    "shim": {"ipv4_address": "192.168.30.254"},
}
BOTH = {"bridge-host": {"ipv4_address": "192.168.1.60"}, "iot": {"ipv4_address": "192.168.20.60"}}


def two(*changes: Change) -> dict[str, Any]:
    return site_of(put("networks", "iot", deepcopy(IOT)), *changes)


def container(name: str, **keys: Any) -> Change:
    return put("containers", name, {"image": "busybox", **keys})


def planned(raw: dict[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    site, problems = parse_site(raw)
    assert site is not None and not problems, problems
    return make_plans(site, [compose_file()] if site.compose else [])


def plans(raw: dict[str, Any]) -> dict[str, Any]:
    found, problems = planned(raw)
    assert not problems, "\n".join(map(str, problems))
    return found


def problems_of(raw: dict[str, Any]) -> list[tuple[str, str]]:
    site, problems = parse_site(raw)
    assert site is not None
    found = [*problems, *planned(raw)[1]]
    assert all(problem.message and problem.remedy for problem in found)
    return sorted((problem.path, problem.value) for problem in found)


def views_of(raw: dict[str, Any]) -> dict[str, NetworkView]:
    site, problems = parse_site(raw)
    assert site is not None and not problems, problems
    return {view.key: view for view in views(site)}


# ---- views -------------------------------------------------------------------------------------------------
def test_a_site_with_one_network_is_its_own_only_view() -> None:
    site, _ = parse_site(site_of())
    assert site is not None
    [view] = views(site)
    assert (view.key, view.resource, view.names) == ("", "lan", ("bridge-host",))
    assert view.site == site


def test_a_further_network_is_a_site_with_its_own_lan_prefix_shim_and_names_on_the_nas() -> None:
    found = views_of(two(put("networks", "cams", {**CAMS, "labels": {"a": "b"}})))
    assert [view.resource for view in found.values()] == ["lan", "lan-iot", "lan-cams"]
    cams = found["cams"].site
    assert (cams.network.name, cams.network.labels) == ("cams", {"a": "b"})
    assert (str(cams.lan.subnet), str(cams.ula_prefix)) == ("192.168.30.0/24", "fd0d:7eb5:2afd:30::/64")
    assert (cams.shim.name, cams.install.name) == ("macvlan-cams", "cams")
    assert cams.install.unit_path == "/etc/systemd/system/setup_docker_macvlan-cams.service"
    assert found[""].site.install.unit_path == "/etc/systemd/system/setup_docker_macvlan.service"
    assert found[""].site.shim.name == "macvlan-host"


def test_the_name_of_the_installation_stands_before_that_of_a_further_network() -> None:
    found = views_of(two(put("install", {"name": "lab"})))
    assert [view.site.shim.name for view in found.values()] == ["macvlan-lab", "macvlan-lab-iot"]
    assert [view.site.install.name for view in found.values()] == ["lab", "lab-iot"]


def test_what_a_person_wrote_wins_and_a_further_networks_files_stand_beside_it() -> None:
    written = {"name": "lab", "script_path": "/opt/shim.sh", "config_path": "/opt/conf", "unit_path": "/opt/a.service"}
    found = views_of(
        two(put("install", written), put("shim", "name", "shim0"), put("networks", "iot", "shim", "name", "x"))
    )
    first, iot = found[""].site, found["iot"].site
    paths = [(one.install.script_path, one.install.config_path, one.install.unit_path) for one in (first, iot)]
    assert paths == [
        ("/opt/shim.sh", "/opt/conf", "/opt/a.service"),
        ("/opt/shim-iot.sh", "/opt/conf-iot", "/opt/a-iot.service"),
    ]
    assert (first.shim.name, iot.shim.name) == ("shim0", "x")


@pytest.mark.parametrize(
    ("path", "expected"),
    [("/a/b.sh", "/a/b-n.sh"), ("/a.d/b", "/a.d/b-n"), ("macvlan-ipv6", "macvlan-ipv6-n"), ("c.conf", "c-n.conf")],
)
def test_a_name_stands_before_the_ending_of_a_file(path: str, expected: str) -> None:
    assert named(path, "n") == expected and named(path, "") == path


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("site.lan.subnet", "site.networks.iot.lan.subnet"),
        ("site.shim", "site.networks.iot.shim"),
        ("site.network.name", "site.networks.iot"),
        ("site.network.labels", "site.networks.iot.labels"),
        ("site.install.name", "site.install.name"),
        ("site.containers.a.ipv4_address", "site.containers.a.ipv4_address"),
        ("site.networks.cams.lan", "site.networks.cams.lan"),
        ("compose.yml: services.lan.x", "compose.yml: services.lan.x"),
    ],
)
def test_a_problem_is_told_where_the_key_stands(path: str, expected: str) -> None:
    found = views_of(two())
    problem = Problem(path, "x", "is wrong", "write y")
    assert [one.path for one in found["iot"].told([problem])] == [expected]
    assert found[""].told([problem]) == [problem]


def test_a_name_that_a_further_network_is_to_have_is_its_key() -> None:
    view = views_of(two())["iot"]
    remedy = "use that one: write `network.name: home_lan` and `network.ipv6: loop`, and more"
    (told,) = view.told([Problem("site.lan.parent", "x", "is wrong", remedy)])
    expected = "use that one: give this network the name home_lan under `networks:` and `networks.home_lan.ipv6: loop`"
    assert told.remedy == f"{expected}, and more"


def test_an_external_container_is_on_the_network_that_has_its_address() -> None:
    others = ["192.168.20.9", "192.168.1.9"]
    found = plans(two(put("external_containers", others)))
    assert {key: [str(one.ipv4) for one in plan.external] for key, plan in found.items()} == {
        "": ["192.168.1.9"],
        "iot": ["192.168.20.9"],
    }
    assert problems_of(two(put("external_containers", ["10.0.0.9"])))[0] == (
        "site.external_containers.10.0.0.9.ipv4_address",
        "10.0.0.9",
    )


# ---- who is on which network -------------------------------------------------------------------------------
PLACED: list[tuple[dict[str, Any], dict[str, str]]] = [
    ({"ipv4_address": "192.168.1.60"}, {"": "192.168.1.60"}),
    ({"networks": {"iot": {"ipv4_address": "192.168.20.60"}}}, {"iot": "192.168.20.60"}),
    ({"ipv4_address": "192.168.20.60", "networks": ["iot"]}, {"iot": "192.168.20.60"}),
    ({"networks": BOTH}, {"": "192.168.1.60", "iot": "192.168.20.60"}),
    (
        {"ipv4_address": "192.168.1.60", "networks": {"iot": {"ipv4_address": "192.168.20.60"}, "bridge-host": None}},
        {"": "192.168.1.60", "iot": "192.168.20.60"},
    ),
]


@pytest.mark.parametrize(("keys", "expected"), PLACED)
def test_a_container_is_on_the_networks_that_it_names_with_an_address_on_each(
    keys: dict[str, Any], expected: dict[str, str]
) -> None:
    found = plans(two(drop("compose"), put("containers", {}), container("a1", **keys)))
    there = {key: [str(one.ipv4) for one in plan.containers] for key, plan in found.items()}
    assert there == {"": [], "iot": [], **{key: [address] for key, address in expected.items()}}


def test_each_address_has_a_ula_a_mac_and_aliases_of_its_own() -> None:
    below = {**BOTH, "iot": {"ipv4_address": "192.168.20.60", "aliases": ["eye"]}}
    found = plans(two(container("a1", mac_address="02:00:00:00:00:09", networks=below)))
    [first] = [one for one in found[""].containers if one.key == "a1"]
    [iot] = found["iot"].containers
    assert (str(first.ula), first.mac, first.aliases) == ("fd0d:7eb5:2afd::60", "02:00:00:00:00:09", ())
    assert (str(iot.ula), iot.mac, iot.aliases) == ("fd0d:7eb5:2afd:20::60", "02:42:c0:a8:14:3c", ("eye",))


def test_services_of_a_compose_file_join_a_further_network_by_its_name() -> None:
    document = {
        "networks": {"net": {"name": "iot", "external": True}, "bridge-host": {"external": True}},
        "services": {
            "eye": {"image": "busybox", "networks": {"net": {"ipv4_address": "192.168.20.61"}}},
            "hub": {
                "image": "busybox",
                "networks": {"net": {"ipv4_address": "192.168.20.62"}, "bridge-host": {"ipv4_address": "192.168.1.62"}},
            },
        },
    }
    site, _ = parse_site(two())
    assert site is not None
    services, problems = sources_of(site, [compose_file(document)])
    assert problems == [] and set(services.services) == {"test", "eye", "hub"}
    found, problems = make_plans(site, [compose_file(document)])
    assert problems == []
    assert [one.key for one in found["iot"].containers] == ["eye", "hub"]
    assert [one.key for one in found[""].containers] == ["test", "hub"]


# ---- bad input ---------------------------------------------------------------------------------------------
OWN = "site.networks.iot"
WRONG: list[tuple[Change, list[tuple[str, str]]]] = [
    (container("a1", ipv4_address="192.168.1.60", networks=["iott"]), [("site.containers.a1.networks", "iott")]),
    (container("a1", networks=["iot"]), [("site.containers.a1.networks.iot.ipv4_address", "")]),
    (
        container("a1", ipv4_address="192.168.1.60", networks=["bridge-host", "iot"]),
        [("site.containers.a1.networks.iot.ipv4_address", "")],
    ),
    (
        container("a1", networks={"iot": {"ipv4_address": "192.168.21.60"}}),
        [("site.containers.a1.networks.iot.ipv4_address", "192.168.21.60")],
    ),
    (
        container("a1", ipv4_address="192.168.20.60", networks={"iot": {"ipv4_address": "192.168.20.61"}}),
        [("site.containers.a1.ipv4_address", "192.168.20.60")],
    ),
    (
        container("a1", container_name="test", networks={"iot": {"ipv4_address": "192.168.20.60"}}),
        [("site.containers.a1.container_name", "test")],
    ),
    (
        put("networks", "iot", "lan", IOT["lan"] | {"subnet": "192.168.0.0/16"}),
        [(f"{OWN}.lan.subnet", "192.168.0.0/16")],
    ),
    (
        put("networks", "iot", "ula", "prefix", "fd0d:7eb5:2afd::/64"),
        [(f"{OWN}.shim.ipv6_address", "fd0d:7eb5:2afd::254"), (f"{OWN}.ula.prefix", "fd0d:7eb5:2afd::/64")],
    ),
    (put("networks", "iot", "shim", "name", "macvlan-host"), [(f"{OWN}.shim.name", "macvlan-host")]),
    (put("networks", "iot", "shim", "routing_table", 109), [(f"{OWN}.shim.routing_table", "109")]),
    (put("networks", "iot", "shim", "routing_table", 253), [(f"{OWN}.shim.routing_table", "253")]),
    (put("networks", "iot", "shim", "routing_table", "main"), [(f"{OWN}.shim.routing_table", "main")]),
    (put("networks", "bridge-host", CAMS), [("site.networks", "bridge-host")]),
    (put("networks", "all-our-cams", CAMS), [("site.networks.all-our-cams.shim.name", "macvlan-all-our-cams")]),
    (put("networks", "iot", "lan", "nas_address", "192.168.21.2"), [(f"{OWN}.lan.nas_address", "192.168.21.2")]),
    (drop("networks", "iot", "lan", "nas_address"), [(f"{OWN}.lan.nas_address", "")]),
    (put("install", {"name": "a b"}), [("site.install.name", "a b")]),
]  # fmt: skip


@pytest.mark.parametrize(("change", "expected"), WRONG, ids=[case[1][0][0] + "=" + case[1][0][1] for case in WRONG])
def test_what_two_networks_may_not_share_and_a_misplaced_container_are_told_with_their_keys(
    change: Change, expected: list[tuple[str, str]]
) -> None:
    raw = two(change)
    site, problems = parse_site(raw)
    assert site is not None
    found = [*problems, *make_plans(site, [compose_file()])[1]]
    assert sorted((problem.path, problem.value) for problem in found) == expected
    assert all(problem.message and problem.remedy for problem in found)


@pytest.mark.parametrize("networks", [None, [], 3, "iot", {"iot": None}, {"iot": []}])
def test_containers_of_a_network_that_cannot_be_read_are_not_told_to_join_another(networks: Any) -> None:
    eye = container("eye", networks={"iot": {"ipv4_address": "192.168.20.50"}})
    site, problems = parse_site(site_of(put("networks", networks), eye))
    assert site is None
    assert [one.path for one in problems] == ["site.networks.iot" if isinstance(networks, dict) else "site.networks"]


@pytest.mark.parametrize("raw", [site_of(), two()], ids=["one network", "two"])
def test_a_network_that_the_site_does_not_have_is_told_once(raw: dict[str, Any]) -> None:
    container("eye", networks={"iott": {"ipv4_address": "192.168.20.50"}})(raw)
    assert problems_of(raw) == [("site.containers.eye.networks", "iott")]


@pytest.mark.parametrize(
    ("script", "config", "twice"),
    [("/opt/x.sh", "/opt/x.sh", "/opt/x.sh"), ("/opt/x.sh", "/opt/x-iot.sh", "/opt/x-iot.sh")],
)
def test_a_path_that_two_files_would_have_is_told_once_for_all_networks(script: str, config: str, twice: str) -> None:
    assert problems_of(two(put("install", {"script_path": script, "config_path": config}))) == [("site.install", twice)]


def test_an_address_that_may_be_meant_for_two_further_networks_is_told_once_with_a_remedy_that_works() -> None:
    cams = put("networks", "cams", CAMS)
    raw = two(
        cams,
        container(
            "a1", ipv4_address="192.168.20.60", networks={"iot": None, "cams": {"ipv4_address": "192.168.30.60"}}
        ),
    )
    wrong = planned(raw)[1]
    assert [problem.path for problem in wrong if "may be meant" in problem.message] == [
        "site.containers.a1.ipv4_address"
    ]
    [problem] = [problem for problem in wrong if "may be meant" in problem.message]
    assert "networks: {iot: {ipv4_address: 192.168.20.60}}" in problem.remedy
    plans(
        two(
            cams,
            container(
                "a1", networks={"iot": {"ipv4_address": "192.168.20.60"}, "cams": {"ipv4_address": "192.168.30.60"}}
            ),
        )
    )


def test_the_other_prefix_that_a_remedy_names_is_free() -> None:
    site, _ = parse_site(two(put("networks", "iot", "ula", "prefix", "fd0d:7eb5:2afd::/64")))
    assert site is not None
    [remedy] = [one.remedy for one in make_plans(site)[1] if one.path == "site.networks.iot.ula.prefix"]
    prefix = remedy.split()[-1]
    plans(two(put("networks", "iot", "ula", {"prefix": prefix})))


# ---- numbers and labels ------------------------------------------------------------------------------------
def test_the_routing_table_follows_from_the_name_and_from_nothing_else() -> None:
    first = plans(two())
    more = plans(two(put("networks", "cams", CAMS), box("a1", 9)))
    assert first[""].shim.routing_table == more[""].shim.routing_table == 109
    assert first["iot"].shim.routing_table == more["iot"].shim.routing_table == 182
    assert plan_of(site_of(put("shim", "routing_table", "77"))).shim.routing_table == 77


@given(st.text("abcdefghijklmnopqrstuvwxyz0123456789-_.", min_size=1, max_size=40))
def test_a_routing_table_is_never_the_kernels_nor_that_of_an_installation_without_a_name(name: str) -> None:
    assert 110 <= routing_table_of(name) <= 209


WORDS = st.sampled_from([("192.168.1.9", "fd0d::9", "02:42:c0:a8:01:09"), ("10.0.0.1", "fd00::1", "None")])


@given(st.dictionaries(st.sampled_from(["", "iot", "cams", "a.b-c_d"]), WORDS, min_size=1))
def test_the_label_gives_back_what_was_written_for_each_network(entries: dict[str, tuple[str, str, str]]) -> None:
    text = write_addresses(entries.items())
    assert {network: read_addresses(text, network) for network in entries} == entries
    assert read_addresses(text, "another") is None


def test_the_label_of_a_container_on_the_first_network_is_as_it_always_was() -> None:
    words = ("192.168.1.9", "fd0d::9", "02:42:c0:a8:01:09")
    assert write_addresses([("", words)]) == "192.168.1.9 fd0d::9 02:42:c0:a8:01:09"
    assert write_addresses([("", words), ("iot", words)]) == f"{' '.join(words)}; {' '.join(words)} iot"
