"""HostShim: the NAS's own interface on the containers' network, its routes and its boot unit. It is one command."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pulumi
from pulumi_command import remote

from inputs.ssh_access import CONNECT_TIMEOUT, SshAccess
from install.files import AS_ROOT, UNPACK, HostFiles, bundle
from install.profiles import SYSTEMD_STANDALONE
from plan.lan import ShimPlan

TIMEOUT = 180  # seconds that one change on the NAS may take; the plugin itself has no limit
# Names of before the first release: another word in the triggers would remove the shim of an installed NAS first.
_TRIGGERS = {SYSTEMD_STANDALONE: "systemd-network"}
TRIES = 3  # the plugin's default of 10 makes a wrong key look like a hang


@dataclass(frozen=True)
class HostShimArgs:
    """scripts: texts of nas/unpack.sh, which takes the bundle from stdin, and of nas/as_root.sh, by their names.
    after: resources that have to be made before."""

    plan: ShimPlan
    files: HostFiles
    scripts: Mapping[str, str]
    access: SshAccess
    after: Sequence[pulumi.Resource] = ()


class HostShim(pulumi.ComponentResource):
    """summary: what the NAS reported after the change."""

    summary: pulumi.Output[str]

    def __init__(self, name: str, args: HostShimArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("macvlan:lan:HostShim", name, {}, opts)
        install, access = args.files.install, args.access
        command = remote.Command(
            f"{name}-host",
            connection=connection(access),
            create=_command(args.scripts, install.privilege, "apply"),
            delete=_command(args.scripts, install.privilege, "remove"),
            stdin=_stdin(args),
            # Identity: with another NAS, path, link name or boot hook the old ones are removed first. All else is an
            # update.
            triggers=[access.host, args.plan.name, _TRIGGERS.get(install.boot_hook, install.boot_hook), *install.files],
            add_previous_output_in_env=False,
            opts=pulumi.ResourceOptions(parent=self, depends_on=list(args.after), delete_before_replace=True),
        )
        self.summary = command.stdout
        self.register_outputs({"summary": self.summary})


def connection(access: SshAccess) -> remote.ConnectionArgs:
    """The settings of every SSH connection of this program, in the command plugin's words."""
    return remote.ConnectionArgs(
        host=access.host,
        port=access.port,
        user=access.user,
        private_key=None if access.private_key is None else pulumi.Output.secret(access.private_key),
        host_key=access.plugin_host_key,
        dial_error_limit=TRIES,
        per_dial_timeout=CONNECT_TIMEOUT,
    )


def _command(scripts: Mapping[str, str], rights: str, verb: str) -> str:
    words = ["sh", "-c", scripts[AS_ROOT], "sh", rights, str(TIMEOUT), "sh", "-c", scripts[UNPACK], "sh", verb]
    return shlex.join(words)


def _stdin(args: HostShimArgs) -> pulumi.Input[str]:
    text = bundle(args.files)
    if args.files.install.privilege != "password":
        return text
    return pulumi.Output.secret(f"{args.access.sudo_password}\n{text}")
