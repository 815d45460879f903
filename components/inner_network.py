"""InnerNetwork: a network of the containers beside the LAN, as their Compose file declares it."""

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_docker as docker

from config.declared import DeclaredNetwork
from facts.labels import MADE_BY, MAKER, STACK


@dataclass(frozen=True)
class InnerNetworkArgs:
    """stack: the value of the label that says whose it is, "" for none."""

    declared: DeclaredNetwork
    stack: str = ""
    after: Sequence[pulumi.Resource] = ()


class InnerNetwork(pulumi.ComponentResource):
    """name: Docker's, on which its containers depend."""

    name: pulumi.Output[str]

    def __init__(self, name: str, args: InnerNetworkArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("macvlan:lan:InnerNetwork", name, {}, opts)
        declared = args.declared
        labels = {**declared.labels, MADE_BY: MAKER, **({STACK: args.stack} if args.stack else {})}
        dual = declared.enable_ipv6 or declared.pool(6) is not None
        network = docker.Network(
            f"{name}-network",
            name=declared.name,
            driver=declared.driver,
            options=declared.driver_opts or None,
            internal=declared.internal or None,
            attachable=declared.attachable or None,
            ipv6=True if dual else None,  # false would not be sent
            ipam_configs=[
                docker.NetworkIpamConfigArgs(
                    subnet=pool.subnet and str(pool.subnet),
                    gateway=pool.gateway and str(pool.gateway),
                    ip_range=pool.ip_range and str(pool.ip_range),
                    aux_address={key: str(address) for key, address in pool.aux_addresses.items()} or None,
                )
                for pool in declared.ipam.config
            ]
            or None,
            ipam_options=declared.ipam.options or None,
            labels=[docker.NetworkLabelArgs(label=key, value=value) for key, value in sorted(labels.items())],
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(args.after), delete_before_replace=True),
        )
        self.name = network.name
        self.register_outputs({"name": self.name})
