"""docker:index/container:Container ↔ the daemon's own words: the body of a create, and an inspect read back."""

from collections.abc import Mapping
from typing import Any

from .durations import format_go_duration, parse_go_duration
from .operations import OperationError, labels_to_map
from .resources import cpu_limits, device, device_requests, throttles

MIB = 1024 * 1024
UNMASKED = "systempaths=unconfined"
"""A security option that only clients know: it is turned into two lists, and the daemon never tells it."""
SUBPATH_SINCE = (1, 45)

Inputs = Mapping[str, Any]


def create_body(inputs: Inputs, api: tuple[int, int]) -> dict[str, Any]:
    """The body of POST /containers/create. Empty values are left out, so that the daemon's own defaults hold.

    api: the version that is spoken. Raises OperationError for what the official plugin refuses before it asks.
    """
    if "" in (inputs.get("command") or []):
        raise OperationError("values for command may not be empty")
    volumes, binds, volumes_from = _volumes(inputs.get("volumes") or [])
    exposed, bindings = _ports(inputs.get("ports") or [])
    body = {
        "Image": inputs["image"],
        "Hostname": inputs.get("hostname"),
        "Domainname": inputs.get("domainname"),
        "Tty": inputs.get("tty"),
        "OpenStdin": inputs.get("stdinOpen"),
        "Env": inputs.get("envs"),
        "Cmd": inputs.get("command"),
        "Entrypoint": inputs.get("entrypoints"),
        "User": inputs.get("user"),
        "WorkingDir": inputs.get("workingDir"),
        "ExposedPorts": exposed,
        "Volumes": volumes,
        "Labels": labels_to_map(inputs.get("labels")),
        "Healthcheck": _healthcheck(inputs.get("healthcheck")),
        "StopSignal": inputs.get("stopSignal"),
        "StopTimeout": inputs.get("stopTimeout"),
    }
    host = _host_config(inputs, api) | _given({"Binds": binds, "VolumesFrom": volumes_from, "PortBindings": bindings})
    if UNMASKED in (inputs.get("securityOpts") or []):
        host |= {"MaskedPaths": [], "ReadonlyPaths": []}
    return {**_given(body), "HostConfig": host}


def _given(body: Mapping[str, Any]) -> dict[str, Any]:
    return {k: v for k, v in body.items() if v not in (None, "", [], {})}


def _host_config(inputs: Inputs, api: tuple[int, int]) -> dict[str, Any]:
    if (mode := inputs.get("cgroupnsMode")) not in (None, "", "private", "host"):
        raise OperationError(
            f"cgroupns_mode: invalid CGROUP mode, must be either 'private', 'host' or empty, not {mode!r}"
        )
    capabilities = inputs.get("capabilities") or {}
    swap = inputs.get("memorySwap") or 0
    body = {
        "AutoRemove": inputs.get("rm"),
        "CapAdd": capabilities.get("adds"),
        "CapDrop": capabilities.get("drops"),
        "CgroupParent": inputs.get("cgroupParent"),
        "CgroupnsMode": mode,
        "CpuShares": inputs.get("cpuShares"),
        "CpusetCpus": inputs.get("cpuSet"),
        "DeviceCgroupRules": inputs.get("deviceCgroupRules"),
        "DeviceRequests": device_requests(inputs),
        "Devices": [device(d) for d in inputs.get("devices") or []],
        "Dns": inputs.get("dns"),
        "DnsOptions": inputs.get("dnsOpts"),
        "DnsSearch": inputs.get("dnsSearches"),
        "ExtraHosts": [f"{h['host']}:{h['ip']}" for h in inputs.get("hosts") or []],
        "GroupAdd": inputs.get("groupAdds"),
        "Init": bool(inputs.get("init")),  # always said, so that the daemon's own default never counts
        "IpcMode": inputs.get("ipcMode"),
        "LogConfig": _given({"Type": inputs.get("logDriver"), "Config": inputs.get("logOpts")}),
        "Memory": (inputs.get("memory") or 0) * MIB,
        "MemoryReservation": (inputs.get("memoryReservation") or 0) * MIB,
        "MemorySwap": swap * MIB if swap > 0 else swap,
        "Mounts": [_mount(m, api) for m in inputs.get("mounts") or []],
        "NetworkMode": inputs.get("networkMode"),
        "PidMode": inputs.get("pidMode"),
        "Privileged": inputs.get("privileged"),
        "PublishAllPorts": inputs.get("publishAllPorts"),
        "ReadonlyRootfs": inputs.get("readOnly"),
        "RestartPolicy": restart_policy(inputs),
        "Runtime": inputs.get("runtime"),
        "SecurityOpt": [option for option in inputs.get("securityOpts") or [] if option != UNMASKED],
        "ShmSize": (inputs.get("shmSize") or 0) * MIB,
        "StorageOpt": inputs.get("storageOpts"),
        "Sysctls": inputs.get("sysctls"),
        "Tmpfs": inputs.get("tmpfs"),
        "Ulimits": [{"Name": u["name"], "Soft": u["soft"], "Hard": u["hard"]} for u in inputs.get("ulimits") or []],
        "UsernsMode": inputs.get("usernsMode"),
        **cpu_limits(inputs),
        **throttles(inputs),
    }
    return {k: v for k, v in _given(body).items() if v != 0 or k == "Init"}


