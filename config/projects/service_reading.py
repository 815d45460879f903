"""One service of a Compose project as a model, with what is ignored in it and what is wrong with it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from pydantic import ValidationError

from compose.project import Project
from compose.values import Derived, copied, without_extensions
from config.problems import Problem, as_text, from_pydantic, pruned, unknown_keys
from config.projects.specification import BUILT_ELSEWHERE, NOT_BUILT, Ignored, Refused, rule_of, told
from config.service import Service, pulls_by_itself

Location = tuple[str | int, ...]
_NOTHING = (None, False, 0, "0", "", [], {})  # values by which Compose does no more than without the key


@dataclass
class Reading:
    """service: None if one of its values is wrong; the rest then is a part, which may lack the networks. ignored:
    (key, why) of what is left out; unset: environment variables that have no value anywhere; secret: those whose value
    came from a variable or an env file."""

    service: Service | None = None
    part: Service | None = None
    is_wrong: bool = False
    lacks_networks: bool = False
    problems: list[Problem] = field(default_factory=list)
    ignored: list[tuple[str, str]] = field(default_factory=list)
    unset: list[str] = field(default_factory=list)
    secret: frozenset[str] = frozenset()


def read_service(project: Project, key: str, path: str) -> Reading:
    """path: of the service, in what is told of it."""
    found = Reading()
    raw = without_extensions(copied(project.services[key]))
    _environment(raw, found)
    found.ignored += _without_pull(raw)
    if "build" in raw:
        raw.setdefault("pull_policy", "missing")  # what was built on the NAS is in no registry
    for _ in range(3):
        try:
            found.part = Service.model_validate(raw).as_deployed()
            break
        except ValidationError as error:
            raw = _sorted_out(error, raw, path, found)
            raw = _without_wrong(error, raw, found)
    found.problems = list(dict.fromkeys(found.problems))
    written = project.services[key].keys()
    if "image" not in written and {"build", "provider"} & written:
        found.problems = [problem for problem in found.problems if problem.path != f"{path}.image"]
    if "build" in written:
        found.ignored = [(name, why) for name, why in found.ignored if name != "build"]
        found.problems.append(_of_build(project.name, key, f"{path}.build", "image" in written))
    if not found.is_wrong:
        found.service, found.part = found.part, None
    return found


def _of_build(project: str, key: str, path: str, has_image: bool) -> Problem:
    if not has_image:
        remedy = f"write `image: {project}-{as_text(key)}` beside it, as Compose calls what it has built on the NAS"
        return Problem(path, "", NOT_BUILT, f"{remedy}, or the name of an image in a registry")
    remedy = f"if the NAS has none, and none can be pulled, build it there first: `docker compose build {as_text(key)}`"
    return Problem(path, "", BUILT_ELSEWHERE, remedy, "note")


def _sorted_out(error: ValidationError, raw: Any, path: str, found: Reading) -> Any:
    """What is left of the service without the keys that the models do not have; tells of everything that is wrong."""
    unknown: set[Location] = set()
    for problem, detail in zip(from_pydantic(error, path, {}), error.errors(include_url=False), strict=True):
        location = detail["loc"]
        if detail["type"] == "extra_forbidden":
            unknown.add(location)
            _tell_of_key(hidden(problem, detail["input"]), location, detail["input"], found)
        else:
            found.problems.append(hidden(problem, detail["input"]))
    return pruned(raw, unknown)


def _without_wrong(error: ValidationError, raw: dict[str, Any], found: Reading) -> dict[str, Any]:
    """The service without the values that are wrong, so that the same run sees what else is."""
    places = [detail["loc"] for detail in error.errors(include_url=False) if detail["type"] != "extra_forbidden"]
    if not places:
        return raw
    found.is_wrong = True
    rest = pruned(raw, {place if place[0] == "networks" and len(place) > 2 else place[:2] for place in places})
    if ("image",) in places:
        rest["image"] = "unread"
    for place in places:
        if place[0] == "networks" and len(place) == 2:
            rest["networks"][place[1]] = None
        found.lacks_networks |= place[0] in ("networks", "ipv4_address")
    return rest


def without_ignored(raw: Any) -> tuple[Any, list[tuple[str, str]]]:
    """A service of the site itself without the keys that are ignored, and these with the reasons."""
    ignored = _without_pull(raw) if isinstance(raw, dict) else []
    try:
        Service.model_validate(raw)
    except ValidationError as error:
        rules = {location: rule_of(location) for location in unknown_keys(error)}
        rules = {location: rule for location, rule in rules.items() if isinstance(rule, Ignored)}
        ignored += [(_generic(location), rule.why) for location, rule in rules.items() if not rule.quiet]
        raw = pruned(raw, {*rules})
    return raw, ignored


def _without_pull(raw: dict[str, Any]) -> list[tuple[str, str]]:
    if not pulls_by_itself(raw.get("pull_policy")):
        return []
    del raw["pull_policy"]
    return [("pull_policy", "pulls nothing by itself here: an image is pulled when a person says so (`imagesPulled`)")]


def _tell_of_key(problem: Problem, location: Location, value: Any, found: Reading) -> None:
    rule = rule_of(location)
    if isinstance(rule, Refused) and value in _NOTHING:
        return
    if isinstance(rule, Ignored) and not rule.quiet:
        found.ignored.append((_generic(location), rule.why))
    if wrong := told(problem, rule):
        found.problems.append(wrong)


def _generic(location: Location) -> str:
    return ".".join(str(part) for part in location if not isinstance(part, int))


def hidden(problem: Problem, given: Any) -> Problem:
    """Without its value, if that came from a variable: it may be a password. Where a sentence has a part of it, too,
    there is another one."""
    if not isinstance(given, Derived):
        return problem
    parts = [part for part in re.split(r"[^a-z0-9]+", given.lower()) if len(part) > 2]
    message = "has a value from a variable that cannot be taken"
    remedy = "correct it in the .env, or where else the variable has its value from"
    message, remedy = (
        other if any(part in text.lower() for part in parts) else text
        for text, other in ((problem.message, message), (problem.remedy, remedy))
    )
    return Problem(problem.path, "", message, remedy, problem.severity)


def _environment(raw: Any, found: Reading) -> None:
    given = raw.get("environment")
    if isinstance(given, dict):
        # A name with a blank is a line without its =, and what is behind the blank may be a password
        found.unset = [name.partition(" ")[0] for name, value in given.items() if value is None]
        found.unset = ["…" if isinstance(name, Derived) else name for name in found.unset]
        found.secret = frozenset(name for name, value in given.items() if isinstance(value, Derived))
        raw["environment"] = {name: value for name, value in given.items() if value is not None}


def shown_services(keys: Iterable[str]) -> str:
    return ", ".join(as_text(key) for key in keys)
