"""The command stand-in against a real SSH server on the loopback interface."""

import asyncio
import socket
import struct
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import asyncssh
import pytest

from lab.engine.command_provider.remote import CommandError, Output, Runner
from tests.engine.ssh_server import CLIENT, KEY_TYPES, Server, key, private, public, serving


@pytest.fixture(autouse=True)
def no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    with serving(Server(tmp_path)) as running:
        yield running


def run(server: Server, command: str, connection: dict[str, object] | None = None, **more: Any) -> Output:
    """One operation, as the plugin runs it."""
    said = more.pop("said", [])
    state = {"connection": connection or server.connection(), "addPreviousOutputInEnv": False, **more}

    async def once() -> Output:
        return await Runner().run(command, state, said.append)

    return asyncio.run(once())


def failure(server: Server, command: str, connection: dict[str, object] | None = None, **more: Any) -> str:
    with pytest.raises(CommandError) as caught:
        run(server, command, connection, **more)
    return str(caught.value)


def test_output_is_kept_apart_without_the_last_newline(server: Server) -> None:
    assert run(server, "printf 'a\\n\\nb\\n\\n'; echo c >&2") == Output("a\n\nb\n", "c")


def test_stdin_arrives_whole_and_ends(server: Server) -> None:
    text = "ü" * 300_000
    assert run(server, "cat", stdin=text).stdout == text
    assert run(server, "cat", stdin="") == Output("", "")
    assert run(server, "cat") == Output("", "")


def test_a_command_that_does_not_read_its_stdin_is_not_waited_for(server: Server) -> None:
    assert run(server, "echo done", stdin="x" * 10_000) == Output("done", "")


def test_output_that_is_no_text_does_not_break_anything(server: Server) -> None:
    assert run(server, "printf 'a\\377b'").stdout == "a\ufffdb"


def test_a_failure_names_status_command_and_all_output(server: Server) -> None:
    message = failure(server, 'echo "out"; sleep 0.1; echo err >&2; exit 3')
    head, _, tail = message.partition(":\n")
    assert head == 'Process exited with status 3: running "echo \\"out\\"; sleep 0.1; echo err >&2; exit 3"'
    assert sorted(tail.split()) == ["err", "out"]


def test_a_failure_by_signal_names_the_signal(server: Server) -> None:
    message = failure(server, "kill -TERM $$")
    assert message.startswith('Process exited with status 143 from signal TERM: running "kill -TERM $$":')


def test_a_command_that_fails_is_not_run_again(server: Server) -> None:
    failure(server, "exit 1", server.connection(dialErrorLimit=3))
    assert server.commands == ["exit 1"]


def test_every_operation_is_a_new_connection_and_none_is_closed(server: Server) -> None:
    async def three() -> None:
        runner = Runner()
        state = {"connection": server.connection(), "addPreviousOutputInEnv": False}
        for _ in range(3):
            await runner.run("true", state, lambda _: None)
        assert (server.connections, server.logins, server.open_now) == (3, 3, 3)

    asyncio.run(three())


def test_several_commands_run_at_once(server: Server) -> None:
    async def all_at_once() -> list[Output]:
        runner = Runner()
        state = {"connection": server.connection(), "addPreviousOutputInEnv": False}
        # Each waits for all of them: they can only end if they run side by side.
        wait = "touch {0}; until [ $(ls | wc -l) -ge 8 ]; do sleep 0.05; done; echo {0}"
        jobs = [runner.run(wait.format(f"job{number}"), state, lambda _: None) for number in range(8)]
        return await asyncio.wait_for(asyncio.gather(*jobs), 120)

    assert [output.stdout for output in asyncio.run(all_at_once())] == [f"job{number}" for number in range(8)]


@pytest.mark.parametrize(
    ("logging", "shown"),
    [(None, {"out", "err", "rest"}), ("stdout", {"out", "rest"}), ("stderr", {"err"}), ("none", set())],
)
def test_lines_are_shown_as_the_logging_setting_says(server: Server, logging: str | None, shown: set[str]) -> None:
    said: list[str] = []
    settings: dict[str, Any] = {"logging": logging} if logging else {}
    run(server, "echo out; printf rest; sleep 0.1; echo err >&2", said=said, **settings)
    assert {word for line in said for word in line.replace("rest", "rest ").split()} == shown


def test_previous_output_reaches_a_server_that_accepts_it(tmp_path: Path) -> None:
    command = 'echo "$PULUMI_COMMAND_STDOUT/$PULUMI_COMMAND_STDERR"'
    with serving(Server(tmp_path, accept_env=True)) as server:
        assert run(server, command, addPreviousOutputInEnv=True, stdout="a b", stderr="c").stdout == "a b/c"
        assert run(server, command, addPreviousOutputInEnv=False, stdout="a b", stderr="c").stdout == "/"
    with serving(Server(tmp_path)) as server:
        assert run(server, command, addPreviousOutputInEnv=True, stdout="a b", stderr="c").stdout == "/"


