"""The box dressed as a Synology with DSM 7: what is different there from a Debian NAS. In instances of its own."""

import json
import re
import shlex
import subprocess
import time
from collections.abc import Iterator

import pytest

from lab.drive import ROOT, Box, Done
from tests.e2e.fixtures_lan import standing, wait
from tests.e2e.test_lab import folder, lab, ssh

CONTAINER_MANAGER = "pkg-ContainerManager-dockerd.service"
DOCKER = "/usr/local/bin/docker"
PLAIN = ("--profile", "dsm", "--synowebapi")
OTHERWISE = ("--profile", "dsm", "--engine", "26", "--parent", "bond0", "--docker-unit", "docker.service")
OTHERWISE = (*OTHERWISE, "--sudo", "password", "--late-parent", "6")
RC = """#!/bin/sh
echo "$1 $(systemctl is-active DOCKER)" >>/volume1/rc.log
""".replace("DOCKER", CONTAINER_MANAGER)


@pytest.fixture(scope="module")
def box() -> Iterator[Box]:
    with standing(Box("20.10", "lab-dsm"), *PLAIN) as box:
        yield box


@pytest.fixture(scope="module")
def otherwise() -> Iterator[Box]:
    """With every option another than by default."""
    with standing(Box("26", "lab-dsm-2"), *OTHERWISE) as box:
        yield box


def webapi(box: Box, *words: str, user: str = "admin", quiet: bool = True) -> Done:
    sudo = "sudo " if user == "admin" else ""
    flag = "-s " if quiet else ""
    return ssh(box, user, f"{sudo}/usr/syno/bin/synowebapi {flag}--exec version=1 {shlex.join(words)}")


def event(box: Box, method: str, **values: object) -> dict[str, object]:
    words = [f"{key}={json.dumps(value)}" for key, value in values.items()]
    return json.loads(webapi(box, "api=SYNO.Core.EventScheduler", f"method={method}", *words).stdout)


BOOT_TASK = {
    "owner": {"0": "root"},
    "event": "bootup",
    "enable": True,
    "depend_on_task": "",
    "notify_enable": False,
    "notify_mail": "",
    "notify_if_error": False,
    "operation_type": "script",
}
# Quotes, a backslash, two lines and an umlaut come through.
OPERATION = (
    "umask 022\necho \"$(id -un) 'ä' a\\\\b $(systemctl is-active " + CONTAINER_MANAGER + ')" >/volume1/task.log'
)


@pytest.fixture(scope="module")
def rebooted(box: Box) -> Box:
    """After a reboot with scripts in rc.d and tasks in the Task Scheduler."""
    box.nas("rm -f /volume1/*.log")
    for name, mode in (("ours.sh", 755), ("off.sh", 644), ("ours.txt", 755)):
        text = RC if name == "ours.sh" else RC.replace("rc.log", "wrong.log")
        path = f"/usr/local/etc/rc.d/{name}"
        box.nas(f"printf %s {shlex.quote(text)} >{path}; chmod {mode} {path}")
    for name, more in (("macvlan at boot", {"operation": OPERATION}), ("off", {"enable": False}), ("end", {})):
        task = {**BOOT_TASK, "operation": "touch /volume1/wrong.log", **more}
        task |= {"event": "shutdown"} if name == "end" else {}
        assert event(box, "create", task_name=name, **task) == {"success": True}
    box.lab("reboot")
    # Both come after Docker's unit, as the end of `reboot` does, and the task runs in the background
    both = '[ "$(systemctl is-active usr-local-rc.service esynoscheduler.service | sort -u)" = active ]'
    done = f"{both} && grep -q . /volume1/task.log"
    wait("boot's last services are done", lambda: box.run("nas", done, check=False).returncode == 0)
    return box


def test_nobody_is_root_over_ssh_and_administrators_are_by_sudo(box: Box) -> None:
    assert ssh(box, "admin", "id").stdout == "uid=1024(admin) gid=100(users) groups=100(users),101(administrators)\n"
    assert ssh(box, "admin", "sudo -n id -u").stdout == "0\n"
    assert ssh(box, "dockeradmin", "sudo -n id -u").stdout == "0\n"
    assert ssh(box, "dockeruser", "sudo -n id -u").returncode == 1
    root = ssh(box, "root", "true")
    assert root.returncode == 255 and "Permission denied" in root.stderr


