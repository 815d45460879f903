"""What components/pulumi_internals.py uses of Pulumi's SDK is there, and does what it is used for."""

from types import SimpleNamespace

import pulumi
import pytest
from pulumi.runtime import set_all_config

from components import pulumi_internals
from tests.unit.recorder import record


def test_keys_and_secrets_of_the_config_are_known() -> None:
    found = []

    def program() -> None:
        set_all_config({"macvlan-ipv6:site": "{}", "other:key": "1"}, ["macvlan-ipv6:site"])
        found.append(pulumi_internals.config_keys())
        found.append([pulumi_internals.is_secret(key) for key in ("macvlan-ipv6:site", "other:key")])

    record(program)
    assert {"macvlan-ipv6:site", "other:key"} <= set(found[0]) and found[1] == [True, False]


@pytest.mark.parametrize(
    ("read", "function", "key"),
    [
        (pulumi_internals.stack_outputs, "readStackOutputs", "name"),
        (pulumi_internals.stack_resources, "readStackResourceOutputs", "stackName"),
    ],
)
def test_the_state_is_asked_for_by_the_stacks_full_name(
    read: object, function: str, key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked = []

    def invoke(token: str, arguments: dict[str, str]) -> SimpleNamespace:
        asked.append((token, arguments))
        return SimpleNamespace(value={"outputs": {"a": 1}})

    monkeypatch.setattr(pulumi.runtime, "invoke", invoke)
    monkeypatch.setattr(pulumi, "get_organization", lambda: "hobby")
    found = []
    record(lambda: found.append(read()))  # type: ignore[operator]
    assert found == [{"a": 1}] and asked == [(f"pulumi:pulumi:{function}", {key: "hobby/macvlan-ipv6/test"})]


def test_whether_the_cli_has_hooks_is_asked_of_the_cli() -> None:
    found = []
    record(lambda: found.extend([pulumi_internals.supports_error_hooks(), pulumi_internals.supports_resource_hooks()]))
    assert found == [True, True]
