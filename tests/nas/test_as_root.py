"""as_root.sh and try_password.sh, with a sudo of the test's; and the wrapper that makes docker found over ssh."""

import os
import shutil
import socket
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.nas.box import NAS, SHELLS

AS_ROOT, TRY_PASSWORD = (NAS / "as_root.sh").read_text(), (NAS / "try_password.sh").read_text()
# Knows -n, -k, -S, -p, writes down what it was called with, and takes PASSWORD; with FREE it asks for none
SUDO = """#!/bin/sh
printf '%s\\n' "$*" >>{here}/sudo.calls
asks=y
while :; do
    case $1 in
    -n) asks=n ;;
    -k | -S) ;;
    -p) shift ;;
    *) break ;;
    esac
    shift
done
unset SSH_CLIENT
[ -z "$FREE" ] || exec "$@"
[ $asks = y ] || {{ echo 'sudo: a password is required' >&2; exit 1; }}
for try in 1 2 3; do
    IFS= read -r line || break
    echo "$line" >>{here}/tried
    [ "$line" != "$PASSWORD" ] || exec "$@"
done
echo 'sudo: incorrect password' >&2
exit 1
"""
REST = "> install.sh\n|a line\n\n|\xe4\nend"


@pytest.fixture(params=SHELLS)
def shell(request: pytest.FixtureRequest) -> list[str]:
    return SHELLS[request.param]


@pytest.fixture
def here(tmp_path: Path) -> Path:
    (tmp_path / "bin").mkdir()
    tool(tmp_path, "sudo", SUDO.format(here=tmp_path))
    return tmp_path


def tool(here: Path, name: str, text: str) -> None:
    (here / "bin" / name).write_text(text)
    (here / "bin" / name).chmod(0o755)


def run(here: Path, shell: list[str], *words: str, text: str = "", **env: str) -> subprocess.CompletedProcess[str]:
    known = {"PATH": f"{here}/bin:/usr/sbin:/usr/bin:/sbin:/bin", "PASSWORD": "hunter 2'\"", "FREE": "", **env}
    return subprocess.run(
        [*shell, "-c", *words], input=text, capture_output=True, text=True, timeout=120, env={**os.environ, **known}
    )


def as_root(here: Path, shell: list[str], how: str, *command: str, text: str = "", **env: str):
    return run(here, shell, AS_ROOT, "sh", how, "20", *command, text=text, **env)


def calls(here: Path) -> str:
    file = here / "sudo.calls"
    return file.read_text() if file.exists() else ""


@pytest.mark.parametrize(("how", "free"), [("root", ""), ("sudo", "y"), ("password", ""), ("password", "y")])
def test_the_command_gets_its_words_the_rest_of_stdin_and_where_the_ssh_comes_from(
    here: Path, shell: list[str], how: str, free: str
) -> None:
    script = 'printf "<%s>" "$@"; echo "from $SSH_CLIENT"; cat'
    password = "hunter 2'\"\n" if how == "password" else ""
    words = ("sh", "-c", script, "sh", "two words", "$(id)", "")
    done = as_root(here, shell, how, *words, text=password + REST, FREE=free, SSH_CLIENT="192.0.2.9 5 22")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"<two words><$(id)><>from 192.0.2.9 5 22\n{REST}"
    assert bool(calls(here)) is (how != "root") and "hunter" not in calls(here)


@pytest.mark.parametrize("how", ["root", "sudo", "password"])
def test_its_exit_code_and_its_errors_come_back(here: Path, shell: list[str], how: str) -> None:
    free = "" if how == "password" else "y"
    text = "hunter 2'\"\n" if how == "password" else ""
    done = as_root(here, shell, how, "sh", "-c", "echo no >&2; exit 7", text=text, FREE=free)
    assert (done.returncode, done.stdout, done.stderr) == (7, "", "no\n")


