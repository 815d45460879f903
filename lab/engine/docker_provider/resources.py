"""What a container may use: processors, block devices, GPUs. To the daemon, and read back as the plugin does it."""

import csv
from collections.abc import Iterable, Mapping
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from typing import Any

from .operations import OperationError

NANO = 10**9
THROTTLES = {
    "deviceReadBps": "BlkioDeviceReadBps",
    "deviceReadIops": "BlkioDeviceReadIOps",
    "deviceWriteBps": "BlkioDeviceWriteBps",
    "deviceWriteIops": "BlkioDeviceWriteIOps",
}

Inputs = Mapping[str, Any]


def cpu_limits(inputs: Inputs) -> dict[str, int]:
    """NanoCpus, or else CpuPeriod and CpuQuota: with `cpus` the plugin ignores the other two."""
    if cpus := inputs.get("cpus"):
        return {"NanoCpus": _nano_cpus(cpus)}
    return {"CpuPeriod": inputs.get("cpuPeriod") or 0, "CpuQuota": inputs.get("cpuQuota") or 0}


def _nano_cpus(text: str) -> int:
    """As opts.ParseCPUs of Docker's client, which takes "10." and "1e0", too."""
    try:
        nano = Fraction(Decimal(text)) * NANO
    except (InvalidOperation, ValueError, OverflowError) as err:
        raise OperationError(f"Error setting cpus: failed to parse {text} as a rational number") from err
    if nano.denominator != 1:
        raise OperationError("Error setting cpus: value is too precise")
    return int(nano)


def cpus_from(nano: int) -> str:
    """As the plugin prints them: with nine zeros one decimal, rounded; else no zeros at the end, but the dot stays.

    So 1 is "1.0", 10 is "10.", and 0.05 is "0.1".
    """
    if nano == 0:
        return "0"
    text = f"{nano // NANO}.{nano % NANO:09d}"
    if text.count("0") != 9:
        return text.rstrip("0")
    tenths = (2 * nano * 10 + NANO) // (2 * NANO)  # half is rounded up
    return f"{tenths // 10}.{tenths % 10}"


def throttles(inputs: Inputs) -> dict[str, list[dict[str, Any]]]:
    """The daemon's limits of block devices."""
    return {
        name: [{"Path": one["path"], "Rate": one["rate"]} for one in inputs.get(key) or []]
        for key, name in THROTTLES.items()
    }


def throttles_from(host: Inputs) -> dict[str, Any]:
    """All four of an inspect."""
    return {
        key: [{"path": one["Path"], "rate": one["Rate"]} for one in host.get(name) or []] or None
        for key, name in THROTTLES.items()
    }


def device(given: Inputs) -> dict[str, str]:
    """One element of HostConfig.Devices. Without a path in the container the permissions are ignored."""
    path = given.get("containerPath")
    return {
        "PathOnHost": given["hostPath"],
        "PathInContainer": path or given["hostPath"],
        "CgroupPermissions": (path and given.get("permissions")) or "rwm",
    }


def devices_from(host: Inputs, known: Iterable[Inputs]) -> list[dict[str, str]]:
    """Devices of an inspect; what was not given for a host's path is left out."""
    given = {one["hostPath"]: one for one in known}
    read = []
    for found in host.get("Devices") or []:
        one = {"hostPath": found["PathOnHost"]}
        asked = given.get(found["PathOnHost"], {})
        if asked.get("containerPath"):
            one["containerPath"] = found["PathInContainer"]
        if asked.get("permissions"):
            one["permissions"] = found["CgroupPermissions"]
        read.append(one)
    return read


def device_requests(inputs: Inputs) -> list[dict[str, Any]]:
    """HostConfig.DeviceRequests: those of `gpus`, if given, take the place of the others."""
    if gpus := inputs.get("gpus"):
        return [_gpu_request(gpus)]
    return [
        {
            "Driver": one.get("driver") or "",
            "Count": one.get("count") or 0,
            "DeviceIDs": one.get("deviceIds") or None,
            "Capabilities": [one["capabilities"]] if one.get("capabilities") else None,
            "Options": one.get("options") or None,
        }
        for one in inputs.get("deviceRequests") or []
    ]


def _gpu_request(text: str) -> dict[str, Any]:
    """As opts.GpuOpts of Docker's client, after the plugin has taken the quotes away that it needs for two ids."""
    text = text.strip()
    while len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1].strip()
    request: dict[str, Any] = {"Driver": "", "Options": {}}
    for field in next(csv.reader([text]), []):
        key, equals, value = field.partition("=")
        if not equals or key == "count":
            request["Count"] = _gpu_count(value if equals else key)
        elif key == "driver":
            request["Driver"] = value
        elif key == "device":
            request["DeviceIDs"] = value.split(",")
        elif key == "capabilities":
            request["Capabilities"] = [[*value.split(","), "gpu"]]
        else:
            raise OperationError(f"Error setting gpus: unexpected key '{key}' in '{field}'")
    if "DeviceIDs" not in request:
        request.setdefault("Count", 1)
    return {"Count": 0, "Capabilities": [["gpu"]], **request}


def _gpu_count(text: str) -> int:
    if text == "all":
        return -1
    try:
        return int(text)
    except ValueError as err:
        raise OperationError(
            f"Error setting gpus: invalid count ({text}): value must be either all or a number"
        ) from err


def requests_from(host: Inputs, known: Inputs) -> dict[str, Any]:
    """`gpus` and `deviceRequests` of an inspect, each only if it was given; gpus only if the plugin can say it."""
    found = host.get("DeviceRequests") or []
    read: dict[str, Any] = {}
    if known.get("gpus") and (gpus := _gpus_from(found)) is not None:
        read["gpus"] = gpus
    if known.get("deviceRequests"):
        read["deviceRequests"] = [
            {
                "driver": one.get("Driver") or "",
                "count": one.get("Count") or 0,
                "deviceIds": one.get("DeviceIDs") or [],
                "capabilities": [name for group in one.get("Capabilities") or [] for name in group],
                "options": one.get("Options") or {},
            }
            for one in found
        ]
    return read


def _gpus_from(found: list[Inputs]) -> str | None:
    if len(found) != 1:
        return None if found else ""
    if ids := found[0].get("DeviceIDs"):
        return f"device={','.join(ids)}"
    capabilities = [name.lower() for group in found[0].get("Capabilities") or [] for name in group]
    return "all" if found[0].get("Count") == -1 and "gpu" in capabilities else None
