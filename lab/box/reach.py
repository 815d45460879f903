"""Who reaches whom: counted pings between NAS, containers, client and internet host, as a table."""

import json
import re
import sys
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from box import nas, network
from box.errors import LabError
from box.place import Place
from box.processes import run

COUNT = 3
RA_SECONDS = 20


@dataclass(frozen=True)
class Container:
    """ula, ipv4: "" for one that has none, its pairs are then left out."""

    name: str
    ipv4: str
    ula: str


@dataclass(frozen=True)
class Pair:
    """source: nas, client, internet or a container's name. find: the target's address, asked when it is its turn."""

    source: str
    target: str
    family: str
    find: Callable[[], str]


def main(place: Place, arguments: list[str], shim: str) -> int:
    """0 when every ping came back, 1 otherwise or when there is nothing to ping. Prints the table."""
    containers, shim_of_stack = _given(arguments)
    ipv4, _, ula = shim.partition(",")
    pairs = list(_pairs(place, containers, shim_of_stack or Container("shim", ipv4, ula)))
    with ThreadPoolExecutor(len(pairs)) as pool:
        # An address that was just given is not used before its duplicate address detection is over (1 s).
        list(pool.map(lambda container: global_address(place, container), containers))
        rows = list(pool.map(lambda pair: _try(place, pair), pairs))
    _print(rows)
    lost = sum(row[-1] != "yes" for row in rows)
    print(f"{len(rows) - lost} of {len(rows)} pairs reach each other ({COUNT} pings each)")
    return 1 if lost else 0


def _given(arguments: list[str]) -> tuple[list[Container], Container | None]:
    """From `name=ipv4,ula` words, else from JSON on stdin: a stack's outputs, or containers by name."""
    if arguments:
        words = [re.split("[=,]", word) for word in arguments]
        return [Container(*[*word, "", ""][:3]) for word in words], None
    try:
        said = json.load(sys.stdin)
        found = said.get("containers", said)
        containers = [_container(key, value) for key, value in found.items()]
        shim = _container("shim", said["shim"]) if "shim" in said else None
    except (ValueError, AttributeError, TypeError) as error:
        raise LabError(
            f"no containers on stdin: {error}",
            "pulumi stack output --json | lab/reach, or lab/reach test=192.168.1.201,fd0d:7eb5:2afd::201",
        ) from None
    if not containers:
        raise LabError("there are no containers to reach", "add one to the site, or name some: lab/reach name=ipv4,ula")
    return containers, shim


def _container(key: str, value: Mapping[str, Any]) -> Container:
    return Container(str(value.get("name") or key), str(value.get("ipv4") or ""), str(value.get("ula") or ""))


def _pairs(place: Place, containers: list[Container], shim: Container) -> list[Pair]:
    pairs = []
    for container in containers:
        both = [("IPv4", container.ipv4), ("ULA", container.ula)]
        pairs += [Pair("nas", container.name, family, _fixed(address)) for family, address in both if address]
        to_nas = [("shim's IPv4", shim.ipv4), ("shim's ULA", shim.ula), ("its own IPv4", network.NAS)]
        pairs += [Pair(container.name, "nas", family, _fixed(address)) for family, address in to_nas if address]
        if container.ipv4:
            pairs.append(Pair("client", container.name, "IPv4", _fixed(container.ipv4)))
            pairs.append(Pair(container.name, "client", "IPv4", _fixed(network.CLIENT)))
        pairs.append(Pair(container.name, "internet", "IPv6 global", _fixed(network.INTERNET6)))
        pairs.append(
            Pair(
                "internet", container.name, "IPv6 global", lambda container=container: global_address(place, container)
            )
        )
    return pairs


def _fixed(address: str) -> Callable[[], str]:
    return lambda: address


def global_address(place: Place, container: Container) -> str:
    """The address that the container took from the router, waited for; "" when it took none."""
    deadline = time.monotonic() + RA_SECONDS
    while time.monotonic() < deadline:
        done = nas.ask(place, f"docker exec '{container.name}' ip -6 address show dev eth0 scope global")
        if done.returncode:
            return ""
        lines = [line.split() for line in done.stdout.splitlines() if "inet6" in line and "tentative" not in line]
        found = [line[1].split("/")[0] for line in lines]
        for address in found:
            if not address.startswith(("fc", "fd")):
                return address
        time.sleep(0.5)
    return ""


def _try(place: Place, pair: Pair) -> tuple[str, str, str, str, str]:
    """Source, target, family, address, verdict: "yes", or what was lost and what was said."""
    address = pair.find()
    if not address:
        return pair.source, pair.target, pair.family, "none", "NO: it has no such address (running? router announcing?)"
    # With -w an answer that is late on a busy machine is waited for, and more are sent meanwhile
    words = f"{'-6 ' if ':' in address else ''}-c {COUNT} -w {COUNT + 9} {address}"
    ping = f"ping {words}"
    if pair.source in ("client", "internet"):
        done = run(*network.inside(place, pair.source, *ping.split()), check=False)
    elif pair.source == "nas":
        done = nas.ask(place, ping)
    else:
        # By the NAS's own ping, for busybox's gives the last answer a second. DSM has no nsenter, but for this one,
        # which takes its own ping for any `ping`.
        enter = "$(command -v nsenter || echo /usr/lib/lab/busybox-static nsenter)"
        who = f"$(docker inspect -f '{{{{.State.Pid}}}}' '{pair.source}')"
        done = nas.ask(place, f"{enter} -t {who} -n $(command -v ping) {words}")
    answered = {int(number) for number in re.findall(r"bytes from \S+ .*?icmp_seq=(\d+) ", done.stdout)}
    came = len(answered & set(range(1, COUNT + 1)))
    reason = (done.stderr.strip().splitlines() or [""])[-1]
    verdict = "yes" if came == COUNT else f"NO: {COUNT - came} of {COUNT} lost {reason}".rstrip()
    return pair.source, pair.target, pair.family, address, verdict


def _print(rows: list[tuple[str, str, str, str, str]]) -> None:
    head = ("from", "to", "by", "address", "reached")
    widths = [max(len(row[column]) for row in [head, *rows]) for column in range(4)]
    for row in [head, *rows]:
        print("  ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=False)) + f"  {row[4]}")
