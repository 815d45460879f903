"""A NAS whose maker, or whose owner, looks up another routing table before main: all directions, by packets.

Vendors do so for "multiple gateways" (`from <NAS> lookup <the card's table>`) and VPN set-ups for everything. The host
routes have to win over both, whichever `rp_filter` the NAS has.
"""

import shlex
from collections.abc import Iterator

import pytest

from lab.drive import NAS, SHIM, SHIM_ULA, Box, Done, Stack
from tests.e2e.fixtures_lan import CONTAINERS, standing, start_all, wait
from tests.e2e.streams import disturbed, streaming

NAS6, SECOND, SECOND6 = "2001:db8:1:1:0:ff:fe00:110", "192.168.1.11", "2001:db8:1:1:0:ff:fe00:111"
SECOND_MAC = "02:00:00:00:01:11"
UNIT = """[Unit]
Description=The rules of a maker's "multiple gateways"
Before=docker.service
[Service]
Type=oneshot
RemainAfterExit=yes
ExecStart=/bin/sh /root/vendor.sh
[Install]
WantedBy=multi-user.target
"""
TABLE = """ip route replace 192.168.1.0/24 dev {card} src {address} table {table}
ip route replace default via 192.168.1.1 dev {card} table {table}
ip -6 route replace 2001:db8:1:1::/64 dev {card} table {table}
ip -6 route replace default via fe80::ff:fe00:101 dev {card} table {table}
"""
# Kinds of vendors: preference and selector of each rule, by family; the table is the card's.
FROM_NAS = ((32764, f"from {NAS}", 100), (32764, f"from {NAS6}", 100))
ALL = ((32763, "from all", 100), (32763, "from all", 100))
FROM_SECOND = ((32765, f"from {SECOND}", 101), (32765, f"from {SECOND6}", 101))
KINDS = {"from the NAS": [FROM_NAS], "for all": [FROM_NAS, ALL], "two cards": [FROM_NAS, FROM_SECOND]}
WINS = "pref 5 from all lookup 100"


@pytest.fixture(scope="module", params=["20.10", "26", "29", "dsm"])
def fresh(request: pytest.FixtureRequest) -> Iterator[Box]:
    """A NAS with the vendor's rules, from before anything of ours is made."""
    dsm = request.param == "dsm"
    options = ("--profile", "dsm") if dsm else ("--engine", request.param)
    box = Box("20.10" if dsm else request.param, f"policy-{request.param}".replace(".", ""))
    with standing(box, *options) as box:
        box.nas(f"printf %s {shlex.quote(rules('for all', parent(box)))} >/root/vendor.sh")
        box.nas(f"printf %s {shlex.quote(UNIT)} >/etc/systemd/system/vendor.service")
        box.nas("systemctl daemon-reload; systemctl enable -q --now vendor.service")
        yield box


