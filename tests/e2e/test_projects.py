"""A Compose project that nobody has made yet: its containers wait for one another, share what they are to share, keep
what others have, and a second preview finds nothing to change."""

import json
import re
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
import yaml

from lab.drive import Box, Stack
from tests.e2e.fixtures_lan import wait

ADDRESS, KEPT = "192.168.1.211", "app_kept"
LIMITS = {"nofile": (4096, 8192), "nproc": (5000, 6000)}
DAEMON = {"default-ulimits": {name: {"Name": name, "Soft": s, "Hard": h} for name, (s, h) in LIMITS.items()}}
SLEEP = {"image": "busybox", "command": "sleep 1d", "stop_grace_period": "1s"}
SERVICES: dict[str, Any] = {
    "web": {
        **SLEEP,
        "command": "httpd -f -p 80 -h /work",
        "security_opt": ["no-new-privileges:true", "systempaths=unconfined"],
        "networks": {"bridge-host": {"ipv4_address": ADDRESS}, "back": {"aliases": ["www"]}},
        "depends_on": {
            "db": {"condition": "service_healthy"},
            "job": {"condition": "service_completed_successfully"},
        },
        "extra_hosts": ["host.docker.internal:host-gateway"],
        "volumes": ["work:/work"],
        "ports": ["8080:80"],
    },
    "db": {
        **SLEEP,
        "command": ["sh", "-c", "sleep 6; touch /tmp/ready; exec httpd -f -p 5432 -h /kept"],
        "healthcheck": {"test": "test -e /tmp/ready", "interval": "1s", "timeout": "5s", "retries": 30},
        "networks": ["back"],
        "volumes": ["kept:/kept", {"type": "tmpfs", "target": "/scratch", "tmpfs": {"size": "1m", "mode": 0o1777}}],
        "ports": ["5432:5432", "5433:5433/udp"],
        "environment": ["PASSWORD=${PASSWORD}"],
        "cpus": 1,
        "mem_limit": "64m",
        "mem_reservation": "32m",
        "ulimits": {"nofile": {"soft": 1024, "hard": 2048}},
    },
    "job": {
        **SLEEP,
        "command": ["sh", "-c", "sleep 1; echo done >/work/page"],
        "volumes": ["work:/work"],
        "networks": ["back"],
    },
    "side": {
        **SLEEP,
        "privileged": True,
        "security_opt": ["apparmor=unconfined"],
        "network_mode": "service:web",
        "pid": "service:web",
        "volumes_from": ["web:ro"],
    },
    "guest": {**SLEEP, "network_mode": "container:theirs"},
}
DOCUMENT = {
    "name": "app",
    "services": SERVICES,
    "networks": {"bridge-host": {"external": True}, "back": None},
    "volumes": {"work": None, "kept": {"labels": {"keep": "yes"}}},
}
PLANNED = {"web", "db", "job", "side", "guest"}


