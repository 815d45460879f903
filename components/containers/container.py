"""LanContainer: one container with its own fixed addresses on the LAN, or one that belongs to these."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Address, IPv6Address
from typing import Any

import pulumi
import pulumi_docker as docker

from components.containers.limits import limits
from components.containers.storage import storage
from config.service import Service
from facts.labels import ADDRESSES, NO_ADDRESS, NONE_ON_THE_LAN, REPAIRED, STACK, write_addresses
from plan.lan import ContainerPlan
from plan.project.containers import InnerEndpoint, WholeContainer

COMPOSE = "com.docker.compose"  # docs/decisions/0029: without a config-hash Compose does not take it for its own
HOST_GATEWAY = "host-gateway"  # Docker's word for the NAS, as seen from its own bridges


@dataclass(frozen=True)
class Endpoint:
    """The container on one of the site's networks. network: "" for the site's first one, else its name; name: the
    LanNetwork's output; docker_ula: the ULA that Docker gives, None if the watch loop does or nobody."""

    plan: ContainerPlan
    network: str
    name: pulumi.Output[str]
    docker_ula: IPv6Address | None
    priority: int | None = None


@dataclass(frozen=True)
class LanContainerArgs:
    """endpoints: on the site's networks; inner: on others, each with the network's name.
    image_id: of the image on the NAS.
    others: the containers that it names (network_mode, ipc, pid, volumes_from), by their keys.
    host: the NAS's address for it, None for Docker's own choice.
    repaired: when and why the container was recreated, "" for never.
    secrets: variables that are never shown.
    start_retry_hook: see components/start_retry.py."""

    whole: WholeContainer
    endpoints: Sequence[Endpoint]
    image_id: pulumi.Output[str]
    inner: Sequence[tuple[InnerEndpoint, pulumi.Input[str]]] = ()
    others: Mapping[str, docker.Container] = field(default_factory=dict)
    host: IPv4Address | None = None
    repaired: str = ""
    secrets: pulumi.Output[dict[str, str]] | None = None
    after: Sequence[pulumi.Resource] = field(default_factory=tuple)
    start_retry_hook: pulumi.ErrorHook | None = None


class LanContainer(pulumi.ComponentResource):
    """container: the Docker container itself."""

    container: docker.Container

    def __init__(self, name: str, args: LanContainerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("macvlan:lan:LanContainer", name, {}, opts)
        whole, service = args.whole, args.whole.service
        networks = [*map(_endpoint, args.endpoints), *(_inner(endpoint, network) for endpoint, network in args.inner)]
        self.container = docker.Container(
            f"{name}-container",
            name=whole.name,
            image=args.image_id,
            networks_advanced=networks or None,
            network_mode=_shared(service.network_mode, args.others),
            ipc_mode=_shared(service.ipc, args.others),
            pid_mode=_shared(service.pid, args.others),
            ports=_ports(service),
            envs=_environment(whole, args.secrets),
            remove_volumes=False,  # anonymous volumes hold people's files too
            **_process(whole),
            **storage(service, {key: one.name for key, one in args.others.items()}),
            **_names(service, args.host),
            labels=_labels(args),
            **_rights(service),
            **limits(service),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=list(args.after),
                delete_before_replace=True,  # only one container can have the name and the addresses
                replace_on_changes=["healthcheck", "init", "tmpfs"],  # the plugin does not apply these in place
                hooks=args.start_retry_hook and pulumi.ResourceHookBinding(on_error=[args.start_retry_hook]),
            ),
        )
        # If a container ends at once, the plugin reports success, and only this output shows it.
        if not whole.completes:
            self.container.must_run.apply(lambda runs: None if runs or runs is None else self._warn(whole.name))
        plan = args.endpoints[0].plan if args.endpoints else None
        addresses = {"ipv4": str(plan.ipv4), "ula": plan.ula and str(plan.ula), "mac": plan.mac} if plan else {}
        self.register_outputs(addresses)

    def _warn(self, name: str) -> None:
        message = f"{name} was started and does not run any more"
        pulumi.log.warn(
            f"{message}\n-> see `docker logs {name}` on the NAS; the next `pulumi up` starts it again", self
        )


def _endpoint(endpoint: Endpoint) -> docker.ContainerNetworksAdvancedArgs:
    plan = endpoint.plan
    return docker.ContainerNetworksAdvancedArgs(
        name=endpoint.name,
        aliases=list(plan.aliases) or None,
        ipv4_address=str(plan.ipv4),
        ipv6_address=endpoint.docker_ula and str(endpoint.docker_ula),
        mac_address=plan.mac,
        driver_opts=list(plan.driver_opts) or None,
        gw_priority=endpoint.priority,
    )


def _inner(endpoint: InnerEndpoint, network: pulumi.Input[str]) -> docker.ContainerNetworksAdvancedArgs:
    place = endpoint.attachment
    return docker.ContainerNetworksAdvancedArgs(
        name=network,
        aliases=list(endpoint.aliases) or None,
        ipv4_address=place.ipv4_address and str(place.ipv4_address),
        ipv6_address=place.ipv6_address and str(place.ipv6_address),
        mac_address=place.mac_address,
        driver_opts=[f"{key}={value}" for key, value in sorted(place.driver_opts.items())] or None,
        link_local_ips=_many(place.link_local_ips),
        gw_priority=place.gw_priority or None,
    )


