"""What Compose refuses once all files are read. Source: compose-go, loader/validate.go and graph/cycle.go."""

from collections.abc import Iterator
from typing import Any

from compose.findings import Finding
from compose.values import Map, dict_of, like, list_of, place_of

_DECLARED = (("volumes", "volume", "volumes"), ("configs", "config", "configs"), ("secrets", "secret", "secrets"))


def check_service(document: Map, key: str, enabled: Map, disabled: Map) -> Iterator[Finding]:
    service = enabled[key]

    def wrong(path: tuple[str | int, ...], value: str, message: str, remedy: str) -> Finding:
        path = ("services", key, *path)
        return Finding(path, place_of(document, path), value, message, remedy)

    networks = service.get("networks")
    if service.get("network_mode") is not None and networks:
        message = "stands beside `networks:`, and Compose takes only one of the two"
        yield wrong(("network_mode",), service["network_mode"], message, "remove one of them")
    for name in dict_of(networks):
        if name not in document["networks"]:
            message = "is no network of the file"
            yield wrong(("networks", name), "", message, f"declare it: `networks: {{{name}: {{external: true}}}}`")
    for key_of, what, section in _DECLARED:
        for index, item in enumerate(list_of(service.get(key_of))):
            if not isinstance(item, dict) or not item.get("source"):
                continue
            if key_of == "volumes" and (item.get("type") != "volume" or "/" in str(item["source"])):
                continue  # a path is not the name of a volume, which the models tell
            if item["source"] not in (document.get(section) or {}):
                message = f"is no {what} of the file"
                yield wrong((key_of, index), item["source"], message, f"declare it under `{section}:`")
    yield from _dependencies(document, key, enabled, disabled, wrong)
    yield from _doubles(service, wrong)


def _dependencies(document: Map, key: str, enabled: Map, disabled: Map, wrong: Any) -> Iterator[Finding]:
    for name, how in dict_of(enabled[key].get("depends_on")).items():
        required = not isinstance(how, dict) or how.get("required") is not False
        if name in enabled or not required:
            continue
        if name in disabled:
            profiles = ", ".join(map(str, disabled[name].get("profiles") or ()))
            message = f"is a service that only the profile {profiles} starts"
            remedy = f"write `profiles: [{profiles}]` beside the file's path in the site, or `required: false` there"
            yield wrong(("depends_on", name), "", message, remedy)
        else:
            yield wrong(("depends_on", name), "", "is no service of the file", "correct the name, or remove the line")
    if _leads_back(key, enabled):
        message = "leads back to this service, so that none of them could start first"
        yield wrong(("depends_on",), "", message, "remove one of the dependencies")


def _leads_back(key: str, services: Map) -> bool:
    seen, ahead = set(), [key]
    while ahead:
        for name in dict_of(services.get(ahead.pop(), {}).get("depends_on")):
            if name == key:
                return True
            if name not in seen:
                seen.add(name)
                ahead.append(name)
    return False


def _doubles(service: Map, wrong: Any) -> Iterator[Finding]:
    """A path in the container that two things are mounted at."""
    seen: dict[str, str] = {}
    mounts = [(("tmpfs", i), like(one, str(one).split(":")[0])) for i, one in enumerate(list_of(service.get("tmpfs")))]
    for index, volume in enumerate(list_of(service.get("volumes"))):
        if isinstance(volume, dict) and isinstance(volume.get("target"), str):
            mounts.append((("volumes", index), volume["target"]))
    for path, target in mounts:
        if target in seen:
            message = f"is mounted by {seen[target]} already"
            yield wrong(path, target, message, "remove one of the two")
        seen.setdefault(target, f"{path[0]}[{path[1]}]")
