"""The data file on the NAS, written and read back: the settings of the watch loop, and a record of the last run.

Its comments are for people and for the next preview. pulumi-command reads nothing back
(docs/upstream-facts.md#command-reads-nothing), so the program puts what it finds here into the command's input. If all
is in sync, that is the text of the last run, and the preview shows nothing. Drift becomes a new line with time and
reason, which is an update that names it.
"""

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from config.types import DOCKER, LOOP
from facts.labels import NO_ADDRESS
from install.layout import InstallPlan
from plan.lan import ContainerPlan, LanPlan

TITLE = "# Written by pulumi up (macvlan-ipv6); the next one overwrites it. Parsed, never sourced."
_SUM = "# sum "
SLAAC = "slaac"  # in place of a ULA: IPv6 by the router's advertisements only
# Names of before the first release, as records on NASes have them.
_OLD_KEYS = {"tick": "check_interval", "dead_gateway": "placeholder_gateway", "keep_gateway": "router_gateway"}
_OLD_HOOKS = {"systemd-network": "systemd-standalone"}


@dataclass(frozen=True)
class Repair:
    """Why the files were last written, other than for a change of the site.

    when: UTC, as 2026-11-23T23:45:10Z.
    network_to_remove: id of a Docker network of our name that somebody else made and that has to be removed first, or
        "".
    replaced: ids of containers that another state made and that Pulumi recreates.
    """

    when: str
    what: str
    network_to_remove: str = ""
    replaced: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"{self.when} {self.what}"


def one_line(text: str) -> str:
    return " ".join(text.split())


@dataclass(frozen=True)
class Record:
    """A data file as it was found.

    whole: whether it is unchanged since it was written.
    containers: name → (IPv4, ULA).
    macs: name → the MAC that the watch loop sets, for those that have one; statics: the global address, likewise.
    adopted: whether somebody else made Docker's network.
    hook: what starts the loop, and the unit that it is bound to (systemd) or the task's name (task-scheduler).
    stack: organization/project/stack that wrote it, "" if an older version did.
    keys: name → key, for containers whose name is not their key.
    """

    whole: bool
    values: Mapping[str, str]
    containers: Mapping[str, tuple[str, str]]
    macs: Mapping[str, str] = field(default_factory=dict)
    statics: Mapping[str, str] = field(default_factory=dict)
    sums: Mapping[str, str] = field(default_factory=dict)
    repair: Repair | None = None
    adopted: bool = False
    hook: tuple[str, ...] = ()
    keys: Mapping[str, str] = field(default_factory=dict)
    stack: str = ""

    @property
    def network(self) -> str:
        return self.values.get("network", "")

    @property
    def shim(self) -> str:
        """The link's name. Another site may have another name since."""
        return self.values.get("shim", "")

    @property
    def addresses(self) -> dict[str, str]:
        """The addresses of the shim and of the containers, and what has each, in words."""
        shims = (self.values.get(key, NO_ADDRESS) for key in ("shim_ipv4", "shim_ipv6"))
        found = {address: "the shim" for address in shims if address != NO_ADDRESS}
        return found | {address: f"the container {name}" for address, name in self.container_addresses.items()}

    @property
    def container_addresses(self) -> dict[str, str]:
        """Each planned address of a container → the container's name."""
        words = [(word, name) for name, both in self.containers.items() for word in both]
        words += [(address, name) for name, address in self.statics.items()]
        return {word: name for word, name in words if word not in (NO_ADDRESS, SLAAC)}

    def key_of(self, name: str) -> str:
        """The person's own name for that container, "" if the last run did not know it."""
        return self.keys.get(name, name) if name in self.containers else ""


