"""The LAN and what is around it: four namespaces, joined by veth pairs that never touch this machine's own network.

internet 203.0.113.9 --- wan: router :br-lan 192.168.1.1 --+-- NAS    192.168.1.10  eth0, or as `up --parent` says
         2001:db8:ffff::9            2001:db8:1:1::1       +-- client 192.168.1.20  eth0
                                     br-iot 192.168.20.1  ---- NAS    eth1          with `up --second-lan`
                                            2001:db8:1:20::1

`ra --second` adds a border router to the LAN, in a fifth one: eth0, with an IPv6 link-local address and nothing else.
"""

import os
import time
from pathlib import Path

from box import enter
from box.enter import MACHINES
from box.place import Place
from box.processes import run

PREFIX = "2001:db8:1:1::/64"
SECOND_CARD, SECOND_PREFIX, SECOND_ROUTER = "eth1", "2001:db8:1:20::/64", "192.168.20.1"
NAS, CLIENT, ROUTER = "192.168.1.10", "192.168.1.20", "192.168.1.1"
INTERNET, INTERNET6 = "203.0.113.9", "2001:db8:ffff::9"
BORDER = "border"
MAC = {
    "router": "02:00:00:00:01:01",
    "nas": "02:00:00:00:01:10",
    "client": "02:00:00:00:01:20",
    BORDER: "02:00:00:00:01:30",
}
SECOND_MAC = {"router": "02:00:00:00:20:01", "nas": "02:00:00:00:20:10"}
# The router's own addresses stand at once (accept_dad), or it could not answer the first router solicitation.
SYSCTLS = {
    "router": (
        "net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 net.ipv4.conf.all.rp_filter=0"
        " net.ipv4.conf.default.rp_filter=0 net.ipv6.conf.default.accept_dad=0"
    ),
    "client": "net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0",
    "internet": "net.ipv4.conf.all.rp_filter=0 net.ipv4.conf.default.rp_filter=0 net.ipv6.conf.default.accept_ra=0",
    "nas": "",
    BORDER: "net.ipv6.conf.all.forwarding=1 net.ipv6.conf.default.accept_dad=0",
}


def exists(place: Place, machine: str) -> bool:
    return enter.exists(place.id, machine)


def ip(place: Place, machine: str, batch: str) -> None:
    """Lines of `ip` commands, run in a machine's namespace; the first that fails raises LabError."""
    run("ip", "-n", place.namespace(machine), "-batch", "-", text=batch)


def inside(place: Place, machine: str, *command: str | Path) -> list[str]:
    """The command line that runs a command of this machine's file system in a namespace of the lab."""
    return enter.inside(place.id, machine, list(map(str, command)))


def make(place: Place) -> None:
    """Router, client and internet host, with all that is theirs. The NAS is plugged in when it boots."""
    for machine in ("router", "client", "internet"):
        _namespace(place, machine)
    ip(
        place,
        "router",
        f"""link set lo up
link add br-lan address {MAC["router"]} type bridge stp_state 0 forward_delay 0 mcast_snooping 0
link add lan-client type veth peer name eth0 address {MAC["client"]} netns {place.namespace("client")}
link add wan type veth peer name eth0 netns {place.namespace("internet")}
link set lan-client master br-lan up
link set wan up
link set br-lan up
address add {ROUTER}/24 dev br-lan
address add {router_address(PREFIX)}/64 dev br-lan nodad
address add 203.0.113.1/24 dev wan
address add 2001:db8:ffff::1/64 dev wan nodad
""",
    )
    _no_bridge_firewall(place)
    ip(
        place,
        "internet",
        f"""link set lo up
address add {INTERNET}/24 dev eth0
address add {INTERNET6}/64 dev eth0 nodad
link set eth0 up
route add default via 203.0.113.1
route add default via 2001:db8:ffff::1
""",
    )


def make_second_lan(place: Place) -> None:
    """Another LAN at the router, with its own prefix. The only machine on it is the NAS, and that when it boots."""
    ip(
        place,
        "router",
        f"""link add br-iot address {SECOND_MAC["router"]} type bridge stp_state 0 forward_delay 0 mcast_snooping 0
link set br-iot up
address add {SECOND_ROUTER}/24 dev br-iot
address add {router_address(SECOND_PREFIX)}/64 dev br-iot nodad
""",
    )


