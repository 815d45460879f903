"""probe.sh against real links and neighbours, and docker, systemctl and sshd of the test's own."""

import hashlib
import os
import re
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.nas.box import MADE, PREFIX, ROOT, SHIM, Box, run
from tests.nas.fake_nas import NOBODY, PATIENT, PROBE, FakeNas, make_lan

SECTIONS = [
    "user",
    "system",
    "tools",
    "macvlan",
    "links",
    "addresses",
    "routes",
    "routing",
    "sysctls",
    "docker",
    "networks",
    "containers",
    "inside",
    "volumes",
    "files",
    "conf",
    "others",
    "loop",
    "units",
    "sshd",
    "host_keys",
    "leftovers",
    "gateway",
    "answers",
    "routers",
    "end",
]
DOCKER = """case $1-$2 in
version-*) echo 'WARNING: no swap limit' >&2; echo 'engine 26.1.5'; echo 'api 1.45' ;;
network-ls) echo aa; echo bb ;;
network-inspect) echo '{"Name":"bridge-host"}'; echo; echo '{"Name":"host"}' ;;
ps-*) echo c1; echo c2 ;;
container-inspect) echo '{"name":"/test"}'; echo 'Error: No such container: c2' >&2; exit 1 ;;
volume-ls) echo app_data; echo 'two words'; echo -x; echo v2 ;;
volume-inspect) shift 4; for name; do echo "{\\"name\\":\\"$name\\"}"; done ;;
esac"""


@pytest.fixture
def nas(box: Box) -> Iterator[FakeNas]:
    yield FakeNas(box)


@pytest.fixture
def lan(box: Box) -> str:
    return make_lan(box)


# ---- the text itself ---------------------------------------------------------------------------------------
def test_shellcheck_has_nothing_to_say_and_nothing_is_evaluated_or_kept_in_files() -> None:
    assert run(ROOT / ".venv/bin/shellcheck", "-s", "sh", MADE / "probe.sh", check=False).stdout == ""
    code = "\n".join(line for line in PROBE.splitlines() if not line.lstrip().startswith("#"))
    assert not re.search(r"\beval\b|<<|mktemp|(^|[;&|]\s*)\.\s", code, re.MULTILINE)


def test_ip_is_spoken_to_as_iproute2_of_2016_understands_but_where_that_is_the_question() -> None:
    calls = [line for line in PROBE.splitlines() if re.search(r"\$ip\b.* -(j|br|c|color|brief|json)\b", line)]
    assert [call.strip() for call in calls] == [
        "case $($ip -j link show lo) in '['*) say 'ip_json yes' ;; *) say 'ip_json no' ;; esac"
    ]


def test_a_text_that_was_cut_off_on_its_way_does_nothing(nas: FakeNas) -> None:
    lines = PROBE.splitlines(keepends=True)
    assert nas.say(probe="".join(lines[:-1])).stdout == ""


def test_the_answer_has_every_section_once_and_in_order(nas: FakeNas) -> None:
    assert list(nas.look()) == SECTIONS


def test_words_that_are_none_of_its_own_are_passed_over_and_nothing_runs_because_of_them(nas: FakeNas) -> None:
    nas.tool("systemctl", "")
    words = [
        "parent=auto",
        "network=x",
        "later=1",
        "ask=$(touch\t/mnt/a)",
        "ask=-f",
        "unit=a;b",
        "label=$(x)",
        "gateway=;id",
        "file=",
        "nonsense",
    ]
    sections = nas.look(*words, "")
    assert sections["answers"] == sections["gateway"] == sections["files"] == []
    assert "a;b" not in nas.calls("systemctl")[-1] and not (nas.box.here / "a").exists()


# ---- it reads only -----------------------------------------------------------------------------------------
def state(box: Box) -> list[str]:
    text = "".join(box.ip(*words) for words in (["-d", "link"], ["addr"], ["-4", "route"], ["-6", "route"], ["rule"]))
    files = [f"{path} {path.lstat().st_mtime_ns}" for path in box.here.rglob("*") if "calls" not in path.name]
    return [re.sub(r"\d+sec", "", text), *sorted(files)]


def test_it_opens_nothing_for_writing_and_changes_nothing(nas: FakeNas, lan: str) -> None:
    nas.tool("docker", DOCKER)
    nas.tool("systemctl", "")
    nas.box.program("start")
    nas.box.settled()
    before = state(nas.box)
    calls = (
        "open,openat,openat2,creat,mkdir,mkdirat,mknod,mknodat,unlink,unlinkat,rename,renameat,renameat2,link,linkat"
    )
    calls += ",symlink,symlinkat,chmod,fchmod,fchmodat,truncate,ftruncate,utimensat,setxattr,sethostname,mount"
    nas.wrapper = ("strace", "-f", "-qq", "-o", "/mnt/strace.calls", "-e", f"trace={calls}")
    nas.look(
        f"shim={SHIM}", "parent=eth0", "conf=/etc/x", "ask=192.168.1.20", "ask=192.168.1.40", f"gateway={PREFIX}20"
    )
    writes = re.compile(r"O_WRONLY|O_RDWR|O_CREAT|^\d+ +(?!open| )")
    # The tools of the test's own say what they were called with
    harmless = re.compile(r'"/dev/(null|tty)"|\.calls"|SIG|\+\+\+|resumed')
    seen = nas.calls("strace")
    assert len(seen) > 100
    assert [line for line in seen if writes.search(line) and not harmless.search(line)] == []
    assert state(nas.box) == before


