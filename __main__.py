"""One `pulumi up`: load what was written, ask the NAS, survey, make the resources, export."""

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pulumi

from components.diagnostics import report_diagnostics
from components.lan import MacvlanLan, MacvlanLanArgs, SiteNetwork
from components.last_run import OUTPUT, last_snapshots, load_last_snapshots, read_stack_states
from components.pulumi_internals import config_keys, is_secret
from config.keys import PASSWORD_KEY, PULLED_KEY, SECRETS_KEY, SET_SECRET, SITE_KEY, TAKE_OVER_KEY
from config.problems import Problem, UserErrors
from inputs.load import LoadedConfig, load, unknown_config_keys
from inputs.ssh_access import SshAccess
from install.files import host_files
from plan.outputs import joined, report
from plan.project.containers import whole_containers
from preflight.snapshot import dump_snapshot
from preflight.survey import Asked, Survey, survey, survey_from_snapshots
from probe.gather import gather_facts


def main() -> None:
    loaded = _load()
    stack = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    try:
        surveys = _surveys(loaded, stack)
    except UserErrors as errors:
        raise UserErrors(loaded.located(errors.problems)) from None
    networks = [
        SiteNetwork(
            plan := found.plan.pulled_at(_own(PULLED_KEY)),
            host_files(plan, found.snapshot.install, loaded.sources, found.snapshot.repair, stack),
            found.snapshot,
        )
        for found in surveys
    ]
    access = loaded.access.with_host_keys(surveys[0].snapshot.host_keys)
    secrets = {key: pulumi.Output.secret(dict(values)) for key, values in loaded.secrets.items()}
    seen = surveys[0].snapshot
    dual = [name for name, ipv6 in seen.others_networks.items() if ipv6]
    plans = [one.plan for one in networks]
    containers, problems = whole_containers(loaded.services, plans, seen.engine_major, dual, stack)
    lan = MacvlanLan(
        "lan",
        MacvlanLanArgs(
            networks,
            loaded.sources,
            access,
            containers,
            loaded.services.made_networks(seen.others_networks),
            loaded.services.made_volumes(),
            secrets,
            stack,
        ),
    )
    told: set[Problem] = set()
    for found in surveys:
        about = {*loaded.located([*found.problems, *problems]), *loaded.warnings} - told
        report_diagnostics(lan, found.drift, about, found.plan.key)
        told |= about
    _export(lan, networks, access)


def _export(lan: MacvlanLan, networks: Sequence[SiteNetwork], access: SshAccess) -> None:
    reports: dict[str, dict[str, Any]] = {}
    for one in networks:
        seen, install = one.repairs, one.repairs.install
        reports[one.plan.key] = report(
            one.plan, install.status_command, install.boot_task, seen.advertised, seen.interfaces, seen.tools
        ) | {"nas_status": lan.shims[one.plan.key].summary}
    for name, value in joined(reports.pop(""), reports).items():
        pulumi.export(name, value)
    (first, *further) = [(one.repairs, one.plan) for one in networks]
    # Not secret, but long, and for the program alone: as a secret it is not spread out in every preview.
    pulumi.export(OUTPUT, pulumi.Output.secret(dump_snapshot(*first, access.host_keys, further)))


def _surveys(loaded: LoadedConfig, stack: str) -> list[Survey]:
    """The surveys of the NAS as it is, one for each network; with `probe: off`, as the last run found it."""
    site, access, networks = loaded.site, loaded.access, loaded.networks
    states = read_stack_states([planned.view for planned in networks])
    if not site.probe:
        snapshots = load_last_snapshots(site.network.name, states)
        password = access.sudo_password is not None
        return survey_from_snapshots(networks, snapshots, states, stack, access.host_keys, password)
    before = {key: one.install for key, one in last_snapshots(site.network.name).items()}
    asked: list[Asked] = []
    for planned in networks:
        view = planned.view
        facts = gather_facts(view.site, planned.addresses, access, loaded.sources, before.get(view.key))
        asked.append(Asked(planned, facts, states[view.key]))
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return survey(asked, stack, _own(TAKE_OVER_KEY) == "true", now)


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
