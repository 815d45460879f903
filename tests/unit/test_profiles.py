"""What kinds of NAS there are, which one it is, and what follows for where things stand there."""

from dataclasses import replace
from typing import get_args

import pytest

from config.networks import views
from config.site import Install, Nas, Site, parse_site
from facts.nas import Docker, FileState, NasFacts, Unit
from inputs.nas_scripts import read_nas_scripts
from install.files import HOOKS, host_files
from install.layout import InstallPlan, docker_units, plan_install, possible_installs
from install.profiles import PROFILES, RC, RC_D, SYSTEMD, SYSTEMD_STANDALONE, TASK, recognise
from tests.unit.sites import ROOT, Change, dev_plan, put, site_of

SIGNS = {
    "dsm7": {"vendor": {"/etc.defaults/VERSION": {"majorversion": "7", "productversion": "7.2.1"}}},
    "dsm6": {"vendor": {"/etc.defaults/VERSION": {"majorversion": "6", "productversion": "6.2.4"}}},
    "unraid": {"vendor": {"/etc/unraid-version": {"version": "6.12.10"}, "/etc/version": {}}},
    "truenas": {"system": {"kernel": "6.6.44-production+truenas"}, "vendor": {"/etc/version": {"24.10.2": ""}}},
    "qnap": {"vendor": {"/etc/config/uLinux.conf": {"Model": "TS-X53D"}}},
    "debian": {"system": {"kernel": "6.1.0-18-amd64"}, "vendor": {"/etc/version": {}}},
}
NAMES = (*PROFILES["dsm7"].docker_units, "dockerd-of-someone.service")
GUIDE = (ROOT / "docs/guide.md").read_text()
FILES = read_nas_scripts(ROOT)


def site(*changes: Change) -> Site:
    parsed, problems = parse_site(site_of(*changes))
    assert parsed is not None and not problems
    return parsed


def facts(profile: str, *units: str, **more: object) -> NasFacts:
    known = {name: Unit("loaded", "inactive", "") for name in units}
    return replace(NasFacts(uid=0, units=known, **SIGNS[profile]), **more)  # type: ignore[arg-type]


def planned(profile: str, *changes: Change, units: tuple[str, ...] = ("docker.service",)) -> InstallPlan:
    return plan_install(site(*changes), facts(profile, *units))[0]


@pytest.mark.parametrize("profile", PROFILES)
def test_each_kind_of_nas_is_recognised_and_can_be_said(profile: str) -> None:
    assert recognise(facts(profile)).name == profile
    assert planned(profile).profile == profile
    assert planned("debian", put("nas", "profile", profile)).profile == profile


def test_what_can_be_written_is_what_the_table_has() -> None:
    assert set(get_args(Nas.model_fields["profile"].annotation)) == {"auto", *PROFILES}
    hooks = {hook for profile in PROFILES.values() for hook in profile.hooks}
    assert set(get_args(Install.model_fields["boot_hook"].annotation)) == {"auto", *hooks}
    assert {*HOOKS, TASK} == hooks


@pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))
def test_the_guide_has_the_table(profile) -> None:
    (row,) = [line for line in GUIDE.splitlines() if line.startswith(f"| `{profile.name}` | ")]
    cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert cells[1] == profile.title and cells[5] == profile.tested
    assert cells[3] == (f"`{profile.program}`, `{profile.conf}`" if profile.program else "you name a folder")
    first, *others = profile.hooks
    assert cells[4].removesuffix(" (you make the task)") == ", ".join([f"**{first}**", *others])


@pytest.mark.parametrize("profile", PROFILES.values(), ids=list(PROFILES))
def test_a_kind_of_nas_without_a_place_says_so_with_one_that_would_do(profile) -> None:
    wish = plan_install(site(), facts(profile.name))[1]
    assert bool(wish) is not bool(profile.program)
    assert "{command}" in profile.task
    if wish:
        assert wish[0].path == "site.install.script_path" and profile.example_folder in wish[0].remedy
        given = put("install", {"script_path": f"{profile.example_folder}/p.sh"})
        install, problems = plan_install(site(given), facts(profile.name))
        assert not problems and install.config_path == f"{profile.example_folder}/setup_docker_macvlan.conf"