def test_docker_is_out_of_sight_of_a_command_over_ssh(box: Box) -> None:
    said = ssh(box, "dockeradmin", "echo $PATH; command -v docker; sudo docker ps").stdout
    assert said == "/usr/bin:/bin:/usr/sbin:/sbin\n"
    assert ssh(box, "dockeradmin", "sh -l -c 'command -v docker'").stdout == f"{DOCKER}\n"
    assert ssh(box, "dockeradmin", f"{DOCKER} version -f '{{{{.Server.Version}}}}'").stdout.startswith("20.10.")


def test_the_docker_socket_is_for_root_and_its_group(box: Box) -> None:
    assert [ssh(box, user, f"{DOCKER} ps -q").returncode for user in ("dockeruser", "dockeradmin", "admin")] == [
        0,
        0,
        1,
    ]
    assert ssh(box, "admin", f"sudo {DOCKER} ps -q").returncode == 0


def test_there_is_no_sftp(box: Box) -> None:
    keys = folder(box) / "ssh"
    options = ("-o", f"UserKnownHostsFile={keys}/known_hosts", "-o", "BatchMode=yes", "-i", f"{keys}/id_ed25519")
    done = lab(box, "exec", "client", "--", "sftp", "-F", "none", *options, "admin@192.168.1.10", text="ls\n")
    assert done.returncode == 255 and "subsystem request failed" in done.stderr


@pytest.mark.parametrize("ip", ["ip", "/sbin/ip", "/bin/ip", "/usr/sbin/ip"])
def test_the_ip_of_2016_has_no_such_option(box: Box, ip: str) -> None:
    options = ["-j", "-json", "--json", "-br", "-brief", "-p", "-pretty", "-color", "-c=always"]
    done = ssh(box, "admin", f"for option in {' '.join(options)}; do {ip} -4 $option address show; echo $?; done")
    assert done.stdout.split() == ["255"] * len(options)
    assert done.stderr.splitlines() == [f'Option "{option}" is unknown, try "ip -help".' for option in options]


def test_the_ip_of_2016_knows_no_metric_of_an_address(box: Box) -> None:
    refused = 'Error: either "local" is duplicate, or "metric" is a garbage.\n'
    one = box.run("nas", "ip a add 10.9.9.1/32 dev lo metric 5", check=False)
    assert (one.returncode, one.stderr) == (255, refused)
    lines = "address add 10.9.9.2/32 dev lo\n\naddr add 10.9.9.3/32 dev lo metric 5\naddr add 10.9.9.4/32 dev lo\n"
    batch = lab(box, "exec", "nas", "--", "ip", "-batch", "-", text=lines)
    assert (batch.returncode, batch.stderr) == (1, f"{refused}Command failed -:3\n")
    assert re.findall(r"10\.9\.9\.\d", box.nas("ip -o -4 address show dev lo")) == ["10.9.9.2"]


def test_the_ip_of_2016_does_all_else_as_ever(box: Box) -> None:
    lines = "link add try0 link ovs_eth0 type macvlan mode bridge\naddress replace 10.9.8.1/32 dev try0\n"
    box.nas(f"printf %s {shlex.quote(lines)} | ip -batch -; ip link set try0 up; ip -6 route add fd00::9 dev try0")
    box.nas("ip route replace 10.9.8.9 dev try0 metric 5")
    assert "10.9.8.1/32" in box.nas("ip -f inet -o addr show dev try0; ip link del try0")


def test_the_shell_is_busybox_and_nsenter_is_not_there(box: Box) -> None:
    assert ssh(box, "admin", "exe=$(readlink /proc/$$/exe); echo $0 $exe").stdout == "sh /usr/bin/busybox\n"
    assert ssh(box, "admin", "command -v nsenter").returncode == 127
    assert box.nas("getent passwd admin").strip().endswith(":/var/services/homes/admin:/bin/sh")


def test_it_says_which_dsm_it_is(box: Box) -> None:
    assert 'productversion="7.2.1"\n' in ssh(box, "admin", "cat /etc/VERSION").stdout
    assert ssh(box, "admin", "readlink /etc/VERSION; ls /etc.defaults").stdout.split() == [
        *("/etc.defaults/VERSION", "VERSION", "synoinfo.conf")
    ]


