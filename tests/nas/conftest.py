"""Every test of the program runs under busybox ash, the narrowest shell that a NAS may have as /bin/sh.

Those in EVERY_SHELL, where a shell makes the difference (how it parses, what a signal does to `wait`, to children, to
traps), run under dash and bash too; all of them do with --full.
"""

import os
import shutil
import signal
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.nas.box import SHELLS, Box, missing_tools

AWKS = [words for words in (["mawk"], ["gawk"], ["busybox", "awk"]) if shutil.which(words[0])]

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
# … and of the other files one test of each script, so that no shell is left out altogether.
IN_ALL = (
    "test_a_first_apply_writes_files_starts_the_unit_and_says_so_in_one_line",
    "test_a_second_apply_changes_nothing_and_says_the_same",
    "test_the_answer_has_every_section_once_and_in_order",
    "test_files_arrive_as_they_were_sent_and_the_directory_goes",
    "test_after_a_holder_that_was_killed_one_contender_at_a_time_gets_in",
    "test_a_container_on_a_network_without_ipv6_gets_its_ula_within_a_second",
    "test_withdraw_leaves_sysctls_and_addresses_as_they_were",
)
# … but not these: what they look at is awk's, ip's or docker's doing, or they wait long. Name → the one shell.
IN_ONE = {
    "test_a_docker_that_always_fails_is_asked_once_per_tick": "ash",
    "test_a_docker_that_hangs_keeps_it_from_healing_and_from_ending_for_ten_seconds_at_most": "ash",
    "test_an_idle_tick_forks_less_than_ten_processes_for_100_containers": "ash",
    "test_a_gateway_that_nobody_can_tell_of_is_soon_asked_for_seldom": "dash",
    "test_when_nothing_happens_it_wakes_once_a_tick_and_asks_docker_every_twentieth_time": "dash",
    "test_events_that_come_while_it_is_at_work_never_hold_it_up": "bash",  # the one that hung
    "test_start_corrects_whatever_was_done_to_the_shim": "ash",
    "test_json_status_is_json": "ash",
}


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--full"):
        return
    shells: dict[str, set[str]] = defaultdict(set)
    for item in items:
        shells[name_of(item)].add(shell_of(item))
    left_out = [item for item in items if not is_chosen(item, shells[name_of(item)])]
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=left_out)


def is_chosen(item: pytest.Item, shells: set[str]) -> bool:
    """shells: those that this test can have. Some cannot have ash, whose own tools nothing can stand for."""
    shell, name = shell_of(item), name_of(item).rpartition("::")[2]
    everywhere = not shell or name in IN_ALL or (item.path.name in EVERY_SHELL and name not in IN_ONE)
    return everywhere or shell == IN_ONE.get(name, next((one for one in ("ash", "dash") if one in shells), "bash"))


def name_of(item: pytest.Item) -> str:
    return item.nodeid.partition("[")[0]


def shell_of(item: pytest.Item) -> str:
    shell = item.callspec.params.get("shell") if hasattr(item, "callspec") else ""  # type: ignore[attr-defined]
    return shell if shell in tuple(SHELLS) else ""


@pytest.fixture(params=AWKS, ids=lambda words: words[0])
def awk(request: pytest.FixtureRequest) -> list[str]:
    """Each awk of this machine, as words."""
    return request.param


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def box(shell: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Box]:
    monkeypatch.setenv("MACVLAN_RUN", str(tmp_path))  # however a test starts the program, it leaves nothing in our /run
    made = Box(shell, tmp_path)
    yield made
    made.close()
