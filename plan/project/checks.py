"""What cannot be done with a container as it is written, or is not done as a person may expect."""

import re
from collections.abc import Iterator, Mapping, Sequence, Set

from config.compose import ServiceEntry
from config.problems import Problem
from config.sources import Sources
from plan.lan import LanPlan
from plan.project.containers import WholeContainer, asks_often
from plan.project.declared import InnerNetworkPlan
from plan.project.order import CONTAINER, HEALTHY, SERVICE, in_order, needed, shared_with
from plan.project.ways_out import other_ways_out

# The plugin asks for it as soon as a mount has any option of a volume, `nocopy` too
FIRST_ENGINE_WITH_VOLUME_OPTIONS = 26


def written_problems(sources: Sources, on_lan: Set[str]) -> Iterator[Problem]:
    """Those that follow from what is written alone. on_lan: the keys of the containers on the site's networks."""
    yield from _names_given_twice(sources.services, on_lan)
    yield from _unmet_needs(sources.services)
    for entry in sources.services.values():
        yield from _never_healthy(entry, sources.services)
        yield from _without_a_network_of_its_own(entry)
        for index, volume in enumerate(entry.service.volumes):
            if volume.bind is not None and volume.bind.selinux and not volume.is_plain:
                message = "has a propagation and a label of SELinux, and the Docker plugin can only say one of the two"
                yield Problem(f"{entry.path}.volumes[{index}]", volume.source, message, "remove one of the two")


def _names_given_twice(services: Mapping[str, ServiceEntry], on_lan: Set[str]) -> Iterator[Problem]:
    """plan/checks.py and plan/between.py tell of two that are both on the LAN."""
    names: dict[str, str] = {}
    for key, entry in services.items():
        name = entry.docker_name(key)
        other = names.setdefault(name, key)
        if other != key and not {key, other} <= on_lan:
            message = f"is the name of {services[other].path} too; Docker takes each name once"
            yield Problem(f"{entry.path}.container_name", name, message, "rename one of them")


def _unmet_needs(services: Mapping[str, ServiceEntry]) -> Iterator[Problem]:
    """compose/checks.py tells of those within one file."""
    order = in_order({key: entry.service for key, entry in services.items()})
    for key, entry in services.items():
        for other in needed(entry.service):
            if other not in services and other in entry.service.depends_on:
                message = "is no container of this site"
                yield Problem(f"{entry.path}.depends_on", other, message, "correct the name, or remove the line")
            elif other not in services:
                message = f"shares what {other} has, and that one is no container of this program"
                remedy = "take it too (`services: all` beside the file's path), or remove the key"
                yield Problem(entry.path, other, message, remedy)
            elif order.index(other) >= order.index(key):
                message = "leads back to this container, so that none of them could start first"
                yield Problem(f"{entry.path}.depends_on", other, message, "remove one of the dependencies")


def _never_healthy(entry: ServiceEntry, services: Mapping[str, ServiceEntry]) -> Iterator[Problem]:
    for key, how in entry.service.depends_on.items():
        check = services[key].service.healthcheck if key in services else None
        if how.condition == HEALTHY and check is not None and check.is_off:
            message = f"waits until {key} is healthy, and its healthcheck is switched off"
            remedy = f"write `condition: service_started`, or give {key} a healthcheck"
            yield Problem(f"{entry.path}.depends_on.{key}.condition", how.condition, message, remedy)


def _without_a_network_of_its_own(entry: ServiceEntry) -> Iterator[Problem]:
    """Docker would refuse it in the middle of the run, as it does with Compose."""
    mode, service = entry.service.network_mode or "", entry.service
    message = f"is a matter of the network that it shares (network_mode: {mode}), and Docker refuses it here"
    if mode.startswith((SERVICE, CONTAINER)):
        for key in ("hostname", "dns", "extra_hosts"):
            if getattr(service, key):
                yield Problem(f"{entry.path}.{key}", "", message, "move it to that container, or remove it")
    if mode == "host":
        for key in (key for key in service.sysctls if key.startswith("net.")):
            yield Problem(f"{entry.path}.sysctls", key, message, "set it on the NAS itself, or remove it")


def problems_on_engine(
    containers: Sequence[WholeContainer],
    sources: Sources,
    lans: Sequence[LanPlan],
    inner: Mapping[str, InnerNetworkPlan],
    engine_major: int | None,
) -> Iterator[Problem]:
    """Those that follow from the NAS's Docker too. They are told on the container. The rest as in whole_containers."""
    yield from other_ways_out(containers, lans, inner, engine_major)
    for container in containers:
        written = sources.services[container.key].service
        if written.ports and not container.service.ports:
            yield _unopened(container)
        yield from _macs(container, sources.services[container.key])
        yield from _gone(container)
        if asks_often(written) and not asks_often(container.service):
            message = f"is left out: Docker {engine_major} does not know it yet, and asks at each `interval`"
            path = f"{container.path}.healthcheck.start_interval"
            yield Problem(path, "", message, "nothing needs to be done", "note", container.key)
        for index, volume in enumerate(written.volumes):
            old = engine_major is not None and engine_major < FIRST_ENGINE_WITH_VOLUME_OPTIONS
            if old and volume.volume is not None and (volume.volume.nocopy or volume.volume.subpath):
                message = "has options of a volume, which the Docker plugin says to engines from "
                message += f"{FIRST_ENGINE_WITH_VOLUME_OPTIONS} on; the NAS has {engine_major}"
                remedy = "remove `nocopy` and `subpath`, or upgrade Docker"
                yield Problem(f"{container.path}.volumes[{index}]", volume.source, message, remedy)


def _unopened(container: WholeContainer) -> Problem:
    message = "opens nothing on the NAS: the container's default route is not on a network that Docker publishes by"
    remedy = "nothing needs to be done"
    if container.on_lan is not None:
        message = "opens nothing on the NAS: Docker publishes by the network with the container's default route, which "
        message += "is on the LAN"
        remedy = f"use the container's own address, {container.on_lan.ipv4}, and its ports there"
    return Problem(f"{container.path}.ports", "", message, remedy, "note", container.key)


def _macs(container: WholeContainer, entry: ServiceEntry) -> Iterator[Problem]:
    for endpoint in container.endpoints:
        written = entry.service.networks.get(endpoint.network)
        mac = written.mac_address if written is not None else None
        if container.on_lan is None:
            mac = mac or entry.service.mac_address
        if endpoint.lan is None and mac is not None:
            message = f"is not given on {endpoint.network}: the Docker plugin loses a MAC on its way there"
            remedy = "remove it, if nothing depends on it"
            yield Problem(f"{container.path}.mac_address", mac, message, remedy, "warning", container.key)


def _gone(container: WholeContainer) -> Iterator[Problem]:
    for key, name in shared_with(container.service, CONTAINER).items():
        if not re.fullmatch("[0-9a-f]{64}", name):
            message = "is no container that is on the NAS, and this one would share with it"
            yield Problem(
                f"{container.path}.{key}", f"{CONTAINER}{name}", message, "start that one first, or remove this"
            )
