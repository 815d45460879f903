"""A container's share of the NAS, in the Docker plugin's words."""

from decimal import Decimal
from typing import Any

import pulumi_docker as docker

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
        "gpus": service.gpus,
        "runtime": service.runtime,
        "cgroup_parent": service.cgroup_parent,
        **_cpus(service.cpus),
    }


def _cpus(cpus: str | None) -> dict[str, Any]:
    """In the spelling in which the plugin reads it back, or as the quota that Docker makes of it.

    Another spelling would replace the container in every run (docs/decisions/0030).
    """
    if not cpus or cpus == "0":
        return {}
    number = Decimal(cpus)
    text = f"{number:.9f}"
    read = f"{number:.1f}" if text.count("0") == 9 else text.rstrip("0")
    if Decimal(read) != number:
        return {"cpu_period": PERIOD, "cpu_quota": round(number * PERIOD)}
    return {"cpus": read}
