"""The files with hashes hold what pyproject.toml pins, and name no index."""

import re
import tomllib

import pytest

from tests.unit.sites import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PINS = dict(pin.split("==") for pin in PROJECT["tool"]["uv"]["constraint-dependencies"])


def locked(name: str) -> dict[str, tuple[str, int]]:
    """Package → version, number of hashes."""
    text = (ROOT / name).read_text().replace("\\\n", "")
    found = re.findall(r"^([a-z0-9.-]+)==([^ ;]+)(.*)$", text, re.MULTILINE)
    return {package: (version, rest.count("--hash=sha256:")) for package, version, rest in found}


def named(requirements: list[str]) -> set[str]:
    return {re.split(r"[^a-z0-9-]", one)[0] for one in requirements}


@pytest.mark.parametrize("name", ["requirements.txt", "requirements-dev.txt"])
def test_every_package_has_its_pin_and_hashes_and_no_index(name: str) -> None:
    found = locked(name)
    assert "://" not in (ROOT / name).read_text() and len(found) > 20
    assert {package: version for package, (version, _) in found.items()} == {
        package: PINS[package] for package in found
    }
    assert all(count for _, count in found.values())


def test_nothing_that_is_asked_for_is_missing() -> None:
    """After a change in pyproject.toml: `make requirements`."""
    asked = named(PROJECT["project"]["dependencies"])
    groups = PROJECT["dependency-groups"]
    assert asked <= locked("requirements.txt").keys()
    assert asked | named(groups["dev"]) | named(groups["engine"]) <= locked("requirements-dev.txt").keys()
    assert PINS.keys() == locked("requirements-dev.txt").keys()
