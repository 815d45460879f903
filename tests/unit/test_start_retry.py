"""Which failures of a container are tried again, and what is done on the NAS for it."""

import asyncio
from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime.proto import resource_pb2

from components.start_retry import TRIES
from tests.unit.recorder import ACCESS, Recorder, record_lan
from tests.unit.sites import dev_plan
from tests.unit.test_gather import tool

OUTRUN = (
    "1 error occurred: Unable to start container: Error response from daemon: failed to create shim task: level=fatal "
    'msg="failed to set IPv6 gateway while updating gateway: file exists": unknown'
)
SSH = " ".join(ACCESS.command(""))


@pytest.fixture(scope="module")
def hook() -> pulumi.ErrorHook:
    [hook] = record_lan(dev_plan()).hooks.values()
    return hook


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an ssh that writes down what it is called with. `state` is what the NAS says of the container, `rm`
    the exit code of its removal."""
    (tmp_path / "state").write_text("created 1234\n")
    (tmp_path / "rm").write_text("0")
    last = 'case $last in "docker inspect "*) exec cat state ;; *) echo 1234; exit "$(cat rm)" ;; esac'
    tool(tmp_path, "ssh", f'cd "${{0%/*}}"; echo "$@" >>calls; for last; do :; done\n{last}')
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return tmp_path


def asked(hook: pulumi.ErrorHook, *errors: str, operation: str = "create", name: str = "test") -> bool:
    args = pulumi.ErrorHookArgs("urn", "", "lan-test-container", "", {"name": name}, None, None, operation, [*errors])

    async def answer() -> bool:
        said = hook(args)
        return said if isinstance(said, bool) else await said

    loop = asyncio.new_event_loop()  # asyncio.run would take the SDK's loop away from the tests after this one
    try:
        return loop.run_until_complete(answer())
    finally:
        loop.close()


def calls(ssh: Path) -> list[str]:
    """What ssh was asked to run, each with the site's settings."""
    lines = (ssh / "calls").read_text().splitlines() if (ssh / "calls").exists() else []
    assert all(f"ssh {line}".startswith(SSH) for line in lines)
    return [f"ssh {line}".removeprefix(SSH) for line in lines]


def test_each_container_has_it_and_nothing_else_has() -> None:
    run = record_lan(dev_plan())
    [name] = run.hooks
    having = {made.name for made in run.made if made.on_error}
    assert having == {made.name for made in run.of("container:Container")}
    assert {made.on_error for made in run.made if made.on_error} == {(name,)}


INSPECT = "docker inspect --format '{{.State.Status}} {{.Id}}'"


def test_a_start_that_was_outrun_is_made_again_after_the_first_one_is_removed(
    hook: pulumi.ErrorHook, ssh: Path
) -> None:
    assert asked(hook, OUTRUN)
    assert calls(ssh) == [f"{INSPECT} test", "docker rm --volumes 1234"]


@pytest.mark.parametrize("state", ["running", "restarting", "exited", "paused"])
def test_one_that_has_run_is_not_touched(hook: pulumi.ErrorHook, ssh: Path, state: str) -> None:
    (ssh / "state").write_text(f"{state} 1234\n")
    assert not asked(hook, OUTRUN)
    assert calls(ssh) == [f"{INSPECT} test"]


def test_one_that_stays_is_not_made_a_second_time(hook: pulumi.ErrorHook, ssh: Path) -> None:
    (ssh / "rm").write_text("1")
    assert not asked(hook, OUTRUN)


def test_one_that_is_gone_is_not_made_a_second_time(hook: pulumi.ErrorHook, ssh: Path) -> None:
    (ssh / "state").unlink()
    assert not asked(hook, OUTRUN)


def test_a_name_is_quoted_for_the_shell_of_the_nas(hook: pulumi.ErrorHook, ssh: Path) -> None:
    assert asked(hook, OUTRUN, name="a b;c")
    assert calls(ssh)[0] == f"{INSPECT} 'a b;c'"


def test_an_update_starts_the_one_that_is_there(hook: pulumi.ErrorHook, ssh: Path) -> None:
    assert asked(hook, OUTRUN, operation="update")
    assert calls(ssh) == []


@pytest.mark.parametrize(
    "errors",
    [
        ("Unable to start container: Address already in use",),
        ("Unable to create container: Conflict. The container name is in use", OUTRUN),
        (OUTRUN,) * (TRIES + 1),
    ],
)
def test_no_other_failure_and_no_more_than_some(hook: pulumi.ErrorHook, ssh: Path, errors: tuple[str, ...]) -> None:
    assert not asked(hook, *errors)
    assert calls(ssh) == []


def test_the_last_try_is_still_one(hook: pulumi.ErrorHook, ssh: Path) -> None:
    assert asked(hook, *(OUTRUN,) * TRIES)


def test_without_ssh_the_failure_stays_what_it_is(hook: pulumi.ErrorHook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert not asked(hook, OUTRUN)


def test_a_cli_that_knows_no_such_hook_works_without(monkeypatch: pytest.MonkeyPatch) -> None:
    class Old(Recorder):
        def GetDeploymentInfo(self, request: Any) -> Any:
            known = super().GetDeploymentInfo(request)
            known.supportedFeatures.remove(resource_pb2.RESOURCE_MONITOR_FEATURE_ERROR_HOOKS)
            return known

    monkeypatch.setattr("tests.unit.recorder.Recorder", Old)
    run = record_lan(dev_plan())
    assert run.of("container:Container") and not run.hooks and not any(made.on_error for made in run.made)
