"""The program's virtual environment: where it is, and what is in it."""

import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import distributions
from pathlib import Path
from typing import Any

PLUGIN_FILE = "pulumi-plugin.json"


class EnvironmentProblem(Exception):
    """There is no usable virtual environment; the text says what to do."""


@dataclass(frozen=True)
class Plugin:
    """What a package of the environment needs from the engine."""

    name: str
    version: str
    server: str


@dataclass(frozen=True)
class Environment:
    """folder: the virtual environment."""

    folder: Path

    @property
    def python(self) -> Path:
        return self.folder / "bin/python"

    @property
    def variables(self) -> dict[str, str]:
        """What an activated environment looks like to a program."""
        kept = {name: value for name, value in os.environ.items() if name != "PYTHONHOME"}
        return kept | {"VIRTUAL_ENV": str(self.folder), "PATH": f"{self.folder}/bin:{kept.get('PATH', os.defpath)}"}

    def plugins(self) -> list[Plugin]:
        """The resource plugins that the installed SDKs ask for."""
        return sorted(set(self._found()), key=lambda plugin: plugin.name)

    def packages(self) -> dict[str, str]:
        """Name → version of everything installed."""
        return {found.name: found.version for found in distributions(path=[str(p) for p in self._site_packages()])}

    def _found(self) -> Iterator[Plugin]:
        for packages in self._site_packages():
            for file in packages.glob(f"*/{PLUGIN_FILE}"):
                said = json.loads(file.read_text())
                if said.get("resource"):
                    name = said.get("name") or re.sub("^pulumi_", "", file.parent.name)
                    yield Plugin(name, said.get("version", ""), said.get("server", ""))

    def _site_packages(self) -> list[Path]:
        return sorted(self.folder.glob("lib/python3*/site-packages"))


def environment(root: str, options: Mapping[str, Any]) -> Environment:
    """root: the folder of Pulumi.yaml; options: of its runtime (toolchain, virtualenv). Raises EnvironmentProblem."""
    toolchain = options.get("toolchain", "uv")
    if toolchain != "uv":
        raise EnvironmentProblem(
            f"toolchain {toolchain!r} is not implemented by this project's stand-in for the Python language host "
            "(lab/engine), which knows uv; use the official one: make ENGINE=path"
        )
    folder = (Path(root) / options.get("virtualenv", ".venv")).absolute()
    if not (folder / "bin/python").exists():
        raise EnvironmentProblem(f"{folder} is no virtual environment, so the program cannot run\n  -> uv sync")
    return Environment(folder)
