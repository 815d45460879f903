"""`uv run macvlan-ipv6 VERB`: uv runs a folder that has this file. The verbs are in cli/."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])

from cli.main import app  # noqa: E402  (found only now)

app(prog_name="macvlan-ipv6")
