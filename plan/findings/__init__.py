"""What the NAS says against the plan, before anything changes. One module for each thing that it may be about."""

from collections.abc import Iterator

from plan.config import Site
from plan.facts import NasFacts
from plan.findings import access, boot, containers, leftovers, link, network, states, taken
from plan.held import Held
from plan.install import InstallPlan
from plan.lan import LanPlan
from plan.problems import Problem


def findings(
    site: Site, install: InstallPlan, plan: LanPlan, facts: NasFacts, held: Held, take_over: bool = False
) -> Iterator[Problem]:
    """Errors and warnings. site.lan.parent is a name here, no longer auto; held: what this stack's state has;
    take_over: whether an installation that another state made is to become this one's."""
    yield from access.findings(site, install, facts)
    yield from boot.findings(site, install, facts)
    yield from link.findings(site, plan, facts)
    yield from network.findings(site, plan, facts)
    yield from containers.findings(plan, facts)
    yield from states.findings(site, install, plan, facts, held, take_over)
    yield from taken.findings(site, plan, facts)
    yield from leftovers.findings(site, install, facts)
