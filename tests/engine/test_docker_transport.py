"""How the docker stand-in reaches a daemon: ssh's command line, a real ssh to a small server, and what errors say."""

import asyncio
import contextlib
import json
import os
import shutil
import socketserver
import stat
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from lab.engine.docker_provider.api import Docker, DockerError
from lab.engine.docker_provider.transport import TransportError, endpoint, ssh_argv

ARGV = [
    (
        "ssh://root@192.168.1.10:22",
        ["-i", "/key"],
        "ssh|-i|/key|-o ConnectTimeout=30|-T|-l|root|-p|22|--|192.168.1.10|docker|system|dial-stdio",
    ),
    ("ssh://nas", [], "ssh|-o ConnectTimeout=30|-T|--|nas|docker|system|dial-stdio"),
    ("ssh://nas", ["-o", "ConnectTimeout=5", "-T"], "ssh|-o|ConnectTimeout=5|-T|--|nas|docker|system|dial-stdio"),
    ("ssh://u@[fd00::1]:2222", ["-T"], "ssh|-T|-o ConnectTimeout=30|-l|u|-p|2222|--|fd00::1|docker|system|dial-stdio"),
    (
        "ssh://nas/run/other.sock",
        [],
        "ssh|-o ConnectTimeout=30|-T|--|nas|docker|--host=unix:///run/other.sock|system|dial-stdio",
    ),
]


@pytest.mark.parametrize(("url", "opts", "argv"), ARGV)
def test_ssh_is_called_as_dockers_own_client_calls_it(url: str, opts: list[str], argv: str) -> None:
    assert ssh_argv(url, opts) == tuple(argv.split("|"))


@pytest.mark.parametrize("url", ["ssh://", "ssh://u:secret@nas", "ssh://nas?x=1", "ssh://nas#x", "nas", "ftp://nas"])
def test_a_host_that_cannot_be_used_is_refused(url: str) -> None:
    with pytest.raises(ValueError) as err:
        endpoint(url, [])
    assert "secret" not in str(err.value)


