"""One SSH session to the NAS: it opens the connection that the docker plugin then shares, and brings the facts back."""

import os
import pwd
import shlex
import subprocess
from collections.abc import Mapping
from ipaddress import IPv6Address
from pathlib import Path

from config.networks import named
from config.problems import Problem, UserErrors
from config.site import Site
from config.types import AUTO
from facts.labels import OURS
from facts.nas import NasFacts
from inputs.ssh_access import SshAccess
from install.conf import one_line
from install.files import PROBE, TRY_PASSWORD
from install.layout import TASK_NAME, InstallPlan, possible_installs
from install.profiles import PROFILES
from plan.lan import AddressPlan, loop_given
from probe.parse import parse_facts
from probe.ssh_failures import no_socket, password_is_to_be_changed, unreached

TIMEOUT = 60  # seconds for the whole probe


def gather_facts(
    site: Site,
    addresses: AddressPlan,
    access: SshAccess,
    scripts: Mapping[str, str],
    before: InstallPlan | None = None,
) -> NasFacts:
    """The NAS's facts. Raises UserErrors if the NAS cannot be reached.

    addresses: of the site; the probe asks the LAN who has them.
    scripts: name → text of the scripts that the probe consists of (install/files.py).
    before: where the last run put its files, if that is known.
    """
    _make_place_for_the_socket()
    words, stdin = ["sh", "-s", "--"], scripts[PROBE]
    if access.sudo_password is not None:
        words = ["sh", "-c", scripts[TRY_PASSWORD], "sh"]
        stdin = f"{access.sudo_password}\n{stdin}"
    remote = f"exec {shlex.join([*words, *probe_arguments(site, addresses, before)])}"
    try:
        done = subprocess.run(access.command(remote), input=stdin.encode(), capture_output=True, timeout=TIMEOUT)
    except FileNotFoundError:
        remedy = "install OpenSSH's client"
        raise UserErrors([Problem("ssh", "", "is not installed on this computer", remedy)]) from None
    except subprocess.TimeoutExpired:
        message = f"took the connection but did not answer within {TIMEOUT} s"
        raise UserErrors(
            [Problem("site.nas.host", access.host, message, "see whether the NAS is overloaded")]
        ) from None
    # Line ends stay as they are. A data file with a byte that is not UTF-8 is not ours, or was changed.
    answer, errors = done.stdout.decode(errors="replace"), done.stderr.decode(errors="replace")
    if done.returncode == 255:
        raise UserErrors([unreached(site, access, errors)])
    try:
        return parse_facts(answer)
    except (ValueError, KeyError, IndexError):
        # Text before the answer most likely comes from a login script
        if problem := password_is_to_be_changed(access, errors):
            raise UserErrors([problem]) from None
        words = one_line(errors) or one_line(answer.partition("\n== ")[0]) or one_line(answer)
        message = f"answered something unexpected: {words[-300:]}"
        remedy = f"try `ssh {access.user}@{access.host} true`; a login script that prints text is a common cause"
        raise UserErrors([Problem("site.nas.host", access.host, message, remedy)]) from None


def probe_arguments(site: Site, addresses: AddressPlan, before: InstallPlan | None = None) -> list[str]:
    """The arguments of probe.sh."""
    installs = [*possible_installs(site), *([] if before is None else [before])]
    files = {path: mode for install in installs for path, mode in install.files.items()}
    places = {place for profile in PROFILES.values() for place in profile.docker_places}
    units = {unit for profile in PROFILES.values() for unit in profile.docker_units}
    units |= {install.unit_name for install in installs} | {site.install.docker_unit}
    gateway = str(site.ula_gateway) if isinstance(site.ula_gateway, IPv6Address) else "-"
    return [
        f"parent={site.lan.parent}",
        f"network={site.network.name}",
        f"shim={site.shim.name}",
        f"table={addresses.shim.routing_table}",
        f"router={site.lan.gateway}",
        f"gateway={gateway}",
        *(f"file={mode}:{path}" for path, mode in sorted(files.items())),
        *(f"conf={path}" for path in sorted({install.config_path for install in installs})),
        *(f"program={path}" for path in sorted({install.script_path for install in installs})),
        *(f"unit={unit}" for unit in sorted(units - {"", AUTO})),
        *(f"place={place}" for place in sorted(places)),
        f"task={named(TASK_NAME, site.install.name)}",
        f"label={OURS}",
        *(f"ask={planned.address}" for planned in (*addresses.given, *loop_given(site.ipv6, addresses.external))),
    ]


def _make_place_for_the_socket() -> None:
    """~/.ssh, as ssh reads it: by the user's entry, whatever $HOME says."""
    try:
        Path(pwd.getpwuid(os.getuid()).pw_dir, ".ssh").mkdir(mode=0o700, parents=True, exist_ok=True)
    except KeyError:
        message = f"does not work for the user with the number {os.getuid()}, who has no entry on this computer"
        raise UserErrors([Problem("ssh", "", message, "run `pulumi` as a user who has one")]) from None
    except OSError as error:
        raise UserErrors([no_socket(error.strerror or str(error))]) from None
