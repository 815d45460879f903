"""make bench, first part: the CPU time that a compose file with many services takes to read, without a NAS.

The file has what files of people have: an anchor, variables, an env file, short and long forms, a second network.
"""

import sys
import tempfile
import time
from datetime import date
from pathlib import Path
from platform import python_version

from config.site import parse_site
from inputs.compose_files import read_projects

HEAD = """
x-common: &common
  restart: unless-stopped
  environment: &env {TZ: "${TZ}", PUID: "1000"}
  logging: {driver: json-file, options: {max-size: 10m}}
networks:
  lan: {external: true, name: bridge-host}
  inner:
volumes:
  data:
services:
"""
SERVICE = """
  svc%(number)d:
    <<: *common
    image: registry.example/app:${TAG:-latest}
    container_name: app%(number)d
    environment: {<<: *env, NAME: app%(number)d}
    env_file: common.env
    volumes: ["./app%(number)d:/config", "data:/data:ro"]
    ports: ["%(port)d:80"]
    networks:
      lan: {ipv4_address: 10.0.%(subnet)d.%(host)d}
      inner:
    labels: [traefik.enable=true, "traefik.http.routers.app%(number)d.rule=Host(`app%(number)d.example`)"]
    healthcheck: {test: curl -f localhost, interval: 30s}
"""


def main(counts: list[int]) -> None:
    print(f"{date.today()}, Python {python_version()}, CPU seconds to read a compose file of so many services:")
    for count in counts:
        with tempfile.TemporaryDirectory() as folder:
            print(f"{count:5}  {_seconds(Path(folder), count):.2f}")


def _seconds(folder: Path, count: int) -> float:
    services = (
        SERVICE % {"number": number, "port": 8000 + number, "subnet": number // 200, "host": 10 + number % 200}
        for number in range(count)
    )
    (folder / "docker-compose.yml").write_text(HEAD + "".join(services))
    (folder / ".env").write_text("TZ=Europe/Berlin\nTAG=1\n")
    (folder / "common.env").write_text("".join(f"KEY{number}=value{number}\n" for number in range(20)))
    entry = {"path": "docker-compose.yml", "project_directory": "/volume1/docker/home"}
    lan = {"parent": "eth0", "subnet": "10.0.0.0/16", "gateway": "10.0.0.1"}
    shim = {"ipv4_address": "10.0.255.254"}
    site, problems = parse_site({"nas": {"host": "nas"}, "lan": lan, "shim": shim, "ula": "none", "compose": [entry]})
    assert site is not None, problems
    start = time.process_time()
    [project], [taken], problems = read_projects(site, folder)
    seconds = time.process_time() - start
    wrong = [problem for problem in (*problems, *taken.problems) if problem.severity == "error"]
    assert not wrong and len(project.services) == len(taken.services) == count, wrong
    return seconds


if __name__ == "__main__":
    main([int(argument) for argument in sys.argv[1:]] or [100, 300])
