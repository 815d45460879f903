"""What this site would take from another installation of this program: whose it is, and which keys to set."""

from collections.abc import Iterator

from config.problems import Problem
from config.site import Site
from facts.labels import STACK
from facts.nas import NasFacts
from facts.state import StackState
from install.layout import InstallPlan
from install.profiles import TASK
from plan.lan import LanPlan
from preflight.others.installations import Installation, Others

APART = (
    "write `install.name: <a word>`: files, unit and boot task of this installation then have that word in their names"
)


def findings(
    site: Site, install: InstallPlan, plan: LanPlan, facts: NasFacts, state: StackState, others: Others
) -> Iterator[Problem]:
    for other in others.installed:
        yield from _files(install, other)
        yield from _shim(plan, other, other.whose, "")
        yield from _addresses(plan, other)
    for other in others.leaving:
        if other.record.network == site.network.name:
            yield _moved(site)
            continue
        without = "this change" if state.shim else site.network.name
        first = f"run `pulumi up` first without {without}, which removes that one; or "
        yield from _shim(plan, other, f"this stack's network {other.record.network}, which is removed last", first)
    for other in others.following:
        first = f"run `pulumi up` twice, first with the change of {other.record.network} alone; or "
        whose = f"this stack's network {other.record.network}, which gives it up only after this one's change"
        yield from _shim(plan, other, whose, first)
    yield from _network(site, facts, state, others)
    for container in plan.containers:
        live = facts.containers.get(container.name)
        if live is not None and (whose := others.owner_of_container(live)):
            message = f"is the name of a container of {whose}; Docker takes each name once"
            yield Problem(container.path, container.name, message, "give this one another `container_name:`")


def _moved(site: Site) -> Problem:
    message = "stood at another place of the site in the last run; Pulumi would make it here, and after that remove it "
    message += "with its shim, because it belongs to the old place"
    remedy = "put it back there, or run `pulumi up` twice: first without this network, then with the site as it is now"
    return Problem("site.network.name", site.network.name, message, remedy)


def _files(install: InstallPlan, other: Installation) -> Iterator[Problem]:
    mine = {*install.files} - {install.wrapper}
    taken = sorted(mine & {other.path, *other.record.sums})
    if taken:
        message = f"would be overwritten, and {'it is' if len(taken) == 1 else 'they are'} those of {other.whose}"
        yield Problem("site.install.name", ", ".join(taken), message, APART)
    theirs = other.record.hook[1:] or ("macvlan-ipv6",)
    if install.task and other.record.hook[:1] == (TASK,) and theirs == (install.task,):
        yield Problem("site.install.name", install.task, f"is the name of the boot task of {other.whose}", APART)


def _shim(plan: LanPlan, other: Installation, whose: str, first: str) -> Iterator[Problem]:
    shim, record = plan.shim, other.record
    if shim.name == record.shim:
        message = f"is the name of the shim of {whose}, and two interfaces cannot have one name"
        yield Problem("site.shim.name", shim.name, message, f"{first}give this one a `shim.name:` of its own")
    if str(shim.routing_table) == record.values.get("routing_table"):
        message = f"is the routing table of {whose}, and each empties its own"
        remedy = f"{first}write `shim.routing_table:` with a number from 1 to 252 that the NAS does not use"
        yield Problem("site.shim.routing_table", str(shim.routing_table), message, remedy)


def _addresses(plan: LanPlan, other: Installation) -> Iterator[Problem]:
    for given in plan.given:
        if holder := other.record.addresses.get(str(given.address), ""):
            message = f"is the address of {holder} of {other.whose}; two with one address cut each other off"
            yield Problem(given.path, str(given.address), message, "choose a free address")


def _network(site: Site, facts: NasFacts, state: StackState, others: Others) -> Iterator[Problem]:
    name = site.network.name
    live = facts.network(name)
    whose = next((one.whose for one in others.installed if one.record.network == name), "")
    if not whose and live is not None and name != state.network and others.has_network(live):
        whose = others.labelled(live.labels.get(STACK, ""))
    if whose:
        message = f"is the network of {whose}, and two installations on one network take each other's things"
        remedy = "give this network another name; it needs a parent or a subnet of its own, too"
        yield Problem("site.network.name", name, message, remedy)
