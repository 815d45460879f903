"""Each finding, from a NAS's recorded answer, with its message to the letter."""

import pytest

from plan.addresses import make_plan
from plan.findings import findings
from plan.findings.link import settle
from plan.install import plan_install
from plan.problems import Problem
from plan.seen import first_look
from tests.unit.recorded import CASES, case, facts_of, held_in, site_in
from tests.unit.sites import compose_file


def found(name: str) -> list[Problem]:
    facts = facts_of(name)
    given = site_in(name)
    files = [compose_file()] if given.compose else []
    site, problems = settle(given, facts)
    install, misplaced = plan_install(site, facts)
    seen = first_look(site, install, facts)
    plan, wrong = make_plan(site, files, seen.engine_major, seen.network)
    assert plan is not None
    told = findings(site, install, plan, facts, held_in(name, facts), case(name).get("take_over", False))
    return sorted({*problems, *misplaced, *wrong, *told})


def told(problems: list[Problem]) -> str:
    lines = [f"{problem.severity} on {problem.on}\n{problem}" for problem in problems]
    return "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize("name", CASES)
def test_what_a_nas_says_against_a_site_is_told_to_the_letter(name: str) -> None:
    assert told(found(name)) == case(name).get("says", "")
