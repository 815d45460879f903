"""MacvlanLan: the whole site on one NAS, composed of networks, shims and containers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_docker as docker

from components.containers.container import Endpoint, LanContainer, LanContainerArgs
from components.image_pull import image_pull_hook
from components.inner_network import InnerNetwork, InnerNetworkArgs
from components.network import LanNetwork, LanNetworkArgs
from components.shim import HostShim, HostShimArgs
from components.start_retry import start_retry_hook
from config.declared import DeclaredNetwork, DeclaredVolume
from config.types import DOCKER
from inputs.ssh_access import SshAccess
from install.files import HostFiles
from plan.lan import ImagePlan, LanPlan, images
from plan.project.containers import WholeContainer
from preflight.container_drift import newest
from preflight.snapshot import NasSnapshot

# Containers stand in this many queues, each waiting for the one before it. The plugin then never has more SSH sessions
# under way than one connection takes (docs/upstream-facts.md#openssh-sessions), and more would not be faster
# (docs/upstream-facts.md#docker-start-saturates).
QUEUES = 4


@dataclass(frozen=True)
class SiteNetwork:
    """One network of the site. repairs: what is marked as recreated, and why."""

    plan: LanPlan
    files: HostFiles
    repairs: NasSnapshot


@dataclass(frozen=True)
class MacvlanLanArgs:
    """networks: the site's first one, then the further ones.
    scripts: name → text of the scripts that a command consists of (components/shim.py).
    containers: all of the site, each behind those that it waits for.
    inner: the networks beside the site's own, by Docker's names; None for one that is there and stays others'.
    volumes: those that Docker would not make just so, by Docker's names.
    stack: the value of the labels that say whose a network is, "" for none.
    secrets: container's key → secret environment variables."""

    networks: Sequence[SiteNetwork]
    scripts: Mapping[str, str]
    access: SshAccess
    containers: Sequence[WholeContainer] = ()
    inner: Mapping[str, DeclaredNetwork | None] = field(default_factory=dict)
    volumes: Mapping[str, DeclaredVolume] = field(default_factory=dict)
    secrets: Mapping[str, pulumi.Output[dict[str, str]]] = field(default_factory=dict)
    stack: str = ""


