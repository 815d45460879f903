"""`macvlan-ipv6 ula --stack NAME`: makes the site's ULA prefix and writes it to the stack's config, once.

A prefix that exists is never replaced, because other devices may use it already. The exit code is 1 then.
"""

import json
import secrets
import shutil
import subprocess
import sys
from typing import Any

from config.keys import SITE_KEY
from plan.numbering import GLOBAL_ID_BYTES, ula_prefix


def make_prefix(stack: str) -> int:
    """Return the exit code."""
    if shutil.which("pulumi") is None:
        return _fail(
            "pulumi: is not on PATH, and it alone writes the stack's config\n  -> install Pulumi, or add it to PATH"
        )
    listed = _pulumi("config", "--stack", stack, "--json")
    if listed.returncode != 0:
        return _fail(f"stack {stack}: {listed.stderr.strip()}\n  -> make it first: pulumi stack init {stack}")
    config = json.loads(listed.stdout).get(SITE_KEY, {})
    site = config.get("objectValue")  # left out where a secret is inside
    if config.get("secret") or (site is None and config.get("value")):
        return _fail(
            f"{SITE_KEY}: has a secret inside, or is no map of keys, so it cannot be seen whether a prefix is there\n"
            "  a new one would renumber every container\n"
            f"  -> in Pulumi.{stack}.yaml move what is `secure:` below {SITE_KEY} to macvlan-ipv6:secretEnvironment"
            " (docs/guide.md, «Secrets»)"
        )
    present = _prefix(site)
    if present:
        return _fail(
            f"site.ula.prefix: {present}\n"
            f"  is in Pulumi.{stack}.yaml already; a new one would renumber every container\n"
            "  -> if you really want that, remove the line first"
        )
    prefix = ula_prefix(secrets.token_bytes(GLOBAL_ID_BYTES))
    written = _pulumi("config", "set", "--stack", stack, "--path", f"{SITE_KEY}.ula.prefix", str(prefix))
    if written.returncode != 0:
        return _fail(written.stderr.strip())
    print(f"site.ula.prefix: {prefix}\n  is now in Pulumi.{stack}.yaml; keep that file, the prefix is yours for good")
    return 0


def _prefix(site: Any) -> str | None:
    ula = site.get("ula") if isinstance(site, dict) else None
    return ula.get("prefix") if isinstance(ula, dict) else None


def _pulumi(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["pulumi", *arguments, "--non-interactive"], capture_output=True, text=True)


def _fail(message: str) -> int:
    print(message, file=sys.stderr)
    return 1
