"""Finds unquoted YAML values that parsers read differently from what was typed.

PyYAML reads YAML 1.1, and the parsers of Pulumi and Compose mostly 1.2. A value that the versions read differently is
refused.
"""

import re

import yaml

from config.problems import VARIABLE, Problem, as_text, dotted

_BOOLEAN = re.compile(r"(?i)yes|no|on|off|y|n")
_OCTAL = re.compile(r"[-+]?0o?[0-9_]+")
_BASE_60 = re.compile(r"[-+]?\d[\d_]*(:[0-5]?\d)+(\.\d*)?")
_EXPONENT = re.compile(r"[-+]?(\.\d+|\d+(\.\d*)?)[eE][-+]?\d+")
_NUMBERS = ("tag:yaml.org,2002:int", "tag:yaml.org,2002:float")
_DATE = re.compile(r"\d{4}-\d\d?-\d\d?.*")


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
