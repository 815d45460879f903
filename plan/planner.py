"""The plan of one network of the site: its addresses, and what follows from the NAS's Docker engine and network."""

from dataclasses import replace

from config.problems import Problem
from config.site import Site
from facts.nas import LiveNetwork
from plan import endpoint_sysctls
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
        containers=tuple(_on_engine(container, engine_major) for container in addresses.containers),
        external=addresses.external,
    )
    if network.ula_gateway in (None, default_ula_gateway(site)):
        return plan, []
    return plan, list(clashes(site, addresses, network.ula_gateway))


def _on_engine(container: ContainerPlan, engine_major: int | None) -> ContainerPlan:
    """From Docker 27 on, sysctls of the interface go with the endpoint and not with the container."""
    if container.service is None:
        return container
    rest, driver_opts = endpoint_sysctls.by_place(container.service.sysctls, engine_major)
    if not driver_opts:
        return container
    return replace(container, service=container.service.model_copy(update={"sysctls": rest}), driver_opts=driver_opts)
