"""The NAS pulls an image before Pulumi looks it up there, within the same run.

The Docker plugin pulls only an image that is missing, whatever its `pullTriggers` say (docs/decisions/0021).
"""

import asyncio
import shlex
import subprocess

import pulumi

from components.pulumi_internals import supports_resource_hooks
from config.keys import PULLED_KEY
from config.problems import Problem, UserErrors
from inputs.ssh_access import SshAccess
from install.conf import one_line

TIMEOUT = 1200  # seconds, as the plugin has for its own pulls


def image_pull_hook(name: str, access: SshAccess) -> pulumi.ResourceHook:
    """The hook for those images. Raises UserErrors if Pulumi's CLI is too old for hooks."""
    if not supports_resource_hooks():
        message = "cannot be done with this Pulumi, which is too old to call the program in the middle of a run"
        remedy = f"install a newer one; or `pulumi config rm {PULLED_KEY}`, `docker pull` there, `pulumi up --refresh`"
        raise UserErrors([Problem(PULLED_KEY, "", message, remedy)])

    async def pull(about: pulumi.ResourceHookArgs) -> None:
        image = about.new_inputs or {}
        await asyncio.to_thread(_pull, access, image["name"], image.get("platform") or "")

    return pulumi.ResourceHook(name, pull)


def _pull(access: SshAccess, image: str, platform: str) -> None:
    """Raises RuntimeError with Docker's message. The image that was there stays, and its containers keep running."""
    of_platform = ["--platform", platform] if platform else []
    command = access.command(shlex.join(["docker", "pull", "--quiet", *of_platform, image]))
    try:
        done = subprocess.run(command, stdin=subprocess.DEVNULL, capture_output=True, timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        raise RuntimeError(f"`docker pull {image}` on the NAS took more than {TIMEOUT} s") from None
    if done.returncode != 0:
        reason = one_line(done.stderr.decode(errors="replace"))
        raise RuntimeError(
            f"`docker pull {image}` failed on the NAS, and its containers stay as they are: {reason}; "
            "to use the image that the NAS has, write `pull_policy: missing` at them"
        )
