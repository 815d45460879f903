"""LanContainer: one container of the site, with its own fixed addresses if it is on the LAN."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pulumi
import pulumi_docker as docker

from components.containers.limits import limits
from components.containers.storage import storage
from config.service import Service
from facts.labels import ADDRESSES, NO_ADDRESS, NONE_ON_THE_LAN, REPAIRED, STACK, write_addresses
from facts.state import LAN_CONTAINER
from plan.project.containers import WholeContainer
from plan.project.endpoints import EndpointPlan
from plan.project.order import SERVICE

# Docker adds to these by itself, or keeps them elsewhere (docs/upstream-facts.md#docker-default-ulimits)
ALTERED = ("ulimits", "security_opt")
NAMESPACES = (("network_mode", "network_mode"), ("ipc_mode", "ipc"), ("pid_mode", "pid"))


@dataclass(frozen=True)
class LanContainerArgs:
    """networks: Docker's names of its networks, as the outputs of the resources that make them.
    others: the containers that it needs, by their keys.
    image_id: of the image on the NAS.
    repaired: when and why the container was recreated, "" for never.
    secrets: variables that are never shown.
    last: the component's output `written` of the last run, "" for none.
    start_retry_hook: see components/start_retry.py; take_over_hook: see components/take_over.py."""

    plan: WholeContainer
    networks: Mapping[str, pulumi.Input[str]]
    image_id: pulumi.Output[str]
    others: Mapping[str, docker.Container] = field(default_factory=dict)
    repaired: str = ""
    secrets: pulumi.Output[dict[str, str]] | None = None
    last: str = ""
    after: Sequence[pulumi.Resource] = field(default_factory=tuple)
    start_retry_hook: pulumi.ErrorHook | None = None
    take_over_hook: pulumi.ResourceHook | None = None


class LanContainer(pulumi.ComponentResource):
    """container: the Docker container itself."""

    container: docker.Container

    def __init__(self, name: str, args: LanContainerArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(LAN_CONTAINER, name, {}, opts)
        plan = args.plan
        written = json.dumps(plan.service.model_dump(include={*ALTERED}), sort_keys=True)
        self.container = docker.Container(
            f"{name}-container",
            name=plan.name,
            image=args.image_id,
            networks_advanced=[_endpoint(one, args.networks[one.network]) for one in plan.endpoints] or None,
            envs=_environment(plan, args.secrets),
            remove_volumes=False,  # anonymous volumes hold people's files too
            ports=_ports(plan.service),
            **_process(plan.service),
            **_waits(plan),
            **storage(plan.service, {key: one.name for key, one in args.others.items()}),
            **_names(plan.service),
            labels=_labels(args),
            **_rights(plan.service),
            **limits(plan.service),
            **_namespaces(plan.service, args.others),
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[*args.after, *args.others.values()],
                delete_before_replace=True,  # only one container can have the name and the addresses
                # The plugin does not apply these in place
                replace_on_changes=["cpu_period", "cpu_quota", "healthcheck", "init", "tmpfs"],
                # If what is asked for is the same, a difference is Docker's
                ignore_changes=["ulimits", "security_opts"] if written == args.last else None,
                hooks=_hooks(args),
            ),
        )
        if plan.ends:
            self.container.exit_code.apply(lambda code: self._warn_of_failure(plan.name, code) if code else None)
        else:
            # If a container ends at once, the plugin reports success, and only this output shows it.
            self.container.must_run.apply(lambda runs: None if runs or runs is None else self._warn(plan.name))
        lan = plan.on_lan
        addresses = {"ipv4": str(lan.ipv4), "ula": lan.ula and str(lan.ula), "mac": lan.mac} if lan is not None else {}
        # Not before the container is there: a run that fails on the way is tried again
        self.register_outputs({**addresses, "written": self.container.id.apply(lambda _: written)})

    def _warn(self, name: str) -> None:
        message = f"{name} was started and does not run any more"
        pulumi.log.warn(
            f"{message}\n-> see `docker logs {name}` on the NAS; the next `pulumi up` starts it again", self
        )

    def _warn_of_failure(self, name: str, code: int) -> None:
        message = f"{name} ended with {code}; what waits for its success was started all the same"
        pulumi.log.warn(f"{message}\n-> see `docker logs {name}` on the NAS", self)


def _hooks(args: LanContainerArgs) -> pulumi.ResourceHookBinding | None:
    if args.start_retry_hook is None and args.take_over_hook is None:
        return None
    return pulumi.ResourceHookBinding(
        before_create=[args.take_over_hook] if args.take_over_hook else None,
        on_error=[args.start_retry_hook] if args.start_retry_hook else None,
    )


def _endpoint(plan: EndpointPlan, name: pulumi.Input[str]) -> docker.ContainerNetworksAdvancedArgs:
    return docker.ContainerNetworksAdvancedArgs(
        name=name,
        aliases=_many(plan.aliases),
        ipv4_address=plan.ipv4 and str(plan.ipv4),
        ipv6_address=plan.ipv6 and str(plan.ipv6),
        mac_address=plan.mac,
        driver_opts=_many(plan.driver_opts),
        link_local_ips=_many(plan.link_local_ips),
        gw_priority=plan.gw_priority,
    )


def _environment(plan: WholeContainer, secrets: pulumi.Output[dict[str, str]] | None) -> Any:
    plain = [_variable(one) for one in sorted(plan.service.environment.items()) if one[0] not in plan.secret]
    hidden = {key: value for key, value in plan.service.environment.items() if key in plan.secret}
    if secrets is None and not hidden:
        return plain
    secrets = secrets or pulumi.Output.secret({})
    return secrets.apply(lambda values: plain + [_variable(one) for one in sorted({**hidden, **values}.items())])


def _variable(item: tuple[str, str]) -> str:
    return "=".join(item)


def _namespaces(service: Service, others: Mapping[str, docker.Container]) -> dict[str, Any]:
    """What it shares with the NAS or with another container. With that one it is recreated, because Docker knows the
    other by its id."""
    found: dict[str, Any] = {}
    for key, written in NAMESPACES:
        mode: str | None = getattr(service, written)
        if mode is not None and mode.startswith(SERVICE):
            found[key] = pulumi.Output.concat("container:", others[mode.removeprefix(SERVICE)].id)
        else:
            found[key] = mode
    return found


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


def _waits(plan: WholeContainer) -> dict[str, Any]:
    """What the making of the container waits for, so that those that depend on it need not look."""
    return {
        "wait": True if plan.wait is not None else None,
        "wait_timeout": plan.wait,
        "attach": True if plan.ends else None,
        "must_run": False if plan.ends else None,
    }


def _labels(args: LanContainerArgs) -> list[docker.ContainerLabelArgs]:
    """The service's labels, and those by which the next preview finds what was changed by hand (facts/labels.py). A ULA
    that the watch loop gives is not in them, so that another one replaces no container."""
    plan = args.plan
    places = [
        (one.lan, (str(one.ipv4), str(one.ipv6 or NO_ADDRESS), str(one.mac)))
        for one in plan.endpoints
        if one.lan is not None
    ]
    labels = {**plan.labels, **plan.service.labels}
    labels[ADDRESSES] = write_addresses(places) or NONE_ON_THE_LAN
    if plan.stack:
        labels[STACK] = plan.stack
    if args.repaired:
        labels[REPAIRED] = args.repaired
    return [docker.ContainerLabelArgs(label=key, value=value) for key, value in sorted(labels.items())]


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
            start_interval=check.start_interval,
            retries=check.retries,
        ),
        "log_driver": service.logging and service.logging.driver,
        "log_opts": (service.logging and service.logging.options) or None,
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
