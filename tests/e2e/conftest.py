"""One box per engine for the whole run, in instances of its own: `make up`'s box is left alone."""

import os
from collections.abc import Iterator

import pytest

from lab.drive import Box, Stack
from tests.e2e.fixtures_lan import standing


def _box(engine: str, name: str) -> Iterator[Box]:
    instance = f"{name}-{engine}".replace(".", "").replace("_", "-")
    with standing(Box(engine, instance), "--engine", engine) as box:
        yield box


@pytest.fixture(scope="session")
def box() -> Iterator[Box]:
    """Engine 26."""
    yield from _box("26", "e2e")


@pytest.fixture(scope="module", params=["20.10", "29"])
def other_box(request: pytest.FixtureRequest) -> Iterator[Box]:
    yield from _box(request.param, "e2e")


@pytest.fixture(scope="module", params=["20.10", "26", "29"])
def fresh(request: pytest.FixtureRequest) -> Iterator[Box]:
    """One that nobody has used, for the module that asks: test_ipv6.py gives ipv6-26 and so on."""
    yield from _box(request.param, request.module.__name__.rpartition("test_")[2])


@pytest.fixture(scope="session", params=["20.10", "26", "29"])
def look_box(request: pytest.FixtureRequest) -> Iterator[Box]:
    """For what a preview tells (test_preview_*.py): a box of its own, so that it runs beside the others."""
    name = os.environ.get("SUITE_PART", f"look-{request.param}")  # parts of the suite run beside each other
    with standing(Box(request.param, name.replace(".", "")), "--engine", request.param) as box:
        yield box


@pytest.fixture(scope="module")
def looked(look_box: Box, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack on it, with a watch loop that heals nothing by itself within a test."""
    stack = Stack(look_box, tmp_path_factory.mktemp("stack"))
    yield stack
    stack.force_away()


@pytest.fixture(scope="module")
def stack(box: Box, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    """A stack with nothing made yet; destroyed at the module's end, whatever happened."""
    stack = Stack(box, tmp_path_factory.mktemp("stack"))
    yield stack
    stack.force_away()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--engine", help="only the tests on this Docker engine: 20.10, 26 or 29")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The engines' boxes can stand side by side, so the Makefile runs one pytest for each."""
    wanted = config.getoption("--engine")
    if wanted is None:
        return
    for item in list(items):
        values = item.callspec.params if isinstance(item, pytest.Function) and hasattr(item, "callspec") else {}
        on_26 = "26" if "box" in getattr(item, "fixturenames", ()) else ""
        if values.get("other_box", values.get("fresh", values.get("look_box", on_26))) != wanted:
            items.remove(item)
            config.hook.pytest_deselected(items=[item])
