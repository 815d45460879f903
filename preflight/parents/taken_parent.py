"""What holds the parent so that the kernel refuses the shim's and the containers' macvlan links on it
(docs/upstream-facts.md#macvlan-neighbours)."""

from collections.abc import Iterator

from config.problems import Problem
from config.site import Site
from facts.nas import Link, LiveNetwork, NasFacts
from install.layout import InstallPlan
from preflight import unraid

IPVLAN = "the kernel has no macvlan link beside an ipvlan link on one interface (`Device or resource busy`)"
PASSTHRU = "a macvlan link of mode passthru has its interface for itself (`Invalid argument`)"


def findings(site: Site, install: InstallPlan, facts: NasFacts) -> Iterator[Problem]:
    for network in facts.networks:
        why = _why(network.driver, network.options.get("macvlan_mode", ""))
        if why and network.parent == site.lan.parent and network.name != site.network.name:
            yield _held_by_network(site, install, network, why)
    for link in facts.links.values():
        why = _why(link.kind, link.mode)
        ours = link.name == site.shim.name and link.kind == "macvlan"  # the program makes it anew
        if why and link.lower == site.lan.parent and not ours:
            yield _held_by_link(site, install, link, why)


def _why(kind: str, mode: str) -> str:
    if kind in ("ipvlan", "ipvtap"):
        return IPVLAN
    return PASSTHRU if kind in ("macvlan", "macvtap") and mode == "passthru" else ""


def _held_by_network(site: Site, install: InstallPlan, network: LiveNetwork, why: str) -> Problem:
    what = f"the {network.driver} network {network.name}"
    remedy = f"remove that one there: `docker network rm {network.name}`; or use another parent"
    if unraid.makes_network(install, network.name):
        what = f"Unraid's own {network.driver} network {network.name}"
        remedy = unraid.without_network(network.name)
    return Problem("site.lan.parent", site.lan.parent, f"carries {what}, and {why}", remedy)


def _held_by_link(site: Site, install: InstallPlan, link: Link, why: str) -> Problem:
    remedy = f"remove that one, and what makes it: `ip link del {link.name}` there; or use another parent"
    if unraid.makes_link(install, link.name):  # switched off, it stays until the next boot
        remedy = f"{unraid.HOST_ACCESS}, and run `ip link del {link.name}` there"
    message = f"carries the {link.kind} link {link.name}, and {why}"
    return Problem("site.lan.parent", site.lan.parent, message, remedy)
