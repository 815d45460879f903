"""One `pulumi up`: load what was written, ask the NAS, survey, make the resources, export."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pulumi

from components.diagnostics import report_diagnostics
from components.lan import MacvlanLan, MacvlanLanArgs
from components.last_run import OUTPUT, last_snapshot, load_last_snapshot, read_stack_state
from components.pulumi_internals import config_keys, is_secret
from config.keys import PASSWORD_KEY, PULLED_KEY, SECRETS_KEY, SET_SECRET, SITE_KEY, TAKE_OVER_KEY
from config.problems import Problem, UserErrors
from inputs.load import LoadedConfig, load, unknown_config_keys
from install.files import host_files
from plan.outputs import report
from preflight.snapshot import dump_snapshot
from preflight.survey import Survey, survey, survey_from_snapshot
from probe.gather import gather_facts


def main() -> None:
    loaded = _load()
    found = _survey(loaded)
    plan, snapshot = found.plan.pulled_at(_own(PULLED_KEY)), found.snapshot
    access = loaded.access.with_host_keys(snapshot.host_keys)
    lan = MacvlanLan(
        "lan",
        MacvlanLanArgs(
            plan=plan,
            files=host_files(plan, snapshot.install, loaded.sources, snapshot.repair),
            scripts=loaded.sources,
            access=access,
            repairs=snapshot,
            secrets={key: pulumi.Output.secret(dict(values)) for key, values in loaded.secrets.items()},
        ),
    )
    report_diagnostics(lan, found.drift, found.warnings)
    install = snapshot.install
    outputs = report(plan, install.status_command, install.boot_task, snapshot.advertised, snapshot.interfaces)
    for name, value in outputs.items():
        pulumi.export(name, value)
    pulumi.export("nas_status", lan.summary)
    # Not secret, but long, and for the program alone: as a secret it is not spread out in every preview.
    pulumi.export(OUTPUT, pulumi.Output.secret(dump_snapshot(snapshot, plan, access.host_keys)))


def _survey(loaded: LoadedConfig) -> Survey:
    """The survey of the NAS as it is; with `probe: off`, as the last run found it."""
    site, access = loaded.site, loaded.access
    if not site.probe:
        snapshot = load_last_snapshot(site.network.name)
        has_password = access.sudo_password is not None
        return survey_from_snapshot(site, loaded.addresses, snapshot, access.host_keys, has_password)
    before, state = last_snapshot(site.network.name), read_stack_state()
    facts = gather_facts(site, loaded.addresses, access, loaded.sources, before and before.install)
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return survey(site, loaded.addresses, facts, state, _own(TAKE_OVER_KEY) == "true", now)


def _own(key: str) -> str:
    """A value of this program's own part of the stack's config, "" for none."""
    return pulumi.Config().get(key.partition(":")[2]) or ""


def _load() -> LoadedConfig:
    project = Path(__file__).parent
    stack_file = project / f"Pulumi.{pulumi.get_stack()}.yaml"
    config = pulumi.Config()
    site, secrets, password = _object(config, "site"), _object(config, "secretEnvironment"), config.get("sudoPassword")
    problems = unknown_config_keys(config_keys())
    open_to_all = "stands in the stack's file for all to read"
    if secrets and not is_secret(SECRETS_KEY):
        problems.append(Problem(SECRETS_KEY, "", open_to_all, f"remove it there, then `{SET_SECRET}`"))
    if password is not None and not is_secret(PASSWORD_KEY):
        remedy = f"`pulumi config rm {PASSWORD_KEY}`, then `pulumi config set --secret {PASSWORD_KEY}`"
        problems.append(Problem(PASSWORD_KEY, "", open_to_all, remedy))
    if is_secret(SITE_KEY):  # what else is wrong with it would be told with values
        message = "has a secret inside, which would be shown in previews"
        raise UserErrors([*problems, Problem(SITE_KEY, "", message, f"move it: `{SET_SECRET}`")])
    return load(project, stack_file, site, secrets, password, problems)


def _object(config: pulumi.Config, key: str) -> Any:
    """A map of the stack's file. Text that is no map is returned as it is, because Pulumi's own error would show it."""
    try:
        return config.get_object(key)
    except pulumi.ConfigTypeError:
        return config.get(key)


try:
    main()
except UserErrors as errors:
    raise pulumi.RunError(str(errors)) from None
