"""make bench: how long it takes to read a compose file with many services and to plan their addresses.

Prints seconds of CPU, without Pulumi and without a NAS.
"""

import subprocess
import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from inputs.load import LoadedConfig, load
from lab.drive import ROOT

HEAD = """\
name: bench
x-common: &common
  restart: unless-stopped
  env_file: [common.env]
  logging: {driver: json-file, options: {max-size: 10m}}
  healthcheck: {test: wget -q http://localhost, interval: 1m30s, retries: 3}
networks: {lan: {external: true, name: bridge-host}, inner: {ipam: {config: [{subnet: 10.99.0.0/16}]}}}
services:
"""
SERVICE = """\
  app{number}:
    <<: *common
    image: example/app:${{TAG:-1}}
    environment: {{NUMBER: "{number}", HOST: "${{HOST}}", A: b}}
    labels: ["number={number}", proxy.enable=true]
    ports: ["{port}:80"]
    volumes: ["./app{number}:/config:z", "data{number}:/data"]
    depends_on: [app{before}]
    networks: {{lan: {{ipv4_address: {address}}}, inner: }}
"""
SITE: dict[str, Any] = {
    "nas": {"host": "192.168.1.10", "identity_file": "key", "known_hosts": "known_hosts"},
    "lan": {"parent": "eth0", "subnet": "192.168.0.0/16", "gateway": "192.168.1.1"},
    "ula": {"prefix": "fd0d:7eb5:2afd::/64"},
    "shim": {"ipv4_address": "192.168.1.254"},
    "compose": [{"path": "docker-compose.yml", "project_directory": "/volume1/docker/bench"}],
}


def prepared(folder: Path, count: int) -> None:
    """The laptop's files: one project with so many services, env files, anchors and two networks."""
    services = (
        SERVICE.format(
            number=number,
            port=8000 + number,
            before=number - 1,
            address=f"192.168.{2 + number // 200}.{1 + number % 200}",
        )
        for number in range(count)
    )
    volumes = "".join(f"  data{number}: {{}}\n" for number in range(count))
    text = f"{HEAD}{''.join(services)}volumes:\n{volumes}".replace("    depends_on: [app-1]\n", "")
    (folder / "docker-compose.yml").write_text(text)
    (folder / ".env").write_text("HOST=nas\nTAG=2\n")
    (folder / "common.env").write_text("".join(f"SETTING_{number}=value of {number}\n" for number in range(20)))
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", folder / "key"], check=True)
    (folder / "known_hosts").write_text(f"192.168.1.10 {(folder / 'key.pub').read_text()}")
    (folder / "nas").symlink_to(ROOT / "nas")


def read(folder: Path) -> tuple[float, LoadedConfig]:
    """The seconds of CPU, and what was read."""
    started = time.process_time()
    loaded = load(folder, folder / "Pulumi.bench.yaml", SITE, None)
    return time.process_time() - started, loaded


def main(counts: list[int]) -> None:
    table = Table("services", "seconds of CPU", title=f"{date.today()}, a compose file read and planned")
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            prepared(Path(folder), count)
            read(Path(folder))  # what Python prepares once
            table.add_row(str(count), f"{min(read(Path(folder))[0] for _ in range(3)):.2f}")
    Console().print(table)


if __name__ == "__main__":
    main([int(word) for word in sys.argv[1:]] or [100, 300])
