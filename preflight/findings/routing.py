"""Policy routing on the NAS: whether the shim's routes can have a table of their own, and whether they win there."""

from collections.abc import Iterator

from config.problems import Problem, as_text
from facts.nas import NasFacts
from plan.lan import LanPlan
from preflight.others.installations import Others

SHOWN = 2  # kinds of packets that one message names
RANGE = "a number from 1 to 252 that is lower than the preferences of the NAS's own rules (`ip rule` there)"


def findings(plan: LanPlan, facts: NasFacts, others: Others) -> Iterator[Problem]:
    table, routing = str(plan.shim.routing_table), facts.routing
    if routing.taken and table not in others.routing_tables:  # preflight/others/collisions.py tells of those
        message = f"is used on the NAS already, by {as_text(routing.taken)}; "
        message += "each of two owners of one routing table would remove the other's routes"
        yield Problem("site.shim.routing_table", table, message, f"write {RANGE}")
    for family in sorted(routing.without):
        message = f"cannot be used for IPv{family}, because the kernel of the NAS has no policy routing for it; the "
        message += "routes to the containers go into table main"
        remedy = "nothing to do, as long as the NAS and its containers reach each other"
        yield Problem("site.shim.routing_table", table, message, remedy, "warning", "shim")
    if routing.other_ways:
        message = "is looked up too late for some packets between the NAS and its containers"
        for way in routing.other_ways[:SHOWN]:
            packets, mark, rule = way.partition(": the rule ")
            message += f"\n      {as_text(packets)}{mark}{as_text(rule)}"
        remedy = f"write {RANGE}, or remove that rule"
        yield Problem("site.shim.routing_table", table, message, remedy, "warning", "shim")
