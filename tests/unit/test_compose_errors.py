"""What is told of Compose files: all of it in one run, with the file's own path and line, and whatever stands there."""

from contextlib import suppress
from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from config.compose import take
from config.problems import Problem, UserErrors, in_order
from config.projects.places import relocated
from config.service import Service
from config.site import parse_site
from config.sources import all_services
from inputs.load import plan_networks
from plan.project.checks import problems_on_engine
from plan.project.containers import whole_containers
from plan.project.declared import plan_inner_networks
from tests.unit.compose_projects import (
    LAN,
    NAME,
    Services,
    app,
    dumped,
    errors,
    problems_of,
    project_of,
    read,
    told,
)
from tests.unit.junk import junk
from tests.unit.sites import Raw, drop, put, site_of, sources_of

# ---- places ------------------------------------------------------------------------------------------------
TEXT = """\
x-common: &common
  restart: sometimes

services:
  app:
    <<: *common
    image: app:1
    ports:
      - "80:80"
      - target: 99999
    networks:
      lan:
        ipv4_address: 192.168.1.300
        priority: high
    environment:
      A.B: {}
    healthcheck:
      interval: 30
networks:
  lan:
    external: true
"""


def test_each_problem_has_its_own_line_and_the_path_that_the_file_has() -> None:
    assert [path for _, path in told(errors(problems_of(TEXT)))] == [
        f"{NAME}:2 services.app.restart",
        f"{NAME}:10 services.app.ports[1].target",
        f"{NAME}:13 services.app.networks.lan.ipv4_address",
        f"{NAME}:16 services.app.environment.A.B",
        f"{NAME}:18 services.app.healthcheck.interval",
    ]


def test_problems_are_in_the_order_of_their_lines_and_each_once() -> None:
    problems = [
        Problem(path, "", "is wrong", "mend it") for path in ("f:10 a", "f:9 b", "f:9 a", "site.x", "f:10 a", "a")
    ]
    assert [problem.path for problem in in_order(problems)] == ["a", "f:9 a", "f:9 b", "f:10 a", "site.x"]
    assert [problem.path for problem in UserErrors(problems).problems] == ["a", "f:9 a", "f:9 b", "f:10 a", "site.x"]


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("services.app.image", f"{NAME}:3 services.app.image"),
        ("services.a.b.c.image", f"{NAME}:8 services.a.b.c.image"),
        ("services.a.b.c.nothing", f"{NAME}:7 services.a.b.c.nothing"),
        ("services.app.volumes[1].source", f"{NAME}:6 services.app.volumes[1].source"),
        ("services.app.volumes[7]", f"{NAME}:4 services.app.volumes[7]"),
        ("services.app.mac_address", f"{NAME}:9 services.app.mac_address"),
        ("nothing.at.all", f"{NAME} nothing.at.all"),
    ],
)
def test_a_path_is_found_in_the_file_as_far_as_it_leads(path: str, expected: str) -> None:
    document = "services:\n  app:\n    image: x\n    volumes:\n    - /a:/a\n    - /b:/b\n  a.b.c:\n    image: y\n"
    expected = expected.replace(":9 services.app.mac", ":2 services.app.mac")
    problem = Problem(f"{NAME}: {path}", "", "is wrong", "mend it")
    assert relocated(problem, [project_of(document)]).path == expected


def test_a_problem_of_something_else_stays_where_it_is() -> None:
    project = project_of(app())
    for path in ("site.lan.subnet", "other.yml: services.app", NAME):
        assert relocated(Problem(path, "", "is wrong", "mend it"), [project]).path == path


