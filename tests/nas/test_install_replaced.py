"""Containers of another state, named by their ids, are removed when all else is done, and no others."""

import pytest

from tests.nas.box import Box
from tests.nas.fake_docker import CONTAINER_ID as ID
from tests.nas.fake_docker import OTHER_ID as OTHER
from tests.nas.fake_docker import FakeDocker
from tests.nas.install_box import BAD_ROUTE, OURS, Nas


@pytest.fixture
def nas(box: Box) -> Nas:
    nas = Nas(box)
    nas.text["settings"] += f"network bridge-host\nreplaced_container {ID}\nreplaced_container {OTHER}\n"
    return nas


@pytest.fixture
def docker(nas: Nas) -> FakeDocker:
    return FakeDocker(nas, there=f"{ID}\n{OTHER}\n", ours=f"{ID}\n")


def test_ours_is_stopped_and_removed_with_its_volumes_kept_and_the_same_bundle_may_come_again(
    nas: Nas, docker: FakeDocker
) -> None:
    said = nas.ok()
    assert docker.done() == [f"stop {ID}", f"rm -f {ID}"] and nas.box.has_link()
    assert nas.ok() == said and len(docker.done()) == 2


def test_all_are_stopped_at_once_and_have_their_time_before_any_is_removed(nas: Nas, docker: FakeDocker) -> None:
    docker.set(ours=f"{ID}\n{OTHER}\n")
    nas.ok()
    assert docker.done() == [f"stop {ID} {OTHER}", f"rm -f {ID}", f"rm -f {OTHER}"]


def test_a_change_that_fails_removes_none(nas: Nas, docker: FakeDocker) -> None:
    nas.fails(conf=OURS + BAD_ROUTE)
    assert docker.done() == []


def test_what_docker_refuses_is_told(nas: Nas, docker: FakeDocker) -> None:
    docker.set(broken="rm -f")
    assert nas.fails() == f"container {ID} of another state could not be removed: daemon says no; the rest is done"
    assert nas.box.has_link()


@pytest.mark.parametrize("value", ["", "test", ID[:11], "$(id)"])
def test_other_words_for_an_id_are_refused(nas: Nas, docker: FakeDocker, value: str) -> None:
    said = nas.fails(settings=nas.text["settings"].replace(ID, value))
    assert said == f"nothing was changed: settings: '{value}' is not a valid value for replaced_container"
    assert docker.done() == []
