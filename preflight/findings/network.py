"""Docker's networks on the NAS: the one of the site's name, and others that are in its way."""

from collections.abc import Iterator

from config.problems import Problem
from config.site import Site
from config.types import DOCKER, LOOP
from facts.labels import COMPOSE
from facts.nas import LiveNetwork, NasFacts
from facts.state import StackState
from install.conf import read_conf
from install.layout import InstallPlan
from plan.lan import LanPlan
from plan.network import FIRST_ENGINE_WITHOUT_OWN_GATEWAY, Difference, differences, is_adopted, refused_for
from preflight import unraid
from preflight.others.installations import Others
from preflight.parents.nas_address import own_addresses

SHARED_PARENT = 27  # docs/upstream-facts.md#docker-one-network-per-parent
UNWRITABLE = ("driver", "macvlan_mode", "internal")  # settings that no key of the site has


def foreign_network(site: Site, plan: LanPlan, facts: NasFacts) -> str:
    """The id of a network in place of ours, if the record says that ours existed and it is gone; else ""."""
    live = facts.network(site.network.name)
    if live is None or not is_adopted(live) or not plan.network.replaces:
        return ""
    return live.id if _was_ours(site, facts) else ""


def lost_network(site: Site, facts: NasFacts, state: StackState) -> bool:
    """Whether an earlier run made the network and it is gone."""
    ours = _was_ours(site, facts) or (state.network == site.network.name and state.network_is_ours)
    return facts.network(site.network.name) is None and bool(facts.docker.engine) and ours


def _was_ours(site: Site, facts: NasFacts) -> bool:
    record = read_conf(facts.conf)
    return record is not None and record.values.get("network") == site.network.name and not record.adopted


def findings(site: Site, install: InstallPlan, plan: LanPlan, facts: NasFacts, others: Others) -> Iterator[Problem]:
    live, before = facts.network(site.network.name), _before(site, facts)
    if site.ula_gateway == "none" and plan.network.ula_gateway is not None and facts.docker.engine:
        yield _gateway_all_the_same(plan, facts)
    if live is None or plan.network.replaces:
        yield from _in_the_way(site, install, plan, facts, before, others)
    if live is not None and plan.network.replaces:
        yield from _differs(site, install, plan, live, facts)
    yield from _not_reserved(site, plan, live, facts)
    if before is not None:
        how = f"will take the place of {before.name}, because Docker cannot rename a network"
        yield from _goes(site, before, how, facts)
    for other in others.leaving:
        if (leaves := facts.network(other.record.network)) is not None and not is_adopted(leaves):
            yield from _held(leaves, facts)


def _gateway_all_the_same(plan: LanPlan, facts: NasFacts) -> Problem:
    message = (
        f"does nothing here: Docker {facts.docker.engine} gives every IPv6 network a gateway, the first free address "
        f"if none is named. So the network has {plan.network.ula_gateway} as with `auto`, and the watch loop takes "
        "the containers' default route to it away, if it does not answer"
    )
    remedy = (
        f"write `auto`; from Docker {FIRST_ENGINE_WITHOUT_OWN_GATEWAY} on `none` makes a network without a gateway, "
        "and replaces a network that has a gateway"
    )
    return Problem("site.ula.gateway", "none", message, remedy, "warning", "network")


def _before(site: Site, facts: NasFacts) -> LiveNetwork | None:
    """Our network under another name, which Pulumi removes before it makes the one of this name."""
    record = read_conf(facts.conf)
    name = "" if record is None else record.values.get("network", "")
    live = facts.network(name)
    return live if name != site.network.name and live is not None and not is_adopted(live) else None


