"""That the corpus has every key and every form of the Compose specification."""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator
from typing import Any

from tests.compose.cases import CORPUS
from tests.compose.oracle import Oracle

Schema = dict[str, Any]
# How JSON's types are called that go-yaml gives.
KINDS = {
    "map": "object",
    "list": "array",
    "int": "integer",
    "uint64": "integer",
    "float64": "number",
    "bool": "boolean",
}
KINDS |= {"<nil>": "null"}
EXTENSION = "^x-"
# What the schema allows and compose-go refuses nevertheless: in corpus/refused or wrong_values.py.
REFUSED = {
    "container_spec.pid": {"null"},
    "container_spec.blkio_config.weight": {"string"},
    "blkio_weight.weight": {"string"},
    "container_spec.volumes[].tmpfs.mode": {"string"},
    # `gpus` is a list, and a list has no keys.
    "gpus.x-": {"any"},
}


def test_every_key_and_form_of_the_specification_is_in_the_corpus() -> None:
    with Oracle() as oracle:
        specification = Specification(oracle.schema())
        seen: defaultdict[str, set[str]] = defaultdict(set)
        for file in sorted((CORPUS / "taken").rglob("*.yml")):
            # go-yaml alone refuses an alias of a list below <<, which compose-go puts right before.
            for document in oracle.ask(yaml=file.read_text("utf-8-sig")).get("documents", ()):
                for path, kind in specification.walked(document):
                    seen[path].add(kind)
    wanted = specification.forms()
    assert len(wanted) > 350
    missing = {path: kinds - seen[path] - REFUSED.get(path, set()) for path, kinds in wanted.items()}
    assert {path: kinds for path, kinds in missing.items() if kinds} == {}
    assert [path for path, kinds in REFUSED.items() if kinds & seen[path]] == []


class Specification:
    """A path begins at the last definition with a name: `healthcheck.test[]` for both services and jobs."""

    def __init__(self, schema: Schema) -> None:
        self._top, self._definitions = schema, schema["$defs"]

    def forms(self) -> dict[str, set[str]]:
        """Path → the types that may stand there; "any" for a key whatever it is."""
        found: dict[str, set[str]] = {}
        ahead: list[tuple[Schema, str]] = [(self._top, "")]
        while ahead:
            schema, path = ahead.pop()
            schema, path = self._named(schema, path)
            if path in found:
                continue
            parts = [*self._parts(schema, path)]
            found[path] = {kind for part, _ in parts for kind in _types(part)} or {"any"}
            for part, at in parts:
                for name, below in part.get("properties", {}).items():
                    ahead.append((below, f"{at}.{name}"))
                for name, below in part.get("patternProperties", {}).items():
                    if name == EXTENSION:
                        found[f"{at}.x-"] = {"any"}
                    else:
                        ahead.append((below, f"{at}.*"))
                if isinstance(part.get("items"), dict):
                    ahead.append((part["items"], f"{at}[]"))
        return found

    def walked(self, value: Schema, schema: Schema | None = None, path: str = "") -> Iterator[tuple[str, str]]:
        """Path and type of everything in a document of the oracle's."""
        schema, path = self._named(self._top if schema is None else schema, path)
        kind: str = KINDS.get(value["type"]) or value["type"]
        yield from ((path, one) for one in (kind, "any"))
        if kind == "integer":
            yield path, "number"
        for part, at in self._parts(schema, path):
            if kind == "array" and isinstance(part.get("items"), dict):
                for item in value["items"]:
                    yield from self.walked(item, part["items"], f"{at}[]")
            if kind == "object":
                for name, item in value["entries"].items():
                    yield from self._entry(part, name, item, at)

    def _entry(self, part: Schema, name: str, item: Schema, at: str) -> Iterator[tuple[str, str]]:
        if name in part.get("properties", {}):
            yield from self.walked(item, part["properties"][name], f"{at}.{name}")
            return
        for pattern, below in part.get("patternProperties", {}).items():
            if pattern == EXTENSION and name.startswith("x-"):
                yield f"{at}.x-", "any"
            elif pattern != EXTENSION and re.search(pattern, name):
                yield from self.walked(item, below, f"{at}.*")

    def _named(self, schema: Schema, path: str) -> tuple[Schema, str]:
        while "$ref" in schema:
            path = schema["$ref"].rpartition("/")[2]
            schema = self._definitions[path]
        return schema, path

    def _parts(self, schema: Schema, path: str) -> Iterable[tuple[Schema, str]]:
        """The schema and the alternatives in it, each with the path that its keys begin with."""
        yield schema, path
        for word in ("oneOf", "anyOf", "allOf"):
            for other in schema.get(word, ()):
                yield from self._parts(*self._named(other, path))


def _types(schema: Schema) -> set[str]:
    kinds = schema.get("type", "object" if "properties" in schema else [])
    return {kinds} if isinstance(kinds, str) else set(kinds)