def render_conf(
    plan: LanPlan, install: InstallPlan, sums: Mapping[str, str], repair: Repair | None, stack: str = ""
) -> str:
    """The text of the data file: `key value` lines. sums: path → SHA-256 of the other files; stack: whose it is."""
    lines = [TITLE]
    lines += [f"# stack {stack}"] if stack else []
    if repair is not None:
        lines.append(f"# {repair}")
        lines += [f"# stray {repair.network_to_remove}"] if repair.network_to_remove else []
        lines += [f"# replaced {container_id}" for container_id in repair.replaced]
    lines += ["# network adopted"] if plan.network.adopted else []
    lines += [f"# hook {install.boot_hook} {install.docker_unit or (install.task if install.name else '')}".rstrip()]
    lines += [f"# file {path} {digest}" for path, digest in sums.items()]
    lines += [f"# key {holder.name} {holder.key}" for holder in plan.containers if holder.key != holder.name]
    lines += [
        "version 1",
        f"network {plan.network.name}",
        f"parent {plan.shim.parent}",
        f"shim {plan.shim.name}",
        f"shim_mac {plan.shim.mac}",
        f"shim_ipv4 {plan.shim.ipv4}",
        f"shim_ipv6 {plan.shim.ipv6 or NO_ADDRESS}",
        f"routing_table {plan.shim.routing_table}",
        f"check_interval {install.check_interval}",
        *_ipv6(plan),
    ]
    lines += [f"docker_folder {install.docker_folder}"] if install.docker_folder else []
    if plan.network.ula_gateway is not None:
        key = "router_gateway" if plan.network.ula_gateway_is_router else "placeholder_gateway"
        lines.append(f"{key} {plan.network.ula_gateway}")
    for holder in plan.routed:
        words = [holder.name, holder.ipv4, _ula_word(plan, holder), holder.mac or NO_ADDRESS]
        lines.append(" ".join(map(str, ["container", *words, *([holder.static] if holder.static else [])])))
    text = "\n".join(lines) + "\n"
    return f"{text}{_SUM}{digest_of(text)}\n"


def _ipv6(plan: LanPlan) -> list[str]:
    """Nothing if Docker gives IPv6 addresses, as it did in every version before the loop could."""
    lines = [f"ipv6 {plan.network.ipv6}"] if plan.network.ipv6 != DOCKER else []
    if plan.all_external:
        lines += ["others all", f"lan_subnet {plan.network.subnet}"]
        lines += [f"ula_prefix {plan.ula_prefix}"] if plan.ula_prefix and plan.network.ipv6 == LOOP else []
    return lines


def _ula_word(plan: LanPlan, holder: ContainerPlan) -> str:
    if holder.ula is None and plan.network.ipv6 == LOOP and not holder.ipv6_is_off:
        return SLAAC
    return str(holder.ula or NO_ADDRESS)


def digest_of(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def read_conf(text: str | None) -> Record | None:
    """None if there is no such file, or if this program did not write it."""
    if text is None or "macvlan-ipv6" not in text.partition("\n")[0]:
        return None
    body, mark, digest = text.rpartition(_SUM)
    whole = bool(mark) and digest.strip() == digest_of(body)
    text = text.replace("\r\n", "\n")  # edited on Windows, which makes it no less of a record
    values: dict[str, str] = {}
    containers: dict[str, tuple[str, str]] = {}
    macs: dict[str, str] = {}
    statics: dict[str, str] = {}
    for line in text.splitlines():
        words = line.split()
        if words[:1] == ["container"] and len(words) in (4, 5, 6):
            containers[words[1]] = (words[2], words[3])
            macs |= {words[1]: words[4]} if words[4:5] not in ([], [NO_ADDRESS]) else {}
            statics |= {words[1]: words[5]} if len(words) == 6 else {}
        elif len(words) == 2 and not line.startswith("#"):
            values[_OLD_KEYS.get(words[0], words[0])] = words[1]
    repaired = re.search(r"^# (\d{4}-\S+Z) (.*)$", text, re.MULTILINE)
    replaced = tuple(re.findall(r"^# replaced ([0-9a-f]{12,64})$", text, re.MULTILINE))
    hook = re.search(r"^# hook (.+)$", text, re.MULTILINE)
    stack = re.search(r"^# stack (\S+)$", text, re.MULTILINE)
    stray = re.search(r"^# stray ([0-9a-f]{12,64})$", text, re.MULTILINE)
    return Record(
        whole=whole,
        values=values,
        containers=containers,
        macs=macs,
        statics=statics,
        sums=dict(re.findall(r"^# file (\S+) ([0-9a-f]{64})$", text, re.MULTILINE)),
        repair=Repair(repaired[1], repaired[2], stray[1] if stray else "", replaced) if repaired else None,
        adopted="\n# network adopted\n" in text,
        keys=dict(re.findall(r"^# key (\S+) (\S+)$", text, re.MULTILINE)),
        hook=tuple(_OLD_HOOKS.get(word, word) for word in hook[1].split()) if hook else (),
        stack=stack[1] if stack else "",
    )
