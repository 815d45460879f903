"""`macvlan-ipv6 compose`: what the program makes of compose files, without a NAS and without a stack."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network, IPv6Address, IPv6Network
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.text import Text

from config.compose import ServiceEntry, services_on
from config.problems import Problem
from inputs.compose_files import read_compose_file
from plan.addresses import service_problems, written_addresses
from plan.numbering import mac_of, ula_of


@dataclass(frozen=True)
class Services:
    """services: key → service, with its path. subnet, prefix: None where the person gave none."""

    network: str
    services: dict[str, ServiceEntry]
    problems: tuple[Problem, ...]
    subnet: IPv4Network | None
    prefix: IPv6Network | None


def read_services(
    files: Sequence[str], network: str, start: Path, subnet: IPv4Network | None, prefix: IPv6Network | None
) -> Services:
    """start: the folder that relative paths start from."""
    services: dict[str, ServiceEntry] = {}
    problems: list[Problem] = []
    for name in files:
        file, wrong = read_compose_file(name, "FILE", start, network)
        problems += wrong
        if file is None:
            continue
        found, wrong = services_on(file, network)
        problems += wrong
        for key, service in found.items():
            entry = ServiceEntry(f"{name}: services.{key}", service)
            if key in services:
                problems.append(Problem(entry.path, "", f"has the same name as {services[key].path}", "rename one"))
            else:
                services[key] = entry
                problems += service_problems(entry, network, subnet)
    return Services(network, services, tuple(sorted(set(problems))), subnet, prefix)


def shown_as_json(found: Services) -> str:
    """Keys: network; services, each with key, container_name, image, ipv4_address, ipv6_address, mac_address, volumes
    and environment (names only); problems, each with path, value, message, remedy and severity. An address is null
    where the file has none and none follows from what it has."""
    told = {
        "network": found.network,
        "services": [_service(found, key, entry) for key, entry in found.services.items()],
        "problems": [
            {
                "path": one.path,
                "value": one.value,
                "message": one.message,
                "remedy": one.remedy,
                "severity": one.severity,
            }
            for one in found.problems
        ],
    }
    return json.dumps(told, indent=2) + "\n"


def _service(found: Services, key: str, entry: ServiceEntry) -> dict[str, Any]:
    service, written = entry.service, written_addresses(entry.service, found.network)
    ula: IPv6Address | None = written.ipv6
    if ula is None and written.ipv4 is not None and found.subnet is not None and found.prefix is not None:
        ula = ula_of(written.ipv4, found.subnet, found.prefix) if written.ipv4 in found.subnet else None
    mac = written.mac or (mac_of(written.ipv4) if written.ipv4 is not None else None)
    return {
        "key": key,
        "container_name": service.container_name or key,
        "image": service.image,
        "ipv4_address": None if written.ipv4 is None else str(written.ipv4),
        "ipv6_address": None if ula is None else str(ula),
        "mac_address": mac,
        "volumes": [volume.model_dump() for volume in service.volumes],
        "environment": sorted(service.environment),
    }


def shown_as_text(found: Services) -> str:
    """For people: each service with its addresses, then each problem with its remedy. NO_COLOR is respected."""
    console = Console(highlight=False, soft_wrap=True)
    with console.capture() as captured:
        for key, entry in found.services.items():
            one = _service(found, key, entry)
            rows = [
                ("image", one["image"]),
                ("IPv4", one["ipv4_address"] or "none"),
                ("IPv6 ULA", one["ipv6_address"] or "follows from the IPv4 address (see --subnet and --ula-prefix)"),
                ("MAC", one["mac_address"] or "none"),
                *(("volume", f"{volume['source']} → {volume['target']}") for volume in one["volumes"]),
            ]
            console.print(Text(one["container_name"], style="bold"))
            for name, value in rows:
                console.print(Text(f"  {name:<10}{value}"))
        for problem in found.problems:
            console.print(Text(str(problem), style="red" if problem.severity == "error" else "yellow"))
        taken, wrong = len(found.services), len(found.problems)
        console.print(f"{taken} service{'' if taken == 1 else 's'} taken, {wrong} problem{'' if wrong == 1 else 's'}")
    return captured.get()
