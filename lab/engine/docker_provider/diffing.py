"""Diff: old state against new inputs, by the rules of Terraform's SDK as the bridge reports them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from .schema import Prop, Resource
from .values import DEFAULTS, UNKNOWN, canonical, has_unknown, is_unset

ADD, DELETE, UPDATE = "ADD", "DELETE", "UPDATE"


@dataclass(frozen=True)
class Diff:
    """detailed: path → ADD | DELETE | UPDATE, with _REPLACE where the change replaces the resource."""

    detailed: Mapping[str, str]
    replaces: tuple[str, ...]
    delete_before_replace: bool

    @property
    def changed(self) -> tuple[str, ...]:
        """The top-level properties that differ, each once, sorted."""
        return tuple(sorted({_top(path) for path in self.detailed}))


def diff(
    resource: Resource,
    old_state: dict[str, Any],
    news: dict[str, Any],
    old_inputs: dict[str, Any],
    ignore: Iterable[str] = (),
) -> Diff:
    """What an update would change. old_state is what the last create, update or read returned."""
    ignored = {_top(path) for path in ignore}
    detailed: dict[str, str] = {}
    for name, prop in resource.inputs.items():
        if name in ignored:
            continue
        suffix = "_REPLACE" if prop.force_new else ""
        for path, kind in _differences(prop, old_state.get(name), news.get(name), name).items():
            detailed[path] = kind + suffix
    replaces = tuple(sorted({_top(path) for path, kind in detailed.items() if kind.endswith("_REPLACE")}))
    delete_first = bool(replaces) and (resource.always_delete_first or _name_is_pinned(resource, news, old_inputs))
    return Diff(detailed, replaces, delete_first)


def _name_is_pinned(resource: Resource, news: dict[str, Any], olds: dict[str, Any]) -> bool:
    """Old and new would bear the same name at once, because a person chose it: the bridge then deletes first."""
    if not resource.autonamed or "name" in news.get(DEFAULTS, ()):
        return False
    return news.get("name") == olds.get("name")


def _differences(prop: Prop, old: Any, new: Any, path: str) -> dict[str, str]:
    if new == UNKNOWN or (prop.kind == "map" and has_unknown(new)):
        return {path: ADD if old is None else UPDATE}
    if prop.computed and _is_absent(new):
        # Terraform's SDK (helper/schema, diffList) wants a list filled in that the daemon fills in and that is not
        # even empty in the state: what a failed create left is replaced for that, when it replaces.
        return {path: ADD} if prop.kind == "list" and prop.force_new and old is None else {}
    if prop.empty_is_unset and is_unset(new):
        return {}
    if not has_unknown(new) and _same(prop, old, new):
        return {}
    if _is_absent(old):
        return {path: ADD}
    if new is None or new == [] or new == {}:
        return {path: DELETE}
    if prop.kind == "object":
        return _object_differences(prop, old, new, path)
    if prop.kind == "map":
        return _map_differences(old, new, path)
    if prop.kind == "list":
        return _list_differences(prop, old, new, path)
    if prop.kind == "set":
        return _set_differences(prop, old, new, path)
    return {path: UPDATE}


def _same(prop: Prop, old: Any, new: Any) -> bool:
    if prop.kind == "list" and prop.elem and prop.elem.kind == "object":
        return _same_ports(prop, old or [], new or [])
    return canonical(prop, old) == canonical(prop, new)


def _same_ports(prop: Prop, old: list[Any], new: list[Any]) -> bool:
    """The only list of objects is `ports`: equal one by one, or what the plugin takes for the same in another order.

    Its rule looks at the first port of the same number and protocol only, and takes no `external` for 0.
    """
    assert prop.elem is not None
    if len(old) != len(new):
        return False
    ours, theirs = [_port(one) for one in new], [_port(one) for one in old]
    if not any(_object_differences(prop.elem, o, n, "") for o, n in zip(theirs, ours, strict=True)):
        return True
    firsts = [next((n for n in ours if _socket(n) == _socket(o)), None) for o in theirs]
    return all(
        first is not None and (first.get("external") or 0, first["ip"]) == (o.get("external") or 0, o["ip"])
        for o, first in zip(theirs, firsts, strict=True)
    )


def _port(given: Mapping[str, Any]) -> dict[str, Any]:
    """An address that is given as nothing is the default."""
    return {**given, "ip": given.get("ip") or "0.0.0.0", "protocol": given.get("protocol") or "tcp"}


def _socket(port: Mapping[str, Any]) -> tuple[Any, Any]:
    return port.get("internal"), port["protocol"]


def _object_differences(prop: Prop, old: dict[str, Any], new: dict[str, Any], path: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, inner in prop.fields.items():
        found |= _differences(inner, old.get(name), new.get(name), f"{path}.{name}")
    return found


def _map_differences(old: dict[str, Any], new: dict[str, Any], path: str) -> dict[str, str]:
    found = {}
    for key in sorted(old.keys() | new.keys()):
        if old.get(key) != new.get(key):
            found[f"{path}.{key}"] = ADD if key not in old else DELETE if key not in new else UPDATE
    return found


def _list_differences(prop: Prop, old: list[Any], new: list[Any], path: str) -> dict[str, str]:
    assert prop.elem is not None
    found: dict[str, str] = {}
    for i in range(max(len(old), len(new))):
        if i >= len(old):
            found[f"{path}[{i}]"] = ADD
        elif i >= len(new):
            found[f"{path}[{i}]"] = DELETE
        elif has_unknown(new[i]) or canonical(prop.elem, old[i]) != canonical(prop.elem, new[i]):
            found |= _differences(prop.elem, old[i], new[i], f"{path}[{i}]") or {f"{path}[{i}]": UPDATE}
    return found


def _set_differences(prop: Prop, old: list[Any], new: list[Any], path: str) -> dict[str, str]:
    """Elements that both sides have are dropped; what is left is shown at its own index."""
    elem = prop.elem
    assert elem is not None
    before, after = {canonical(elem, v) for v in old}, {canonical(elem, v) for v in new}
    removed = {i: v for i, v in enumerate(old) if canonical(elem, v) not in after}
    added = {i: v for i, v in enumerate(new) if has_unknown(v) or canonical(elem, v) not in before}
    found: dict[str, str] = {}
    for i in sorted(removed.keys() | added.keys()):
        where = f"{path}[{i}]"
        if i in removed and i in added:
            found |= _differences(elem, removed[i], added[i], where) or {where: UPDATE}
        else:
            found[where] = ADD if i in added else DELETE
    return found


def _is_absent(value: Any) -> bool:
    """Null or empty; a false or 0 that somebody wrote is there."""
    return is_unset(value) and not isinstance(value, bool | int)


def _top(path: str) -> str:
    return path.partition(".")[0].partition("[")[0]
