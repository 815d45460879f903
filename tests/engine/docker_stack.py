"""Stacks of the real CLI with inline programs and file state, for the tests of the docker plugin."""

import os
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
from pulumi import automation as auto

from tests.engine.docker_box import ROOT, Dockerd

Program = Callable[[], None]


def environment() -> dict[str, str]:
    """The environment that finds the CLI and the plugins: .engine/env if there is one, else what is on PATH."""
    env = dict(os.environ)
    if (ROOT / ".engine/env").exists():
        shown = subprocess.run(
            ["sh", "-c", "set -a; . .engine/env; env -0"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout
        env = dict(line.split("=", 1) for line in shown.split("\0") if line)
    if not shutil.which("pulumi", path=env["PATH"]):
        pytest.fail("there is no pulumi, neither in .engine nor on PATH: make engine")
    return env


def _counts(changes: Mapping[Any, int] | None) -> dict[str, int]:
    return {str(operation): count for operation, count in (changes or {}).items()}


class Stack:
    """A stack with file state of its own and an inline program, which needs no language host."""

    def __init__(self, folder: Path, env: dict[str, str]) -> None:
        self.folder = folder
        (folder / "state").mkdir()
        given = {
            "PATH": env["PATH"],
            "PULUMI_BACKEND_URL": f"file://{folder}/state",
            "PULUMI_CONFIG_PASSPHRASE": "test",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            **({"PULUMI_HOME": env["PULUMI_HOME"]} if "PULUMI_HOME" in env else {}),
        }
        os.environ.update(given)
        options = auto.LocalWorkspaceOptions(env_vars=given, work_dir=str(folder))
        self.stack = auto.create_stack("test", project_name="docker-test", program=lambda: None, opts=options)

    def up(self, program: Program) -> dict[str, int]:
        """What was done: operation → count."""
        self.stack.workspace.program = program
        return _counts(self.stack.up(color="never").summary.resource_changes)

    def preview(self, program: Program | None = None) -> dict[str, int]:
        """What would be done: operation → count."""
        if program:
            self.stack.workspace.program = program
        return _counts(self.stack.preview(color="never").change_summary)

    def refresh(self) -> dict[str, int]:
        return _counts(self.stack.refresh(color="never").summary.resource_changes)

    def destroy(self) -> None:
        self.stack.workspace.program = lambda: None
        self.stack.destroy(color="never")

    def resource(self, kind: str) -> dict[str, Any]:
        """A resource of the state, by the end of its type."""
        resources = (self.stack.export_stack().deployment or {})["resources"]
        return next(r for r in resources if r["type"].endswith(f":{kind}"))


def fresh(folder: Path, env: dict[str, str], daemon: Dockerd, monkeypatch: pytest.MonkeyPatch) -> Iterator[Stack]:
    """A stack that is destroyed afterwards, and nothing of it may be left."""
    for name in ("PATH", "PULUMI_HOME", "PULUMI_BACKEND_URL", "PULUMI_CONFIG_PASSPHRASE", "PULUMI_SKIP_UPDATE_CHECK"):
        monkeypatch.setenv(name, os.environ.get(name, ""))
    monkeypatch.delenv("PULUMI_HOME") if not os.environ.get("PULUMI_HOME") else None
    found = Stack(folder, env)
    yield found
    daemon.docker("rm -f squatter mine", check=False)
    found.destroy()
    assert daemon.docker("ps -aq") == ""
    assert daemon.docker("network ls -q -f type=custom") == ""
