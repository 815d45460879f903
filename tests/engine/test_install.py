"""lab/engine/install: where the engine comes from, in a checkout of its own whose `pulumi` and `go` are scripts."""

import hashlib
import http.server
import io
import os
import shlex
import shutil
import socket
import subprocess
import tarfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.box.locks import locked
from lab.drive import copy_part
from lab.engine.setup import official
from lab.engine.setup.choice import CLI_VERSION

ROOT = Path(__file__).resolve().parents[2]
# Says its version, and installs a plugin from a file; from the network never.
PULUMI = """#!/bin/sh
echo "$0 $*" >> "{log}"
case $1 in
version) echo v{version} ;;
plugin)
    while [ $# -gt 0 ]; do [ "$1" = --file ] && file=$2; [ "$1" = resource ] && name=$2 number=$3; shift; done
    [ -n "$file" ] || exit 1
    folder=$PULUMI_HOME/plugins/resource-$name-v$number
    mkdir -p "$folder" && cp "$file" "$folder/" ;;
esac
"""
# Builds by writing that `pulumi` to what follows -o.
GO = """#!/bin/sh
echo "go $*" >> "{log}"
[ "$1" != list ] || {{ printf "a\nb\nc\n"; exit; }}
[ -e "{broken}" ] && {{ echo "it does not compile" >&2; exit 1; }}
[ -e "{slow}" ] && {{ echo a >&2; sleep 1; echo b >&2; }}
while [ "$1" != -o ]; do shift; done
cp "{pulumi}" "$2"
"""
UNREACHABLE = {"https_proxy": "http://127.0.0.1:9", "HTTPS_PROXY": "http://127.0.0.1:9"}


