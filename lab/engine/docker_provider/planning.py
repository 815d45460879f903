"""States and inputs that follow from others: what a preview shows, what a read brings back into the inputs."""

from collections.abc import Mapping
from typing import Any

from .schema import Prop, Resource
from .values import DEFAULTS, UNKNOWN, canonical, is_unset, without_defaults


def planned(resource: Resource, inputs: dict[str, Any], old_state: dict[str, Any] | None = None) -> dict[str, Any]:
    """The state as a preview knows it: the inputs, and UNKNOWN (on update: as it is) for what the daemon fills in."""
    state = dict(old_state or {})
    for name, prop in resource.inputs.items():
        if inputs.get(name) is not None:
            state[name] = without_defaults(inputs[name])
        elif not prop.computed:
            state.pop(name, None)
        elif old_state is None:
            state[name] = UNKNOWN
    if old_state is None:
        state |= dict.fromkeys(resource.outputs, UNKNOWN)
    return state


def merged(resource: Resource, known: dict[str, Any], read: Mapping[str, Any], resource_id: str) -> dict[str, Any]:
    """The new state: what was read, over what was known before. The old spelling stays where nothing has changed."""
    state = {k: v for k, v in without_defaults(known).items() if v != UNKNOWN}
    for name, value in read.items():
        prop = resource.inputs.get(name)
        if prop and name in state and canonical(prop, state[name]) == canonical(prop, value):
            continue
        if value is None:
            state.pop(name, None)
        else:
            state[name] = value
    return {**state, "id": resource_id, "__meta": resource.meta}


def refreshed_inputs(resource: Resource, inputs: dict[str, Any], state: dict[str, Any]) -> dict[str, Any]:
    """After a refresh: the inputs that were given, with the values that the state has now."""
    result: dict[str, Any] = {}
    for name, value in inputs.items():
        prop = resource.inputs.get(name)
        if prop is None or canonical(prop, value) == canonical(prop, state.get(name)):
            result[name] = value
        elif state.get(name) is not None:
            result[name] = _as_input(prop, state[name])
    result[DEFAULTS] = sorted(k for k in inputs.get(DEFAULTS, ()) if k in result)
    return result


def imported_inputs(resource: Resource, state: dict[str, Any]) -> dict[str, Any]:
    """Inputs that describe what was found: everything that can be an input and is not what it would be anyway."""
    result: dict[str, Any] = {}
    for name, prop in resource.inputs.items():
        value = state.get(name)
        if not is_unset(value) and value != prop.default:
            result[name] = _as_input(prop, value)
    result[DEFAULTS] = []
    return result


def _as_input(prop: Prop, value: Any) -> Any:
    if prop.kind == "object" and isinstance(value, dict):
        inner = {k: _as_input(prop.fields[k], v) for k, v in value.items() if k in prop.fields and not is_unset(v)}
        return {DEFAULTS: [], **inner}
    if prop.elem and isinstance(value, list):
        return [_as_input(prop.elem, v) for v in value]
    return value
