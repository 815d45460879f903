"""__main__.py as a whole: from the stack's config to exports, with an ssh that answers as a NAS would."""

import asyncio
import json
import os
import runpy
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pulumi
import pytest
from pulumi.runtime import set_all_config

from preflight.snapshot import dump_snapshot
from probe.parse import parse_facts
from tests.unit.recorder import Recorder, record, revealed
from tests.unit.sites import ROOT, Change, dev_plan, drop, put, site_of
from tests.unit.test_drift import look
from tests.unit.test_gather import BARE, at_home, tool


@pytest.fixture
def nas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a key, a known host, and an ssh that writes down its calls. Answers what is in `answer`."""
    keys = tmp_path / "keys"
    keys.mkdir()
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", keys / "id"], check=True)
    (keys / "known_hosts").write_text(f"192.168.1.10 {(keys / 'id.pub').read_text()}")
    (tmp_path / "answer").write_text(BARE)
    tools = tmp_path / "bin"
    tools.mkdir()
    version = '[ "$1" != -V ] || { echo OpenSSH_9.2p1 >&2; exit; }'
    tool(tools, "ssh", f'{version}; cat >/dev/null; echo call >>"{tmp_path}/calls"; cat "{tmp_path}/answer"')
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    at_home(monkeypatch, tmp_path)
    monkeypatch.delenv("SSH_AUTH_SOCK", raising=False)
    return tmp_path


def run(
    nas: Path,
    *changes: Change,
    secrets: Any = None,
    secret_keys: tuple[str, ...] = (),
    more: dict[str, str] | None = None,
) -> tuple[Recorder, Any]:
    """The resources and the exports. more: other keys of the config, as Pulumi hands them over."""
    keys = (put("nas", "identity_file", str(nas / "keys/id")), put("nas", "known_hosts", str(nas / "keys/known_hosts")))
    config = {"macvlan-ipv6:site": json.dumps(site_of(*keys, *changes))}
    if secrets is not None:
        config["macvlan-ipv6:secretEnvironment"] = json.dumps(secrets)
    config |= more or {}
    exports: dict[str, Any] = {}

    def program() -> None:
        set_all_config(config, list(secret_keys))
        runpy.run_path(str(ROOT / "__main__.py"))
        root = pulumi.runtime.get_root_resource()
        assert root is not None
        exports.update(vars(root)["outputs"])

    return record(program), exports


def test_from_config_to_exports(nas: Path) -> None:
    recorder, exports = run(nas)
    assert len(recorder.made) == 12
    assert exports["containers"]["qbittorrent"]["ula"] == "fd0d:7eb5:2afd::202"
    assert exports["containers"]["qbittorrent"]["predicted_global_ipv6"] == ["2001:db8:1:1:42:c0ff:fea8:1ca"]
    assert exports.keys() == {
        "network",
        "shim",
        "containers",
        "external_containers",
        "manual_checks",
        "nas_status",
        "nas_snapshot",
    }
    assert (nas / "calls").read_text() == "call\n"
    # As a secret the long word is not spread out in every preview
    loop = asyncio.new_event_loop()
    assert loop.run_until_complete(exports["nas_snapshot"].is_secret()) is True
    loop.close()


def outputs_are(memory: SimpleNamespace, resources: SimpleNamespace | None = None) -> Callable[..., SimpleNamespace]:
    """The engine's answers for a stack with these outputs and resources."""
    others = resources or SimpleNamespace(value={"outputs": {}})
    return lambda function, _: memory if function.endswith("readStackOutputs") else others


def plugin_key(nas: Path, *changes: Change) -> str:
    [shim] = run(nas, *changes)[0].of("remote:Command")
    return revealed(shim.inputs["connection"])["hostKey"]


def test_the_command_plugin_gets_the_host_key_that_it_asks_for_also_where_another_is_pinned(nas: Path) -> None:
    [asked_for] = [key for key in parse_facts(BARE).host_keys if key.startswith("ecdsa")]
    pinned = put("nas", "host_key", (nas / "keys/id.pub").read_text())
    assert plugin_key(nas) == plugin_key(nas, pinned) == asked_for


