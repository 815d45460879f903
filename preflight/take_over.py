"""Containers that Compose has made of the same services: `pulumi up` removes each and makes it anew in its place."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from config.compose import ServiceEntry
from config.problems import Problem
from config.sources import Sources
from facts.nas import LiveContainer, NasFacts
from plan.lan import ContainerPlan


@dataclass(frozen=True)
class Replaced:
    """A container of others that is removed when ours is made. id: Docker's; name: its own."""

    id: str
    name: str


@dataclass(frozen=True)
class TakeOver:
    """replaced: by the keys of our containers."""

    replaced: Mapping[str, Replaced] = field(default_factory=dict)
    problems: Sequence[Problem] = ()


def take_over(sources: Sources, planned: Mapping[str, Sequence[ContainerPlan]], facts: NasFacts) -> TakeOver:
    """planned: the plans of the containers on the site's networks, by their keys."""
    replaced: dict[str, Replaced] = {}
    problems: list[Problem] = []
    for key, entry in sources.services.items():
        plans = planned.get(key, ())
        name = entry.name or entry.service.container_name or key
        live = next((one for one in facts.containers.values() if _is_the_same(entry, name, plans, one)), None)
        if live is not None:
            replaced[key] = Replaced(live.id, live.name)
            problems += _told(key, entry, plans, live)
        elif not plans and _is_in_the_way(name, facts):
            message = "exists on the NAS already and was not made by this program; Docker takes each name once"
            remedy = f"remove it there (`docker rm -f {name}`; its volumes stay), and it is made anew"
            problems.append(Problem(entry.path, name, message, remedy))
    return TakeOver(replaced, problems)


def _is_the_same(entry: ServiceEntry, name: str, plans: Sequence[ContainerPlan], live: LiveContainer) -> bool:
    """Whether Compose made that container of this service. Labels are text that anybody may set, so a container that
    has only these and neither the project, the name nor the address is none."""
    if live.addresses or not entry.compose_service or live.compose.service != entry.compose_service:
        return False
    if live.compose.project == entry.compose_project:
        return True
    addresses = {place.ipv4 or place.asked_ipv4 for place in live.networks.values()}
    return not entry.is_project_named and (live.name == name or any(str(one.ipv4) in addresses for one in plans))


def _is_in_the_way(name: str, facts: NasFacts) -> bool:
    live = facts.containers.get(name)
    return live is not None and not live.addresses


def _told(key: str, entry: ServiceEntry, plans: Sequence[ContainerPlan], live: LiveContainer) -> Iterator[Problem]:
    mounted = {volume.target for volume in entry.service.volumes}
    for target, volume in [(one.target, one.source) for one in live.mounts if one.is_anonymous]:
        if target not in mounted:
            message = f"keeps its files of {target} in a volume without a name, and the container that is made in its "
            message += "place would have an empty one there"
            remedy = f"write `- {volume}:{target}` under the service's volumes, and `{volume}: {{external: true}}` "
            remedy += "under the file's own"
            yield Problem(f"{entry.path}.volumes", live.name, message, remedy)
    message = f"is the container that Compose made of this service (project {live.compose.project}): `pulumi up` "
    message += "removes it and makes it anew, with the same volumes and addresses"
    remedy = "nothing needs to be done; what it wrote outside its volumes is lost, as with each `docker compose up` "
    remedy += "that makes it anew"
    if changes := [*_other_macs(plans, live)]:
        message += f"; its MAC becomes another one: {', '.join(changes)}"
        remedy += ". Write the one that it has as `mac_address:` if something depends on it"
    yield Problem(entry.path, live.name, message, remedy, "warning", key)


def _other_macs(plans: Sequence[ContainerPlan], live: LiveContainer) -> Iterator[str]:
    for plan in plans:
        for place in live.networks.values():
            if str(plan.ipv4) in (place.ipv4, place.asked_ipv4) and place.mac not in ("", plan.mac):
                yield f"{plan.mac} in place of {place.mac}"


def without(facts: NasFacts, replaced: Mapping[str, Replaced]) -> NasFacts:
    """The NAS as it is once those containers are gone."""
    names = {one.name for one in replaced.values()}
    gone = [container for name, container in facts.containers.items() if name in names]
    addresses = {address for one in gone for place in one.networks.values() for address in (place.ipv4, place.ipv6)}
    for inside in (one.inside for one in gone if one.inside is not None):
        addresses |= {*map(str, inside.ipv4)} | {str(address) for _, address in inside.ipv6}
    return replace(
        facts,
        containers={name: one for name, one in facts.containers.items() if name not in names},
        neighbours={address: one for address, one in facts.neighbours.items() if str(address) not in addresses},
    )
