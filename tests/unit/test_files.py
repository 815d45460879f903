"""What will stand on the NAS, to the letter; and that it arrives there whole or not at all."""

import re
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inputs.nas_scripts import read_nas_scripts
from install.conf import Repair, digest_of, read_conf, render_conf
from install.files import HostFiles, bundle, host_files
from install.layout import InstallPlan
from plan.lan import LanPlan
from tests.unit.sites import ROOT, box, by_hand, dev_plan, installed, judge, plan_of, put, site_of

UNPACK = (ROOT / "nas/unpack.sh").read_text()
PIHOLE = {"name": "pihole", "ipv4_address": "192.168.1.53"}
HEAD = "# Written by pulumi up (macvlan-ipv6); the next one overwrites it. Parsed, never sourced.\n"
SUMS = {"/usr/local/bin/setup_docker_macvlan.sh": "a1" * 32}
REPAIR = Repair("2026-11-23T23:45:10Z", "repaired: link macvlan-host is gone", "3f" * 32)
CONF = f"""{HEAD}# 2026-11-23T23:45:10Z repaired: link macvlan-host is gone
# stray {"3f" * 32}
# hook systemd docker.service
# file /usr/local/bin/setup_docker_macvlan.sh {"a1" * 32}
version 1
network bridge-host
parent eth0
shim macvlan-host
shim_mac 02:42:c0:a8:01:fe
shim_ipv4 192.168.1.254
shim_ipv6 fd0d:7eb5:2afd::254
routing_table 109
check_interval 30
placeholder_gateway fd0d:7eb5:2afd::1
container test 192.168.1.201 fd0d:7eb5:2afd::201 02:42:c0:a8:01:c9
container qbittorrent 192.168.1.202 fd0d:7eb5:2afd::202 02:42:c0:a8:01:ca
"""


FILES = read_nas_scripts(ROOT)
PROGRAM, CONF_PATH, UNIT = installed().files


def files_of(**texts: str) -> HostFiles:
    return replace(host_files(dev_plan(), installed(), FILES), **texts)


def with_program(text: str) -> HostFiles:
    files = files_of()
    return replace(files, texts={**files.texts, PROGRAM: text})


def plain(plan: LanPlan, install: InstallPlan | None = None) -> str:
    """The conf's lines less its comments."""
    text = render_conf(plan, install or installed(), {}, None)
    return "".join(f"{line}\n" for line in text.splitlines() if not line.startswith("#"))


def test_the_conf_of_dev_is_as_it_always_was() -> None:
    assert render_conf(dev_plan(), installed(), SUMS, REPAIR) == f"{CONF}# sum {digest_of(CONF)}\n"


def test_the_conf_is_read_back_as_it_was_written() -> None:
    record = read_conf(render_conf(dev_plan(), installed(), SUMS, REPAIR))
    assert record is not None and record.whole and not record.adopted
    assert record.repair == REPAIR and record.sums == SUMS
    assert record.values["shim_ipv4"] == "192.168.1.254" and record.values["check_interval"] == "30"
    assert record.containers == {
        "test": ("192.168.1.201", "fd0d:7eb5:2afd::201"),
        "qbittorrent": ("192.168.1.202", "fd0d:7eb5:2afd::202"),
    }


def test_the_key_of_a_container_that_is_named_otherwise_is_in_the_conf() -> None:
    plan = plan_of(site_of(box("web", 9, container_name="nginx"), box("bb", 8)))
    text = render_conf(plan, installed(), SUMS, None)
    record = read_conf(text)
    assert record is not None and record.whole and record.keys == {"nginx": "web"}
    assert [record.key_of(name) for name in ("nginx", "bb", "web", "")] == ["web", "bb", "", ""]


def test_a_network_of_someone_elses_is_noted_in_the_conf() -> None:
    record = read_conf(render_conf(plan_of(site_of(), live=by_hand()), installed(), SUMS, None))
    assert record is not None and record.adopted and record.repair is None and record.whole


@pytest.mark.parametrize("text", [None, "", "version 1\n", "# my own shim\nversion 1\n"])
def test_a_conf_that_is_not_ours_is_none(text: str | None) -> None:
    assert read_conf(text) is None


@given(st.integers(len(HEAD), len(CONF)), st.text("ab1 \n", min_size=1, max_size=4))
def test_a_conf_that_was_changed_by_hand_is_not_whole(place: int, inserted: str) -> None:
    text = render_conf(dev_plan(), installed(), SUMS, REPAIR)
    record = read_conf(text[:place] + inserted + text[place:])
    assert record is not None and not record.whole