def test_dockers_unit_is_the_packages_own_and_the_only_one(box: Box) -> None:
    assert box.nas(f"systemctl is-active {CONTAINER_MANAGER}") == "active\n"
    path = f"/usr/local/lib/systemd/system/{CONTAINER_MANAGER}"
    assert box.nas(f"systemctl show --value -p FragmentPath {CONTAINER_MANAGER}") == f"{path}\n"
    assert box.nas("systemctl show --value -p LoadState docker.service docker.socket").split() == ["not-found"] * 2


def test_its_address_is_on_ovs_eth0_and_it_reaches_the_internet_and_is_well(box: Box) -> None:
    assert "192.168.1.10/24" in box.nas("ip -o -4 address show dev ovs_eth0")
    assert box.ping("nas", "203.0.113.9") == box.ping("nas", "2001:db8:ffff::9") == 0
    assert "all is well" in box.lab("up", *PLAIN).stderr
    shown = box.lab("status").stdout
    assert "profile dsm, sudo nopasswd, synowebapi" in shown and CONTAINER_MANAGER in shown and "nas ovs_eth0" in shown


def test_executable_scripts_of_rc_d_get_start_and_stop_while_docker_runs(rebooted: Box) -> None:
    assert rebooted.nas("cat /volume1/rc.log") == "stop active\nstart active\n"
    assert rebooted.nas("ls /volume1/wrong.log", check=False) == ""


def test_a_task_for_boot_up_runs_as_root_when_the_nas_has_booted(rebooted: Box) -> None:
    assert rebooted.nas("cat /volume1/task.log") == "root 'ä' a\\b active\n"
    assert rebooted.nas("ls /volume1/wrong.log", check=False) == ""


def test_tasks_are_shown_changed_and_deleted(box: Box) -> None:
    task = {"task_name": "by test", **BOOT_TASK, "operation": 'echo "x"'}
    assert event(box, "create", **task) == {"success": True}
    assert event(box, "get", task_name="by test") == {"success": True, "data": task}
    assert event(box, "set", task_name="by test", enable=False) == {"success": True}
    assert event(box, "get", task_name="by test")["data"] == {**task, "enable": False}
    listed = json.loads(webapi(box, "api=SYNO.Core.EventScheduler", "method=list").stdout)
    assert {**task, "enable": False} in listed["data"]["tasks"]
    assert event(box, "delete", task_name="by test") == {"success": True}
    assert event(box, "get", task_name="by test") == {"success": False, "error": {"code": 120}}


def test_synowebapi_answers_in_the_forms_that_are_known(box: Box) -> None:
    loud = webapi(box, "api=SYNO.Core.EventScheduler", "method=get", "task_name=none", quiet=False)
    assert loud.stderr.splitlines()[0] == "[Line 265] Not a json value: none"
    assert (
        'Exec WebAPI:  api=SYNO.Core.EventScheduler, version=1, method=get, param={"task_name":"none"}' in loud.stderr
    )
    assert webapi(box, "api=SYNO.Core.EventScheduler", "method=get", "task_name=none").stderr == ""
    codes = {
        ("api=SYNO.Core.System", "method=info"): 102,
        ("api=SYNO.Core.EventScheduler", "method=dance", 'task_name="none"'): 120,
        ("api=SYNO.Core.EventScheduler", "method=create", 'task_name="x"', 'event="bootup"'): 114,
        ("api=SYNO.Core.EventScheduler", "method=create", 'task_name="../x"', "event=1", "operation=1", "owner=1"): 120,
    }
    assert {words: json.loads(webapi(box, *words).stdout)["error"]["code"] for words in codes} == codes
    refused = webapi(box, "api=SYNO.Core.EventScheduler", "method=list", user="dockeruser")
    assert json.loads(refused.stdout) == {"success": False, "error": {"code": 105}}


WIPED = (
    "/etc/systemd/system/ours.service",
    "/etc/ours.conf",
    "/root/ours",
    "/opt/ours",
    "/usr/lib/ours",
    "/usr/bin/ours",
)
KEPT = ("/usr/local/bin/ours", "/usr/local/etc/rc.d/kept.sh", "/volume1/docker/ours", "/var/lib/ours")


