"""Settings of this computer that would mislead the plugins and ssh, found before they start.

Pulumi starts the plugins with the environment of the person's shell, and nothing that this program does to its own
environment changes theirs. A variable that they read is therefore an error, unless it does no harm
(docs/decisions/0019).
"""

import re
import subprocess
from collections.abc import Iterator, Mapping

from config.problems import Problem, as_text

OLDEST = (8, 5)  # of OpenSSH: docs/upstream-facts.md#openssh-known-hosts-command
DAEMON = "docker.example.com"  # Docker's client's own name for a daemon behind ssh
_TLS = ("DOCKER_CERT_PATH", "DOCKER_CERT_MATERIAL", "DOCKER_KEY_MATERIAL")


def environment_problems(environ: Mapping[str, str]) -> list[Problem]:
    return [*_docker(environ), *_proxy(environ), *_openssh()]


def _docker(environ: Mapping[str, str]) -> Iterator[Problem]:
    """An explicit `host` wins over DOCKER_HOST, and explicit options over DOCKER_SSH_OPTS. Nothing wins over these."""
    if context := environ.get("DOCKER_CONTEXT"):
        message = "is set, and Pulumi's Docker plugin would change the Docker of that context instead of the NAS's"
        yield Problem("DOCKER_CONTEXT", as_text(context), message, _without("DOCKER_CONTEXT"))
    for name in _TLS:
        if environ.get(name):  # its value may be a key
            message = "is set, and Pulumi's Docker plugin would speak TLS to the NAS instead of using ssh"
            yield Problem(name, "", message, _without(name))
    host = environ.get("DOCKER_HOST", "")
    if host and (not re.match(r"[a-z]+://.", host) or host.startswith("npipe:")):
        message = "is no address that Docker's client can read on this computer, and Pulumi's Docker plugin fails on it"
        yield Problem("DOCKER_HOST", as_text(host), message, _without("DOCKER_HOST"))


def _without(name: str) -> str:
    return f"`unset {name}`, then run pulumi again"


def _proxy(environ: Mapping[str, str]) -> Iterator[Problem]:
    """Docker's client asks a proxy even for a daemon behind ssh, and the request still goes over ssh. dockerd
    understands the request for a plain proxy, but not a handshake (SOCKS, TLS)."""
    name = next((name for name in ("HTTP_PROXY", "http_proxy") if environ.get(name)), "")
    proxy = environ.get(name, "")
    if not proxy.lower().startswith(("socks5:", "socks5h:", "https:")):
        return
    exempt = (environ.get("NO_PROXY") or environ.get("no_proxy") or "").split(",")
    if any(_covers(entry.strip().lower()) for entry in exempt):
        return
    scheme = proxy.partition(":")[0]
    message = f"is a proxy that Pulumi's Docker plugin would greet by {scheme} where the NAS's Docker listens"
    remedy = f'`export NO_PROXY="${{NO_PROXY:-$no_proxy}},{DAEMON}"`, the name by which the plugin knows that Docker'
    yield Problem(name, as_text(_bare(proxy)), message, remedy)


def _bare(url: str) -> str:
    """The address without user and password."""
    scheme, _, rest = url.partition("://")
    return f"{scheme}://{rest.rpartition('@')[2]}"


def _covers(entry: str) -> bool:
    domain = entry.removeprefix("*").removeprefix(".")
    return entry == "*" or (bool(domain) and f".{DAEMON}".endswith(f".{domain}"))


def _openssh() -> Iterator[Problem]:
    try:
        done = subprocess.run(["ssh", "-V"], capture_output=True, text=True, errors="replace", stdin=subprocess.DEVNULL)
    except OSError:
        yield Problem("ssh", "", "is not installed on this computer, or not on PATH", "install OpenSSH's client")
        return
    words = (done.stderr + done.stdout).strip()
    version = re.search(r"OpenSSH_\D*(\d+)\.(\d+)", words)
    remedy = f"install OpenSSH {OLDEST[0]}.{OLDEST[1]} or newer, and put its folder first on PATH"
    shown = as_text(words.partition(",")[0])
    if version is None:
        yield Problem("ssh", shown, "is not OpenSSH, whose options this program and Docker's client use", remedy)
    elif (int(version[1]), int(version[2])) < OLDEST:
        message = "is too old to be given the NAS's host key by this program (KnownHostsCommand)"
        yield Problem("ssh", shown, message, remedy)
