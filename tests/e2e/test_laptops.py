"""The program as a person's laptop has it: another home and checkout, a shell full of variables, an old ssh, several
known host keys, another SSH key, another sudo password. One box and one stack for all, in the order of the file."""

import json
import os
import re
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from lab.drive import LAB, NAS, ROOT, Box, Done, Stack
from tests.e2e.fixtures_lan import assert_all_is_as_planned, standing

USER = "dockeradmin"
PASSWORD, NEW_PASSWORD = "synology-lab", "rotated lab"
STATE_FILES = shutil.ignore_patterns("state")

# In the shell of every run here. None of it does harm (docs/decisions/0019).
HARMLESS = {
    "DOCKER_HOST": "tcp://192.0.2.1:2375",
    "DOCKER_TLS_VERIFY": "1",
    "DOCKER_API_VERSION": "1.12",
    "DOCKER_CONFIG": "/nowhere",
    "DOCKER_SSH_OPTS": "-p 1",
    "SSH_ASKPASS": "/bin/false",
    "SSH_ASKPASS_REQUIRE": "force",
    "GIT_SSH_COMMAND": "/bin/false",
    "HTTP_PROXY": "http://192.0.2.1:3128",
    "HTTPS_PROXY": "http://192.0.2.1:3128",
    "ALL_PROXY": "socks5://192.0.2.1:1080",
    "LC_ALL": "de_DE.UTF-8",
    "LANGUAGE": "de",
}


class Laptop(Stack):
    """A checkout, and a home of its own: in the environment and in the list of users, where ssh looks it up."""

    def __init__(self, box: Box, name: str, of: Stack | None = None) -> None:
        self.place = Path(tempfile.mkdtemp(prefix="lap", dir="/tmp"))  # short, for the socket in it
        self.home = self.place / name
        self.name = "e2e"  # the stack's
        self.environ = dict(HARMLESS)
        (self.home / ".ssh").mkdir(parents=True, mode=0o700)
        keys = ROOT / ".lab" / box.instance / "ssh"
        for file in ("id_ed25519", "known_hosts"):
            shutil.copy(keys / file, self.home / ".ssh")
        self.passwd = self.place / "passwd"
        self.passwd.write_text(
            re.sub("(?m)^root:.*", f"root:x:0:0::{self.home}:/bin/sh", Path("/etc/passwd").read_text())
        )
        folder = self.place / "check out"
        if of is None:
            folder.mkdir()
            self.state = folder / "state"
            super().__init__(box, folder)
        else:
            self.box, self.folder, self.state = box, folder, of.folder / "state"
            shutil.copytree(of.folder, folder, symlinks=True, ignore=STATE_FILES)

    def site(self) -> dict[str, Any]:
        site = super().site()
        site["nas"] |= {"user": USER, "docker_wrapper": True, "identity_file": "~/.ssh/id_ed25519"}
        del site["nas"]["known_hosts"]
        site["lan"]["parent"] = "auto"
        return site

    def pulumi(self, *arguments: str, check: bool = True, timeout: int = 600, told: str | None = None) -> Done:
        """told: for stdin."""
        on_this = 'mount --bind "$1" /etc/passwd && shift && exec "$@"'
        known = {name: value for name, value in self.box.env.items() if name != "SSH_AUTH_SOCK"}
        done = subprocess.run(
            [
                "unshare",
                "-m",
                "sh",
                "-c",
                on_this,
                "sh",
                self.passwd,
                ROOT / "lab/pulumi",
                *arguments,
                "--non-interactive",
            ],
            cwd=self.folder,
            env={**known, "HOME": str(self.home), **self.environ, "PULUMI_BACKEND_URL": f"file://{self.state}"},
            capture_output=True,
            text=True,
            timeout=timeout,
            input=told or "",
        )
        assert done.returncode == 0 or not check, f"pulumi {' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done

    def tell(self, password: str) -> None:
        self.pulumi("config", "set", "--secret", "--stack", "e2e", "macvlan-ipv6:sudoPassword", told=password)

    def change(self, **nas: Any) -> None:
        """Keys of `nas` in the stack's file; all else in it stays, the password too."""
        text = self.file.read_text()
        for key, value in nas.items():
            text = re.sub(rf"(?m)^( +){key}: .*\n", rf"\g<1>{key}: {json.dumps(value)}\n", text)
        self.file.write_text(text)

    def known(self, *lines: str) -> None:
        (self.home / ".ssh/known_hosts").write_text("".join(f"{line}\n" for line in lines))

    def hang_up(self) -> None:
        """The connection that lives on for a minute is ended, so that the next one has to get in anew."""
        for path in (self.home / ".ssh").glob("macvlan-*"):
            words = [*LAB, "exec", "client", "--", "ssh", "-S", path, "-O", "exit", "x"]
            subprocess.run(words, env=self.box.env, check=True, capture_output=True, stdin=subprocess.DEVNULL)

    @contextmanager
    def shell(self, **variables: str) -> Iterator[None]:
        before = self.environ
        self.environ = before | variables
        try:
            yield
        finally:
            self.environ = before


