"""What people made by hand at the same places is taken over without loss, and given back."""

import os
from pathlib import Path

import pytest

from tests.nas.box import PREFIX, SHIM, Box
from tests.nas.install_box import BAD_ROUTE, OURS, Nas

KEPT = ".before-macvlan-ipv6"
SCRIPT = f"""#!/bin/sh
case $1 in
start)
    ip link add {SHIM} link eth0 type macvlan mode bridge && ip addr add 192.168.1.254/24 dev {SHIM} &&
        ip link set {SHIM} up && ip route add 192.168.1.201 dev {SHIM}
    ;;
stop) ip link del {SHIM} ;;
esac
"""


class ByHand:
    """The recipe as people follow it: script and oneshot unit, enabled for multi-user.target and started."""

    def __init__(self, nas: Nas, state: tuple[str, ...] = ("enabled", "active")) -> None:
        self.nas = nas
        nas.program.parent.mkdir(parents=True)
        nas.program.write_text(SCRIPT)
        nas.program.chmod(0o750)
        nas.unit.write_text(
            "[Service]\nType=oneshot\nRemainAfterExit=yes\n"
            f"ExecStart={nas.program} start\nExecStop={nas.program} stop\n[Install]\nWantedBy=multi-user.target\n"
        )
        for file in nas.program, nas.unit:
            os.utime(file, (1_600_000_000, 1_600_000_000))
        (nas.fake / "loaded").write_text(nas.unit.read_text())
        for name in state:
            (nas.fake / name).write_text({"enabled": "multi-user.target", "active": "oneshot"}[name])
        if "active" in state:
            nas.box_run(nas.program, "start")
        self.files = {str(p): (p.stat().st_mode, p.stat().st_mtime, p.read_text()) for p in nas.files()}
        self.before = self.found()

    def found(self) -> dict[str, object]:
        """All that a person could see of it."""
        files = {str(p): (p.stat().st_mode, p.stat().st_mtime, p.read_text()) for p in self.nas.files()}
        state = [(name, (self.nas.fake / name).exists()) for name in ("loaded", "enabled", "active")]
        routes = self.nas.box.routes() if self.nas.box.has_link() else set()
        return {"files": files, "state": state, "routes": routes}


@pytest.fixture
def nas(box: Box) -> Nas:
    return Nas(box)


def kept(file: Path) -> Path:
    return file.with_name(file.name + KEPT)


def test_files_unit_and_link_are_taken_over_and_the_old_files_are_kept_as_they_were(nas: Nas) -> None:
    hand = ByHand(nas)
    index = nas.index()
    assert nas.ok().endswith("unit active, enabled\n")
    assert f"restart {nas.unit.name}" in nas.calls() and nas.index() != index
    assert nas.box.addresses() >= {"192.168.1.254/32", f"{PREFIX}254/128"} and "192.168.1.202" in nas.box.routes()
    assert (nas.fake / "enabled").read_text() == "docker.service"
    for file in nas.program, nas.unit:
        stat = kept(file).stat()
        assert (stat.st_mode, stat.st_mtime, kept(file).read_text()) == hand.files[str(file)]
    new = {p for p in nas.files() if KEPT in p.name}
    assert new == {kept(nas.program), *(Path(f"{kept(nas.unit)}{end}") for end in ("", ".enabled", ".active"))}


def test_applying_again_keeps_nothing_more_and_changes_nothing(nas: Nas) -> None:
    ByHand(nas)
    first = nas.ok()
    before = {p: p.stat().st_mtime_ns for p in nas.root.rglob("*")}
    assert nas.ok() == first and nas.calls() == []
    assert {p: p.stat().st_mtime_ns for p in nas.root.rglob("*")} == before
    nas.ok(program=nas.text["program"] + "# more\n")
    assert kept(nas.program).read_text() == SCRIPT


@pytest.mark.parametrize("state", [(), ("enabled",), ("active",), ("enabled", "active")])
def test_destroy_with_restore_leaves_everything_as_it_was_found(nas: Nas, state: tuple[str, ...]) -> None:
    hand = ByHand(nas, state)
    nas.ok()
    settings = nas.text["settings"] + "on_destroy restore\n"
    assert nas.ok("remove", settings=settings) == "removed: link, unit and files; what was there before is back\n"
    assert hand.found() == hand.before
    assert nas.ok("remove") == "removed: link, unit and files\n" and hand.found() == hand.before