@dataclass
class Daemon:
    """A stand-in daemon on a unix socket; counts the connections that it was opened."""

    path: Path
    connections: int = 0
    most_at_once: int = 0
    at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    found = Daemon(tmp_path / "docker.sock")
    barrier = threading.Barrier(3, timeout=120)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def setup(self) -> None:
            with found.lock:
                found.connections += 1
                found.at_once += 1
                found.most_at_once = max(found.at_once, found.most_at_once)
            super().setup()

        def finish(self) -> None:
            with found.lock:
                found.at_once -= 1
            super().finish()

        def do_GET(self) -> None:
            if self.path.endswith("/together"):
                barrier.wait()
            missing = self.path.endswith("/missing")
            body = json.dumps({"message": "no such thing"} if missing else {"path": self.path}).encode()
            self.send_response(404 if missing else 200)
            self.send_header("Api-Version", "1.41")
            self.send_header("Content-Length", str(len(body)))
            if self.path.endswith("/last"):
                self.close_connection = True  # without saying so: the connection goes stale in the pool
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    class Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
        daemon_threads = True

    with Server(str(found.path), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield found
        server.shutdown()


@dataclass(frozen=True)
class Sshd:
    """An ssh server on loopback that knows `docker system dial-stdio` and nothing else."""

    url: str
    opts: list[str]
    home: Path


async def pump(source: Any, sink: Any) -> None:
    with contextlib.suppress(asyncssh.Error, OSError):
        while data := await source.read(65536):
            sink.write(data)
            await sink.drain()


@pytest.fixture
def sshd(tmp_path: Path, daemon: Daemon) -> Iterator[Sshd]:
    if not shutil.which("ssh"):
        pytest.fail("ssh is missing: apt-get install openssh-client")
    key, host_key = asyncssh.generate_private_key("ssh-ed25519"), asyncssh.generate_private_key("ssh-ed25519")
    key.write_private_key(str(tmp_path / "key"))
    key.write_public_key(str(tmp_path / "key.pub"))
    (tmp_path / "key").chmod(stat.S_IRUSR | stat.S_IWUSR)

    async def serve(process: asyncssh.SSHServerProcess[bytes]) -> None:
        if process.command != "docker system dial-stdio":
            process.stderr.write(f"not a command here: {process.command}\n".encode())
            process.exit(127)
            return
        reader, writer = await asyncio.open_unix_connection(str(daemon.path))
        pumps = {asyncio.create_task(pump(process.stdin, writer)), asyncio.create_task(pump(reader, process.stdout))}
        _, rest = await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        for task in rest:
            task.cancel()
        writer.close()
        process.exit(0)

    async def listen() -> asyncssh.SSHAcceptor:
        return await asyncssh.listen(
            "127.0.0.1",
            0,
            server_host_keys=[host_key],
            authorized_client_keys=str(tmp_path / "key.pub"),
            process_factory=serve,
            encoding=None,
        )

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    acceptor = asyncio.run_coroutine_threadsafe(listen(), loop).result(60)
    port = acceptor.get_port()
    known = tmp_path / "known_hosts"
    known.write_text(f"[127.0.0.1]:{port} {host_key.export_public_key().decode()}")
    opts = ["-F", "none", "-o", "BatchMode=yes", "-o", f"UserKnownHostsFile={known}", "-o", "IdentityAgent=none"]
    yield Sshd(f"ssh://me@127.0.0.1:{port}", [*opts, "-i", str(tmp_path / "key")], tmp_path)

    async def stop() -> None:
        acceptor.close()
        others = asyncio.all_tasks() - {asyncio.current_task()}
        for task in others:
            task.cancel()
        await asyncio.gather(*others, return_exceptions=True)

    asyncio.run_coroutine_threadsafe(stop(), loop).result(60)
    loop.call_soon_threadsafe(loop.stop)
    thread.join(10)
    loop.close()


def test_requests_go_through_ssh_and_one_session_serves_many(sshd: Sshd, daemon: Daemon) -> None:
    docker = Docker(endpoint(sshd.url, sshd.opts))
    for _ in range(5):
        assert docker.get("/info") == {"path": "/v1.41/info"}
    docker.close()
    assert daemon.connections == 1


def test_as_many_sessions_are_opened_as_requests_run_at_once(sshd: Sshd, daemon: Daemon) -> None:
    docker = Docker(endpoint(sshd.url, sshd.opts))
    docker.version()
    with ThreadPoolExecutor(3) as pool:
        for _ in range(3):
            list(pool.map(lambda _: docker.get("/together"), range(3)))
    docker.close()
    assert daemon.connections == 3


def test_a_connection_that_went_stale_is_replaced(daemon: Daemon) -> None:
    docker = Docker(endpoint(f"unix://{daemon.path}", []))
    docker.get("/last")
    assert docker.get("/info") == {"path": "/v1.41/info"}
    docker.close()
    assert daemon.connections == 2


def test_a_refusal_of_the_daemon_keeps_the_connection_and_its_words(daemon: Daemon) -> None:
    docker = Docker(endpoint(f"unix://{daemon.path}", []))
    with pytest.raises(DockerError, match="Error response from daemon: no such thing") as err:
        docker.get("/missing")
    assert err.value.is_missing
    docker.get("/info")
    docker.close()
    assert daemon.connections == 1


def test_ssh_leaves_no_process_behind(sshd: Sshd) -> None:
    before = _children_of(os.getpid())
    docker = Docker(endpoint(sshd.url, sshd.opts))
    docker.get("/info")
    assert len(_children_of(os.getpid()) - before) == 1
    docker.close()
    deadline = time.monotonic() + 60
    while left := _children_of(os.getpid()) - before:
        assert time.monotonic() < deadline, f"still running: {left}"
        time.sleep(0.05)


def _children_of(parent: int) -> set[str]:
    """Those that ended and were not waited for too. /proc has lists of children, but may leave out some of them
    while another one ends (proc(5)), and a list goes with its thread."""
    found = set[str]()
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            _, ppid = entry.read_text().rpartition(")")[2].split()[:2]
            if int(ppid) == parent:
                found.add(entry.parent.name)
    return found


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"key": "id_other"}, "Permission denied"),
        ({"known": ""}, "Host key verification failed"),
        ({"host": "/run/nothing.sock"}, "not a command here"),
    ],
    ids=["wrong key", "unknown host key", "refused command"],
)
def test_what_ssh_says_reaches_the_error(sshd: Sshd, change: dict[str, str], words: str) -> None:
    opts, url = list(sshd.opts), sshd.url + change.get("host", "")
    if "key" in change:
        other = sshd.home / change["key"]
        asyncssh.generate_private_key("ssh-ed25519").write_private_key(str(other))
        other.chmod(stat.S_IRUSR | stat.S_IWUSR)
        opts[-1] = str(other)
    if "known" in change:
        (sshd.home / "known_hosts").write_text("")
        opts += ["-o", "StrictHostKeyChecking=yes"]
    with pytest.raises(TransportError, match=words) as err:
        Docker(endpoint(url, opts)).get("/info")
    assert "Error pinging Docker server" in str(err.value)


def test_a_socket_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(TransportError, match=r"nothing\.sock: No such file"):
        Docker(endpoint(f"unix://{tmp_path}/nothing.sock", [])).get("/info")
