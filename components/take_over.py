"""A container of Compose's makes room for ours, within the same run (preflight/projects/take_over.py)."""

import asyncio
import shlex
import subprocess

import pulumi

from components.pulumi_internals import supports_resource_hooks
from config.problems import Problem, UserErrors
from facts.labels import ADDRESSES
from inputs.ssh_access import SshAccess
from install.conf import one_line
from preflight.projects.take_over import Replaced

TIMEOUT = 900  # seconds; a container has its own time to stop


def take_over_hook(name: str, access: SshAccess, replaced: Replaced) -> pulumi.ResourceHook:
    """The hook of the one container that takes that place. Raises UserErrors if Pulumi's CLI is too old for hooks."""
    if not supports_resource_hooks():
        message = "is in the way, and this Pulumi is too old to call the program in the middle of a run"
        raise UserErrors(
            [Problem("site.compose", replaced.name, message, "install a newer Pulumi, or remove it there")]
        )

    async def clear(about: pulumi.ResourceHookArgs) -> None:
        await asyncio.to_thread(_clear, access, replaced)

    return pulumi.ResourceHook(name, clear)


def _clear(access: SshAccess, replaced: Replaced) -> None:
    """Raises RuntimeError with Docker's message. Only the container that the preview saw is removed, by its id, and its
    volumes stay."""
    form = f'{{{{.Id}}}} {{{{with index .Config.Labels "{ADDRESSES}"}}}}ours{{{{end}}}}'
    found = _docker(access, "inspect", "--format", form, replaced.id)
    if found.returncode != 0:
        if "No such" in found.stderr:
            return  # somebody removed it meanwhile
        raise RuntimeError(f"{replaced.name} could not be looked at on the NAS: {one_line(found.stderr)}")
    if found.stdout.split() != [replaced.id]:
        raise RuntimeError(f"{replaced.name} is not the container that the preview saw, and stays as it is")
    for words in (("stop", replaced.id), ("rm", replaced.id)):
        done = _docker(access, *words)
        if done.returncode != 0:
            raise RuntimeError(f"`docker {words[0]} {replaced.name}` failed on the NAS: {one_line(done.stderr)}")


def _docker(access: SshAccess, *words: str) -> subprocess.CompletedProcess[str]:
    command = access.command(shlex.join(["docker", *words]))
    try:
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT, encoding="utf-8", errors="replace"
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"`docker {words[0]}` on the NAS took more than {TIMEOUT} s") from None
