"""Services as compose files write them: every supported key lands in the container, every other one is refused."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from config.compose import ComposeFile, joining, services_on
from config.service import REMEDIES, Service
from facts.labels import ADDRESSES
from inputs.yaml_traps import find_traps, load_yaml
from tests.unit.junk import junk
from tests.unit.recorder import record_lan
from tests.unit.sites import COMPOSE, compose_file, dev_plan, judge, plan_of, put, site_of

SERVICE = f"{COMPOSE}: services.app"
APP = {"image": "app:1", "networks": {"bridge-host": {"ipv4_address": "192.168.1.77"}}}


def document(**service: Any) -> dict[str, Any]:
    networks, volumes = {"bridge-host": {"external": True}}, {"data": {"external": True}}
    return {"services": {"app": {**APP, **service}}, "networks": networks, "volumes": volumes}


def container_inputs(**keys: Any) -> dict[str, Any]:
    """The Docker container that the engine gets for service ``app``, less what every container has."""
    recorder = record_lan(plan_of(site_of(put("containers", {})), [compose_file(document(**keys))]))
    [container] = recorder.of("container:Container")
    plain = {"name": "app", "image": "sha256:1234", "envs": [], "restart": "no", "removeVolumes": False, "labels": []}
    labels = [one for one in container.inputs["labels"] if one["label"] != ADDRESSES]
    inputs = {**container.inputs, "labels": labels}
    return {key: value for key, value in inputs.items() if plain.get(key) != value}


ATTACHED = {
    "name": "bridge-host",
    "ipv4Address": "192.168.1.77",
    "ipv6Address": "fd0d:7eb5:2afd::77",
    "macAddress": "02:42:c0:a8:01:4d",
}
# what is written, what the engine gets for it
LANDS: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"container_name": "other"}, {"name": "other"}),
    ({"hostname": "h", "domainname": "home.arpa"}, {"hostname": "h", "domainname": "home.arpa"}),
    ({"command": "sleep 'a b'"}, {"command": ["sleep", "a b"]}),
    ({"command": ["sleep", "a b"]}, {"command": ["sleep", "a b"]}),
    ({"entrypoint": "/bin/sh -c"}, {"entrypoints": ["/bin/sh", "-c"]}),
    ({"entrypoint": ["/bin/sh"]}, {"entrypoints": ["/bin/sh"]}),
    ({"environment": ["B=2", "A=1=1", "C="]}, {"envs": ["A=1=1", "B=2", "C="]}),
    ({"environment": {"B": 2, "A": "yes", "C": 1.5}}, {"envs": ["A=yes", "B=2", "C=1.5"]}),
    ({"labels": ["b=2"]}, {"labels": [{"label": "b", "value": "2"}]}),
    ({"labels": {"b": 2}}, {"labels": [{"label": "b", "value": "2"}]}),
    ({"user": "1000:1000"}, {"user": "1000:1000"}),
    ({"user": 1000}, {"user": "1000"}),
    ({"group_add": ["video", 44]}, {"groupAdds": ["video", "44"]}),
    ({"working_dir": "/srv"}, {"workingDir": "/srv"}),
    ({"volumes": ["/volume1/a:/a"]}, {"volumes": [{"hostPath": "/volume1/a", "containerPath": "/a"}]}),
    ({"volumes": ["/volume1/a:/a:ro"]},
     {"volumes": [{"hostPath": "/volume1/a", "containerPath": "/a", "readOnly": True}]}),
    ({"volumes": ["data:/a:rw"]}, {"volumes": [{"volumeName": "data", "containerPath": "/a"}]}),
    ({"volumes": [{"type": "bind", "source": "/a", "target": "/b", "read_only": True}]},
     {"volumes": [{"hostPath": "/a", "containerPath": "/b", "readOnly": True}]}),
    ({"volumes": [{"type": "volume", "source": "data", "target": "/b"}]},
     {"volumes": [{"volumeName": "data", "containerPath": "/b"}]}),
    ({"tmpfs": "/run"}, {"tmpfs": {"/run": ""}}),
    ({"tmpfs": ["/run:size=64m,exec"]}, {"tmpfs": {"/run": "size=64m,exec"}}),
    ({"devices": ["/dev/dri"]},
     {"devices": [{"hostPath": "/dev/dri", "containerPath": "/dev/dri", "permissions": "rwm"}]}),
    ({"devices": ["/dev/a:/dev/b:r"]},
     {"devices": [{"hostPath": "/dev/a", "containerPath": "/dev/b", "permissions": "r"}]}),
    ({"devices": ["/dev/a:r"]}, {"devices": [{"hostPath": "/dev/a", "containerPath": "/dev/a", "permissions": "r"}]}),
    ({"dns": "FD00::53"}, {"dns": ["fd00::53"]}),
    ({"dns": ["192.168.1.1", "fd00::53"]}, {"dns": ["192.168.1.1", "fd00::53"]}),
    ({"dns_opt": ["ndots:1"], "dns_search": "lan"}, {"dnsOpts": ["ndots:1"], "dnsSearches": ["lan"]}),
    ({"extra_hosts": ["nas:192.168.1.10", "v6=fd00::1", "b:[fd00::2]"]},
     {"hosts": [{"host": "nas", "ip": "192.168.1.10"}, {"host": "v6", "ip": "fd00::1"},
                {"host": "b", "ip": "fd00::2"}]}),
    ({"extra_hosts": {"nas": "192.168.1.10"}}, {"hosts": [{"host": "nas", "ip": "192.168.1.10"}]}),
    ({"extra_hosts": ["nas:192.168.1.254", "nas:fd0d:7eb5:2afd::254"]},
     {"hosts": [{"host": "nas", "ip": "192.168.1.254"}, {"host": "nas", "ip": "fd0d:7eb5:2afd::254"}]}),
    ({"extra_hosts": {"nas": ["192.168.1.254", "[FD00::1]"], "up": "host-gateway"}},
     {"hosts": [{"host": "nas", "ip": "192.168.1.254"}, {"host": "nas", "ip": "fd00::1"},
                {"host": "up", "ip": "host-gateway"}]}),
    ({"extra_hosts": ["v6=[::1]"]}, {"hosts": [{"host": "v6", "ip": "::1"}]}),
    ({"restart": "always"}, {"restart": "always"}),
    ({"restart": "on-failure:3"}, {"restart": "on-failure", "maxRetryCount": 3}),
    ({"restart": "no"}, {}),
    ({"init": True, "tty": True, "stdin_open": True}, {"init": True, "tty": True, "stdinOpen": True}),
    ({"privileged": True, "read_only": True}, {"privileged": True, "readOnly": True}),
    ({"cap_add": ["net_admin", "CAP_SYS_TIME"], "cap_drop": ["ALL"]},
     {"capabilities": {"adds": ["CAP_NET_ADMIN", "CAP_SYS_TIME"], "drops": ["ALL"]}}),
    ({"security_opt": ["no-new-privileges:true"]}, {"securityOpts": ["no-new-privileges:true"]}),
    ({"sysctls": {"net.ipv6.conf.all.forwarding": 1}}, {"sysctls": {"net.ipv6.conf.all.forwarding": "1"}}),
    ({"sysctls": ["net.core.somaxconn=1024"]}, {"sysctls": {"net.core.somaxconn": "1024"}}),
    ({"shm_size": "64m", "mem_limit": "1g"}, {"shmSize": 64, "memory": 1024, "memorySwap": 2048}),
    ({"mem_limit": 536870912}, {"memory": 512, "memorySwap": 1024}),
    ({"stop_signal": "SIGINT", "stop_grace_period": "1m30s"},
     {"stopSignal": "SIGINT", "stopTimeout": 90, "destroyGraceSeconds": 90}),
    ({"stop_grace_period": "1.5s"}, {"stopTimeout": 2, "destroyGraceSeconds": 2}),
    ({"stop_grace_period": 99999999999}, {"stopTimeout": 2147483647, "destroyGraceSeconds": 2147483647}),
    ({"stop_grace_period": 7}, {"stopTimeout": 7, "destroyGraceSeconds": 7}),
    ({"healthcheck": {"test": "curl -f localhost", "interval": "1m30s", "timeout": "5s", "retries": 3,
                      "start_period": "10s"}},
     {"healthcheck": {"tests": ["CMD-SHELL", "curl -f localhost"], "interval": "1m30s", "timeout": "5s", "retries": 3,
                      "startPeriod": "10s"}}),
    ({"healthcheck": {"test": ["CMD", "true"]}}, {"healthcheck": {"tests": ["CMD", "true"]}}),
    ({"healthcheck": {"test": "x", "interval": "90s", "timeout": "0.5m", "start_period": "1h"}},
     {"healthcheck": {"tests": ["CMD-SHELL", "x"], "interval": "1m30s", "timeout": "30s", "startPeriod": "1h0m0s"}}),
    ({"healthcheck": {"test": "x", "interval": "1500ms", "timeout": "1500us", "start_period": "0s"}},
     {"healthcheck": {"tests": ["CMD-SHELL", "x"], "interval": "1.5s", "timeout": "1.5ms", "startPeriod": "0s"}}),
    ({"healthcheck": {"disable": True}}, {"healthcheck": {"tests": ["NONE"]}}),
    ({"logging": {"driver": "json-file", "options": {"max-size": "10m"}}},
     {"logDriver": "json-file", "logOpts": {"max-size": "10m"}}),
    ({"networks": {"bridge-host": {"ipv4_address": "192.168.1.78"}}},
     {"networksAdvanced": [ATTACHED | {"ipv4Address": "192.168.1.78", "ipv6Address": "fd0d:7eb5:2afd::78",
                                       "macAddress": "02:42:c0:a8:01:4e"}]}),
    ({"networks": {"bridge-host": {"ipv4_address": "192.168.1.77", "ipv6_address": "fd0d:7eb5:2afd::beef",
                                   "mac_address": "02:00:00:00:00:01", "aliases": ["b", "a"]}}},
     {"networksAdvanced": [ATTACHED | {"ipv6Address": "fd0d:7eb5:2afd::beef", "macAddress": "02:00:00:00:00:01",
                                       "aliases": ["b", "a"]}]}),
    ({"networks": ["bridge-host"], "ipv4_address": "192.168.1.77", "ipv6_address": "fd0d:7eb5:2afd::beef",
      "mac_address": "02:00:00:00:00:01"},
     {"networksAdvanced": [ATTACHED | {"ipv6Address": "fd0d:7eb5:2afd::beef", "macAddress": "02:00:00:00:00:01"}]}),
    ({"x-note": "$MINE"}, {}),
    ({"pull_policy": "missing"}, {}),
    ({"pull_policy": "if_not_present"}, {}),
    ({"environment": {"A": "a$$b"}}, {"envs": ["A=a$b"]}),
]  # fmt: skip


@pytest.mark.parametrize(("written", "lands"), LANDS, ids=[" ".join(map(str, written)) for written, _ in LANDS])
def test_what_compose_says_reaches_the_container(written: dict[str, Any], lands: dict[str, Any]) -> None:
    assert container_inputs(**written) == {"networksAdvanced": [ATTACHED]} | lands


def test_every_supported_key_has_a_case_above() -> None:
    tried = {key for written, _ in LANDS for key in written} | {"image"}
    assert Service.model_fields.keys() - tried == set()


def test_the_same_keys_work_in_the_site_itself() -> None:
    keys = {"image": "app:1", "networks": {"bridge-host": {"ipv4_address": "192.168.1.77"}}, "dns": ["fd00::53"]}
    pasted = plan_of(site_of(put("containers", {"app": keys}))).containers
    [read] = plan_of(site_of(put("containers", {})), [compose_file(document(dns=["fd00::53"]))]).containers
    assert pasted[0].service == read.service and pasted[0].ipv4 == read.ipv4


def test_a_service_pasted_into_the_site_is_read_as_in_a_compose_file() -> None:
    keys = {"command": "sh -c 'echo $$HOME'", "environment": ["A=a$$b"], "x-note": "$MINE"}
    [pasted] = plan_of(site_of(put("containers", {"app": {**APP, **keys}}))).containers
    [read] = plan_of(site_of(put("containers", {})), [compose_file(document(**keys))]).containers
    assert pasted.service == read.service
    assert read.service is not None and read.service.command == ("sh", "-c", "echo $HOME")


COMPOSE_KEYS = """
annotations attach blkio_config build cap_add cap_drop cgroup cgroup_parent command configs container_name
cpu_count cpu_percent cpu_period cpu_quota cpu_rt_period cpu_rt_runtime cpu_shares cpus cpuset credential_spec
depends_on deploy develop device_cgroup_rules devices dns dns_opt dns_search domainname driver_opts entrypoint
env_file environment expose extends external_links extra_hosts gpus group_add healthcheck hostname image init ipc
isolation label_file labels links logging mac_address mem_limit mem_reservation mem_swappiness memswap_limit models
network_mode networks oom_kill_disable oom_score_adj pid pids_limit platform ports post_start pre_stop privileged
profiles provider pull_policy read_only restart runtime scale secrets security_opt shm_size stdin_open
stop_grace_period stop_signal storage_opt sysctls tmpfs tty ulimits use_api_socket user userns_mode uts volumes
volumes_from working_dir
"""


@pytest.mark.parametrize("key", sorted(set(COMPOSE_KEYS.split()) - Service.model_fields.keys()))
def test_every_other_key_of_the_compose_specification_is_refused(key: str) -> None:
    _, [problem] = services_on(compose_file(document(**{key: "x"})), ("bridge-host",))
    assert (problem.path, problem.value) == (f"{SERVICE}.{key}", "x")
    assert "would do nothing" in problem.message
    assert problem.remedy == REMEDIES.get(key, "remove it, or see the keys in docs/guide.md")


# keys of the service, the key and value that the error names, words of what is wrong and of the remedy
BAD: list[tuple[dict[str, Any], str, str, str]] = [
    ({"image": 5}, "image: 5", "YAML number", "quotes"),
    ({"container_name": "a b"}, "container_name: a b", "not a name that Docker takes", "letters"),
    ({"command": "sleep 'a"}, "command: sleep 'a", "split into words", "balance"),
    ({"pull_policy": "always"}, "pull_policy: always", "a change at every preview", "imagesPulled=<date>"),
    ({"pull_policy": "daily"}, "pull_policy: daily", "by the clock", "imagesPulled=<date>"),
    ({"pull_policy": "weekly"}, "pull_policy: weekly", "by the clock", "imagesPulled=<date>"),
    ({"pull_policy": "every_12h"}, "pull_policy: every_12h", "by the clock", "imagesPulled=<date>"),
    ({"pull_policy": "never"}, "pull_policy: never", "pulls an image that is not on the NAS", "write `missing`"),
    ({"pull_policy": "build"}, "pull_policy: build", "nothing would be built", "push it to a registry"),
    ({"pull_policy": "newer"}, "pull_policy: newer", "not a pull policy", "write missing"),
    ({"pull_policy": False}, "pull_policy: false", "not a pull policy", "write missing"),
    ({"command": 5}, "command: 5", "not a list", "- "),
    ({"environment": {"A": True}}, "environment.A", "YAML boolean", "quote it"),
    ({"environment": {"A=hunter2": None}}, "environment.A", "has no value", "write the value"),
    ({"DB_PASSWORD": "hunter2"}, "DB_PASSWORD", "not a key", "indent it under `environment:`"),
    ({"environment": {"A": None}}, "environment.A", "has no value", "write the value"),
    ({"environment": ["A"]}, "environment", "has no value for A", "- A=value"),
    ({"environment": ["A=1", "A=2"]}, "environment", "has A twice", "keep one"),
    ({"volumes": ["./a:/b"]}, "volumes[0]: ./a:/b", "folder of the laptop", "full path"),
    ({"volumes": ["~/a:/b"]}, "volumes[0]: ~/a:/b", "folder of the laptop", "full path"),
    ({"volumes": ["/b"]}, "volumes[0]: /b", "not SOURCE:TARGET", "as in"),
    ({"volumes": ["/a:/b:z"]}, "volumes[0]: /a:/b:z", "mode z", "ro or rw"),
    ({"volumes": ["/a:b"]}, "volumes[0].target: b", "absolute path in the container", "start it with /"),
    ({"volumes": [{"type": "tmpfs", "target": "/b"}]}, "volumes[0].type: tmpfs", "not an allowed value", "'bind'"),
    ({"volumes": [{"type": "bind", "source": "/a", "target": "/b", "bind": {}}]}, "volumes[0].bind", "not a key", "se"),
    ({"devices": ["a:b:c:d"]}, "devices[0]: a:b:c:d", "not HOST", "/dev/dri"),
    ({"dns": ["router"]}, "dns[0]: router", "neither an IPv4 nor an IPv6 address", "as in"),
    ({"dns": 5}, "dns[0]: 5", "YAML number", "quotes"),
    ({"volumes": ["a/b:/c"]}, "volumes[0]: a/b:/c", "not the name of a volume", "type bind"),
    ({"volumes": [{"type": "bind", "source": "./a", "target": "/b"}]}, "volumes[0].source: ./a", "folder of the laptop",
     "full path"),
    ({"volumes": [{"type": "bind", "source": "a", "target": "/b"}]}, "volumes[0].source: a", "folder of the laptop",
     "full path"),
    ({"volumes": [{"type": "volume", "source": "/a", "target": "/b"}]}, "volumes[0].source: /a",
     "not the name of a volume", "type bind"),
    ({"volumes": [{"type": "bind", "source": "/a", "target": "/b:ro"}]}, "volumes[0].target: /b:ro", "has a colon",
     "without one"),
    ({"command": []}, "command", "is empty", "remove the line"),
    ({"command": " "}, "command:  ", "is empty", "remove the line"),
    ({"entrypoint": []}, "entrypoint", "is empty", "remove the line"),
    ({"entrypoint": ""}, "entrypoint", "is empty", "remove the line"),
    ({"entrypoint": [""]}, "entrypoint", "is empty", "remove the line"),
    ({"extra_hosts": ["nas"]}, "extra_hosts[0]: nas", "not name:address", "nas:192.168.1.10"),
    ({"extra_hosts": ["nas:router"]}, "extra_hosts[0]: nas:router", "where an address is expected", "host-gateway"),
    ({"extra_hosts": {"nas": "192.168.1.300"}}, "extra_hosts[0]: nas:192.168.1.300", "an address is expected", "as in"),
    ({"extra_hosts": {"nas": None}}, "extra_hosts[0]: nas:", "not name:address", "nas:192.168.1.10"),
    ({"restart": False}, "restart: false", "YAML boolean false", 'restart: "no"'),
    ({"restart": "sometimes"}, "restart: sometimes", "not a restart policy", "unless-stopped"),
    ({"tty": "maybe"}, "tty: maybe", "neither true nor false", "true or false"),
    ({"cap_add": "NET_ADMIN"}, "cap_add: NET_ADMIN", "not a list", "- "),
    ({"shm_size": "1000"}, "shm_size: 1000", "whole number of mebibytes", "512m"),
    ({"mem_limit": "1500k"}, "mem_limit: 1500k", "whole number of mebibytes", "512m"),
    ({"mem_limit": "lots"}, "mem_limit: lots", "not a size", "512m"),
    ({"mem_limit": True}, "mem_limit: true", "not a size", "512m"),
    ({"stop_grace_period": "soon"}, "stop_grace_period: soon", "not a duration", "1m30s"),
    ({"healthcheck": {"test": ["curl"]}}, "healthcheck.test", "does not start with", "CMD"),
    ({"healthcheck": {"interval": "30"}}, "healthcheck.interval: 30", "not a duration", "30s"),
    ({"healthcheck": {"retries": -1}}, "healthcheck.retries: -1", "0 or more", "0 or more"),
    ({"networks": {"bridge-host": 5}}, "networks.bridge-host: 5", "not a map", "key: value"),
    ({"networks": {"bridge-host": {"ipv4_adress": "x"}}}, "networks.bridge-host.ipv4_adress: x", "not a key", "guide"),
    ({"image": "${IMAGE}"}, "image: ${IMAGE}", "$variable", "$$"),
    ({"environment": ["A=$B"]}, "environment[0]", "$variable", "$$"),
    ({"mac_address": "33:33:00:00:00:01"}, "mac_address: 33:33:00:00:00:01", "multicast", "02"),
]  # fmt: skip


@pytest.mark.parametrize(("keys", "head", "what", "remedy"), BAD, ids=[head for _, head, _, _ in BAD])
def test_bad_values_are_told_with_key_value_and_remedy(keys: dict[str, Any], head: str, what: str, remedy: str) -> None:
    _, problems = services_on(compose_file(document(**keys)), ("bridge-host",))
    told = [problem for problem in problems if str(problem).startswith(f"  {SERVICE}.{head}\n")]
    assert len(told) == 1 and what in told[0].message and remedy in told[0].remedy, "\n".join(map(str, problems))


def test_a_key_that_nobody_knows_does_not_hide_what_else_is_wrong() -> None:
    networks = {"bridge-host": {"ipv4_address": "192.168.7.77"}}
    _, problems = judge(site_of(), [compose_file(document(ports=["80:80"], networks=networks, volumes=["db:/db"]))])
    assert sorted(str(problem).splitlines()[0].strip().removeprefix(f"{SERVICE}.") for problem in problems) == [
        "ipv4_address: 192.168.7.77",
        "ports",
        "volumes[0]: db",
    ]


@pytest.mark.parametrize("key", [5, None, "a b"])
def test_a_service_whose_name_no_container_can_have_is_left_out(key: Any) -> None:
    services, [problem] = services_on(compose_file(document() | {"services": {key: APP}}), ("bridge-host",))
    assert services == {} and str(problem).startswith(f"  {COMPOSE}: services.{key if key else ''}")


def test_the_example_is_read_verbatim() -> None:
    [qbittorrent] = [container for container in dev_plan().containers if container.key == "qbittorrent"]
    assert str(qbittorrent.ipv4) == "192.168.1.202" and qbittorrent.path == f"{COMPOSE}: services.qbittorrent"


def test_services_that_do_not_join_are_none_of_our_business() -> None:
    mixed = document()
    mixed["services"] |= {
        "db": {"image": "${DB}", "ports": ["5432:5432"]},
        "web": {"build": ".", "networks": ["default"]},
        "odd": 5,
    }
    services, problems = services_on(compose_file(mixed), ("bridge-host",))
    assert list(services) == ["app"] and problems == []
    assert joining(mixed, ("bridge-host",)) == {"app"}


@pytest.mark.parametrize(
    "networks",
    [
        {"lan": {"external": True, "name": "bridge-host"}},
        {"lan": {"external": {"name": "bridge-host"}}},
    ],
)
def test_a_network_may_have_another_name_inside_the_file(networks: Any) -> None:
    written = {
        "services": {"app": {**APP, "networks": {"lan": {"ipv4_address": "192.168.1.77"}}}},
        "networks": networks,
    }
    [app] = plan_of(site_of(put("containers", {})), [compose_file(written)]).containers
    assert str(app.ipv4) == "192.168.1.77"


def test_a_named_volume_has_the_name_that_the_file_gives_it_and_without_one_is_refused() -> None:
    written = document(volumes=["data:/a", "logs:/b"]) | {"volumes": {"data": {"name": "app_data"}, "logs": None}}
    services, problems = services_on(compose_file(written), ("bridge-host",))
    assert [volume.source for volume in services["app"].volumes] == ["app_data", "logs"]
    [problem] = problems
    assert problem.path.endswith("services.app.volumes[1]") and problem.value == "logs"
    assert "find it empty" in problem.message and "logs: {name: …}" in problem.remedy


@pytest.mark.parametrize(
    ("settings", "source"),
    [
        ({"external": {"name": "media"}}, "media"),
        ({"external": True, "name": "media"}, "media"),
        ({"external": True}, "data"),
        ({"name": "media", "driver": "local", "driver_opts": {}, "x-note": 1}, "media"),
    ],
)
def test_a_volume_is_the_one_that_the_file_means(settings: Any, source: str) -> None:
    written = document(volumes=["data:/a"]) | {"volumes": {"data": settings}}
    services, problems = services_on(compose_file(written), ("bridge-host",))
    assert [volume.source for volume in services["app"].volumes] == [source] and problems == []


@pytest.mark.parametrize(
    ("settings", "path", "what"),
    [
        ({"name": "media", "driver_opts": {"type": "nfs"}}, "volumes.data.driver_opts", "not taken from here"),
        ({"name": "media", "driver": "rclone"}, "volumes.data.driver", "not taken from here"),
        ({"name": "${P}_media"}, "services.app.volumes[0]", "not a name that a volume can have"),
        ({"name": "/etc"}, "services.app.volumes[0]", "not a name that a volume can have"),
        ({"name": ""}, "services.app.volumes[0]", "not a name that a volume can have"),
        ({"external": False}, "services.app.volumes[0]", "find it empty"),
        ({"external": "false"}, "services.app.volumes[0]", "find it empty"),
        ({"external": {"name": 5}}, "services.app.volumes[0]", "find it empty"),
    ],
)
def test_a_volume_that_would_be_made_otherwise_is_refused(settings: Any, path: str, what: str) -> None:
    written = document(volumes=["data:/a"]) | {"volumes": {"data": settings}}
    _, [problem] = judge(site_of(put("containers", {})), [compose_file(written)])
    assert problem.path == f"{COMPOSE}: {path}" and what in problem.message and "docker volume" in problem.remedy


@pytest.mark.parametrize("declared", [{"external": True, "name": "bridge-host"}, {"external": {"name": "bridge-host"}}])
@pytest.mark.parametrize("networks", ["absent", None, [], {}])
def test_a_service_without_networks_joins_the_files_default_one(declared: Any, networks: Any) -> None:
    joins = {"image": "app:1", "ipv4_address": "192.168.1.77", "networks": networks}
    if networks == "absent":
        del joins["networks"]
    written = {
        "services": {"app": joins, "vpn": {"image": "x", "network_mode": "host"}},
        "networks": {"default": declared},
    }
    [app] = plan_of(site_of(put("containers", {})), [compose_file(written)]).containers
    assert str(app.ipv4) == "192.168.1.77" and joining(written, ("bridge-host",)) == {"app"}


def test_a_service_on_the_default_network_needs_an_address_like_any_other() -> None:
    networks = {"default": {"external": True, "name": "bridge-host"}}
    _, problems = judge(site_of(), [compose_file({"services": {"app": {"image": "app:1"}}, "networks": networks})])
    assert [problem.path for problem in problems] == [f"{SERVICE}.ipv4_address"]


@pytest.mark.parametrize(
    ("key", "one", "other"),
    [
        ("ipv4_address", "192.168.1.77", "192.168.1.78"),
        ("ipv6_address", "fd0d:7eb5:2afd::77", "fd0d:7eb5:2afd::78"),
        ("mac_address", "02:00:00:00:00:01", "02:00:00:00:00:02"),
    ],
)
def test_an_address_given_twice_is_one_address_or_refused(key: str, one: str, other: str) -> None:
    def problems(there: str) -> list[tuple[str, str]]:
        attachment = {"ipv4_address": "192.168.1.77", key: there}
        written = document(**{"ipv4_address": "192.168.1.77", key: one, "networks": {"bridge-host": attachment}})
        _, problems = judge(site_of(put("containers", {})), [compose_file(written)])
        return [(problem.path, problem.value) for problem in problems]

    assert problems(one) == [] and problems(other) == [(f"{SERVICE}.{key}", one)]


@pytest.mark.parametrize(
    ("written", "path", "what"),
    [
        (5, "services", "not a compose file"),
        ({"services": ["app"]}, "services", "not a compose file"),
        ({"services": {}}, "", "no service that joins the network bridge-host"),
        ({**document(), "networks": {}}, "", "no service that joins"),
        ({**document(), "networks": {"bridge-host": None}}, "networks.bridge-host.external", "not external"),
        ({**document(), "networks": {"bridge-host": {"external": False}}}, "networks.bridge-host.external", "not ext"),
        ({**document(), "services": {"a b": APP}}, "services.a b", "not a name that Docker takes"),
        ({**document(), "services": {"a\nb": APP}}, "services.'a\\nb'", "not a name that Docker takes"),
        ({**document(), "networks": {"a\nb": {"name": "bridge-host"}}}, "networks.'a\\nb'.external", "not external"),
        ({**document(), "services": {5: APP}}, "services.5", "YAML number"),
    ],
)
def test_a_file_that_will_not_do_is_told_so(written: Any, path: str, what: str) -> None:
    _, problems = services_on(compose_file(written), ("bridge-host",))
    assert [problem.path for problem in problems] == [f"{COMPOSE}: {path}" if path else COMPOSE]
    assert what in problems[0].message and problems[0].remedy


def test_one_name_in_two_places_is_refused() -> None:
    _, problems = judge(
        site_of(put("containers", "app", {"image": "app:1", "ipv4_address": "192.168.1.9"})), [compose_file(document())]
    )
    assert [(p.path, p.message) for p in problems] == [(SERVICE, "has the same name as site.containers.app")]


def test_a_clash_with_a_compose_service_names_the_line_in_the_compose_file() -> None:
    _, problems = judge(
        site_of(), [compose_file(document(networks={"bridge-host": {"ipv4_address": "192.168.1.201"}}))]
    )
    assert [(p.path, p.value) for p in problems] == [(f"{SERVICE}.ipv4_address", "192.168.1.201")]


@given(
    st.sampled_from([("services",), ("services", "app"), ("networks",), ("volumes",), ("networks", "bridge-host")])
    | st.sampled_from(sorted(Service.model_fields)).map(lambda key: ("services", "app", key)),
    junk(),
)
def test_junk_anywhere_in_a_compose_file_gives_a_plan_or_clear_problems(place: tuple[str, ...], value: Any) -> None:
    written = document(volumes=["data:/a"])
    put(*place, value)(written)
    _judged(written)


@given(junk())
def test_junk_as_a_whole_compose_file_gives_clear_problems(value: Any) -> None:
    _judged(value)


@given(st.text() | junk().map(lambda value: yaml.safe_dump(value)) | st.text("-&*!:{}[]'\"#|> \nab01"))
def test_any_text_as_a_compose_file_is_a_document_or_a_yaml_error(text: str) -> None:
    find_traps(text, "x")
    try:
        written = load_yaml(text)
    except yaml.YAMLError:
        return
    _judged(written)


def _judged(written: Any) -> None:
    joining(written, ("bridge-host",))
    plan, problems = judge(site_of(), [ComposeFile(COMPOSE, written)])
    assert plan is not None
    assert problems or len(plan.containers) > 1
    for problem in problems:
        assert problem.message and problem.remedy and len(str(problem).splitlines()) == 3, problem
