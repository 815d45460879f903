"""Keys and host keys as ssh-keygen makes them: what cannot work is told before anybody connects."""

import base64
import itertools
import os
import shlex
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from config.problems import Problem
from config.site import Nas
from inputs.host_keys import HOST_KEY_TYPES
from inputs.ssh_access import SshAccess, read_ssh_access

HOST = "192.168.1.10"


def keygen(*arguments: str) -> None:
    subprocess.run(["ssh-keygen", "-q", *arguments], check=True, stdin=subprocess.DEVNULL, capture_output=True)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of keys: plain, locked (with a passphrase), and the server's own."""
    folder = tmp_path_factory.mktemp("keys")
    keygen("-t", "ed25519", "-N", "", "-f", str(folder / "plain"))
    keygen("-t", "ed25519", "-N", "secret", "-f", str(folder / "locked"))
    for kind in ("ed25519", "ecdsa"):
        keygen("-t", kind, "-N", "", "-f", str(folder / f"host_{kind}"))
    return folder


@pytest.fixture(autouse=True)
def _no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


@pytest.fixture
def project(made: Path, tmp_path: Path) -> Path:
    """A project folder with a known_hosts that knows the NAS, and a private key."""
    (tmp_path / "known_hosts").write_text(f"{HOST} {public(made, 'host_ed25519')} root@nas\n")
    (tmp_path / "id").write_text((made / "plain").read_text())
    (tmp_path / "id").chmod(0o600)
    return tmp_path


def public(made: Path, name: str) -> str:
    return " ".join((made / f"{name}.pub").read_text().split()[:2])


def read(project: Path, **keys: Any) -> tuple[SshAccess | None, list[Problem]]:
    given = {"host": HOST, "identity_file": "id", "known_hosts": "known_hosts"} | keys
    return read_ssh_access(Nas.model_validate(given), project)


def good(project: Path, **keys: Any) -> SshAccess:
    access, problems = read(project, **keys)
    assert access is not None and not problems, "\n".join(map(str, problems))
    return access


def bad(project: Path, **keys: Any) -> Problem:
    access, problems = read(project, **keys)
    assert access is None and len(problems) == 1, "\n".join(map(str, problems))
    return problems[0]


# ---- the private key ----------------------------------------------------------------------------------------


def test_a_plain_key_is_read(project: Path) -> None:
    access = good(project)
    assert access.identity_file == '"id"' and access.private_key == (project / "id").read_text()


def test_the_key_may_lie_in_the_home_or_at_an_absolute_path(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(project))
    assert good(Path("/"), identity_file="~/id", known_hosts="~/known_hosts").identity_file == '"${HOME}/id"'
    assert good(Path("/"), identity_file=f"{project}/id", known_hosts=f"{project}/known_hosts").private_key


def test_a_missing_key_is_told_with_the_command_that_makes_one(project: Path) -> None:
    problem = bad(project, identity_file="nowhere/id")
    assert (problem.path, problem.value) == ("site.nas.identity_file", "nowhere/id")
    assert "does not exist" in problem.message and "ssh-keygen -t ed25519 -f nowhere/id" in problem.remedy


def test_a_key_with_a_passphrase_is_sent_to_the_agent(project: Path, made: Path) -> None:
    problem = bad(project, identity_file=str(made / "locked"))
    assert "has a passphrase" in problem.message and f"ssh-add {made}/locked" in problem.remedy


def test_a_public_key_is_told_to_be_one(project: Path, made: Path) -> None:
    problem = bad(project, identity_file=str(made / "plain.pub"))
    assert "not a private key" in problem.message and problem.remedy == f"write {made}/plain"


def test_a_key_that_others_can_read_is_told_with_chmod(project: Path) -> None:
    (project / "id").chmod(0o644)
    problem = bad(project)
    assert "can be read by others" in problem.message and problem.remedy == "chmod 600 id"


@pytest.mark.parametrize("name", [".", "known_hosts", "id/x", "a\0b", "~nobodyhere/id", "x" * 5000])
def test_what_is_no_key_file_is_told_in_one_problem(project: Path, name: str) -> None:
    problem = bad(project, identity_file=name)
    assert problem.path == "site.nas.identity_file" and len(str(problem).splitlines()) == 3


