"""What each resource type takes and gives, as data: check and diff are driven by these tables.

A property that is missing here is an error in Check, never ignored. Source: the resource schemas of the bridged
Terraform provider (force-new, defaults) and the types of pulumi-docker 5.2.0 (names, which outputs are computed).
"""

import base64
import ipaddress
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from .durations import parse_go_duration

Complaint = Callable[[Any], str | None]
"""Takes a known, non-null value of the right type; says what is wrong with it, or None."""


@dataclass(frozen=True)
class Prop:
    """One property.

    kind: str | int | bool | map (of str) | list | set | object.
    computed: the daemon fills it in when the program does not.
    force_new: a change replaces the resource.
    empty_is_unset: "" means "whatever it is now" (the Terraform provider suppresses that diff).
    """

    kind: str
    force_new: bool = False
    computed: bool = False
    required: bool = False
    default: Any = None
    elem: "Prop | None" = None
    fields: Mapping[str, "Prop"] = field(default_factory=dict)
    complaint: Complaint | None = None
    empty_is_unset: bool = False


@dataclass(frozen=True)
class Resource:
    """A resource type. `outputs` names the properties that only the provider sets."""

    token: str
    inputs: Mapping[str, Prop]
    outputs: frozenset[str]
    meta: str
    autonamed: bool
    always_delete_first: bool = False


def one_of(*choices: str) -> Complaint:
    """Complains about a string that is not among the choices."""
    return lambda v: None if v in choices else f"must be one of {', '.join(choices)}, not {v!r}"


def at_least(low: int) -> Complaint:
    """Complains about an integer below the bound."""
    return lambda v: None if v >= low else f"must be at least {low}, not {v}"


def matches(pattern: str, what: str) -> Complaint:
    """Complains about a string that does not match the whole pattern."""
    return lambda v: None if re.fullmatch(pattern, v) else f"must be {what}, not {v!r}"


def duration(value: str) -> str | None:
    """Complains about anything that Go's time.ParseDuration refuses or that is negative."""
    try:
        nanos = parse_go_duration(value)
    except ValueError as err:
        return f"{err}; write it like 30s or 1m30s"
    return None if nanos >= 0 else f"must not be negative, is {value!r}"


def base64_text(value: str) -> str | None:
    """Complains about what is no base64."""
    try:
        base64.b64decode(value, validate=True)
    except ValueError:
        return "is not base64"
    return None


def ip_address(value: str) -> str | None:
    """Complains about a text that is no IP address."""
    try:
        ipaddress.ip_address(value)
    except ValueError:
        return f"{value!r} is not an IP address"
    return None


STR, INT, BOOL, MAP = Prop("str"), Prop("int"), Prop("bool"), Prop("map")
STRINGS = Prop("list", elem=STR)
STRING_SET = Prop("set", elem=STR)


def new(prop: Prop) -> Prop:
    """The same property, but a change of it replaces the resource."""
    return replace(prop, force_new=True)


def filled(prop: Prop) -> Prop:
    """The same property, filled in by the daemon when it is absent."""
    return replace(prop, computed=True)


def required(prop: Prop) -> Prop:
    """The same property, which must be given."""
    return replace(prop, required=True)


def with_default(prop: Prop, value: Any) -> Prop:
    """The same property with a default that Check puts into the inputs."""
    return replace(prop, default=value)


def checked(prop: Prop, complaint: Complaint) -> Prop:
    """The same property with a test on its value."""
    return replace(prop, complaint=complaint)


def objects(kind: str, **fields: Prop) -> Prop:
    """A list or set of objects; in the Terraform provider a change inside one counts as the property's change."""
    return Prop(kind, elem=Prop("object", fields=fields))


LABELS = objects("set", label=required(STR), value=required(STR))

NETWORK = Resource(
    token="docker:index/network:Network",
    inputs={
        "attachable": new(BOOL),
        "driver": new(filled(STR)),
        "ingress": new(BOOL),
        "internal": new(filled(BOOL)),
        "ipamConfigs": new(filled(objects("set", auxAddress=MAP, gateway=STR, ipRange=STR, subnet=STR))),
        "ipamDriver": new(with_default(STR, "default")),
        "ipamOptions": new(MAP),
        "ipv6": new(BOOL),
        "labels": new(LABELS),
        "name": new(required(STR)),
        "options": new(filled(MAP)),
    },
    outputs=frozenset({"scope"}),
    meta='{"schema_version":"1"}',
    autonamed=True,
)

