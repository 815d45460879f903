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
    containers,
    manual_setups,
    network,
    other_states,
    parent_interface,
)


def findings(
    site: Site, install: InstallPlan, plan: LanPlan, facts: NasFacts, state: StackState, take_over: bool = False
) -> Iterator[Problem]:
    """Errors and warnings.

    site: its lan.parent is resolved.
    state: what this stack's state holds.
    take_over: whether an installation that another state made becomes this one's.
    """
    yield from access.findings(site, install, facts)
    yield from boot_hook.findings(site, install, facts)
    yield from parent_interface.findings(site, install, plan, facts)
    yield from network.findings(site, install, plan, facts)
    yield from containers.findings(plan, facts)
    yield from other_states.findings(site, install, plan, facts, state, take_over)
    yield from address_conflicts.findings(site, plan, facts)
    yield from manual_setups.findings(site, install, facts)
