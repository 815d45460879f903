"""Whether the NAS has what starts the watch loop at boot, and what became of Docker's unit since the last run."""

from collections.abc import Iterator

from config.problems import Problem
from config.site import Site
from facts.nas import NasFacts
from install.conf import read_conf
from install.layout import InstallPlan, docker_units
from install.profiles import PROFILES, RC_D, SYSTEMD, SYSTEMD_STANDALONE


def findings(site: Site, install: InstallPlan, facts: NasFacts) -> Iterator[Problem]:
    profile = PROFILES[install.profile]
    others = " or ".join(hook for hook in profile.hooks if hook != install.boot_hook and _can_run(hook, facts))
    if install.systemd and not _can_run(install.boot_hook, facts):
        message = f"needs systemd, and the NAS has no `systemctl`; it is taken for {profile.title}"
        yield Problem("site.install.boot_hook", install.boot_hook, message, f"write {others}")
    elif install.boot_hook == SYSTEMD and facts.docker.engine:
        yield from _unit(install, facts)
    if install.boot_hook == RC_D and not _can_run(RC_D, facts):
        message = "would never run: this NAS has no /usr/local/etc/rc.d, the folder whose scripts DSM runs at boot"
        yield Problem("site.install.boot_hook", RC_D, message, f"write {others}")
    if install.task and facts.boot_task != "yes" and "synowebapi" not in facts.tools and not facts.loop_pid:
        message = "starts nothing at boot yet: create the task yourself, because this NAS has no tool that creates it"
        yield Problem("site.install.boot_hook", install.boot_hook, message, install.boot_task, "warning", "shim")


def _can_run(hook: str, facts: NasFacts) -> bool:
    if hook in (SYSTEMD, SYSTEMD_STANDALONE):
        return "systemctl" in facts.tools
    return hook != RC_D or facts.abilities.get("rcd") != "no"


def _unit(install: InstallPlan, facts: NasFacts) -> Iterator[Problem]:
    unit = facts.units.get(install.docker_unit)
    found = [name for name in docker_units(facts) if name != install.unit_name]
    if unit is None or unit.load != "loaded":
        message = "is not a unit on the NAS, so the shim cannot be started with Docker"
        remedy = "find Docker's with `systemctl list-units --type=service | grep -i docker` there"
        remedy = f"write {' or '.join(found)}" if found else f"{remedy}, or write `boot_hook: systemd-standalone`"
        message = (
            message
            if install.docker_unit
            else "found no systemd unit that runs Docker, so the shim cannot be started with it"
        )
        yield Problem("site.install.docker_unit", install.docker_unit or "auto", message, remedy)
        return
    record = read_conf(facts.confs.get(install.config_path))
    before = (
        record.hook[1]
        if record is not None and record.hook[:1] == (SYSTEMD,) and len(record.hook) == 2
        else install.docker_unit
    )
    if before != install.docker_unit:
        message = f"is Docker's unit now; it was {before} when the shim was installed (an upgrade renamed it)"
        remedy = "nothing to do: `pulumi up` binds the shim to it"
        yield Problem("site.install.docker_unit", install.docker_unit, message, remedy, "warning", "shim")