# ---- user and system ---------------------------------------------------------------------------------------
def test_the_user_is_named_with_groups_and_the_address_it_comes_from(nas: FakeNas) -> None:
    nas.tool("sudo", "exit 0")
    assert nas.look()["user"][:2] == ["uid 0", "name root"]
    nas.env["SSH_CLIENT"] = "192.168.1.20 50000 22"
    assert "client 192.168.1.20" in nas.look()["user"] and nas.calls("sudo") == []


@pytest.mark.parametrize(("code", "last"), [(0, "sudo yes"), (1, "sudo asks")])
def test_sudo_is_tried_by_those_who_need_it(nas: FakeNas, code: int, last: str) -> None:
    nas.wrapper = NOBODY
    nas.put("/usr/bin/sudo", f'#!/bin/sh\n[ "$*" = "-n true" ] && exit {code}\nexit 3\n', 0o755)
    sections = nas.look()
    assert sections["user"][0] == "uid 65534" and sections["user"][-1] == last


@pytest.mark.parametrize("verdict", ["right", "wrong"])
def test_where_a_password_was_tried_that_is_told_and_sudo_is_asked_no_more(nas: FakeNas, verdict: str) -> None:
    nas.wrapper = NOBODY
    nas.put("/usr/bin/sudo", "#!/bin/sh\nexit 0\n", 0o755)
    assert nas.look(f"sudo={verdict}")["user"][-1] == f"sudo {verdict}"


def test_the_system_is_named_by_its_files_and_none_of_them_can_end_the_answer(nas: FakeNas) -> None:
    nas.tool("systemctl", "echo 'systemd 219 (219)'; echo +PAM")
    nas.put("/usr/lib/os-release", "ID=odd\n== end\nNAME='no newline'")
    nas.put("/etc.defaults/VERSION", 'majorversion="7"\n' * 30)
    nas.put("/etc/config/uLinux.conf", "secret = 1\n", 0o600)
    nas.wrapper = NOBODY
    told = nas.look()["system"]
    assert [f"kernel {os.uname().release}", f"machine {os.uname().machine}"] == told[:2]
    assert told[3:7] == ["systemd 219", "|ID=odd", "|== end", "|NAME='no newline'"]
    assert told[7:-1] == ["file /etc.defaults/VERSION", *['|majorversion="7"'] * 20]
    assert re.fullmatch(r"time \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", told[-1])


def test_tools_are_looked_for_where_a_login_finds_them_too(nas: FakeNas) -> None:
    nas.tool("synowebapi", "", "/usr/local/bin/synowebapi")
    nas.path = "/bin:/usr/bin"
    told = nas.look()["tools"]
    assert {"tool ip", "tool synowebapi", "tool sha256sum", "ip_json yes", "ip_batch yes"} <= set(told)
    assert not {"tool docker", "tool systemctl", "tool sudo"} & set(told)


OLD_IP = r"""#!/bin/sh
for word; do
    case $word in -j | -json | -br* | -c | -color) echo "Option $word is unknown, try ip -help." >&2; exit 255 ;; esac
done
exec /usr/sbin/ip.real "$@"
"""


def test_with_ip_of_2016_only_the_answer_on_json_differs(nas: FakeNas, lan: str) -> None:
    nas.box.ip("route", "add", "default", "via", "192.168.1.20")
    now = nas.look("ask=192.168.1.20", probe=PATIENT)
    nas.put("/usr/sbin/ip.real", "", 0o755).write_bytes(Path("/usr/sbin/ip").resolve().read_bytes())
    nas.put("/usr/sbin/ip", OLD_IP, 0o755)
    nas.more = "rm -f bin/ip usr/bin/ip"
    old = nas.look("ask=192.168.1.20", probe=PATIENT)
    assert "ip_json no" in old["tools"] and "ip_batch yes" in old["tools"]
    for section in "links", "routes", "answers":
        assert old[section] == now[section] != []


MODULES = f"/lib/modules/{os.uname().release}"


