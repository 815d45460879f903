"""The docker plugin under the real CLI against a real dockerd. Nothing here is about the stand-in: the official
plugin must pass as well (`make ENGINE=path`)."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pulumi
import pulumi_docker as docker
import pytest
from pulumi import automation as auto

from tests.engine.docker_box import IMAGE, NETWORK_BY_HAND, V4, V6, Dockerd, start
from tests.engine.docker_stack import Program, Stack, environment, fresh

MAC = "02:42:c0:a8:01:c9"


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Dockerd]:
    yield from start(tmp_path_factory.mktemp("dockerd"))


@pytest.fixture(scope="module")
def engine_env() -> dict[str, str]:
    return environment()


@pytest.fixture
def stack(
    tmp_path: Path, engine_env: dict[str, str], daemon: Dockerd, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Stack]:
    yield from fresh(tmp_path, engine_env, daemon, monkeypatch)


def lan(
    daemon: Dockerd,
    *,
    label: str = "1",
    ipv4: str = "192.168.1.201",
    network: dict[str, Any] | None = None,
    box: dict[str, Any] | None = None,
    box_opts: dict[str, Any] | None = None,
    with_box: bool = True,
    adopt: str | None = None,
) -> Program:
    """A macvlan network with both families, and a container on it with three fixed addresses."""

    def program() -> None:
        provider = docker.Provider("nas", host=daemon.host)
        opts = pulumi.ResourceOptions(provider=provider)
        lan = docker.Network(
            "lan",
            **{
                "name": "lan",
                "driver": "macvlan",
                "options": {"parent": "eth0"},
                "ipv6": True,
                "ipam_configs": [
                    docker.NetworkIpamConfigArgs(
                        subnet=V4, gateway="192.168.1.1", aux_address={"host": "192.168.1.10"}
                    ),
                    docker.NetworkIpamConfigArgs(subnet=V6, gateway="fd0d:7eb5:2afd::1"),
                ],
                "labels": [docker.NetworkLabelArgs(label="l", value=label)],
                **(network or {}),
            },
            opts=pulumi.ResourceOptions(provider=provider, import_=adopt),
        )
        if not with_box:
            return
        image = docker.RemoteImage("image", name=IMAGE, keep_locally=True, opts=opts)
        address = docker.ContainerNetworksAdvancedArgs(
            name=lan.name, ipv4_address=ipv4, ipv6_address="fd0d:7eb5:2afd::201", mac_address=MAC
        )
        made = docker.Container(
            "box",
            **{
                "name": "box",
                "image": image.image_id,
                "command": ["sleep", "1000"],
                "networks_advanced": [address],
                **(box or {}),
            },
            opts=pulumi.ResourceOptions(provider=provider, **(box_opts or {})),
        )
        pulumi.export("data", made.network_datas)

    return program


def only_same(changes: dict[str, int]) -> bool:
    return set(changes) == {"same"}


def test_up_makes_it_and_neither_a_second_up_nor_a_refresh_finds_a_change(stack: Stack, daemon: Dockerd) -> None:
    program = lan(daemon)
    assert stack.preview(program) == {"create": 5}
    assert stack.up(program) == {"create": 5}
    data = stack.stack.outputs()["data"].value[0]
    assert (data["ip_address"], data["global_ipv6_address"]) == ("192.168.1.201", "fd0d:7eb5:2afd::201")
    assert data["mac_address"] == MAC
    addresses = daemon.docker("exec box ip address show dev eth0")
    assert "inet 192.168.1.201/24" in addresses
    assert "inet6 fd0d:7eb5:2afd::201/64" in addresses
    assert f"link/ether {MAC}" in addresses
    assert only_same(stack.preview())
    assert only_same(stack.refresh())
    assert only_same(stack.preview())
    assert only_same(stack.up(program))


@pytest.mark.full
def test_a_label_of_the_network_replaces_it_together_with_its_container(stack: Stack, daemon: Dockerd) -> None:
    stack.up(lan(daemon))
    before = stack.resource("Network")["id"], stack.resource("Container")["id"]
    assert stack.preview(lan(daemon, label="2"))["replace"] == 2
    assert stack.up(lan(daemon, label="2"))["replace"] == 2
    after = stack.resource("Network")["id"], stack.resource("Container")["id"]
    assert before[0] != after[0]
    assert before[1] != after[1]
    assert daemon.docker("network inspect -f {{.Labels.l}} lan") == "2"
    assert daemon.inspect("box", ".State.Running") == "true"


@pytest.mark.full
def test_the_order_of_subnets_labels_and_variables_is_no_change(stack: Stack, daemon: Dockerd) -> None:
    labels = [docker.NetworkLabelArgs(label=k, value=k) for k in "ab"]
    first = lan(daemon, network={"labels": labels}, box={"envs": ["A=1", "B=2"]})
    stack.up(first)
    configs = [
        docker.NetworkIpamConfigArgs(subnet=V6, gateway="fd0d:7eb5:2afd::1"),
        docker.NetworkIpamConfigArgs(subnet=V4, gateway="192.168.1.1", aux_address={"host": "192.168.1.10"}),
    ]
    turned = {"labels": labels[::-1], "ipam_configs": configs}
    assert only_same(stack.preview(lan(daemon, network=turned, box={"envs": ["B=2", "A=1"]})))


@pytest.mark.full
def test_another_address_replaces_the_container_alone(stack: Stack, daemon: Dockerd) -> None:
    stack.up(lan(daemon))
    network = stack.resource("Network")["id"]
    assert stack.up(lan(daemon, ipv4="192.168.1.202"))["replace"] == 1
    assert stack.resource("Network")["id"] == network
    assert "192.168.1.202/24" in daemon.docker("exec box ip address show dev eth0")


@pytest.mark.full
def test_the_restart_policy_is_changed_in_place(stack: Stack, daemon: Dockerd) -> None:
    stack.up(lan(daemon))
    box = stack.resource("Container")["id"]
    program = lan(daemon, box={"restart": "unless-stopped"})
    assert stack.up(program)["update"] == 1
    assert stack.resource("Container")["id"] == box
    assert daemon.inspect("box", ".HostConfig.RestartPolicy.Name") == "unless-stopped"
    stack.refresh()
    assert only_same(stack.preview())


@pytest.mark.full
def test_a_healthcheck_is_set_and_read_back_without_a_change(stack: Stack, daemon: Dockerd) -> None:
    check = docker.ContainerHealthcheckArgs(tests=["CMD", "true"], interval="1m30s", timeout="2s", retries=3)
    stack.up(lan(daemon, box={"healthcheck": check}))
    assert daemon.inspect("box", ".Config.Healthcheck.Interval") == "1m30s"
    stack.refresh()
    assert only_same(stack.preview())


@pytest.mark.full
def test_an_edited_healthcheck_replaces(stack: Stack, daemon: Dockerd) -> None:
    def with_interval(interval: str) -> Program:
        check = docker.ContainerHealthcheckArgs(tests=["CMD", "true"], interval=interval)
        return lan(daemon, box={"healthcheck": check})

    stack.up(with_interval("1m0s"))
    assert stack.up(with_interval("2m0s"))["replace"] == 1
    assert daemon.inspect("box", ".Config.Healthcheck.Interval") == "2m0s"


@pytest.mark.parametrize(("name", "values"), [("init", (True, False)), ("tmpfs", ({"/a": "size=1m"}, {"/b": ""}))])
@pytest.mark.full
def test_an_edit_that_the_plugin_does_not_apply_replaces_if_the_program_asks_for_it(
    stack: Stack, daemon: Dockerd, name: str, values: tuple[Any, Any]
) -> None:
    opts = {"replace_on_changes": [name], "delete_before_replace": True}
    stack.up(lan(daemon, box={name: values[0]}, box_opts=opts))
    before = stack.resource("Container")["id"]
    assert stack.up(lan(daemon, box={name: values[1]}, box_opts=opts))["replace"] == 1
    assert stack.resource("Container")["id"] != before


@pytest.mark.full
def test_another_way_to_the_same_daemon_replaces_nothing(stack: Stack, daemon: Dockerd) -> None:
    stack.up(lan(daemon))
    other = daemon.folder / "again"
    other.symlink_to(daemon.folder)
    assert stack.up(lan(Dockerd(other))) == {"same": 4, "update": 1}


@pytest.mark.full
def test_an_address_clash_fails_and_the_next_up_succeeds_when_it_is_gone(stack: Stack, daemon: Dockerd) -> None:
    """The next up replaces what the failed one left, unless the program gave command and entrypoint: see below."""
    stack.up(lan(daemon, with_box=False))
    daemon.docker(f"run -d --name squatter --network lan --ip 192.168.1.201 {IMAGE} sleep 1000")
    with pytest.raises(auto.CommandError, match="Address already in use"):
        stack.up(lan(daemon))
    with pytest.raises(auto.CommandError, match="Address already in use"):
        stack.up(lan(daemon))
    daemon.docker("rm -f squatter")
    stack.up(lan(daemon))
    assert "192.168.1.201/24" in daemon.docker("exec box ip address show dev eth0")
    assert only_same(stack.preview())


def test_a_failed_start_is_forgotten_where_command_and_entrypoint_are_given(stack: Stack, daemon: Dockerd) -> None:
    """The next up finds nothing to change and says that all is well; only who looks at the NAS knows better."""
    both = lan(daemon, box={"entrypoints": ["sleep"], "command": ["1000"]})
    stack.up(lan(daemon, with_box=False))
    daemon.docker(f"run -d --name squatter --network lan --ip 192.168.1.201 {IMAGE} sleep 1000")
    with pytest.raises(auto.CommandError, match="Address already in use"):
        stack.up(both)
    daemon.docker("rm -f squatter")
    assert stack.up(both)["update"] == 1
    assert daemon.inspect("box", ".State.Status") == "created"
    assert only_same(stack.preview())
    daemon.docker("start box")


@pytest.mark.full
def test_a_container_that_ends_at_once_stays_and_each_up_starts_it_again(stack: Stack, daemon: Dockerd) -> None:
    ends = lan(daemon, box={"command": ["false"]})
    stack.up(ends)
    if stack.resource("Container")["outputs"]["mustRun"]:  # it still ran when the plugin looked
        stack.refresh()
    assert stack.preview(ends)["update"] == 1
    first = daemon.inspect("box", ".State.StartedAt")
    assert stack.up(ends)["update"] == 1
    assert daemon.inspect("box", ".State.StartedAt") != first
    assert only_same(stack.preview())


@pytest.mark.full
def test_a_container_that_was_stopped_by_hand_runs_again_after_refresh_and_up(stack: Stack, daemon: Dockerd) -> None:
    stack.up(lan(daemon))
    daemon.docker("stop -t 0 box")
    stack.refresh()
    assert not only_same(stack.preview())
    stack.up(lan(daemon))
    assert daemon.inspect("box", ".State.Running") == "true"
    assert only_same(stack.preview())


@pytest.mark.full
def test_what_was_removed_by_hand_is_made_again_after_refresh_and_up(stack: Stack, daemon: Dockerd) -> None:
    stack.up(lan(daemon))
    daemon.docker("rm -f box")
    daemon.docker("network rm lan")
    assert stack.refresh()["delete"] == 2
    assert stack.up(lan(daemon))["create"] == 2
    assert daemon.inspect("box", ".State.Running") == "true"


def test_a_network_made_by_hand_is_adopted_and_its_containers_keep_running(stack: Stack, daemon: Dockerd) -> None:
    network = daemon.docker(f"{NETWORK_BY_HAND} --label l=1 lan")
    daemon.docker(f"run -d --name mine --network lan --ip 192.168.1.9 {IMAGE} sleep 1000")
    pid = daemon.inspect("mine", ".State.Pid")
    program = lan(daemon, with_box=False, adopt=network)
    assert stack.preview(program)["import"] == 1
    assert stack.up(program)["import"] == 1
    assert only_same(stack.preview())
    assert only_same(stack.preview(lan(daemon, with_box=False)))
    assert daemon.inspect("mine", ".State.Pid") == pid


@pytest.mark.full
def test_a_network_made_by_hand_with_other_settings_is_not_adopted(stack: Stack, daemon: Dockerd) -> None:
    network = daemon.docker(f"{NETWORK_BY_HAND} --label l=2 lan")
    with pytest.raises(auto.CommandError, match="may not be replaced"):
        stack.up(lan(daemon, with_box=False, adopt=network))
    assert daemon.docker("network inspect -f {{.Id}} lan") == network
    daemon.docker("network rm lan")


@pytest.mark.full
def test_a_network_in_use_is_not_destroyed_and_later_it_is(stack: Stack, daemon: Dockerd) -> None:
    stack.up(lan(daemon))
    daemon.docker(f"run -d --name squatter --network lan {IMAGE} sleep 1000")
    with pytest.raises(auto.CommandError, match="timeout while waiting for state to become 'removed'"):
        stack.destroy()
    assert daemon.inspect("squatter", ".State.Running") == "true"
    daemon.docker("rm -f squatter")
    stack.destroy()
    assert daemon.docker("network ls -q -f type=custom") == ""


@pytest.mark.full
def test_a_preview_without_a_change_makes_no_contact_with_the_daemon(stack: Stack, daemon: Dockerd) -> None:
    stack.up(lan(daemon))
    away = daemon.socket.with_name("away.sock")
    daemon.socket.rename(away)
    try:
        assert only_same(stack.preview())
    finally:
        away.rename(daemon.socket)


@pytest.mark.full
def test_a_daemon_that_cannot_be_reached_is_an_error_that_says_so(stack: Stack, daemon: Dockerd) -> None:
    away = daemon.socket.with_name("away.sock")
    daemon.socket.rename(away)
    try:
        with pytest.raises(auto.CommandError, match=r"(?s)pinging Docker server.*docker\.sock"):
            stack.up(lan(daemon))
    finally:
        away.rename(daemon.socket)


def test_a_secret_variable_reaches_the_container_and_is_not_in_the_state(stack: Stack, daemon: Dockerd) -> None:
    def program() -> None:
        # Made inside: an Output belongs to the event loop of one run.
        lan(daemon, box={"envs": ["A=1", pulumi.Output.secret("TOKEN=s3cret")]})()

    stack.up(program)
    assert "s3cret" in daemon.inspect("box", ".Config.Env")
    states = list((stack.folder / "state").rglob("test*.json"))
    assert states
    assert not [s for s in states if "s3cret" in s.read_text()]
    assert only_same(stack.preview())


@pytest.mark.full
def test_a_missing_name_is_made_up_and_kept(stack: Stack, daemon: Dockerd) -> None:
    stack.up(lan(daemon, box={"name": None}))
    name = stack.resource("Container")["outputs"]["name"]
    assert name.startswith("box-")
    assert only_same(stack.preview())
    assert daemon.inspect(name, ".State.Running") == "true"


@pytest.mark.full
def test_ten_containers_are_started_at_once_and_destroyed(stack: Stack, daemon: Dockerd) -> None:
    def program() -> None:
        provider = docker.Provider("nas", host=daemon.host)
        opts = pulumi.ResourceOptions(provider=provider)
        image = docker.RemoteImage("image", name=IMAGE, keep_locally=True, opts=opts)
        for i in range(10):
            docker.Container(
                f"c{i}", name=f"c{i}", image=image.image_id, command=["sleep", "1000"], network_mode="none", opts=opts
            )

    assert stack.up(program) == {"create": 13}
    assert len(daemon.docker("ps -q").split()) == 10
    stack.destroy()
    assert daemon.docker("ps -aq") == ""
