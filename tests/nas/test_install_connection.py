"""Whatever becomes of the connection, the work on the NAS is completed or undone: the remote command runs here."""

import signal
import subprocess
import time

import pytest

from tests.nas.box import MADE, NAS, Box, children, until
from tests.nas.install_box import BAD_ROUTE, OURS, Nas
from tests.nas.test_unpack import bundle

NEW = OURS + "container other 192.168.1.203 -\n"


class Connection:
    """One ssh session: the remote command, with the bundle on its stdin."""

    def __init__(self, nas: Nas) -> None:
        self.nas = nas
        self.tmp = nas.box.here / "tmp"
        self.tmp.mkdir()
        # #!/bin/sh of the program and `sh install.sh` are the test's shell too
        (nas.box.bin / "sh").write_text(f'#!/bin/sh\nexec {" ".join(nas.box.shell)} "$@"\n')
        (nas.box.bin / "sh").chmod(0o755)

    def start(self, action: str = "apply", at: str = "", **changes: str) -> subprocess.Popen[str]:
        """at: `MOMENT SIGNAL`: when systemctl is asked for that, the foreground gets it; with ` all`, everybody that
        timeout would reach too."""
        self.nas.text |= changes
        text = bundle({"install.sh": (MADE / "install.sh").read_text(), **self.nas.text})
        argv = self.nas.box.inside(*self.nas.box.shell, "-c", (NAS / "unpack.sh").read_text(), "sh", action)
        pipe = subprocess.PIPE
        env = {**self.nas.env(), "TMPDIR": str(self.tmp)}
        child = subprocess.Popen(argv, env=env, stdin=pipe, stdout=pipe, stderr=pipe, text=True, start_new_session=True)
        if at:
            who = -child.pid if at.endswith(" all") else child.pid
            (self.nas.fake / "at").write_text(f"{at.removesuffix(' all')} {who}")
        assert child.stdin
        child.stdin.write(text)
        child.stdin.close()
        child.stdin = None
        return child

    def breaks(self, at: str, action: str = "apply", **changes: str) -> None:
        child = self.start(action, at, **changes)
        assert child.wait(timeout=240) == -signal.Signals[f"SIG{at.split()[1]}"]
        self.settled()

    def settled(self) -> None:
        until("nothing is left in the temp dir", lambda: not list(self.tmp.iterdir()), 240)
        assert not (self.nas.fake / "at").exists(), "the moment never came"
        assert not (self.nas.box.here / "macvlan-ipv6.install.lock").is_symlink()


@pytest.fixture
def nas(box: Box) -> Nas:
    return Nas(box)


@pytest.fixture
def line(nas: Nas) -> Connection:
    return Connection(nas)


def test_undisturbed_it_tells_what_the_installer_tells(nas: Nas, line: Connection) -> None:
    child = line.start()
    out, err = child.communicate(timeout=240)
    assert (child.returncode, err) == (0, "") and out.endswith("; unit active, enabled\n") and out.count("\n") == 1
    child = line.start(conf=OURS + BAD_ROUTE)
    out, err = child.communicate(timeout=240)
    assert child.returncode == 1 and out == "" and err.endswith("; the previous state was put back\n")
    line.settled()


SIGNALS = ["KILL", "TERM all", "HUP all", "PIPE all"]


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize("moment", ["show", "daemon-reload", "start"])
def test_a_first_apply_is_completed_all_the_same(nas: Nas, line: Connection, moment: str, name: str) -> None:
    line.breaks(f"{moment} {name}")
    assert nas.conf.read_text() == nas.text["conf"] and nas.box.has_link() and (nas.fake / "active").exists()
    nas.ok()
    assert nas.calls() == []


@pytest.mark.parametrize("name", SIGNALS)
def test_a_change_is_completed_all_the_same(nas: Nas, line: Connection, name: str) -> None:
    nas.ok()
    line.breaks(f"reload {name}", conf=NEW)
    assert nas.conf.read_text() == NEW and "192.168.1.203" in nas.box.routes()


@pytest.mark.parametrize("name", ["KILL", "TERM all"])
@pytest.mark.parametrize("first", [True, False])
def test_a_change_that_fails_is_undone_all_the_same(nas: Nas, line: Connection, first: bool, name: str) -> None:
    before = nas.ok() and nas.tree() if not first else {}
    line.breaks(f"{'stop' if first else 'reload'} {name}", conf=OURS + BAD_ROUTE)
    assert nas.tree() == before and nas.box.has_link() != first


@pytest.mark.parametrize("name", SIGNALS)
@pytest.mark.parametrize("moment", ["stop", "reset-failed"])
def test_a_removal_is_completed_all_the_same(nas: Nas, line: Connection, moment: str, name: str) -> None:
    nas.ok()
    line.breaks(f"{moment} {name}", "remove")
    assert nas.tree() == {} and not nas.box.has_link() and not (nas.fake / "enabled").exists()


def test_nobody_listening_is_no_reason_to_stop(nas: Nas, line: Connection) -> None:
    child = line.start()
    assert child.stdout and child.stderr
    child.stdout.close()
    child.stderr.close()
    child.wait(timeout=240)
    line.settled()
    assert nas.conf.read_text() == nas.text["conf"] and nas.box.has_link() and (nas.fake / "active").exists()


def test_a_connection_that_breaks_in_the_middle_of_the_bundle_changes_nothing(nas: Nas, line: Connection) -> None:
    argv = nas.box.inside(*nas.box.shell, "-c", (NAS / "unpack.sh").read_text(), "sh", "apply")
    env = {**nas.env(), "TMPDIR": str(line.tmp)}
    child = subprocess.Popen(argv, env=env, stdin=subprocess.PIPE, text=True)
    assert child.stdin
    child.stdin.write("> install.sh\n|touch called\n")
    child.stdin.flush()
    # Before the second, its child may be mktemp
    until("its files are there", lambda: list(line.tmp.glob("*/.err")))
    until("the work is in the background", lambda: children(child.pid))
    child.kill()
    child.wait()
    child.stdin.close()
    line.settled()
    assert nas.tree() == {}


def test_a_change_waits_for_one_that_is_still_at_work(nas: Nas) -> None:
    ended = nas.box.here / "ended"
    work = nas.box.popen(*nas.box.shell, "-c", f"sleep 3; >{ended}; rm {nas.box.here}/*.install.lock", "install.sh")
    (nas.box.here / "macvlan-ipv6.install.lock").symlink_to(str(work.pid))
    nas.ok()
    assert ended.exists() and ended.stat().st_mtime < nas.conf.stat().st_mtime


def test_a_lock_whose_holder_is_gone_is_nobodys(nas: Nas) -> None:
    (nas.box.here / "macvlan-ipv6.install.lock").symlink_to("1")
    before = time.monotonic()
    nas.ok()
    assert time.monotonic() - before < 30 and not (nas.box.here / "macvlan-ipv6.install.lock").is_symlink()
