"""What becomes of each key of the Compose specification that the models (config/service.py, config/declared.py) do not
have: ignored for a reason, or refused with one. docs/compose.md is made of these tables and the models."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Ignored:
    """why: reads on from the key. quiet: whether nobody needs to be told, because what it says is done."""

    why: str
    quiet: bool = False


@dataclass(frozen=True)
class Refused:
    """why: reads on from the key, what it would do or why it cannot be done; remedy: what to do."""

    why: str
    remedy: str


Rule = Ignored | Refused
_SWARM = Ignored("is for a swarm, and Compose does nothing with it either")
_WINDOWS = Refused("is for containers of Windows", "remove it")
_NO_KEY = "has no key in the Docker plugin for Pulumi, so the container would not have it"
_HOOK = Refused(
    "runs a command when the container starts or stops, and that is Compose's own doing: Docker knows nothing of it",
    "put it into the image's entrypoint, or remove it",
)
_IMAGE = "build the image, push it to a registry and name it in `image:`"

SERVICE: Mapping[str, Rule] = {
    "annotations": Refused(_NO_KEY, "use `labels:`, or remove it"),
    "attach": Ignored("says what Compose shows in its own terminal"),
    "blkio_config": Refused(_NO_KEY, "remove it"),
    "build": Refused("is not done here: nothing is built", _IMAGE),
    "cpu_count": _WINDOWS,
    "cpu_percent": _WINDOWS,
    "cpu_rt_period": Refused(_NO_KEY, "remove it, or use `cpus:`"),
    "cpu_rt_runtime": Refused(_NO_KEY, "remove it, or use `cpus:`"),
    "credential_spec": _WINDOWS,
    "develop": Ignored("is for `docker compose watch`"),
    "env_file": Ignored("is read, and its variables stand under `environment`", quiet=True),
    "expose": Ignored("tells people which ports the container listens on, and opens nothing"),
    "extends": Ignored("is read, and the merged service is taken", quiet=True),
    "external_links": Refused(
        "names containers of others as links do, and the Docker plugin has no key for links",
        "let both join one network, where each container has its name",
    ),
    "isolation": _WINDOWS,
    "label_file": Ignored("is read, and its labels stand under `labels`", quiet=True),
    "mem_swappiness": Refused(_NO_KEY, "remove it"),
    "models": Refused("is for Docker Model Runner, which no NAS has", "remove it"),
    "oom_kill_disable": Refused(_NO_KEY, "remove it, or use `mem_reservation:`"),
    "oom_score_adj": Refused(_NO_KEY, "remove it"),
    "pids_limit": Refused(_NO_KEY, "use `ulimits: {nproc: …}`, or remove it"),
    "post_start": _HOOK,
    "pre_start": _HOOK,
    "pre_stop": _HOOK,
    "profiles": Ignored("is read: a service whose profiles the site does not name is left out", quiet=True),
    "provider": Refused("is run by a program beside Compose, and makes no container", "remove the service"),
    "pull_refresh_after": Ignored("makes Compose pull by the clock; here an image is pulled when a person says so"),
    "umask": Refused(_NO_KEY, "set it in the image's entrypoint, or remove it"),
    "use_api_socket": Refused("hands the Docker socket and the user's logins over", "mount what it needs"),
    "uts": Refused(_NO_KEY, "remove it"),
    "volume_driver": Refused("was the form of version 1", "name the driver under the file's `volumes:`"),
}
# Keys of before version 2 that the specification has no more
_OLD = {
    "dockerfile": Refused("is not done here: nothing is built", _IMAGE),
    "log_driver": Refused("was the form of version 1", "write `logging: {driver: …}`"),
    "log_opt": Refused("was the form of version 1", "write `logging: {options: …}`"),
    "net": Refused("was the form of version 1", "write `network_mode:`"),
}
DEPLOY: Mapping[str, Rule] = {
    "mode": _SWARM,
    "labels": Ignored("are labels of a swarm's service; a container has those of `labels`"),
    "update_config": _SWARM,
    "rollback_config": _SWARM,
    "placement": _SWARM,
    "endpoint_mode": _SWARM,
    "restart_policy.delay": _SWARM,
    "restart_policy.window": _SWARM,
    "resources.limits.pids": SERVICE["pids_limit"],
    "resources.reservations.cpus": _SWARM,
    "resources.reservations.generic_resources": _SWARM,
}
PARTS: Mapping[str, Mapping[str, Rule]] = {
    "networks.*": {
        "interface_name": Refused(
            "gives the interface another name than eth0, and the program on the NAS looks for eth0", "remove it"
        ),
        "priority": Ignored(
            "says in which order Compose connects networks; which of them has the default route, `gw_priority` says"
        ),
        "use_service_name_alias": Ignored("is true: the service's name is an alias on each of its networks"),
    },
    "volumes.[]": {
        "consistency": Ignored("is for Docker Desktop on a Mac"),
        "image": Refused("mounts an image, and the Docker plugin has no key for that", "copy the files to the NAS"),
        "cluster": _SWARM,
    },
    "volumes.[].bind": {
        "recursive": Refused(_NO_KEY, "remove it"),
    },
    "volumes.[].volume": {
        "labels": Ignored("are labels of an anonymous volume, which nothing here looks at"),
    },
    "ports.[]": {
        "mode": Ignored("is for a swarm", quiet=True),
        "name": Ignored("is a word for people"),
        "app_protocol": Ignored("is a word for people"),
    },
    "depends_on.*": {
        "restart": Ignored("is Compose's own doing, when it restarts a service itself", quiet=True),
    },
    "configs.[]": {
        "uid": Ignored("has no effect on a file that is mounted, in Compose either"),
        "gid": Ignored("has no effect on a file that is mounted, in Compose either"),
        "mode": Ignored("has no effect on a file that is mounted, in Compose either"),
    },
}
NETWORK: Mapping[str, Rule] = {
    "enable_ipv4": Refused(_NO_KEY, "remove it"),
}
VOLUME: Mapping[str, Rule] = {}
TOP: Mapping[str, Rule] = {
    "include": Ignored("is read", quiet=True),
    "jobs": Refused("are run by hand, and this program makes containers that stay", "remove them"),
    "models": SERVICE["models"],
    "name": Ignored("is the project's name", quiet=True),
    "version": Ignored("has no meaning any more, in Compose either", quiet=True),
}


def rule_of(path: tuple[Any, ...]) -> Rule | None:
    """Of a key of a service; path: within the service. None for a key that is no part of the specification."""
    head, rest = path[0], path[1:]
    if not rest:
        return SERVICE.get(str(head)) or _OLD.get(str(head))
    if head == "deploy":
        return DEPLOY.get(".".join(map(str, rest)))
    generic = [str(head), *("[]" if isinstance(part, int) else str(part) for part in rest[:-1])]
    if head in ("networks", "depends_on") and len(generic) > 1:
        generic[1] = "*"
    if head == "secrets":
        generic[0] = "configs"
    return PARTS.get(".".join(generic), {}).get(str(rest[-1]))
