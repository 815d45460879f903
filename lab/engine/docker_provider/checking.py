"""Check: what the program wrote, tested against the schema, with defaults and a name filled in as the bridge does."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .schema import Prop, Resource
from .values import DEFAULTS, UNKNOWN, has_unknown

_TYPES: Mapping[str, tuple[type | tuple[type, ...], str]] = {
    "str": (str, "text"),
    "int": (int, "a whole number"),
    "bool": (bool, "true or false"),
    "map": (dict, "a map of text to text"),
    "list": (list, "a list"),
    "set": (list, "a list"),
    "object": (dict, "an object"),
}


@dataclass(frozen=True)
class Failure:
    """One thing that is wrong with the inputs; path is like networksAdvanced[0].ipv4Address."""

    path: str
    reason: str


@dataclass(frozen=True)
class Naming:
    """What Check needs to make up a name: the resource's own name, the engine's random bytes and its proposal.

    proposed is the name that the engine's `pulumi:autonaming` setting asks for; disabled forbids to make one up.
    """

    urn_name: str
    seed: bytes
    proposed: str = ""
    disabled: bool = False


@dataclass
class _Check:
    title: str
    failures: list[Failure] = field(default_factory=list)

    def fail(self, path: str, reason: str) -> None:
        self.failures.append(Failure(path, reason))

    def value(self, prop: Prop, value: Any, path: str) -> Any:
        if value == UNKNOWN:
            return value
        wanted, words = _TYPES[prop.kind]
        if not isinstance(value, wanted) or (prop.kind == "int" and isinstance(value, bool)):
            self.fail(path, f"{words} is needed here, not {value!r}")
            return value
        if prop.complaint and (reason := prop.complaint(value)):
            self.fail(path, reason)
        if prop.kind == "map":
            return self.map(value, path)
        if prop.kind == "object":
            return self.object(prop.fields, value, path)
        if prop.elem:
            return [self.value(prop.elem, v, f"{path}[{i}]") for i, v in enumerate(value)]
        return value

    def map(self, value: dict[str, Any], path: str) -> dict[str, Any]:
        for key, item in value.items():
            if not isinstance(item, str):
                self.fail(f"{path}.{key}", f"text is needed here, not {item!r}")
        return value

    def object(self, fields: Mapping[str, Prop], given: dict[str, Any], path: str) -> dict[str, Any]:
        prefix = f"{path}." if path else ""
        result, defaulted = {}, []
        for key, item in given.items():
            if key.startswith("__") or item is None:
                continue
            if key not in fields:
                self.fail(prefix + key, _not_implemented(self.title, prefix + key))
                continue
            result[key] = self.value(fields[key], item, prefix + key)
        for key, prop in fields.items():
            if key in result:
                continue
            if prop.required:
                self.fail(prefix + key, "must be given")
            elif prop.default is not None:
                result[key] = prop.default
                defaulted.append(key)
        result[DEFAULTS] = sorted(defaulted)
        return result


def check(
    resource: Resource, news: dict[str, Any], olds: dict[str, Any], naming: Naming
) -> tuple[dict[str, Any], list[Failure]]:
    """The inputs with defaults and name, and everything that is wrong with them (all at once)."""
    named = dict(news)
    made_up = resource.autonamed and named.get("name") is None
    if made_up and (name := _made_up_name(olds, naming)):
        named["name"] = name
    run = _Check(resource.token.rpartition(":")[2])
    inputs = run.object(resource.inputs, named, "")
    if made_up and "name" in inputs:
        inputs[DEFAULTS] = sorted([*inputs[DEFAULTS], "name"])
    run.failures.extend(_combinations(resource, inputs))
    return inputs, run.failures


def _made_up_name(olds: dict[str, Any], naming: Naming) -> str | None:
    """The name of before if it was made up then too, else the engine's proposal, else NAME-1234567 (7 hex digits)."""
    if "name" in olds.get(DEFAULTS, ()) and isinstance(olds.get("name"), str):
        return olds["name"]
    if naming.disabled:
        return None
    return naming.proposed or f"{naming.urn_name}-{naming.seed.hex()[:7]:0<7}"


def _not_implemented(title: str, path: str) -> str:
    return (
        f"{title}.{path} is not implemented by this project's stand-in for the docker plugin (lab/engine); "
        "leave it out, or run with the official plugin: make ENGINE=path"
    )


def _combinations(resource: Resource, inputs: dict[str, Any]) -> list[Failure]:
    """Rules over more than one property. An unknown value is given the benefit of the doubt."""
    failures = []
    volumes = inputs.get("volumes") if resource.token.endswith(":Container") else None
    for i, volume in enumerate(volumes if isinstance(volumes, list) else []):
        if not isinstance(volume, dict) or has_unknown(volume):
            continue
        source, target = volume.get("fromContainer"), volume.get("containerPath")
        if not source and not target:
            failures.append(Failure(f"volumes[{i}]", "needs containerPath, or fromContainer to take all of another's"))
        if source and target:
            failures.append(Failure(f"volumes[{i}]", "takes containerPath or fromContainer, not both"))
    for i, item in enumerate(inputs.get("networksAdvanced") or []):
        options = item.get("driverOpts") if isinstance(item, dict) else None
        for option in options if isinstance(options, list) else []:
            if isinstance(option, str) and option != UNKNOWN and not re.fullmatch(r"[^=]+=.*", option):
                failures.append(
                    Failure(f"networksAdvanced[{i}].driverOpts", f"must look like key=value, not {option!r}")
                )
    return failures
