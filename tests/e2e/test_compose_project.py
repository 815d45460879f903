"""A project that `docker compose up` made on the NAS is taken over: its containers are what Compose made of the file,
with the same addresses, MACs and files, and nobody wrote a line of it anew."""

import json
import re
import shlex
import shutil
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from compose.disk import File
from compose.project import Source, read_project
from config.projects.service_reading import read_service
from lab.drive import Box, Stack
from tests.e2e.fixtures_lan import standing, wait
from tests.unit.compose_projects import Disk as InMemory

PROJECT = Path(__file__).parent / "project"
FOLDER = "/volume1/docker/home"
CONTAINERS = {"pihole": "home-dns-1", "db": "home-db-1", "page": "home-page-1", "sidecar": "home-sidecar-1"}
ADDRESS, ULA, MAC = "192.168.1.210", "fd0d:7eb5:2afd::210", "02:42:c0:a8:01:d2"
# Of an inspect: what a service's keys decide, less what names, ids and times are
CONFIG = ("Image", "Cmd", "Entrypoint", "Env", "User", "WorkingDir", "StopTimeout", "StopSignal", "Tty", "OpenStdin")
HOST = ("RestartPolicy", "Privileged", "ReadonlyRootfs", "Ulimits", "Memory", "NanoCpus", "Tmpfs")
# Keys that docs/compose.md says are ignored because Compose, or Docker on Linux, does nothing with them either
IGNORED: dict[str, Any] = {
    "attach": False,
    "cpu_count": 2,
    "cpu_percent": 50,
    "credential_spec": {"file": "spec.json"},
    "develop": {"watch": [{"action": "rebuild", "path": "."}]},
    "deploy": {
        "mode": "replicated",
        "endpoint_mode": "vip",
        "labels": {"a": "b"},
        "placement": {"constraints": ["node.role==manager"]},
        "update_config": {"parallelism": 1},
        "rollback_config": {"parallelism": 1},
        "restart_policy": {"condition": "any", "delay": "5s", "window": "9s"},
        "resources": {
            "reservations": {
                "cpus": "0.5",
                "generic_resources": [{"discrete_resource_spec": {"kind": "a", "value": 1}}],
            }
        },
    },
    "ports": [{"target": 80, "published": "8090", "mode": "ingress"}],
    "configs": [{"source": "conf", "target": "/conf", "uid": "7", "gid": "7", "mode": 0o400}],
}
PLAIN = {
    "restart": "always",
    "ports": [{"target": 80, "published": "8090"}],
    "configs": [{"source": "conf", "target": "/conf"}],
}
COMPOSE_OWN = ("com.docker.compose.", "desktop.docker.io", "macvlan-ipv6")


@pytest.fixture(scope="module", params=["26", "dsm"])
def fresh(request: pytest.FixtureRequest) -> Iterator[Box]:
    dsm = request.param == "dsm"
    options = ("--profile", "dsm") if dsm else ("--engine", "26")
    with standing(Box("20.10" if dsm else "26", f"project-{request.param}"), *options, "--compose", "2.26") as box:
        if dsm:
            box.nas("ln -s /usr/local/bin/docker /usr/bin/docker")
        yield box


@pytest.fixture(scope="module")
def made(fresh: Box, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Stack, dict[str, Any]]]:
    """The stack that is to take it over, and what Compose's own containers are."""
    stack = Stack(fresh, tmp_path_factory.mktemp("stack"))
    shutil.copytree(PROJECT, stack.folder / "home")
    try:
        put_on_nas(fresh)
        fresh.run("client", "ip address add fd0d:7eb5:2afd::20/64 dev eth0 nodad")
        compose(fresh, "up -d --quiet-pull")
        fresh.nas("docker exec home-db-1 sh -c 'echo kept >/var/lib/db/row'")
        fresh.nas("docker exec pihole sh -c 'echo kept >/var/log/line'")
        yield stack, inspected(fresh, {name: name if name == "pihole" else by for name, by in CONTAINERS.items()})
    finally:
        stack.destroy(check=False)
        compose(fresh, "down -v --remove-orphans", check=False)
        fresh.remove_containers_and("home_lan")


def put_on_nas(box: Box) -> None:
    """The project's folder, as people have it there."""
    box.nas(f"mkdir -p {FOLDER}/etc {FOLDER}/page")
    box.nas(f"echo hello >{FOLDER}/page/index.html; echo dns >{FOLDER}/etc/index.html")
    for name in ("docker-compose.yml", ".env", "dns.env"):
        text = (PROJECT / name).read_text()
        if "dsm" in box.instance:
            text = text.replace("parent: eth0", "parent: ovs_eth0")
        quoted = text.replace("'", "'\\''")
        box.nas(f"printf %s '{quoted}' >{FOLDER}/{name}")


