"""What the program needs on the NAS: root, tools, Docker and its unit, macvlan in the kernel, SSH sessions."""

from collections.abc import Iterator

from config.problems import Problem
from config.site import Site
from facts.nas import NasFacts
from install.conf import read_conf
from install.layout import InstallPlan
from plan.network import is_adopted

OLDEST_ENGINE = 20  # Docker 20.10: the oldest that DSM 7 ships and that the lab runs
FIX = (
    "write `nas.docker_wrapper: true`: `pulumi up` puts a `docker` there that finds the real one, and uses sudo where "
    "it has to; `pulumi destroy` removes it"
)
SET_PASSWORD = "`pulumi config set --secret macvlan-ipv6:sudoPassword`"
SESSIONS = 9  # images and containers in their queues (components/lan.py), the network, and the probe


def findings(site: Site, install: InstallPlan, facts: NasFacts) -> Iterator[Problem]:
    if facts.uid != 0:
        yield from _sudo(facts)
    if "ip" not in facts.tools:
        message = "has no `ip` command, which shim and routes need"
        yield Problem("site.nas.host", site.nas.host, message, "install the package that brings `ip` there (iproute2)")
    if facts.macvlan == "no":
        kernel = facts.system.get("kernel", "")
        message = f"runs a kernel{f' ({kernel})' if kernel else ''} without the macvlan module, which is required"
        remedy = "install Docker's package (on most NASes it brings the module), or the kernel's modules package"
        yield Problem("site.nas.host", site.nas.host, message, remedy)
    yield from _docker(site, install, facts)
    yield from _sshd(site, facts)


def _sudo(facts: NasFacts) -> Iterator[Problem]:
    rights = "is not root there, and network interfaces and boot hooks are root's"
    if facts.sudo in ("yes", "right"):
        return
    if facts.sudo == "wrong":
        message = f"is not the password that sudo takes from {facts.user} there"
        yield Problem("macvlan-ipv6:sudoPassword", "", message, f"write the right one: {SET_PASSWORD}")
    elif facts.sudo == "asks":
        message = f"{rights}; its sudo asks for a password, and none is set"
        yield Problem("site.nas.user", facts.user, message, f"{SET_PASSWORD}, or let sudo ask {facts.user} for none")
    else:
        remedy = "use `user: root` with a key in root's authorized_keys, or a user who may use sudo"
        yield Problem("site.nas.user", facts.user, rights, remedy)


def _reach(site: Site, install: InstallPlan, facts: NasFacts) -> Iterator[Problem]:
    """Whether `ssh NAS docker` works, which the docker plugin runs."""
    docker = facts.docker
    if docker.refusal and not (install.wrapper and facts.sudo == "yes"):
        message = f"may not use Docker there ({docker.refusal})"
        group = f"put {facts.user} into the group of /var/run/docker.sock (`usermod -aG docker {facts.user}`)"
        fix = (
            FIX
            if facts.sudo == "yes"
            else f"let sudo ask {facts.user} for no password, with `nas.docker_wrapper: true`"
        )
        yield Problem("site.nas.user", facts.user, message, f"{group}, and log in again; or {fix}")
    if docker.path and not docker.on_path and not install.wrapper:
        message = f"has docker at {docker.path}, outside the PATH of SSH commands"
        link = f"on the NAS run `ln -s {docker.path} {(*docker.search, '/usr/bin')[0]}/docker`"
        yield Problem("site.nas.host", site.nas.host, message, link if site.nas.docker_wrapper else f"{FIX}; or {link}")
    record = read_conf(facts.conf)
    written = record is not None and docker.wrapper in record.sums  # the one of another installation stays
    if written and not install.wrapper and docker.path.rpartition("/")[0] not in docker.search:
        message = f"would remove the wrapper {docker.wrapper}; SSH commands would not find the client at {docker.path}"
        yield Problem("site.nas.docker_wrapper", "false", message, "write true; `pulumi destroy` removes it")
    live = facts.network(site.network.name)
    known = record is not None and record.adopted
    if install.wrapper and not docker.wrapper and live is not None and is_adopted(live) and not known:
        message = "is there already, and to take it over the docker plugin must reach Docker before anything is changed"
        remedy = f"on the NAS run `ln -s {docker.path} {install.wrapper}`, and leave that there"
        yield Problem("site.network.name", live.name, message, remedy)


def _docker(site: Site, install: InstallPlan, facts: NasFacts) -> Iterator[Problem]:
    docker, host = facts.docker, site.nas.host
    if docker.podman:
        message = (
            f"has Podman {docker.podman} in Docker's place: its networks, and what it says of them, are not Docker's"
        )
        remedy = (
            "install Docker itself (docker.io or docker-ce) there in place of podman-docker; this program needs Docker"
        )
        yield Problem("site.nas.host", host, message, remedy)
        return
    yield from _reach(site, install, facts)
    if docker.refusal and not docker.engine:
        return
    if not docker.path:
        message = "has no `docker` command"
        yield Problem("site.nas.host", host, message, "install Docker (Container Manager) on the NAS")
    elif not docker.engine:
        message = f"has a Docker that does not answer: {docker.error or 'no reason given'}"
        yield Problem("site.nas.host", host, message, "install or start Docker (Container Manager) on the NAS")
    elif facts.engine_major is not None and facts.engine_major < OLDEST_ENGINE:
        message = f"has Docker {docker.engine}, and this program needs 20.10 or newer"
        yield Problem("site.nas.host", host, message, "upgrade Docker (Container Manager) on the NAS")


def _sshd(site: Site, facts: NasFacts) -> Iterator[Problem]:
    sessions = facts.sshd.get("maxsessions", "")
    if sessions.isdigit() and int(sessions) < SESSIONS:
        message = (
            f"allows {sessions} SSH sessions per connection; `pulumi up` needs {SESSIONS} and logs in for the rest"
        )
        remedy = "set `MaxSessions 10` in /etc/ssh/sshd_config there, or run `pulumi up --parallel 2`"
        yield Problem("site.nas.host", site.nas.host, message, remedy, "warning")
    first = facts.sshd.get("maxstartups", "").split(":")[0]
    if first.isdigit() and int(first) < 3:
        message = f"allows {first} SSH login{'s' if first != '1' else ''} at a time, and `pulumi up` makes two or three"
        remedy = "set `MaxStartups 10:30:100` in /etc/ssh/sshd_config there"
        yield Problem("site.nas.host", site.nas.host, message, remedy, "warning")
