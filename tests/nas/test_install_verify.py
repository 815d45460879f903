"""A change is undone when it cuts off a container, or the person who makes it: for real, by the kernel's routes."""

import pytest

from tests.nas.box import PREFIX, SHIM, TWO, Box, put_tool, run, until
from tests.nas.install_box import BAD_ROUTE, OURS, Nas

LAPTOP, LAPTOP6 = "192.168.1.50", f"{PREFIX}50"
ELSEWHERE = (OURS + TWO).replace("parent eth0", "parent eth1")  # another cable than the containers'
SENDS = "the NAS would send packets for your computer"
# Stands where docker's client is looked for; what it says the second time it is asked who runs, and does before that.
DOCKER = """#!/bin/sh
cd {here} && echo "$1" >>asked
again=$(grep -c ps asked)
[ "$1" != ps ] || [ $again -lt 2 ] || [ -e struck ] || {{ >struck; {then}; }}
case $1 in ps) cat docker.ps ;; inspect) cat docker.inspect ;; esac
"""

ONE_SHELL = pytest.mark.parametrize("shell", ["ash"])  # where ten seconds are waited for what another test has shown


@pytest.fixture
def nas(box: Box) -> Nas:
    box.ip("link", "add", "eth1", "type", "veth", "peer", "name", "wire1", "netns", box.lan)
    box.ip("link", "set", "eth1", "up")
    return Nas(box)


def attach(nas: Nas) -> str:
    """A container that docker has on the network; its namespace."""
    pid, space = nas.box.container("test", "192.168.1.201", f"{PREFIX}201", dead=False)
    nas.box.running({"test": (pid, "192.168.1.201", f"{PREFIX}201")})
    return space


def docker(nas: Nas, then: str) -> None:
    put_tool(nas.box.bin / "docker", DOCKER.format(here=nas.box.here, then=then))


def laptop(nas: Nas) -> None:
    """The person's machine on the LAN, from where ssh comes."""
    box = nas.box
    for space, link, host in (box.host, "eth0", 10), (box.lan, "wire", 50):
        box.ip("addr", "add", f"192.168.1.{host}/24", "dev", link, space=space)
        box.ip("addr", "add", f"{PREFIX}{host}/64", "dev", link, "nodad", space=space)
    nas.client = f"{LAPTOP} 50000 22"


def installed(nas: Nas) -> dict[str, tuple[int, str]]:
    nas.ok()
    return nas.tree()


def test_a_container_that_does_not_answer_any_more_is_named_and_the_previous_state_comes_back(nas: Nas) -> None:
    before = installed(nas)
    attach(nas)
    nas.impatient()
    said = nas.fails(conf=ELSEWHERE)
    why = "192.168.1.201 (test) answered before the change and does not any more"
    assert said == f"{why}; the previous state was put back"
    assert nas.tree() == before and nas.box.pings("192.168.1.201") and nas.box.pings(f"{PREFIX}201")


@ONE_SHELL
def test_a_program_that_says_all_is_well_and_makes_no_routes_is_not_believed(nas: Nas) -> None:
    before = installed(nas)
    attach(nas)
    nas.impatient()
    bad = nas.text["program"].replace("function want(a, tag) { if", "function want(a, tag) { if (0) if")
    assert nas.fails(program=bad).startswith("192.168.1.201 (test) answered before")
    assert nas.tree() == before and nas.box.pings("192.168.1.201")


@ONE_SHELL
def test_a_shim_with_a_containers_address_is_no_answer_of_the_container(nas: Nas) -> None:
    before = installed(nas)
    attach(nas)
    nas.impatient()
    said = nas.fails(conf=OURS.replace("1.254", "1.201"))
    assert said.startswith("192.168.1.201 (test) answered before the change") and nas.tree() == before


def test_a_container_that_was_stopped_meanwhile_is_no_loss(nas: Nas) -> None:
    installed(nas)
    attach(nas)
    docker(nas, "true >docker.ps; true >docker.inspect")
    nas.ok(conf=ELSEWHERE)


def test_a_container_that_answers_again_within_seconds_is_no_loss(nas: Nas) -> None:
    installed(nas)
    space = attach(nas)
    down, up = (f"/sbin/ip -n {space} link set eth0 {state}" for state in ("down", "up"))
    docker(nas, f"{down}; {{ sleep 4; {up}; }} >/dev/null 2>&1 &")
    nas.ok(conf=nas.text["conf"].replace("check_interval 1", "check_interval 2"))


