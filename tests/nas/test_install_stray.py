"""A Docker network that somebody made under our name goes first, and that one only."""

import pytest

from tests.nas.box import Box
from tests.nas.install_box import BAD_ROUTE, OURS, Nas

ID = "0123456789abcdef" * 4
# Docker with one network, whose name is in `net`; `holders` is who is in it, as docker ps prints them. What changes
# something is in `done`. `broken` holds the command that fails.
DOCKER = """#!/bin/sh
cd {here}
[ "$1 $2" != "$(cat broken)" ] || {{ echo 'daemon says no' >&2; exit 1; }}
case "$1 $2" in
"network inspect")
    [ "$5" = {id} ] && [ -e net ] || {{ echo; echo "Error: No such network: $5" >&2; exit 1; }}
    cat net
    ;;
"ps -a") cat holders ;;
"network disconnect") [ "$3 $4" = "-f {id}" ] && echo "out $5" >>done ;;
"network rm") [ "$3" = {id} ] && rm net && echo "rm" >>done ;;
esac
"""


@pytest.fixture
def nas(box: Box) -> Nas:
    nas = Nas(box)
    (box.bin / "docker").write_text(DOCKER.format(here=box.here, id=ID))
    for name, text in {"net": "bridge-host\n", "holders": "", "done": "", "broken": ""}.items():
        (box.here / name).write_text(text)
    nas.text["settings"] += f"network bridge-host\nforeign_network {ID}\n"
    return nas


def done(nas: Nas) -> list[str]:
    return (nas.box.here / "done").read_text().splitlines()


def test_it_is_removed_and_the_same_bundle_may_come_again(nas: Nas) -> None:
    nas.ok()
    assert done(nas) == ["rm"] and nas.box.has_link()
    nas.ok()
    assert done(nas) == ["rm"]


def test_our_containers_are_taken_out_of_it_first(nas: Nas) -> None:
    (nas.box.here / "holders").write_text("c1 test 192.168.1.201,fd0d::201\nc2 other 192.168.1.202\n")
    nas.ok()
    assert done(nas) == ["out c1", "out c2", "rm"]


def test_with_a_container_of_somebody_else_in_it_nothing_is_changed(nas: Nas) -> None:
    (nas.box.here / "holders").write_text("c1 test 192.168.1.201\nc2 portainer \nc3 plex \n")
    said = nas.fails()
    why = "not only containers of ours are in it; disconnect or remove: portainer plex"
    assert said == f"nothing was changed: the network bridge-host ({ID}) is in the way, and {why}"
    assert done(nas) == [] and nas.tree() == {} and nas.calls() == []


def test_one_of_another_name_by_now_is_left_alone(nas: Nas) -> None:
    (nas.box.here / "net").write_text("somebody-elses\n")
    nas.ok()
    assert done(nas) == []


@pytest.mark.parametrize("broken", ["network inspect", "ps -a"])
def test_a_docker_that_does_not_tell_is_not_taken_for_none(nas: Nas, broken: str) -> None:
    (nas.box.here / "broken").write_text(broken)
    said = nas.fails()
    assert said.startswith("nothing was changed: ") and said.endswith("daemon says no")
    assert done(nas) == [] and nas.tree() == {}


@pytest.mark.parametrize(("broken", "state"), [("network rm", ["out c1"]), ("network disconnect", [])])
def test_what_docker_refuses_is_told_with_how_far_it_came(nas: Nas, broken: str, state: list[str]) -> None:
    (nas.box.here / "broken").write_text(broken)
    (nas.box.here / "holders").write_text("c1 test 192.168.1.201\n")
    said = nas.fails()
    assert "daemon says no" in said and said.endswith("nothing else was changed") and done(nas) == state
    assert nas.tree() == {}


def test_a_change_that_fails_after_it_tells_that_it_is_gone(nas: Nas) -> None:
    said = nas.fails(conf=OURS + BAD_ROUTE)
    state = f"the network bridge-host ({ID}) that was in the way is removed"
    assert said.endswith(f"; everything was taken away again; {state}") and done(nas) == ["rm"]


def test_a_file_that_is_refused_is_refused_before_that(nas: Nas) -> None:
    nas.fails(conf=OURS + "colour blue\n")
    assert done(nas) == []


@pytest.mark.parametrize("value", ["", "x", ID[:11], ID + "0", "bridge-host", "$(id)", f"{ID[:12]} {ID[:12]}"])
def test_other_words_for_an_id_are_refused(nas: Nas, value: str) -> None:
    said = nas.fails(settings=nas.text["settings"].replace(ID, value))
    assert said == f"nothing was changed: settings: '{value}' is not a valid value for foreign_network"
    assert done(nas) == []


def test_without_the_networks_name_it_is_refused(nas: Nas) -> None:
    said = nas.fails(settings=nas.text["settings"].replace("network bridge-host\n", "", 1))
    assert said == "nothing was changed: settings: foreign_network needs network" and done(nas) == []
