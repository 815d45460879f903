"""The stack's outputs: addresses, MACs, and commands to check them by hand."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Network
from typing import Any

from config.sources import Sources
from config.types import DOCKER, OFF
from plan.lan import ContainerPlan, LanPlan
from plan.numbering import eui64, ula_of
from plan.project.containers import WholeContainer


@dataclass(frozen=True)
class ObservedInterface:
    """A container's interface when a run read the NAS. mac: "" if it could not be read; globals, ulas: its global and
    its private IPv6 addresses."""

    mac: str
    globals: tuple[str, ...]
    ulas: tuple[str, ...] = ()


def report(
    plan: LanPlan,
    status_command: str,
    boot_task: str = "",
    advertised: Sequence[IPv6Network] = (),
    interfaces: Mapping[str, ObservedInterface] | None = None,
    tools: Collection[str] = (),
) -> dict[str, Any]:
    """The stack's outputs by name, as plain values that are known at preview.

    status_command: shows the state on the NAS.
    boot_task: what a person still has to do there, "" for nothing.
    advertised: the global /64s that the router advertises now. The address that SLAAC forms from one is a prediction:
        it becomes true when the container starts, and holds as long as the prefix is advertised.
    interfaces: container's name → what this run saw before it changed anything. Docker's own answer does not count for
        the MAC (docs/decisions/0018).
    tools: `nsenter` and `ping6`, if the NAS has them.
    """
    seen = interfaces or {}
    containers = {container.key: _addresses(plan, container, advertised, seen) for container in plan.containers}
    external = {other.key: _addresses(plan, other, advertised, seen) for other in (*plan.external, *plan.found)}
    return {
        "network": plan.network.name,
        "shim": {
            "interface": plan.shim.name,
            "ipv4": str(plan.shim.ipv4),
            "ula": _shim_ula(plan),
            "mac": plan.shim.mac,
        },
        "containers": containers,
        "external_containers": external,
        "manual_checks": _checks(plan, [*containers.values(), *external.values()], status_command, tools),
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


def containers_off_lan(containers: Iterable[WholeContainer], sources: Sources) -> dict[str, dict[str, list[str]]]:
    """The output for the containers that have no address on the LAN: Docker's name → its networks, or what is written
    in place of them. No output without such containers."""
    found = {
        one.name: [endpoint.network for endpoint in one.endpoints]
        or [sources.services[one.key].service.network_mode or "bridge"]
        for one in containers
        if one.on_lan is None
    }
    return {"containers_off_lan": found} if found else {}


_OF_THE_SITE = ("network", "containers", "external_containers")


def _shim_ula(plan: LanPlan) -> str | None:
    shim = plan.shim.ipv6
    return None if shim is None or shim.is_link_local else str(shim)


def _addresses(
    plan: LanPlan,
    container: ContainerPlan,
    advertised: Sequence[IPv6Network],
    interfaces: Mapping[str, ObservedInterface],
) -> dict[str, Any]:
    seen = interfaces.get(container.name)
    by_router = not (container.ipv6_is_off or container.ignores_routers)
    prefixes = advertised if by_router and plan.network.ipv6 != OFF and container.mac is not None else ()
    static = {} if container.static is None else {"static_global_ipv6": str(container.static)}
    return {
        "name": container.name,
        "ipv4": str(container.ipv4),
        "ula": _ula(plan, container, seen),
        **static,
        "mac": container.mac,
        "interface_id": container.suffix,
        "predicted_global_ipv6": [str(prefix.network_address + eui64(str(container.mac))) for prefix in prefixes],
        "observed_mac": (seen.mac if seen else "") or None,
        "observed_global_ipv6": list(seen.globals) if seen else [],
    }


def _ula(plan: LanPlan, container: ContainerPlan, seen: ObservedInterface | None) -> str | None:
    """The ULA that it has after this run, None if it has none or if nobody knows. Docker gives a container that others
    run whichever is free, unless these asked for one."""
    if container.ula is None or container.ipv6_is_off:
        return None
    ula = str(container.ula)
    if container.service is not None or plan.network.ipv6 != DOCKER:
        return ula
    if seen is not None:
        return ula if ula in seen.ulas else next(iter(seen.ulas), None)
    derived = plan.ula_prefix and ula_of(container.ipv4, plan.network.subnet, plan.ula_prefix)
    return None if container.ula == derived else ula


def _checks(
    plan: LanPlan, containers: Iterable[Mapping[str, Any]], status_command: str, tools: Collection[str]
) -> dict[str, str]:
    """Commands to be typed on the NAS. In a container's network they use the NAS's own tools, because many images have
    neither ping nor ip."""
    checks = {"shim, routes and containers": status_command}
    ping6 = "ping6" if "ping6" in tools else "ping -6"
    for container in sorted(containers, key=lambda one: IPv4Address(one["ipv4"])):
        name, addresses = container["name"], (container["ula"], container.get("static_global_ipv6"))
        pings = [f"ping -c 3 {container['ipv4']}", *(f"{ping6} -c 3 {address}" for address in addresses if address)]
        checks[f"NAS to {name}"] = "; ".join(pings)
    for container in plan.containers if "nsenter" in tools else ():
        within = f"nsenter -t $(docker inspect -f '{{{{.State.Pid}}}}' {container.name}) -n"
        checks[f"{container.name} to NAS"] = f"{within} ping -c 3 {plan.shim.ipv4}"
        checks[f"addresses of {container.name}"] = f"{within} ip address"
    return checks
