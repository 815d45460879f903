"""Volumes that the services name, as the NAS has them."""

from collections.abc import Iterator

from config.declared import DeclaredVolume, Origin
from config.problems import Problem, shortened
from config.sources import Sources
from facts.nas import NasFacts
from facts.storage import LiveVolume

SHOWN = 4  # volumes that one message names


def findings(sources: Sources, facts: NasFacts) -> Iterator[Problem]:
    if facts.volumes is None:
        return
    for name, declared in sources.volumes.items():
        live, origin = facts.volumes.get(name), sources.origins["volumes", name]
        if live is None and declared.external:
            message = "is not on the NAS, and the file says that others make it; with Compose it is an error too "
            message += f'(external volume "{name}" not found)'
            remedy = f"correct the name (`docker volume ls` there), or `docker volume create {name}` for an empty one"
            yield Problem(origin.path, name, message, remedy)
        elif live is None and declared.is_plain:
            yield from _empty(sources, declared, origin, facts)
        elif live is not None and not declared.external and not declared.is_plain:
            yield from _other(declared, live, origin.path)


def _empty(sources: Sources, declared: DeclaredVolume, origin: Origin, facts: NasFacts) -> Iterator[Problem]:
    """A volume that will be made empty, while Compose has made one of the same key in another project."""
    if declared.name != f"{origin.project}_{origin.key}":
        return  # a person wrote the name
    all_alike = [one for one in (facts.volumes or {}).values() if one.compose_key == origin.key]
    alike = [one for one in all_alike if _has_services(sources, origin, one, facts)]
    if not origin.is_project_named:
        alike += [one for one in all_alike if one not in alike]
    if not alike:
        return
    names = shortened([one.name for one in alike], SHOWN)
    message = (
        f"is not on the NAS, so that the container finds an empty volume; Compose has made of the same key: {names}"
    )
    first, project = alike[0], alike[0].compose_project
    remedy = f"if the container is to have the files of {first.name}, write "
    if project:
        remedy += f"`name: {project}` beside the file's path in `site.compose:`, or "
    remedy += f"`volumes: {{{origin.key}: {{name: {first.name}}}}}` in the file"
    yield Problem(origin.path, declared.name, message, remedy, "warning")


def _has_services(sources: Sources, origin: Origin, volume: LiveVolume, facts: NasFacts) -> bool:
    """Whether Compose made a container of a service of this project in the volume's. Where a person said the project's
    name, an equal key alone says little: many files have a volume `data`."""
    keys = {one.compose_service for one in sources.services.values() if one.compose_project == origin.project}
    made = [one.compose for one in facts.containers.values()]
    return any(one.project == volume.compose_project and one.service in keys for one in made)


def _other(declared: DeclaredVolume, live: LiveVolume, path: str) -> Iterator[Problem]:
    driver = declared.driver or "local"
    if live.driver != driver:
        message = f"is on the NAS already, with the driver {live.driver}, and Docker refuses one of {driver} beside it"
        yield Problem(path, live.name, message, f"write `driver: {live.driver}`, or another `name:`")
        return
    options = declared.driver_opts
    differing = sorted(key for key in {*options, *live.options} if options.get(key) != live.options.get(key))
    if differing:
        message = f"is on the NAS already, and differs from the file in {', '.join(differing)}; it is used as it is, "
        message += "with the files in it"
        remedy = "write into the file what it has (`docker volume inspect` there), or another `name:`"
        yield Problem(path, live.name, message, remedy, "warning")
