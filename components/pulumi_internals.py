"""What this program needs of Pulumi's SDK beyond its documented interface, in one place: no version promises it
(docs/upstream-facts.md#pulumi-private).

tests/unit/test_pulumi_internals.py says which of these a newer SDK has broken.
"""

from typing import Any

import pulumi
from pulumi.runtime import settings
from pulumi.runtime.config import CONFIG, get_config_env, is_config_secret
from pulumi.runtime.proto import resource_pb2


def config_keys() -> list[str]:
    """All keys of the stack's config, for every program."""
    return [*CONFIG.get(), *(get_config_env() or ())]


def is_secret(key: str) -> bool:
    """Whether the value of that key, or a part of it, is a secret in the stack's file."""
    return is_config_secret(key)


def supports_error_hooks() -> bool:
    """Whether Pulumi's CLI calls the program when an operation on a resource fails."""
    return settings.monitor_supports_feature(resource_pb2.RESOURCE_MONITOR_FEATURE_ERROR_HOOKS)


def supports_resource_hooks() -> bool:
    """Whether Pulumi's CLI calls the program before an operation on a resource."""
    return settings.monitor_supports_feature(resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS)


def stack_outputs() -> dict[str, Any]:
    """The outputs of this stack's last run."""
    return _read("readStackOutputs", "name")


def stack_resources() -> dict[str, Any]:
    """URN → type and outputs of what this stack's state holds."""
    return _read("readStackResourceOutputs", "stackName")


def _read(function: str, key: str) -> dict[str, Any]:
    """StackReference reads the same, but too late: the plan needs it before there are any resources."""
    name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    found = pulumi.runtime.invoke(f"pulumi:pulumi:{function}", {key: name}).value or {}
    return found.get("outputs") or {}