class Checkout:
    """A copy of lab/engine with the Python environment of the real checkout."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log, self.broken = folder, folder / "log", folder / "broken"
        self.slow = folder / "slow"
        for part in ("lab/engine", "lab/box"):
            copy_part(ROOT / part, folder / part)
        (folder / ".venv").symlink_to(ROOT / ".venv")
        self.theirs = folder / "theirs"
        self.theirs.mkdir()
        self.home = folder / "home"
        pulumi = PULUMI.format(log=self.log, version=CLI_VERSION)
        self.script(folder / "pulumi", pulumi)
        go = folder / "go"
        self.script(go, GO.format(log=self.log, pulumi=folder / "pulumi", broken=self.broken, slow=self.slow))
        self.script(folder / "lab/find-go", f"#!/bin/sh\necho {shlex.quote(str(go))}\n")

    def script(self, path: Path, text: str) -> None:
        path.write_text(text)
        path.chmod(0o755)

    def put_pulumi_on_path(self, plugins: bool, language_host: bool = True) -> None:
        shutil.copy(self.folder / "pulumi", self.theirs / "pulumi")
        if language_host:
            self.script(self.theirs / "pulumi-language-python", "#!/bin/sh\n")
        for name in ["resource-docker-v5.2.0", "resource-command-v1.2.1"] if plugins else []:
            folder = self.home / "plugins" / name
            folder.mkdir(parents=True)
            self.script(folder / f"pulumi-{name.rsplit('-', 1)[0]}", "#!/bin/sh\necho official\n")

    def start(self, *arguments: str, **more: str) -> subprocess.Popen[str]:
        env = {"PATH": f"{self.theirs}:/usr/bin:/bin", "PULUMI_HOME": str(self.home), "HOME": str(self.folder)}
        return subprocess.Popen(
            [self.folder / "lab/engine/install", *arguments],
            env=env | UNREACHABLE | more,
            cwd="/",
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def install(self, *arguments: str, ok: bool = True, **more: str) -> str:
        """What it says; errors too."""
        run = self.start(*arguments, **more)
        said = "".join(run.communicate(timeout=300))
        assert (run.returncode == 0) == ok, said
        assert "Traceback" not in said
        return said

    def environment(self) -> dict[str, str]:
        shown = subprocess.run(
            ["sh", "-c", 'set -a; . "$0"; env -0', self.folder / ".engine/env"],
            env={"PATH": "/usr/bin:/bin"},
            capture_output=True,
            text=True,
            check=True,
        )
        return dict(line.split("=", 1) for line in shown.stdout.split("\0") if line)

    def built(self) -> int:
        """How often the CLI was built."""
        return self.log.read_text().count("go build") if self.log.exists() else 0


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "a checkout")


def test_without_network_and_pulumi_everything_is_built(checkout: Checkout) -> None:
    said = checkout.install()
    assert f"CLI            v{CLI_VERSION}, built from its Go module" in said
    assert "language host  stand-in" in said
    assert "docker plugin  stand-in for 5.2.0" in said
    assert "command plugin stand-in for 1.2.1" in said
    env = checkout.environment()
    assert env["PULUMI_HOME"] == f"{checkout.folder}/.engine/home"
    assert env["PATH"] == f"{checkout.folder}/.engine/bin:/usr/bin:/bin"
    assert env["PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION"] == env["PULUMI_SKIP_UPDATE_CHECK"] == "true"


def test_the_stand_ins_run_from_a_checkout_with_a_space_in_its_name(checkout: Checkout) -> None:
    checkout.install()
    installed = checkout.folder / ".engine/home/plugins/resource-command-v1.2.1/pulumi-resource-command"
    with subprocess.Popen([installed, "127.0.0.1:1"], stdout=subprocess.PIPE, text=True) as plugin:
        assert plugin.stdout
        assert int(plugin.stdout.readline()) > 0
        plugin.terminate()
        assert plugin.wait(60) == 0


def test_a_second_run_does_nothing_and_is_quick(checkout: Checkout) -> None:
    first = checkout.install()
    done = checkout.log.read_text()
    seconds, second = [], ""
    for _ in range(5):
        start = _seconds_of_children()
        second = checkout.install()
        seconds.append(_seconds_of_children() - start)
    print(f"a second run: {min(seconds):.2f} s of CPU time")
    assert min(seconds) < 2
    assert first.endswith(second)
    assert checkout.install("--which") == second
    assert checkout.log.read_text() == done


def _seconds_of_children() -> float:
    """CPU time of all that was run and has ended: what else the machine does is not in it."""
    used = os.times()
    return used.children_user + used.children_system


def test_the_build_is_kept_until_its_modules_change(checkout: Checkout) -> None:
    checkout.install()
    (checkout.folder / ".engine/chosen.json").unlink()
    checkout.install()
    assert checkout.built() == 1
    with (checkout.folder / "lab/engine/go.sum").open("a") as sums:
        sums.write("\n")
    checkout.install()
    assert checkout.built() == 2


def test_a_part_that_was_removed_is_put_back(checkout: Checkout) -> None:
    checkout.install()
    plugins = checkout.folder / ".engine/home/plugins"
    shutil.rmtree(plugins / "resource-docker-v5.2.0")
    assert "make engine" in checkout.install("--which", ok=False)
    checkout.install()
    assert (plugins / "resource-docker-v5.2.0").exists()


def test_a_failed_build_says_why_and_leaves_nothing_that_looks_built(checkout: Checkout) -> None:
    checkout.broken.touch()
    said = checkout.install(ok=False)
    assert "it does not compile" in said
    assert "make ENGINE=path" in said
    assert not (checkout.folder / ".engine/env").exists()
    checkout.broken.unlink()
    checkout.install()


def test_a_build_says_how_far_it_is(checkout: Checkout) -> None:
    checkout.slow.touch()
    built = checkout.folder / "lab/engine/setup/built.py"
    built.write_text(built.read_text().replace("SAY_EVERY = 15", "SAY_EVERY = 0.5"))
    assert "  2 of at most 3 packages, 1 s\n" in checkout.install()


def test_two_runs_at_once_build_once(checkout: Checkout) -> None:
    checkout.slow.touch()
    said: list[str] = []
    runs = [threading.Thread(target=lambda: said.append(checkout.install())) for _ in range(3)]
    for run in runs:
        run.start()
    for run in runs:
        run.join()
    assert len(said) == 3
    assert checkout.built() == 1


def test_an_install_that_waits_says_at_once_for_whom(checkout: Checkout) -> None:
    lock = checkout.folder / ".engine/lock"
    with locked(lock, "building in a test"):
        run = checkout.start()
        assert run.stderr is not None
        told = run.stderr.readline()
    assert told == f"waiting: process {os.getpid()} is building in a test, since 0 min (it holds {lock})\n"
    run.communicate(timeout=300)
    assert run.returncode == 0 and checkout.built() == 1


def test_who_waits_for_packages_says_for_whom(tmp_path: Path) -> None:
    """lab/packages of a machine on which another one is at it, and brings the command meanwhile."""
    lock, words = Path("/run/macvlan-ipv6-packages.lock"), ["lab/packages", "a-new-command:a-package"]
    env = {"PATH": f"{tmp_path}:/usr/bin:/bin"}
    with locked(lock, "installing"):
        lock.write_text("77 is installing a-package, since 10:00:00\n")
        run = subprocess.Popen(words, cwd=ROOT, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        assert run.stderr is not None
        told = run.stderr.readline()
        (tmp_path / "a-new-command").write_text("#!/bin/sh\n")
        (tmp_path / "a-new-command").chmod(0o755)
    assert told == f"waiting: process 77 is installing a-package, since 10:00:00 (it holds {lock})\n"
    assert run.communicate(timeout=60) == ("", "") and run.returncode == 0


def test_a_pulumi_on_path_with_its_plugins_is_preferred(checkout: Checkout) -> None:
    checkout.put_pulumi_on_path(plugins=True)
    said = checkout.install()
    assert f"CLI            official v{CLI_VERSION} ({checkout.theirs}/pulumi)" in said
    assert said.count("official") == 4
    assert "stand-in" not in said
    shared = checkout.folder / ".engine/home/plugins/resource-docker-v5.2.0"
    assert shared.resolve() == checkout.home / "plugins/resource-docker-v5.2.0"
    assert checkout.environment()["PATH"].startswith(f"{checkout.theirs}:")
    assert checkout.built() == 0


def test_a_pulumi_on_path_whose_plugins_cannot_be_had_is_left_alone(checkout: Checkout) -> None:
    checkout.put_pulumi_on_path(plugins=False)
    assert "built from its Go module" in checkout.install()
    assert not (checkout.home / "plugins").exists()


def test_a_pulumi_that_comes_to_path_later_takes_over_from_the_stand_ins(checkout: Checkout) -> None:
    checkout.install()
    checkout.put_pulumi_on_path(plugins=True)
    assert "stand-in" not in checkout.install()
    program = checkout.folder / ".engine/home/plugins/resource-command-v1.2.1/pulumi-resource-command"
    assert "official" in program.read_text()


def test_engine_path_uses_everything_as_it_is(checkout: Checkout) -> None:
    checkout.put_pulumi_on_path(plugins=True)
    said = checkout.install(ENGINE="path")
    assert f"CLI            v{CLI_VERSION} ({checkout.theirs}/pulumi)" in said
    env = checkout.environment()
    assert env["PULUMI_HOME"] == str(checkout.home)
    assert env["PATH"].startswith(f"{checkout.theirs}:")
    assert "PULUMI_IGNORE_AMBIENT_PLUGINS" not in env
    assert not (checkout.folder / ".engine/home").exists()


def test_engine_path_and_back_is_a_new_choice_each_time(checkout: Checkout) -> None:
    checkout.install()
    checkout.put_pulumi_on_path(plugins=True)
    assert str(checkout.theirs) in checkout.install(ENGINE="path")
    shutil.rmtree(checkout.theirs)
    assert "built from its Go module" in checkout.install()
    assert checkout.built() == 1


@pytest.mark.parametrize(
    ("pulumi", "plugins", "host", "message"),
    [
        (False, False, False, "no pulumi on PATH"),
        (True, True, False, "pulumi-language-python"),
        (True, False, True, "pulumi plugin install resource docker 5.2.0"),
    ],
)
def test_engine_path_names_what_is_missing(
    checkout: Checkout, pulumi: bool, plugins: bool, host: bool, message: str
) -> None:
    if pulumi:
        checkout.put_pulumi_on_path(plugins, host)
    said = checkout.install(ENGINE="path", ok=False)
    assert message in said
    assert "\n  -> " in said
    assert checkout.built() == 0


def test_a_mistyped_engine_or_argument_is_an_error(checkout: Checkout) -> None:
    assert "ENGINE=paht is unknown" in checkout.install(ENGINE="paht", ok=False)
    assert "usage:" in checkout.install("--witch", ok=False)


def test_without_a_python_environment_the_remedy_is_named(checkout: Checkout) -> None:
    (checkout.folder / ".venv").unlink()
    assert "-> make engine" in checkout.install(ok=False)


# --- the download site, played by a server on the loopback interface ----------------------------------------------


class _Site(http.server.BaseHTTPRequestHandler):
    archive = b""
    slow = False
    gone_on: threading.Event  # what does not answer waits for it, and answers then

    def do_HEAD(self) -> None:
        if self.slow:
            self.gone_on.wait()
        self.send_response(200 if self.path.startswith("/releases/sdk/pulumi-v") else 404)
        self.end_headers()

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.archive)))
        self.end_headers()
        self.wfile.write(self.archive)

    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def site(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[type[_Site]]:
    class Site(_Site):
        gone_on = threading.Event()

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site)
    threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True).start()
    monkeypatch.setattr(official, "SITE", f"http://127.0.0.1:{server.server_port}")
    monkeypatch.setattr(official, "ENGINE", tmp_path)
    monkeypatch.setattr(official, "BIN", tmp_path / "bin")
    monkeypatch.setattr(official, "FIND_OUT", 60)
    for name in ("http_proxy", "HTTP_PROXY"):
        monkeypatch.delenv(name, raising=False)
    yield Site
    Site.gone_on.set()
    server.shutdown()
    server.server_close()


def _archive(**files: bytes) -> bytes:
    whole = io.BytesIO()
    with tarfile.open(fileobj=whole, mode="w:gz") as archive:
        for name, content in files.items():
            entry = tarfile.TarInfo(f"pulumi/{name}")
            entry.size, entry.mode = len(content), 0o755
            archive.addfile(entry, io.BytesIO(content))
    return whole.getvalue()


def test_a_site_that_answers_is_reachable(site: type[_Site]) -> None:
    assert official.reachable()


@pytest.mark.parametrize("what", ["site", "name lookup"])
def test_what_does_not_answer_in_time_is_not(site: type[_Site], what: str, monkeypatch: pytest.MonkeyPatch) -> None:
    site.slow = what == "site"
    if not site.slow:

        def hang(*_: object, **__: object) -> None:
            site.gone_on.wait()
            raise OSError("no such name")

        monkeypatch.setattr(socket, "getaddrinfo", hang)
    monkeypatch.setattr(official, "FIND_OUT", 0.5)
    too_late = threading.Timer(60, site.gone_on.set)
    too_late.start()
    assert not official.reachable()
    too_late.cancel()
    assert not site.gone_on.is_set(), "it waited for the answer"


def test_the_download_becomes_the_bin_folder(site: type[_Site]) -> None:
    content = os.urandom(200_000)
    site.archive = _archive(pulumi=content, **{"pulumi-language-python": b"x"})
    pulumi = official.download()
    assert hashlib.sha256(pulumi.read_bytes()).digest() == hashlib.sha256(content).digest()
    assert os.access(pulumi, os.X_OK)
    assert official.language_host(pulumi) == pulumi.with_name("pulumi-language-python")


def test_a_download_that_breaks_off_leaves_what_was_there(site: type[_Site]) -> None:
    site.archive = _archive(pulumi=b"whole")
    official.download()
    site.archive = _archive(pulumi=os.urandom(200_000))[:1000]
    with pytest.raises(official.SetupProblem, match="broke off"):
        official.download()
    assert (official.BIN / "pulumi").read_bytes() == b"whole"
    assert not (official.ENGINE / "download.new").exists()
