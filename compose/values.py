"""The values of a Compose file, which remember where they were written and which variables they came from."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Place:
    """file: as the person named it; line: from 1."""

    file: str
    line: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}"


@dataclass(frozen=True)
class Fault:
    """A variable in a value that has none. name: "" for something that is no variable at all; demanded: whether the
    file says that it has to be set; reason: the file's own words for that."""

    name: str
    demanded: bool = False
    reason: str = ""


class Derived(str):
    """Text that came, in whole or in part, from variables or an env file. faults: of those variables."""

    faults: tuple[Fault, ...]

    def __new__(cls, text: str, faults: Iterable[Fault] = ()) -> "Derived":
        self = super().__new__(cls, text)
        self.faults = tuple(faults)
        return self


def like(source: object, text: str) -> str:
    """The text, as derived from what the source came from."""
    return Derived(text, source.faults) if isinstance(source, Derived) else text


class Map(dict[str, Any]):
    """places: key → where its value stands."""

    def __init__(self, items: Any = (), places: dict[str, Place] | None = None) -> None:
        super().__init__(items)
        self.places = {} if places is None else places

    def take(self, key: str, source: Any, value: Any = None) -> None:
        """Sets the source's value of that key, or ``value``, with its place."""
        self[key] = source[key] if value is None else value
        if isinstance(source, Map) and key in source.places:
            self.places[key] = source.places[key]


class List(list[Any]):
    """places: of each item. An item without one stands where the list does."""

    def __init__(self, items: Iterable[Any] = (), places: Iterable[Place | None] = ()) -> None:
        super().__init__(items)
        self._places = list(places)

    @property
    def places(self) -> list[Place | None]:
        return [*self._places, *[None] * (len(self) - len(self._places))]

    def put(self, item: Any, place: Place | None) -> None:
        self._places = self.places
        self.append(item)
        self._places.append(place)


def items_of(value: list[Any]) -> list[tuple[Any, Place | None]]:
    places = value.places if isinstance(value, List) else [None] * len(value)
    return list(zip(value, places, strict=True))


def child(value: Any, part: str | int) -> Any:
    """What stands there, None if nothing does."""
    if isinstance(value, dict):
        return value.get(str(part))
    return value[part] if isinstance(value, list) and isinstance(part, int) and part < len(value) else None


def place_of(value: Any, path: Iterable[str | int], known: Place | None = None) -> Place | None:
    """Where the value at that path stands, or the nearest one above it."""
    for part in path:
        if isinstance(value, Map) and isinstance(part, str):
            known = value.places.get(part, known)
        elif isinstance(value, List) and isinstance(part, int) and part < len(value):
            known = value.places[part] or known
        value = child(value, part)
    return known


# Below these keys of a service, network or volume stand names that people choose: of variables, labels, options …
_FREE = {"annotations", "args", "aux_addresses", "driver_opts", "environment", "extra_hosts", "labels", "options"}
_FREE |= {"storage_opt", "sysctls"}
_NAMED = {"depends_on", "networks", "ulimits"}  # and below these names of further maps


def without_extensions(value: Any) -> Any:
    """The value, which is changed, without the keys that start with x-, which are everyone's own."""
    if isinstance(value, dict):
        for key in [key for key in value if str(key).startswith("x-")]:
            del value[key]
        for key, item in value.items():
            if key not in _FREE:
                for inner in dict_of(item).values() if key in _NAMED else [item]:
                    without_extensions(inner)
    elif isinstance(value, list):
        for item in value:
            without_extensions(item)
    return value


def list_of(value: Any) -> list[Any]:
    """The list, an empty one for a value that is none: the models refuse that."""
    return value if isinstance(value, list) else []


def dict_of(value: Any) -> dict[str, Any]:
    """The same for a map."""
    return value if isinstance(value, dict) else {}


def maps(value: Any) -> list[Map]:
    """The maps that stand under a map's keys."""
    return [one for one in dict_of(value).values() if isinstance(one, Map)]


def copied(value: Any) -> Any:
    """A copy, down to the single values."""
    if isinstance(value, dict):
        places = dict(value.places) if isinstance(value, Map) else None
        return Map({key: copied(item) for key, item in value.items()}, places)
    if isinstance(value, list):
        return List([copied(item) for item in value], value.places if isinstance(value, List) else ())
    return value