@pytest.fixture(scope="module")
def nas() -> Iterator[Box]:
    with standing(Box("20.10", "laptops"), "--profile", "dsm", "--sudo", "password") as box:
        yield box


@pytest.fixture(scope="module")
def first(nas: Box) -> Iterator[Laptop]:
    """A home with a blank in its path."""
    laptop = Laptop(nas, "my home")
    yield laptop
    laptop.force_away()
    laptop.hang_up()
    shutil.rmtree(laptop.place)


@pytest.fixture(scope="module")
def second(first: Laptop) -> Iterator[Laptop]:
    laptop = Laptop(first.box, "h2", of=first)
    yield laptop
    laptop.hang_up()
    shutil.rmtree(laptop.place)


@pytest.fixture(scope="module")
def before(nas: Box) -> dict[str, str]:
    return nas.snapshot()


@pytest.fixture(scope="module")
def keys(first: Laptop) -> dict[str, str]:
    """The NAS's host keys as known_hosts has them: kind → "TYPE BASE64"."""
    lines = [line.split(" ", 1)[1] for line in (first.home / ".ssh/known_hosts").read_text().splitlines()]
    return {line.split("-")[1].removesuffix("2").split(" ")[0] if "ssh-" in line else "ecdsa": line for line in lines}


def words(text: str) -> str:
    return " ".join(text.split())


def test_a_shell_full_of_variables_changes_nothing(before: dict[str, str], first: Laptop) -> None:
    first.write(first.site())
    first.tell(PASSWORD)
    # The plugin's own keys of the stack hold for a provider that the program does not configure itself
    first.pulumi("config", "set", "--stack", "e2e", "docker:context", "nowhere")
    first.pulumi("config", "set", "--stack", "e2e", "docker:host", "tcp://192.0.2.1:1")
    first.up()
    assert_all_is_as_planned(first)
    first.expect_no_changes()


def test_what_would_lead_the_plugins_astray_is_told_all_at_once_before_anything(first: Laptop, tmp_path: Path) -> None:
    (tmp_path / "ssh").write_text("#!/bin/sh\necho 'OpenSSH_8.4p1 Debian-5+deb11u3, OpenSSL 1.1.1w' >&2\n")
    (tmp_path / "ssh").chmod(0o755)
    hostile = {
        "DOCKER_CONTEXT": "default",
        "DOCKER_CERT_PATH": "/certs",
        "DOCKER_HOST": "nas",
        "HTTP_PROXY": "socks5://192.0.2.1:1080",
        "SSH_AUTH_SOCK": "/nowhere/agent",
    }
    with first.shell(**hostile, PATH=f"{tmp_path}:{os.environ['PATH']}"):
        told = first.told(check=False)
    assert "Found 6 problems; nothing was changed" in told and "Traceback" not in told, told
    for name, value in hostile.items():
        assert (f"{name}: {value}" if name != "DOCKER_CERT_PATH" else name) in told
        remedy = re.search(rf"\b{name}\b.*\n.*\n +-> (.*)", told)
        assert remedy, name
    assert "ssh: OpenSSH_8.4p1 Debian-5+deb11u3" in told and "install OpenSSH 8.5 or newer" in told
    for command in ("destroy", "refresh"):
        with first.shell(DOCKER_CONTEXT="default"):
            done = first.pulumi(command, "--yes", "--run-program", "--stack", "e2e", check=False)
        assert done.returncode != 0 and "Found 1 problem; nothing was changed" in done.stdout
    with first.shell(HTTP_PROXY="socks5://192.0.2.1:1080", NO_PROXY="docker.example.com"):
        first.expect_no_changes()