def make_border(place: Place) -> None:
    """Its link goes with its namespace, but some time after; a new one may be wanted before."""
    run("ip", "-n", place.namespace("router"), "link", "del", "lan-border", check=False)
    _namespace(place, BORDER)
    card = f"eth0 address {MAC[BORDER]} netns {place.namespace(BORDER)}"
    ip(
        place,
        "router",
        f"link add lan-border type veth peer name {card}\nlink set lan-border master br-lan up\n",
    )
    ip(place, BORDER, "link set lo up\nlink set eth0 up\n")


def connect_client(place: Place) -> None:
    """Last, when the router announces itself: the client asks for a router as it comes up."""
    ip(
        place,
        "client",
        f"link set lo up\naddress add {CLIENT}/24 dev eth0\nlink set eth0 up\nroute add default via {ROUTER}\n",
    )


def plug_nas(place: Place) -> None:
    """A NAS that boots finds a network with nothing in it from before; its card comes with `card_nas`."""
    unplug_nas(place)
    _namespace(place, "nas")
    ip(place, "nas", "link set lo up\n")


def card_nas(place: Place, parent: str) -> None:
    """The NAS's network card by that name, with its static IPv4."""
    ip(
        place,
        "router",
        f"""link add lan-nas type veth peer name {parent} address {MAC["nas"]} netns {place.namespace("nas")}
link set lan-nas master br-lan up
""",
    )
    ip(
        place,
        "nas",
        f"address add {NAS}/24 dev {parent}\nlink set {parent} up\nroute add default via {ROUTER}\n",
    )


def second_card_nas(place: Place) -> None:
    """The NAS's card on the second LAN: up, without an IPv4 address, as a NAS has a card that only containers use."""
    card, nas = f"{SECOND_CARD} address {SECOND_MAC['nas']}", place.namespace("nas")
    ip(
        place,
        "router",
        f"""link add iot-nas type veth peer name {card} netns {nas}
link set iot-nas master br-iot up
""",
    )
    ip(place, "nas", f"link set {SECOND_CARD} up\n")


def settled(place: Place, parent: str, seconds: float = 30) -> bool:
    """Waits until NAS and client have an address from the router, past duplicate address detection."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        if _global_addresses(place, "nas", parent) and _global_addresses(place, "client", "eth0"):
            return True
        time.sleep(0.05)
    return False


def _global_addresses(place: Place, machine: str, interface: str) -> list[str]:
    shown = ["ip", "-n", place.namespace(machine), "-6", "-o", "address", "show", "dev", interface, "scope", "global"]
    said = run(*shown, check=False).stdout
    lines = [line for line in said.splitlines() if "tentative" not in line and "dadfailed" not in line]
    return [word for line in lines for word in line.split() if word.startswith("2")]


def unplug_nas(place: Place) -> None:
    # The kernel takes a namespace's links away some time after its name; this one's name is wanted again at once.
    for card in ("lan-nas", "iot-nas"):
        run("ip", "-n", place.namespace("router"), "link", "del", card, check=False)
    remove(place, "nas")


def router_address(prefix: str) -> str:
    return prefix.split("/")[0] + "1"


def missing(place: Place) -> list[str]:
    """Machines without a namespace."""
    return [machine for machine in MACHINES if not exists(place, machine)]


def remove(place: Place, machine: str) -> None:
    if exists(place, machine):
        run("ip", "netns", "del", place.namespace(machine), check=False)


def pids(place: Place, machine: str) -> list[int]:
    """Processes whose network is that namespace."""
    if not exists(place, machine):
        return []
    said = run("ip", "netns", "pids", place.namespace(machine), check=False).stdout
    return [int(pid) for pid in said.split() if int(pid) != os.getpid()]


def _namespace(place: Place, machine: str) -> None:
    run("ip", "netns", "add", place.namespace(machine))
    if SYSCTLS[machine]:
        run(*inside(place, machine, "sysctl", "-qw", *SYSCTLS[machine].split()))


def _no_bridge_firewall(place: Place) -> None:
    """With br_netfilter loaded on this machine the router's bridge would send LAN frames through iptables."""
    keys = [f"net.bridge.bridge-nf-call-{table}" for table in ("iptables", "ip6tables", "arptables")]
    if Path("/proc/sys/net/bridge").is_dir():
        run(*inside(place, "router", "sysctl", "-qw", *(f"{key}=0" for key in keys)), check=False)
