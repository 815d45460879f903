"""What a run goes by, for each network of the site: the plan, what it took from the NAS, what drifted there, and the
warnings."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from ipaddress import IPv4Address, IPv6Address

from config.keys import PASSWORD_KEY
from config.networks import NetworkView
from config.problems import Problem, UserErrors
from config.site import Site
from config.sources import Sources
from config.types import AUTO, LOOP
from facts.labels import REPAIRED
from facts.nas import LiveContainer, NasFacts
from facts.state import StackState
from install.layout import InstallPlan, plan_install
from plan.between import PlannedNetwork
from plan.container_sysctls import FIRST_ENGINE_WITH_ENDPOINT_SYSCTLS, OPTION
from plan.lan import ContainerPlan, LanPlan
from plan.numbering import ula_of
from plan.outputs import ObservedInterface
from plan.planner import plan_lan
from plan.project.declared import plan_inner_networks, seen_networks
from plan.project.order import COMPLETED, CONTAINER, awaited, shared_with
from preflight.container_drift import container_repairs
from preflight.findings import findings
from preflight.findings.network import SHARED_PARENT, foreign_network, lost_network
from preflight.findings.other_states import missing, others
from preflight.host_drift import host_repair
from preflight.others.installations import labels_of_stack, separated
from preflight.parents.parent_interface import resolve_parent
from preflight.projects import findings as project_findings
from preflight.projects.take_over import Replaced, without
from preflight.projects.take_over import take_over as take_place
from preflight.snapshot import NasSnapshot

NO_SOURCES = Sources()


@dataclass(frozen=True)
class Drift:
    """What differs from the last run, in words: on the shim, on the network, and by containers' keys.

    unmended: what the next run leaves as it is, because recreating the container did not help before.
    not_given: what the watch loop, which runs, has not given to containers.
    """

    shim: tuple[str, ...] = ()
    network: tuple[str, ...] = ()
    containers: Mapping[str, list[str]] = field(default_factory=dict)
    unmended: Mapping[str, list[str]] = field(default_factory=dict)
    not_given: Mapping[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Survey:
    """problems: in the terms of the whole site. replaced: with the site's first network, others' containers that make
    room (preflight/projects/take_over.py)."""

    plan: LanPlan
    snapshot: NasSnapshot
    drift: Drift
    problems: tuple[Problem, ...]
    replaced: Mapping[str, Replaced] = field(default_factory=dict)


@dataclass(frozen=True)
class Asked:
    """One network of the site, what the NAS says, and what this stack's state holds of it."""

    planned: PlannedNetwork
    facts: NasFacts
    state: StackState


def survey(
    asked: Sequence[Asked], stack: str, take_over: bool, now: str, sources: Sources = NO_SOURCES
) -> list[Survey]:
    """As ``surveyed``. Raises UserErrors with all errors at once."""
    surveys, problems = surveyed(asked, stack, take_over, now, sources)
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise UserErrors(errors)
    return surveys


def surveyed(
    asked: Sequence[Asked], stack: str, take_over: bool, now: str, sources: Sources = NO_SOURCES
) -> tuple[list[Survey], list[Problem]]:
    """The surveys of the site's networks on a NAS that was asked, and all problems.

    stack: this stack, as organization/project/stack.
    take_over: whether an installation that another state made becomes this one's.
    now: UTC, as text without blanks.
    sources: the site's services, with what they need beside its networks.
    """
    # Of a network whose data file stands elsewhere (install.config_path) the other probes do not know
    found = {path: text for one in asked for path, text in one.facts.confs.items()}
    known = [replace(one, facts=replace(one.facts, others={**found, **one.facts.others})) for one in asked]
    place = take_place(sources, _planned(known), known[0].facts)
    cleared = [replace(one, facts=without(one.facts, place.cleared)) for one in known]
    ends = awaited((entry.service for entry in sources.services.values()), COMPLETED)
    surveys = [_survey(one, stack, take_over, now, ends) for one in cleared]
    snapshot = _with_needs(surveys[0].snapshot, asked[0], sources, stack)
    inner = plan_inner_networks(sources, snapshot.inner_networks, stack)
    found_there = project_findings(
        sources, [one.plan for one in surveys], inner, cleared[0].facts, cleared[0].state, stack
    )
    told = (*surveys[0].problems, *place.problems, *found_there)
    surveys[0] = replace(surveys[0], snapshot=snapshot, replaced=place.replaced, problems=told)
    problems = [problem for one in surveys for problem in one.problems]
    views = [one.planned.view for one in asked]
    problems += shared_parents(zip(views, [one.snapshot for one in surveys], strict=True))
    plans = list(zip(views, [one.plan for one in surveys], strict=True))
    problems += shared_macs(plans)
    problems += sysctls_without_a_place(plans, asked[0].facts.engine_major)
    return surveys, problems


