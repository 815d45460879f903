"""`macvlan-ipv6 compose`: what the program makes of a Compose project, without a NAS and without a stack."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network
from typing import Any, Literal

from rich.console import Console
from rich.text import Text

from compose.project import Source, read_project
from config.compose import ServiceEntry, take
from config.networks import place_of_addresses, placement_problems
from config.problems import Problem, in_order
from config.projects.file_networks import LanSettings
from config.projects.places import problem_of, relocated
from config.service import Service
from config.service_parts import Volume
from config.types import AUTO, ULA_RANGE
from inputs.compose_files import LaptopDisk
from plan.addresses import service_problems, written_addresses
from plan.checks import Claim, address_conflicts, names_and_macs_given_twice
from plan.numbering import mac_of, ula_of

STYLES = {"error": "red", "warning": "yellow", "note": ""}


@dataclass(frozen=True)
class Container:
    """A service with its addresses. An address is None if the file has none and none follows from what it has.

    derived: the keys of the addresses that are not written and follow from the IPv4 address.
    """

    key: str
    entry: ServiceEntry
    ipv4: IPv4Address | None
    ula: IPv6Address | None
    mac: str | None
    derived: tuple[str, ...]

    @property
    def name(self) -> str:
        return self.entry.name or self.key

    @property
    def service(self) -> Service:
        return self.entry.service

    @property
    def path(self) -> str:
        return self.entry.path

    @property
    def addressed_at(self) -> str:
        return self.entry.place or self.path


@dataclass(frozen=True)
class Addressed:
    """A container with a known IPv4 address, in the form that plan.checks takes."""

    name: str
    path: str
    ipv4: IPv4Address
    mac: str | None


@dataclass(frozen=True)
class Result:
    network: str
    containers: tuple[Container, ...]
    problems: tuple[Problem, ...]


def read_services(
    source: Source,
    services: Literal["joined", "all"],
    network: str,
    subnet: IPv4Network | None,
    prefix: IPv6Network | None,
) -> Result:
    """services: which of the project's are taken. subnet, prefix: None if the person gave none."""
    project, findings = read_project(source, LaptopDisk())
    problems = [problem_of(finding, "FILE") for finding in findings]
    if project is None:
        return Result(network, (), tuple(problems))
    taken = take(project, [LanSettings(network, subnet, None, AUTO, prefix)], services)
    problems += taken.problems
    placed = {
        key: replace(entry, place=place_of_addresses(entry, network, (network,)))
        for key, entry in taken.services.items()
    }
    for entry in placed.values():
        problems += placement_problems(entry, (network,), taken.networks)
        if network in entry.service.networks:
            problems += service_problems(entry, network, subnet)
    containers = tuple(_containers(placed, network, subnet, prefix))
    problems += _given_twice(containers, subnet, prefix)
    return Result(network, containers, tuple(in_order(relocated(problem, [project]) for problem in problems)))


def _containers(
    services: Mapping[str, ServiceEntry], network: str, subnet: IPv4Network | None, prefix: IPv6Network | None
) -> Iterator[Container]:
    for key, entry in services.items():
        written = written_addresses(entry.service, network)
        ula, mac, derived = written.ipv6, written.mac, []
        if written.ipv4 is not None:
            if ula is None and subnet is not None and prefix is not None and written.ipv4 in subnet:
                ula = ula_of(written.ipv4, subnet, prefix)
                derived.append("ipv6_address")
            if mac is None:
                mac = mac_of(written.ipv4)
                derived.append("mac_address")
        yield Container(key, entry, written.ipv4, ula, mac, tuple(derived))