@pytest.mark.parametrize(
    ("files", "symbols", "kernel"),
    [
        (["/sys/module/macvlan/"], "", "yes"),
        ([f"{MODULES}/kernel/drivers/net/macvlan.ko.xz"], "", "yes"),
        (["/lib/modules/macvlan.ko", f"{MODULES}/kernel/drivers/net/macvtap.ko"], "", "yes"),
        ([f"{MODULES}/modules.builtin"], "", "yes"),
        ([], "0 t macvlan_init", "yes"),
        ([f"{MODULES}/kernel/drivers/net/macvtap.ko"], "0 t printk", "no"),
        ([], "0 t nomacvlan_here", "no"),
        ([f"{MODULES}/kernel/drivers/net/macvtap.ko"], None, "no"),
        ([], None, "unknown"),
    ],
)
def test_whether_the_kernel_has_macvlan(nas: FakeNas, files: list[str], symbols: str | None, kernel: str) -> None:
    nas.more = "mount -t tmpfs none sys/module; "
    for file in files:
        if file.startswith("/sys"):
            nas.more += f"mkdir .{file}; "
        else:
            nas.put(file.replace("/lib/", "/usr/lib/"), "kernel/drivers/net/macvlan.ko\n")
    kallsyms = nas.put("/etc/kallsyms", symbols or "")
    if symbols is None:
        kallsyms.unlink()
        nas.more += "mount -t tmpfs none proc/sys; mount --bind proc/sys proc/bus; touch proc/sys/none; "
        nas.more += "chmod 0 proc/sys/none; mount --bind proc/sys/none proc/kallsyms"
        nas.wrapper = NOBODY
    else:
        nas.more += "mount --bind etc/kallsyms proc/kallsyms"
    assert nas.look()["macvlan"] == [f"kernel {kernel}"]


# ---- links, routes -----------------------------------------------------------------------------------------
def test_links_addresses_and_routes_are_what_ip_says(nas: FakeNas, lan: str) -> None:
    nas.box.ip("route", "add", "default", "via", "192.168.1.1")
    nas.box.ip("-6", "route", "add", "default", "via", "fe80::1", "dev", "eth0")
    nas.box.program("start")
    nas.box.settled()
    told = nas.look(f"shim={SHIM}")
    peer = re.compile(r"link-netns\S* \S+")  # a name here, a number where names are not to be seen
    links = nas.box.ip("-d", "-o", "link", "show").splitlines()
    assert [peer.sub("", line) for line in told["links"]] == [peer.sub("", line) for line in links]
    assert told["addresses"] == nas.box.ip("-o", "addr", "show").splitlines()
    routes = [line.rstrip() for line in told["routes"]]
    assert routes[:2] == [
        "4 default via 192.168.1.1 dev eth0",
        "6 default via fe80::1 dev eth0 metric 1024 pref medium",
    ]
    assert any(line.startswith("shim4 local 192.168.1.254 table local") for line in routes)
    assert "shim4 192.168.1.201 table 109 scope link" in routes
    assert f"shim6 {PREFIX}202 table 109 metric 1024 pref medium" in routes
    assert told["sysctls"] == [
        "accept_ra 0",
        "autoconf 0",
        "addr_gen_mode 1",
        "disable_ipv6 0",
        "arp_filter 1",
        "arp_announce 2",
    ]


def test_a_shim_that_is_not_there_has_no_routes_and_no_sysctls(nas: FakeNas) -> None:
    told = nas.look(f"shim={SHIM}")
    assert told["routes"] == told["sysctls"] == []


@pytest.mark.parametrize(
    ("first", "line", "found"),
    [
        ("# Written by pulumi up (macvlan-ipv6)", f"shim {SHIM}", True),
        ("# Written by pulumi up (macvlan-ipv6)\r", f"shim {SHIM}\r", True),
        ("# Somebody else's", f"shim {SHIM}", False),
        ("# Written by pulumi up (macvlan-ipv6)", "shim ../../x", False),
        ("# Written by pulumi up (macvlan-ipv6)", "shim", False),
    ],
)
def test_the_link_is_looked_at_under_the_name_that_the_last_run_gave_it(
    nas: FakeNas, first: str, line: str, found: bool
) -> None:
    """The site may call it otherwise by now; nothing of it is gone for that."""
    nas.box.program("start")
    nas.box.settled()
    nas.put("/opt/a.conf", f"{first}\nversion 1\n{line}\n")
    told = nas.look("shim=renamed", "conf=/opt/none.conf", "conf=/opt/a.conf")
    assert ("shim4 192.168.1.201 table 109 scope link" in [one.rstrip() for one in told["routes"]]) == found
    assert ("arp_filter 1" in told["sysctls"]) == found


