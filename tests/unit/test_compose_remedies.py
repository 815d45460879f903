"""A remedy for a Compose file leads on: who does what it says meets no other error."""

from copy import deepcopy
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv4Network
from typing import Any

import pytest

from config.problems import Problem
from config.projects.file_networks import LanSettings
from tests.unit.compose_projects import LAN, ON_LAN, app, problems_of
from tests.unit.sites import Change, Raw, drop, put


@dataclass(frozen=True)
class Remedy:
    """words: of the remedy; changes: of the document, as it says; the rest: what stands in the site and beside it."""

    keys: Raw
    words: str
    changes: tuple[Change, ...] = ()
    site: Raw = field(default_factory=dict)
    files: Raw = field(default_factory=dict)
    before: tuple[Change, ...] = ()
    folder: str = "/volume1/docker/app"


def key(name: str, value: Any) -> Change:
    return put("services", "app", name, value)


DB = put("services", "db", {"image": "x", "networks": {"lan": {"ipv4_address": "192.168.1.78"}}})
NET = {"driver": "macvlan", "driver_opts": {"parent": "eth1"}, "ipam": {"config": [{"subnet": "10.1.0.0/16"}]}}
FITS = LanSettings("lan", IPv4Network("10.1.0.0/16"), IPv4Address("10.1.0.1"), "eth1")
REMEDIES: dict[str, Remedy] = {
    "relative path": Remedy({"volumes": ["./a:/a"]}, "`project_directory:`", site={"folder": "/volume1/x"}, folder=""),
    "home": Remedy({"volumes": ["~/a:/a"]}, "full path", (key("volumes", ["/volume1/homes/me/a:/a"]),)),
    "no volume": Remedy({"volumes": ["vol:/a"]}, "under `volumes:`", (put("volumes", {"vol": None}),)),
    "no config": Remedy({"configs": ["c"]}, "under `configs:`", (put("configs", {"c": {"file": "/c"}}),)),
    "config without a file": Remedy({"configs": ["c"]}, "by `file:`", (put("configs", "c", {"file": "/volume1/c"}),),
                                    before=(put("configs", {"c": {"content": "x"}}),)),
    "no network": Remedy({"networks": {**ON_LAN, "edge": None}}, "`networks: {edge: {external: true}}`",
                         (put("networks", "edge", {"external": True}),)),
    "no service": Remedy({"depends_on": ["db"]}, "remove the line", (drop("services", "app", "depends_on"),)),
    "profile": Remedy({"depends_on": ["db"]}, "`profiles: [db]` beside", site={"profiles": ("db",)},
                      before=(DB, put("services", "db", "profiles", ["db"]))),
    "profile, otherwise": Remedy({"depends_on": ["db"]}, "`required: false`",
                                 (key("depends_on", {"db": {"condition": "service_started", "required": False}}),),
                                 before=(DB, put("services", "db", "profiles", ["db"]))),
    "variable": Remedy({"image": "${IMG}"}, "write IMG=… into the .env", files={".env": "IMG=x"}),
    "variable's default": Remedy({"image": "${IMG}"}, "${IMG:-…}", (key("image", "${IMG:-x}"),)),
    "no variable": Remedy({"command": ["${1}"]}, "write $${", (key("command", ["$${1}"]),)),
    "renaming link": Remedy({"links": ["db:sql"]}, "`networks: {…: {aliases: [sql]}}`",
                            (key("links", ["db"]), put("services", "db", "networks", "lan", "aliases", ["sql"])),
                            before=(DB,)),
    "twice mounted": Remedy({"volumes": ["/a:/b"], "tmpfs": ["/b"]}, "remove one", (drop("services", "app", "tmpfs"),)),
    "nothing joins": Remedy({"networks": ["x"]}, "add `networks: {lan: {ipv4_address: …}}`", (key("networks", ON_LAN),),
                            before=(put("networks", "x", None),)),
    "nothing joins, otherwise": Remedy({"networks": ["x"]}, "`services: all`", site={"services": "all"},
                                       before=(put("networks", "x", None),)),
    "another network on the LAN": Remedy({"networks": {"x": {"ipv4_address": "10.1.0.9"}}}, "into the site what the",
                                         site={"lans": [FITS]}, before=(put("networks", {"x": NET}),)),
    "a second network on the LAN": Remedy({"networks": {"x": {"ipv4_address": "10.1.0.9"}}}, "`networks:` as app_x",
                                          site={"lans": [LAN, replace(FITS, name="app_x")]},
                                          before=(put("networks", "x", NET),)),
    "the shell's folder": Remedy({"volumes": ["${PWD}/a:/a"]}, "`project_directory:`", folder="",
                                 site={"folder": "/volume1/x"}),
    "the container's variable": Remedy({"command": "sh -c 'echo ${a:?b}'"}, "or $$a", (key("command", "echo $$a"),)),
    "mode beside networks": Remedy({"network_mode": "host"}, "remove one", (drop("services", "app", "network_mode"),)),
    "build": Remedy({"build": "."}, "write `image: app-app` beside", (key("image", "app-app"),),
                    before=(drop("services", "app", "image"),)),
    "pull policy": Remedy({"pull_policy": "never"}, "write `missing`", (key("pull_policy", "missing"),)),
    "replicas": Remedy({"deploy": {"replicas": 3}}, "or 1", (key("deploy", {"replicas": 1}),)),
    "size": Remedy({"mem_limit": "1500k"}, "as in 1m", (key("mem_limit", "1m"),)),
    "label in the environment": Remedy({"PASSWORD": "x"}, "indent it under `environment:`",
                                       (drop("services", "app", "PASSWORD"), key("environment", {"PASSWORD": "x"}))),
    "unknown at the top": Remedy({}, "start with x-", (drop("mine"), put("x-mine", 1)), before=(put("mine", 1),)),
    "no env file": Remedy({"env_file": ["a.env"]}, "correct", files={"a.env": "A=1"}),
}  # fmt: skip


def errors(document: Raw, files: Raw, site: Raw) -> list[Problem]:
    found = problems_of(document, files, **{"lans": (LAN,), **site})
    return [problem for problem in found if problem.severity == "error"]


@pytest.mark.parametrize("name", REMEDIES)
def test_who_does_what_a_remedy_says_meets_no_error(name: str) -> None:
    one = REMEDIES[name]
    document = app(**one.keys)
    for change in one.before:
        change(document)
    [problem] = errors(document, {}, {"folder": one.folder})
    assert one.words in problem.remedy, problem
    mended = deepcopy(document)
    for change in one.changes:
        change(mended)
    assert errors(mended, one.files, {"folder": one.folder, **one.site}) == []
