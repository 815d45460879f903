"""One container as people write it: the Compose specification's own key names, so that a service can be pasted.

A key that is neither here nor in config/projects/specification.py is refused, never ignored. docs/compose.md lists
them all.
"""

import re
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from compose.forms.merging import without_doubles
from compose.forms.short_forms import lengthen_service
from compose.forms.typed import give_service_types
from compose.values import Map, copied, without_extensions
from config.parts.deploy import Deploy, Replicas
from config.parts.devices import BlkioConfig, Devices, Gpus
from config.parts.security import SecurityOption
from config.problems import Problem, as_text, reject
from config.service_parts import (
    Argv,
    Command,
    Count,
    Cpus,
    Dependency,
    ExtraHosts,
    FileMount,
    Healthcheck,
    Logging,
    Mebibytes,
    Mounts,
    Networks,
    Ports,
    Restart,
    Seconds,
    Strict,
    StringMap,
    Swap,
    TextList,
    Ulimits,
    UserOrGroup,
    as_list,
)
from config.types import Address, DockerName, Image, IPv4, IPv6, Mac, Text

# Keys whose values are shown in an error. The others may be a password or contain one, as a command or a label.
_SHOWN = re.compile(
    r"\.(image|container_name|hostname|user|restart|volumes|devices|dns|extra_hosts|ipv[46]_address|mac_address)"
    r"(\[\d+\])?(\.source|\.target)?$"
)


def _pull_policy(value: Any) -> str:
    """Only the values that can be promised here. A pull happens when a person asks for it, and the preview shows it
    first."""
    if value in ("missing", "if_not_present"):
        return "missing"
    if value == "never":
        message = "cannot be promised: the Docker plugin pulls an image that is not on the NAS"
        reject(message, "write `missing`: an image on the NAS is used as it is and never pulled again")
    if value == "build":
        reject("is not supported here, and nothing would be built", "build the image and name it in `image:`")
    reject("is not a pull policy", "write missing, or remove the line")


def _servers(value: Any) -> Any:
    """As in Compose without those that are blank, which variables may be."""
    return [one for one in as_list(value) if one != ""]


def _network_mode(value: str) -> str:
    """Docker's word for what it does by itself is `default`, and later engines read it back as the network's name."""
    return "bridge" if value == "default" else value


def pulls_by_itself(value: Any) -> bool:
    """Whether Compose would pull with that `pull_policy` at each `up` or by the clock."""
    return value in ("always", "daily", "weekly", "refresh") or (isinstance(value, str) and value.startswith("every_"))


