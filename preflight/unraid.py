"""What Unraid makes by itself for Docker: its custom networks, and its own way from the NAS to the containers on them.
Removed by hand, both come back at the next start of Docker (docs/upstream-facts.md#unraid-networks)."""

import re

from install.layout import InstallPlan

_SETTINGS = "in Unraid's Settings, Docker, with `Enable Docker` at No,"
HOST_ACCESS = f"{_SETTINGS} set `Host access to custom networks` to Disabled"


def makes_network(install: InstallPlan, name: str) -> bool:
    return install.profile == "unraid" and re.fullmatch(r"(br|bond|eth|wlan)\d+(\.\d+)?", name) is not None


def makes_link(install: InstallPlan, name: str) -> bool:
    return install.profile == "unraid" and re.fullmatch(r"(shim-(br|wlan)|vhost)\d+(\.\d+)?", name) is not None


def without_network(name: str) -> str:
    """The remedy for such a network that is in the way."""
    return f"{_SETTINGS} uncheck the custom network on interface {name}, and give its containers another network"
