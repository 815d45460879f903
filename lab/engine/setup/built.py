"""The engine where it cannot be downloaded: the CLI from its Go module, the rest by the stand-ins of lab/engine."""

import compileall
import hashlib
import os
import shlex
import shutil
import subprocess
import time
from pathlib import Path

from .choice import BIN, CLI_VERSION, HOME, PLUGINS, ROOT, SetupProblem

MODULE = "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi"
HERE = ROOT / "lab/engine"
RUNNER = HERE / "run.py"
SAY_EVERY = 15  # seconds
FLAGS = f"-s -w -X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=v{CLI_VERSION}"
_WRAPPER = '#!/bin/sh\nexec {python} {runner} {package} "$@"\n'


def stamp() -> str:
    """Names what the CLI is built from."""
    files = b"".join((HERE / name).read_bytes() for name in ("go.mod", "go.sum"))
    return hashlib.sha256(files + FLAGS.encode()).hexdigest()


def cli() -> Path:
    """The CLI in .engine/bin, built when its modules or flags have changed. Raises SetupProblem."""
    built, built_from = BIN / "pulumi", BIN / "built-from"
    if built.exists() and built_from.exists() and built_from.read_text() == stamp():
        return built
    BIN.mkdir(parents=True, exist_ok=True)
    built_from.unlink(missing_ok=True)
    new = BIN / "pulumi.new"
    go = _go()
    _build([go, "build", "-v", "-o", str(new), "-ldflags", FLAGS, MODULE], _count(go))
    new.rename(built)
    built_from.write_text(stamp())
    return built


def language_host() -> Path:
    """Beside the CLI, where it looks for it."""
    return _wrapper(BIN / "pulumi-language-python", "language_host")


def plugin(pulumi: Path, name: str) -> Path:
    """The stand-in, installed in the private PULUMI_HOME. Raises SetupProblem."""
    installed = HOME / "plugins" / f"resource-{name}-v{PLUGINS[name]}"
    if installed.is_symlink():
        installed.unlink()
    made = _wrapper(BIN / f"stand-in/pulumi-resource-{name}", f"{name}_provider")
    done = subprocess.run(
        [pulumi, "plugin", "install", "resource", name, PLUGINS[name], "--reinstall", "--file", made],
        env=os.environ | {"PULUMI_HOME": str(HOME), "PULUMI_SKIP_UPDATE_CHECK": "true"},
        capture_output=True,
        text=True,
    )
    if done.returncode:
        raise SetupProblem(f"the stand-in for the {name} plugin could not be installed: {done.stderr.strip()}")
    return installed


def remove_stand_ins() -> None:
    """So that what is in the private PULUMI_HOME is official again."""
    for name, version in PLUGINS.items():
        installed = HOME / "plugins" / f"resource-{name}-v{version}"
        program = installed / f"pulumi-resource-{name}"
        if program.exists() and str(RUNNER).encode() in program.read_bytes()[:4096]:
            shutil.rmtree(installed)


def compile_stand_ins() -> None:
    """So that a plugin's start, which happens at every preview, does not begin with compiling it."""
    for package in ("command_provider", "docker_provider", "language_host"):
        compileall.compile_dir(HERE / package, quiet=2)
    compileall.compile_file(HERE / "serving.py", quiet=2)


def _wrapper(path: Path, package: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    python = shlex.quote(str(ROOT / ".venv/bin/python"))
    path.write_text(_WRAPPER.format(python=python, runner=shlex.quote(str(RUNNER)), package=package))
    path.chmod(0o755)
    return path


def _go() -> str:
    found = subprocess.run([ROOT / "lab/find-go"], stdout=subprocess.PIPE, text=True)
    if found.returncode:
        raise SetupProblem("without Go there is no engine: see above, or install Pulumi and run make ENGINE=path")
    return found.stdout.strip()


def _count(go: str) -> int:
    """How many packages the CLI is made of, 0 where Go does not tell. Gets the modules first, which takes a while."""
    print(f"getting the Go modules of Pulumi {CLI_VERSION} (once) ...", flush=True)
    done = subprocess.run(
        [go, "list", "-deps", MODULE], cwd=HERE, env=_environment(), stdout=subprocess.PIPE, text=True
    )
    return len(done.stdout.splitlines()) if done.returncode == 0 else 0


def _environment() -> dict[str, str]:
    return os.environ | {"GOFLAGS": "-mod=readonly", "GOWORK": "off"}


def _build(command: list[str], total: int) -> None:
    """Shows how far it is: -v names every package on stderr when it is compiled, those of an earlier try aside."""
    print(f"building Pulumi {CLI_VERSION} from its Go module (5 to 10 minutes, once) ...", flush=True)
    nice = [shutil.which("nice") or "", "-n", "5"] if shutil.which("nice") else []
    start = said = time.monotonic()
    packages, tail = 0, list[str]()
    with subprocess.Popen(
        [*nice, *command], cwd=HERE, env=_environment(), stderr=subprocess.PIPE, text=True
    ) as building:
        assert building.stderr is not None
        for line in building.stderr:
            packages, tail = packages + 1, [*tail[-20:], line]
            if time.monotonic() - said > SAY_EVERY:
                said = time.monotonic()
                of = f" of at most {total}" if total else ""
                print(f"  {packages}{of} packages, {said - start:.0f} s", flush=True)
    if building.returncode:
        raise SetupProblem(
            f"the build of the Pulumi CLI failed:\n{''.join(tail)}"
            "  -> see whether this machine reaches the Go module proxy; or install Pulumi and run make ENGINE=path"
        )
    print(f"  built in {time.monotonic() - start:.0f} s", flush=True)
