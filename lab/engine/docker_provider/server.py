"""The plugin's gRPC face: Pulumi's ResourceProvider protocol around DockerProvider.

Threads rather than asyncio, because every operation blocks on a socket; the engine decides how many run at once.
"""

from collections.abc import Callable
from typing import Any, NoReturn, TypeVar

import grpc
from google.protobuf import any_pb2, empty_pb2, struct_pb2
from pulumi.runtime.proto import plugin_pb2, provider_pb2, provider_pb2_grpc, status_pb2

from ..serving import serve
from . import VERSION
from .api import DockerError
from .checking import Failure, Naming
from .config import check_config
from .operations import OperationError, PartlyDone
from .provider import DockerProvider
from .transport import TransportError
from .values import is_unset

_EXPECTED = (OperationError, DockerError, TransportError, ValueError)
_SECRET = "4dabf18193072939515e22adb298388d"
_SECRET_SIGNATURE = "1b47061264138c4ac30d75fd1eb44270"

T = TypeVar("T")


def to_python(value: struct_pb2.Value) -> Any:
    """A property value as plain Python; whole numbers as int; a secret as what is inside."""
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        plain = from_struct(value.struct_value)
        return plain["value"] if plain.get(_SECRET) == _SECRET_SIGNATURE else plain
    if kind == "list_value":
        return [to_python(v) for v in value.list_value.values]
    if kind == "number_value":
        return int(value.number_value) if value.number_value.is_integer() else value.number_value
    return None if kind in (None, "null_value") else getattr(value, kind)


def from_struct(struct: struct_pb2.Struct) -> dict[str, Any]:
    """A property map as plain Python."""
    return {key: to_python(value) for key, value in struct.fields.items()}


def to_struct(values: dict[str, Any]) -> struct_pb2.Struct:
    """The other way round."""
    struct = struct_pb2.Struct()
    struct.update(values)
    return struct