def _in_the_way(
    site: Site, install: InstallPlan, plan: LanPlan, facts: NasFacts, before: LiveNetwork | None, others: Others
) -> Iterator[Problem]:
    shared = facts.engine_major is None or facts.engine_major >= SHARED_PARENT
    for other in facts.networks:
        if other == before or other.name == site.network.name or other.name in others.names:
            continue  # plan.between and preflight.survey compare the networks of one site
        beside = other.driver in ("macvlan", "ipvlan") and other.parent == site.lan.parent
        if beside and other.driver == "ipvlan":
            continue  # taken_parent tells of it, whatever its subnet is
        owner, unraids = others.owner_of_network(other), unraid.makes_network(install, other.name)
        name = f"Unraid's own network {other.name}" if unraids else f"the network {other.name}"
        of = f", of {owner}" if owner else ", which Compose made" if f"{COMPOSE}.network" in other.labels else ""
        remove = _removal(other, beside, facts)
        remedy = remove
        if owner:
            remedy = _beside_another(site, other, others)
        elif unraids:
            remedy = unraid.without_network(other.name)
        elif keys := _as_it_is(other, [*differences(plan.network, other, facts.engine_major)]):
            remedy = (
                f"use that one: write {keys}, and that name where compose files say {site.network.name}; or {remove}"
            )
        if beside and not shared:
            message = f"has {name} already{of}, and Docker {facts.docker.engine} takes one on an interface"
            yield Problem("site.lan.parent", site.lan.parent, message, remedy)
        elif taken := refused_for(plan.network, other, facts.engine_major):
            ipv6 = ":" in taken
            key, value = ("site.ula.prefix", site.ula_prefix) if ipv6 else ("site.lan.subnet", site.lan.subnet)
            message = f"overlaps {taken} of {name}{of}, and Docker refuses a network that overlaps another"
            if not beside and not owner and not unraids:
                remedy = f"recreate that one with another range, or {remove}"
            if other.name == "bridge":
                remedy = "give Docker's own bridge another range: `bip` in its daemon.json"
            if ipv6:
                remedy += "; or write another prefix (`make ula`)"
            yield Problem(key, str(value), message, remedy)


def _as_it_is(other: LiveNetwork, found: list[Difference]) -> str:
    """What to write into the site so that the other network serves as it is, "" if it cannot."""
    keys = f"`network.name: {other.name}`"
    if found and not _other_than_without_ipv6(found):
        keys += f" and `network.ipv6: {LOOP}`"
    return "" if _other_than_without_ipv6(found) else keys


def _other_than_without_ipv6(found: list[Difference]) -> list[Difference]:
    """The differences beside that the live network has no IPv6, in whose place the watch loop can give it."""
    return [one for one in found if (one.setting, one.live) != ("IPv6 prefix", "none")]


def _removal(other: LiveNetwork, beside: bool, facts: NasFacts) -> str:
    remove, link = f"remove it there: `docker network rm {other.name}`", facts.links.get(other.parent)
    if beside and link is not None and link.kind == "vlan":
        remove += f" (if Docker made {link.name} for it, {link.name} goes too; the NAS's own settings have to make it)"
    return remove


def _beside_another(site: Site, other: LiveNetwork, others: Others) -> str:
    """The remedy if another installation has the network, which is not this one's to remove."""
    if other.name in [one.record.network for one in others.leaving]:
        return f"run `pulumi up` first without the network {site.network.name}: this removes {other.name}"
    return "write another parent and that LAN's own subnet; or put these containers into the site that has that network"


def _differs(site: Site, install: InstallPlan, plan: LanPlan, live: LiveNetwork, facts: NasFacts) -> Iterator[Problem]:
    found = list(differences(plan.network, live, facts.engine_major))
    if is_adopted(live) and not foreign_network(site, plan, facts):
        message = f"exists already, was not made by this program, and differs\n{_side_by_side(found)}"
        remedy = f"(`docker network rm {live.name}`, its containers disconnected), and it is made as the site says"
        rest = _other_than_without_ipv6(found)
        if any(one.setting in UNWRITABLE for one in found):
            remedy = f"remove it there {remedy}"
        elif len(rest) < len(found):
            write = (
                "write what it has into the site, with `ipv6: loop` under its name"
                if rest
                else ("write `network.ipv6: loop`")
            )
            remedy = (
                f"{write}: it is used as it is, its containers go on running, and the watch loop on the NAS gives "
                "those of the site their IPv6 addresses (`external_containers: all` means all that are on it); or "
                f"remove it there {remedy}"
            )
        else:
            by_docker = any((one.setting, one.wanted) == ("IPv6 prefix", "none") for one in found)
            write = f"with `network.ipv6: {DOCKER}`, " if by_docker else ""
            remedy = f"write what it has into the site, {write}and it is used as it is; or remove it there {remedy}"
        if unraid.makes_network(install, live.name):
            remedy = (
                f"give this network another name, because this is Unraid's own; {unraid.without_network(live.name)}"
            )
        yield Problem("site.network.name", live.name, message, remedy)
        return
    how = f"will be replaced, because Docker cannot change a network ({in_words(found)})"
    yield from _goes(site, live, how, facts, f"has to be replaced ({in_words(found)})")


