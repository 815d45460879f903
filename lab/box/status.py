"""How the lab stands, for people."""

from box import announce, disk, nas, network
from box.enter import MACHINES
from box.place import Place
from box.processes import run
from box.spec import Spec

LOOK = """
echo "boot $(systemctl is-system-running)"
echo "ssh $(systemctl is-active ssh)"
echo "docker $(systemctl is-active UNIT)"
"""


def table(place: Place, asked: Spec | None) -> tuple[str, bool]:
    """asked: what `up` was asked for, None when the lab is down. Returns the text and whether all is well."""
    missing = network.missing(place)
    if len(missing) == len(MACHINES) and not asked:
        return f"lab {place.id}: down\n  -> lab/lab up", False
    unit = disk.docker_unit(place)
    lines = nas.ask(place, LOOK.replace("UNIT", unit)).stdout.splitlines()
    seen = dict(line.split(" ", 1) for line in lines if " " in line)
    version = nas.answers(place)
    wanted = f" (asked for: {asked.engine})" if asked else ""
    well = bool(version and announce.running(place) and nas.powered(place))
    rows = [
        ("lab", place.id),
        ("NAS", f"systemd {seen['boot']}, up {_uptime(place)}" if seen else "off"),
        *([("as asked", asked.words())] if asked else []),
        ("engine", f"docker {version}{wanted}" if version else "no answer over ssh from the client"),
        ("sshd, dockerd", f"{seen.get('ssh', 'off')}, {seen.get('docker', 'off')} ({unit})"),
        ("radvd", "running" if announce.running(place) else "not running"),
    ]
    for machine, interface in _interfaces(place, asked):
        shown = "no namespace" if machine in missing else ", ".join(_addresses(place, machine, interface)) or "none"
        rows.append((f"{machine} {interface}", f"{shown}   ({place.namespace(machine)})"))
    rows.append(("all is well", "yes" if well else "no   -> lab/lab up repairs it"))
    width = max(len(name) for name, _ in rows)
    return "\n".join(f"{name:<{width}}  {text}" for name, text in rows), well


def _interfaces(place: Place, asked: Spec | None) -> list[tuple[str, str]]:
    first = {"router": "br-lan", "nas": asked.parent if asked else "eth0"}
    found = [(machine, first.get(machine, "eth0")) for machine in MACHINES]
    found += [(network.BORDER, "eth0")] if network.exists(place, network.BORDER) else []
    return found + ([("router", "br-iot"), ("nas", network.SECOND_CARD)] if asked and asked.second_lan else [])


def _addresses(place: Place, machine: str, interface: str) -> list[str]:
    output = run("ip", "-n", place.namespace(machine), "-o", "address", "show", "dev", interface, check=False).stdout
    words = [line.split() for line in output.splitlines()]
    return [word[3] for word in words if len(word) > 3 and not word[3].startswith("fe80:")]


def _uptime(place: Place) -> str:
    pid = nas.leader(place)
    output = run("ps", "-o", "etimes=", "-p", str(pid), check=False).stdout.strip() if pid else ""
    seconds = int(output or 0)
    return f"{seconds // 60} min {seconds % 60} s"
