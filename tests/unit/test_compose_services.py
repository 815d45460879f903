"""The keys of one service, as a Compose file or the site has them: what is read, and what is refused with a remedy."""

import json
from typing import Any

import pytest

from config.service import Service
from config.site import parse_site
from tests.unit.compose_projects import NAME, ON_LAN, app, errors, problems_of, taken_of, told
from tests.unit.sites import put, site_of, sources_of

SERVICE = f"{NAME}:1 services.app"  # `located` gives the line, which the tests of lines are about


def read(**keys: Any) -> dict[str, Any]:
    """What the service says, without what it has in each test."""
    document = app(**keys) | {"volumes": {"data": {"name": "data"}}}
    taken = taken_of(document)
    assert errors(taken.problems) == []
    return values(taken.services["app"].service)


def values(service: Service) -> dict[str, Any]:
    found = json.loads(json.dumps(service.model_dump(exclude_defaults=True), default=str))
    return {key: value for key, value in found.items() if key not in ("image", "networks") or value == {}}


BIND = {"type": "bind", "source": "/a", "target": "/b", "bind": {}}
# what is written, what is read
READ: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"container_name": "other"}, {"container_name": "other"}),
    ({"hostname": "h", "domainname": "home.arpa"}, {"hostname": "h", "domainname": "home.arpa"}),
    ({"platform": "linux/arm64"}, {"platform": "linux/arm64"}),
    ({"command": "sleep 'a b'"}, {"command": ["sleep", "a b"]}),
    ({"command": ["sleep", "a b"]}, {"command": ["sleep", "a b"]}),
    ({"command": 'sh -c "echo \\$$HOME"'}, {"command": ["sh", "-c", "echo $HOME"]}),
    ({"command": "npm run start; exit"}, {"command": ["npm", "run", "start"]}),
    ({"command": None}, {}),
    ({"command": []}, {}),  # Docker takes the image's own for none, but not so with the entrypoint
    ({"command": " "}, {}),
    ({"entrypoint": "/bin/sh -c"}, {"entrypoint": ["/bin/sh", "-c"]}),
    ({"entrypoint": ["/bin/sh"]}, {"entrypoint": ["/bin/sh"]}),
    ({"environment": ["B=2", "A=1=1", "C="]}, {"environment": {"A": "1=1", "B": "2", "C": ""}}),
    ({"environment": {"B": 2, "A": "yes", "C": 1.5}}, {"environment": {"A": "yes", "B": "2", "C": "1.5"}}),
    ({"environment": {"A": True, "B": False}}, {"environment": {"A": "true", "B": "false"}}),
    ({"environment": {"A": "a$$b", "x-b": "c"}}, {"environment": {"A": "a$b", "x-b": "c"}}),
    ({"labels": ["b=2", "alone"]}, {"labels": {"b": "2", "alone": ""}}),
    ({"labels": {"b": 2, "on": True, "empty": None}}, {"labels": {"b": "2", "on": "true", "empty": ""}}),
    ({"labels": ["wud=^7-alpine$", "note=costs $5"]}, {"labels": {"wud": "^7-alpine$", "note": "costs $5"}}),
    ({"user": "1000:1000"}, {"user": "1000:1000"}),
    ({"user": 1000}, {"user": "1000"}),
    ({"group_add": ["video", 44]}, {"group_add": ["video", "44"]}),
    ({"working_dir": "/srv"}, {"working_dir": "/srv"}),
    ({"volumes": ["/a:/b"]}, {"volumes": [BIND]}),
    ({"volumes": ["/a:/b:ro"]}, {"volumes": [BIND | {"read_only": True}]}),
    ({"volumes": ["/a:/b:ro,z"]}, {"volumes": [BIND | {"read_only": True, "bind": {"selinux": "z"}}]}),
    ({"volumes": ["/a:/b:rw,rslave"]}, {"volumes": [BIND | {"bind": {"propagation": "rslave"}}]}),
    ({"volumes": ["data:/b"]}, {"volumes": [{"type": "volume", "source": "data", "target": "/b", "volume": {}}]}),
    ({"volumes": ["data:/b:nocopy"]},
     {"volumes": [{"type": "volume", "source": "data", "target": "/b", "volume": {"nocopy": True}}]}),
    ({"volumes": ["/b"]}, {"volumes": [{"type": "volume", "target": "/b"}]}),
    ({"volumes": ["/a:/c", "/a:/b"], "tmpfs": []}, {"volumes": [BIND | {"target": "/c"}, BIND]}),
    ({"volumes": ["/c:/b", "/a:/b"]}, {"volumes": [BIND]}),
    ({"volumes": [{"type": "bind", "source": "/a", "target": "/b", "bind": {"create_host_path": False}}]},
     {"volumes": [BIND | {"bind": {"create_host_path": False}}]}),
    ({"volumes": [{"type": "volume", "source": "data", "target": "/b", "volume": {"subpath": "in"}, "x-a": 1}]},
     {"volumes": [{"type": "volume", "source": "data", "target": "/b", "volume": {"subpath": "in"}}]}),
    ({"volumes": [{"type": "tmpfs", "target": "/b", "tmpfs": {"size": "1.5m", "mode": 0o755}}]},
     {"volumes": [{"type": "tmpfs", "target": "/b", "tmpfs": {"size": 3 * 2**19, "mode": 0o755}}]}),
    ({"volumes_from": ["container:other:ro"]}, {"volumes_from": ["container:other:ro"]}),
    ({"tmpfs": "/run"}, {"tmpfs": ["/run"]}),
    ({"tmpfs": ["/run:size=64m,exec"]}, {"tmpfs": ["/run:size=64m,exec"]}),
    ({"devices": ["/dev/dri"]}, {"devices": [{"source": "/dev/dri", "target": "/dev/dri"}]}),
    ({"devices": ["/dev/a:/dev/b:r"]},
     {"devices": [{"source": "/dev/a", "target": "/dev/b", "permissions": "r"}]}),
    ({"devices": [{"source": "/dev/a", "target": "/dev/b", "permissions": "rwm"}]},
     {"devices": [{"source": "/dev/a", "target": "/dev/b"}]}),
    ({"device_cgroup_rules": ["c 189:* rmw"]}, {"device_cgroup_rules": ["c 189:* rmw"]}),
    ({"runtime": "nvidia"}, {"runtime": "nvidia"}),
    ({"dns": "FD00::53"}, {"dns": ["fd00::53"]}),
    ({"dns": ["127.0.0.1", "fd00::53"]}, {"dns": ["127.0.0.1", "fd00::53"]}),
    ({"dns_opt": ["ndots:1"], "dns_search": "lan"}, {"dns_opt": ["ndots:1"], "dns_search": ["lan"]}),
    ({"extra_hosts": ["nas:192.168.1.10", "v6=fd00::1", "b:[fd00::2]"]},
     {"extra_hosts": [["b", "fd00::2"], ["nas", "192.168.1.10"], ["v6", "fd00::1"]]}),
    ({"extra_hosts": {"nas": ["192.168.1.254", "[FD00::1]"], "up": "host-gateway"}},
     {"extra_hosts": [["nas", "192.168.1.254"], ["nas", "fd00::1"], ["up", "host-gateway"]]}),
    ({"extra_hosts": {"x-host": "192.168.1.9"}}, {"extra_hosts": [["x-host", "192.168.1.9"]]}),
    ({"restart": "always"}, {"restart": "always"}),
    ({"restart": "on-failure:3"}, {"restart": "on-failure:3"}),
    ({"restart": "no"}, {}),
    ({"init": True, "tty": "true", "stdin_open": True}, {"init": True, "tty": True, "stdin_open": True}),
    ({"privileged": True, "read_only": True}, {"privileged": True, "read_only": True}),
    ({"cap_add": ["net_admin"], "cap_drop": ["ALL"]}, {"cap_add": ["net_admin"], "cap_drop": ["ALL"]}),
    ({"security_opt": ["no-new-privileges:true"]}, {"security_opt": ["no-new-privileges:true"]}),
    ({"sysctls": {"net.core.somaxconn": 1024}}, {"sysctls": {"net.core.somaxconn": "1024"}}),
    ({"sysctls": ["net.core.somaxconn=1024"]}, {"sysctls": {"net.core.somaxconn": "1024"}}),
    ({"ulimits": {"nproc": 65535, "nofile": {"soft": 1, "hard": "2", "x-a": 1}}},
     {"ulimits": {"nproc": {"soft": 65535, "hard": 65535}, "nofile": {"soft": 1, "hard": 2}}}),
    ({"ipc": "host", "pid": "host"}, {"ipc": "host", "pid": "host"}),
    ({"userns_mode": "host", "cgroup": "host"}, {"userns_mode": "host", "cgroup": "host"}),
    ({"cgroup_parent": "/docker"}, {"cgroup_parent": "/docker"}),
    ({"shm_size": "64m", "mem_limit": "1.5g"}, {"shm_size": 64, "mem_limit": 1536}),
    ({"shm_size": 67108864, "mem_limit": "512M"}, {"shm_size": 64, "mem_limit": 512}),
    ({"mem_limit": "1GiB", "mem_reservation": "256mb", "memswap_limit": -1},
     {"mem_limit": 1024, "mem_reservation": 256, "memswap_limit": -1}),
    ({"cpus": 2.50}, {"cpus": "2.5"}),
    ({"cpus": "0.5", "cpuset": "0,1", "cpu_shares": "512"}, {"cpus": "0.5", "cpuset": "0,1", "cpu_shares": 512}),
    ({"cpu_period": 100000, "cpu_quota": 50000}, {"cpu_period": 100000, "cpu_quota": 50000}),
    ({"storage_opt": {"size": "1G"}}, {"storage_opt": {"size": "1G"}}),
    ({"stop_signal": "SIGINT", "stop_grace_period": "1m30s"}, {"stop_signal": "SIGINT", "stop_grace_period": 90}),
    ({"stop_grace_period": "1.5s"}, {"stop_grace_period": 2}),
    ({"stop_grace_period": "1d"}, {"stop_grace_period": 86400}),
    ({"healthcheck": {"test": "curl -f localhost", "interval": "90s", "retries": "3", "start_interval": "5s"}},
     {"healthcheck": {"test": ["CMD-SHELL", "curl -f localhost"], "interval": "1m30s", "retries": 3,
                      "start_interval": "5s"}}),
    ({"healthcheck": {"test": ["CMD", "true"], "timeout": "0.5m", "start_period": "1h", "x-a": 1}},
     {"healthcheck": {"test": ["CMD", "true"], "timeout": "30s", "start_period": "1h0m0s"}}),
    ({"healthcheck": {"disable": True}}, {"healthcheck": {"disable": True}}),
    ({"logging": {"driver": "json-file", "options": {"max-size": "10m", "max-file": 3}, "x-a": 1}},
     {"logging": {"driver": "json-file", "options": {"max-size": "10m", "max-file": "3"}}}),
    ({"deploy": {"resources": {"limits": {"memory": "1g", "cpus": "0.50"}, "reservations": {"memory": "64m"}}}},
     {"mem_limit": 1024, "cpus": "0.5", "mem_reservation": 64}),
    ({"deploy": {"replicas": 1, "restart_policy": {"condition": "on-failure", "max_attempts": 3}}},
     {"restart": "on-failure:3"}),
    ({"deploy": {"restart_policy": {"condition": "none"}}}, {}),
    ({"restart": "always", "deploy": {"restart_policy": {}}}, {}),
    ({"deploy": {"x-a": 1, "labels": {"a": "b"}}}, {}),
    ({"mem_limit": "1g", "deploy": {"resources": {"limits": {"cpus": 2, "x-a": 1}, "x-a": 1}}},
     {"mem_limit": 1024, "cpus": "2"}),
    ({"scale": 1}, {"scale": 1}),
    ({"ipv4_address": "192.168.1.77"}, {"ipv4_address": "192.168.1.77"}),
    ({"mac_address": "D0-CA-AB-CD-EF-01"}, {"mac_address": "d0:ca:ab:cd:ef:01"}),
    ({"ipv6_address": "FD0D:7eb5:2afd::0506"}, {"ipv6_address": "fd0d:7eb5:2afd::506"}),
    ({"x-note": "$MINE"}, {}),
    ({"pull_policy": "missing"}, {"pull_policy": "missing"}),
    ({"pull_policy": "if_not_present"}, {"pull_policy": "missing"}),
]  # fmt: skip
NAMES = [" ".join(f"{key}={value}" for key, value in written.items())[:60] for written, _ in READ]
# Keys that tests of their own are about
ELSEWHERE = {"image", "networks", "network_mode", "ports", "links", "depends_on", "configs", "secrets"}
ELSEWHERE |= {"gpus", "blkio_config"}  # test_devices.py


