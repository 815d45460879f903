"""Unquoted YAML that parsers read differently is refused; what they all read alike is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inputs.yaml_traps import find_doubles, find_traps


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("02:42:10:20:30:40", "a number to base 60"),
        ("22:22", "a number to base 60"),
        ("1:30", "a number to base 60"),
        ("0022", "an octal number"),
        ("0o22", "an octal number"),
        ("07", "an octal number"),
        ("08", "an octal number"),
        ("yes", "a boolean"),
        ("No", "a boolean"),
        ("on", "a boolean"),
        ("OFF", "a boolean"),
        ("y", "a boolean"),
        ("2024-01-31", "a date"),
        ("2024-01-31 10:00:00", "a date"),
        ("1_000", "the number 1000"),
        ("0x10", "the number 16"),
        ("1.10", "the number 1.1"),
        ("+5", "the number 5"),
        (".5", "the number 0.5"),
        ("12e4", "the number 120000"),
        ("1e3", "the number 1000"),
        ("1E3", "the number 1000"),
        ("1.5e+3", "the number 1500"),
        ("-1e-3", "the number -0.001"),
        ("1e9999", "the number inf"),
        ("1.0", "the number 1"),
        ("2.", "the number 2.0"),
        ("123456789012345678", "a number that is only about 123456789012345678"),
    ],
)
def test_a_trap_is_told_with_its_reading_and_quotes_cure_it(text: str, reading: str) -> None:
    [problem] = find_traps(f"a:\n  b: [{text}]\n", "site", ("a",))
    assert (problem.path, problem.value) == ("site.b[0]", text)
    assert problem.message == f"is unquoted, and YAML may read it as {reading}"
    assert "quotes" in problem.remedy
    for quoted in (f'"{text}"', f"'{text}'"):
        assert find_traps(f"a:\n  b: [{quoted}]\n", "site", ("a",)) == []


@pytest.mark.parametrize(
    "text",
    ["22", "0", "8080", "-1", "1.5", "true", "false", "null", "~", "busybox", "192.168.1.201", "192.168.1.0/24",
     "fd0d:7eb5:2afd::/64", "02:42:c0:a8:01:c9", "1000:1000x", "30s", "no-new-privileges", "0.0.0.0", "1-2-3",
     "1e", "e3", "1e3x", "9007199254740992"],
)  # fmt: skip
def test_what_all_parsers_read_alike_is_left_alone(text: str) -> None:
    assert find_traps(f"a: {text}\n", "site") == []


def test_only_what_stands_under_the_given_key_is_looked_at() -> None:
    text = "config:\n  other: yes\n  site:\n    x: {y: no}\nthird: off\n"
    assert [problem.path for problem in find_traps(text, "site", ("config", "site"))] == ["site.x.y"]
    assert find_traps(text, "site", ("config", "missing")) == []


def test_a_value_of_the_environment_is_not_shown() -> None:
    [problem] = find_traps("a:\n  environment:\n    PIN: 0042\n", "site")
    assert problem.path == "site.a.environment.PIN" and "0042" not in str(problem)


def test_merged_and_repeated_parts_are_looked_at_where_they_stand() -> None:
    text = "x: &x {restart: no}\na: {<<: *x}\nb: *x\n"
    assert {problem.path for problem in find_traps(text, "f")} == {"f.x.restart", "f.a.<<.restart", "f.b.restart"}


def test_a_key_that_stands_twice_is_told_with_its_lines() -> None:
    text = "a: {x: 1}\nb: &b\n  y: 1\n  y: 2\na: [{z: 1, z: 2}]\nc: {<<: *b, <<: {y: 3}}\nd: *b\n"
    told = [(problem.path, problem.message.split(";")[0]) for problem in find_doubles(text, "f: ")]
    assert told == [
        ("f: b.y", "stands in line 3 already and again in line 4"),
        ("f: a", "stands in line 1 already and again in line 5"),
        ("f: a[0].z", "stands in line 5 already and again in line 5"),
    ]
    assert [problem.path for problem in find_doubles("s: {k: 1, k: 2}\ns2: {k: 1, k: 1}", "site.", ("s",))] == [
        "site.k"
    ]
    assert find_doubles("a: {x: 1}\nb: {x: 1}\nc: [{x: 1}, {x: 1}]\nd: {? [1] : 1, ? [2] : 2}", "f: ") == []


@given(st.text("-&*!:{}[]'\"#|> \nab01<") | st.text())
def test_what_cannot_be_read_has_no_traps_and_no_doubles(text: str) -> None:
    """Whoever loads the document tells of it."""
    assert all(problem.remedy for problem in [*find_traps(text, "x"), *find_doubles(text, "x: ")])


@pytest.mark.parametrize("text", ["a: [no", "\t", "a: *missing", "&a [*a, no", "[" * 600 + "no" + "]" * 600, "\0"])
def test_a_document_that_is_no_yaml_is_left_to_whoever_loads_it(text: str) -> None:
    assert find_traps(text, "f") == [] and find_doubles(text, "f: ") == []
