"""A compose file with many services is read at once: what `make bench` measures, with a generous bound."""

from pathlib import Path

import pytest

from bench.reading import prepared, read

BOUND = 3  # seconds of CPU, for what took 0.4 on 2026-11-28


@pytest.fixture(autouse=True)
def _no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


def test_three_hundred_services_are_read_and_planned_at_once(tmp_path: Path) -> None:
    prepared(tmp_path, 300)
    seconds, loaded = read(tmp_path)
    [network] = loaded.networks
    assert len(network.addresses.containers) == 300 and loaded.warnings == ()
    last = loaded.services.services["app299"]
    assert last.service.environment["SETTING_19"] == "value of 19" and "HOST" in last.secret
    assert [*last.service.depends_on] == ["app298"] and [*last.service.networks] == ["bridge-host", "bench_inner"]
    assert seconds < BOUND, seconds
