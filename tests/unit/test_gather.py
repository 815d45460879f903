"""One ssh round trip: what is sent, and what a person reads when it fails."""

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from config.problems import UserErrors
from config.site import Site, parse_site
from facts.nas import NasFacts
from inputs.host_keys import fingerprint
from inputs.nas_scripts import read_nas_scripts
from install.conf import TITLE, read_conf
from install.profiles import PROFILES
from plan.addresses import plan_addresses
from plan.lan import AddressPlan
from probe.gather import gather_facts, probe_arguments
from probe.parse import parse_facts
from tests.unit.recorded import answer
from tests.unit.recorder import ACCESS
from tests.unit.sites import ROOT, Change, drop, installed, put, site_of, sources_of

SCRIPTS = read_nas_scripts(ROOT)
PROBE = SCRIPTS["probe.sh"]
BARE = answer("bare")
SHIM, PREFIX = "192.168.1.254", "fd0d:7eb5:2afd::"
GATEWAY = put("ula", "gateway", "fd0d:7eb5:2afd::ff")


def site(*changes: Change) -> Site:
    parsed, problems = parse_site(site_of(*changes))
    assert parsed is not None and not problems
    return parsed


def draft(given: Site) -> AddressPlan:
    addresses, problems = plan_addresses(given, sources_of(given)[0].services)
    assert addresses is not None and not problems
    return addresses


def looked(*changes: Change) -> NasFacts:
    given = site(*changes)
    return gather_facts(given, draft(given), ACCESS, SCRIPTS)


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder at the head of PATH; the home is a folder of the test's, too."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    at_home(monkeypatch, tmp_path)
    return folder


def at_home(monkeypatch: pytest.MonkeyPatch, home: Path) -> None:
    """Where ssh's ~ is, which no variable changes."""
    monkeypatch.setattr("pwd.getpwuid", lambda uid: SimpleNamespace(pw_dir=str(home)))


def tool(folder: Path, name: str, script: str) -> None:
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_the_look_is_one_ssh_with_the_sites_settings_and_the_probe_on_stdin(tools: Path, tmp_path: Path) -> None:
    tool(tools, "ssh", f'printf "%s\\n" "$@" >"{tmp_path}/args"; cat >"{tmp_path}/stdin"\ncat <<"E"\n{BARE}E')
    assert looked(GATEWAY) == parse_facts(BARE)
    assert (tmp_path / "args").read_text().splitlines() == [
        *ACCESS.options,
        *("-p", "22", "-l", "root", "192.168.1.10"),
        "exec sh -s -- " + " ".join(probe_arguments(site(GATEWAY), draft(site(GATEWAY)))),
    ]
    assert (tmp_path / "stdin").read_text() == PROBE


def test_the_nas_is_asked_where_the_last_run_put_things_too() -> None:
    """Else what a person moved in the site would look as if it were gone."""
    before = installed(script_path="/opt/a.sh", config_path="/opt/a.conf", hook_file="/etc/systemd/system/a.service")
    asked = set(probe_arguments(site(), draft(site()), before)) - set(probe_arguments(site(), draft(site())))
    assert asked == {
        "program=/opt/a.sh",
        "file=0755:/opt/a.sh",
        "conf=/opt/a.conf",
        "file=0644:/opt/a.conf",
        "unit=a.service",
        "file=0644:/etc/systemd/system/a.service",
    }


