"""The conf is data: whatever stands in it is either of the right shape or refused by line, and nothing is run."""

import json
import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.nas.box import CONF, PREFIX, PROGRAM, SHELLS, TWO, Box, run

HOSTILE = [
    "$(touch {ran})",
    "`touch {ran}`",
    ";touch {ran};",
    "|touch {ran}",
    "a b",
    "*",
    "?",
    "[a-z]",
    "-x",
    "--help",
    "../../etc/passwd",
    "/etc/passwd",
    "a\tb",
    "a\rb",
    "'",
    '"',
    "\\",
    "%s%n",
    "${{IFS}}",
    "\u00e9",
    "\u2028",
    "a" * 5000,
]
KEYS = (
    "network",
    "parent",
    "shim",
    "shim_mac",
    "shim_ipv4",
    "shim_ipv6",
    "routing_table",
    "placeholder_gateway",
    "router_gateway",
    "check_interval",
    "ipv6",
    "others",
    "ula_prefix",
    "lan_subnet",
)


OPTIONAL = KEYS[KEYS.index("routing_table") :]


def check(shell: str, conf: Path, *args: str) -> subprocess.CompletedProcess[str]:
    argv = [*SHELLS[shell], PROGRAM, *(args or ("check",)), conf]
    return subprocess.run(argv, capture_output=True, text=True, timeout=120, errors="replace")


def lines_with(key: str, value: str) -> str:
    kept = [line for line in CONF.splitlines() if line.split()[0] != key]
    return "\n".join([*kept, f"{key} {value}"]) + "\n"


@pytest.mark.parametrize("key", [*KEYS, "version", "container", "container x 192.168.1.7", "container x -"])
def test_hostile_values_are_refused_by_line_and_nothing_runs(shell: str, key: str, tmp_path: Path) -> None:
    for value in HOSTILE:
        if key in ("network",) and value == "a" * 5000:
            continue  # a long name is docker's to refuse
        ran = tmp_path / "ran"
        conf = tmp_path / "conf"
        conf.write_text(lines_with(key, value.format(ran=ran)))
        done = check(shell, conf)
        assert done.returncode == 1, (key, value, done)
        assert f"{conf} line " in done.stderr and len(done.stderr.splitlines()) <= 2, done.stderr
        assert not ran.exists()


@pytest.mark.parametrize(
    "value", ["192.168.1", "1.2.3.4.5", "1..2.3", "256.1.1.1", "01.2.3.4", "1.2.3.4/24", "fd00::1"]
)
def test_what_is_no_ipv4_address_is_refused(shell: str, value: str, tmp_path: Path) -> None:
    (tmp_path / "conf").write_text(lines_with("shim_ipv4", value))
    assert "shim_ipv4" in check(shell, tmp_path / "conf").stderr


@pytest.mark.parametrize(
    "value", ["FD0D::1", "fd0d", "1:2", "fd0d:::1", "a::b::c", "fe80::1%eth0", "fd0d::/64", "1.2.3.4"]
)
def test_what_is_no_ipv6_address_in_lower_case_is_refused(shell: str, value: str, tmp_path: Path) -> None:
    (tmp_path / "conf").write_text(lines_with("shim_ipv6", value))
    assert "shim_ipv6" in check(shell, tmp_path / "conf").stderr


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("ipv6", value) for value in ("on", "Loop", "loop off", "-")),
        *(("others", value) for value in ("none", "ALL", "-")),
        *(("ula_prefix", value) for value in ("fd0d::/48", "fd0d::", "fd0d::1/64", "/64", "::/64/64", "-", "slaac")),
        *(("lan_subnet", value) for value in ("192.168.1.0", "192.168.1.0/0", "192.168.1.0/33", "192.168.1/24", "/24")),
        *(("lan_subnet", value) for value in ("192.168.1.0/2/4", "192.168.1.0/024", "fd0d::/24", "-")),
        *(("container x 192.168.1.7", value) for value in ("SLAAC", "slaac2", "fd0d::/64")),
    ],
)
def test_what_says_nothing_about_ipv6_is_refused(shell: str, key: str, value: str, tmp_path: Path) -> None:
    (tmp_path / "conf").write_text(lines_with(key, value))
    assert f"is not a valid value for {key.split()[0]}" in check(shell, tmp_path / "conf").stderr


def test_all_that_says_something_about_ipv6_is_read(shell: str, tmp_path: Path) -> None:
    more = "ipv6 loop\nothers all\nula_prefix fd0d:7eb5:2afd:1::/64\nlan_subnet 10.0.0.0/8\n"
    more += "container x 192.168.1.7 slaac -\n"
    (tmp_path / "conf").write_text(CONF.replace(f"{PREFIX}254", "-") + more)
    assert " line " not in check(shell, tmp_path / "conf").stderr