@pytest.mark.parametrize(
    ("keys", "paths"),
    [
        ({"networks": {"net": {"ipv4_address": "192.168.1.300"}}}, ["networks.net.ipv4_address"]),
        ({"networks": {"net": 5}}, ["networks.net"]),
        ({"networks": {"net": None}, "image": "A", "restart": "x"}, ["image", "networks.net.ipv4_address", "restart"]),
        ({"networks": {"net": {"ipv4_address": "192.168.1.10"}}, "image": None, "volumes": ["~/a:/b", "/b:c"]},
         ["image", "networks.net.ipv4_address", "volumes[0].source", "volumes[1].target"]),
        ({"environment": {"A": "${IP}"}, "networks": {"net": {"ipv4_address": "${IP}"}}}, ["environment.A"]),
    ],
)  # fmt: skip
def test_what_can_only_be_seen_with_the_site_is_told_in_the_same_run(keys: Raw, paths: list[str]) -> None:
    service = {"image": "x", **keys}
    document = {"services": {"app": service}, "networks": {"net": {"external": True, "name": "lan"}}}
    assert sorted(path.partition("services.app.")[2] for path in planned(document)) == sorted(paths)


def planned(document: Any, *changes: Any) -> list[str]:
    """The paths of all that is told once the site is planned."""
    site, _ = parse_site(site_of(drop("compose"), put("network", {"name": "lan"}), *changes))
    assert site is not None
    project = project_of(document)
    sources, problems = sources_of(site, [project])
    problems += plan_networks(site, sources)[1]
    return [one.path for one in in_order(relocated(problem, [project]) for problem in problems)]


@pytest.mark.parametrize(
    ("keys", "lines"),
    [
        ({"networks": {"net": {"ipv4_address": "192.168.1.10"}}}, [":6 services.app.networks.net.ipv4_address"]),
        ({"networks": {"net": None}}, [":5 services.app.networks.net.ipv4_address"]),
        ({"networks": ["net"]}, [":5 services.app.networks.net.ipv4_address"]),
        ({"ipv4_address": "192.168.1.10", "networks": ["net"]}, [":4 services.app.ipv4_address"]),
        ({"networks": {"net": {"ipv4_address": "192.168.1.9", "ipv6_address": "fd99::9"}}},
         [":7 services.app.networks.net.ipv6_address"]),
        ({"networks": {"net": {"ipv4_address": "192.168.1.9", "mac_address": "02:42:c0:a8:01:fe"}}},
         [":7 services.app.networks.net.mac_address"]),
        ({"mac_address": "02:42:c0:a8:01:fe", "networks": {"net": {"ipv4_address": "192.168.1.9"}}},
         [":4 services.app.mac_address"]),
        ({"ipv4_address": "192.168.1.9", "networks": {"net": {"ipv4_address": "192.168.1.8"}}},
         [":4 services.app.ipv4_address"]),
    ],
)  # fmt: skip
def test_an_address_is_told_where_the_file_has_it(keys: Raw, lines: list[str]) -> None:
    """Docker's name of the network is another one than the file's."""
    document = {"services": {"app": {"image": "x", **keys}}, "networks": {"net": {"external": True, "name": "lan"}}}
    assert planned(document) == [f"{NAME}{line}" for line in lines]


# ---- one run -----------------------------------------------------------------------------------------------
def test_all_that_is_wrong_with_a_file_is_told_in_one_run() -> None:
    text = """
    services:
      app:
        image: App
        image: app:1
        restart: ${NOPE?is needed}
        uts: host
        env_file: [no.env]
        depends_on: [nobody]
        volumes: ["data:/a", "none:/b", "~/x:/c"]
        configs: [cfg]
        networks: {lan: {ipv4_address: "${IP}"}, two: }
        unknown: 1
        odd: {hidden: hunter2}
      list: []
      bad name: {image: x}
    networks: {lan: {external: true}, two: {driver: macvlan, ipam: {config: [{subnet: 10.0.0.0/8}]}}}
    volumes: {data: {name: /etc}}
    configs: {cfg: {content: hunter2}}
    jobs: 5
    wrong: 5
    """.replace("\n    ", "\n").removeprefix("\n")
    found = problems_of(text)
    assert sorted(path.removeprefix(f"{NAME}:") for severity, path in told(found) if severity == "error") == sorted([
        "4 services.app.image",
        "3 services.app.image",
        "5 services.app.restart",
        "6 services.app.uts",
        "7 services.app.env_file[0]",
        "8 services.app.depends_on.nobody",
        "9 services.app.volumes[1]",
        "9 services.app.volumes[2].source",
        "11 services.app.networks.lan.ipv4_address",
        "12 services.app.unknown",
        "13 services.app.odd",
        "14 services.list",
        "15 services.bad name",
        "16 networks.two",
        "17 volumes.data.name",
        "10 services.app.configs[0]",
        "20 wrong",
    ])  # fmt: skip
    assert "hunter2" not in "".join(map(str, found))


