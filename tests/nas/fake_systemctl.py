#!/usr/bin/env python3
"""Stands in for systemctl: keeps a unit's state in files, and runs its commands as systemd would.

argv as systemctl's; FAKE names the directory of state: unit (the path of the unit's file, in a text), loaded (its text
at the last daemon-reload), enabled (its WantedBy= when it was enabled), active (its Type= when it was started), calls
(every call, one a line), at (`COMMAND SIGNAL PID`: at that command, once, that process gets that signal; PID may be
`installer`, or negative for a process group), main (the loop's process number), lingers (how many seconds a loop that
is told to end goes on; the unit is active again 1.5 s after that), ending (when it ends). A unit with Type=oneshot is
one made by hand: it has no process that a signal could reach.
"""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

here = Path(os.environ["FAKE"])
unit = Path((here / "unit").read_text())
loaded, enabled, active = here / "loaded", here / "enabled", here / "active"
main_pid, ending = here / "main", here / "ending"
lock = Path(os.environ["MACVLAN_RUN"], "macvlan-ipv6.install.lock")
words = [word for word in sys.argv[1:] if not word.startswith("-")]


def text_of(file: Path) -> str:
    return file.read_text() if file.exists() else ""


def directive(name: str, file: Path = loaded) -> list[str]:
    lines = [line.split("=", 1)[1] for line in text_of(file).splitlines() if line.startswith(f"{name}=")]
    return lines[0].split() if lines else ["false"]


def oneshot() -> bool:
    return directive("Type") == ["oneshot"]


def begin() -> int:
    command = directive("ExecStart" if oneshot() else "ExecStartPre")
    answer = subprocess.run(command, stderr=(here / "journal").open("a")).returncode
    active.write_text(*directive("Type")) if answer == 0 else active.unlink(missing_ok=True)
    return answer


def start() -> int:
    main_pid.write_text(str(int(text_of(main_pid) or 76) + 1))
    return begin()


def stop() -> int:
    if active.exists():
        active.unlink()
        program, _, conf, *_ = [*directive("ExecStartPre"), "", ""]
        subprocess.run(directive("ExecStop") if oneshot() else [program, "stop", conf], check=True)
    return 0


def restart() -> int:
    stop()
    return start()


def reload() -> int:
    return 1 if text_of(active) == "oneshot" else begin()


def kill() -> int:
    if text_of(active) == "oneshot":
        return 1
    if not (here / "lingers").exists():
        return start()
    ending.write_text(str(time.time() + float(text_of(here / "lingers"))))
    return 0


def go_on() -> None:
    """What has happened meanwhile, after `kill`."""
    late = time.time() - float(text_of(ending) or "inf")
    if late >= 0:
        active.unlink(missing_ok=True)
    if late >= 1.5:
        ending.unlink()
        start()


def show() -> int:
    known = sys.argv[-1] in ("docker.service", "multi-user.target") or (sys.argv[-1] == unit.name and loaded.exists())
    stale = loaded.exists() and unit.exists() and loaded.read_text() != unit.read_text()
    answers = {
        "LoadState": "loaded" if known else "not-found",
        "NeedDaemonReload": "yes" if stale else "no",
        "MainPID": "0" if text_of(active) in ("", "oneshot") else text_of(main_pid),
        "WantedBy": text_of(enabled),
    }
    print(*(f"{name}={answers[name]}" for name in sys.argv if name in answers))
    return 0


def daemon_reload() -> int:
    loaded.write_text(unit.read_text()) if unit.exists() else loaded.unlink(missing_ok=True)
    return 0


def enable() -> int:
    if not unit.exists():
        return 1
    enabled.write_text(" ".join(directive("WantedBy", unit)))
    return 0


def strike() -> None:
    moment, name, pid = text_of(here / "at").split() or ["", "", ""]
    if moment == words[0]:
        (here / "at").unlink()
        target = str(lock.readlink()) if pid == "installer" else pid
        os.kill(int(target.partition(".")[0]), signal.Signals[f"SIG{name}"])
        time.sleep(0.2)  # whoever it hits is gone before this goes on
        if pid == "installer":
            sys.exit(1)


def main() -> int:
    with (here / "calls").open("a") as calls:
        print(*sys.argv[1:], file=calls)
    strike()
    go_on()
    if words[0] in ("is-active", "is-enabled"):
        return 0 if (active if words[0] == "is-active" else enabled).exists() else 3
    if words[0] == "disable":
        enabled.unlink(missing_ok=True)
        return 0
    if words[0] == "list-unit-files":
        print("docker.service enabled\ncron.service enabled")
        return 0
    known = {"show": show, "start": start, "stop": stop, "restart": restart, "reload": reload, "kill": kill}
    known |= {"daemon-reload": daemon_reload, "enable": enable, "reenable": enable}
    return known.get(words[0], lambda: 0)()


sys.exit(main())
