"""LanNetwork: Docker's macvlan network on the NAS."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from facts.labels import REPAIRED
from plan.lan import NetworkPlan


@dataclass(frozen=True)
class LanNetworkArgs:
    """repaired: when and why the network was recreated, "" for never; after: resources that have to be made before."""

    plan: NetworkPlan
    repaired: str = ""
    after: Sequence[pulumi.Resource] = ()


class LanNetwork(pulumi.ComponentResource):
    """name: the Docker network's name. Containers depend on this property, so that they follow a replacement of the
    network."""

    name: pulumi.Output[str]

    def __init__(self, name: str, args: LanNetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("macvlan:lan:LanNetwork", name, {}, opts)
        plan = args.plan
        labels = {**plan.labels, **({REPAIRED: args.repaired} if args.repaired else {})}
        network = docker.Network(
            f"{name}-network",
            name=plan.name,
            driver="macvlan",
            options={"parent": plan.parent},
            ipv6=plan.ula_prefix is not None,
            ipam_configs=_ipam(plan),
            labels=[docker.NetworkLabelArgs(label=key, value=value) for key, value in sorted(labels.items())],
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=list(args.after),
                # Docker takes a name once, and one parent once (engines < 27): old and new cannot exist side by side.
                delete_before_replace=True,
                # An existing network that fits is imported; that has no effect if the state has it already.
                import_=plan.live_id or None,
                # A network that somebody else made is used as it is, and never removed.
                retain_on_delete=plan.adopted,
                ignore_changes=["ipam_configs", "options", "labels", "attachable"] if plan.adopted else None,
            ),
        )
        self.name = network.name
        self.register_outputs({"name": self.name})


def _ipam(plan: NetworkPlan) -> list[docker.NetworkIpamConfigArgs]:
    ipv4 = docker.NetworkIpamConfigArgs(
        subnet=str(plan.subnet),
        gateway=str(plan.gateway),
        ip_range=None if plan.ip_range is None else str(plan.ip_range),
        aux_address=_texts(plan.reserved_ipv4),
    )
    if plan.ula_prefix is None:
        return [ipv4]
    ipv6 = docker.NetworkIpamConfigArgs(
        subnet=str(plan.ula_prefix),
        gateway=None if plan.ula_gateway is None else str(plan.ula_gateway),
        aux_address=_texts(plan.reserved_ipv6),
    )
    return [ipv4, ipv6]


def _texts(addresses: Mapping[str, object]) -> dict[str, str]:
    return {key: str(address) for key, address in addresses.items()}
