"""The plan of one network of the site: its addresses, and what follows from the NAS's Docker engine and network."""

from dataclasses import replace

from config.problems import Problem
from config.site import Site
from facts.nas import LiveNetwork
from plan import container_sysctls
from plan.checks import clashes
from plan.lan import AddressPlan, ContainerPlan, LanPlan
from plan.network import default_ula_gateway, plan_network


def plan_lan(
    site: Site,
    addresses: AddressPlan,
    engine_major: int | None = None,
    live: LiveNetwork | None = None,
    stack: str = "",
) -> tuple[LanPlan, list[Problem]]:
    """The problems are those that only the live network causes: it keeps its IPv6 gateway, which the site may have
    given to a container.

    site: with its parent resolved.
    engine_major: of the NAS's Docker, None if unknown.
    live: the network of the site's name that exists already.
    stack: as in plan_network.
    """
    shim = replace(addresses.shim, parent=site.lan.parent)
    network = plan_network(site, addresses.nas_ipv4, shim, engine_major, live, stack)
    plan = LanPlan(
        network=network,
        shim=shim,
        nas_ipv4=addresses.nas_ipv4,
        containers=tuple(_on_engine(container, network.name, engine_major) for container in addresses.containers),
        external=addresses.external,
        all_external=addresses.all_external,
        ula_prefix=site.ula_prefix,
    )
    if network.ula_gateway in (None, default_ula_gateway(site)):
        return plan, []
    return plan, list(clashes(site, addresses, network.ula_gateway))


def _on_engine(container: ContainerPlan, network: str, engine_major: int | None) -> ContainerPlan:
    """The container with the sysctls of its interface where its engine takes them."""
    service = container.service
    if service is None:
        return container
    written = container_sysctls.written_options(service, network)
    sysctls, driver_opts = container_sysctls.by_place(service.sysctls, written, engine_major)
    return replace(
        container,
        service=service.model_copy(update={"sysctls": sysctls}),
        driver_opts=driver_opts,
        moved_sysctls=container_sysctls.moved(service.sysctls, engine_major),
    )