def test_what_needs_a_readable_service_is_told_beside_what_can_be_left_out() -> None:
    document = app(unknown=1, volumes=["data:/a"], configs=["cfg"])
    document |= {"volumes": {"data": {"name": "/etc"}}, "configs": {"cfg": {"content": "x"}}}
    assert [path.partition(" ")[2] for _, path in told(errors(problems_of(document)))] == [
        "services.app.unknown",
        "services.app.configs[0]",
        "volumes.data.name",
    ]


# ---- junk --------------------------------------------------------------------------------------------------
def base() -> Raw:
    document = app(volumes=["data:/a"], ports=["80:80"], depends_on=["db"])
    document["services"]["db"] = {"image": "db", "networks": ["inner"]}
    document["networks"] |= {"inner": {"ipam": {"config": [{"subnet": "10.0.0.0/24"}]}}}
    return document | {"volumes": {"data": {}}, "configs": {"c": {"file": "./c"}}}


KEYS = [*Service.model_fields, "extends", "env_file", "label_file", "build", "expose", "profiles", "x-a", "annotations"]
JUNK_PLACES = st.sampled_from(
    [("services",), ("services", "app"), ("services", "db"), ("networks",), ("networks", "lan"), ("networks", "inner"),
     ("networks", "inner", "ipam"), ("networks", "inner", "ipam", "config"), ("volumes",), ("volumes", "data"),
     ("configs",), ("configs", "c"), ("secrets",), ("include",), ("name",), ("version",),
     ("services", "app", "networks", "lan")]
) | st.sampled_from(KEYS).map(lambda key: ("services", "app", key))  # fmt: skip


SITE, _ = parse_site(site_of(drop("compose"), drop("containers"), put("network", {"name": "lan"})))


def judged(document: Any, files: Raw | None = None, *more: str) -> None:
    """Whatever stands there is a plan or clear problems."""
    assert SITE is not None
    for services in get_args(Services):
        project, found = read(document, files, *more)
        if project is not None:
            sources, more_found = all_services(SITE, [project], [take(project, [LAN], services)])
            found += [*more_found, *plan_networks(SITE, sources)[1]]
            found = [relocated(problem, [project]) for problem in found]
            if not errors(found):
                inner = plan_inner_networks(sources, {}, "")
                containers = whole_containers(sources, [], inner, "", 29)
                found += problems_on_engine(containers, sources, [], inner, 29)
        assert found or project is not None
        for problem in found:
            assert problem.message and problem.remedy and len(str(problem).splitlines()) == 3, problem


@given(JUNK_PLACES, junk(), JUNK_PLACES, junk())
def test_junk_anywhere_in_a_file_gives_services_or_clear_problems(
    place: Any, value: Any, other: Any, second: Any
) -> None:
    document = base()
    put(*place, value)(document)
    with suppress(TypeError, AttributeError, KeyError):  # the first one stands in its way
        put(*other, second)(document)
    judged(document)


@given(JUNK_PLACES, junk())
def test_junk_in_a_file_over_another_gives_services_or_clear_problems(place: Any, value: Any) -> None:
    over: Raw = {}
    put(*place, value)(over)
    judged(base(), {"over.yml": over}, "over.yml")


@given(junk())
def test_junk_as_a_whole_file_gives_clear_problems(value: Any) -> None:
    judged(dumped(value))


@given(st.text() | st.text("-&*!:{}[]'\"#|> \nab01<?%@"), st.text("A=B$'\"\\ \n#:{}?-+x"))
def test_any_text_as_a_file_and_as_an_env_file_is_read_or_told(text: str, env: str) -> None:
    judged(text)
    document = base()
    document["services"]["app"]["env_file"] = document["services"]["app"]["label_file"] = "e"
    judged(document, {"e": env, ".env": env})
