"""The stack's outputs: addresses, MACs, and commands to check them by hand."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Network
from typing import Any

from plan.lan import ContainerPlan, LanPlan
from plan.numbering import eui64


@dataclass(frozen=True)
class ObservedInterface:
    """A container's interface when a run read the NAS. mac: "" if it could not be read; globals: its global
    IPv6 addresses."""

    mac: str
    globals: tuple[str, ...]


def report(
    plan: LanPlan,
    status_command: str,
    boot_task: str = "",
    advertised: Sequence[IPv6Network] = (),
    interfaces: Mapping[str, ObservedInterface] | None = None,
) -> dict[str, Any]:
    """The stack's outputs by name, as plain values that are known at preview.

    status_command: shows the state on the NAS.
    boot_task: what a person still has to do there, "" for nothing.
    advertised: the global /64s that the router advertises now. The address that SLAAC forms from one is a prediction:
        it becomes true when the container starts, and holds as long as the prefix is advertised.
    interfaces: container's name → what this run saw before it changed anything. Docker's own answer does not count for
        the MAC (docs/decisions/0018).
    """
    seen = interfaces or {}
    return {
        "network": plan.network.name,
        "shim": {
            "interface": plan.shim.name,
            "ipv4": str(plan.shim.ipv4),
            "ula": str(plan.shim.ula),
            "mac": plan.shim.mac,
        },
        "containers": {container.key: _addresses(container, advertised, seen) for container in plan.containers},
        "external_containers": {other.key: _addresses(other, advertised, seen) for other in plan.external},
        "manual_checks": _checks(plan, status_command),
    } | ({"boot_task": boot_task} if boot_task else {})


def joined(first: dict[str, Any], further: Mapping[str, dict[str, Any]]) -> dict[str, Any]:
    """The reports of a site's networks as one. A container has its addresses on a further network below `networks`."""
    if not further:
        return first
    containers, external = dict(first["containers"]), dict(first["external_containers"])
    networks: dict[str, Any] = {}
    for network, outputs in further.items():
        networks[network] = {key: value for key, value in outputs.items() if key not in _OF_THE_SITE}
        for key, container in outputs["containers"].items():
            containers[key] = _also_on(network, containers.get(key, {"name": container["name"]}), container)
        for key, other in outputs["external_containers"].items():
            external[key] = _also_on(network, external[key], other) if key in external else other
    return first | {"containers": containers, "external_containers": external, "networks": networks}


def _also_on(network: str, container: dict[str, Any], addresses: dict[str, Any]) -> dict[str, Any]:
    there = {what: value for what, value in addresses.items() if what != "name"}
    return container | {"networks": {**container.get("networks", {}), network: there}}


_OF_THE_SITE = ("network", "containers", "external_containers")


def _addresses(
    container: ContainerPlan, advertised: Sequence[IPv6Network], interfaces: Mapping[str, ObservedInterface]
) -> dict[str, Any]:
    seen = interfaces.get(container.name)
    return {
        "name": container.name,
        "ipv4": str(container.ipv4),
        "ula": str(container.ula),
        "mac": container.mac,
        "interface_id": container.suffix,
        "predicted_global_ipv6": [
            str(prefix.network_address + eui64(container.mac)) for prefix in advertised if container.mac is not None
        ],
        "observed_mac": (seen.mac if seen else "") or None,
        "observed_global_ipv6": list(seen.globals) if seen else [],
    }


def _checks(plan: LanPlan, status_command: str) -> dict[str, str]:
    """Commands to be typed on the NAS."""
    checks = {"shim, routes and containers": status_command}
    for container in plan.routed:
        checks[f"NAS to {container.name}"] = f"ping -c 3 {container.ipv4}; ping -6 -c 3 {container.ula}"
    for container in plan.containers:
        checks[f"{container.name} to NAS"] = f"docker exec {container.name} ping -c 3 {plan.shim.ipv4}"
        checks[f"addresses of {container.name}"] = f"docker exec {container.name} ip address show dev eth0"
    return checks
