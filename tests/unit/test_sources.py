"""The services of a site from all their places: the site itself and several Compose projects."""

from typing import Any

import pytest

from config.problems import Problem
from config.site import parse_site
from config.sources import Sources, all_services
from tests.unit.compose_projects import EXTERNAL, app, project_of, taken_of
from tests.unit.sites import Change, box, drop, judge, put, site_of, sources_of


def service(last: int, **keys: Any) -> dict[str, Any]:
    return {"image": "x", "networks": {"lan": {"ipv4_address": f"192.168.1.{last}"}}, **keys}


def document(**services: Any) -> dict[str, Any]:
    return {"services": services, "networks": {**EXTERNAL, "inner": None}, "volumes": {"data": None}}


def joined(*projects: tuple[str, dict[str, Any]], site: Change = lambda _: None) -> tuple[Sources, list[Problem]]:
    """The services of projects with these names, all of each, beside the site's own ones."""
    found, problems = parse_site(site_of(drop("compose"), put("containers", {}), site))
    assert found is not None and problems == []
    read = [project_of(one, name=name) for name, one in projects]
    taken = [taken_of(one, name=name, services="all") for name, one in projects]
    return all_services(found, read, taken)


# ---- several projects --------------------------------------------------------------------------------------
def test_services_of_one_name_in_two_projects_have_keys_of_their_own_and_mean_those_of_their_project() -> None:
    more = {"depends_on": ["db"], "ipc": "service:db", "pid": "service:db", "volumes_from": ["db:ro", "container:db"]}
    first = document(db=service(71, container_name="one_db"), app=service(72, **more))
    second = document(
        db=service(81, container_name="two_db"),
        web=service(82, **more),
        sidecar={"image": "x", "network_mode": "service:db"},
    )
    sources, _ = joined(("one", first), ("two", second))
    assert [*sources.services] == ["db", "app", "two-db", "web", "sidecar"]
    app_, web = sources.services["app"].service, sources.services["web"].service
    assert [*app_.depends_on] == ["db"] and [*web.depends_on] == ["two-db"]
    assert (web.ipc, web.pid, web.volumes_from) == ("service:two-db", "service:two-db", ("two-db:ro", "container:db"))
    assert (app_.ipc, app_.volumes_from) == ("service:db", ("db:ro", "container:db"))
    assert sources.services["sidecar"].service.network_mode == "service:two-db"
    assert (sources.services["two-db"].name, sources.services["two-db"].alias) == ("two_db", "db")


def test_a_key_that_is_taken_in_every_way_is_still_found_one() -> None:
    own = box("db", 60)
    clash = box("two-db", 61)

    def both(site: Any) -> None:
        own(site)
        clash(site)

    sources, _ = joined(("two", document(db=service(81))), site=both)
    assert [*sources.services] == ["db", "two-db", "two-two-db"]


def test_networks_and_volumes_of_several_projects_are_those_of_each() -> None:
    one = document(db={"image": "x", "networks": ["inner"], "volumes": ["data:/d"]})
    sources, problems = joined(("one", one), ("two", one))
    assert [*sources.networks] == ["one_inner", "two_inner"] and [*sources.volumes] == ["one_data", "two_data"]
    assert [*sources.services["two-db"].service.networks] == ["two_inner"] and problems == []


def test_problems_of_all_projects_are_told() -> None:
    wrong = app(restart="sometimes")
    _, problems = joined(("one", wrong), ("two", wrong))
    assert [problem.message for problem in problems] == ["is not a restart policy"] * 2


# ---- containers of the site --------------------------------------------------------------------------------
def own(**keys: Any) -> tuple[Sources, list[Problem]]:
    site, problems = parse_site(site_of(drop("compose"), put("containers", {}), box("a1", 9, **keys)))
    assert site is not None
    sources, more = sources_of(site)
    return sources, [*problems, *more]


