"""A container whose start lost Docker's race with a router's advertisement is recreated within the same run."""

import asyncio
import shlex
import subprocess

import pulumi

from components.pulumi_internals import supports_error_hooks
from inputs.ssh_access import SshAccess

GATEWAY_RACE_ERROR = (
    "failed to set IPv6 gateway"  # libnetwork, engines before 29 (docs/upstream-facts.md#docker-gateway-race)
)
TRIES = 10
TIMEOUT = 60  # seconds for one command on the NAS


def start_retry_hook(name: str, access: SshAccess) -> pulumi.ErrorHook | None:
    """The hook for all containers; None if Pulumi's CLI is too old for hooks, so that a second `pulumi up` is needed.

    The plugin leaves behind a container that it made and could not start. That container has never run, so the hook
    removes it, with the anonymous volumes that were made for it, and Pulumi makes it again, TRIES times at most. The
    watch loop leaves such a container alone in its first minute.
    """
    if not supports_error_hooks():
        return None

    async def retry(failed: pulumi.ErrorHookArgs) -> bool:
        if GATEWAY_RACE_ERROR not in failed.errors[0] or len(failed.errors) > TRIES:
            return False
        if failed.failed_operation == "create":
            container = (failed.new_inputs or {})["name"]
            return await asyncio.to_thread(_removed, access, container)
        return True  # an update starts the one that is there

    return pulumi.ErrorHook(name, retry)


def _removed(access: SshAccess, container: str) -> bool:
    """Removes a container that has never run. One that runs may be in its first start. No other container can have its
    name, because Docker gave the name to this one moments ago."""
    state, _, identity = _docker(access, "inspect", "--format", "{{.State.Status}} {{.Id}}", container).partition(" ")
    return state == "created" and bool(_docker(access, "rm", "--volumes", identity))


def _docker(access: SshAccess, *words: str) -> str:
    """The command's output, "" if it failed."""
    command = access.command(shlex.join(["docker", *words]))
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else ""
