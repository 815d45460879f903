"""Ports of the NAS that containers are to have and that Docker has opened for another one."""

from collections.abc import Iterator, Set
from ipaddress import ip_address

from config.problems import Problem
from config.service_parts import Port
from config.sources import Sources
from facts.nas import NasFacts


def findings(sources: Sources, on_lan: Set[str], facts: NasFacts) -> Iterator[Problem]:
    """on_lan: the keys of the containers on the site's networks. Docker opens ports for few of these."""
    names = {entry.docker_name(key) for key, entry in sources.services.items()}
    opened = {
        (number, protocol, address): container.name
        for container in facts.containers.values()
        if container.name not in names
        for address, number, protocol in container.ports
    }
    for key, entry in sources.services.items():
        for index, port in enumerate(entry.service.ports if key not in on_lan else ()):
            holders = [holder for at, holder in opened.items() if _meets(port, *at)]
            if holders:
                message = f"is open on the NAS already, for the container {holders[0]}, and Docker opens each port once"
                remedy = f"write another one, or remove {holders[0]} there"
                yield Problem(f"{entry.path}.ports[{index}]", str(port.published), message, remedy)


def _meets(port: Port, number: int, protocol: str, address: str) -> bool:
    if port.published != str(number) or port.protocol != protocol:
        return False
    wanted, taken = ip_address(port.host_ip or "0.0.0.0"), ip_address(address)
    both = port.host_ip == "" or wanted.version == taken.version
    return both and (wanted == taken or wanted.is_unspecified or taken.is_unspecified)
