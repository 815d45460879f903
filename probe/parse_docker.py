"""What Docker says of volumes, and what Compose wrote onto containers. Labels are whatever an image or a person made
them, so of Compose's only what Compose itself could have written is taken."""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from facts.labels import COMPOSE, ComposeLabels
from facts.storage import LiveMount, LiveVolume

_NAME = re.compile(r"[A-Za-z0-9._-]{1,255}")  # of a project, a service or a volume


def read_compose_labels(found: Mapping[str, Any] | None) -> ComposeLabels:
    found = found or {}
    folder = _shown(found.get("project.working_dir"))
    return ComposeLabels(
        project=_name(found.get("project")),
        service=_name(found.get("service")),
        files=tuple(filter(None, _shown(found.get("project.config_files")).split(","))),
        folder=folder if folder.startswith("/") else "",
        is_one_off=str(found.get("oneoff")).lower() == "true",
    )


def read_mounts(found: Iterable[Any] | None) -> tuple[LiveMount, ...]:
    return tuple(LiveMount(kind, target, source or "") for kind, target, source in filter(None, found or ()))


def read_ports(found: Mapping[str, Any] | None) -> tuple[tuple[str, int, str], ...]:
    """Address of the NAS, port there and protocol of what Docker opened."""
    opened = [
        (at.get("HostIp") or "0.0.0.0", int(at["HostPort"]), port.partition("/")[2])
        for port, places in (found or {}).items()
        for at in places or ()
        if (at.get("HostPort") or "").isdecimal()
    ]
    return tuple(sorted(opened))


def read_volumes(lines: Sequence[str]) -> dict[str, LiveVolume] | None:
    """None unless the lines tell of all of them."""
    if not all(line.startswith("{") for line in lines):
        return None
    found = [json.loads(line) for line in lines]
    return {
        one["name"]: LiveVolume(
            one["name"], one.get("driver") or "", one.get("options") or {}, _labels(one.get("labels"))
        )
        for one in found
    }


def _labels(found: Mapping[str, Any] | None) -> dict[str, str]:
    """With Compose's own only where they are what Compose writes."""
    ours = {f"{COMPOSE}.project", f"{COMPOSE}.volume"}
    return {key: _name(value) if key in ours else str(value) for key, value in (found or {}).items()}


def _name(text: Any) -> str:
    return text if isinstance(text, str) and _NAME.fullmatch(text) else ""


def _shown(text: Any) -> str:
    return text if isinstance(text, str) and text.isprintable() else ""
