"""What the NAS has against the plan, before anything changes. Each module is about one subject."""

from collections.abc import Iterator

from config.problems import Problem
from config.site import Site
from facts.nas import NasFacts
from facts.state import StackState
from install.layout import InstallPlan
from plan.lan import LanPlan
from preflight.findings import (
    access,
    address_conflicts,
    boot_hook,
    container_ipv6,
    containers,
    manual_setups,
    network,
    other_states,
    routing,
)
from preflight.others import collisions
from preflight.others.installations import Others
from preflight.parents import parent_interface

NO_OTHERS = Others()


def findings(
    site: Site,
    install: InstallPlan,
    plan: LanPlan,
    facts: NasFacts,
    state: StackState,
    take_over: bool = False,
    others: Others = NO_OTHERS,
) -> Iterator[Problem]:
    """Errors and warnings.

    site: its lan.parent is resolved.
    state: what this stack's state holds.
    take_over: whether an installation that another state made becomes this one's.
    others: other installations of this program on the NAS; facts: without their data files.
    """
    yield from access.findings(site, install, facts)
    yield from boot_hook.findings(site, install, facts)
    yield from parent_interface.findings(site, install, plan, facts)
    yield from routing.findings(plan, facts, others)
    yield from network.findings(site, install, plan, facts, others)
    yield from containers.findings(plan, facts)
    yield from container_ipv6.findings(plan, facts)
    yield from collisions.findings(site, install, plan, facts, state, others)
    yield from other_states.findings(site, install, plan, facts, state, take_over, others)
    yield from address_conflicts.findings(site, plan, facts, others)
    yield from manual_setups.findings(site, install, facts, others)