@pytest.mark.parametrize(("written", "expected"), READ, ids=NAMES)
def test_what_a_compose_file_says_is_read(written: dict[str, Any], expected: dict[str, Any]) -> None:
    assert read(**written) == expected


@pytest.mark.parametrize(("written", "expected"), READ, ids=NAMES)
def test_a_service_pasted_into_the_site_is_read_alike(written: dict[str, Any], expected: dict[str, Any]) -> None:
    networks = {"bridge-host": ON_LAN["lan"]}
    site, problems = parse_site(site_of(put("containers", "app", {"image": "app:1", "networks": networks, **written})))
    assert site is not None
    sources, more = sources_of(site)
    assert errors([*problems, *more]) == []
    assert values(sources.services["app"].service) == expected


def test_every_supported_key_has_a_case_above() -> None:
    tried = {key for written, _ in READ for key in written}
    assert Service.model_fields.keys() - tried - ELSEWHERE == set()


# keys of the service, the key and value that the error names, words of what is wrong and of the remedy
BAD: list[tuple[dict[str, Any], str, str, str]] = [
    ({"image": 5}, "image: 5", "YAML number", "quotes"),
    ({"image": "Nginx"}, "image: Nginx", "capitals", "write nginx"),
    ({"image": None}, "image", "is not text where an image name", "write an image name"),
    ({"container_name": "a b"}, "container_name: a b", "not a name that Docker takes", "letters"),
    ({"command": "sleep 'a"}, "command: sleep 'a", "split into words", "balance"),
    ({"profiles": "debug"}, "profiles: debug", "is not a list", "as in `profiles: [debug]`"),
    ({"command": "echo (a)"}, "command: echo (a)", "a bracket stands outside quotes", "put brackets in quotes"),
    ({"command": 5}, "command: 5", "not a list", "- "),
    ({"command": ["a", ""]}, "command", "has an empty word", "sh -c"),
    ({"entrypoint": []}, "entrypoint", "is empty", "remove the line"),
    ({"entrypoint": ""}, "entrypoint", "is empty", "remove the line"),
    ({"entrypoint": [""]}, "entrypoint", "is empty", "remove the line"),
    ({"pull_policy": "never"}, "pull_policy: never", "pulls an image that is not on the NAS", "write `missing`"),
    ({"pull_policy": "build"}, "pull_policy: build", "nothing would be built", "name it in `image:`"),
    ({"pull_policy": "newer"}, "pull_policy: newer", "not a pull policy", "write missing"),
    ({"pull_policy": False}, "pull_policy: false", "not a pull policy", "write missing"),
    ({"environment": {"A": {"b": "hunter2"}}}, "environment.A", "is not text", "write one value"),
    ({"DB_PASSWORD": "hunter2"}, "DB_PASSWORD", "not a key", "indent it under `environment:`"),
    ({"imgae": "x"}, "imgae: x", "not a key of this program", "remove it"),
    ({"volumes": ["~/a:/b"]}, "volumes[0].source: ~/a", "home of whoever runs Compose", "full path"),
    ({"volumes": ["/a:/b:/c:/d"]}, "volumes[0]: /a:/b:/c:/d", "not SOURCE:TARGET", "as in"),
    ({"volumes": ["/a:b"]}, "volumes[0].target: b", "absolute path in the container", "start it with /"),
    ({"volumes": ["a/b:/c"]}, "volumes[0].source: a/b", "not the name of a volume", "type bind"),
    ({"volumes": [{"type": "npipe", "target": "/b"}]}, "volumes[0].type: npipe", "not an allowed value", "'bind'"),
    ({"volumes": [{"type": "volume", "source": "/a", "target": "/b"}]}, "volumes[0].source: /a",
     "not the name of a volume", "type bind"),
    ({"volumes": [{"type": "bind", "source": "/a", "target": "/b:ro"}]}, "volumes[0].target: /b:ro", "has a colon",
     "without one"),
    ({"devices": ["/a:/b:r:d"]}, "devices[0]: /a:/b:r:d", "not HOST", "/dev/dri"),
    ({"dns": ["router"]}, "dns[0]: router", "neither an IPv4 nor an IPv6 address", "as in"),
    ({"extra_hosts": ["nas"]}, "extra_hosts[0]: nas", "not name:address", "nas:192.168.1.10"),
    ({"extra_hosts": ["nas:router"]}, "extra_hosts[0]: nas=router", "where an address is expected", "host-gateway"),
    ({"extra_hosts": {"nas": None}}, "extra_hosts[0]: nas=", "not name:address", "nas:192.168.1.10"),
    ({"restart": "sometimes"}, "restart: sometimes", "not a restart policy", "unless-stopped"),
    ({"tty": "maybe"}, "tty: maybe", "neither true nor false", "true or false"),
    ({"cap_add": "NET_ADMIN"}, "cap_add: NET_ADMIN", "not a list", "- "),
    ({"shm_size": "1000"}, "shm_size: 1000", "whole number of mebibytes", "round it, as in 1m"),
    ({"mem_limit": "1500k"}, "mem_limit: 1536000", "whole number of mebibytes", "round it, as in 1m"),
    ({"mem_limit": "lots"}, "mem_limit: lots", "not a size", "512m"),
    ({"mem_limit": True}, "mem_limit: true", "not a size", "512m"),
    ({"cpus": "many"}, "cpus: many", "not a number of processors", "1.5"),
    ({"stop_grace_period": "soon"}, "stop_grace_period: soon", "not a duration", "1m30s"),
    ({"healthcheck": {"retries": -1}}, "healthcheck.retries: -1", "0 or more", "0 or more"),
    ({"networks": {"lan": 5}}, "networks.lan: 5", "not a map", "key: value"),
    ({"networks": {"lan": {"ipv4_adress": "x"}}}, "networks.lan.ipv4_adress: x", "not a key", "guide"),
    ({"networks": {"lan": {"interface_name": "lan0"}}}, "networks.lan.interface_name", "renames", "remove it"),
    ({"deploy": {"replicas": 2}}, "deploy.replicas: 2", "address of its own", "a service for each"),
    ({"scale": 3}, "scale: 3", "address of its own", "a service for each"),
    ({"healthcheck": {"test": ["curl"]}}, "healthcheck.test", "does not start with", "CMD"),
    ({"security_opt": ["seccomp:./a.json"]}, "security_opt[0]: seccomp:./a.json", "names a file", "the profile itself"),
    ({"ulimits": {"nofile": "many"}}, "ulimits.nofile: many", "not a map", "key: value"),
    ({"configs": ["cfg"]}, "configs[0]: cfg", "is no config of the file", "declare it under `configs:`"),
    ({"secrets": ["key"]}, "secrets[0]: key", "is no secret of the file", "declare it under `secrets:`"),
    ({"volumes": ["cfg:/cfg"]}, "volumes[0]: cfg", "is no volume of the file", "declare it under `volumes:`"),
    ({"volumes": ["/a:/b"], "tmpfs": ["/b:size=1m"]}, "volumes[0]: /b", "is mounted by tmpfs[0] already", "remove one"),
    ({"depends_on": ["db"]}, "depends_on.db", "is no service of the file", "correct the name"),
    ({"depends_on": ["app"]}, "depends_on", "leads back to this service", "remove one of the dependencies"),
    ({"network_mode": "host", "networks": {"lan": None}}, "network_mode: host", "only one of the two", "remove one"),
    ({"networks": {"lan": None, "nowhere": None}}, "networks.nowhere", "is no network of the file", "external: true"),
    ({"mac_address": "33:33:00:00:00:01"}, "mac_address: 33:33:00:00:00:01", "multicast", "02"),
]  # fmt: skip


