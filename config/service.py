"""One container as people write it: the Compose specification's own key names, so that a service can be pasted.

A key that is not here is refused, never ignored. docs/guide.md lists the keys; a test compares it with these models.
"""

import math
import re
import shlex
from collections.abc import Iterator
from decimal import Decimal
from ipaddress import ip_address
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainValidator, ValidationInfo

from config.problems import Problem, as_text, reject
from config.types import Address, DockerName, Image, Integer, IPv4, IPv6, Mac, Text

# Keys whose values are shown in an error. The others may be a password or contain one, as a command or a label.
_SHOWN = re.compile(
    r"\.(image|container_name|hostname|user|restart|volumes|devices|dns|extra_hosts|ipv[46]_address|mac_address)"
    r"(\[\d+\])?(\.source|\.target)?$"
)
MAX_INT = 2**31 - 1  # what the Docker plugin takes as a number

REMEDIES = {
    "ports": "remove it: the container has an address of its own, and every port it listens on is there",
    "expose": "remove it: the container has an address of its own, and every port it listens on is there",
    "network_mode": "remove it: the container joins this site's network",
    "env_file": "write its lines under `environment:`; secrets go to `pulumi config set --secret`, see docs/guide.md",
    "build": "build the image, push it to a registry and name it in `image:`",
    "depends_on": "remove it: containers of this site start on their own; let the program inside retry",
    "links": "remove it: reach the other container at its address",
    "deploy": "remove it; for a memory limit use `mem_limit:`",
    "extends": "write the merged service out (`docker compose config` prints it)",
    "profiles": "remove it, or keep the service out of this file",
    "gateway": "move it under `ula:` (IPv6) or `lan:` (IPv4)",
}


def normalise_service(raw: Any, path: str) -> tuple[Any, list[Problem]]:
    """A service without its x- keys and with $ for $$, and a problem for every variable in it."""
    if not isinstance(raw, dict):
        return raw, []
    own = {key: value for key, value in raw.items() if not str(key).startswith("x-")}
    return _unescape(own), list(_interpolations(path, own))


def _interpolations(path: str, value: Any) -> Iterator[Problem]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from _interpolations(f"{path}.{as_text(str(key))}", item)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _interpolations(f"{path}[{index}]", item)
    elif isinstance(value, str) and "$" in value.replace("$$", ""):
        message = "has a $variable, which Compose would take from an .env file or a shell; this program has neither"
        shown = as_text(value) if _SHOWN.search(path) else ""
        yield Problem(path, shown, message, "write the value ($$ for a plain $)")


