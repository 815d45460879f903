"""The language host's own part: finding the program's environment, and what it says where there is none."""

from pathlib import Path

import pytest

from lab.engine.language_host.environment import EnvironmentProblem, Plugin, environment


def _venv(root: Path, name: str = ".venv") -> Path:
    packages = root / name / "lib/python3.11/site-packages"
    packages.mkdir(parents=True)
    (root / name / "bin").mkdir()
    (root / name / "bin/python").touch()
    return packages


def _package(packages: Path, name: str, text: str) -> None:
    (packages / name).mkdir()
    (packages / name / "pulumi-plugin.json").write_text(text)


def test_the_environment_is_the_one_of_pulumi_yaml(tmp_path: Path) -> None:
    _venv(tmp_path, "envs/one")
    _venv(tmp_path)
    assert environment(str(tmp_path), {"toolchain": "uv", "virtualenv": "envs/one"}).folder == tmp_path / "envs/one"
    assert environment(str(tmp_path), {}).folder == tmp_path / ".venv"


def test_a_missing_environment_names_the_remedy(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match=r"is no virtual environment(.|\n)*-> uv sync"):
        environment(str(tmp_path), {"virtualenv": ".venv"})


def test_another_toolchain_is_an_error_and_not_guessed_at(tmp_path: Path) -> None:
    _venv(tmp_path)
    with pytest.raises(EnvironmentProblem, match=r"poetry(.|\n)*make ENGINE=path"):
        environment(str(tmp_path), {"toolchain": "poetry"})


def test_the_plugins_are_those_of_the_installed_sdks(tmp_path: Path) -> None:
    packages = _venv(tmp_path)
    _package(packages, "pulumi_docker", '{"resource": true, "name": "docker", "version": "5.2.0"}')
    _package(packages, "pulumi_other", '{"resource": true, "version": "1.0.0", "server": "https://example.org"}')
    _package(packages, "pulumi_component", '{"resource": false, "name": "component"}')
    assert environment(str(tmp_path), {}).plugins() == [
        Plugin("docker", "5.2.0", ""),
        Plugin("other", "1.0.0", "https://example.org"),
    ]


def test_the_program_sees_an_activated_environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _venv(tmp_path)
    monkeypatch.setenv("PYTHONHOME", "/elsewhere")
    monkeypatch.setenv("PATH", "/bin")
    monkeypatch.setenv("PYTHONPATH", "/mine")
    variables = environment(str(tmp_path), {}).variables
    assert variables["VIRTUAL_ENV"] == f"{tmp_path}/.venv"
    assert variables["PATH"] == f"{tmp_path}/.venv/bin:/bin"
    assert variables["PYTHONPATH"] == "/mine"
    assert "PYTHONHOME" not in variables