def compose(box: Box, words: str, check: bool = True) -> str:
    return box.nas(f"cd {FOLDER} && docker compose {words} 2>&1", check=check)


def site(stack: Stack, **more: Any) -> dict[str, Any]:
    dsm = "dsm" in stack.box.instance
    site = stack.dsm_site("dockeradmin") if dsm else stack.site()
    if dsm:
        del site["nas"]["docker_wrapper"]
    del site["containers"]
    entry = {"path": "home/docker-compose.yml", "project_directory": FOLDER, "services": "all"}
    return site | {"compose": [entry], "network": {"name": "home_lan"}} | more


def inspected(box: Box, names: Mapping[str, str]) -> dict[str, Any]:
    """What each container is: as its file decides it, and its networks, by our names for it."""
    found = json.loads(box.nas(f"docker inspect {' '.join(names.values())}"))
    return {name: _told(one) for name, one in zip(names, found, strict=True)}


def _told(one: dict[str, Any]) -> dict[str, Any]:
    config, host = one["Config"], one["HostConfig"]
    networks = one["NetworkSettings"]["Networks"]
    mounts = {m["Destination"]: (m["Type"], m.get("Name") or m["Source"], m["RW"]) for m in one["Mounts"]}
    return {
        **{key: config.get(key) for key in CONFIG if key != "Image"},
        "Env": sorted(config["Env"]),
        "Labels": {k: v for k, v in (config["Labels"] or {}).items() if not k.startswith(COMPOSE_OWN)},
        "Healthcheck": config.get("Healthcheck"),
        **{key: host.get(key) or None for key in HOST},
        **{key: sorted(one.removeprefix("CAP_") for one in host.get(key) or ()) for key in ("CapAdd", "CapDrop")},
        "Mounts": mounts,
        "Image": one["Image"],
        "id": one["Id"],
        "Networks": {
            name: (place.get("IPAMConfig") or {}) if place.get("IPAMConfig") else {} for name, place in networks.items()
        },
        "MacAddress": {name: place["MacAddress"] for name, place in networks.items()},
        "Aliases": {name: set(place.get("Aliases") or ()) for name, place in networks.items()},
        "Ports": {port: to for port, to in one["NetworkSettings"]["Ports"].items() if to},
        "Shares": host["NetworkMode"].startswith("container:"),
    }


def test_the_preview_says_what_it_takes_over_and_nothing_else_is_in_the_way(made: tuple[Stack, Any]) -> None:
    stack, _ = made
    stack.write(site(stack))
    told = stack.told()
    for name in ("pihole", "home-db-1", "home-page-1", "home-sidecar-1"):
        assert name in told
    assert "ports" in told and stack.steps()["lan-network"] == "import"


def test_the_containers_are_what_compose_made_of_the_file(made: tuple[Stack, dict[str, Any]]) -> None:
    stack, before = made
    box = stack.box
    stack.write(site(stack))
    stack.up()
    stack.expect_no_changes()
    after = inspected(box, {name: name for name in CONTAINERS})
    for name, theirs in before.items():
        ours = after[name]
        assert ours["id"] != theirs["id"]
        same = {key: (theirs[key], ours[key]) for key in theirs if key not in ("id", "Aliases", "MacAddress", "Ports")}
        assert {key: pair for key, pair in same.items() if pair[0] != pair[1]} == {}, name
        for network, aliases in theirs["Aliases"].items():
            assert aliases - {CONTAINERS[name]} - ids(box, aliases) <= ours["Aliases"][network] | {name}, (
                name,
                network,
            )
    assert box.ip("pihole", "-o link show").count(MAC) == 1
    assert box.nas("docker exec db cat /var/lib/db/row").strip() == "kept"
    assert box.nas("docker exec pihole cat /var/log/line").strip() == "kept"


def ids(box: Box, aliases: set[str]) -> set[str]:
    """Docker's own short ids among them."""
    return {alias for alias in aliases if len(alias) == 12 and set(alias) <= set("0123456789abcdef")}


