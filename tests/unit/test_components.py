"""The resources as the engine gets them: names, parents, edges, options, secrets; and how many ssh sessions at once."""

import json
from dataclasses import replace
from functools import cache

import pulumi
import pytest

from facts.labels import MADE_BY, MAKER
from install.layout import InstallPlan
from tests.unit import recorder
from tests.unit.recorder import ACCESS, PRIVATE_KEY, Recorder, Registered, record_lan, revealed
from tests.unit.sites import ROOT, box, compose_file, dev_plan, installed, judge, plan_of, put, site_of

LAN = "urn:pulumi:stack::project::pulumi:pulumi:Stack$macvlan:lan:MacvlanLan::lan"
IMAGE, NETWORK, CONTAINER = "remoteImage:RemoteImage", "network:Network", "container:Container"
COMMAND = "remote:Command"


def crowd(count: int, images: int) -> Recorder:
    """A site of so many containers, with so many images among them."""
    boxes = [box(f"c{n}", n + 20, image=f"image{n % images}") for n in range(count)]
    return record_lan(plan_of(site_of(put("containers", {}), *boxes)))


@pytest.fixture(scope="module")
def dev() -> Recorder:
    return record_lan(dev_plan())


def one(recorder: Recorder, type_: str, name: str) -> Registered:
    [found] = [made for made in recorder.of(type_) if made.name == name]
    return found


def ends(urns: frozenset[str]) -> set[str]:
    return {urn.split("::")[-1] for urn in urns}


def test_the_names_types_and_parents_of_dev_are_as_they_always_were(dev: Recorder) -> None:
    """Another name or type would replace what runs: a rename needs an alias."""
    qbittorrent = "lscr.io/linuxserver/qbittorrent:latest"
    assert {(m.type, m.name, m.parent.split("::")[-2].split("$")[-1], m.parent.split("::")[-1]) for m in dev.made} == {
        ("macvlan:lan:MacvlanLan", "lan", "pulumi:pulumi:Stack", dev.made[0].parent.split("::")[-1]),
        ("pulumi:providers:docker", "lan-docker", "macvlan:lan:MacvlanLan", "lan"),
        ("macvlan:lan:LanNetwork", "lan", "macvlan:lan:MacvlanLan", "lan"),
        ("docker:index/network:Network", "lan-network", "macvlan:lan:LanNetwork", "lan"),
        ("macvlan:lan:HostShim", "lan", "macvlan:lan:MacvlanLan", "lan"),
        ("command:remote:Command", "lan-host", "macvlan:lan:HostShim", "lan"),
        ("docker:index/remoteImage:RemoteImage", "lan-busybox", "macvlan:lan:MacvlanLan", "lan"),
        ("docker:index/remoteImage:RemoteImage", f"lan-{qbittorrent}", "macvlan:lan:MacvlanLan", "lan"),
        ("macvlan:lan:LanContainer", "lan-test", "macvlan:lan:MacvlanLan", "lan"),
        ("docker:index/container:Container", "lan-test-container", "macvlan:lan:LanContainer", "lan-test"),
        ("macvlan:lan:LanContainer", "lan-qbittorrent", "macvlan:lan:MacvlanLan", "lan"),
        ("docker:index/container:Container", "lan-qbittorrent-container", "macvlan:lan:LanContainer",
         "lan-qbittorrent"),
    }  # fmt: skip
    assert len({m.urn for m in dev.made}) == len(dev.made) == 12


def test_the_network_is_as_docker_prints_it_or_every_preview_would_replace_it(dev: Recorder) -> None:
    network = one(dev, NETWORK, "lan-network")
    assert network.inputs == {
        "name": "bridge-host",
        "driver": "macvlan",
        "options": {"parent": "eth0"},
        "ipv6": True,
        "ipamConfigs": [
            {
                "subnet": "192.168.1.0/24",
                "gateway": "192.168.1.1",
                "auxAddress": {"shim": "192.168.1.254", "host": "192.168.1.10"},
            },
            {
                "subnet": "fd0d:7eb5:2afd::/64",
                "gateway": "fd0d:7eb5:2afd::1",
                "auxAddress": {"shim": "fd0d:7eb5:2afd::254"},
            },
        ],
        "labels": [{"label": "macvlan-ipv6.made-by", "value": "pulumi"}],
    }
    assert network.delete_before_replace


