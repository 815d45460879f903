"""Compose files that nobody has written: services of keys and values that are taken one by one from those below."""

import json
import posixpath
from typing import Any

from hypothesis import strategies as st

Strategy = st.SearchStrategy[Any]


class Plain(str):
    """Stands in the file as it is, without quotes."""


def as_yaml(value: Any) -> str:
    """In flow style, so that what is not quoted is what a test wants to be so."""
    if isinstance(value, Plain):
        return value
    if isinstance(value, dict):
        return "{" + ", ".join(f"{as_yaml(key)}: {as_yaml(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(as_yaml, value)) + "]"
    return json.dumps(value)


def one_of(*values: Any) -> Strategy:
    return st.sampled_from(values)


def some(items: Strategy, most: int = 4) -> Strategy:
    return st.lists(items, max_size=most)


def part(**keys: Strategy) -> Strategy:
    """A map with some of these keys."""
    return st.fixed_dictionaries({}, optional=keys)


def names(*keys: str, values: Strategy) -> Strategy:
    return st.dictionaries(st.sampled_from(keys), values, max_size=4)


# What YAML makes something else of than people think.
PLAIN = one_of(
    *map(
        Plain, ("yes", "no", "on", "off", "y", "n", "true", "True", "FALSE", "~", "null", "0", "1", "-1", "+5", "007")
    ),
    *map(Plain, ("0777", "0o17", "0x1F", "0b11", "08", "1_000", "1_", "-0", "_1", "1.5", "1.10", ".5", "5.", "1e3")),
    *map(Plain, ("1e6", "1234567.5", "0.00001", "12345678901234567890", "1:30", "22:22", "2024-01-31", "1.2.3")),
    *map(Plain, ("a b", "a#b", "it's", "${A}", "$A-x", "$$A", "${U:-d}", "a:b", "http://x:80/", "-a", "5%", "é")),
    *("", " ", "text", "two words", "a=b", "=", "$A", "${U:-$A}", "$$", "price$", "1", "true", "null", "é\n x", "\\"),
)
VALUE = PLAIN | one_of(None, True, False, 0, 5, 1.5)
LISTED = one_of("A", "A=", "A=1", "A= b", "B=$A", "B=a=b", "B", "C", "C='x'", "D=yes", "D=0777", "E=${U:-d}", "A=2")
PAIRS = names("A", "B", "C", "D", "F.g-h", values=VALUE) | some(LISTED)
PORT = one_of(
    *(
        80,
        8080,
        Plain("22:22"),
        Plain("80:80"),
        "80",
        "80:80",
        "53:53/udp",
        "53/UDP",
        "8000-8002:80-82",
        "8000-8002:80",
    ),
    *("90-92", "127.0.0.1:80:80", "127.0.0.1::80", "[::1]:80:80", ":80", "80:80/sctp", "${P}:80", "0.0.0.0:80:80"),
)
LONG_PORT = part(
    target=one_of(80, 81, "${P}"),
    published=one_of(80, 8080, "80", "8080-8090"),
    protocol=one_of("tcp", "udp"),
    host_ip=one_of("127.0.0.1", "::1"),
    mode=one_of("host", "ingress"),
)
VOLUME = one_of(
    *(
        "/a",
        "/a/",
        "named:/a",
        "named:/b/",
        "named:/c:ro",
        "other:/a:nocopy",
        "other:/d:ro,nocopy",
        "./x:/a",
        "./x/:/e",
    ),
    *(
        "../up:/a",
        ".:/f",
        "/abs:/a:z",
        "/abs/./b/:/a:ro,Z",
        "/abs:/g:rslave",
        "/abs:/h:cached",
        "${FOLDER}:/a",
        "/i/../j",
    ),
)
LONG_VOLUME = part(
    type=one_of("bind", "volume", "tmpfs", "volume", "bind"),
    source=one_of("named", "./x", "/abs", "x/y"),
    target=one_of("/a", "/b", "/k"),
    read_only=one_of(True, False, "true", Plain("yes")),
    bind=part(
        propagation=one_of("rslave", "shared"), create_host_path=one_of(True, False, "false"), selinux=one_of("z")
    ),
    volume=part(nocopy=one_of(True, "false"), subpath=one_of("s")),
    tmpfs=part(size=one_of(1024, "64m", "1.5g"), mode=one_of(Plain("0755"), 511, Plain("01777"))),
)
DEVICE = one_of("/dev/a", "/dev/a:/dev/b", "/dev/c:/dev/b:r", "/dev/b", "vendor/class=gpu") | st.fixed_dictionaries(
    {"source": one_of("/dev/a", "/dev/z")}, optional={"target": one_of("/dev/b", "/dev/y"), "permissions": one_of("rw")}
)
NETWORK = part(
    ipv4_address=one_of("192.168.1.5", "${IP}"),
    ipv6_address=one_of("fd00::5"),
    aliases=some(one_of("a", "b", "c"), 3),
    mac_address=one_of("02:42:c0:a8:01:05"),
    driver_opts=names("a", "b", values=one_of("x", 5)),
    link_local_ips=some(one_of("169.254.1.1", "fe80::1"), 2),
    gw_priority=one_of(1, 0),
)
HEALTHCHECK = part(
    test=one_of("curl x || exit 1", "", ["CMD", "a"], ["CMD-SHELL", "a b"], ["NONE"], "echo $$A $A"),
    interval=one_of("1m30s", "90s", "1d", "0.5h", "0s"),
    timeout=one_of("1500ms", "${S}s"),
    retries=one_of(3, "3", 0),
    start_period=one_of("1h1m1s"),
    disable=one_of(True, False, "true"),
)
SIZE = one_of("512m", "1.5g", "1 GB", "1GiB", 1048576, "1048576", "-1", "0.5k", "${M}")
NUMBER = one_of(1, 100, "100", 0)
LIMIT = one_of(1, 1024, "1024", -1, 0, {"soft": 1, "hard": 2}, {"soft": "1", "hard": "2"}, {"soft": -1, "hard": -1})
MOUNT = one_of("c", "d", {"source": "c"}, {"source": "c", "target": "/c"}, {"source": "d", "target": "/c", "mode": 256})
BOOLEAN = one_of(True, False, "true", "false", Plain("yes"), Plain("off"), "${T}")
TEXTS = one_of("a", "b", "c", "${U:-d}")