def test_which_way_packets_take_is_asked_where_the_last_run_has_made_a_route_and_not_where_the_next_one_will(
    nas: FakeNas,
) -> None:
    nas.box.program("start")
    nas.box.settled()
    conf = f"version 1\nshim {SHIM}\nrouting_table 109\ncontainer test 192.168.1.201 {PREFIX}201 -\n"
    nas.put("/opt/a.conf", f"# Written by pulumi up (macvlan-ipv6)\n{conf}")
    asked = [f"ask={address}" for address in ("192.168.1.201", f"{PREFIX}201", "192.168.1.99", f"{PREFIX}99")]
    words = (f"shim={SHIM}", "parent=eth0", "table=109", "conf=/opt/a.conf", *asked)

    def ways() -> list[str]:
        return [line for line in nas.look(*words)["routing"] if line.startswith("way ")]

    assert ways() == []
    nas.box.ip("route", "del", "192.168.1.201", "dev", SHIM, "table", "109")
    assert "packets for 192.168.1.201 " in str(ways()) and "192.168.1.99" not in str(ways())


@pytest.mark.parametrize("sign", ["wireless", "phy80211"])
def test_a_wireless_link_is_named(nas: FakeNas, sign: str) -> None:
    nas.more = f"mount -t tmpfs none sys/class/net; mkdir -p sys/class/net/eth0 sys/class/net/wlan0/{sign}"
    assert [line for line in nas.look()["links"] if line.startswith("wireless")] == ["wireless wlan0"]


# ---- docker ------------------------------------------------------------------------------------------------
def test_docker_is_asked_few_things_and_only_its_json_comes_through(nas: FakeNas) -> None:
    nas.tool("docker", DOCKER)
    told = nas.look("label=our-own")
    assert told["docker"] == ["on_path yes", SEARCHED, "path /mnt/bin/docker", "engine 26.1.5", "api 1.45"]
    assert told["networks"] == ['{"Name":"bridge-host"}', '{"Name":"host"}']
    assert told["containers"] == ['{"name":"/test"}']
    asked = nas.calls("docker")
    assert [" ".join(call.split()[:2]) for call in asked] == [
        *("version --format", "network ls", "network inspect"),
        *("ps -aq", "container inspect") * 3,  # one went in between
        *("volume ls", "volume inspect"),
    ]
    of_containers = asked[-3]
    assert all(f'"our-own.{key}"' in of_containers for key in ("addresses", "repaired", "stack"))
    assert of_containers.endswith(" c1 c2")


DOCKERS = "pkg-Docker-dockerd.service"
SEARCHED = "search /mnt/bin:/usr/sbin:/usr/bin:/sbin:/bin"
PLACES = (
    "/usr/local/bin",
    "/opt/bin",
    "/var/packages/ContainerManager/target/usr/bin",
    "/var/packages/Docker/target/usr/bin",
)


@pytest.mark.parametrize("place", PLACES)
def test_a_docker_that_is_not_on_the_users_path_is_found_and_used(nas: FakeNas, place: str) -> None:
    nas.tool("docker", DOCKER, f"{place}/docker")
    told = nas.look(*(f"place={one}" for one in PLACES))
    assert told["docker"][:4] == ["on_path no", SEARCHED, f"path {place}/docker", "engine 26.1.5"]
    assert "tool docker" in told["tools"] and len(told["networks"]) == 2


def test_without_docker_nothing_is_said_of_it(nas: FakeNas) -> None:
    told = nas.look()
    assert (told["docker"], told["networks"], told["containers"]) == (["on_path no", SEARCHED], [], [])


def test_a_docker_that_may_not_be_asked_says_why_in_one_line_and_is_not_asked_again(nas: FakeNas) -> None:
    nas.tool("docker", "echo; echo permission denied >&2; echo '== end' >&2; exit 1")
    told = nas.look()
    assert told["docker"][3:] == ["error permission denied == end"]
    assert told["networks"] == told["containers"] == [] and len(nas.calls("docker")) == 1


PODMAN = """case $* in
--version) echo 'podman version 5.4.2' ;;
version) echo 'Client: Podman Engine' ;;
version*) {server} ;;
*) echo '{{"name":"podman"}}' ;;
esac"""
BY_SOCKET = """case $* in
--version) echo 'Docker version 26.1.5, build x' ;;
version) echo 'Server: linux/amd64'; echo ' Podman Engine:' ;;
version*) echo 'engine 5.4.2'; echo 'api 1.41' ;;
*) echo '{"Name":"podman","Id":"1"}' ;;
esac"""


@pytest.mark.parametrize(
    ("does", "told"),
    [
        (PODMAN.format(server="true"), ["podman 5.4.2"]),  # it has no server part where it is asked on the spot
        (PODMAN.format(server="echo 'engine 5.4.2'; echo 'api 5.4.2'"), ["engine 5.4.2", "api 5.4.2", "podman 5.4.2"]),
        (
            PODMAN.format(server="echo 'Cannot connect to Podman' >&2; exit 125"),
            ["podman 5.4.2", "error Cannot connect to Podman"],
        ),
        (BY_SOCKET, ["engine 5.4.2", "api 1.41", "podman 5.4.2"]),
    ],
    ids=["local", "remote", "unreached", "behind Docker's client"],
)
def test_podman_in_dockers_place_is_told_and_its_networks_are_not_asked(
    nas: FakeNas, does: str, told: list[str]
) -> None:
    nas.tool("docker", does)
    look = nas.look()
    assert look["docker"][3:] == told and look["networks"] == look["containers"] == []