VOLUME = Resource(
    token="docker:index/volume:Volume",
    inputs={
        "driver": new(filled(STR)),
        "driverOpts": new(MAP),
        "labels": new(LABELS),
        "name": new(filled(STR)),
    },
    outputs=frozenset({"mountpoint"}),
    meta='{"schema_version":"1"}',
    autonamed=True,
)

REMOTE_IMAGE = Resource(
    token="docker:index/remoteImage:RemoteImage",
    inputs={
        "forceRemove": BOOL,
        "keepLocally": BOOL,
        "name": new(required(STR)),
        "platform": new(with_default(STR, "")),
        "pullTriggers": new(STRING_SET),
        "triggers": new(MAP),
    },
    outputs=frozenset({"imageId", "repoDigest"}),
    # 20 minutes in nanoseconds for create, delete and update: the key is Terraform's own for timeouts.
    meta='{"e2bfb730-ecaa-11e6-8f88-34363bc7c4c0":{"create":1200000000000,"delete":1200000000000,'
    '"update":1200000000000}}',
    autonamed=False,
)

_HEALTHCHECK = Prop(
    "object",
    computed=True,
    force_new=True,  # since Terraform's provider 4.1 (kreuzwerker/terraform-provider-docker #989)
    fields={
        "interval": checked(with_default(STR, "0s"), duration),
        "retries": checked(with_default(INT, 0), at_least(0)),
        "startInterval": checked(with_default(STR, "0s"), duration),
        "startPeriod": checked(with_default(STR, "0s"), duration),
        "tests": STRINGS,
        "timeout": checked(with_default(STR, "0s"), duration),
    },
)
_MOUNTS = objects(
    "set",
    bindOptions=Prop(
        "object",
        fields={
            "propagation": checked(STR, one_of("private", "rprivate", "shared", "rshared", "slave", "rslave")),
        },
    ),
    readOnly=BOOL,
    source=STR,
    target=required(STR),
    tmpfsOptions=Prop("object", fields={"mode": INT, "sizeBytes": INT}),
    type=required(checked(STR, one_of("bind", "volume", "tmpfs"))),
    volumeOptions=Prop(
        "object",
        fields={"driverName": STR, "driverOptions": MAP, "labels": LABELS, "noCopy": BOOL, "subpath": STR},
    ),
)
_NETWORKS = objects(
    "set",
    aliases=STRING_SET,
    driverOpts=STRING_SET,
    gwPriority=INT,
    ipv4Address=checked(STR, ip_address),
    ipv6Address=checked(STR, ip_address),
    linkLocalIps=STRING_SET,
    macAddress=STR,
    name=required(STR),
)
_VOLUMES = objects(
    "set",
    containerPath=STR,
    fromContainer=STR,
    hostPath=checked(STR, matches(r"/.*|[a-zA-Z]:[\\/].*", "an absolute path")),
    readOnly=BOOL,
    selinuxRelabel=checked(STR, one_of("z", "Z")),
    volumeName=STR,
)
_PORTS = objects(
    "list",
    external=filled(INT),
    internal=required(INT),
    ip=with_default(STR, "0.0.0.0"),
    protocol=with_default(STR, "tcp"),
)
_THROTTLES = objects("set", path=required(STR), rate=required(checked(INT, at_least(0))))
_DEVICE_REQUESTS = objects("set", capabilities=STRING_SET, count=INT, deviceIds=STRING_SET, driver=STR, options=MAP)
# A name is looked up among the users of the machine that runs the plugin, which means nothing on the NAS.
_ID = checked(STR, matches(r"\d+", "a number"))
_UPLOADS = objects(
    "set",
    content=STR,
    contentBase64=checked(STR, base64_text),
    executable=with_default(BOOL, False),
    file=required(STR),
    group=_ID,
    owner=_ID,
    permissions=checked(STR, matches(r"0[0-7]{3}", "four octal digits like 0644")),
    source=STR,
    sourceHash=STR,
)

