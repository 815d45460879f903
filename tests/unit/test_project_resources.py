"""The resources of whole Compose projects as the engine gets them: every key in the plugin's words, what depends on
what, and how many are under way at once."""

from typing import Any

import pulumi
import pytest

from config.service import Service
from facts.labels import MADE_BY, STACK
from plan.project.declared import SeenNetwork
from tests.unit import recorder
from tests.unit.projects import stack
from tests.unit.recorder import STACK as MINE
from tests.unit.recorder import Recorder, Registered, revealed
from tests.unit.test_components import CONTAINER, IMAGE, NETWORK, at_once, ends, in_a_row, one
from tests.unit.test_containers import BACK, inner, web

VOLUME = "volume:Volume"


def recorded(services: dict[str, Any], engine: int | None = 26, **document: Any) -> Recorder:
    found = stack({"name": "app", "services": services, **BACK, **document}, engine=engine)
    assert found.problems == []
    return found.record()


def container(run: Recorder, key: str) -> Registered:
    return one(run, CONTAINER, f"lan-{key}-container")


def inputs(**keys: Any) -> dict[str, Any]:
    """Those that a service of the inner network has because of these keys."""
    run = recorded({"db": inner(**keys), "bare": inner()}, volumes={"data": {}})
    made, bare = (container(run, key).inputs for key in ("db", "bare"))
    for same in ("name", "networksAdvanced", "labels"):
        assert bare[same] and made.pop(same)
    return {key: value for key, value in made.items() if value != bare.get(key)}


@pytest.mark.parametrize(
    ("keys", "made"),
    [
        ({"ports": ["8080:80", "127.0.0.1:53:53/udp", "22"]}, {"ports": [
            {"internal": 22, "ip": "0.0.0.0", "protocol": "tcp"},
            {"internal": 53, "external": 53, "ip": "127.0.0.1", "protocol": "udp"},
            {"internal": 80, "external": 8080, "ip": "0.0.0.0", "protocol": "tcp"},
        ]}),
        ({"device_cgroup_rules": ["c 188:* rmw"]}, {"deviceCgroupRules": ["c 188:* rmw"]}),
        ({"devices": ["/dev/dri", "/dev/a:/dev/b:r"]}, {"devices": [
            {"hostPath": "/dev/dri", "containerPath": "/dev/dri", "permissions": "rwm"},
            {"hostPath": "/dev/a", "containerPath": "/dev/b", "permissions": "r"},
        ]}),
        ({"gpus": "all"}, {"deviceRequests": [{"capabilities": ["gpu"], "count": -1}]}),
        ({"runtime": "runc"}, {"runtime": "runc"}),
        ({"ulimits": {"nproc": 9, "nofile": {"soft": 1, "hard": 2}}}, {"ulimits": [
            {"name": "nofile", "soft": 1, "hard": 2},
            {"name": "nproc", "soft": 9, "hard": 9},
        ]}),
        ({"ipc": "shareable"}, {"ipcMode": "shareable"}),
        ({"pid": "host"}, {"pidMode": "host"}),
        ({"userns_mode": "host"}, {"usernsMode": "host"}),
        ({"cgroup": "host"}, {"cgroupnsMode": "host"}),
        ({"cgroup_parent": "/x"}, {"cgroupParent": "/x"}),
        ({"mem_reservation": "64m"}, {"memoryReservation": 64}),
        ({"mem_limit": "64m"}, {"memory": 64, "memorySwap": 128}),
        ({"mem_limit": "64m", "memswap_limit": "64m"}, {"memory": 64, "memorySwap": 64}),
        ({"mem_limit": "64m", "memswap_limit": -1}, {"memory": 64, "memorySwap": -1}),
        ({"cpuset": "0-1", "cpu_shares": 512}, {"cpuSet": "0-1", "cpuShares": 512}),
        ({"cpu_period": 50000, "cpu_quota": 25000}, {"cpuPeriod": 50000, "cpuQuota": 25000}),
        ({"storage_opt": {"size": "1G"}}, {"storageOpts": {"size": "1G"}}),
        ({"healthcheck": {"test": ["CMD", "true"], "start_interval": "2s"}},
         {"healthcheck": {"tests": ["CMD", "true"], "startInterval": "2s"}}),
        ({"volumes": ["data:/d", "/a:/b:ro,z", "/anon"]}, {"volumes": [
            {"volumeName": "app_data", "containerPath": "/d"},
            {"hostPath": "/a", "containerPath": "/b", "readOnly": True, "selinuxRelabel": "z"},
            {"containerPath": "/anon"},
        ]}),
        ({"volumes": ["/a:/b:rshared"]},
         {"mounts": [{"type": "bind", "source": "/a", "target": "/b", "bindOptions": {"propagation": "rshared"}}]}),
        ({"volumes": [{"type": "bind", "source": "/a", "target": "/b", "bind": {"create_host_path": False}}]},
         {"mounts": [{"type": "bind", "source": "/a", "target": "/b"}]}),
        ({"volumes": [{"type": "volume", "source": "data", "target": "/d",
                       "volume": {"nocopy": True, "subpath": "x"}}]},
         {"mounts": [{"type": "volume", "source": "app_data", "target": "/d",
                      "volumeOptions": {"noCopy": True, "subpath": "x"}}]}),
        ({"volumes": [{"type": "tmpfs", "target": "/t", "tmpfs": {"size": "1m", "mode": 0o1777}}]},
         {"mounts": [{"type": "tmpfs", "target": "/t", "tmpfsOptions": {"sizeBytes": 2**20, "mode": 0o1777}}]}),
        ({"volumes": [{"type": "tmpfs", "target": "/t"}]}, {"mounts": [{"type": "tmpfs", "target": "/t"}]}),
        ({"volumes": [{"type": "tmpfs", "target": "/t", "tmpfs": {}}]},
         {"mounts": [{"type": "tmpfs", "target": "/t"}]}),
        ({"volumes_from": ["bare:ro", "container:x:ro", "container:y"]}, {"volumes": [
            {"fromContainer": "bare:ro"}, {"fromContainer": "x:ro"}, {"fromContainer": "y"}]}),
    ],
    ids=lambda value: ",".join(value),
)  # fmt: skip
def test_a_key_in_the_plugins_words(keys: dict[str, Any], made: dict[str, Any]) -> None:
    assert inputs(**keys) == made