@pytest.mark.parametrize("engine", [26, 29])
def test_an_upgrade_replaces_no_container_for_its_inputs_are_those_of_before_compose_projects(engine: int) -> None:
    """container_inputs.json: every key that a container could have before, and what became of it, written down by that
    version."""
    before = json.loads((ROOT / "tests/unit/container_inputs.json").read_text())
    site = site_of(*(put("containers", key, service) for key, service in before["site"].items()))
    plan = plan_of(site, [compose_file()], engine)
    recorder = record_lan(plan, secrets={"other": {"TOKEN": "swordfish"}}, engine=engine)
    now = {made.name: made.inputs for type_ in (CONTAINER, IMAGE) for made in recorder.of(type_)}
    assert now == before["inputs"][str(engine)]


def test_addresses_written_otherwise_reach_docker_in_its_own_spelling() -> None:
    site = site_of(
        put("ula", {"prefix": "FD0D:7EB5:2AFD:0:0:0:0:0/64", "gateway": "FD0D:7EB5:2AFD:0::0001"}),
        put("lan", "ip_range", "192.168.1.192/26"),
        put("network", {"labels": ["b=2", "a=1"]}),
        put("containers", "test", "mac_address", "02-42-C0-A8-01-C9"),
    )
    recorder = record_lan(plan_of(site))
    inputs = one(recorder, NETWORK, "lan-network").inputs
    assert inputs["ipamConfigs"][0]["ipRange"] == "192.168.1.192/26"
    assert inputs["ipamConfigs"][1]["subnet"] == "fd0d:7eb5:2afd::/64"
    assert inputs["ipamConfigs"][1]["gateway"] == "fd0d:7eb5:2afd::1"
    assert {one["label"]: one["value"] for one in inputs["labels"]} == {"a": "1", "b": "2", MADE_BY: MAKER}
    attached = one(recorder, CONTAINER, "lan-test-container").inputs["networksAdvanced"]
    assert attached[0]["macAddress"] == "02:42:c0:a8:01:c9"


def test_engine_29_gets_no_dead_gateway() -> None:
    network = one(record_lan(plan_of(site_of(), engine=29)), NETWORK, "lan-network")
    assert "gateway" not in network.inputs["ipamConfigs"][1]


@pytest.mark.parametrize("name", ["test", "qbittorrent"])
def test_a_container_follows_its_network_and_image_and_waits_for_the_shim(dev: Recorder, name: str) -> None:
    container = one(dev, CONTAINER, f"lan-{name}-container")
    image = container.by_property["image"]
    assert ends(container.by_property["networksAdvanced"]) == {"lan-network"}
    assert len(image) == 1 and "RemoteImage" in next(iter(image))
    assert "lan-host" in ends(container.after)
    assert container.delete_before_replace
    assert container.replace_on_changes == ("cpuPeriod", "cpuQuota", "healthcheck", "init", "tmpfs")
    assert container.inputs["removeVolumes"] is False


def test_a_container_has_all_three_of_its_addresses(dev: Recorder) -> None:
    assert one(dev, CONTAINER, "lan-test-container").inputs["networksAdvanced"] == [
        {
            "name": "bridge-host",
            "ipv4Address": "192.168.1.201",
            "ipv6Address": "fd0d:7eb5:2afd::201",
            "macAddress": "02:42:c0:a8:01:c9",
        }
    ]


OF_ETH0 = {"net.ipv6.conf.eth0.accept_ra": "2", "net.ipv4.conf.eth0.log_martians": "1"}
FOR_ALL = {"net.ipv6.conf.all.forwarding": "1"}


@pytest.mark.parametrize("engine", [None, 20, 26])
def test_sysctls_go_with_the_container_where_docker_knows_no_other_place(engine: int | None) -> None:
    site = site_of(put("containers", "test", "sysctls", OF_ETH0 | FOR_ALL))
    made = one(record_lan(plan_of(site, engine=engine)), CONTAINER, "lan-test-container").inputs
    assert made["sysctls"] == OF_ETH0 | FOR_ALL
    assert "driverOpts" not in made["networksAdvanced"][0]


