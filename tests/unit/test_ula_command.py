"""`make ula`: makes a prefix once and never replaces one. Run with a pulumi that writes down what it is asked."""

import json
import os
import subprocess
import sys
from ipaddress import IPv6Network
from pathlib import Path

import pytest

from tests.unit.sites import ROOT
from tests.unit.test_gather import tool

SITE = "macvlan-ipv6:site"


def ula(tmp_path: Path, config: str, code: int = 0) -> tuple[subprocess.CompletedProcess[str], list[list[str]]]:
    """What the command said, and the calls of pulumi, where `pulumi config --json` prints ``config``."""
    (tmp_path / "config").write_text(config)
    tool(tmp_path, "pulumi", f'echo "$@" >>"{tmp_path}/calls"; [ "$2" = set ] || cat "{tmp_path}/config"; exit {code}')
    environment = {**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"}
    command = [sys.executable, "macvlan-ipv6", "ula", "--stack", "home"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert "Traceback" not in done.stderr
    return done, [line.split() for line in (tmp_path / "calls").read_text().splitlines()]


@pytest.mark.parametrize("site", [None, {}, {"nas": {"host": "x"}}, {"ula": None}, {"ula": {"gateway": "auto"}}])
def test_a_stack_without_a_prefix_gets_one(tmp_path: Path, site: dict[str, object] | None) -> None:
    config = {} if site is None else {SITE: {"value": json.dumps(site), "objectValue": site, "secret": False}}
    done, calls = ula(tmp_path, json.dumps(config))
    assert done.returncode == 0
    *written, prefix, _ = calls[1]
    assert written == ["config", "set", "--stack", "home", "--path", f"{SITE}.ula.prefix"]
    assert IPv6Network(prefix).subnet_of(IPv6Network("fd00::/8")) and IPv6Network(prefix).prefixlen == 64
    assert prefix in done.stdout and "Pulumi.home.yaml" in done.stdout


def test_two_runs_make_two_prefixes(tmp_path: Path) -> None:
    ula(tmp_path, "{}")
    _, calls = ula(tmp_path, "{}")
    assert calls[1][-2] != calls[3][-2]


def test_a_prefix_that_is_there_is_never_replaced(tmp_path: Path) -> None:
    site = {"ula": {"prefix": "fd0d:7eb5:2afd::/64"}}
    done, calls = ula(tmp_path, json.dumps({SITE: {"objectValue": site}}))
    assert done.returncode == 1 and len(calls) == 1
    assert done.stderr.startswith("site.ula.prefix: fd0d:7eb5:2afd::/64\n") and "->" in done.stderr


@pytest.mark.parametrize("site", [{"secret": True}, {"value": '{"a": 1}', "secret": False}])
def test_a_site_that_pulumi_does_not_show_is_left_alone(tmp_path: Path, site: dict[str, object]) -> None:
    """`pulumi config --json` leaves a map out that has a `secure:` value; a prefix may be in there."""
    done, calls = ula(tmp_path, json.dumps({SITE: site}))
    assert done.returncode == 1 and len(calls) == 1
    assert done.stderr.startswith(f"{SITE}: ") and "secretEnvironment" in done.stderr and "->" in done.stderr


def test_a_site_that_is_still_empty_gets_a_prefix(tmp_path: Path) -> None:
    done, calls = ula(tmp_path, json.dumps({SITE: {"value": "", "secret": False}}))
    assert done.returncode == 0 and len(calls) == 2


def test_a_stack_that_does_not_exist_is_told_with_the_command_that_makes_it(tmp_path: Path) -> None:
    done, calls = ula(tmp_path, "", code=255)
    assert done.returncode == 1 and len(calls) == 1
    assert "pulumi stack init home" in done.stderr


def test_a_computer_without_pulumi_is_told_so(tmp_path: Path) -> None:
    environment = {**os.environ, "PATH": str(tmp_path)}
    command = [sys.executable, "macvlan-ipv6", "ula", "--stack", "home"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True)
    assert done.returncode == 1 and "Traceback" not in done.stderr and "->" in done.stderr
