"""The containers of the site as wholes: on the LAN, on inner networks, or sharing another one's network; in an order in
which each comes after those that it waits for."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from compose.forms.units import nanoseconds
from config.compose import ServiceEntry
from config.problems import Problem
from config.service import Service
from config.service_parts import Attachment
from config.sources import Sources
from plan.addresses import with_alias
from plan.lan import ContainerPlan, LanPlan
from plan.project.default_route import FIRST_ENGINE_WITH_PRIORITIES, Way, default_way

LAN_PRIORITY = 1000
WAITS = (60, 600)  # seconds for a container to become healthy: at least, at most
HEALTHY, COMPLETED = "service_healthy", "service_completed_successfully"


@dataclass(frozen=True)
class InnerEndpoint:
    """A container on a network that is none of the site's. network: Docker's name."""

    network: str
    aliases: tuple[str, ...]
    attachment: Attachment


@dataclass(frozen=True)
class WholeContainer:
    """name: Docker's.
    lan: its plans by the keys of the site's networks that it is on; inner: its other endpoints.
    priorities: the gw_priority of its LAN endpoints, by the keys of these networks.
    waits_for: the keys of those that have to be there before it.
    wait: seconds that its creation may take until it is healthy, because another one waits for that; 0 for no waiting.
    completes: whether it is to end, because another one waits for that.
    """

    key: str
    name: str
    path: str
    service: Service
    lan: Mapping[str, ContainerPlan] = field(default_factory=dict)
    inner: tuple[InnerEndpoint, ...] = ()
    priorities: Mapping[str, int] = field(default_factory=dict)
    waits_for: tuple[str, ...] = ()
    wait: int = 0
    completes: bool = False
    stack: str = ""
    project: str = ""
    service_name: str = ""
    secret: frozenset[str] = frozenset()


def whole_containers(
    sources: Sources, plans: Sequence[LanPlan], engine_major: int | None, dual: Iterable[str] = (), stack: str = ""
) -> tuple[tuple[WholeContainer, ...], list[Problem]]:
    """Also what has to be told of them.

    dual: Docker's names of live inner networks that have both families.
    stack: the label of containers that are on none of the site's networks; the others have their plan's.
    """
    known = {name for name, one in sources.networks.items() if one.enable_ipv6 or one.pool(6)} | {*dual}
    found, problems = [], []
    lan = _by_key(plans)
    waited = _waited(sources.services)
    for key in [*lan, *(key for key in sources.services if key not in lan)]:
        entry = sources.services.get(key) or _entry(lan[key])
        whole = _whole(key, entry, lan.get(key, {}), plans, engine_major, waited.get(key, frozenset()))
        whole = whole if whole.lan else replace(whole, stack=stack)
        way = default_way(_ways(whole, plans, sources, known), engine_major)
        if whole.service.ports and way is not None and way.network in {plan.network.name for plan in plans}:
            problems.append(_unpublished(whole, way.network))
            whole = _without_ports(whole)
        found.append(whole)
    return tuple(_in_order(found)), problems


def _by_key(plans: Sequence[LanPlan]) -> dict[str, dict[str, ContainerPlan]]:
    found: dict[str, dict[str, ContainerPlan]] = {}
    for plan in plans:
        for container in plan.containers:
            if container.service is not None:
                found.setdefault(container.key, {})[plan.key] = container
    return found


def _entry(places: Mapping[str, ContainerPlan]) -> ServiceEntry:
    first = next(iter(places.values()))
    assert first.service is not None
    return ServiceEntry(first.path, first.service, name=first.name)


def _whole(
    key: str,
    entry: ServiceEntry,
    lan: Mapping[str, ContainerPlan],
    plans: Sequence[LanPlan],
    engine_major: int | None,
    conditions: frozenset[str],
) -> WholeContainer:
    own = {plan.network.name for plan in plans}
    first = next(iter(lan.values()), None)
    # The plan's service has its sysctls where the engine takes them
    service = first.service if first is not None and first.service is not None else entry.service
    inner = tuple(
        InnerEndpoint(name, with_alias(place.aliases, entry.alias), place)
        for name, place in entry.service.networks.items()
        if name not in own
    )
    return WholeContainer(
        key=key,
        name=entry.name or entry.service.container_name or key,
        path=entry.path,
        service=service,
        lan=lan,
        inner=inner,
        priorities=_priorities(
            entry.service, {plan.key: plan.network.name for plan in plans if plan.key in lan}, engine_major
        ),
        waits_for=tuple(_waits_for(entry.service)),
        wait=_patience(service) if HEALTHY in conditions and _can_be_healthy(service) else 0,
        completes=COMPLETED in conditions,
        stack="" if first is None else first.stack,
        project=entry.project,
        service_name=entry.alias or key,
        secret=entry.secret,
    )


def _priorities(service: Service, lan: Mapping[str, str], engine_major: int | None) -> dict[str, int]:
    """The LAN has the default route, unless somebody wrote otherwise. lan: Docker's names by the networks' keys."""
    if any(place.gw_priority for place in service.networks.values()):
        written = {key: service.networks[name].gw_priority for key, name in lan.items() if name in service.networks}
        return {key: priority for key, priority in written.items() if priority}
    counts = engine_major is not None and engine_major >= FIRST_ENGINE_WITH_PRIORITIES
    has_others = any(name not in lan.values() for name in service.networks)
    return {key: LAN_PRIORITY for key in [*lan][:1]} if counts and has_others else {}


def _waited(services: Mapping[str, ServiceEntry]) -> dict[str, frozenset[str]]:
    """For what others wait at each container."""
    found: dict[str, frozenset[str]] = {}
    for entry in services.values():
        for key, how in entry.service.depends_on.items():
            found[key] = found.get(key, frozenset()) | {how.condition}
    return found


def _waits_for(service: Service) -> Iterator[str]:
    yield from service.depends_on
    for mode in (service.network_mode, service.ipc, service.pid):
        if mode is not None and mode.startswith("service:"):
            yield mode.removeprefix("service:")
    for other in service.volumes_from:
        if not other.startswith("container:"):
            yield other.split(":")[0]


def _can_be_healthy(service: Service) -> bool:
    """Of a healthcheck that only the image has nothing is known here."""
    return service.healthcheck is not None and not service.healthcheck.disable and bool(service.healthcheck.test)


def _patience(service: Service) -> int:
    """Until Docker calls it unhealthy, and as long again."""
    check = service.healthcheck
    assert check is not None

    def seconds(text: str | None, otherwise: int) -> int:
        return otherwise if text is None else (nanoseconds(text) or 0) // 10**9

    tries = check.retries if check.retries else 3
    once = seconds(check.interval, 30) + seconds(check.timeout, 30)
    return min(max(seconds(check.start_period, 0) + 2 * tries * once, WAITS[0]), WAITS[1])


def _ways(whole: WholeContainer, plans: Sequence[LanPlan], sources: Sources, dual: set[str]) -> Iterator[Way]:
    for plan in plans:
        if plan.key in whole.lan:
            both = plan.network.ula_prefix is not None
            yield Way(plan.network.name, dual=both, priority=whole.priorities.get(plan.key, 0))
    for endpoint in whole.inner:
        declared = sources.networks.get(endpoint.network)
        internal = declared is not None and declared.internal
        yield Way(endpoint.network, internal, endpoint.network in dual, endpoint.attachment.gw_priority)


def _unpublished(whole: WholeContainer, network: str) -> Problem:
    message = (
        "are not opened on the NAS: Docker opens a container's ports by the network of its default route, and that "
    )
    message += f"is {network}, where the container has each of its ports at its own address"
    remedy = "use the container's address; or give `gw_priority` to the other network, from Docker 28 on"
    return Problem(f"{whole.path}.ports", "", message, remedy, "note", whole.key)


def _without_ports(whole: WholeContainer) -> WholeContainer:
    """Docker would show none of them, and the plugin a difference at each preview."""

    return replace(whole, service=whole.service.model_copy(update={"ports": ()}))


def _in_order(containers: Sequence[WholeContainer]) -> list[WholeContainer]:
    """The same, each behind those that it waits for; else as they are."""
    left, done, found = list(containers), set[str](), []
    keys = {one.key for one in containers}
    while left:
        ready = [one for one in left if {*one.waits_for} & keys <= done]
        one = ready[0] if ready else left[0]  # compose/checks.py refuses circles
        left.remove(one)
        done.add(one.key)
        found.append(one)
    return found
