"""The state and the NAS do not match: one of the two was reset, or there is another state."""

from collections.abc import Iterator, Sequence

from config.keys import TAKE_OVER_KEY
from config.problems import Problem, shortened
from config.site import Site
from facts.nas import LiveContainer, NasFacts
from facts.state import StackState
from install.conf import read_conf
from install.layout import InstallPlan
from plan.lan import ContainerPlan, LanPlan
from plan.network import differences, is_adopted
from preflight.findings.network import in_words
from preflight.others.installations import Others

SHOWN = 6  # names in one message
TAKE_OVER = f"`pulumi up --config {TAKE_OVER_KEY}=true`"
REFRESH = "`pulumi up --refresh`"
LOST = "is missing on the NAS, although this stack's state has it; Pulumi notices that only with --refresh"


def missing(plan: LanPlan, facts: NasFacts, state: StackState) -> list[ContainerPlan]:
    """Containers that the state has and the NAS does not."""
    if not facts.docker.engine:
        return []
    return [
        planned
        for planned in plan.containers
        if planned.name in state.containers and planned.name not in facts.containers
    ]


def network_is_missing(facts: NasFacts, state: StackState) -> bool:
    return bool(facts.docker.engine and state.network) and facts.network(state.network) is None


def others(plan: LanPlan, facts: NasFacts, state: StackState) -> list[LiveContainer]:
    """Containers of this program with names of this site that the state does not have. Another state made them, or a
    run that was cut off."""
    live = [facts.containers.get(planned.name) for planned in plan.containers]
    return [
        container
        for container in live
        if container is not None and container.addresses and container.name not in state.containers
    ]


def findings(
    site: Site,
    install: InstallPlan,
    plan: LanPlan,
    facts: NasFacts,
    state: StackState,
    take_over: bool,
    installations: Others,
) -> Iterator[Problem]:
    yield from _network_to_go(site, plan, facts, state, installations)
    mine = [one for one in others(plan, facts, state) if not installations.owner_of_container(one)]
    if state.is_empty or mine:
        yield from _foreign(site, install, plan, facts, state, take_over, installations, mine)
    elif take_over:
        message = "has been done: this stack's state holds the installation"
        yield Problem(TAKE_OVER_KEY, "true", message, f"`pulumi config rm {TAKE_OVER_KEY}`", "warning")
    gone = missing(plan, facts, state)
    if network_is_missing(facts, state) and gone:
        names = _names([container.name for container in gone])
        message = f"has lost what this stack's state has there: the network {state.network}, and {names}"
        message += "\n      it was reset, or it is another machine; Pulumi notices that only with --refresh"
        remedy = f"{REFRESH} creates all of it again, with the addresses that the site says"
        yield Problem("site.nas.host", site.nas.host, message, remedy, "warning")
        return
    for container in gone:
        yield Problem(container.path, container.name, LOST, f"{REFRESH} recreates it", "warning", container.key)


def _foreign(
    site: Site,
    install: InstallPlan,
    plan: LanPlan,
    facts: NasFacts,
    state: StackState,
    take_over: bool,
    installations: Others,
    containers: Sequence[LiveContainer],
) -> Iterator[Problem]:
    live = facts.network(site.network.name)
    is_mine = live is not None and not is_adopted(live) and not installations.has_network(live)
    found = [f"the network {live.name}"] if live and is_mine and live.name != state.network else []
    found += [_names([container.name for container in containers])] if containers else []
    record = read_conf(facts.confs.get(install.config_path))
    found += [install.config_path] if not state.shim and record is not None else []
    if not found:
        return
    if not take_over:
        message = f"has an installation of this program, of which this stack's state knows nothing: {'; '.join(found)}"
        if not state.is_empty:
            message = f"has more of this program's than this stack's state knows of: {'; '.join(found)}"
        other = record.stack if record is not None else ""
        where = f"the stack {other}" if other not in ("", installations.stack) else "another stack"
        message += f"\n      its state is in {where}, on another laptop, or lost, or a run was cut off; "
        message += "two states undo each other's work"
        remedy = "bring that state here (`pulumi stack export` there, `pulumi stack import` here), or take the "
        remedy += f"installation over: {TAKE_OVER}"
        remedy += " recreates those containers, their volumes stay" if containers else ""
        if state.is_empty:
            remedy += (
                "; or, if it is to stay beside this site's, write `install.name`, `network.name` and `shim.name` here"
            )
        yield Problem("site.nas.host", site.nas.host, message, remedy)
        return
    keys = {container.name: container.key for container in plan.containers}
    for container in containers:
        message = "is not in this stack's state, and Pulumi cannot take a container over as it is: "
        message += "it will be removed and recreated"
        remedy = "nothing to do: its volumes stay; what it keeps in none of them is lost"
        yield Problem("site.containers", container.name, message, remedy, "warning", keys[container.name])
    known = {*keys, *state.containers}
    rest = [
        container.name
        for container in facts.containers.values()
        if container.addresses and container.name not in known and site.network.name in container.networks
        if not installations.owner_of_container(container)
    ]
    if rest:
        message = "of another state are not in this site, and stay as they are"
        remedy = "nothing to do; a container of that name in this site takes it over"
        yield Problem("site.containers", ", ".join(rest), message, remedy, "warning")


def _network_to_go(
    site: Site, plan: LanPlan, facts: NasFacts, state: StackState, installations: Others
) -> Iterator[Problem]:
    """A network of this program that is in the site's way and that Pulumi cannot remove."""
    record = read_conf(facts.conf)
    before = "" if record is None else record.values.get("network", "")
    for name in {before, site.network.name} if before else {site.network.name}:
        live = facts.network(name)
        goes = plan.network.replaces or name != site.network.name
        if live is None or is_adopted(live) or not goes or state.network == name or installations.has_network(live):
            continue
        found = list(differences(plan.network, live, facts.engine_major)) if name == site.network.name else []
        how = in_words(found) or "another name"
        message = (
            f"differs from {name} on the NAS ({how}), and this stack's state does not have that one, so that Pulumi "
        )
        message += "cannot remove it"
        remedy = "write what that one has into the site until this stack has taken it over, and change it after that"
        yield Problem("site.network.name", site.network.name, message, remedy)


def _names(names: Sequence[str]) -> str:
    return f"the container{'' if len(names) == 1 else 's'} {shortened(names, SHOWN)}"
