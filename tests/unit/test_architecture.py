"""A folder is a promise: what each may import and know, held by ruff and proven at run time."""

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.projects.key_table import rows
from config.service import Service
from config.site import ComposeProject, Site, Ula
from tests.unit.sites import ROOT

PURE_FOLDERS = ("compose", "config", "facts", "plan", "install", "preflight")
PRODUCT = (*PURE_FOLDERS, "inputs", "probe", "components", "cli", "nas")


def modules(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).glob("**/*.py"))
    assert found, folder
    return found


def imported(path: Path) -> Iterator[str]:
    """Top names of all that a file imports."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield (node.module or "").split(".")[0]


def pure_modules() -> list[Path]:
    return [path for folder in PURE_FOLDERS for path in modules(folder) if path.stem != "__init__"]


def test_importing_the_pure_folders_loads_neither_pulumi_nor_what_talks_to_a_nas() -> None:
    paths = [path.relative_to(ROOT).with_suffix("") for path in pure_modules()]
    names = [".".join(path.parts) for path in paths]
    code = f"import json, sys; [__import__(name) for name in {names}]; print(json.dumps(sorted(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True)
    loaded = {name.split(".")[0] for name in json.loads(done.stdout)}
    assert "pydantic" in loaded and {*PURE_FOLDERS} <= loaded
    assert not loaded & {"pulumi", "pulumi_docker", "pulumi_command", "grpc", "asyncssh", "docker", "yaml"}
    assert not loaded & {"inputs", "probe", "components", "cli", "lab", "tests"}


PURE = """base64 zlib collections copy dataclasses decimal enum functools hashlib ipaddress itertools json math
posixpath pydantic pydantic_core re shlex typing"""


@pytest.mark.parametrize("path", pure_modules(), ids=lambda path: f"{path.parent.name}/{path.name}")
def test_a_pure_folder_imports_nothing_that_does_io(path: Path) -> None:
    assert set(imported(path)) <= {*PURE.split(), *PURE_FOLDERS}
    called = {node.func.id for node in ast.walk(ast.parse(path.read_text()))
              if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)}  # fmt: skip
    assert not called & {"open", "print", "input", "eval", "exec", "__import__"}


@pytest.mark.parametrize("name", ["pulumi", "pulumi_docker", "pulumi_command", "subprocess", "socket", "pathlib", "os"])
def test_ruff_bans_from_the_pure_folders_what_it_allows_elsewhere(name: str) -> None:
    def complaints(file: str) -> str:
        ruff = [
            sys.executable,
            "-m",
            "ruff",
            "check",
            "--no-cache",
            "--select",
            "TID251",
            "--stdin-filename",
            file,
            "-",
        ]
        return subprocess.run(ruff, input=f"import {name}\n", cwd=ROOT, capture_output=True, text=True).stdout

    for folder in (*PURE_FOLDERS, "preflight/findings"):
        assert "TID251" in complaints(f"{folder}/new.py")
    for folder in ("components", "inputs", "probe", "tests/unit"):
        assert "TID251" not in complaints(f"{folder}/new.py")


FOLDERS = (*PURE_FOLDERS, "inputs", "probe", "components", "cli")


def arrows_of_the_picture() -> set[tuple[str, str]]:
    """The arrows of the picture in docs/how-it-works.md: (folder, what it imports)."""
    picture = re.search(r"```mermaid\ngraph LR\n(.*?)```", (ROOT / "docs/how-it-works.md").read_text(), re.S)
    assert picture is not None
    lines = [line.split("-->") for line in picture[1].strip().splitlines()]
    return {(left.strip(), right.strip()) for left, rights in lines for right in rights.split("&")}


def test_the_picture_of_the_folders_is_what_they_import() -> None:
    found = {(folder, name) for folder in FOLDERS for path in modules(folder) for name in imported(path)}
    own = {*FOLDERS, "lab", "tests", "bench"}
    assert {(a, b) for a, b in found if b in own and a != b} == arrows_of_the_picture()


def test_neither_the_lab_nor_the_benchmarks_need_the_tests() -> None:
    for path in (*modules("lab"), *modules("bench")):
        assert "tests" not in imported(path), path


def test_no_folder_uses_one_that_uses_it() -> None:
    arrows = arrows_of_the_picture()
    rest = {name for arrow in arrows for name in arrow}
    while leaves := {name for name in rest if not any(a == name and b in rest for a, b in arrows)}:
        rest -= leaves
    assert rest == set()


@pytest.mark.parametrize("folder", FOLDERS)
def test_a_folder_has_at_most_ten_files(folder: str) -> None:
    for place in {path.parent for path in modules(folder)}:
        assert len([path for path in place.glob("*.py") if path.stem != "__init__"]) <= 10, place


def test_pulumi_is_used_in_components_and_in_the_story_only() -> None:
    for folder in set(FOLDERS) - {"components"}:
        for path in modules(folder):
            assert not {name for name in imported(path) if name.startswith("pulumi")}, path


PRIVATE = re.compile(
    r"pulumi\.runtime|from pulumi import runtime|CONFIG\b.*import|monitor_supports_feature|resource_pb2"
)


def test_what_pulumi_does_not_promise_is_used_in_one_file() -> None:
    files = [path for folder in FOLDERS for path in modules(folder)] + [ROOT / "__main__.py"]
    assert [path.name for path in files if PRIVATE.search(path.read_text())] == ["pulumi_internals.py"]


def test_only_the_story_reads_config_and_exports() -> None:
    for folder in FOLDERS:
        for path in modules(folder):
            assert not re.search(r"pulumi\.(Config|export)\b", path.read_text()), path


def test_the_product_does_not_know_of_the_lab() -> None:
    files = [
        path for folder in PRODUCT for path in (ROOT / folder).glob("**/*") if path.is_file() and path.suffix != ".pyc"
    ]
    for path in [*files, ROOT / "__main__.py", ROOT / "Pulumi.yaml"]:
        text = path.read_text()
        assert not re.search(r"(?<![a-z])lab/|\.lab\b|203\.0\.113\.|2001:db8|LAB_", text), path


SECTIONS: dict[str, Any] = {
    name: field.annotation for name, field in Site.model_fields.items() if hasattr(field.annotation, "model_fields")
} | {"ula": Ula}
GUIDE = (ROOT / "docs/guide.md").read_text()


def chapter(heading: str) -> str:
    """Of the guide."""
    found = re.search(rf"^## {heading}\n(.*?)(?=^## |\Z)", GUIDE, re.M | re.S)
    assert found is not None, heading
    return found[1]


def test_every_key_of_the_site_has_its_row_in_the_guide() -> None:
    keys = {f"{section}.{key}" for section, model in SECTIONS.items() for key in model.model_fields}
    keys |= set(Site.model_fields) - set(SECTIONS) | {"ula"}
    rows = {
        row
        for rows in re.findall(r"^\| ((?:`[^`]+`(?:, )?)+) \|", GUIDE, re.M)
        for row in re.findall(r"`([^`]+)`", rows)
    }
    assert keys - rows == set()


def test_every_key_of_a_compose_entry_has_its_row_in_the_guide() -> None:
    rows = re.findall(r"^\| `(\w+)` \|", chapter("Compose files"), re.M)
    assert [*ComposeProject.model_fields] == rows


def test_the_guide_names_the_keys_of_a_container_that_are_not_composes() -> None:
    """docs/compose.md has the others (tests/unit/test_key_table.py)."""
    own = {key for key in Service.model_fields if f"services.*.{key}" not in {row.key for row in rows()}}
    assert own == {"ipv4_address", "ipv6_address"}
    assert own <= set(re.findall(r"`([^`]+)`", chapter("Keys of a container")))


def test_every_default_in_the_guide_is_the_programs_own() -> None:
    rows = re.findall(r"^\| `(\w+)\.(\w+)` \| `?([^|`]+?)`? \|", GUIDE, re.M)
    plain = {(s, k): d for s, k, d in rows if d.isascii() and not d.startswith(("from ", "the ", "none"))}
    assert len(plain) >= 10
    for (section, key), default in plain.items():
        if key != "host":
            assert str(SECTIONS[section].model_fields[key].default) in (default, default.title()), (section, key)
