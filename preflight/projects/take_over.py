"""Containers that Compose has made of the same services: `pulumi up` removes each and makes it anew in its place."""

from collections.abc import Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace

from config.compose import ServiceEntry
from config.problems import Problem
from config.sources import Sources
from facts.nas import Attachment, LiveContainer, NasFacts
from plan.lan import ContainerPlan
from preflight.projects.kept_files import files_of, lost_files


@dataclass(frozen=True)
class Replaced:
    """A container of others that is removed when ours is made. id: Docker's; name: its own."""

    id: str
    name: str


@dataclass(frozen=True)
class TakeOver:
    """replaced: by the keys of our containers. told_of: names of others' containers in the way of which all is told."""

    replaced: Mapping[str, Replaced] = field(default_factory=dict)
    problems: Sequence[Problem] = ()
    told_of: Set[str] = frozenset()

    @property
    def cleared(self) -> set[str]:
        """The names of the containers of which nothing more needs to be said."""
        return {*self.told_of, *(one.name for one in self.replaced.values())}


def take_over(sources: Sources, planned: Mapping[str, Sequence[ContainerPlan]], facts: NasFacts) -> TakeOver:
    """planned: the plans of the containers on the site's networks, by their keys."""
    replaced: dict[str, Replaced] = {}
    problems: list[Problem] = []
    told_of: set[str] = set()
    for key, entry in sources.services.items():
        service = _Service(key, entry, planned.get(key, ()))
        there = facts.containers.get(service.name)
        found = service.made_by_compose(facts)
        if there is not None and there.addresses:
            problems += [service.second(one) for one in found]
            told_of |= {one.name for one in found}
            continue
        if found:
            first, *rest = found
            replaced[key] = Replaced(first.id, first.name)
            problems += service.told(first, facts)
            problems += [service.one_more(first, one) for one in rest]
            told_of |= {one.name for one in rest}
        others = [] if found else service.of_another_project(facts)
        problems += [service.named_otherwise(one) for one in others]
        told_of |= {one.name for one in others}
        if there is not None and there not in (*found, *others) and not service.plans:  # else findings/containers.py
            message = "exists on the NAS already and was not made by this program; Docker takes each name once"
            remedy = f"remove it there (`docker rm -f {service.name}`; its volumes stay), and it is made anew"
            problems.append(Problem(entry.path, service.name, message, remedy))
    return TakeOver(replaced, problems, told_of)