@pytest.fixture(scope="module")
def up(fresh: Box, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(fresh, tmp_path_factory.mktemp("stack"))
    site = stack.dsm_site() if "dsm" in fresh.instance else stack.site()
    site["install"] = {**site.get("install", {}), "check_interval": 5}
    stack.write(site)
    stack.up()
    yield stack
    stack.force_away()


def parent(box: Box) -> str:
    return box.nas(f"ip -o address | awk '$4 == \"{NAS}/24\" {{ print $2 }}'").strip()


def rules(kind: str, card: str) -> str:
    """A script that puts them there. Run again it adds none twice."""
    said = TABLE.format(card=card, address=NAS, table=100)
    if kind == "two cards":
        said += TABLE.format(card="eth2", address=SECOND, table=101)
    for pair in KINDS[kind]:
        for ip, (pref, selector, table) in zip(("ip", "ip -6"), pair, strict=True):
            rule = f"pref {pref} {selector} lookup {table}"
            said += f"{ip} rule del {rule} 2>/dev/null; {ip} rule add {rule}\n"
    return said


NO_RULES = """for ip in ip 'ip -6'; do
    for pref in 5 32763 32764 32765; do while $ip rule del pref $pref 2>/dev/null; do :; done; done
    for table in 100 101; do $ip route flush table $table; done
done
ip link del eth2 2>/dev/null; true
"""


def set_up(box: Box, kind: str, rp_filter: str) -> None:
    """These rules and no others of the vendor's; nobody remembers who answered before."""
    box.nas(NO_RULES)
    if kind == "two cards":
        nas = f"mv6-{box.lab_id()}-nas"
        box.run("router", f"ip link add lan-nas2 type veth peer name eth2 address {SECOND_MAC} netns {nas}")
        box.run("router", "ip link set lan-nas2 master br-lan up")
        box.nas(f"ip address add {SECOND}/24 dev eth2 && ip link set eth2 up")
        wait("the second card has its address", lambda: f"{SECOND6}/64" in usable(box), 30)
    box.nas(rules(kind, parent(box)))
    filters = "/proc/sys/net/ipv4/conf/all/rp_filter /proc/sys/net/ipv4/conf/*th*/rp_filter"
    box.nas(f"for file in {filters}; do echo {rp_filter} >$file; done")
    forget = "; ".join(f"ip -n of-{name} neigh flush all" for name in CONTAINERS)
    names = "; ".join(
        f"ln -sf /proc/$(docker inspect -f '{{{{.State.Pid}}}}' {name})/ns/net /run/netns/of-{name}"
        for name in CONTAINERS
    )
    box.nas(f"mkdir -p /run/netns; {names}; {forget}; ip neigh flush all; rm /run/netns/of-*", check=False)


def status(box: Box, how: str = "") -> Done:
    """On DSM the data file is in /usr/local/etc."""
    confs = "ls /etc/setup_docker_macvlan.conf /usr/local/etc/setup_docker_macvlan.conf 2>/dev/null"
    return box.run("nas", f"/usr/local/bin/setup_docker_macvlan.sh status {how} $({confs})", check=False)


def usable(box: Box) -> str:
    return "\n".join(line for line in box.nas("ip -6 -o address").splitlines() if "tentative" not in line)


def pings(stack: Stack, kind: str) -> dict[str, tuple[str, str]]:
    """From and to each address by which NAS and containers are to reach each other."""
    planned, found = stack.outputs()["containers"], {}
    asked_from = [NAS, *([SECOND] if kind == "two cards" else [])]
    for name, (ipv4, ula) in CONTAINERS.items():
        (global_,) = planned[name]["predicted_global_ipv6"]
        ends = {f"NAS -> {to}": ("nas", to) for to in (ipv4, ula, global_)}
        ends |= {f"NAS by {of} -> {ipv4}": (f"nas@{of}", ipv4) for of in asked_from}
        ends |= {f"{name} -> {to}": (name, to) for to in (SHIM, SHIM_ULA, *asked_from)}
        found |= ends
    return found


def assert_all_reach_each_other(stack: Stack, kind: str) -> None:
    box = stack.box
    for planned in stack.outputs()["containers"].values():
        (address,) = planned["predicted_global_ipv6"]
        wait(f"the NAS knows {address}", lambda of=address: "macvlan-host" in box.nas(f"ip -6 route get {of}"), 30)
    assert box.lost(pings(stack, kind)) == {}


def test_rules_that_were_there_before_the_shim_are_in_nobodys_way(up: Stack) -> None:
    assert "from all lookup 100" in up.box.nas("ip rule") and "from all lookup 100" in up.box.nas("ip -6 rule")
    assert_all_reach_each_other(up, "for all")
    up.expect_no_changes()


@pytest.mark.parametrize("rp_filter", ["0", "1", "2"])
@pytest.mark.parametrize("kind", KINDS)
def test_rules_that_come_later_are_in_nobodys_way(up: Stack, kind: str, rp_filter: str) -> None:
    set_up(up.box, kind, rp_filter)
    assert_all_reach_each_other(up, kind)
    assert status(up.box, "--brief").returncode == 0


def test_a_rule_that_wins_all_the_same_is_named(up: Stack) -> None:
    """And that the pings above can fail: here they do, for those of the NAS's packets that the rule sends elsewhere."""
    box = up.box
    set_up(box, "from the NAS", "0")
    box.nas(f"ip rule add {WINS}; ip -6 rule add {WINS}")
    lost = box.lost(pings(up, "from the NAS"))
    assert {f"NAS -> {address}" for pair in CONTAINERS.values() for address in pair} <= set(lost)
    told_there = status(box)
    print(f"engine {box.engine}, status: {told_there.stdout}")
    assert told_there.returncode == 1 and "lookup 100" in told_there.stdout
    told = up.told(check=False)
    assert "lookup 100" in told
    box.nas(f"ip rule del {WINS}; ip -6 rule del {WINS}")
    assert_all_reach_each_other(up, "from the NAS")
    assert status(box).returncode == 0


def test_our_own_rule_is_made_again_when_somebody_takes_it_away(up: Stack) -> None:
    box = up.box
    set_up(box, "for all", "1")
    ours = [line.partition(":")[2].strip() for line in box.nas("ip rule").splitlines() if line.startswith("109:")]
    assert ours == ["from all lookup 109"]
    box.nas("ip rule del pref 109; ip -6 rule del pref 109")
    both = "ip rule; ip -6 rule"
    print(f"engine {box.engine}: {wait('both are there', lambda: box.nas(both).count('lookup 109') == 2, 30):.1f} s")
    assert_all_reach_each_other(up, "for all")


def test_a_docker_restart_takes_and_brings_what_is_ours_only(up: Stack) -> None:
    box = up.box
    set_up(box, "for all", "2")
    unit = box.nas(
        "systemctl list-units --plain --no-legend '*ocker*.service' | awk '/dockerd|docker.service/ { print $1 }'"
    )
    box.nas(f"systemctl restart {unit.split()[0]}")
    start_all(box)
    assert_all_reach_each_other(up, "for all")


def test_a_reboot_with_the_vendors_rules_brings_everything_back(up: Stack) -> None:
    up.box.lab("reboot")
    assert "from all lookup 100" in up.box.nas("ip rule")
    start_all(up.box)
    assert_all_reach_each_other(up, "for all")
    up.expect_no_changes()


def test_destroy_leaves_the_vendors_rules_and_tables_alone(up: Stack) -> None:
    box, look = (
        up.box,
        "ip rule; ip -6 rule; ip route show table 100; ip -6 route show table 100 | sed 's/ expires.*//'",
    )
    set_up(box, "for all", "0")
    before = box.nas(look)
    ours = [line for line in before.splitlines() if "109" in line.split(":")[0] or "lookup 109" in line]
    assert len(ours) == 2
    with streaming(box, {"client to NAS": ("client", "nas", NAS)}) as told:
        up.destroy()
    assert disturbed(told) == {}
    assert [line for line in before.splitlines() if line not in ours] == box.nas(look).splitlines()
    assert box.nas("ip route show table 109; ip -6 route show table 109", check=False) == ""