def test_another_laptop_sees_no_change_and_refreshes(second: Laptop) -> None:
    second.expect_no_changes()
    second.pulumi("refresh", "--yes", "--stack", "e2e", "--expect-no-changes")


def test_a_home_that_is_not_the_one_of_the_list_of_users_is_the_shells(second: Laptop, tmp_path: Path) -> None:
    shutil.move(second.home / ".ssh/id_ed25519", tmp_path)
    shutil.copytree(second.home / ".ssh", tmp_path / ".ssh", ignore=shutil.ignore_patterns("macvlan-*"))
    shutil.move(tmp_path / "id_ed25519", tmp_path / ".ssh")
    second.hang_up()
    try:
        with second.shell(HOME=str(tmp_path)):
            second.expect_no_changes()
            second.pulumi("refresh", "--yes", "--stack", "e2e", "--expect-no-changes")
    finally:
        shutil.copy(tmp_path / ".ssh/id_ed25519", second.home / ".ssh")


def test_a_state_of_an_earlier_version_is_updated_and_nothing_is_made_anew(first: Laptop, keys: dict[str, str]) -> None:
    """It had the identity file's absolute path and one host key in the docker provider's options."""
    containers = first.box.nas("docker ps --no-trunc -q | sort")
    state = first.pulumi("stack", "export", "--stack", "e2e").stdout
    provider = next(
        one for one in json.loads(state)["deployment"]["resources"] if one["type"] == "pulumi:providers:docker"
    )
    options = json.loads(provider["inputs"]["sshOpts"])
    assert not [option for option in options if str(first.place) in option], "a path of this laptop is in the state"
    now = json.dumps(provider["inputs"]["sshOpts"])
    for index, option in enumerate(options):
        if option.startswith("KnownHostsCommand="):
            options[index] = f"KnownHostsCommand=/bin/echo %H {keys['ecdsa']}"
        if option.startswith("IdentityFile="):
            options[index] = f'IdentityFile="{first.home}/.ssh/id_ed25519"'
    earlier = state.replace(now, json.dumps(json.dumps(options, separators=(",", ":"))))
    assert earlier != state
    first.pulumi("stack", "import", "--stack", "e2e", told=earlier)
    assert first.steps() == {"lan-docker": "update"}
    first.up()
    first.expect_no_changes()
    assert first.box.nas("docker ps --no-trunc -q | sort") == containers


@contextmanager
def shown_by_sshd(laptop: Laptop, kind: str) -> Iterator[None]:
    """sshd has this host key alone."""
    box, config = laptop.box, "/etc/ssh/sshd_config"
    restart = "systemctl restart ssh || systemctl restart sshd"
    box.nas(f"cp {config} {config}.kept; echo 'HostKey /etc/ssh/ssh_host_{kind}_key' >>{config}; {restart}")
    laptop.hang_up()
    try:
        yield
    finally:
        box.nas(f"mv {config}.kept {config}; {restart}")
        laptop.hang_up()


def test_a_server_that_shows_another_of_the_trusted_keys_is_trusted(first: Laptop, keys: dict[str, str]) -> None:
    with shown_by_sshd(first, "rsa"):
        first.box.nas("rm /usr/local/etc/setup_docker_macvlan.conf")
        first.up()
        first.expect_no_changes()
    assert first.steps() == {"lan-host": "update"}, "the plugin is told which key it is shown now"
    first.up()


