"""What a Command takes: names, types, defaults, and which of it is secret (pulumi-command 1.2.1, remote/command.go)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .values import UNKNOWN, Secret

TOKEN = "command:remote:Command"
LOGGING = ("stdout", "stderr", "stdoutAndStderr", "none")
INPUTS: dict[str, type] = {
    "connection": dict,
    "create": str,
    "update": str,
    "delete": str,
    "stdin": str,
    "triggers": list,
    "logging": str,
    "addPreviousOutputInEnv": bool,
}
CONNECTION: dict[str, type] = {
    "host": str,
    "port": float,
    "user": str,
    "password": str,
    "privateKey": str,
    "agentSocketPath": str,
    "hostKey": str,
    "dialErrorLimit": float,
    "perDialTimeout": float,
}
# The official plugin has these too; this program uses none of them (docs/upstream-facts.md#command-inputs).
NOT_HERE = {"environment", "proxy", "privateKeyPassword"}
DEFAULTS = {"addPreviousOutputInEnv": True}
CONNECTION_DEFAULTS = {"user": "root", "port": 22, "dialErrorLimit": 10, "perDialTimeout": 15}
_WORDS = {dict: "an object", str: "a string", list: "a list", bool: "a boolean", float: "a number"}


@dataclass(frozen=True)
class Failure:
    """property: its path, or "" for the whole."""

    property: str
    reason: str


def check(news: Mapping[str, Any]) -> tuple[dict[str, Any], list[Failure]]:
    """Inputs with defaults, the connection marked secret; and everything that is wrong with them."""
    failures = _wrong(news, INPUTS, "")
    connection = _open(news.get("connection"))
    if connection is None:
        failures.append(Failure("connection", "is required: without it there is no server to run the command on"))
    elif isinstance(connection, Mapping):
        failures += _wrong(connection, CONNECTION, "connection.")
        if "host" not in connection:
            failures.append(Failure("connection.host", "is required: the address of the server"))
        connection = {**CONNECTION_DEFAULTS, **connection}
    logging = _open(news.get("logging"))
    if isinstance(logging, str) and logging not in LOGGING:
        failures.append(Failure("logging", f"{logging!r} is not one of {', '.join(LOGGING)}"))
    inputs = {**DEFAULTS, **news}
    if connection is not None:
        inputs["connection"] = Secret(connection)
    return inputs, failures


def _open(value: Any) -> Any:
    return value.value if isinstance(value, Secret) else value


def _wrong(values: Mapping[str, Any], known: Mapping[str, type], prefix: str) -> list[Failure]:
    failures = []
    for name, marked in values.items():
        value = _open(marked)
        if name not in known:
            what = "is not implemented by" if name in NOT_HERE else "is no property that is known to"
            remedy = "use the official plugin: make ENGINE=path"
            reason = f"{what} this project's stand-in for the command plugin (lab/engine); remove it, or {remedy}"
            failures.append(Failure(prefix + name, reason))
        elif value is not UNKNOWN and not isinstance(value, known[name]):
            failures.append(Failure(prefix + name, f"must be {_WORDS[known[name]]}"))
    return failures
