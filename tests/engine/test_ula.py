"""make ula with the real `pulumi config`: written once, refused from then on, comments kept."""

import re
import subprocess
from pathlib import Path

import pytest

from tests.engine.project import PASSPHRASE, PATIENCE, ROOT, engine_environment

Done = subprocess.CompletedProcess[str]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "Pulumi.yaml").write_text("name: macvlan-ipv6\nruntime: yaml\n")
    (tmp_path / "state").mkdir()
    return tmp_path


def run(folder: Path, *words: str) -> Done:
    env = engine_environment() | {
        "PULUMI_BACKEND_URL": f"file://{folder}/state",
        "PULUMI_CONFIG_PASSPHRASE": PASSPHRASE,
        "PYTHONPATH": str(ROOT),
    }
    return subprocess.run(words, cwd=folder, env=env, capture_output=True, text=True, timeout=PATIENCE)


def ula(folder: Path, stack: str) -> Done:
    return run(folder, str(ROOT / ".venv/bin/python"), str(ROOT / "macvlan-ipv6"), "ula", "--stack", stack)


def test_a_prefix_is_made_once_and_never_replaced(folder: Path) -> None:
    config = folder / "Pulumi.home.yaml"
    config.write_text("config:\n  macvlan-ipv6:site:\n    # the cellar\n    nas:\n      host: 192.168.1.10\n")
    assert run(folder, "pulumi", "stack", "init", "home").returncode == 0
    made = ula(folder, "home")
    assert made.returncode == 0, made.stderr
    prefix = re.search(r"prefix: (fd[0-9a-f:]+::/64)", config.read_text())
    assert prefix and prefix[1] in made.stdout and "# the cellar" in config.read_text()
    before = config.read_text()
    again = ula(folder, "home")
    assert again.returncode == 1 and f"site.ula.prefix: {prefix[1]}" in again.stderr and "->" in again.stderr
    assert config.read_text() == before


def test_two_sites_get_different_prefixes(folder: Path) -> None:
    for stack in ("one", "two"):
        assert run(folder, "pulumi", "stack", "init", stack).returncode == 0
        assert ula(folder, stack).returncode == 0
    found = [re.findall("prefix: (.*)", (folder / f"Pulumi.{stack}.yaml").read_text()) for stack in ("one", "two")]
    assert len(found[0]) == len(found[1]) == 1 and found[0] != found[1]


def test_a_stack_that_is_not_there_is_told_with_the_remedy(folder: Path) -> None:
    done = ula(folder, "nosuch")
    assert done.returncode == 1 and "pulumi stack init nosuch" in done.stderr and "Traceback" not in done.stderr
