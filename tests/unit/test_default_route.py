"""Which network has a container's default route: Docker's rule, as measured in the lab (docs/decisions/0030)."""

import pytest

from plan.project.default_route import Way, default_way


@pytest.mark.parametrize(
    ("lan", "other", "engine", "wins"),
    [
        (Way("zzz", dual=True), Way("aaa"), 26, "zzz"),  # both families come first, whatever the names
        (Way("mmm"), Way("aaa"), 26, "aaa"),
        (Way("mmm"), Way("zzz"), 26, "mmm"),
        (Way("mmm", dual=True), Way("bbb", dual=True), 29, "bbb"),
        (Way("mmm"), Way("zzz", dual=True), 20, "zzz"),
        (Way("mmm"), Way("aaa", internal=True), 20, "mmm"),
        (Way("mmm", priority=1), Way("aaa", dual=True), 29, "mmm"),
        (Way("mmm", priority=1), Way("aaa"), 27, "aaa"),  # a priority counts from 28 on
        (Way("mmm", priority=1), Way("aaa"), None, "aaa"),
        (Way("mmm", priority=1), Way("aaa", priority=2), 28, "aaa"),
        (Way("mmm", dual=True), Way("Zzz", dual=True), 26, "Zzz"),  # bytewise
    ],
)
def test_docker_decides_by_priority_then_families_then_name(
    lan: Way, other: Way, engine: int | None, wins: str
) -> None:
    for ways in ([lan, other], [other, lan]):
        found = default_way(ways, engine)
        assert found is not None and found.network == wins


def test_internal_networks_have_no_default_route() -> None:
    assert default_way([Way("aaa", internal=True)], 29) is None
