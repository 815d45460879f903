"""A remedy leads on: whoever writes into the site what it says meets no error that was not told before."""

import re
from collections.abc import Iterator
from typing import Any

import pytest

from config.problems import Problem
from config.site import parse_site
from tests.unit.recorded import CASES, site_text_in
from tests.unit.sites import judge, put, site_of
from tests.unit.test_findings import found

KEY_AND_VALUE = re.compile(r"(?<!with )`((?:nas|lan|ula|shim|network|install)\.[a-z0-9_]+): ([^`{}<>…]+)`(?! if )")
VALUE = re.compile(r"write `?([\w./:-]+)`?(?!.*, and addresses)")

Written = tuple[tuple[str, str], ...]


def written(problem: Problem) -> Iterator[Written]:
    """Each set of keys with values that the remedy has a person write there together. A further network has keys of its
    own."""
    place = "".join(re.findall(r"^site\.(networks\.[^.]+\.)", problem.path))
    key = problem.path.removeprefix(f"site.{place}")
    together: list[tuple[str, str]] = []
    end = -1
    for match in KEY_AND_VALUE.finditer(problem.remedy):
        if together and problem.remedy[end : match.start()] != " and ":
            yield tuple(together)
            together = []
        together.append((f"{place}{match[1]}", match[2]))
        end = match.end()
    if together:
        yield tuple(together)
    for value in VALUE.findall(problem.remedy):
        of_one_key = problem.path.startswith("site.") and key.count(".") == 1
        if (
            of_one_key and not value.endswith(":") and (value in ("auto", "none") or re.search(r"[\d-]", value))
        ):  # else a word of the sentence
            yield ((f"{place}{key}", value),)


def errors(problems: list[Problem]) -> set[tuple[str, str]]:
    return {(problem.path, problem.message) for problem in problems if problem.severity == "error"}


REMEDIES = [
    pytest.param(name, problem, keys, id=f"{name}-{'-'.join(f'{key}-{value}' for key, value in keys)}")
    for name in CASES
    for problem in found(name)
    for keys in written(problem)
]


def test_there_are_remedies_of_every_form() -> None:
    applied = [keys for _, _, keys in (one.values for one in REMEDIES)]
    assert len(REMEDIES) > 30
    for one in [
        ("lan.parent", "br0"),
        ("shim.name", "mac0"),
        ("lan.nas_address", "none"),
        ("lan.gateway", "192.168.1.2"),
    ]:
        assert (one,) in applied
    assert (("network.name", "old-net"),) in applied and (("ula.gateway", "auto"),) in applied
    assert (("network.ipv6", "loop"),) in applied
    assert (("network.name", "home_lan"), ("network.ipv6", "loop")) in applied


@pytest.mark.parametrize(("name", "problem", "keys"), REMEDIES)
def test_who_writes_what_a_finding_says_meets_no_new_error(name: str, problem: Problem, keys: Written) -> None:
    before = errors(found(name))
    raw = site_text_in(name)
    for key, value in keys:
        put(*key.split("."), value)(raw)
    after = errors(found(name, parsed(raw)))
    assert (problem.path, problem.message) not in after
    assert {path for path, _ in after - before} <= {path for path, _ in before} - {problem.path}


def parsed(raw: Any) -> Any:
    site, problems = parse_site(raw)
    assert site is not None and not problems, problems
    return site


@pytest.mark.parametrize("parent", ["eth0", "auto"])
def test_a_nas_that_is_reached_in_another_subnet_is_told_all_that_it_needs_at_once(parent: str) -> None:
    raw = site_of(put("nas", "host", "10.0.0.1"), put("lan", "parent", parent))
    _, (problem,) = judge(raw)
    assert "`lan.nas_address: none` if" in problem.remedy
    assert ("as `lan.parent`" in problem.remedy) == (parent == "auto")
    put("lan", "nas_address", "none")(raw)
    put("lan", "parent", "eth0")(raw)
    assert judge(raw)[1] == []
