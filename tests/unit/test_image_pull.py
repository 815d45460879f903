"""Which images are looked for anew when the person says so, and what the NAS is asked to do for it."""

from pathlib import Path
from typing import Any

import pulumi
import pytest
from pulumi.runtime.proto import resource_pb2

from components.image_pull import image_pull_hook
from config.problems import UserErrors
from tests.unit.recorder import ACCESS, Recorder, call_hook, record, record_lan
from tests.unit.sites import box, plan_of, put, site_of
from tests.unit.test_gather import tool

SSH = " ".join(ACCESS.command(""))
PINNED = f"app@sha256:{'12' * 32}"
IMAGES = (
    put("containers", {}),
    put("compose", []),
    box("a1", 11, image="moving:latest"),
    box("a2", 12, image="here:1", pull_policy="missing"),
    box("a3", 13, image="moving:latest", pull_policy="if_not_present"),
    box("a4", 14, image=PINNED),
)


def images(pulled: str = "") -> dict[str, tuple[list[str] | None, tuple[str, ...]]]:
    """name → (pull triggers, hooks before it is made)."""
    run = record_lan(plan_of(site_of(*IMAGES)), pulled=pulled)
    made = run.of("remoteImage:RemoteImage")
    return {one.inputs["name"]: (one.inputs.get("pullTriggers"), one.before_create) for one in made}


def test_nothing_of_it_is_there_until_the_person_says_so() -> None:
    nothing = (None, ())
    assert images() == {"moving:latest": nothing, "here:1": nothing, PINNED: nothing}


def test_what_may_mean_another_image_by_now_is_looked_at_again_and_pulled_unless_the_person_minds() -> None:
    assert images("2026-11-27") == {
        "moving:latest": (["2026-11-27"], ("lan-pull",)),
        "here:1": (["2026-11-27"], ()),
        PINNED: (None, ()),
    }


def test_where_nothing_is_pulled_an_old_pulumi_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.unit.recorder.Recorder", Old)
    here = box("a1", 11, image="here:1", pull_policy="missing")
    run = record_lan(plan_of(site_of(put("containers", {}), put("compose", []), here)), pulled="x")
    assert run.of("remoteImage:RemoteImage") and not run.pulls


class Old(Recorder):
    def GetDeploymentInfo(self, request: Any) -> Any:
        known = super().GetDeploymentInfo(request)
        known.supportedFeatures.remove(resource_pb2.RESOURCE_MONITOR_FEATURE_RESOURCE_HOOKS)
        return known


def test_an_old_pulumi_that_would_have_to_pull_is_told_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tests.unit.recorder.Recorder", Old)

    def program() -> None:
        with pytest.raises(UserErrors, match=r"macvlan-ipv6:imagesPulled\n .*too old"):
            image_pull_hook("x", ACCESS)

    record(program)


@pytest.fixture
def ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with an ssh that writes down what it is called with, and fails with what is in `fails`."""
    tool(tmp_path, "ssh", 'cd "${0%/*}"; echo "$@" >>calls; [ ! -f fails ] || { cat fails >&2; exit 1; }')
    monkeypatch.setenv("PATH", str(tmp_path), prepend=":")
    return tmp_path


def pull(image: str, **more: str) -> None:
    [hook] = record_lan(plan_of(site_of(*IMAGES)), pulled="x").pulls.values()
    call_hook(hook, pulumi.ResourceHookArgs("urn", "", "lan-moving:latest", "", {"name": image, **more}))


def test_the_nas_pulls_it_by_the_one_connection(ssh: Path) -> None:
    pull("moving:latest")
    assert f"ssh {(ssh / 'calls').read_text()}" == f"{SSH}docker pull --quiet moving:latest\n"


def test_the_nas_pulls_the_platform_that_is_asked_for(ssh: Path) -> None:
    pull("moving:latest", platform="linux/arm64")
    assert (ssh / "calls").read_text().endswith("docker pull --quiet --platform linux/arm64 moving:latest\n")


def test_a_name_is_quoted_for_the_shell_of_the_nas(ssh: Path) -> None:
    pull("a b;c")
    assert (ssh / "calls").read_text().endswith("docker pull --quiet 'a b;c'\n")


def test_a_pull_that_fails_is_told_in_dockers_words_with_a_way_on(ssh: Path) -> None:
    (ssh / "fails").write_text("Error response from daemon: pull access denied\nfor moving\n")
    with pytest.raises(RuntimeError, match=r"stay as they are: Error .* denied for moving; .*`pull_policy: missing`"):
        pull("moving:latest")
