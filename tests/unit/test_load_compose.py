"""`site.compose:` in all its forms, read from the laptop's disk as `pulumi up` and the command-line tool read it."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from compose.disk import Document, File
from compose.findings import Refused
from config.problems import Problem
from config.site import parse_site
from config.sources import Sources, all_services, errors
from inputs.compose_files import LaptopDisk, read_projects
from inputs.compose_yaml import read_documents
from tests.unit.compose_projects import dumped
from tests.unit.sites import drop, put, site_of
from tests.unit.test_cli_compose import tool

NETWORKS = {"bridge-host": {"external": True}}


def written(folder: Path, **files: Any) -> None:
    for name, content in files.items():
        path = folder / name.replace("__", "/").replace("_yml", ".yml").replace("_env", ".env")
        path.parent.mkdir(exist_ok=True)
        path.write_text(content if isinstance(content, str) else dumped(content))


def project(last: int, key: str = "app", **keys: Any) -> dict[str, Any]:
    network = {"bridge-host": {"ipv4_address": f"192.168.1.{last}"}}
    return {"services": {key: {"image": "x", "networks": network, **keys}}, "networks": NETWORKS}


def loaded(compose: Any, folder: Path) -> tuple[Sources, list[Problem]]:
    site, problems = parse_site(site_of(put("containers", {}), put("compose", compose)))
    assert site is not None
    projects, taken, wrong = read_projects(site, folder)
    sources, more = all_services(site, projects, taken)
    return sources, [*problems, *wrong, *more]


@pytest.mark.parametrize("compose", ["a.yml", ["a.yml"], {"path": "a.yml"}, [{"path": "a.yml"}], [{"path": ["a.yml"]}]])
def test_one_project_may_be_written_in_five_ways(tmp_path: Path, compose: Any) -> None:
    written(tmp_path, a_yml=project(9))
    sources, problems = loaded(compose, tmp_path)
    assert [*sources.services] == ["app"] and problems == []


def test_a_list_of_paths_is_one_project_and_a_list_of_maps_several(tmp_path: Path) -> None:
    written(tmp_path, a_yml=project(9), b_yml={"services": {"app": {"hostname": "h"}}}, c_yml=project(10, "other"))
    sources, problems = loaded(["a.yml", "b.yml"], tmp_path)
    assert [entry.service.hostname for entry in sources.services.values()] == ["h"] and problems == []
    sources, problems = loaded([{"path": "a.yml"}, {"path": "c.yml"}], tmp_path)
    assert [*sources.services] == ["app", "other"] and problems == []


def test_each_project_has_what_the_site_says_of_it(tmp_path: Path) -> None:
    first = project(9, volumes=["./data:/data"], image="x:${TAG}", profiles=["lan"])
    first["services"]["db"] = {"image": "db", "profiles": ["db"]}
    written(tmp_path, in__a_yml=first, in__named_env="TAG=named\n", in___env="TAG=beside\n", b_yml=project(10, "b"))
    entry: dict[str, Any] = {"path": "in/a.yml", "project_directory": "/volume1/docker/app/", "profiles": ["lan", "db"]}
    sources, problems = loaded([entry, {"path": "b.yml"}], tmp_path)
    assert [*sources.services] == ["app", "b"] and problems == []
    app = sources.services["app"]
    assert app.service.image == "x:beside" and app.service.volumes[0].source == "/volume1/docker/app/data"
    entry |= {"services": "all", "env_file": "in/named.env", "name": "home"}
    sources, problems = loaded([entry, {"path": "b.yml"}], tmp_path)
    assert [*sources.services] == ["app", "db", "b"] and problems == []
    assert sources.services["app"].service.image == "x:named" and [*sources.networks] == ["home_default"]
    assert sources.services["app"].project == "home" and sources.services["b"].project == ""


@pytest.mark.parametrize(
    ("compose", "path", "what"),
    [
        (["a.yml", {"path": "b.yml"}], "site.compose", "paths beside maps"),
        ([], None, ""),
        ([{}], "site.compose[0].path", "is missing"),
        ([{"path": []}], "site.compose[0].path", "is empty"),
        ([{"path": [""]}], "site.compose[0].path[0]", "is empty"),
        ([{"path": 5}], "site.compose[0].path", "is not a list"),
        (
            [{"path": "a.yml", "project_directory": "docker/app"}],
            "site.compose[0].project_directory",
            "not the full path",
        ),
        ([{"path": "a.yml", "project_directory": "/a/../b"}], "site.compose[0].project_directory", "not the full path"),
        ([{"path": "a.yml", "services": "some"}], "site.compose[0].services", "not an allowed value"),
        ([{"path": "a.yml", "profile": "x"}], "site.compose[0].profile", "not a key"),
        ([5], "site.compose[0]", "is not a map"),
    ],
)
def test_a_wrong_entry_is_told_with_its_key(compose: Any, path: str | None, what: str) -> None:
    _, problems = parse_site(site_of(put("compose", compose)))
    assert [problem.path for problem in problems] == ([] if path is None else [path])
    assert all(what in problem.message and problem.remedy for problem in problems)


def test_a_project_that_cannot_be_read_hides_no_other(tmp_path: Path) -> None:
    written(tmp_path, b_yml=project(10, "b", restart="sometimes"), c_yml="a: [")
    sources, problems = loaded([{"path": "no.yml"}, {"path": "b.yml"}, {"path": "c.yml"}], tmp_path)
    assert sorted(problem.path for problem in problems) == ["b.yml: services.b.restart", "c.yml:2", "site.compose[0]"]
    assert [*sources.services] == ["b"]


# ---- the laptop's disk -------------------------------------------------------------------------------------
@pytest.mark.parametrize("name", ["no", ".", "x" * 5000, "a\0b", "folder/below/a/file.yml/x"])
def test_a_path_that_leads_to_no_file_is_none_and_told_when_it_is_read(tmp_path: Path, name: str) -> None:
    disk = LaptopDisk()
    path = f"{tmp_path}/{name}"
    assert not disk.is_file(path)
    with pytest.raises(Refused) as error:
        disk.text(File(path, name))
    assert "cannot be read" in error.value.finding.message and error.value.finding.value == name


def test_a_folder_that_is_closed_and_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    (tmp_path / "latin.env").write_bytes(b"A=\xe4\n")
    written(tmp_path, a_yml=project(9, env_file=["latin.env", "x" * 300]))
    _, problems = loaded("a.yml", tmp_path)
    assert [problem.message for problem in problems] == [
        "is not text: byte 3 is not UTF-8",
        "cannot be read (File name too long)",
    ]
    shutil.rmtree(tmp_path)


def test_a_file_is_parsed_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []

    def counted(text: str, file: str) -> list[Document]:
        parsed.append(file)
        return read_documents(text, file)

    monkeypatch.setattr("inputs.compose_files.read_documents", counted)
    extended = {"image": "x", "extends": {"file": "base.yml", "service": "base"}}
    document = {"services": {f"s{n}": extended for n in range(9)}, "include": ["base.yml"]}
    written(tmp_path, a_yml=document, base_yml={"services": {"base": {"image": "x"}}})
    loaded({"path": "a.yml", "services": "all"}, tmp_path)
    assert sorted(parsed) == ["a.yml", "base.yml"]


# ---- the command-line tool ---------------------------------------------------------------------------------
def test_the_tool_takes_what_the_site_would_say(tmp_path: Path) -> None:
    first = project(9, image="x:${TAG}", volumes=["./a:/a", "data:/d"], ports=["80:80"], profiles=["lan"])
    first["services"]["db"] = {"image": "db", "network_mode": "service:app"}
    first["services"]["rest"] = {"image": "rest", "environment": {"A": "${TAG}"}}
    written(
        tmp_path, a_yml={**first, "volumes": {"data": None}}, b_yml="services: {app: {hostname: h}}", c_env="TAG=1\n"
    )
    options = [
        "--project-directory",
        "/volume1/app",
        "--env-file",
        "c.env",
        "--name",
        "home",
        "--profile",
        "lan",
        "--all",
    ]
    done = tool("a.yml", "b.yml", "--network", "bridge-host", "--json", *options, cwd=tmp_path)
    told = json.loads(done.stdout)
    assert done.returncode == 0 and [problem["severity"] for problem in told["problems"]] == ["note"]
    app, db, rest = told["services"]
    assert app["image"] == "x:1" and app["ports"] == [] and db["network_mode"] == "service:app"
    assert [volume["source"] for volume in app["volumes"]] == ["/volume1/app/a", "home_data"]
    assert rest["networks"] == ["home_default"] and rest["environment"] == ["A"]
    assert db["depends_on"] == {"app": "service_started"}


def test_the_tool_ends_well_with_warnings_and_badly_with_errors_only(tmp_path: Path) -> None:
    written(tmp_path, a_yml=project(9, environment=["A=${NO}"]), b_yml=project(9, restart="sometimes"))
    warned = tool("a.yml", "--network", "bridge-host", cwd=tmp_path)
    assert warned.returncode == 0 and warned.stdout.endswith("1 service taken, 1 warning\n")
    wrong = tool("b.yml", "--network", "bridge-host", "--json", cwd=tmp_path)
    [problem] = json.loads(wrong.stdout)["problems"]
    assert wrong.returncode == 1 and problem["path"] == "b.yml:7 services.app.restart"
    gone = tool("no.yml", "--network", "bridge-host", cwd=tmp_path)
    assert gone.returncode == 1 and "no.yml" in gone.stdout and "cannot be read" in gone.stdout


def test_the_example_is_read_as_it_is() -> None:
    site, _ = parse_site(site_of(drop("containers")))
    assert site is not None
    projects, taken, problems = read_projects(site, Path(__file__).parents[2])
    assert errors([*problems, *taken[0].problems]) == []
    assert taken[0].services["qbittorrent"].path == "examples/qbittorrent/docker-compose.yml: services.qbittorrent"
    assert projects[0].findings == ()
