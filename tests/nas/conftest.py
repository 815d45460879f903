"""Every test of the program runs under busybox ash, the narrowest shell that a NAS may have as /bin/sh.

Those in EVERY_SHELL, where a shell makes the difference (how it parses, what a signal does to `wait`, to children, to
traps), run under dash and bash too; all of them do with --full.
"""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.nas.box import SHELLS, Box, missing_tools

REMEDY = "apt-get install busybox-static dash bash iproute2 strace systemd"


@pytest.fixture(scope="session", autouse=True)
def prerequisites() -> None:
    # A shell's background and nohup ignore these. Our children would too, and no sh can trap what it came to ignored.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    missing = missing_tools(["dash", "busybox", "bash", "ip", "strace", "systemd-analyze"])
    if os.geteuid() != 0:
        pytest.fail("tests/nas makes network namespaces: run them as root")
    if missing:
        pytest.fail(f"tests/nas needs {', '.join(missing)}: {REMEDY}")


EVERY_SHELL = ("test_conf.py", "test_start_stop.py", "test_watch.py", "test_static.py")
# … but not these, in which another program's time is waited for.
LONG = (
    "test_a_docker_that_hangs_keeps_it_from_healing_and_from_ending_for_ten_seconds_at_most",
    "test_an_idle_tick_forks_less_than_ten_processes_for_100_containers",
    "test_a_gateway_that_nobody_can_tell_of_is_soon_asked_for_seldom",
)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--full"):
        return
    left_out = [item for item in items if shell_of(item) not in ("", "ash") and not is_for_every_shell(item)]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


def is_for_every_shell(item: pytest.Item) -> bool:
    return item.path.name in EVERY_SHELL and getattr(item, "originalname", "") not in LONG


def shell_of(item: pytest.Item) -> str:
    return str(item.callspec.params.get("shell", "")) if hasattr(item, "callspec") else ""  # type: ignore[attr-defined]


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def box(shell: str, tmp_path: Path) -> Iterator[Box]:
    made = Box(shell, tmp_path)
    yield made
    made.close()
