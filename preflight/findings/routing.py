"""Policy routing on the NAS: whether the shim's routes can have a table of their own, and whether they win there."""

from collections.abc import Iterator

from config.problems import Problem, as_text
from facts.nas import NasFacts
from plan.lan import LanPlan

SHOWN = 2  # kinds of packets that one message names


def findings(plan: LanPlan, facts: NasFacts) -> Iterator[Problem]:
    table, routing = plan.shim.routing_table, facts.routing
    if routing.taken:
        message = f"is used on the NAS already, by {as_text(routing.taken)}, and two owners of one routing table would "
        message += "remove each other's routes"
        remedy = "write another number from 1 to 252, lower than the preferences of the NAS's own rules (`ip rule`)"
        yield Problem("site.shim.routing_table", str(table), message, remedy)
    for family in sorted(routing.without):
        message = f"cannot be used for IPv{family}: the kernel there has no policy routing for it, so routes to the "
        message += "containers go into table main, and would lose against a rule for another table"
        yield Problem("site.shim.routing_table", str(table), message, "nothing to do, unless the NAS and a container "
                      "do not reach each other", "warning", "shim")  # fmt: skip
    if routing.other_ways:
        more = f"; and {len(routing.other_ways) - SHOWN} more" if len(routing.other_ways) > SHOWN else ""
        ways = "; ".join(as_text(way) for way in routing.other_ways[:SHOWN])
        message = f"does not win for all packets between the NAS and its containers: {ways}{more}"
        remedy = "write a number that is lower than that rule's preference, or remove the rule (`ip rule` on the NAS)"
        yield Problem("site.shim.routing_table", str(table), message, remedy, "warning", "shim")