class MacvlanLan(pulumi.ComponentResource):
    """networks, shims: by the networks' keys ("" for the site's first one). summary: what the NAS reported about the
    first network's shim and unit. containers: by the person's own keys."""

    networks: dict[str, LanNetwork]
    shims: dict[str, HostShim]
    summary: pulumi.Output[str]
    containers: dict[str, LanContainer]

    def __init__(self, name: str, args: MacvlanLanArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("macvlan:lan:MacvlanLan", name, {}, opts)
        self._name, self._args = name, args
        self.shims = {}
        for network in args.networks:
            self.shims[network.plan.key] = self._shim(network)
        first = args.networks[0]
        # Without `docker` on the PATH of SSH commands the plugin reaches nothing, at its first call and last.
        needed = [self.shims[""]] if first.files.install.wrapper else []
        provider = docker.Provider(
            f"{name}-docker",
            host=args.access.url,
            ssh_opts=args.access.options,
            opts=pulumi.ResourceOptions(parent=self, depends_on=needed),
        )
        self._on_nas = pulumi.ResourceOptions(parent=self, providers={"docker": provider})
        self.networks = {}
        for network in args.networks:
            self.networks[network.plan.key] = self._network(network)
        self.summary = self.shims[""].summary
        self._inner = {key: self._inner_network(key, declared) for key, declared in args.inner.items()}
        self._volumes = [self._volume(key, declared) for key, declared in args.volumes.items()]
        made = self._images(images([one.service for one in args.containers], args.networks[0].plan.pulled))
        self._start_again = start_retry_hook(f"{name}-start-again", args.access)
        self.containers = {}
        for whole in args.containers:
            self.containers[whole.key] = self._container(whole, made[whole.service.image])
        self.register_outputs({"network_name": self.networks[""].name, "summary": self.summary})

    def _shim(self, network: SiteNetwork) -> HostShim:
        return HostShim(
            _named(self._name, network.plan.key),
            # One after the other, because the NAS takes one change at a time
            HostShimArgs(
                network.plan.shim,
                network.files,
                self._args.scripts,
                self._args.access,
                after=list(self.shims.values())[-1:],
            ),
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _network(self, network: SiteNetwork) -> LanNetwork:
        # Beside the shim, because neither needs the other, unless the shim first removes a network in the way. The
        # networks wait for each other, because the queues of containers leave one SSH session for them.
        repair = network.repairs.repair
        clears = repair is not None and bool(repair.network_to_remove)
        after: list[pulumi.Resource] = [self.shims[network.plan.key]] if clears else []
        after += list(self.networks.values())[-1:]
        return LanNetwork(
            _named(self._name, network.plan.key),
            LanNetworkArgs(network.plan.network, network.repairs.network_repair, after),
            opts=self._on_nas,
        )

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
                platform=plan.platform or None,
                keep_locally=True,  # an image may serve other containers of the NAS too
                # A change of it recreates the resource, which looks up again what the NAS has under that name.
                pull_triggers=[plan.pulled] if plan.pulled else None,
                opts=pulumi.ResourceOptions.merge(self._on_nas, own),
            )
        return images

    def _inner_network(self, name: str, declared: DeclaredNetwork | None) -> pulumi.Input[str]:
        if declared is None:
            return name
        after = list(self.networks.values())[-1:]
        network = InnerNetwork(
            f"{self._name}-{name}", InnerNetworkArgs(declared, self._args.stack, after), opts=self._on_nas
        )
        return network.name

    def _volume(self, name: str, declared: DeclaredVolume) -> docker.Volume:
        own = pulumi.ResourceOptions(
            retain_on_delete=True,  # it holds people's files
            # Docker takes one that is there as it is, and another one would be empty
            ignore_changes=["driver", "driverOpts", "labels"],
        )
        return docker.Volume(
            f"{self._name}-{name}-volume",
            name=declared.name,
            driver=declared.driver,
            driver_opts=declared.driver_opts or None,
            labels=[docker.VolumeLabelArgs(label=key, value=text) for key, text in sorted(declared.labels.items())]
            or None,
            opts=pulumi.ResourceOptions.merge(self._on_nas, own),
        )

    def _container(self, whole: WholeContainer, image: docker.RemoteImage) -> LanContainer:
        repairs = [network.repairs.container_repairs.get(whole.key, "") for network in self._args.networks]
        waited = [self.containers[key] for key in whole.waits_for if key in self.containers]
        first = next((one.plan.shim.ipv4 for one in self._args.networks if one.plan.key in whole.lan), None)
        mounted = {volume.source for volume in whole.service.volumes if volume.type == "volume"}
        return LanContainer(
            f"{self._name}-{whole.key}",
            LanContainerArgs(
                whole,
                endpoints=self._endpoints(whole),
                image_id=image.image_id,
                inner=[(endpoint, self._inner.get(endpoint.network, endpoint.network)) for endpoint in whole.inner],
                others={key: self.containers[key].container for key in whole.waits_for if key in self.containers},
                host=first,
                repaired=newest(repairs),
                secrets=self._args.secrets.get(whole.key),
                # After its shims, so that a container can reach its host when it starts.
                after=[
                    *(self.shims[network] for network in whole.lan),
                    *_ahead(list(self.containers.values())),
                    *waited,
                    *(
                        volume
                        for volume, name in zip(self._volumes, self._args.volumes, strict=True)
                        if name in mounted
                    ),
                ],
                start_retry_hook=self._start_again,
            ),
            opts=self._on_nas,
        )

    def _endpoints(self, whole: WholeContainer) -> list[Endpoint]:
        found: list[Endpoint] = []
        for network, plan in whole.lan.items():
            by_docker = next(one.plan.network.ipv6 == DOCKER for one in self._args.networks if one.plan.key == network)
            ula = plan.ula if by_docker else None
            found.append(Endpoint(plan, network, self.networks[network].name, ula, whole.priorities.get(network)))
        return found


def _named(name: str, key: str) -> str:
    return f"{name}-{key}" if key else name


def _ahead(made: Sequence[pulumi.Resource]) -> Sequence[pulumi.Resource]:
    """The resource that the next one of its kind waits for."""
    return made[-QUEUES:][:1] if len(made) >= QUEUES else ()
