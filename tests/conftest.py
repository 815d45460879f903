"""Two sizes of the suite, the same examples at every run, and a record of where the seconds go.

Tests marked `full` run with `--full` only, which is what `make test-all` gives: a further engine, profile or parameter
of a claim that another test proves already, or the long count of it. docs/tests.md says what is proven where.
"""

import json
import os
import time
from collections import defaultdict
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# No deadline and no too_slow: both measure seconds, and a test is as slow as what else runs beside it.
COMMON = settings(database=None, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("steady", COMMON, derandomize=True, max_examples=60)
settings.register_profile("explore", COMMON, max_examples=3000)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "steady"))

PART = os.environ.get("SUITE_PART", "")  # set by tests/suite.py: the part that this process runs
TIMINGS = Path(__file__).parents[1] / ".timings"
_seconds: dict[str, float] = defaultdict(float)
_started = time.monotonic()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--full", action="store_true", help="the tests that only `make test-all` runs, too")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--full"):
        return
    left_out = [item for item in items if item.get_closest_marker("full")]
    if left_out:
        items[:] = [item for item in items if not item.get_closest_marker("full")]
        config.hook.pytest_deselected(items=left_out)


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    """Setup and teardown of a module's fixtures, as a box that boots, count for the file that needs them."""
    _seconds[report.nodeid.partition("::")[0]] += report.duration


def pytest_sessionfinish(session: pytest.Session) -> None:
    if PART and not hasattr(session.config, "workerinput"):
        TIMINGS.mkdir(exist_ok=True)
        told = {"seconds": round(time.monotonic() - _started, 1), "files": dict(_seconds)}
        (TIMINGS / f"{PART}.json").write_text(json.dumps(told))
