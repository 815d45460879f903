"""Each finding, from a NAS's recorded answer, with its message to the letter."""

import pytest

from config.problems import Problem
from config.site import Site
from inputs.load import plan_networks
from preflight.survey import Asked, surveyed
from tests.unit.recorded import CASES, STACK, case, facts_of, site_in, stack_state_in
from tests.unit.sites import compose_file, sources_of

NOW = "2026-11-24T01:02:03Z"


def found(name: str, instead: Site | None = None) -> list[Problem]:
    """As __main__.py does it, with one answer for all networks of the site. instead: another site than the case's."""
    facts, site = facts_of(name), instead or site_in(name)
    networks, wrong = plan_networks(site, sources_of(site, [compose_file()] if site.compose else [])[0])
    asked = [Asked(planned, facts, stack_state_in(name, facts, planned.view.key)) for planned in networks]
    return sorted({*wrong, *surveyed(asked, STACK, case(name).get("take_over", False), NOW)[1]})


def told(problems: list[Problem]) -> str:
    lines = [f"{problem.severity} on {problem.resource}\n{problem}" for problem in problems]
    return "".join(f"{line}\n" for line in lines)


@pytest.mark.parametrize("name", CASES)
def test_what_a_nas_says_against_a_site_is_told_to_the_letter(name: str) -> None:
    assert told(found(name)) == case(name).get("says", "")
