"""Compose files, read from the laptop's disk."""

from collections.abc import Sequence
from pathlib import Path

import yaml

from config.compose import ComposeFile, joining
from config.problems import Problem, as_text
from config.site import Site
from inputs.paths import from_home
from inputs.yaml_traps import complaint, find_doubles, find_traps, load_yaml


def read_compose_files(site: Site, project: Path) -> tuple[tuple[ComposeFile, ...], list[Problem]]:
    """The compose files of a site, and the problems of those that cannot be read or would be misread."""
    files, problems = [], []
    for index, name in enumerate(site.compose):
        file, wrong = read_compose_file(name, f"site.compose[{index}]", project, (site.network.name, *site.networks))
        problems += wrong
        if file is not None:
            files.append(file)
    return tuple(files), problems


def read_compose_file(
    name: str, key: str, start: Path, networks: Sequence[str]
) -> tuple[ComposeFile | None, list[Problem]]:
    """The file, and its problems.

    name: the path as the person wrote it.
    key: where it is written.
    start: the folder that a relative path starts from.
    networks: Docker's names of the networks whose services count.
    """
    try:
        text = from_home(name, start).read_text(encoding="utf-8")
        document = load_yaml(text)
    except OSError as error:
        message = f"cannot be read ({error.strerror}); relative paths start at {start}"
        return None, [Problem(key, as_text(name), message, "correct the path, or leave the file out")]
    except UnicodeDecodeError as error:
        message = f"is not YAML: byte {error.start + 1} is not UTF-8 text"
        return None, [Problem(key, as_text(name), message, "correct the file, or save it as UTF-8")]
    except yaml.YAMLError as error:
        return None, [Problem(key, as_text(name), f"is not YAML: {complaint(error)}", "correct the file")]
    problems = find_doubles(text, f"{name}: ")
    for service in sorted(joining(document, networks)):
        problems += find_traps(text, f"{name}: services.{service}", ("services", service))
    return ComposeFile(name, document), problems
