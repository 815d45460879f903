"""On a Synology: Docker's unit by each of its names, what upgrades do to it and to us, files on a volume, parents."""

from collections.abc import Iterator

import pytest

from lab.drive import Box, Stack
from tests.e2e.fixtures_lan import assert_all_is_as_planned, shim_is_there, standing, start_all, wait

UNIT = "setup_docker_macvlan.service"
NAMES = (
    "pkg-Docker-dockerd.service",
    "pkgctl-Docker.service",
    "docker.service",
    "pkg-ContainerManager-dockerd.service",
)
UNITS = "/usr/local/lib/systemd/system"


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    with standing(Box("20.10", "dsm-upgrades"), "--profile", "dsm") as box:
        yield box


@pytest.fixture(scope="module")
def up(box: Box, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(box, tmp_path_factory.mktemp("stack"))
    stack.write(stack.dsm_site())
    stack.up()
    yield stack
    stack.force_away()


def bound_to(box: Box) -> str:
    """What systemd itself says: of the shim's unit, that and nothing else starts and stops it."""
    said = box.nas(f"systemctl show -p BindsTo -p WantedBy {UNIT}").splitlines()
    found = {line.partition("=")[2] for line in said}
    assert len(found) == 1, said
    return found.pop()


# To another name and back; the other names only in `make test-all`, for the program knows them all by one rule.
@pytest.fixture(
    scope="module", params=[pytest.param(name, marks=pytest.mark.full if name in NAMES[1:3] else []) for name in NAMES]
)
def renamed(request: pytest.FixtureRequest, up: Stack) -> str:
    """After an upgrade of DSM that brought Docker's unit under that name."""
    up.box.lab("upgrade-dsm", "--docker-unit", request.param)
    start_all(up.box)
    return request.param


def test_the_preview_names_what_an_upgrade_wiped_and_up_makes_it_again(renamed: str, up: Stack) -> None:
    assert not shim_is_there(up.box)
    told = " ".join(up.told().split())
    assert f"/etc/systemd/system/{UNIT} is gone; /usr/bin/docker is gone; link macvlan-host is gone" in told
    assert f"site.install.docker_unit: {renamed} is Docker's unit now;" in told
    up.up()
    assert bound_to(up.box) == renamed
    assert_all_is_as_planned(up)
    up.expect_no_changes()


def test_a_name_that_is_forced_is_taken(renamed: str, up: Stack) -> None:
    up.destroy()
    up.write(up.dsm_site(docker_unit=renamed))
    up.up()
    assert bound_to(up.box) == renamed
    up.box.nas(f"systemctl stop {renamed}")
    wait("the shim is gone", lambda: not shim_is_there(up.box))
    up.box.nas(f"systemctl start {renamed}")
    wait("the shim is back", lambda: shim_is_there(up.box))
    wrong = next(name for name in NAMES if name != renamed)
    up.write(up.dsm_site(docker_unit=wrong))
    assert f"site.install.docker_unit: {wrong}" in (told := up.told(check=False)) and f"write {renamed}" in told
    up.write(up.dsm_site())
    up.expect_no_changes()


def test_a_package_that_renames_its_unit_alone_is_told_and_repaired(up: Stack) -> None:
    old, new = NAMES[-1], NAMES[0]
    up.box.nas(f"cd {UNITS} && mv {old} {new} && cd multi-user.target.wants && rm {old} && ln -s ../{new} {new}")
    up.box.lab("reboot")
    start_all(up.box)
    assert not shim_is_there(up.box)
    told = " ".join(up.told().split())
    assert f"site.install.docker_unit: {new} is Docker's unit now; it was {old} when the shim was installed" in told
    up.up()
    assert bound_to(up.box) == new
    assert not up.box.nas(f"ls -d /etc/systemd/system/{old}.wants", check=False)
    assert_all_is_as_planned(up)
    up.expect_no_changes()


def test_another_profile_moves_the_files_and_leaves_none_behind(up: Stack) -> None:
    site = up.dsm_site()
    site["nas"]["profile"] = "debian"
    up.write(site)
    assert up.steps()["lan-host"] == "replace"
    up.up()
    assert up.box.nas("ls /etc/*macvlan.conf /usr/local/etc/*.conf", check=False) == "/etc/setup_docker_macvlan.conf\n"
    assert_all_is_as_planned(up)
    up.expect_no_changes()
    up.write(up.dsm_site())
    up.up()
    assert up.box.nas("ls /etc/*macvlan.conf /usr/local/etc/*.conf", check=False).startswith("/usr/local/etc/")
    up.expect_no_changes()


def test_rc_d_with_files_on_a_volume_outlives_an_upgrade_that_wipes_all_it_can(up: Stack) -> None:
    """But for its script, which DSM looks for in one place only."""
    folder = "/volume1/docker/macvlan"
    kept = {"script_path": f"{folder}/setup_docker_macvlan.sh", "config_path": f"{folder}/setup_docker_macvlan.conf"}
    up.write(up.dsm_site(boot_hook="rc.d", **kept))
    up.up()
    up.expect_no_changes()
    up.box.lab("upgrade-dsm")
    wait("the shim is there by itself", lambda: shim_is_there(up.box))
    start_all(up.box)
    assert "/usr/bin/docker is gone" in up.told()
    up.up()
    assert_all_is_as_planned(up)
    up.box.lab("upgrade-dsm", "--wipe-usr-local")
    assert "/usr/local/etc/rc.d/macvlan.sh is gone" in up.told()
    up.up()
    start_all(up.box)
    assert_all_is_as_planned(up)
    up.expect_no_changes()
    up.destroy()
    assert up.box.nas("ls /volume1/docker") == "qbittorrent\n"  # the container's own files


# ovs_eth0 is the parent of every other test here. A VLAN's name has a dot in it, the others differ by name alone.
@pytest.mark.parametrize(
    "parent",
    ["eth0.20", *(pytest.param(name, marks=pytest.mark.full) for name in ("bond0", "ovs_bond0", "br0", "eno1"))],
)
def test_the_parent_is_found_whatever_its_name(parent: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    box = Box("20.10", "dsm-parents")
    box.lab("up", "--profile", "dsm", "--parent", parent)
    try:
        stack = Stack(box, tmp_path_factory.mktemp("stack"))
        stack.write(stack.dsm_site())
        stack.up()
        assert f"macvlan-host@{parent}" in box.nas("ip -o link show dev macvlan-host")
        assert_all_is_as_planned(stack)
        stack.destroy()
    finally:
        box.lab("down")


@pytest.mark.parametrize("boot_hook", [pytest.param("systemd", marks=pytest.mark.full), "rc.d"])
def test_a_parent_that_comes_late_is_waited_for(boot_hook: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    box = Box("20.10", "dsm-late")
    box.lab("up", "--profile", "dsm", "--late-parent", "10")
    try:
        stack = Stack(box, tmp_path_factory.mktemp("stack"))
        stack.write(stack.dsm_site(boot_hook=boot_hook))
        stack.up()
        box.lab("reboot")
        wait("the shim is there", lambda: shim_is_there(box))
        journal = "journalctl -b -o cat --no-pager"
        wait("the parent came", lambda: "the parent link ovs_eth0 appeared after " in box.nas(journal))
        assert "waiting up to 60 s for the parent link ovs_eth0" in box.nas(journal)
        box.nas("systemctl restart pkg-ContainerManager-dockerd.service")  # it lacks its network
        start_all(box)
        assert_all_is_as_planned(stack)
        stack.destroy()
    finally:
        box.lab("down")
