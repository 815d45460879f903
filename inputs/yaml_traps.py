"""Finds unquoted YAML values that parsers read differently from what was typed.

PyYAML reads YAML 1.1, and the parsers of Pulumi and Compose mostly 1.2. A value that the versions read differently is
refused.
"""

import re
from typing import Any

import yaml

from config.problems import VARIABLE, Problem, as_text, dotted

_BOOLEAN = re.compile(r"(?i)yes|no|on|off|y|n")
_OCTAL = re.compile(r"[-+]?0o?[0-9_]+")
_BASE_60 = re.compile(r"[-+]?\d[\d_]*(:[0-5]?\d)+(\.\d*)?")
_EXPONENT = re.compile(r"[-+]?(\.\d+|\d+(\.\d*)?)[eE][-+]?\d+")
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
MAX_VALUES = 100_000
_DATE = re.compile(r"\d{4}-\d\d?-\d\d?.*")


class _Loader(yaml.SafeLoader):
    """Reports the line of a value that cannot be read. The constructors of dates and tags (!!int x) raise many kinds of
    errors, with the value in them."""

    def construct_object(self, node: yaml.Node, deep: bool = False) -> Any:
        try:
            return super().construct_object(node, deep)
        except (yaml.YAMLError, RecursionError):
            raise
        except Exception:
            message = "found a value that is not what its form or its tag says"
            raise yaml.MarkedYAMLError(problem=message, problem_mark=node.start_mark) from None


def load_yaml(text: str) -> Any:
    """The document, as a tree. Raises yaml.YAMLError, whose text may repeat a value: see ``complaint``."""
    try:
        document = yaml.load(text, _Loader)
        if _size(document, {}) > MAX_VALUES:
            raise yaml.YAMLError(f"its aliases (*) stand for more than {MAX_VALUES} values")
        return document
    except RecursionError:
        raise yaml.YAMLError("it is nested too deeply") from None


def _size(value: Any, known: dict[int, int | None]) -> int:
    """How many values a document has with its aliases written out, because everyone who reads it visits them all.

    known: id of a list or map → its size, None while it is being counted.
    """
    if not isinstance(value, (dict, list, tuple)):
        return 1
    if id(value) not in known:
        known[id(value)] = None
        known[id(value)] = 1 + sum(
            _size(item, known) for item in (value.values() if isinstance(value, dict) else value)
        )
    size = known[id(value)]
    if size is None:
        raise yaml.YAMLError("it contains itself")  # &a [*a]
    return size


def complaint(error: yaml.YAMLError) -> str:
    """What is wrong and where, without the line itself, which may contain a password."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return " ".join(str(error).split())
    problem = error.problem or "it cannot be read"
    if problem.startswith("but ") and error.context:
        problem = f"{error.context}, {problem}"  # half a sentence otherwise
    reason = re.sub(r"(['\"])(?P<quoted>.*?)\1", _parsers_own, problem)
    mark = error.problem_mark or error.context_mark
    return reason if mark is None else f"{reason} in line {mark.line + 1}, column {mark.column + 1}"


def _parsers_own(match: re.Match[str]) -> str:
    """Keeps what PyYAML quotes of its own: words for parts of a document, single signs, and a tab. Everything else is
    the file's."""
    if match["quoted"] == r"\t":
        return "TAB"
    return match[0] if re.fullmatch(r"<[a-z ]+>|\W", match["quoted"]) else "…"


def find_doubles(text: str, root: str, under: tuple[str, ...] = ()) -> list[Problem]:
    """Problems for all keys below the key path ``under`` that stand twice in their map. root: what goes before a path,
    with its dot."""
    problems: list[Problem] = []
    _doubles(_composed(text, under), (), root, problems, set())
    return problems


def _doubles(
    node: yaml.Node | None, path: tuple[str | int, ...], root: str, problems: list[Problem], seen: set[int]
) -> None:
    if node is None or id(node) in seen:
        return  # an alias to what has been looked at
    seen.add(id(node))
    if isinstance(node, yaml.MappingNode):
        lines: dict[str, int] = {}
        for key, value in node.value:
            here = (*path, str(key.value))
            line = key.start_mark.line + 1
            name = key.value if isinstance(key, yaml.ScalarNode) else "<<"  # no map is a key
            if name in lines and name != "<<":
                message = f"stands in line {lines[name]} already and again in line {line}; one of them would be lost"
                problems.append(Problem(root + dotted("", here).removeprefix("."), "", message, "keep one of them"))
            lines.setdefault(name, line)
            _doubles(value, here, root, problems, seen)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _doubles(value, (*path, index), root, problems, seen)


def find_traps(text: str, root: str, under: tuple[str, ...] = ()) -> list[Problem]:
    """Problems for all plain scalars below the key path ``under`` that parsers read differently."""
    problems: list[Problem] = []
    _walk(_composed(text, under), (), root, problems, frozenset())
    return problems


def _composed(text: str, under: tuple[str, ...]) -> yaml.Node | None:
    try:
        node = yaml.compose(text, Loader=yaml.SafeLoader)
    except (yaml.YAMLError, RecursionError):
        return None  # told by whoever loads the document
    for key in under:
        node = _child(node, key)
    return node


def _child(node: yaml.Node | None, key: str) -> yaml.Node | None:
    if isinstance(node, yaml.MappingNode):
        for name, value in node.value:
            if name.value == key:
                return value
    return None


def _walk(
    node: yaml.Node | None,
    path: tuple[str | int, ...],
    root: str,
    problems: list[Problem],
    above: frozenset[int],
) -> None:
    if id(node) in above:
        return  # an alias to what it stands in
    above |= {id(node)}
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            _walk(value, (*path, str(key.value)), root, problems, above)
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            _walk(value, (*path, index), root, problems, above)
    elif isinstance(node, yaml.ScalarNode) and node.style is None and (reading := _trap(node)):
        secret = "environment" in path or any(VARIABLE.fullmatch(str(part)) for part in path)
        shown = "" if secret else as_text(node.value)
        message = f"is unquoted, and YAML may read it as {reading}"
        problems.append(Problem(dotted(root, path), shown, message, 'put it in quotes: "..."'))


def _trap(node: yaml.ScalarNode) -> str | None:
    text = node.value
    if _BOOLEAN.fullmatch(text):
        return "a boolean"
    if _OCTAL.fullmatch(text) and text.strip("+-0"):
        return "an octal number"
    if _BASE_60.fullmatch(text):
        return "a number to base 60"
    if _DATE.fullmatch(text):
        return "a date"
    if _EXPONENT.fullmatch(text):
        return f"the number {float(text):g}"
    if node.tag not in _NUMBERS:
        return None
    number = yaml.safe_load(text)
    if str(number) != text:
        return f"the number {number}"
    if isinstance(number, float) and number.is_integer():
        return f"the number {number:.0f}"
    if isinstance(number, int) and abs(number) > 2**53:  # Pulumi keeps the numbers of a stack's file as floats
        return f"a number that is only about {text}"
    return None
