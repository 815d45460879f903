"""`macvlan-ipv6 compose`: what the program makes of a compose file, without a NAS and without a stack."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.unit.sites import COMPOSE, ROOT

FILE = """
networks:
  lan: {{name: bridge-host, external: true}}
services:
  web:
    image: nginx
    environment: {{PASSWORD: hunter2}}
    volumes: ["/volume1/web:/data:ro"]
    networks: {{lan: {{{address}}}}}
    {more}
"""


def tool(*arguments: str, cwd: Path = ROOT, **variables: str) -> subprocess.CompletedProcess[str]:
    """As `uv run macvlan-ipv6` runs it."""
    command = [sys.executable, ROOT / "macvlan-ipv6", "compose", *arguments]
    done = subprocess.run(command, cwd=cwd, env={**os.environ, **variables}, capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    return done


def as_json(folder: Path, address: str = "ipv4_address: 192.168.1.9", more: str = "", *options: str) -> dict[str, Any]:
    (folder / "compose.yml").write_text(FILE.format(address=address, more=more))
    done = tool("compose.yml", "--network", "bridge-host", "--json", *options, cwd=folder)
    assert "hunter2" not in done.stdout
    told = json.loads(done.stdout)
    assert done.returncode == (1 if any(one["severity"] == "error" for one in told["problems"]) else 0)
    return told


def test_a_file_that_is_taken_is_shown_with_what_follows_from_it(tmp_path: Path) -> None:
    site = ("--subnet", "192.168.1.0/24", "--ula-prefix", "fd0d:7eb5:2afd::/64")
    assert as_json(tmp_path, "ipv4_address: 192.168.1.9", "", *site) == {
        "network": "bridge-host",
        "services": [
            {
                "key": "web",
                "container_name": "web",
                "image": "nginx",
                "ipv4_address": "192.168.1.9",
                "ipv6_address": "fd0d:7eb5:2afd::9",
                "mac_address": "02:42:c0:a8:01:09",
                "derived": ["ipv6_address", "mac_address"],
                "networks": ["bridge-host"],
                "network_mode": None,
                "ports": [],
                "depends_on": {},
                "volumes": [{"type": "bind", "source": "/volume1/web", "target": "/data", "read_only": True}],
                "environment": ["PASSWORD"],
            }
        ],
        "problems": [],
    }


def test_without_the_sites_prefix_it_shows_what_the_file_says(tmp_path: Path) -> None:
    (one,) = as_json(tmp_path)["services"]
    assert (one["ipv4_address"], one["ipv6_address"]) == ("192.168.1.9", None)
    (one,) = as_json(tmp_path, "ipv4_address: 192.168.1.9, ipv6_address: 'fd00::7'")["services"]
    assert one["ipv6_address"] == "fd00::7" and one["derived"] == ["mac_address"]


@pytest.mark.parametrize(
    ("address", "more", "path"),
    [
        ("", "", "networks.lan.ipv4_address"),
        ("ipv4_address: 192.168.1.9", "uts: host", "uts"),
        ("ipv4_address: 192.168.1.9", "env_file: nowhere.env", "env_file[0]"),
        ("ipv4_address: 192.168.1.9", "sysctls: {net.ipv4.conf.eth1.forwarding: 1}", "sysctls"),
        ("ipv4_address: 192.168.1.9", "user: 0022", "user"),
    ],
)
def test_what_is_refused_is_told_with_its_remedy(tmp_path: Path, address: str, more: str, path: str) -> None:
    (problem,) = as_json(tmp_path, address, more)["problems"]
    place, _, where = problem["path"].partition(" ")
    assert place.startswith("compose.yml:") and where == f"services.web.{path}"
    assert problem["message"] and problem["remedy"] and problem["severity"] == "error"


SECOND = """
  other:
    image: nginx
    {more}
    networks: {{lan: {{{address}}}}}
