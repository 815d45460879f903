"""The variables of a whole document."""

from collections.abc import Mapping
from typing import Any

from compose.text.interpolation import InvalidTemplate, MissingVariable, Substitution
from compose.values import Derived, Fault, List, Map


def interpolate(document: Map, env: Mapping[str, str]) -> None:
    """Replaces the variables in all values. Keys are left as they are, as in Compose."""
    _Interpolation(Substitution(env.get)).container(document)


class _Interpolation:
    def __init__(self, substitution: Substitution) -> None:
        self._substitution = substitution

    def container(self, value: Any) -> None:
        pairs: Any = value.items() if isinstance(value, Map) else enumerate(value)
        for key, item in pairs:
            if isinstance(item, (Map, List)):
                self.container(item)
            elif isinstance(item, str) and "$" in item:
                value[key] = self._text(item)

    def _text(self, text: str) -> str:
        try:
            replaced = self._substitution.text(text)
        except InvalidTemplate:
            return Derived(text, [Fault("")])
        except MissingVariable as error:
            return Derived("", [Fault(error.name, True, error.reason)])
        if not self._substitution.used:
            return replaced
        return Derived(replaced, [Fault(name) for name in self._substitution.missing])
