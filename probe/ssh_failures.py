"""Why ssh could not log in to the NAS, in our words: the real cause, and the remedy.

OpenSSH writes English in every locale: it takes the character set from the locale, but not the language.
"""

import re
import shlex
from collections.abc import Callable

from config.problems import Problem, as_text
from config.site import Site
from inputs.host_keys import fingerprint, keyscan, shown_kind
from inputs.ssh_access import CONNECT_TIMEOUT, SshAccess

_SHOWN = re.compile(r"fingerprint for the (\S+) key sent by the remote host is\s+(SHA256:[^\s.]+)")
_IN_COMMON = re.compile(r"no matching (.+?) found\. Their offer: (.*)")


def unreached(site: Site, access: SshAccess, stderr: str) -> Problem:
    reason = stderr.strip().splitlines()[-1].strip() if stderr.strip() else "no reason given"
    for words, problem in _CAUSES.items():
        if re.search(words, stderr):
            return problem(site, access, reason, stderr)
    message = f"cannot be reached on port {access.port} within {CONNECT_TIMEOUT} s ({reason})"
    return Problem("site.nas.host", access.host, message, "switch the NAS on, enable SSH there, check host and port")


def password_is_to_be_changed(access: SshAccess, reason: str) -> Problem | None:
    """Comes with exit code 1: sshd accepted the key, and then asks for a new password before anything else."""
    if "Password change required" not in reason:
        return None
    message = "has to change its password first, because the one on the NAS has expired"
    remedy = f"log in once with `ssh{_port(access)} {access.user}@{access.host}` and set a new one"
    return Problem("site.nas.user", access.user, message, remedy)


def no_socket(why: str) -> Problem:
    message = f"cannot hold the control socket of the shared SSH connection ({why})"
    remedy = "make it a folder that you may write to, in a home whose path has at most 55 characters"
    return Problem("~/.ssh", "", message, remedy)


def _socket(site: Site, access: SshAccess, reason: str, stderr: str) -> Problem:
    return no_socket(reason)


def _host_key(site: Site, access: SshAccess, reason: str, stderr: str) -> Problem:
    key = "site.nas.host_key" if site.nas.host_key else "site.nas.known_hosts"
    value = as_text(site.nas.host_key[0] if site.nas.host_key else site.nas.known_hosts)
    shown = _SHOWN.search(stderr)
    kind, print_ = (shown[1], shown[2]) if shown else ("", "")
    file = f"/etc/ssh/ssh_host_{kind.lower() or 'ed25519'}_key.pub"
    compare = f"compare with `ssh-keygen -lf {file}` on the NAS itself"
    add = f"`{keyscan(site.nas)} >> {site.nas.known_hosts}`"
    if site.nas.host_key:
        add = "add to it what the NAS has there"
    named = f" ({kind} {print_})" if shown else ""
    if print_ in [fingerprint(key) for key in access.revoked]:
        message = f"marks the key that {access.host} shows{named} as @revoked: it may have been stolen"
        return Problem(key, value, message, "give the NAS new host keys, or remove the mark if it is wrong")
    known = sorted({shown_kind(key) for key in access.host_keys})
    if shown and kind not in known:
        message = f"has no {kind} key of {access.host}, only {', '.join(known)}, and the NAS shows no other{named}"
        return Problem(key, value, message, f"{compare}; then {add}")
    message = f"does not match the key that {access.host} presents{named}"
    message += ": the NAS was reinstalled, or the connection is intercepted"
    name = access.host if access.port == 22 else f"[{access.host}]:{access.port}"
    forget = f"`ssh-keygen -R {shlex.quote(name)} -f {site.nas.known_hosts}`"
    replace = "replace it" if site.nas.host_key else f"{forget} and {add}"
    return Problem(key, value, message, f"{compare}; then {replace}")


def _let_in(site: Site, access: SshAccess, reason: str, stderr: str) -> Problem:
    key = "site.nas.identity_file" if site.nas.identity_file else "site.nas.user"
    value = as_text(site.nas.identity_file or site.nas.user)
    message = f"was refused by SSH on {access.host} as {access.user} ({reason})"
    which = f" -i {site.nas.identity_file}" if site.nas.identity_file else ""
    remedy = f"put the key there with `ssh-copy-id{which}{_port(access)} {access.user}@{access.host}`"
    return Problem(key, value, message, remedy)


def _too_many(site: Site, access: SshAccess, reason: str, stderr: str) -> Problem:
    if site.nas.identity_file:
        return _let_in(site, access, reason, stderr)
    message = f"tried more keys of your ssh agent than {access.host} takes tries ({reason})"
    remedy = "add `identity_file` with the path of the one key that is meant for the NAS"
    return Problem("site.nas.user", access.user, message, remedy)


def _expired(site: Site, access: SshAccess, reason: str, stderr: str) -> Problem:
    message = f"has an account on {access.host} that has expired"
    return Problem("site.nas.user", access.user, message, "renew it in the NAS's list of users, or use another user")


def _nothing_in_common(site: Site, access: SshAccess, reason: str, stderr: str) -> Problem:
    match = _IN_COMMON.search(stderr)
    subject, offer = (match[1], match[2].strip()) if match else ("algorithm", reason)
    message = f"offers no {subject} that this computer's ssh takes, only {offer}"
    return Problem(
        "site.nas.host", access.host, message, "update the system of the NAS, which brings a newer SSH server"
    )


def _no_address(site: Site, access: SshAccess, reason: str, stderr: str) -> Problem:
    return Problem("site.nas.host", access.host, f"cannot be resolved ({reason})", "write its IP address")


def _hung_up(site: Site, access: SshAccess, reason: str, stderr: str) -> Problem:
    message = f"takes the connection on port {access.port} and ends it before any login ({reason})"
    remedy = "see whether the NAS blocks this computer (after failed logins), or has too many logins at once"
    return Problem("site.nas.host", access.host, message, remedy)


def _port(access: SshAccess) -> str:
    return "" if access.port == 22 else f" -p {access.port}"


# The first that matches counts
_CAUSES: dict[str, Callable[[Site, SshAccess, str, str], Problem]] = {
    r"unix_listener: |ControlPath too long": _socket,
    r"no matching .* found\. Their offer": _nothing_in_common,
    r"REMOTE HOST IDENTIFICATION HAS CHANGED|Host key verification failed": _host_key,
    r"account has expired": _expired,
    r"Too many authentication failures": _too_many,
    r"Permission denied": _let_in,
    r"Could not resolve": _no_address,
    r"kex_exchange_identification: |Connection (closed|reset) by": _hung_up,
}