def _target(volume: Any) -> str:
    """Two volumes of one file at one path are nobody's wish, and which of them stays is by chance in compose-go."""
    path = volume.get("target", "") if isinstance(volume, dict) else volume.split(":")[1 if ":" in volume else 0]
    return posixpath.normpath(path)


SERVICE: dict[str, Strategy] = {
    "command": one_of("a b", "sh -c 'a b'", 'x "y z" \\$$HOME', "a && b", "", [], ["a", "b c"], None, "$A ${U:-x y}"),
    "entrypoint": one_of("/e x", [], ["/e"], "", None),
    "environment": PAIRS,
    "labels": PAIRS,
    "env_file": one_of("one.env", ["two.env"], [{"path": "no.env", "required": False}], [{"path": "two.env"}]),
    "ports": some(PORT | LONG_PORT),
    "expose": some(one_of(80, "80", "81-82", "53/udp")),
    "volumes": st.lists(VOLUME | LONG_VOLUME, max_size=4, unique_by=_target),
    "tmpfs": one_of("/t", ["/t"], ["/t", "/u:size=1m"], []),
    "devices": some(DEVICE, 3),
    "networks": some(one_of("n", "m", "default"), 3) | names("n", "m", "default", values=NETWORK | st.none()),
    "network_mode": one_of("host", "none", "service:other", "container:x"),
    "depends_on": one_of(["other"], ["other", "third"], [])
    | names(
        *("other", "third"),
        values=st.fixed_dictionaries(
            {"condition": one_of("service_started", "service_healthy")},
            optional={"required": one_of(True, False), "restart": BOOLEAN},
        ),
    ),
    "links": some(one_of("other", "third:x"), 2),
    "volumes_from": some(one_of("other", "third:ro", "container:x"), 2),
    "healthcheck": HEALTHCHECK,
    "cap_add": some(TEXTS),
    "cap_drop": some(TEXTS),
    "security_opt": some(TEXTS, 2),
    "group_add": some(one_of(1, "1", "video"), 2),
    "dns": one_of("1.1.1.1", ["1.1.1.1", "8.8.8.8"], ["", "1.1.1.1"], "", "${U}", []),
    "dns_search": one_of("a", ["a", "b"], []),
    "dns_opt": some(TEXTS, 2),
    "extra_hosts": some(one_of("a:1.1.1.1", "a=2.2.2.2", "b:::1", "c=[::1]", "d:host-gateway", "e=1.1.1.1,2.2.2.2"))
    | names("a", "b", values=one_of("1.1.1.1", "::1", "[::1]", ["1.1.1.1", "2.2.2.2"])),
    "sysctls": names("a", "b.c", values=one_of(1, "1", 0, None, True)) | some(one_of("a=1", "b.c=0", "a"), 3),
    "ulimits": names("nofile", "nproc", "core", values=LIMIT),
    "logging": part(driver=one_of("json-file", "local"), options=names("a", "b", values=one_of(1, "1", "x", None))),
    "configs": some(MOUNT, 3),
    "secrets": some(MOUNT, 3),
    "gpus": one_of("all", [{"count": 1}], [{"device_ids": ["0"], "capabilities": ["gpu"]}], [{"count": "all"}], [{}]),
    "deploy": part(
        resources=part(
            limits=part(memory=one_of("1g", "512M"), cpus=one_of("0.50", 2, 0.5)),
            reservations=part(memory=one_of("64m"), devices=one_of([{"capabilities": ["gpu"]}])),
        ),
        restart_policy=part(condition=one_of("any", "on-failure", "none"), max_attempts=one_of(3, "3")),
        replicas=one_of(1, "1"),
    ),
    **dict.fromkeys(("mem_limit", "memswap_limit", "shm_size", "mem_reservation"), SIZE),
    **dict.fromkeys(("cpu_shares", "cpu_quota", "cpu_period", "scale"), NUMBER),
    **dict.fromkeys(("init", "tty", "stdin_open", "privileged", "read_only"), BOOLEAN),
    "cpus": one_of(1, 0.5, "0.5", "${C}", Plain(".5")),
    "cpuset": one_of("0-3", "0,1"),
    "stop_grace_period": one_of("1m", "90s", "1d12h", "1.5h", "${S}s", "1500ms", "10us"),
    "stop_signal": one_of("SIGINT"),
    "restart": one_of("no", Plain("no"), "always", "on-failure:3", "${U:-unless-stopped}"),
    "hostname": one_of("h", "${A}"),
    "user": one_of("1000", "1000:1000", "${A}"),
    "working_dir": one_of("/w"),
    "pid": one_of("host", "service:other"),
    "ipc": one_of("host", "service:third", "shareable"),
    "profiles": one_of([], ["p"], ["on"]),
    "pull_policy": one_of("always", "if_not_present", "missing"),
    "storage_opt": names("size", values=one_of("1G", 5)),
    "device_cgroup_rules": some(one_of("c 1:1 r", "a *:* rwm"), 2),
    "x-own": VALUE,
}
POOL = st.fixed_dictionaries(
    {"subnet": one_of("192.168.1.0/24", "fd00::/64", "10.0.0.0/8")},
    optional={
        "gateway": one_of("192.168.1.1", "${IP}"),
        "ip_range": one_of("192.168.1.48/28"),
        "aux_addresses": names("a", "b", values=one_of("192.168.1.9")),
    },
)
DECLARED_NETWORK = part(
    driver=one_of("macvlan", "bridge"),
    driver_opts=names("parent", "b", values=one_of("eth0", 1, 1.5, "${A}")),
    ipam=part(driver=one_of("default"), config=st.lists(POOL, max_size=3, unique_by=lambda pool: pool["subnet"])),
    internal=BOOLEAN,
    attachable=BOOLEAN,
    enable_ipv6=BOOLEAN,
    labels=PAIRS,
    name=one_of("fixed", "${A}_x"),
) | one_of({"external": True}, {"external": "true", "name": "x"}, {"external": {"name": "old"}}, None, {})
DECLARED_VOLUME = part(
    driver=one_of("local", "nfs"),
    driver_opts=one_of({"type": "none", "o": "bind", "device": "./d"}, {"a": 1}, {}),
    labels=PAIRS,
    name=one_of("fixed"),
) | one_of({"external": True}, {"external": {"name": "old"}}, None, {})


