"""The site as people write it under ``macvlan-ipv6:site``: parsed once, into values that cannot be wrong alone.

What can only be wrong together (two containers with one address …) is checked in ``plan.checks``.
"""

from ipaddress import IPv4Address, IPv6Address, IPv6Network
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, GetPydanticSchema, ValidationError
from pydantic_core import core_schema

from config.problems import Problem, as_text, dotted, from_pydantic, pruned, reject, unknown_keys
from config.projects.service_reading import without_ignored
from config.projects.specification import Done, rule_of, told
from config.projects.telling import ignored_note
from config.service import Service, normalise_service
from config.service_parts import Strict, StringMap
from config.types import (
    DOCKER,
    LOOP,
    NONE,
    OFF,
    AutoPath,
    AutoUnit,
    DockerName,
    FolderOnNas,
    InstallationName,
    Integer,
    InterfaceName,
    IPv4,
    IPv6,
    Ipv6Mode,
    Mac,
    NasAddress,
    OnOff,
    Pool,
    RoutingTable,
    SshHost,
    SshUser,
    StaticPrefix,
    Subnet,
    Text,
    UlaGateway,
    UlaPrefix,
    UnitPath,
)

ROOT = "site"
RENAMED = {  # keys of before the first release, by their paths: the ones that took their places
    f"{ROOT}.{old}": new
    for old, new in {
        "install.persistence": "boot_hook",
        "install.program": "script_path",
        "install.conf": "config_path",
        "install.unit": "unit_path",
        "install.tick": "check_interval",
        "nas.fix_docker_path": "docker_wrapper",
        "lan.host": "nas_address",
        "other_containers": "external_containers",
    }.items()
}
UNIT = "/etc/systemd/system/setup_docker_macvlan.service"


class Nas(Strict):
    """How to reach the NAS by SSH, and its kind. Nothing is read from ~/.ssh/config.

    docker_wrapper: whether `pulumi up` may install a `docker` wrapper where SSH commands find it.
    """

    host: SshHost
    port: Integer = Field(default=22, ge=1, le=65535)
    user: SshUser = "root"
    identity_file: Text | None = None
    host_key: Annotated[tuple[Text, ...], BeforeValidator(lambda key: [key] if isinstance(key, str) else key)] = ()
    known_hosts: Text = "~/.ssh/known_hosts"
    profile: Literal["auto", "debian", "dsm7", "dsm6", "unraid", "truenas", "qnap"] = "auto"
    docker_wrapper: bool = False


class Lan(Strict):
    """The LAN that the NAS is on.

    nas_address: the NAS's own IPv4 address there; by default nas.host, if that is one. `none` if the NAS has no address
        in this LAN.
    parent: `auto` takes the interface that has an address in the subnet.
    dhcp_pool: first and last address that the router leases; a container's address in it is an error.
    static_prefix: the LAN's global /64, if the provider never changes it; a container's ipv6_address may be in it.
    """

    parent: InterfaceName = "auto"
    subnet: Subnet
    gateway: IPv4
    nas_address: NasAddress | None = None
    ip_range: Subnet | None = None
    dhcp_pool: Pool | None = None
    static_prefix: StaticPrefix | None = None


class Ula(Strict):
    """The site's RFC 4193 /64. ``gateway``: auto, none, or the router's own address in the /64."""

    prefix: UlaPrefix
    gateway: UlaGateway = "auto"


class Shim(Strict):
    """The NAS's own interface on the containers' network. Without it, NAS and containers cannot reach each other.

    routing_table: the number of the routing table for the containers' routes, and the preference of the rule that leads
        to it.
    """

    name: InterfaceName = "macvlan-host"
    ipv4_address: IPv4
    ipv6_address: IPv6 | None = None
    mac_address: Mac | None = None
    routing_table: RoutingTable = "auto"


def _ula(value: Any) -> Any:
    """`ula: none` is None here. An empty `ula:`, which YAML reads as None, is no answer."""
    if value == NONE or isinstance(value, Ula):
        return None if value == NONE else value
    if not isinstance(value, dict):
        remedy = "write `ula: {prefix: ...}`, or `ula: none` if containers are to have the router's addresses only"
        reject("is neither a map of keys nor none", remedy)
    return value


UlaOrNone = Annotated[Ula | None, BeforeValidator(_ula)]


class Network(Strict):
    """ipv6: who gives containers their IPv6 addresses: Docker, the watch loop on the NAS, or nobody. By default Docker,
    and the loop with `ula: none`."""

    name: DockerName = "bridge-host"
    labels: StringMap = Field(default_factory=dict)
    ipv6: Ipv6Mode | None = None


class FurtherNetwork(Strict):
    """A network beside the site's first one, with the same keys. Its name is its key (config/networks.py)."""

    lan: Lan
    ula: UlaOrNone
    ipv6: Ipv6Mode | None = None
    shim: Shim
    labels: StringMap = Field(default_factory=dict)


