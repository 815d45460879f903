"""Containers of another state, named by their ids, are removed when all else is done, and no others."""

import pytest

from tests.nas.box import Box
from tests.nas.install_box import BAD_ROUTE, OURS, Nas

ID, OTHER = "0123456789abcdef" * 4, "fedcba9876543210" * 4
# Docker with the containers in `there`, of which those in `ours` have our label. What is removed is in `done`
DOCKER = """#!/bin/sh
cd {here}
case "$1 $2" in
"inspect --type") grep -q "^$6$" there || {{ echo "Error: No such container: $6" >&2; exit 1; }}
    ! grep -q "^$6$" ours || echo ours ;;
"stop "*) echo "$*" >>done; exit 1 ;; # one that does not stop in time
"rm -f") [ ! -e broken ] || {{ echo 'daemon says no' >&2; exit 1; }}
    echo "$*" >>done && grep -v "^$3$" there >new; mv new there ;;
esac
"""


@pytest.fixture
def nas(box: Box) -> Nas:
    nas = Nas(box)
    (box.bin / "docker").write_text(DOCKER.format(here=box.here))
    for name, text in {"there": f"{ID}\n{OTHER}\n", "ours": f"{ID}\n", "done": ""}.items():
        (box.here / name).write_text(text)
    nas.text["settings"] += f"network bridge-host\nreplaced_container {ID}\nreplaced_container {OTHER}\n"
    return nas


def done(nas: Nas) -> list[str]:
    return (nas.box.here / "done").read_text().splitlines()


def test_ours_is_stopped_and_removed_with_its_volumes_kept_and_the_same_bundle_may_come_again(nas: Nas) -> None:
    said = nas.ok()
    assert done(nas) == [f"stop {ID}", f"rm -f {ID}"] and nas.box.has_link()
    assert nas.ok() == said and len(done(nas)) == 2


def test_all_are_stopped_at_once_and_have_their_time_before_any_is_removed(nas: Nas) -> None:
    (nas.box.here / "ours").write_text(f"{ID}\n{OTHER}\n")
    nas.ok()
    assert done(nas) == [f"stop {ID} {OTHER}", f"rm -f {ID}", f"rm -f {OTHER}"]


def test_a_change_that_fails_removes_none(nas: Nas) -> None:
    nas.fails(conf=OURS + BAD_ROUTE)
    assert done(nas) == []


def test_what_docker_refuses_is_told(nas: Nas) -> None:
    (nas.box.here / "broken").touch()
    assert nas.fails() == f"container {ID} of another state could not be removed: daemon says no; the rest is done"
    assert nas.box.has_link()


@pytest.mark.parametrize("value", ["", "test", ID[:11], "$(id)"])
def test_other_words_for_an_id_are_refused(nas: Nas, value: str) -> None:
    said = nas.fails(settings=nas.text["settings"].replace(ID, value))
    assert said == f"nothing was changed: settings: '{value}' is not a valid value for replaced_container"
    assert done(nas) == []
