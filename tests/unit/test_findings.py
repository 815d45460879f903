"""Each finding, from a NAS's recorded answer, with its message to the letter."""

from collections.abc import Callable
from typing import Any

import pytest

from config.problems import Problem
from config.site import Site
from facts.nas import NasFacts
from inputs.load import plan_networks
from plan.project.checks import problems_on_engine
from plan.project.containers import whole_containers
from plan.project.declared import plan_inner_networks
from preflight.survey import Asked, surveyed
from tests.unit.recorded import CASES, STACK, case, facts_of, project_in, site_in, sources_in, stack_state_in

NOW = "2026-11-24T01:02:03Z"


def found(
    name: str,
    instead: Site | None = None,
    project: Any = None,
    nas: Callable[[NasFacts], NasFacts] = lambda facts: facts,
) -> list[Problem]:
    """As __main__.py does it, with one answer for all networks of the site. instead, project: another site, another
    compose file than the case's; nas: what a person changed on the NAS."""
    facts, site = nas(facts_of(name)), instead or site_in(name)
    sources, wrong = sources_in(site, project_in(name) if project is None else project)
    networks, more = plan_networks(site, sources)
    asked = [Asked(planned, facts, stack_state_in(name, facts, planned.view.key)) for planned in networks]
    surveys, told = surveyed(asked, STACK, case(name).get("take_over", False), NOW, sources)
    seen = surveys[0].snapshot
    plans, inner = [one.plan for one in surveys], plan_inner_networks(sources, seen.inner_networks, STACK)
    containers = whole_containers(sources, plans, inner, STACK, seen.engine_major, seen.shared)
    return sorted({*wrong, *more, *told, *problems_on_engine(containers, sources, plans, inner, seen.engine_major)})


def told(problems: list[Problem]) -> str:
    lines = [f"{problem.severity} on {problem.resource}\n{problem}" for problem in problems]
    return "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize("name", CASES)
def test_what_a_nas_says_against_a_site_is_told_to_the_letter(name: str) -> None:
    assert told(found(name)) == case(name).get("says", "")
