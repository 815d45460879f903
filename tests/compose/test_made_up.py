"""Whole projects, made up, read by our reader and by compose-go."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, event, given, settings
from hypothesis import strategies as st

from tests.compose.cases import Case
from tests.compose.comparable import differences, of_oracle, of_ours
from tests.compose.made_up import as_yaml, documents, services
from tests.compose.oracle import Oracle

MANY = settings(max_examples=max(250, settings().max_examples), suppress_health_check=[HealthCheck.too_slow])
ENV = "A=va\nE=\nP=8443\nFOLDER=/volume1/x\nIP=192.168.1.9\nS=90\nM=1.5g\nC=0.5\nT=true\nCOMPOSE_PROFILES=on\n"
ONE, TWO = "A=1\nFROM=one\nSEES=$A-$E-${C}\nD\n", "A=2\nTWO='t w'\nSEES2=$FROM\n"


@pytest.fixture(scope="module")
def oracle() -> Iterator[Oracle]:
    with Oracle() as running:
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Beside the files: what they name."""
    folder = tmp_path_factory.mktemp("made-up")
    for name, text in ((".env", ENV), ("one.env", ONE), ("two.env", TWO)):
        (folder / name).write_text(text)
    return folder


@MANY
@given(document=documents())
def test_one_file(document: dict[str, Any], folder: Path, oracle: Oracle) -> None:
    _alike(folder, oracle, document)


@MANY
@given(document=documents(), over=documents(whole=False))
def test_one_file_over_another(document: dict[str, Any], over: dict[str, Any], folder: Path, oracle: Oracle) -> None:
    _alike(folder, oracle, document, over)


@MANY
@given(document=documents(), own=services(), elsewhere=st.booleans())
def test_a_service_that_extends(
    document: dict[str, Any], own: dict[str, Any], elsewhere: bool, folder: Path, oracle: Oracle
) -> None:
    if elsewhere:
        (folder / "base.yml").write_text(as_yaml({"services": {"app": document["services"].pop("app")}}))
        document["services"]["child"] = {"extends": {"file": "base.yml", "service": "app"}, **own}
    else:
        document["services"]["child"] = {"extends": "app", **own}
    _alike(folder, oracle, document)


@MANY
@given(document=documents(), outer=services())
def test_a_service_over_an_included_one(
    document: dict[str, Any], outer: dict[str, Any], folder: Path, oracle: Oracle
) -> None:
    (folder / "included.yml").write_text(as_yaml(document))
    _alike(folder, oracle, {"include": ["included.yml"], "services": {"app": outer}})


def _alike(folder: Path, oracle: Oracle, *files: dict[str, Any]) -> None:
    """Where Compose takes the files, we read the same; where it does not, we may be more patient."""
    names = tuple(f"{index}.yml" for index, _ in enumerate(files))
    for name, document in zip(names, files, strict=True):
        (folder / name).write_text(as_yaml(document), encoding="utf-8")
    case = Case("", folder, names)
    answer, (project, findings) = case.by_oracle(oracle), case.by_us()
    event("refused" if "error" in answer else "taken")
    if "error" not in answer:
        assert project is not None, findings
        assert differences(of_oracle(answer), of_ours(project)) == []
        assert [finding for finding in project.findings if finding.severity == "error"] == []
