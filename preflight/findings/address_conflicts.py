"""Planned addresses that are in use: by the NAS itself, by another container, or by a device on the LAN."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, ip_address

from config.problems import Problem, shortened
from config.site import Site
from config.types import LOOP
from facts.nas import Link, NasFacts, Neighbour
from install.conf import Record, read_conf
from plan.lan import LanPlan, PlannedAddress, loop_given
from preflight.others.installations import Others

Address = IPv4Address | IPv6Address
SHOWN = 4  # addresses that one message names
FREE = "choose a free address, outside your router's DHCP range"


@dataclass(frozen=True)
class AddressOwner:
    name: str
    ours: bool


def findings(site: Site, plan: LanPlan, facts: NasFacts, others: Others) -> Iterator[Problem]:
    """Of another installation's addresses preflight/others/collisions.py tells."""
    record = read_conf(facts.conf)
    holders = _owners(site, facts, others)
    shims = (plan.shim.name, "" if record is None else record.shim)
    own: dict[Address, Link] = {}
    for link in facts.links.values():
        if link.name not in (*shims, *others.shims):
            for address in link.addresses:
                own.setdefault(address.interface.ip, link)
    reported: set[tuple[str, str]] = set()
    for planned in loop_given(site.ipv6, plan.external):
        answer = facts.neighbours.get(planned.address)
        if planned.address in own:
            yield _on_the_nas(planned, own[planned.address], plan)
        elif planned.address not in holders and answer is not None and answer.mac not in _macs(facts):
            yield from _answered(planned, answer, facts)
    for planned in plan.given:
        if str(planned.address) in others.addresses:
            continue
        holder, answer = holders.get(planned.address), facts.neighbours.get(planned.address)
        if planned.address in own:
            yield _on_the_nas(planned, own[planned.address], plan)
        elif holder is not None and holder.ours:
            if (planned.name, holder.name) not in reported:  # else it is the ULA beside the IPv4 address
                yield from _held(planned, holder, plan, facts, record)
            reported.add((planned.name, holder.name))
        elif holder is not None and holder.name != planned.name:
            by_loop = site.ipv6 == LOOP and isinstance(planned.address, IPv6Address)
            why = "two containers with one address cut each other off" if by_loop else "Docker would refuse it"
            message = f"is held by the container {holder.name}, which is not this program's; {why}"
            yield Problem(
                planned.path, str(planned.address), message, f"choose another address, or remove {holder.name} there"
            )
        elif holder is None and answer is not None and not _is_ours(planned, answer, shims, facts):
            yield from _answered(planned, answer, facts)
        elif holder is None and str(planned.address) in facts.routed:
            message = "answers a ping by way of a router: if that leads to this LAN, a device there has the address"
            yield Problem(planned.path, str(planned.address), message, FREE, "warning")
    yield from _unasked(site, plan, holders, facts)


def _on_the_nas(planned: PlannedAddress, link: Link, plan: LanPlan) -> Problem:
    if not planned.name and link.kind == "macvlan" and link.lower == plan.shim.parent:
        message = f"is the address of {link.name}, an older shim on {link.lower}; both would be cut off"
        remedy = f"write `shim.name: {link.name}`, and it is taken over; or remove it, and what makes it: "
        return Problem(planned.path, str(planned.address), message, f"{remedy}`ip link del {link.name}`")
    message = f"is the NAS's own address on {link.name}; both would be cut off"
    return Problem(planned.path, str(planned.address), message, FREE)


def _owners(site: Site, facts: NasFacts, others: Others) -> dict[Address, AddressOwner]:
    """Who has which address on Docker's networks on the same parent. Our own containers count wherever they are."""
    near = {network.name for network in facts.networks if network.parent == site.lan.parent} | {site.network.name}
    found: dict[Address, AddressOwner] = {}
    for container in facts.containers.values():
        if others.owner_of_container(container):
            continue
        ours = bool(container.addresses)
        for name, place in container.networks.items():
            for text in (place.ipv4, place.ipv6) if ours or name in near else ():
                if text:
                    found[ip_address(text)] = AddressOwner(container.name, ours)
        # The watch loop gives addresses of which Docker does not know
        for _, address in container.inside.ipv6 if container.inside is not None else ():
            found.setdefault(address, AddressOwner(container.name, ours))
    return found


