"""Problems between the networks of one site: what each needs for itself, on the NAS or in Docker, and two share."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from config.networks import NetworkView
from config.problems import Problem
from config.site import ROOT, Site
from config.types import AUTO, DOCKER
from plan.lan import AddressPlan


@dataclass(frozen=True)
class PlannedNetwork:
    """A network of the site, and its addresses as far as they follow without the NAS."""

    view: NetworkView
    addresses: AddressPlan


def network_named_twice(site: Site) -> Iterator[Problem]:
    if site.network.name in site.networks:
        path, message = f"{ROOT}.networks", "is the name of the site's first network too (network.name)"
        yield Problem(path, site.network.name, message, "give one of the two another name")


def path_given_twice(networks: Iterable[NetworkView]) -> Iterator[Problem]:
    """A further network's paths are made of those that were written (config/networks.py)."""
    seen: set[str] = set()
    for install in (view.site.install for view in networks):
        for path in (install.script_path, install.config_path, install.unit_path):
            if path != AUTO and path in seen:
                message = "is also the path of another file of this program, and one would overwrite the other"
                yield Problem("site.install", path, message, "give script_path, config_path and unit_path a path each")
                return  # the further networks would repeat it
            seen.add(path)


def problems_between(networks: Sequence[PlannedNetwork]) -> Iterator[Problem]:
    yield from _overlaps(networks)
    seen: dict[tuple[str, str], str] = {}
    for planned in networks:
        for clash in _clashes(planned):
            first = seen.setdefault((clash.path, clash.value), _name(planned))
            if first != _name(planned):
                yield from planned.view.told([replace(clash, message=clash.message.format(first))])
    yield from _names(networks)


def _name(planned: PlannedNetwork) -> str:
    return planned.view.site.network.name


def _clashes(planned: PlannedNetwork) -> Iterator[Problem]:
    """The problem of each thing that another network must not have too. {} in its message: that network."""
    shim = planned.addresses.shim
    message = "is the shim's name on the network {} too, and two interfaces cannot have one name"
    yield Problem("site.shim.name", shim.name, message, "give this one a `shim.name:` of its own")
    message = "is the routing table of the network {} too, and each empties its own"
    remedy = "write another number from 1 to 252 that the NAS does not use"
    yield Problem("site.shim.routing_table", str(shim.routing_table), message, remedy)
    message = "is the shim's address on the network {} too, and containers of one could not reach the NAS"
    for key, address in (("ipv4_address", shim.ipv4), ("ipv6_address", shim.ipv6)):
        if address is None or address.is_link_local:
            continue
        yield Problem(f"site.shim.{key}", str(address), message, "choose a free address of this network")


def _overlaps(networks: Sequence[PlannedNetwork]) -> Iterator[Problem]:
    for index, planned in enumerate(networks):
        for other in networks[:index]:
            site, before = planned.view.site, other.view.site
            found = []
            if site.lan.subnet.overlaps(before.lan.subnet):
                message = f"overlaps {before.lan.subnet} of the network {before.network.name}: an address in both would"
                message += " have two ways"
                remedy = "write this LAN's own subnet; a second network in the same LAN is not needed"
                found.append(Problem("site.lan.subnet", str(site.lan.subnet), message, remedy))
            if site.ula_prefix is not None and site.ula_prefix == before.ula_prefix:
                message = f"is the prefix of the network {before.network.name} too, and two LANs cannot have one"
                if (site.ipv6, before.ipv6) == (DOCKER, DOCKER):
                    message = f"is the prefix of the network {before.network.name} too, and Docker refuses the second"
                remedy = f"write another /64 of the same /48, as in {_next_prefix(networks)}"
                found.append(Problem("site.ula.prefix", str(site.ula_prefix), message, remedy))
            static = site.lan.static_prefix
            if static is not None and static == before.lan.static_prefix:
                message = f"is the prefix of the network {before.network.name} too, and two LANs cannot have one"
                remedy = "write the /64 that your router advertises in this LAN"
                found.append(Problem("site.lan.static_prefix", str(static), message, remedy))
            yield from planned.view.told(found)


def _next_prefix(networks: Sequence[PlannedNetwork]) -> str:
    """A /64 of the first network's /48 that no network of the site has."""
    used = [prefix for planned in networks if (prefix := planned.view.site.ula_prefix) is not None]
    all_64s = used[0].supernet(new_prefix=48).subnets(new_prefix=64)
    return str(next(prefix for prefix in all_64s if prefix not in used))


def _names(networks: Sequence[PlannedNetwork]) -> Iterator[Problem]:
    """Names of containers that are not the same container on two networks. Within one network plan.checks tells."""
    keys: dict[str, tuple[str, str]] = {}
    for planned in networks:
        for holder in planned.addresses.containers:
            key, path = keys.setdefault(holder.name, (holder.key, holder.path))
            if key != holder.key and not _together(networks, key, holder.key):
                message = f"is the name of {path} too; Docker takes each name once"
                yield Problem(f"{holder.path}.container_name", holder.name, message, "rename one of them")


def _together(networks: Sequence[PlannedNetwork], one: str, other: str) -> bool:
    keys = [{holder.key for holder in planned.addresses.containers} for planned in networks]
    return any({one, other} <= on_it for on_it in keys)