@pytest.mark.parametrize("engine", [27, 28, 29])
def test_sysctls_of_the_interface_go_with_its_endpoint_from_engine_27_on(engine: int) -> None:
    site = site_of(put("containers", "test", "sysctls", OF_ETH0 | FOR_ALL))
    made = one(record_lan(plan_of(site, engine=engine)), CONTAINER, "lan-test-container").inputs
    assert made["sysctls"] == FOR_ALL
    settings = "net.ipv4.conf.IFNAME.log_martians=1,net.ipv6.conf.IFNAME.accept_ra=2"
    assert made["networksAdvanced"][0]["driverOpts"] == [f"com.docker.network.endpoint.sysctls={settings}"]


def test_a_sysctl_of_an_interface_that_no_container_has_is_refused_and_its_remedy_accepted() -> None:
    [problem] = judge(site_of(put("containers", "test", "sysctls", {"net.ipv6.conf.eth1.accept_ra": "0"})))[1]
    assert (problem.path, problem.value) == ("site.containers.test.sysctls", "net.ipv6.conf.eth1.accept_ra")
    written = problem.remedy.split()[1].rstrip(",")
    plan_of(site_of(put("containers", "test", "sysctls", {written: "0"})))


@pytest.mark.parametrize("runs", [True, False])
def test_a_container_that_ended_at_once_is_told_of(monkeypatch: pytest.MonkeyPatch, runs: bool) -> None:
    """The plugin says it in `mustRun` alone, and the run succeeds."""
    told: list[str] = []
    monkeypatch.setattr(pulumi.log, "warn", lambda text, resource: told.append(text))
    monkeypatch.setitem(recorder._FILLED_IN, "docker:index/container:Container", {"mustRun": runs})
    record_lan(plan_of(site_of()))
    assert [text.split()[0] for text in told] == ([] if runs else ["test"])


def test_all_docker_resources_and_nothing_else_go_through_the_sites_own_docker_provider(dev: Recorder) -> None:
    through = {made.name for made in dev.made if made.custom and "lan-docker::" in made.provider}
    assert through == {made.name for made in dev.made if made.type.startswith("docker:")}
    [provider] = dev.of("providers:docker")
    assert provider.inputs["host"] == "ssh://root@192.168.1.10:22"
    assert json.loads(provider.inputs["sshOpts"]) == ACCESS.options


def test_images_stay_on_the_nas(dev: Recorder) -> None:
    assert [image.inputs["keepLocally"] for image in dev.of(IMAGE)] == [True, True]


def test_the_remote_command_has_its_own_undo_a_time_limit_and_the_verified_connection(dev: Recorder) -> None:
    command = one(dev, COMMAND, "lan-host")
    assert command.inputs["create"] == "sh -c 'become root\n' sh root 180 sh -c 'unpack it\n' sh apply"
    assert command.inputs["delete"] == "sh -c 'become root\n' sh root 180 sh -c 'unpack it\n' sh remove"
    assert "update" not in command.inputs and "environment" not in command.inputs
    assert command.inputs["addPreviousOutputInEnv"] is False
    assert command.delete_before_replace
    connection = revealed(command.inputs["connection"])
    assert connection == {
        "host": "192.168.1.10",
        "port": 22,
        "user": "root",
        "privateKey": PRIVATE_KEY,
        "hostKey": ACCESS.plugin_host_key,
        "dialErrorLimit": 3,
        "perDialTimeout": 10,
    }


def test_nothing_of_an_agent_stands_in_the_state_for_its_socket_is_another_after_each_login() -> None:
    access = replace(ACCESS, identity_file=None, private_key=None)
    connection = revealed(one(record_lan(dev_plan(), access), COMMAND, "lan-host").inputs["connection"])
    assert "agentSocketPath" not in connection and "privateKey" not in connection


