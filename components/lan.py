"""MacvlanLan: the whole site on one NAS, composed of network, shim and containers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_docker as docker

from components.container import LanContainer, LanContainerArgs
from components.image_pull import image_pull_hook
from components.network import LanNetwork, LanNetworkArgs
from components.shim import HostShim, HostShimArgs
from components.start_retry import start_retry_hook
from config.service import Service
from inputs.ssh_access import SshAccess
from install.files import HostFiles
from plan.lan import ContainerPlan, ImagePlan, LanPlan
from preflight.snapshot import NasSnapshot

# Containers stand in this many queues, each waiting for the one before it. The plugin then never has more SSH sessions
# under way than one connection takes (docs/upstream-facts.md#openssh-sessions), and more would not be faster
# (docs/upstream-facts.md#docker-start-saturates).
QUEUES = 4


@dataclass(frozen=True)
class MacvlanLanArgs:
    """scripts: name → text of the scripts that a command consists of (components/shim.py).
    repairs: what is marked as recreated, and why.
    secrets: container's key → secret environment variables."""

    plan: LanPlan
    files: HostFiles
    scripts: Mapping[str, str]
    access: SshAccess
    repairs: NasSnapshot
    secrets: Mapping[str, pulumi.Output[dict[str, str]]] = field(default_factory=dict)


class MacvlanLan(pulumi.ComponentResource):
    """summary: what the NAS reported about shim and unit; containers: by the person's own keys."""

    network: LanNetwork
    shim: HostShim
    summary: pulumi.Output[str]
    containers: dict[str, LanContainer]

    def __init__(self, name: str, args: MacvlanLanArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("macvlan:lan:MacvlanLan", name, {}, opts)
        self._name, self._args = name, args
        repairs = args.repairs
        self.shim = HostShim(
            name,
            HostShimArgs(args.plan.shim, args.files, args.scripts, args.access),
            opts=pulumi.ResourceOptions(parent=self),
        )
        # Without `docker` on the PATH of SSH commands the plugin reaches nothing, at its first call and last.
        needed = [self.shim] if args.files.install.wrapper else []
        provider = docker.Provider(
            f"{name}-docker",
            host=args.access.url,
            ssh_opts=args.access.options,
            opts=pulumi.ResourceOptions(parent=self, depends_on=needed),
        )
        self._on_nas = pulumi.ResourceOptions(parent=self, providers={"docker": provider})
        # Beside the shim, because neither needs the other, unless the shim first removes a network in the way.
        clears = repairs.repair is not None and bool(repairs.repair.network_to_remove)
        self.network = LanNetwork(
            name,
            LanNetworkArgs(args.plan.network, repairs.network_repair, (self.shim,) if clears else ()),
            opts=self._on_nas,
        )
        self.summary = self.shim.summary
        images = self._images(args.plan.images)
        self._start_again = start_retry_hook(f"{name}-start-again", args.access)
        self.containers = {}
        for plan in args.plan.containers:
            if plan.service is not None:
                # After the shim, so that a container can reach its host when it starts.
                after = [self.shim, *_ahead(list(self.containers.values()))]
                self.containers[plan.key] = self._container(plan, plan.service, images, after)
        self.register_outputs({"network_name": self.network.name, "summary": self.summary})

    def _images(self, plans: Sequence[ImagePlan]) -> dict[str, docker.RemoteImage]:
        pull = image_pull_hook(f"{self._name}-pull", self._args.access) if any(plan.again for plan in plans) else None
        images: dict[str, docker.RemoteImage] = {}
        for plan in plans:
            own = pulumi.ResourceOptions(
                depends_on=_ahead(list(images.values())),
                hooks=pulumi.ResourceHookBinding(before_create=[pull]) if pull and plan.again else None,
            )
            images[plan.name] = docker.RemoteImage(
                f"{self._name}-{plan.name}",
                name=plan.name,
                keep_locally=True,  # an image may serve other containers of the NAS too
                # A change of it recreates the resource, which looks up again what the NAS has under that name.
                pull_triggers=[plan.pulled] if plan.pulled else None,
                opts=pulumi.ResourceOptions.merge(self._on_nas, own),
            )
        return images

    def _container(
        self,
        plan: ContainerPlan,
        service: Service,
        images: Mapping[str, docker.RemoteImage],
        after: list[pulumi.Resource],
    ) -> LanContainer:
        return LanContainer(
            f"{self._name}-{plan.key}",
            LanContainerArgs(
                plan=plan,
                service=service,
                image_id=images[service.image].image_id,
                network_name=self.network.name,
                repaired=self._args.repairs.container_repairs.get(plan.key, ""),
                secrets=self._args.secrets.get(plan.key),
                after=after,
                start_retry_hook=self._start_again,
            ),
            opts=self._on_nas,
        )


def _ahead(made: Sequence[pulumi.Resource]) -> Sequence[pulumi.Resource]:
    """The resource that the next one of its kind waits for."""
    return made[-QUEUES:][:1] if len(made) >= QUEUES else ()
