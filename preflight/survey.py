"""What a run goes by: the plan, what it took from the NAS, what drifted there, and the warnings."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

from config.keys import PASSWORD_KEY
from config.problems import Problem, UserErrors
from config.site import Site
from facts.labels import REPAIRED
from facts.nas import NasFacts
from facts.state import StackState
from install.layout import InstallPlan, plan_install
from plan.lan import AddressPlan, LanPlan
from plan.outputs import ObservedInterface
from plan.planner import plan_lan
from preflight.container_drift import container_repairs
from preflight.findings import findings
from preflight.findings.network import foreign_network, lost_network
from preflight.findings.other_states import missing, others
from preflight.findings.parent_interface import resolve_parent
from preflight.host_drift import host_repair
from preflight.snapshot import NasSnapshot


@dataclass(frozen=True)
class Drift:
    """What differs from the last run, in words: on the shim, on the network, and by containers' keys.

    unmended: what the next run leaves as it is, because recreating the container did not help before.
    """

    shim: tuple[str, ...] = ()
    network: tuple[str, ...] = ()
    containers: Mapping[str, list[str]] = field(default_factory=dict)
    unmended: Mapping[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Survey:
    plan: LanPlan
    snapshot: NasSnapshot
    drift: Drift
    warnings: tuple[Problem, ...]


def survey(site: Site, addresses: AddressPlan, facts: NasFacts, state: StackState, take_over: bool, now: str) -> Survey:
    """The survey of a NAS that was asked. Raises UserErrors with all errors at once.

    state: what this stack's state holds.
    take_over: whether an installation that another state made becomes this one's.
    now: UTC, as text without blanks.
    """
    site, problems = resolve_parent(site, facts)
    install, wrong = plan_install(site, facts)
    problems += wrong
    snapshot = take_snapshot(site, install, facts)
    plan, wrong = plan_lan(site, addresses, snapshot.engine_major, snapshot.network)
    problems += wrong
    problems += findings(site, install, plan, facts, state, take_over)
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise UserErrors(errors)
    return Survey(plan, *with_repairs(site, plan, facts, snapshot, now, state), tuple(problems))


def survey_from_snapshot(
    site: Site, addresses: AddressPlan, snapshot: NasSnapshot, trusted_keys: tuple[str, ...], has_password: bool
) -> Survey:
    """`probe: off`: the survey from the last run's snapshot alone. Raises UserErrors.

    trusted_keys: the host keys that ssh accepts now.
    """
    if not {*trusted_keys} & {*snapshot.host_keys}:
        # The NAS named its keys over a session that another key verified than those trusted now.
        snapshot = replace(snapshot, host_keys=())
    if snapshot.install.privilege == "password" and not has_password:
        message = "is not set, and sudo on the NAS asked for it in the run that this one goes by"
        raise UserErrors([Problem(PASSWORD_KEY, "", message, f"`pulumi config set --secret {PASSWORD_KEY}`")])
    plan, wrong = plan_lan(site.with_parent(snapshot.parent), addresses, snapshot.engine_major, snapshot.network)
    if wrong:
        raise UserErrors(wrong)
    message = (
        "so the NAS was not asked: this preview uses the snapshot of the last run, and changes since then are not seen"
    )
    return Survey(
        plan, snapshot, Drift(), (Problem("site.probe", "off", message, "write `probe: on` to ask it", "warning"),)
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
    repair, shim = host_repair(seen.install, facts, foreign, now, state.shim, replaced)
    labels, drifts = container_repairs(plan, seen.install, facts, now)
    drifted = {key: [*drift.recreate, *drift.left_to_loop] for key, drift in drifts.items()}
    drifted = {key: found for key, found in drifted.items() if found}
    unmended = {key: list(drift.unmended) for key, drift in drifts.items() if drift.unmended}
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
    return marked, Drift(tuple(shim), network, drifted, unmended)


def _interfaces(plan: LanPlan, facts: NasFacts) -> Iterator[tuple[str, ObservedInterface]]:
    for container in plan.routed:
        live = facts.containers.get(container.name)
        if live is not None and live.inside is not None:
            addresses = sorted(map(str, live.inside.globals(container.ula)))
            yield container.name, ObservedInterface(live.inside.mac(container.ula), tuple(addresses))