@st.composite
def services(draw: st.DrawFn) -> dict[str, Any]:
    keys = draw(st.lists(st.sampled_from(sorted(SERVICE)), min_size=1, max_size=6, unique=True))
    return {key: draw(SERVICE[key]) for key in keys}


@st.composite
def documents(draw: st.DrawFn, whole: bool = True) -> dict[str, Any]:
    """whole: with all that the services may name; else only what lies over such a file."""
    image = {"image": "i"} if whole else {}
    document: dict[str, Any] = {"services": {"app": image | draw(services())}}
    if whole:
        document["services"] |= {"other": {"image": "o"}, "third": {"image": "t"}}
        document["configs"] = {"c": {"content": "x"}, "d": {"file": "./d"}}
        document["secrets"] = {"c": {"file": "./c"}, "d": {"environment": "A"}}
    if whole or draw(st.booleans()):
        document["networks"] = {"n": draw(DECLARED_NETWORK), "m": draw(DECLARED_NETWORK)}
        for network in document["networks"].values():
            if not whole and network and "config" in network.get("ipam", {}):
                del network["ipam"]["config"][1:]  # compose-go mixes several pools with several up
        document["volumes"] = {"named": draw(DECLARED_VOLUME), "other": draw(DECLARED_VOLUME)}
    return document