@pytest.mark.parametrize(
    ("plan", "install", "access", "replaced"),
    [
        (plan_of(site_of()), installed(), ACCESS, False),
        (plan_of(site_of(box("a1", 9))), installed(), ACCESS, False),
        (plan_of(site_of()), installed(check_interval=60), ACCESS, False),
        (plan_of(site_of()), installed(), replace(ACCESS, user="admin", private_key="other"), False),
        (plan_of(site_of(put("lan", "parent", "eth1"))), installed(), ACCESS, False),
        (plan_of(site_of(put("shim", "name", "shim0"))), installed(), ACCESS, True),
        (plan_of(site_of()), installed(script_path="/opt/x.sh"), ACCESS, True),
        (plan_of(site_of()), installed(config_path="/etc/x.conf"), ACCESS, True),
        (plan_of(site_of()), installed(hook_file="/etc/systemd/system/x.service"), ACCESS, True),
        (plan_of(site_of()), installed(), replace(ACCESS, host="192.168.1.11"), True),
        (plan_of(site_of()), installed(docker_unit="pkg-Docker-dockerd.service"), ACCESS, False),
        (plan_of(site_of()), installed(boot_hook="systemd-standalone"), ACCESS, True),
        (plan_of(site_of()), installed(wrapper="/usr/bin/docker", docker="/usr/local/bin/docker"), ACCESS, True),
        (plan_of(site_of()), installed(privilege="sudo"), ACCESS, False),
    ],
    ids=[
        "same",
        "container",
        "tick",
        "login",
        "parent",
        "shim name",
        "program",
        "conf",
        "unit",
        "NAS",
        "docker's unit",
        "hook",
        "wrapper",
        "sudo",
    ],
)
def test_only_what_leaves_something_behind_replaces_the_shim(
    plan: object, install: InstallPlan, access: object, replaced: bool
) -> None:
    before = one(record_lan(dev_plan()), COMMAND, "lan-host").inputs["triggers"]
    after = one(record_lan(plan, access, install=install), COMMAND, "lan-host").inputs["triggers"]  # type: ignore
    assert (before != after) is replaced


def test_a_password_goes_before_the_bundle_and_all_of_that_is_secret() -> None:
    access = replace(ACCESS, sudo_password="swordfish")
    recorder = record_lan(dev_plan(), access, install=installed(privilege="password"))
    command = one(recorder, COMMAND, "lan-host")
    assert revealed(command.inputs["stdin"]).startswith("swordfish\n> install.sh\n|")
    assert " sh password 180 " in command.inputs["create"] and " sh password 180 " in command.inputs["delete"]
    plain = {key: value for key, value in command.inputs.items() if key not in ("stdin", "connection")}
    assert "swordfish" not in json.dumps([plain, recorder.outputs]) + repr(access)


@pytest.mark.parametrize("rights", ["root", "sudo"])
def test_a_password_that_is_not_asked_for_goes_nowhere(rights: str) -> None:
    recorder = record_lan(dev_plan(), replace(ACCESS, sudo_password="swordfish"), install=installed(privilege=rights))
    assert not [made.name for made in recorder.made if "swordfish" in made.raw]


@pytest.mark.parametrize("wrapper", ["", "/usr/bin/docker"])
def test_docker_is_reached_only_after_what_makes_it_reachable(wrapper: str) -> None:
    recorder = record_lan(dev_plan(), install=installed(wrapper=wrapper, docker="/usr/local/bin/docker"))
    (provider,) = recorder.of("pulumi:providers:docker")
    assert any("HostShim" in urn for urn in provider.after) is bool(wrapper)


def test_the_private_key_is_in_no_output_and_in_no_input_in_clear(dev: Recorder) -> None:
    assert "hunter2" not in json.dumps(dev.outputs) + repr(ACCESS) + str(ACCESS) + " ".join(ACCESS.options)
    holders = [made.name for made in dev.made if "hunter2" in made.raw]
    assert holders == ["lan-host"]
    command = dict(one(dev, COMMAND, "lan-host").inputs)
    del command["connection"]  # a secret, as shown above
    assert "hunter2" not in json.dumps(command)


def test_secret_variables_are_secret_and_beside_the_plain_ones() -> None:
    recorder = record_lan(dev_plan(), secrets={"qbittorrent": {"PASSWORD": "swordfish"}})
    envs = revealed(one(recorder, CONTAINER, "lan-qbittorrent-container").inputs["envs"])
    assert envs == ["PGID=1000", "PUID=1000", "TZ=Europe/Berlin", "WEBUI_PORT=8080", "PASSWORD=swordfish"]
    assert "swordfish" not in one(recorder, CONTAINER, "lan-test-container").raw
    assert "swordfish" not in json.dumps(recorder.outputs)