@pytest.fixture
def project(fresh: Box, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A NAS with a volume of the project's name and with a container of others, whose Docker gives limits of its own to
    each container."""
    fresh.nas(f"mkdir -p /etc/docker && echo '{json.dumps(DAEMON)}' >/etc/docker/daemon.json")
    fresh.nas("systemctl reset-failed docker; systemctl restart docker")
    stack = Stack(fresh, tmp_path_factory.mktemp("stack"))
    fresh.nas(f"docker volume create --label of=theirs {KEPT}; docker run -d --name theirs busybox sleep 1d")
    fresh.nas(f"docker run --rm -v {KEPT}:/kept busybox sh -c 'echo kept >/kept/row'")
    yield stack
    stack.destroy(check=False)
    fresh.nas(f"docker rm -f theirs; docker volume rm -f {KEPT} app_work", check=False)
    fresh.nas("rm /etc/docker/daemon.json; systemctl restart docker")


def write(stack: Stack, **more: Any) -> None:
    """more: of the service web."""
    services = {**SERVICES, "web": {**SERVICES["web"], **more}}
    (stack.folder / "compose.yml").write_text(yaml.safe_dump({**DOCUMENT, "services": services}))
    (stack.folder / ".env").write_text("PASSWORD=swordfish\n")
    site = stack.site()
    del site["containers"]
    entry = {"path": "compose.yml", "project_directory": "/volume1/app", "services": "all"}
    stack.write(site | {"compose": [entry]})


def inspected(box: Box, *names: str) -> dict[str, Any]:
    return {one["Name"][1:]: one for one in json.loads(box.nas(f"docker inspect {' '.join(names)}"))}


def limits(one: dict[str, Any]) -> dict[str, tuple[int, int]]:
    return {limit["Name"]: (limit["Soft"], limit["Hard"]) for limit in one["HostConfig"]["Ulimits"]}


def fetched(box: Box, where: str) -> str:
    code = f"import urllib.request as u; print(u.urlopen('http://{where}', timeout=9).read().decode())"
    return box.run("client", f'python3 -c "{code}"').stdout.strip()


def moment(text: str) -> datetime:
    return datetime.fromisoformat(f"{text[:19]}+00:00")


def test_a_project_is_made_stays_as_it_is_and_goes_without_what_others_have(project: Stack) -> None:
    box = project.box
    write(project)
    project.up()
    project.expect_no_changes()
    made = inspected(box, *PLANNED, "theirs")
    ready, done = (made[name]["State"] for name in ("db", "job"))
    began = moment(made["web"]["State"]["StartedAt"])
    assert ready["Health"]["Status"] == "healthy"
    assert int(box.nas("docker exec db stat -c %Y /tmp/ready")) <= began.timestamp()
    assert (done["ExitCode"], done["Status"]) == (0, "exited") and moment(done["FinishedAt"]) <= began
    assert made["side"]["HostConfig"]["NetworkMode"] == f"container:{made['web']['Id']}"
    assert made["guest"]["HostConfig"]["NetworkMode"] == f"container:{made['theirs']['Id']}"
    assert limits(made["db"]) == {**LIMITS, "nofile": (1024, 2048)} and limits(made["web"]) == LIMITS
    assert "PASSWORD=swordfish" in made["db"]["Config"]["Env"]
    assert "swordfish" not in (project.folder / "state").joinpath(*_state(project)).read_text()
    wait("a way out by the LAN's router", lambda: "via 192.168.1.1 " in box.ip("web", "-4 route show default"))
    for name in ("db", "www"):
        box.nas(f"docker exec db ping -c 1 -w 5 {name}")
    assert "192.168.1.254\thost.docker.internal" in box.nas("docker exec web cat /etc/hosts")
    assert fetched(box, f"{ADDRESS}/page") == "done" == box.nas("docker exec side cat /work/page").strip()
    assert fetched(box, "192.168.1.10:5432/row") == "kept"
    _unasked(project)
    refreshed = project.pulumi("preview", "--refresh", "--diff", "--stack", project.name).stdout
    assert "21 unchanged" in refreshed and not re.search(r"\d to (create|update|replace|delete)", refreshed), refreshed
    write(project, labels={"changed": "yes"})
    steps = project.steps()
    assert {name for name, how in steps.items() if "replace" in how} == {"lan-web-container", "lan-side-container"}
    project.up()
    project.expect_no_changes()
    after = inspected(box, *PLANNED)
    assert {name for name in PLANNED if after[name]["Id"] != made[name]["Id"]} == {"web", "side"}
    project.destroy()
    left = box.nas("docker ps -a --format '{{.Names}}'; docker volume ls -q; docker network ls --format '{{.Name}}'")
    assert {"theirs", KEPT, "app_work"} <= {*left.split()} and not {"app_back", *PLANNED} & {*left.split()}
    assert json.loads(box.nas(f"docker volume inspect {KEPT}"))[0]["Labels"] == {"of": "theirs"}


def _state(stack: Stack) -> tuple[str, ...]:
    return (".pulumi", "stacks", "macvlan-ipv6", f"{stack.name}.json")


def _unasked(stack: Stack) -> None:
    """Without a probe the same is planned."""
    site = stack.written()
    stack.write(site | {"probe": False})
    stack.expect_no_changes()
    stack.write(site)
