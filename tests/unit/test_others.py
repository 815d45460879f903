"""Whose a thing on the NAS is: this network's of this stack, another network's of the same site, or another stack's."""

from dataclasses import replace
from typing import Any

import pytest

from config.networks import views
from config.site import parse_site
from facts.labels import MADE_BY, MAKER, STACK
from facts.nas import LiveContainer, NasFacts
from facts.state import StackState, stack_state_of
from install.conf import Repair, read_conf, render_conf
from preflight.host_drift import host_repair
from preflight.others import collisions
from preflight.others.installations import Installation, Others, separated
from probe.parse import parse_facts
from tests.unit.recorded import answer
from tests.unit.sites import by_hand, installed, plan_of, put, site_of
from tests.unit.test_networks import two

OURS, THEIRS = "organization/macvlan-ipv6/home", "organization/macvlan-ipv6/guest"
CONF, IOT_CONF = "/etc/setup_docker_macvlan.conf", "/etc/setup_docker_macvlan-iot.conf"
OLD = "/etc/setup_docker_macvlan-before.conf"
LOST = StackState()
INSTALLED = StackState("bridge-host", True, frozenset({"test"}), True, "", {}, "192.168.1.10", frozenset({CONF}))


def conf(stack: str = "", network: str = "bridge-host", shim: str = "macvlan-host") -> str:
    site = site_of(put("network", {"name": network}), put("shim", "name", shim))
    return render_conf(plan_of(site), installed(), {}, None, stack)


def apart(
    text: str, state: StackState = LOST, take_over: bool = False, path: str = CONF, key: str = ""
) -> tuple[NasFacts, Others]:
    site, _ = parse_site(two())
    assert site is not None
    [view] = [view for view in views(site) if view.key == key]
    facts = NasFacts(confs={CONF: text} if path == CONF else {}, others={} if path == CONF else {path: text})
    return separated(view, facts, state, OURS, take_over)


ELSEWHERE = replace(INSTALLED, paths=frozenset({"/opt/x.conf"}))
OWN: list[tuple[str, StackState, bool, bool]] = [
    (conf(OURS), INSTALLED, False, True),
    (conf(""), INSTALLED, False, True),  # of before
    (conf(THEIRS), INSTALLED, False, True),  # the stack was renamed
    (conf(THEIRS), replace(INSTALLED, host="192.168.1.11"), False, False),  # the state is of another NAS
    (conf(""), replace(INSTALLED, host="192.168.1.11"), False, True),  # the NAS was renumbered
    (conf(OURS), LOST, False, True),
    (conf(""), LOST, False, True),
    (conf(THEIRS), LOST, False, True),  # the same network and shim: other_states.py tells
    (conf(THEIRS, shim="shim7"), LOST, False, False),
    (conf(THEIRS, network="other"), LOST, False, False),
    (conf("", network="other"), LOST, False, False),
    (conf(OURS, network="other"), LOST, False, False),  # two people whose stacks have one name
    (conf("", network="other"), LOST, True, True),  # take-over
    (conf(THEIRS), ELSEWHERE, False, False),  # the site was given the path of another
    (conf("", network="other"), ELSEWHERE, False, False),
]


@pytest.mark.parametrize(("text", "state", "take_over", "own"), OWN)
def test_a_data_file_at_our_path_is_ours_or_anothers(text: str, state: StackState, take_over: bool, own: bool) -> None:
    facts, others = apart(text, state, take_over)
    assert (facts.conf == text) is own
    assert [one.path for one in others.installed] == ([] if own else [CONF])
    assert dict(facts.others) == ({} if own else {CONF: text})


def test_a_new_network_of_a_stack_that_has_its_state_does_not_take_anothers_of_the_same_name() -> None:
    theirs, state = (
        conf(THEIRS, "iot", "macvlan-iot"),
        stack_state_of({urn(SHIM, "lan-host"): STATE[urn(SHIM, "lan-host")]}, "lan-iot"),
    )
    site, _ = parse_site(two())
    assert site is not None
    [_, view] = views(site)
    facts, others = separated(view, NasFacts(confs={IOT_CONF: theirs}), state, OURS, False)
    assert not facts.confs and [one.path for one in others.installed] == [IOT_CONF]


def test_a_file_of_somebody_else_is_left_where_it_was() -> None:
    facts, others = apart("# my own shim\nversion 1\n")
    assert facts.confs and others == Others(OURS, names=frozenset({"iot"}), later=frozenset({"iot"}))


def test_the_other_networks_of_the_site_are_no_other_stack() -> None:
    _, others = apart(conf(OURS, "iot", "macvlan-iot"), path=IOT_CONF)
    assert [one.path for one in others.siblings] == [IOT_CONF] and others.installed == () and others.leaving == ()
    assert others.shims == {"macvlan-iot"} and others.paths == {IOT_CONF}
    _, others = apart(conf(THEIRS, "iot", "macvlan-iot"), path=IOT_CONF)
    assert [one.path for one in others.installed] == [IOT_CONF]


