"""The routing table of our own, in what the probe says: what drifted, and what is only different."""

from dataclasses import replace

import pytest

from facts.nas import NasFacts, Routing
from install.conf import read_conf
from preflight.host_drift import host_drift
from probe.parse import parse_facts
from tests.unit.recorded import answer
from tests.unit.sites import installed as on_debian

ULA = "fd0d:7eb5:2afd::201"


def moved(**changes: object) -> NasFacts:
    """A NAS with the record and the routes of this version, from one of before that had them in table main."""
    facts = parse_facts(answer("installed"))
    confs = {path: text.replace("\nshim_mac", "\nrouting_table 109\nshim_mac") for path, text in facts.confs.items()}
    routes = tuple(_in_table(line, "109") for line in facts.shim_routes)
    ruled = Routing(ours=frozenset("46"))
    return replace(facts, **{"confs": confs, "shim_routes": routes, "routing": ruled, **changes})


def _in_table(line: str, table: str) -> str:
    address, _, rest = line.partition(" ")
    return line if " table " in line or "proto kernel" in line else f"{address} table {table} {rest}"


def drift_of(facts: NasFacts) -> list[str]:
    record = read_conf(facts.conf)
    assert record is not None
    # The text of the record was changed above
    return [text for text in host_drift(on_debian(), record, facts) if "was changed by hand" not in text]


def test_routes_in_our_table_have_not_drifted() -> None:
    assert drift_of(moved()) == []
    assert drift_of(parse_facts(answer("installed"))) == [], "the record of before has them in table main"


def test_a_rule_that_is_missing_is_named() -> None:
    assert drift_of(moved(routing=Routing(ours=frozenset("4")))) == ["the rule 109 for IPv6 is missing"]


def test_without_ipv6_no_rule_for_it_is_missed() -> None:
    facts = moved(routing=Routing(ours=frozenset("4")))
    path, conf = next((path, conf) for path, conf in facts.confs.items() if conf)
    without = conf.replace("shim_ipv6 fd0d:7eb5:2afd::254", "shim_ipv6 -")
    assert without != conf and not [line for line in drift_of(replace(facts, confs={path: without})) if "rule" in line]


def test_a_route_of_ours_in_table_main_is_named_and_is_not_the_one_that_is_wanted() -> None:
    facts = moved()
    routes = tuple(line.replace(" table 109", "") if line.startswith("192.168.1.201 ") else line
                   for line in facts.shim_routes)  # fmt: skip
    found = drift_of(replace(facts, shim_routes=routes))
    assert found == ["route to 192.168.1.201 is in table main", "route to 192.168.1.201 is missing"]


def test_a_table_that_has_a_name_on_the_nas_is_known_by_it() -> None:
    facts = moved()
    named = tuple(line.replace("table 109", "table lan") for line in facts.shim_routes)
    assert drift_of(replace(facts, shim_routes=named, table_names={"109": "lan"})) == []
    assert drift_of(replace(facts, shim_routes=named)) != []


def test_a_family_without_policy_routing_has_its_routes_in_table_main() -> None:
    facts = moved()
    routes = tuple(line.replace(" table 109", "") if ":" in line.split()[0] else line for line in facts.shim_routes)
    without = Routing(ours=frozenset("4"), without=frozenset("6"))
    assert drift_of(replace(facts, shim_routes=routes, routing=without)) == []


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ("without 6\n", Routing(without=frozenset("6"))),
        ("ours 4 109\nours 6 109\n", Routing(ours=frozenset("46"))),
        ("taken the rule 109: from all lookup vpn\n", Routing(taken="the rule 109: from all lookup vpn")),
        ("way packets for a\nway packets for b\n", Routing(other_ways=("packets for a", "packets for b"))),
        ("", Routing()),
    ],
)
def test_the_section_of_the_probe_is_read(lines: str, said: Routing) -> None:
    text = answer("bare").replace("== sysctls\n", f"== routing\n{lines}== sysctls\n")
    assert parse_facts(text).routing == said
    assert parse_facts(answer("bare")).routing == Routing(), "an answer without the section"


def test_the_name_of_a_table_is_read() -> None:
    text = answer("bare").replace("== sysctls\n", "== routing\nname 109 lan\n== sysctls\n")
    assert parse_facts(text).table_names == {"109": "lan"}