# --- getting in -------------------------------------------------------------------------------------------------


def test_a_dead_port_is_tried_as_often_as_the_limit_allows_and_once_more(server: Server) -> None:
    with socket.socket() as unused:
        unused.bind(("127.0.0.1", 0))
        port, said, start = unused.getsockname()[1], list[str](), time.monotonic()
        message = failure(server, "true", server.connection(port=port, dialErrorLimit=3), said=said)
    assert message == f"after 3 failed attempts: dial tcp 127.0.0.1:{port}: connect: connection refused"
    assert said == [f"Dial {number}/3 failed: retrying" for number in (1, 2, 3)]
    assert time.monotonic() - start > 0.1 + 0.15 + 0.225


def test_a_limit_of_nought_gives_up_at_the_first_failure(server: Server) -> None:
    server.refuse = 1
    assert failure(server, "true").startswith("after 0 failed attempts: ssh: handshake failed: ")
    assert server.connections == 1


@pytest.mark.parametrize("limit", [3, -1])
def test_a_server_that_comes_up_late_is_reached(server: Server, limit: int) -> None:
    server.refuse = 3
    assert run(server, "echo in", server.connection(dialErrorLimit=limit)).stdout == "in"
    assert server.connections == 4


def test_a_refused_key_is_tried_again_too(server: Server) -> None:
    stranger = server.connection(privateKey=private(key("ssh-ed25519", 2)), dialErrorLimit=2)
    message = failure(server, "true", stranger)
    assert message.startswith("after 2 failed attempts: ssh: handshake failed: ssh: unable to authenticate, attempted")
    assert server.connections == 3
    assert server.commands == []


def test_the_first_connection_takes_no_longer_than_the_dial_timeout(server: Server) -> None:
    with socket.socket() as full:
        full.bind(("127.0.0.1", 0))
        full.listen(0)
        # A backlog that is full: the kernel leaves further connections unanswered.
        waiting = [socket.socket() for _ in range(4)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(full.getsockname())
        deadline = time.monotonic() + 60
        while not _waiting_to_be_accepted(full):
            assert time.monotonic() < deadline, "the backlog does not fill"
            time.sleep(0.01)
        start = time.monotonic()
        message = failure(server, "true", server.connection(port=full.getsockname()[1], perDialTimeout=1))
        for one in waiting:
            one.close()
    assert message.endswith("i/o timeout")
    assert 0.9 < time.monotonic() - start < 15  # what it is where nothing is said


def _waiting_to_be_accepted(listener: socket.socket) -> int:
    """Linux keeps the number in tcpi_unacked of a socket that listens."""
    return struct.unpack_from("I", listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 104), 24)[0]


def test_a_password_is_used_and_never_shown(server: Server) -> None:
    assert run(server, "echo in", server.connection(privateKey=None, password="the password")).stdout == "in"
    message = failure(server, "true", server.connection(privateKey=None, password="a wrong one"))
    assert "attempted methods [none password]" in message
    assert "wrong one" not in message


def test_the_user_is_the_one_that_was_given(server: Server) -> None:
    run(server, "true", server.connection(user="someone"))
    assert server.users == ["someone"]


def test_a_key_that_cannot_be_read_is_an_error_before_any_connection(server: Server, tmp_path: Path) -> None:
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "secret", "-f", tmp_path / "locked"], check=True)
    locked = server.connection(privateKey=(tmp_path / "locked").read_text(), dialErrorLimit=3)
    assert failure(server, "true", locked) == "ssh: this private key is passphrase protected"
    assert failure(server, "true", server.connection(privateKey="no key")) == "ssh: no key found"
    assert server.connections == 0


# --- the server's own key -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("has", "shown"),
    [
        (("ssh-ed25519", "ecdsa-sha2-nistp256", "ssh-rsa"), "ecdsa-sha2-nistp256"),
        (("ssh-ed25519", "ssh-rsa"), "ssh-rsa"),
        (("ssh-ed25519",), "ssh-ed25519"),
    ],
)
def test_the_key_that_counts_is_the_one_that_go_asks_for_first(
    tmp_path: Path, has: tuple[str, ...], shown: str
) -> None:
    with serving(Server(tmp_path, host_keys=has)) as server:
        for kind in KEY_TYPES:
            pinned = server.connection(hostKey=public(key(kind)))
            if kind == shown:
                assert run(server, "echo in", pinned).stdout == "in"
            else:
                assert failure(server, "true", pinned).endswith("ssh: handshake failed: ssh: host key mismatch")
        assert server.logins == 1


def test_a_wrong_host_key_is_tried_again_and_never_sees_a_login(server: Server) -> None:
    pinned = server.connection(hostKey=public(key("ecdsa-sha2-nistp256", 7)), dialErrorLimit=2)
    assert failure(server, "true", pinned) == "after 2 failed attempts: ssh: handshake failed: ssh: host key mismatch"
    assert (server.connections, server.logins, server.users) == (3, 0, [])