def test_without_a_look_the_host_keys_are_those_that_were_told_over_the_key_that_is_still_trusted(
    nas: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen, _ = look(parse_facts(BARE))
    trusted = " ".join((nas / "keys/id.pub").read_text().split()[:2])
    [asked_for] = [key for key in seen.host_keys if key.startswith("ecdsa")]
    for before, key in ((trusted, asked_for), (asked_for, trusted)):
        memory = SimpleNamespace(value={"outputs": {"nas_snapshot": dump_snapshot(seen, dev_plan(), [before])}})
        monkeypatch.setattr("pulumi.runtime.invoke", outputs_are(memory))
        assert plugin_key(nas, put("probe", False)) == key
    assert not (nas / "calls").exists()


def refused(nas: Path, *changes: Change, **config: Any) -> str:
    with pytest.raises(pulumi.RunError) as error:
        run(nas, *changes, **config)
    assert error.value.__suppress_context__, "the person would see a traceback"
    return str(error.value)


@pytest.mark.parametrize(
    ("outputs", "why"),
    [
        (None, "this stack has none"),
        ({}, "this stack has none"),
        ({"nas": "x"}, "this stack has none"),
        ({"nas_snapshot": "eJwDAAAAAAE="}, "the stored one is of another version of this program"),
    ],
)
def test_without_a_look_and_without_a_memory_it_is_said_why(
    nas: Path, monkeypatch: pytest.MonkeyPatch, outputs: Any, why: str
) -> None:
    monkeypatch.setattr("pulumi.runtime.invoke", outputs_are(SimpleNamespace(value={"outputs": outputs})))
    said = refused(nas, put("probe", False))
    assert why in said and "-> run `pulumi up` once with `probe: on`" in said


def test_what_is_wrong_in_the_config_is_told_before_the_nas_is_asked(nas: Path) -> None:
    assert "site.nas.prot: 22" in refused(nas, put("nas", "prot", 22))
    assert not (nas / "calls").exists()


def test_findings_on_the_nas_are_told_together_and_nothing_is_made(nas: Path) -> None:
    (nas / "answer").write_text(BARE.replace("uid 0", "uid 7").replace("kernel yes", "kernel no"))
    said = refused(nas)
    assert said.startswith("Found 2 problems; nothing was changed:")
    assert "without the macvlan module" in said and "site.nas.user: root" in said


def test_an_empty_config_is_told_as_one(nas: Path) -> None:
    assert "site.nas" in refused(nas, *(drop(key) for key in site_of()))


SECRETS, SITE = "macvlan-ipv6:secretEnvironment", "macvlan-ipv6:site"


def test_secrets_reach_the_container(nas: Path) -> None:
    recorder, _ = run(nas, secrets={"test": {"A": "swordfish"}}, secret_keys=(SECRETS,))
    assert [made.name for made in recorder.made if "swordfish" in made.raw] == ["lan-test-container"]


def test_secrets_that_are_readable_are_refused_and_not_repeated(nas: Path) -> None:
    said = refused(nas, secrets={"test": {"A": "swordfish"}})
    assert SECRETS in said and "swordfish" not in said and "config set --secret" in said


def test_a_secret_in_the_site_is_refused(nas: Path) -> None:
    assert SITE in refused(nas, secret_keys=(SITE,))


def test_keys_that_the_program_does_not_know_are_told_with_all_the_rest_and_without_their_values(nas: Path) -> None:
    more = {
        f"{SECRETS}.test.TOKEN": "swordfish",
        f"{SITE}.nas.port": "swordfish",
        "macvlan-ipv6:sudopassword": "swordfish",
        "docker:host": "swordfish",
        "macvlan-ipv6:sudoPassword": "swordfish",
    }
    said = refused(nas, put("nas", "prot", 22), secrets={"test": {"A": "swordfish"}}, more=more)
    assert said.startswith("Found 6 problems;") and "swordfish" not in said and "docker:host" not in said
    for key in (f"{SECRETS}.test.TOKEN", f"{SITE}.nas.port", "macvlan-ipv6:sudopassword"):
        assert f"  {key}\n" in said and f"`pulumi config rm '{key}'`" in said
    assert f"pulumi config set --secret --path '{SECRETS}.<container>.<VARIABLE>'" in said
    assert "site.nas.prot: 22" in said


def test_the_word_for_when_images_were_last_wanted_reaches_them(nas: Path) -> None:
    for more, wanted in (({"macvlan-ipv6:imagesPulled": "2026-11-27"}, ["2026-11-27"]), ({}, None)):
        images = run(nas, more=more)[0].of("remoteImage:RemoteImage")
        assert images and all(image.inputs.get("pullTriggers") == wanted for image in images)


def test_unknown_keys_are_seen_in_the_environment_too(nas: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PULUMI_CONFIG", json.dumps({f"{SECRETS}.test.TOKEN": "swordfish"}))
    assert f"{SECRETS}.test.TOKEN\n" in refused(nas)


@pytest.mark.parametrize("key", [SECRETS, SITE])
def test_text_in_place_of_a_map_is_refused_without_repeating_it(nas: Path, key: str) -> None:
    said = refused(nas, more={key: "swordfish"}, secret_keys=(SECRETS,))
    assert key in said and "swordfish" not in said and "is not a valid" not in said
