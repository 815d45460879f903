"""install.sh against the real kernel and a stand-in for systemd (the real one is met in the lab)."""

import subprocess

import pytest

from tests.nas.box import MADE, PREFIX, PROGRAM, SHIM, TWO, Box, put_tool
from tests.nas.install_box import BAD_ROUTE, OURS, Nas


@pytest.fixture
def nas(box: Box) -> Nas:
    return Nas(box)


def folders(nas: Nas) -> set[str]:
    return {str(p.relative_to(nas.root)) for p in nas.root.rglob("*") if p.is_dir()}


def test_a_first_apply_writes_files_starts_the_unit_and_says_so_in_one_line(nas: Nas) -> None:
    said = nas.ok()
    assert said == (f"shim {SHIM} on eth0: 192.168.1.254, {PREFIX}254; 2 containers, 4 routes; unit active, enabled\n")
    tree = nas.tree()
    assert tree["usr/local/bin/setup_docker_macvlan.sh"] == (0o755, PROGRAM.read_text())
    assert tree["etc/setup_docker_macvlan.conf"] == (0o644, OURS + TWO)
    assert tree["etc/systemd/system/setup_docker_macvlan.service"][0] == 0o644
    assert nas.box.has_link() and (nas.fake / "enabled").exists() and (nas.fake / "active").exists()


def test_a_second_apply_changes_nothing_and_says_the_same(nas: Nas) -> None:
    first = nas.ok()
    before = {p: p.stat().st_mtime_ns for p in nas.root.rglob("*")}
    assert nas.ok() == first
    assert {p: p.stat().st_mtime_ns for p in nas.root.rglob("*")} == before and nas.calls() == []


@pytest.mark.parametrize("what", ["conf", "program"])
def test_a_changed_conf_or_program_is_taken_in_place(nas: Nas, what: str) -> None:
    nas.ok()
    index = nas.index()
    changed = {"conf": nas.text["conf"].replace("1.202", "1.203"), "program": nas.text["program"] + "# more\n"}[what]
    nas.ok(**{what: changed})
    assert nas.calls() == [f"reload {nas.unit.name}"] and nas.index() == index
    assert ("192.168.1.203" in nas.box.routes()) == (what == "conf")


def test_a_changed_unit_does_not_stop_it(nas: Nas) -> None:
    nas.ok()
    index = nas.index()
    nas.ok(unit=nas.render("docker.service") + "# more\n")
    assert [call.split()[0] for call in nas.calls()] == ["daemon-reload", "reenable", "kill"] and nas.index() == index


def test_a_loop_that_has_not_ended_yet_is_not_taken_for_the_next_one(nas: Nas) -> None:
    nas.ok()
    (nas.fake / "lingers").write_text("2")
    nas.ok(unit=nas.render("docker.service") + "# more\n")
    assert (nas.fake / "main").read_text() == "78" and (nas.fake / "active").exists()


def test_a_loop_that_never_ends_fails_the_apply_in_words(nas: Nas) -> None:
    nas.ok()
    before = nas.tree()
    nas.impatient()
    (nas.fake / "lingers").write_text("9999")
    why = f"{nas.unit.name} is not running"
    said = nas.fails(unit=nas.render("docker.service") + "# more\n")
    assert said.startswith(why) and "the previous files were put back, but: " in said and nas.tree() == before


def test_a_mode_that_was_changed_is_set_right(nas: Nas) -> None:
    nas.ok()
    nas.program.chmod(0o700)
    nas.ok()
    assert nas.program.stat().st_mode & 0o777 == 0o755


def test_a_conf_the_program_refuses_changes_nothing(nas: Nas) -> None:
    before = folders(nas)
    done = nas.run(conf=OURS + "colour blue\n")
    assert done.returncode == 1 and "conf line 12: unknown key 'colour'" in done.stderr
    assert nas.tree() == {} and folders(nas) == before and nas.calls() == [] and not nas.box.has_link()


def test_a_parent_that_is_not_there_changes_nothing(nas: Nas) -> None:
    done = nas.run(conf=OURS.replace("eth0", "eth9"))
    assert "the parent link eth9 does not exist; links here: eth0" in done.stderr and nas.tree() == {}


def test_a_first_apply_that_does_not_come_up_is_taken_away_again(nas: Nas) -> None:
    before = folders(nas)
    done = nas.run(conf=OURS + BAD_ROUTE)
    assert done.returncode == 1 and "ff02::1:2:3:4:5:6:7:8" in done.stderr and "taken away" in done.stderr
    assert len(done.stderr.splitlines()) <= 3
    assert nas.tree() == {} and folders(nas) == before and not nas.box.has_link()
    assert not (nas.fake / "enabled").exists()


def test_a_later_apply_that_does_not_come_up_puts_the_previous_state_back(nas: Nas) -> None:
    nas.ok()
    before, index = nas.tree(), nas.index()
    done = nas.run(conf=OURS + BAD_ROUTE, program=nas.text["program"] + "# more\n")
    assert done.returncode == 1 and "; the previous state was put back" in done.stderr, done.stderr
    assert nas.tree() == before and nas.index() == index
    assert not list(nas.box.here.glob("*.pid")), "a loop in the background, where systemd keeps one"
    assert nas.box.routes() == {"192.168.1.201", "192.168.1.202", f"{PREFIX}201", f"{PREFIX}202"}


