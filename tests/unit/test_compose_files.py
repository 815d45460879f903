"""What a project is made of: several files, folders, env files, what is included and extended, volumes and files."""

from collections.abc import Mapping
from typing import Any

import pytest

from compose.disk import File
from config.compose import Taken
from config.service import Service
from tests.unit.compose_projects import (
    EXTERNAL,
    FOLDER,
    NAME,
    ON_LAN,
    app,
    problems_of,
    project_of,
    read,
    taken_of,
    told,
)


def service(document: Any, files: Mapping[str, Any] | None = None, *more: str, **source: Any) -> Service:
    taken = taken_of(document, files, *more, **source)
    assert [problem for problem in taken.problems if problem.severity == "error"] == []
    return taken.services["app"].service


def sources(taken: Taken, key: str = "app") -> list[tuple[str, str]]:
    return [(volume.type, volume.source) for volume in taken.services[key].service.volumes]


# ---- several files -----------------------------------------------------------------------------------------
def test_a_later_file_stands_over_an_earlier_one_as_behind_f() -> None:
    first = app(environment={"A": "1", "B": "1"}, command="one", volumes=["/a:/x", "/b:/y"], dns=["9.9.9.9"])
    second = {
        "services": {
            "app": {"environment": ["B=2"], "command": "two", "volumes": ["/c:/y"], "dns": ["1.1.1.1"], "init": True}
        }
    }
    found = service(first, {"b.yml": second}, "b.yml")
    assert found.environment == {"A": "1", "B": "2"} and found.command == ("two",) and found.init
    assert [(volume.source, volume.target) for volume in found.volumes] == [("/a", "/x"), ("/c", "/y")]
    assert [str(one) for one in found.dns] == ["9.9.9.9", "1.1.1.1"]


def test_reset_and_override_take_an_earlier_files_value_away() -> None:
    first = app(environment={"A": "1"}, dns=["9.9.9.9"], ports=["80:80"], build=".")
    second = "services: {app: {environment: !override {B: '2'}, dns: !reset [], build: !reset null}}"
    found = service(first, {"b.yml": second}, "b.yml")
    assert found.environment == {"B": "2"} and found.dns == ()


def test_what_a_later_file_says_wrongly_is_told_with_that_file() -> None:
    [problem] = problems_of(app(), {"b.yml": {"services": {"app": {"restart": "sometimes"}}}}, "b.yml")
    assert problem.path == "b.yml:3 services.app.restart"


def test_documents_of_one_file_are_merged_like_files() -> None:
    first = "services: {app: {image: 'app:1', init: true, networks: {lan: }}}\nnetworks: {lan: {external: true}}\n"
    found = service(first + "---\nservices: {app: {image: 'app:2'}}\n")
    assert (found.image, found.init) == ("app:2", True)


# ---- folders -----------------------------------------------------------------------------------------------
def test_relative_paths_start_at_the_folder_on_the_nas() -> None:
    long = {"type": "bind", "source": "d/e", "target": "/d"}
    assert sources(taken_of(app(volumes=["./a:/a", "../b:/b", ".:/c", long, "/f:/f"]))) == [
        ("bind", f"{FOLDER}/a"),
        ("bind", "/volume1/docker/b"),
        ("bind", FOLDER),
        ("bind", f"{FOLDER}/d/e"),
        ("bind", "/f"),
    ]


@pytest.mark.parametrize(
    ("source", "shown"),
    [("./a", "./a"), ("../b", "../b"), (".", "."), ("./../c/./d", "../c/d")],
)
def test_without_that_folder_a_relative_path_is_refused_with_the_key_that_names_it(source: str, shown: str) -> None:
    [problem] = problems_of(app(volumes=[f"{source}:/a"]), folder="")
    assert (problem.path, problem.value) == (f"{NAME}:8 services.app.volumes[0].source", shown)
    assert "`project_directory:`" in problem.remedy


def test_what_is_read_on_the_laptop_starts_at_the_files_own_folder_there() -> None:
    document = app(env_file=["conf/a.env"], label_file="conf/labels", extends={"file": "base/b.yml", "service": "b"})
    files = {
        "conf/a.env": "A=1\n",
        "conf/labels": "l=2\n",
        "base/b.yml": {"services": {"b": {"volumes": ["./in-base:/b"]}}},
    }
    found = service(document, files)
    assert found.environment == {"A": "1"} and found.labels == {"l": "2"}
    assert [volume.source for volume in found.volumes] == [f"{FOLDER}/base/in-base"]


