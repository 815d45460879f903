"""User errors: they are collected, worded alike, and shown all at once."""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

from pydantic import ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

ERROR_TYPE = "macvlan"
MAX_SHOWN = 100  # characters of a value that an error repeats
VARIABLE = re.compile(r"[A-Z][A-Z0-9_]*")  # no key of this program has capitals, so it is an environment variable
_LINE = re.compile(r"(.*):([0-9]{1,9})(?= |$)")
SEE_GUIDE = "see the keys in docs/guide.md"
PYDANTIC_MESSAGES = {  # pydantic's error types, in our words: what is wrong, what to do
    "string_type": ("is not text", "write one value there, in quotes if it is made of digits"),
    "string_too_short": ("is empty", "write a value, or remove the line"),
    "too_short": ("is empty", "write its items below it, each on a line that starts with `- `"),
    "string_sub_type": ("is not text", "write one value there"),
    "dict_type": ("is not a map of keys", "write `key: value` lines below it"),
    "model_type": ("is not a map of keys", "write `key: value` lines below it"),
    "tuple_type": ("is not a list", "write its items below it, each on a line that starts with `- `"),
    "int_type": ("is not a whole number", "write digits only"),
    "int_parsing": ("is not a whole number", "write digits only"),
    "int_from_float": ("is not a whole number", "write digits only"),
    "int_parsing_size": ("is too large", "write a smaller number"),
    "bool_type": ("is neither true nor false", "write true or false"),
    "bool_parsing": ("is neither true nor false", "write true or false"),
    "invalid_key": ("is not text, and keys have to be", "put the key in quotes"),
    "string_unicode": ("is not text", "write plain text there"),
    "recursion_loop": ("contains itself", "write it out without the alias (*)"),
}


@dataclass(frozen=True, order=True)
class Problem:
    """One thing a person has to correct.

    path: the key as written in the YAML, dotted (``site.containers.test.ipv4_address``).
    value: what stands there, as text ("" where nothing does).
    message: what is wrong with it and what it would break; it reads on from the value.
    remedy: what to do.
    severity: an error stops the run; a warning, or a note of what this program does by itself, is shown on
    ``resource`` ("lan", "network", "shim", or a container's key), and the run goes on.
    """

    path: str
    value: str
    message: str
    remedy: str
    severity: Literal["error", "warning", "note"] = "error"
    resource: str = "lan"

    def __str__(self) -> str:
        head = f"{self.path}: {self.value}" if self.value else self.path
        return f"  {head}\n      {self.message}\n      -> {self.remedy}"


