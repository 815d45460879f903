"""The values of a service in the types that Compose gives them. Source: compose-go, loader/interpolate.go and
DecodeMapstructure of its types. A value that has no such type is left as it is, and the models refuse it."""

import re
from collections.abc import Callable
from typing import Any

from compose.forms import words
from compose.forms.units import duration_text, nanoseconds, number_text, size
from compose.values import Derived, List, Map, items_of, like, maps

_TRUE, _FALSE = {"true", "y", "yes", "on"}, {"false", "n", "no", "off"}


def boolean(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    return True if value.lower() in _TRUE else False if value.lower() in _FALSE else value


def integer(value: Any) -> Any:
    return int(value) if isinstance(value, str) and re.fullmatch(r"[-+]?[0-9]{1,99}", value) else value


def _number(value: Any) -> Any:
    if not isinstance(value, str) or not re.fullmatch(r"[-+]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][-+]?[0-9]+)?", value):
        return value
    return float(value)


def _text(value: Any) -> Any:
    """Compose makes text of a whole number, and of nothing else."""
    return str(value) if type(value) is int else value  # not of one that is written otherwise, as 0022


def _texts(value: Any) -> Any:
    if not isinstance(value, list):
        return value
    return List([_text(item) for item, _ in items_of(value)], [place for _, place in items_of(value)])


def pairs(value: Any, absent: str | None = None) -> Any:
    """Both forms of a map of texts, the list (KEY=value) and the map. absent: the value of a key without one."""
    found = Map()
    if isinstance(value, dict):
        for key, item in value.items():
            if isinstance(item, (dict, list)):
                return value
            found[key] = item if isinstance(item, str) else absent if item is None else number_text(item)
            if isinstance(value, Map) and key in value.places:
                found.places[key] = value.places[key]
        return found
    if not isinstance(value, list) or any(isinstance(item, (dict, list)) or item is None for item in value):
        return value
    for item, place in items_of(value):
        text = item if isinstance(item, str) else number_text(item)
        key, equals, rest = text.partition("=")
        if not equals and absent is None and not re.fullmatch(r"[\w.\[\]-]+", key):
            return value  # no name, and it may be a password
        key = like(item, key)
        found[key] = like(item, rest) if equals else absent
        if place:
            found.places[key] = place
    return found


def _labels(value: Any) -> Any:
    return pairs(value, "")


def _command(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        found = words.split(value)
    except words.Unbalanced:
        return value
    if not found and isinstance(value, Derived) and value.faults:
        return value  # or what is missing in it would be forgotten
    return List([like(value, word) for word in found])


def _duration(value: Any) -> Any:
    found = nanoseconds(value)
    return value if found is None else duration_text(found)


def _size(value: Any) -> Any:
    found = size(value)
    return value if found is None else str(found)


def _healthcheck(value: Any) -> Any:
    if isinstance(value, dict):
        _convert(
            value,
            {
                **dict.fromkeys(("interval", "timeout", "start_period", "start_interval"), _duration),
                "retries": integer,
                "disable": boolean,
                "test": lambda test: List(["CMD-SHELL", test]) if isinstance(test, str) else test,
            },
        )
    return value


def _hosts(value: Any) -> Any:
    """Both forms as the list of host=address."""
    found: list[str] = []
    if isinstance(value, dict):
        for host, addresses in value.items():
            each = addresses if isinstance(addresses, list) else [addresses or ""]
            if any(isinstance(address, (dict, list)) for address in each):
                return value
            found += [like(address, f"{host}={_bare(str(address))}") for address in each]
    elif isinstance(value, list):
        for item in value:
            if isinstance(item, (dict, list)):
                return value
            host, sign, address = str(item).partition("=" if "=" in str(item) else ":")
            if not sign:
                return value
            found += [like(item, f"{host}={_bare(one)}") for one in address.split(",")]
    else:
        return value
    return List(sorted(found))


def _bare(address: str) -> str:
    return address[1:-1] if len(address) > 2 and address[0] == "[" and address[-1] == "]" else address


def _ulimits(value: Any) -> Any:
    for name, limit in value.items() if isinstance(value, dict) else ():
        value[name] = integer(limit)
        if isinstance(limit, dict):
            _convert(limit, dict.fromkeys(("soft", "hard"), integer))
    return value


def _each(kinds: dict[str, Callable[[Any], Any]]) -> Callable[[Any], Any]:
    def whole(value: Any) -> Any:
        for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
            if isinstance(item, dict):
                _convert(item, kinds)
        return value

    return whole


def _within(kinds: dict[str, Callable[[Any], Any]]) -> Callable[[Any], Any]:
    def whole(value: Any) -> Any:
        if isinstance(value, dict):
            _convert(value, kinds)
        return value

    return whole


def _convert(holder: dict[str, Any], kinds: dict[str, Callable[[Any], Any]]) -> None:
    for key, kind in kinds.items():
        if key in holder:
            holder[key] = kind(holder[key])


_VOLUME = {
    "read_only": boolean,
    "bind": _within({"create_host_path": boolean}),
    "volume": _within({"nocopy": boolean, "labels": _labels}),
    "tmpfs": _within({"size": _size, "mode": integer}),
}
_REQUESTS = _each({"count": integer, "options": _labels})
_LIMITS = _within({"memory": _size, "pids": integer, "cpus": _text, "devices": _REQUESTS})
_DEPLOY = {
    "replicas": integer,
    "labels": _labels,
    "resources": _within({"limits": _LIMITS, "reservations": _LIMITS}),
    "restart_policy": _within({"delay": _duration, "window": _duration, "max_attempts": integer}),
}
_SERVICE: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("init", "privileged", "read_only", "stdin_open", "tty", "oom_kill_disable"), boolean),
    **dict.fromkeys(("cpu_count", "cpu_period", "cpu_quota", "cpu_rt_period", "cpu_rt_runtime"), integer),
    **dict.fromkeys(("cpu_shares", "oom_score_adj", "pids_limit", "scale"), integer),
    **dict.fromkeys(("mem_limit", "mem_reservation", "memswap_limit", "mem_swappiness", "shm_size"), _size),
    **dict.fromkeys(("cpus", "cpu_percent"), _number),
    **dict.fromkeys(("annotations", "labels", "sysctls"), _labels),
    **dict.fromkeys(("command", "entrypoint"), _command),
    **dict.fromkeys(("user", "cpuset", "hostname", "domainname", "working_dir"), _text),
    **dict.fromkeys(("group_add",), _texts),
    "environment": pairs,
    "stop_grace_period": _duration,
    "healthcheck": _healthcheck,
    "extra_hosts": _hosts,
    "ulimits": _ulimits,
    "expose": lambda value: List([number_text(item) for item in value]) if isinstance(value, list) else value,
    "depends_on": _each({"required": boolean, "restart": boolean}),
    "env_file": _each({"required": boolean}),
    "networks": _each(
        {"driver_opts": _labels, "priority": integer, "gw_priority": integer, "use_service_name_alias": boolean}
    ),
    "ports": _each({"target": integer, "published": _text}),
    "volumes": _each(_VOLUME),
    "logging": _within({"options": _labels}),
    "storage_opt": _labels,
    "gpus": _REQUESTS,
    "deploy": _within(_DEPLOY),
}
_NETWORK: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("external", "internal", "attachable", "enable_ipv4", "enable_ipv6"), boolean),
    **dict.fromkeys(("labels", "driver_opts"), _labels),
}


def give_types(document: Map) -> None:
    for service in maps(document.get("services")):
        give_service_types(service)
    for key in ("networks", "volumes", "configs", "secrets"):
        for declared in maps(document.get(key)):
            _convert(declared, _NETWORK)


def give_service_types(service: Map) -> None:
    _convert(service, _SERVICE)
