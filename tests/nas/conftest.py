"""Every test of the program runs under each shell that a NAS may have as /bin/sh."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.nas.box import SHELLS, Box, missing_tools

REMEDY = "apt-get install busybox-static dash bash iproute2 strace systemd"


@pytest.fixture(scope="session", autouse=True)
def prerequisites() -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored in a shell's background, and so in our children
    missing = missing_tools(["dash", "busybox", "bash", "ip", "strace", "systemd-analyze"])
    if os.geteuid() != 0:
        pytest.fail("tests/nas makes network namespaces: run them as root")
    if missing:
        pytest.fail(f"tests/nas needs {', '.join(missing)}: {REMEDY}")


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def box(shell: str, tmp_path: Path) -> Iterator[Box]:
    made = Box(shell, tmp_path)
    yield made
    made.close()