def test_each_finds_the_others_by_their_names_and_the_lan_finds_it(made: tuple[Stack, dict[str, Any]]) -> None:
    box = made[0].box
    for name in ("db", "resolver", "dns", "page"):
        box.nas(f"docker exec page ping -c 1 -w 5 {name}")
    ways = {"LAN to ULA": ("client", ULA), "LAN to IPv4": ("client", ADDRESS), "NAS to it": ("nas", ADDRESS)}
    assert box.lost(ways) == {}
    assert fetched(box, "192.168.1.10:8082") == "hello" and fetched(box, ADDRESS) == "dns"
    assert box.nas(f"docker exec sidecar ip -o address | grep -c {ADDRESS}").strip() == "1"
    wait("a way out by the router", lambda: "via 192.168.1.1 " in box.ip("pihole", "-4 route show default"))


def fetched(box: Box, where: str) -> str:
    """What the LAN's client gets from there."""
    code = f"import urllib.request as u; print(u.urlopen('http://{where}/', timeout=9).read().decode())"
    return box.run("client", f'python3 -c "{code}"').stdout.strip()


def test_what_is_destroyed_leaves_the_volumes_and_the_network_of_others(made: tuple[Stack, Any]) -> None:
    stack, _ = made
    stack.destroy()
    volumes = stack.box.nas("docker volume ls -q").split()
    assert {"home_log", "home_db"} <= {*volumes}
    assert "home_lan" in stack.box.nas("docker network ls --format '{{.Name}}'").split()


def test_a_service_on_the_lan_is_taken_and_compose_goes_on_with_the_rest(made: tuple[Stack, Any]) -> None:
    """Compose's own `up` stops at what was taken, until the preview's remedy is followed."""
    stack, _ = made
    box = stack.box
    compose(box, "up -d")
    joined = {"path": "home/docker-compose.yml", "project_directory": FOLDER}
    stack.write(site(stack, compose=[joined]))
    told = stack.told()
    remedy = re.search(r"`(services: \{.*scale: 0.*\}\})`", told)
    assert remedy is not None and "stay with Compose: db, page" in told
    stack.up()
    stack.expect_no_changes()
    assert "Conflict" in compose(box, "up -d", check=False)
    box.nas(f"echo '{remedy[1]}' >{FOLDER}/docker-compose.override.yml")
    ours = box.nas("docker inspect -f '{{.Id}}' pihole")
    compose(box, "up -d")
    compose(box, "up -d --force-recreate db page")
    assert box.nas("docker inspect -f '{{.Id}}' pihole") == ours
    box.nas("docker exec pihole ping -c 1 -w 5 db")
    stack.expect_no_changes()


def test_what_is_ignored_changes_nothing_in_a_container_of_composes_either(made: tuple[Stack, Any]) -> None:
    box, found = made[0].box, []
    box.nas(f"mkdir -p {FOLDER}/ignored && echo conf >{FOLDER}/ignored/conf")
    for keys in (IGNORED, PLAIN):
        service = {"image": "busybox", "command": "sleep 1d", "container_name": "said", "hostname": "said"} | keys
        document = {"name": "ignored", "services": {"said": service}, "configs": {"conf": {"file": "./conf"}}}
        file = f"{FOLDER}/ignored/compose.yml"
        box.nas(f"echo {shlex.quote(json.dumps(document))} >{file} && docker compose -f {file} create")
        [one] = json.loads(box.nas("docker inspect said"))
        own = {k: v for k, v in one["Config"]["Labels"].items() if not k.startswith("com.docker.compose.")}
        mounts = [mount["Source"] for mount in one["Mounts"]]
        found.append({**one["HostConfig"], **one["Config"], "Labels": own, "Mounted": mounts})
        box.nas(f"docker compose -f {file} down")
    differences = {key: values for key in found[0] if (values := [one.get(key) for one in found])[0] != values[1]}
    assert differences == {"CpuCount": [2, 0]}  # is kept, and only Docker on Windows reads it


def test_what_compose_builds_has_the_name_that_the_remedy_says(made: tuple[Stack, Any]) -> None:
    box, file = made[0].box, f"{FOLDER}/ignored/built.yml"
    document = {"name": "home", "services": {"web": {"build": "."}}}
    box.nas(f"mkdir -p {FOLDER}/ignored && echo {shlex.quote(json.dumps(document))} >{file}")
    project, findings = read_project(Source((File("/built.yml", "built.yml"),)), InMemory({"/built.yml": document}))
    assert project is not None and findings == []
    [remedy] = [one.remedy for one in read_service(project, "web", "web").problems]
    [name] = box.nas(f"docker compose -f {file} config --images").split()
    assert f"`image: {name}`" in remedy