def test_after_a_rename_of_the_stack_its_other_networks_are_still_its_own() -> None:
    state = replace(INSTALLED, all_paths=frozenset({CONF, IOT_CONF}))
    _, others = apart(conf(THEIRS, "iot", "macvlan-iot"), state, path=IOT_CONF)
    assert [one.path for one in others.siblings] == [IOT_CONF] and others.installed == ()


def test_what_takes_the_place_of_a_network_knows_that_the_old_one_is_this_stacks() -> None:
    state = stack_state_of(STATE, "lan-cams")
    _, others = apart(conf(OURS, "iot7", "macvlan-iot"), state, path=IOT_CONF, key="iot")
    assert [one.record.network for one in others.leaving] == ["iot7"] and others.installed == ()


def test_files_that_move_are_this_installations_also_if_no_snapshot_says_where_they_were() -> None:
    """The probe reads the data file at its old path as one of the folder's."""
    facts, others = apart(conf(OURS), replace(INSTALLED, paths=frozenset({OLD}), all_paths=frozenset({OLD})), path=OLD)
    assert facts.conf == conf(OURS) and not facts.others
    assert others.leaving == others.installed == ()


def test_a_network_that_the_site_has_no_more_is_this_stacks_until_it_is_removed() -> None:
    state = replace(INSTALLED, all_paths=frozenset({CONF, IOT_CONF}))
    _, others = apart(conf(OURS, "cams", "macvlan-cams"), state, path=IOT_CONF)
    assert [one.record.network for one in others.leaving] == ["cams"]


def test_a_message_says_whose_it_is_as_far_as_that_is_known() -> None:
    for stack, who in ((THEIRS, f"the stack {THEIRS}"), ("", "another stack of this program")):
        _, others = apart(conf(stack, "other", "shim7"))
        [one] = others.installed
        assert one.whose == f"{who} (network other, shim shim7, {CONF})"


def test_a_record_wins_over_a_label_and_a_label_counts_where_there_is_no_record() -> None:
    _, others = apart(conf(THEIRS, "other"))
    ours = LiveContainer("mine", "running", {}, "a b c", stack=THEIRS)
    assert f"the stack {THEIRS}" in others.owner_of_container(replace(ours, name="test", stack=OURS))
    assert others.owner_of_container(ours) == f"the stack {THEIRS}"
    assert others.owner_of_container(replace(ours, stack=OURS)) == ""
    assert others.owner_of_container(replace(ours, stack="")) == ""
    assert others.owner_of_container(replace(ours, addresses="")) == ""
    _, others = apart(conf(""), INSTALLED)
    assert others.owner_of_container(replace(ours, name="test")) == "", "in this stack's own record"
    _, others = apart(conf(""), LOST, take_over=True)
    assert others.owner_of_container(ours) == "", "it is taken over"


def test_a_network_is_anothers_by_record_or_label_and_nobodys_if_this_program_did_not_make_it() -> None:
    _, others = apart(conf(THEIRS, "other"))
    labelled = replace(by_hand(), name="x", labels={MADE_BY: MAKER, STACK: THEIRS})
    assert others.owner_of_network(replace(by_hand(), name="other")).startswith(f"the stack {THEIRS}")
    assert others.owner_of_network(labelled) == f"the stack {THEIRS}"
    assert (
        others.owner_of_network(replace(by_hand(), name="x", labels={MADE_BY: MAKER}))
        == "another stack of this program"
    )
    assert others.owner_of_network(replace(by_hand(), name="x")) == ""
    assert others.has_network(labelled) and not others.has_network(replace(by_hand(), name="x"))


def test_containers_of_another_installation_do_not_make_this_one_look_lost() -> None:
    """A new installation is not told as one whose files are gone."""
    facts = replace(parse_facts(answer("installed")), confs={})
    repair, lost = host_repair(installed(config_path=IOT_CONF), facts, "", "now", network="iot")
    assert repair == Repair("now", "installed") and lost == []
    _, lost = host_repair(installed(config_path=IOT_CONF), facts, "", "now", network="bridge-host")
    assert lost == [f"{IOT_CONF} is gone"]


def test_a_network_that_changes_its_place_in_the_site_is_an_error_because_its_old_place_removes_it() -> None:
    record = read_conf(conf(OURS, "bridge-host", "macvlan-iot"))
    site, _ = parse_site(site_of())
    assert record is not None and site is not None
    others = Others(OURS, siblings=(Installation(IOT_CONF, record),))
    told = collisions.findings(site, installed(), plan_of(site_of()), NasFacts(), INSTALLED, others)
    assert [(one.path, one.value, one.severity) for one in told] == [("site.network.name", "bridge-host", "error")]


