"""The networks of a site, each seen as a site of its own with that one network.

A site has its first network at the top of its keys and any further ones under `networks:`. What is done for one network
(addresses, Docker's network, shim, files on the NAS, findings) takes such a view and does not know of the others.
"""

import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from config.compose import ServiceEntry
from config.problems import Problem
from config.projects.file_networks import LanSettings
from config.service import Service
from config.site import ALL, ROOT, UNIT, FurtherNetwork, Install, Network, Shim, Site
from config.types import AUTO

_ADDRESSES = ("ipv4_address", "ipv6_address", "mac_address")
_OWN = ("lan", "ula", "shim", "network")  # the sections that a further network has to itself


@dataclass(frozen=True)
class NetworkView:
    """key: "" for the site's first network, else the network's name; site: as if it had this network only; names: of
    all networks of the site, the first one first."""

    key: str
    site: Site
    names: tuple[str, ...]

    @property
    def resource(self) -> str:
        """The name of its resources in Pulumi."""
        return f"lan-{self.key}" if self.key else "lan"

    def told(self, problems: Iterable[Problem]) -> list[Problem]:
        """The problems with their paths in the whole site."""
        return [self._told(problem) for problem in problems] if self.key else list(problems)

    def _told(self, problem: Problem) -> Problem:
        own = f"{ROOT}.networks.{self.key}"
        # The keys that a further network has elsewhere than the first one
        renamed = re.search(r"write `network\.name: ([^`]+)`", problem.remedy)
        name = renamed[1] if renamed else self.key
        remedy = problem.remedy.replace("network.ipv6", f"networks.{name}.ipv6")
        if renamed:
            remedy = remedy.replace(renamed[0], f"give this network the name {name} under `networks:`")
        problem = replace(problem, remedy=remedy)
        if problem.path == f"{ROOT}.nas.host" and "lan.nas_address" in problem.remedy:
            # nas.host is the address on the first network; of this one the person has to write it
            message = f"is missing, and {problem.path} {problem.value} {problem.message}"
            return replace(problem, path=f"{own}.lan.nas_address", value="", message=message)
        section, _, rest = problem.path.removeprefix(f"{ROOT}.").partition(".")
        if not problem.path.startswith(f"{ROOT}.") or section not in _OWN:
            return problem
        path = own if (section, rest) == ("network", "name") else f"{own}.{rest}"
        path = path if section == "network" else f"{own}.{section}.{rest}".rstrip(".")
        return replace(problem, path=path)


def views(site: Site) -> tuple[NetworkView, ...]:
    """The first network, then the further ones in the order in which they are written."""
    further = {key: network for key, network in site.networks.items() if key != site.network.name}
    names = (site.network.name, *further)
    install = _install(site.install, site.install.name)
    shim = _shim(site.shim, install)
    first = site.model_copy(update={"install": install, "shim": shim, "networks": {}})
    sites = {"": first, **{key: _further(site, key, network) for key, network in further.items()}}
    placed = {key: _with_its_external_containers(sites, key) for key in sites}
    return tuple(NetworkView(key, one, names) for key, one in placed.items())


def _further(site: Site, key: str, network: FurtherNetwork) -> Site:
    name = f"{site.install.name}-{key}" if site.install.name else key
    written = {
        path: named(value, key)
        for path in ("script_path", "config_path", "unit_path")
        if (value := getattr(site.install, path)) != AUTO and path in site.install.model_fields_set
    }
    install = _install(site.install.model_copy(update=written), name)
    return site.model_copy(
        update={
            "lan": network.lan,
            "ula": network.ula,
            "shim": _shim(network.shim, install),
            "network": Network(name=key, labels=network.labels, ipv6=network.ipv6),
            "install": install,
            "networks": {},
        }
    )


def _install(install: Install, name: str) -> Install:
    unit = {} if "unit_path" in install.model_fields_set or not name else {"unit_path": named(UNIT, name)}
    return install.model_copy(update={"name": name, **unit})


def _shim(shim: Shim, install: Install) -> Shim:
    if "name" in shim.model_fields_set or not install.name:
        return shim
    return shim.model_copy(update={"name": f"macvlan-{install.name}"})


def named(path: str, name: str) -> str:
    """The path with that name before its ending: /opt/shim.sh becomes /opt/shim-iot.sh. "" changes nothing."""
    if not name:
        return path
    stem, dot, ending = path.rpartition(".")
    return f"{stem}-{name}.{ending}" if dot and "/" not in ending else f"{path}-{name}"


