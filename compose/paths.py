"""Relative paths of a document, and what Compose adds where a key is left out. Source: compose-go, paths/resolve.go and
transform/defaults.go."""

from typing import Any

from compose.disk import Folder
from compose.forms.typed import maps
from compose.values import List, Map, like, list_of


def give_defaults(document: Map) -> None:
    for service in maps(document.get("services")):
        for port in _dicts(service.get("ports")):
            port.setdefault("protocol", "tcp")
            port.setdefault("mode", "ingress")
        for secret in _dicts(service.get("secrets")):
            secret.setdefault("target", f"/run/secrets/{secret.get('source')}")
        for volume in _dicts(service.get("volumes")):
            if isinstance(volume.get("bind"), dict):
                volume["bind"].setdefault("create_host_path", True)
        for request in [*_dicts(service.get("gpus")), *_dicts(_reserved_devices(service))]:
            if "count" not in request and "device_ids" not in request:
                request["count"] = "all"
        if isinstance(service.get("build"), dict):
            service["build"].setdefault("context", ".")


def _dicts(value: Any) -> list[dict[str, Any]]:
    return [item for item in list_of(value) if isinstance(item, dict)]


def _reserved_devices(service: Map) -> Any:
    found: Any = service
    for key in ("deploy", "resources", "reservations", "devices"):
        found = found.get(key) if isinstance(found, dict) else None
    return found


def resolve_paths(document: Map, folder: Folder) -> None:
    """Makes the paths of the containers' machine absolute by the folder there, and those that are read on the laptop by
    the one here."""
    for service in maps(document.get("services")):
        for volume in _dicts(service.get("volumes")):
            if volume.get("type") == "bind":
                _on_machine(volume, "source", folder)
        for entry in _dicts(service.get("env_file")):
            _here(entry, "path", folder)
        if isinstance(service.get("label_file"), list):
            service["label_file"] = List([folder.laptop(str(one)) for one in service["label_file"]])
        if isinstance(service.get("extends"), dict):
            _here(service["extends"], "file", folder)
    for section in ("secrets", "configs"):
        for declared in maps(document.get(section)):
            _on_machine(declared, "file", folder)
    for volume in maps(document.get("volumes")):
        options = volume.get("driver_opts")
        if volume.get("driver") == "local" and isinstance(options, dict) and options.get("o") == "bind":
            _on_machine(options, "device", folder)


def _on_machine(holder: dict[str, Any], key: str, folder: Folder) -> None:
    if isinstance(holder.get(key), str):
        holder[key] = like(holder[key], folder.on_machine(holder[key]))


def _here(holder: dict[str, Any], key: str, folder: Folder) -> None:
    if isinstance(holder.get(key), str) and holder[key]:
        holder[key] = like(holder[key], folder.laptop(holder[key]))
