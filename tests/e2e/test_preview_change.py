"""Changes in place: what runs goes on, what fails is undone, and what has to stop comes back as it was."""

import re
from typing import Any

import pytest

from lab.drive import NAS, SHIM, Stack
from tests.e2e.fixtures_lan import wait
from tests.e2e.streams import disturbed, streaming

PROGRAM = "/usr/local/bin/setup_docker_macvlan.sh"
TEST = "192.168.1.201"


def site_of(stack: Stack) -> dict[str, Any]:
    site = stack.site_with(3)
    site["containers"]["test"] = {"image": "busybox", "ipv4_address": TEST, "tty": True}
    return site


@pytest.fixture(scope="module")
def up(looked: Stack) -> Stack:
    looked.write(site_of(looked))
    looked.up()
    return looked


# What changes; to which address of the NAS's the container talks; and whether the shim is made anew, for another MAC or
# because the old unit takes it away
CHANGES = {
    "a container more": ({"external_containers": [{"name": "later", "ipv4_address": "192.168.1.66"}]}, SHIM, False),
    "another tick": ({"install": {"check_interval": 60}}, SHIM, False),
    "another address of the shim": ({"shim": {"ipv4_address": "192.168.1.253"}}, NAS, True),
    "the data elsewhere": ({"install": {"config_path": "/etc/macvlan/shim.conf"}}, SHIM, True),
    "the program elsewhere": ({"install": {"script_path": "/usr/local/bin/macvlan.sh"}}, SHIM, True),
    "another name of the shim": ({"shim": {"ipv4_address": SHIM, "name": "lan-host"}}, SHIM, True),
    "another MAC of the shim": ({"shim": {"ipv4_address": SHIM, "mac_address": "02:00:00:00:00:fe"}}, SHIM, True),
    "another name of the unit": ({"install": {"unit_path": "/etc/systemd/system/macvlan.service"}}, SHIM, True),
}


@pytest.mark.parametrize("change", CHANGES)
def test_a_connection_goes_on_over_a_change(up: Stack, change: str) -> None:
    box = up.box
    wanted, target, is_made_anew = CHANGES[change]
    up.write(site_of(up))
    up.up()
    up.write(site_of(up) | wanted)
    with streaming(box, {change: ("test", "nas", target), "LAN": ("client", "test", TEST)}) as told:
        up.up()
    # On 29 the loop gives `test` its planned MAC. With the old unit that goes, with the new one it comes back
    is_replaced = is_made_anew and ("install" in wanted or "name" in wanted["shim"])
    again = 5 if is_replaced and box.engine == "29" else 0
    assert disturbed({"LAN": told.pop("LAN")}, again=again) == {}
    # 3 s on an idle machine, 7 s on a busy one: TCP waits twice as long each time before it sends again
    assert (disturbed(told, gap=30, again=20) if is_made_anew else disturbed(told)) == {}


def test_a_change_that_would_cut_the_containers_off_is_undone(up: Stack) -> None:
    """A program that says all is well and routes nothing: only a ping can tell."""
    box = up.box
    compare, status = (up.folder / f"nas/program/{name}.sh" for name in ("compare", "status"))
    good = {path: path.read_text() for path in (compare, status)}
    blind = re.sub(r"(?m)^as_wanted\(\) \{.*$", 'as_wanted() { [ -n "$link_state" ]; }', good[compare])
    flushed = "$ip route flush table 109; $ip -6 route flush table 109"
    routeless = good[status].replace("state=ok code=0\n", f"state=ok code=0\n    {flushed}\n")
    assert blind != good[compare] and routeless.count("route flush") == 2
    box.nas(f"ping -c 1 192.168.1.201 && cp -p {PROGRAM} /tmp/was")
    compare.write_text(blind)
    status.write_text(routeless)
    try:
        done = up.up(check=False)
        assert done.returncode != 0
        assert "answered before the change" in done.stdout + done.stderr, done.stdout[-3000:]
    finally:
        for path, text in good.items():
            path.write_text(text)
    assert box.nas(f"cmp /tmp/was {PROGRAM}") == ""
    assert box.lost({"NAS -> IPv4": ("nas", "192.168.1.201"), "NAS -> ULA": ("nas", "fd0d:7eb5:2afd::201")}) == {}
    up.up()
    up.expect_no_changes()


