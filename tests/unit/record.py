"""Keeps what a NAS answers to a preview: `lab/lab exec client -- .venv/bin/python -m tests.unit.record NAME`.

It asks the NAS of Pulumi.dev.yaml, as `pulumi preview` does there, and writes tests/unit/answers/NAME.txt.
"""

import shlex
import subprocess
import sys
from pathlib import Path

import yaml

from inputs.load import load
from install.files import PROBE
from probe.gather import probe_arguments

ROOT = Path(__file__).parents[2]


def main(name: str) -> None:
    stack_file = ROOT / "Pulumi.dev.yaml"
    raw_site = yaml.safe_load(stack_file.read_text())["config"]["macvlan-ipv6:site"]
    loaded = load(ROOT, stack_file, raw_site, None)
    remote = shlex.join(
        ["sh", "-s", "--", *probe_arguments(loaded.networks[0].view.site, loaded.networks[0].addresses)]
    )
    command = loaded.access.command(remote)
    done = subprocess.run(command, input=loaded.sources[PROBE], stdout=subprocess.PIPE, text=True, check=True)
    (ROOT / "tests/unit/answers" / f"{name}.txt").write_text(done.stdout)


if __name__ == "__main__":
    main(*sys.argv[1:])