def _with_its_external_containers(sites: Mapping[str, Site], key: str) -> Site:
    """An external container is on the network whose subnet has its address, and on the first one if none has."""
    site = sites[key]
    if site.external_containers == ALL:
        return site
    rest = [one for other, one in sites.items() if other not in ("", key)]
    mine = [
        container
        for container in site.listed_externals
        if container.ipv4_address in site.lan.subnet
        or (not key and not any(container.ipv4_address in other.lan.subnet for other in rest))
    ]
    return site.model_copy(update={"external_containers": tuple(mine)})


def lan_settings(site: Site) -> tuple[LanSettings, ...]:
    """The site's networks as a Compose file's are compared with them, the first one first."""
    first = LanSettings(
        site.network.name, site.lan.subnet, site.lan.gateway, site.lan.parent, site.ula_prefix, site.lan.static_prefix
    )
    return (
        first,
        *(
            LanSettings(
                key, one.lan.subnet, one.lan.gateway, one.lan.parent, one.ula and one.ula.prefix, one.lan.static_prefix
            )
            for key, one in site.networks.items()
        ),
    )


def services_of(services: Mapping[str, ServiceEntry], view: NetworkView) -> dict[str, ServiceEntry]:
    """The services on that network, each with the addresses that it has there and no others."""
    found = {key: (entry, _on(entry.service, view)) for key, entry in services.items()}
    return {
        key: replace(entry, service=service, place=place_of_addresses(entry, view.site.network.name, view.names))
        for key, (entry, service) in found.items()
        if service is not None
    }


def place_of_addresses(entry: ServiceEntry, name: str, names: Sequence[str]) -> str:
    """Where the addresses on that network stand, or belong if there are none: "" for the service itself, where they
    may stand if they can only be meant for that one. names: of the site's networks."""
    attachment = entry.service.networks.get(name)
    if attachment is None or attachment.ipv4_address is None:
        own = entry.service.ipv4_address is not None and _owner(entry.service, names) == name
        if own or (name == names[0] and not entry.network_keys):
            return ""
    elif name == names[0] and entry.service.ipv4_address is not None:
        return ""  # that both are written is told at the service
    return f"{entry.path}.networks.{entry.network_keys.get(name, name)}"


def _joined(service: Service, names: Sequence[str]) -> list[str]:
    """The site's networks that the service is on. One that names no network at all is on the first one."""
    if not service.networks and service.network_mode is None:
        return [names[0]]
    return [name for name in names if name in service.networks]


def _owner(service: Service, names: Sequence[str]) -> str:
    """The network of the addresses that stand at the service itself."""
    joined = _joined(service, names)
    return joined[0] if len(joined) == 1 else names[0]


def _on(service: Service, view: NetworkView) -> Service | None:
    name = view.site.network.name
    if name not in _joined(service, view.names):
        return None
    rest = {key: place for key, place in service.networks.items() if key == name or key not in view.names}
    update: dict[str, object] = {"networks": rest}
    if _owner(service, view.names) != name:
        update |= dict.fromkeys(_ADDRESSES)
    return service.model_copy(update=update)


def placement_problems(entry: ServiceEntry, names: Sequence[str], others: Collection[str] = ()) -> Iterator[Problem]:
    """What is wrong with the networks that a service names.

    names: of the site's networks; others: of those that its Compose projects declare beside.
    """
    service = entry.service
    for name in service.networks:
        if name in names or name in others:
            continue
        if len(names) == 1:
            message = "is not this site's network, and a container of this site joins that one only"
            yield Problem(f"{entry.path}.networks", name, message, f"use {names[0]}, or remove it")
        else:
            message = f"is not a network of this site, which has {', '.join(names)}"
            yield Problem(f"{entry.path}.networks", name, message, "use one of those, or remove it")
    joined = _joined(service, names)
    if not joined or _owner(service, names) in joined:
        return
    for key in _ADDRESSES:
        if value := getattr(service, key):
            message = f"may be meant for {' or for '.join(joined)}, and a container has one address on each network"
            remedy = f"move it to where it belongs, as in `networks: {{{joined[0]}: {{{key}: {value}}}}}`"
            yield Problem(f"{entry.path}.{key}", str(value), message, remedy)
