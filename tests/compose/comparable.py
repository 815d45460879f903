"""One shape for what both readers say, so that a difference is one of meaning.

What is made equal, because it means the same:
- A key with the zero of its type (false, 0, "", [], {}, null) is as good as none: Go leaves them out. Not so where
  names are free (variables, labels, options …), for a command, which is [] to clear the image's, and for how many of a
  service.
- compose-go says `create_host_path: true` by leaving it out, all devices as -1, and a limit of 0 as {}.
- The limits of `deploy:` may be text or numbers with us: the models read both.
- `scale` is compose-go's `deploy.replicas` as well.
- The variables of a service whose profile is off are not read by compose-go, and nobody needs them.
- `~` is left to the containers' machine by ours, and absolute paths of the host are cleaned by ours, not by Docker.

What is not compared: keys that the tables in config/projects/specification.py ignore or refuse, and x- keys.
"""

import json
import posixpath
from dataclasses import replace
from typing import Any

from compose.forms.units import size
from compose.project import Project
from compose.values import List, Map
from config.projects.specification import Ignored, Refused, rule_of
from tests.compose.oracle import HOME

SECTIONS = ("networks", "volumes", "configs", "secrets")
# Maps whose names people choose: each entry counts, whatever its value.
FREE = (
    *("environment", "labels", "annotations", "sysctls", "options", "driver_opts", "storage_opt", "aux_addresses"),
    *("ulimits", "depends_on", "networks"),
)
ZEROS = (None, False, 0, "", "0", [], {})
Shown = dict[str, Any]


def of_oracle(answer: Shown) -> Shown:
    project = answer["project"]
    return _shown(project, project["services"], answer["disabled"] or {})


def of_ours(project: Project) -> Shown:
    sections = {section: getattr(project, section) for section in SECTIONS}
    return _shown({"name": project.name, **sections}, project.services, project.disabled)


def _shown(project: Shown, services: Shown, disabled: Shown) -> Shown:
    """Everything by its path's beginning: `services.pihole`, `networks.lan` … `off.x` is a service whose profile is
    off."""
    shown: Shown = {"name": project["name"]}
    for kind, found in (("services", services), ("off", disabled)):
        for key, service in found.items():
            shown[f"{kind}.{key}"] = _service(json.loads(json.dumps(service)))
            if kind == "off":
                shown[f"{kind}.{key}"].pop("environment", None)
    for section in SECTIONS:
        for key, declared in project.get(section, {}).items():
            shown[f"{section}.{key}"] = _without_zeros(_at_home(json.loads(json.dumps(declared)), "file"))
    return shown


def _service(service: Shown) -> Shown:
    found = _ruled(service, ())
    if "dns" in found:
        found["dns"] = [server for server in found["dns"] if server]
    for volume in found.get("volumes", ()):
        _at_home(volume, "source")
        if volume.get("type") == "bind" and volume["source"].startswith("/"):
            volume["source"] = posixpath.normpath(volume["source"])
        if (volume.get("bind") or {}).get("create_host_path") is True:
            del volume["bind"]["create_host_path"]
    for request in [*found.get("gpus", ()), *_reserved_devices(found)]:
        request["count"] = "all" if request.get("count") == -1 else _as_number(request.get("count"))
    if "blkio_config" in found:
        found["blkio_config"] = _throttles(found["blkio_config"])
    _deploy(found.get("deploy") or {})
    if "scale" in found:
        found.get("deploy", {}).pop("replicas", None)
    for name, limit in found.get("ulimits", {}).items():
        found["ulimits"][name] = _without_zeros(limit) or 0
    return _without_zeros(found)


def _ruled(value: Any, path: tuple[Any, ...]) -> Any:
    """Without the keys that the program does not have."""
    if isinstance(value, list):
        return [_ruled(item, (*path, index)) for index, item in enumerate(value)]
    if not isinstance(value, dict) or (path and path[-1] in FREE and len(path) > 1):
        return value
    names = [name for name in value if not name.startswith("x-") and not _is_left_out((*path, name))]
    return {name: _ruled(value[name], (*path, name)) for name in names}


