"""Compose files of the kinds that people really have (tests/unit/cases): what the program makes of each, to the letter.

A case is what is `compose`d, the `files` beside it, what stands beside its path in the site (`project_directory`,
`services`), what the `site` says otherwise, and the `engine`; then what the program `says`, and the containers that it
`makes`, if nothing is wrong.
"""

import json
from collections.abc import Sequence
from copy import deepcopy
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml

from config.problems import Problem, in_order
from config.projects.places import relocated
from config.site import parse_site
from config.sources import Sources, all_services
from inputs.compose_files import read_projects
from inputs.load import plan_networks
from plan.planner import plan_lan
from plan.project.checks import problems_on_engine
from plan.project.containers import WholeContainer, whole_containers
from plan.project.declared import plan_inner_networks
from plan.project.endpoints import EndpointPlan
from tests.unit.compose_projects import NAME
from tests.unit.sites import site_of

HERE = Path(__file__).parent / "cases"
CASES = sorted(path.stem for path in HERE.glob("*.yaml"))
SITE = {"network": {"name": "lan"}}
PLAIN = {"image", "container_name", "networks"}  # told otherwise
FLAGS = ("ipv6_is_off", "forwards", "ignores_routers", "static")


def case(name: str) -> dict[str, Any]:
    return yaml.safe_load((HERE / f"{name}.yaml").read_text())


def merged(base: Any, changes: Any) -> Any:
    if not isinstance(base, dict) or not isinstance(changes, dict):
        return deepcopy(changes)
    return {**base, **{key: merged(base.get(key), value) for key, value in changes.items()}}


def judged(told: dict[str, Any], folder: Path) -> tuple[list[Problem], dict[str, Any]]:
    """As inputs/load.py and __main__.py do it: what is told, and the containers."""
    raw = site_of()
    del raw["compose"], raw["containers"]
    raw = merged(raw, told.get("site", SITE))
    if "compose" in told:
        text = told["compose"]
        written = "\ufeff" + text.replace("\n", "\r\n") if told.get("windows") else text
        for name, content in {NAME: written, **told.get("files", {})}.items():
            (folder / name).write_bytes(content.encode())
        keys = {key: told[key] for key in ("project_directory", "services") if key in told}
        raw["compose"] = [{"path": NAME, **keys}]
    site, problems = parse_site(raw)
    if site is None:
        return problems, {}
    projects, taken, wrong = read_projects(site, folder)
    sources, more = all_services(site, projects, taken)
    networks, again = plan_networks(site, sources)
    problems += [*wrong, *more, *again]
    engine, lans = told.get("engine", 26), []
    for network in networks:
        plan, wrong = plan_lan(network.view.site, network.addresses, engine)
        lans.append(replace(plan, key=network.view.key))
        problems += wrong
    containers: tuple[WholeContainer, ...] = ()
    if all(problem.severity != "error" for problem in problems):
        inner = plan_inner_networks(sources, {}, "")
        containers = whole_containers(sources, lans, inner, "", engine)
        problems += problems_on_engine(containers, sources, lans, inner, engine)
    return in_order(relocated(problem, projects) for problem in problems), made(sources, containers)


def made(sources: Sources, containers: Sequence[WholeContainer]) -> dict[str, Any]:
    """Each container without what is as in Docker by default, and the networks and volumes beside."""
    found: dict[str, Any] = {}
    for one in containers:
        keys: dict[str, Any] = {"image": one.service.image}
        keys["networks"] = {
            network: " ".join(map(str, filter(None, values))) for network, *values in map(endpoint, one.endpoints)
        }
        keys |= {key: value for key in FLAGS if (value := getattr(one.on_lan, key, None))}
        keys |= {"after": list(one.after)} if one.after else {}
        keys |= {"secret": sorted(one.secret)} if one.secret else {}
        written = one.service.model_dump(exclude_defaults=True)
        found[one.name] = keys | {key: value for key, value in written.items() if key not in PLAIN}
    beside = {"networks": sources.networks, "volumes": sources.volumes}
    for what, things in beside.items():
        if things:
            told = {"name", "origin"}
            found[what] = {name: one.model_dump(exclude_defaults=True, exclude=told) for name, one in things.items()}
    return json.loads(json.dumps(found, default=str))


def said(problems: list[Problem]) -> str:
    return "".join(f"{problem.severity}\n{problem}\n" for problem in problems)


def endpoint(one: EndpointPlan) -> tuple[Any, ...]:
    more = {"aliases": ",".join(one.aliases), "driver_opts": ",".join(one.driver_opts), "gw_priority": one.gw_priority}
    return (one.network, one.ipv4, one.ipv6, one.mac, *(f"{key} {value}" for key, value in more.items() if value))


@pytest.mark.parametrize("name", CASES)
def test_what_the_program_makes_of_a_file_that_people_have(name: str, tmp_path: Path) -> None:
    told = case(name)
    problems, containers = judged(told, tmp_path)
    assert said(problems) == told.get("says", "")
    stops = any(problem.severity == "error" for problem in problems)
    assert (None if stops else containers) == told.get("makes")


def test_there_are_cases_that_are_taken_and_cases_that_are_refused() -> None:
    taken = [name for name in CASES if "makes" in case(name)]
    assert len(taken) > 20 and len(CASES) - len(taken) > 8