def test_what_is_wrong_with_the_host_key_is_told_as_it_is(first: Laptop, keys: dict[str, str]) -> None:
    kept = (first.home / ".ssh/known_hosts").read_text()
    subprocess.run(["ssh-keygen", "-q", "-t", "rsa", "-N", "", "-f", first.place / "other"], check=True)
    other = (first.place / "other.pub").read_text()
    try:
        with shown_by_sshd(first, "rsa"):
            for lines, what in (
                ((f"{NAS} {keys['ecdsa']}",), "has no RSA key of 192.168.1.10, only ECDSA, and the NAS shows no other"),
                ((f"{NAS} {other}",), "does not match the key that 192.168.1.10 presents (RSA SHA256:"),
                ((f"{NAS} {keys['ecdsa']}", f"@revoked * {keys['rsa']}"), "shows (RSA SHA256:"),
                ((f"{NAS} {keys['rsa']}", f"@revoked * {keys['rsa']}"), "are marked @revoked"),
                ((f"@cert-authority * {keys['rsa']}",), "by a @cert-authority alone"),
            ):
                first.known(*lines)
                told = words(first.told(check=False))
                assert what in told and "Found 1 problem;" in told, told
                if "shows (RSA" in what and "revoked" in str(lines):
                    assert "as @revoked: it may have been stolen" in told
            # The remedy of the first, as it is told
            first.known(f"{NAS} {keys['ecdsa']}")
            told = words(first.told(check=False))
            remedy = re.search("then `(ssh-keyscan .*?)`", told)
            assert remedy
            first.box.run("client", f"HOME='{first.home}'; {remedy[1]}")
            first.told()
            # Patterns and hashed names
            first.known(f"!{NAS}1,192.168.* {keys['rsa']}")
            first.told()
            first.known(f"{NAS} {keys['rsa']}")
            subprocess.run(["ssh-keygen", "-q", "-H", "-f", first.home / ".ssh/known_hosts"], check=True)
            first.told()
    finally:
        (first.home / ".ssh/known_hosts").write_text(kept)


@contextmanager
def agent(laptop: Laptop) -> Iterator[str]:
    """The socket of an ssh agent with the laptop's key."""
    sock = str(laptop.place / "agent")
    with subprocess.Popen(["ssh-agent", "-D", "-a", sock], stdout=subprocess.DEVNULL) as process:
        try:
            env = {**os.environ, "SSH_AUTH_SOCK": sock}
            add = f"until ssh-add -q '{laptop.home}/.ssh/id_ed25519' 2>/dev/null; do sleep 0.1; done"
            subprocess.run(["sh", "-c", add], env=env, check=True, timeout=20, stdin=subprocess.DEVNULL)
            yield sock
        finally:
            process.terminate()


def test_with_agents_no_laptop_sees_a_change_though_each_has_another_socket(first: Laptop, second: Laptop) -> None:
    kept = first.file.read_text()
    with agent(first) as one, agent(second) as other:
        with first.shell(SSH_AUTH_SOCK=one):
            first.expect_no_changes()  # beside a key file
            first.change(identity_file=None)
            first.up()
            first.expect_no_changes()
        shutil.copy(first.file, second.folder)
        second.hang_up()
        with second.shell(SSH_AUTH_SOCK=other):
            second.expect_no_changes()
            second.box.nas("rm /usr/local/etc/setup_docker_macvlan.conf")
            second.up()
    first.file.write_text(kept)
    shutil.copy(first.file, second.folder)
    first.hang_up()
    first.up()
    first.expect_no_changes()


def test_after_a_new_sudo_password_an_up_comes_first_and_then_destroy_works(first: Laptop) -> None:
    first.box.nas(f"echo '{USER}:{NEW_PASSWORD}' | chpasswd")
    first.tell(NEW_PASSWORD)
    done = first.destroy(check=False)
    assert done.returncode != 0 and "after a new password, pulumi up comes first" in done.stdout
    first.up()
    first.expect_no_changes()


def test_after_a_new_ssh_key_an_up_comes_first_and_another_laptop_destroys(
    first: Laptop, second: Laptop, before: dict[str, str]
) -> None:
    box, new = first.box, first.home / ".ssh/new"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", new], check=True)
    home = box.nas(f"eval echo ~{USER}").strip()
    box.nas(f"echo '{new.with_suffix('.pub').read_text().strip()}' >{home}/.ssh/authorized_keys")
    (first.home / ".ssh/id_ed25519").unlink()
    first.change(identity_file="~/.ssh/new")
    first.hang_up()
    # What the state holds is the old key
    done = first.pulumi("refresh", "--yes", "--stack", "e2e", check=False)
    assert done.returncode != 0
    first.pulumi("refresh", "--yes", "--run-program", "--stack", "e2e")
    done = first.destroy(check=False)
    assert done.returncode != 0
    first.up()
    assert_all_is_as_planned(first)
    first.expect_no_changes()

    shutil.copy(first.file, second.folder)
    (second.home / ".ssh/id_ed25519").unlink()
    shutil.copy(new, second.home / ".ssh")
    second.hang_up()
    second.expect_no_changes()
    second.destroy()
    assert box.snapshot() == before
