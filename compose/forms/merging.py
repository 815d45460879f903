"""How a later file overrides an earlier one, and a service the one that it extends. Source: the specification's chapter
on merging; compose-go, override/merge.go and uncity.go."""

from collections.abc import Callable, Mapping
from typing import Any

from compose.findings import Finding, Path, Refused
from compose.forms.short_forms import volume_of
from compose.forms.units import number_text
from compose.values import List, Map, Place, items_of, like, maps, place_of

# A list of these replaces nothing: its items are added, KEY=value items by their keys
_PAIRS = {"annotations", "environment", "labels", "sysctls"}
_LISTS = {"dns", "dns_opt", "dns_search", "env_file", "label_file", "extra_hosts", "tmpfs"}
_MAPS: Mapping[str, Mapping[str, Any]] = {
    "depends_on": {"condition": "service_started", "required": True},
    "networks": {},
    "models": {},
}
_REPLACED = {"command", "entrypoint"}
_BUILD_PAIRS = {"args", "additional_contexts", "labels"}


def merged(base: Any, other: Any, path: Path) -> Any:
    """``other`` over ``base``, which is changed. path: of both. Raises Refused."""
    special = _special(path)
    if special is not None:
        return special(base, other, path)
    if other is None:
        return base
    if isinstance(base, dict):
        if not isinstance(other, dict):
            raise _mismatch(base, other, path)
        return _merged_maps(base, other, path)
    if isinstance(base, list):
        if not isinstance(other, list):
            raise _mismatch(base, other, path)
        return _added(base, other)
    return other


def _special(path: Path) -> Callable[[Any, Any, Path], Any] | None:
    if len(path) < 3 or not isinstance(path[2], str):
        return None
    key = path[2]
    if path[0] == "services":
        return _of_service(key, path[3:])
    if len(path) == 3 and key == "labels" and path[0] in ("networks", "volumes", "secrets", "configs"):
        return _merged_pairs
    return _merged_pools if path[0] == "networks" and path[2:] == ("ipam", "config") else None


def _of_service(key: str, below: Path) -> Callable[[Any, Any, Path], Any] | None:
    if not below:
        if key in _PAIRS:
            return _merged_pairs
        if key in _LISTS:
            return lambda base, other, _: _added(_sequence(base), _sequence(other))
        if key in _REPLACED:
            return lambda _, other, __: other
        if key in _MAPS:
            return _merged_names
        return {"logging": _merged_logging, "build": _merged_build}.get(key)
    if (key, *below) == ("healthcheck", "test"):
        return lambda _, other, __: other
    if key == "ulimits" and len(below) == 1:
        return lambda base, other, at: (
            _merged_maps(base, other, at) if isinstance(base, dict) and isinstance(other, dict) else other
        )
    if (key, *below) == ("deploy", "labels") or (key == "build" and below[0] in _BUILD_PAIRS and len(below) == 1):
        return _merged_pairs
    return None


def _merged_maps(base: Any, other: Any, path: Path) -> Any:
    for key in other:
        if key in base:
            value = merged(base[key], other[key], (*path, key))
            base[key] = value
            if other[key] is not None and isinstance(base, Map) and isinstance(other, Map) and key in other.places:
                base.places[key] = other.places[key]
        elif isinstance(base, Map):
            base.take(key, other)
            base[key] = other[key]
        else:
            base[key] = other[key]
    return base


def _added(base: list[Any], other: list[Any]) -> List:
    """Both lists' items, each once."""
    found = List(base, base.places if isinstance(base, List) else ())
    for item, place in items_of(other):
        if not any(_same(item, one) for one in found):
            found.put(item, place)
    return found


def _same(one: Any, other: Any) -> bool:
    alike = type(one) is type(other) or (isinstance(one, str) and isinstance(other, str))  # 1 is not true
    return alike and one == other


def _sequence(value: Any) -> list[Any]:
    """A list; of a map its KEY=value texts, in the order of their keys."""
    if isinstance(value, list):
        return value
    if isinstance(value, str):
        return List([value])
    found = List()
    for key in sorted(value) if isinstance(value, dict) else ():
        place = value.places.get(key) if isinstance(value, Map) else None
        for item in value[key] if isinstance(value[key], list) else [value[key]]:
            text = key if item is None else like(item, f"{key}={number_text(item)}")
            found.put(text, place)
    return found


def _merged_pairs(base: Any, other: Any, path: Path) -> Any:
    return unique([_sequence(base), _sequence(other)], _key_of)


def _merged_names(base: Any, other: Any, path: Path) -> Any:
    return _merged_maps(_named(base, path), _named(other, path), path)


def _named(value: Any, path: Path) -> Any:
    """A list of names as a map."""
    if value is None:
        return Map()
    if isinstance(value, dict):
        return value
    defaults = _MAPS[str(path[2])]
    found = Map()
    for item, place in items_of(value if isinstance(value, list) else [value]):
        if not isinstance(item, str):
            raise _mismatch(item, value, path)
        found[item] = Map(defaults) if defaults else None
        if place:
            found.places[item] = place
    return found


