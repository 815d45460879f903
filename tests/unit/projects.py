"""Compose projects as a whole, planned and recorded."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

from config.compose import take
from config.networks import lan_settings
from config.problems import Problem
from config.site import parse_site
from config.sources import Sources, all_services, errors
from inputs.load import plan_networks
from plan.lan import LanPlan
from plan.planner import plan_lan
from plan.project.checks import problems_on_engine
from plan.project.containers import WholeContainer, whole_containers
from plan.project.declared import InnerNetworkPlan, SeenNetwork, plan_inner_networks
from preflight.snapshot import NasSnapshot
from tests.unit.recorder import STACK, Recorder, record_lan
from tests.unit.sites import Change, compose_file, installed, put, site_of

LAN = {"bridge-host": {"external": True}}


@dataclass(frozen=True)
class Stack:
    """A site with one Compose project in it. seen, shared: as in NasSnapshot; problems: all that is told of it."""

    sources: Sources
    lans: tuple[LanPlan, ...]
    engine: int | None
    seen: dict[str, SeenNetwork]
    shared: dict[str, str]
    problems: list[Problem]

    @property
    def inner(self) -> dict[str, InnerNetworkPlan]:
        return plan_inner_networks(self.sources, self.seen, STACK)

    @property
    def containers(self) -> dict[str, WholeContainer]:
        found = whole_containers(self.sources, self.lans, self.inner, STACK, self.engine, self.shared)
        return {one.key: one for one in found}

    def told(self) -> list[Problem]:
        containers = [*self.containers.values()]
        return list(problems_on_engine(containers, self.sources, self.lans, self.inner, self.engine))

    def record(self, **more: Any) -> Recorder:
        seen = NasSnapshot("eth0", installed(), inner_networks=self.seen)
        sources, further = self.sources, self.lans[1:]
        return record_lan(self.lans[0], sources=sources, engine=self.engine, seen=seen, further=further, **more)


def stack(
    document: dict[str, Any],
    *changes: Change,
    engine: int | None = 26,
    services: Literal["all", "joined"] = "all",
    seen: dict[str, SeenNetwork] | None = None,
    shared: dict[str, str] | None = None,
    files: dict[str, str] | None = None,
    more: Sequence[dict[str, Any]] = (),
) -> Stack:
    """document: without the site's network, which is added. files: beside the compose file; more: further projects."""
    site, problems = parse_site(site_of(put("compose", []), put("containers", {}), *changes))
    assert site is not None, problems
    projects = [
        compose_file({**one, "networks": {**LAN, **one.get("networks", {})}}, **(files or {}))
        for one in (document, *more)
    ]
    taken = [take(project, lan_settings(site), services) for project in projects]
    sources, told = all_services(site, projects, taken)
    networks, wrong = plan_networks(site, sources)
    lans = []
    for planned in networks:
        plan, found = plan_lan(planned.view.site, planned.addresses, engine)
        lans.append(replace(plan, key=planned.view.key))
        wrong += found
    return Stack(sources, tuple(lans), engine, seen or {}, shared or {}, [*problems, *errors(told), *wrong])
