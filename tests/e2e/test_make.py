"""make up and make down, in a checkout of the test's own: somebody may be at work with the lab of the one tested."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.drive import ROOT, Done

# What begins with a dot is made here, and other parts of the suite write into it meanwhile.
LEFT_OUT = shutil.ignore_patterns(".*", "tests", "__pycache__")
# Of the engine: Pulumi's logs, which come and go, and the marks that it sets when it runs.
OF_A_RUN = shutil.ignore_patterns("logs", "workspaces", "lock", "*.lock", "*.lastused", "*.new")


class Checkout:
    """The project's files and its engine, without a state or a lab."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        shutil.copytree(ROOT, folder, ignore=LEFT_OUT, symlinks=True)
        shutil.copytree(ROOT / ".engine", folder / ".engine", ignore=OF_A_RUN, symlinks=True)
        for name in (".venv", ".tools"):
            if (ROOT / name).exists():
                (folder / name).symlink_to(ROOT / name)

    def run(self, *words: str, check: bool = True) -> Done:
        env = {**os.environ, "LAB_CACHE": os.environ.get("LAB_CACHE", str(ROOT / ".lab/images"))}
        for name in ("LAB_INSTANCE", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
            env.pop(name, None)
        done = subprocess.run(words, cwd=self.folder, env=env, capture_output=True, text=True, timeout=600)
        assert done.returncode == 0 or not check, done.stdout[-3000:] + done.stderr[-3000:]
        return done


@pytest.fixture
def checkout(tmp_path: Path) -> Iterator[Checkout]:
    made = Checkout(tmp_path / "checkout")
    yield made
    made.run("lab/lab", "down")


def test_a_stack_that_cannot_be_destroyed_is_told_and_is_not_in_the_way_of_a_new_lab(checkout: Checkout) -> None:
    assert "18 of 18 pairs reach each other" in checkout.run("make", "up").stdout
    by_hand = "docker run -d --name mine --network bridge-host --ip 192.168.1.240 busybox sleep 9999"
    checkout.run("lab/lab", "exec", "nas", "--", "sh", "-c", by_hand)
    said = checkout.run("make", "down").stdout
    assert "has active endpoints" in said and "the stack could not be destroyed (see above)" in said
    assert "18 of 18 pairs reach each other" in checkout.run("make", "up").stdout
    # As after a crash: the lab is gone, and its stack's state is still there
    checkout.run("lab/lab", "down")
    checkout.run("make", "down")
    assert "18 of 18 pairs reach each other" in checkout.run("make", "up").stdout