def _boot_hook(value: Any) -> Any:
    if value == "systemd-network":
        reject("is called systemd-standalone now", "write systemd-standalone")
    return value


class Install(Strict):
    """Where things stand on the NAS; `auto` takes the profile's default.

    name: what tells this installation from others of this program on the same NAS, in the names of its files.
    boot_hook: what starts the watch loop at boot.
    on_destroy: whether `pulumi destroy` restores files made by hand.
    """

    name: InstallationName = ""
    boot_hook: Annotated[
        Literal["auto", "systemd", "systemd-standalone", "rc.d", "task-scheduler"], BeforeValidator(_boot_hook)
    ] = "auto"
    script_path: AutoPath = "auto"
    config_path: AutoPath = "auto"
    unit_path: UnitPath = UNIT
    docker_unit: AutoUnit = "auto"
    check_interval: Integer = Field(default=30, ge=5, le=3600)
    on_destroy: Literal["keep", "restore"] = "keep"


class ExternalContainer(Strict):
    """A container that is run otherwise (with Compose, Portainer or by hand) and that the NAS must reach. An address
    alone is enough, and is then its name too."""

    name: DockerName | None = None
    ipv4_address: IPv4
    ipv6_address: IPv6 | None = None
    mac_address: Mac | None = None


def _by_address(value: Any) -> Any:
    return {"ipv4_address": value} if isinstance(value, str) else value


