"""How to get into the NAS: one set of SSH settings for the command plugin, the docker plugin and our own ssh.

The server is always verified. ~/.ssh/config is not read, because the command plugin does not read it.
"""

import base64
import errno
import hashlib
import os
import re
import shutil
import socket
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from plan.config import Nas
from plan.problems import Problem, as_text

CONNECT_TIMEOUT = 10  # seconds
KEEP_MASTER = 60  # seconds that the shared connection outlives its last user
HOST_KEY_TYPES = (  # the order in which the command plugin's SSH library asks a server for its key
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
    "ssh-ed25519",
)
_KEY = re.compile(r"(?:^|\s)((?:ssh|ecdsa)-[a-z0-9-]+) ([A-Za-z0-9+/]{40,}=*)")


@dataclass(frozen=True)
class SshAccess:
    """private_key: the key's text, or None where the agent at ``agent_socket`` holds it.

    host_key: the pinned key, "TYPE BASE64"; plugin_host_key: the one the command plugin compares, of the type that
    its SSH library asks for first. identity_file: absolute path, or None.
    """

    host: str
    port: int
    user: str
    host_key: str
    plugin_host_key: str
    identity_file: Path | None = None
    private_key: str | None = field(default=None, repr=False)
    agent_socket: str | None = None
    sudo_password: str | None = field(default=None, repr=False)

    @property
    def url(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"ssh://{self.user}@{host}:{self.port}"

    @property
    def _digest(self) -> str:
        """Names the shared connection. With the host key in it, since two sites may both have a 192.168.1.10."""
        return hashlib.sha256(f"{self.url} {self.host_key}".encode()).hexdigest()[:16]

    @property
    def options(self) -> list[str]:
        """ssh's own arguments. One connection is opened and shared by all (ControlMaster): sshd drops storms of them.

        The pinned key is in the options themselves, so that a destroy from another laptop needs no file of this one.
        """
        settings = {
            "BatchMode": "yes",
            "StrictHostKeyChecking": "yes",
            "UserKnownHostsFile": "/dev/null",
            "GlobalKnownHostsFile": "/dev/null",
            "KnownHostsCommand": f"/bin/echo %H {self.host_key}",
            "ConnectTimeout": str(CONNECT_TIMEOUT),
            "ServerAliveInterval": "5",
            "ServerAliveCountMax": "3",
            "ControlMaster": "auto",
            # With ~, for the docker provider keeps the options: as a path it would differ on another laptop
            "ControlPath": f"~/.ssh/macvlan-{self._digest}",
            "ControlPersist": str(KEEP_MASTER),
        }
        if self.identity_file is not None:
            # Quoted, for ssh splits at blanks; % starts ssh's own placeholders.
            file = f'"{self.identity_file}"'.replace("%", "%%")
            settings |= {"IdentityFile": file, "IdentitiesOnly": "yes", "IdentityAgent": "none"}
        options = ["-F", "/dev/null"]
        for name, value in settings.items():
            options += ["-o", f"{name}={value}"]
        return options

    def command(self, remote: str) -> list[str]:
        """The words of an ssh that runs ``remote``, quoted for the NAS's shell already, over that connection."""
        return ["ssh", *self.options, "-p", str(self.port), "-l", self.user, self.host, remote]

    def knowing(self, host_keys: Iterable[str]) -> "SshAccess":
        """With the keys that the NAS itself named over a verified connection.

        known_hosts or a person often has the one key that OpenSSH prefers, and the command plugin's library prefers
        another. Of its own kind the pinned key is the one that counts.
        """
        return replace(self, plugin_host_key=_preferred(_by_type([*host_keys, self.host_key])) or self.host_key)


def read_ssh_access(nas: Nas, project: Path) -> tuple[SshAccess | None, list[Problem]]:
    """project: the folder that relative paths of the site start from."""
    if shutil.which("ssh-keygen") is None:
        what = "is not installed on this computer, and keys cannot be checked without it"
        return None, [Problem("ssh-keygen", "", what, "install OpenSSH's client")]
    host_key, problems = _host_key(nas, project)
    agent = os.environ.get("SSH_AUTH_SOCK") or None
    problems += _agent_problems(nas, agent)
    identity, private_key = None, None
    if nas.identity_file is not None:
        identity, private_key, wrong = _private_key(nas.identity_file, project)
        problems += wrong
    if problems or host_key is None:
        return None, problems
    return (
        SshAccess(
            host=nas.host,
            port=nas.port,
            user=nas.user,
            host_key=host_key,
            plugin_host_key=host_key,
            identity_file=identity,
            private_key=private_key,
            agent_socket=None if identity else agent,
        ),
        [],
    )


def from_home(text: str, project: Path) -> Path:
    """A path of the site, absolute: ~ is the home, and relative ones start at ``project``. Raises OSError."""
    try:
        return (project / Path(text).expanduser()).resolve()
    except (RuntimeError, ValueError) as error:  # ~nobody/…, links in a circle, a NUL
        raise OSError(errno.ENOENT, str(error)) from None


def _private_key(shown: str, project: Path) -> tuple[Path | None, str | None, list[Problem]]:
    def wrong(what: str, remedy: str) -> tuple[None, None, list[Problem]]:
        return None, None, [Problem("site.nas.identity_file", as_text(shown), what, remedy)]

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
        return path, text, []
    if "passphrase" in check.stderr:
        remedy = f"run `ssh-add {shown}` and remove this line: the agent's key is used then"
        return wrong("has a passphrase, and the plugins have nobody to ask for it", remedy)
    if "too open" in check.stderr:
        return wrong("can be read by others, so ssh refuses it", f"chmod 600 {shown}")
    return wrong(f"is a damaged private key ({_last(check.stderr)})", "copy it anew, or make another one")


def _last(said: str) -> str:
    return said.strip().splitlines()[-1] if said.strip() else "ssh-keygen gives no reason"


def _agent_problems(nas: Nas, agent: str | None) -> list[Problem]:
    """A dead agent breaks the command plugin even where it is not needed (FACTS.md section 3)."""
    if agent is None:
        if nas.identity_file is not None:
            return []
        what = "is not set and no ssh agent runs (SSH_AUTH_SOCK), so there is no way into the NAS"
        remedy = "add `identity_file: ~/.ssh/id_ed25519`, or start an agent and `ssh-add` your key"
        return [Problem("site.nas.identity_file", "", what, remedy)]
    with socket.socket(socket.AF_UNIX) as client:
        try:
            client.settimeout(2)
            client.connect(agent)
            return []
        except OSError:
            what = "names an ssh agent that does not answer, and the command plugin fails on that even with a key file"
            return [Problem("SSH_AUTH_SOCK", agent, what, "unset SSH_AUTH_SOCK, or start the agent again")]


def _host_key(nas: Nas, project: Path) -> tuple[str | None, list[Problem]]:
    for line in nas.host_key:
        if not _by_type([line]):
            what = "is not a public host key of a kind that the plugins know"
            remedy = f'write it as in "ssh-ed25519 AAAA…", as `{_keyscan(nas)}` prints it'
            return None, [Problem("site.nas.host_key", as_text(line), what, remedy)]
    key = _preferred(_by_type(nas.host_key or _from_known_hosts(nas, project)))
    if key is not None:
        return key, []
    what = f"has no host key of {nas.host}, so a stranger in the middle could pass for the NAS"
    remedy = (
        f"on a network you trust run `{_keyscan(nas)} >> {nas.known_hosts}`, and compare it with what "
        "`ssh-keygen -lf /etc/ssh/ssh_host_ecdsa_key.pub` says on the NAS itself"
    )
    return None, [Problem("site.nas.known_hosts", as_text(nas.known_hosts), what, remedy)]


def _by_type(lines: Iterable[str]) -> dict[str, str]:
    """key type → "TYPE BASE64", of lines that may have a host name before and a comment behind."""
    matches = [match for line in lines if (match := _KEY.search(line))]
    return {match[1]: f"{match[1]} {match[2]}" for match in matches if _is_key(match[1], match[2])}


def _is_key(kind: str, blob: str) -> bool:
    """Whether the blob says of itself that it is of that kind (RFC 4253 section 6.6)."""
    try:
        decoded = base64.b64decode(blob, validate=True)
    except ValueError:
        return False
    return kind in HOST_KEY_TYPES and decoded[4:].startswith(kind.encode()) and decoded[3] == len(kind)


def _preferred(keys: Mapping[str, str]) -> str | None:
    return next((keys[kind] for kind in HOST_KEY_TYPES if kind in keys), None)


def _from_known_hosts(nas: Nas, project: Path) -> list[str]:
    """ssh-keygen finds hashed names too, but only as ssh writes them: in small letters."""
    try:
        path = from_home(nas.known_hosts, project)
    except OSError:
        return []
    host = nas.host.lower()
    name = host if nas.port == 22 else f"[{host}]:{nas.port}"
    found = subprocess.run(["ssh-keygen", "-F", name, "-f", path], capture_output=True, text=True, errors="replace")
    return [line for line in found.stdout.splitlines() if line and not line.startswith(("#", "@"))]


def _keyscan(nas: Nas) -> str:
    port = "" if nas.port == 22 else f" -p {nas.port}"
    return f"ssh-keyscan{port} {nas.host}"