def test_the_nas_is_asked_about_all_that_may_be_there_and_about_nothing_twice() -> None:
    asked = probe_arguments(site(GATEWAY), draft(site(GATEWAY)))
    assert len(set(asked)) == len(asked)
    assert {"parent=eth0", "network=bridge-host", "shim=macvlan-host", "gateway=fd0d:7eb5:2afd::ff"} <= set(asked)
    assert [one for one in asked if one.startswith(("file=", "conf=", "program="))] == [
        "file=0644:/etc/setup_docker_macvlan.conf",
        "file=0644:/etc/systemd/system/setup_docker_macvlan.service",
        "file=0755:/usr/local/bin/setup_docker_macvlan.sh",
        "file=0755:/usr/local/etc/rc.d/macvlan.sh",
        "file=0644:/usr/local/etc/setup_docker_macvlan.conf",
        "conf=/etc/setup_docker_macvlan.conf",
        "conf=/usr/local/etc/setup_docker_macvlan.conf",
        "program=/usr/local/bin/setup_docker_macvlan.sh",
    ]
    for unit in (*PROFILES["dsm7"].docker_units, "setup_docker_macvlan.service"):
        assert f"unit={unit}" in asked
    assert asked[-4:] == [f"ask={address}" for address in (SHIM, f"{PREFIX}254", "192.168.1.201", f"{PREFIX}201")]


def test_of_a_nas_whose_kind_is_written_only_that_is_asked() -> None:
    given = site(put("nas", "profile", "debian"), put("install", {"boot_hook": "systemd", "docker_unit": "my.service"}))
    asked = probe_arguments(given, draft(given))
    assert "unit=my.service" in asked and not [one for one in asked if "rc.d" in one or "/usr/local/etc" in one]


def test_a_password_for_sudo_goes_on_stdin_before_the_probe_and_nowhere_else(tools: Path, tmp_path: Path) -> None:
    tool(tools, "ssh", f'printf "%s\\n" "$@" >"{tmp_path}/args"; cat >"{tmp_path}/stdin"\ncat <<"E"\n{BARE}E')
    given = site()
    gather_facts(given, draft(given), replace(ACCESS, sudo_password="hunter 2'"), SCRIPTS)
    assert (tmp_path / "stdin").read_text() == f"hunter 2'\n{PROBE}"
    args = (tmp_path / "args").read_text()
    assert "hunter" not in args and "sudo -k -S" in args