def _listed(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class ComposeProject(Strict):
    """Files that are one project, as `docker compose -f a.yml -f b.yml` reads them.

    path: of the files on the laptop, the first one first.
    project_directory: of the first one on the NAS, where `./` of a mount starts.
    env_file: on the laptop, in place of the .env beside the first file.
    name: of the project, by default by Compose's own rules.
    services: whether all of its services become containers of this program, or those on the site's networks.
    profiles: the active ones.
    """

    path: Annotated[tuple[Text, ...], BeforeValidator(_listed), Field(min_length=1)]
    project_directory: FolderOnNas | None = None
    env_file: Annotated[tuple[Text, ...], BeforeValidator(_listed)] = ()
    name: Text | None = None
    services: Literal["joined", "all"] = "joined"
    profiles: Annotated[tuple[Text, ...], BeforeValidator(_listed)] = ()


def _projects(value: Any) -> Any:
    """A path, or a list of paths, is one project. Several projects are maps."""
    if isinstance(value, (str, dict)):
        value = [value]
    if not isinstance(value, (list, tuple)):
        return value
    if value and all(isinstance(item, str) for item in value):
        return [{"path": list(value)}]
    if any(isinstance(item, str) for item in value):
        message = "has paths beside maps, and a path alone would be read with the one before it as one project"
        reject(message, "write each project as a map: `- path: docker-compose.yml`")
    return value


ALL: Literal["all"] = "all"
_Listed = tuple[Annotated[ExternalContainer, BeforeValidator(_by_address)], ...]


def _all_or_listed(value: Any, listed: Any) -> Any:
    if value == ALL:
        return ALL
    if not isinstance(value, (list, tuple)):
        reject(
            "is neither a list nor `all`", "write its items below it, each on a line that starts with `- `; or `all`"
        )
    return listed(value)


# As a union its errors would name the union's branches
ExternalContainers = Annotated[
    _Listed | Literal["all"],
    GetPydanticSchema(lambda _, handler: core_schema.no_info_wrap_validator_function(_all_or_listed, handler(_Listed))),
]


class Site(Strict):
    nas: Nas
    lan: Lan
    ula: UlaOrNone
    shim: Shim
    probe: OnOff = True
    network: Network = Network()
    networks: dict[DockerName, FurtherNetwork] = Field(default_factory=dict)
    install: Install = Install()
    containers: dict[DockerName, Service] = Field(default_factory=dict)
    compose: Annotated[tuple[ComposeProject, ...], BeforeValidator(_projects)] = ()
    external_containers: ExternalContainers = ()

    def with_parent(self, parent: str) -> "Site":
        """The site with that interface in place of `parent: auto`."""
        return self.model_copy(update={"lan": self.lan.model_copy(update={"parent": parent})})

    @property
    def ipv6(self) -> Literal["docker", "loop", "off"]:
        """Who gives containers their IPv6 addresses."""
        return self.network.ipv6 or (LOOP if self.ula is None else DOCKER)

    @property
    def ula_prefix(self) -> IPv6Network | None:
        """None if containers get no private IPv6 address."""
        return None if self.ula is None or self.ipv6 == OFF else self.ula.prefix

    @property
    def ula_gateway(self) -> Literal["auto", "none"] | IPv6Address:
        return "auto" if self.ula is None else self.ula.gateway

    @property
    def listed_externals(self) -> tuple[ExternalContainer, ...]:
        return () if self.external_containers == ALL else self.external_containers

    @property
    def host_address(self) -> IPv4Address | None:
        """The NAS's own IPv4 address on the LAN; None if it has none there, or if the person has to write it."""
        if self.lan.nas_address == NONE:
            return None
        if self.lan.nas_address is not None:
            return self.lan.nas_address
        try:
            return IPv4Address(self.nas.host)
        except ValueError:
            return None


def parse_site(raw: Any) -> tuple[Site | None, list[Problem]]:
    """The site, and every problem of single keys, with a note of those that are ignored. If single keys are wrong, the
    site is parsed again without them, so that the same run also reports problems between the others. The site is None
    if that fails."""
    if not isinstance(raw, dict):
        remedy = "describe your site there: README.md, «Your own NAS in five steps»"
        return None, [Problem(f"macvlan-ipv6:{ROOT}", "", "is missing or not a map of keys", remedy)]
    raw, old = _with_new_keys(raw)
    raw, variables = _with_services_read(_with_no_ula(raw))
    try:
        return Site.model_validate(raw), old + variables
    except ValidationError as error:
        reported = {problem.path for problem in variables}
        found = _told(error)
        problems = old + variables + [problem for problem in found if problem.path not in reported]
        for whole in () if _lacks_a_network(error) else (False, True):
            try:
                return Site.model_validate(_without(raw, error, whole)), problems
            except ValidationError:
                continue
        return None, problems


def _with_new_keys(raw: dict[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """The site with the values of old keys under the present ones, and a problem for each old key. Without those values
    the site would seem to lack what the person wrote."""
    site = {key: dict(value) if isinstance(value, dict) else value for key, value in raw.items()}
    problems = []
    for path, new in RENAMED.items():
        *section, old = path.split(".")[1:]
        keys = site.get(section[0]) if section else site
        if isinstance(keys, dict) and old in keys:
            value = keys.pop(old)
            problems.append(Problem(path, as_text(value), f"is called {new} now", f"write `{new}:`"))
            keys.setdefault(new, value)
    return site, problems


def _with_no_ula(raw: dict[str, Any]) -> dict[str, Any]:
    """Without IPv6 nobody needs to write a ULA."""

    def filled(keys: Any, mode: Any) -> Any:
        return {"ula": NONE, **keys} if isinstance(keys, dict) and mode in (OFF, False) else keys

    network, further = raw.get("network"), raw.get("networks")
    raw = filled(raw, network.get("ipv6") if isinstance(network, dict) else None)
    if not isinstance(further, dict):
        return raw
    modes = {key: one.get("ipv6") for key, one in further.items() if isinstance(one, dict)}
    return {**raw, "networks": {key: filled(one, modes.get(key)) for key, one in further.items()}}


def _with_services_read(raw: dict[str, Any]) -> tuple[dict[str, Any], list[Problem]]:
    """The site with its containers as a compose file would give them."""
    containers, problems = raw.get("containers"), []
    if not isinstance(containers, dict):
        return raw, problems
    services, ignored = {}, {}
    for key, service in containers.items():
        service, variables = normalise_service(service, dotted(f"{ROOT}.containers", [str(key)]))
        services[key], ignored[str(key)] = without_ignored(service)
        problems += variables
    problems += ignored_note(f"{ROOT}.containers", ignored)
    return {**raw, "containers": services}, problems


def _told(error: ValidationError) -> list[Problem]:
    problems = from_pydantic(error, ROOT, {"gateway": "move it under `ula:` (IPv6) or `lan:` (IPv4)"})
    details = error.errors(include_url=False)
    return [_by_rule(problem, detail["loc"], detail["type"]) for problem, detail in zip(problems, details, strict=True)]


def _by_rule(problem: Problem, place: tuple[Any, ...], kind: str) -> Problem:
    """A key of Compose's that a container of the site itself cannot have, in the words for it."""
    rule = rule_of(place[2:]) if kind == "extra_forbidden" and place[:1] == ("containers",) and place[2:] else None
    if isinstance(rule, Done):
        return Problem(problem.path, "", "is read in compose files only", "move the service to one, or remove it")
    return told(problem, rule) or problem


def _lacks_a_network(error: ValidationError) -> bool:
    """Whether a network would be left out as a whole. Its containers would then seem to name one that is not there."""
    places = [detail["loc"] for detail in error.errors(include_url=False)]
    return any(place[:1] == ("networks",) and len(place) < 3 for place in places)


def _without(raw: dict[str, Any], error: ValidationError, whole: bool) -> Any:
    """The site without what is wrong. Of the site itself, single keys are left out. A container is left out as a whole,
    because the rest would look complete; if not ``whole``, only its unknown keys are."""
    unknown = set() if whole else unknown_keys(error)
    wrong = set()
    for detail in error.errors(include_url=False):
        location = detail["loc"]
        in_container = location[:1] in (("containers",), ("external_containers",))
        wrong.add(location[:2] if in_container and location not in unknown else location)
    return pruned(raw, wrong)