def _merged_logging(base: Any, other: Any, path: Path) -> Any:
    if not isinstance(base, dict) or not isinstance(other, dict):
        raise _mismatch(base, other, path)
    if "driver" not in base or "driver" not in other or base["driver"] == other["driver"]:
        return _merged_maps(base, other, path)
    return other


def _merged_build(base: Any, other: Any, path: Path) -> Any:
    def whole(value: Any) -> Any:
        return Map({"context": value}) if isinstance(value, str) else Map() if value is None else value

    return _merged_maps(whole(base), whole(other), path)


def _merged_pools(base: Any, other: Any, path: Path) -> Any:
    """An ipam pool overrides the one of its subnet."""
    if not isinstance(base, list) or not isinstance(other, list):
        raise _mismatch(base, other, path)
    found: list[Any] = []
    for pool in base:
        for late in other:
            if not isinstance(pool, dict) or not isinstance(late, dict):
                raise _mismatch(pool, late, path)
            known = [one.get("subnet") for one in found]
            if late.get("subnet") != pool.get("subnet") and late.get("subnet") not in known:
                found.append(late)
                continue
            together = _merged_maps(pool, late, path)
            if together.get("subnet") in known:
                found[known.index(together.get("subnet"))] = together
            else:
                found.append(together)
    return List(found)


def _mismatch(base: Any, other: Any, path: Path) -> Refused:
    message = "has another form than what it overrides, and Compose cannot merge the two"
    return Refused(Finding(path, place_of(other, (0,)), "", message, "write both in one form"))


def unique(lists: list[list[Any]], key_of: Callable[[Any], Any]) -> List:
    """One item a key: the last one, at the place of the first. An item whose key is None is kept."""
    found: list[tuple[Any, Place | None]] = []
    known: dict[Any, int] = {}
    for item, place in (pair for one in lists for pair in items_of(one)):
        key = _hashable(key_of(item))
        if key is not None and key in known:
            found[known[key]] = (item, place)
        else:
            if key is not None:
                known[key] = len(found)
            found.append((item, place))
    return List([item for item, _ in found], [place for _, place in found])


def _hashable(key: Any) -> Any:
    """None for what no dict takes as a key: the models refuse it."""
    try:
        hash(key)
    except TypeError:
        return None
    return key


def _key_of(item: Any) -> Any:
    return item.partition("=")[0] if isinstance(item, str) else None


def _mount_key(item: Any) -> Any:
    if isinstance(item, dict):
        return item.get("target")
    found = volume_of(item) if isinstance(item, str) else None
    return found and found["target"]


def _device_key(item: Any) -> Any:
    if isinstance(item, dict):
        return item.get("target")
    parts = item.split(":") if isinstance(item, str) else [None]
    return parts[0] if len(parts) == 1 else parts[1]


def _port_key(item: Any) -> Any:
    if not isinstance(item, dict):
        return number_text(item) if isinstance(item, (str, int)) else None
    return (
        item.get("host_ip", "0.0.0.0"),
        item.get("published"),
        item.get("target"),
        item.get("protocol", "tcp"),
    )


def _file_key(folder: str) -> Callable[[Any], Any]:
    def key(item: Any) -> Any:
        if isinstance(item, dict):
            return item.get("target", f"{folder}/{item.get('source')}")
        return f"{folder}/{item}"

    return key


_UNIQUE: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("annotations", "cap_add", "cap_drop", "dns", "dns_opt", "dns_search", "environment"), _key_of),
    **dict.fromkeys(("labels", "links", "profiles", "sysctls", "tmpfs"), _key_of),
    "devices": _device_key,
    "configs": _file_key(""),
    "secrets": _file_key("/run/secrets"),
    "env_file": lambda item: item.get("path") if isinstance(item, dict) else item,
    "expose": lambda item: number_text(item) if isinstance(item, (str, int)) else None,
    "ports": _port_key,
    "volumes": _mount_key,
}


def without_doubles(document: Map) -> None:
    """Leaves one item a key in the lists of which Compose says so."""
    for service in maps(document.get("services")):
        for key, key_of in _UNIQUE.items():
            if isinstance(service.get(key), list):
                service[key] = unique([service[key]], key_of)
        for place in maps(service.get("networks")):
            for key in ("aliases", "link_local_ips"):
                if isinstance(place.get(key), list):
                    place[key] = unique([place[key]], _key_of)
        deploy = service.get("deploy")
        if isinstance(deploy, dict) and isinstance(deploy.get("labels"), list):
            deploy["labels"] = unique([deploy["labels"]], _key_of)
    for network in maps(document.get("networks")):
        if isinstance(network.get("labels"), list):
            network["labels"] = unique([network["labels"]], _key_of)


def clear(document: Map, paths: tuple[Path, ...]) -> None:
    """Removes what stands at these paths, which a later file resets or overrides as a whole."""
    for path in paths:
        holder: Any = document
        for part in path[:-1]:
            holder = holder.get(part) if isinstance(holder, dict) else None
        if isinstance(holder, dict) and path:
            holder.pop(path[-1], None)