@ONE_SHELL
def test_a_docker_that_tells_nothing_any_more_is_not_taken_for_no_containers(nas: Nas) -> None:
    before = installed(nas)
    attach(nas)
    docker(nas, "rm docker.ps; exit 1")
    (nas.box.here / "asked").write_text("")
    nas.impatient()
    said = nas.fails(conf=OURS + TWO.replace("qbit", "Qbit"))
    assert said == "docker does not tell any more which containers run; the previous state was put back"
    assert nas.tree() == before


@ONE_SHELL
def test_addresses_that_do_not_answer_do_not_switch_the_verification_off(nas: Nas) -> None:
    """300 of one container: each takes two seconds of a ping, and all of them would take longer than there is time."""
    before = installed(nas)
    space = attach(nas)
    for where, suffix in (None, "::10"), (space, ":42:c0ff:fea8:1c9"):
        lines = "".join(f"addr add 2001:db8:2:{n:x}{suffix}/64 dev eth0 nodad\n" for n in range(300))
        run("ip", "-n", where or nas.box.host, "-batch", "-", text=lines)
    nas.impatient()
    bad = nas.text["program"].replace("function want(a, tag) { if", "function want(a, tag) { if (0) if")
    assert nas.fails(program=bad).startswith("192.168.1.201 (test) answered before")
    assert nas.tree() == before and nas.box.pings("192.168.1.201")


def test_a_rule_that_wins_is_told_and_is_no_reason_to_undo_a_change(nas: Nas) -> None:
    nas.box.ip("addr", "add", "192.168.1.10/24", "dev", "eth0")
    nas.box.ip("route", "add", "192.168.1.0/24", "dev", "eth0", "table", "100")
    nas.box.ip("rule", "add", "lookup", "100", "pref", "5")
    told = nas.ok()
    assert '; but packets for 192.168.1.201 leave by eth0: the rule "5: from all lookup 100" comes before' in told
    nas.box.ip("rule", "del", "pref", "5")
    assert "; but " not in nas.ok(conf=nas.text["conf"].replace("check_interval 1", "check_interval 2"))


@ONE_SHELL
def test_a_change_after_which_packets_take_another_way_is_undone(nas: Nas) -> None:
    before = installed(nas)
    nas.impatient()
    nas.box.ip("route", "add", "192.168.1.0/24", "dev", "eth0", "table", "100")
    said = nas.fails(program=harm(nas, "$ip rule add lookup 100 pref 5"))
    assert "packets for 192.168.1.201 leave by eth0" in said and said.endswith("; the previous state was put back")
    assert nas.tree() == before
    nas.box.ip("rule", "del", "pref", "5")


@pytest.mark.parametrize(
    ("lacks", "reason"),
    [
        ("ping", "there is no ping"),
        ("docker", "docker does not say which containers run"),
        ("time", "that took longer than 20 s"),
    ],
)
def test_a_verification_that_did_not_take_place_is_said_in_the_summary_with_its_reason(
    nas: Nas, lacks: str, reason: str
) -> None:
    installed(nas)
    attach(nas)
    if lacks == "docker":
        put_tool(nas.box.bin / "docker", "#!/bin/sh\nexit 1\n")
    text = nas.text["program"]
    if lacks == "ping":
        text = text.replace("command -v ping >", "command -v no-such-ping >")
    if lacks == "time":
        text = text.replace("reachability() {\n", "reachability() {\n    kill -9 $$\n")
    assert nas.ok(program=text).rstrip("\n").endswith(f"; not verified that containers still answer: {reason}")


@ONE_SHELL
def test_a_question_about_the_way_of_packets_that_got_no_answer_undoes_nothing_and_is_said(nas: Nas) -> None:
    installed(nas)
    text = nas.text["program"].replace("\nrouting() {\n", "\nrouting() {\n    kill -9 $$\n")
    assert nas.ok(program=text).rstrip("\n").endswith("; not verified which way packets take")
    once = 'routing() {\n    mkdir "$run/asked" 2>/dev/null && kill -9 $$\n    say "packets leave by eth9"; return\n'
    text = nas.text["program"].replace("routing() {\n    kill -9 $$\n", once)
    assert nas.ok(program=text).rstrip("\n").endswith("; but packets leave by eth9")


def test_where_nothing_answered_before_nothing_is_missed(nas: Nas) -> None:
    nas.box.ip("link", "set", "eth0", "down", space=attach(nas))
    nas.ok()
    nas.ok(conf=ELSEWHERE)