def _failures(failures: list[Failure]) -> list[provider_pb2.CheckFailure]:
    return [provider_pb2.CheckFailure(property=f.path, reason=f.reason) for f in failures]


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """One instance serves one engine for one run."""

    def __init__(self, provider: DockerProvider) -> None:
        self._provider = provider

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        """The version that this stands in for."""
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetSchema(self, request: Any, context: Any) -> Any:
        """Only the name: the SDK of the program brings the types."""
        return provider_pb2.GetSchemaResponse(schema=f'{{"name":"docker","version":"{VERSION}"}}')

    def CheckConfig(self, request: Any, context: Any) -> Any:
        """Refuses settings that are not implemented."""
        news = from_struct(request.news)
        return provider_pb2.CheckResponse(inputs=request.news, failures=_failures(check_config(news)))

    def DiffConfig(self, request: Any, context: Any) -> Any:
        """Another host is an update of the provider, never a replacement of what is in it (as in the bridge)."""
        olds, news = from_struct(request.olds), from_struct(request.news)
        names = sorted(k for k in olds.keys() | news.keys() if olds.get(k) != news.get(k))
        changed = [k for k in names if not (is_unset(olds.get(k)) and is_unset(news.get(k)))]
        return provider_pb2.DiffResponse(changes=_changes(bool(changed)), diffs=changed)

    def Configure(self, request: Any, context: Any) -> Any:
        """Takes the settings. Secrets are left to the engine, which marks outputs like the inputs they came from."""
        self._guard(context, lambda: self._provider.configure(from_struct(request.args)))
        return provider_pb2.ConfigureResponse(supportsPreview=True, supports_autonaming_configuration=True)

    def Check(self, request: Any, context: Any) -> Any:
        """Defaults, name, and everything that is wrong with the inputs."""
        options = provider_pb2.CheckRequest.AutonamingOptions
        naming = Naming(
            request.name or request.urn.rpartition("::")[2],
            request.randomSeed,
            request.autonaming.proposed_name,
            request.HasField("autonaming") and request.autonaming.mode == options.DISABLE,
        )
        token, news, olds = _token(request), from_struct(request.news), from_struct(request.olds)
        inputs, failures = self._guard(context, lambda: self._provider.check(token, news, olds, naming))
        return provider_pb2.CheckResponse(inputs=to_struct(inputs), failures=_failures(failures))

    def Diff(self, request: Any, context: Any) -> Any:
        """What an update would change."""
        state, news, inputs = from_struct(request.olds), from_struct(request.news), from_struct(request.old_inputs)
        found = self._guard(
            context, lambda: self._provider.diff(_token(request), state, news, inputs, request.ignoreChanges)
        )
        kinds = provider_pb2.PropertyDiff.Kind
        return provider_pb2.DiffResponse(
            changes=_changes(bool(found.detailed)),
            replaces=found.replaces,
            diffs=found.changed,
            deleteBeforeReplace=found.delete_before_replace,
            detailedDiff={p: provider_pb2.PropertyDiff(kind=kinds.Value(k)) for p, k in found.detailed.items()},
            hasDetailedDiff=True,
        )

    def Create(self, request: Any, context: Any) -> Any:
        """Makes it; in a preview only says what it would be."""
        inputs = from_struct(request.properties)
        try:
            made, state = self._guard(
                context, lambda: self._provider.create(_token(request), inputs, request.preview), keep=PartlyDone
            )
        except PartlyDone as err:
            _abort_partly_done(context, err, request.properties)
        return provider_pb2.CreateResponse(id=made, properties=to_struct(state))

    def Update(self, request: Any, context: Any) -> Any:
        """Changes it in place."""
        state, news = from_struct(request.olds), from_struct(request.news)
        try:
            after = self._guard(
                context,
                lambda: self._provider.update(_token(request), request.id, state, news, request.preview),
                keep=PartlyDone,
            )
        except PartlyDone as err:
            _abort_partly_done(context, err, request.news)
        return provider_pb2.UpdateResponse(properties=to_struct(after))

    def Read(self, request: Any, context: Any) -> Any:
        """What is there now; an empty answer when it is gone."""
        state, inputs = from_struct(request.properties), from_struct(request.inputs)
        found = self._guard(context, lambda: self._provider.read(_token(request), request.id, state, inputs))
        if found is None:
            return provider_pb2.ReadResponse()
        return provider_pb2.ReadResponse(
            id=found.resource_id, properties=to_struct(found.state), inputs=to_struct(found.inputs)
        )

    def Delete(self, request: Any, context: Any) -> Any:
        """Removes it."""
        state = from_struct(request.properties)
        self._guard(context, lambda: self._provider.delete(_token(request), request.id, state))
        return empty_pb2.Empty()

    def Invoke(self, request: Any, context: Any) -> Any:
        """Functions are not implemented."""
        _abort(
            context, f"{request.tok} is not implemented by this project's stand-in for the docker plugin (lab/engine)"
        )

    def Cancel(self, request: Any, context: Any) -> Any:
        """Nothing to cancel: what is under way on the NAS is finished, so that the state stays true."""
        return empty_pb2.Empty()

    def _guard(self, context: Any, operation: Callable[[], T], keep: type[Exception] | None = None) -> T:
        """Turns the errors that a person can cause into a gRPC status whose text is all they see."""
        try:
            return operation()
        except _EXPECTED as err:
            if keep is not None and isinstance(err, keep):
                raise
            _abort(context, str(err))


def _abort(context: Any, message: str) -> NoReturn:
    context.abort(grpc.StatusCode.UNKNOWN, message)
    raise AssertionError("abort returns never")


class _Status(grpc.Status):
    def __init__(self, message: str, details: bytes) -> None:
        self.code = grpc.StatusCode.UNKNOWN
        self.details = message
        self.trailing_metadata = (("grpc-status-details-bin", details),)


def _abort_partly_done(context: Any, err: PartlyDone, inputs: struct_pb2.Struct) -> NoReturn:
    """The engine keeps the resource in the state, with the reason, and comes back to it at the next up."""
    failed = provider_pb2.ErrorResourceInitFailed(
        id=err.resource_id, properties=to_struct(dict(err.known)), reasons=[str(err)], inputs=inputs
    )
    packed = any_pb2.Any()
    packed.Pack(failed)
    status = status_pb2.Status(code=grpc.StatusCode.UNKNOWN.value[0], message=str(err), details=[packed])
    context.abort_with_status(_Status(str(err), status.SerializeToString()))
    raise AssertionError("abort returns never")


def _changes(some: bool) -> Any:
    answers = provider_pb2.DiffResponse.DiffChanges
    return answers.Value("DIFF_SOME" if some else "DIFF_NONE")


def _token(request: Any) -> str:
    return request.type or request.urn.split("::")[-2].rpartition("$")[2]


def main() -> None:
    """Serves until the engine ends us."""
    provider = DockerProvider()
    serve(lambda server: provider_pb2_grpc.add_ResourceProviderServicer_to_server(Servicer(provider), server))
    provider.close()
