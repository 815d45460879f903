"""Every container of the site as Docker makes it: those on the LAN, and the others of their Compose projects."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from config.compose import ServiceEntry
from config.service import Service
from config.sources import Sources
from facts.labels import COMPOSE
from plan.container_sysctls import by_place
from plan.lan import ContainerPlan, ImagePlan, LanPlan
from plan.project.declared import InnerNetworkPlan
from plan.project.endpoints import EndpointPlan, default_endpoint, on_lan, on_others, with_default_route
from plan.project.order import COMPLETED, HEALTHY, awaited, in_order, needed, seconds_to_health, with_ids, with_keys

_HOST_GATEWAY = "host-gateway"
FIRST_ENGINE_WITH_START_INTERVAL = 25  # an older one forgets it, and the plugin would see a difference at each preview


@dataclass(frozen=True)
class WholeContainer:
    """One container.

    service: with its sysctls where its engine takes them, and without the ports that Docker would not open.
    on_lan: its plan on the first of the site's networks that it is on, None if it is on none.
    default: its network with the default route, None if no network of its own has it.
    labels: beside those of the service, which win.
    after: the keys of the containers that are made before it.
    wait: seconds that others wait until it is healthy, None if none of them waits.
    ends: whether others wait until it has ended.
    secret: as in ServiceEntry.
    """

    key: str
    name: str
    path: str
    service: Service
    endpoints: tuple[EndpointPlan, ...] = ()
    on_lan: ContainerPlan | None = None
    default: EndpointPlan | None = None
    labels: Mapping[str, str] = field(default_factory=dict)
    stack: str = ""
    after: tuple[str, ...] = ()
    wait: int | None = None
    ends: bool = False
    secret: frozenset[str] = frozenset()


def whole_containers(
    sources: Sources,
    lans: Sequence[LanPlan],
    inner: Mapping[str, InnerNetworkPlan],
    stack: str,
    engine_major: int | None,
    ids: Mapping[str, str] | None = None,
) -> tuple[WholeContainer, ...]:
    """In the order in which they are made: each after those that it needs.

    lans: the plans of the site's networks, the first one first. stack: for the label of those that are on none of them;
    the others' plans have theirs. ids: of the containers of others with which they share, by their names.
    """
    names = {entry.docker_name(key): key for key, entry in sources.services.items()}
    services = {key: with_keys(entry.service, names) for key, entry in sources.services.items()}
    healthy = awaited(services.values(), HEALTHY)
    ended = awaited(services.values(), COMPLETED)
    placed: dict[str, list[tuple[LanPlan, ContainerPlan]]] = {}
    for plan in lans:
        for one in plan.containers:
            placed.setdefault(one.key, []).append((plan, one))
    found: dict[str, WholeContainer] = {}
    for key in in_order(services):
        entry, places = sources.services[key], placed.get(key, [])
        endpoints = [on_lan(plan, one) for plan, one in places]
        endpoints = with_default_route([*endpoints, *on_others(entry, lans)], engine_major)
        default = default_endpoint(endpoints, lans, inner, engine_major)
        first = places[0][1] if places else None
        if first is not None and first.service is not None:
            service = first.service
        else:
            service, endpoints = _sysctls_placed(services[key], endpoints, default, engine_major)
        found[key] = WholeContainer(
            key=key,
            name=entry.docker_name(key),
            path=entry.path,
            service=_as_made(with_ids(with_keys(service, names), ids or {}), endpoints, default, lans, engine_major),
            endpoints=endpoints,
            on_lan=first,
            default=default,
            labels=_grouped(entry),
            stack=stack if first is None else first.stack,
            after=tuple(other for other in needed(services[key]) if other in found),
            wait=seconds_to_health(entry.service.healthcheck) if key in healthy else None,
            ends=key in ended,
            secret=entry.secret,
        )
    return tuple(found.values())


def _sysctls_placed(
    service: Service, endpoints: Sequence[EndpointPlan], default: EndpointPlan | None, engine_major: int | None
) -> tuple[Service, tuple[EndpointPlan, ...]]:
    """As on the LAN (plan/planner.py): the sysctls of eth0 go with the network that has the default route."""
    main = default or (endpoints[0] if endpoints else None)
    if main is None:
        return service, tuple(endpoints)
    written = service.networks[main.network].driver_opts
    sysctls, driver_opts = by_place(service.sysctls, written, engine_major)
    placed = (replace(one, driver_opts=driver_opts) if one is main else one for one in endpoints)
    return service.model_copy(update={"sysctls": sysctls}), tuple(placed)


def _as_made(
    service: Service,
    endpoints: Sequence[EndpointPlan],
    default: EndpointPlan | None,
    lans: Sequence[LanPlan],
    engine_major: int | None,
) -> Service:
    update: dict[str, Any] = {}
    if asks_often(service) and engine_major is not None and engine_major < FIRST_ENGINE_WITH_START_INTERVAL:
        update["healthcheck"] = service.healthcheck and service.healthcheck.model_copy(update={"start_interval": None})
    if service.ports and not _publishes(service, default):
        update["ports"] = ()
    on = next((one.lan for one in endpoints if one.lan is not None), None)
    if on is not None and any(address == _HOST_GATEWAY for _, address in service.extra_hosts):
        # Docker's own bridge, which the word means to Docker, is not to be reached from the LAN
        shim = next(str(plan.shim.ipv4) for plan in lans if plan.key == on)
        hosts = ((name, shim if address == _HOST_GATEWAY else address) for name, address in service.extra_hosts)
        update["extra_hosts"] = tuple(hosts)
    return service.model_copy(update=update) if update else service


def asks_often(service: Service) -> bool:
    """Whether its healthcheck has an interval of its own for the time of the start."""
    return service.healthcheck is not None and service.healthcheck.start_interval is not None


def _publishes(service: Service, default: EndpointPlan | None) -> bool:
    """Whether Docker opens ports for it on the NAS. Where it does not, the plugin sees a difference at each preview."""
    if service.network_mode is not None:
        return service.network_mode not in ("none", "host") and ":" not in service.network_mode
    return default is not None and default.lan is None


def _grouped(entry: ServiceEntry) -> dict[str, str]:
    """The labels by which tools show containers by projects. Compose from 2.16 on takes none of them for its own,
    because it looks for a label of its own besides (com.docker.compose.config-hash)."""
    if not entry.project:
        return {}
    return {f"{COMPOSE}.project": entry.project, f"{COMPOSE}.service": entry.compose_service}


def images(containers: Iterable[WholeContainer], pulled: str = "") -> tuple[ImagePlan, ...]:
    """Each image of those containers once, in their order. If several containers have it, it is pulled if one of them
    allows that. pulled: the person's word of the last request to pull."""
    again: dict[tuple[str, str], bool] = {}
    for service in (container.service for container in containers):
        image = service.image, service.platform or ""
        again[image] = again.get(image, False) or service.pull_policy is None
    moving = {image for image in again if pulled and "@" not in image[0]}
    return tuple(
        ImagePlan(name, pulled, pull, platform) if (name, platform) in moving else ImagePlan(name, platform=platform)
        for (name, platform), pull in again.items()
    )
