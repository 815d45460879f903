"""make bench: our `pulumi up` beside the recipe typed as one script over ssh, in the lab, N containers each.

Prints seconds and SSH logins, with date and versions. In a lab instance of its own, which is taken away at the end.
"""

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.table import Table

from lab.drive import ROOT, Box, Stack

ULA = "fd0d:7eb5:2afd::"
LOGINS = "journalctl -t sshd -t sshd-session | grep -c 'Accepted publickey' || true"


def main(counts: list[int]) -> None:
    box = Box("26", "bench")
    box.lab("up", "--engine", "26")
    try:
        engine = box.nas("docker version --format '{{.Server.Version}}'").strip()
        table = Table("N", "what", "seconds", "SSH logins", title=f"{date.today()}, Docker {engine}, NAS in a box")
        for count in counts:
            _recipe(box, table, count)
            with tempfile.TemporaryDirectory() as folder:
                _ours(Stack(box, Path(folder)), table, count)
        Console().print(table)
    finally:
        box.lab("down")


def _recipe(box: Box, table: Table, count: int) -> None:
    keys = ROOT / ".lab" / box.instance / "ssh"
    ssh = f"ssh -i {keys}/id_ed25519 -o UserKnownHostsFile={keys}/known_hosts -o BatchMode=yes root@192.168.1.10 sh -s"
    lines = [
        f"docker network create -d macvlan --subnet 192.168.1.0/24 --gateway 192.168.1.1 --ipv6 --subnet {ULA}/64"
        f" --gateway {ULA}1 -o parent=eth0 bridge-host",
        "ip link add shim link eth0 type macvlan mode bridge",
        "ip address add 192.168.1.254 dev shim; ip link set shim up",
    ]
    for number in range(count):
        address = f"192.168.1.{100 + number}"
        lines.append(f"docker run -itd --name c{number} --ip={address} --network bridge-host busybox")
        lines.append(f"ip route add {address} dev shim")
    script = "\n".join(lines)
    _row(box, table, count, "recipe, one script over ssh", lambda: box.run("client", f"{ssh} <<'EOF'\n{script}\nEOF"))
    box.remove_containers_and("bridge-host")
    box.nas("ip link del shim")


def _ours(stack: Stack, table: Table, count: int) -> None:
    stack.write(stack.site_with(count))
    _row(stack.box, table, count, "pulumi up", stack.up)
    _row(stack.box, table, count, "pulumi preview, no change", stack.expect_no_changes)
    _row(stack.box, table, count, "pulumi destroy", stack.destroy)


def _row(box: Box, table: Table, count: int, what: str, work: Callable[[], object]) -> None:
    before, started = int(box.nas(LOGINS)), time.monotonic()
    work()
    seconds = time.monotonic() - started
    table.add_row(str(count), what, f"{seconds:.1f}", str(int(box.nas(LOGINS)) - before))


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [10, 40])