def _planned(asked: Iterable[Asked]) -> dict[str, list[ContainerPlan]]:
    found: dict[str, list[ContainerPlan]] = {}
    for container in (container for one in asked for container in one.planned.addresses.containers):
        found.setdefault(container.key, []).append(container)
    return found


def _with_needs(snapshot: NasSnapshot, asked: Asked, sources: Sources, stack: str) -> NasSnapshot:
    """With what the NAS has of what services need beside the site's networks."""
    facts = asked.facts
    networks = seen_networks(sources.networks, facts.networks, asked.state.networks, stack)
    names = {name for one in sources.services.values() for name in shared_with(one.service, CONTAINER).values()}
    shared = {name: facts.containers[name].id for name in sorted(names & facts.containers.keys())}
    return replace(snapshot, inner_networks=networks, shared=shared)


def _survey(asked: Asked, stack: str, take_over: bool, now: str, ends: Set[str]) -> Survey:
    """ends: the keys of the containers that are to end."""
    view, state = asked.planned.view, asked.state
    facts, others = separated(view, asked.facts, state, stack, take_over)
    site, problems = resolve_parent(view.site, facts)
    install, wrong = plan_install(site, facts)
    problems += wrong
    snapshot = take_snapshot(site, install, facts)
    lost = snapshot.network is None and state.network == site.network.name
    label = state.network_stack if lost else stack
    plan, wrong = plan_lan(site, asked.planned.addresses, snapshot.engine_major, snapshot.network, label)
    plan = _marked(replace(plan, key=view.key), state, stack)
    containers = tuple(replace(one, ends=one.key in ends) for one in plan.containers)
    plan = replace(plan, containers=containers, found=tuple(_found(plan, facts)))
    problems += wrong
    problems += findings(site, install, plan, facts, state, take_over, others)
    told = tuple(view.told(problems))
    if any(problem.severity == "error" for problem in problems):
        return Survey(plan, snapshot, Drift(), told)
    return Survey(plan, *with_repairs(site, plan, facts, snapshot, now, state), told)


def _marked(plan: LanPlan, state: StackState, stack: str) -> LanPlan:
    """The plan with its containers' labels of the stack."""
    labels = labels_of_stack(state, stack, {container.key: container.name for container in plan.containers})
    return replace(
        plan, containers=tuple(replace(container, stack=labels[container.key]) for container in plan.containers)
    )


def shared_parents(networks: Iterable[tuple[NetworkView, NasSnapshot]]) -> Iterator[Problem]:
    """Networks of one site on one interface, where Docker takes only one there."""
    first: dict[str, str] = {}
    for view, seen in networks:
        name, engine = view.site.network.name, seen.engine_major
        other = first.setdefault(seen.parent, name)
        if other == name or seen.parent == AUTO or engine is None or engine >= SHARED_PARENT:
            continue
        message = f"is the parent of the network {other} too, and Docker {engine} takes one network on an interface"
        remedy = (
            f"write another interface, as the VLAN's own; from Docker {SHARED_PARENT} on two networks may share one"
        )
        yield from view.told([Problem("site.lan.parent", seen.parent, message, remedy)])


