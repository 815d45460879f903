"""The keys that our table of the Compose specification covers are those of compose-go's own JSON schema."""

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.compose.oracle import ROOT, SOURCES

# These repeat a service's keys: a job, and a container that runs before the service's own
REPEATED = ("jobs.", "services.*.pre_start.")


def schema() -> dict[str, Any]:
    go = subprocess.run([ROOT / "lab/find-go"], check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
    words = [go, "mod", "download", "-json", "github.com/compose-spec/compose-go/v2"]
    found = subprocess.run(words, cwd=SOURCES, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(Path(json.loads(found.stdout)["Dir"], "schema/compose-spec.json").read_text())


def keys(node: Any, known: dict[str, Any], at: str = "", above: tuple[str, ...] = ()) -> Iterator[str]:
    """The paths of all keys below a part of the schema. known: its definitions; above: those that this one is in."""
    if not isinstance(node, dict):
        return
    name = str(node.get("$ref", "")).rpartition("/")[2]
    if name and name not in above:
        yield from keys(known[name], known, at, (*above, name))
    for part in (*node.get("oneOf", ()), *node.get("anyOf", ()), *node.get("allOf", ())):
        yield from keys(part, known, at, above)
    for key, part in node.get("properties", {}).items():
        here = f"{at}.{key}" if at else key
        yield here
        yield from keys(part, known, here, above)
    for pattern, part in node.get("patternProperties", {}).items():
        if not pattern.startswith("^x-"):
            yield from keys(part, known, f"{at}.*", above)
    yield from keys(node.get("additionalProperties"), known, f"{at}.*", above)
    yield from keys(node.get("items"), known, f"{at}.[]", above)


def test_no_key_of_the_specification_is_missing_in_our_list() -> None:
    found = schema()
    names = {key for key in keys(found, found["$defs"]) if not key.startswith(REPEATED)}
    assert names == {*(ROOT / "tests/unit/compose_keys.txt").read_text().split()}
