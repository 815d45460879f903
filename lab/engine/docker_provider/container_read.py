"""docker:index/container:Container read back from an inspect, as far as the official plugin reads it back."""

from collections.abc import Mapping
from typing import Any

from .container_spec import MIB, healthcheck_from
from .operations import map_to_labels
from .resources import cpus_from, devices_from, requests_from, throttles_from

Inspect = Mapping[str, Any]


def properties(found: Inspect, known: Inspect) -> dict[str, Any]:
    """Everything but mustRun. known: inputs or state, which decide how some are read.

    Never read: envs, labels, volumes, uploads, networksAdvanced, cpuPeriod, cpuQuota, cgroupParent, cgroupnsMode, and
    what only the plugin knows.
    """
    state, network = found.get("State") or {}, found.get("NetworkSettings") or {}
    read = _config(found) | _host(found["HostConfig"]) | _host_lists(found["HostConfig"])
    read |= throttles_from(found["HostConfig"]) | requests_from(found["HostConfig"], known)
    if known.get("devices"):
        read["devices"] = devices_from(found["HostConfig"], known["devices"])
    if known.get("deviceCgroupRules"):
        read["deviceCgroupRules"] = found["HostConfig"].get("DeviceCgroupRules") or []
    read |= {
        "image": found["Image"] if known.get("image", "").startswith("sha256:") else found["Config"]["Image"],
        "name": found["Name"].lstrip("/"),
        "platform": found.get("Platform") or "",  # without the architecture: "linux"
        "bridge": network.get("Bridge") or "",
        "networkDatas": [_network_data(name, n) for name, n in sorted((network.get("Networks") or {}).items())],
    }
    if state.get("Running") or known.get("mustRun"):
        # A stopped container has none; where it is to run, the plugin takes that for a change.
        read["ports"] = _port_list(network.get("Ports") or {})
    if not state.get("Running"):
        read["exitCode"] = state.get("ExitCode", 0)
    if not known.get("logOpts"):
        del read["logOpts"]  # dockerd's own, of daemon.json
    return read


def _config(found: Inspect) -> dict[str, Any]:
    config = found["Config"]
    return {
        "hostname": config.get("Hostname"),
        "domainname": config.get("Domainname") or None,
        "command": config.get("Cmd") or [],
        "entrypoints": config.get("Entrypoint") or [],
        "user": config.get("User") or None,
        "workingDir": config.get("WorkingDir") or None,
        "tty": bool(config.get("Tty")),
        "stdinOpen": bool(config.get("OpenStdin")),
        "stopSignal": config.get("StopSignal") or "",
        "stopTimeout": config.get("StopTimeout") or 0,
        **({"healthcheck": healthcheck_from(config["Healthcheck"])} if config.get("Healthcheck") else {}),
    }


def _host(host: Inspect) -> dict[str, Any]:
    swap = host.get("MemorySwap") or 0
    restart = host.get("RestartPolicy") or {}
    log = host.get("LogConfig") or {}
    return {
        "rm": bool(host.get("AutoRemove")),
        "readOnly": bool(host.get("ReadonlyRootfs")),
        "publishAllPorts": bool(host.get("PublishAllPorts")),
        "restart": restart.get("Name") or "no",
        "maxRetryCount": restart.get("MaximumRetryCount") or 0,
        "init": bool(host.get("Init")),
        "runtime": host.get("Runtime") or "",
        "privileged": bool(host.get("Privileged")),
        "memory": (host.get("Memory") or 0) // MIB,
        "memoryReservation": (host.get("MemoryReservation") or 0) // MIB,
        "memorySwap": swap // MIB if swap > 0 else swap,
        "shmSize": (host.get("ShmSize") or 0) // MIB,
        "cpuShares": host.get("CpuShares") or 0,
        "cpuSet": host.get("CpusetCpus") or None,
        "logDriver": log.get("Type") or "",
        "logOpts": log.get("Config") or None,
        "networkMode": host.get("NetworkMode"),
        "pidMode": host.get("PidMode") or None,
        "usernsMode": host.get("UsernsMode") or None,
        "ipcMode": host.get("IpcMode") or "",
        "tmpfs": host.get("Tmpfs") or None,
        "sysctls": host.get("Sysctls") or None,
        "storageOpts": host.get("StorageOpt") or None,
        **({"cpus": cpus_from(host["NanoCpus"])} if host.get("NanoCpus") else {}),
    }


def _host_lists(host: Inspect) -> dict[str, Any]:
    adds, drops = host.get("CapAdd") or [], host.get("CapDrop") or []
    return {
        "dns": host.get("Dns") or None,
        "dnsOpts": host.get("DnsOptions") or None,
        "dnsSearches": host.get("DnsSearch") or None,
        "groupAdds": host.get("GroupAdd") or None,
        "securityOpts": host.get("SecurityOpt") or [],
        # Split at every colon: of an IPv6 address only the beginning comes back.
        "hosts": [{"host": e[0], "ip": e[1]} for e in (h.split(":") for h in host.get("ExtraHosts") or [])],
        "ulimits": [
            {"name": u["Name"], "soft": u.get("Soft", 0), "hard": u.get("Hard", 0)} for u in host.get("Ulimits") or []
        ],
        "mounts": [_mount(m) for m in host.get("Mounts") or []],
        **({"capabilities": {"adds": adds, "drops": drops}} if adds or drops else {}),
    }


def _mount(mount: Inspect) -> dict[str, Any]:
    read: dict[str, Any] = {
        "type": mount["Type"],
        "target": mount["Target"],
        "source": mount.get("Source") or "",
        "readOnly": bool(mount.get("ReadOnly")),
    }
    if bind := mount.get("BindOptions"):
        read["bindOptions"] = {"propagation": bind.get("Propagation") or ""}
    if tmpfs := mount.get("TmpfsOptions"):
        read["tmpfsOptions"] = {"sizeBytes": tmpfs.get("SizeBytes") or 0, "mode": tmpfs.get("Mode") or 0}
    if volume := mount.get("VolumeOptions"):
        driver = volume.get("DriverConfig") or {}
        read["volumeOptions"] = {
            "noCopy": bool(volume.get("NoCopy")),
            "labels": map_to_labels(volume.get("Labels")),
            "driverName": driver.get("Name") or "",
            "driverOptions": driver.get("Options") or {},
            "subpath": volume.get("Subpath") or "",
        }
    return read


def _network_data(name: str, network: Inspect) -> dict[str, Any]:
    return {
        "networkName": name,
        "ipAddress": network.get("IPAddress") or "",
        "ipPrefixLength": network.get("IPPrefixLen") or 0,
        "gateway": network.get("Gateway") or "",
        "globalIpv6Address": network.get("GlobalIPv6Address") or "",
        "globalIpv6PrefixLength": network.get("GlobalIPv6PrefixLen") or 0,
        "ipv6Gateway": network.get("IPv6Gateway") or "",
        "macAddress": network.get("MacAddress") or "",
    }


def _port_list(ports: Mapping[str, list[Mapping[str, str]] | None]) -> list[dict[str, Any]]:
    """Sorted by number only. All bindings of one internal port and protocol are read as the last of them."""
    read = []
    for key in sorted(ports, key=lambda k: (int(k.partition("/")[0]), k == k.removesuffix("/udp"))):
        internal, _, protocol = key.partition("/")
        one: dict[str, Any] = {}
        for binding in ports[key] or []:
            one |= {
                "internal": int(internal),
                "external": int(binding.get("HostPort") or 0),
                "ip": binding.get("HostIp") or "",
                "protocol": protocol,
            }
            read.append(one)
    return [dict(one) for one in read]