def shared_macs(networks: Iterable[tuple[NetworkView, LanPlan]]) -> Iterator[Problem]:
    """MACs that two networks of one site have on one interface. Within one network plan.checks tells."""
    first: dict[tuple[str, str], str] = {}
    for view, plan in networks:
        places = [("site.shim", plan.shim.mac), *((one.addressed_at, one.mac) for one in plan.containers)]
        for path, mac in places:
            name, parent = view.site.network.name, plan.shim.parent
            if mac is None or parent == AUTO or (other := first.setdefault((parent, mac), name)) == name:
                continue
            message = f"is a MAC on the network {other} too, and the kernel takes each MAC once on {parent}"
            yield from view.told([Problem(f"{path}.mac_address", mac, message, "write another one, or leave it out")])


def sysctls_without_a_place(networks: Sequence[tuple[NetworkView, LanPlan]], engine: int | None) -> Iterator[Problem]:
    """Sysctls of one interface of a container that has several. An old engine takes them by the interface's name only,
    and which network has which name is Docker's affair."""
    if engine is None or engine >= FIRST_ENGINE_WITH_ENDPOINT_SYSCTLS:
        return
    several = Counter(one.key for _, plan in networks for one in plan.containers)
    for view, plan in networks:
        for one in plan.containers:
            attachment = one.service.networks.get(plan.network.name) if one.service is not None else None
            if several[one.key] < 2 or attachment is None or OPTION not in attachment.driver_opts:
                continue
            message = (
                f"is for one interface of several, and Docker {engine} takes such a sysctl by a name like eth0 only"
            )
            remedy = (
                f"remove it, or upgrade Docker: from {FIRST_ENGINE_WITH_ENDPOINT_SYSCTLS} on it goes with the network"
            )
            path = f"{one.path}.networks.{plan.network.name}.driver_opts"
            yield from view.told([Problem(path, OPTION, message, remedy)])


def survey_from_snapshots(
    networks: Sequence[PlannedNetwork],
    snapshots: Mapping[str, NasSnapshot],
    states: Mapping[str, StackState],
    stack: str,
    trusted_keys: tuple[str, ...],
    has_password: bool,
) -> list[Survey]:
    """`probe: off`: the surveys from the last run's snapshots alone. Raises UserErrors.

    trusted_keys: the host keys that ssh accepts now.
    """
    surveys: list[Survey] = []
    problems: list[Problem] = []
    for planned in networks:
        view, snapshot = planned.view, snapshots[planned.view.key]
        if not {*trusted_keys} & {*snapshot.host_keys}:
            # The NAS named its keys over a session that another key verified than those trusted now.
            snapshot = replace(snapshot, host_keys=())
        if snapshot.install.privilege == "password" and not has_password:
            message = "is not set, and sudo on the NAS asked for it in the run that this one goes by"
            raise UserErrors([Problem(PASSWORD_KEY, "", message, f"`pulumi config set --secret {PASSWORD_KEY}`")])
        site = view.site.with_parent(snapshot.parent)
        plan, wrong = plan_lan(site, planned.addresses, snapshot.engine_major, snapshot.network)
        problems += view.told(wrong)
        plan = _marked(replace(plan, key=view.key), states[view.key], stack)
        surveys.append(Survey(plan, snapshot, Drift(), (UNASKED,)))
    if problems:
        raise UserErrors(problems)
    return surveys


UNASKED = Problem(
    "site.probe",
    "off",
    "so the NAS was not asked: this preview uses the snapshot of the last run, and changes since then are not seen",
    "write `probe: on` to ask it",
    "warning",
)


def take_snapshot(site: Site, install: InstallPlan, facts: NasFacts) -> NasSnapshot:
    """What the plan needs of the NAS. site: with its parent resolved."""
    return NasSnapshot(
        parent=site.lan.parent,
        install=install,
        engine_major=facts.engine_major,
        network=facts.network(site.network.name),
        advertised=facts.advertised_global(site.lan.parent),
        host_keys=facts.host_keys,
        tools=tuple(sorted(facts.tools & {"nsenter", "ping6"})),
    )


