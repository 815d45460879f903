"""Where things stand on the NAS and what starts them there: the site's wishes combined with the NAS's profile."""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace

from config.networks import named
from config.problems import Problem
from config.site import Site
from config.types import AUTO
from facts.nas import NasFacts
from install.profiles import CONF, PROFILES, PROGRAM, RC, RC_D, SYSTEMD, SYSTEMD_STANDALONE, TASK, Profile, recognise

TASK_NAME = "macvlan-ipv6"
PATH = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"]  # of a command that root starts


@dataclass(frozen=True)
class InstallPlan:
    """The installation on one NAS.

    profile, boot_hook: their names.
    name: of the installation (install.name), "" for the only one.
    hook_file: the unit or script that starts the loop, "" for a boot task.
    docker_unit: the unit that ours is bound to, "" for none.
    privilege: how a command becomes root ("root", "sudo", "password", see nas/as_root.sh).
    wrapper: path of a `docker` for SSH commands, which runs the client at ``docker``; "" if none is needed.
    docker_folder: the folder of Docker's client, "" if the program searches it anyway.
    check_interval: seconds.
    """

    profile: str
    boot_hook: str
    script_path: str
    config_path: str
    hook_file: str
    docker_unit: str = ""
    privilege: str = "root"
    wrapper: str = ""
    docker: str = ""
    docker_folder: str = ""
    check_interval: int = 30
    on_destroy: str = "keep"
    name: str = ""

    @property
    def systemd(self) -> bool:
        return self.boot_hook in (SYSTEMD, SYSTEMD_STANDALONE)

    @property
    def unit_name(self) -> str:
        return self.hook_file.rpartition("/")[2] if self.systemd else ""

    @property
    def wanted_by(self) -> str:
        """The unit whose start starts ours."""
        return {SYSTEMD: self.docker_unit, SYSTEMD_STANDALONE: "multi-user.target"}.get(self.boot_hook, "")

    @property
    def task(self) -> str:
        return named(TASK_NAME, self.name) if self.boot_hook == TASK else ""

    @property
    def boot_task(self) -> str:
        """How a person makes the boot task, "" if there is nothing to do."""
        command = f"{self.script_path} start-loop {self.config_path}"
        return PROFILES[self.profile].task.format(command=command) if self.task else ""

    @property
    def status_command(self) -> str:
        return f"{self.script_path} status {self.config_path}"

    @property
    def files(self) -> Mapping[str, str]:
        """path → mode of every file of the installation."""
        found = {self.script_path: "0755", self.config_path: "0644"}
        if self.hook_file:
            found[self.hook_file] = "0644" if self.systemd else "0755"
        if self.wrapper:
            found[self.wrapper] = "0755"
        return found


def possible_installs(site: Site) -> list[InstallPlan]:
    """The installations that are possible, before the NAS has been asked."""
    profiles = list(PROFILES.values()) if site.nas.profile == AUTO else [PROFILES[site.nas.profile]]
    return [
        _install(site, profile, hook)
        for profile in profiles
        for hook in (profile.hooks if site.install.boot_hook == AUTO else (site.install.boot_hook,))
        if profile.program or site.install.script_path != AUTO
    ]


def plan_install(site: Site, facts: NasFacts) -> tuple[InstallPlan, list[Problem]]:
    profile = recognise(facts) if site.nas.profile == AUTO else PROFILES[site.nas.profile]
    hook = _hook(profile, facts) if site.install.boot_hook == AUTO else site.install.boot_hook
    unit = ""
    if hook == SYSTEMD:
        unit = _found(profile, facts, site) if site.install.docker_unit == AUTO else site.install.docker_unit
    install = _install(site, profile, hook, unit, _privilege(facts), *_wrapper(site, facts))
    install = replace(install, docker_folder=_outside_path(facts.docker.path))
    return install, list(_unplaced(site, profile))


def _hook(profile: Profile, facts: NasFacts) -> str:
    """The profile's default; or rc.d if the NAS has a script of the recipe there, because two hooks would compete."""
    others = any(f"\n# file {RC} " in text for text in facts.others.values())  # another installation's is not by hand
    by_hand = RC in facts.backups or (RC in facts.files and facts.conf is None)
    return RC_D if by_hand and not others and RC_D in profile.hooks else profile.hooks[0]


def _install(
    site: Site, profile: Profile, hook: str, unit: str = "", privilege: str = "root", *docker: str
) -> InstallPlan:
    wish = site.install
    program = (
        wish.script_path
        if wish.script_path != AUTO
        else f"{profile.program or profile.example_folder}/{named(PROGRAM, wish.name)}"
    )
    folder = profile.conf or program.rpartition("/")[0]
    return InstallPlan(
        profile=profile.name,
        boot_hook=hook,
        script_path=program,
        config_path=wish.config_path if wish.config_path != AUTO else f"{folder}/{named(CONF, wish.name)}",
        hook_file={SYSTEMD: wish.unit_path, SYSTEMD_STANDALONE: wish.unit_path, RC_D: named(RC, wish.name)}.get(
            hook, ""
        ),
        docker_unit=unit,
        privilege=privilege,
        wrapper=docker[0] if docker else "",
        docker=docker[1] if docker else "",
        check_interval=wish.check_interval,
        on_destroy=wish.on_destroy,
        name=wish.name,
    )


def _unplaced(site: Site, profile: Profile) -> Iterator[Problem]:
    if not profile.program and site.install.script_path == AUTO:
        message = f"has no default on {profile.title}, where only you know a folder that a reboot leaves alone"
        remedy = f"write one, as in {profile.example_folder}/{PROGRAM}"
        yield Problem("site.install.script_path", site.install.script_path, message, remedy)


def docker_units(facts: NasFacts, first: Iterable[str] = ()) -> list[str]:
    """The units that run Docker on this NAS: first those with one of these names, running ones before others."""
    order = list(first)

    def rank(name: str) -> tuple[bool, int, str]:
        runs = facts.units[name].main_pid > 0
        return not runs, order.index(name) if name in order else len(order), name

    known = [name for name, unit in facts.units.items() if unit.load == "loaded" and "ocker" in name]
    return sorted((name for name in known if "macvlan" not in name), key=rank)


def _found(profile: Profile, facts: NasFacts, site: Site) -> str:
    own = site.install.unit_path.rpartition("/")[2]
    return next((name for name in docker_units(facts, profile.docker_units) if name != own), "")


def _privilege(facts: NasFacts) -> str:
    if facts.uid == 0:
        return "root"
    return "password" if facts.sudo == "right" else "sudo"


def _outside_path(docker: str) -> str:
    """The folder of Docker's client for the scripts; "" if they search it anyway or its name is not safe for them."""
    folder = docker.rpartition("/")[0]
    plain = re.fullmatch(r"(/[A-Za-z0-9_.@-]+)+", folder) and "/../" not in f"{folder}/"
    return folder if plain and folder not in PATH else ""


def _wrapper(site: Site, facts: NasFacts) -> tuple[str, str]:
    """(path of the wrapper, path of the client). The wrapper goes into the first folder that is searched before the
    client's own."""
    docker = facts.docker
    if not site.nas.docker_wrapper or not docker.path:
        return "", ""
    if docker.wrapper:
        return docker.wrapper, docker.path
    if docker.on_path and not docker.refusal:
        return "", ""
    own = docker.path.rpartition("/")[0]
    before = docker.search[: docker.search.index(own)] if own in docker.search else docker.search
    return (f"{before[0]}/docker", docker.path) if before else ("", "")
