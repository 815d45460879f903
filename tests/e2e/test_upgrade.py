"""An upgrade of this program replaces nothing on an installed NAS: it goes on with state and files of before.

The versions of before are kept whole in tests/e2e/before (`git archive` of what a stack consists of)."""

import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lab.drive import NAS, PROGRAM, ROOT, Box, Stack, copy_part
from tests.e2e.fixtures_lan import CONTAINERS, assert_all_is_as_planned, standing
from tests.e2e.streams import disturbed, streaming

BEFORE = Path(__file__).parent / "before"
# Version, its `install:`, and the same in the words of today. On 29 the first left its containers with MACs that Docker
# had made up, and those who know them need to ask again; the second is the last one that knew the old keys; the third
# is the last one with its routes in table main.
UPGRADES: dict[str, tuple[str, dict[str, Any], dict[str, Any]]] = {
    "29": ("2026-11-25", {}, {}),
    "26": (
        "2026-11-27",
        {"persistence": "systemd-network", "tick": 29},
        {"boot_hook": "systemd-standalone", "check_interval": 29},
    ),
    "20.10": ("0608bb2", {}, {}),
}
STREAMS = {
    "NAS to container": ("nas", "test", "192.168.1.201"),
    "NAS to container by ULA": ("nas", "test", "fd0d:7eb5:2afd::201"),
    "container to NAS": ("test", "nas", NAS),
    "client to container": ("client", "test", "192.168.1.201"),
}


@pytest.fixture(scope="module", params=UPGRADES)
def fresh(request: pytest.FixtureRequest) -> Iterator[Box]:
    with standing(Box(request.param, f"upgrade-{request.param}".replace(".", "")), "--engine", request.param) as box:
        yield box


def put(stack: Stack, source: Path) -> None:
    """That version of the program in place of the stack's."""
    for name in PROGRAM:
        shutil.rmtree(stack.folder / name, ignore_errors=True)
    for there in source.iterdir():
        if source == ROOT and there.name not in PROGRAM:
            continue
        copy_part(there, stack.folder / there.name)


def test_nothing_is_replaced_and_all_is_as_planned_after_it(fresh: Box, tmp_path: Path) -> None:
    version, install, renamed = UPGRADES[fresh.engine]
    (tmp_path / "stack").mkdir()
    stack = Stack(fresh, tmp_path / "stack")
    with tarfile.open(BEFORE / f"{version}.tar.gz") as archive:
        archive.extractall(tmp_path / "before", filter="data")
    put(stack, tmp_path / "before")
    stack.write(stack.site() | {"install": install})
    stack.up()
    ids = fresh.nas("docker ps -q --no-trunc | sort; docker network inspect -f '{{.Id}}' bridge-host")
    before = host_routes(fresh)
    with streaming(fresh, STREAMS) as told:
        steps = upgrade(stack, install, renamed)
    print(f"engine {fresh.engine}, the first preview after the upgrade: {steps}")
    assert set(steps.values()) <= {"update"} and set(steps) <= {"lan-host", "lan-docker"}
    assert disturbed(told, again=int(fresh.engine == "29")) == {}  # there each container gets its planned MAC
    assert host_routes(fresh) == {"main": [], "109": sorted(before["main"])}
    stack.expect_no_changes()
    assert fresh.nas("docker ps -q --no-trunc | sort; docker network inspect -f '{{.Id}}' bridge-host") == ids
    assert_all_is_as_planned(stack)
    stack.destroy()
    assert fresh.nas("docker ps -aq") == ""


def upgrade(stack: Stack, install: dict[str, Any], renamed: dict[str, Any]) -> dict[str, str]:
    """To the version of today; gives the steps of its first preview."""
    put(stack, ROOT)
    if install:
        told = stack.told(check=False)
        assert "is called boot_hook now" in told and "is called check_interval now" in told
    stack.write(stack.site() | {"install": renamed})
    steps = stack.steps()
    stack.up()
    return steps


def host_routes(box: Box) -> dict[str, list[str]]:
    """Routing table → the planned addresses that have a route through the shim there."""
    planned = {address for pair in CONTAINERS.values() for address in pair}
    look = "ip route show table {0} dev macvlan-host; ip -6 route show table {0} dev macvlan-host"
    return {
        table: sorted(planned & {line.split()[0] for line in box.nas(look.format(table), check=False).splitlines()})
        for table in ("main", "109")
    }
