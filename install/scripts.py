"""The scripts of the NAS. Each is one file there, joined from parts under nas/, so that a part can be read on its own.

There is no template language, and nothing is evaluated. A part is copied as it is, `'@name.awk@'` becomes that file of
nas/embedded, and a few words on which program and scripts must agree are filled in.
"""

from collections.abc import Iterator, Mapping

# Of the shim's interface, as the program sets them, the probe reads them and preflight/host_drift.py compares them.
SHIM_SYSCTLS = {
    "ipv6/accept_ra": "0",
    "ipv6/autoconf": "0",
    "ipv6/addr_gen_mode": "1",
    "ipv6/disable_ipv6": "0",
    "ipv4/arp_filter": "1",
    "ipv4/arp_announce": "2",
}
LEARNED_PROTO = "109"  # of the routes to global addresses, which the watch loop learns (`ip route … proto`)
KEPT = ".before-macvlan-ipv6"  # ends the name of a file made by hand that gave way to one of ours
WORDS = {
    "@SHIM_SYSCTLS@": " ".join(f"{key}={value}" for key, value in SHIM_SYSCTLS.items()),
    "@LEARNED_PROTO@": LEARNED_PROTO,
    "@KEPT@": KEPT,
}

LIB = tuple(f"lib/{name}.sh" for name in ("base", "limit", "ping", "process", "lock"))
ROUTING = "lib/routing.sh"
_PROGRAM = (
    *("conf", "compare", "change", "background", "log", "containers", "gateway", "arrange", "watch"),
    *("routing", "status", "commands"),
)
_INSTALLER = ("settings", "obstacles", "files", "hooks", "verify", "commands")
_PROBE = ("arguments", "neighbours", "routers", "system", "routing", "docker", "objects", "installed", "commands")
PARTS: Mapping[str, tuple[str, ...]] = {
    "setup_docker_macvlan.sh": (*LIB, ROUTING, *(f"program/{name}.sh" for name in _PROGRAM)),
    "install.sh": (*LIB, *(f"install/{name}.sh" for name in _INSTALLER)),
    "probe.sh": (*LIB[:4], ROUTING, *(f"probe/{name}.sh" for name in _PROBE)),
}
EMBEDDED = (
    *("learn.awk", "compare.awk", "routing.awk", "taken.awk", "report.awk", "reachability.awk", "neighbours.awk"),
    *("inside.awk", "give.awk", "withdraw.awk", "record.sh", "arrange.sh", "withdraw.sh", "routers.pl"),
)


def parts() -> Iterator[str]:
    """The paths, under nas/, of all parts of a script."""
    yield from dict.fromkeys(path for paths in PARTS.values() for path in paths)
    yield from (f"embedded/{name}" for name in EMBEDDED)


def join(name: str, texts: Mapping[str, str]) -> str:
    """The script of that name. texts: path under nas/ → text of each of its ``parts``."""
    made_of = f"# Made of nas/{{lib,{PARTS[name][-1].partition('/')[0]}}}/*.sh, in the order of install/scripts.py."
    lines = ["#!/bin/sh", "# Part of macvlan-ipv6, written by pulumi up.", made_of, ""]
    text = "\n".join(lines)
    for path in PARTS[name]:
        text += f"\n# ---- nas/{path} {'-' * (100 - len(path))}\n{texts[path]}"
    for embedded in EMBEDDED:
        # The quote follows a line end, so that a loop that reads the file as input gets its last line whole
        text = text.replace(f"'@{embedded}@'", "'\n" + texts[f"embedded/{embedded}"].rstrip("\n") + "'")
    for word, value in WORDS.items():
        text = text.replace(word, value)
    return text
