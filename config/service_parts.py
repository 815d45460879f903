"""Types of a service's values, in the specification's long forms (compose/ makes those of the short ones)."""

import math
import re
from decimal import Decimal
from ipaddress import ip_address
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, ValidationInfo

from compose.forms.units import duration_text, nanoseconds, size
from config.problems import as_text, reject
from config.types import Integer, IPv4, IPv6, Mac, Text

MAX_INT = 2**31 - 1  # what the Docker plugin takes as a number
MIB = 2**20


class Strict(BaseModel):
    """Base of everything a person writes: unknown keys are errors, values never change afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _scalar(value: Any) -> str:
    """A value of `environment` or `labels` that is text or a number, but no boolean and no null."""
    if isinstance(value, bool):
        reject(
            "is a YAML boolean (unquoted yes, no, on, off, true, false), and containers get text",
            'quote it as you wrote it: "true", "yes", …',
        )
    if value is None:
        reject("has no value, and nothing is taken from a shell here", "write the value")
    if isinstance(value, (int, float, str)):
        return str(value)
    reject("is not text", "write one value there")


def _mapping(value: Any) -> Any:
    """Both of Compose's forms as a map: the list (`- KEY=value`) and the map (`KEY: value`)."""
    if not isinstance(value, list):
        return value
    pairs: dict[str, str] = {}
    for item in value:
        if not isinstance(item, str):
            reject("has an item that is not KEY=value", "write every item as - KEY=value, or all of them as KEY: value")
        key, equals, text = item.partition("=")
        if not equals:
            shown = key if re.fullmatch(r"[\w.-]+", key) else "KEY"  # anything else may be a password
            reject(f"has no value for {shown}, and nothing is taken from a shell here", f"write - {shown}=value")
        if key in pairs:
            reject(f"has {as_text(key)} twice", "keep one of them")
        pairs[key] = text
    return pairs


def _argv(value: Any) -> Any:
    if isinstance(value, str):
        message = (
            "cannot be split into words: a quote or a backslash has no partner, or a bracket stands outside quotes"
        )
        reject(message, "balance the quotes and put brackets in quotes, or write it as a list")
    if isinstance(value, list) and not any(value):  # null, in Compose too: the image's own
        message = "is empty, which takes away the image's own, and the Docker plugin cannot say that"
        reject(message, "write all of it, or remove the line")
    return value


def _command(value: Any) -> Any:
    """None for an empty one, for which Docker takes the image's own, or none beside an entrypoint of the service."""
    if value == []:
        return None
    value = _argv(value)
    if isinstance(value, list) and "" in value:
        message = "has an empty word, and the Docker plugin takes none in a command"
        reject(message, "write it within a shell's command: sh -c 'program \"\" …'")
    return value


def as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _nanoseconds(value: Any) -> int:
    found = nanoseconds(value)
    if found is None or found < 0:
        reject("is not a duration", "write a number and a unit, as in 30s, 1m30s or 1d")
    return found


def _seconds(value: Any) -> int:
    """Whole seconds, at least 1: the Docker plugin's unit for the time that a container gets to stop."""
    if type(value) is int:
        return max(min(value, MAX_INT), 1)
    return max(min(math.ceil(_nanoseconds(value) / 10**9), MAX_INT), 1)


def _restart(value: Any) -> str:
    if value is False or value == "":
        value = "no"
    if not isinstance(value, str) or not re.fullmatch(r"no|always|unless-stopped|on-failure(:[0-9]{1,6})?", value):
        reject("is not a restart policy", 'write one of "no", always, unless-stopped, on-failure, on-failure:3')
    return value


def _mebibytes(value: Any) -> int:
    found = in_bytes(value)
    if found < MIB or found % MIB:
        near = max(round(found / MIB), 1)
        reject("is not a whole number of mebibytes, the Docker plugin's unit", f"round it, as in {near}m")
    return found // MIB


def _swap(value: Any) -> int:
    """Mebibytes, or -1 for no limit."""
    return -1 if size(value) == -1 else _mebibytes(value)


def in_bytes(value: Any) -> int:
    found = size(value)
    if found is None or found < 0:
        reject("is not a size", "write a number and a unit, as in 512m or 1.5g")
    return found


