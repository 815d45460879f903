"""The command stand-in's rules about inputs and changes, without a server."""

from typing import Any

import pytest

from lab.engine.command_provider.diffing import Kind, diff
from lab.engine.command_provider.inputs import check
from lab.engine.command_provider.remote import quote
from lab.engine.command_provider.values import UNKNOWN, Secret, from_wire, reveal, to_wire


def _inputs(**more: Any) -> dict[str, Any]:
    return {"connection": {"host": "nas"}, "create": "true", **more}


def _checked(**more: Any) -> dict[str, Any]:
    inputs, failures = check(_inputs(**more))
    assert failures == []
    return inputs


def _state(**more: Any) -> dict[str, Any]:
    return {**_checked(**more), "stdout": "", "stderr": ""}


def _changes(old: dict[str, Any], new: dict[str, Any]) -> dict[str, str]:
    return {change.path: change.wire_kind for change in diff(old, new)}


def test_the_connection_gets_the_defaults_of_the_official_plugin() -> None:
    connection = reveal(_checked()["connection"])
    assert connection == {"host": "nas", "user": "root", "port": 22, "dialErrorLimit": 10, "perDialTimeout": 15}


def test_given_settings_are_kept_even_where_they_are_zero() -> None:
    connection = reveal(
        _checked(connection={"host": "nas", "dialErrorLimit": 0.0, "perDialTimeout": 0.0})["connection"]
    )
    assert (connection["dialErrorLimit"], connection["perDialTimeout"]) == (0, 0)


def test_the_connection_is_secret_whether_or_not_it_came_as_a_secret() -> None:
    assert isinstance(_checked()["connection"], Secret)
    assert isinstance(_checked(connection=Secret({"host": "nas"}))["connection"], Secret)
    assert not isinstance(_checked(connection=Secret({"host": "nas"}))["connection"].value, Secret)


def test_previous_output_is_in_the_environment_unless_told_otherwise() -> None:
    assert _checked()["addPreviousOutputInEnv"] is True
    assert _checked(addPreviousOutputInEnv=False)["addPreviousOutputInEnv"] is False


@pytest.mark.parametrize(
    ("more", "path"),
    [
        ({"environment": {"A": "1"}}, "environment"),
        ({"typo": "1"}, "typo"),
        ({"connection": {"host": "nas", "proxy": {"host": "b"}}}, "connection.proxy"),
        ({"connection": {"host": "nas", "privateKeyPassword": "x"}}, "connection.privateKeyPassword"),
        ({"connection": Secret({"host": "nas", "dialRetryWait": 1.0})}, "connection.dialRetryWait"),
        ({"connection": {"user": "root"}}, "connection.host"),
        ({"create": 1.0}, "create"),
        ({"connection": {"host": "nas", "port": "22"}}, "connection.port"),
        ({"triggers": "x"}, "triggers"),
        ({"logging": "everything"}, "logging"),
        ({"connection": "nas"}, "connection"),
    ],
)
def test_what_is_not_implemented_or_malformed_is_an_error_at_its_path(more: dict[str, Any], path: str) -> None:
    failures = check(_inputs(**more))[1]
    assert [failure.property for failure in failures] == [path]


def test_a_command_without_a_connection_is_an_error() -> None:
    assert [failure.property for failure in check({"create": "true"})[1]] == ["connection"]


def test_the_error_for_a_property_that_is_not_implemented_tells_the_way_out() -> None:
    failure = check(_inputs(environment={"A": "1"}))[1][0]
    assert "stand-in" in failure.reason
    assert "make ENGINE=path" in failure.reason


def test_what_is_not_known_yet_is_no_error() -> None:
    assert check(_inputs(connection=UNKNOWN, stdin=UNKNOWN, triggers=[UNKNOWN], logging=UNKNOWN))[1] == []
    assert check(_inputs(connection={"host": UNKNOWN, "port": UNKNOWN}))[1] == []


