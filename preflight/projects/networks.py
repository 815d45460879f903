"""Networks beside those of the site, as the NAS has them: what is not there, and what is there otherwise."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_network

from config.declared import DeclaredNetwork
from config.problems import Problem
from config.projects.file_networks import MACVLAN
from config.sources import Sources
from facts.labels import COMPOSE
from facts.nas import LiveNetwork, NasFacts
from plan.lan import LanPlan
from plan.project.declared import InnerNetworkPlan

Range = IPv4Network | IPv6Network
# docs/upstream-facts.md#docker-fixed-addresses
LAST_ENGINE_WITHOUT_FIXED_ADDRESSES = 26


@dataclass(frozen=True)
class _Taken:
    """A range that a network has, or will have before the next one is made."""

    range: Range
    network: str
    driver: str


def findings(
    sources: Sources, inner: Mapping[str, InnerNetworkPlan], lans: Iterable[LanPlan], facts: NasFacts
) -> Iterator[Problem]:
    if not facts.docker.engine:
        return  # its networks are unknown
    taken = [_Taken(one, plan.network.name, MACVLAN) for plan in lans for one in _planned(plan)]
    taken += [
        _Taken(one, live.name, live.driver)
        for live in facts.networks
        if live.ipam == "default" and live.driver not in ("overlay", "null")
        for one in _ranges(live)
    ]
    for name, declared in sources.networks.items():
        live, path = facts.network(name), sources.origins["networks", name].path
        if live is None and declared.external:
            yield _missing(path, name, sources.origins["networks", name].key, facts)
            continue
        if live is None:
            yield from _refused(path, declared, taken, any(_fixed(sources, name)))
            taken += [_Taken(pool, name, declared.driver) for pool in _written(declared)]
        elif not inner[name].made and not declared.external:
            yield from _other(path, declared, live)
        ranges = _written(declared) if live is None or inner[name].made else _ranges(live)
        yield from _outside(sources, name, ranges)
        if inner[name].made and not _written(declared):
            yield from _without_a_subnet(sources, name, facts)


def _missing(path: str, name: str, key: str, facts: NasFacts) -> Problem:
    """Compose says so too (docs/upstream-facts.md#compose-external)."""
    message = "is not on the NAS, and the file says that others make it; with Compose it is an error too (network "
    message += f"{name} declared as external, but could not be found)"
    remedy = f"`docker network create {name}` there; or remove `external: true`, and it is made with the containers"
    if path.endswith(".network_mode"):
        message = "is not on the NAS, and Docker would refuse the container"
        remedy = f"`docker network create {name}` there"
    others = [one.name for one in facts.networks if key and one.labels.get(f"{COMPOSE}.network") == key]
    if others:
        remedy = f"if you mean {others[0]}, which Compose made under that key, write `name: {others[0]}` there; else "
        remedy += f"`docker network create {name}` on the NAS"
    return Problem(path, name, message, remedy)


def _refused(path: str, declared: DeclaredNetwork, taken: Iterable[_Taken], fixed: bool) -> Iterator[Problem]:
    """A network that is to be made and that Docker would refuse because of another one. An `ip_range` lets it share a
    subnet, but not with another bridge (docs/upstream-facts.md#docker-bridges-that-overlap). fixed: whether a container
    has an address in it."""
    for pool in declared.ipam.config:
        wanted = pool.subnet
        for other in taken if wanted is not None else ():
            both = (declared.driver, other.driver) == ("bridge", "bridge")
            if wanted is None or other.range.version != wanted.version or not other.range.overlaps(wanted):
                continue
            if both or pool.ip_range is None:
                message = f"overlaps {other.range} of the network {other.network}, and Docker refuses a network that "
                message += "overlaps another"
                remedy = "write another subnet there"
                remedy += ", and addresses of it" if fixed else ", or remove the line and Docker takes a free one"
                if other.network == "bridge":
                    remedy += "; or give Docker's own bridge another range: `bip` in its daemon.json"
                yield Problem(f"{path}.ipam.config", str(wanted), message, remedy)
                return


def _other(path: str, declared: DeclaredNetwork, live: LiveNetwork) -> Iterator[Problem]:
    """A network of that name that this program did not make, and that is not as the file says."""
    found: list[str] = []
    if live.driver != declared.driver:
        found.append(f"driver {live.driver} → {declared.driver}")
    has = {one.version: one for one in _ranges(live)}
    for wanted in _written(declared):
        if has.get(wanted.version) != wanted:
            found.append(f"subnet {has.get(wanted.version, 'none')} → {wanted}")
    if live.internal != declared.internal:
        found.append(f"internal {str(live.internal).lower()} → {str(declared.internal).lower()}")
    if found:
        maker = "Compose" if f"{COMPOSE}.network" in live.labels else "somebody else"
        message = (
            f"is on the NAS already, {maker} made it, and it differs from the file: {', '.join(found)}; it is used "
        )
        message += "as it is"
        remedy = (
            f"write into the file what it has, or remove it there (`docker network rm {live.name}`, its containers "
        )
        remedy += "disconnected), and it is made as the file says"
        yield Problem(path, live.name, message, remedy, "warning")


def _outside(sources: Sources, name: str, ranges: Sequence[Range]) -> Iterator[Problem]:
    """Addresses that Docker would refuse on that network."""
    for path, address in _fixed(sources, name):
        of_family = [one for one in ranges if one.version == address.version]
        if of_family and not any(address in one for one in of_family):
            message = f"is outside {of_family[0]} of the network {name}, and Docker would refuse the container"
            yield Problem(path, str(address), message, f"write a free address of {of_family[0]}, or remove the line")


def _without_a_subnet(sources: Sources, name: str, facts: NasFacts) -> Iterator[Problem]:
    """A subnet that Docker chose by itself."""
    if facts.engine_major is None or facts.engine_major > LAST_ENGINE_WITHOUT_FIXED_ADDRESSES:
        return
    for path, address in _fixed(sources, name):
        if address.version == 4:
            message = (
                f"is fixed, and the network {name} has no subnet in the file: Docker {facts.engine_major} takes a "
            )
            message += "fixed address only in a subnet that somebody chose"
            subnet = ip_network(f"{address}/24", strict=False)
            remedy = f"write the subnet under the network, as in `ipam: {{config: [{{subnet: {subnet}}}]}}`, or remove "
            yield Problem(path, str(address), message, f"{remedy}the line")


def _fixed(sources: Sources, name: str) -> Iterator[tuple[str, IPv4Address | IPv6Address]]:
    """The paths and addresses that services have on that network."""
    for entry in sources.services.values():
        written = entry.service.networks.get(name)
        path = f"{entry.path}.networks.{entry.network_keys.get(name, name)}"
        if written is not None and written.ipv4_address is not None:
            yield f"{path}.ipv4_address", written.ipv4_address
        if written is not None and written.ipv6_address is not None:
            yield f"{path}.ipv6_address", written.ipv6_address


def _planned(plan: LanPlan) -> list[Range]:
    network = plan.network
    return [network.subnet, *([network.ula_prefix] if network.ula_prefix is not None else [])]


def _written(declared: DeclaredNetwork) -> list[Range]:
    return [pool.subnet for pool in declared.ipam.config if pool.subnet is not None]


def _ranges(live: LiveNetwork) -> list[Range]:
    found: list[Range] = []
    for one in live.ranges:
        try:
            found.append(ip_network(one.subnet, strict=False))
        except ValueError:
            continue
    return found
