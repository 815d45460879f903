"""YAML as Compose's parser reads it, with the place of each value, and what is told of a text that is none."""

import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from compose.findings import Refused
from compose.values import Map
from inputs.compose_yaml import MAX_VALUES, read_documents

FILE = "docker-compose.yml"


def values(text: str) -> Map:
    [document] = read_documents(text, FILE)
    assert document.findings == ()
    return document.values


def refused(text: str) -> tuple[str, str]:
    """Where, and what is told."""
    with pytest.raises(Refused) as error:
        read_documents(text, FILE)
    finding = error.value.finding
    assert finding.severity == "error" and finding.remedy
    return str(finding.place), finding.message


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *[(word, word) for word in ("yes", "no", "on", "off", "y", "n", "Yes", "NO", "tRue", "22:22", "1.2.3")],
        *[(word, True) for word in ("true", "True", "TRUE")],
        *[(word, False) for word in ("false", "False", "FALSE")],
        *[(word, None) for word in ("", "~", "null", "Null", "NULL")],
        ("nULL", "nULL"),
        ("0022", 18),
        ("0o22", 18),
        ("0x1F", 31),
        ("0b101", 5),
        ("-0x1F", -31),
        ("1_000", 1000),
        ("+5", 5),
        ("08", 8.0),
        ("1e3", 1000.0),
        (".5", 0.5),
        (".inf", math.inf),
        ("-.INF", -math.inf),
        ("18446744073709551615", 2**64 - 1),
        ("18446744073709551616", 2.0**64),
        ("1e999", "1e999"),
        ("9" * 5000, "9" * 5000),
        ("0x" + "F" * 300, "0x" + "F" * 300),
        ('"1"', "1"),
        ("'no'", "no"),
        ("!!str 1", "1"),
        ("!!int 1", 1),
        ("02:42:10:20:30:40", "02:42:10:20:30:40"),
    ],
    ids=lambda value: str(value)[:24],
)
def test_a_plain_value_is_what_composes_parser_makes_of_it(text: str, value: Any) -> None:
    found = values(f"a: {text}")["a"]
    assert found == value and isinstance(found, type(value)) and isinstance(found, bool) == isinstance(value, bool)


def test_each_value_has_its_line() -> None:
    found = values("a: 1\nb:\n  c: |\n    x\n  d:\n    - 1\n    -\n      e: 2\n")
    assert {key: place.line for key, place in found.places.items()} == {"a": 1, "b": 2}
    assert {key: place.line for key, place in found["b"].places.items()} == {"c": 3, "d": 5}
    assert [place.line for place in found["b"]["d"].places] == [6, 8]
    assert str(found["b"]["d"][1].places["e"]) == f"{FILE}:8"


def test_merge_keys_give_what_the_map_does_not_have_and_the_first_of_several_wins() -> None:
    text = "x: &x {a: 1, b: 1}\ny: &y {b: 2, c: 2}\none: {<<: *x, a: 0}\ntwo: {<<: [*x, *y]}\nthree: {a: 0, <<: *y}\n"
    found = values(text)
    assert found["one"] == {"a": 0, "b": 1}
    assert found["two"] == {"a": 1, "b": 1, "c": 2}
    assert found["three"] == {"a": 0, "b": 2, "c": 2}
    assert found["one"].places["b"].line == 1 and found["one"].places["a"].line == 3


def test_a_byte_order_mark_and_windows_lines_are_read() -> None:
    assert values("\ufeffa: 1\r\nb: 2\r\n") == {"a": 1, "b": 2}


def test_reset_and_override_are_kept_with_their_paths() -> None:
    [document] = read_documents("a: {b: !reset 1, c: !override [1], d: [1, !reset 2]}", FILE)
    assert document.values == {"a": {"c": [1], "d": [1]}}
    assert document.cleared == (("a", "b"), ("a", "c"))


def test_several_documents_are_several() -> None:
    assert [document.values for document in read_documents("a: 1\n---\na: 2\n", FILE)] == [{"a": 1}, {"a": 2}]


