"""The plugin's gRPC face: Pulumi's ResourceProvider protocol around the commands."""

import asyncio
import secrets
import sys
import threading
from collections.abc import Callable, Mapping
from concurrent import futures
from typing import TYPE_CHECKING, Any, NoReturn

import grpc
from google.protobuf import empty_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, plugin_pb2, provider_pb2, provider_pb2_grpc

from ..serving import UNLIMITED, serve
from . import VERSION
from .diffing import diff
from .inputs import TOKEN, check
from .values import UNKNOWN, from_wire, reveal, to_wire

if TYPE_CHECKING:
    from .remote import Runner

OUTPUTS = ("stdout", "stderr")
State = dict[str, Any]


class Engine:
    """Shows lines beside a resource while they are the newest, as the official plugin shows what a command says."""

    def __init__(self, address: str | None) -> None:
        self._stub = engine_pb2_grpc.EngineStub(grpc.insecure_channel(address, UNLIMITED)) if address else None

    def status(self, urn: str) -> Callable[[str], None]:
        """A function that shows a line beside the resource."""

        def show(line: str) -> None:
            if self._stub:
                message = engine_pb2.LogRequest(severity=engine_pb2.INFO, message=line, urn=urn, ephemeral=True)
                self._stub.Log.future(message)  # in the background: showing must not hold up the command

        return show


class Servicer(provider_pb2_grpc.ResourceProviderServicer):
    """One instance serves one engine for one run; its commands run on an event loop in a thread of its own."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._lock = threading.Lock()
        self._runner: Runner | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        """The version that this stands in for."""
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetSchema(self, request: Any, context: Any) -> Any:
        """Only the name: the SDK of the program brings the types."""
        return provider_pb2.GetSchemaResponse(schema=f'{{"name":"command","version":"{VERSION}"}}')

    def CheckConfig(self, request: Any, context: Any) -> Any:
        """The provider itself has no settings."""
        return provider_pb2.CheckResponse(inputs=request.news)

    def DiffConfig(self, request: Any, context: Any) -> Any:
        """The provider itself has no settings."""
        return provider_pb2.DiffResponse(changes=_changes(False))

    def Configure(self, request: Any, context: Any) -> Any:
        """Secrets are told apart in every answer."""
        return provider_pb2.ConfigureResponse(acceptSecrets=True, supportsPreview=True)

    def Check(self, request: Any, context: Any) -> Any:
        """Defaults, and everything that is wrong with the inputs."""
        token = request.urn.split("::")[-2].rpartition("$")[2]
        if token != TOKEN:
            _fail(
                context,
                f"{token} is not implemented by this project's stand-in for the command plugin (lab/engine), which "
                f"knows {TOKEN}; use the official plugin: make ENGINE=path",
            )
        inputs, failures = check(from_wire(request.news))
        wire = [provider_pb2.CheckFailure(property=failure.property, reason=failure.reason) for failure in failures]
        return provider_pb2.CheckResponse(inputs=to_wire(inputs), failures=wire)

    def Diff(self, request: Any, context: Any) -> Any:
        """What an update would change."""
        changes = diff(from_wire(request.olds), from_wire(request.news), request.ignoreChanges)
        kinds = provider_pb2.PropertyDiff.Kind
        return provider_pb2.DiffResponse(
            changes=_changes(bool(changes)),
            replaces=[change.path for change in changes if change.replaces],
            diffs=[change.path for change in changes],
            detailedDiff={c.path: provider_pb2.PropertyDiff(kind=kinds.Value(c.wire_kind)) for c in changes},
            hasDetailedDiff=True,
        )

    def Create(self, request: Any, context: Any) -> Any:
        """Runs `create`; a failure leaves nothing in the state."""
        inputs = from_wire(request.properties)
        name = request.name or request.urn.rpartition("::")[2]
        made = name + secrets.token_hex(4)
        state = {**inputs, **dict.fromkeys(OUTPUTS, UNKNOWN if request.preview else "")}
        if not request.preview and "create" in inputs:
            state |= self._run(context, request.urn, "create", state)
        return provider_pb2.CreateResponse(id=made, properties=to_wire(state))

    def Update(self, request: Any, context: Any) -> Any:
        """Runs `update`, else `create` again, with the new settings; a failure leaves the old state."""
        olds, news = from_wire(request.olds), from_wire(request.news)
        news |= {name: olds[name] for name in request.ignoreChanges if name in olds}
        state = {**news, **{name: UNKNOWN if request.preview else olds.get(name, "") for name in OUTPUTS}}
        which = "update" if "update" in news else "create"
        if not request.preview and which in news:
            state |= self._run(context, request.urn, which, state)
        return provider_pb2.UpdateResponse(properties=to_wire(state))

    def Read(self, request: Any, context: Any) -> Any:
        """What the state says: there is nothing to look at on the server."""
        return provider_pb2.ReadResponse(id=request.id, properties=request.properties, inputs=request.inputs)

    def Delete(self, request: Any, context: Any) -> Any:
        """Runs the `delete` of the state, by the connection of the state."""
        state = from_wire(request.properties)
        if "delete" in state:
            self._run(context, request.urn, "delete", state)
        return empty_pb2.Empty()

    def Cancel(self, request: Any, context: Any) -> Any:
        """Ends the tries to get in; running commands are waited for."""
        with self._lock:
            if self._loop and self._runner:
                self._loop.call_soon_threadsafe(self._runner.cancel)
        return empty_pb2.Empty()

    def _run(self, context: Any, urn: str, which: str, state: Mapping[str, Any]) -> dict[str, str]:
        plain = reveal(state)
        # Only now: a preview needs no SSH, and its libraries take a fifth of a second to load.
        from .remote import CommandError

        loop, runner = self._running()
        job: futures.Future[Any] = asyncio.run_coroutine_threadsafe(
            runner.run(plain[which], plain, self._engine.status(urn)), loop
        )
        try:
            output = job.result()
        except CommandError as err:
            _fail(context, str(err))
        return {"stdout": output.stdout, "stderr": output.stderr}

    def _running(self) -> "tuple[asyncio.AbstractEventLoop, Runner]":
        from .remote import Runner

        with self._lock:
            if self._loop is None or self._runner is None:
                self._loop = asyncio.new_event_loop()
                threading.Thread(target=self._loop.run_forever, daemon=True).start()
                self._runner = Runner()
            return self._loop, self._runner


def _fail(context: Any, message: str) -> NoReturn:
    context.abort(grpc.StatusCode.UNKNOWN, message)
    raise AssertionError("abort never returns")


def _changes(some: bool) -> Any:
    return provider_pb2.DiffResponse.DiffChanges.Value("DIFF_SOME" if some else "DIFF_NONE")


def main() -> None:
    """Serves until the engine ends us. The engine's address is the last argument."""
    servicer = Servicer(Engine(sys.argv[-1] if len(sys.argv) > 1 else None))
    serve(lambda server: provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server))