SUDO = '#!/bin/sh\n[ "$1" = -n ] && shift && AS_ROOT=y exec "$@"\n'


def test_a_docker_that_refuses_the_user_is_asked_by_sudo_and_both_is_told(nas: FakeNas) -> None:
    nas.wrapper = NOBODY
    nas.put("/usr/bin/sudo", SUDO, 0o755)
    refuses = "#!/bin/sh\n[ $AS_ROOT ] || { echo permission denied >&2; exit 1; }\n"
    nas.put("/usr/bin/docker", refuses + DOCKER, 0o755)
    told = nas.look()
    assert told["docker"][2:] == ["path /usr/bin/docker", "denied permission denied", "engine 26.1.5", "api 1.45"]
    assert len(told["networks"]) == 2 and told["containers"] == ['{"name":"/test"}']


def test_our_own_wrapper_is_told_and_the_docker_behind_it_is_asked(nas: FakeNas) -> None:
    wrapper = "#!/bin/sh\n# Written by pulumi up (macvlan-ipv6)\nexit 9\n"
    nas.put("/usr/bin/docker", wrapper, 0o755)
    nas.tool("docker", DOCKER, "/opt/bin/docker")
    told = nas.look("place=/opt/bin")
    assert told["docker"][:4] == ["on_path yes", SEARCHED, "wrapper /usr/bin/docker", "path /opt/bin/docker"]
    assert f"file /usr/bin/docker ok {hashlib.sha256(wrapper.encode()).hexdigest()}" in told["files"]


def test_a_loop_without_systemd_is_told_by_its_number_if_that_is_its_own(nas: FakeNas) -> None:
    pid = nas.box.popen("sh", "-c", "sleep 600; : /usr/local/bin/macvlan.sh keep x").pid
    for number, told in ((pid, [f"loop {pid}"]), (1, []), ("x", [])):
        nas.more = f"mount -t tmpfs none run; echo {number} >run/macvlan.sh.{SHIM}.pid"
        words = (f"shim={SHIM}", "program=/usr/local/bin/macvlan.sh", "program=/opt/other.sh")
        assert nas.look(*words)["loop"] == told


@pytest.mark.parametrize(("answer", "told"), [("true", ["task yes"]), ("false", ["task no"]), ("", [])])
def test_the_boot_task_is_asked_for(nas: FakeNas, answer: str, told: list[str]) -> None:
    nas.tool("synowebapi", f'[ ! "{answer}" ] || printf \'{{ "success" : {answer} }}\'')
    assert nas.look("task=macvlan-ipv6")["loop"] == told
    assert nas.calls("synowebapi")[-1].endswith('method=get task_name="macvlan-ipv6"')


@pytest.mark.parametrize(("hangs", "calls"), [("version", 1), ("network", 2)])
def test_a_docker_that_hangs_costs_one_wait_and_not_the_rest(nas: FakeNas, hangs: str, calls: int) -> None:
    nas.tool("docker", f"[ $1 != {hangs} ] || exec sleep 60\n{DOCKER}")
    nas.tool("systemctl", "echo Id=x")
    assert PROBE.count("$limit 20") == 1
    began = time.monotonic()
    told = nas.look(probe=PROBE.replace("$limit 20", "$limit 5"))
    assert time.monotonic() - began < 15 and len(nas.calls("docker")) == calls
    assert told["containers"] == [] and told["units"] == ["Id=x"]
    assert told["networks"] == ([] if hangs == "version" else ["unanswered"])
    assert ("error no answer within 20 s" in told["docker"]) == (hangs == "version")


@pytest.mark.parametrize(
    "ends", ["exec sleep 60", "echo 'Cannot connect to the Docker daemon at x' >&2; exit 1", "exit 125"]
)
def test_half_an_answer_of_a_docker_that_ends_is_none(nas: FakeNas, ends: str) -> None:
    nas.tool("docker", f'[ $1 != container ] || {{ echo \'{{"name":"/test"}}\'; {ends}; }}\n{DOCKER}')
    told = nas.look(probe=PROBE.replace("$limit 20", "$limit 3"))
    assert told["containers"] == ["unanswered"] and len(told["networks"]) == 2
    assert len([call for call in nas.calls("docker") if call.startswith("container")]) == 1


def test_a_container_that_docker_cannot_tell_of_hides_no_other(nas: FakeNas) -> None:
    broken = "Error response from daemon: RWLayer of container c2 is unexpectedly nil"
    nas.tool("docker", DOCKER.replace("Error: No such container: c2", broken))
    assert nas.look()["containers"] == ['{"name":"/test"}']


