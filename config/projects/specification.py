"""What becomes of each key of the Compose specification. The models (config/service.py, config/declared.py) have those
that are done; here stand the others, and what is to be said of a key that is done with a limit or otherwise than by
Compose. docs/compose.md is made of both (config/projects/key_table.py).

In a key `*` stands for a name that people choose, and `[]` for an item of a list.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from config.problems import Problem


@dataclass(frozen=True)
class Done:
    """how: reads on from the key, if what is done with it has a limit or is not what Compose does."""

    how: str = ""


@dataclass(frozen=True)
class Ignored:
    """why: reads on from the key. quiet: whether nobody needs to be told, because nothing is lost."""

    why: str
    quiet: bool = False


@dataclass(frozen=True)
class Refused:
    """why: reads on from the key, what it would do or why it cannot be done; remedy: what to do."""

    why: str
    remedy: str


Rule = Done | Ignored | Refused
_SWARM = Ignored("is for a swarm, and Compose does nothing with it either")
_WINDOWS = Ignored("is for containers of Windows, and Docker on Linux does nothing with it")
_NO_KEY = "has no key in the Docker plugin for Pulumi, so the container would not have it"
_NOT_THERE = Refused(_NO_KEY, "remove it")
_HOOK = Refused(
    "runs a command when Compose starts or stops the container, and Docker itself knows nothing of it",
    "put it into a script that `entrypoint:` names, or remove it",
)
BUILT_ELSEWHERE = "is not done here: the image that `image:` names is used, from the NAS or pulled"
NOT_BUILT = "is not done here: nothing is built, and the service names no image"
_VERSION_1 = "is a key of the first version of Compose files, which Compose refuses by now"
_FILE_ONLY = Ignored("has no effect on a file that is mounted, in Compose either")
_NOT_COMPOSE = Refused("is for a swarm, and Compose refuses it too", "remove it")
LINKS = "is not needed: the containers of one network find one another by their services' names"
_MIB = Done("has to be whole mebibytes, the Docker plugin's unit")
_NAME = Done("is `PROJECT_KEY` if nothing is said, as in Compose")
_PULL = Done(
    "is done if it is `missing` or `if_not_present`. `always`, `refresh`, `daily`, `weekly` and `every_…` are ignored, "
    "because an image is pulled when a person says so. `never` and `build` are refused, because the Docker plugin "
    "pulls what is not there, and builds nothing"
)
_FROM_26 = Done("from Docker 26 on, because the Docker plugin says no options of a volume to older ones")
_ONE = Done("may be 0, which leaves the service out, or 1, because a container has an address of its own")

SERVICE: Mapping[str, Rule] = {
    "annotations": _NOT_THERE,
    "attach": Ignored("says what Compose shows in its own terminal"),
    "blkio_config.weight": _NOT_THERE,
    "blkio_config.weight_device": _NOT_THERE,
    "build": Ignored(BUILT_ELSEWHERE),
    "command": Done("may be text, which is split as by Compose; the Docker plugin takes no empty word in it"),
    "configs.[].gid": _FILE_ONLY,
    "configs.[].mode": _FILE_ONLY,
    "configs.[].uid": _FILE_ONLY,
    "container_name": Done("is the container's name; without it that is the service's key, and not `project-key-1`"),
    "cpu_count": _WINDOWS,
    "cpu_percent": _WINDOWS,
    "cpu_rt_period": _NOT_THERE,
    "cpu_rt_runtime": _NOT_THERE,
    "credential_spec": Ignored("is for containers of Windows, and Compose does nothing with it"),
    "depends_on": Done("says the order; a service that stays with Compose is not waited for"),
    "depends_on.*.condition": Done(
        "is waited for; for `service_healthy` as long as Docker itself gives the container, one to ten minutes. If one "
        "that was to complete fails, a warning says so, and those that wait for it are started all the same"
    ),
    "depends_on.*.restart": Ignored("is Compose's own doing, when it restarts a service itself", quiet=True),
    "deploy.endpoint_mode": _SWARM,
    "deploy.labels": Ignored("are labels of a swarm's service; a container has those of `labels`"),
    "deploy.mode": _SWARM,
    "deploy.placement": _SWARM,
    "deploy.replicas": _ONE,
    "deploy.resources.limits.memory": _MIB,
    "deploy.resources.limits.pids": _NOT_THERE,
    "deploy.resources.reservations.cpus": _SWARM,
    "deploy.resources.reservations.generic_resources": _SWARM,
    "deploy.resources.reservations.memory": _MIB,
    "deploy.restart_policy": Done("wins over `restart`"),
    "deploy.restart_policy.delay": _SWARM,
    "deploy.restart_policy.window": _SWARM,
    "deploy.rollback_config": _SWARM,
    "deploy.update_config": _SWARM,
    "develop": Ignored("is for `docker compose watch`"),
    "devices": Done("may be paths, or names of the Container Device Interface (CDI)"),
    "entrypoint": Done("may be text, which is split as by Compose; the Docker plugin takes no empty one"),
    "env_file": Done("is read on the laptop; its values are secrets of the stack"),
    "env_file.[].format": Done(),
    "env_file.[].path": Done("starts at the compose file's folder on the laptop"),
    "env_file.[].required": Done(),
    "environment": Done("takes no value from your shell; one that comes from a variable or an env file is a secret"),
    "expose": Ignored("tells other programs which ports the container listens on, and opens none"),
    "extends": Done(),
    "extends.file": Done("starts at the compose file's folder on the laptop"),
    "extends.service": Done(),
    "external_links": Refused(
        "gives a container of others a second name in this one, and the Docker plugin has no key for links",
        "let both join one network, where each container has its name, and remove this",
    ),
    "extra_hosts": Done("takes `host-gateway` as an address; on the LAN it is the shim's"),
    "image": Done("is pulled if it is not on the NAS"),
    "isolation": Refused("is for containers of Windows", "remove it"),
    "label_file": Done("is read on the laptop, and its labels stand under `labels`"),
    "links": Ignored(f"{LINKS}; a link that gives another name is refused"),
    "mac_address": Done("is that on the site's network; elsewhere the Docker plugin loses it"),
    "mem_limit": _MIB,
    "mem_reservation": _MIB,
    "mem_swappiness": _NOT_THERE,
    "memswap_limit": Done("has to be whole mebibytes, the Docker plugin's unit, or -1"),
    "models": Refused("asks Docker Model Runner for a model, and the Docker plugin has no key for that", "remove it"),
    "network_mode": Done("may be the name of a network of the site, too"),
    "networks.*.gw_priority": Done("counts from Docker 28 on"),
    "networks.*.interface_name": Refused(
        "renames the interface, and this program takes the sysctls of eth0 for those of the network", "remove it"
    ),
    "networks.*.mac_address": Done("as `mac_address`"),
    "networks.*.priority": Ignored(
        "says which network Compose names first; which of them has the default route, `gw_priority` says", quiet=True
    ),
    "networks.*.use_service_name_alias": Done("may be true, which it is anyway"),
    "oom_kill_disable": _NOT_THERE,
    "oom_score_adj": _NOT_THERE,
    "pids_limit": _NOT_THERE,
    "ports": Done(
        "are published by the network that has the container's default route; if that is on the LAN, they open nothing"
    ),
    "ports.[].app_protocol": Ignored("is a word for people, and changes nothing", quiet=True),
    "ports.[].mode": Ignored("is for a swarm, and Compose does nothing with it either", quiet=True),
    "ports.[].name": Ignored("is a word for people, and changes nothing", quiet=True),
    "ports.[].published": Done("may not be a range, and there may be one for each port of the container"),
    "post_start": _HOOK,
    "pre_start": Refused(
        "runs containers before this one that end, and that is Compose's own doing",
        "write each as a service, and wait for it with `depends_on: {…: {condition: service_completed_successfully}}`",
    ),
    "pre_stop": _HOOK,
    "profiles": Done("leaves the service out, unless the site names one of them"),
    "provider": Refused("is run by a program beside Compose, and makes no container", "remove the service"),
    "pull_policy": _PULL,
    "pull_refresh_after": Ignored("makes Compose pull by the clock; here an image is pulled when a person says so"),
    "scale": _ONE,
    "secrets.[].gid": _FILE_ONLY,
    "secrets.[].mode": _FILE_ONLY,
    "secrets.[].uid": _FILE_ONLY,
    "security_opt": Done("takes a seccomp profile itself in place of the name of its file"),
    "shm_size": _MIB,
    "stop_grace_period": Done("is rounded up to whole seconds"),
    "umask": _NOT_THERE,
    "use_api_socket": Refused(
        "mounts the Docker socket and hands over the logins of whoever runs Compose",
        "write `volumes: [/var/run/docker.sock:/var/run/docker.sock]` if the container needs the socket",
    ),
    "uts": _NOT_THERE,
    "volumes.[].bind.recursive": _NOT_THERE,
    "volumes.[].bind.selinux": Done("not together with `propagation`"),
    "volumes.[].consistency": Ignored("is for Docker Desktop on a Mac"),
    "volumes.[].image": Refused(
        "mounts an image, and the Docker plugin has no key for that", "copy the files to the NAS"
    ),
    "volumes.[].source": Done("starts at `project_directory` if it is relative; `~` is refused"),
    "volumes.[].type": Done("may be `bind`, `volume` or `tmpfs`"),
    "volumes.[].volume.labels": Ignored("are labels of a volume without a name, by which nobody looks for it"),
    "volumes.[].volume.nocopy": _FROM_26,
    "volumes.[].volume.subpath": _FROM_26,
}
# Keys of before version 2, which people still have
_OLD: Mapping[str, Rule] = {
    "dockerfile": Refused(_VERSION_1, "remove it"),
    "log_driver": Refused(_VERSION_1, "write `logging: {driver: …}`"),
    "log_opt": Refused(_VERSION_1, "write `logging: {options: …}`"),
    "net": Refused(_VERSION_1, "write `network_mode:`"),
    "volume_driver": Refused(
        "is a key of old Compose files, which Compose refuses by now", "write `driver:` under the file's `volumes:`"
    ),
}
NETWORK: Mapping[str, Rule] = {
    "driver": Done("is the site's network if it is `macvlan` with the site's subnet, gateway and parent"),
    "enable_ipv4": _NOT_THERE,
    "external.name": Done("is the old form of `name`"),
    "ipam.driver": Done("may be `default`"),
    "name": _NAME,
}
VOLUME: Mapping[str, Rule] = {
    "external.name": Done("is the old form of `name`"),
    "name": _NAME,
}
_WRITE_FILE = "write it to a file on the NAS, and name that by `file:`"
FILE: Mapping[str, Rule] = {  # of a config or a secret
    "content": Refused("is no file of the NAS, which could be mounted", _WRITE_FILE),
    "driver": _NOT_COMPOSE,
    "driver_opts": Ignored("are for a swarm, and Compose does nothing with them either", quiet=True),
    "environment": Refused("is no file of the NAS, which could be mounted", _WRITE_FILE),
    "external": Refused("names what a swarm keeps, and Compose refuses it too", _WRITE_FILE),
    "file": Done("is a path on the NAS; a relative one starts at `project_directory`"),
    "labels": Ignored("are for a swarm, and Compose does nothing with them either", quiet=True),
    "name": Ignored("is the name in a swarm, and Compose does nothing with it either", quiet=True),
    "template_driver": _NOT_COMPOSE,
}
TOP: Mapping[str, Rule] = {
    "configs": Done(),
    "include": Done(),
    "include.[].env_file": Done(),
    "include.[].path": Done("names files of the laptop; nothing is fetched from elsewhere"),
    "include.[].project_directory": Done("may be a folder of the NAS, which starts with /"),
    "jobs": Ignored("are never started by `docker compose up`"),
    "models": Ignored("does nothing by itself; a service that uses one is refused", quiet=True),
    "name": Done("is the project's name, unless the site says another one"),
    "networks": Done("are made if a service needs them and they are neither the site's nor `external`"),
    "secrets": Done(),
    "services": Done("are taken if they join a network of the site, or all of them with `services: all`"),
    "version": Ignored("has no meaning any more, in Compose either", quiet=True),
    "volumes": Done(),
}
_NAMED = ("networks", "depends_on", "ulimits")  # keys of a service with names that people choose below them


def rule_of(path: tuple[Any, ...]) -> Rule | None:
    """Of a key of a service that the models do not have; path: within the service. None for a key that is no part of
    the specification."""
    parts = ["[]" if isinstance(part, int) else str(part) for part in path]
    if len(parts) > 2 and parts[0] in _NAMED:
        parts[1] = "*"
    key = ".".join(parts)
    return SERVICE.get(key) or _OLD.get(key)


def told(problem: Problem, rule: Rule | None) -> Problem | None:
    """What is told of a key that a model does not have: the rule's words, or those of the problem without a rule. None
    for a key that is done elsewhere or ignored."""
    if isinstance(rule, Refused):
        return Problem(problem.path, "", rule.why, rule.remedy)
    return problem if rule is None else None
