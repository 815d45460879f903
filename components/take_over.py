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
OURS = "a container of this program"
NONE_SUCH = "No such container"


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
    found = _look(access, replaced.id, replaced.name)
    if found is None:  # somebody removed it meanwhile
        if _look(access, replaced.name, replaced.name) not in (None, OURS):
            message = f"{replaced.name} was made anew on the NAS since the preview, and stays as it is"
            raise RuntimeError(f"{message}; run `pulumi up` once more")
        return
    if found != f"{replaced.id} /{replaced.name}":
        message = f"{replaced.name} is not what the preview saw any more, and stays as it is: {one_line(found)}"
        raise RuntimeError(f"{message}; run `pulumi up` once more")
    for words in (("stop", replaced.id), ("rm", replaced.id)):  # its own time to stop; and no -v
        done = _docker(access, *words)
        if done.returncode != 0 and not (words[0] == "rm" and NONE_SUCH in done.stderr):  # made with --rm
            raise RuntimeError(f"`docker {words[0]} {replaced.name}` failed on the NAS: {one_line(done.stderr)}")


def _look(access: SshAccess, which: str, name: str) -> str | None:
    """Its id and name, OURS if it has our label; None if there is none. which: its id or its name."""
    theirs = "{{.Id}} {{.Name}}"
    form = f'{{{{with index .Config.Labels "{ADDRESSES}"}}}}{OURS}{{{{else}}}}{theirs}{{{{end}}}}'
    found = _docker(access, "container", "inspect", "--format", form, which)
    if found.returncode == 0:
        return found.stdout.strip()
    if NONE_SUCH in found.stderr:
        return None
    raise RuntimeError(f"{name} could not be looked at on the NAS: {one_line(found.stderr)}")


def _docker(access: SshAccess, *words: str) -> subprocess.CompletedProcess[str]:
    command = access.command(shlex.join(["docker", *words]))
    try:
        return subprocess.run(
            command, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT, encoding="utf-8", errors="replace"
        )
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"`docker {words[0]}` on the NAS took more than {TIMEOUT} s") from None
