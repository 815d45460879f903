"""The keys of the Compose specification with what becomes of each: docs/compose.md.

The models say which keys are done, and config/projects/specification.py has the rest.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, get_args, get_origin

from pydantic import BaseModel

from config.declared import DeclaredFile, DeclaredNetwork, DeclaredVolume
from config.projects.specification import FILE, NETWORK, SERVICE, TOP, VOLUME, Done, Ignored, Refused, Rule
from config.service import Service

# What only this program has, or only one of configs and secrets
_NOT_IN_COMPOSE = {
    *("services.*.ipv4_address", "services.*.ipv6_address"),
    *("configs.*.driver", "configs.*.driver_opts", "secrets.*.content"),
}
# Names of the keys below one that is ignored or refused as a whole
BELOW: Mapping[str, str] = {
    "services.*.blkio_config.weight_device": "path weight",
    "services.*.build": "additional_contexts args cache_from cache_to context dockerfile dockerfile_inline "
    "entitlements extra_hosts isolation labels network no_cache no_cache_filter platforms privileged provenance pull "
    "sbom secrets shm_size ssh tags target ulimits",
    "services.*.credential_spec": "config file registry",
    "services.*.deploy.placement": "constraints max_replicas_per_node preferences",
    "services.*.deploy.resources.reservations.generic_resources": "discrete_resource_spec",
    "services.*.deploy.rollback_config": "delay failure_action max_failure_ratio monitor order parallelism",
    "services.*.deploy.update_config": "delay failure_action max_failure_ratio monitor order parallelism",
    "services.*.develop": "watch",
    "services.*.models": "endpoint_var model_var",
    "services.*.post_start": "command environment privileged user working_dir",
    "services.*.pre_stop": "command environment privileged user working_dir",
    "services.*.provider": "options type",
    "services.*.volumes.[].image": "subpath",
    "configs.*.external": "name",
    "secrets.*.external": "name",
    "models": "context_size model name runtime_flags",
}


@dataclass(frozen=True)
class Row:
    """key: as `services.*.networks.*.aliases`."""

    key: str
    rule: Rule


def rows() -> list[Row]:
    """All keys, those of the top level last."""
    found = [*_section("services", Service, SERVICE)]
    parts = (("networks", DeclaredNetwork, NETWORK), ("volumes", DeclaredVolume, VOLUME))
    for name, model, rules in (*parts, ("configs", DeclaredFile, FILE), ("secrets", DeclaredFile, FILE)):
        found += _section(name, model, rules)
    found = [row for row in found if row.key not in _NOT_IN_COMPOSE]
    return [*found, *(Row(key, rule) for key, rule in sorted(TOP.items()))]


def _section(name: str, model: type[BaseModel], rules: Mapping[str, Rule]) -> Iterator[Row]:
    done: dict[str, Rule] = {key: Done() for key in _keys(model)}
    found = {**done, **rules}
    for key in sorted(found, key=lambda key: key.split(".")):
        yield Row(f"{name}.*.{key}", found[key])


def _keys(model: type[BaseModel]) -> Iterator[str]:
    """The model's fields, and those of the models in them."""
    for name, field in model.model_fields.items():
        yield name
        for way, inner in _models_in(field.annotation):
            yield from (f"{name}{way}.{key}" for key in _keys(inner))


def _models_in(kind: Any) -> Iterator[tuple[str, type[BaseModel]]]:
    """The models that a value of that type holds, each with the way to it."""
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield "", kind
        return
    way = {dict: ".*", tuple: ".[]"}.get(get_origin(kind), "")
    for part in get_args(kind):
        yield from ((way + inner, model) for inner, model in _models_in(part))


def words(rule: Rule) -> tuple[str, str]:
    """What becomes of the key, and the text beside it."""
    if isinstance(rule, Done):
        return "done", rule.how
    if isinstance(rule, Ignored):
        return "ignored", rule.why
    return "refused", f"{rule.why} → {rule.remedy}"


def covers(known: Mapping[str, Rule], key: str) -> bool:
    """Whether the table says what becomes of that key: by a row, or by one above it that holds for all below."""
    if key in known:
        return True
    for above, names in BELOW.items():
        if key.startswith(f"{above}.") and isinstance(known.get(above), (Ignored, Refused)):
            below = [part for part in key.removeprefix(above).split(".") if part not in ("", "[]", "*")]
            return below[0] in names.split()
    return False