def test_a_change_that_would_cut_off_the_one_who_makes_it_is_undone_on_the_nas(up: Stack) -> None:
    """The shim takes the laptop's own address: no packet of the NAS's reaches the laptop then, and no ssh."""
    site = site_of(up)
    site["shim"]["ipv4_address"] = "192.168.1.20"
    up.write(site)
    assert "your own computer answers there" in up.told(check=False)
    up.write(site | {"probe": False})
    done = up.up(check=False)
    assert done.returncode != 0 and "192.168.1.20" in done.stdout + done.stderr
    up.write(site_of(up))
    up.up()
    up.expect_no_changes()
    assert up.box.ping("nas", "192.168.1.201") == 0 and up.box.ping("client", "192.168.1.10") == 0


# Every sshd that serves a session is killed as soon as the installer is at work. It is held meanwhile, or it might be
# done by then; only itself, in its own session: a stopped one in sshd's would get a SIGHUP of the kernel's.
CUT = """installer='^sh /tmp/tmp[^ ]*/install.sh'
end=$(($(date +%s) + 400))
while [ $(date +%s) -lt $end ]; do
    if pgrep -f "$installer" >/dev/null; then
        sleep 0.05
        pkill -STOP -f "$installer" || continue
        pkill -KILL -f 'sshd.*: root@notty'
        pkill -KILL -f 'sshd-session: root'
        pkill -CONT -f "$installer"
        echo cut && exit
    fi
    sleep 0.02
done
"""


def test_a_connection_that_dies_in_the_middle_leaves_the_old_or_the_new(up: Stack) -> None:
    box = up.box
    up.write(site_of(up))
    up.up()
    up.write(site_of(up) | {"install": {"check_interval": 77}})
    box.nas(f"cat >/root/cut <<'E'\n{CUT}E")  # a file, so that it is not one of those that it looks for
    box.nas("nice -n -20 sh /root/cut >/root/cut.said 2>&1 &")  # before the installer when both want to run
    done = up.up(check=False)
    assert box.nas("cat /root/cut.said; rm /root/cut /root/cut.said").strip() == "cut", (
        "the connection was not cut, so nothing is shown"
    )
    assert done.returncode != 0
    box.nas("for i in $(seq 600); do pgrep -f '[/]install.sh' >/dev/null || break; sleep 0.2; done")
    assert box.nas("ls -d /tmp/tmp.* 2>/dev/null; ls /etc/*.new 2>/dev/null; true") == ""
    assert box.nas("/usr/local/bin/setup_docker_macvlan.sh status --brief").startswith("shim macvlan-host on eth0")
    assert box.ping("nas", "192.168.1.201") == 0
    up.up()
    up.expect_no_changes()


def test_replacing_the_network_names_who_stops_and_brings_all_back_as_they_were(up: Stack) -> None:
    box = up.box
    names = ["c0", "c1", "c2", "test"]
    place = "{{range .NetworkSettings.Networks}}{{.IPAddress}} {{.GlobalIPv6Address}}{{end}}"

    def addresses() -> list[str]:
        # The MAC by the interface, since from Docker 28 on `docker inspect` shows one that the loop has replaced
        macs = [box.ip(name, "-br link show dev eth0").split()[2] for name in names]
        return [box.nas(f"docker inspect -f '{{{{.Name}}}} {place}' {' '.join(names)}"), *macs]

    before = addresses()
    assert all(mac.startswith("02:42:c0:a8:01:") for mac in before[1:])
    site = site_of(up)
    site["lan"]["ip_range"] = "192.168.1.192/26"
    up.write(site)
    assert f"these containers stop: {', '.join(names)}" in up.told()
    assert up.steps()["lan-network"] == "replace"
    up.up()
    up.expect_no_changes()
    wait("all are as they were", lambda: addresses() == before)
    assert box.ping("nas", "192.168.1.201") == 0


def test_a_strangers_container_on_a_network_that_must_go_stops_the_preview(up: Stack) -> None:
    up.box.run_by_hand("guest", "--network bridge-host --ip 192.168.1.66 busybox")
    site = site_of(up)
    site["lan"]["ip_range"] = "192.168.1.128/25"
    up.write(site)
    said = up.told(check=False)
    up.box.nas("docker rm -f guest")
    assert "containers that are not this program's are on it: guest" in said
