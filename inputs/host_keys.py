"""The keys by which the NAS is verified: those of the site or of known_hosts, judged as OpenSSH judges them."""

import base64
import hashlib
import re
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from config.problems import Problem, as_text
from config.site import Nas
from inputs.paths import from_home

# The order in which the command plugin asks a server for its key: docs/upstream-facts.md#command-host-key
HOST_KEY_TYPES = (
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "ssh-rsa",
    "ssh-ed25519",
)
_KEY = re.compile(r"(?:^|\s)((?:ssh|ecdsa)-[a-z0-9-]+) ([A-Za-z0-9+/]{40,}=*)")


@dataclass(frozen=True)
class HostKeys:
    """Each key is "TYPE BASE64", in the order of HOST_KEY_TYPES. trusted: the NAS has to show one of them; revoked: it
    must show none."""

    trusted: tuple[str, ...] = ()
    revoked: tuple[str, ...] = ()


def read_host_keys(nas: Nas, project: Path) -> tuple[HostKeys, list[Problem]]:
    """The keys, and the problems. Without problems there is a trusted key. project: the folder that relative paths
    start from."""
    for line in nas.host_key:
        if not keys_of([line]):
            message = "is not a public host key of a kind that the plugins know"
            remedy = f'write it as in "ssh-ed25519 AAAA…", as `{keyscan(nas)}` prints it'
            return HostKeys(), [Problem("site.nas.host_key", as_text(line), message, remedy)]
    if nas.host_key:
        return HostKeys(keys_of(nas.host_key)), []
    lines = _from_known_hosts(nas, project)
    revoked = keys_of(line for line in lines if line.startswith("@revoked"))
    plain = keys_of(line for line in lines if not line.startswith("@"))
    trusted = tuple(key for key in plain if key not in revoked)
    if trusted:
        return HostKeys(trusted, revoked), []
    return HostKeys(), [_unknown(nas, revoked, any(line.startswith("@cert-authority") for line in lines))]


def _unknown(nas: Nas, revoked: Iterable[str], by_authority: bool) -> Problem:
    known_hosts = as_text(nas.known_hosts)
    listed = "what `ssh-keygen -lf /etc/ssh/ssh_host_ecdsa_key.pub` says on the NAS itself"
    if revoked:
        message = f"has only keys of {nas.host} that are marked @revoked, so none by which it may be known"
        remedy = f"give the NAS new host keys, or remove the mark, then `{keyscan(nas)} >> {nas.known_hosts}`"
        return Problem("site.nas.known_hosts", known_hosts, message, remedy)
    message = f"has no host key of {nas.host}, so a stranger in the middle could pass for the NAS"
    if by_authority:
        message = f"knows {nas.host} by a @cert-authority alone, and Pulumi's command plugin compares the key itself"
    remedy = f"on a network you trust run `{keyscan(nas)} >> {nas.known_hosts}`, and compare it with {listed}"
    return Problem("site.nas.known_hosts", known_hosts, message, remedy)


def keys_of(lines: Iterable[str]) -> tuple[str, ...]:
    """The keys of known_hosts lines, each once; a line may have marks and host names before the key and a comment
    behind it. Their order does not depend on the lines, because they are stored in the state."""
    matches = [match for line in lines if (match := _KEY.search(line))]
    keys = {f"{match[1]} {match[2]}" for match in matches if _is_key(match[1], match[2])}
    return tuple(sorted(keys, key=lambda key: (HOST_KEY_TYPES.index(kind_of(key)), key)))


def kind_of(key: str) -> str:
    return key.partition(" ")[0]


def shown_kind(key: str) -> str:
    """As ssh names it: ED25519, ECDSA, RSA."""
    return kind_of(key).removeprefix("ssh-").partition("-")[0].upper()


def fingerprint(key: str) -> str:
    """As ssh prints it: SHA256:…"""
    digest = hashlib.sha256(base64.b64decode(key.partition(" ")[2])).digest()
    return f"SHA256:{base64.b64encode(digest).decode().rstrip('=')}"


def _is_key(kind: str, blob: str) -> bool:
    """Whether the blob itself says that it is of that kind (RFC 4253 section 6.6)."""
    try:
        decoded = base64.b64decode(blob, validate=True)
    except ValueError:
        return False
    return kind in HOST_KEY_TYPES and decoded[4:].startswith(kind.encode()) and decoded[3] == len(kind)


def for_the_plugin(trusted: tuple[str, ...], named: Iterable[str]) -> str:
    """The one key that the command plugin compares: of the first kind in HOST_KEY_TYPES that the server has.

    named: the keys that the NAS itself named over a verified connection. known_hosts and people often have the key that
    OpenSSH prefers, while the plugin's library prefers another one. A trusted key takes precedence over a named key of
    its kind. A trusted key that the NAS did not name may be of a kind that the NAS no longer has, unless it is the only
    one.
    """
    given = keys_of(named)
    shown = {kind_of(key) for key in given} | {kind_of(key) for key in trusted if not given or len(trusted) == 1}
    for kind in HOST_KEY_TYPES:
        own = [key for key in trusted if kind_of(key) == kind]
        theirs = [key for key in given if kind_of(key) == kind]
        if kind in shown:
            return next((key for key in own if key in theirs), (own or theirs)[0])
    return trusted[0]


def _from_known_hosts(nas: Nas, project: Path) -> list[str]:
    """ssh-keygen finds patterns and hashed names as ssh does, but only in the spelling that ssh writes: in small
    letters."""
    try:
        path = from_home(nas.known_hosts, project)
    except OSError:
        return []
    host = nas.host.lower()
    name = host if nas.port == 22 else f"[{host}]:{nas.port}"
    found = subprocess.run(["ssh-keygen", "-F", name, "-f", path], capture_output=True, text=True, errors="replace")
    return [line for line in found.stdout.splitlines() if line and not line.startswith("#")]


def keyscan(nas: Nas) -> str:
    port = "" if nas.port == 22 else f" -p {nas.port}"
    return f"ssh-keyscan{port} {nas.host}"
