"""Each finding, from a NAS's recorded answer, with its message to the letter."""

import pytest

from config.problems import Problem
from config.site import Site
from install.layout import plan_install
from preflight.findings import findings
from preflight.findings.parent_interface import resolve_parent
from preflight.survey import take_snapshot
from tests.unit.recorded import CASES, case, facts_of, site_in, stack_state_in
from tests.unit.sites import compose_file, make_plan


def found(name: str, instead: Site | None = None) -> list[Problem]:
    """instead: another site than the case's."""
    facts = facts_of(name)
    given = instead or site_in(name)
    files = [compose_file()] if given.compose else []
    site, problems = resolve_parent(given, facts)
    install, misplaced = plan_install(site, facts)
    seen = take_snapshot(site, install, facts)
    plan, wrong = make_plan(site, files, seen.engine_major, seen.network)
    assert plan is not None
    told = findings(site, install, plan, facts, stack_state_in(name, facts), case(name).get("take_over", False))
    return sorted({*problems, *misplaced, *wrong, *told})


def told(problems: list[Problem]) -> str:
    lines = [f"{problem.severity} on {problem.resource}\n{problem}" for problem in problems]
    return "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize("name", CASES)
def test_what_a_nas_says_against_a_site_is_told_to_the_letter(name: str) -> None:
    assert told(found(name)) == case(name).get("says", "")
