"""A service in the Docker plugin's words: one property for each key that Docker takes as it is.

What is left out stays out of the inputs. A word that the plugin reads back otherwise would be a difference at each
preview (docs/decisions/0017-what-the-docker-plugin-loses.md).
"""

from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pulumi
import pulumi_docker as docker

from config.service import Service
from config.service_parts import Device, Port, Volume

PERIOD = 100_000  # microseconds, Docker's own for `cpus`


def service_inputs(service: Service, volumes_from: Sequence[pulumi.Input[str]] = ()) -> dict[str, Any]:
    """volumes_from: names of containers, with `:ro` behind where that was written."""
    return {
        **_process(service),
        **_storage(service, volumes_from),
        **_names(service),
        **_rights(service),
        **_limits(service),
    }


def many(values: Sequence[str] | None) -> list[str] | None:
    return list(values) if values else None


def _process(service: Service) -> dict[str, Any]:
    restart, _, retries = service.restart.partition(":")
    check = service.healthcheck
    return {
        "command": many(service.command),
        "entrypoints": many(service.entrypoint),
        "working_dir": service.working_dir,
        "restart": restart,
        "max_retry_count": int(retries) if retries else None,
        "init": service.init or None,
        "tty": service.tty or None,
        "stdin_open": service.stdin_open or None,
        "stop_signal": service.stop_signal,
        "stop_timeout": service.stop_grace_period,
        "destroy_grace_seconds": service.stop_grace_period,
        "runtime": service.runtime,
        "healthcheck": check
        and docker.ContainerHealthcheckArgs(
            tests=["NONE"] if check.disable else list(check.test),
            interval=check.interval,
            timeout=check.timeout,
            start_period=check.start_period,
            start_interval=check.start_interval,
            retries=check.retries,
        ),
        "log_driver": service.logging and service.logging.driver,
        "log_opts": (service.logging and service.logging.options) or None,
    }


def _storage(service: Service, volumes_from: Sequence[pulumi.Input[str]]) -> dict[str, Any]:
    volumes = [_volume(volume) for volume in service.volumes if volume.is_plain]
    volumes += [docker.ContainerVolumeArgs(from_container=name) for name in volumes_from]
    return {
        "volumes": volumes or None,
        "mounts": [_mount(volume) for volume in service.volumes if not volume.is_plain] or None,
        "tmpfs": {path: options for path, _, options in (text.partition(":") for text in service.tmpfs)} or None,
        "storage_opts": service.storage_opt or None,
        "read_only": service.read_only or None,
    }


def _volume(volume: Volume) -> docker.ContainerVolumeArgs:
    return docker.ContainerVolumeArgs(
        host_path=volume.source if volume.type == "bind" else None,
        volume_name=(volume.source or None) if volume.type == "volume" else None,
        container_path=volume.target,
        read_only=volume.read_only or None,
        selinux_relabel=volume.bind and volume.bind.selinux,
    )


def _mount(volume: Volume) -> docker.ContainerMountArgs:
    """An option block that says nothing is left out: old engines refuse that of a volume, whatever is in it."""
    bind, own, tmpfs = volume.bind, volume.volume, volume.tmpfs
    return docker.ContainerMountArgs(
        type=volume.type,
        source=volume.source or None,
        target=volume.target,
        read_only=volume.read_only or None,
        bind_options=docker.ContainerMountBindOptionsArgs(propagation=bind.propagation)
        if bind is not None and bind.propagation
        else None,
        volume_options=docker.ContainerMountVolumeOptionsArgs(no_copy=own.nocopy or None, subpath=own.subpath)
        if own is not None and (own.nocopy or own.subpath)
        else None,
        tmpfs_options=docker.ContainerMountTmpfsOptionsArgs(size_bytes=tmpfs.size, mode=tmpfs.mode)
        if tmpfs is not None and (tmpfs.size, tmpfs.mode) != (None, None)
        else None,
    )


def _names(service: Service) -> dict[str, Any]:
    return {
        "hostname": service.hostname,
        "domainname": service.domainname,
        "dns": [str(address) for address in service.dns] or None,
        "dns_opts": many(service.dns_opt),
        "dns_searches": many(service.dns_search),
        "hosts": [docker.ContainerHostArgs(host=host, ip=ip) for host, ip in dict.fromkeys(service.extra_hosts)]
        or None,
        # The plugin reads them in this order
        "ports": [_port(port) for port in sorted(dict.fromkeys(service.ports), key=lambda one: one.target)] or None,
    }


def _port(port: Port) -> docker.ContainerPortArgs:
    return docker.ContainerPortArgs(
        internal=port.target,
        external=int(port.published) if port.published else None,
        ip=port.host_ip or None,
        protocol=None if port.protocol == "tcp" else port.protocol,
    )


def _rights(service: Service) -> dict[str, Any]:
    capabilities = docker.ContainerCapabilitiesArgs(adds=_caps(service.cap_add), drops=_caps(service.cap_drop))
    return {
        "user": service.user,
        "group_adds": many(service.group_add),
        "privileged": service.privileged or None,
        "capabilities": capabilities if service.cap_add or service.cap_drop else None,
        "security_opts": many(service.security_opt),
        "sysctls": service.sysctls or None,
        "devices": [_device(device) for device in service.devices] or None,
        "device_cgroup_rules": many(service.device_cgroup_rules),
        "gpus": service.gpus,
        "userns_mode": service.userns_mode,
        "cgroupns_mode": service.cgroup,
        "cgroup_parent": service.cgroup_parent,
    }


def _device(device: Device) -> docker.ContainerDeviceArgs:
    return docker.ContainerDeviceArgs(
        host_path=device.source, container_path=device.target, permissions=device.permissions
    )


def _caps(names: Sequence[str]) -> list[str] | None:
    """CAP_NET_ADMIN, as the plugin reads it back. Another spelling would be a difference at every preview."""
    plain = [name.upper().removeprefix("CAP_") for name in names]
    return [name if name == "ALL" else f"CAP_{name}" for name in plain] or None


def _limits(service: Service) -> dict[str, Any]:
    # Docker's default beside `memory`. Left out, it would be a difference at every preview.
    swap = service.mem_limit and 2 * service.mem_limit
    ulimits = sorted(service.ulimits.items())
    return {
        "shm_size": service.shm_size,
        "memory": service.mem_limit,
        "memory_swap": swap if service.memswap_limit is None else service.memswap_limit,
        "memory_reservation": service.mem_reservation,
        "cpu_set": service.cpuset,
        "cpu_shares": service.cpu_shares,
        "ulimits": [docker.ContainerUlimitArgs(name=name, soft=one.soft, hard=one.hard) for name, one in ulimits]
        or None,
        **_cpus(service),
    }


def _cpus(service: Service) -> dict[str, Any]:
    """`cpus` as the plugin reads it back. What it reads back as another number is said as Docker itself keeps it: a
    share of a period."""
    cpus = Decimal(service.cpus or 0)
    if not cpus:
        return {"cpu_period": service.cpu_period, "cpu_quota": service.cpu_quota}
    if Decimal(text := _read_back(cpus)) != cpus:
        return {"cpu_period": PERIOD, "cpu_quota": int(cpus * PERIOD)}
    return {"cpus": text}


def _read_back(cpus: Decimal) -> str:
    """Of nine decimals the plugin takes the zeros at the end, and one decimal only if there are nine zeros in all."""
    text = f"{cpus:.9f}"
    return f"{cpus:.1f}" if text.count("0") == 9 else text.rstrip("0")
