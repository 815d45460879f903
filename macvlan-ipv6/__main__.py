"""`uv run macvlan-ipv6 VERB`: uv runs a folder that has this file. The verbs are in cli/."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])

from cli.main import main  # noqa: E402  (found only now)

main()
