"""What Pulumi's own Python host does with uv: `uv run` in the project's folder, on a laptop that may be offline."""

import os
import shutil
import subprocess
from pathlib import Path

from lab.drive import ROOT, TOOLS

UV = shutil.which("uv") or str(ROOT / ".tools/bin/uv")


def test_uv_run_in_a_copy_of_the_project_needs_no_internet_and_changes_nothing(tmp_path: Path) -> None:
    """As in a stack of the end-to-end tests, whose .venv is this checkout's."""
    for name in TOOLS:
        shutil.copy(ROOT / name, tmp_path / name)
    (tmp_path / ".venv").symlink_to(ROOT / ".venv")
    packages = sorted(path.name for path in (ROOT / ".venv/lib").glob("python3*/site-packages/*"))
    code = "import pulumi, pulumi_docker, pydantic, pytest"
    words = ["unshare", "--net", UV, "run", "python", "-c", code]
    environment = {**os.environ, "UV_PROJECT_ENVIRONMENT": str(tmp_path / ".venv")}
    done = subprocess.run(words, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in (ROOT / ".venv/lib").glob("python3*/site-packages/*")) == packages