def test_the_same_inputs_are_no_change_whatever_the_command_wrote() -> None:
    assert diff({**_state(stdin="x"), "stdout": "written"}, _checked(stdin="x")) == []


@pytest.mark.parametrize("name", ["create", "update", "delete", "stdin", "logging"])
def test_every_text_is_updated_in_place(name: str) -> None:
    old, new = ("stdout", "none") if name == "logging" else ("a", "b")
    assert _changes(_state(**{name: old}), _checked(**{name: new})) == {name: "UPDATE"}


def test_a_text_that_comes_or_goes_is_an_update_too() -> None:
    assert _changes(_state(), _checked(stdin="x")) == {"stdin": "ADD"}
    assert _changes(_state(update="x"), _checked()) == {"update": "DELETE"}


def test_a_change_anywhere_in_the_connection_is_one_update_of_all_of_it() -> None:
    other = _checked(connection={"host": "nas", "privateKey": Secret("k"), "perDialTimeout": 3.0})
    assert _changes(_state(), other) == {"connection": "UPDATE"}


def test_triggers_are_compared_one_by_one_and_the_sdk_makes_a_replacement_of_it() -> None:
    changed = _changes(_state(triggers=["a", "b", "c"]), _checked(triggers=["a", "x"]))
    assert changed == {"triggers[1]": "UPDATE", "triggers[2]": "DELETE"}
    assert _changes(_state(triggers=[{"k.1": 1.0}]), _checked(triggers=[{"k.1": 2.0}])) == {
        'triggers[0]["k.1"]': "UPDATE"
    }


def test_triggers_that_appear_or_vanish_replace() -> None:
    assert _changes(_state(), _checked(triggers=["a"])) == {"triggers": "ADD_REPLACE"}
    assert _changes(_state(triggers=["a"]), _checked()) == {"triggers": "DELETE_REPLACE"}


def test_a_value_that_becomes_secret_is_a_change() -> None:
    assert _changes(_state(stdin="x"), _checked(stdin=Secret("x"))) == {"stdin": "UPDATE"}
    assert _changes(_state(stdin=Secret("x")), _checked(stdin=Secret("x"))) == {}


def test_what_is_not_known_yet_counts_as_a_change() -> None:
    assert _changes(_state(stdin="x"), _checked(stdin=UNKNOWN)) == {"stdin": "UPDATE"}


def test_a_boolean_is_not_a_number() -> None:
    assert _changes(_state(triggers=[True]), _checked(triggers=[1.0])) == {"triggers[0]": "UPDATE"}


def test_ignored_inputs_keep_their_old_value() -> None:
    found = diff(_state(stdin="x", create="a"), _checked(stdin="y", create="b"), ["stdin"])
    assert [(change.path, change.kind) for change in found] == [("create", Kind.UPDATE)]


def test_the_wire_keeps_secrets_and_unknowns_apart_and_drops_nulls() -> None:
    values = {"a": Secret({"k": "v", "n": None}), "b": UNKNOWN, "c": [1.5, True, Secret("x")], "d": None}
    assert from_wire(to_wire(values)) == {"a": Secret({"k": "v"}), "b": UNKNOWN, "c": [1.5, True, Secret("x")]}


def test_a_secret_does_not_show_itself() -> None:
    assert "hidden" not in repr(Secret("hidden"))


@pytest.mark.parametrize(
    ("text", "quoted"),
    [
        ('say "hi"\n', '"say \\"hi\\"\\n"'),
        ("a\\b\t\x01", '"a\\\\b\\t\\x01"'),
        ("ü é 漢", '"ü é 漢"'),
        ("\u00a0\u2028\U000e0001", '"\\u00a0\\u2028\\U000e0001"'),
        ("\x7f", '"\\x7f"'),
    ],
)
def test_commands_in_errors_are_quoted_as_go_quotes_them(text: str, quoted: str) -> None:
    assert quote(text) == quoted