def test_a_router_as_gateway_is_kept_and_other_containers_are_in_the_conf() -> None:
    site = site_of(put("ula", "gateway", "fd0d:7eb5:2afd::ff"), put("external_containers", [PIHOLE]))
    lines = plain(plan_of(site), installed(check_interval=60)).splitlines()
    assert lines[7:] == [
        "routing_table 109",
        "check_interval 60",
        "router_gateway fd0d:7eb5:2afd::ff",
        "container pihole 192.168.1.53 fd0d:7eb5:2afd::53 -",
        "container test 192.168.1.201 fd0d:7eb5:2afd::201 02:42:c0:a8:01:c9",
    ]


def test_without_a_gateway_the_conf_names_none() -> None:
    assert "gateway" not in plain(plan_of(site_of(), engine=29))


NAMES = st.from_regex(r"[a-zA-Z0-9][a-zA-Z0-9_.-]{1,20}", fullmatch=True) | st.text(min_size=2, max_size=12)
WORDS = re.compile(r"[a-z0-9_]+( [A-Za-z0-9_.:-]+){1,4}")


@given(NAMES, NAMES, NAMES)
def test_whatever_the_names_the_conf_is_plain_words_or_the_site_is_refused(key: str, name: str, network: str) -> None:
    site = site_of(box("a1", 9, container_name=name), put("network", {"name": network}), box(key, 8))
    plan, problems = judge(site)
    if plan is not None and not problems:
        lines = plain(plan).splitlines()
        assert all(WORDS.fullmatch(line) for line in lines)
        assert len([line for line in lines if line.startswith("container ")]) == len(plan.routed)


def test_the_unit_has_every_placeholder_filled_in() -> None:
    files = host_files(
        dev_plan(),
        installed(
            script_path="/opt/p.sh", config_path="/opt/p.conf", docker_unit="pkg-ContainerManager-dockerd.service"
        ),
        FILES,
    )
    directives = [line for line in files.texts[UNIT].splitlines() if line and not line.startswith("#")]
    for line in (
        "BindsTo=pkg-ContainerManager-dockerd.service",
        "After=pkg-ContainerManager-dockerd.service",
        "WantedBy=pkg-ContainerManager-dockerd.service",
        "ExecStartPre=/opt/p.sh boot /opt/p.conf",
        "ExecStart=/opt/p.sh watch /opt/p.conf",
    ):
        assert line in directives


def test_the_other_files_are_those_under_nas_to_the_letter() -> None:
    files = files_of()
    assert files.texts[PROGRAM] == FILES["setup_docker_macvlan.sh"]
    assert files.installer == FILES["install.sh"]


def deliver(text: str, folder: Path) -> tuple[int, dict[str, str] | None]:
    """Exit code of nas/unpack.sh, and the files that the installer found (None where it was not run)."""
    seen = folder / "seen"
    subprocess.run(["rm", "-rf", seen], check=True)
    (folder / "tmp").mkdir(exist_ok=True)
    done = subprocess.run(
        ["sh", "-c", UNPACK, "sh", "apply"],
        input=text.encode(),
        env={"PATH": "/usr/bin:/bin", "TMPDIR": str(folder / "tmp"), "SEEN": str(seen), "LC_ALL": "C"},
        capture_output=True,
    )
    assert list((folder / "tmp").iterdir()) == [], "unpack.sh left its folder behind"
    assert (done.returncode == 0) or b"nothing was changed" in done.stderr
    found = (
        {file.name: file.read_bytes().decode() for file in seen.iterdir() if file.name[0] != "."}
        if seen.exists()
        else None
    )
    return done.returncode, found


SPY = '[ "$1" = apply ] && cp -R "$2" "$SEEN"\n'


def test_the_bundle_arrives_whole(tmp_path: Path) -> None:
    files = files_of(installer=SPY)
    code, found = deliver(bundle(files), tmp_path)
    assert code == 0
    assert found == {
        "install.sh": SPY,
        "program": files.texts[PROGRAM],
        "conf": files.texts[CONF_PATH],
        "hook": files.texts[UNIT],
        "manifest": "0755 /usr/local/bin/setup_docker_macvlan.sh program\n"
        "0644 /etc/setup_docker_macvlan.conf conf\n"
        "0644 /etc/systemd/system/setup_docker_macvlan.service hook\n",
        "settings": "program /usr/local/bin/setup_docker_macvlan.sh\n"
        "conf /etc/setup_docker_macvlan.conf\n"
        "hook systemd\n"
        "hook_file /etc/systemd/system/setup_docker_macvlan.service\n"
        "wanted_by docker.service\n"
        "network bridge-host\n"
        "on_destroy keep\n",
    }