@pytest.mark.parametrize(
    ("cpus", "made"),
    [
        ("1", {"cpus": "1.0"}),
        (0.5, {"cpus": "0.5"}),
        ("0.50", {"cpus": "0.5"}),
        (0.25, {"cpus": "0.25"}),
        (1.5, {"cpus": "1.5"}),
        (10, {"cpus": "10."}),
        (0.05, {"cpuPeriod": 100_000, "cpuQuota": 5_000}),
        (10.05, {"cpuPeriod": 100_000, "cpuQuota": 1_005_000}),
        (0, {}),
    ],
)
def test_a_share_of_processors_is_written_as_the_plugin_reads_it_back(cpus: Any, made: dict[str, Any]) -> None:
    """Another spelling would replace the container in every run."""
    assert inputs(cpus=cpus) == made


NOT_INPUTS = {
    "pull_policy": "images",
    "platform": "the image's",
    "container_name": "name",
    "networks": "networksAdvanced",
    "ipv4_address": "networksAdvanced",
    "ipv6_address": "networksAdvanced",
    "mac_address": "networksAdvanced",
    "image": "its id",
    "depends_on": "order",
    "links": "said in vain (config/compose.py)",
    "configs": "volumes by then",
    "secrets": "volumes by then",
    "deploy": "the service's own keys by then",
    "scale": "left out or not",
}