@dataclass(frozen=True)
class _Service:
    """plans: on the site's networks."""

    key: str
    entry: ServiceEntry
    plans: Sequence[ContainerPlan]

    @property
    def name(self) -> str:
        return self.entry.docker_name(self.key)

    def made_by_compose(self, facts: NasFacts) -> list[LiveContainer]:
        """The one that has our container's place comes first."""
        found = [one for one in facts.containers.values() if self._is_of_it(one, facts)]
        return sorted(found, key=lambda one: (not self._has_its_place(one), one.name))

    def _is_of_it(self, live: LiveContainer, facts: NasFacts) -> bool:
        """Labels are text that an image may bring too. So where nobody said the project's name, they alone do not
        decide."""
        made, entry = live.compose, self.entry
        if live.addresses or made.is_one_off or not entry.compose_service or made.service != entry.compose_service:
            return False
        is_of_project = made.project == entry.compose_project
        if entry.is_project_named:
            return is_of_project
        return self._has_its_place(live) or (is_of_project and bool(files_of(entry, live, facts).same))

    def _has_its_place(self, live: LiveContainer) -> bool:
        return live.name == self.name or any(_place(live, plan) is not None for plan in self.plans)

    def of_another_project(self, facts: NasFacts) -> list[LiveContainer]:
        """Those that Compose made of a service of this name, and that have our container's place."""
        made = [one for one in facts.containers.values() if one.compose.project and not one.addresses]
        service = self.entry.compose_service
        return [one for one in made if service and one.compose.service == service and self._has_its_place(one)]

    def named_otherwise(self, live: LiveContainer) -> Problem:
        message = f"is a container that Compose made of the service {self.entry.compose_service} in the project "
        message += f"{live.compose.project}, and this project is {self.entry.compose_project}"
        remedy = f"if it is of this file, write `name: {live.compose.project}` beside the file's path in "
        remedy += f"`site.compose:`, and it is taken over; else remove it there (`docker rm -f {live.name}`; its "
        remedy += "volumes stay)"
        return Problem(self.entry.path, live.name, message, remedy)

    def told(self, live: LiveContainer, facts: NasFacts) -> Iterator[Problem]:
        files = files_of(self.entry, live, facts)
        yield from lost_files(self.entry, live, files)
        message = f"is the container that Compose made of this service{_in_project(live)}: `pulumi up` removes it and "
        message += "makes it anew" + ("" if live.name == self.name else f" as {self.name}")
        same, changes, remedies = [*files.words_of_same], [*files.words_of_changes], list[str]()
        for plan in self.plans:
            place = _place(live, plan)
            if place is None:
                changes.append(f"it gets the address {plan.ipv4}")
                continue
            same.append(f"the address {plan.ipv4}")
            ipv6 = place.ipv6 or place.asked_ipv6
            if ipv6 and plan.ula is not None and ipv6 != str(plan.ula):
                changes.append(f"IPv6 {ipv6} → {plan.ula}")
            if place.mac and place.mac == plan.mac:
                same.append(f"the MAC {plan.mac}")
            elif place.mac:
                changes.append(f"MAC {place.mac} → {plan.mac}")
                remedies.append(f"write `mac_address: {place.mac}` there, if something depends on that MAC")
        message += f"\n      what stays: {', '.join(same)}" if same else ""
        message += f"\n      what changes: {', '.join(changes)}" if changes else ""
        remedies.append("nothing needs to be done" if not remedies else "else nothing needs to be done")
        remedy = "; ".join(remedies) + ". What it wrote outside its mounts is lost, as when Compose makes it anew"
        yield Problem(self.entry.path, live.name, message, remedy, "warning", self.key)

    def one_more(self, first: LiveContainer, live: LiveContainer) -> Problem:
        message = f"is another container that Compose made of this service, beside {first.name}, and only one of them "
        message += "can make room for the one of this program"
        remedy = f"remove the one that you do not need there, as in `docker rm -f {live.name}`; its volumes stay"
        return Problem(self.entry.path, live.name, message, remedy)

    def second(self, live: LiveContainer) -> Problem:
        message = (
            f"is a container that Compose made of this service{_in_project(live)}, although {self.name} is there, "
        )
        message += "which is this program's: both use the same files"
        remedy = f"`docker rm -f {live.name}` there; its volumes stay"
        return Problem(self.entry.path, live.name, message, remedy, "warning", self.key)


def _place(live: LiveContainer, plan: ContainerPlan) -> Attachment | None:
    """What it has on the network on which it has that address."""
    address = str(plan.ipv4)
    return next((one for one in live.networks.values() if address in (one.ipv4, one.asked_ipv4)), None)


def _in_project(live: LiveContainer) -> str:
    return f" (project {live.compose.project})" if live.compose.project else ""


def without(facts: NasFacts, names: Set[str]) -> NasFacts:
    """The NAS as it is once those containers are gone."""
    gone = [container for name, container in facts.containers.items() if name in names]
    addresses = {address for one in gone for place in one.networks.values() for address in (place.ipv4, place.ipv6)}
    for inside in (one.inside for one in gone if one.inside is not None):
        addresses |= {*map(str, inside.ipv4)} | {str(address) for _, address in inside.ipv6}
    return replace(
        facts,
        containers={name: one for name, one in facts.containers.items() if name not in names},
        neighbours={address: one for address, one in facts.neighbours.items() if str(address) not in addresses},
    )