def _shared(mode: str | None, others: Mapping[str, docker.Container]) -> pulumi.Input[str] | None:
    """service:KEY as the id of that container, which Docker itself writes down: a new one replaces this one, too."""
    if mode is None or not mode.startswith("service:"):
        return mode
    return pulumi.Output.concat("container:", others[mode.removeprefix("service:")].id)


def _ports(service: Service) -> list[docker.ContainerPortArgs] | None:
    """In the order in which the plugin reads them back."""
    ports = sorted(service.ports, key=lambda port: (port.target, port.protocol))
    return [
        docker.ContainerPortArgs(
            internal=port.target,
            external=None if port.published is None else int(port.published),
            ip=port.host_ip or "0.0.0.0",
            protocol=port.protocol,
        )
        for port in ports
    ] or None


def _environment(whole: WholeContainer, secrets: pulumi.Output[dict[str, str]] | None) -> Any:
    """With those that came from an env file or a variable, and those of the config, as a secret."""
    given = sorted(whole.service.environment.items())
    plain = [f"{key}={value}" for key, value in given if key not in whole.secret]
    hidden = {key: value for key, value in given if key in whole.secret}
    if not hidden and secrets is None:
        return plain
    every = pulumi.Output.all(pulumi.Output.secret(hidden), {} if secrets is None else secrets)
    return every.apply(lambda two: plain + [f"{key}={value}" for key, value in sorted({**two[0], **two[1]}.items())])


def _process(whole: WholeContainer) -> dict[str, Any]:
    service = whole.service
    restart, _, retries = service.restart.partition(":")
    check = service.healthcheck
    return {
        "command": _many(service.command),
        "entrypoints": _many(service.entrypoint),
        "working_dir": service.working_dir,
        "restart": restart,
        "max_retry_count": int(retries) if retries else None,
        "init": service.init or None,
        "tty": service.tty or None,
        "stdin_open": service.stdin_open or None,
        "stop_signal": service.stop_signal,
        "stop_timeout": service.stop_grace_period,
        "destroy_grace_seconds": service.stop_grace_period,
        "healthcheck": check
        and docker.ContainerHealthcheckArgs(
            tests=["NONE"] if check.disable else list(check.test),
            interval=check.interval,
            timeout=check.timeout,
            start_period=check.start_period,
            start_interval=check.start_interval,
            retries=check.retries,
        ),
        "wait": True if whole.wait else None,
        "wait_timeout": whole.wait or None,
        "attach": whole.completes or None,
        "must_run": False if whole.completes else None,
        "log_driver": service.logging and service.logging.driver,
        "log_opts": (service.logging and service.logging.options) or None,
    }


def _names(service: Service, host: IPv4Address | None) -> dict[str, Any]:
    """host: in place of host-gateway, which is an address of Docker's bridge that nobody on a macvlan reaches."""
    hosts = [
        (name, str(host) if address == HOST_GATEWAY and host else address) for name, address in service.extra_hosts
    ]
    return {
        "hostname": service.hostname,
        "domainname": service.domainname,
        "dns": [str(address) for address in service.dns] or None,
        "dns_opts": _many(service.dns_opt),
        "dns_searches": _many(service.dns_search),
        "hosts": [docker.ContainerHostArgs(host=host, ip=ip) for host, ip in dict.fromkeys(hosts)] or None,
    }


def _labels(args: LanContainerArgs) -> list[docker.ContainerLabelArgs]:
    """The service's labels, and those by which the next preview finds what was changed by hand (facts/labels.py). A ULA
    that the watch loop gives is not in them, so that another one replaces no container."""
    places = [
        (one.network, (str(one.plan.ipv4), str(one.docker_ula or NO_ADDRESS), str(one.plan.mac)))
        for one in args.endpoints
    ]
    whole = args.whole
    grouped = {f"{COMPOSE}.project": whole.project, f"{COMPOSE}.service": whole.service_name} if whole.project else {}
    labels = {**grouped, **whole.service.labels}
    labels[ADDRESSES] = write_addresses(places) or NONE_ON_THE_LAN
    if whole.stack:
        labels[STACK] = whole.stack
    if args.repaired:
        labels[REPAIRED] = args.repaired
    return [docker.ContainerLabelArgs(label=key, value=value) for key, value in sorted(labels.items())]


def _rights(service: Service) -> dict[str, Any]:
    capabilities = docker.ContainerCapabilitiesArgs(adds=_caps(service.cap_add), drops=_caps(service.cap_drop))
    return {
        "user": service.user,
        "group_adds": _many(service.group_add),
        "privileged": service.privileged or None,
        "capabilities": capabilities if service.cap_add or service.cap_drop else None,
        "security_opts": _many(service.security_opt),
        "sysctls": service.sysctls or None,
        "userns_mode": service.userns_mode,
        "cgroupns_mode": service.cgroup,
    }


def _caps(names: Sequence[str]) -> list[str] | None:
    """CAP_NET_ADMIN, as the plugin reads it back. Another spelling would be a difference at every preview."""
    plain = [name.upper().removeprefix("CAP_") for name in names]
    return [name if name == "ALL" else f"CAP_{name}" for name in plain] or None


def _many(values: Sequence[str] | None) -> list[str] | None:
    return list(values) if values else None