@pytest.mark.parametrize(("keys", "head", "what", "remedy"), BAD, ids=[head for _, head, _, _ in BAD])
def test_a_bad_value_is_told_once_with_its_key_value_and_remedy(
    keys: dict[str, Any], head: str, what: str, remedy: str
) -> None:
    found = errors(problems_of(app(**keys)))
    assert [str(problem).splitlines()[0].partition(" services.app.")[2] for problem in found] == [head]
    assert what in found[0].message and remedy in found[0].remedy, found


def test_a_key_that_nobody_knows_hides_nothing_else_that_is_wrong() -> None:
    keys = {"imgae": "x", "uts": "host", "restart": "sometimes", "volumes": ["db:/db"], "mem_limit": "lots"}
    found = told(errors(problems_of(app(**keys))))
    assert [path.partition("services.app.")[2] for _, path in found] == [*[*keys][:3], "volumes[0]", "mem_limit"]
    assert [path.partition(" ")[0] for _, path in found] == [f"{NAME}:{line}" for line in (7, 8, 9, 11, 12)]


def test_x_keys_are_nobodys_business_wherever_they_stand() -> None:
    document = app(
        networks={"lan": {"ipv4_address": "192.168.1.77", "x-a": 1}, "inner": None},
        volumes=[{"type": "bind", "source": "/a", "target": "/b", "bind": {"x-a": 1}, "x-a": 1}, "data:/d"],
        ports=[{"target": 80, "x-a": 1}],
        healthcheck={"test": "x", "x-a": 1},
        logging={"x-a": 1},
        deploy={"resources": {"limits": {"x-a": 1}}, "restart_policy": {"x-a": 1}},
        ulimits={"nofile": {"soft": 1, "hard": 2, "x-a": 1}},
        depends_on={"app2": {"condition": "service_started", "x-a": 1}},
        configs=[{"source": "c", "x-a": 1}],
        **{"x-a": {"b": "${NOWHERE}"}},
    )
    document["services"]["app2"] = {"image": "x", "networks": {"lan": {"ipv4_address": "192.168.1.78"}}}
    document["networks"]["inner"] = {"x-a": 1, "ipam": {"x-a": 1, "config": [{"subnet": "10.9.0.0/24", "x-a": 1}]}}
    document |= {"volumes": {"data": {"x-a": 1}}, "configs": {"c": {"file": "/c", "x-a": 1}}, "x-a": ["$NOWHERE"]}
    assert problems_of(document) == []


@pytest.mark.parametrize("policy", ["always", "daily", "weekly", "every_12h"])
def test_pulling_by_itself_is_left_out_with_a_note(policy: str) -> None:
    [problem] = problems_of(app(pull_policy=policy))
    assert (problem.severity, problem.path) == ("note", NAME)
    assert "pull_policy (app) pulls nothing by itself here" in problem.message


def test_an_image_that_may_be_built_on_the_nas_is_never_pulled_again() -> None:
    taken = taken_of(app(image="web:local", build=".", pull_policy="always"))
    assert taken.services["app"].service.pull_policy == "missing"
    assert [one.severity for one in taken.problems if one.path.endswith(".build")] == ["note"]