def test_each_key_that_stands_twice_is_told_and_the_rest_is_read() -> None:
    text = "a: {x: 1, x: 2}\nb: &b\n  y: 1\n  z: 1\n  y: 2\na: 3\nc: *b\nd: [{z: 1, z: 2}]\ne:\n  <<: *b\n  <<: {}\n"
    [document] = read_documents(text, FILE)
    assert [(finding.path, str(finding.place), finding.message.split(";")[0]) for finding in document.findings] == [
        (("a", "x"), f"{FILE}:1", "stands in line 1 already"),
        (("b", "y"), f"{FILE}:5", "stands in line 3 already"),
        (("a",), f"{FILE}:6", "stands in line 1 already"),
        (("d", 0, "z"), f"{FILE}:8", "stands in line 8 already"),
        (("e", "<<"), f"{FILE}:11", "stands in line 10 already"),
    ]
    assert document.values["a"] == {"x": 1} and document.values["c"] == {"y": 1, "z": 1}


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("a: [", 2, "is not YAML: did not find expected node content, in column 1"),
        ("a: b: c", 1, "is not YAML: mapping values are not allowed"),
        ("a: 1\n\tb: 1", 2, "found a tab character that violates indentation"),
        ("a: *missing", 1, "is not YAML: found undefined alias"),
        ("a: &a {b: *a}", 1, "contains itself"),
        ("a: &a [*a]", 1, "contains itself"),
        ("a: 1\nb: !!int x", 2, "is not what its tag says"),
        ("a: !!bool 5", 1, "is not what its tag says"),
        ("{[1]: 2}", 1, "has a key that is not text"),
        ("a: 1\n5: 2", 2, "has a key that is not text"),
        ("a: 1\ntrue: 2", 2, "has a key that is not text"),
        ("a: 1\nb: {<<: 5}", 2, "is merged with <<, and that takes maps only"),
        ("a: {<<: [{}, 5]}", 1, "is merged with <<, and that takes maps only"),
        ("[a]", 1, "is no map of keys"),
        ("\n\njust text", 3, "is no map of keys"),
        ("a: 1\n---\n5", 3, "is no map of keys"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_line(text: str, line: int, what: str) -> None:
    place, message = refused(text)
    assert place == f"{FILE}:{line}" and what in message


def test_signs_that_no_yaml_has_are_told() -> None:
    assert "is not YAML: " in refused("a: \0")[1]


@pytest.mark.parametrize("text", ["[" * 100_000, "- " * 100_000, "{a: " * 100_000, "a: " + "[" * 101 + "]" * 101])
def test_what_is_nested_too_deeply_is_told_and_does_not_end_the_program(text: str) -> None:
    """libyaml's own end of nesting is that of its stack."""
    assert refused(text) == (f"{FILE}:1", "is nested too deeply")


def test_a_value_may_be_nested_more_deeply_than_anyone_writes_and_again_and_again() -> None:
    deep = "[" * 90 + "]" * 90
    assert len(values(f"a: {deep}\nb: {deep}")) == 2


def test_aliases_that_stand_for_more_than_anyone_writes_are_refused_at_once() -> None:
    def bomb(levels: int) -> str:
        lines = [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9)}]" for n in range(1, levels)]
        return "\n".join(["a0: &a0 [x, x, x, x, x, x, x, x, x]", *lines])

    assert f"more than {MAX_VALUES} values" in refused(bomb(9))[1]
    assert len(values(bomb(4))) == 4


@pytest.mark.parametrize(
    "line",
    ["hunter2: secret", "!!int hunter2", "*hunter2", "!hunter2 [", "%hunter2", "@hunter2", "|hunter2", "'hunter2",
     '"\\hunter2', "{hunter2", "&hunter2 &hunter2", "!<hunter2 x", "!!bool hunter2", "!!float hunter2"],
)  # fmt: skip
def test_the_line_that_cannot_be_read_is_not_repeated(line: str) -> None:
    place, message = refused(f"a:\n  DB_PASSWORD: {line}\n")
    assert "hunter" not in message and re.fullmatch(rf"{FILE}:[23]", place), message


@given(st.text() | st.text("-&*!:{}[]'\"#|> \nab01<?%@\t"))
def test_any_text_is_documents_or_one_clear_refusal(text: str) -> None:
    try:
        documents = read_documents(text, FILE)
    except Refused as error:
        assert error.finding.message and error.finding.remedy
        return
    assert all(isinstance(document.values, Map) for document in documents)
