"""How old and new are compared: pulumi-go-provider's default diff for a resource that can update.

Only `triggers` as a whole (given where there was none, or the reverse) is a replacement by the plugin's word; for its
elements the SDK puts replace_on_changes on the resource, and the engine decides.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from .inputs import INPUTS
from .values import Secret

REPLACES = "triggers"
_IDENTIFIER = re.compile(r"[A-Za-z_$][A-Za-z0-9_$]*")


class Kind(StrEnum):
    """Names of the wire's PropertyDiff.Kind."""

    ADD = "ADD"
    DELETE = "DELETE"
    UPDATE = "UPDATE"


@dataclass(frozen=True)
class Change:
    path: str
    kind: Kind

    @property
    def replaces(self) -> bool:
        return self.path == REPLACES

    @property
    def wire_kind(self) -> str:
        return f"{self.kind}_REPLACE" if self.replaces else str(self.kind)


def diff(state: Mapping[str, Any], news: Mapping[str, Any], ignore: Sequence[str] = ()) -> list[Change]:
    """What has changed, sorted by path. ``ignore``: top-level inputs whose old value stays."""
    olds = {name: state[name] for name in INPUTS if name in state}
    kept = {name: state[name] for name in ignore if name in state}
    wanted = {name: value for name, value in {**news, **kept}.items() if name != "version" and name[:2] != "__"}
    return sorted(_objects("", olds, wanted), key=lambda change: change.path)


def _objects(path: str, old: Mapping[str, Any], new: Mapping[str, Any]) -> Iterator[Change]:
    for name in old.keys() | new.keys():
        inner = _member(path, name)
        if name not in new:
            yield Change(inner, Kind.DELETE)
        elif name not in old:
            yield Change(inner, Kind.ADD)
        else:
            yield from _values(inner, old[name], new[name])


def _values(path: str, old: Any, new: Any) -> Iterator[Change]:
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        yield from _objects(path, old, new)
    elif isinstance(old, list) and isinstance(new, list):
        for index in range(max(len(old), len(new))):
            inner = f"{path}[{index}]"
            if index >= len(new):
                yield Change(inner, Kind.DELETE)
            elif index >= len(old):
                yield Change(inner, Kind.ADD)
            else:
                yield from _values(inner, old[index], new[index])
    elif not _same(old, new):
        yield Change(path, Kind.UPDATE)


def _same(old: Any, new: Any) -> bool:
    """A secret equals only a secret; True is not 1."""
    if isinstance(old, Secret) or isinstance(new, Secret):
        return isinstance(old, Secret) and isinstance(new, Secret) and _same(old.value, new.value)
    return isinstance(old, bool) == isinstance(new, bool) and old == new


def _member(path: str, name: str) -> str:
    if not _IDENTIFIER.fullmatch(name):
        return f'{path}["{name}"]'
    return f"{path}.{name}" if path else name
