"""LanContainer: one container with its own fixed addresses on each of its networks."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from ipaddress import IPv6Address
from typing import Any

import pulumi
import pulumi_docker as docker

from config.service import Service
from facts.labels import ADDRESSES, NO_ADDRESS, REPAIRED, STACK, write_addresses
from plan.lan import ContainerPlan


@dataclass(frozen=True)
class Endpoint:
    """The container on one network. network: "" for the site's first one, else its name; name: the LanNetwork's
    output; docker_ula: the ULA that Docker gives, None if the watch loop does or nobody."""

    plan: ContainerPlan
    network: str
    name: pulumi.Output[str]
    docker_ula: IPv6Address | None


@dataclass(frozen=True)
class LanContainerArgs:
    """endpoints: at least one.
    image_id: of the image on the NAS.
    repaired: when and why the container was recreated, "" for never.
    secrets: variables that are never shown.
    start_retry_hook: see components/start_retry.py."""

    endpoints: Sequence[Endpoint]
    service: Service
    image_id: pulumi.Output[str]
    repaired: str = ""
    secrets: pulumi.Output[dict[str, str]] | None = None
    after: Sequence[pulumi.Resource] = field(default_factory=tuple)
    start_retry_hook: pulumi.ErrorHook | None = None


class LanContainer(pulumi.ComponentResource):
    """container: the Docker container itself."""

    container: docker.Container

    def __init__(self, name: str, args: LanContainerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("macvlan:lan:LanContainer", name, {}, opts)
        plan, service = args.endpoints[0].plan, args.service
        self.container = docker.Container(
            f"{name}-container",
            name=plan.name,
            image=args.image_id,
            networks_advanced=[_endpoint(endpoint) for endpoint in args.endpoints],
            envs=_environment(service, args.secrets),
            remove_volumes=False,  # anonymous volumes hold people's files too
            **_process(service),
            **_storage(service),
            **_names(service),
            labels=_labels(args),
            **_rights(service),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=list(args.after),
                delete_before_replace=True,  # only one container can have the name and the addresses
                replace_on_changes=["healthcheck", "init", "tmpfs"],  # the plugin does not apply these in place
                hooks=args.start_retry_hook and pulumi.ResourceHookBinding(on_error=[args.start_retry_hook]),
            ),
        )
        # If a container ends at once, the plugin reports success, and only this output shows it.
        self.container.must_run.apply(lambda runs: None if runs or runs is None else self._warn(plan.name))
        self.register_outputs({"ipv4": str(plan.ipv4), "ula": plan.ula and str(plan.ula), "mac": plan.mac})

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
    )


def _environment(service: Service, secrets: pulumi.Output[dict[str, str]] | None) -> Any:
    plain = [f"{key}={value}" for key, value in sorted(service.environment.items())]
    if secrets is None:
        return plain
    return secrets.apply(lambda values: plain + [f"{key}={value}" for key, value in sorted(values.items())])


def _process(service: Service) -> dict[str, Any]:
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
            retries=check.retries,
        ),
        "log_driver": service.logging and service.logging.driver,
        "log_opts": (service.logging and service.logging.options) or None,
    }


def _storage(service: Service) -> dict[str, Any]:
    return {
        "volumes": [
            docker.ContainerVolumeArgs(
                host_path=volume.source if volume.type == "bind" else None,
                volume_name=volume.source if volume.type == "volume" else None,
                container_path=volume.target,
                read_only=volume.read_only or None,
            )
            for volume in service.volumes
        ]
        or None,
        "tmpfs": {path: options for path, _, options in (text.partition(":") for text in service.tmpfs)} or None,
        "devices": [_device(text) for text in service.devices] or None,
        "shm_size": service.shm_size,
        "memory": service.mem_limit,
        # Docker's default beside `memory`. Left out, it would be a difference at every preview.
        "memory_swap": service.mem_limit and 2 * service.mem_limit,
        "read_only": service.read_only or None,
    }


def _names(service: Service) -> dict[str, Any]:
    return {
        "hostname": service.hostname,
        "domainname": service.domainname,
        "dns": [str(address) for address in service.dns] or None,
        "dns_opts": _many(service.dns_opt),
        "dns_searches": _many(service.dns_search),
        "hosts": [docker.ContainerHostArgs(host=host, ip=ip) for host, ip in dict.fromkeys(service.extra_hosts)]
        or None,
    }


def _labels(args: LanContainerArgs) -> list[docker.ContainerLabelArgs]:
    """The service's labels, and those by which the next preview finds what was changed by hand (facts/labels.py). A ULA
    that the watch loop gives is not in them, so that another one replaces no container."""
    places = [
        (one.network, (str(one.plan.ipv4), str(one.docker_ula or NO_ADDRESS), str(one.plan.mac)))
        for one in args.endpoints
    ]
    labels = {**args.service.labels, ADDRESSES: write_addresses(places)}
    if stack := args.endpoints[0].plan.stack:
        labels[STACK] = stack
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
    }


def _caps(names: Sequence[str]) -> list[str] | None:
    """CAP_NET_ADMIN, as the plugin reads it back. Another spelling would be a difference at every preview."""
    plain = [name.upper().removeprefix("CAP_") for name in names]
    return [name if name == "ALL" else f"CAP_{name}" for name in plain] or None


def _many(values: Sequence[str] | None) -> list[str] | None:
    return list(values) if values else None


def _device(text: str) -> docker.ContainerDeviceArgs:
    host, *rest = text.split(":")
    target = next((part for part in rest if part.startswith("/")), host)
    rights = next((part for part in rest if not part.startswith("/")), "rwm")
    return docker.ContainerDeviceArgs(host_path=host, container_path=target, permissions=rights)