# ---- volumes ----------------------------------------------------------------------------------------------
def test_volumes_are_told_with_names_of_one_word(nas: FakeNas) -> None:
    nas.tool("docker", DOCKER)
    assert nas.look()["volumes"] == ['{"name":"app_data"}', '{"name":"v2"}']


def test_a_nas_without_a_volume_says_so_by_an_empty_section(nas: FakeNas) -> None:
    nas.tool("docker", DOCKER.replace("volume-ls) ", "volume-ls) exit 0; "))
    assert nas.look()["volumes"] == []


def test_more_volumes_than_it_tells_of_and_labels_longer_than_it_takes_are_told_as_such(nas: FakeNas) -> None:
    many = "volume-ls) seq -f v%g 2500 ;;\nvolume-other) "
    nas.tool("docker", DOCKER.replace("volume-ls) ", many))
    told = nas.look()["volumes"]
    assert len(told) == 2001 and told[-1] == "cut" and told[1999] == '{"name":"v2000"}'
    long = """volume-inspect) printf '{"name":"%20000s"}\n' x; echo '{"name":"v2"}' ;;\nvolume-other) """
    nas.tool("docker", DOCKER.replace("volume-inspect) ", long))
    assert nas.look()["volumes"] == ["cut", '{"name":"v2"}']


@pytest.mark.parametrize("hangs", ["ls", "inspect"])
def test_a_driver_of_volumes_that_hangs_hides_the_volumes_and_nothing_else(nas: FakeNas, hangs: str) -> None:
    nas.tool("docker", f'[ "$1 $2" != "volume {hangs}" ] || exec sleep 60\n{DOCKER}')
    nas.tool("systemctl", "echo Id=x")
    began = time.monotonic()
    told = nas.look(probe=PROBE.replace("$limit 20", "$limit 3"))
    assert time.monotonic() - began < 13
    assert told["volumes"] == ["unanswered"] and told["containers"] == ['{"name":"/test"}']
    assert told["units"] == ["Id=x"]


INSIDE = """case $1 in
ps) echo c1; echo c2 ;;
container) echo '{"pid":%s,"name":"/test","networks":{"bridge-host":{}}}'
    echo '{"pid":%s,"name":"/\\"pid\\":1,","networks":{"bridge":{}}}' ;;
*) echo 'engine 26.1.5' ;;
esac"""


def look_inside(nas: FakeNas, *pids: int) -> list[str]:
    nas.tool("docker", INSIDE % pids)
    return nas.look("network=bridge-host")["inside"]


def test_of_containers_on_the_network_the_kernel_is_asked_and_of_no_others(nas: FakeNas) -> None:
    there, _ = nas.box.container("test", "192.168.1.201", f"{PREFIX}201")
    other, _ = nas.box.container("other", "192.168.1.202", f"{PREFIX}202")
    told = look_inside(nas, there, other)
    assert told[0] == f"pid {there}" and f"pid {other}" not in told
    assert "v4 192.168.1.201" in told and "v4 192.168.1.202" not in told
    assert any(line.startswith("v6 fd0d7eb52afd00000000000000000201 ") for line in told)
    (link,) = [line for line in told[told.index(f"links {there}") :] if ": eth0@" in line]
    assert "link/ether " in link


def test_who_is_not_root_is_told_the_addresses_and_no_links(nas: FakeNas) -> None:
    there, _ = nas.box.container("test", "192.168.1.201", f"{PREFIX}201")
    nas.wrapper = NOBODY
    told = look_inside(nas, there, 1)
    assert "v4 192.168.1.201" in told and not [line for line in told if line.startswith("links")]


def test_a_container_with_more_addresses_than_are_read_is_told_as_cut(nas: FakeNas) -> None:
    there, space = nas.box.container("test", "192.168.1.201", f"{PREFIX}201")
    more = "".join(f"addr add {PREFIX}1:{number:x}/64 dev eth0 nodad\n" for number in range(80))
    run(*nas.box.inside("ip", "-batch", "-", space=space), text=more)
    told = look_inside(nas, there, 1)
    assert "cut" in told and len([line for line in told if line.startswith("v6")]) == 64


def test_a_container_that_ends_while_it_is_read_is_told_as_cut(nas: FakeNas) -> None:
    """Its IPv6 addresses alone would look like one that has lost its IPv4 address."""
    there, _ = nas.box.container("test", "192.168.1.201", f"{PREFIX}201")
    nas.tool("docker", INSIDE % (there, 1))
    told = nas.look("network=bridge-host", probe=PROBE.replace('"fib_trie"', '"ended"'))["inside"]
    assert any(line.startswith("v6") for line in told) and "cut" in told


def test_what_a_container_calls_its_link_is_no_line_of_the_answer(nas: FakeNas) -> None:
    there, space = nas.box.container("test", "192.168.1.201", f"{PREFIX}201")
    forged = "x\nlinks 7\n== end\n9: eth9: link/ether 02:00:00:00:00:09 "
    nas.box.ip("link", "set", "eth0", "alias", forged, space=space)
    told = look_inside(nas, there, 1)
    own = told[told.index(f"links {there}") + 1 :]
    assert own and "links 7" not in told and all(re.match("[0-9]+: ", line) for line in own)
    assert not [line for line in own if ": eth0@" in line and "02:00:00:00:00:09" in line]