def _given_twice(
    containers: Iterable[Container], subnet: IPv4Network | None, prefix: IPv6Network | None
) -> Iterator[Problem]:
    """Problems between the services: an address, name or MAC that is given twice, or an address outside its network."""
    addressed: list[Addressed] = []
    claims: list[Claim] = []
    for container in containers:
        who = f"container {container.name}"
        if container.ipv4 is not None:
            addressed.append(Addressed(container.name, container.path, container.ipv4, container.mac))
            claims.append(Claim(f"{container.addressed_at}.ipv4_address", who, container.ipv4))
        if container.ula is not None:
            source = container.ipv4 if "ipv6_address" in container.derived else None
            claims.append(Claim(f"{container.addressed_at}.ipv6_address", who, container.ula, source))
    wrong: set[object] = set()
    yield from address_conflicts(claims, subnet, prefix, wrong)
    yield from names_and_macs_given_twice(addressed, {}, wrong)


def shown_as_json(found: Result) -> str:
    """Keys: network; services, each with key, container_name, image, ipv4_address, ipv6_address, mac_address, derived,
    networks, network_mode, ports, depends_on, volumes and environment (names only); problems, each with path, value,
    message, remedy and severity. An address is null where the file has none and none follows from what it has; derived
    lists the keys of those that follow."""
    payload = {
        "network": found.network,
        "services": [_service(container) for container in found.containers],
        "problems": [
            {
                "path": problem.path,
                "value": problem.value,
                "message": problem.message,
                "remedy": problem.remedy,
                "severity": problem.severity,
            }
            for problem in found.problems
        ],
    }
    return json.dumps(payload, indent=2) + "\n"


def _service(container: Container) -> dict[str, Any]:
    return {
        "key": container.key,
        "container_name": container.name,
        "image": container.service.image,
        "ipv4_address": None if container.ipv4 is None else str(container.ipv4),
        "ipv6_address": None if container.ula is None else str(container.ula),
        "mac_address": container.mac,
        "derived": list(container.derived),
        "networks": [*container.service.networks],
        "network_mode": container.service.network_mode,
        "ports": [port.model_dump() for port in container.service.ports],
        "depends_on": {key: how.condition for key, how in container.service.depends_on.items()},
        "volumes": [_volume(volume) for volume in container.service.volumes],
        "environment": sorted(container.service.environment),
    }


def _volume(volume: Volume) -> dict[str, Any]:
    always = {"type": volume.type, "source": volume.source, "target": volume.target, "read_only": volume.read_only}
    return always | {key: value for key, value in volume.model_dump(exclude_defaults=True).items() if value}


def shown_as_text(found: Result) -> str:
    """Text for people: each service with its addresses, then each problem with its remedy. It respects NO_COLOR."""
    console = Console(highlight=False, soft_wrap=True)
    with console.capture() as captured:
        for container in found.containers:
            ula = _shown(container, "ipv6_address", container.ula)
            if container.ula is None and container.ipv4 is not None:
                ula = "follows from the IPv4 address (see --subnet and --ula-prefix)"
            rows = [
                ("image", container.service.image),
                ("IPv4", _shown(container, "ipv4_address", container.ipv4)),
                ("IPv6 ULA" if container.ula is None or container.ula in ULA_RANGE else "IPv6", ula),
                ("MAC", _shown(container, "mac_address", container.mac)),
                *(
                    ("volume", f"{_printable(volume.source or volume.type)} → {_printable(volume.target)}")
                    for volume in container.service.volumes
                ),
            ]
            console.print(Text(container.name, style="bold"))
            for name, value in rows:
                console.print(Text(f"  {name:<10}{value}"))
        for problem in found.problems:
            console.print(Text(f"{problem.severity} {str(problem).lstrip()}", style=STYLES[problem.severity]))
        console.print(_summary(found))
    return captured.get()


def _summary(found: Result) -> str:
    count = Counter(problem.severity for problem in found.problems)
    parts = [_counted(count["error"], "error"), _counted(count["warning"], "warning")]
    if count["error"]:
        return f"refused: {', '.join(parts)}"
    return f"{_counted(len(found.containers), 'service')} taken, {parts[1]}"


def _counted(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _shown(container: Container, key: str, address: object) -> str:
    if address is None:
        return "none"
    return f"{address} (from the IPv4 address)" if key in container.derived else str(address)


def _printable(text: str) -> str:
    """An escape sequence in a path would be the terminal's."""
    return text if text.isprintable() else repr(text)
