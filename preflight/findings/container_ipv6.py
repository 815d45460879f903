"""What a container's own settings, and the way in which it gets its addresses, mean for its IPv6."""

from collections.abc import Iterator

from config.problems import Problem
from config.types import LOOP, OFF
from facts.nas import NasFacts
from install.conf import Record, read_conf
from plan.container_sysctls import FIRST_ENGINE_WITH_ENDPOINT_SYSCTLS
from plan.lan import ContainerPlan, LanPlan


def findings(plan: LanPlan, facts: NasFacts) -> Iterator[Problem]:
    """Of what stays as it is, a person is told once: before the run that makes it so."""
    record = read_conf(facts.conf)
    if plan.network.ipv6 == LOOP and (record is None or record.values.get("ipv6") != LOOP):
        yield _by_the_loop()
    for container in (*plan.containers, *plan.external):
        yield from _container(plan, container)
        if container.static is not None:
            yield _static(container)
        if container.service is not None and not _is_known(container, record):
            yield from _new(container)


def _is_known(container: ContainerPlan, record: Record | None) -> bool:
    return record is not None and container.name in record.containers


def _by_the_loop() -> Problem:
    message = (
        "has the watch loop on the NAS give containers their IPv6 addresses, within moments of each start. Docker does "
        "not know of these: neither `docker inspect` nor Docker's own DNS tells them"
    )
    remedy = "a program that binds to its IPv6 address itself has to wait for it; most bind to all addresses (::)"
    return Problem("site.network.ipv6", LOOP, message, remedy, "note", "network")


def _container(plan: LanPlan, container: ContainerPlan) -> Iterator[Problem]:
    where = f"{container.path}.sysctls"
    if plan.network.ipv6 == OFF:
        return
    if container.ipv6_is_off:
        message = "switch IPv6 off in this container, so it gets no IPv6 address"
        yield Problem(where, "", message, "remove disable_ipv6, if it is to have one", "warning", container.key)
    elif container.ignores_routers:
        message = "keep this container from taking what the router advertises, so it gets no global IPv6 address"
        remedy = "remove accept_ra and autoconf, if it is to have one"
        yield Problem(where, "", message, remedy, "warning", container.key)


def _static(container: ContainerPlan) -> Problem:
    message = (
        "does not follow when your provider gives this LAN another prefix: nobody would reach the container there then"
    )
    remedy = "change it and lan.static_prefix on that day; the address that follows from the router needs no change"
    where, on = f"{container.addressed_at}.ipv6_address", container.key if container.service else "lan"
    return Problem(where, str(container.static), message, remedy, "warning", on)


def _new(container: ContainerPlan) -> Iterator[Problem]:
    where = f"{container.path}.sysctls"
    if container.forwards and not container.ipv6_is_off:
        message = (
            "make this container a router (forwarding), and the kernel then ignores the LAN's router: the watch loop "
            "sets accept_ra=2 on its interface, so that it gets its global address all the same"
        )
        yield Problem(where, "", message, "nothing is to be done", "note", container.key)
    for key, carried in container.moved_sysctls:
        message = (
            f"is of the network interface, and from {FIRST_ENGINE_WITH_ENDPOINT_SYSCTLS} on Docker takes such a sysctl "
            f"with the network only: it is handed over with the `driver_opts` there, as {carried}"
        )
        yield Problem(where, key, message, "nothing is to be done", "note", container.key)
