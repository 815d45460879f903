"""Networks beside those of the site, as the NAS has them: what is not there, and what is there otherwise."""

from collections.abc import Iterable, Iterator, Mapping
from ipaddress import IPv4Network, IPv6Network, ip_network

from config.declared import DeclaredNetwork
from config.problems import Problem
from config.sources import Sources
from facts.labels import COMPOSE
from facts.nas import LiveNetwork, NasFacts
from plan.project.declared import InnerNetworkPlan

Range = IPv4Network | IPv6Network


def findings(sources: Sources, inner: Mapping[str, InnerNetworkPlan], facts: NasFacts) -> Iterator[Problem]:
    if not facts.docker.engine:
        return  # its networks are unknown
    for name, declared in sources.networks.items():
        live, path = facts.network(name), sources.origins["networks", name].path
        if live is None and declared.external:
            yield _missing(path, name, sources.origins["networks", name].key, facts)
        elif live is None:
            yield from _refused(path, declared, facts)
        elif not inner[name].made and not declared.external:
            yield from _other(path, declared, live)
        ranges = _written(declared) if live is None or inner[name].made else _ranges(live)
        yield from _outside(sources, name, ranges)


def _missing(path: str, name: str, key: str, facts: NasFacts) -> Problem:
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


def _refused(path: str, declared: DeclaredNetwork, facts: NasFacts) -> Iterator[Problem]:
    """A network that is to be made and that Docker would refuse because of another one."""
    if declared.driver == "host" or declared.ipam.driver != "default":
        return
    for wanted in _written(declared):
        for other in facts.networks:
            taken = next(
                (one for one in _ranges(other) if one.version == wanted.version and one.overlaps(wanted)), None
            )
            if taken is not None and other.ipam == "default" and other.driver not in ("overlay", "null"):
                message = f"overlaps {taken} of the network {other.name} on the NAS, and Docker refuses a network that "
                message += "overlaps another"
                remedy = "write another subnet there, or remove the line and Docker takes a free one"
                if other.name == "bridge":
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


def _outside(sources: Sources, name: str, ranges: Iterable[Range]) -> Iterator[Problem]:
    """Addresses that Docker would refuse on that network."""
    ranges = [*ranges]
    for entry in sources.services.values():
        written = entry.service.networks.get(name)
        if written is None:
            continue
        for key, address in (("ipv4_address", written.ipv4_address), ("ipv6_address", written.ipv6_address)):
            of_family = [one for one in ranges if address is not None and one.version == address.version]
            if address is None or any(address in one for one in of_family) or not of_family:
                continue
            message = f"is outside {of_family[0]} of the network {name}, and Docker would refuse the container"
            path = f"{entry.path}.networks.{entry.network_keys.get(name, name)}.{key}"
            yield Problem(path, str(address), message, f"write a free address of {of_family[0]}, or remove the line")


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
