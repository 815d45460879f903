"""A container's share of the NAS, in the Docker plugin's words."""

from collections.abc import Callable, Sequence
from decimal import Decimal
from typing import Any

import pulumi_docker as docker

from config.parts.devices import BlkioConfig, DeviceRate
from config.service import Service

PERIOD = 100_000  # microseconds, Docker's own for `cpus`


def limits(service: Service) -> dict[str, Any]:
    swap = service.memswap_limit
    if swap is None and service.mem_limit:
        swap = 2 * service.mem_limit  # Docker's default. Left out, it would be a difference at every preview.
    return {
        "memory": service.mem_limit,
        "memory_swap": swap,
        "memory_reservation": service.mem_reservation,
        "cpu_set": service.cpuset,
        "cpu_shares": service.cpu_shares or None,
        "cpu_period": service.cpu_period or None,
        "cpu_quota": service.cpu_quota or None,
        "ulimits": [
            docker.ContainerUlimitArgs(name=name, soft=limit.soft, hard=limit.hard)
            for name, limit in sorted(service.ulimits.items())
        ]
        or None,
        "device_requests": _requests(service),
        "runtime": service.runtime,
        "cgroup_parent": service.cgroup_parent,
        **_cpus(service.cpus),
        **_rates(service.blkio_config),
    }


def _requests(service: Service) -> list[docker.ContainerDeviceRequestArgs] | None:
    """As Compose asks for them: the devices with a name of the CDI in one request."""
    found = [
        docker.ContainerDeviceRequestArgs(
            driver=one.driver,
            count=one.count,
            device_ids=list(one.device_ids) or None,
            capabilities=list(one.capabilities) or None,
            options=one.options or None,
        )
        for one in service.gpus
    ]
    names = [device.source for device in service.devices if device.is_cdi]
    cdi = [docker.ContainerDeviceRequestArgs(driver="cdi", device_ids=names)] if names else []
    return [*cdi, *found] or None


def _rates(written: BlkioConfig) -> dict[str, Any]:
    kinds: dict[str, tuple[Callable[..., Any], Sequence[DeviceRate]]] = {
        "device_read_bps": (docker.ContainerDeviceReadBpArgs, written.device_read_bps),
        "device_read_iops": (docker.ContainerDeviceReadIopArgs, written.device_read_iops),
        "device_write_bps": (docker.ContainerDeviceWriteBpArgs, written.device_write_bps),
        "device_write_iops": (docker.ContainerDeviceWriteIopArgs, written.device_write_iops),
    }
    return {key: [kind(path=one.path, rate=one.rate) for one in rates] or None for key, (kind, rates) in kinds.items()}


def _cpus(cpus: str | None) -> dict[str, Any]:
    """In the spelling in which the plugin reads it back, or as the quota that Docker makes of it.

    Another spelling would replace the container in every run (docs/upstream-facts.md#docker-plugin-reads-otherwise).
    """
    if not cpus or cpus == "0":
        return {}
    number = Decimal(cpus)
    text = f"{number:.9f}"
    read = f"{number:.1f}" if text.count("0") == 9 else text.rstrip("0")
    if Decimal(read) != number:
        return {"cpu_period": PERIOD, "cpu_quota": round(number * PERIOD)}
    return {"cpus": read}