def _cpus(value: Any) -> str:
    """A number of processors, without the zeros that the plugin would show as a difference."""
    text = str(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else value
    if not isinstance(text, str) or not re.fullmatch(r"[0-9]{1,4}(\.[0-9]{1,9})?", text):
        reject("is not a number of processors", "write it as in 1.5")
    return f"{Decimal(text).normalize():f}"


def _source(kind: str, source: str) -> None:
    """Checks the source of a bind mount and of a named volume."""
    if kind == "bind" and source.startswith("~"):
        message = "starts in the home of whoever runs Compose, and nobody runs it here"
        reject(message, "write the NAS's full path, as in /volume1/homes/me/app")
    if kind == "bind" and not source.startswith("/"):
        message = "is a path relative to the compose file's folder on the NAS, which the site does not name"
        remedy = "write `project_directory:` with that folder beside the file's path in `site.compose:`"
        reject(message, f"{remedy}, or the NAS's full path here")
    if kind == "volume" and not re.fullmatch(r"[a-zA-Z0-9._-]+", source):
        remedy = "write the name of a volume (docker volume ls), or the NAS's full path as a mount of type bind"
        reject("is not the name of a volume", remedy)


def _source_of(value: Any, info: ValidationInfo) -> str:
    if not isinstance(value, str):
        reject("is not text", "write one value there, in quotes if it is made of digits")
    if value:
        _source(info.data.get("type", ""), value)
    return uncoloned(value)


def uncoloned(value: str) -> str:
    if ":" in value:
        reject("has a colon in it, which Docker takes for the end of the path", "use a path without one")
    return value


def absolute(value: str) -> str:
    if not value.startswith("/"):
        reject("is not an absolute path in the container", "start it with /")
    return uncoloned(value)


def _volume(value: Any) -> Any:
    if isinstance(value, str):
        reject("is not SOURCE:TARGET or SOURCE:TARGET:ro", "write it as in /volume1/docker/app:/config")
    return value


def _healthcheck_test(value: Any) -> Any:
    if isinstance(value, list) and value and value[0] not in ("NONE", "CMD", "CMD-SHELL"):
        reject("does not start with NONE, CMD or CMD-SHELL", 'write it as in ["CMD", "wget", "-q", "http://localhost"]')
    return ["CMD-SHELL", value] if isinstance(value, str) else value


def _extra_hosts(value: Any) -> Any:
    if isinstance(value, dict):
        reject("is neither a list nor a map of addresses", "write it as in - nas:192.168.1.10")
    return value


def _extra_host(value: Any) -> tuple[str, str]:
    """`name=address`; host-gateway is Docker's own word. Several names may stand there, as in /etc/hosts."""
    match = re.fullmatch(r"([^:=\s]+(?: +[^:=\s]+)*)[:=]([^\s%]+)", value) if isinstance(value, str) else None
    if match is None:
        reject("is not name:address", "write it as in - nas:192.168.1.10")
    name, address = match.groups()
    try:
        return name, address if address == "host-gateway" else str(ip_address(address))
    except ValueError:
        message = f"has {as_text(address)} where an address is expected, and Docker would not start the container"
        reject(message, "write it as in - nas:192.168.1.10, or host-gateway")


def _ulimits(value: Any) -> Any:
    """NAME: 65535, or NAME: {soft: …, hard: …}"""
    if not isinstance(value, dict):
        return value
    return {name: {"soft": limit, "hard": limit} if isinstance(limit, int) else limit for name, limit in value.items()}


def _service_name_alias(value: bool) -> bool:
    if not value:
        reject("would keep the service's name from the network, and here it is the container's own name", "remove it")
    return value


def _ports(ports: tuple["Port", ...]) -> tuple["Port", ...]:
    seen: set[tuple[int, str]] = set()
    for port in ports:
        if (port.target, port.protocol) in seen:
            message = f"opens {port.target}/{port.protocol} twice, which the Docker plugin would replace in every run"
            reject(message, "keep one of the two")
        seen.add((port.target, port.protocol))
    return ports


def _published(value: Any) -> str | None:
    if value in (None, ""):
        return None
    text = str(value)
    if re.fullmatch(r"[0-9]{1,5}-[0-9]{1,5}", text):
        message = "leaves the choice of a port to Docker, and the Docker plugin takes one port"
        reject(message, f"write one of them, as in {text.partition('-')[0]}")
    if not re.fullmatch(r"[0-9]{1,5}", text):
        reject("is no port of the NAS", "write it as in 8080")
    return text


ExtraHost = Annotated[tuple[str, str], PlainValidator(_extra_host)]
ExtraHosts = Annotated[tuple[ExtraHost, ...], BeforeValidator(_extra_hosts)]
UserOrGroup = Annotated[Text, BeforeValidator(lambda value: str(value) if type(value) is int else value)]
Argv = Annotated[tuple[str, ...], BeforeValidator(_argv)]
Command = Annotated[tuple[str, ...] | None, BeforeValidator(_command)]
StringMap = Annotated[dict[str, Annotated[str, BeforeValidator(_scalar)]], BeforeValidator(_mapping)]
TextList = Annotated[tuple[Text, ...], BeforeValidator(as_list)]
Duration = Annotated[str, BeforeValidator(lambda value: duration_text(_nanoseconds(value)))]
Seconds = Annotated[int, BeforeValidator(_seconds)]
Mebibytes = Annotated[int, BeforeValidator(_mebibytes)]
Swap = Annotated[int, BeforeValidator(_swap)]
Cpus = Annotated[str, BeforeValidator(_cpus)]
Restart = Annotated[str, BeforeValidator(_restart)]
Count = Annotated[Integer, Field(ge=0, le=MAX_INT)]


class BindOptions(Strict):
    """selinux: z or Z; propagation: of mounts below it; create_host_path: whether Docker makes a missing folder."""

    propagation: Literal["private", "rprivate", "shared", "rshared", "slave", "rslave"] | None = None
    selinux: Literal["z", "Z"] | None = None
    create_host_path: bool = True


class VolumeOptions(Strict):
    nocopy: bool = False
    subpath: Text | None = None


class TmpfsOptions(Strict):
    """size: in bytes; mode: of the folder, as a number."""

    size: Annotated[int, BeforeValidator(in_bytes)] | None = None
    mode: Count | None = None


class Volume(Strict):
    """A mount. source: a path on the NAS (bind), or a volume's name (volume), "" for an anonymous one and for tmpfs."""

    type: Literal["bind", "volume", "tmpfs"]
    source: Annotated[str, PlainValidator(_source_of)] = ""
    target: Annotated[Text, AfterValidator(absolute)]
    read_only: bool = False
    bind: BindOptions | None = None
    volume: VolumeOptions | None = None
    tmpfs: TmpfsOptions | None = None

    @property
    def is_plain(self) -> bool:
        """Whether SOURCE:TARGET and a mode say all of it."""
        if self.bind is not None and self.bind.selinux is not None:
            return self.bind.propagation is None  # `z` has no other place
        bind, volume = self.bind or BindOptions(), self.volume or VolumeOptions()
        return self.type != "tmpfs" and (bind, volume) == (BindOptions(), VolumeOptions())


class Port(Strict):
    """target: in the container; published: on the NAS, None for one that Docker chooses; host_ip: "" for all."""

    target: Annotated[Integer, Field(ge=1, le=65535)]
    published: Annotated[str | None, PlainValidator(_published)] = None
    host_ip: str = ""
    protocol: Literal["tcp", "udp", "sctp"] = "tcp"


class Ulimit(Strict):
    soft: Integer
    hard: Integer


class Dependency(Strict):
    condition: Literal["service_started", "service_healthy", "service_completed_successfully"] = "service_started"
    required: bool = True


FILE_FOLDERS = {"configs": "/", "secrets": "/run/secrets/"}  # in the container, for a target that is no full path


class FileMount(Strict):
    """A config or secret of the file, and its path in the container."""

    source: Text
    target: Text | None = None


class Healthcheck(Strict):
    """As in the Compose specification; ``test`` as text runs in the container's shell."""

    test: Annotated[tuple[Text, ...], BeforeValidator(_healthcheck_test)] = ()
    interval: Duration | None = None
    timeout: Duration | None = None
    start_period: Duration | None = None
    start_interval: Duration | None = None
    retries: Count | None = None
    disable: bool = False

    @property
    def is_off(self) -> bool:
        return self.disable or self.test[:1] == ("NONE",)

    @property
    def latest(self) -> float:
        """Seconds after which Docker itself gives a container up, by Docker's defaults for what is not said."""
        interval, timeout = (nanoseconds(text or "30s") or 30 * 10**9 for text in (self.interval, self.timeout))
        retries = 3 if self.retries in (None, 0) else self.retries
        return ((nanoseconds(self.start_period or "0s") or 0) + (interval + timeout) * (retries + 1)) / 10**9


class Logging(Strict):
    driver: Text | None = None
    options: StringMap = Field(default_factory=dict)


class Attachment(Strict):
    """A service's entry under its own `networks:`."""

    ipv4_address: IPv4 | None = None
    ipv6_address: IPv6 | None = None
    mac_address: Mac | None = None
    aliases: tuple[Text, ...] = ()
    driver_opts: StringMap = Field(default_factory=dict)
    link_local_ips: tuple[Text, ...] = ()
    gw_priority: Integer = 0
    use_service_name_alias: Annotated[bool, AfterValidator(_service_name_alias)] = True


def _networks(value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return {name: {} for name in value}
    if isinstance(value, dict):
        return {name: _without_blanks(attachment) for name, attachment in value.items()}
    return value


def _without_blanks(attachment: Any) -> Any:
    """As in Compose, where a variable's default may be none. Of a variable that is missing the person is told."""
    if attachment is None or not isinstance(attachment, dict):
        return attachment or {}
    return {key: one for key, one in attachment.items() if one != "" or getattr(one, "faults", ())}


Ports = Annotated[tuple[Port, ...], AfterValidator(_ports)]
Networks = Annotated[dict[str, Attachment], BeforeValidator(_networks)]
Ulimits = Annotated[dict[str, Ulimit], BeforeValidator(_ulimits)]
Mounts = tuple[Annotated[Volume, BeforeValidator(_volume)], ...]