CONTAINER = Resource(
    token="docker:index/container:Container",
    inputs={
        "attach": with_default(BOOL, False),
        "capabilities": new(Prop("object", fields={"adds": STRING_SET, "drops": STRING_SET})),
        "cgroupParent": new(STR),
        "cgroupnsMode": new(STR),
        "command": new(filled(STRINGS)),
        "containerReadRefreshTimeoutMilliseconds": with_default(INT, 15000),
        "cpuPeriod": checked(INT, at_least(0)),
        "cpuQuota": checked(INT, at_least(0)),
        "cpuSet": checked(STR, matches(r"\d+([,-]\d+)*", "a list of CPUs like 0-1 or 0,2")),
        "cpuShares": checked(INT, at_least(0)),
        "cpus": new(STR),
        "destroyGraceSeconds": INT,
        "deviceCgroupRules": new(STRING_SET),
        "deviceReadBps": _THROTTLES,
        "deviceReadIops": _THROTTLES,
        "deviceRequests": new(_DEVICE_REQUESTS),
        "deviceWriteBps": _THROTTLES,
        "deviceWriteIops": _THROTTLES,
        "devices": new(objects("set", containerPath=STR, hostPath=required(STR), permissions=STR)),
        "dns": new(STRING_SET),
        "dnsOpts": new(STRING_SET),
        "dnsSearches": new(STRING_SET),
        "domainname": new(STR),
        "entrypoints": new(filled(STRINGS)),
        "envs": new(filled(STRING_SET)),
        "gpus": new(STR),
        "groupAdds": new(STRING_SET),
        "healthcheck": _HEALTHCHECK,
        "hostname": new(filled(STR)),
        "hosts": new(objects("set", host=required(STR), ip=required(STR))),
        "image": new(required(STR)),
        "init": filled(BOOL),
        "ipcMode": new(filled(STR)),
        "labels": new(filled(LABELS)),
        "logDriver": new(filled(STR)),
        "logOpts": new(MAP),
        "logs": with_default(BOOL, False),
        "maxRetryCount": INT,
        "memory": checked(INT, at_least(0)),
        "memoryReservation": checked(INT, at_least(0)),
        "memorySwap": checked(INT, at_least(-1)),
        "mounts": new(_MOUNTS),
        "mustRun": with_default(BOOL, True),
        "name": new(required(STR)),
        "networkMode": new(with_default(STR, "bridge")),
        "networksAdvanced": new(_NETWORKS),
        "pidMode": new(STR),
        "platform": new(filled(STR)),
        "ports": new(_PORTS),
        "privileged": new(BOOL),
        "publishAllPorts": new(BOOL),
        "readOnly": new(with_default(BOOL, False)),
        "removeVolumes": with_default(BOOL, True),
        "restart": checked(with_default(STR, "no"), one_of("no", "on-failure", "always", "unless-stopped")),
        "rm": with_default(BOOL, False),
        "runtime": new(filled(STR)),
        "securityOpts": new(filled(STRING_SET)),
        "shmSize": new(filled(checked(INT, at_least(0)))),
        "start": with_default(BOOL, True),
        "stdinOpen": new(with_default(BOOL, False)),
        "stopSignal": new(filled(STR)),
        "stopTimeout": new(filled(INT)),
        "storageOpts": new(MAP),
        "sysctls": new(MAP),
        "tmpfs": MAP,
        "tty": new(with_default(BOOL, False)),
        "ulimits": new(objects("set", hard=required(INT), name=required(STR), soft=required(INT))),
        "uploads": new(_UPLOADS),
        "user": new(replace(STR, empty_is_unset=True)),
        "usernsMode": new(STR),
        "volumes": new(_VOLUMES),
        "wait": with_default(BOOL, False),
        "waitTimeout": with_default(INT, 60),
        "workingDir": new(replace(STR, empty_is_unset=True)),
    },
    outputs=frozenset({"bridge", "containerLogs", "exitCode", "networkDatas"}),
    meta='{"schema_version":"2"}',
    autonamed=True,
    always_delete_first=True,
)

RESOURCES: Mapping[str, Resource] = {r.token: r for r in (NETWORK, CONTAINER, REMOTE_IMAGE, VOLUME)}
