"""The scripts and units of the NAS, read from nas/. `python -m inputs.nas_scripts NAME` prints one."""

import sys
from collections.abc import Mapping
from pathlib import Path

from install.files import COMMAND, LOOK, SOURCES
from install.scripts import PARTS, join, parts


def read_nas_scripts(project: Path) -> Mapping[str, str]:
    """Name → text of every file that goes to the NAS, or that brings one there. project: the folder of nas/."""
    texts = {path: (project / "nas" / path).read_text() for path in parts()}
    names = dict.fromkeys((*SOURCES, *COMMAND, *LOOK))
    return {name: join(name, texts) if name in PARTS else (project / "nas" / name).read_text() for name in names}


if __name__ == "__main__":
    sys.stdout.write(read_nas_scripts(Path(__file__).parents[1])[sys.argv[1]])