# ---- variables and env files -------------------------------------------------------------------------------
def test_variables_come_from_the_env_file_beside_the_file_and_never_from_the_shell(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TAG", "shell")
    monkeypatch.setenv("ONLY_SHELL", "shell")
    environment = {"A": "${TAG-x}$$", "ONLY_SHELL": None}
    document = app(image="app:${TAG}", hostname="h${ONLY_SHELL:-none}", environment=environment)
    found = service(document, {".env": "TAG=2\n"})
    assert (found.image, found.hostname, found.environment) == ("app:2", "hnone", {"A": "2$"})


def test_the_files_that_the_site_names_stand_in_place_of_the_env_file_beside_it() -> None:
    named = tuple(File(f"/laptop/{name}", name) for name in ("one.env", "two.env"))
    files = {".env": "TAG=0\nB=0\n", "one.env": "TAG=1\nC=$TAG\n", "two.env": "TAG=2\n"}
    found = service(app(image="app:${TAG}", environment={"B": "${B:-}", "C": "$C"}), files, env_files=named)
    assert (found.image, found.environment) == ("app:2", {"B": "", "C": "1"})


def test_env_files_of_a_service_stand_below_its_environment() -> None:
    document = app(
        env_file=[
            "a.env",
            {"path": "b.env"},
            {"path": "no.env", "required": False},
            {"path": "raw.env", "format": "raw"},
        ],
        environment={"A": "own", "FROM_DOT_ENV": None, "NOWHERE": None},
    )
    files = {
        ".env": "FROM_DOT_ENV=dot\n",
        "a.env": "export A=1\nB=1 # note\nC='$A'\nD=\"${B}\\n\"\n",
        "b.env": "B=2\n",
        "raw.env": "R='$A' # raw\n",
    }
    taken = taken_of(document, files)
    entry = taken.services["app"]
    assert entry.service.environment == {
        "A": "own",
        "B": "2",
        "C": "$A",
        "D": "1\n",
        "R": "'$A' # raw",
        "FROM_DOT_ENV": "dot",
    }
    assert entry.secret == {"B", "C", "D", "R", "FROM_DOT_ENV"}
    [warning] = taken.problems
    assert told([warning]) == [("warning", f"{NAME}: services.app.environment")] and warning.value == "NOWHERE"


def test_a_value_is_secret_if_any_part_of_it_came_from_a_variable() -> None:
    document = app(environment=["A=plain", "B=${X}", "C=x${X}y", "D=$$X", "E=${NO:-default}", "F=x-${X:+set}"])
    entry = taken_of(document, {".env": "X=1\n"}).services["app"]
    assert entry.service.environment == {"A": "plain", "B": "1", "C": "x1y", "D": "$X", "E": "default", "F": "x-set"}
    assert entry.secret == {"B", "C", "E", "F"}


def test_an_environment_that_is_extended_or_merged_stays_secret() -> None:
    text = """
    x-env: &env {A: "${X}"}
    services:
      base: {image: x, environment: {B: "${X}"}, networks: {lan: {ipv4_address: 192.168.1.78}}}
      app:
        extends: base
        environment: {<<: *env, C: plain}
        networks: {lan: {ipv4_address: 192.168.1.77}}
    networks: {lan: {external: true}}
    """
    taken = taken_of(text.replace("\n    ", "\n"), {".env": "X=1\n"})
    assert taken.services["app"].secret == {"A", "B"}
    assert taken.services["app"].service.environment == {"A": "1", "B": "1", "C": "plain"}


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("A=1\nB='x\n", 2, "quote is never closed"),
        ("A B=1\n", 1, "blank in it"),
        ("A=1\n!=2\n", 2, "where the name of a variable is expected"),
        ("A=${B:?no}\n", 1, "demands the variable B"),
        ("A=${\n", 1, "${ that is no variable"),
    ],
)
def test_an_env_file_that_cannot_be_read_is_told_with_its_line(text: str, line: int, what: str) -> None:
    [problem] = problems_of(app(env_file="a.env"), {"a.env": text})
    assert problem.path == f"a.env:{line} services.app.env_file[0]" and what in problem.message
    project, [problem] = read(app(), {".env": text})
    assert project is None and problem.path == f".env:{line}" and what in problem.message


def test_an_env_file_that_is_not_there_is_told_as_the_file_names_it() -> None:
    [problem] = problems_of(app(env_file=["conf/no.env"], label_file=["no"]))[:1]
    assert told([problem]) == [("error", f"{NAME}:8 services.app.env_file[0]")] and problem.value == "conf/no.env"


# ---- include and extends -----------------------------------------------------------------------------------
DNS = {"image": "dns:${TAG}", "volumes": ["./etc:/etc/dns", "data:/data"], "networks": ON_LAN}
INCLUDED = {"services": {"dns": DNS}, "networks": EXTERNAL, "volumes": {"data": None}}