def test_reached_tells_of_each_address_of_the_first_ten_containers(nas: Nas) -> None:
    space = attach(nas)
    pid = nas.box.processes[-1].pid
    learned = "2001:db8:1:1:42:c0ff:fea8:1c9"
    for n in range(202, 213):
        nas.box.ip("addr", "add", f"192.168.1.{n}/24", "dev", "eth0", space=space)
        nas.box.ip("addr", "add", f"{PREFIX}{n}/64", "dev", "eth0", "nodad", space=space)
    nas.box.ip("addr", "add", f"{learned}/64", "dev", "eth0", "nodad", space=space)
    nas.box.running({f"c{n}": (pid, f"192.168.1.{n}", f"{PREFIX}{n}") for n in range(201, 213)})
    nas.ok()

    def reached() -> dict[str, tuple[str, str]]:
        lines = [line.split() for line in nas.box.program("reachability").stdout.splitlines()]
        told = {address: (name, answer) for address, name, answer in lines}
        assert len(lines) == len(told) == 21  # v4 and ULA of ten, and the global address
        return told

    # A ping of its waits two seconds only
    until("both answer", lambda: {reached()[one] for one in ("192.168.1.201", f"{PREFIX}201")} == {("c201", "yes")})
    told = reached()
    assert told[learned] == ("c201", "no"), "there is no loop that gives it a route"
    assert told["192.168.1.210"] == ("c210", "no") and "192.168.1.211" not in told
    put_tool(nas.box.bin / "docker", "#!/bin/sh\nexit 1\n")
    done = nas.box.program("reachability", check=False)
    assert done.returncode == 1 and done.stderr.endswith("docker does not say which containers run\n")


@pytest.mark.parametrize("first", [True, False])
def test_a_shim_with_the_laptops_address_is_taken_back(nas: Nas, first: bool) -> None:
    laptop(nas)
    before = {} if first else installed(nas)
    said = nas.fails(conf=OURS.replace("192.168.1.254", LAPTOP))
    end = "everything was taken away again" if first else "the previous state was put back"
    assert said == f"{SENDS} ({LAPTOP}) to itself; {end}"
    assert nas.tree() == before and nas.box.has_link() != first and nas.box.pings(LAPTOP)


def test_a_shim_with_the_laptops_ipv6_address_is_taken_back(nas: Nas) -> None:
    laptop(nas)
    nas.client = f"{LAPTOP6} 50000 22"
    said = nas.fails(conf=OURS.replace(f"{PREFIX}254", LAPTOP6))
    assert said.startswith(f"{SENDS} ({LAPTOP6}) to itself; ") and nas.box.pings(LAPTOP6)


def test_a_container_with_the_laptops_address_is_taken_back(nas: Nas) -> None:
    laptop(nas)
    said = nas.fails(conf=OURS + f"container test {LAPTOP} {PREFIX}201\n")
    assert said.startswith(f"{SENDS} ({LAPTOP}) through the shim {SHIM}; ") and nas.box.pings(LAPTOP)


def harm(nas: Nas, what: str) -> str:
    """A program that does that at each start."""
    return nas.text["program"].replace("    boot) {", f"    boot) {what}; {{")


def test_a_laptop_that_does_not_answer_any_more_is_told(nas: Nas) -> None:
    laptop(nas)
    before = installed(nas)
    away = f"$ip neigh replace {LAPTOP} lladdr 02:00:00:00:00:99 dev eth0 nud permanent"
    said = nas.fails(program=harm(nas, away))
    why = f"your computer ({LAPTOP}) answered before the change and does not any more"
    assert said == f"{why}; the previous state was put back" and nas.tree() == before


def test_a_laptop_without_a_route_is_told_even_when_it_never_answered(nas: Nas) -> None:
    laptop(nas)
    nas.client = "192.168.1.51 50000 22"
    installed(nas)
    said = nas.fails(program=harm(nas, "$ip addr flush dev eth0"))
    assert said.startswith(f"{SENDS} (192.168.1.51) nowhere; ")


@pytest.mark.parametrize(
    "client", ["192.168.1.51 50000 22", "192.168.1.10 50000 22", "fe80::1%eth0 5 22", "$(id) x", " "]
)
def test_a_laptop_that_never_answers_or_is_the_nas_itself_is_no_reason(nas: Nas, client: str) -> None:
    laptop(nas)
    nas.client = client
    nas.ok()


def test_who_works_from_a_container_may_go_on_coming_through_the_shim(nas: Nas) -> None:
    installed(nas)
    attach(nas)
    nas.client = "192.168.1.201 50000 22"
    nas.ok(conf=nas.text["conf"].replace("check_interval 1", "check_interval 2"))


def test_previous_files_that_do_not_come_up_either_are_not_called_a_previous_state(nas: Nas) -> None:
    installed(nas)
    nas.program.write_text(harm(nas, "exit 3"))  # what a person broke between the two changes
    said = nas.fails(conf=OURS + BAD_ROUTE)
    assert "ff02::1:2:3:4:5:6:7:8" in said and "; the previous files were put back, but: " in said
