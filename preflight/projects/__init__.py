"""What the NAS has against whole Compose projects: containers, networks, volumes and ports that are there already."""

from collections.abc import Iterator, Mapping, Sequence

from config.problems import Problem
from config.sources import Sources
from facts.nas import NasFacts
from plan.lan import LanPlan
from plan.project.declared import InnerNetworkPlan
from preflight.projects import networks, ports, volumes


def findings(
    sources: Sources, lans: Sequence[LanPlan], inner: Mapping[str, InnerNetworkPlan], facts: NasFacts
) -> Iterator[Problem]:
    """facts: without the containers that make room for ours (preflight/projects/take_over.py)."""
    yield from networks.findings(sources, inner, lans, facts)
    yield from volumes.findings(sources, facts)
    yield from ports.findings(sources, {one.key for plan in lans for one in plan.containers}, facts)
