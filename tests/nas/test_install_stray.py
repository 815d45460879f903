"""A Docker network that somebody made under our name goes first, and that one only."""

import pytest

from tests.nas.box import Box
from tests.nas.fake_docker import NETWORK_ID as ID
from tests.nas.fake_docker import FakeDocker
from tests.nas.install_box import BAD_ROUTE, OURS, Nas

OUT = f"network disconnect -f {ID}"


@pytest.fixture
def nas(box: Box) -> Nas:
    nas = Nas(box)
    nas.text["settings"] += f"network bridge-host\nforeign_network {ID}\n"
    return nas


@pytest.fixture
def docker(nas: Nas) -> FakeDocker:
    return FakeDocker(nas)


def test_it_is_removed_and_the_same_bundle_may_come_again(nas: Nas, docker: FakeDocker) -> None:
    nas.ok()
    assert docker.done() == [f"network rm {ID}"] and nas.box.has_link()
    nas.ok()
    assert docker.done() == [f"network rm {ID}"]


def test_our_containers_are_taken_out_of_it_first(nas: Nas, docker: FakeDocker) -> None:
    docker.set(holders="c1 test 192.168.1.201,fd0d::201\nc2 other 192.168.1.202\n")
    nas.ok()
    assert docker.done() == [f"{OUT} c1", f"{OUT} c2", f"network rm {ID}"]


def test_with_a_container_of_somebody_else_in_it_nothing_is_changed(nas: Nas, docker: FakeDocker) -> None:
    docker.set(holders="c1 test 192.168.1.201\nc2 portainer \nc3 plex \n")
    said = nas.fails()
    why = "not only containers of ours are in it; disconnect or remove: portainer plex"
    assert said == f"nothing was changed: the network bridge-host ({ID}) is in the way, and {why}"
    assert docker.done() == [] and nas.tree() == {} and nas.calls() == []


def test_one_of_another_name_by_now_is_left_alone(nas: Nas, docker: FakeDocker) -> None:
    docker.set(net="somebody-elses\n")
    nas.ok()
    assert docker.done() == []


@pytest.mark.parametrize("broken", ["network inspect", "ps -a"])
def test_a_docker_that_does_not_tell_is_not_taken_for_none(nas: Nas, docker: FakeDocker, broken: str) -> None:
    docker.set(broken=broken)
    said = nas.fails()
    assert said.startswith("nothing was changed: ") and said.endswith("daemon says no")
    assert docker.done() == [] and nas.tree() == {}


@pytest.mark.parametrize(("broken", "state"), [("network rm", [f"{OUT} c1"]), ("network disconnect", [])])
def test_what_docker_refuses_is_told_with_how_far_it_came(
    nas: Nas, docker: FakeDocker, broken: str, state: list[str]
) -> None:
    docker.set(broken=broken)
    docker.set(holders="c1 test 192.168.1.201\n")
    said = nas.fails()
    assert "daemon says no" in said and said.endswith("nothing else was changed") and docker.done() == state
    assert nas.tree() == {}


def test_a_change_that_fails_after_it_tells_that_it_is_gone(nas: Nas, docker: FakeDocker) -> None:
    said = nas.fails(conf=OURS + BAD_ROUTE)
    state = f"the network bridge-host ({ID}) that was in the way is removed"
    assert said.endswith(f"; everything was taken away again; {state}") and docker.done() == [f"network rm {ID}"]


def test_a_file_that_is_refused_is_refused_before_that(nas: Nas, docker: FakeDocker) -> None:
    nas.fails(conf=OURS + "colour blue\n")
    assert docker.done() == []


@pytest.mark.parametrize("value", ["", "x", ID[:11], ID + "0", "bridge-host", "$(id)", f"{ID[:12]} {ID[:12]}"])
def test_other_words_for_an_id_are_refused(nas: Nas, docker: FakeDocker, value: str) -> None:
    said = nas.fails(settings=nas.text["settings"].replace(ID, value))
    assert said == f"nothing was changed: settings: '{value}' is not a valid value for foreign_network"
    assert docker.done() == []


def test_without_the_networks_name_it_is_refused(nas: Nas, docker: FakeDocker) -> None:
    said = nas.fails(settings=nas.text["settings"].replace("network bridge-host\n", "", 1))
    assert said == "nothing was changed: settings: foreign_network needs network" and docker.done() == []