def _goes(site: Site, live: LiveNetwork, how: str, facts: NasFacts, must: str = "") -> Iterator[Problem]:
    """The containers on a network that is removed. how: what becomes of them if it may be removed; must: the remedy if
    not."""
    strangers = _strangers(live, facts)
    ours = sorted({*live.attached} - {*strangers})
    strangers += _stopped(live, facts)
    if strangers:
        message = f"{must or how}, and containers that are not this program's are on it: {', '.join(strangers)}"
        first = strangers[0].split()[0]
        remedy = f"there: `docker network disconnect {live.name} {first}`; connect them again after `pulumi up`"
        yield Problem("site.network.name", site.network.name, message, remedy)
    else:
        message = f"{how}; these containers stop: {', '.join(ours) or 'none is running on it'}"
        remedy = "they come back with the addresses and MACs that the site says"
        yield Problem("site.network.name", site.network.name, message, remedy, "warning", "network")


def _held(live: LiveNetwork, facts: NasFacts) -> Iterator[Problem]:
    """What keeps Docker from removing a further network that the site has no more."""
    strangers = _strangers(live, facts)
    if strangers:
        message = f"has no {live.name} any more, and Docker cannot remove that network while containers that are not "
        message += f"this program's are on it: {', '.join(strangers)}"
        remedy = f"there: `docker network disconnect {live.name} {strangers[0]}`"
        yield Problem("site.networks", "", message, remedy)


def _strangers(live: LiveNetwork, facts: NasFacts) -> list[str]:
    """The running containers on it that are not this program's."""
    attached = {name: facts.containers.get(name) for name in live.attached}
    return [name for name, container in attached.items() if container is None or not container.addresses]


def _stopped(live: LiveNetwork, facts: NasFacts) -> list[str]:
    """Others' stopped containers that will be on the network when they start. Docker stores the network's id with them,
    not its name, and does not show them in the network. Old engines list a container that never ran by the network's
    id, if it was created so."""
    found = []
    for name, container in sorted(facts.containers.items()):
        on_it = any(key == live.name or (len(key) >= 12 and live.id.startswith(key)) for key in container.networks)
        if on_it and not container.addresses and name not in live.attached:
            found.append(f"{name} ({container.status})")
    return found


def _not_reserved(site: Site, plan: LanPlan, live: LiveNetwork | None, facts: NasFacts) -> Iterator[Problem]:
    """Docker could give the address of the shim or of the NAS to a container that asks for none
    (docs/upstream-facts.md#docker-reserved-addresses)."""
    known, ip_range = set(plan.network.reserved_ipv4.values()), plan.network.ip_range
    ours = [address for address in (plan.shim.ipv4, plan.nas_ipv4) if address is not None]
    own, planned = own_addresses(plan, site, facts), {one.address for one in plan.given}
    # Those of a second card. If the site names another address, that is told first
    others = [one for one in own if one not in planned and one not in ours] if plan.nas_ipv4 in own else []
    free = [one for one in (*ours, *others) if one not in known and (ip_range is None or one in ip_range)]
    if not free:
        return
    message = (
        f"does not reserve {' and '.join(map(str, free))}, and Docker may give it to a container that asks for no "
    )
    message += "address"
    remedy = "give each container on it a fixed address"
    if live is None or plan.network.replaces:
        remedy += ", or write a `lan.ip_range` that leaves it out"
    elif not {*free} & {*others}:
        remedy += "; a network that this program makes reserves them"
    yield Problem("site.network.name", plan.network.name, message, remedy, "warning", "network")


def in_words(found: list[Difference]) -> str:
    return ", ".join(f"{difference.setting} {difference.live} → {difference.wanted}" for difference in found)


def _side_by_side(found: list[Difference]) -> str:
    rows = [
        ("", "on the NAS", "in the site"),
        *((difference.setting, difference.live, difference.wanted) for difference in found),
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(3)]
    lines = ["  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    return "\n".join(f"        {line}" for line in lines)
