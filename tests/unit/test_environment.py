"""What a shell's environment would do to the plugins and to ssh is told before they start."""

import os
from pathlib import Path

import pytest

from config.problems import Problem
from inputs.environment import environment_problems

# What does no harm; each was looked for in the sources (docs/decisions/0019)
HARMLESS = {
    "DOCKER_HOST": "tcp://192.0.2.1:2375",
    "DOCKER_CONTEXT": "",
    "DOCKER_TLS_VERIFY": "1",
    "DOCKER_CA_MATERIAL": "x",
    "DOCKER_API_VERSION": "1.12",
    "DOCKER_CONFIG": "/nowhere",
    "DOCKER_SSH_OPTS": "-p 1",
    "SSH_ASKPASS": "/nowhere",
    "SSH_ASKPASS_REQUIRE": "force",
    "GIT_SSH_COMMAND": "false",
    "HTTP_PROXY": "http://me:secret@192.0.2.1:3128",
    "HTTPS_PROXY": "socks5://192.0.2.1",
    "ALL_PROXY": "socks5://192.0.2.1",
    "LC_ALL": "de_DE.UTF-8",
    "LANGUAGE": "de",
}


def one(**environ: str) -> Problem:
    [problem] = environment_problems(environ)
    return problem


def test_an_empty_environment_and_a_harmless_one_stop_nobody() -> None:
    assert environment_problems({}) == []
    assert environment_problems(HARMLESS) == []


def test_a_docker_context_is_told_with_its_name() -> None:
    problem = one(**HARMLESS | {"DOCKER_CONTEXT": "default"})
    assert (problem.path, problem.value, problem.severity) == ("DOCKER_CONTEXT", "default", "error")
    assert "instead of the NAS's" in problem.message and "`unset DOCKER_CONTEXT`" in problem.remedy


@pytest.mark.parametrize("name", ["DOCKER_CERT_PATH", "DOCKER_CERT_MATERIAL", "DOCKER_KEY_MATERIAL"])
def test_certificates_are_told_without_showing_them(name: str) -> None:
    problem = one(**{name: "hunter2"})
    assert problem.path == name and "TLS" in problem.message and f"`unset {name}`" in problem.remedy
    assert "hunter2" not in str(problem)


@pytest.mark.parametrize("host", ["nas", "192.168.1.10:2375", "tcp://", "npipe:////./pipe/docker_engine"])
def test_a_docker_host_that_nobody_can_read_is_told(host: str) -> None:
    assert (one(DOCKER_HOST=host).path, one(DOCKER_HOST=host).value) == ("DOCKER_HOST", host)


@pytest.mark.parametrize("name", ["HTTP_PROXY", "http_proxy"])
@pytest.mark.parametrize("scheme", ["socks5", "socks5h", "https", "SOCKS5"])
def test_a_proxy_that_wants_a_handshake_is_told_until_the_daemon_is_exempt(name: str, scheme: str) -> None:
    environ = {name: f"{scheme}://me:hunter2@192.0.2.1:1080", "NO_PROXY": "localhost,.lan"}
    problem = one(**environ)
    assert (problem.path, problem.value) == (name, f"{scheme}://192.0.2.1:1080")
    assert 'NO_PROXY="${NO_PROXY:-$no_proxy},docker.example.com"' in problem.remedy
    for exempt in ("localhost,docker.example.com", "*", " .example.com", "example.com", "*.com"):
        assert environment_problems(environ | {"NO_PROXY": exempt}) == []
        assert environment_problems({name: environ[name], "no_proxy": exempt}) == []
    assert one(**environ | {"NO_PROXY": "ample.com"}).path == name


def test_the_first_of_the_two_proxy_variables_counts_as_in_go() -> None:
    assert environment_problems({"HTTP_PROXY": "http://192.0.2.1", "http_proxy": "socks5://192.0.2.1"}) == []


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    return tmp_path / "ssh"


@pytest.mark.parametrize(
    ("said", "value", "what"),
    [
        ("OpenSSH_8.4p1 Debian-5+deb11u3, OpenSSL 1.1.1w", "OpenSSH_8.4p1 Debian-5+deb11u3", "too old"),
        ("OpenSSH_7.9p1, LibreSSL 2.7.3", "OpenSSH_7.9p1", "too old"),
        ("Dropbear v2022.83", "Dropbear v2022.83", "is not OpenSSH"),
        ("", "", "is not OpenSSH"),
    ],
)
def test_an_ssh_that_cannot_be_told_host_keys_is_told_with_its_version(
    ssh: Path, said: str, value: str, what: str
) -> None:
    ssh.write_text(f"#!/bin/sh\necho '{said}' >&2\n")
    ssh.chmod(0o755)
    problem = one()
    assert (problem.path, problem.value) == ("ssh", value)
    assert what in problem.message and "OpenSSH 8.5 or newer" in problem.remedy


@pytest.mark.parametrize("said", ["OpenSSH_8.5p1, OpenSSL", "OpenSSH_10.2p1, LibreSSL", "OpenSSH_for_Windows_9.5p1"])
def test_a_newer_ssh_stops_nobody(ssh: Path, said: str) -> None:
    ssh.write_text(f"#!/bin/sh\necho '{said}' >&2\n")
    ssh.chmod(0o755)
    assert environment_problems({}) == []


def test_a_computer_without_ssh_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", os.devnull)
    assert "install OpenSSH's client" in one().remedy