def test_an_upgrade_of_dsm_wipes_and_keeps_and_may_rename_dockers_unit(box: Box) -> None:
    changed = "/etc/profile"
    box.nas(f"touch {' '.join(WIPED + KEPT)}; echo changed >>{changed}; {DOCKER} tag busybox kept:1")
    event(box, "create", task_name="kept", **BOOT_TASK, operation="true")
    said = box.lab("upgrade-dsm", "--docker-unit", "pkgctl-Docker.service").stderr
    assert "upgraded: engine 20.10." in said and "pkgctl-Docker.service" in said
    left = box.nas(f"ls {' '.join(WIPED + KEPT)}", check=False).split()
    assert sorted(left) == sorted(KEPT)
    assert "changed" not in box.nas(f"cat {changed}")
    assert box.nas(f"{DOCKER} images -q kept:1") and event(box, "get", task_name="kept")["success"]
    units = "pkgctl-Docker.service", CONTAINER_MANAGER
    assert [box.nas(f"systemctl show --value -p LoadState {unit}").strip() for unit in units] == ["loaded", "not-found"]
    assert ssh(box, "admin", "sudo -n true").returncode == 0 and "all is well" in box.lab("up", *PLAIN).stderr
    box.lab("reboot")
    assert "active (pkgctl-Docker.service)" in box.lab("status").stdout
    box.lab("upgrade-dsm", "--wipe-usr-local", "--docker-unit", CONTAINER_MANAGER)
    left = box.nas(f"ls {' '.join(KEPT)} {DOCKER}", check=False).split()
    assert sorted(left) == sorted({*KEPT[2:], DOCKER})
    assert box.nas(f"systemctl is-active {CONTAINER_MANAGER}") == "active\n"


def test_every_option_can_be_another_and_survives_a_reboot(otherwise: Box) -> None:
    for _ in range(2):
        assert "192.168.1.10/24" in otherwise.nas("ip -o -4 address show dev bond0")
        assert otherwise.nas("systemctl show --value -p FragmentPath docker.service").startswith("/usr/local/lib/")
        assert ssh(otherwise, "admin", "sudo -n id -u").returncode == 1
        assert ssh(otherwise, "admin", "echo wrong | sudo -S -p '' id -u").returncode == 1
        assert ssh(otherwise, "admin", "echo synology-lab | sudo -S -p '' id -u").stdout == "0\n"
        assert ssh(otherwise, "dockeruser", f"{DOCKER} version -f '{{{{.Server.Version}}}}'").stdout.startswith("26.")
        assert otherwise.nas("ls /usr/syno/bin") == ""
        otherwise.lab("reboot")
    shown = otherwise.lab("status").stdout
    assert "profile dsm, sudo password, parent 6 s after Docker's unit" in shown and "nas bond0" in shown


def comes_late(box: Box, parent: str, unit: str) -> float:
    """Seconds from the start of Docker's unit to the parent, of a reboot that is seen from inside the NAS.

    By how much it is late depends on the machine; that it is late, and comes, is what the option promises.
    """
    look = f"systemctl show --value -p InactiveExitTimestampMonotonic {unit}; ls /run/own-sys/class/net"
    before = box.nas(look).split()[0]
    rebooting = subprocess.Popen([ROOT / "lab/lab", "reboot"], env=box.env, stderr=subprocess.DEVNULL)
    absent = False
    while True:
        ended = rebooting.poll()
        words = box.nas(look, check=False).split()
        now = time.monotonic()
        if len(words) > 1 and words[0] not in (before, "0"):
            if parent in words:
                break
            absent = True
        assert ended is None  # the end of `reboot` may come between a look and this line
    assert rebooting.wait(120) == 0 and absent
    return now - int(words[0]) / 1_000_000


def test_a_late_parent_comes_after_dockers_unit_at_each_boot(otherwise: Box) -> None:
    assert 6 <= comes_late(otherwise, "bond0", "docker.service") < 60
    assert box_is_reached(otherwise)


def test_a_debian_nas_may_have_a_late_parent_and_another_too(otherwise: Box) -> None:
    otherwise.lab("up", "--engine", "26", "--parent", "eno1", "--late-parent", "4")
    assert 4 <= comes_late(otherwise, "eno1", "docker.service") < 60
    assert box_is_reached(otherwise)
    refused = lab(otherwise, "upgrade-dsm")
    assert refused.returncode == 1 and "has no DSM to upgrade" in refused.stderr and "-> " in refused.stderr


def box_is_reached(box: Box) -> bool:
    return box.ping("client", "192.168.1.10") == 0
