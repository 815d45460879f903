"""What the NAS has against whole Compose projects: containers, networks, volumes and ports that are there already."""

from collections.abc import Iterator, Mapping, Set

from config.problems import Problem
from config.sources import Sources
from facts.nas import NasFacts
from plan.project.declared import InnerNetworkPlan
from preflight.projects import networks, ports, volumes


def findings(
    sources: Sources, on_lan: Set[str], inner: Mapping[str, InnerNetworkPlan], facts: NasFacts
) -> Iterator[Problem]:
    """on_lan: the keys of the containers on the site's networks. facts: without the containers that make room for ours
    (preflight/projects/take_over.py)."""
    yield from networks.findings(sources, inner, facts)
    yield from volumes.findings(sources, facts)
    yield from ports.findings(sources, on_lan, facts)