def restart_policy(inputs: Inputs) -> dict[str, Any]:
    """The daemon's RestartPolicy."""
    return {"Name": inputs.get("restart") or "no", "MaximumRetryCount": inputs.get("maxRetryCount") or 0}


def update_body(inputs: Inputs) -> dict[str, Any]:
    """The body of POST /containers/ID/update: all that the official plugin changes in place."""
    swap = inputs.get("memorySwap") or 0
    body: dict[str, Any] = {
        "RestartPolicy": restart_policy(inputs),
        "CpuShares": inputs.get("cpuShares") or 0,
        "CpusetCpus": inputs.get("cpuSet") or "",
        "Memory": (inputs.get("memory") or 0) * MIB,
        "MemoryReservation": (inputs.get("memoryReservation") or 0) * MIB,
    }
    body |= {name: limits for name, limits in throttles(inputs).items() if limits}
    return body | ({"MemorySwap": swap * MIB if swap > 0 else swap} if swap else {})


def endpoint_config(network: Inputs) -> dict[str, Any]:
    """The EndpointConfig of POST /networks/NAME/connect."""
    ipam = {
        "IPv4Address": network.get("ipv4Address"),
        "IPv6Address": network.get("ipv6Address"),
        "LinkLocalIPs": network.get("linkLocalIps"),
    }
    options = (option.partition("=") for option in network.get("driverOpts") or [])
    config = {
        "Aliases": network.get("aliases"),
        "MacAddress": network.get("macAddress"),
        "DriverOpts": {key: value for key, _, value in options},
        "GwPriority": network.get("gwPriority") or None,
    }
    return {**_given(config), "IPAMConfig": _given(ipam)}


def _healthcheck(given: Inputs | None) -> dict[str, Any] | None:
    if not given:
        return None
    nanos = {name: parse_go_duration(given.get(name) or "0s") for name in _HEALTH_TIMES}
    body = {"Test": given.get("tests"), "Retries": given.get("retries")}
    return {k: v for k, v in (body | {_HEALTH_TIMES[k]: v for k, v in nanos.items()}).items() if v}


_HEALTH_TIMES = {
    "interval": "Interval",
    "timeout": "Timeout",
    "startPeriod": "StartPeriod",
    "startInterval": "StartInterval",
}


def _volumes(volumes: list[Inputs]) -> tuple[dict[str, dict[str, Any]], list[str], list[str]]:
    paths: dict[str, dict[str, Any]] = {}
    binds, others = [], []
    for volume in volumes:
        if volume.get("fromContainer"):
            others.append(volume["fromContainer"])
            continue
        paths[volume["containerPath"]] = {}
        if source := volume.get("hostPath") or volume.get("volumeName"):
            mode = "ro" if volume.get("readOnly") else "rw"
            label = f",{volume['selinuxRelabel']}" if volume.get("selinuxRelabel") else ""
            binds.append(f"{source}:{volume['containerPath']}:{mode}{label}")
    return paths, binds, others


def _ports(ports: list[Inputs]) -> tuple[dict[str, Any], dict[str, Any]]:
    exposed: dict[str, Any] = {}
    bindings: dict[str, Any] = {}
    for port in ports:
        key = f"{port['internal']}/{port.get('protocol') or 'tcp'}"
        exposed[key] = {}
        binding = {"HostIp": port.get("ip") or "0.0.0.0", "HostPort": str(port.get("external") or 0)}
        bindings.setdefault(key, []).append(binding)
    return exposed, bindings


def _mount(mount: Inputs, api: tuple[int, int]) -> dict[str, Any]:
    kind = mount["type"]
    body: dict[str, Any] = {"Type": kind, "Target": mount["target"], "ReadOnly": bool(mount.get("readOnly"))}
    if mount.get("source"):
        body["Source"] = mount["source"]
    if kind == "bind" and (bind := mount.get("bindOptions")):
        body["BindOptions"] = {"Propagation": bind.get("propagation")}
    if kind == "tmpfs" and (tmpfs := mount.get("tmpfsOptions")):
        body["TmpfsOptions"] = _given({"SizeBytes": tmpfs.get("sizeBytes"), "Mode": tmpfs.get("mode")})
    if kind == "volume" and (volume := mount.get("volumeOptions")) is not None:
        if api < SUBPATH_SINCE:  # whether there is one or not
            raise OperationError("Setting VolumeOptions.Subpath requires docker version 1.45 or higher")
        driver = _given({"Name": volume.get("driverName"), "Options": volume.get("driverOptions")})
        body["VolumeOptions"] = _given(
            {
                "NoCopy": volume.get("noCopy"),
                "Labels": labels_to_map(volume.get("labels")),
                "DriverConfig": driver,
                "Subpath": volume.get("subpath"),
            }
        )
    return body


def healthcheck_from(config: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """The healthcheck of an inspect, durations as Go prints them."""
    if not config:
        return None
    times = {name: format_go_duration(config.get(key) or 0) for name, key in _HEALTH_TIMES.items()}
    return {"tests": config.get("Test") or [], "retries": config.get("Retries") or 0, **times}
