"""The language host's gRPC face: Pulumi's LanguageRuntime protocol."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import empty_pb2
from google.protobuf.json_format import MessageToDict
from pulumi.runtime.proto import language_pb2, language_pb2_grpc, plugin_pb2

from ..serving import serve
from .environment import Environment, EnvironmentProblem, environment
from .program import SHOWN

VERSION = "3.259.0"


class Host(language_pb2_grpc.LanguageRuntimeServicer):
    """engine: its address. Runs are child processes, which end with the host."""

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self._running: set[subprocess.Popen[bytes]] = set()

    def Handshake(self, request: Any, context: Any) -> Any:
        """Nothing to agree on."""
        return language_pb2.LanguageHandshakeResponse()

    def GetPluginInfo(self, request: Any, context: Any) -> Any:
        """The version that this stands in for."""
        return plugin_pb2.PluginInfo(version=VERSION)

    def GetRequiredPackages(self, request: Any, context: Any) -> Any:
        """The plugins of the installed SDKs, so that the engine can say early which one is missing."""
        packages = [
            plugin_pb2.PackageDependency(name=p.name, kind="resource", version=p.version, server=p.server)
            for p in _environment(request.info, context).plugins()
        ]
        return language_pb2.GetRequiredPackagesResponse(packages=packages)

    def GetRequiredPlugins(self, request: Any, context: Any) -> Any:
        """The same in the older words."""
        plugins = [
            plugin_pb2.PluginDependency(name=p.name, kind="resource", version=p.version, server=p.server)
            for p in _environment(request.info, context).plugins()
        ]
        return language_pb2.GetRequiredPluginsResponse(plugins=plugins)

    def GetProgramDependencies(self, request: Any, context: Any) -> Any:
        """What is installed."""
        packages = _environment(request.info, context).packages().items()
        found = [language_pb2.DependencyInfo(name=name, version=version) for name, version in sorted(packages)]
        return language_pb2.GetProgramDependenciesResponse(dependencies=found)

    def About(self, request: Any, context: Any) -> Any:
        """The program's Python."""
        python = _environment(request.info, context).python
        said = subprocess.run([python, "--version"], capture_output=True, text=True).stdout
        return language_pb2.AboutResponse(executable=str(python), version=said.removeprefix("Python ").strip())

    def InstallDependencies(self, request: Any, context: Any) -> Iterator[Any]:
        """`uv sync`, its output passed on."""
        uv = shutil.which("uv")
        if uv is None:
            context.abort(grpc.StatusCode.UNKNOWN, "uv is missing\n  -> make .venv/.synced, or install uv")
            return
        syncing = subprocess.Popen(
            [uv, "sync"], cwd=request.directory, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
        )
        assert syncing.stdout is not None
        for line in syncing.stdout:
            yield language_pb2.InstallDependenciesResponse(stdout=line)
        if syncing.wait():
            context.abort(grpc.StatusCode.UNKNOWN, f"uv sync ended with exit status {syncing.returncode}")

    def Run(self, request: Any, context: Any) -> Any:
        """Runs the program to its end."""
        try:
            found = environment(request.info.root_directory, MessageToDict(request.info.options))
        except EnvironmentProblem as problem:
            return language_pb2.RunResponse(error=str(problem))
        running = subprocess.Popen(
            [found.python, "-u", Path(__file__).with_name("program.py"), *self._arguments(request)],
            cwd=request.pwd or request.info.program_directory,
            env=found.variables | _configuration(request),
            stdin=subprocess.DEVNULL,
        )
        self._running.add(running)
        code = running.wait()
        self._running.discard(running)
        if code == SHOWN:
            return language_pb2.RunResponse(bail=True)
        return language_pb2.RunResponse(error=f"Program exited with non-zero exit code: {code}" if code else "")

    def Cancel(self, request: Any, context: Any) -> Any:
        """The engine ends the program itself, by closing its monitor."""
        return empty_pb2.Empty()

    def close(self) -> None:
        """Ends what still runs."""
        for running in list(self._running):
            running.terminate()

    def _arguments(self, request: Any) -> list[str]:
        settings = {
            "monitor": request.monitor_address,
            "engine": self._engine,
            "project": request.project,
            "stack": request.stack,
            "parallel": request.parallel,
            "dry_run": request.dryRun,
            "organization": request.organization,
            "root_directory": request.info.root_directory,
        }
        program = Path(request.info.program_directory) / (request.info.entry_point or ".")
        return [json.dumps(settings), str(program.resolve()), *request.args]


def _configuration(request: Any) -> dict[str, str]:
    """The stack's configuration the way the SDK reads it: in the environment, so that it is in no argument list."""
    return {
        "PULUMI_CONFIG": json.dumps(dict(request.config)),
        "PULUMI_CONFIG_SECRET_KEYS": json.dumps(list(request.configSecretKeys)),
    }


def _environment(info: Any, context: Any) -> Environment:
    try:
        return environment(info.root_directory, MessageToDict(info.options))
    except EnvironmentProblem as problem:
        context.abort(grpc.StatusCode.UNKNOWN, str(problem))
        raise AssertionError("abort never returns") from problem


def main() -> None:
    """Serves until the engine ends us. The engine's address is the last argument."""
    host = Host(sys.argv[-1])
    serve(lambda server: language_pb2_grpc.add_LanguageRuntimeServicer_to_server(host, server))
    host.close()
