"""What is told of Compose files: all of it in one run, with the file's own path and line, and no variable's value."""

from contextlib import suppress
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.problems import Problem, UserErrors, in_order
from config.projects.places import relocated
from config.service import Service
from config.site import parse_site
from inputs.load import plan_networks
from tests.unit.compose_projects import (
    EXTERNAL,
    LAN,
    NAME,
    ON_LAN,
    app,
    dumped,
    problems_of,
    project_of,
    read,
    taken_of,
    told,
)
from tests.unit.junk import junk
from tests.unit.sites import Raw, drop, put, site_of, sources_of


def errors(problems: list[Problem]) -> list[Problem]:
    return [problem for problem in problems if problem.severity == "error"]


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
        build: .
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
        "6 services.app.build",
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


# ---- variables ---------------------------------------------------------------------------------------------
def test_a_variable_without_a_value_is_one_warning_with_all_its_places() -> None:
    document = app(environment={"A": "${TZ}", "B": "x$TZ"}, labels=["a=${TZ}"], hostname="h${OTHER:-}")
    [warning] = problems_of(document)
    assert told([warning]) == [("warning", f"{NAME}:8 services.app.environment.A")] and warning.value == "${TZ}"
    others = f"{NAME}:9 services.app.environment.B, {NAME}:11 services.app.labels.a"
    assert f"is not set in the .env (also in {others});" in warning.message
    assert "write TZ=… into the .env" in warning.remedy and "${TZ:-…}" in warning.remedy


def test_a_variable_of_two_parts_of_one_short_form_is_one_place() -> None:
    [warning] = problems_of(app(volumes=["${DATA}/a:/b"]))
    assert warning.path == f"{NAME}:8 services.app.volumes[0].source" and "also in" not in warning.message


def test_many_places_are_cut() -> None:
    [warning] = problems_of(app(environment={f"A{n}": "$TZ" for n in range(20)}))
    assert warning.message.count("services.app.environment") == 6 and " …)" in warning.message


@pytest.mark.parametrize(
    ("keys", "path"),
    [
        ({"image": "${IMG}"}, "services.app.image"),
        ({"restart": "${R}"}, "services.app.restart"),
        ({"mem_limit": "${M}"}, "services.app.mem_limit"),
        ({"networks": {"lan": {"ipv4_address": "$IP"}}}, "services.app.networks.lan.ipv4_address"),
        ({"volumes": ["${V}:/a"]}, "services.app.volumes[0]"),
        ({"container_name": "${N}"}, "services.app.container_name"),
    ],
)
def test_a_blank_that_makes_a_wrong_value_is_one_error_and_no_other(keys: Raw, path: str) -> None:
    [problem] = problems_of(app(**keys))
    assert problem.severity == "error" and problem.path.endswith(f" {path}") and problem.value.startswith("${")
    assert "is not set in the .env" in problem.message


@pytest.mark.parametrize("form", ["${IP:?write it}", "${IP?write it}"])
def test_a_variable_that_is_demanded_is_an_error_with_the_files_own_words(form: str) -> None:
    [problem] = problems_of(app(environment={"A": form, "B": "${IP}"}))
    assert problem.severity == "error" and problem.value == "${IP}"
    assert problem.message.startswith("is not set in the .env, and the file demands it, and says: write it")
    assert problems_of(app(environment={"A": form}), {".env": "IP=x"}) == []


def test_a_dollar_brace_that_is_no_variable_is_told_as_such() -> None:
    [problem] = problems_of(app(command=["${1}"], labels=["a=^7$", "b=$5"]))
    assert problem.path.endswith("services.app.command[0]") and "no variable" in problem.message
    assert "$${" in problem.remedy


def test_a_network_whose_name_is_a_variable_is_told_with_all_the_others() -> None:
    document = app(environment={"TZ": "$TZ"}, networks={"lan": {"ipv4_address": "${IP:?}"}})
    document["networks"] = {"lan": {"external": True, "name": "${LAN_NAME}"}}
    assert [(one.severity, one.value) for one in problems_of(document)] == [
        ("error", "${IP}"),
        ("warning", "${TZ}"),
        ("error", "${LAN_NAME}"),
    ]
    assert problems_of(document, {".env": "LAN_NAME=lan\nIP=192.168.1.9\nTZ=x"}) == []
    document["networks"]["lan"]["name"] = "${LAN_NAME}-x"  # not blank, and none of the site's
    found = problems_of(document, {".env": "TZ=x\nIP=192.168.1.9"})
    assert [one.value for one in found if one.severity == "warning"] == ["${LAN_NAME}"]
    assert "no service that joins" in errors(found)[0].message


def test_variables_of_what_is_not_taken_are_nobodys_business() -> None:
    document = app()
    document["services"]["db"] = {"image": "${DB}", "networks": ["inner"], "volumes": ["data:/d"], "profiles": ["x"]}
    document["networks"]["inner"] = {"name": "${INNER}"}
    document |= {"volumes": {"data": {"name": "${VOLUME}"}}, "x-y": "${X}", "secrets": {"s": {"file": "${S}"}}}
    assert problems_of(document) == []