def test_no_key_of_a_service_is_read_and_forgotten() -> None:
    """What the two files of components/containers/ do not take is listed above."""
    taken: set[str] = set()

    class Spy(Service):
        def __getattribute__(self, name: str) -> Any:
            taken.add(name)
            return super().__getattribute__(name)

    found = stack({"name": "app", "services": {"db": inner()}, **BACK})
    entry = found.sources.services["db"]
    object.__setattr__(entry, "service", Spy.model_validate({"image": "busybox", "networks": {"app_back": {}}}))
    taken.clear()
    found.record()
    assert {*Service.model_fields} - taken <= {*NOT_INPUTS}


def test_variables_of_an_env_file_are_secret_and_the_others_are_not() -> None:
    services = {
        "db": inner(environment={"PLAIN": "1", "KEY": "${PASSWORD}"}, env_file=["x.env"]),
        "web": web("back", environment={"PLAIN": "1"}),
    }
    files = {".env": "PASSWORD=swordfish\n", "x.env": "FROM_FILE=correct-horse\n"}
    run = stack({"name": "app", "services": services, **BACK}, files=files).record(secrets={"db": {"MORE": "x"}})
    assert revealed(container(run, "db").inputs["envs"]) == [
        "PLAIN=1",
        "FROM_FILE=correct-horse",
        "KEY=swordfish",
        "MORE=x",
    ]
    assert container(run, "web").inputs["envs"] == ["PLAIN=1"]
    alone = stack({"name": "app", "services": services, **BACK}, files=files).record()
    assert "KEY=swordfish" in revealed(container(alone, "db").inputs["envs"])
    holders = [made.name for made in run.made if "swordfish" in made.raw or "correct-horse" in made.raw]
    assert holders == ["lan-db-container"]


def test_a_container_without_a_lan_has_the_stacks_label_and_no_addresses() -> None:
    run = recorded({"db": inner(), "web": web("back")})
    labels = {one["label"]: one["value"] for one in container(run, "db").inputs["labels"]}
    assert (labels[STACK], labels["macvlan-ipv6.addresses"]) == (MINE, "none")
    outputs = {urn.rpartition("::")[2]: values for urn, values in run.outputs.items() if "LanContainer::" in urn}
    assert outputs["lan-db"].keys() == {"written"} and outputs["lan-web"]["ipv4"] == "192.168.1.60"


def test_a_container_follows_its_networks_and_the_container_that_it_shares_with() -> None:
    services = {"db": inner(), "vpn": {"image": "busybox", "network_mode": "service:db", "volumes_from": ["db"]}}
    run = recorded(services)
    assert ends(container(run, "db").by_property["networksAdvanced"]) == {"lan-app_back-network"}
    vpn = container(run, "vpn")
    assert vpn.inputs["networkMode"] == "container:lan-db-container_id" and "networksAdvanced" not in vpn.inputs
    assert ends(vpn.by_property["networkMode"]) == ends(vpn.by_property["volumes"]) == {"lan-db-container"}


def test_an_endpoint_says_what_the_person_wrote_and_which_has_the_route() -> None:
    local = {"link_local_ips": ["169.254.7.7"]}
    lan = {"ipv4_address": "192.168.1.60", **local}
    run = recorded({"web": web(networks={"bridge-host": lan, "back": local}), "db": inner()}, engine=29)
    first, second = container(run, "web").inputs["networksAdvanced"]
    assert first["linkLocalIps"] == second["linkLocalIps"] == local["link_local_ips"]
    assert first["gwPriority"] == 1000 and "gwPriority" not in second
    assert "gwPriority" not in container(run, "db").inputs["networksAdvanced"][0]


