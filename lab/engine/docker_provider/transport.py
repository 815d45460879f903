"""Byte streams to a Docker daemon: a unix socket, TCP, or `ssh … docker system dial-stdio` as Docker's own CLI does it.

Why not the package `docker`: see «Why its own transport» in README.md.
"""

import http.client
import socket
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO
from urllib.parse import urlsplit

MAX_IDLE = 4
IDLE_SECONDS = 30.0
CONNECT_SECONDS = 30.0
LAST_WORDS_SECONDS = 15.0
"""How long an ssh that closed the stream may take to end and to say why; only an error waits for it."""


class TransportError(Exception):
    """The daemon could not be reached, or the connection broke. The text says how to find out why."""


@dataclass(frozen=True)
class Endpoint:
    """Where the daemon is: exactly one of unix_path, tcp (host, port), ssh_argv is set."""

    unix_path: Path | None = None
    tcp: tuple[str, int] | None = None
    ssh_argv: tuple[str, ...] = ()


def ssh_argv(url: str, ssh_opts: Sequence[str]) -> tuple[str, ...]:
    """The command line that Docker's connhelper builds (docker/cli 28, cli/connhelper): options, -l, -p, host.

    Raises ValueError for a URL that it refuses: no host, a password, a query or a fragment.
    """
    parts = urlsplit(url)
    if not parts.hostname:
        raise ValueError(f"{url!r} names no host; write it like ssh://user@host:port")
    if parts.password is not None:
        raise ValueError("a password in an ssh:// URL is not supported; use a key or an agent")
    if parts.query or parts.fragment:
        raise ValueError(f"{url!r}: an ssh:// URL takes neither a query nor a fragment")
    flags = list(ssh_opts)
    if "ConnectTimeout" not in "".join(flags):
        flags.append("-o ConnectTimeout=30")
    if "-T" not in flags:
        flags.append("-T")
    user = ["-l", parts.username] if parts.username else []
    port = ["-p", str(parts.port)] if parts.port else []
    remote_socket = [f"--host=unix://{parts.path}"] if parts.path.strip("/") else []
    remote = ["docker", *remote_socket, "system", "dial-stdio"]
    return ("ssh", *flags, *user, *port, "--", parts.hostname, *remote)


def endpoint(host: str, ssh_opts: Sequence[str]) -> Endpoint:
    """Parses the provider's `host`: unix:///path, tcp://host:port or ssh://[user@]host[:port]. Raises ValueError."""
    parts = urlsplit(host)
    if parts.scheme == "ssh":
        return Endpoint(ssh_argv=ssh_argv(host, ssh_opts))
    if parts.scheme == "unix":
        return Endpoint(unix_path=Path(parts.path))
    if parts.scheme == "tcp" and parts.hostname:
        return Endpoint(tcp=(parts.hostname, parts.port or 2375))
    raise ValueError(f"cannot use {host!r} as Docker host; write unix:///path, tcp://host:port or ssh://user@host:port")


class Connection(http.client.HTTPConnection):
    """One HTTP connection to the daemon. Breaks with TransportError, whose text carries ssh's own words."""

    def __init__(self, where: Endpoint) -> None:
        super().__init__("docker.example.com")
        self._where = where
        self._ssh: subprocess.Popen[bytes] | None = None
        self._stderr: IO[bytes] | None = None
        self.idle_since = 0.0

    def connect(self) -> None:
        """Opens the stream. With ssh this only starts the process: a failure shows at the first answer."""
        try:
            if self._where.unix_path is not None:
                self.sock = socket.socket(socket.AF_UNIX)
                self.sock.connect(str(self._where.unix_path))
            elif self._where.tcp is not None:
                self.sock = socket.create_connection(self._where.tcp, CONNECT_SECONDS)
                self.sock.settimeout(None)
            else:
                self._start_ssh()
        except OSError as err:
            target = self._where.unix_path or self._where.tcp or self._where.ssh_argv[0]
            raise TransportError(f"cannot connect to {target}: {err.strerror or err}") from err

    def _start_ssh(self) -> None:
        ours, theirs = socket.socketpair()
        # A file, not a pipe: a ControlPersist master keeps stderr open long after this ssh has ended.
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115
        try:
            # A session of its own, as in Docker's CLI: Ctrl-C must not cut connections that clean-up still needs.
            self._ssh = subprocess.Popen(
                self._where.ssh_argv,
                stdin=theirs.fileno(),
                stdout=theirs.fileno(),
                stderr=self._stderr,
                start_new_session=True,
            )
        except OSError:
            ours.close()
            raise
        finally:
            theirs.close()
        self.sock = ours

    def explain(self, err: Exception) -> TransportError:
        """What went wrong, with ssh's exit status and stderr when there is an ssh."""
        if self._ssh is None or self._stderr is None:
            return TransportError(f"lost the connection to the Docker daemon: {err}")
        try:
            status = f"exited with status {self._ssh.wait(timeout=LAST_WORDS_SECONDS)}"
        except subprocess.TimeoutExpired:
            status = "is still running but closed the stream"
        self._stderr.seek(0)
        said = self._stderr.read().decode(errors="replace").strip() or "(nothing)"
        command = " ".join(self._where.ssh_argv)
        return TransportError(
            f"the command [{command}] {status}; it said: {said}\n"
            "Run it by hand to see more. It needs a host key that is known, a login without a password, and `docker` "
            "on the PATH of a non-login shell there, for a user who may use the Docker socket."
        )

    def end(self) -> None:
        """Closes the stream and reaps ssh, which ends by itself when its input ends.

        Not called close: the base class closes itself on an error, when ssh's words are still to be read.
        """
        self.close()
        ssh, self._ssh = self._ssh, None
        if ssh is not None:
            threading.Thread(target=_reap, args=(ssh,), daemon=True).start()
        if self._stderr is not None:
            self._stderr.close()
            self._stderr = None


def _reap(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(timeout=5)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


class Pool:
    """Idle connections, to be used again: as many ssh sessions as requests under way at once, not one per request."""

    def __init__(self, where: Endpoint) -> None:
        self._where = where
        self._lock = threading.Lock()
        self._idle: list[Connection] = []

    def take(self) -> tuple[Connection, bool]:
        """A connection, and whether it is a new one (a used one may have been closed by the other side)."""
        now = time.monotonic()
        with self._lock:
            stale = [c for c in self._idle if now - c.idle_since > IDLE_SECONDS]
            self._idle = [c for c in self._idle if c not in stale]
            found = self._idle.pop() if self._idle else None
        for connection in stale:
            connection.end()
        return (found, False) if found else (Connection(self._where), True)

    def give_back(self, connection: Connection) -> None:
        """Keeps it for the next request, or closes it when enough are waiting."""
        connection.idle_since = time.monotonic()
        with self._lock:
            if len(self._idle) < MAX_IDLE:
                self._idle.append(connection)
                return
        connection.end()

    def close(self) -> None:
        """Closes all idle connections."""
        with self._lock:
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.end()