def _is_left_out(path: tuple[Any, ...]) -> bool:
    return isinstance(rule_of(path), (Ignored, Refused)) or path[0] in ("env_file", "label_file")


def _throttles(config: Shown) -> Shown:
    """compose-go writes the names of its own fields, and bytes as text."""
    found: Shown = {}
    for name, devices in config.items():
        found[name] = [{key.lower(): item for key, item in device.items()} for device in devices]
        for device in found[name]:
            device["rate"] = size(device["rate"])
    return found


def _deploy(deploy: Shown) -> None:
    limits = deploy.get("resources", {}).get("limits") or {}
    if "cpus" in limits:
        limits["cpus"] = _as_number(limits["cpus"])
    policy = deploy.get("restart_policy") or {}
    if "max_attempts" in policy:
        policy["max_attempts"] = _as_number(policy["max_attempts"])


def _as_number(value: Any) -> Any:
    try:
        return float(value)
    except (TypeError, ValueError):
        return value


def _reserved_devices(service: Shown) -> list[Shown]:
    found: Any = service
    for key in ("deploy", "resources", "reservations", "devices"):
        found = (found or {}).get(key)
    return found or []


def _at_home(holder: Shown, key: str) -> Shown:
    if str(holder.get(key, "")).startswith("~"):
        holder[key] = HOME + holder[key][1:]
    return holder


def _without_zeros(value: Any, key: str = "") -> Any:
    if isinstance(value, list):
        return [_without_zeros(item) for item in value]
    if not isinstance(value, dict):
        return value
    if key in FREE:
        return {name: _without_zeros(item) for name, item in value.items()}
    cleaned = {name: _without_zeros(item, name) for name, item in value.items() if not name.startswith("x-")}
    return {name: item for name, item in cleaned.items() if not _is_zero(name, item)}


def _is_zero(key: str, value: Any) -> bool:
    if key in ("command", "entrypoint"):
        return value is None
    if key in ("scale", "replicas", "create_host_path"):
        return False
    return any(value == zero and type(value) is type(zero) for zero in ZEROS)


def differences(right: Any, ours: Any, path: str = "") -> list[str]:
    """Each difference on a line: where it is, what compose-go says, what ours does."""
    if isinstance(right, dict) and isinstance(ours, dict):
        return [
            line
            for key in sorted({*right, *ours})
            for line in differences(right.get(key, NOTHING), ours.get(key, NOTHING), f"{path}.{key}".strip("."))
        ]
    if isinstance(right, list) and isinstance(ours, list) and len(right) == len(ours):
        return [
            line
            for index, (one, other) in enumerate(zip(right, ours, strict=True))
            for line in differences(one, other, f"{path}[{index}]")
        ]
    if right == ours and isinstance(right, bool) == isinstance(ours, bool):
        return []
    return [f"{path}: compose-go {right!r}, ours {ours!r}"]


def printed(project: Project, answer: Shown) -> Project:
    """The project with the services as compose-go writes them."""
    services = _as_map(answer["project"]["services"])
    for service in services.values():
        for name, limit in service.get("ulimits", {}).items():
            if isinstance(limit, dict):  # a zero is left out
                service["ulimits"][name] = _as_map({"soft": 0, "hard": 0, **limit})
        for devices in service.get("blkio_config", {}).values():
            for index, device in enumerate(devices if isinstance(devices, list) else []):
                devices[index] = Map({key.lower(): item for key, item in device.items()})
    return replace(project, services=services)


def _as_map(value: Any) -> Any:
    """JSON as our reader's own kinds."""
    if isinstance(value, dict):
        return Map({key: _as_map(item) for key, item in value.items()})
    return List([_as_map(item) for item in value]) if isinstance(value, list) else value


class _Nothing:
    def __repr__(self) -> str:
        return "nothing"


NOTHING = _Nothing()
