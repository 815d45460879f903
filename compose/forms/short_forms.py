"""The short forms of a service's keys as the long ones. Source: the specification; compose-go, transform/ and
format/volume.go. A value of another form than Compose knows is left as it is, and the models refuse it."""

import posixpath
import re
from collections.abc import Callable
from ipaddress import IPv4Address, IPv6Address
from typing import Any

from compose.values import List, Map, items_of, like

_BIND_OPTIONS = {"rprivate", "private", "rshared", "shared", "rslave", "slave"}
_RELABEL = {"z", "Z"}


def volume_of(text: str) -> Map | None:
    """SOURCE:TARGET:OPTIONS as the long form, None if it is none. Unknown options are ignored, as by Compose."""
    if not text:
        return None
    if len(text) <= 2:
        return Map({"type": "volume", "target": posixpath.normpath(text)})
    parts = _split_at_colons(text)
    if not all(parts) or len(parts) > 3:
        return None
    source, target = ("", parts[0]) if len(parts) == 1 else (parts[0], parts[1])
    found = Map({"type": "bind" if _is_path(source) else "volume"})
    if source:
        found["source"] = like(text, source)
    found["target"] = like(text, posixpath.normpath(target))
    own = Map({"create_host_path": True}) if found["type"] == "bind" else Map()
    for option in parts[2].split(",") if len(parts) == 3 else ():
        if option in ("ro", "rw"):
            found.pop("read_only", None)
            found |= {"read_only": True} if option == "ro" else {}
        elif option == "nocopy":
            found["volume"] = Map({"nocopy": True})
        elif option in _BIND_OPTIONS or option in _RELABEL:
            key = "selinux" if option in _RELABEL else "propagation"
            found.setdefault("bind", Map())[key] = option
    found[found["type"]] = Map({**found.get(found["type"], {}), **own})
    return found


def _split_at_colons(text: str) -> list[str]:
    """At each colon but the one of a Windows drive."""
    parts, part = [], ""
    for sign in text:
        if sign == ":" and not (len(part) == 1 and part.isalpha()):
            parts.append(part)
            part = ""
        else:
            part += sign
    return [*parts, part]


def _is_path(source: str) -> bool:
    return source[:1] in (".", "/", "~") or source.startswith("\\\\") or bool(re.match(r"[^\W\d_]:", source))


def ports_of(value: Any) -> list[Map] | None:
    """One port or range, HOST:CONTAINER/PROTOCOL, as the long forms that it stands for; None if it is none."""
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if not isinstance(text, str):
        return None
    *head, container = text.split(":")
    host = head.pop() if head else ""
    address = ":".join(head)
    container, _, protocol = container.partition("/")
    protocol = protocol.lower() or "tcp"
    inner, outer = _range(container), _range(host) if host else None
    bare = _host_ip(address)
    if inner is None or (host and outer is None) or bare is None or protocol not in ("tcp", "udp", "sctp"):
        return None
    if outer and len(inner) != len(outer) and len(inner) > 1:
        return None
    found = []
    for index, target in enumerate(inner):
        port = Map({"mode": "ingress", "target": target, "protocol": protocol})
        if bare:
            port["host_ip"] = like(text, bare)
        if outer:
            alone = len(inner) == 1 and len(outer) > 1
            port["published"] = f"{outer[0]}-{outer[-1]}" if alone else str(outer[index])
        found.append(port)
    return sorted(found, key=lambda port: f"{port['target']}/{port['protocol']}")


def _host_ip(text: str) -> str | None:
    """An IPv4 address, or an IPv6 one without its brackets; None for anything else but nothing."""
    try:
        if text.startswith("[") and text.endswith("]"):
            return text[1:-1] and str(IPv6Address(text[1:-1])) and text[1:-1]
        return text and str(IPv4Address(text))
    except ValueError:
        return None


def _range(text: str) -> range | None:
    match = re.fullmatch(r"([0-9]{1,5})(?:-([0-9]{1,5}))?", text)
    if match is None:
        return None
    first, last = int(match[1]), int(match[2] or match[1])
    return range(first, last + 1) if first <= last < 2**16 else None


def _device(value: Any) -> Any:
    parts = value.split(":") if isinstance(value, str) else []
    if not 1 <= len(parts) <= 3:
        return value
    source, target, rights = [*parts, "", ""][:3] if len(parts) < 3 else parts
    return Map(
        {
            "source": like(value, source),
            "target": like(value, target or source),
            "permissions": like(value, rights) if len(parts) == 3 else "rwm",
        }
    )


def _file_mount(value: Any) -> Any:
    return Map({"source": value}) if isinstance(value, str) else value


def _env_file(value: Any) -> Any:
    if isinstance(value, str):
        return Map({"path": value, "required": True})
    if isinstance(value, dict):
        value.setdefault("required", True)
    return value


def _each(one: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def whole(value: Any) -> Any:
        if not isinstance(value, list):
            return value
        return List([one(item) for item, _ in items_of(value)], [place for _, place in items_of(value)])

    return whole


def _volume(value: Any) -> Any:
    return (volume_of(value) or value) if isinstance(value, str) else value


def _ports(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    found = List()
    for item, place in items_of(value):
        for port in (ports_of(item) or [item]) if not isinstance(item, dict) else [item]:
            found.put(port, place)
    return found


def names_as_map(value: Any) -> Any:
    """A list of networks as a map."""
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        return value
    return Map(dict.fromkeys(value), {item: place for item, place in items_of(value) if place})


def _depends_on(value: Any) -> Any:
    found = names_as_map(value)
    if not isinstance(found, dict):
        return value
    for key, item in found.items():
        if item is None and isinstance(value, list):
            found[key] = Map({"condition": "service_started", "required": True})
        elif isinstance(item, dict):
            item.setdefault("condition", "service_started")
            item.setdefault("required", True)
    return found


def _listed(value: Any) -> Any:
    return List([value]) if isinstance(value, str) else value


def _gpus(value: Any) -> Any:
    return List([Map({"count": "all"})]) if value == "all" else value


def _env_files(value: Any) -> Any:
    return _each(_env_file)(_listed(value))


_LONG: dict[str, Callable[[Any], Any]] = {
    "env_file": _env_files,
    "label_file": _listed,
    "gpus": _gpus,
    "networks": names_as_map,
    "models": names_as_map,
    "volumes": _each(_volume),
    "dns": _listed,
    "dns_search": _listed,
    "tmpfs": _listed,
    "devices": _each(_device),
    "secrets": _each(_file_mount),
    "configs": _each(_file_mount),
    "depends_on": _depends_on,
    "ports": _ports,
    "build": lambda value: Map({"context": value}) if isinstance(value, str) else value,
    "extends": lambda value: Map({"service": value}) if isinstance(value, str) else value,
}


def lengthen_service(service: Map) -> None:
    """Puts long forms in place of the service's short ones."""
    for key, long in _LONG.items():
        if key in service:
            service[key] = long(service[key])


def lengthen(document: Map) -> None:
    """The same for each service, and the old form of `external:` for what the file declares."""
    for service in _maps(document.get("services")):
        lengthen_service(service)
    for key in ("networks", "volumes", "secrets", "configs"):
        for declared in _maps(document.get(key)):
            external = declared.get("external")
            if isinstance(external, dict):
                declared["external"] = True
                if "name" in external:
                    declared.setdefault("name", external["name"])


def _maps(value: Any) -> list[Map]:
    return [one for one in value.values() if isinstance(one, Map)] if isinstance(value, dict) else []
