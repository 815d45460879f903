"""Env files, as Compose reads them. Source: compose-go, dotenv/parser.go.

The package python-dotenv reads a part of them otherwise: docs/decisions/0028-the-compose-reader.md.
"""

import re
from collections.abc import Mapping, MutableMapping

from compose.text.interpolation import InvalidTemplate, Lookup, MissingVariable, Substitution

_SPACES = "\t\v\f\r \x85\xa0"
_ESCAPE = re.compile(r'\\(?:[abcfnrtv$"\\]|0[0-9]{0,3})')
_ESCAPED = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", '"': '"', "\\": "\\"}


class BadEnvFile(ValueError):
    """line: from 1, 0 if it is not about one."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line, self.message = line, message


def parse(text: str, env: Mapping[str, str], known: Mapping[str, str] | None = None) -> dict[str, str]:
    """The variables of an env file. env: what wins in its `$variables`; known: what they may name beside the file's own
    ones, and is in the result as well. Raises BadEnvFile, whose text never has a value."""
    found = dict(known or {})
    _Reader(text.removeprefix("\ufeff"), found, env.get).read()
    return found


def parse_raw(text: str, env: Mapping[str, str], known: Mapping[str, str] | None = None) -> dict[str, str]:
    """The format `raw`: KEY=VALUE lines whose values are taken as they are."""
    found = dict(known or {})
    for line in text.removeprefix("\ufeff").splitlines():
        line = line.lstrip()
        if not line or line.startswith("#"):
            continue
        key, equals, value = line.partition("=")
        if equals:
            found[key] = value
        elif key in env:
            found[key] = env[key]
    return found


class _Reader:
    def __init__(self, text: str, found: MutableMapping[str, str], lookup: Lookup) -> None:
        self._text, self._at, self._found, self._lookup = text, 0, found, lookup
        self._substitution = Substitution(self._value_of)

    def read(self) -> None:
        while self._to_statement():
            key, inherited = self._key()
            if " " in key:
                raise BadEnvFile(self._line(), "has a name with a blank in it")
            if inherited:
                value = self._lookup(key)
                if value is not None:
                    self._found[key] = value
            else:
                self._found[key] = self._value()
        self._found.pop("", None)

    def _value_of(self, name: str) -> str | None:
        value = self._lookup(name)
        return self._found.get(name) if value is None else value

    def _line(self) -> int:
        return self._text.count("\n", 0, self._at) + 1

    def _to_statement(self) -> bool:
        """Goes to the next line that is neither empty nor a comment."""
        while True:
            while self._at < len(self._text) and self._text[self._at].isspace():
                self._at += 1
            if self._at == len(self._text) or self._text[self._at] != "#":
                return self._at < len(self._text)
            end = self._text.find("\n", self._at)
            self._at = len(self._text) if end < 0 else end

    def _key(self) -> tuple[str, bool]:
        """The name, and whether its value is taken from elsewhere because it stands alone in its line."""
        if re.compile(r"export\s").match(self._text, self._at):
            self._at += len("export")
            self._skip_spaces()
        start = self._at
        for index in range(start, len(self._text)):
            sign = self._text[index]
            if sign in "=:\n":
                self._at = index + 1
                self._skip_spaces()
                return self._text[start:index].rstrip(), sign == "\n"
            if sign not in _SPACES and sign not in "_.-[]" and not sign.isalpha() and not sign.isnumeric():
                raise BadEnvFile(self._line(), f"has {sign!r} where the name of a variable is expected")
        return "", False  # a name alone, in a last line without a line break: Compose does not take it for one

    def _skip_spaces(self) -> None:
        while self._at < len(self._text) and self._text[self._at] in _SPACES:
            self._at += 1

    def _value(self) -> str:
        quote = self._text[self._at : self._at + 1]
        if quote not in ("'", '"'):
            end = self._text.find("\n", self._at)
            end = len(self._text) if end < 0 else end
            value = self._text[self._at : end].partition(" #")[0].rstrip()
            value = self._expanded(value)
            self._at = min(end + 1, len(self._text))
            return value
        value, end = self._quoted(quote)
        if quote == '"':
            value = self._expanded(_ESCAPE.sub(_unescaped, value))
        self._at = end
        return value

    def _quoted(self, quote: str) -> tuple[str, int]:
        value, escaped = "", False
        for index in range(self._at + 1, len(self._text)):
            sign = self._text[index]
            if sign == quote and not escaped:
                return value, index + 1
            if sign == "\\" and not escaped:
                escaped = True
                continue
            value += f"\\{sign}" if escaped and sign != quote else sign
            escaped = False
        raise BadEnvFile(self._line(), "has a value whose quote is never closed")

    def _expanded(self, value: str) -> str:
        try:
            return self._substitution.text(value)
        except MissingVariable as error:
            raise BadEnvFile(self._line(), f"demands the variable {error.name}, which is not set") from None
        except InvalidTemplate:
            raise BadEnvFile(self._line(), "has a ${ that is no variable") from None


def _unescaped(match: re.Match[str]) -> str:
    escape = match[0][1:]
    if escape == "$":
        return "$$"
    if escape.startswith("0"):
        digits = escape[1:]
        return chr(int(digits, 8)) if re.fullmatch(r"[0-3][0-7]{2}", digits) else f"\\{digits}"
    return _ESCAPED.get(escape, match[0])
