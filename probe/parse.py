"""Reads the probe's output as NasFacts. `== NAME` begins a section, and `|` marks lines of the NAS's files."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime
from ipaddress import ip_address, ip_interface
from typing import Any

from facts.nas import (
    Attachment,
    Docker,
    FileState,
    Inside,
    Link,
    LinkAddress,
    LiveContainer,
    LiveNetwork,
    LiveRange,
    NasFacts,
    Neighbour,
    Routing,
    Unit,
)
from probe.parse_container import read_inside
from probe.parse_docker import read_compose_labels, read_mounts, read_ports, read_volumes
from probe.parse_routers import read_routers

Lines = list[str]


def parse_facts(text: str) -> NasFacts:
    """Raises ValueError if the text was cut off or is not the probe's."""
    sections = _sections(text)

    def of(name: str) -> Lines:
        return sections.get(name, [])

    user, docker = _pairs(of("user")), _pairs(of("docker"))
    if not user.get("uid", "").isdecimal():
        raise ValueError("the NAS's answer does not say whom it answered")
    system, os_release, vendor = _system(of("system"))
    tools = _many(of("tools"), "tool")
    routes = [tuple(line.split(" ", 1)) for line in of("routes") if " " in line]
    inside = read_inside(of("inside"))
    inspected = [json.loads(line) for line in of("containers") if line.startswith("{")]
    containers = [_container(container, system.get("time", ""), inside) for container in inspected]
    files, backups = _files(of("files"))
    answers = [line.split() for line in of("answers")]
    podman = docker.get("podman", "")
    if not docker.get("api", "1.").startswith("1."):  # every version of Docker's API begins so
        podman = podman or docker.get("engine", "")
    silent = "unanswered" in (*of("networks"), *of("containers"))
    return NasFacts(
        uid=int(user["uid"]),
        user=user.get("name", ""),
        groups=tuple(user.get("groups", "").split()),
        client=user.get("client", ""),
        sudo=user.get("sudo", ""),
        system=system,
        os_release=os_release,
        vendor=vendor,
        tools=frozenset(tools),
        abilities={key: value for key, value in _pairs(of("tools")).items() if key != "tool"},
        macvlan=_pairs(of("macvlan")).get("kernel", "unknown"),
        links=_links(of("links"), of("addresses")),
        routes=tuple((kind, line) for kind, line in routes if kind in ("4", "6")),
        shim_routes=tuple(line for kind, line in routes if kind.startswith("shim")),
        routing=_routing(of("routing")),
        advertisements=read_routers(of("routers")),
        table_names=dict(words.split(" ", 1) for words in _many(of("routing"), "name") if " " in words),
        sysctls=_pairs(of("sysctls")),
        docker=Docker(
            on_path=docker.get("on_path") == "yes",
            path=docker.get("path", ""),
            wrapper=docker.get("wrapper", ""),
            search=tuple(folder for folder in docker.get("search", "").split(":") if folder.startswith("/")),
            denied=docker.get("denied", ""),
            engine="" if silent or podman else docker.get("engine", ""),
            api=docker.get("api", ""),
            error="it does not tell which networks and containers it has, as when it is starting or busy"
            if silent
            else docker.get("error", ""),
            podman=podman,
        ),
        networks=tuple(_network(json.loads(line)) for line in of("networks") if line.startswith("{")),
        containers={container.name: container for container in containers},
        volumes=read_volumes(sections["volumes"]) if "volumes" in sections and docker.get("engine") else None,
        files=files,
        backups=backups,
        confs=_confs(of("conf")),
        others=_confs(of("others")),
        loop_pid=int(_pairs(of("loop")).get("loop", 0)),
        boot_task=_pairs(of("loop")).get("task", ""),
        units=_units(of("units")),
        sshd=_pairs(of("sshd")),
        host_keys=tuple(of("host_keys")),
        leftovers=tuple(_many(of("leftovers"), "mentions")),
        ula_gateway_state=next(iter(of("gateway")), ""),
        neighbours={ip_address(words[1]): Neighbour(words[2], words[4]) for words in answers if len(words) == 5},
        routed=tuple(words[1] for words in answers if words[0] == "routed"),
        unprobed=tuple(words[1] for words in answers if words[0] == "unasked"),
    )


