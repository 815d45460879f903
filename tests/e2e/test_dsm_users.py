"""On a Synology: everybody who may log in there, and what it takes for Docker and for root's work."""

import subprocess
from collections.abc import Iterator

import pytest

from lab.drive import ROOT, Box, Stack
from tests.e2e.fixtures_lan import assert_all_is_as_planned, standing, wait

PASSWORD = "synology-lab"
WRAPPER = "/usr/bin/docker"


def made(sudo: str) -> Iterator[Box]:
    with standing(Box("20.10", f"dsm-{sudo}"), "--profile", "dsm", "--sudo", sudo) as box:
        yield box


@pytest.fixture(scope="module")
def nopasswd() -> Iterator[Box]:
    yield from made("nopasswd")


@pytest.fixture(scope="module")
def password() -> Iterator[Box]:
    yield from made("password")


def stack_on(box: Box, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    stack = Stack(box, tmp_path_factory.mktemp("stack"))
    yield stack
    stack.force_away()


@pytest.fixture(scope="module")
def free(nopasswd: Box, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    yield from stack_on(nopasswd, tmp_path_factory)


@pytest.fixture(scope="module")
def asked(password: Box, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stack]:
    yield from stack_on(password, tmp_path_factory)


def tell(stack: Stack, password: str) -> None:
    """Behind the stack's file as it is: `write` begins it anew."""
    command = [ROOT / "lab/pulumi", "config", "set", "--secret", "--stack", "e2e", "macvlan-ipv6:sudoPassword"]
    env = {**stack.box.env, "PULUMI_BACKEND_URL": f"file://{stack.folder}/state"}
    subprocess.run(command, cwd=stack.folder, env=env, input=password, text=True, check=True, capture_output=True)


@pytest.mark.parametrize("user", ["admin", "dockeradmin"])
def test_with_sudo_that_asks_nothing_all_works_and_destroy_leaves_nothing(free: Stack, user: str) -> None:
    before = free.box.snapshot()
    site = free.dsm_site(user)
    # With a MAC that the plugin loses: the loop has to set it, on a NAS without nsenter
    mac, address = "02:1a:22:33:44:5e", "2001:db8:1:1:1a:22ff:fe33:445e"
    chosen = {"image": "busybox", "ipv4_address": "192.168.1.203", "mac_address": mac, "tty": True}
    site["containers"]["chosen"] = chosen
    free.write(site)
    free.up()
    assert_all_is_as_planned(free)
    wait("the chosen MAC", lambda: mac in free.box.ip("chosen", "link show dev eth0"))
    wait("its global address", lambda: address in free.box.addresses("chosen"))
    assert free.box.lost({"IPv4": ("client", "192.168.1.203"), "global": ("internet", address)}) == {}
    free.expect_no_changes()
    assert free.box.snapshot()["docker"] != before["docker"], "the comparison does not see the wrapper"
    free.destroy()
    assert free.box.snapshot() == before


def test_without_leave_to_fix_it_the_preview_says_what_is_wrong_with_the_path(free: Stack) -> None:
    site = free.dsm_site()
    del site["nas"]["docker_wrapper"]
    free.write(site)
    told = free.told(check=False)
    assert "has docker at /usr/local/bin/docker, outside the PATH of SSH commands" in told
    assert "may not use Docker there" in told and "write `nas.docker_wrapper: true`" in told


def test_a_link_made_by_hand_is_as_good(free: Stack) -> None:
    free.box.nas(f"ln -s /usr/local/bin/docker {WRAPPER}")
    site = free.dsm_site("dockeradmin")
    del site["nas"]["docker_wrapper"]
    free.write(site)
    free.up()
    free.destroy()
    assert free.box.nas(f"readlink {WRAPPER}; rm {WRAPPER}") == "/usr/local/bin/docker\n"


RC = "/usr/local/etc/rc.d/macvlan.sh"
SCRIPT = """#!/bin/sh
case $1 in
start)
    ip link add macvlan-host link ovs_eth0 type macvlan mode bridge
    ip addr add 192.168.1.254/32 dev macvlan-host
    ip link set macvlan-host up
    ip route add 192.168.1.201 dev macvlan-host
    ;;
stop) ip link del macvlan-host ;;
esac
"""


def test_a_script_by_hand_in_rc_d_is_taken_over_as_such_and_given_back(free: Stack) -> None:
    box = free.box
    box.nas(f"cat >{RC} <<'E'\n{SCRIPT}E\nchmod 755 {RC}; {RC} start")
    try:
        free.write(free.dsm_site(on_destroy="restore"))
        assert f"it is kept as {RC}.before-macvlan-ipv6 and replaced" in " ".join(free.told().split())
        free.up()
        assert "macvlan-ipv6" in box.nas(f"cat {RC}") and box.nas(f"cat {RC}.before-macvlan-ipv6") == SCRIPT
        assert_all_is_as_planned(free)
        free.expect_no_changes()
        free.destroy()
        assert box.nas(f"cat {RC}; ls {RC}*") == f"{SCRIPT}{RC}\n"
        assert "192.168.1.201 " in box.nas("ip route show dev macvlan-host")
    finally:
        box.nas(f"{RC} stop; rm -f {RC}", check=False)


def test_root_is_not_let_in(free: Stack) -> None:
    free.write(free.dsm_site("root"))
    assert "was refused by SSH on 192.168.1.10 as root" in free.told(check=False)


def test_who_may_use_docker_alone_is_told_what_is_missing(free: Stack) -> None:
    free.write(free.dsm_site("dockeruser"))
    assert "is not root there, and network interfaces and boot hooks are root's" in free.told(check=False)


def test_sudo_that_asks_wants_a_password_and_the_right_one(asked: Stack) -> None:
    asked.write(asked.dsm_site("dockeradmin"))
    assert "its sudo asks for a password, and none is set" in asked.told(check=False)
    tell(asked, "wrong")
    assert "is not the password that sudo takes from dockeradmin there" in asked.told(check=False)


def test_with_a_password_docker_has_to_be_the_users_own(asked: Stack) -> None:
    asked.write(asked.dsm_site("admin"))
    tell(asked, PASSWORD)
    assert "usermod -aG docker admin" in asked.told(check=False)


def test_with_a_password_all_works_and_nobody_reads_it(asked: Stack) -> None:
    before = asked.box.snapshot()
    asked.write(asked.dsm_site("dockeradmin"))
    tell(asked, PASSWORD)
    said = asked.told()
    done = asked.up()
    assert_all_is_as_planned(asked)
    asked.expect_no_changes()
    asked.box.nas("rm /usr/local/etc/setup_docker_macvlan.conf")
    said += asked.told() + done.stdout + done.stderr
    asked.up()
    asked.expect_no_changes()
    said += asked.pulumi("stack", "export", "--stack", "e2e").stdout
    said += "".join(path.read_text(errors="replace") for path in (asked.folder / "state").rglob("*") if path.is_file())
    said += asked.box.nas("journalctl --no-pager; cat /usr/local/etc/*.conf /etc/systemd/system/*.service; ls -R /tmp")
    assert PASSWORD not in said
    asked.destroy()
    assert asked.box.snapshot() == before