class UserErrors(Exception):
    """All problems of one run. Its text is what the person reads."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(in_order(problems))
        count = len(self.problems)
        title = f"Found {count} problem{'' if count == 1 else 's'}; nothing was changed:"
        super().__init__("\n".join([title, *map(str, self.problems)]))


def in_order(problems: Iterable[Problem]) -> list[Problem]:
    """Each once, those of a file in the order of its lines."""

    def place(problem: Problem) -> tuple[str, int, Problem]:
        match = _LINE.match(problem.path)
        return (match[1], int(match[2]), problem) if match else (problem.path, 0, problem)

    return sorted(set(problems), key=place)


def reject(message: str, remedy: str) -> NoReturn:
    """Refuse a value inside a pydantic validator, in our words."""
    raise PydanticCustomError(ERROR_TYPE, "{message}", {"message": message, "remedy": remedy})


def from_pydantic(error: ValidationError, root: str, remedies: Mapping[str, str] | None = None) -> list[Problem]:
    """The problems of a pydantic error, each with its path under ``root``.

    remedies: unsupported key → what to do instead, for keys that people often have.
    """
    remedies = remedies or {}
    return [_problem(detail, root, remedies) for detail in error.errors(include_url=False)]


def unknown_keys(error: ValidationError) -> set[tuple[str | int, ...]]:
    """The places of unknown keys. Without these keys the rest of the document is still complete."""
    return {detail["loc"] for detail in error.errors(include_url=False) if detail["type"] == "extra_forbidden"}


def pruned(value: Any, wrong: set[tuple[str | int, ...]], path: tuple[str | int, ...] = ()) -> Any:
    """A copy of a parsed document without what stands at those places."""

    def keeps(part: Any, item: Any) -> bool:
        here = (*path, part)
        inside = any(location[: len(here)] == here for location in wrong)
        return here not in wrong and (not inside or isinstance(item, (dict, list)))

    if isinstance(value, dict):
        return {key: pruned(item, wrong, (*path, key)) for key, item in value.items() if keeps(key, item)}
    if isinstance(value, list):
        return [pruned(item, wrong, (*path, index)) for index, item in enumerate(value) if keeps(index, item)]
    return value


def dotted(root: str, location: Iterable[str | int]) -> str:
    path = root
    for part in location:
        if part == "[key]":  # pydantic's mark for "the key itself"
            continue
        # No key has a = in it: it is KEY=value without the list's dash, and the value may be a password
        name = "" if isinstance(part, int) else part.partition("=")[0]
        if path.endswith(".environment") and " " in name:
            break  # KEY value without its =
        path += f"[{part}]" if isinstance(part, int) else f".{as_text(name)}"
    return path


def as_text(value: Any) -> str:
    """A value as one short line, the way YAML would show it."""
    if value is None or isinstance(value, (dict, list)):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    text = str(value)
    if "PRIVATE KEY" in text:
        return ""  # pasted into the wrong line; errors end up in logs
    if not text.isprintable():
        text = repr(text)  # an escape sequence would be the terminal's, a line break would tear the error apart
    return text if len(text) <= MAX_SHOWN else text[:MAX_SHOWN] + "…"


def shortened(words: Sequence[str], most: int, between: str = ", ") -> str:
    """The first ones, and how many more there are."""
    more = f" and {len(words) - most} more" if len(words) > most else ""
    return between.join(words[:most]) + more


def on_one_line(text: str) -> str:
    """A sentence with names in it, which may be anything."""
    return text if text.isprintable() else repr(text)[1:-1]


def _problem(detail: ErrorDetails, root: str, remedies: Mapping[str, str]) -> Problem:
    kind, context, location = detail["type"], detail.get("ctx", {}), detail["loc"]
    path, value, key = dotted(root, location), as_text(detail["input"]), str(location[-1]) if location else ""
    if "environment" in location:
        value = ""  # may be a password
    if kind == ERROR_TYPE:
        return Problem(path, value, context["message"], context["remedy"])
    if kind == "missing":
        return Problem(path, "", "is missing, and there is no default for it", f"add `{key}:` there")
    if kind == "extra_forbidden" and key in remedies:
        return Problem(path, value, "is not supported here, so it would do nothing", remedies[key])
    if kind == "extra_forbidden" and VARIABLE.fullmatch(key):  # its value may be a password
        remedy = "indent it under `environment:` if it is a variable, or remove it"
        return Problem(path, "", "is not a key of this program, so it would do nothing", remedy)
    if kind == "extra_forbidden":
        remedy = f"remove it, or {SEE_GUIDE}"
        return Problem(path, value, "is not a key of this program, so it would do nothing", remedy)
    if kind == "string_type" and isinstance(detail["input"], bool):
        message = "is a YAML boolean where text is expected (unquoted yes, no, on, off, true, false are booleans)"
        return Problem(path, value, message, 'put the value in quotes: "..."')
    if kind == "string_type" and isinstance(detail["input"], (int, float)):
        message = "is a YAML number where text is expected (a leading 0 means octal, a:b:c can mean base 60)"
        return Problem(path, value, message, 'put the value in quotes: "..."')
    if kind in ("greater_than_equal", "less_than_equal"):
        limit = f"{context['ge']} or more" if kind.startswith("g") else f"{context['le']} or less"
        return Problem(path, value, f"is out of range: it has to be {limit}", f"write a number that is {limit}")
    if kind == "literal_error":
        return Problem(path, value, "is not an allowed value", f"write {context['expected']}")
    message, remedy = PYDANTIC_MESSAGES.get(kind, (detail["msg"], SEE_GUIDE))
    return Problem(path, value, message, remedy)
