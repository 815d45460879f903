"""What NASes said, recorded by probe.sh in the lab (tests/unit/answers), and the cases made of it.

A case is a file under tests/unit/findings: the answer it starts from, what is other than in the lab (`edits` of its
text, whole `sections`), what the `site` says otherwise, and what it `says`. A case with a `project` has the Compose
project that the answer `compose` is of (answers/compose.yml) in its site, with these changes, as in `entry`.
"""

import re
import tempfile
from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from config.problems import Problem
from config.site import Site, parse_site
from config.sources import Sources, all_services, errors
from facts.nas import NasFacts
from facts.state import StackState
from inputs.compose_files import read_projects
from install.conf import read_conf
from probe.parse import parse_facts
from tests.unit.sites import compose_file, put, site_of, sources_of

HERE = Path(__file__).parent
STACK = "organization/macvlan-ipv6/home"  # the one whose preview a case is
PROJECT = "home/docker-compose.yml"
CASES = sorted(path.stem for path in (HERE / "findings").glob("*.yaml"))


def answer(name: str, kind: str = "txt") -> str:
    return (HERE / "answers" / f"{name}.{kind}").read_text()


@cache
def case(name: str) -> dict[str, Any]:
    return yaml.safe_load((HERE / "findings" / f"{name}.yaml").read_text())


def facts_of(name: str) -> NasFacts:
    told = case(name)
    text = answer(told["answer"])
    for edit in told.get("edits", []):
        assert edit["old"] in text, f"{name}: {edit['old']}"
        text = text.replace(edit["old"], edit["new"])
    for section, body in told.get("sections", {}).items():
        text, count = re.subn(rf"(^== {section}\n).*?(?=^== )", rf"\g<1>{body}", text, flags=re.MULTILINE | re.DOTALL)
        assert count == 1, f"{name}: {section}"
    return parse_facts(text)


def stack_state_in(name: str, facts: NasFacts, network: str = "") -> StackState:
    """What the state holds for a network of the site: what the case says, else what an earlier run of this stack's
    would have left in it."""
    told = case(name).get("states", {}).get(network, case(name).get("state"))
    if told is None:
        return stack_state_left_by(facts)
    sets = {key: frozenset(told.get(key, ())) for key in ("containers", "paths", "all_paths")}
    return StackState(**{**told, **sets})


def stack_state_left_by(facts: NasFacts) -> StackState:
    """Of the stack that made what is on the NAS."""
    record = read_conf(facts.conf)
    if record is None and not any(one.addresses for one in facts.containers.values()):
        return StackState()
    known = frozenset(one.name for one in facts.containers.values() if one.addresses)
    network = next((one.name for one in facts.networks if "macvlan-ipv6.made-by" in one.labels), "")
    return StackState(
        network, bool(network), known | (frozenset(record.containers) if record is not None else frozenset()), True
    )


def site_text_in(name: str) -> Any:
    told = case(name)
    if "project" in told:
        entry = {"path": PROJECT, "services": "all", **told.get("entry", {})}
        return _merged(site_of(put("compose", [entry]), put("containers", {})), told.get("site", {}))
    return _merged(site_of(), told.get("site", {}))


def project_in(name: str) -> Any:
    """The compose file of a case with a project, None for another case."""
    changes = case(name).get("project")
    if changes is None:
        return None
    document = yaml.safe_load(answer("compose", "yml"))
    services = document["services"] | changes.get("services", {})
    services = {key: {**document["services"].get(key, {}), **service} for key, service in services.items()}
    sections = {key: {**document[key], **changes.get(key, {})} for key in ("networks", "volumes")}
    return {"services": services, **sections}


def sources_in(site: Site, project: Any) -> tuple[Sources, list[Problem]]:
    """The services of a case, and what is wrong with its project. project: its compose file."""
    if project is None:
        return sources_of(site, [compose_file()] if site.compose else [])[0], []
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, PROJECT)
        path.parent.mkdir()
        path.write_text(yaml.safe_dump(project, sort_keys=False))
        projects, taken, problems = read_projects(site, Path(folder))
    assert projects and not problems, problems
    sources, told = all_services(site, projects, taken)
    return sources, errors(told)


def site_in(name: str) -> Site:
    site, problems = parse_site(site_text_in(name))
    assert site is not None and not problems, problems
    return site


def _merged(base: Any, changes: Any) -> Any:
    if not isinstance(base, dict) or not isinstance(changes, dict):
        return deepcopy(changes)
    return {**base, **{key: _merged(base.get(key), value) for key, value in changes.items()}}