@pytest.mark.parametrize("value", ["bin", "/", "/a/", "/a//b", "/a/../b", "/a/..", "/a:b", "/a b", "/$(reboot)", "-"])
def test_what_is_no_plain_folder_is_not_searched_for_docker(shell: str, value: str, tmp_path: Path) -> None:
    (tmp_path / "conf").write_text(lines_with("docker_folder", value))
    assert "docker_folder" in check(shell, tmp_path / "conf").stderr


def test_a_docker_outside_the_path_is_found_by_its_folder(box: Box) -> None:
    (box.here / ".qpkg/bin").mkdir(parents=True)
    (box.bin / "docker").rename(box.here / ".qpkg/bin/docker")
    argv = box.inside(*box.shell, box.bare(), "status", box.conf)
    note = "no docker client on PATH"
    assert note in run(*argv, check=False).stdout and box.asked() == 0
    box.write_conf(TWO + f"docker_folder {box.here}/.qpkg/bin\n")
    assert note not in run(*argv, check=False).stdout and box.asked() == 1


@pytest.mark.parametrize("value", ["0", "253", "254", "255", "256", "1000", "-1", "0109", "main", "1 2"])
def test_what_is_no_free_number_of_a_table_is_refused(shell: str, value: str, tmp_path: Path) -> None:
    (tmp_path / "conf").write_text(lines_with("routing_table", value))
    assert "routing_table" in check(shell, tmp_path / "conf").stderr


@pytest.mark.parametrize("name", ["all", "default", "lo", "sixteen-chars-xx", ".", "..", "eth0"])
def test_names_that_mean_something_else_are_no_shim(shell: str, name: str, tmp_path: Path) -> None:
    (tmp_path / "conf").write_text(lines_with("shim", name))
    assert check(shell, tmp_path / "conf").returncode == 1


@pytest.mark.parametrize("key", [key for key in KEYS if key not in OPTIONAL])
def test_a_missing_line_is_named(shell: str, key: str, tmp_path: Path) -> None:
    (tmp_path / "conf").write_text("\n".join(line for line in CONF.splitlines() if line.split()[0] != key) + "\n")
    assert f"'{key} ...' is missing" in check(shell, tmp_path / "conf").stderr


def test_an_unknown_key_is_named_with_its_line(shell: str, tmp_path: Path) -> None:
    (tmp_path / "conf").write_text(CONF + "colour blue\n")
    assert "conf line 12: unknown key 'colour'" in check(shell, tmp_path / "conf").stderr


def test_keys_of_before_the_first_release_are_read_as_what_they_are_called_now(shell: str, tmp_path: Path) -> None:
    text = CONF.replace("placeholder_gateway", "dead_gateway").replace("check_interval 1", "tick 1")
    (tmp_path / "conf").write_text(f"{text}keep_gateway fd0d::9\n")
    assert " line " not in check(shell, tmp_path / "conf").stderr
    for key in ("dead_gateway", "keep_gateway", "tick"):
        (tmp_path / "conf").write_text(f"{CONF}{key} x y\n")
        assert f"is not a valid value for {key}" in check(shell, tmp_path / "conf").stderr


def test_another_version_is_refused(shell: str, tmp_path: Path) -> None:
    (tmp_path / "conf").write_text(lines_with("version", "2"))
    assert "version" in check(shell, tmp_path / "conf").stderr


def test_a_missing_conf_says_what_makes_it(shell: str, tmp_path: Path) -> None:
    assert "pulumi up" in check(shell, tmp_path / "none").stderr


@pytest.mark.parametrize("args", [(), ("frobnicate",), ("--help",), ("status", "--xml")])
def test_anything_else_on_the_command_line_shows_the_usage(shell: str, args: tuple[str, ...]) -> None:
    done = subprocess.run([*SHELLS[shell], PROGRAM, *args], capture_output=True, text=True, timeout=120)
    assert done.returncode == 2 and "usage:" in done.stderr


def test_tabs_blank_lines_comments_and_a_last_line_without_newline_are_fine(box: Box) -> None:
    box.conf.write_text("\n  \n#x y z\n" + CONF.replace("shim_ipv4 ", "shim_ipv4\t ") + TWO.rstrip("\n"))
    box.program("check")
    box.program("start")
    assert f"{PREFIX}202" in box.routes()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(key=st.sampled_from([*KEYS, "container"]), value=st.text(st.characters(exclude_categories=["Cs"]), max_size=40))
def test_no_text_runs_or_breaks_the_json(key: str, value: str, tmp_path: Path) -> None:
    conf = tmp_path / "conf"
    conf.write_text(lines_with(key, value), encoding="utf-8", newline="")
    done = check("dash", conf, "status", "--json")
    if done.stdout:
        assert json.loads(done.stdout)["version"] == 1
    else:
        assert done.returncode == 1 and done.stderr.startswith("setup_docker_macvlan.sh: "), done