SAID = "ssh: connect to host 192.168.1.10 port 22: "
# what ssh says, its exit code; key, value, words of what is wrong and of the remedy
UNREACHED = [
    (f"{SAID}Connection timed out", 255, "site.nas.host", "192.168.1.10", "cannot be reached on port 22", "switch the"),
    (f"{SAID}Connection refused", 255, "site.nas.host", "192.168.1.10", "Connection refused", "enable SSH"),
    (f"{SAID}No route to host", 255, "site.nas.host", "192.168.1.10", "No route to host", "host and port"),
    ("", 255, "site.nas.host", "192.168.1.10", "no reason given", "host and port"),
    ("ssh: Could not resolve hostname nas.lan: Name or service not known", 255, "site.nas.host", "192.168.1.10",
     "cannot be resolved", "IP address"),
    ("@@@\n@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nHost key verification failed.", 255,
     "site.nas.known_hosts", ".lab/ssh/known_hosts", "does not match the key that 192.168.1.10", "ssh-keygen -lf"),
    ("@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nThe fingerprint for the ED25519 key sent by the remote "
     "host is\nSHA256:abc+/0.\nHost key verification failed.", 255, "site.nas.known_hosts", ".lab/ssh/known_hosts",
     "does not match the key that 192.168.1.10 presents (ED25519 SHA256:abc+/0)",
     "`ssh-keygen -R 192.168.1.10 -f .lab/ssh/known_hosts` and `ssh-keyscan 192.168.1.10 >> .lab/ssh/known_hosts`"),
    ("@ WARNING: REMOTE HOST IDENTIFICATION HAS CHANGED! @\nThe fingerprint for the RSA key sent by the remote host "
     "is\nSHA256:abc.\nHost key verification failed.", 255, "site.nas.known_hosts", ".lab/ssh/known_hosts",
     "has no RSA key of 192.168.1.10, only ED25519, and the NAS shows no other (RSA SHA256:abc)",
     "`ssh-keygen -lf /etc/ssh/ssh_host_rsa_key.pub` on the NAS itself; then `ssh-keyscan 192.168.1.10 >> .lab/ssh/k"),
    ("Unable to negotiate with 192.168.1.10 port 22: no matching host key type found. Their offer: ssh-rsa,ssh-dss",
     255, "site.nas.host", "192.168.1.10", "no host key type that this computer's ssh takes, only ssh-rsa,ssh-dss",
     "newer SSH server"),
    ("Unable to negotiate with 192.168.1.10 port 22: no matching key exchange method found. Their offer: "
     "diffie-hellman-group1-sha1", 255, "site.nas.host", "192.168.1.10", "offers no key exchange method that", "newer"),
    ("kex_exchange_identification: read: Connection reset by peer\nConnection reset by 192.168.1.10 port 22", 255,
     "site.nas.host", "192.168.1.10", "ends it before any login", "blocks this computer"),
    ("Your account has expired; please contact your system administrator.\nConnection closed by 192.168.1.10 port 22",
     255, "site.nas.user", "root", "account on 192.168.1.10 that has expired", "renew it"),
    ("WARNING: Your password has expired.\nPassword change required but no TTY available.", 1, "site.nas.user", "root",
     "has to change its password first", "`ssh root@192.168.1.10`"),
    ("Received disconnect from 192.168.1.10 port 22:2: Too many authentication failures", 255,
     "site.nas.identity_file", ".lab/ssh/id_ed25519", "was refused by SSH", "ssh-copy-id"),
    ("unix_listener: cannot bind to path /home/me/.ssh/macvlan-1.x: Permission denied", 255, "~/.ssh", "",
     "Permission denied", "write to"),
    ("unix_listener: path \"/home/me/.ssh/macvlan-1.x\" too long for Unix domain socket", 255, "~/.ssh", "",
     "too long", "at most 55"),
    ("root@192.168.1.10: Permission denied (publickey).", 255, "site.nas.identity_file", ".lab/ssh/id_ed25519",
     "was refused by SSH on 192.168.1.10 as root", "`ssh-copy-id -i .lab/ssh/id_ed25519 root@192.168.1.10`"),
    ("Welcome to your NAS", 0, "site.nas.host", "192.168.1.10", "answered something unexpected: Welcome", "login scri"),
    ("sh: exec: timeout", 127, "site.nas.host", "192.168.1.10", "answered something unexpected: sh: exec", "login"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("said", "code", "key", "value", "what", "remedy"), UNREACHED, ids=[u[4][:40] for u in UNREACHED]
)
def test_a_nas_that_cannot_be_asked_is_told_in_our_words(
    tools: Path, said: str, code: int, key: str, value: str, what: str, remedy: str
) -> None:
    tool(tools, "ssh", f"cat >/dev/null; echo '{said}' >&2; exit {code}")
    with pytest.raises(UserErrors) as refused:
        looked()
    [problem] = refused.value.problems
    assert (problem.path, problem.value) == (key, value)
    assert what in problem.message and remedy in problem.remedy, problem


def test_a_revoked_key_that_the_nas_shows_is_told_to_be_one(tools: Path) -> None:
    key = ACCESS.host_keys[0]
    words = f"The fingerprint for the ED25519 key sent by the remote host is\n{fingerprint(key)}."
    tool(tools, "ssh", f"cat >/dev/null; echo '{words}\nHost key verification failed.' >&2; exit 255")
    with pytest.raises(UserErrors, match=r"shows \(ED25519 SHA256:.*\) as @revoked"):
        gather_facts(site(), draft(site()), replace(ACCESS, revoked=(key,)), SCRIPTS)


def test_an_agent_with_too_many_keys_is_told_how_to_choose_one(tools: Path) -> None:
    tool(tools, "ssh", "cat >/dev/null; echo 'Too many authentication failures' >&2; exit 255")
    with pytest.raises(UserErrors, match=r"more keys of your ssh agent than .*\n.*add `identity_file`"):
        looked(drop("nas", "identity_file"))


def test_of_an_answer_that_is_none_the_text_before_it_is_told(tools: Path) -> None:
    tool(tools, "ssh", "cat >/dev/null; printf 'Quota:\\r\\n 5 GB== user\\nuid 0\\n== system\\n== end\\n'")
    with pytest.raises(UserErrors, match=r"something unexpected: Quota: 5 GB== user uid 0\n.*login script that prints"):
        looked()


def test_bytes_that_are_no_utf_8_stop_nobody(tools: Path, tmp_path: Path) -> None:
    conf = f"|{TITLE}\n|# repaired caf\xe9\n"
    text = BARE.replace("== conf\n", f"== conf\nfile /etc/setup_docker_macvlan.conf\n{conf}")
    (tmp_path / "answer").write_bytes(text.encode("latin-1"))
    tool(tools, "ssh", f'cat >/dev/null; printf "Willkommen, J\\374rgen\\n" >&2; cat "{tmp_path}/answer"')
    record = read_conf(looked().conf)
    assert record is not None and not record.whole
    (tmp_path / "answer").write_bytes(b"caf\xe9")
    with pytest.raises(UserErrors) as refused:
        looked()
    assert str(refused.value).encode()


def test_a_data_file_with_line_ends_of_windows_is_not_taken_for_whole(tools: Path, tmp_path: Path) -> None:
    text = answer("installed")
    head, lines, rest = (text.partition("== conf\n")[0], *text.partition("== conf\n")[2].split("== loop\n"))
    assert read_conf(parse_facts(text).conf) is not None
    lines = lines.replace("\n|", "\r\n|").replace(".conf\r", ".conf")
    (tmp_path / "answer").write_text(f"{head}== conf\n{lines}== loop\n{rest}", newline="")
    tool(tools, "ssh", f'cat >/dev/null; cat "{tmp_path}/answer"')
    was, record = read_conf(parse_facts(text).conf), read_conf(looked().conf)
    assert was is not None and was.whole and record == replace(was, whole=False)


def test_the_sockets_folder_is_made_with_all_above_it_for_its_owner_alone(
    tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool(tools, "ssh", f'cat >/dev/null; cat <<"E"\n{BARE}E')
    at_home(monkeypatch, tmp_path / "new/home")
    monkeypatch.setenv("HOME", "/nowhere")
    looked()
    assert (tmp_path / "new/home/.ssh").stat().st_mode & 0o777 == 0o700


def test_a_home_that_cannot_hold_the_socket_is_told(
    tools: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "file").touch()
    at_home(monkeypatch, tmp_path / "file")
    with pytest.raises(UserErrors, match=r"~/\.ssh\n +cannot hold the control socket .*Not a directory"):
        looked()
    monkeypatch.setattr("pwd.getpwuid", {}.__getitem__)
    with pytest.raises(UserErrors, match="has no entry on this computer"):
        looked()


def test_a_pinned_host_key_that_is_wrong_names_its_own_key(tools: Path) -> None:
    tool(tools, "ssh", "echo 'Host key verification failed.' >&2; exit 255")
    with pytest.raises(UserErrors) as refused:
        looked(put("nas", "host_key", ACCESS.host_keys[0]))
    [problem] = refused.value.problems
    assert problem.path == "site.nas.host_key" and problem.value == ACCESS.host_keys[0]


def test_a_computer_without_ssh_is_told_so(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tools))
    with pytest.raises(UserErrors, match="install OpenSSH's client"):
        looked()


def test_a_nas_that_hangs_is_told_so(tools: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tool(tools, "ssh", "exec sleep 30")
    monkeypatch.setattr("probe.gather.TIMEOUT", 0.2)
    with pytest.raises(UserErrors, match="did not answer within"):
        looked()
