"""One `pulumi up`: load what was written, ask the NAS, survey, make the resources, export."""

from collections.abc import Iterable, Mapping, Sequence
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
from config.sources import errors
from facts.state import StackState
from inputs.load import LoadedConfig, load, unknown_config_keys
from inputs.ssh_access import SshAccess
from install.files import host_files
from plan.outputs import containers_off_lan, joined, report
from plan.project.checks import problems_on_engine
from plan.project.containers import images, whole_containers
from plan.project.declared import own_volumes, plan_inner_networks
from preflight.snapshot import dump_snapshot
from preflight.survey import Asked, Survey, survey, survey_from_snapshots
from probe.gather import gather_facts


def main() -> None:
    loaded = _load()
    stack = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    states = read_stack_states([planned.view for planned in loaded.networks])
    surveys = _surveys(loaded, stack, states)
    networks = [
        SiteNetwork(
            found.plan,
            host_files(found.plan, found.snapshot.install, loaded.sources, found.snapshot.repair, stack),
            found.snapshot,
        )
        for found in surveys
    ]
    seen = surveys[0].snapshot
    inner = plan_inner_networks(loaded.services, seen.inner_networks, stack)
    plans = [found.plan for found in surveys]
    containers = whole_containers(loaded.services, plans, inner, stack, seen.engine_major, seen.shared)
    on_engine = problems_on_engine(containers, loaded.services, plans, inner, seen.engine_major)
    warnings = [*loaded.warnings, *_checked(loaded, on_engine)]
    access = loaded.access.with_host_keys(seen.host_keys)
    lan = MacvlanLan(
        "lan",
        MacvlanLanArgs(
            networks=networks,
            scripts=loaded.sources,
            access=access,
            containers=containers,
            images=images(containers, _own(PULLED_KEY)),
            secrets={key: pulumi.Output.secret(dict(values)) for key, values in loaded.secrets.items()},
            inner=tuple(inner.values()),
            volumes=own_volumes(loaded.services),
            replaced=surveys[0].replaced,
            written=states[""].written,
        ),
    )
    told: set[Problem] = set()
    for found in surveys:
        problems = {*loaded.located(found.problems), *warnings} - told
        report_diagnostics(lan, found.drift, problems, found.plan.key)
        told |= problems
    _export(lan, networks, containers_off_lan(containers, loaded.services), access)


def _checked(loaded: LoadedConfig, found: Iterable[Problem]) -> list[Problem]:
    """The warnings among what the NAS's Docker makes of the containers. Raises UserErrors."""
    problems = loaded.located(found)
    if wrong := errors(problems):
        raise UserErrors(wrong)
    return problems


def _export(lan: MacvlanLan, networks: Sequence[SiteNetwork], more: Mapping[str, Any], access: SshAccess) -> None:
    reports: dict[str, dict[str, Any]] = {}
    for one in networks:
        seen, install = one.repairs, one.repairs.install
        reports[one.plan.key] = report(
            one.plan, install.status_command, install.boot_task, seen.advertised, seen.interfaces, seen.tools
        ) | {"nas_status": lan.shims[one.plan.key].summary}
    for name, value in {**joined(reports.pop(""), reports), **more}.items():
        pulumi.export(name, value)
    (first, *further) = [(one.repairs, one.plan) for one in networks]
    # Not secret, but long, and for the program alone: as a secret it is not spread out in every preview.
    pulumi.export(OUTPUT, pulumi.Output.secret(dump_snapshot(*first, access.host_keys, further)))


def _surveys(loaded: LoadedConfig, stack: str, states: Mapping[str, StackState]) -> list[Survey]:
    """The surveys of the NAS as it is, one for each network; with `probe: off`, as the last run found it. Raises
    UserErrors with the lines of the Compose files."""
    try:
        return _surveys_of(loaded, stack, states)
    except UserErrors as found:
        raise UserErrors(loaded.located(found.problems)) from None


def _surveys_of(loaded: LoadedConfig, stack: str, states: Mapping[str, StackState]) -> list[Survey]:
    site, access, networks = loaded.site, loaded.access, loaded.networks
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
    return survey(asked, stack, _own(TAKE_OVER_KEY) == "true", now, loaded.services)


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
except UserErrors as found:
    raise pulumi.RunError(str(found)) from None