@pytest.mark.parametrize("count", [1, 5, 40])
def test_there_is_one_remote_command_however_many_containers(count: int) -> None:
    recorder = crowd(count, images=count)
    assert len(recorder.of(COMMAND)) == 1 and len(recorder.of("providers:docker")) == 1
    assert len(recorder.of(CONTAINER)) == count


def in_a_row(recorder: Recorder, type_: str) -> int:
    """The most resources of a type of which each waits for the one before: how long the whole takes."""
    graph = {made.urn: made.after for made in recorder.made}
    members = {made.urn for made in recorder.of(type_)}

    @cache
    def depth(urn: str) -> int:
        return (urn in members) + max((depth(other) for other in graph.get(urn, ())), default=0)

    return max(map(depth, members))


def at_once(recorder: Recorder, type_: str) -> int:
    """The most resources of a type of which none waits for another (the widest antichain).

    By Dilworth it is the least number of chains that cover them: members less a greatest matching of "waits for".
    """
    graph = {made.urn: made.after for made in recorder.made}

    @cache
    def behind(urn: str) -> frozenset[str]:
        direct = graph.get(urn, frozenset())
        return direct.union(*(behind(other) for other in direct))

    members = [made.urn for made in recorder.of(type_)]
    matched: dict[str, str] = {}

    def augment(urn: str, seen: set[str]) -> bool:
        for other in members:
            if other in behind(urn) and other not in seen:
                seen.add(other)
                if other not in matched or augment(matched[other], seen):
                    matched[other] = urn
                    return True
        return False

    return len(members) - sum(augment(urn, set()) for urn in members)


@pytest.mark.parametrize("count", [*range(1, 14), 40])
def test_at_most_four_containers_and_four_images_are_under_way_at_any_time(count: int) -> None:
    """sshd takes ten sessions in one connection (MaxSessions)."""
    recorder = crowd(count, images=count)
    assert at_once(recorder, CONTAINER) == min(count, 4)
    assert at_once(recorder, IMAGE) == min(count, 4)
    assert in_a_row(recorder, CONTAINER) == in_a_row(recorder, IMAGE) == -(-count // 4)


def test_a_shared_image_is_pulled_once() -> None:
    recorder = crowd(9, images=2)
    assert [image.name for image in recorder.of(IMAGE)] == ["lan-image0", "lan-image1"]
    assert at_once(recorder, CONTAINER) == 4


def test_a_preview_shows_exactly_the_resources_that_an_update_makes() -> None:
    """A resource made inside apply would be missing where values are not known yet."""
    secrets = {"test": {"PASSWORD": "x"}}
    preview, update = (record_lan(dev_plan(), preview=dry, secrets=secrets) for dry in (True, False))
    assert {(m.urn, m.after) for m in preview.made} == {(m.urn, m.after) for m in update.made}
    # In which order those without a bond between them are made is chance
    shown, made = (
        {m.urn: m.inputs for m in run.made if m.type != f"docker:index/{CONTAINER}"} for run in (preview, update)
    )
    assert shown == made


def test_every_component_says_what_it_made(dev: Recorder) -> None:
    components = {made.urn for made in dev.made if not made.custom}
    assert components <= dev.outputs.keys()
    assert dev.outputs[LAN] == {"network_name": "bridge-host", "summary": "shim is up"}
    [found] = [values for urn, values in dev.outputs.items() if urn.endswith("LanContainer::lan-test")]
    addresses = {"ipv4": "192.168.1.201", "ula": "fd0d:7eb5:2afd::201", "mac": "02:42:c0:a8:01:c9"}
    assert found == {**addresses, "written": '{"security_opt": [], "ulimits": {}}'}


def test_no_type_token_contains_a_name_of_the_site(dev: Recorder) -> None:
    renamed = record_lan(plan_of(site_of(put("network", {"name": "other-net"}), put("shim", "name", "shim7"))))
    assert {made.type for made in renamed.made} <= {made.type for made in dev.made}


def test_adding_a_container_changes_no_input_of_the_others() -> None:
    before, after = record_lan(plan_of(site_of())), record_lan(plan_of(site_of(box("a1", 9))))
    old = {made.urn: made.inputs for made in before.made}
    changed = [made.name for made in after.made if made.urn in old and made.inputs != old[made.urn]]
    assert changed == ["lan-host"]
    assert {made.name for made in after.made if made.urn not in old} == {"lan-a1", "lan-a1-container"}