@pytest.mark.parametrize(
    ("hook", "files", "wanted_by"),
    [
        (SYSTEMD, {"/etc/systemd/system/setup_docker_macvlan.service": "0644"}, "docker.service"),
        (SYSTEMD_STANDALONE, {"/etc/systemd/system/setup_docker_macvlan.service": "0644"}, "multi-user.target"),
        (RC_D, {RC: "0755"}, ""),
        (TASK, {}, ""),
    ],
)
def test_each_hook_has_its_file_and_says_the_installer_what_it_needs(
    hook: str, files: dict[str, str], wanted_by: str
) -> None:
    install = planned("dsm7", put("install", {"boot_hook": hook}))
    own = {"/usr/local/bin/setup_docker_macvlan.sh": "0755", "/usr/local/etc/setup_docker_macvlan.conf": "0644"}
    assert install.files == own | files and install.wanted_by == wanted_by
    made = host_files(dev_plan(), install, FILES)
    assert made.texts.keys() == install.files.keys()
    assert not [path for path, text in made.texts.items() if "@PROGRAM@" in text or "@CONF@" in text]
    settings = dict(line.split(" ", 1) for line in made.settings.splitlines())
    assert settings["hook"] == {SYSTEMD: "systemd", SYSTEMD_STANDALONE: "systemd", RC_D: "rc.d", TASK: "task"}[hook]
    assert (settings.get("wanted_by", ""), settings.get("hook_file", "")) == (wanted_by, "".join(files))
    assert (settings.get("task") == "macvlan-ipv6") is (hook == TASK) is bool(install.boot_task)
    assert f"\n# hook {hook}{' docker.service' if hook == SYSTEMD else ''}\n" in made.texts[install.config_path]


def test_the_boot_task_is_told_with_the_command_in_it() -> None:
    told = planned("dsm7", put("install", {"boot_hook": TASK})).boot_task
    assert told.endswith("/usr/local/bin/setup_docker_macvlan.sh start-loop /usr/local/etc/setup_docker_macvlan.conf")
    assert told.partition(": /")[0] in " ".join(GUIDE.split())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("forced", [False, True])
def test_dockers_unit_is_found_by_each_of_its_names_and_taken_as_written(name: str, forced: bool) -> None:
    changes = [put("install", {"docker_unit": name})] if forced else []
    others = NAMES if forced else (name,)
    units = (*others, "setup_docker_macvlan.service", "cron.service")
    assert planned("dsm7", *changes, units=units).docker_unit == name
    assert planned("debian", *changes, units=units).docker_unit == name


def test_of_several_units_the_one_that_runs_is_dockers() -> None:
    units = {name: Unit("loaded", "active", "", main_pid=7 if name == NAMES[2] else 0) for name in NAMES}
    assert docker_units(NasFacts(units=units), NAMES)[0] == NAMES[2]
    gone = {**units, NAMES[2]: Unit("not-found", "", "")}
    assert docker_units(NasFacts(units=gone), NAMES) == [name for name in NAMES if name != NAMES[2]]


def test_a_hook_that_is_not_bound_to_docker_names_no_unit_of_its() -> None:
    for hook in (SYSTEMD_STANDALONE, RC_D, TASK):
        assert planned("dsm7", put("install", {"boot_hook": hook, "docker_unit": NAMES[0]})).docker_unit == ""


def test_a_script_in_rc_d_by_hand_is_taken_over_as_what_it_is() -> None:
    there = {"files": {RC: FileState(True, "0" * 64)}}
    kept = {**there, "backups": (RC,), "confs": {"/etc/x": "# Written by pulumi up (macvlan-ipv6)\n"}}
    assert plan_install(site(), facts("dsm7", **there))[0].boot_hook == RC_D
    assert plan_install(site(), facts("dsm7", **kept))[0].boot_hook == RC_D
    ours = {**kept, "backups": ()}
    assert plan_install(site(), facts("dsm7", **ours))[0].boot_hook == SYSTEMD
    assert plan_install(site(), facts("dsm7"))[0].boot_hook == SYSTEMD
    forced = site(put("install", {"boot_hook": SYSTEMD}))
    assert plan_install(forced, facts("dsm7", **there))[0].boot_hook == SYSTEMD


def test_a_script_in_rc_d_of_another_installation_is_nothing_by_hand() -> None:
    there = facts("dsm7", files={RC: FileState(True, "0" * 64)}, others={"/etc/x": f"# macvlan-ipv6\n# file {RC} 00\n"})
    assert plan_install(site(), there)[0].boot_hook == SYSTEMD


