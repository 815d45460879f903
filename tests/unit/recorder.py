"""Runs the components against a monitor that writes down every registration, as the engine would get it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pulumi
from google.protobuf import json_format
from pulumi.runtime import mocks, settings
from pulumi.runtime.proto import resource_pb2

from components.lan import MacvlanLan, MacvlanLanArgs, SiteNetwork
from config.compose import ServiceEntry
from config.sources import Sources
from inputs.ssh_access import SshAccess
from install.files import SOURCES, host_files
from install.layout import InstallPlan
from plan.lan import LanPlan
from plan.project.containers import images, whole_containers
from plan.project.declared import own_volumes, plan_inner_networks
from preflight.projects.take_over import Replaced
from preflight.snapshot import NasSnapshot
from tests.unit.sites import installed

SECRET = "1b47061264138c4ac30d75fd1eb44270"  # the engine's mark for a secret value (pulumi SDK, rpc.py)
SIGNATURE = "4dabf18193072939515e22adb298388d"
PRIVATE_KEY = "-----BEGIN OPENSSH PRIVATE KEY-----\nhunter2\n-----END OPENSSH PRIVATE KEY-----\n"
HOST_KEY = "ssh-ed25519 " + "A" * 68
ACCESS = SshAccess("192.168.1.10", 22, "root", (HOST_KEY,), HOST_KEY, identity_file="/keys/id", private_key=PRIVATE_KEY)
_FILLED_IN = {  # what the plugins add to the inputs
    "docker:index/remoteImage:RemoteImage": {"imageId": "sha256:1234"},
    "command:remote:Command": {"stdout": "shim is up", "stderr": ""},
}


@dataclass(frozen=True)
class Registered:
    """One registration. after: URNs of depends_on and of property dependencies; by_property: those per property."""

    urn: str
    type: str
    name: str
    parent: str
    custom: bool
    inputs: dict[str, Any]
    after: frozenset[str]
    by_property: dict[str, frozenset[str]]
    provider: str
    providers: dict[str, str]
    delete_before_replace: bool
    replace_on_changes: tuple[str, ...]
    ignore_changes: tuple[str, ...]
    import_id: str
    retain: bool
    on_error: tuple[str, ...]
    before_create: tuple[str, ...]
    raw: str


@dataclass
class Recorder(mocks.MockMonitor):
    preview: bool = False
    hooks: dict[str, pulumi.ErrorHook] = field(default_factory=dict)
    pulls: dict[str, pulumi.ResourceHook] = field(default_factory=dict)
    made: list[Registered] = field(default_factory=list)
    outputs: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__(_NoMocks())

    def RegisterResource(self, request: Any) -> Any:
        urn = self.make_urn(request.parent, request.type, request.name)
        if request.type == "pulumi:pulumi:Stack":
            return resource_pb2.RegisterResourceResponse(urn=urn)
        inputs = json_format.MessageToDict(request.object)
        self.made.append(
            Registered(
                urn=urn,
                type=request.type,
                name=request.name,
                parent=request.parent,
                custom=request.custom,
                inputs=inputs,
                after=frozenset(request.dependencies),
                by_property={key: frozenset(value.urns) for key, value in request.propertyDependencies.items()},
                provider=request.provider,
                providers=dict(request.providers),
                delete_before_replace=request.deleteBeforeReplace,
                replace_on_changes=tuple(request.replaceOnChanges),
                ignore_changes=tuple(request.ignoreChanges),
                import_id=request.importId,
                retain=request.retainOnDelete,
                on_error=tuple(request.hooks.on_error),
                before_create=tuple(request.hooks.before_create),
                raw=str(request.object),
            )
        )
        answer = resource_pb2.RegisterResourceResponse(urn=urn, id="" if self.preview else f"{request.name}_id")
        answer.object.CopyFrom(request.object)
        if not self.preview:
            answer.object.update(_FILLED_IN.get(request.type, {}))
        return answer

    def RegisterResourceOutputs(self, request: Any) -> Any:
        self.outputs[request.urn] = json_format.MessageToDict(request.outputs)
        return super().RegisterResourceOutputs(request)

    def register_error_hook(self, hook: pulumi.ErrorHook) -> None:
        """In the place of the SDK's server for the engine's calls."""
        self.hooks[hook.name] = hook

    def register_resource_hook(self, hook: pulumi.ResourceHook) -> None:
        self.pulls[hook.name] = hook

    def of(self, type_: str) -> list[Registered]:
        return [one for one in self.made if one.type.endswith(type_)]


class _NoMocks(mocks.Mocks):
    def new_resource(self, args: mocks.MockResourceArgs) -> tuple[str | None, dict[Any, Any]]:
        raise AssertionError("the recorder answers by itself")

    def call(self, args: mocks.MockCallArgs) -> tuple[dict[Any, Any], list[tuple[str, str]] | None]:
        known = ("pulumi:pulumi:readStackOutputs", "pulumi:pulumi:readStackResourceOutputs")
        assert args.token in known, f"the program calls a function of a plugin: {args.token}"
        return {}, []  # a stack without outputs yet


def record(program: Callable[[], Any], preview: bool = False) -> Recorder:
    recorder = Recorder(preview=preview)
    settings.set_root_resource(None)  # type: ignore[arg-type]  (each run has a stack of its own)
    mocks.set_mocks(
        _NoMocks(), project="macvlan-ipv6", stack="test", preview=preview, monitor=recorder, organization="organization"
    )
    settings.SETTINGS.callbacks = recorder  # type: ignore[assignment]
    mocks.test(program)()
    return recorder


STACK = "organization/macvlan-ipv6/test"
SCRIPTS = {"as_root.sh": "become root\n", "unpack.sh": "unpack it\n"}


def record_lan(
    plan: LanPlan,
    access: SshAccess = ACCESS,
    preview: bool = False,
    install: InstallPlan | None = None,
    secrets: Mapping[str, Mapping[str, str]] | None = None,
    seen: NasSnapshot | None = None,
    further: Sequence[LanPlan] = (),
    sources: Sources | None = None,
    engine: int | None = None,
    pulled: str = "",
    replaced: Mapping[str, Replaced] | None = None,
) -> Recorder:
    """The whole site, on a Debian NAS. secrets: container key → variables; seen: what the NAS said; further: plans of
    the networks beside the first; sources: the services, None for those that the plans have; replaced: as in
    MacvlanLanArgs."""
    plans = (plan, *further)
    sources_ = sources or sources_of_plans(plans)
    inner = plan_inner_networks(sources_, seen.inner_networks if seen else {}, STACK)
    containers = whole_containers(sources_, plans, inner, STACK, engine)

    def program() -> None:
        sources = {name: f"text of {name}\n" for name in SOURCES}
        hidden = {key: pulumi.Output.secret(dict(values)) for key, values in (secrets or {}).items()}
        looked = seen or NasSnapshot("eth0", installed())
        files = host_files(plan, install or looked.install, sources, looked.repair)
        networks = [SiteNetwork(plan, files, looked)]
        for other in further:
            beside = installed(config_path=f"/etc/{other.key}.conf", name=other.key)
            networks.append(SiteNetwork(other, host_files(other, beside, sources), NasSnapshot("eth0.20", beside)))
        args = MacvlanLanArgs(networks, SCRIPTS, access, containers, images(containers, pulled), hidden)
        more = replace(args, inner=tuple(inner.values()), volumes=own_volumes(sources_), replaced=replaced or {})
        MacvlanLan("lan", more)

    return record(program, preview)


def sources_of_plans(plans: Sequence[LanPlan]) -> Sources:
    found: dict[str, ServiceEntry] = {}
    for one in (container for plan in plans for container in plan.containers):
        assert one.service is not None
        found.setdefault(one.key, ServiceEntry(one.path, one.service, name=one.name))
    return Sources(found)


def revealed(value: Any) -> Any:
    """What a secret holds. Fails on what is no secret."""
    assert isinstance(value, dict) and value.get(SIGNATURE) == SECRET, f"not a secret: {value}"
    return value["value"]