# ---- what is installed -------------------------------------------------------------------------------------
def test_files_are_there_or_missing_with_the_mode_or_another_and_their_sum(nas: FakeNas) -> None:
    nas.wrapper = NOBODY
    nas.put("/usr/local/bin/a", "text", 0o755)
    nas.put("/usr/local/bin/a.before-macvlan-ipv6")
    nas.put("/usr/local/bin/b", "text", 0o744)
    nas.put("/usr/local/bin/c", "text", 0o600)
    (nas.box.here / "root/usr/local/bin/d").symlink_to("a")
    words = [f"file=0755:/usr/local/bin/{name}" for name in "abcdx"]
    digest = hashlib.sha256(b"text").hexdigest()
    assert nas.look(*words)["files"] == [
        f"file /usr/local/bin/a ok {digest}",
        "backup /usr/local/bin/a",
        f"file /usr/local/bin/b other {digest}",
        "file /usr/local/bin/c other -",
        f"file /usr/local/bin/d other {digest}",
        "file /usr/local/bin/x missing",
    ]


def test_the_conf_comes_as_it_is_and_cannot_end_the_answer(nas: FakeNas) -> None:
    nas.put("/etc/x.conf", "# two  blanks\n\n== end\n== files\nlast")
    told = nas.look("conf=/etc/y.conf", "conf=/etc/x.conf")
    assert (
        told["conf"] == ["file /etc/x.conf", "|# two  blanks", "|", "|== end", "|== files", "|last"]
        and list(told) == SECTIONS
    )
    assert nas.look("conf=/etc/y.conf")["conf"] == nas.look()["conf"] == []


def test_each_unit_is_asked_for_once_and_all_in_one_call(nas: FakeNas) -> None:
    listed = "\\n".join(f"{name} x" for name in (DOCKERS, "docker.service", "docker@.service", "cron.service"))
    shown = "Id=a.service\\nType=oneshot\\n\\nId=b.service\\n"
    nas.tool("systemctl", f"case $* in *list-unit-files*) printf '{listed}\\n' ;; *) printf '{shown}' ;; esac")
    told = nas.look("unit=our.service", "unit=docker.service", "unit=other@1.service")
    assert told["units"] == ["Id=a.service", "Type=oneshot", "", "Id=b.service"]
    shows = [call for call in nas.calls("systemctl") if call.startswith("show")]
    assert len(shows) == 1
    assert shows[0].endswith(" -- our.service docker.service other@1.service pkg-Docker-dockerd.service")
    for name in ("Id", "LoadState", "ActiveState", "SubState", "UnitFileState", "FragmentPath", "MainPID", "Type"):
        assert f"-p {name} " in shows[0]
    assert "-p NeedDaemonReload " in shows[0]


def test_without_systemctl_there_are_no_units(nas: FakeNas) -> None:
    assert nas.look("unit=our.service")["units"] == []


SSHD = "port 22\nmaxsessions 10\nmaxstartups 10:30:100\nallowtcpforwarding no\n"


def test_sshd_itself_is_asked_first_and_its_files_by_those_who_may_not(nas: FakeNas) -> None:
    nas.put("/etc/ssh/sshd_config.d/a.conf", "# MaxSessions 1\n  maxSessions=3\nMatch User x\nMaxStartups 1\n")
    nas.put("/etc/ssh/sshd_config", "Port 22\nMaxSessions 7\nAllowTcpForwarding no\nMatch User y\nMaxStartups 2\n")
    assert nas.look()["sshd"] == ["maxsessions 3", "allowtcpforwarding no"]
    nas.tool("sshd", "echo 'sshd: no hostkeys available' >&2; exit 1", "/usr/sbin/sshd")
    assert nas.look()["sshd"] == ["maxsessions 3", "allowtcpforwarding no"]
    nas.tool("sshd", f"[ $1 = -T ] && printf '{SSHD}'", "/usr/sbin/sshd")
    assert nas.look()["sshd"] == SSHD.splitlines()[1:]


def test_host_keys_are_kind_and_key_and_nothing_else(nas: FakeNas) -> None:
    nas.put("/etc/ssh/ssh_host_ed25519_key.pub", "ssh-ed25519 AAAA root@nas")
    nas.put("/etc/ssh/ssh_host_odd_key.pub", "== end\n\n")
    nas.put("/etc/ssh/ssh_host_secret_key.pub", "ssh-rsa BBBB\n", 0o600)
    nas.wrapper = NOBODY
    assert nas.look()["host_keys"] == ["ssh-ed25519 AAAA"]


