"""Sites to test with, all made from the stack that ships: Pulumi.dev.yaml and its compose file."""

import copy
import tempfile
from collections.abc import Callable, Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import yaml

from compose.project import Project, Source, read_project
from config.compose import take
from config.networks import lan_settings
from config.problems import Problem
from config.site import Site, parse_site
from config.sources import Sources, all_services
from facts.nas import LiveNetwork, LiveRange
from inputs.compose_files import LaptopDisk, files_of
from inputs.load import plan_networks
from install.layout import InstallPlan
from plan.lan import LanPlan
from plan.planner import plan_lan

ROOT = Path(__file__).parents[2]
COMPOSE = "examples/qbittorrent/docker-compose.yml"
_DEV = yaml.safe_load((ROOT / "Pulumi.dev.yaml").read_text())["config"]["macvlan-ipv6:site"]

Raw = dict[str, Any]
Change = Callable[[Raw], None]


def put(*path_and_value: Any) -> Change:
    """The change that writes a value at a path, as in ``put("nas", "port", 22)``."""
    *path, last, value = path_and_value

    def change(site: Raw) -> None:
        holder = site
        for key in path:
            holder = holder.setdefault(key, {})
        holder[last] = copy.deepcopy(value)

    return change


def drop(*path: Any) -> Change:
    *parents, last = path

    def change(site: Raw) -> None:
        holder = site
        for key in parents:
            holder = holder[key]
        del holder[last]

    return change


def box(name: str, last: int, **keys: Any) -> Change:
    """The change that adds a container at 192.168.1.<last>."""
    return put("containers", name, {"image": "busybox", "ipv4_address": f"192.168.1.{last}", **keys})


def site_of(*changes: Change) -> Raw:
    site = copy.deepcopy(_DEV)
    for change in changes:
        change(site)
    return site


def compose_file(document: Any = None, **files: str) -> Project:
    """The example's compose file, or another document or text under its name. files: others beside it, and their
    texts."""
    if document is None:
        found, problems = read_project(Source(files_of([COMPOSE], ROOT)), LaptopDisk())
    else:
        text = document if isinstance(document, str) else yaml.safe_dump(document, sort_keys=False)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder, COMPOSE)
            path.parent.mkdir(parents=True)
            for name, content in {path.name: text, **files}.items():
                (path.parent / name).write_text(content)
            found, problems = read_project(
                Source(files_of([COMPOSE], Path(folder)), folder="/volume1/docker/project"), LaptopDisk()
            )
    assert found is not None, str(problems)
    return found


def sources_of(site: Site, projects: Iterable[Project] = ()) -> tuple[Sources, list[Problem]]:
    """The services of the site and of those projects, and what is told of them."""
    projects = list(projects)
    return all_services(site, projects, [take(project, lan_settings(site)) for project in projects])


def make_plan(
    site: Site, files: Iterable[Project] = (), engine: int | None = None, live: LiveNetwork | None = None
) -> tuple[LanPlan | None, list[Problem]]:
    """As __main__.py does it, in one step."""
    plans, problems = make_plans(site, files, engine, live)
    return plans.get(""), problems


def make_plans(
    site: Site, files: Iterable[Project] = (), engine: int | None = None, live: LiveNetwork | None = None
) -> tuple[dict[str, LanPlan], list[Problem]]:
    """The plans of all networks by their keys. live: the first one's."""
    services, problems = sources_of(site, files)
    networks, wrong = plan_networks(site, services)
    problems += wrong
    plans: dict[str, LanPlan] = {}
    for planned in networks:
        key = planned.view.key
        plan, wrong = plan_lan(planned.view.site, planned.addresses, engine, None if key else live)
        problems += wrong
        plans[key] = replace(plan, key=key)
    return plans, problems


def judge(
    raw: Any,
    files: Iterable[Project] = (),
    engine: int | None = None,
    live: LiveNetwork | None = None,
) -> tuple[LanPlan | None, list[Problem]]:
    """The plan of a raw site, and all problems that need neither keys nor NAS."""
    site, problems = parse_site(raw)
    if site is None:
        return None, problems
    plan, wrong = make_plan(site, files, engine, live)
    return plan, [*problems, *wrong]


def by_hand(gateway: str | None = "fd0d:7eb5:2afd::1", **changes: Any) -> LiveNetwork:
    """A network as the recipe makes it. gateway: its IPv6 one."""
    v4 = LiveRange("192.168.1.0/24", "192.168.1.1")
    v6 = LiveRange("fd0d:7eb5:2afd::/64", gateway)
    made = LiveNetwork("3f" * 32, "bridge-host", "macvlan", {"parent": "eth0"}, (v4, v6))
    return replace(made, **changes)


def plan_of(
    raw: Any, files: Iterable[Project] = (), engine: int | None = None, live: LiveNetwork | None = None
) -> LanPlan:
    plan, problems = judge(raw, files, engine, live)
    assert plan is not None and not problems, "\n".join(map(str, problems))
    return plan


def installed(**changes: str | int) -> InstallPlan:
    """What it comes to on a Debian NAS."""
    plan = InstallPlan(
        profile="debian",
        boot_hook="systemd",
        script_path="/usr/local/bin/setup_docker_macvlan.sh",
        config_path="/etc/setup_docker_macvlan.conf",
        hook_file="/etc/systemd/system/setup_docker_macvlan.service",
        docker_unit="docker.service",
    )
    return replace(plan, **changes)


def dev_plan() -> LanPlan:
    return plan_of(site_of(), [compose_file()], 26)
