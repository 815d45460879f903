"""Everything that a person wrote, as `pulumi up` reads it: all that is wrong in one error, from every place."""

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import HealthCheck, given, settings

from config.keys import SECRETS_KEY
from config.problems import UserErrors
from inputs.load import LoadedConfig, load
from tests.unit.junk import junk
from tests.unit.sites import ROOT, Change, box, drop, put, site_of


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout with a key and a known host, and with the example's compose file."""
    folder = tmp_path_factory.mktemp("project")
    (folder / ".lab/ssh").mkdir(parents=True)
    key = folder / ".lab/ssh/id_ed25519"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", key], check=True)
    (folder / ".lab/ssh/known_hosts").write_text(f"192.168.1.10 {key.with_suffix('.pub').read_text()}")
    for name in ("nas", "examples"):
        (folder / name).symlink_to(ROOT / name)
    return folder


@pytest.fixture(autouse=True)
def _no_agent(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)


def loaded(project: Path, *changes: Change, secrets: Any = None) -> LoadedConfig:
    """As Pulumi hands it over: parsed values, and the file that they were typed in."""
    site = site_of(*changes)
    stack_file = project / "Pulumi.dev.yaml"
    stack_file.write_text(yaml.safe_dump({"config": {"macvlan-ipv6:site": site}}))
    return load(project, stack_file, site, secrets)


def refused(project: Path, *changes: Change, secrets: Any = None) -> list[tuple[str, str]]:
    with pytest.raises(UserErrors) as errors:
        loaded(project, *changes, secrets=secrets)
    assert all(problem.remedy for problem in errors.value.problems)
    return [(problem.path, problem.value) for problem in errors.value.problems]


def test_dev_loads(project: Path) -> None:
    result = loaded(project, secrets={"test": {"PASSWORD": "x"}})
    assert result.access.url == "ssh://root@192.168.1.10:22"
    assert result.secrets == {"test": {"PASSWORD": "x"}}
    assert [one.path for one in result.networks[0].addresses.containers if "qbittorrent" in one.path] == [
        "examples/qbittorrent/docker-compose.yml: services.qbittorrent"
    ]
    assert sorted(result.sources) == [
        "as_root.sh",
        "docker.sh",
        "install.sh",
        "macvlan.rc.sh",
        "probe.sh",
        "setup_docker_macvlan.network.service",
        "setup_docker_macvlan.service",
        "setup_docker_macvlan.sh",
        "try_password.sh",
        "unpack.sh",
    ]


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("nowhere.yml", "No such file"),
        (".", "Is a directory"),
        ("~nobodyhere/x.yml", "cannot be read"),
        ("a\0b", "cannot be read"),
        ("x" * 5000, "File name too long"),
    ],
)
def test_a_compose_file_that_cannot_be_read_is_told(project: Path, name: str, what: str) -> None:
    with pytest.raises(UserErrors, match=what) as errors:
        loaded(project, put("compose", name))
    assert [problem.path for problem in errors.value.problems] == ["site.compose[0]"]


@pytest.mark.parametrize(
    ("content", "place"),
    [
        (b"a: [", "bad.yml:2"),
        (b"x: !!int y", "bad.yml:1 x"),
        (b"&a [*a]", "bad.yml:1 [0]"),
        (b"a: 2001-99-99", "bad.yml:1"),
        (b"\xff\xfe\x00", "site.compose[0]"),
    ],
)
def test_a_file_that_is_no_compose_file_is_told_with_its_line(project: Path, content: bytes, place: str) -> None:
    (project / "bad.yml").write_bytes(content)
    with pytest.raises(UserErrors) as errors:
        loaded(project, put("compose", ["bad.yml"]))
    assert [problem.path for problem in errors.value.problems] == [place]


def test_a_compose_file_that_is_no_yaml_is_told_without_its_lines(project: Path) -> None:
    (project / "bad.yml").write_text("services:\n  a:\n    environment:\n      DB_PASSWORD: hunter2: secret\n")
    with pytest.raises(UserErrors, match=r"bad.yml:4\n.*in column 27") as errors:
        loaded(project, put("compose", "bad.yml"))
    assert "hunter2" not in str(errors.value)


def test_keys_that_stand_twice_are_told_in_the_stacks_file_and_in_compose_files(project: Path) -> None:
    compose = (ROOT / "examples/qbittorrent/docker-compose.yml").read_text()
    twice = compose.replace("        ipv4_address: 192.168.1.202\n", "        ipv4_address: 192.168.1.202\n" * 2)
    (project / "twice.yml").write_text(twice)
    site = site_of(put("compose", "twice.yml"))
    text = yaml.safe_dump({"config": {"macvlan-ipv6:site": site}})
    (project / "Pulumi.dev.yaml").write_text(text.replace("image: busybox", "image: alpine\n        image: busybox"))
    with pytest.raises(UserErrors) as errors:
        load(project, project / "Pulumi.dev.yaml", site, None)
    assert [(problem.path, "line" in problem.message) for problem in errors.value.problems] == [
        ("site.containers.test.image", True),
        ("twice.yml:17 services.qbittorrent.networks.bridge-host.ipv4_address", True),
    ]


