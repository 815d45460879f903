"""How much the loop writes into the log: what one container causes does not fill it, and hides no other's lines."""

import subprocess

from tests.nas.box import NAS, SHELLS

LOG = """set -uf
. "$1/lib/base.sh"
. "$1/program/log.sh"
"""


def said(shell: str, script: str) -> list[str]:
    argv = [*SHELLS[shell], "-c", LOG + script, "sh", str(NAS)]
    return subprocess.run(argv, capture_output=True, text=True, check=True, timeout=60).stdout.splitlines()


def test_a_container_has_three_lines_a_minute_and_another_one_still_has_its_own(shell: str) -> None:
    many = 'n=0; while [ $((n += 1)) -le 200 ]; do log bad "bad $n"; done; '
    assert said(shell, many + 'log good "good"; log bad-2 "bad-2"; log - "corrected"') == [
        *("bad 1", "bad 2", "bad 3", "good", "bad-2", "corrected")
    ]


def test_all_together_have_thirty(shell: str) -> None:
    assert len(said(shell, 'n=0; while [ $((n += 1)) -le 200 ]; do log "c$n" "$n"; done')) == 30
    assert len(said(shell, 'n=0; while [ $((n += 1)) -le 200 ]; do log - "$n"; done')) == 30


def test_what_was_left_out_is_counted_a_minute_later(shell: str) -> None:
    script = 'n=0; while [ $((n += 1)) -le 10 ]; do log bad "bad $n"; done; minute=$((minute - 60)); log bad "again"'
    assert said(shell, script)[-2:] == ["7 more lines were left out within a minute", "again"]