def test_a_file_that_only_includes_is_the_project_of_what_it_includes() -> None:
    document = {"include": ["dns/compose.yml"], "networks": EXTERNAL}
    taken = taken_of(document, {"dns/compose.yml": INCLUDED, "dns/.env": "TAG=1\n"}, name="home")
    assert taken.services["dns"].service.image == "dns:1"
    assert sources(taken, "dns") == [("bind", f"{FOLDER}/dns/etc"), ("volume", "home_data")]
    assert [*taken.volumes] == ["home_data"] and taken.problems == []


def test_the_including_files_variables_win_and_an_env_file_may_be_named() -> None:
    files = {"dns/compose.yml": INCLUDED, "dns/.env": "TAG=inner\n", ".env": "TAG=outer\n", "other.env": "TAG=named\n"}
    assert taken_of({"include": ["dns/compose.yml"]}, files).services["dns"].service.image == "dns:outer"
    del files[".env"]
    entry = {"path": "dns/compose.yml", "env_file": "other.env"}
    assert taken_of({"include": [entry]}, files).services["dns"].service.image == "dns:named"


@pytest.mark.parametrize(
    ("directory", "source"),
    [
        (None, f"{FOLDER}/dns/etc"),
        ("elsewhere", f"{FOLDER}/elsewhere/etc"),
        ("/volume2/dns", "/volume2/dns/etc"),
    ],
)
def test_an_included_file_has_a_folder_of_its_own(directory: str | None, source: str) -> None:
    entry = {"path": ["dns/compose.yml"], "env_file": [], "project_directory": directory}
    document = {"include": [{key: value for key, value in entry.items() if value}]}
    taken = taken_of(document, {"dns/compose.yml": INCLUDED, ".env": "TAG=1\n"})
    assert sources(taken, "dns")[0] == ("bind", source)


def test_an_absolute_folder_of_an_included_file_is_enough_without_that_of_the_first() -> None:
    document = {"include": [{"path": "dns/compose.yml", "project_directory": "/volume2/dns"}]}
    files = {"dns/compose.yml": INCLUDED, ".env": "TAG=1\n"}
    assert problems_of(document, files, folder="") == []
    [problem] = problems_of({"include": ["dns/compose.yml"]}, files, folder="")
    assert problem.value == "./dns/etc" and problem.path == "dns/compose.yml:5 services.dns.volumes[0].source"


@pytest.mark.parametrize(
    ("include", "what"),
    [
        ("dns.yml", "is not a list"),
        ([{}], "names no file"),
        ([5], "names no file"),
        (["https://example.com/compose.yml"], "fetches no files"),
        (["no.yml"], "cannot be read"),
        ([NAME], "includes this one"),
        (["self.yml"], "includes this one"),
    ],
)
def test_an_include_that_leads_nowhere_is_told_with_its_line(include: Any, what: str) -> None:
    project, [problem] = read({"include": include}, {"self.yml": {"include": ["self.yml"]}})
    assert project is None and what in problem.message
    file = "self.yml" if include == ["self.yml"] else NAME
    assert problem.path == (f"{NAME}:1 include" if include == "dns.yml" else f"{file}:2 include[0]")


@pytest.mark.parametrize(
    ("extends", "what"),
    [
        ({"service": "no"}, "is no service of docker-compose.yml"),
        ({"service": "b", "file": "no.yml"}, "cannot be read"),
        ({"service": "no", "file": "b.yml"}, "is no service of b.yml"),
        ({"file": "b.yml"}, "names no service"),
        ({"service": "app"}, "leads back to this service"),
    ],
)
def test_an_extension_that_leads_nowhere_is_told_with_what_else_is_wrong(extends: Any, what: str) -> None:
    files = {"b.yml": {"services": {"b": {"image": "x"}}}}
    first, second = problems_of(app(restart="sometimes", extends=extends), files)
    assert first.path == f"{NAME}:7 services.app.restart"
    assert second.path == f"{NAME}:8 services.app.extends" and what in second.message


def test_what_an_extended_service_says_wrongly_is_told_with_its_own_file_and_line() -> None:
    files = {"b.yml": {"services": {"b": {"image": "x", "restart": "sometimes"}}}}
    [problem] = problems_of(app(extends={"file": "b.yml", "service": "b"}), files)
    assert problem.path == "b.yml:4 services.app.restart"


