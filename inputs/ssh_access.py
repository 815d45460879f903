"""How to log in to the NAS: one set of SSH settings for the command plugin, the docker plugin and our own ssh.

The server is always verified. ~/.ssh/config is not read, because the command plugin does not read it.
"""

import hashlib
import os
import shutil
import socket
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path

from config.problems import Problem, as_text
from config.site import Nas
from inputs.host_keys import for_the_plugin, read_host_keys
from inputs.paths import for_ssh, from_home

CONNECT_TIMEOUT = 10  # seconds
CONTROL_PERSIST = 60  # seconds that the shared connection outlives its last user


@dataclass(frozen=True)
class SshAccess:
    """The settings of every SSH connection.

    host_keys: the trusted ones, "TYPE BASE64"; ssh accepts a server that shows any of them.
    plugin_host_key: the one that the command plugin compares, of the kind that its SSH library is shown.
    revoked: keys that the server must not show.
    identity_file: the value of ssh's IdentityFile; private_key: the key's text. Both are None if the ssh agent is used:
        each plugin finds it by SSH_AUTH_SOCK, whose value differs on each laptop and after each login.
    """

    host: str
    port: int
    user: str
    host_keys: tuple[str, ...]
    plugin_host_key: str
    identity_file: str | None = None
    private_key: str | None = field(default=None, repr=False)
    revoked: tuple[str, ...] = ()
    sudo_password: str | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"ssh://{self.user}@{host}:{self.port}"

    @property
    def _digest(self) -> str:
        """The name of the shared connection. The host keys are part of it, because two sites may both have a
        192.168.1.10."""
        return hashlib.sha256(" ".join([self.url, *self.host_keys]).encode()).hexdigest()[:16]

    @property
    def options(self) -> list[str]:
        """ssh's own arguments. All share one connection (ControlMaster), because sshd drops connections when many
        arrive at once.

        The options contain the trusted keys themselves, so that a destroy from another laptop needs no file of this
        one.
        """
        settings = {
            "BatchMode": "yes",
            "StrictHostKeyChecking": "yes",
            "UserKnownHostsFile": "/dev/null",
            "GlobalKnownHostsFile": "/dev/null",
            # One argument may contain line ends, because ssh splits only at blanks. NixOS has no /bin/echo.
            "KnownHostsCommand": """/bin/sh -c 'echo "$*"' sh """ + "\n".join(f"%H {key}" for key in self.host_keys),
            "ConnectTimeout": str(CONNECT_TIMEOUT),
            "ServerAliveInterval": "5",
            "ServerAliveCountMax": "3",
            "ControlMaster": "auto",
            # With ~, because the docker provider stores the options: an absolute path would differ on another laptop
            "ControlPath": f"~/.ssh/macvlan-{self._digest}",
            "ControlPersist": str(CONTROL_PERSIST),
        }
        if self.identity_file is not None:
            settings |= {"IdentityFile": self.identity_file, "IdentitiesOnly": "yes", "IdentityAgent": "none"}
        options = ["-F", "/dev/null"]
        for name, value in settings.items():
            options += ["-o", f"{name}={value}"]
        return options

    def command(self, remote: str) -> list[str]:
        """The words of an ssh that runs ``remote`` over that connection. ``remote`` is already quoted for the NAS's
        shell."""
        return ["ssh", *self.options, "-p", str(self.port), "-l", self.user, self.host, remote]

    def with_host_keys(self, host_keys: Iterable[str]) -> "SshAccess":
        """The same access with the keys that the NAS itself named over a verified connection."""
        return replace(self, plugin_host_key=for_the_plugin(self.host_keys, host_keys))


def read_ssh_access(nas: Nas, project: Path) -> tuple[SshAccess | None, list[Problem]]:
    """project: the folder that relative paths of the site start from."""
    if shutil.which("ssh-keygen") is None:
        message = "is not installed on this computer, and keys cannot be checked without it"
        return None, [Problem("ssh-keygen", "", message, "install OpenSSH's client")]
    known, problems = read_host_keys(nas, project)
    agent = os.environ.get("SSH_AUTH_SOCK") or None
    problems += _agent_problems(nas, agent)
    identity, private_key = None, None
    if nas.identity_file is not None:
        identity, private_key, wrong = _private_key(nas.identity_file, project)
        problems += wrong
    if problems:
        return None, problems
    return (
        SshAccess(
            host=nas.host,
            port=nas.port,
            user=nas.user,
            host_keys=known.trusted,
            plugin_host_key=for_the_plugin(known.trusted, ()),
            identity_file=identity,
            private_key=private_key,
            revoked=known.revoked,
        ),
        [],
    )


def _private_key(shown: str, project: Path) -> tuple[str | None, str | None, list[Problem]]:
    def wrong(message: str, remedy: str) -> tuple[None, None, list[Problem]]:
        return None, None, [Problem("site.nas.identity_file", as_text(shown), message, remedy)]

    if shown.startswith("~") and not os.environ.get("HOME"):
        return wrong("starts at a home that this shell does not know (HOME is not set)", "`export HOME=~`")
    if "PRIVATE KEY" in shown:
        return wrong("is the text of a key, which must not stand in a config", "write the path of the key's file")
    try:
        path = from_home(shown, project)
        text = path.read_text()
    except FileNotFoundError:
        remedy = f"make a key with `ssh-keygen -t ed25519 -f {shown}`, or remove the line to use your ssh agent"
        return wrong("does not exist, so there is no way into the NAS", remedy)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text file"
        return wrong(f"cannot be read ({reason}), so there is no way into the NAS", "name a private key of yours")
    if "PRIVATE KEY" not in text:
        private = f"write {shown.removesuffix('.pub')}" if shown.endswith(".pub") else "name the private key"
        return wrong("is not a private key", private)
    check = subprocess.run(  # -P '': fails on a passphrase instead of asking
        ["ssh-keygen", "-y", "-P", "", "-f", str(path)], capture_output=True, text=True, stdin=subprocess.DEVNULL
    )
    if check.returncode == 0:
        return for_ssh(shown), text, []
    if "passphrase" in check.stderr:
        remedy = f"run `ssh-add {shown}` and remove this line: the agent's key is used then"
        return wrong("has a passphrase, and the plugins cannot ask for it", remedy)
    if "too open" in check.stderr:
        return wrong("can be read by others, so ssh refuses it", f"chmod 600 {shown}")
    return wrong(f"is a damaged private key ({_last(check.stderr)})", "copy it again, or make another one")


def _last(output: str) -> str:
    return output.strip().splitlines()[-1] if output.strip() else "ssh-keygen gives no reason"


def _agent_problems(nas: Nas, agent: str | None) -> list[Problem]:
    """A dead agent breaks the command plugin even where it is not needed
    (docs/upstream-facts.md#command-connections)."""
    if agent is None:
        if nas.identity_file is not None:
            return []
        message = "is not set and no ssh agent runs (SSH_AUTH_SOCK), so there is no way into the NAS"
        remedy = "add `identity_file: ~/.ssh/id_ed25519`, or start an agent and `ssh-add` your key"
        return [Problem("site.nas.identity_file", "", message, remedy)]
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.settimeout(2)
            client.connect(agent)
            return []
        except OSError:
            message = (
                "names an ssh agent that does not answer, and the command plugin fails on that even with a key file"
            )
            return [Problem("SSH_AUTH_SOCK", agent, message, "unset SSH_AUTH_SOCK, or start the agent again")]
