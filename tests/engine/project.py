"""A throwaway Pulumi project with a stack of its own, run by whichever engine `make engine` has chosen."""

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.engine.ssh_server import CLIENT, Server, private, public
from tests.engine.ssh_server import key as host_key

ROOT = Path(__file__).resolve().parents[2]
PASSPHRASE = "a passphrase of the tests"
PATIENCE = 240  # seconds for one run of pulumi, which takes 3 on a machine that has nothing else to do
_PRELUDE = """
import json, sys
from pathlib import Path
import pulumi
from pulumi_command import remote

here = Path(__file__).parent
access = json.loads((here / "access.json").read_text())
connection = remote.ConnectionArgs(private_key=pulumi.Output.secret((here / "key").read_text()), **access)


def command(name, create, opts=None, **more):
    more.setdefault("add_previous_output_in_env", False)
    return remote.Command(name, connection=connection, create=create, opts=opts, **more)

"""


def engine_environment() -> dict[str, str]:
    """The environment that finds the engine. Fails the test where none is installed."""
    if not (ROOT / ".engine/env").exists():
        pytest.fail("there is no engine yet: make engine")
    shown = subprocess.run(
        ["sh", "-c", "set -a; . .engine/env; env -0"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    env = dict(line.split("=", 1) for line in shown.split("\0") if line)
    env |= {"UV_OFFLINE": "1", "PATH": f"{env['PATH']}:{ROOT}/.tools/bin"}  # as lab/pulumi does
    return {name: value for name, value in env.items() if name not in ("SSH_AUTH_SOCK", "VIRTUAL_ENV", "ENGINE")}


@dataclass
class Run:
    """What `pulumi` said; text is stdout and stderr together."""

    code: int
    text: str


class Project:
    """The program is Python text, below a prelude that defines `command(name, create, …)` for the server."""

    def __init__(self, folder: Path, server: Server | None = None) -> None:
        self.folder = folder
        self.env = engine_environment() | {
            "PULUMI_BACKEND_URL": f"file://{folder}/state",
            "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
            "PULUMI_SKIP_UPDATE_CHECK": "true",
        }
        (folder / "state").mkdir()
        (folder / ".venv").symlink_to(ROOT / ".venv")
        for name in ("pyproject.toml", "uv.lock"):  # the official language host asks uv what there is
            if (ROOT / name).exists():
                shutil.copy(ROOT / name, folder)
        options = "{toolchain: uv, virtualenv: .venv}"
        (folder / "Pulumi.yaml").write_text(f"name: engine-test\nruntime: {{name: python, options: {options}}}\n")
        (folder / "key").write_text(private(CLIENT))
        if server:
            self.reach(server)
        self.pulumi("stack", "init", "test")

    def reach(self, server: Server, **more: Any) -> None:
        """The settings that the program's commands use from now on, in the SDK's words."""
        pinned = public(host_key("ecdsa-sha2-nistp256"))
        settings = {"host": "127.0.0.1", "port": server.port, "user": "nas", "host_key": pinned}
        (self.folder / "access.json").write_text(json.dumps(settings | {"dial_error_limit": 1} | more))

    def program(self, text: str, prelude: bool = True) -> None:
        (self.folder / "__main__.py").write_text((_PRELUDE if prelude else "") + text)

    def start(self, *arguments: str) -> "subprocess.Popen[str]":
        return subprocess.Popen(
            ["pulumi", *arguments, "--non-interactive", "--color", "never"],
            cwd=self.folder,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )

    def pulumi(self, *arguments: str, ok: bool | None = True) -> Run:
        """ok: True and False check the exit code, None takes any."""
        with self.start(*arguments) as running:
            try:
                text, _ = running.communicate(timeout=PATIENCE)
            except subprocess.TimeoutExpired:
                running.kill()
                raise
        if ok is not None:
            assert (running.returncode == 0) == ok, f"pulumi {' '.join(arguments)}: {running.returncode}\n{text}"
        return Run(running.returncode, text)

    def up(self, ok: bool | None = True, *more: str) -> Run:
        return self.pulumi("up", "--yes", "--skip-preview", *more, ok=ok)

    def expect_no_changes(self) -> None:
        self.pulumi("preview", "--expect-no-changes", "--diff")

    def steps(self) -> dict[str, str]:
        """What a preview would do: resource name → operation, unchanged ones left out."""
        said = self.pulumi("preview", "--json", ok=None).text
        steps = json.JSONDecoder().raw_decode(said[said.index("{") :])[0]["steps"]
        return {step["urn"].rsplit("::", 1)[1]: step["op"] for step in steps if step["op"] != "same"}

    def output(self, name: str) -> Any:
        return json.loads(self.pulumi("stack", "output", name, "--json").text)

    def resources(self) -> dict[str, dict[str, Any]]:
        """Name → resource of the state, as it is written."""
        deployment = json.loads(self.pulumi("stack", "export").text)["deployment"]
        return {one["urn"].rsplit("::", 1)[1]: one for one in deployment.get("resources", [])}

    def state_files(self) -> str:
        """All that is on disk, as text."""
        files = (file for file in (self.folder / "state").rglob("*") if file.is_file())
        return "".join(file.read_text(errors="replace") for file in files)

    def destroy(self, ok: bool | None = True) -> Run:
        return self.pulumi("destroy", "--yes", "--skip-preview", ok=ok)


def processes_of(folder: Path) -> list[int]:
    """Processes that work in a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                cwd = (entry / "cwd").readlink()
            except OSError:
                continue
            if cwd.is_relative_to(folder):
                found.append(int(entry.name))
    return found
