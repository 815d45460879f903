"""An SSH server on the loopback interface for the tests of the command plugin: real handshakes, real commands."""

import asyncio
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import asyncssh

KEY_TYPES = ("ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa")


@cache
def key(kind: str, number: int = 0) -> asyncssh.SSHKey:
    """A private key; the same for the same arguments. Made once, because RSA takes its time."""
    return asyncssh.generate_private_key(kind)


def private(one: asyncssh.SSHKey) -> str:
    """As in an identity file."""
    return one.export_private_key().decode()


def public(one: asyncssh.SSHKey) -> str:
    """As in known_hosts, without a host name."""
    return one.export_public_key().decode().strip()


CLIENT = key("ssh-ed25519", 1)


@dataclass
class Server:
    """refuse: connections that are closed before the first word. The rest is what was seen."""

    folder: Path
    host_keys: Sequence[str] = KEY_TYPES
    accept_env: bool = False
    refuse: int = 0
    port: int = 0
    connections: int = 0
    logins: int = 0
    open_now: int = 0
    commands: list[str] = field(default_factory=list)
    users: list[str] = field(default_factory=list)

    def connection(self, **more: object) -> dict[str, object]:
        """The settings to get in, in the plugin's words."""
        settings = {"host": "127.0.0.1", "port": self.port, "user": "nas", "privateKey": private(CLIENT)}
        return {key: value for key, value in (settings | {"dialErrorLimit": 0} | more).items() if value is not None}


class _Door(asyncssh.SSHServer):
    def __init__(self, server: Server) -> None:
        self._server = server

    def connection_made(self, conn: asyncssh.SSHServerConnection) -> None:
        self._server.connections += 1
        self._server.open_now += 1
        if self._server.connections <= self._server.refuse:
            conn.abort()

    def connection_lost(self, exc: Exception | None) -> None:
        self._server.open_now -= 1

    def begin_auth(self, username: str) -> bool:
        self._server.users.append(username)
        return True

    def auth_completed(self) -> None:
        self._server.logins += 1

    def password_auth_supported(self) -> bool:
        return True

    def validate_password(self, username: str, password: str) -> bool:
        return password == "the password"


async def _run(server: Server, process: "asyncssh.SSHServerProcess[bytes]") -> None:
    command = process.command or ""
    server.commands.append(command)
    accepted = dict(process.env) if server.accept_env else {}
    child = await asyncio.create_subprocess_exec(
        "sh", "-c", command, stdin=-1, stdout=-1, stderr=-1, cwd=server.folder, env={"PATH": "/usr/bin:/bin"} | accepted
    )
    assert child.stdin and child.stdout and child.stderr
    out, err = asyncio.create_task(child.stdout.read()), asyncio.create_task(child.stderr.read())
    child.stdin.write(await process.stdin.read())
    child.stdin.close()
    code = await child.wait()
    process.stdout.write(await out)
    process.stderr.write(await err)
    if code < 0:
        process.exit_with_signal({9: "KILL", 15: "TERM"}[-code])
    else:
        process.exit(code)


@contextmanager
def serving(server: Server) -> Iterator[Server]:
    """Runs it in a thread of its own; commands run in server.folder."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def start() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            server.port,
            server_factory=lambda: _Door(server),
            server_host_keys=[key(kind) for kind in server.host_keys],
            authorized_client_keys=asyncssh.import_authorized_keys(public(CLIENT)),
            process_factory=lambda process: _run(server, process),
            encoding=None,
        )

    acceptor = asyncio.run_coroutine_threadsafe(start(), loop).result(60)  # the first one makes an RSA key
    server.port = acceptor.get_port()
    try:
        yield server
    finally:
        loop.call_soon_threadsafe(acceptor.close)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)
