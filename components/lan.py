"""MacvlanLan: the whole site on one NAS, composed of networks, shims, volumes and containers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi
import pulumi_docker as docker

from components.containers.container import LanContainer, LanContainerArgs
from components.image_pull import image_pull_hook
from components.inner_network import InnerNetwork
from components.network import LanNetwork, LanNetworkArgs
from components.shim import HostShim, HostShimArgs
from components.start_retry import start_retry_hook
from components.take_over import take_over_hook
from config.declared import DeclaredVolume
from inputs.ssh_access import SshAccess
from install.files import HostFiles
from plan.lan import ImagePlan, LanPlan
from plan.project.containers import WholeContainer
from plan.project.declared import InnerNetworkPlan
from plan.project.endpoints import EndpointPlan
from preflight.container_drift import newest
from preflight.projects.take_over import Replaced
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
    containers: each after those that it needs.
    secrets: container's key → secret environment variables.
    inner, volumes: what the containers need beside the site's networks.
    replaced: others' containers that make room for those of these keys.
    written: LanContainer's output of that name in the last run, by the names of these components."""

    networks: Sequence[SiteNetwork]
    scripts: Mapping[str, str]
    access: SshAccess
    containers: Sequence[WholeContainer]
    images: Sequence[ImagePlan]
    secrets: Mapping[str, pulumi.Output[dict[str, str]]] = field(default_factory=dict)
    inner: Sequence[InnerNetworkPlan] = ()
    volumes: Sequence[DeclaredVolume] = ()
    replaced: Mapping[str, Replaced] = field(default_factory=dict)
    written: Mapping[str, str] = field(default_factory=dict)


class MacvlanLan(pulumi.ComponentResource):
    """networks, shims: by the networks' keys ("" for the site's first one). summary: what the NAS reported about the
    first network's shim and unit. inner, volumes: by Docker's names. containers: by the person's own keys."""

    networks: dict[str, LanNetwork]
    shims: dict[str, HostShim]
    inner: dict[str, InnerNetwork]
    volumes: dict[str, docker.Volume]
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
        self.inner, self.volumes = {}, {}
        for inner in args.inner:
            if inner.made:
                self.inner[inner.name] = self._inner_network(inner)
        for volume in args.volumes:
            self.volumes[volume.name] = self._volume(volume)
        made = self._images(args.images)
        self._start_again = start_retry_hook(f"{name}-start-again", args.access)
        self.containers = {}
        for plan in args.containers:
            self.containers[plan.key] = self._container(plan, made)
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

    def _inner_network(self, plan: InnerNetworkPlan) -> InnerNetwork:
        return InnerNetwork(f"{self._name}-{plan.name}", plan, self._before(), opts=self._on_nas)

    def _volume(self, declared: DeclaredVolume) -> docker.Volume:
        """Docker takes an existing volume of the name for the one that is made, with all that is in it. No volume is
        ever changed or removed."""
        labels = sorted(declared.labels.items())
        own = pulumi.ResourceOptions(
            depends_on=self._before(), retain_on_delete=True, ignore_changes=["driver", "driver_opts", "labels"]
        )
        return docker.Volume(
            f"{self._name}-{declared.name}",
            name=declared.name,
            driver=declared.driver,
            driver_opts=declared.driver_opts or None,
            labels=[docker.VolumeLabelArgs(label=key, value=value) for key, value in labels] or None,
            opts=pulumi.ResourceOptions.merge(self._on_nas, own),
        )

    def _before(self) -> list[pulumi.Resource]:
        """The last network or volume, for the next one: they are made one after the other, as the site's networks."""
        return [*self.networks.values(), *self.inner.values(), *self.volumes.values()][-1:]

    def _images(self, plans: Sequence[ImagePlan]) -> dict[tuple[str, str], docker.RemoteImage]:
        """By names and platforms."""
        pull = image_pull_hook(f"{self._name}-pull", self._args.access) if any(plan.again for plan in plans) else None
        images: dict[tuple[str, str], docker.RemoteImage] = {}
        for plan in plans:
            own = pulumi.ResourceOptions(
                depends_on=_ahead(list(images.values())),
                hooks=pulumi.ResourceHookBinding(before_create=[pull]) if pull and plan.again else None,
            )
            images[plan.name, plan.platform] = docker.RemoteImage(
                _named(f"{self._name}-{plan.name}", plan.platform),
                name=plan.name,
                platform=plan.platform or None,
                keep_locally=True,  # an image may serve other containers of the NAS too
                # A change of it recreates the resource, which looks up again what the NAS has under that name.
                pull_triggers=[plan.pulled] if plan.pulled else None,
                opts=pulumi.ResourceOptions.merge(self._on_nas, own),
            )
        return images

    def _container(self, plan: WholeContainer, made: Mapping[tuple[str, str], docker.RemoteImage]) -> LanContainer:
        service = plan.service
        repairs = [network.repairs.container_repairs.get(plan.key, "") for network in self._args.networks]
        # After its shims, so that a container can reach its host when it starts.
        after: list[pulumi.Resource] = [self.shims[one.lan] for one in plan.endpoints if one.lan is not None]
        after += [self.volumes[one.source] for one in service.volumes if one.source in self.volumes]
        return LanContainer(
            f"{self._name}-{plan.key}",
            LanContainerArgs(
                plan=plan,
                networks={one.network: self._network_name(one) for one in plan.endpoints},
                image_id=made[service.image, service.platform or ""].image_id,
                others={key: self.containers[key].container for key in plan.after},
                repaired=newest(repairs),
                secrets=self._args.secrets.get(plan.key),
                last=self._args.written.get(f"{self._name}-{plan.key}", ""),
                after=[*after, *_ahead(list(self.containers.values()))],
                start_retry_hook=self._start_again,
                take_over_hook=self._take_over(plan.key),
            ),
            opts=self._on_nas,
        )

    def _network_name(self, endpoint: EndpointPlan) -> pulumi.Input[str]:
        """As the output of the resource that makes the network, so that the container follows its replacement."""
        if endpoint.lan is not None:
            return self.networks[endpoint.lan].name
        made = self.inner.get(endpoint.network)
        return endpoint.network if made is None else made.name

    def _take_over(self, key: str) -> pulumi.ResourceHook | None:
        replaced = self._args.replaced.get(key)
        return replaced and take_over_hook(f"{self._name}-{key}-take-over", self._args.access, replaced)


def _named(name: str, key: str) -> str:
    return f"{name}-{key}" if key else name


def _ahead(made: Sequence[pulumi.Resource]) -> Sequence[pulumi.Resource]:
    """The resource that the next one of its kind waits for."""
    return made[-QUEUES:][:1] if len(made) >= QUEUES else ()
