"""The provider's own settings: which daemon, and how ssh gets there."""

import json
import os
import pwd
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from .checking import Failure
from .transport import Endpoint, endpoint
from .values import UNKNOWN, is_unset

DEFAULT_HOST = "unix:///var/run/docker.sock"
_LOGIN_KEYS = {"address", "username", "password"}
_TLS = ("DOCKER_CERT_PATH", "DOCKER_CERT_MATERIAL", "DOCKER_KEY_MATERIAL")


@dataclass(frozen=True)
class Settings:
    """host: unix://, tcp:// or ssh://. logins: registry host → {username, password}; never printed."""

    host: str = DEFAULT_HOST
    ssh_opts: tuple[str, ...] = ()
    logins: Mapping[str, Mapping[str, str]] = field(default_factory=dict, repr=False)

    def endpoint(self) -> Endpoint:
        """Where to connect to. Raises ValueError for a host that cannot be used."""
        return endpoint(self.host, self.ssh_opts)


def check_config(args: Mapping[str, Any]) -> list[Failure]:
    """Everything that is wrong with the provider's arguments."""
    failures = []
    for key, value in args.items():
        if key in ("host", "sshOpts", "registryAuth", "version", "pluginDownloadURL") or key.startswith("__"):
            continue
        if is_unset(value) or value == "false":
            continue
        failures.append(
            Failure(
                key,
                f"Provider.{key} is not implemented by this project's stand-in for the docker plugin (lab/engine): it "
                "knows host, sshOpts and registryAuth; leave it out, or run with the official plugin: make ENGINE=path",
            )
        )
    if UNKNOWN not in (args.get("host"), args.get("sshOpts"), args.get("registryAuth")):
        try:
            settings(args).endpoint()
        except ValueError as err:
            failures.append(Failure("host", str(err)))
    return failures


def settings(args: Mapping[str, Any]) -> Settings:
    """The settings of a Configure call. A context of the environment wins over `host`, and `host` over DOCKER_HOST.

    Raises ValueError for a context that does not exist, and for certificates, of which this plugin knows nothing: the
    official one takes them from the environment, and then speaks TLS where it should start ssh.
    """
    if tls := next((name for name in _TLS if os.environ.get(name)), ""):
        raise ValueError(
            f"Error initializing Docker client: with {tls} set, {args.get('host')} is not reached over ssh"
        )
    host = args.get("host") or os.environ.get("DOCKER_HOST") or DEFAULT_HOST
    if context := os.environ.get("DOCKER_CONTEXT"):
        host = _context_host(context)
    ssh_opts = _list(args, "sshOpts") or os.environ.get("DOCKER_SSH_OPTS", "").split()
    if not all(isinstance(option, str) for option in ssh_opts):
        raise ValueError("sshOpts must be a list of texts")
    return Settings(host, tuple(ssh_opts), _logins(_list(args, "registryAuth")))


def _context_host(name: str) -> str:
    """The Docker host of a context. Found as the official plugin finds it: in the home that the system knows for this
    user, whatever HOME and DOCKER_CONFIG say, and there is none that is called default."""
    for path in sorted(Path(pwd.getpwuid(os.getuid()).pw_dir, ".docker/contexts/meta").glob("*/meta.json")):
        context = json.loads(path.read_text())
        if context.get("Name") == name:
            return context["Endpoints"]["docker"]["Host"]
    raise ValueError(f"Error loading Docker context: context '{name}' not found")


def _list(args: Mapping[str, Any], key: str) -> list[Any]:
    """A nested setting; the engine hands it over as JSON text."""
    value = args.get(key)
    if isinstance(value, str) and value:
        try:
            value = json.loads(value)
        except ValueError as err:
            raise ValueError(f"{key} must be a list, not {value!r}") from err
    if value and not isinstance(value, list):
        raise ValueError(f"{key} must be a list, not {value!r}")
    return value or []


def _logins(entries: list[Any]) -> dict[str, dict[str, str]]:
    logins = {}
    for entry in entries:
        if not isinstance(entry, dict) or not entry.get("address"):
            raise ValueError("each registryAuth needs an address")
        if unknown := {k for k, v in entry.items() if v} - _LOGIN_KEYS:
            raise ValueError(f"registryAuth: this stand-in knows {sorted(_LOGIN_KEYS)}, not {sorted(unknown)}")
        host = entry["address"].removeprefix("https://").removeprefix("http://").partition("/")[0]
        logins[host] = {"username": entry.get("username", ""), "password": entry.get("password", "")}
    return logins
