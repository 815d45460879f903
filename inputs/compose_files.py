"""The site's compose files, read from the laptop's disk."""

from pathlib import Path

import yaml

from config.compose import ComposeFile, joining
from config.problems import Problem, as_text
from config.site import Site
from inputs.paths import from_home
from inputs.yaml_traps import complaint, find_doubles, find_traps, load_yaml


def read_compose_files(site: Site, project: Path) -> tuple[tuple[ComposeFile, ...], list[Problem]]:
    """Those that can be read, and what is wrong with the others or would be misread in them."""
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
