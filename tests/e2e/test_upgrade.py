"""An upgrade of this program replaces nothing on an installed NAS: it goes on with state and files of before.

The version of before is kept whole in tests/e2e/before (`git archive` of what a stack consists of)."""

import shutil
import tarfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.drive import PROGRAM, ROOT, Box, Stack
from tests.e2e.whole import assert_all_is_as_planned

BEFORE = Path(__file__).parent / "before/2026-11-25.tar.gz"


@pytest.fixture(scope="module", params=["26", "29"])
def fresh(request: pytest.FixtureRequest) -> Iterator[Box]:
    """On 29 the version before left its containers with MACs that Docker had made up."""
    box = Box(request.param, f"upgrade-{request.param}")
    box.lab("up", "--engine", request.param)
    yield box
    box.lab("down")


def put(stack: Stack, source: Path) -> None:
    """That version of the program in place of the stack's."""
    for name in PROGRAM:
        there = stack.folder / name
        if there.is_dir():
            shutil.rmtree(there)
        (shutil.copytree if (source / name).is_dir() else shutil.copy)(source / name, there)


def test_nothing_is_replaced_and_all_is_as_planned_after_it(fresh: Box, tmp_path: Path) -> None:
    (tmp_path / "stack").mkdir()
    stack = Stack(fresh, tmp_path / "stack")
    with tarfile.open(BEFORE) as archive:
        archive.extractall(tmp_path / "before", filter="data")
    put(stack, tmp_path / "before")
    stack.up()
    ids = fresh.nas("docker ps -q --no-trunc | sort; docker network inspect -f '{{.Id}}' bridge-host")
    put(stack, ROOT)
    steps = stack.steps()
    print(f"engine {fresh.engine}, the first preview after the upgrade: {steps}")
    assert set(steps.values()) <= {"update"} and set(steps) <= {"lan-host", "lan-docker"}
    stack.up()
    stack.expect_no_changes()
    assert fresh.nas("docker ps -q --no-trunc | sort; docker network inspect -f '{{.Id}}' bridge-host") == ids
    assert_all_is_as_planned(stack)
    stack.destroy()
    assert fresh.nas("docker ps -aq") == ""