def test_ports_of_a_container_of_the_site_are_the_note_that_they_are_in_a_compose_file() -> None:
    sources, [note] = own(ports=["80:80", "53:53/udp"])
    assert (note.severity, note.path) == ("note", "site.containers")
    assert note.message.startswith(
        "has keys that are ignored: ports (a1) opens nothing more: the container has an address"
    )
    assert sources.services["a1"].service.ports == ()


def test_one_note_names_all_containers_of_a_reason() -> None:
    site, _ = parse_site(site_of(box("a1", 9, ports=["80:80"]), box("a2", 10, ports=["80:80"])))
    assert site is not None
    [note] = sources_of(site)[1]
    assert "ports (a1, a2) opens nothing more" in note.message


@pytest.mark.parametrize(
    ("keys", "told"),
    [
        ({"expose": ["80"]}, "expose (a1) tells"),
        ({"develop": {"watch": []}}, "develop (a1) is for `docker compose watch`"),
        ({"deploy": {"labels": {"a": "b"}}}, "deploy.labels (a1) are labels of a swarm's service"),
        ({"pull_policy": "always"}, "pull_policy (a1) pulls nothing by itself here"),
        ({"links": ["test"]}, "links (a1) is not needed"),
    ],
)
def test_keys_that_are_ignored_are_a_note_in_the_site_too(keys: dict[str, Any], told: str) -> None:
    sources, [note] = own(**keys)
    assert (note.severity, note.path) == ("note", "site.containers") and told in note.message
    assert [*sources.services] == ["a1"]


@pytest.mark.parametrize(
    "keys",
    [
        {"ports": [{"target": 80, "mode": "host", "name": "web", "x-a": 1}], "network_mode": "bridge-host"},
        {"x-note": "$A", "healthcheck": {"test": "x", "x-a": 1}, "logging": {"x-a": 1}},
        {"depends_on": {"a1b": {"condition": "service_started", "restart": True, "required": False, "x-a": 1}}},
    ],
)
def test_what_only_compose_uses_and_x_keys_are_silently_left_out(keys: dict[str, Any]) -> None:
    _, problems = own(**keys)
    assert [problem for problem in problems if "ports (" not in problem.message] == []


def test_the_network_mode_of_the_sites_own_network_is_its_network() -> None:
    sources, problems = own(network_mode="bridge-host")
    entry = sources.services["a1"]
    assert problems == [] and entry.service.network_mode is None and [*entry.service.networks] == ["bridge-host"]
    plan, problems = judge(site_of(drop("compose"), box("a1", 9, network_mode="bridge-host")))
    assert problems == [] and plan is not None and str(plan.containers[-1].ipv4) == "192.168.1.9"


@pytest.mark.parametrize("mode", ["host", "none", "bridge", "service:test", "container:x", "other"])
def test_any_other_network_mode_is_refused_in_the_site(mode: str) -> None:
    _, [problem] = own(network_mode=mode)
    assert (problem.path, problem.value) == ("site.containers.a1.network_mode", mode)
    assert "has an address there" in problem.message and "`services: all`" in problem.remedy


def test_a_container_of_the_site_that_asks_for_none_is_left_out() -> None:
    assert own(scale=0)[0].services == {}
    assert own(deploy={"replicas": 0})[0].services == {}


def test_an_anonymous_volume_and_a_named_one_are_taken_in_the_site() -> None:
    sources, problems = own(volumes=["/data", "media:/media"])
    assert problems == []
    assert [one.source for one in sources.services["a1"].service.volumes] == ["", "media"]


def test_a_mount_that_stands_twice_is_the_last_one_as_in_compose() -> None:
    sources, _ = own(volumes=["/a:/x", "/b:/x"])
    assert [one.source for one in sources.services["a1"].service.volumes] == ["/b"]


def test_deploy_of_a_container_of_the_site_is_read_as_in_a_compose_file() -> None:
    deploy = {"resources": {"limits": {"memory": "1g", "cpus": "0.5"}}, "restart_policy": {"condition": "any"}}
    found = own(deploy=deploy)[0].services["a1"].service
    assert (found.mem_limit, found.cpus, found.restart, found.deploy) == (1024, "0.5", "always", None)
