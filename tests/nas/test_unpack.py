"""The bootstrap: a bundle on stdin becomes files in a directory of its own, or nothing happens."""

import os
import subprocess
from pathlib import Path

import pytest

from tests.nas.box import NAS, SHELLS

INSTALL = """#!/bin/sh
echo "$1 $2" >called
"""


def bundle(files: dict[str, str], end: str = "end\n") -> str:
    lines = [[f"> {name}", *(f"|{line}" for line in text.splitlines())] for name, text in files.items()]
    return "".join(f"{line}\n" for file in lines for line in file) + end


def unpack(shell: str, text: str, here: Path, action: str = "apply") -> subprocess.CompletedProcess[str]:
    """Runs it as the remote command would be, with a TMPDIR that can be looked into afterwards."""
    (here / "tmp").mkdir(exist_ok=True)
    return subprocess.run(
        ["timeout", "120", *SHELLS[shell], "-c", (NAS / "unpack.sh").read_text(), "sh", action],
        input=text,
        capture_output=True,
        text=True,
        timeout=120,
        cwd=here,
        env={**os.environ, "TMPDIR": str(here / "tmp")},
    )


def test_files_arrive_as_they_were_sent_and_the_directory_goes(shell: str, tmp_path: Path) -> None:
    conf = "a 'b' \"c\" $(d) `e` \\n \\ %s\n\n|x\n> y\nend\n\tü\n"
    install = f'cp "$2/conf" {tmp_path}/got\nls -ld "$2" >{tmp_path}/mode\necho "did $1"\n'
    done = unpack(shell, bundle({"conf": conf, "install.sh": install}), tmp_path, "remove")
    assert (done.returncode, done.stdout, done.stderr) == (0, "did remove\n", "")
    assert (tmp_path / "got").read_text() == conf
    assert (tmp_path / "mode").read_text().startswith("drwx------")
    assert not list((tmp_path / "tmp").iterdir())


def test_the_exit_code_is_the_installers(shell: str, tmp_path: Path) -> None:
    done = unpack(shell, bundle({"install.sh": "exit 7\n"}), tmp_path)
    assert done.returncode == 7 and not list((tmp_path / "tmp").iterdir())


@pytest.mark.parametrize("cut", [1, 5, 20, "end", "newline-end"])
def test_a_cut_transfer_changes_nothing_and_says_so(shell: str, cut: int | str, tmp_path: Path) -> None:
    whole = bundle({"install.sh": f"touch {tmp_path}/called\n", "conf": "x\n" * 9})
    text = whole[: -len("end\n")] if cut == "end" else whole[:-5] if cut == "newline-end" else whole[:-5][: int(cut)]
    done = unpack(shell, text, tmp_path)
    assert done.returncode == 1 and "nothing was changed" in done.stderr
    assert not (tmp_path / "called").exists() and not list((tmp_path / "tmp").iterdir())


@pytest.mark.parametrize("name", ["../x", "/etc/x", ".x", "-x", "a b", "a/b", "", "$(x)", "..", "*"])
def test_other_names_are_refused(shell: str, name: str, tmp_path: Path) -> None:
    done = unpack(shell, bundle({name: "x\n", "install.sh": f"touch {tmp_path}/called\n"}), tmp_path)
    assert done.returncode == 1 and not (tmp_path / "called").exists()
    assert {p.name for p in tmp_path.iterdir()} == {"tmp"} and not list((tmp_path / "tmp").iterdir())


@pytest.mark.parametrize("junk", ["end\nmore\n", "end\n> again\n", "junk\nend\n", "end\nend\n", ""])
def test_anything_after_or_beside_the_bundle_is_refused(shell: str, junk: str, tmp_path: Path) -> None:
    text = bundle({"install.sh": f"touch {tmp_path}/called\n"}, end=junk)
    assert unpack(shell, text, tmp_path).returncode == 1 and not (tmp_path / "called").exists()


def test_a_very_long_bundle_arrives(shell: str, tmp_path: Path) -> None:
    conf = "".join(f"container c{n} 192.168.1.{n} fd0d:7eb5:2afd::{n}\n" for n in range(20000)) + "x" * 100_000 + "\n"
    done = unpack(shell, bundle({"conf": conf, "install.sh": f'cp "$2/conf" {tmp_path}/got\n'}), tmp_path)
    assert done.returncode == 0 and (tmp_path / "got").read_text() == conf


def test_the_installer_gets_no_input_of_the_bundle(shell: str, tmp_path: Path) -> None:
    done = unpack(shell, bundle({"install.sh": "cat\necho done\n"}), tmp_path)
    assert done.stdout == "done\n"
