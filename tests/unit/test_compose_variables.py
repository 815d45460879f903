"""Variables of Compose files: what is told of those without a value, and that nobody is shown the others' values."""

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from config.service import Service
from tests.unit.compose_projects import EXTERNAL, NAME, ON_LAN, app, errors, problems_of, taken_of, told
from tests.unit.sites import Raw


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


@pytest.mark.parametrize(
    "keys",
    [
        {"devices": ["/a:/b:$PW"]},
        {"devices": ["$PW"]},
        {"extra_hosts": [{"nas": "$PW"}]},
        {"extra_hosts": {"nas": {"b": "$PW"}}},
        {"environment": ["$PW"]},
        {"extends": "$PW"},
        {"extends": {"file": "$PW", "service": "b"}},
        {"env_file": "$PW"},
        {"volumes": ["$PW:/b"]},
        {"volumes": ["/a:/b"], "tmpfs": ["/b:$PW"]},
        {"network_mode": "$PW", "networks": {"lan": None}},
        {"configs": ["$PW"]},
        {"ports": ["$PW:80"]},
        {"restart": "${NO:?because of $PW}"},
        {"imgae": "$PW"},
        {"deploy": {"replicas": "$PW"}},
        {"healthcheck": {"interval": "$PW"}},
    ],
    ids=str,
)
def test_no_problem_of_such_a_value_shows_it(keys: Raw) -> None:
    found = problems_of(app(**keys), {".env": "PW=zQ7hunter2\n"})
    assert found and "zQ7hunter2" not in "".join(map(str, found))


def test_a_part_of_a_variables_value_is_in_no_remedy() -> None:
    files = {".env": "PW=Secret4711\n"}
    for keys in ({"image": "$PW"}, {"networks": {"lan": {"ipv4_address": "$PW/24"}}}, {"extra_hosts": ["nas:$PW"]}):
        [problem] = problems_of(app(**keys), files)
        assert "ecret4711" not in str(problem) and problem.message and problem.remedy


@pytest.mark.parametrize("environment", [["PASSWORD hunter2"], ["PASSWORD: hunter2"], {"PASSWORD hunter2": None}])
def test_a_password_behind_a_variable_without_its_equals_sign_is_not_shown(environment: Any) -> None:
    [problem] = problems_of(app(environment=environment))
    assert "hunter2" not in str(problem)


@pytest.mark.parametrize(
    "keys",
    [{"command": "${A:?b}"}, {"entrypoint": "${A:?b}"}, {"dns": "${A:?b}"}, {"dns": ["1.1.1.1", "${A:?b}"]},
     {"labels": ["${A:?b}"]}, {"sysctls": ["net.a=${A:?b}"]}, {"sysctls": ["${A:?b}"]}, {"ports": ["${A:?b}:80"]},
     {"depends_on": ["${A:?b}"]}, {"networks": ["lan", "${A:?b}"]}, {"env_file": "${A:?b}"}, {"links": ["${A:?b}"]},
     {"annotations": ["${A:?b}"]}, {"expose": ["${A:?b}"]}, {"volumes_from": ["${A:?b}"]}],
)  # fmt: skip
def test_a_variable_that_is_missing_is_told_wherever_it_stands(keys: Raw) -> None:
    """Also where a blank is dropped, split into words, or becomes a key."""
    found = problems_of(app(**keys))
    assert any(problem.severity == "error" and "the file demands it" in problem.message for problem in found), found


def test_the_folder_in_which_people_run_compose_is_the_projects_own() -> None:
    taken = taken_of(app(volumes=["${PWD}/a:/a"], environment=["WHERE=$PWD"]), {".env": "B=1"}, folder="/volume1/b")
    service = taken.services["app"].service
    assert (service.volumes[0].source, service.environment["WHERE"]) == ("/volume1/b/a", "/volume1/b")
    assert taken_of(app(working_dir="${PWD}"), {".env": "PWD=/c"}).services["app"].service.working_dir == "/c"


@pytest.mark.parametrize("path", ["${PWD}/own/a.env", "/volume1/b/own/a.env", "own/a.env", "./own/a.env"])
def test_what_is_read_below_the_projects_folder_is_beside_the_file_on_the_laptop(path: str) -> None:
    taken = taken_of(app(env_file=[path]), {"own/a.env": "B=1"}, folder="/volume1/b")
    assert taken.services["app"].service.environment == {"B": "1"} and taken.problems == []