@pytest.mark.parametrize("profile", ["debian", "dsm7"])
def test_a_named_installation_shares_no_file_and_no_boot_task_with_one_without_a_name(profile: str) -> None:
    for hook in (SYSTEMD, SYSTEMD_STANDALONE, RC_D, TASK):
        alone = planned(profile, put("install", {"boot_hook": hook}))
        view = views(site(put("install", {"boot_hook": hook, "name": "lab"})))[0]
        lab = plan_install(view.site, facts(profile, "docker.service"))[0]
        assert len(lab.files) == len(alone.files) and not {*lab.files} & {*alone.files}
        assert all("-lab." in path for path in lab.files)
        assert lab.task == (f"{alone.task}-lab" if alone.task else "")
        assert f"start-loop {lab.config_path}" in lab.boot_task or not lab.task


@pytest.mark.parametrize(
    ("uid", "sudo", "rights"), [(0, "", "root"), (1000, "yes", "sudo"), (1000, "right", "password")]
)
def test_roots_work_is_done_as_the_user_may(uid: int, sudo: str, rights: str) -> None:
    assert plan_install(site(), facts("debian", uid=uid, sudo=sudo))[0].privilege == rights


OWN = "/usr/local/bin/docker"
SEARCH = ("/usr/bin", "/bin")


@pytest.mark.parametrize(
    ("docker", "wrapper"),
    [
        (Docker(on_path=False, path=OWN, search=SEARCH), "/usr/bin/docker"),
        (Docker(on_path=True, path=OWN, search=SEARCH, wrapper="/bin/docker"), "/bin/docker"),
        (Docker(on_path=True, path="/bin/docker", search=SEARCH), ""),
        (Docker(on_path=True, path="/bin/docker", search=SEARCH, denied="permission denied"), "/usr/bin/docker"),
        (Docker(on_path=True, path="/usr/bin/docker", search=SEARCH, denied="permission denied"), ""),
        (Docker(search=SEARCH), ""),
    ],
    ids=["off the path", "there already", "all right", "in front of the real one", "no place in front", "no docker"],
)
def test_the_wrapper_stands_where_it_is_found_first_and_only_where_it_is_needed(docker: Docker, wrapper: str) -> None:
    wish = site(put("nas", "docker_wrapper", True))
    install = plan_install(wish, facts("dsm7", docker=docker))[0]
    assert (install.wrapper, install.docker) == (wrapper, docker.path if wrapper else "")
    assert plan_install(site(), facts("dsm7", docker=docker))[0].wrapper == ""
    if wrapper:
        made = host_files(dev_plan(), install, FILES)
        assert f'exec {docker.path} "$@"' in made.texts[wrapper] and "@DOCKER@" not in made.texts[wrapper]


@pytest.mark.parametrize(
    ("path", "folder"),
    [
        (
            "/share/CACHEDEV1_DATA/.qpkg/container-station/bin/docker",
            "/share/CACHEDEV1_DATA/.qpkg/container-station/bin",
        ),
        ("/usr/local/bin/docker", ""),
        ("/bin/docker", ""),
        ("/opt/bin/docker", "/opt/bin"),
        ("/opt/a b/docker", ""),
        ("/opt/../docker", ""),
        ("/docker", ""),
        ("", ""),
    ],
)
def test_the_program_is_told_where_docker_is_only_where_root_would_not_find_it(path: str, folder: str) -> None:
    made = host_files(dev_plan(), plan_install(site(), facts("dsm7", docker=Docker(path=path)))[0], FILES)
    line = f"docker_folder {folder}\n"
    for text in made.texts[made.install.config_path], made.settings:
        assert (line in text) if folder else ("docker_folder" not in text)


def test_before_the_nas_is_asked_every_place_is_a_candidate() -> None:
    assert {install.profile for install in possible_installs(site())} == {"debian", "dsm7", "dsm6"}
    given = possible_installs(site(put("install", {"script_path": "/mnt/tank/p.sh", "boot_hook": RC_D})))
    assert {(install.script_path, install.hook_file) for install in given} == {("/mnt/tank/p.sh", RC)}
    assert [install.profile for install in possible_installs(site(put("nas", "profile", "dsm6")))] == ["dsm6", "dsm6"]
