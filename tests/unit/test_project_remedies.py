"""A remedy about a Compose project leads on: who does what it says is told of that no more, and of no other error."""

import re
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass, field, replace
from typing import Any

import pytest

from config.problems import Problem
from facts.nas import LiveNetwork, LiveRange, NasFacts
from facts.storage import LiveVolume
from tests.unit.recorded import CASES, project_in, site_text_in
from tests.unit.test_findings import found
from tests.unit.test_remedies import errors, parsed


@dataclass
class Person:
    """Somebody who reads a problem of that case, and does what it says."""

    case: str
    problem: Problem
    site: Any
    file: Any
    nas: list[Callable[[NasFacts], NasFacts]] = field(default_factory=list)

    @property
    def service(self) -> Any:
        return self.file["services"][self.problem.path.partition("services.")[2].split(".")[0]]

    @property
    def network(self) -> Any:
        return self.file["networks"][self.problem.path.partition("networks.")[2].split(".")[0]]

    def goes_on(self) -> list[Problem]:
        def nas(facts: NasFacts) -> NasFacts:
            for change in self.nas:
                facts = change(facts)
            return facts

        return found(self.case, parsed(self.site), self.file, nas)


def names_the_project(person: Person, name: str) -> None:
    person.site["compose"][0]["name"] = name


def mounts_it_by_name(person: Person, volume: str, target: str, instead: str | None, declared: str) -> None:
    mounts = person.service["volumes"]
    if instead:
        mounts.remove(instead)
    mounts.append(f"{volume}:{target}")
    assert volume == declared
    person.file["volumes"][declared] = {"external": True}


def removes_the_container(person: Person, name: str) -> None:
    def change(facts: NasFacts) -> NasFacts:
        assert name in facts.containers
        return replace(facts, containers={key: one for key, one in facts.containers.items() if key != name})

    person.nas.append(change)


def keeps_the_mac(person: Person, mac: str) -> None:
    person.service["mac_address"] = mac


def makes_a_network(person: Person, name: str) -> None:
    made = LiveNetwork("5d" * 32, name, "bridge", {}, (LiveRange("172.31.0.0/16", "172.31.0.1"),), ipv6=False)
    person.nas.append(lambda facts: replace(facts, networks=(*facts.networks, made)))


def removes_the_network(person: Person, name: str) -> None:
    person.nas.append(lambda facts: replace(facts, networks=tuple(one for one in facts.networks if one.name != name)))


def has_the_network_made(person: Person) -> None:
    del person.network["external"]


def names_the_network(person: Person, name: str) -> None:
    person.network["name"] = name


def makes_a_volume(person: Person, name: str) -> None:
    person.nas.append(lambda facts: replace(facts, volumes={**(facts.volumes or {}), name: LiveVolume(name, "local")}))


def names_the_volume(person: Person, key: str, name: str) -> None:
    person.file["volumes"][key] = {"name": name}


def writes_the_driver(person: Person, driver: str) -> None:
    person.file["volumes"][person.problem.path.rpartition(".")[2]] = {"driver": driver}


def makes_it_internal(person: Person, key: str) -> None:
    person.file["networks"][key]["internal"] = True


def renames_the_network(person: Person, name: str, key: str) -> None:
    person.file["networks"][key] = {**(person.file["networks"][key] or {}), "name": name}


def takes_it_off(person: Person, name: str) -> None:
    for key, declared in person.file["networks"].items():
        if (declared or {}).get("name", f"home_{key}") == name:
            person.service["networks"].pop(key, None)


def removes_the_address(person: Person) -> None:
    key, _, line = person.problem.path.partition(".networks.")[2].partition(".")
    del person.service["networks"][key][line]


def removes_the_subnet(person: Person) -> None:
    del person.network["ipam"]


def switches_ipv6_off(person: Person) -> None:
    for declared in person.file["networks"].values():
        if (declared or {}).pop("enable_ipv6", None):
            del declared["ipam"]


def upgrades(person: Person, engine: str) -> None:
    person.nas.append(lambda facts: replace(facts, docker=replace(facts.docker, engine=f"{engine}.0.0")))


FORMS: dict[str, Callable[..., None]] = {
    r"write `name: (\S+)` beside the file's path in `site.compose:`": names_the_project,
    r"write `- ([0-9a-f]{64}):([^`]+)` (?:in place of `- ([^`]+)` )?under the service's `volumes:`, and "
    r"`(\w+): \{external: true\}` under the file's own": mounts_it_by_name,
    r"`docker rm -f (\S+)`": removes_the_container,
    r", or remove (\S+) there$": removes_the_container,
    r"write `mac_address: (\S+)` there": keeps_the_mac,
    r"`docker network create (\S+)`": makes_a_network,
    r"`docker network rm (\S+)`, its containers": removes_the_network,
    r"remove `external: true`": has_the_network_made,
    r"write `name: (\S+)` there": names_the_network,
    r"`docker volume create (\S+)`": makes_a_volume,
    r"`volumes: \{(\S+): \{name: (\S+)\}\}` in the file": names_the_volume,
    r"write `driver: (\S+)`": writes_the_driver,
    r"write `internal: true` under the network (\S+), if (?!.*take the container off)": makes_it_internal,
    r"`name: (\S+)` under the network (\S+), which": renames_the_network,
    r"^take the container off (\S+);": takes_it_off,
    r"write a free address of \S+, or remove the line": removes_the_address,
    r"write another subnet there, or remove the line": removes_the_subnet,
    r"remove `enable_ipv6` and its IPv6 subnet": switches_ipv6_off,
    r"upgrade Docker, which takes a priority from (\d+) on": upgrades,
}
REMEDIES = [
    pytest.param(name, problem, form, match, id=f"{name}-{does.__name__}-{problem.path.rpartition(' ')[2]}")
    for name in CASES
    if name.startswith("project-")
    for problem in found(name)
    if problem.path.startswith("home/")
    for form, does in FORMS.items()
    for match in re.finditer(form, problem.remedy)
]


def test_each_form_is_followed_somewhere() -> None:
    assert {*FORMS} == {one.values[2] for one in REMEDIES}


@pytest.mark.parametrize(("name", "problem", "form", "match"), REMEDIES)
def test_who_does_what_a_finding_says_meets_no_new_error(
    name: str, problem: Problem, form: str, match: re.Match[str]
) -> None:
    person = Person(name, problem, site_text_in(name), deepcopy(project_in(name)))
    FORMS[form](person, *match.groups())
    after = person.goes_on()
    assert (problem.path, problem.value, problem.message) not in {(one.path, one.value, one.message) for one in after}
    assert {path for path, _ in errors(after)} <= {path for path, _ in errors(found(name))}