def with_repairs(
    site: Site, plan: LanPlan, facts: NasFacts, seen: NasSnapshot, now: str, state: StackState
) -> tuple[NasSnapshot, Drift]:
    """The drift, and the marks by which the plan makes Pulumi repair it.

    now: UTC, as text.
    state: what this stack's state holds.
    """
    foreign = foreign_network(site, plan, facts)
    replaced = tuple(container.id for container in others(plan, facts, state))
    repair, shim = host_repair(seen.install, facts, foreign, now, state.shim, replaced, site.network.name)
    labels, drifts = container_repairs(plan, seen.install, facts, now)
    drifted = {key: [*drift.recreate, *drift.left_to_loop] for key, drift in drifts.items()}
    drifted = {key: found for key, found in drifted.items() if found}
    unmended = {key: list(drift.unmended) for key, drift in drifts.items() if drift.unmended}
    not_given = {key: list(drift.not_given) for key, drift in drifts.items() if drift.not_given}
    live = facts.network(site.network.name)
    network: tuple[str, ...] = ()
    if foreign:
        network = (f"{site.network.name} was replaced by another network",)
    # Pulumi removes a network's containers before it replaces the network, and fails if one is gone already
    elif lost_network(site, facts, state) and not missing(plan, facts, state):
        network = (f"{site.network.name} is gone",)
    network_repair = f"{now} {network[0]}" if network else (live.labels.get(REPAIRED, "") if live is not None else "")
    marked = replace(
        seen,
        repair=repair,
        network_repair=network_repair,
        container_repairs=labels,
        interfaces=dict(_interfaces(plan, facts)),
    )
    return marked, Drift(tuple(shim), network, drifted, unmended, not_given)


def _interfaces(plan: LanPlan, facts: NasFacts) -> Iterator[tuple[str, ObservedInterface]]:
    for container in (*plan.routed, *plan.found):
        live = _live(container, facts)
        if live is not None and live.inside is not None:
            ula = _ula_inside(container, live, plan.network.name)
            globals_, ulas = live.inside.globals(ula), live.inside.ulas(ula)
            found = ObservedInterface(
                live.inside.mac(ula), tuple(sorted(map(str, globals_))), tuple(sorted(map(str, ulas)))
            )
            yield container.name, found


def _live(container: ContainerPlan, facts: NasFacts) -> LiveContainer | None:
    """The container on the NAS. One that others run may be written by its address alone."""
    if container.service is not None or container.name in facts.containers:
        return facts.containers.get(container.name)
    live = facts.containers.values()
    return next((one for one in live if one.inside and container.ipv4 in one.inside.ipv4), None)


def _ula_inside(container: ContainerPlan, live: LiveContainer, network: str) -> IPv6Address | None:
    """The ULA by which its interface on this network is found: Docker's own, or the planned one."""
    place = live.networks.get(network)
    return IPv6Address(place.ipv6) if place is not None and place.ipv6 else container.ula


def _found(plan: LanPlan, facts: NasFacts) -> Iterator[ContainerPlan]:
    """The others' running containers on the network, if the site means all of them."""
    planned = {container.ipv4 for container in plan.routed}
    taken = {plan.shim.ipv6, *(container.ula for container in plan.routed)}
    for name, live in sorted(facts.containers.items()) if plan.all_external else ():
        place = live.networks.get(plan.network.name)
        if place is None or not place.ipv4 or not live.runs or live.addresses or IPv4Address(place.ipv4) in planned:
            continue
        ipv4, ula = IPv4Address(place.ipv4), IPv6Address(place.ipv6) if place.ipv6 else None
        if plan.network.ipv6 == LOOP:
            ula = plan.ula_prefix and ula_of(ipv4, plan.network.subnet, plan.ula_prefix)
            ula = None if ula in taken else ula  # nas/embedded/give.awk
        yield ContainerPlan(name, name, ipv4, ula, None, None, f"site.external_containers.{name}")
