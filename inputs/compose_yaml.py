"""YAML as Compose's parser reads it: 1.2's booleans, 1.1's octal numbers, no numbers to base 60. Source: go-yaml, which
compose-go uses; its rules for plain scalars (resolver.go)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import yaml
from yaml.composer import ComposerError

from compose.disk import Document
from compose.findings import Finding, Path, Refused
from compose.values import List, Map, Place

MAX_DEPTH = 100
MAX_VALUES = 100_000  # of a document, with its aliases written out; compose-go has the same limit
_TAGGED = {
    f"tag:yaml.org,2002:{tag}": kinds for tag, kinds in (("int", (int,)), ("float", (int, float)), ("bool", (bool,)))
}
_Base: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_PLAIN, _TEXT = "plain", "tag:yaml.org,2002:str"
_NULL = ("", "~", "null", "Null", "NULL")
_BOOLEANS = {word: value for value in (True, False) for word in (str(value).lower(), str(value), str(value).upper())}
_SPECIAL = {"inf": float("inf"), "Inf": float("inf"), "INF": float("inf"), "nan": float("nan"), "NaN": float("nan")}
_INTEGER = re.compile(r"[-+]?(0b[01]+|0o[0-7]+|0[0-7]*|0x[0-9a-fA-F]+|[1-9][0-9]*)", re.IGNORECASE)
_TIME = re.compile(r"(\d{4})-(\d\d?)-(\d\d?)(?:[Tt ](\d\d?):(\d\d?):(\d\d?)(\.\d+)?(Z|[-+]\d\d:\d\d)?)?", re.ASCII)
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")


class OddNumber(int):
    """A whole number that is written otherwise than it reads, as 0022 for 18. Where text is expected it is refused."""


class _Rules:
    """Gives a plain scalar a tag of its own, since PyYAML reads it by YAML 1.1. It raises RecursionError in time:
    libyaml's own end of what can be nested is the end of the process."""

    depth = 0

    def descend_resolver(self, current_node: yaml.Node, current_index: Any) -> None:
        self.depth += 1
        if self.depth > MAX_DEPTH:
            raise RecursionError

    def ascend_resolver(self) -> None:
        self.depth -= 1

    def resolve(self, kind: type[yaml.Node], value: str, implicit: tuple[bool, bool]) -> str:
        if kind is yaml.ScalarNode:
            return _PLAIN if implicit[0] else _TEXT
        found: str = super().resolve(kind, value, implicit)  # type: ignore[misc]  (of the loader below)
        return found


class _Loader(_Rules, _Base):
    """The fast one, by libyaml."""


class _LoaderOfAnchors(_Rules, yaml.SafeLoader):
    """Takes an anchor that is given twice: an alias means the last one before it (YAML 1.2.2, 3.2.2.2)."""

    def compose_node(self, parent: yaml.Node | None, index: Any) -> yaml.Node | None:
        event = self.peek_event()
        if not isinstance(event, yaml.AliasEvent):
            self.anchors.pop(event.anchor, None)
        return super().compose_node(parent, index)


@dataclass
class _Reading:
    file: str
    cleared: list[Path] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    left: int = MAX_VALUES
    above: set[int] = field(default_factory=set)

    def place(self, node: yaml.Node) -> Place:
        return Place(self.file, node.start_mark.line + 1)

    def tell_of_double(self, path: Path, key: yaml.Node, line: int) -> None:
        """Once, however many aliases lead there."""
        message = f"stands in line {line} already; Compose takes a key once"
        finding = Finding(path, self.place(key), "", message, "keep one of them")
        if not any((one.place, one.path[-1]) == (finding.place, path[-1]) for one in self.findings):
            self.findings.append(finding)


def read_documents(text: str, file: str) -> list[Document]:
    """Raises Refused. file: its name in what is told of it."""
    try:
        nodes = _nodes(text.removeprefix("\ufeff"))
    except yaml.YAMLError as error:
        raise Refused(_not_yaml(error, file)) from None
    except RecursionError:
        raise Refused(Finding((), Place(file, 1), "", "is nested too deeply", "correct the file")) from None
    documents = []
    for node in nodes:
        reading = _Reading(file)
        value = _value(node, (), reading)
        if not isinstance(value, Map):
            place = Place(file, node.start_mark.line + 1 if node else 1)
            message = "is no map of keys, so it is not a compose file"
            raise Refused(Finding((), place, "", message, "name a compose file"))
        documents.append(Document(value, tuple(reading.cleared), tuple(reading.findings)))
    return documents


def _nodes(text: str) -> list[yaml.Node]:
    try:
        return list(yaml.compose_all(text, Loader=_Loader))
    except ComposerError as error:
        if "duplicate anchor" not in (error.context or ""):
            raise
        return list(yaml.compose_all(text, Loader=_LoaderOfAnchors))


def _value(node: yaml.Node | None, path: Path, reading: _Reading) -> Any:
    reading.left -= 1
    if reading.left < 0:
        message = f"has aliases (*) that stand for more than {MAX_VALUES} values"
        raise Refused(Finding((), Place(reading.file, 1), "", message, "write it without them"))
    if node is None:
        return None
    if node.tag == "!override":
        reading.cleared.append(path)
    if isinstance(node, yaml.ScalarNode):
        value = _scalar(node)
        kinds = _TAGGED.get(node.tag)
        if kinds and not isinstance(value, kinds):
            message = "is not YAML: found a value that is not what its tag says"
            raise Refused(Finding(path, reading.place(node), "", message, "correct the file"))
        return value
    if id(node) in reading.above:
        message = "contains itself by an alias (*)"
        raise Refused(Finding(path, reading.place(node), "", message, "write it out without the alias"))
    reading.above.add(id(node))
    try:
        return _list(node, path, reading) if isinstance(node, yaml.SequenceNode) else _map(node, path, reading)
    finally:
        reading.above.discard(id(node))