def test_two_compose_files_are_one_project(project: Path) -> None:
    text = (ROOT / "examples/qbittorrent/docker-compose.yml").read_text()
    (project / "second.yml").write_text(text.replace("qbittorrent:\n", "second:\n", 1).replace(".202", ".203"))
    both = ["examples/qbittorrent/docker-compose.yml", "second.yml"]
    assert refused(project, put("compose", both)) == [("second.yml:4 services.second.container_name", "qbittorrent")]


@pytest.mark.parametrize(
    ("line", "path"),
    [("user: 0022", "user"), ("restart: no", "restart"), ("mac_address: 02:42:10:20:30:40", "mac_add")],
)
def test_traps_are_told_in_the_stacks_file(project: Path, line: str, path: str) -> None:
    site, stack_file = site_of(), project / "Pulumi.dev.yaml"
    text = yaml.safe_dump({"config": {"macvlan-ipv6:site": site}})
    stack_file.write_text(text.replace("image: busybox", f"image: busybox\n        {line}"))
    with pytest.raises(UserErrors) as errors:
        load(project, stack_file, site, None)
    [told] = [problem.path for problem in errors.value.problems if problem.message.startswith("is unquoted")]
    assert told.startswith("site.containers.test.") and path in told


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("restart: no", []),
        ("mac_address: 02:42:10:20:30:40", []),
        ("user: 0022", ["read.yml:13 services.qbittorrent.user"]),  # Compose takes no number there, and 0022 is 18
    ],
)
def test_a_compose_file_is_read_as_compose_reads_it(project: Path, line: str, told: list[str]) -> None:
    compose = (ROOT / "examples/qbittorrent/docker-compose.yml").read_text()
    (project / "read.yml").write_text(compose.replace("restart: unless-stopped", line))
    if not told:
        assert loaded(project, put("compose", "read.yml")).networks
        return
    assert [path for path, _ in refused(project, put("compose", "read.yml"))] == told


def test_services_of_others_are_none_of_our_business(project: Path) -> None:
    compose = (ROOT / "examples/qbittorrent/docker-compose.yml").read_text()
    (project / "mixed.yml").write_text(compose.replace("services:\n", "services:\n  db:\n    restart: no\n", 1))
    assert loaded(project, put("compose", "mixed.yml")).networks


def test_a_stack_without_its_file_is_loaded_all_the_same(project: Path) -> None:
    assert load(project, project / "Pulumi.nowhere.yaml", site_of(), None).site


@pytest.mark.parametrize(
    ("secrets", "told"),
    [
        ({"nobody": {"A": "x"}}, [(f"{SECRETS_KEY}.nobody", "")]),
        ({"qbittorrent": {"TZ": "x"}}, [(f"{SECRETS_KEY}.qbittorrent.TZ", "")]),
        ({"test": "x"}, [(f"{SECRETS_KEY}.test", "")]),
        ({"test": {"A": 5}}, [(f"{SECRETS_KEY}.test.A", "")]),
        ("hunter2", [(SECRETS_KEY, "")]),
        (5, [(SECRETS_KEY, "")]),
    ],
)
def test_secrets_that_go_nowhere_are_told_without_their_value(project: Path, secrets: Any, told: Any) -> None:
    assert refused(project, secrets=secrets) == told


def test_secrets_of_a_container_that_could_not_be_read_are_not_called_lost(project: Path) -> None:
    told = refused(project, box("a1", 9, imgae="x"), secrets={"a1": {"A": "x"}})
    assert told == [("site.containers.a1.imgae", "x")]


def test_problems_of_every_place_are_told_in_one_error(project: Path) -> None:
    told = refused(
        project,
        put("nas", "identity_file", "nowhere"),
        put("nas", "known_hosts", "nowhere"),
        put("nas", "prot", 22),
        put("lan", "gateway", "10.0.0.1"),
        put("containers", "test", "uts", "host"),
        put("compose", "nowhere.yml"),
        secrets=5,
    )
    assert {path for path, _ in told} == {
        "site.nas.identity_file",
        "site.nas.known_hosts",
        "site.nas.prot",
        "site.lan.gateway",
        "site.containers.test.uts",
        "site.compose[0]",
        SECRETS_KEY,
    }


def test_problems_of_single_keys_are_told_where_a_key_is_missing(project: Path) -> None:
    assert {path for path, _ in refused(project, drop("shim"), put("nas", "prot", 1))} == {"site.shim", "site.nas.prot"}


@settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(junk(), junk())
def test_junk_in_both_keys_gives_user_errors_and_nothing_else(project: Path, site: Any, secrets: Any) -> None:
    with pytest.raises(UserErrors):
        load(project, Path(os.devnull), site, secrets)