def test_an_inner_network_is_as_the_file_declares_it() -> None:
    declared = {
        "driver_opts": {"com.docker.network.bridge.name": "br0"},
        "internal": True,
        "attachable": True,
        "enable_ipv6": True,
        "labels": {"mine": "1"},
        "ipam": {"config": [{"subnet": "172.30.0.0/24", "gateway": "172.30.0.9", "ip_range": "172.30.0.128/25",
                             "aux_addresses": {"x": "172.30.0.3"}}, {"subnet": "fd30::/64"}]},
    }  # fmt: skip
    made = one(recorded({"db": inner()}, networks={"back": declared}), NETWORK, "lan-app_back-network")
    labels = {one["label"]: one["value"] for one in made.inputs.pop("labels")}
    assert labels.items() >= {"mine": "1", MADE_BY: "pulumi", STACK: MINE}.items()
    assert made.inputs == {
        "name": "app_back",
        "driver": "bridge",
        "options": {"com.docker.network.bridge.name": "br0"},
        "internal": True,
        "attachable": True,
        "ipv6": True,
        "ipamConfigs": [
            {"subnet": "172.30.0.0/24", "gateway": "172.30.0.9", "ipRange": "172.30.0.128/25",
             "auxAddress": {"x": "172.30.0.3"}},
            {"subnet": "fd30::/64"},
        ],
    }  # fmt: skip
    assert made.delete_before_replace and not made.retain


def test_a_plain_network_says_no_more_than_its_driver() -> None:
    made = one(recorded({"db": inner()}), NETWORK, "lan-app_back-network").inputs
    assert made.keys() == {"name", "driver", "labels"}


@pytest.mark.parametrize("subnet", ["172.30.0.0/24", "fd30::/64"])
def test_a_network_with_an_ipv6_subnet_has_ipv6_for_docker_29_would_drop_the_subnet(subnet: str) -> None:
    run = recorded({"db": inner()}, networks={"back": {"ipam": {"config": [{"subnet": subnet}]}}})
    made = one(run, NETWORK, "lan-app_back-network").inputs
    assert made.get("ipv6") == (True if ":" in subnet else None)


def test_a_network_of_others_is_no_resource_and_one_that_the_state_lost_is_imported() -> None:
    services = {"db": inner(networks=["back", "front", "out"])}
    document = {"name": "app", "services": services, "networks": {"back": {}, "front": {}, "out": {"external": True}}}
    seen = {"app_front": SeenNetwork(), "app_back": SeenNetwork(made_here=True, id="123")}
    run = stack(document, seen=seen).record()
    assert {made.name: made.import_id for made in run.of(NETWORK)} == {"lan-network": "", "lan-app_back-network": "123"}
    joined = [one["name"] for one in container(run, "db").inputs["networksAdvanced"]]
    assert joined == ["app_back", "app_front", "out"]


def test_a_volume_is_made_only_where_docker_alone_would_make_another_and_is_never_changed_or_removed() -> None:
    volumes = {
        "plain": {},
        "named": {"name": "mine"},
        "out": {"external": True},
        "nfs": {"driver_opts": {"type": "nfs"}, "labels": {"a": "1"}},
        "unused": {"driver_opts": {"type": "nfs"}},
    }
    mounts = [f"{key}:/{key}" for key in volumes if key != "unused"]
    run = recorded({"db": inner(volumes=mounts), "web": web("back")}, volumes=volumes)
    [made] = run.of(VOLUME)
    assert (made.name, made.retain) == ("lan-app_nfs", True)
    assert made.ignore_changes == ("driver", "driverOpts", "labels")
    labels = [{"label": "a", "value": "1"}]
    assert made.inputs == {"name": "app_nfs", "driverOpts": {"type": "nfs"}, "labels": labels}
    assert "lan-app_nfs" in ends(container(run, "db").after) - ends(container(run, "web").after)
    on_lan = recorded({"web": web("back", volumes=["nfs:/n"])}, volumes=volumes)
    assert {"lan-app_nfs", "lan-host"} <= ends(container(on_lan, "web").after)
    names = [one["volumeName"] for one in container(run, "db").inputs["volumes"]]
    assert names == ["app_plain", "mine", "out", "app_nfs"]