def test_an_apply_that_was_cut_off_before_systemd_knew_is_completed(nas: Nas) -> None:
    nas.ok()
    nas.unit.write_text(nas.unit.read_text() + "# newer\n")
    nas.conf.write_text(OURS + TWO.replace("1.202", "1.203"))
    nas.ok(unit=nas.unit.read_text(), conf=nas.conf.read_text())
    assert (nas.fake / "loaded").read_text().endswith("# newer\n") and "192.168.1.203" in nas.box.routes()


def test_remove_leaves_the_nas_as_it_was_found_however_often(nas: Nas) -> None:
    before = folders(nas)
    nas.ok()
    for _ in range(2):
        assert nas.ok("remove") == "removed: link, unit and files\n"
    assert nas.tree() == {} and folders(nas) == before
    assert not nas.box.has_link() and not (nas.fake / "enabled").exists() and not (nas.fake / "loaded").exists()


@pytest.mark.parametrize("shared", [True, False])
def test_a_file_that_another_installation_lists_too_stays(nas: Nas, shared: bool) -> None:
    """The `docker` for SSH commands is one for all."""
    docker, other = nas.root / "usr/bin/docker", nas.root / "etc/setup_docker_macvlan-iot.conf"
    listed = f"# file {docker} {'ab' * 32}\n"
    wrapper = "#!/bin/sh\n# Written by pulumi up (macvlan-ipv6)\n"
    changes = {"docker": wrapper, "manifest": f"{nas.text['manifest']}0755 {docker} docker\n"}
    nas.ok(conf=nas.text["conf"] + listed, **changes)
    other.write_text("# Written by pulumi up (macvlan-ipv6)\n" + (listed if shared else ""))
    nas.ok("remove")
    assert docker.exists() is shared and other.exists() and not nas.program.exists()


def test_a_directory_that_somebody_else_uses_by_now_stays(nas: Nas) -> None:
    nas.ok()
    (nas.program.parent / "other").write_text("x")
    nas.ok("remove")
    assert (nas.program.parent / "other").exists()


def test_remove_without_unit_and_files_takes_the_link_away(nas: Nas) -> None:
    nas.ok()
    for file in nas.unit, nas.conf, nas.program, nas.fake / "active":
        file.unlink()
    nas.ok("remove")
    assert not nas.box.has_link()


def test_an_unknown_unit_of_docker_is_named_with_those_that_are_there(nas: Nas) -> None:
    done = nas.run(settings=nas.text["settings"].replace("docker.service", "pkgctl-Docker.service"))
    assert done.returncode == 1 and nas.tree() == {}
    assert "pkgctl-Docker.service is not known here; docker-like units: docker.service" in done.stderr


@pytest.mark.parametrize("names", [["settings"], ["manifest"], ["settings", "manifest"]])
@pytest.mark.parametrize(
    "value", ["/etc/../x", "etc/x", "/a b", "/$(touch /tmp/x)", "/x;reboot", "/*", "-x", "/etc/", "", "`id`", "//x"]
)
def test_odd_paths_are_refused_before_anything_happens(nas: Nas, names: list[str], value: str) -> None:
    done = nas.run(**{name: nas.text[name].replace(str(nas.program), value) for name in names})
    assert done.returncode == 1 and done.stderr.startswith("install.sh: ") and nas.tree() == {} and nas.calls() == []


@pytest.mark.parametrize("folder", ["bin", "/a:b", "/a/../b", "/a b", "/"])
def test_a_folder_of_docker_that_is_not_plain_is_refused_and_another_is_searched(nas: Nas, folder: str) -> None:
    said = nas.fails(settings=f"{nas.text['settings']}docker_folder {folder}\n")
    assert said == f"nothing was changed: settings: '{folder}' is not a valid value for docker_folder"
    assert nas.tree() == {}
    (nas.box.bin / "systemctl").rename(nas.box.here / "systemctl")
    logs_path = f'#!/bin/sh\necho "$PATH" >>{nas.box.here}/paths\nexec {nas.box.here}/systemctl "$@"\n'
    put_tool(nas.box.bin / "systemctl", logs_path)
    nas.ok(settings=nas.text["settings"].replace(f"docker_folder {folder}", "docker_folder /opt/bin"))
    assert all(line.endswith(":/opt/bin") for line in (nas.box.here / "paths").read_text().splitlines())


def test_a_directory_in_a_files_place_is_named(nas: Nas) -> None:
    nas.conf.mkdir()
    assert f"{nas.conf} is a directory" in nas.run().stderr and nas.tree() == {}


@pytest.mark.parametrize("arguments", [[], ["apply"], ["destroy", "/tmp"], ["apply", "/nowhere"]])
def test_other_arguments_get_the_usage(box: Box, arguments: list[str]) -> None:
    done = subprocess.run([*box.shell, MADE / "install.sh", *arguments], capture_output=True, text=True)
    assert done.returncode == 1 and "usage" in done.stderr
