"""Everything a person wrote, read and checked as far as it can be without the NAS; all problems in one error."""

import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import TypeAdapter, ValidationError

from inputs.environment import environment_problems
from inputs.paths import from_home
from inputs.ssh_access import SshAccess, read_ssh_access
from inputs.yaml_traps import complaint, find_doubles, find_traps, load_yaml
from plan.addresses import make_plan
from plan.compose import ComposeFile, joining
from plan.config import Site, parse_site
from plan.files import COMMAND, LOOK, SOURCES
from plan.findings.states import KEY as TAKE_OVER_KEY
from plan.lan import LanPlan
from plan.problems import Problem, UserErrors, as_text, from_pydantic

SITE_KEY, SECRETS_KEY = "macvlan-ipv6:site", "macvlan-ipv6:secretEnvironment"
PASSWORD_KEY, PULLED_KEY = "macvlan-ipv6:sudoPassword", "macvlan-ipv6:imagesPulled"
SET_SECRET = f"pulumi config set --secret --path '{SECRETS_KEY}.<container>.<VARIABLE>' <value>"
_SECRETS = TypeAdapter(dict[str, dict[str, str]])


@dataclass(frozen=True)
class Loaded:
    """draft: the plan as far as it goes without the NAS. secrets: container key → variables. sources: name → text of
    the static files under nas/."""

    site: Site
    draft: LanPlan
    files: tuple[ComposeFile, ...]
    access: SshAccess
    secrets: Mapping[str, Mapping[str, str]]
    sources: Mapping[str, str]


def load(
    project: Path,
    stack_file: Path,
    raw_site: Any,
    raw_secrets: Any,
    password: str | None = None,
    known: Iterable[Problem] = (),
) -> Loaded:
    """project: folder of Pulumi.yaml; stack_file: Pulumi.<stack>.yaml; password: for sudo; known: what is wrong with
    the config already. Raises UserErrors."""
    site, problems = parse_site(raw_site)
    problems += [*known, *_traps(stack_file), *environment_problems(os.environ)]
    if password is not None and (not password or not password.isprintable()):
        what = "is empty or has characters in it that no line takes"
        problems.append(Problem(PASSWORD_KEY, "", what, f"`pulumi config set --secret {PASSWORD_KEY}`"))
    secrets, wrong = _secrets(raw_secrets)
    problems += wrong
    if site is None:
        raise UserErrors(problems)
    files, wrong = _compose_files(site, project)
    problems += wrong
    access, wrong = read_ssh_access(site.nas, project)
    problems += wrong
    plan, wrong = make_plan(site, files)
    problems += wrong
    if plan is not None and not problems:  # a container that could not be read would look as if it were not there
        problems += _misplaced(secrets, plan)
    if problems or access is None or plan is None:
        raise UserErrors(problems)
    return Loaded(site, plan, files, replace(access, sudo_password=password), secrets, _sources(project))


def strays(keys: Iterable[str]) -> list[Problem]:
    """Problems for the keys of this program's config that it does not know; their values may be secrets."""
    namespace = SITE_KEY.partition(":")[0] + ":"
    known = (SITE_KEY, SECRETS_KEY, PASSWORD_KEY, PULLED_KEY, TAKE_OVER_KEY)
    return [_stray(key) for key in keys if key.startswith(namespace) and key not in known]


def _stray(key: str) -> Problem:
    what, remedy = "is not a key of this program, so it would do nothing", f"`pulumi config rm '{as_text(key)}'`"
    if key.startswith(f"{SECRETS_KEY}."):
        what = "is one key with dots in it, set without --path, so no container would get the secret"
        remedy += f", then `{SET_SECRET}`"
    elif key.startswith((f"{SITE_KEY}.", f"{SITE_KEY}[", f"{SECRETS_KEY}[")):
        what = "is one key with dots in it, set without --path, so it would do nothing"
        remedy += ", then set it again with --path"
    return Problem(as_text(key), "", what, remedy)


def _traps(stack_file: Path) -> list[Problem]:
    """Pulumi hands over parsed values; what was typed is only in the file."""
    try:
        text = stack_file.read_text()
    except (OSError, UnicodeDecodeError):
        return []  # config that came by another way (--config-file, the service) was not typed here
    found = find_doubles(text, "site.", ("config", SITE_KEY)) + find_traps(text, "site", ("config", SITE_KEY))
    return [problem for problem in found if problem.path != "site.probe"]  # on and off, which it takes either way


def _secrets(raw: Any) -> tuple[Mapping[str, Mapping[str, str]], list[Problem]]:
    try:
        return _SECRETS.validate_python(raw or {}, strict=True), []
    except ValidationError as error:
        problems = from_pydantic(error, SECRETS_KEY, {})
        return {}, [Problem(problem.path, "", problem.what, f"`{SET_SECRET}`") for problem in problems]


def _misplaced(secrets: Mapping[str, Mapping[str, str]], plan: LanPlan) -> Iterator[Problem]:
    containers = {container.key: container for container in plan.containers}
    for key, variables in secrets.items():
        path, container = f"{SECRETS_KEY}.{key}", containers.get(key)
        if container is None or container.service is None:
            what = "names no container of this site, so its secrets would go nowhere"
            remedy = f"use one of {', '.join(sorted(containers))}" if containers else "add the container to the site"
            yield Problem(path, "", what, remedy)
            continue
        for name in sorted(variables.keys() & container.service.environment.keys()):
            what = f"is in {container.path}.environment too, and Docker would get both"
            yield Problem(f"{path}.{name}", "", what, "remove it from one of the two places")


def _compose_files(site: Site, project: Path) -> tuple[tuple[ComposeFile, ...], list[Problem]]:
    files, problems = [], []
    for index, name in enumerate(site.compose):
        key = f"site.compose[{index}]"
        try:
            text = from_home(name, project).read_text()
            document = load_yaml(text)
        except OSError as error:
            what = f"cannot be read ({error.strerror}); relative paths start at {project}"
            problems.append(Problem(key, as_text(name), what, "correct the path, or remove the line"))
        except UnicodeDecodeError as error:
            problems.append(Problem(key, as_text(name), f"is not YAML: {error}", "correct the file"))
        except yaml.YAMLError as error:
            problems.append(Problem(key, as_text(name), f"is not YAML: {complaint(error)}", "correct the file"))
        else:
            problems += find_doubles(text, f"{name}: ")
            files.append(ComposeFile(name, document))
            for service in sorted(joining(document, site.network.name)):
                problems += find_traps(text, f"{name}: services.{service}", ("services", service))
    return tuple(files), problems


def _sources(project: Path) -> Mapping[str, str]:
    return {name: (project / "nas" / name).read_text() for name in (*SOURCES, *COMMAND, *LOOK)}
