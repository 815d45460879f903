"""What the NAS has against whole Compose projects: containers, networks, volumes and ports that are there already."""

from collections.abc import Iterator, Mapping, Sequence

from config.problems import Problem
from config.sources import Sources
from facts.nas import NasFacts
from facts.state import StackState
from plan.lan import LanPlan
from plan.project.declared import InnerNetworkPlan
from preflight.projects import made_here, networks, ports, volumes


def findings(
    sources: Sources,
    lans: Sequence[LanPlan],
    inner: Mapping[str, InnerNetworkPlan],
    facts: NasFacts,
    state: StackState,
    stack: str,
) -> Iterator[Problem]:
    """facts: without the containers that make room for ours (preflight/projects/take_over.py)."""
    yield from networks.findings(sources, inner, lans, facts)
    yield from volumes.findings(sources, facts)
    on_lan = {one.key for plan in lans for one in plan.containers}
    yield from ports.findings(sources, on_lan, facts)
    yield from made_here.findings(sources, on_lan, facts, state, stack)