"""


@pytest.mark.parametrize(
    ("address", "more", "key", "message"),
    [
        ("ipv4_address: 192.168.1.9", "", "ipv4_address", "is taken by container web already"),
        ("ipv4_address: 192.168.2.10", "", "ipv4_address", "is outside lan.subnet 192.168.1.0/24"),
        (
            "ipv4_address: 192.168.1.10, ipv6_address: 'fd0d:7eb5:2afd::9'",
            "",
            "ipv6_address",
            "is taken by container web already",
        ),
        ("ipv4_address: 192.168.1.10, ipv6_address: 'fd00::7'", "", "ipv6_address", "is outside ula.prefix"),
        (
            "ipv4_address: 192.168.1.10, mac_address: '02:42:c0:a8:01:09'",
            "",
            "mac_address",
            "is the MAC of compose.yml: services.web too",
        ),
        (
            "ipv4_address: 192.168.1.10",
            "container_name: web",
            "container_name",
            "is the name of compose.yml: services.web",
        ),
    ],
)
def test_what_is_wrong_between_two_services_is_told_too(
    tmp_path: Path, address: str, more: str, key: str, message: str
) -> None:
    text = FILE.format(address="ipv4_address: 192.168.1.9", more="") + SECOND.format(address=address, more=more)
    (tmp_path / "compose.yml").write_text(text)
    site = ("--subnet", "192.168.1.0/24", "--ula-prefix", "fd0d:7eb5:2afd::/64")
    done = tool("compose.yml", "--network", "bridge-host", "--json", *site, cwd=tmp_path)
    (problem,) = json.loads(done.stdout)["problems"]
    assert done.returncode == 1 and problem["path"].startswith("compose.yml:") and problem["path"].endswith(f".{key}")
    assert problem["message"].startswith(message), problem["message"]


def test_without_the_subnet_one_address_given_twice_is_told_all_the_same(tmp_path: Path) -> None:
    same = "ipv4_address: 192.168.1.9"
    (tmp_path / "compose.yml").write_text(FILE.format(address=same, more="") + SECOND.format(address=same, more=""))
    done = tool("compose.yml", "--network", "bridge-host", cwd=tmp_path)
    assert done.returncode == 1 and "is taken by container web already" in done.stdout


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_an_output_that_cannot_be_written_is_told_without_a_traceback(options: list[str]) -> None:
    command = [sys.executable, ROOT / "macvlan-ipv6", "compose", COMPOSE, "--network", "bridge-host", *options]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True)
    assert (done.returncode, done.stderr) == (1, "the output cannot be written: No space left on device\n")


def test_several_files_are_one_project(tmp_path: Path) -> None:
    (tmp_path / "again.yml").write_text(FILE.format(address="ipv4_address: 192.168.1.10", more="user: app"))
    as_json(tmp_path)
    done = tool("compose.yml", "again.yml", "--network", "bridge-host", "--json", cwd=tmp_path)
    (service,) = json.loads(done.stdout)["services"]
    assert done.returncode == 0 and service["ipv4_address"] == "192.168.1.10"
    done = tool("compose.yml", "nowhere.yml", "--network", "bridge-host", "--json", cwd=tmp_path)
    assert done.returncode == 1 and [one["path"] for one in json.loads(done.stdout)["problems"]] == ["FILE"]


def test_a_file_that_is_named_twice_is_read_once(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text(FILE.format(address="ipv4_address: 192.168.1.9", more=""))
    done = tool("compose.yml", "compose.yml", "--network", "bridge-host", "--json", cwd=tmp_path)
    assert done.returncode == 0 and len(json.loads(done.stdout)["services"]) == 1


def test_a_person_gets_text_and_colours_only_where_they_are_wanted() -> None:
    arguments = (COMPOSE, "--network", "bridge-host")
    done = tool(*arguments, FORCE_COLOR="1", NO_COLOR="")
    assert done.returncode == 0 and "\x1b[1mqbittorrent" in done.stdout
    plain = tool(*arguments)
    assert plain.stdout == tool(*arguments, NO_COLOR="1", TERM="xterm").stdout and "\x1b" not in plain.stdout
    assert plain.stdout.splitlines()[0] == "qbittorrent" and "  IPv4      192.168.1.202" in plain.stdout.splitlines()
    assert plain.stdout.endswith("1 service taken, 0 warnings\n")
    wrong = tool(COMPOSE, "--network", "other")
    assert wrong.returncode == 1 and "      -> add `networks: {other:" in wrong.stdout


def test_what_a_terminal_cannot_show_is_escaped(tmp_path: Path) -> None:
    volumes = 'devices: ["/dev/ä:/dev/ä"]'
    text = FILE.format(address="ipv4_address: 192.168.1.9", more=volumes).replace("/volume1/web", "/v\\e[1mü")
    (tmp_path / "compose.yml").write_text(text, encoding="utf-8")
    done = tool("compose.yml", "--network", "bridge-host", cwd=tmp_path, PYTHONIOENCODING="ascii")
    assert done.returncode == 0 and r"  volume    '/v\x1b[1m\xfc' \u2192 /data" in done.stdout.splitlines()


def test_a_service_without_addresses_has_none(tmp_path: Path) -> None:
    (tmp_path / "compose.yml").write_text(FILE.format(address="", more=""))
    done = tool("compose.yml", "--network", "bridge-host", cwd=tmp_path)
    assert [line.split()[-1] for line in done.stdout.splitlines()[2:5]] == ["none"] * 3


def test_a_file_may_come_through_a_pipe(tmp_path: Path) -> None:
    command = [sys.executable, ROOT / "macvlan-ipv6", "compose", "/dev/stdin", "--network", "bridge-host"]
    text = FILE.format(address="ipv4_address: 192.168.1.9", more="")
    done = subprocess.run(command, input=text, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "") and done.stdout.startswith("web\n")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        [COMPOSE],
        [COMPOSE, "--network", "bridge-host", "--subnet", "192.168.1.9/24"],
        [COMPOSE, "--network", "bridge-host", "--ula-prefix", "fd00::/48"],
        [COMPOSE, "--network", "bridge-host", "--ula-prefix", "x"],
        [COMPOSE, "--network", "bridge-host", "--ula-prefix", "2001:db8::/64"],
        [COMPOSE, "--network", "bridge-host", "--subnet", "192.168.1.0"],
        [COMPOSE, "--network", ""],
    ],
)
def test_a_wrong_command_line_has_an_exit_code_of_its_own(arguments: list[str]) -> None:
    done = tool(*arguments)
    assert done.returncode == 2 and done.stdout == "" and "Usage" in done.stderr


def test_a_global_address_is_not_called_a_ula(tmp_path: Path) -> None:
    for address, name in (("2001:db8:1:1::9", "IPv6 "), ("fd0d:7eb5:2afd::9", "IPv6 ULA ")):
        both = f'ipv4_address: 192.168.1.9, ipv6_address: "{address}"'
        (tmp_path / "compose.yml").write_text(FILE.format(address=both, more=""))
        said = tool("compose.yml", "--network", "bridge-host", cwd=tmp_path, NO_COLOR="1").stdout
        line = next(line for line in said.splitlines() if address in line)
        assert line.replace(address, "").strip() + " " == name