def test_bytes_that_are_no_text_are_told_so(project: Path) -> None:
    (project / "id").write_bytes(b"\xff\xfe\x00")
    assert "not a text file" in bad(project).message


def test_a_damaged_key_is_told_so(project: Path) -> None:
    text = (project / "id").read_text().splitlines()
    (project / "id").write_text("\n".join([text[0], text[1][:20], text[-1]]) + "\n")
    assert "damaged private key" in bad(project).message


def test_a_key_pasted_into_the_config_is_not_shown(project: Path) -> None:
    problem = bad(project, identity_file=(project / "id").read_text())
    assert "is the text of a key" in problem.message and "OPENSSH" not in str(problem)


# ---- the agent ----------------------------------------------------------------------------------------------


@pytest.fixture
def agent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    path = str(tmp_path / "agent")
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(path)
        server.listen()
        monkeypatch.setenv("SSH_AUTH_SOCK", path)
        yield path


def test_without_a_key_file_the_agent_is_used(project: Path, agent: str) -> None:
    access = good(project, identity_file=None)
    assert access.private_key is None and access.identity_file is None
    assert not any("Identit" in option for option in access.options)


def test_a_key_file_wins_over_the_agent(project: Path, agent: str) -> None:
    access = good(project)
    assert "IdentityAgent=none" in access.options and "IdentitiesOnly=yes" in access.options


