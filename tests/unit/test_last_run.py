"""What an earlier run left in the stack's outputs, under the name of before the first release too."""

from pathlib import Path
from typing import Any

import pytest

from components import last_run
from config.problems import UserErrors

SNAPSHOT = "".join((Path(__file__).parent / "snapshots/2026-11-26.txt").read_text().split())


@pytest.mark.parametrize("outputs", [{"nas_snapshot": SNAPSHOT}, {"nas_seen": SNAPSHOT}])
def test_a_snapshot_is_read_under_its_old_name_too(outputs: dict[str, Any], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_run, "stack_outputs", lambda: outputs)
    assert last_run.load_last_snapshots("bridge-host")[""].parent == "eth0"


def test_of_both_names_the_present_one_counts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(last_run, "stack_outputs", lambda: {"nas_snapshot": "", "nas_seen": SNAPSHOT})
    with pytest.raises(UserErrors, match="another version"):
        last_run.load_last_snapshots("bridge-host")