def keys_of(nas: FakeNas) -> None:
    for kind, name in ("ssh-ed25519", "ed25519"), ("ssh-rsa", "rsa"), ("ecdsa-sha2-nistp256", "ecdsa"):
        nas.put(f"/etc/ssh/ssh_host_{name}_key.pub", f"{kind} AAAA{name} root@nas\n")
    nas.put("/volume1/ssh/odd_key.pub", "ssh-ed25519 AAAAodd\n")


ED25519, RSA, ODD = "ssh-ed25519 AAAAed25519", "ssh-rsa AAAArsa", "ssh-ed25519 AAAAodd"
ECDSA = "ecdsa-sha2-nistp256 AAAAecdsa"
OFFERED = [
    ("HostKey /etc/ssh/ssh_host_ed25519_key", [ED25519]),
    ('hostkey "/etc/ssh/ssh_host_rsa_key"\nHostKey=/volume1/ssh/odd_key.pub', [RSA, ODD]),
    ("#HostKey /etc/ssh/ssh_host_rsa_key", [ECDSA, ED25519, RSA]),
    ("HostKey /etc/ssh/none\nHostKey /etc/*;x", []),
    ("HostKeyAlgorithms ssh-ed25519,rsa-sha2-512", [ED25519, RSA]),
    ("HostKeyAlgorithms ssh-ed25519-cert-v01@openssh.com,ecdsa-sha2-nistp256", [ECDSA]),
    ("HostKeyAlgorithms +ssh-rsa", [ECDSA, ED25519, RSA]),
    ("HostKeyAlgorithms ssh-*", [ECDSA, ED25519, RSA]),
]


@pytest.mark.parametrize(("config", "told"), OFFERED)
def test_only_host_keys_that_sshd_shows_are_told(nas: FakeNas, config: str, told: list[str]) -> None:
    keys_of(nas)
    nas.put("/etc/ssh/sshd_config", f"{config}\nMaxSessions 7\n")
    sections = nas.look()
    assert (sections["host_keys"], sections["sshd"]) == (told, ["maxsessions 7"])


def test_of_its_host_keys_sshds_own_word_counts_before_that_of_its_files(nas: FakeNas) -> None:
    keys_of(nas)
    nas.put("/etc/ssh/sshd_config", "HostKey /etc/ssh/ssh_host_rsa_key\n")
    said = "hostkey /etc/ssh/ssh_host_ecdsa_key\nhostkey /etc/ssh/ssh_host_ed25519_key\nhostkeyalgorithms ssh-ed25519\n"
    nas.tool("sshd", f"[ $1 = -T ] && printf '{said}'", "/usr/sbin/sshd")
    assert nas.look()["host_keys"] == [ED25519]
    assert len(nas.calls("sshd")) == 1


def test_what_a_recipe_by_hand_left_is_named_and_a_pipe_stops_nobody(nas: FakeNas) -> None:
    named = ["/usr/local/etc/rc.d/m.sh", "/etc/systemd/system/m.service", "/etc/network/interfaces", "/boot/config/go"]
    for path in named:
        nas.put(path, "ip link add macvlan-host type macvlan\n")
    nas.put("/etc/crontab", "nothing of it\n")
    nas.put("/etc/init.d", None)
    nas.put("/etc/systemd/system/ours.service", "# Written by pulumi up (macvlan-ipv6)\nmacvlan\n")
    os.mkfifo(nas.box.here / "root/etc/init.d/pipe")
    assert nas.look()["leftovers"] == [f"mentions {path}" for path in named]


def test_data_files_of_other_installations_are_told_beside_the_one_that_was_asked_for(nas: FakeNas) -> None:
    mark = "# Written by pulumi up (macvlan-ipv6)\n"
    for name in ("", "-iot", "-x"):
        nas.put(f"/etc/setup_docker_macvlan{name}.conf", f"{mark}shim shim{name}\n")
    nas.put("/etc/setup_docker_macvlan-by-hand.conf", "shim mine\n")
    nas.put("/etc/other.conf", mark)
    nas.put("/usr/local/etc/setup_docker_macvlan-y.conf", mark)
    sections = nas.look("conf=/etc/setup_docker_macvlan.conf", "conf=/etc/setup_docker_macvlan-x.conf")
    assert sections["others"] == ["file /etc/setup_docker_macvlan-iot.conf", f"|{mark.strip()}", "|shim shim-iot"]
    assert nas.look()["others"] == []


def test_of_other_installations_no_more_is_told_than_twenty_and_64_kib_of_each(nas: FakeNas) -> None:
    mark = "# Written by pulumi up (macvlan-ipv6)\n"
    for number in range(30):
        nas.put(f"/etc/setup_docker_macvlan-{number:02}.conf", mark + "x" * 70_000)
    told = nas.look("conf=/etc/setup_docker_macvlan.conf")["others"]
    assert len([line for line in told if line.startswith("file ")]) == 20
    assert max(map(len, told)) < 65_536