def test_destroy_leaves_the_kept_files_beside(nas: Nas) -> None:
    ByHand(nas)
    nas.ok()
    said = "removed: link, unit and files; what was there before is kept beside, as FILE.before-macvlan-ipv6\n"
    assert nas.ok("remove") == said
    assert not nas.unit.exists() and not nas.program.exists() and not nas.box.has_link()
    assert kept(nas.program).read_text() == SCRIPT and kept(nas.unit).with_suffix(f"{KEPT}.active").exists()
    assert not (nas.fake / "enabled").exists() and not (nas.fake / "active").exists()
    nas.ok("remove")
    assert kept(nas.program).read_text() == SCRIPT


def test_destroy_that_restores_after_one_that_was_cut_off_completes_it(nas: Nas) -> None:
    hand = ByHand(nas)
    nas.ok(settings=nas.text["settings"] + "on_destroy restore\n")
    nas.dies_at("daemon-reload", "remove")
    nas.ok("remove")
    assert hand.found() == hand.before


def test_a_first_apply_that_fails_puts_everything_back_and_leaves_no_copy(nas: Nas) -> None:
    hand = ByHand(nas)
    said = nas.fails(conf=OURS + BAD_ROUTE)
    assert said.endswith("; the previous state was put back") and "ff02::1:2:3:4:5:6:7:8" in said
    assert hand.found() == hand.before


def test_a_link_that_no_unit_had_made_is_told_when_it_is_lost(nas: Nas) -> None:
    ByHand(nas, ())
    nas.box_run(nas.program, "start")
    said = nas.fails(conf=OURS + BAD_ROUTE)
    assert said.endswith(f"; the previous state was put back; only the link {SHIM} is gone, which no unit had made")


def test_a_file_that_was_kept_once_is_never_overwritten(nas: Nas) -> None:
    hand = ByHand(nas)
    kept(nas.program).write_text("the first one")
    nas.ok()
    assert kept(nas.program).read_text() == "the first one"
    nas.ok("remove", settings=nas.text["settings"] + "on_destroy restore\n")
    assert nas.program.read_text() == "the first one" and hand.found()["files"] != hand.files


def test_a_first_apply_that_fails_leaves_a_copy_of_earlier_alone(nas: Nas) -> None:
    nas.program.parent.mkdir(parents=True)
    kept(nas.program).write_text("the first one")
    before = nas.tree()
    assert nas.fails(conf=OURS + BAD_ROUTE).endswith("; everything was taken away again")
    assert nas.tree() == before


def test_what_somebody_puts_in_our_files_place_later_is_not_removed(nas: Nas) -> None:
    nas.ok()
    for file in nas.program, nas.unit:
        file.write_text("#!/bin/sh\n# by hand\n")
    index = nas.index()
    nas.ok("remove")
    assert nas.program.exists() and nas.unit.exists() and not nas.conf.exists() and nas.index() == index
    assert nas.calls() == ["daemon-reload", f"reset-failed {nas.unit.name}"]


def test_a_script_that_is_a_link_to_another_place_comes_back_as_one(nas: Nas) -> None:
    target = nas.root / "volume1"
    target.write_text(SCRIPT)
    nas.program.parent.mkdir(parents=True)
    nas.program.symlink_to(target)
    nas.ok()
    assert not nas.program.is_symlink() and target.read_text() == SCRIPT
    nas.ok("remove", settings=nas.text["settings"] + "on_destroy restore\n")
    assert nas.program.readlink() == target


@pytest.mark.parametrize("moment", ["daemon-reload", "reenable", "restart", "is-active"])
def test_a_take_over_that_was_cut_off_is_completed_by_the_next_one(nas: Nas, moment: str) -> None:
    hand = ByHand(nas)
    nas.dies_at(moment)
    nas.ok()
    assert (nas.fake / "enabled").read_text() == "docker.service" and "192.168.1.202" in nas.box.routes()
    assert nas.box.addresses() >= {"192.168.1.254/32"} and (nas.fake / "active").exists()
    nas.ok("remove", settings=nas.text["settings"] + "on_destroy restore\n")
    assert hand.found() == hand.before


def test_a_take_over_that_a_reboot_cut_off_is_enabled_for_docker_in_the_end(nas: Nas) -> None:
    ByHand(nas)
    nas.dies_at("daemon-reload")
    (nas.fake / "loaded").write_text(nas.unit.read_text())  # read at boot, with multi-user.target's link to it
    nas.ok()
    assert (nas.fake / "enabled").read_text() == "docker.service"


@pytest.mark.parametrize("value", ["", "yes", "restore keep", "$(id)"])
def test_other_words_for_on_destroy_are_refused(nas: Nas, value: str) -> None:
    said = nas.fails(settings=nas.text["settings"] + f"on_destroy {value}\n")
    assert said == f"nothing was changed: settings: '{value}' is not a valid value for on_destroy"