def test_networks_and_volumes_are_made_one_after_the_other() -> None:
    """The queues of images and containers leave one SSH session for them."""
    names = [f"n{number}" for number in range(5)]
    volumes = {name: {"labels": {"a": "1"}} for name in names}
    service = inner(networks=names, volumes=[f"{name}:/{name}" for name in names])
    run = recorded({"db": service}, networks={name: {} for name in names}, volumes=volumes)
    assert in_a_row(run, NETWORK) == len(run.of(NETWORK)) == 6
    assert in_a_row(run, VOLUME) == 5
    chain = [made for made in run.made if made.type.endswith((NETWORK, VOLUME))]
    assert sum(not ends(made.after) for made in chain) == 1


def test_what_others_wait_for_is_said_at_the_container_that_they_wait_for() -> None:
    services = {
        "web": web("back", depends_on={"db": {"condition": "service_healthy"}}),
        "db": inner(healthcheck={"test": "true"}, depends_on={"job": {"condition": "service_completed_successfully"}}),
        "job": inner(),
    }
    run = recorded(services)
    waits = ("wait", "waitTimeout", "attach", "mustRun")
    said = {key: {name: container(run, key).inputs.get(name) for name in waits} for key in services}
    nothing = dict.fromkeys(waits)
    assert said["web"] == nothing
    assert said["db"] == {**nothing, "wait": True, "waitTimeout": 240}
    assert said["job"] == {**nothing, "attach": True, "mustRun": False}
    assert "lan-db-container" in ends(container(run, "web").after)
    assert "lan-job-container" in ends(container(run, "db").after)


@pytest.mark.parametrize("code", [0, 3])
def test_a_container_that_was_to_succeed_and_did_not_is_told_of(monkeypatch: pytest.MonkeyPatch, code: int) -> None:
    told: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda text, resource: told.append(text))
    filled = {"mustRun": False, "exitCode": code}
    monkeypatch.setitem(recorder._FILLED_IN, "docker:index/container:Container", filled)
    services = {"web": web("back", depends_on={"job": {"condition": "service_completed_successfully"}}), "job": inner()}
    recorded(services)
    assert [text.split("\n")[0] for text in told if text.startswith("job")] == (
        ["job ended with 3; what waits for its success was started all the same"] if code else []
    )


@pytest.mark.parametrize("count", [4, 5, 9, 40])
def test_at_most_four_containers_are_under_way_also_where_they_wait_for_one_another(count: int) -> None:
    """Each waits for one of those behind it in the file, as far as there is one: the order turns around."""
    services = {f"s{n}": inner(depends_on=[f"s{n + 7}"] if n + 7 < count else []) for n in range(count)}
    run = recorded(services)
    assert at_once(run, CONTAINER) <= 4
    for n in range(count - 7):
        assert f"lan-s{n + 7}-container" in ends(container(run, f"s{n}").after)


def test_a_platform_is_the_images_and_two_of_them_are_two_images() -> None:
    """Docker shows a container's platform as the system alone, and the plugin would see a difference for ever."""
    services = {
        "a": inner(platform="linux/arm64"),
        "b": inner(platform="linux/arm64"),
        "c": inner(platform="linux/386"),
        "d": inner(),
    }
    run = recorded(services)
    assert {made.name: made.inputs.get("platform") for made in run.of(IMAGE)} == {
        "lan-busybox-linux/arm64": "linux/arm64",
        "lan-busybox-linux/386": "linux/386",
        "lan-busybox": None,
    }
    assert "platform" not in container(run, "a").inputs
    assert ends(container(run, "c").by_property["image"]) == {"lan-busybox-linux/386"}


def test_a_preview_shows_exactly_the_resources_that_an_update_makes() -> None:
    services = {
        "web": web("back", depends_on={"db": {"condition": "service_healthy"}}),
        "db": inner(volumes=["nfs:/n"]),
        "vpn": {"image": "busybox", "network_mode": "service:db"},
    }
    found = stack({"name": "app", "services": services, "volumes": {"nfs": {"labels": {"a": "1"}}}, **BACK})
    preview, update = (found.record(preview=dry) for dry in (True, False))
    assert {(made.urn, made.after) for made in preview.made} == {(made.urn, made.after) for made in update.made}