def test_a_wrong_password_is_tried_once_and_nothing_is_run(here: Path, shell: list[str]) -> None:
    done = as_root(here, shell, "password", "touch", str(here / "done"), text=f"wrong\n{REST}")
    assert done.returncode == 1 and not (here / "done").exists()
    assert "sudo does not take the password (macvlan-ipv6:sudoPassword): nothing was changed" in done.stderr
    assert (here / "tried").read_text() == "wrong\n" and "wrong" not in done.stderr + calls(here)


def test_sudo_that_asks_after_all_runs_nothing(here: Path, shell: list[str]) -> None:
    done = as_root(here, shell, "sudo", "touch", str(here / "done"))
    assert done.returncode == 1 and not (here / "done").exists() and "a password is required" in done.stderr


def test_a_command_that_does_not_end_is_ended(here: Path, shell: list[str]) -> None:
    done = run(here, shell, AS_ROOT, "sh", "root", "1", "sleep", "50")
    assert done.returncode in (124, 143, -15)  # coreutils' timeout, busybox's, and that in place of the shell


# busybox sh takes its own timeout, so nothing can stand for an old one there
@pytest.mark.parametrize("shell", [SHELLS["dash"], SHELLS["bash"]], ids=["dash", "bash"])
def test_a_busybox_of_before_2018_is_spoken_to_in_its_own_way(here: Path, shell: list[str]) -> None:
    real = shutil.which("timeout")
    old = f'#!/bin/sh\n[ "$1" = -t ] || exit 127\nshift; echo "$1" >>{here}/limits; exec {real} "$@"\n'
    tool(here, "timeout", old)
    assert as_root(here, shell, "root", "echo", "x").stdout == "x\n"
    assert (here / "limits").read_text().split() == ["10", "20"]
    tool(here, "timeout", "#!/bin/sh\nexit 127\n")
    assert as_root(here, shell, "root", "echo", "x").stdout == "x\n"


@pytest.mark.parametrize(("password", "verdict"), [("hunter 2'\"", "right"), ("wrong", "wrong"), ("", "wrong")])
def test_the_password_is_tried_before_the_probe_which_gets_the_verdict(
    here: Path, shell: list[str], password: str, verdict: str
) -> None:
    probe = 'printf "<%s>" "$@"\n'
    done = run(here, shell, TRY_PASSWORD, "sh", "shim=a b", "ask=1", text=f"{password}\n{probe}")
    assert (done.returncode, done.stdout, done.stderr) == (0, f"<sudo={verdict}><shim=a b><ask=1>", "")
    assert len((here / "tried").read_text().splitlines()) == 1 and "hunter" not in calls(here)


@pytest.mark.parametrize("may", [True, False])
def test_the_wrapper_uses_sudo_only_where_the_socket_is_not_for_this_user(shell: list[str], may: bool) -> None:
    here = Path(tempfile.mkdtemp())  # not in pytest's, which is root's alone
    here.chmod(0o755)
    (here / "bin").mkdir()
    tool(here, "sudo", SUDO.format(here=here))
    with socket.socket(socket.AF_UNIX) as docker:
        docker.bind(str(here / "docker.sock"))
        (here / "docker.sock").chmod(0o666 if may else 0o600)
        (here / "sudo.calls").touch()
        (here / "sudo.calls").chmod(0o666)
        tool(here, "real", '#!/bin/sh\nprintf "<%s>" "$@"\n')
        text = (NAS / "docker.sh").read_text().replace("@DOCKER@", str(here / "bin/real"))
        tool(here, "docker", text.replace("/var/run/docker.sock /run/docker.sock", f"{here}/none {here}/docker.sock"))
        nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"]
        env = {**os.environ, "PATH": f"{here}/bin:/usr/sbin:/usr/bin:/sbin:/bin", "FREE": "y"}
        argv = [*nobody, *shell, str(here / "bin/docker"), "system", "dial stdio"]
        done = subprocess.run(argv, capture_output=True, text=True, env=env, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (0, "<system><dial stdio>", "")
    called = (here / "sudo.calls").read_text()
    shutil.rmtree(here)
    assert called == ("" if may else f"-n {here}/bin/real system dial stdio\n")