def _sections(text: str) -> dict[str, Lines]:
    found: dict[str, Lines] = {}
    lines = text.rstrip("\n").split("\n")  # not splitlines, which knows more ends of a line than sh does
    if not lines or lines[-1] != "== end":
        raise ValueError("the NAS's answer was cut off")
    current: Lines | None = None
    for line in lines:
        if line.startswith("== "):
            current = found.setdefault(line[3:], [])
        elif current is not None and (line or current is found.get("units")):
            current.append(line)
    return found


def _pairs(lines: Iterable[str]) -> dict[str, str]:
    """`key value` lines. If a key stands there several times, the first counts."""
    found: dict[str, str] = {}
    for line in lines:
        key, _, value = line.partition(" ")
        found.setdefault(key, value)
    return found


def _many(lines: Iterable[str], key: str) -> list[str]:
    return [line.partition(" ")[2] for line in lines if line.startswith(f"{key} ")]


def _system(lines: Lines) -> tuple[dict[str, str], dict[str, str], dict[str, dict[str, str]]]:
    """The values of our own section, of /etc/os-release, and of the vendor's files."""
    own: dict[str, str] = {}
    os_release: dict[str, str] = {}
    vendor: dict[str, dict[str, str]] = {}
    into = os_release
    for line in lines:
        if line.startswith("file "):
            into = vendor.setdefault(line[5:], {})
        elif line.startswith("|"):
            key, _, value = line[1:].partition("=")
            into.setdefault(key.strip(), value.strip().strip("\"'"))
        else:
            key, _, value = line.partition(" ")
            own[key] = value
    return own, os_release, vendor


def _routing(lines: Lines) -> Routing:
    return Routing(
        without=frozenset(_many(lines, "without")),
        ours=frozenset(words.partition(" ")[0] for words in _many(lines, "ours")),
        taken=_pairs(lines).get("taken", ""),
        other_ways=tuple(_many(lines, "way")),
    )


def _links(lines: Lines, address_lines: Lines) -> dict[str, Link]:
    found: dict[str, Link] = {}
    for line in lines:
        head, _, rest = line.partition(": ")
        if head.isdigit() and rest:
            link = _link(rest)
            found[link.name] = link
    for name in _many(lines, "wireless"):
        if name in found:
            found[name] = replace(found[name], wireless=True)
    for line in address_lines:
        words = line.split()
        if len(words) < 4 or words[2] not in ("inet", "inet6"):
            continue
        name = words[1].rstrip(":")
        text = words[words.index("peer") + 1] if "peer" in words else words[3]
        if name in found:
            address = LinkAddress(ip_interface(text), frozenset(words[4:]))
            found[name] = replace(found[name], addresses=(*found[name].addresses, address))
    return found


_KINDS = (
    "macvlan",
    "macvtap",
    "ipvlan",
    "ipvtap",
    "bridge",
    "bond",
    "vlan",
    "veth",
    "openvswitch",
    "tun",
    "dummy",
    "team",
    "vxlan",
)


def _link(text: str) -> Link:
    """One line of `ip -d -o link show`, behind its number."""
    name, _, rest = text.partition(": ")
    name, _, lower = name.partition("@")
    words = rest.replace("\\", " ").split()
    flags = words[0].strip("<>").split(",") if words else []

    def after(word: str, words: Lines = words) -> str:
        return words[words.index(word) + 1] if word in words[:-1] else ""

    # Behind the MAC, where details begin; `bridge` before it can be a mode's name.
    details = words[words.index("brd") + 2 :] if "brd" in words else words
    kind = next((word for word in details if word in _KINDS), "")
    return Link(
        name=name,
        kind=kind,
        mode=after("mode", details[details.index(kind) :]) if kind in ("macvlan", "macvtap") else "",
        lower="" if lower == "NONE" else lower,
        master=after("master"),
        mac=next((words[i + 1] for i, word in enumerate(words[:-1]) if word.startswith("link/")), ""),
        up="UP" in flags,
        carrier="UP" in flags and "NO-CARRIER" not in flags,
        ethernet=not any(word.startswith("link/") for word in words) or "link/ether" in words,
    )