@pytest.mark.parametrize("value", [None, ""])
def test_neither_key_nor_agent_is_told_with_both_ways_out(
    project: Path, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    if value is not None:
        monkeypatch.setenv("SSH_AUTH_SOCK", value)
        good(project)
    problem = bad(project, identity_file=None)
    assert problem.path == "site.nas.identity_file"
    assert "identity_file: ~/.ssh/id_ed25519" in problem.remedy and "ssh-add" in problem.remedy


@pytest.mark.parametrize("key", ["id", None])
def test_a_dead_agent_is_told_even_beside_a_key_file(
    project: Path, monkeypatch: pytest.MonkeyPatch, key: str | None
) -> None:
    """The command plugin fails on it (docs/upstream-facts.md#command-connections)."""
    monkeypatch.setenv("SSH_AUTH_SOCK", str(project / "gone"))
    problem = bad(project, identity_file=key)
    assert (problem.path, problem.value) == ("SSH_AUTH_SOCK", str(project / "gone"))
    assert "unset SSH_AUTH_SOCK" in problem.remedy


# ---- the server's key ---------------------------------------------------------------------------------------


def test_the_host_key_comes_from_known_hosts(project: Path, made: Path) -> None:
    assert good(project).host_keys == (public(made, "host_ed25519"),)


def test_a_hashed_known_hosts_is_read(project: Path, made: Path) -> None:
    keygen("-H", "-f", str(project / "known_hosts"))
    assert HOST not in (project / "known_hosts").read_text()
    assert good(project).host_keys == (public(made, "host_ed25519"),)


def test_another_port_has_its_own_line_in_known_hosts(project: Path, made: Path) -> None:
    problem = bad(project, port=2222)
    assert f"ssh-keyscan -p 2222 {HOST}" in problem.remedy
    with (project / "known_hosts").open("a") as file:
        file.write(f"[{HOST}]:2222 {public(made, 'host_ecdsa')}\n")
    assert good(project, port=2222).host_keys == (public(made, "host_ecdsa"),)
    assert good(project).host_keys == (public(made, "host_ed25519"),)


@pytest.mark.parametrize("hashed", [True, False])
@pytest.mark.parametrize("port", [22, 2222])
def test_a_name_is_found_in_known_hosts_however_its_letters_are_written(
    project: Path, made: Path, hashed: bool, port: int
) -> None:
    name = "nas.home.arpa" if port == 22 else f"[nas.home.arpa]:{port}"
    (project / "known_hosts").write_text(f"{name} {public(made, 'host_ed25519')}\n")
    if hashed:
        keygen("-H", "-f", str(project / "known_hosts"))
    assert good(project, host="NAS.Home.arpa", port=port).host_keys == (public(made, "host_ed25519"),)


@pytest.mark.parametrize("text", [None, "", "other.nas ssh-ed25519 AAAA\n", f"{HOST} ssh-ed25519 AAAA\n", "\xff\n"])
def test_no_host_key_is_told_with_the_command_that_gets_it(project: Path, text: str | None) -> None:
    if text is None:
        (project / "known_hosts").unlink()
    else:
        (project / "known_hosts").write_text(text, encoding="latin-1")
    problem = bad(project)
    assert (problem.path, problem.value) == ("site.nas.known_hosts", "known_hosts")
    assert "stranger in the middle" in problem.message
    assert f"`ssh-keyscan {HOST} >> known_hosts`" in problem.remedy and "compare" in problem.remedy


def known(project: Path, *lines: str) -> None:
    (project / "known_hosts").write_text("".join(f"{line}\n" for line in lines))


def test_an_authority_is_no_host_key_and_is_told_to_be_one(project: Path, made: Path) -> None:
    known(project, f"@cert-authority *.1.10 {public(made, 'host_ed25519')}")
    problem = bad(project)
    assert problem.path == "site.nas.known_hosts" and "@cert-authority alone" in problem.message
    assert f"`ssh-keyscan {HOST} >> known_hosts`" in problem.remedy
    with (project / "known_hosts").open("a") as file:
        file.write(f"{HOST} {public(made, 'host_ecdsa')}\n")
    assert good(project).host_keys == (public(made, "host_ecdsa"),)


def test_a_revoked_key_is_trusted_in_no_other_line(project: Path, made: Path) -> None:
    ed25519, ecdsa = public(made, "host_ed25519"), public(made, "host_ecdsa")
    known(project, f"192.168.1.* {ed25519}", f"@revoked * {ed25519}")
    assert "marked @revoked" in bad(project).message
    known(project, f"{HOST} {ecdsa}", f"{HOST} {ed25519}", f"@revoked * {ed25519}")
    access = good(project)
    assert (access.host_keys, access.revoked) == ((ecdsa,), (ed25519,))
    assert ed25519 not in " ".join(access.options)


@pytest.mark.parametrize("line", ["192.168.*", "!192.168.1.11,192.168.1.1?", "nas,192.168.1.10"])
@pytest.mark.parametrize("other", ["!192.168.1.10,192.168.*", "192.168.1.1", "[192.168.1.10]:2222"])
def test_names_in_known_hosts_are_patterns(project: Path, made: Path, line: str, other: str) -> None:
    known(project, f"{other} {public(made, 'host_ecdsa')}", f"{line} {public(made, 'host_ed25519')}")
    assert good(project).host_keys == (public(made, "host_ed25519"),)


def test_a_host_key_in_the_config_needs_no_known_hosts(project: Path, made: Path) -> None:
    for given in (public(made, "host_ed25519"), f"{HOST} {public(made, 'host_ed25519')} comment"):
        access = good(project, host_key=given, known_hosts="nowhere")
        assert access.host_keys == (access.plugin_host_key,) == (public(made, "host_ed25519"),)


def test_of_several_keys_ssh_is_given_all_and_the_plugin_its_first_choice(project: Path, made: Path) -> None:
    ed25519, ecdsa = public(made, "host_ed25519"), public(made, "host_ecdsa")
    for given in ([ed25519, ecdsa], [ecdsa, ed25519, ecdsa]):
        access = good(project, host_key=given)
        assert (access.host_keys, access.plugin_host_key) == ((ecdsa, ed25519), ecdsa)
        known(project, *(f"{HOST} {key}" for key in given))
        assert good(project) == access, "the order of the lines would show as a change on another laptop"
    assert printed(access) == f"{HOST} {ecdsa}\n{HOST} {ed25519}\n"


def printed(access: SshAccess) -> str:
    """What ssh reads as its known hosts: the command as ssh splits it, run without anything but /bin/sh."""
    words = shlex.shlex(settings(access, whole=True)["knownhostscommand"].replace("%H", HOST), posix=True)
    words.whitespace, words.whitespace_split = " \t", True
    return subprocess.run([*words], check=True, capture_output=True, text=True, env={"PATH": "/nowhere"}).stdout


def test_of_several_keys_the_plugin_gets_one_that_the_nas_has(project: Path, made: Path) -> None:
    """A key that is still trusted may be of a kind that the NAS has no more, or may be its former one."""
    ed25519, ecdsa = public(made, "host_ed25519"), public(made, "host_ecdsa")
    access = good(project, host_key=[ed25519, ecdsa])
    assert access.with_host_keys([ed25519]).plugin_host_key == ed25519
    blob = ed25519.split()[1]
    former = f"ssh-ed25519 {blob[:-6]}{'AAAAAA' if blob[-6:] != 'AAAAAA' else 'BBBBBB'}"
    access = good(project, host_key=[former, ed25519])
    assert access.host_keys[0] == sorted([former, ed25519])[0]
    assert access.with_host_keys([ed25519]).plugin_host_key == ed25519
    assert good(project, host_key=ecdsa).with_host_keys([ed25519]).plugin_host_key == ecdsa, "it has shown this one"


def odd(kind: str) -> str:
    return f"{kind} {base64.b64encode(bytes(60)).decode()}"


@pytest.mark.parametrize(
    "line", ["hello", "ssh-ed25519", "ssh-ed25519 AAAA", odd("ssh-ed25519"), odd("ssh-dss"), "SHA256:abc"]
)
def test_what_is_no_host_key_is_told(project: Path, line: str) -> None:
    problem = bad(project, host_key=line)
    assert (problem.path, problem.value) == ("site.nas.host_key", line)
    assert "ssh-ed25519 AAAA…" in problem.remedy


def test_a_key_whose_kind_is_not_what_it_says_is_refused(project: Path, made: Path) -> None:
    for name, kind in (("host_ed25519", "ssh-rsa"), ("host_ecdsa", "ecdsa-sha2-nistp384")):
        blob = public(made, name).split()[1]
        assert bad(project, host_key=f"{kind} {blob}").path == "site.nas.host_key"


def test_keys_that_the_nas_itself_named_are_for_the_command_plugin_only(project: Path, made: Path) -> None:
    access = good(project)
    with_host_keys = access.with_host_keys([public(made, "host_ed25519"), public(made, "host_ecdsa"), "junk"])
    assert with_host_keys.host_keys == access.host_keys == (public(made, "host_ed25519"),)
    assert with_host_keys.plugin_host_key == public(made, "host_ecdsa")
    assert with_host_keys.options == access.options
    assert access.with_host_keys(["junk"]).plugin_host_key == access.host_keys[0]


def test_what_is_pinned_counts_for_its_own_kind_and_what_the_nas_named_for_the_others(
    project: Path, made: Path
) -> None:
    ed25519, ecdsa = public(made, "host_ed25519"), public(made, "host_ecdsa")
    assert good(project, host_key=ed25519).with_host_keys([ecdsa]).plugin_host_key == ecdsa
    other = f"{ecdsa[:-10]}{ecdsa[-10:].swapcase()}"
    assert other != ecdsa
    assert good(project, host_key=[ed25519, ecdsa]).with_host_keys([ed25519, other]).plugin_host_key == ecdsa


def test_the_kinds_of_keys_are_in_the_order_in_which_the_plugins_library_asks() -> None:
    assert HOST_KEY_TYPES == (
        "ecdsa-sha2-nistp256",
        "ecdsa-sha2-nistp384",
        "ecdsa-sha2-nistp521",
        "ssh-rsa",
        "ssh-ed25519",
    )


# ---- what ssh is told ---------------------------------------------------------------------------------------


def settings(access: SshAccess, whole: bool = False) -> dict[str, str]:
    """What ssh itself makes of the options. whole: the last of them with all its lines."""
    said = subprocess.run(["ssh", "-G", *access.options, HOST], check=True, capture_output=True, text=True).stdout
    told = dict(line.split(" ", 1) for line in said.splitlines() if " " in line)
    if whole:
        rest = said.partition("\nknownhostscommand ")[2]
        told["knownhostscommand"] = "\n".join(
            [rest.splitlines()[0], *itertools.takewhile(lambda line: line.startswith("%H "), rest.splitlines()[1:])]
        )
    return told


def test_ssh_verifies_shares_one_connection_and_reads_no_file_of_the_users(project: Path, made: Path) -> None:
    told = settings(good(project))
    for name, value in {
        "batchmode": "yes",
        "stricthostkeychecking": "true",
        "userknownhostsfile": "/dev/null",
        "globalknownhostsfile": "/dev/null",
        "knownhostscommand": f"""/bin/sh -c 'echo "$*"' sh %H {public(made, "host_ed25519")}""",
        "connecttimeout": "10",
        "controlmaster": "auto",
        "controlpersist": "60",
        "serveraliveinterval": "5",
        "identitiesonly": "yes",
        "identityfile": "id",
    }.items():
        assert told[name] == value, name
    assert good(project).options[:2] == ["-F", "/dev/null"]


def test_a_path_with_blanks_and_percent_signs_reaches_ssh_whole(project: Path) -> None:
    folder = project / "my 100% nas"
    folder.mkdir()
    (project / "id").rename(folder / "id")
    told = settings(good(project, identity_file="my 100% nas/id"))["identityfile"]
    assert told == "my 100%% nas/id"  # ssh -G shows it before it reads %% as %


def test_the_options_are_the_same_on_a_laptop_with_another_home(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "another home"
    shutil.copytree(project, other, ignore=shutil.ignore_patterns("another home"))
    options = []
    for home in (project, other):
        monkeypatch.setenv("HOME", str(home))
        options.append([good(home, identity_file=name).options for name in ("~/id", "id")])
    assert options[0] == options[1]
    assert str(tmp_path) not in str(options)


@pytest.mark.parametrize("home", [None, ""])
def test_a_home_that_the_shell_does_not_know_is_told(
    project: Path, monkeypatch: pytest.MonkeyPatch, home: str | None
) -> None:
    monkeypatch.delenv("HOME")
    if home is not None:
        monkeypatch.setenv("HOME", home)
    problem = bad(project, identity_file="~/id")
    assert "HOME is not set" in problem.message and problem.remedy == "`export HOME=~`"
    good(project, identity_file="id")


def test_two_sites_with_one_address_share_no_connection(project: Path, made: Path) -> None:
    one, other = (good(project, host_key=public(made, name)) for name in ("host_ed25519", "host_ecdsa"))
    assert settings(one)["controlpath"] != settings(other)["controlpath"]
    assert settings(one)["controlpath"] != settings(good(project, user="hobby"))["controlpath"]


def test_the_private_key_shows_nowhere(project: Path) -> None:
    access = good(project)
    secret = (project / "id").read_text().splitlines()[1]
    assert secret not in repr(access) + str(access) + access.url + " ".join(access.options)


@pytest.mark.parametrize(
    ("host", "port", "url"),
    [
        (HOST, 22, f"ssh://root@{HOST}:22"),
        ("nas.home.arpa", 2222, "ssh://root@nas.home.arpa:2222"),
        ("fd0d::10", 22, "ssh://root@[fd0d::10]:22"),
    ],
)
def test_the_url_is_what_the_docker_plugin_takes(host: str, port: int, url: str) -> None:
    assert SshAccess(host, port, "root", ("k",), "k").url == url


def test_all_problems_of_the_way_in_are_told_at_once(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SSH_AUTH_SOCK", str(project / "gone"))
    access, problems = read(project, identity_file="nowhere", known_hosts="nowhere")
    assert access is None
    assert [p.path for p in problems] == ["site.nas.known_hosts", "SSH_AUTH_SOCK", "site.nas.identity_file"]


def test_a_computer_without_openssh_is_told_so(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    problem = bad(project)
    assert problem.path == "ssh-keygen" and "install OpenSSH" in problem.remedy
