"""Compose files of the kinds that people really have (tests/unit/cases): what the program makes of each, to the letter.

A case is what is `compose`d, the `files` beside it, what stands beside its path in the site (`project_directory`,
`services`), what the `site` says otherwise, and the `engine`; then what the program `says`, and the containers that it
`makes`, if nothing is wrong.
"""

import json
from copy import deepcopy
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
from plan.lan import ContainerPlan
from plan.planner import plan_lan
from tests.unit.compose_projects import NAME
from tests.unit.sites import site_of

HERE = Path(__file__).parent / "cases"
CASES = sorted(path.stem for path in HERE.glob("*.yaml"))
SITE = {"network": {"name": "lan"}}
PLAIN = {"image", "container_name", "networks"}  # told otherwise


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
    planned: dict[str, ContainerPlan] = {}
    for network in networks:
        plan, wrong = plan_lan(network.view.site, network.addresses, told.get("engine", 26))
        problems += wrong
        planned |= {container.key: container for container in plan.containers}
    return in_order(relocated(problem, projects) for problem in problems), made(sources, planned)


def made(sources: Sources, planned: dict[str, ContainerPlan]) -> dict[str, Any]:
    """Each container without what is as in Docker by default, and the networks and volumes beside."""
    found: dict[str, Any] = {}
    for key, entry in sources.services.items():
        container, service = planned.get(key), entry.service
        keys: dict[str, Any] = {"image": service.image}
        if container is not None:
            keys["lan"] = " ".join(map(str, filter(None, (container.ipv4, container.ula, container.static, container.mac))))
            keys |= {"aliases": list(container.aliases)} if container.aliases else {}
            keys |= {"driver_opts": list(container.driver_opts)} if container.driver_opts else {}
            keys |= {"moved_sysctls": container.moved_sysctls} if container.moved_sysctls else {}
            flags = ("ipv6_is_off", "forwards", "ignores_routers")
            keys |= {flag: True for flag in flags if getattr(container, flag)}
        others = [name for name in service.networks if name in sources.networks]
        keys |= {"networks": others} if others else {}
        keys |= {"secret": sorted(entry.secret)} if entry.secret else {}
        found[entry.name or key] = keys | {
            key: value for key, value in service.model_dump(exclude_defaults=True).items() if key not in PLAIN
        }
    beside = {"networks": sources.networks, "volumes": sources.volumes}
    found |= {what: {name: one.model_dump(exclude_defaults=True, exclude={"name", "origin"}) for name, one in things.items()}
              for what, things in beside.items() if things}  # fmt: skip
    return json.loads(json.dumps(found, default=str))


def said(problems: list[Problem]) -> str:
    return "".join(f"{problem.severity}\n{problem}\n" for problem in problems)


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
