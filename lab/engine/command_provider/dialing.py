"""Getting into the server as pulumi-command 1.2.1 does with x/crypto/ssh: one new connection for every operation.

Every failed try is tried again, a refused key and a wrong host key too, after 0.1 s, 0.15 s … 5 s (factor 1.5), until
there were more failures than dialErrorLimit. Problems of the settings themselves fail at once.
"""

import asyncio
import contextlib
import itertools
import os
import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import asyncssh

# The order in which x/crypto/ssh (0.37 to 0.57) asks for a host key when it is told nothing else. A server shows the
# first of these that it has, so a pinned ed25519 key never matches one that has an ecdsa or rsa key as well.
HOST_KEY_ALGORITHMS = (
    "ecdsa-sha2-nistp256",
    "ecdsa-sha2-nistp384",
    "ecdsa-sha2-nistp521",
    "rsa-sha2-256",
    "rsa-sha2-512",
    "ssh-rsa",
    "ssh-ed25519",
)
FIRST_DELAY, LONGEST_DELAY, FACTOR = 0.1, 5.0, 1.5  # seconds; the Pulumi SDK's retry package


class DialError(Exception):
    """No connection. The text says why and never holds a key or a password."""


@dataclass(frozen=True)
class Access:
    """How to get in. host_key: None takes any; limit: forgiven failures, -1 = all; timeout: seconds, 0 = none."""

    host: str
    port: int
    user: str
    key: asyncssh.SSHKey | None
    agent: str | None
    password: str | None
    host_key: asyncssh.SSHKey | None
    limit: int
    timeout: float


def read_access(connection: Mapping[str, Any]) -> Access:
    """Checks the settings without any packet to the server; tries the agent's socket. Raises DialError."""
    return Access(
        host=connection["host"],
        port=int(connection.get("port", 22)),
        user=connection.get("user", "root"),
        key=_private_key(connection.get("privateKey")),
        agent=_agent(connection.get("agentSocketPath") or os.environ.get("SSH_AUTH_SOCK")),
        password=connection.get("password"),
        host_key=_host_key(connection.get("hostKey")),
        limit=int(connection.get("dialErrorLimit", 10)),
        timeout=float(connection.get("perDialTimeout", 15)),
    )


async def dial(access: Access, tell: Callable[[str], None], cancelled: asyncio.Event) -> asyncssh.SSHClientConnection:
    """A new connection. ``tell`` gets a line after each failed try, ``cancelled`` ends the trying. Raises DialError."""
    failures, delay = 0, FIRST_DELAY
    while True:
        try:
            return await _once(access)
        except DialError as err:
            if access.limit > -1 and failures >= access.limit:
                raise DialError(f"after {failures} failed attempts: {err}") from err
        failures += 1
        tell(f"Dial {failures}/{'inf' if access.limit == -1 else access.limit} failed: retrying")
        try:
            await asyncio.wait_for(cancelled.wait(), delay)
        except TimeoutError:
            delay = min(delay * FACTOR, LONGEST_DELAY)
        else:
            raise DialError("context canceled")


async def _once(access: Access) -> asyncssh.SSHClientConnection:
    sock = await _tcp(access)
    try:
        async with contextlib.AsyncExitStack() as stack:
            return await asyncssh.connect(
                access.host,
                access.port,
                sock=sock,
                config=None,
                username=access.user,
                client_keys=await _keys(access, stack) or None,  # None: not even those in ~/.ssh
                agent_path=None,  # _keys has asked it
                password=access.password,
                preferred_auth=["publickey", "password", "keyboard-interactive"],
                known_hosts=None if access.host_key is None else ([access.host_key], [], []),
                server_host_key_algs=HOST_KEY_ALGORITHMS,
                login_timeout=0,
            )
    except asyncssh.HostKeyNotVerifiable as err:
        raise DialError("ssh: handshake failed: ssh: host key mismatch") from err
    except asyncssh.PermissionDenied as err:
        way = "none" + (" publickey" if access.key or access.agent else "") + (" password" if access.password else "")
        raise DialError(
            f"ssh: handshake failed: ssh: unable to authenticate, attempted methods [{way}], "
            "no supported methods remain"
        ) from err
    except (asyncssh.Error, OSError) as err:
        raise DialError(f"ssh: handshake failed: {err or 'EOF'}") from err


async def _keys(access: Access, stack: contextlib.AsyncExitStack) -> list[asyncssh.SSHKey | asyncssh.SSHKeyPair]:
    """x/crypto/ssh tries each way to log in once, and a key of the agent is the same way as a private key."""
    if access.key:
        return [access.key]
    if not access.agent:
        return []
    agent = await stack.enter_async_context(asyncssh.connect_agent(access.agent))
    return list(await agent.get_keys())


async def _tcp(access: Access) -> socket.socket:
    loop = asyncio.get_running_loop()
    where = f"[{access.host}]:{access.port}" if ":" in access.host else f"{access.host}:{access.port}"
    try:
        async with asyncio.timeout(access.timeout or None):
            found = await loop.getaddrinfo(access.host, access.port, type=socket.SOCK_STREAM)
            return await _first(found)
    except TimeoutError as err:
        raise DialError(f"dial tcp {where}: i/o timeout") from err
    except OSError as err:
        reason = os.strerror(err.errno).lower() if err.errno and err.errno > 0 else str(err)
        raise DialError(f"dial tcp {where}: connect: {reason}") from err


async def _first(found: list[Any]) -> socket.socket:
    """A connection to the first address that takes one."""
    failure: OSError = OSError("no address")
    for family, kind, protocol, _, address in found:
        sock = socket.socket(family, kind, protocol)
        sock.setblocking(False)
        try:
            await asyncio.get_running_loop().sock_connect(sock, address)
        except OSError as err:
            sock.close()
            failure = err
        except BaseException:
            sock.close()
            raise
        else:
            return sock
    raise failure


def _private_key(text: str | None) -> asyncssh.SSHKey | None:
    if text is None:
        return None
    try:
        return asyncssh.import_private_key(text)
    except (asyncssh.KeyImportError, asyncssh.KeyEncryptionError, ValueError) as err:
        locked = "passphrase" in str(err).lower()
        raise DialError(f"ssh: {'this private key is passphrase protected' if locked else 'no key found'}") from err


def _host_key(line: str | None) -> asyncssh.SSHKey | None:
    """A line as in authorized_keys or known_hosts: words before the key type and behind the key are left aside."""
    if line is None:
        return None
    words = line.split()
    for kind, key in itertools.pairwise(words):
        if kind.startswith(("ssh-", "ecdsa-")):
            try:
                return asyncssh.import_public_key(f"{kind} {key}")
            except (asyncssh.KeyImportError, ValueError):
                break
    raise DialError("failed to parse host key: ssh: no key found")


def _agent(path: str | None) -> str | None:
    """A socket that does not answer is an error even where a private key is given
    (docs/upstream-facts.md#command-connections)."""
    if not path:
        return None
    with socket.socket(socket.AF_UNIX) as agent:
        try:
            agent.connect(path)
        except OSError as err:
            raise DialError(f"dial unix {path}: connect: {os.strerror(err.errno or 0).lower()}") from err
    return path
