"""Variables in a Compose file's text, as Compose replaces them. Source: the specification's chapter on interpolation;
compose-go, template/template.go."""

import re
from collections.abc import Callable, Mapping

Lookup = Callable[[str], str | None]

_PATTERN = re.compile(
    r"\$(?:(?P<escaped>\$)|(?P<named>(?i:[_a-z][_a-z0-9]*))"
    r"|\{(?:(?P<braced>(?i:[_a-z][_a-z0-9]*)(?::?[-+?].*)?)\}|(?P<invalid>)))"
)
_OPERATORS = (":?", "?", ":-", "-", ":+", "+")


class InvalidTemplate(ValueError):
    """A `${` that no variable follows, or that nothing closes."""


class MissingVariable(ValueError):
    """A variable that the file demands by `:?` or `?`. name: its name; reason: what the file says about it, as written:
    with the variables in it replaced it could contain a password."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}" if reason else name)
        self.name, self.reason = name, reason


class Substitution:
    """One text after another is replaced by ``text``. used: whether the last one had a variable; missing: the names of
    the last one's variables that are not set and have no default."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup
        self.used = False
        self.missing: dict[str, None] = {}

    def text(self, template: str) -> str:
        """Raises InvalidTemplate and MissingVariable."""
        self.used, self.missing = False, {}
        return self._replaced(template) if "$" in template else template

    def _replaced(self, template: str) -> str:
        return _PATTERN.sub(lambda match: self._one(match[0]), template)

    def _one(self, found: str) -> str:
        operator = _first_operator(found)  # Compose looks for it in what follows the variable, too
        end = _closing_brace(found)
        found, rest = (found, "") if end < 0 else (found[: end + 1], found[end + 1 :])
        match = _PATTERN.match(found)
        if match is None:
            raise InvalidTemplate
        if match["escaped"]:
            return "$"
        inner = match["named"] or match["braced"]
        if not inner:
            raise InvalidTemplate
        self.used = True
        if match["braced"] and operator in inner:
            return self._with_operator(inner, operator) + self._replaced(rest)
        value = self._lookup(inner)
        if value is None:
            self.missing[inner] = None
        return value or ""

    def _with_operator(self, inner: str, operator: str) -> str:
        name, _, word = inner.partition(operator)
        value = self._lookup(name)
        absent = value is None or (operator.startswith(":") and value == "")
        if operator.endswith("?") and absent:
            raise MissingVariable(name, word)
        if operator.endswith("-") and absent:
            return self._replaced(word)
        if operator.endswith("+") and not absent:
            return self._replaced(word)
        return value or ""


def substitute(template: str, env: Mapping[str, str]) -> str:
    """The text with its variables replaced; one that is not set is blank. Raises InvalidTemplate, MissingVariable."""
    return Substitution(env.get).text(template)


def _first_operator(text: str) -> str:
    places = {operator: text.find(operator) for operator in _OPERATORS}
    found = [operator for operator in _OPERATORS if places[operator] >= 0]
    return min(found, key=lambda operator: places[operator], default=_OPERATORS[0])


def _closing_brace(text: str) -> int:
    """Of the first variable in braces, -1 if there is none."""
    open_braces = index = 0
    while index < len(text):
        if text[index] == "}":
            open_braces -= 1
            if open_braces == 0:
                return index
        elif text[index] == "{":
            open_braces += 1
            index += 1  # as Compose does: the sign after it is not looked at
        index += 1
    return -1
