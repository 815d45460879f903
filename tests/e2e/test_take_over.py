"""Containers that Compose made make room for ours: the preview says which, nothing of their files, addresses and MACs
is lost, and a container that the preview did not see stays. tests/e2e/test_compose_project.py has it with Compose."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import yaml

from lab.drive import Box, Stack
from tests.e2e.fixtures_lan import wait

ADDRESS, MAC = "192.168.1.77", "8a:11:22:33:44:55"
NETWORK = "-d macvlan -o parent=eth0 --subnet 192.168.1.0/24 --gateway 192.168.1.1"
LABELS = {"project": "app", "oneoff": "False", "container-number": "1", "config-hash": "5e" * 32}
WEB = f"--network app_lan --ip {ADDRESS} --mac-address {MAC} -v app_data:/data -v /cache"
JOB = "--network none -v app_data:/data"
SERVICES: dict[str, Any] = {
    "web": {"image": "busybox", "tty": True, "networks": {"lan": {"ipv4_address": ADDRESS}}, "volumes": ["data:/data"]},
    "job": {"image": "busybox", "tty": True, "network_mode": "none", "volumes": ["data:/data"]},
}
LAN = {"driver": "macvlan", "driver_opts": {"parent": "eth0"}}
IPAM = {"config": [{"subnet": "192.168.1.0/24", "gateway": "192.168.1.1"}]}
FILE = {"services": SERVICES, "networks": {"lan": {**LAN, "ipam": IPAM}}, "volumes": {"data": None}}
# A docker that makes the container anew before the program looks at it a last time
MADE_ANEW = """#!/bin/sh
case "$*" in *'index .Config.Labels "macvlan-ipv6.addresses"'*app-web-1) ;;
*'index .Config.Labels "macvlan-ipv6.addresses"'*) /usr/bin/docker rm -f app-web-1 >/dev/null && %s >/dev/null ;;
esac
exec /usr/bin/docker "$@"
"""


def run_words(name: str, service: str, words: str) -> str:
    labels = " ".join(
        f"--label com.docker.compose.{key}={value}" for key, value in {**LABELS, "service": service}.items()
    )
    return f"--name {name} --restart unless-stopped {labels} {words} busybox"


@pytest.fixture(scope="module")
def made(box: Box, stack: Stack) -> Iterator[Stack]:
    """What `docker compose up` would have left there, as far as the program looks."""
    try:
        box.nas(f"docker network create {NETWORK} --label com.docker.compose.network=lan app_lan")
        volume = "--label com.docker.compose.project=app --label com.docker.compose.volume=data"
        box.nas(f"docker volume create {volume} app_data")
        box.nas(f"docker run -itd {run_words('app-web-1', 'web', WEB)}")
        box.nas(f"docker run -itd {run_words('app-job-1', 'job', JOB)}")
        box.nas("docker exec app-web-1 sh -c 'echo named >/data/x; echo nameless >/cache/x'")
        write(stack)
        yield stack
    finally:
        box.nas("rm -f /usr/local/bin/docker")
        stack.destroy(check=False)
        box.remove_containers_and("app_lan")
        box.nas("docker volume prune -af")


def write(stack: Stack, declared: dict[str, Any] | None = None, **web: Any) -> None:
    """The site, with these volumes declared, and these keys of the service `web`."""
    document = {**FILE, "services": {**SERVICES, "web": {**SERVICES["web"], **web}}}
    document["volumes"] = {"data": None, **(declared or {})}
    (stack.folder / "app").mkdir(exist_ok=True)
    (stack.folder / "app/docker-compose.yml").write_text(yaml.safe_dump(document))
    site = stack.site()
    del site["containers"]
    entry = {"path": "app/docker-compose.yml", "name": "app", "services": "all"}
    stack.write(site | {"compose": [entry], "network": {"name": "app_lan", "ipv6": "loop"}})


def inspected(box: Box, name: str) -> dict[str, Any]:
    return json.loads(box.nas(f"docker inspect {name}"))[0]


def nameless(box: Box, name: str) -> str:
    return next(one["Name"] for one in inspected(box, name)["Mounts"] if one["Destination"] == "/cache")


def test_a_volume_without_a_name_is_an_error_with_a_way_on(made: Stack) -> None:
    told = made.told(check=False)
    volume = nameless(made.box, "app-web-1")
    assert f"write `- {volume}:/cache` under the service's `volumes:`" in told and "app-web-1" in told
    assert made.box.nas("docker exec app-web-1 cat /cache/x").strip() == "nameless"


def test_what_stays_and_what_changes_is_told_before(made: Stack) -> None:
    box = made.box
    volume = nameless(box, "app-web-1")
    mounts = ["data:/data", f"{volume}:/cache"]
    write(made, {volume: {"external": True}}, volumes=mounts)
    told = made.told()
    assert f"what changes: MAC {MAC} → 02:42:c0:a8:01:4d" in told and "makes it anew as job" in told
    remedy = re.search(r"write `mac_address: (\S+)` there", told)
    assert remedy is not None
    write(made, {volume: {"external": True}}, volumes=mounts, mac_address=remedy[1])
    told = made.told()
    assert f"what stays: the files in its mounts, the address {ADDRESS}, the MAC {MAC}" in told
    assert "what changes" not in told
    steps = made.steps()
    assert steps["lan-web-container"] == steps["lan-job-container"] == "create"
    assert len(box.nas("docker ps -q").split()) == 2


def test_a_container_that_was_made_anew_since_the_preview_stays(made: Stack) -> None:
    box = made.box
    volume = nameless(box, "app-web-1")
    before = inspected(box, "app-web-1")["Id"]
    again = run_words("app-web-1", "web", WEB.replace("-v /cache", f"-v {volume}:/cache"))
    script = MADE_ANEW % f"/usr/bin/docker run -itd {again}"
    quoted = script.replace("'", "'\\''")
    box.nas(f"printf %s '{quoted}' >/usr/local/bin/docker; chmod 755 /usr/local/bin/docker")
    done = made.up(check=False)
    box.nas("rm /usr/local/bin/docker")
    assert done.returncode != 0
    assert "app-web-1 was made anew on the NAS since the preview, and stays as it is" in done.stdout
    now = inspected(box, "app-web-1")
    assert now["Id"] != before and now["State"]["Running"]
    assert now["NetworkSettings"]["Networks"]["app_lan"]["IPAddress"] == ADDRESS
    assert box.nas("docker ps -a --format '{{.Names}}'").split().count("web") == 0
    assert box.nas("docker exec app-web-1 cat /data/x /cache/x").split() == ["named", "nameless"]


def test_the_container_is_ours_with_its_files_its_address_and_its_mac(made: Stack) -> None:
    box = made.box
    theirs = {name: inspected(box, f"app-{name}-1")["Id"] for name in ("web", "job") if made_by_them(box, name)}
    assert "web" in theirs
    made.up()
    made.expect_no_changes()
    assert {*box.nas("docker ps -a --format '{{.Names}}'").split()} == {"web", "job"}
    ours = inspected(box, "web")
    assert ours["Id"] not in theirs.values() and inspected(box, "job")["Id"] not in theirs.values()
    assert ours["NetworkSettings"]["Networks"]["app_lan"]["IPAddress"] == ADDRESS
    wait("it has its MAC", lambda: MAC in box.ip("web", "link show dev eth0"))
    assert box.nas("docker exec web cat /data/x /cache/x").split() == ["named", "nameless"]
    assert box.lost({"LAN to it": ("client", ADDRESS), "NAS to it": ("nas", ADDRESS)}) == {}
    told = made.told()
    assert "Compose made of this service" not in told and "app-web-1" not in told


def made_by_them(box: Box, name: str) -> bool:
    return f"app-{name}-1" in box.nas("docker ps -a --format '{{.Names}}'").split()