def _list(node: yaml.SequenceNode, path: Path, reading: _Reading) -> List:
    kept = [item for item in node.value if item.tag != "!reset"]
    return List(
        [_value(item, (*path, index), reading) for index, item in enumerate(kept)],
        [reading.place(item) for item in kept],
    )


def _map(node: Any, path: Path, reading: _Reading) -> Map:
    found, merged, lines = Map(), [], {}
    for key, value in node.value:
        name = _key(key, path, reading)
        if name in lines:
            reading.tell_of_double((*path, name), key, lines[name])
            continue
        lines[name] = key.start_mark.line + 1
        if name == "<<" and key.tag == _PLAIN:
            merged.append(value)
        elif value.tag == "!reset":
            reading.cleared.append((*path, name))
        else:
            found[name] = _value(value, (*path, name), reading)
            found.places[name] = reading.place(key)
    for value in merged:
        for source in _merged(value, path, reading):
            for name in source:
                if name not in lines:
                    found.take(name, source)
                    lines[name] = 0
    return found


def _merged(node: yaml.Node, path: Path, reading: _Reading) -> Iterator[Map]:
    """The maps of a merge key (<<), the one that wins first."""
    value = _value(node, path, reading)
    for source in value if isinstance(value, List) else [value]:
        if not isinstance(source, Map):
            message = "is merged with <<, and that takes maps only"
            raise Refused(Finding(path, reading.place(node), "", message, "name an anchor (&) of a map"))
        yield source


def _key(node: yaml.Node, path: Path, reading: _Reading) -> str:
    value = _scalar(node) if isinstance(node, yaml.ScalarNode) else None
    if isinstance(value, str):
        return value
    message = "has a key that is not text, and Compose takes none"
    shown = node.value if isinstance(node, yaml.ScalarNode) else ""
    raise Refused(Finding(path, reading.place(node), shown, message, "put the key in quotes"))


def _scalar(node: yaml.ScalarNode) -> Any:
    text, tag = node.value, node.tag
    if tag in (_PLAIN, "!override") or (tag.startswith("tag:yaml.org,2002:") and tag != _TEXT):
        return _plain(text)
    return text


def _plain(text: str) -> Any:
    if text in _NULL:
        return None
    if text in _BOOLEANS:
        return _BOOLEANS[text]
    if text[0] not in "+-.0123456789":
        return text
    sign, rest = (text[0], text[1:]) if text[0] in "+-" else ("", text)
    if rest.startswith(".") and rest[1:] in _SPECIAL:
        return -_SPECIAL[rest[1:]] if sign == "-" else _SPECIAL[rest[1:]]
    if match := _TIME.fullmatch(text):
        return _time(match) or text
    plain = text.replace("_", "")
    if plain == "-0":
        return -0.0
    if _INTEGER.fullmatch(plain) and (number := _integer(plain)) is not None:
        return number if str(number) == text else OddNumber(number)
    if not _FLOAT.fullmatch(plain) or (found := float(plain)) in (float("inf"), float("-inf")):
        return text
    return found


def _integer(plain: str) -> int | None:
    """None for one that is too large for the parser."""
    digits = plain.lstrip("+-").lower()
    base = {"0b": 2, "0o": 8, "0x": 16}.get(digits[:2]) or (8 if digits.startswith("0") else 10)
    if len(digits) > 99:
        return None
    number = int(digits, base) * (-1 if plain.startswith("-") else 1)
    return number if -(2**63) <= number < 2**64 else None


def _time(match: re.Match[str]) -> str | None:
    """A date or time as Compose makes text of it, None if there is no such day."""
    year, month, day, hour, minute, second, fraction, zone = match.groups()
    try:
        moment = datetime(int(year), int(month), int(day), int(hour or 0), int(minute or 0), int(second or 0))
    except ValueError:
        return None
    zone = (zone or "Z").strip()
    offset = "+0000 UTC" if zone == "Z" else " ".join([zone.replace(":", "").ljust(5, "0")] * 2)
    fraction = (fraction or "").rstrip("0").rstrip(".")
    return f"{moment:%Y-%m-%d %H:%M:%S}{fraction} {offset}"


def _not_yaml(error: yaml.YAMLError, file: str) -> Finding:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    place = Place(file, mark.line + 1) if mark else None
    column = f", in column {mark.column + 1}" if mark else ""
    return Finding((), place, "", f"is not YAML: {complaint(error)}{column}", "correct the file")


def complaint(error: yaml.YAMLError) -> str:
    """What is wrong, without the line itself, which may contain a password."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return " ".join(str(error).split())
    problem = error.problem or "it cannot be read"
    if problem.startswith("but ") and error.context:
        problem = f"{error.context}, {problem}"  # half a sentence otherwise
    return re.sub(r"(['\"])(?P<quoted>.*?)\1", _parsers_own, problem)


def _parsers_own(match: re.Match[str]) -> str:
    """Keeps what PyYAML quotes of its own: words for parts of a document, single signs, and a tab. Everything else is
    the file's."""
    if match["quoted"] == r"\t":
        return "TAB"
    return match[0] if re.fullmatch(r"<[a-z ]+>|\W", match["quoted"]) else "…"