def test_a_host_key_may_come_as_a_line_of_known_hosts(server: Server) -> None:
    line = f"[nas]:22,10.0.0.1 {public(key('ecdsa-sha2-nistp256'))} root@nas\n"
    assert run(server, "echo in", server.connection(hostKey=line)).stdout == "in"


@pytest.mark.parametrize("line", ["", "nonsense", "ssh-ed25519", "ssh-ed25519 AAAA"])
def test_a_malformed_host_key_is_an_error_before_any_connection(server: Server, line: str) -> None:
    assert failure(server, "true", server.connection(hostKey=line)).startswith("failed to parse host key")
    assert server.connections == 0


# --- agents -------------------------------------------------------------------------------------------------------


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[str]:
    """A real ssh-agent that holds the client's key."""
    path, file = str(tmp_path / "agent"), tmp_path / "id"
    file.write_text(private(CLIENT))
    file.chmod(0o600)
    with subprocess.Popen(["ssh-agent", "-D", "-a", path], stdout=subprocess.DEVNULL) as running:
        try:
            deadline = time.monotonic() + 60
            while not _answers(path):  # the socket is there some time before the agent listens on it
                assert running.poll() is None and time.monotonic() < deadline, "ssh-agent does not answer"
                time.sleep(0.02)
            subprocess.run(["ssh-add", "-q", file], env={"SSH_AUTH_SOCK": path}, check=True)
            yield path
        finally:
            running.terminate()


def _answers(path: str) -> bool:
    with socket.socket(socket.AF_UNIX) as agent:
        return agent.connect_ex(path) == 0


def test_an_agents_keys_open_the_door(server: Server, agent: str, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(server, "echo in", server.connection(privateKey=None, agentSocketPath=agent)).stdout == "in"
    monkeypatch.setenv("SSH_AUTH_SOCK", agent)
    assert run(server, "echo in", server.connection(privateKey=None)).stdout == "in"


def test_a_private_key_is_the_only_key_that_is_tried(
    server: Server, agent: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    stranger = server.connection(privateKey=private(key("ssh-ed25519", 2)), agentSocketPath=agent)
    assert "unable to authenticate" in failure(server, "true", stranger)
    monkeypatch.setenv("SSH_AUTH_SOCK", agent)
    stranger = server.connection(privateKey=private(key("ssh-ed25519", 2)))
    assert "unable to authenticate" in failure(server, "true", stranger)


def test_a_dead_agent_is_an_error_even_beside_a_good_key(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", "/nonexistent/agent")
    assert failure(server, "true") == "dial unix /nonexistent/agent: connect: no such file or directory"
    assert server.connections == 0


def test_without_any_key_nothing_of_the_persons_own_is_tried(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    (server.folder / ".ssh").mkdir()
    (server.folder / ".ssh/id_ed25519").write_text(private(CLIENT))
    monkeypatch.setenv("HOME", str(server.folder))
    assert "attempted methods [none]" in failure(server, "true", server.connection(privateKey=None))


def test_the_persons_ssh_config_is_not_read(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    (server.folder / ".ssh").mkdir()
    (server.folder / ".ssh/config").write_text("Host *\n  Ciphers 3des-cbc\n")
    monkeypatch.setenv("HOME", str(server.folder))
    assert run(server, "echo in").stdout == "in"


def test_a_cancelled_run_stops_trying_and_lets_a_running_command_end(server: Server) -> None:
    async def cancel() -> tuple[Output, str]:
        runner, said = Runner(), list[str]()
        state = {"connection": server.connection(), "addPreviousOutputInEnv": False}
        command = "until [ -e go ]; do sleep 0.05; done; echo done"
        running = asyncio.create_task(runner.run(command, state, said.append))
        while not server.commands:
            await asyncio.sleep(0.02)
        dead = {**state, "connection": server.connection(port=1, dialErrorLimit=-1)}
        trying = asyncio.create_task(runner.run("true", dead, said.append))
        while not said:
            await asyncio.sleep(0.02)
        runner.cancel()
        with pytest.raises(CommandError) as caught:
            await asyncio.wait_for(trying, 60)
        (server.folder / "go").touch()
        return await running, str(caught.value)

    assert asyncio.run(cancel()) == (Output("done", ""), "context canceled")


def test_the_server_of_these_tests_shows_its_keys(server: Server) -> None:
    async def keys() -> list[str]:
        found = [
            await asyncssh.get_server_host_key("127.0.0.1", server.port, server_host_key_algs=a, config=None)
            for a in ("ssh-ed25519", "rsa-sha2-256", "ecdsa-sha2-nistp256")
        ]
        return [one.get_algorithm() for one in found if one]

    assert asyncio.run(keys()) == ["ssh-ed25519", "ssh-rsa", "ecdsa-sha2-nistp256"]