def _unescape(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _unescape(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_unescape(item) for item in value]
    return value.replace("$$", "$") if isinstance(value, str) else value


class Strict(BaseModel):
    """Base of everything a person writes: unknown keys are errors, values never change afterwards."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _scalar(value: Any) -> str:
    """A value of `environment` or `labels` that Compose takes: text or a number, but no boolean and no null."""
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
        try:
            value = shlex.split(value)
        except ValueError as error:
            reject(f"cannot be split into words: {error}", "balance the quotes, or write it as a list")
    if isinstance(value, list) and not any(value):  # null, in Compose too: the image's own
        message = "is empty; Compose would then clear the image's own value, which the Docker provider cannot express"
        reject(message, "write all of it, or remove the line")
    return value


def _as_list(value: Any) -> Any:
    return value if isinstance(value, list) else [value]


def _microseconds(value: Any) -> int:
    if not isinstance(value, str) or not re.fullmatch(r"([0-9]{1,9}(\.[0-9]{1,9})?(h|ms|m|s|us)){1,5}", value):
        reject("is not a duration", "write a number and a unit, as in 30s or 1m30s")
    units = {"h": 3_600_000_000, "m": 60_000_000, "s": 1_000_000, "ms": 1000, "us": 1}
    return round(sum(Decimal(number) * units[unit] for number, unit in re.findall(r"([0-9.]+)(h|ms|m|s|us)", value)))


def _duration(value: Any) -> str:
    """As Docker prints it (1m30s for 90s), because another spelling would be a difference at every preview."""
    total = _microseconds(value)
    if total == 0:
        return "0s"
    if total < 1_000_000:
        return f"{(Decimal(total) / 1000).normalize():f}ms"
    minutes, seconds = divmod(Decimal(total) / 1_000_000, 60)
    hours, minutes = divmod(int(minutes), 60)
    shown = f"{seconds.normalize():f}s"
    return f"{hours}h{minutes}m{shown}" if hours else f"{minutes}m{shown}" if minutes else shown


def _seconds(value: Any) -> int:
    """Whole seconds, at least 1: the Docker plugin's unit for the time that a container gets to stop."""
    if type(value) is int:
        return max(min(value, MAX_INT), 1)
    return max(min(math.ceil(_microseconds(value) / 1_000_000), MAX_INT), 1)


def _restart(value: Any) -> str:
    if value is False:
        reject("is the YAML boolean false (unquoted no)", 'quote it: restart: "no"')
    if not isinstance(value, str) or not re.fullmatch(r"no|always|unless-stopped|on-failure(:[0-9]{1,6})?", value):
        reject("is not a restart policy", 'write one of "no", always, unless-stopped, on-failure, on-failure:3')
    return value


def _pull_policy(value: Any) -> str:
    """Only the values that can be promised here. A pull happens when a person asks for it, and the preview shows it
    first."""
    again = "remove the line; `pulumi up -c macvlan-ipv6:imagesPulled=<date>` pulls it whenever you say so"
    if value in ("missing", "if_not_present"):
        return "missing"
    if value == "always":
        reject("would pull in every `pulumi up`, which then has a change at every preview", again)
    if value in ("daily", "weekly") or (isinstance(value, str) and value.startswith("every_")):
        reject("would pull by the clock, so that the same site changes the NAS on one day and not on another", again)
    if value == "never":
        message = "cannot be promised: the Docker plugin pulls an image that is not on the NAS"
        reject(message, "write `missing`: an image on the NAS is used as it is and never pulled again")
    if value == "build":
        reject("is not supported here, and nothing would be built", REMEDIES["build"])
    reject("is not a pull policy", "write missing, or remove the line")


def _mebibytes(value: Any) -> int:
    match = re.fullmatch(r"([0-9]{1,15})\s*([kmg]?)b?", str(value).strip().lower())
    if isinstance(value, bool) or match is None:
        reject("is not a size", "write a number and a unit, as in 512m or 1g")
    size = int(match[1]) * {"": 1, "k": 2**10, "m": 2**20, "g": 2**30}[match[2]]
    if size < 2**20 or size % 2**20:
        reject("is not a whole number of mebibytes, the Docker plugin's unit", "round it to one, as in 512m")
    return size // 2**20


def _volume(value: Any) -> Any:
    """Short syntax SOURCE:TARGET[:MODE] to the long one."""
    if not isinstance(value, str):
        return value
    parts = value.split(":")
    if len(parts) not in (2, 3):
        reject("is not SOURCE:TARGET or SOURCE:TARGET:ro", "write it as in /volume1/docker/app:/config")
    source, target, mode = parts[0], parts[1], parts[2] if len(parts) == 3 else "rw"
    if mode not in ("ro", "rw"):
        reject(f"has the mode {as_text(mode)}", "use ro or rw")
    kind = "bind" if source.startswith(("/", ".", "~")) else "volume"
    _source(kind, source)
    return {"type": kind, "source": source, "target": target, "read_only": mode == "ro"}


def _source(kind: str, source: str) -> None:
    """Checks the source of a bind mount and of a named volume."""
    if kind == "bind" and not source.startswith("/"):
        reject("is a path relative to a folder of the laptop, but it is used on the NAS", "write the NAS's full path")
    if kind == "volume" and not re.fullmatch(r"[a-zA-Z0-9._-]+", source):
        remedy = "write the name of a volume (docker volume ls), or the NAS's full path as a mount of type bind"
        reject("is not the name of a volume", remedy)


def _source_of(value: str, info: ValidationInfo) -> str:
    _source(info.data.get("type", ""), value)
    return _uncoloned(value)


def _uncoloned(value: str) -> str:
    if ":" in value:
        reject("has a colon in it, which Docker takes for the end of the path", "use a path without one")
    return value


def _device(value: Any) -> Any:
    if isinstance(value, str) and not re.fullmatch(r"/[^:]+(:/[^:]+)?(:[rwm]{1,3})?", value):
        reject("is not HOST, HOST:CONTAINER or HOST:CONTAINER:rwm", "write it as in /dev/dri:/dev/dri")
    return value


def _healthcheck_test(value: Any) -> Any:
    if isinstance(value, list) and (not value or value[0] not in ("NONE", "CMD", "CMD-SHELL")):
        reject("does not start with NONE, CMD or CMD-SHELL", 'write it as in ["CMD", "wget", "-q", "http://localhost"]')
    return ["CMD-SHELL", value] if isinstance(value, str) else value


def _absolute(value: str) -> str:
    if not value.startswith("/"):
        reject("is not an absolute path in the container", "start it with /")
    return _uncoloned(value)


def _extra_hosts(value: Any) -> Any:
    """A map of name to one or more addresses, as the list that it stands for."""
    if not isinstance(value, dict):
        return value
    each = {name: addresses if isinstance(addresses, list) else [addresses] for name, addresses in value.items()}
    return [f"{as_text(name)}:{as_text(address)}" for name, addresses in each.items() for address in addresses]


def _extra_host(value: Any) -> tuple[str, str]:
    """`name:address` or `name=address`; an IPv6 one may be in brackets. host-gateway is Docker's own word."""
    match = re.fullmatch(r"([^:=\s]+)[:=]([^\s%]+)", value) if isinstance(value, str) else None
    if match is None:
        reject("is not name:address", "write it as in - nas:192.168.1.10")
    name, text = match.groups()
    address = text[1:-1] if text.startswith("[") and text.endswith("]") else text
    try:
        return name, address if address == "host-gateway" else str(ip_address(address))
    except ValueError:
        message = f"has {as_text(address)} where an address is expected, and Docker would not start the container"
        reject(message, "write it as in - nas:192.168.1.10, or host-gateway")


ExtraHost = Annotated[tuple[str, str], PlainValidator(_extra_host)]
UserOrGroup = Annotated[Text, BeforeValidator(lambda value: str(value) if type(value) is int else value)]
Argv = Annotated[tuple[str, ...], BeforeValidator(_argv)]
StringMap = Annotated[dict[str, Annotated[str, BeforeValidator(_scalar)]], BeforeValidator(_mapping)]
TextList = Annotated[tuple[Text, ...], BeforeValidator(_as_list)]
Duration = Annotated[str, BeforeValidator(_duration)]
Mebibytes = Annotated[int, BeforeValidator(_mebibytes)]


class Volume(Strict):
    """A bind mount or named volume. ``source`` is a path on the NAS (bind) or a volume's name (volume)."""

    type: Literal["bind", "volume"]
    source: Annotated[Text, AfterValidator(_source_of)]
    target: Annotated[Text, AfterValidator(_absolute)]
    read_only: bool = False


class Healthcheck(Strict):
    """As in the Compose specification; ``test`` as text runs in the container's shell."""

    test: Annotated[tuple[Text, ...], BeforeValidator(_healthcheck_test)] = ()
    interval: Duration | None = None
    timeout: Duration | None = None
    start_period: Duration | None = None
    retries: Integer | None = Field(None, ge=0, le=MAX_INT)
    disable: bool = False


class Logging(Strict):
    driver: Text | None = None
    options: StringMap = {}


class Attachment(Strict):
    """A service's entry under its own `networks:`."""

    ipv4_address: IPv4 | None = None
    ipv6_address: IPv6 | None = None
    mac_address: Mac | None = None
    aliases: tuple[Text, ...] = ()
    driver_opts: StringMap = {}


def _networks(value: Any) -> Any:
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        return {name: {} for name in value}
    if isinstance(value, dict):
        return {name: {} if attachment is None else attachment for name, attachment in value.items()}
    return value


class Service(Strict):
    """A container to run. Sizes in MiB, durations as Docker writes them, addresses typed."""

    image: Image
    pull_policy: Annotated[Literal["missing"], BeforeValidator(_pull_policy)] | None = None
    container_name: DockerName | None = None
    hostname: Text | None = None
    domainname: Text | None = None
    networks: Annotated[dict[str, Attachment], BeforeValidator(_networks)] = {}
    ipv4_address: IPv4 | None = None
    ipv6_address: IPv6 | None = None
    mac_address: Mac | None = None
    command: Argv | None = None
    entrypoint: Argv | None = None
    environment: StringMap = {}
    labels: StringMap = {}
    user: UserOrGroup | None = None
    group_add: tuple[UserOrGroup, ...] = ()
    working_dir: Text | None = None
    volumes: tuple[Annotated[Volume, BeforeValidator(_volume)], ...] = ()
    tmpfs: TextList = ()
    devices: tuple[Annotated[str, BeforeValidator(_device)], ...] = ()
    dns: Annotated[tuple[Address, ...], BeforeValidator(_as_list)] = ()
    dns_opt: tuple[Text, ...] = ()
    dns_search: TextList = ()
    extra_hosts: Annotated[tuple[ExtraHost, ...], BeforeValidator(_extra_hosts)] = ()
    restart: Annotated[str, BeforeValidator(_restart)] = "no"
    init: bool = False
    tty: bool = False
    stdin_open: bool = False
    privileged: bool = False
    read_only: bool = False
    cap_add: tuple[Text, ...] = ()
    cap_drop: tuple[Text, ...] = ()
    security_opt: tuple[Text, ...] = ()
    sysctls: StringMap = {}
    shm_size: Mebibytes | None = None
    mem_limit: Mebibytes | None = None
    stop_signal: Text | None = None
    stop_grace_period: Annotated[int, BeforeValidator(_seconds)] | None = None
    healthcheck: Healthcheck | None = None
    logging: Logging | None = None