def _network(inspected: Mapping[str, Any]) -> LiveNetwork:
    ranges = (inspected.get("IPAM") or {}).get("Config") or []
    return LiveNetwork(
        id=inspected["Id"],
        name=inspected["Name"],
        driver=inspected.get("Driver", ""),
        options=inspected.get("Options") or {},
        ranges=tuple(
            LiveRange(
                subnet=config.get("Subnet") or "",
                gateway=(config.get("Gateway") or "").partition("/")[0] or None,
                ip_range=config.get("IPRange") or None,
                aux=config.get("AuxiliaryAddresses") or config.get("AuxAddress") or {},
            )
            for config in ranges
        ),
        labels=inspected.get("Labels") or {},
        ipv6=bool(inspected.get("EnableIPv6")),
        internal=bool(inspected.get("Internal")),
        attachable=bool(inspected.get("Attachable")),
        attached=tuple(sorted(container.get("Name", "") for container in (inspected.get("Containers") or {}).values())),
        ipam=(inspected.get("IPAM") or {}).get("Driver") or "default",
    )


def _container(inspected: Mapping[str, Any], now: str, inside: Mapping[int, Inside]) -> LiveContainer:
    return LiveContainer(
        name=inspected["name"].lstrip("/"),
        status=inspected.get("status") or "",
        networks={
            name: _attachment(attachment or {}) for name, attachment in (inspected.get("networks") or {}).items()
        },
        addresses=inspected.get("addresses") or "",
        repaired=inspected.get("repaired") or "",
        stack=inspected.get("stack") or "",
        ran=_seconds(inspected.get("started") or "", now),
        id=inspected.get("id") or "",
        compose=read_compose_labels(inspected.get("compose")),
        mounts=read_mounts(inspected.get("mounts")),
        ports=read_ports(inspected.get("ports")),
        inside=inside.get(inspected.get("pid") or 0),
    )


def _seconds(since: str, now: str) -> float:
    """Seconds between two times in UTC; 0 if one of them is no time. Docker writes nine digits behind the second."""
    try:
        began, ends = (datetime.strptime(text[:19], "%Y-%m-%dT%H:%M:%S") for text in (since, now))
    except ValueError:
        return 0
    return (ends - began).total_seconds()


def _attachment(inspected: Mapping[str, Any]) -> Attachment:
    asked = inspected.get("IPAMConfig") or {}
    return Attachment(
        ipv4=inspected.get("IPAddress") or "",
        ipv6=inspected.get("GlobalIPv6Address") or "",
        mac=inspected.get("MacAddress") or "",
        asked_ipv4=asked.get("IPv4Address") or "",
        asked_ipv6=asked.get("IPv6Address") or "",
    )


def _files(lines: Lines) -> tuple[dict[str, FileState], tuple[str, ...]]:
    found: dict[str, FileState] = {}
    for line in lines:
        words = line.split()
        if words[0] == "file" and len(words) == 4 and words[2] != "missing":
            found[words[1]] = FileState(words[2] == "ok", "" if words[3] == "-" else words[3])
    return found, tuple(_many(lines, "backup"))


def _confs(lines: Lines) -> dict[str, str]:
    found: dict[str, str] = {}
    path = ""
    for line in lines:
        if line.startswith("|"):
            found[path] += f"{line[1:]}\n"
        else:
            path = line.removeprefix("file ")
            found[path] = ""
    return found


def _units(lines: Lines) -> dict[str, Unit]:
    found: dict[str, Unit] = {}
    block: dict[str, str] = {}
    for line in [*lines, ""]:
        if line:
            key, _, value = line.partition("=")
            block[key] = value
        elif block:
            found[block.get("Id", "")] = Unit(
                load=block.get("LoadState", ""),
                active=block.get("ActiveState", ""),
                enabled=block.get("UnitFileState", ""),
                path=block.get("FragmentPath", ""),
                stale=block.get("NeedDaemonReload") == "yes",
                main_pid=int(block.get("MainPID") or 0),
            )
            block = {}
    return found
