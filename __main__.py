"""The story of one `pulumi up`: load what was written, look at the NAS, plan, compose the resources, export."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pulumi
from pulumi.runtime.config import CONFIG, get_config_env, is_config_secret

from components.diagnostics import report_diagnostics
from components.lan import MacvlanLan, MacvlanLanArgs
from components.last_run import OUTPUT, last_snapshot, load_last_snapshot, read_stack_state
from config.keys import PASSWORD_KEY, PULLED_KEY, SECRETS_KEY, SET_SECRET, SITE_KEY, TAKE_OVER_KEY
from config.problems import Problem, UserErrors
from inputs.load import LoadedConfig, load, unknown_config_keys
from install.files import host_files
from install.layout import plan_install
from plan.lan import LanPlan
from plan.outputs import report
from plan.planner import plan_lan
from preflight.findings import findings
from preflight.findings.parent_interface import resolve_parent
from preflight.snapshot import Drift, NasSnapshot, dump_snapshot, take_snapshot, with_repairs
from probe.gather import gather_facts


def main() -> None:
    loaded = _load()
    plan, seen, drift, warnings = _looked(loaded) if loaded.site.probe else _unlooked(loaded)
    plan = replace(plan, pulled=pulumi.Config().get(PULLED_KEY.partition(":")[2]) or "")
    access = loaded.access.with_host_keys(seen.host_keys)
    lan = MacvlanLan(
        "lan",
        MacvlanLanArgs(
            plan=plan,
            files=host_files(plan, seen.install, loaded.sources, seen.repair),
            scripts=loaded.sources,
            access=access,
            repairs=seen,
            secrets={key: pulumi.Output.secret(dict(values)) for key, values in loaded.secrets.items()},
        ),
    )
    report_diagnostics(lan, drift, warnings)
    for name, value in report(
        plan, seen.install.status_command, seen.install.boot_task, seen.advertised, seen.interfaces
    ).items():
        pulumi.export(name, value)
    pulumi.export("nas_status", lan.summary)
    # Not secret, but long, and for the program alone: as a secret it is not spread out in every preview.
    pulumi.export(OUTPUT, pulumi.Output.secret(dump_snapshot(seen, plan, access.host_keys)))


Looked = tuple[LanPlan, NasSnapshot, Drift, list[Problem]]


def _looked(loaded: LoadedConfig) -> Looked:
    """What the NAS itself says comes first; errors stop here, all at once."""
    before, state = last_snapshot(loaded.site.network.name), read_stack_state()
    facts = gather_facts(loaded.site, loaded.addresses, loaded.access, loaded.sources, before and before.install)
    site, problems = resolve_parent(loaded.site, facts)
    install, wrong = plan_install(site, facts)
    problems += wrong
    seen = take_snapshot(site, install, facts)
    plan, wrong = plan_lan(site, loaded.addresses, seen.engine_major, seen.network)
    problems += wrong
    take_over = pulumi.Config().get(TAKE_OVER_KEY.partition(":")[2]) == "true"
    problems += findings(site, install, plan, facts, state, take_over)
    errors = [problem for problem in problems if problem.severity == "error"]
    if errors:
        raise UserErrors(errors)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return plan, *with_repairs(site, plan, facts, seen, now, state), problems


def _unlooked(loaded: LoadedConfig) -> Looked:
    """`probe: off`: from the state alone."""
    seen = load_last_snapshot(loaded.site.network.name)
    if not {*loaded.access.host_keys} & {*seen.host_keys}:
        seen = replace(seen, host_keys=())  # another key is trusted now than the one over which these were told
    if seen.install.privilege == "password" and loaded.access.sudo_password is None:
        what = "is not set, and sudo on the NAS asked for it in the run that this one goes by"
        raise UserErrors([Problem(PASSWORD_KEY, "", what, f"`pulumi config set --secret {PASSWORD_KEY}`")])
    site = loaded.site.with_parent(seen.parent)
    plan, wrong = plan_lan(site, loaded.addresses, seen.engine_major, seen.network)
    if wrong:
        raise UserErrors(wrong)
    what = "so the NAS was not asked: this is Pulumi's memory of it, and what changed there since is not seen"
    return plan, seen, Drift(), [Problem("site.probe", "off", what, "write `probe: on` to look", "warning")]


def _load() -> LoadedConfig:
    project = Path(__file__).parent
    stack_file = project / f"Pulumi.{pulumi.get_stack()}.yaml"
    config = pulumi.Config()
    site, secrets, password = _object(config, "site"), _object(config, "secretEnvironment"), config.get("sudoPassword")
    problems = unknown_config_keys([*CONFIG.get(), *(get_config_env() or ())])
    open_to_all = "stands in the stack's file for all to read"
    if secrets and not is_config_secret(SECRETS_KEY):
        problems.append(Problem(SECRETS_KEY, "", open_to_all, f"remove it there, then `{SET_SECRET}`"))
    if password is not None and not is_config_secret(PASSWORD_KEY):
        remedy = f"`pulumi config rm {PASSWORD_KEY}`, then `pulumi config set --secret {PASSWORD_KEY}`"
        problems.append(Problem(PASSWORD_KEY, "", open_to_all, remedy))
    if is_config_secret(SITE_KEY):  # what else is wrong with it would be told with values
        what = "has a secret inside, which would be shown in previews"
        raise UserErrors([*problems, Problem(SITE_KEY, "", what, f"move it: `{SET_SECRET}`")])
    return load(project, stack_file, site, secrets, password, problems)


def _object(config: pulumi.Config, key: str) -> Any:
    """A map of the stack's file; text that is none as it is, since Pulumi's own error would show it."""
    try:
        return config.get_object(key)
    except pulumi.ConfigTypeError:
        return config.get(key)


try:
    main()
except UserErrors as errors:
    raise pulumi.RunError(str(errors)) from None
