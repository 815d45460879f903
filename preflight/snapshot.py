"""What a run took from the NAS besides the site. It is small enough for an output, from which a run with `probe: off`
reads it."""

import base64
import json
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from ipaddress import IPv6Network
from typing import Any

from facts.nas import LiveNetwork, LiveRange
from install.conf import Repair
from install.layout import InstallPlan
from install.profiles import SYSTEMD_STANDALONE
from plan.lan import LanPlan
from plan.network import as_live
from plan.outputs import ObservedInterface
from plan.project.declared import SeenNetwork

VERSION = 2  # of the output: another where a field changes its name or its meaning
_NAMES_OF_1 = {  # of `install` and of `repair`, in outputs of version 1
    "persistence": "boot_hook",
    "program": "script_path",
    "conf": "config_path",
    "rights": "privilege",
    "tick": "check_interval",
    "stray": "network_to_remove",
}


@dataclass(frozen=True)
class NasSnapshot:
    """What the plan needs of the NAS.

    parent: the interface, resolved.
    network: Docker's network of that name, None if there is none.
    repair: the line of the data file.
    container_repairs, network_repair: values of the label ``repaired``.
    host_keys: the NAS's own.
    interfaces: container's name → its interface, for running containers.
    tools: as plan/outputs.py needs them.
    inner_networks: by their names, those that are there of Docker's networks beside the site's that the services need.
    shared: ids of the containers of others with which services share a namespace, by their names.
    """

    parent: str
    install: InstallPlan
    engine_major: int | None = None
    network: LiveNetwork | None = None
    advertised: tuple[IPv6Network, ...] = ()
    host_keys: tuple[str, ...] = ()
    repair: Repair | None = None
    network_repair: str = ""
    container_repairs: Mapping[str, str] = field(default_factory=dict)
    interfaces: Mapping[str, ObservedInterface] = field(default_factory=dict)
    tools: tuple[str, ...] = ()
    inner_networks: Mapping[str, SeenNetwork] = field(default_factory=dict)
    shared: Mapping[str, str] = field(default_factory=dict)


def dump_snapshot(
    seen: NasSnapshot,
    plan: LanPlan,
    host_keys: Iterable[str],
    further: Iterable[tuple[NasSnapshot, LanPlan]] = (),
) -> str:
    """The output: the NAS as it will be after this run, so that the next run without a probe plans the same. It is
    packed into one word, because no person reads it.

    host_keys: the keys that the NAS was verified by.
    further: the same for the site's further networks.
    """
    keys = tuple(host_keys)
    payload = {"version": VERSION, **_payload(seen, plan, keys)}
    if more := {other.key: _payload(snapshot, other, keys) for snapshot, other in further}:
        payload["networks"] = more
    return base64.b64encode(zlib.compress(json.dumps(payload, sort_keys=True).encode())).decode()


def _payload(seen: NasSnapshot, plan: LanPlan, host_keys: Iterable[str]) -> dict[str, Any]:
    live = as_live(plan.network)
    return {
        "parent": seen.parent,
        "install": asdict(seen.install),
        "engine_major": seen.engine_major,
        "network": {"ranges": [asdict(live_range) for live_range in live.ranges], "labels": dict(live.labels)},
        "advertised": [str(prefix) for prefix in seen.advertised],
        "host_keys": sorted({*seen.host_keys, *host_keys}),
        "repair": None if seen.repair is None else asdict(seen.repair),
        "network_repair": seen.network_repair,
        "container_repairs": dict(seen.container_repairs),
        "interfaces": {name: asdict(interface) for name, interface in seen.interfaces.items()},
        "tools": list(seen.tools),
        # After this run the state has those that are made here
        "inner_networks": {name: asdict(one) for name, one in seen.inner_networks.items() if not one.made_here},
        "shared": dict(seen.shared),
    }


def load_snapshot(text: str, name: str) -> NasSnapshot:
    """The snapshot of the site's first network; name: its own."""
    return load_snapshots(text, name)[""]


def load_snapshots(text: str, name: str) -> dict[str, NasSnapshot]:
    """Read that output: the networks' keys → snapshot. name: the first network's. Raises KeyError, TypeError or
    ValueError if it is something else.

    A field that an older version of this program did not write takes its default. The default of a new field must
    therefore be what the program did before; if no value is, raise VERSION. An unknown field is an error. An output of
    version 1, or without a version, is read with the present names of its fields.
    """
    try:
        payload = dict(json.loads(zlib.decompress(base64.b64decode(text))))
    except zlib.error as error:
        raise ValueError(str(error)) from None
    version = payload.pop("version", 1)
    if version == 1:
        payload["advertised"] = payload.pop("announced", [])
        payload |= {key: _renamed(payload[key]) for key in ("install", "repair") if payload.get(key) is not None}
        if payload["install"]["boot_hook"] == "systemd-network":
            payload["install"]["boot_hook"] = SYSTEMD_STANDALONE
    elif version != VERSION:
        raise ValueError("of another version")
    further = payload.pop("networks", {})
    return {"": _snapshot(payload, name), **{key: _snapshot(dict(one), key) for key, one in further.items()}}


def _snapshot(payload: dict[str, Any], name: str) -> NasSnapshot:
    parent, network = payload["parent"], payload.pop("network")
    ranges = tuple(LiveRange(**live_range) for live_range in network["ranges"])
    live = LiveNetwork("", name, "macvlan", {"parent": parent}, ranges, network["labels"])
    return NasSnapshot(
        network=live, **{key: _READ.get(key, lambda value: value)(value) for key, value in payload.items()}
    )


def _renamed(payload: Mapping[str, Any]) -> dict[str, Any]:
    return {_NAMES_OF_1.get(key, key): value for key, value in payload.items()}


_READ: Mapping[str, Callable[[Any], Any]] = {
    "install": lambda payload: InstallPlan(**payload),
    "advertised": lambda payload: tuple(IPv6Network(prefix) for prefix in payload),
    "host_keys": tuple,
    "repair": lambda payload: (
        None if payload is None else Repair(**{**payload, "replaced": tuple(payload.get("replaced", ()))})
    ),
    "interfaces": lambda payload: {
        name: ObservedInterface(
            **{**interface, "globals": tuple(interface["globals"]), "ulas": tuple(interface.get("ulas", ()))}
        )
        for name, interface in payload.items()
    },
    "tools": tuple,
    "inner_networks": lambda payload: {name: SeenNetwork(**one) for name, one in payload.items()},
}