@pytest.mark.parametrize(
    ("others", "state", "remedy"),
    [
        (Others(OURS), INSTALLED, "run `pulumi up` first without this change, which removes that one; or "),
        (Others(OURS), LOST, "run `pulumi up` first without bridge-host, which removes that one; or "),
        (
            Others(OURS, names=frozenset({"iot"}), later=frozenset({"iot"})),
            INSTALLED,
            "run `pulumi up` twice, first with the change of iot alone; or ",
        ),
        (Others(OURS, names=frozenset({"iot"})), INSTALLED, ""),  # it was changed before this one
    ],
)
def test_a_name_is_taken_until_the_network_that_has_it_was_removed_or_changed(
    others: Others, state: StackState, remedy: str
) -> None:
    record = read_conf(conf(OURS, "iot", "macvlan-host"))
    site, _ = parse_site(site_of(put("shim", "routing_table", 7)))
    assert record is not None and site is not None
    mine = plan_of(site_of(put("shim", "routing_table", 7)))
    others = replace(others, siblings=(Installation(IOT_CONF, record),))
    told = list(collisions.findings(site, installed(), mine, NasFacts(), state, others))
    expected = [f"{remedy}give this one a `shim.name:` of its own"] if remedy else []
    assert [one.remedy for one in told] == expected


def test_the_shims_of_a_site_are_changed_in_its_order() -> None:
    assert apart(conf(OURS))[1].later == {"iot"} and not apart(conf(OURS), key="iot")[1].later


# ---- the state ---------------------------------------------------------------------------------------------
def urn(kind: str, name: str) -> str:
    return f"urn:pulumi:home::macvlan-ipv6::macvlan:lan:MacvlanLan${kind}::{name}"


def resource(kind: str, urn_name: str, **outputs: Any) -> tuple[str, dict[str, Any]]:
    return urn(kind, urn_name), {"type": kind, "outputs": outputs}


NETWORK, CONTAINER, SHIM = "docker:index/network:Network", "docker:index/container:Container", "command:remote:Command"
LABELS = [{"label": MADE_BY, "value": MAKER}, {"label": STACK, "value": OURS}]
STATE = dict(
    [
        resource(NETWORK, "lan-iot-network", name="iot", labels=LABELS),
        resource(NETWORK, "lan-network", name="bridge-host", labels=LABELS[:1]),
        resource(SHIM, "lan-host", triggers=["192.168.1.10", "macvlan-host", "systemd", "/usr/p.sh", CONF]),
        resource(SHIM, "lan-iot-host", triggers=["192.168.1.10", "macvlan-iot", "systemd", "/usr/p-iot.sh", IOT_CONF]),
        resource(CONTAINER, "lan-a-container", name="a", labels=LABELS[1:]),
        resource(CONTAINER, "lan-b-container", name="b"),
    ]
)


def test_the_state_is_read_for_each_network() -> None:
    first, iot = stack_state_of(STATE), stack_state_of(STATE, "lan-iot")
    assert (first.network, first.network_is_ours, first.network_stack) == ("bridge-host", True, "")
    assert (iot.network, iot.network_stack) == ("iot", OURS)
    assert (first.host, first.paths) == ("192.168.1.10", {"/usr/p.sh", CONF})
    assert iot.paths == {"/usr/p-iot.sh", IOT_CONF} and first.all_paths == iot.all_paths == first.paths | iot.paths
    assert first.containers == iot.containers == {"a", "b"} and first.stacks == {"a": OURS}
    new = stack_state_of(STATE, "lan-cams")
    assert not new.shim and new.network == "" and new.paths == frozenset()
    assert (new.host, new.all_paths) == (first.host, first.all_paths), "it is on the stack's NAS, too"
    assert stack_state_of({}).is_empty


def test_the_record_says_whose_it_is_and_an_old_one_says_nothing() -> None:
    record = read_conf(conf(THEIRS))
    assert record is not None and record.stack == THEIRS and record.whole
    record = read_conf(conf(""))
    assert record is not None and record.stack == ""


def test_the_loops_of_two_networks_are_told_apart_in_the_record_of_a_boot_task() -> None:
    plan = plan_of(site_of())
    for name, words in (("", ("task-scheduler",)), ("iot", ("task-scheduler", "macvlan-ipv6-iot"))):
        install = installed(boot_hook="task-scheduler", hook_file="", docker_unit="", name=name)
        record = read_conf(render_conf(plan, install, {}, None))
        assert record is not None and record.hook == words


def test_a_label_of_the_stack_is_read_from_a_container() -> None:
    text = answer("installed").replace('"repaired":null}', f'"repaired":null,"stack":"{THEIRS}"}}')
    facts = parse_facts(text)
    assert {one.stack for one in facts.containers.values()} == {THEIRS}
    assert {one.stack for one in parse_facts(answer("installed")).containers.values()} == {""}
