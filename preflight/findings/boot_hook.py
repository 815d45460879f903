"""Whether the NAS has what starts the watch loop at boot, and what became of Docker's unit since the last run."""

from collections.abc import Iterator

from config.problems import Problem
from config.site import Site
from facts.nas import NasFacts
from install.conf import read_conf
from install.layout import InstallPlan, docker_units
from install.profiles import PROFILES, RC_D, SYSTEMD


def findings(site: Site, install: InstallPlan, facts: NasFacts) -> Iterator[Problem]:
    profile = PROFILES[install.profile]
    others = ", ".join(hook for hook in profile.hooks if hook != install.boot_hook)
    if install.systemd and "systemctl" not in facts.tools:
        message = f"needs systemd, and the NAS has no `systemctl`; it is taken for {profile.title}"
        remedy = "write rc.d or task-scheduler" if "systemd" in profile.hooks else f"write one of {others}"
        yield Problem("site.install.boot_hook", install.boot_hook, message, remedy)
    elif install.boot_hook == SYSTEMD and facts.docker.engine:
        yield from _unit(install, facts)
    if install.boot_hook == RC_D and facts.abilities.get("rcd") == "no":
        message = "would never run: this NAS has no /usr/local/etc/rc.d, the folder whose scripts DSM runs at boot"
        yield Problem("site.install.boot_hook", RC_D, message, f"write one of {others}")
    if install.task and facts.boot_task != "yes" and "synowebapi" not in facts.tools and not facts.loop_pid:
        message = "starts nothing at boot yet: create the task yourself, because this NAS has no tool that creates it"
        yield Problem("site.install.boot_hook", install.boot_hook, message, install.boot_task, "warning", "shim")


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
