"""The official engine: the one on PATH, or the one from Pulumi's download site."""

import os
import platform
import re
import shutil
import subprocess
import tarfile
import threading
import urllib.error
import urllib.request
from collections.abc import Mapping
from pathlib import Path

from .choice import BIN, CLI_VERSION, ENGINE, HOME, PLUGINS, SetupProblem

SITE = "https://get.pulumi.com"
FIND_OUT = 8  # seconds to see whether the site answers, name lookup and all
DOWNLOAD = 600  # seconds for one download
HOST = "pulumi-language-python"


def on_path() -> Path | None:
    """The `pulumi` on PATH that is not one of ours."""
    folders = [p for p in os.environ.get("PATH", "").split(":") if p and not _is_ours(Path(p))]
    found = shutil.which("pulumi", path=":".join(folders))
    return Path(found).absolute() if found else None


def _is_ours(folder: Path) -> bool:
    return folder.resolve().is_relative_to(ENGINE.resolve())


def version(pulumi: Path) -> str:
    """v3.259.0. Raises SetupProblem for what is no Pulumi."""
    said = _ask([str(pulumi), "version"], 30)
    if not re.fullmatch(r"v\d+\.\d+\.\S+", said.strip()):
        raise SetupProblem(f"{pulumi} does not say its version ({said.strip()[:200]!r})\n  -> install Pulumi anew")
    return said.strip()


def language_host(pulumi: Path) -> Path | None:
    """The one that came with the CLI."""
    beside = pulumi.resolve().with_name(HOST)
    return beside if beside.exists() else None


def plugin(name: str, home: Path) -> Path | None:
    """A resource plugin of the version that the program asks for, in a PULUMI_HOME or on PATH."""
    installed = home / "plugins" / f"resource-{name}-v{PLUGINS[name]}"
    if (installed / f"pulumi-resource-{name}").exists():
        return installed
    found = shutil.which(f"pulumi-resource-{name}")
    return Path(found) if found and not _is_ours(Path(found).parent) else None


def persons_home() -> Path:
    """The PULUMI_HOME of whoever runs this."""
    given = os.environ.get("PULUMI_HOME")
    if given and not _is_ours(Path(given)):
        return Path(given).absolute()
    return Path.home() / ".pulumi"


def install_plugin(pulumi: Path, name: str, home: Path) -> bool:
    """From the download site; False when that fails."""
    command = [str(pulumi), "plugin", "install", "resource", name, PLUGINS[name]]
    env = os.environ | {"PULUMI_HOME": str(home), "PULUMI_SKIP_UPDATE_CHECK": "true"}
    try:
        return subprocess.run(command, env=env, timeout=DOWNLOAD, stdout=subprocess.DEVNULL).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def reachable() -> bool:
    """Whether the download site answers within FIND_OUT seconds."""
    answers: list[bool] = []

    def ask() -> None:
        try:
            request = urllib.request.Request(f"{SITE}/releases/sdk/{_archive()}", method="HEAD")
            with urllib.request.urlopen(request, timeout=FIND_OUT) as answer:
                answers.append(answer.status == 200)
        except (OSError, ValueError, SetupProblem):
            answers.append(False)

    # A thread, because a name lookup takes no timeout; one that hangs does not keep the program from ending.
    asking = threading.Thread(target=ask, daemon=True)
    asking.start()
    asking.join(FIND_OUT)
    return bool(answers and answers[0])


def download() -> Path:
    """The CLI and its language host into .engine/bin. Raises SetupProblem."""
    print(f"downloading Pulumi {CLI_VERSION} ...", flush=True)
    new = ENGINE / "download.new"
    shutil.rmtree(new, ignore_errors=True)
    try:
        with (
            urllib.request.urlopen(f"{SITE}/releases/sdk/{_archive()}", timeout=60) as answer,
            tarfile.open(fileobj=answer, mode="r|gz") as archive,
        ):
            archive.extractall(new, filter="data")
        shutil.rmtree(BIN, ignore_errors=True)
        (new / "pulumi").rename(BIN)
    except (OSError, tarfile.TarError) as err:
        raise SetupProblem(f"the download of Pulumi broke off: {err}") from err
    finally:
        shutil.rmtree(new, ignore_errors=True)
    return BIN / "pulumi"


def share_plugins(home: Path) -> None:
    """Lets the private home use the plugins that the person has."""
    for name in PLUGINS:
        theirs = plugin(name, home)
        ours = HOME / "plugins" / f"resource-{name}-v{PLUGINS[name]}"
        if theirs and theirs.is_dir() and not ours.exists():
            ours.parent.mkdir(parents=True, exist_ok=True)
            ours.symlink_to(theirs)


def origin(part: str, where: Path) -> str:
    """Words for a part that is used as it is found."""
    return f"official {PLUGINS.get(part, '')} ({where})".replace("  ", " ")


def _archive() -> str:
    machine = {"x86_64": "x64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine())
    if machine is None:
        raise SetupProblem(f"Pulumi has no download for {platform.machine()}\n  -> install it, then make ENGINE=path")
    return f"pulumi-v{CLI_VERSION}-linux-{machine}.tar.gz"


def _ask(command: list[str], timeout: float, env: Mapping[str, str] | None = None) -> str:
    try:
        asked = subprocess.run(
            command,
            capture_output=True,
            text=True,
            timeout=timeout,
            env=os.environ | {"PULUMI_SKIP_UPDATE_CHECK": "true"} | dict(env or {}),
        )
    except (OSError, subprocess.TimeoutExpired) as err:
        raise SetupProblem(f"{command[0]} does not run: {err}\n  -> install Pulumi anew") from err
    return asked.stdout or asked.stderr
