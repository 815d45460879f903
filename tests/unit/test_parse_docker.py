"""Where containers keep their files, and what Compose wrote onto them, read from what the probe says."""

import json
from typing import Any

import pytest

from facts.labels import BY_NOBODY, ComposeLabels
from facts.nas import LiveContainer, NasFacts
from facts.storage import LiveMount, LiveVolume
from probe.parse import parse_facts
from tests.unit.recorded import answer

HASH = "5e" * 32
LABELS = {
    "project": "home",
    "service": "pihole",
    "oneoff": "False",
    "project.config_files": "/volume1/docker/home/a.yml,/volume1/docker/home/b.yml",
    "project.working_dir": "/volume1/docker/home",
    "": None,
}


def facts_with(volumes: str | None = None, **changes: Any) -> NasFacts:
    """What the NAS of the lab said, but for the container `test`, and with that section of volumes."""
    lines = answer("installed").splitlines()
    at = next(index for index, line in enumerate(lines) if '"name":"/test"' in line)
    lines[at] = json.dumps({**json.loads(lines[at]), **changes})
    text = "\n".join(lines)
    if volumes is not None:
        text = text.replace("\n== files\n", f"\n== volumes\n{volumes}\n== files\n".replace("\n\n", "\n"))
    return parse_facts(text)


def container_with(**changes: Any) -> LiveContainer:
    return facts_with(**changes).containers["test"]


def test_an_answer_from_before_has_none_of_it() -> None:
    facts = parse_facts(answer("installed"))
    assert facts.volumes is None
    one = facts.containers["test"]
    assert (one.compose, one.mounts, one.ports) == (BY_NOBODY, (), ())


def test_what_compose_wrote_is_read() -> None:
    assert container_with(compose=LABELS).compose == ComposeLabels(
        "home",
        "pihole",
        ("/volume1/docker/home/a.yml", "/volume1/docker/home/b.yml"),
        "/volume1/docker/home",
        is_one_off=False,
    )
    assert container_with(compose={**LABELS, "oneoff": "True"}).compose.is_one_off
    assert container_with(compose=None).compose == BY_NOBODY


@pytest.mark.parametrize("text", ["\x1b[31mred", "two\nlines", "a b", "x" * 300, "", 7, None, {"a": 1}])
def test_what_compose_could_not_have_written_counts_as_nothing(text: Any) -> None:
    made = container_with(compose={**LABELS, "project": text, "service": text}).compose
    assert (made.project, made.service) == ("", "")
    made = container_with(compose={"project.working_dir": text, "project.config_files": text}).compose
    assert made.folder == "" and "\n" not in str(made.files) and "\x1b" not in str(made.files)


def test_mounts_are_read_and_a_volume_without_a_name_is_known_by_dockers() -> None:
    mounts = [
        ["volume", "/data", "home_data"],
        ["volume", "/cache", HASH],
        ["bind", "/etc/x", "/volume1/x"],
        ["tmpfs", "/run", ""],
        None,
    ]
    found = container_with(mounts=mounts).mounts
    assert found == tuple(LiveMount(*mount) for mount in mounts if mount)
    assert [mount.target for mount in found if mount.is_anonymous] == ["/cache"]
    assert not LiveMount("bind", "/x", HASH).is_anonymous


def test_ports_that_docker_opened_are_read() -> None:
    ports = {
        "80/tcp": [{"HostIp": "0.0.0.0", "HostPort": "8080"}, {"HostIp": "::", "HostPort": "8080"}],
        "53/udp": [{"HostIp": "", "HostPort": "53"}],
        "443/tcp": None,
        "9/tcp": [{"HostIp": "", "HostPort": ""}],
    }
    assert container_with(ports=ports).ports == (("0.0.0.0", 53, "udp"), ("0.0.0.0", 8080, "tcp"), ("::", 8080, "tcp"))
    assert container_with(ports=None).ports == ()


def test_volumes_are_read_by_their_names() -> None:
    labels = {"com.docker.compose.project": "home", "com.docker.compose.volume": "data", "own": "1"}
    lines = [
        json.dumps({"name": "home_data", "driver": "local", "options": None, "labels": labels}),
        json.dumps({"name": "nfs", "driver": "local", "options": {"type": "nfs"}, "labels": None}),
    ]
    found = facts_with("\n".join(lines)).volumes
    assert found is not None and found == {
        "home_data": LiveVolume("home_data", "local", {}, labels),
        "nfs": LiveVolume("nfs", "local", {"type": "nfs"}),
    }
    assert found is not None
    assert (found["home_data"].compose_project, found["home_data"].compose_key) == ("home", "data")
    assert (found["nfs"].compose_project, found["nfs"].compose_key) == ("", "")


def test_a_section_without_a_volume_is_a_nas_without_one_and_half_a_section_is_none() -> None:
    assert facts_with("").volumes == {}
    assert facts_with('{"name":"a"}\ncut').volumes is None
    assert facts_with("unanswered").volumes is None


def test_labels_of_a_volume_that_compose_could_not_have_written_count_as_nothing() -> None:
    labels = {"com.docker.compose.project": "\x1b[31m", "com.docker.compose.volume": "a b"}
    found = facts_with(json.dumps({"name": "x", "labels": labels})).volumes
    assert found is not None and (found["x"].compose_project, found["x"].compose_key) == ("", "")