HOSTILE = [
    "end",
    "> install.sh",
    "> x",
    "|",
    "||",
    "",
    "\\",
    "%s",
    "$(reboot)",
    "`reboot`",
    "&",
    "\x0c",
    "\u2028",
    "\r",
    "\x85",
]


@pytest.mark.parametrize("count", [1, 3000])
def test_no_line_of_a_file_can_pass_for_the_framing(tmp_path: Path, count: int) -> None:
    text = "\n".join(HOSTILE * count) + "\n"
    code, found = deliver(
        bundle(replace(files_of(installer=SPY), texts={PROGRAM: text, CONF_PATH: text, UNIT: text})), tmp_path
    )
    assert code == 0 and found is not None
    assert found["program"] == text and found["conf"] == text and found["install.sh"] == SPY
    assert len(found) == 6


@given(
    st.lists(st.sampled_from(HOSTILE) | st.text(st.characters(exclude_characters="\n\0", codec="utf-8")), min_size=1)
)
def test_every_line_of_every_file_is_framed(lines: list[str]) -> None:
    text = bundle(with_program("\n".join(lines) + "\n"))
    assert text.endswith("\nend\n")
    program = text.split("> program\n")[-1].removesuffix("\nend\n") if "> program" not in lines else None
    assert all(line[:1] in ("|", ">") for line in text.split("\n")[:-2])
    assert [line for line in text.split("\n") if line.startswith(">")] == [
        f"> {name}" for name in ("install.sh", "manifest", "settings", "hook", "conf", "program")
    ]
    assert program is None or program.split("\n") == [f"|{line}" for line in lines]


def test_a_bundle_that_was_cut_anywhere_changes_nothing(tmp_path: Path) -> None:
    whole = bundle(replace(with_program("a\nend\nb\n"), installer=SPY))
    cuts = {0, 1, 5, *range(0, len(whole) - 2, len(whole) // 25), len(whole) - 3, len(whole) - 2}
    for cut in cuts:
        code, found = deliver(whole[:cut], tmp_path)
        assert code != 0 and found is None, whole[:cut][-80:]


@pytest.mark.parametrize(
    "text",
    [
        "> ../evil\n|x\nend\n",
        "> /etc/evil\n|x\nend\n",
        "> a b\n|x\nend\n",
        "> .hidden\n|x\nend\n",
        "> a\nx\nend\n",
        "> a\n|x\nend\nend\n",
        "> a\n|x\nend\n> b\n",
    ],
)
@pytest.mark.parametrize("before", ["", "|x\n", "x\n", "end\n"])
def test_a_bundle_of_another_form_is_refused(tmp_path: Path, before: str, text: str) -> None:
    code, found = deliver(f"{before}> install.sh\n|{SPY}{text}", tmp_path)
    assert code != 0 and found is None
    assert {file.name for file in tmp_path.iterdir()} <= {"tmp"}


def words_of(script: str, function: str) -> set[str]:
    """The words that a function of a script of the NAS's takes as first in a line: its `case $key in` arms."""
    text = FILES[script]
    body = re.search(rf"^{function}\(\) {{\n(.*?)^}}", text, re.M | re.S)
    assert body is not None, function
    arms = re.findall(r"^\s+([a-z_0-9]+(?: \| [a-z_0-9]+)*)\)", body[1], re.M)
    return {word for arm in arms for word in arm.split(" | ")}


def test_the_nas_takes_every_key_that_is_written_for_it() -> None:
    """An unknown key stops the change; only the whole, on a NAS, would tell otherwise."""
    repair = Repair("2026-11-23T23:45:10Z", "x", "3f" * 32, ("4a" * 32,))
    for install in (
        installed(docker_folder="/opt/docker"),
        installed(boot_hook="task-scheduler", hook_file="", docker_unit=""),
    ):
        files = host_files(dev_plan(), install, FILES, repair)
        settings = {line.split()[0] for line in files.settings.splitlines()}
        assert settings <= words_of("install.sh", "read_settings")
        lines = files.texts[install.config_path].splitlines()
        conf = {line.split()[0] for line in lines if not line.startswith("#")}
        assert conf <= words_of("setup_docker_macvlan.sh", "load_conf")
