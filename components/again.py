"""A container whose start lost Docker's race with the router's advertisement is made again within the same run."""

import asyncio
import shlex
import subprocess

import pulumi
from pulumi.runtime import settings
from pulumi.runtime.proto import resource_pb2

from inputs.ssh_access import SshAccess

LOST = "failed to set IPv6 gateway"  # libnetwork, engines before 29 (FACTS.md section 6)
TRIES = 10
TIMEOUT = 60  # seconds for one command on the NAS


def start_again(name: str, access: SshAccess) -> pulumi.ErrorHook | None:
    """The hook for all containers; None where Pulumi's CLI is too old for one, so that a second `pulumi up` does it.

    The plugin leaves a container that it made and could not start. It has never run: it is removed, with the anonymous
    volumes that were made for it, and Pulumi makes it once more, TRIES times at most.
    """
    if not settings.monitor_supports_feature(resource_pb2.RESOURCE_MONITOR_FEATURE_ERROR_HOOKS):
        return None

    async def again(failed: pulumi.ErrorHookArgs) -> bool:
        if LOST not in failed.errors[0] or len(failed.errors) > TRIES:
            return False
        if failed.failed_operation == "create":
            container = (failed.new_inputs or {})["name"]
            return await asyncio.to_thread(_removed, access, container)
        return True  # an update starts the one that is there

    return pulumi.ErrorHook(name, again)


def _removed(access: SshAccess, container: str) -> bool:
    """By its name, which nobody else can have: Docker gave it to this one moments ago."""
    if _docker(access, "rm", "--volumes", container):
        return True
    # The watch loop was quicker and started it: it stops as if it were replaced
    return _docker(access, "stop", container) and _docker(access, "rm", container)


def _docker(access: SshAccess, *words: str) -> bool:
    try:
        return (
            subprocess.run(
                access.command(shlex.join(["docker", *words])),
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=TIMEOUT,
            ).returncode
            == 0
        )
    except (OSError, subprocess.TimeoutExpired):
        return False
