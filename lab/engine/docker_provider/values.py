"""Property values as plain Python: str, int, float, bool, None, list, dict, and the text UNKNOWN."""

from typing import Any

from .schema import Prop

UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""How the engine writes a string that is known only after apply (part of Pulumi's plugin protocol)."""

DEFAULTS = "__defaults"
"""In inputs, on every object: which of its properties Check filled in (the bridge's own bookkeeping)."""


def is_unset(value: Any) -> bool:
    """Terraform's legacy rule: null, "", 0, false and empty collections are the same."""
    return value is None or value == "" or value == 0 or value == [] or value == {}


def has_unknown(value: Any) -> bool:
    """Whether anything inside the value is known only after apply."""
    if isinstance(value, dict):
        return any(has_unknown(v) for v in value.values())
    if isinstance(value, list):
        return any(has_unknown(v) for v in value)
    return value == UNKNOWN


def without_defaults(value: Any) -> Any:
    """The value without the bookkeeping keys, at every depth; nulls are dropped from objects."""
    if isinstance(value, dict):
        return {k: without_defaults(v) for k, v in value.items() if not k.startswith("__") and v is not None}
    if isinstance(value, list):
        return [without_defaults(v) for v in value]
    return value


def canonical(prop: Prop, value: Any) -> Any:
    """A hashable form in which two values that Terraform calls equal are equal: sets without order, zero as None."""
    if prop.kind == "set" and isinstance(value, list):
        return frozenset(canonical(_elem(prop), v) for v in value) or None
    if prop.kind == "list" and isinstance(value, list):
        return tuple(canonical(_elem(prop), v) for v in value) or None
    if prop.kind == "map" and isinstance(value, dict):
        return frozenset((k, v) for k, v in value.items() if not k.startswith("__")) or None
    if prop.kind == "object" and isinstance(value, dict):
        pairs = ((name, canonical(field, value.get(name))) for name, field in prop.fields.items())
        return frozenset((name, v) for name, v in pairs if v is not None)
    return None if is_unset(value) else value


def _elem(prop: Prop) -> Prop:
    assert prop.elem is not None, "a list or set in the schema without the type of its elements"
    return prop.elem
