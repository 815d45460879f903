"""docs/compose.md: no key of the Compose specification is missing in it, and what it says of a key is what happens."""

import inspect
import re
from collections.abc import Iterator
from typing import Any

import pulumi_docker
import pytest

from cli.keys import page
from config.compose import take
from config.networks import lan_settings
from config.problems import Problem
from config.projects.key_table import BELOW, Row, covers, rows
from config.projects.specification import LINKS, Done, Ignored, Refused
from config.site import parse_site
from tests.unit.sites import ROOT, compose_file, site_of

# The specification's keys; tests/compose/test_specification.py compares them with its JSON schema
KEYS = (ROOT / "tests/unit/compose_keys.txt").read_text().split()
ROWS = {row.key: row.rule for row in rows()}
UNKNOWN = "is not a key of"


def test_the_page_is_what_make_keys_writes() -> None:
    assert (ROOT / "docs/compose.md").read_text() == page()


@pytest.mark.parametrize("key", KEYS)
def test_the_table_says_what_becomes_of_each_key_of_the_specification(key: str) -> None:
    assert covers(ROWS, key)


def test_the_table_has_no_other_keys() -> None:
    assert {*ROWS} - {*KEYS} == set()
    below = {f"{key}.{name}" for key, names in BELOW.items() for name in names.split()}
    known = {key.replace(".[].", ".").replace(".*.", ".") for key in KEYS}
    assert {key.replace(".[].", ".").replace(".*.", ".") for key in below} - known == set()


def test_a_key_that_is_not_in_the_table_is_seen() -> None:
    assert not covers(ROWS, "services.*.brandnew") and not covers(ROWS, "services.*.healthcheck.brandnew")
    assert not covers(ROWS, "services.*.build.brandnew")


def nested(path: list[str], value: Any) -> Any:
    """A value at the end of that path, in what has to stand beside it."""
    if not path:
        return value
    head, *rest = path
    inner = nested(rest, value)
    return [inner] if head == "[]" else {"one" if head == "*" else head: inner}


BESIDE: dict[str, Any] = {"volumes": {"type": "bind", "source": "/a", "target": "/b"}, "ports": {"target": 80}}


def told(key: str) -> Iterator[Problem]:
    """All that is told of a file with that key in it."""
    section, *path = key.split(".")
    service: dict[str, Any] = {"image": "x", "networks": {"bridge-host": {"ipv4_address": "192.168.1.9"}, "one": {}}}
    document: dict[str, Any] = {
        "services": {"box": service},
        "networks": {"bridge-host": {"external": True}, "one": {}},
    }
    if section == "services" and path:
        written = nested(path[1:], ["one"] if path[-1] == "links" else "true")
        for name, value in written.items():
            if isinstance(value, list) and value and isinstance(value[0], dict):
                value[0] = {**BESIDE.get(name, {"source": "one"}), **value[0]}
            service[name] = {**service[name], **value} if name == "networks" and isinstance(value, dict) else value
    elif section in ("networks", "volumes", "configs", "secrets") and path:
        document.setdefault(section, {})["one"] = nested(path[1:], "true")
        service["volumes"] = [{"type": "volume", "source": "one", "target": "/a"}] if section == "volumes" else []
        service["configs"] = ["one"] if section == "configs" else []
        service["secrets"] = ["one"] if section == "secrets" else []
    else:
        document.setdefault(section, nested(path, {}) if path else {})
    site, _ = parse_site(site_of())
    assert site is not None
    yield from take(compose_file(document), lan_settings(site)).problems


def place_of(key: str) -> str:
    """The end of the path in a problem of that key."""
    return key.split(".*.", 1)[-1].replace(".[]", "[0]").replace("*", "one")


CASES = [row for row in rows() if row.key.partition(".")[0] != "include"]  # which the reader's own tests are about


@pytest.mark.parametrize("row", CASES, ids=[row.key for row in CASES])
def test_what_the_table_says_of_a_key_is_what_happens(row: Row) -> None:
    found = [*told(row.key)]
    at = [one for one in found if one.path.endswith(place_of(row.key)) or f": {place_of(row.key)}" in one.path]
    if isinstance(row.rule, Refused):
        assert (row.rule.why, row.rule.remedy) in [(one.message, one.remedy) for one in found]
    elif isinstance(row.rule, Ignored) and not row.rule.quiet:
        why = LINKS if row.key.endswith(".links") else row.rule.why
        assert why in "".join(one.message for one in found if one.severity == "note")
    elif isinstance(row.rule, Done):
        assert [one for one in at if one.message.startswith(UNKNOWN)] == []


@pytest.mark.parametrize(
    "keys",
    [{"oom_kill_disable": False}, {"pids_limit": 0}, {"mem_swappiness": "0"}, {"uts": ""}, {"use_api_socket": False},
     {"blkio_config": {"weight": 0}}, {"deploy": {"resources": {"limits": {"pids": 0}}}}],
)  # fmt: skip
def test_a_refused_key_that_asks_for_nothing_is_none(keys: dict[str, Any]) -> None:
    document = {"services": {"box": {"image": "x", "networks": ["bridge-host"], **keys}}}
    site, _ = parse_site(site_of())
    assert site is not None
    networks = {"networks": {"bridge-host": {"external": True}}}
    assert take(compose_file(document | networks), lan_settings(site)).problems == []


# Parameters of the plugin's container that none of Compose's keys needs, or that say the same as another one
UNUSED = {
    "container_read_refresh_timeout_milliseconds": "the plugin's own",
    "gpus": "device_requests",
    "logs": "the plugin's own",
    "platform": "the image's",
    "publish_all_ports": "`docker run -P`",
    "rm": "`docker run --rm`",
    "start": "the plugin's own",
    "uploads": "configs and secrets that are no files",
}


def test_what_the_docker_plugin_can_say_of_a_container_is_done() -> None:
    known = {*inspect.signature(pulumi_docker.ContainerArgs.__init__).parameters} - {"__self__"}
    texts = [path.read_text() for path in (ROOT / "components/containers").glob("*.py")]
    said = {name for text in texts for name in re.findall(r"\b(\w+)[=\"]", text)}
    assert known - said == {*UNUSED}
