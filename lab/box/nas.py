"""The NAS: booted, watched over, rebooted, switched off."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

from box import cgroups, disk, enter, keys, network, spec
from box.errors import LabError
from box.place import Place
from box.processes import Done, last_lines, run

REBOOTED = 133  # systemd-nspawn's exit code with --keep-unit
BOOT_SECONDS = 240


def power_on(place: Place) -> None:
    """Starts the process that plays the NAS's power supply; `wait` says when the NAS is there."""
    place.run.mkdir(parents=True, exist_ok=True)
    with (place.run / "console.log").open("a") as out:
        subprocess.Popen(
            [*cgroups.scope(place), sys.executable, place.checkout / "lab/lab", "_power", machine(place)],
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            start_new_session=True,
            env={**os.environ, "LAB_INSTANCE": place.instance},
        )


def supply_power(place: Place) -> int:
    """Boots the NAS, and again after each reboot, until it is switched off. Returns nspawn's exit code."""
    if not cgroups.systemd_runs():
        cgroups.join(place)
    # What a terminal or `lab down` sends is meant for the NAS, which shuts down on SIGTERM; then this ends too.
    child: list[subprocess.Popen[bytes]] = []
    signal.signal(signal.SIGTERM, lambda *_: [one.terminate() for one in child])
    while True:
        asked = spec.kept(place)
        if asked is None:
            return 1  # `down` took the lab away
        network.plug_nas(place)
        if not asked.late_parent:
            network.card_nas(place, asked.parent)
        if asked.second_lan:
            network.second_card_nas(place)
        child[:] = [subprocess.Popen(_boot_command(place), env=_environment(), stdin=subprocess.DEVNULL)]
        if asked.late_parent:
            threading.Thread(target=_card_later, args=(place, asked, child[0]), daemon=True).start()
        code = child[0].wait()
        for pid in cgroups.pids(place):
            if pid != os.getpid():
                os.kill(pid, signal.SIGKILL)  # a NAS outlives its nspawn when that is killed
        if code != REBOOTED:
            network.unplug_nas(place)
            return code


def _card_later(place: Place, asked: spec.Spec, boot: "subprocess.Popen[bytes]") -> None:
    """The parent comes that many seconds after Docker's unit is up, never when the NAS is off before. Not after its
    start: what comes after Docker is to meet a NAS without a parent, however long dockerd takes."""
    look = f"systemctl show --value -p ActiveEnterTimestampMonotonic {disk.docker_unit(place)}"
    while boot.poll() is None:
        said = ask(place, look, timeout=20).stdout.strip()
        # The clock of this machine, the box has no other; 0 before that.
        if said.isdigit() and int(said) and time.monotonic() >= int(said) / 1_000_000 + asked.late_parent:
            network.card_nas(place, asked.parent)
            return
        time.sleep(0.2)


def _boot_command(place: Place) -> list[str]:
    """Mounts are made in a mount namespace that goes with the NAS: a crash leaves none on this machine."""
    binds = [f"--bind={place.disk / here}:{there}" for there, here in disk.BOUND.items()]
    nspawn = [
        *("systemd-nspawn", "--boot", "--quiet", f"--directory={place.disk}/root", f"--machine={machine(place)}"),
        *(f"--hostname={disk.HOSTNAME}", f"--network-namespace-path=/run/netns/{place.namespace('nas')}"),
        *("--capability=all", "--system-call-filter=add_key keyctl bpf", "--register=no", "--keep-unit"),
        *("--console=pipe", "--resolv-conf=off", "--timezone=off", "--link-journal=no", *binds),
    ]
    script = f'{disk.mount_command(place)} && exec "$@"'
    return ["unshare", "--mount", "--propagation", "slave", "sh", "-c", script, "sh", *nspawn]


def _environment() -> dict[str, str]:
    return {
        "PATH": os.environ["PATH"],
        "SYSTEMD_NSPAWN_API_VFS_WRITABLE": "1",
        "SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1" if cgroups.only_v2() else "0",
    }


def machine(place: Place) -> str:
    return f"mv6-{place.id}"


def leader(place: Place) -> int | None:
    """The pid, on this machine, of the NAS's init."""
    return enter.leader(place.id)


def inside(place: Place, *command: str) -> list[str] | None:
    """The command line that runs a command in the NAS as its root, from /root; None when the NAS is off."""
    return enter.inside_nas(place.id, list(command))


def ask(place: Place, script: str, timeout: float = 60) -> Done:
    """A shell script in the NAS; exit code 125 when the NAS is off."""
    command = inside(place, "sh", "-c", script)
    if command is None:
        return subprocess.CompletedProcess([], 125, "", "the NAS is off")
    return run(*command, check=False, timeout=timeout)


def answers(place: Place) -> str:
    """The engine's version as the client gets it over SSH: one look at network, sshd, keys and dockerd. "" = none."""
    if network.missing(place):
        return ""
    asked = spec.kept(place)
    user, docker = asked.dressed.login if asked else ("root", "docker")
    shown = keys.ssh(place, f"{docker} version --format '{{{{.Server.Version}}}}'", user=user)
    done = run(*network.inside(place, "client", *shown), check=False, timeout=30)
    return done.stdout.strip() if done.returncode == 0 else ""


def wait(place: Place, after: int | None = None) -> tuple[str, float]:
    """Engine version and seconds until NAS, sshd and dockerd answered. after: the init that has to be gone first."""
    started, asked = time.monotonic(), spec.kept(place)
    longest = BOOT_SECONDS + (asked.late_parent if asked else 0)
    while time.monotonic() - started < longest:
        now = leader(place)
        if now is not None and now != after:
            version = answers(place)
            if version:
                return version, time.monotonic() - started
        elif now is None and time.monotonic() - started > 3 and not powered(place):
            break  # it went off by itself; a process just started has no command line yet, hence the 3 s
        time.sleep(0.2)
    journal = ask(place, "systemctl --failed --no-legend; journalctl -b -n 25 --no-pager -o short-monotonic").stdout
    console = last_lines(place.run / "console.log", 8)
    raise LabError(
        f"the NAS did not come up within {time.monotonic() - started:.0f} s\n{console}\n{journal.rstrip()}",
        "lab/lab down, then lab/lab up, makes a new one from the image",
        f"sshd or dockerd do not answer the client; its console: {place.run / 'console.log'}",
    )


def reboot(place: Place) -> tuple[str, float]:
    before = leader(place)
    ask(place, "systemctl reboot")
    return wait(place, after=before)


def powered(place: Place) -> int | None:
    """The pid of the power supply, found by its command line."""
    return next(iter(running_with("_power", machine(place))), None)


def running_with(*words: str) -> list[int]:
    """Processes of this machine whose command line has all these words."""
    found, wanted = [], {word.encode() for word in words}
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if wanted <= set((process / "cmdline").read_bytes().split(b"\0")):
                found.append(int(process.name))
        except OSError:
            continue
    return found


def power_off(place: Place, seconds: float = 180) -> None:
    """An orderly shutdown."""
    ask(place, "systemctl poweroff")
    deadline = time.monotonic() + seconds
    while (leader(place) or powered(place)) and time.monotonic() < deadline:
        time.sleep(0.1)
    if leader(place) or powered(place):
        raise LabError(f"the NAS did not shut down within {seconds:g} s", "lab/lab down takes it away")
