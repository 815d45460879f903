"""Our reader of Compose files against compose-go, the library inside `docker compose`."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from config.compose import take
from config.networks import lan_settings
from config.projects.service_reading import read_service
from config.service import Service
from config.site import Site, parse_site
from tests.compose.cases import Case, cases
from tests.compose.comparable import differences, of_oracle, of_ours, printed
from tests.compose.differences import OTHER_CONTAINERS, OTHERWISE, TAKEN_CASES, TAKEN_SECTIONS, TAKEN_VALUES
from tests.compose.oracle import Oracle
from tests.compose.wrong_values import OF_A_SECTION, OF_A_SERVICE
from tests.unit.sites import site_of

# What makes a section's entry one that is used: only those are looked at.
USERS = {
    "networks": "networks: [n]",
    "volumes": "volumes: ['vol:/x']",
    "configs": "configs: [c]",
    "secrets": "secrets: [s]",
}


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    with Oracle() as running:
        yield running


@pytest.fixture(scope="module")
def site() -> Site:
    site, problems = parse_site(site_of())
    assert site is not None, problems
    return site


@pytest.mark.parametrize("case", cases("taken"), ids=lambda case: case.name)
def test_what_compose_takes_is_read_alike(case: Case, oracle: Oracle) -> None:
    answer = case.by_oracle(oracle)
    assert "error" not in answer, answer
    project, findings = case.by_us()
    told = [*findings, *(() if project is None else project.findings)]
    found = [f"{one.place}: {one.message}" for one in told if one.severity == "error"]
    if project is not None:
        found += differences(of_oracle(answer), of_ours(project))
    known = OTHERWISE.get(case.name, ())
    assert [line for line in found if not any(part in line for part in known)] == []
    assert [part for part in known if not any(part in line for line in found)] == [], "is no difference any more"


@pytest.mark.parametrize("case", cases("taken"), ids=lambda case: case.name)
def test_what_compose_prints_becomes_the_same_containers(case: Case, oracle: Oracle) -> None:
    """Each service as compose-go writes it, and as our reader does, through our models: the containers are the same,
    and so is what is refused in them."""
    project, _ = case.by_us()
    if project is None:
        return  # told by the test above
    right = printed(project, case.by_oracle(oracle))
    found: list[str] = []
    for key in project.services:
        one, other = read_service(right, key, key), read_service(project, key, key)
        refused, ours = {problem.path for problem in one.problems}, {problem.path for problem in other.problems}
        found += [f"{path} is refused in one of the two only" for path in refused ^ ours]
        if one.service and other.service:
            found += differences(_values(one.service), _values(other.service), key)
    known = OTHER_CONTAINERS.get(case.name, ())
    assert [line for line in found if not any(part in line for part in known)] == []
    assert [part for part in known if not any(part in line for line in found)] == [], "is no difference any more"


def _values(service: Service) -> dict[str, object]:
    return dict(service)


@pytest.mark.parametrize("case", cases("refused"), ids=lambda case: case.name)
def test_what_compose_refuses_is_refused(case: Case, oracle: Oracle, site: Site) -> None:
    assert "error" in case.by_oracle(oracle)
    assert _refuses(case, site) == (case.name not in TAKEN_CASES)


@pytest.mark.parametrize(("key", "value", "why"), OF_A_SERVICE)
def test_a_value_that_compose_refuses_is_refused(
    key: str, value: str, why: str, oracle: Oracle, site: Site, tmp_path: Path
) -> None:
    image = "" if key == "image" else "    image: a\n"
    below = value.replace("\n", "\n    ")
    text = (
        f"services:\n  pihole:\n{image}    {key}: {below}\n  other: {{image: b}}\nsecrets: {{s: {{environment: S}}}}\n"
    )
    case = _written(tmp_path, text)
    assert "error" in case.by_oracle(oracle)
    assert _refuses(case, site) == (f"{key}: {value}" not in TAKEN_VALUES), why


@pytest.mark.parametrize(("section", "value", "why"), OF_A_SECTION)
def test_a_section_that_compose_refuses_is_refused(
    section: str, value: str, why: str, oracle: Oracle, site: Site, tmp_path: Path
) -> None:
    service = f"services: {{a: {{image: a, {USERS.get(section, 'labels: []')}}}}}"
    case = _written(tmp_path, f"{service}\n{section}: {value}\n")
    assert "error" in case.by_oracle(oracle)
    assert _refuses(case, site) == (f"{section}: {value}" not in TAKEN_SECTIONS), why


def _written(folder: Path, text: str) -> Case:
    (folder / "compose.yml").write_text(text)
    return Case("", folder, ("compose.yml",))


def _refuses(case: Case, site: Site) -> bool:
    """Whether a site with all of that project would have an error."""
    project, findings = case.by_us()
    problems = [*findings, *(() if project is None else take(project, lan_settings(site), "all").problems)]
    return project is None or any(problem.severity == "error" for problem in problems)
