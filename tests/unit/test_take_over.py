"""Which container makes room for which, and what is done on the NAS for it."""

import asyncio
from pathlib import Path

import pulumi
import pytest

from components.take_over import take_over_hook
from config.problems import UserErrors
from preflight.projects.take_over import Replaced
from tests.unit.recorder import ACCESS, record, record_lan
from tests.unit.sites import dev_plan
from tests.unit.test_gather import tool
from tests.unit.test_image_pull import Old

ID, OTHER_ID = "0123456789abcdef" * 4, "fedcba9876543210" * 4
THEIRS = Replaced(ID, "home-db-1")
SSH = " ".join(ACCESS.command(""))
INSPECT = "docker container inspect --format"


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an ssh that writes down what it is called with. Files of the words `inspect ID`, `stop ID`, `rm ID`
    have what the NAS answers, and files with `-fails` behind that what it says and fails with."""
    last = """set -- $last
case $2 in container) words="inspect" ;; *) words=$2 ;; esac
for which; do :; done
[ ! -f "$words $which-fails" ] || { cat "$words $which-fails" >&2; exit 1; }
[ -f "$words $which" ] || { echo "Error response from daemon: No such container: $which" >&2; exit 1; }
cat "$words $which" """
    tool(tmp_path, "ssh", f'cd "${{0%/*}}"; echo "$@" >>calls; for last; do :; done\n{last}')
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    for words in (f"stop {ID}", f"rm {ID}"):
        (tmp_path / words).write_text(f"{ID}\n")
    (tmp_path / f"inspect {ID}").write_text(f"{ID} /home-db-1\n")
    return tmp_path


def make_room() -> None:
    """As Pulumi calls it before it makes our container."""
    found: list[pulumi.ResourceHook] = []
    record(lambda: found.append(take_over_hook("x", ACCESS, THEIRS)))
    [hook] = found
    assert hook.opts is None or not hook.opts.on_dry_run, "a preview changes nothing"

    async def call() -> None:
        waits = hook(pulumi.ResourceHookArgs("urn", "", "lan-db-container", "", {"name": "db"}))
        if waits is not None:
            await waits

    loop = asyncio.new_event_loop()  # asyncio.run would take the SDK's loop away from the tests after this one
    try:
        loop.run_until_complete(call())
    finally:
        loop.close()


def changes(ssh: Path) -> list[str]:
    """What changed the NAS, each with the site's settings."""
    lines = (ssh / "calls").read_text().splitlines()
    assert all(f"ssh {line}".startswith(SSH) for line in lines)
    asked = [f"ssh {line}".removeprefix(SSH) for line in lines]
    return [line for line in asked if not line.startswith(INSPECT)]


def test_the_container_that_the_preview_saw_is_stopped_and_removed_without_its_volumes(ssh: Path) -> None:
    make_room()
    assert changes(ssh) == [f"docker stop {ID}", f"docker rm {ID}"]


@pytest.mark.parametrize("now", [f"{ID} /renamed", "a container of this program", f"{OTHER_ID} /home-db-1", ""])
def test_what_is_not_what_the_preview_saw_stays_as_it_is(ssh: Path, now: str) -> None:
    (ssh / f"inspect {ID}").write_text(f"{now}\n")
    with pytest.raises(RuntimeError, match="home-db-1 is not what the preview saw any more, and stays as it is"):
        make_room()
    assert changes(ssh) == []


def test_one_that_was_made_anew_meanwhile_stays_as_it_is(ssh: Path) -> None:
    (ssh / f"inspect {ID}").unlink()
    (ssh / "inspect home-db-1").write_text(f"{OTHER_ID} /home-db-1\n")
    with pytest.raises(RuntimeError, match="home-db-1 was made anew on the NAS since the preview, and stays as it is"):
        make_room()
    assert changes(ssh) == []


@pytest.mark.parametrize("there", ["", "a container of this program\n"])
def test_where_it_is_gone_already_nothing_is_done(ssh: Path, there: str) -> None:
    """Also where Pulumi tries once more to make ours, which has the name by then."""
    (ssh / f"inspect {ID}").unlink()
    if there:
        (ssh / "inspect home-db-1").write_text(there)
    make_room()
    assert changes(ssh) == []


def test_a_nas_that_does_not_tell_is_not_changed(ssh: Path) -> None:
    (ssh / f"inspect {ID}-fails").write_text("Cannot connect to the Docker daemon at unix:///var/run/docker.sock\n")
    with pytest.raises(RuntimeError, match="home-db-1 could not be looked at on the NAS: Cannot connect"):
        make_room()
    assert changes(ssh) == []


@pytest.mark.parametrize(("fails", "done"), [("stop", 1), ("rm", 2)])
def test_what_fails_is_told_in_dockers_words(ssh: Path, fails: str, done: int) -> None:
    (ssh / f"{fails} {ID}-fails").write_text("Error response from daemon: device or\nresource busy\n")
    with pytest.raises(RuntimeError, match=f"`docker {fails} home-db-1` failed on the NAS: .*device or resource busy"):
        make_room()
    assert len(changes(ssh)) == done


def test_a_container_that_goes_by_itself_when_it_stops_is_no_failure(ssh: Path) -> None:
    (ssh / f"rm {ID}-fails").write_text(f"Error response from daemon: No such container: {ID}\n")
    make_room()
    assert changes(ssh) == [f"docker stop {ID}", f"docker rm {ID}"]


def test_only_the_container_in_whose_place_one_is_waits_for_it() -> None:
    run = record_lan(dev_plan(), replaced={"test": THEIRS})
    hooks = {one.name: one.before_create for one in run.of("container:Container")}
    assert hooks == {"lan-test-container": ("lan-test-take-over",), "lan-qbittorrent-container": ()}


def test_a_pulumi_without_hooks_is_told_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.unit.recorder.Recorder", Old)

    def program() -> None:
        with pytest.raises(UserErrors, match=r"home-db-1\n .*this Pulumi is too old.*\n .*install a newer Pulumi"):
            take_over_hook("x", ACCESS, THEIRS)

    record(program)