def test_variables_of_the_networks_volumes_and_files_that_are_used_are_told() -> None:
    document = app(networks={**ON_LAN, "inner": None}, volumes=["data:/d"], secrets=["s"], logging={"x-y": "$X"})
    document["networks"] = EXTERNAL | {"inner": {"internal": "${INNER:-true}", "name": "a${NET}"}}
    document |= {"volumes": {"data": {"name": "b${VOL}"}}, "secrets": {"s": {"file": "/k${KEY}"}}}
    assert sorted(one.value for one in problems_of(document)) == ["${KEY}", "${NET}", "${VOL}"]


def test_variables_of_the_environment_without_a_value_are_one_warning_a_service() -> None:
    [warning] = problems_of(app(environment=["A", "B=1", "C"]))
    assert (warning.severity, warning.value) == ("warning", "A, C") and "left out" in warning.message
    assert taken_of(app(environment=["A", "B=1"])).services["app"].service.environment == {"B": "1"}


# ---- nothing that came from a variable is shown ------------------------------------------------------------
# Each begins as no word of ours does
PASSWORDS = st.text("abcxyzABCXYZ0123456789-_!/@%&+.:;,~ ", min_size=3, max_size=12).map(lambda text: f"zQ7{text}k")
# Keys whose values are the names of services, networks and files
NAMES = {"networks", "links", "depends_on", "network_mode", "ipc", "pid", "volumes_from", "configs", "secrets"}
PLACES: list[tuple[Any, ...]] = [
    *((key,) for key in Service.model_fields if key not in NAMES | {"ipv4_address"}),
    *(("environment", name) for name in ("A", "B")),
    *((key, 0) for key in ("command", "entrypoint", "volumes", "devices", "dns", "extra_hosts", "tmpfs", "cap_add")),
    *((key, 0) for key in ("labels", "environment", "ports", "group_add", "security_opt")),
    ("healthcheck", "test"), ("healthcheck", "interval"), ("logging", "driver"), ("logging", "options", "a"),
    ("deploy", "resources", "limits", "memory"), ("unknown",), ("PASSWORD",), ("ulimits", "nofile"),
    ("volumes", 0, "source"), ("volumes", 0, "type"), ("profiles",), ("build",),
]  # fmt: skip
BREAKS = st.sampled_from([None, 5, [], {}, "", "x y", True, ["$PW"], {"a": "$PW"}, [{"a": "$PW"}], "${PW:?no $PW}"])
FORMS = st.sampled_from(["$PW", "${PW}", "x$PW", "$PW:/a", "/a:$PW", "${NO:-$PW}", "/a/$PW:/b:$PW", "a=$PW",
                         "${NO:?$PW}", "${PW}m", "${PW}/24", "192.168.1.9/$PW"])  # fmt: skip


def written_at(place: tuple[Any, ...], value: Any) -> Any:
    for part in reversed(place):
        value = [value] if part == 0 else {part: value}
    return value


AT = st.sampled_from(PLACES)


@settings(max_examples=100, suppress_health_check=[HealthCheck.too_slow])
@given(PASSWORDS, st.lists(st.tuples(AT, FORMS), min_size=1, max_size=4), st.lists(st.tuples(AT, BREAKS), max_size=2),
       st.sampled_from(["joined", "all"]))  # fmt: skip
def test_the_value_of_a_variable_is_in_no_problem(
    password: str, uses: list[tuple[Any, str]], breaks: list[tuple[Any, Any]], services: Any
) -> None:
    document = app()
    for place, value in (*uses, *breaks):
        document["services"]["app"].update(written_at(place, value))
    document["volumes"] = {"data": {"name": "$PW", "driver_opts": {"a": "$PW"}}}
    document["services"]["other"] = {"image": "x", "network_mode": "none", "volumes": ["data:/d"]}
    single = "'" + password.replace("'", "") + "'"
    found = problems_of(document, {".env": f"PW={single}\n", "e.env": f"OTHER={single}\n"}, services=services)
    assert [str(one) for one in found if password in str(one).replace("\\", "")] == []


def test_a_part_of_a_variables_value_is_in_no_remedy() -> None:
    files = {".env": "PW=Secret4711\n"}
    for keys in ({"image": "$PW"}, {"networks": {"lan": {"ipv4_address": "$PW/24"}}}, {"extra_hosts": ["nas:$PW"]}):
        [problem] = problems_of(app(**keys), files)
        assert "ecret4711" not in str(problem) and problem.message and problem.remedy


@pytest.mark.parametrize("environment", [["PASSWORD hunter2"], ["PASSWORD: hunter2"], {"PASSWORD hunter2": None}])
def test_a_password_behind_a_variable_without_its_equals_sign_is_not_shown(environment: Any) -> None:
    [problem] = problems_of(app(environment=environment))
    assert "hunter2" not in str(problem)


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


def judged(document: Any, files: Raw | None = None, *more: str) -> None:
    """Whatever stands there is a project or clear problems."""
    for services in ("joined", "all"):
        project, _ = read(document, files, *more)
        found = problems_of(document, files, *more, services=services, lans=[LAN])
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
