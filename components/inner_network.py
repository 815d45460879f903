"""InnerNetwork: a network of the containers beside the LAN, as their Compose file declares it."""

from collections.abc import Sequence

import pulumi
import pulumi_docker as docker

from plan.project.declared import InnerNetworkPlan


class InnerNetwork(pulumi.ComponentResource):
    """name: Docker's, on which its containers depend."""

    name: pulumi.Output[str]

    def __init__(
        self,
        name: str,
        plan: InnerNetworkPlan,
        after: Sequence[pulumi.Resource] = (),
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        super().__init__("macvlan:lan:InnerNetwork", name, {}, opts)
        declared = plan.declared
        network = docker.Network(
            f"{name}-network",
            name=plan.name,
            driver=declared.driver,
            options=declared.driver_opts or None,
            internal=plan.internal or None,
            attachable=declared.attachable or None,
            ipv6=plan.dual or None,  # false would not be sent
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
            labels=[docker.NetworkLabelArgs(label=key, value=value) for key, value in sorted(plan.labels.items())],
            opts=pulumi.ResourceOptions(
                parent=self, depends_on=list(after), delete_before_replace=True, import_=plan.live_id or None
            ),
        )
        self.name = network.name
        self.register_outputs({"name": self.name})
