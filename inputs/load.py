"""Everything that a person wrote, read and checked as far as that is possible without the NAS. One error has all
problems."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from compose.project import Project
from config.compose import ServiceEntry
from config.keys import ALL_KEYS, PASSWORD_KEY, SECRETS_KEY, SET_SECRET, SITE_KEY
from config.networks import placement_problems, services_of, views
from config.problems import Problem, UserErrors, as_text, from_pydantic
from config.projects.places import relocated
from config.site import Site, parse_site
from config.sources import Sources, all_services, errors
from inputs.compose_files import read_projects
from inputs.environment import environment_problems
from inputs.nas_scripts import read_nas_scripts
from inputs.ssh_access import SshAccess, read_ssh_access
from inputs.yaml_traps import find_doubles, find_traps
from plan.addresses import plan_addresses
from plan.between import PlannedNetwork, network_named_twice, path_given_twice, problems_between
from plan.project.checks import written_problems

_SECRETS = TypeAdapter(dict[str, dict[str, str]])


@dataclass(frozen=True)
class LoadedConfig:
    """What was read.

    networks: of the site, each planned as far as it goes without the NAS.
    services: with what they need beside those networks.
    secrets: container's key → variables.
    sources: name → text of the static files under nas/.
    warnings: what is told and stops nothing.
    projects: of Compose, for the lines in what is told later.
    """

    site: Site
    networks: tuple[PlannedNetwork, ...]
    services: Sources
    access: SshAccess
    secrets: Mapping[str, Mapping[str, str]]
    sources: Mapping[str, str]
    warnings: tuple[Problem, ...] = ()
    projects: tuple[Project, ...] = ()

    def located(self, problems: Iterable[Problem]) -> list[Problem]:
        """The problems with the lines of the Compose files."""
        return [relocated(problem, self.projects) for problem in problems]


def load(
    project: Path,
    stack_file: Path,
    raw_site: Any,
    raw_secrets: Any,
    password: str | None = None,
    known: Iterable[Problem] = (),
) -> LoadedConfig:
    """Raises UserErrors.

    project: the folder of Pulumi.yaml.
    stack_file: Pulumi.<stack>.yaml.
    password: for sudo.
    known: problems of the config that are known already.
    """
    site, told = parse_site(raw_site)
    problems = errors(told)
    problems += [*known, *_traps(stack_file), *environment_problems(os.environ)]
    if password is not None and (not password or not password.isprintable()):
        message = "is empty or contains a control character"
        problems.append(Problem(PASSWORD_KEY, "", message, f"`pulumi config set --secret {PASSWORD_KEY}`"))
    secrets, wrong = _secrets(raw_secrets)
    problems += wrong
    if site is None:
        raise UserErrors(problems)
    projects, taken, wrong = read_projects(site, project)
    problems += wrong
    services, more = all_services(site, projects, taken)
    told += more
    problems += errors(more)
    access, wrong = read_ssh_access(site.nas, project)
    problems += wrong
    networks, wrong = plan_networks(site, services)
    problems += wrong
    if not problems:  # a container that could not be read would look as if it were not there
        problems += _misplaced(secrets, services.services)
    if problems or access is None:
        raise UserErrors(relocated(problem, projects) for problem in problems)
    warnings = tuple(relocated(problem, projects) for problem in told)
    return LoadedConfig(
        site,
        networks,
        services,
        replace(access, sudo_password=password),
        secrets,
        read_nas_scripts(project),
        warnings,
        tuple(projects),
    )


def plan_networks(site: Site, sources: Sources) -> tuple[tuple[PlannedNetwork, ...], list[Problem]]:
    """The networks of the site with their addresses, and all problems of these. A network without a plan is left out,
    and has a problem."""
    networks: list[PlannedNetwork] = []
    all_views = views(site)
    problems = [*network_named_twice(site), *path_given_twice(all_views)]
    for view in all_views:
        addresses, wrong = plan_addresses(view.site, services_of(sources.services, view))
        problems += view.told(wrong)
        if addresses is not None:
            networks.append(PlannedNetwork(view, addresses))
    names = all_views[0].names
    on_lan = {container.key for planned in networks for container in planned.addresses.containers}
    for entry in sources.services.values():
        problems += placement_problems(entry, names, sources.networks)
    return tuple(networks), [*problems, *problems_between(networks), *written_problems(sources, on_lan)]


def unknown_config_keys(keys: Iterable[str]) -> list[Problem]:
    """Problems for unknown keys of this program's config. Their values are not shown, because they may be secrets."""
    namespace = SITE_KEY.partition(":")[0] + ":"
    return [_unknown_key(key) for key in keys if key.startswith(namespace) and key not in ALL_KEYS]


def _unknown_key(key: str) -> Problem:
    message, remedy = "is not a key of this program, so it would do nothing", f"`pulumi config rm '{as_text(key)}'`"
    if key.startswith(f"{SECRETS_KEY}."):
        message = (
            "was set without --path: Pulumi stored one key with dots in its name, and no container gets the secret"
        )
        remedy += f", then `{SET_SECRET}`"
    elif key.startswith((f"{SITE_KEY}.", f"{SITE_KEY}[", f"{SECRETS_KEY}[")):
        message = "was set without --path: Pulumi stored one key with dots in its name, which does nothing"
        remedy += ", then set it again with --path"
    return Problem(as_text(key), "", message, remedy)


def _traps(stack_file: Path) -> list[Problem]:
    """Pulumi passes on parsed values; only the file has what the person typed."""
    try:
        text = stack_file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return []  # config that came by another way (--config-file, the service) was not typed here
    found = find_doubles(text, "site.", ("config", SITE_KEY)) + find_traps(text, "site", ("config", SITE_KEY))
    return [problem for problem in found if problem.path != "site.probe"]  # on and off, which it takes either way


def _secrets(raw: Any) -> tuple[Mapping[str, Mapping[str, str]], list[Problem]]:
    try:
        return _SECRETS.validate_python(raw or {}, strict=True), []
    except ValidationError as error:
        problems = from_pydantic(error, SECRETS_KEY, {})
        return {}, [Problem(problem.path, "", problem.message, f"`{SET_SECRET}`") for problem in problems]


def _misplaced(secrets: Mapping[str, Mapping[str, str]], containers: Mapping[str, ServiceEntry]) -> Iterator[Problem]:
    for key, variables in secrets.items():
        path, container = f"{SECRETS_KEY}.{key}", containers.get(key)
        if container is None:
            message = "names no container of this site, so its secrets would go nowhere"
            remedy = f"use one of {', '.join(sorted(containers))}" if containers else "add the container to the site"
            yield Problem(path, "", message, remedy)
            continue
        for name in sorted(variables.keys() & container.service.environment.keys()):
            message = f"is in {container.path}.environment too, and Docker would get both"
            yield Problem(f"{path}.{name}", "", message, "remove it from one of the two places")