# ---- volumes -----------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("settings", "name", "made"),
    [
        (None, "home_data", {}),
        ({"name": "media"}, "media", {}),
        ({"external": True}, "data", {"external": True}),
        ({"external": True, "name": "media"}, "media", {"external": True}),
        ({"external": {"name": "media"}}, "media", {"external": True}),
        ({"driver": "local"}, "home_data", {"driver": "local"}),
        ({"driver_opts": {"type": "nfs", "o": "addr=10.0.0.1"}, "labels": ["a=b"], "x-a": 1}, "home_data",
         {"driver_opts": {"type": "nfs", "o": "addr=10.0.0.1"}, "labels": {"a": "b"}}),
    ],
)  # fmt: skip
def test_a_named_volume_has_the_name_that_compose_gives_it(settings: Any, name: str, made: dict[str, Any]) -> None:
    document = app(volumes=["data:/a"]) | {"volumes": {"data": settings, "unused": None}, "name": "home"}
    taken = taken_of(document)
    assert sources(taken) == [("volume", name)] and taken.problems == []
    [volume] = taken.volumes.values()
    assert volume.name == name and volume.model_dump(exclude_defaults=True) == {"name": name, **made}
    assert volume.is_plain is (made in ({}, {"external": True}, {"driver": "local"}))


@pytest.mark.parametrize("name", ["/etc", "", "a b", "x", "-x"])
def test_a_volume_with_a_name_that_docker_does_not_take_is_refused(name: str) -> None:
    """/etc as a source would be a folder of the NAS."""
    document = app(volumes=["data:/a"]) | {"volumes": {"data": {"name": name}}}
    [problem] = problems_of(document)
    assert (problem.path, problem.value) == (f"{NAME}:14 volumes.data.name", name)
    assert "not a name that a volume can have" in problem.message
    assert problems_of(app() | {"volumes": {"data": {"name": name}}}) == []


def test_an_anonymous_volume_stays_one() -> None:
    document = app(volumes=["/data", {"type": "volume", "target": "/more"}, {"type": "tmpfs", "target": "/tmp/x"}])
    taken = taken_of(document)
    assert sources(taken) == [("volume", ""), ("volume", ""), ("tmpfs", "")]
    assert taken.volumes == {} and taken.problems == []


# ---- configs and secrets -----------------------------------------------------------------------------------
def test_configs_and_secrets_from_files_are_mounted_read_only_where_compose_mounts_them() -> None:
    document = app(
        configs=["cfg", {"source": "cfg", "target": "/etc/app.conf"}, {"source": "cfg", "target": "relative"}],
        secrets=["key", {"source": "key", "target": "other", "mode": 0o400}, {"source": "key", "target": "/abs/key"}],
        volumes=["/a:/b"],
    )
    document |= {"configs": {"cfg": {"file": "./app.conf"}}, "secrets": {"key": {"file": "/volume1/keys/key"}}}
    found = service(document).volumes
    assert [(one.source, one.target) for one in found] == [
        ("/a", "/b"),
        (f"{FOLDER}/app.conf", "/cfg"),
        (f"{FOLDER}/app.conf", "/etc/app.conf"),
        (f"{FOLDER}/app.conf", "/relative"),
        ("/volume1/keys/key", "/run/secrets/key"),
        ("/volume1/keys/key", "/run/secrets/other"),
        ("/volume1/keys/key", "/abs/key"),
    ]
    assert all(one.type == "bind" and one.read_only for one in found[1:])
    assert all(one.bind is not None and not one.bind.create_host_path for one in found[1:])


@pytest.mark.parametrize("section", ["configs", "secrets"])
@pytest.mark.parametrize(
    ("declared", "what"),
    [
        ({"content": "hunter2"}, "is no file of the NAS"),
        ({"environment": "HUNTER2"}, "is no file of the NAS"),
        ({"external": True}, "names what a swarm keeps"),
        (None, "names no file"),
        ({"file": "~/key"}, "starts in the home of whoever runs Compose"),
    ],
)
def test_a_config_or_secret_that_is_no_file_of_the_nas_is_refused(section: str, declared: Any, what: str) -> None:
    [problem] = problems_of(app(**{section: ["one"]}) | {section: {"one": declared}})
    assert what in problem.message and problem.remedy and "hunter2" not in str(problem)
    assert section in problem.path and problem.path.startswith(f"{NAME}:")


def test_a_config_of_a_relative_file_needs_the_folder() -> None:
    document = app(configs=["cfg"]) | {"configs": {"cfg": {"file": "./app.conf"}}}
    [problem] = problems_of(document, folder="")
    assert (problem.path, problem.value) == (f"{NAME}:14 configs.cfg.file", "./app.conf")
    assert "`project_directory:`" in problem.remedy


def test_the_places_of_merged_and_extended_values_are_those_where_they_are_written() -> None:
    project = project_of(app(), {"b.yml": {"services": {"app": {"hostname": "h"}}}}, "b.yml")
    assert str(project.place(("services", "app", "hostname"))) == "b.yml:3"
    assert str(project.place(("services", "app", "image"))) == f"{NAME}:3"
    assert str(project.place(("services", "app", "nothing"))) == "b.yml:2"