def _macs(facts: NasFacts) -> set[str]:
    """Of the interfaces of running containers, as far as they could be read."""
    insides = [container.inside for container in facts.containers.values() if container.inside is not None]
    return {mac for inside in insides for mac in inside.macs.values()}


def _held(
    planned: PlannedAddress, holder: AddressOwner, plan: LanPlan, facts: NasFacts, record: Record | None
) -> Iterator[Problem]:
    """A planned address that a container of ours has."""
    key = "" if record is None else record.key_of(holder.name)
    if holder.name == planned.name or (key and key == planned.key):
        return  # with the same key it is the same container, under its old name
    first = first_without(planned.name, holder.name, planned.name in facts.containers)
    message = f"is held by {holder.name} until that has moved; Docker may refuse it before then"
    remedy = "if `pulumi up` stops at it, run it once more"
    if planned.key and key and key not in {container.key for container in plan.containers}:
        message = f"is held by {holder.name}, which the site has no more; Pulumi removes that last, and Docker refuses "
        yield Problem(planned.path, str(planned.address), f"{message}{planned.name} before", first)
        return
    if planned.key and holder.name not in {container.name for container in plan.containers}:
        message = f"is held by {holder.name}, and Docker refuses {planned.name} until that has another or is gone"
        remedy = f"if `pulumi up` stops at it every time: {first}"
    yield Problem(planned.path, str(planned.address), message, remedy, "warning")


def first_without(name: str, other: str, moves: bool = False) -> str:
    """The remedy if a container is to have what another container has that is removed. moves: whether it exists
    already."""
    how = f"with {name} where it was" if moves else f"with {name} left out of the site"
    return f"run `pulumi up` twice: first {how} (this removes {other}), then with the site as it is now"


def _is_ours(planned: PlannedAddress, answer: Neighbour, shims: tuple[str, str], facts: NasFacts) -> bool:
    """Whether our own container may have answered. The MAC alone proves nothing: it follows from the address, and
    Docker below 28 and this program on another NAS give the same one."""
    if answer.mac != planned.mac:
        return False
    if not facts.docker.engine:
        return True  # its containers are unknown
    if answer.how == "known":
        return any(name in facts.links for name in shims)  # the kernel keeps neighbours behind it for long
    live = facts.containers.get(planned.name)
    return live is not None and live.status == "restarting"


def _answered(planned: PlannedAddress, answer: Neighbour, facts: NasFacts) -> Iterator[Problem]:
    if answer.how == "known":
        message = f"was in use on the LAN a moment ago, by a device with the MAC {answer.mac} that answers no ping"
        remedy = "run the preview again in a minute; the warning disappears when the neighbour entry expires"
        yield Problem(planned.path, str(planned.address), message, remedy, "warning")
    else:
        who = "your own computer" if facts.client == str(planned.address) else f"a device with the MAC {answer.mac}"
        message = f"is in use on the LAN: {who} answers there; two devices with one address cut each other off"
        yield Problem(planned.path, str(planned.address), message, FREE)


def _unasked(site: Site, plan: LanPlan, holders: Mapping[Address, AddressOwner], facts: NasFacts) -> Iterator[Problem]:
    """ULAs that could not be asked are no finding, because before the first run a NAS has no way to ask for them."""
    found = [one for one in [one.address for one in plan.given] if str(one) in facts.unprobed and one not in holders]
    found = [str(one) for one in found if isinstance(one, IPv4Address)]
    if not found:
        return
    why = f"{facts.user} may not send pings from the NAS, or the NAS has no route to {site.lan.subnet}"
    if plan.nas_ipv4 is None:
        why = f"the NAS has no address in {site.lan.subnet} to ask from"
    if not facts.tools & {"ping", "ping6"}:
        why = "the NAS has no `ping`"
    message = f"could not check whether other devices use {shortened(found, SHOWN)}: {why}"
    remedy = "make sure that no other device uses them; two devices with one address cut each other off"
    yield Problem("site.nas.host", site.nas.host, message, remedy, "warning")
