"""Running one command on the server, its input and output, and the words for what went wrong."""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import asyncssh

from .dialing import DialError, dial, read_access

STDOUT, STDERR = "PULUMI_COMMAND_STDOUT", "PULUMI_COMMAND_STDERR"
_ESCAPES = {'"': '\\"', "\\": "\\\\", "\a": "\\a", "\b": "\\b", "\f": "\\f", "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_ESCAPES["\v"] = "\\v"


class CommandError(Exception):
    """The command failed, or could not be run."""


@dataclass(frozen=True)
class Output:
    """What the command wrote, each without one newline at its end."""

    stdout: str
    stderr: str


class _Session(asyncssh.SSHClientSession[bytes]):
    """Keeps what arrives, apart and together in the order of arrival, and passes on whole lines."""

    def __init__(self, lines: Callable[[str], None], logging: str) -> None:
        self.stdout, self.stderr, self.both = bytearray(), bytearray(), bytearray()
        self.closed = asyncio.get_running_loop().create_future()
        self._lines, self._logging, self._rest = lines, logging, b""

    def data_received(self, data: bytes, datatype: int | None) -> None:
        is_stderr = datatype is not None  # the one kind of extended data is stderr
        (self.stderr if is_stderr else self.stdout).extend(data)
        self.both.extend(data)
        if self._logging in ("stdoutAndStderr", "stderr" if is_stderr else "stdout"):
            *whole, self._rest = (self._rest + data).split(b"\n")
            for line in whole:
                self._lines(_text(line))

    def connection_lost(self, exc: Exception | None) -> None:
        if self._rest:
            self._lines(_text(self._rest))
        if not self.closed.done():
            self.closed.set_result(None)


class Runner:
    """Runs commands, several at once. Connections stay open until the plugin ends, as the official one leaves them."""

    def __init__(self) -> None:
        self._cancelled = asyncio.Event()

    def cancel(self) -> None:
        """No further tries to get in; commands that run are let finish, so that the state stays true."""
        self._cancelled.set()

    async def run(self, command: str, state: Mapping[str, Any], status: Callable[[str], None]) -> Output:
        """state: plain inputs, and stdout and stderr of the run before. status: gets lines to show. CommandError."""
        try:
            connection = await dial(read_access(state["connection"]), status, self._cancelled)
        except DialError as err:
            raise CommandError(str(err)) from err
        session = _Session(status, state.get("logging", "stdoutAndStderr"))
        try:
            channel, _ = await connection.create_session(
                lambda: session, command, env=_environment(state), encoding=None, request_pty=False
            )
            channel.write(state.get("stdin", "").encode())
            channel.write_eof()
        except (asyncssh.Error, OSError) as err:
            raise CommandError(f"{err}: running {quote(command)}:\n{_text(session.both)}") from err
        await session.closed
        failure = _failure(channel)
        if failure:
            raise CommandError(f"{failure}: running {quote(command)}:\n{_text(session.both)}")
        return Output(_text(session.stdout).removesuffix("\n"), _text(session.stderr).removesuffix("\n"))


def _environment(state: Mapping[str, Any]) -> dict[str | bytes, str | bytes]:
    if not state.get("addPreviousOutputInEnv", True):
        return {}
    named = {STDOUT: state.get("stdout"), STDERR: state.get("stderr")}
    return {name: value for name, value in named.items() if value}


def _failure(channel: asyncssh.SSHClientChannel[bytes]) -> str:
    """In the words of x/crypto/ssh; empty when all went well."""
    if channel.get_exit_signal():
        name, _, message, _ = channel.get_exit_signal() or ("", False, "", "")
        reason = f". Reason was: {message}" if message else ""
        return f"Process exited with status {128 + _SIGNALS.get(name, 0)} from signal {name}{reason}"
    status = channel.get_exit_status()
    if status is None:
        return "wait: remote command exited without exit status or exit signal"
    return f"Process exited with status {status}" if status else ""


_SIGNALS = {"ABRT": 6, "ALRM": 14, "FPE": 8, "HUP": 1, "ILL": 4, "INT": 2, "KILL": 9, "PIPE": 13, "QUIT": 3}
_SIGNALS |= {"SEGV": 11, "TERM": 15}


def quote(text: str) -> str:
    """As Go's %q."""
    return '"' + "".join(_ESCAPES.get(char) or _readable(char) for char in text) + '"'


def _readable(char: str) -> str:
    if char.isprintable():
        return char
    code = ord(char)
    if code < 0x80:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _text(data: bytes | bytearray) -> str:
    return bytes(data).decode(errors="replace")