class Service(Strict):
    """A container to run. Sizes in MiB, durations as Docker writes them, addresses typed.

    network_mode: what stands in place of networks: none, host, bridge, service:KEY or container:NAME.
    """

    image: Image
    pull_policy: Annotated[Literal["missing"], BeforeValidator(_pull_policy)] | None = None
    platform: Text | None = None
    container_name: DockerName | None = None
    hostname: Text | None = None
    domainname: Text | None = None
    networks: Networks = Field(default_factory=dict)
    network_mode: Annotated[Text, AfterValidator(_network_mode)] | None = None
    ipv4_address: IPv4 | None = None
    ipv6_address: IPv6 | None = None
    mac_address: Mac | None = None
    ports: Ports = ()
    depends_on: dict[str, Dependency] = Field(default_factory=dict)
    links: tuple[Text, ...] = ()
    command: Command = None
    entrypoint: Argv | None = None
    environment: StringMap = Field(default_factory=dict)
    labels: StringMap = Field(default_factory=dict)
    user: UserOrGroup | None = None
    group_add: tuple[UserOrGroup, ...] = ()
    working_dir: Text | None = None
    volumes: Mounts = ()
    volumes_from: tuple[Text, ...] = ()
    configs: tuple[FileMount, ...] = ()
    secrets: tuple[FileMount, ...] = ()
    tmpfs: TextList = ()
    devices: Devices = ()
    blkio_config: BlkioConfig = BlkioConfig()
    device_cgroup_rules: tuple[Text, ...] = ()
    gpus: Gpus = ()
    runtime: Text | None = None
    dns: Annotated[tuple[Address, ...], BeforeValidator(_servers)] = ()
    dns_opt: tuple[Text, ...] = ()
    dns_search: TextList = ()
    extra_hosts: ExtraHosts = ()
    restart: Restart = "no"
    init: bool = False
    tty: bool = False
    stdin_open: bool = False
    privileged: bool = False
    read_only: bool = False
    cap_add: tuple[Text, ...] = ()
    cap_drop: tuple[Text, ...] = ()
    security_opt: tuple[SecurityOption, ...] = ()
    sysctls: StringMap = Field(default_factory=dict)
    ulimits: Ulimits = Field(default_factory=dict)
    ipc: Text | None = None
    pid: Text | None = None
    userns_mode: Text | None = None
    cgroup: Literal["host", "private"] | None = None
    cgroup_parent: Text | None = None
    shm_size: Mebibytes | None = None
    mem_limit: Mebibytes | None = None
    mem_reservation: Mebibytes | None = None
    memswap_limit: Swap | None = None
    cpus: Cpus | None = None
    cpuset: Text | None = None
    cpu_shares: Count | None = None
    cpu_period: Count | None = None
    cpu_quota: Count | None = None
    storage_opt: StringMap = Field(default_factory=dict)
    stop_signal: Text | None = None
    stop_grace_period: Seconds | None = None
    healthcheck: Healthcheck | None = None
    logging: Logging | None = None
    deploy: Deploy | None = None
    scale: Replicas | None = None

    @property
    def is_left_out(self) -> bool:
        """Whether it asks for no container at all."""
        return 0 in (self.scale, 1 if self.deploy is None else self.deploy.replicas)

    def as_deployed(self) -> "Service":
        """With what `deploy:` says of a single container. As in Compose, a limit may stand in both places but not be
        two, devices are added, and the restart policy of `deploy:` wins."""
        if self.deploy is None:
            return self
        limits, reserved = self.deploy.resources.limits, self.deploy.resources.reservations
        found = {"mem_limit": limits.memory, "cpus": limits.cpus, "mem_reservation": reserved.memory}
        update: dict[str, Any] = {key: value for key, value in found.items() if getattr(self, key) is None}
        update["gpus"] = (*self.gpus, *reserved.devices)
        if self.deploy.restart_policy is not None:
            update["restart"] = self.deploy.restart_policy.restart
        return self.model_copy(update={**update, "deploy": None})


def normalise_service(raw: Any, path: str) -> tuple[Any, list[Problem]]:
    """A service of the site itself in the long forms, without its x- keys and with $ for $$, and a problem for every
    variable in it: the site has no env file."""
    if not isinstance(raw, dict):
        return raw, []
    own = without_extensions(copied(raw))
    problems = list(_interpolations(path, own))
    own = _unescape(own)
    lengthen_service(own)
    without_doubles(Map({"services": Map({"own": own})}))
    give_service_types(own)
    for port in own.get("ports") or ():
        if isinstance(port, dict) and port.get("mode") == "ingress":
            del port["mode"]  # of a swarm; the long form of a short one has it
    return own, problems


def _interpolations(path: str, value: Any) -> Iterator[Problem]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _interpolations(f"{path}.{as_text(str(key))}", item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _interpolations(f"{path}[{index}]", item)
    elif isinstance(value, str) and re.search(r"\$(?:[A-Za-z_]|\{)", value.replace("$$", "")):
        message = "has a $variable, and the site has none; a compose file takes them from the .env beside it"
        shown = as_text(value) if _SHOWN.search(path) else ""
        yield Problem(path, shown, message, "write the value ($$ for a plain $)")


def _unescape(value: Any) -> Any:
    pairs: Any = value.items() if isinstance(value, Map) else enumerate(value)
    for key, item in list(pairs):
        if isinstance(item, str):
            value[key] = item.replace("$$", "$")
        elif isinstance(item, (dict, list)):
            _unescape(item)
    return value
