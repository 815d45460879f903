"""Reads from a compose file the services that join this site's network. It ignores the others."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import TypeAdapter, ValidationError

from config.problems import Problem, as_text, from_pydantic, pruned, unknown_keys
from config.service import REMEDIES, Service, normalise_service
from config.site import Site
from config.types import DockerName

_KEY = TypeAdapter(DockerName)


@dataclass(frozen=True)
class ComposeFile:
    """path: as written in the site; document: the parsed YAML."""

    path: str
    document: Any


@dataclass(frozen=True)
class ServiceEntry:
    """A service of the site, wherever it is written. path: where it stands in the YAML; place: where its addresses on
    one network stand, if they do not stand beside its other keys."""

    path: str
    service: Service
    place: str = ""


def all_services(site: Site, files: Iterable[ComposeFile]) -> tuple[dict[str, ServiceEntry], list[Problem]]:
    """The services by their keys: those of the site itself, then those of its compose files that join its networks."""
    found = {key: ServiceEntry(f"site.containers.{key}", service) for key, service in site.containers.items()}
    problems: list[Problem] = []
    for file in files:
        services, wrong = services_on(file, (site.network.name, *site.networks))
        problems += wrong
        for key, service in services.items():
            path = f"{file.path}: services.{key}"
            if key in found:
                problems.append(Problem(path, "", f"has the same name as {found[key].path}", "rename one of them"))
            else:
                found[key] = ServiceEntry(path, service)
    return found, problems


def services_on(file: ComposeFile, networks: Sequence[str]) -> tuple[dict[str, Service], list[Problem]]:
    """The services of a file that join one of these Docker networks, and all problems of these services."""
    document = file.document
    if not isinstance(document, dict) or not isinstance(document.get("services"), dict):
        message = "has no map of services, so it is not a compose file"
        return {}, [Problem(f"{file.path}: services", "", message, "name a compose file")]
    aliases, problems = _aliases(file, networks)
    services: dict[str, Service] = {}
    for key, raw in document["services"].items():
        joined = _joined(raw)
        if not aliases.keys() & joined.keys():
            continue
        path = f"{file.path}: services.{as_text(str(key))}"
        own, variables = normalise_service(raw, path)
        problems += variables
        own["networks"] = {aliases.get(name, name): value for name, value in joined.items()}
        service, wrong = _service(key, own, path)
        reported = {problem.path for problem in variables}
        problems += [problem for problem in wrong if problem.path not in reported]
        if service is not None:
            problems += _named_volumes(file, path, service)
            services[key] = _with_real_volumes(service, document)
    if not services and not problems:
        network = networks[0]
        message = f"has no service that joins the network {' or '.join(networks)}, so nothing of it would be made"
        remedy = f"add `networks: {{{network}: {{ipv4_address: …}}}}` to a service, and {network} with `external: true`"
        problems.append(Problem(file.path, "", message, remedy))
    return services, problems


def _service(key: Any, raw: dict[str, Any], path: str) -> tuple[Service | None, list[Problem]]:
    """Without its unknown keys, so that problems with its addresses are reported in the same run."""
    try:
        _KEY.validate_python(key)
    except ValidationError as error:
        return None, from_pydantic(error, path, REMEDIES)
    try:
        return Service.model_validate(raw), []
    except ValidationError as error:
        problems = from_pydantic(error, path, REMEDIES)
        try:
            return Service.model_validate(pruned(raw, unknown_keys(error))), problems
        except ValidationError:
            return None, problems


def joining(document: Any, networks: Sequence[str]) -> set[str]:
    """Names of the services that join one of the networks; empty if the document is not a compose file."""
    services = document.get("services") if isinstance(document, dict) else None
    if not isinstance(services, dict):
        return set()
    aliases, _ = _aliases(ComposeFile("", document), networks)
    return {str(key) for key, raw in services.items() if aliases.keys() & _joined(raw).keys()}


def _aliases(file: ComposeFile, networks: Sequence[str]) -> tuple[dict[Any, str], list[Problem]]:
    """The names under which this file's services know the networks, and the networks' own names."""
    declared = file.document.get("networks") or {}
    aliases: dict[Any, str] = {}
    problems: list[Problem] = []
    for key, value in declared.items() if isinstance(declared, dict) else ():
        settings = value if isinstance(value, dict) else {}
        name, external = _real(key, settings)
        if name not in networks:
            continue
        if not external:
            message = f"is not external, so Compose would make a network of its own beside {name}"
            problems.append(
                Problem(f"{file.path}: networks.{as_text(str(key))}.external", "", message, "add `external: true`")
            )
        aliases[key] = name
    return aliases, problems


def _real(key: Any, settings: dict[str, Any]) -> tuple[Any, bool]:
    """The name on the NAS of a network or volume that a file declares, and whether it is external."""
    external = settings.get("external", False)
    if isinstance(external, dict):  # the form of Compose 2.x files
        return external.get("name", settings.get("name", key)), True
    return settings.get("name", key), external is True


def _joined(service: Any) -> dict[Any, Any]:
    """The networks of a service. A service that names none joins the file's own `default`."""
    if not isinstance(service, dict):
        return {}
    networks = service.get("networks")
    if not networks and service.get("network_mode") is None:
        return {"default": {}}
    if isinstance(networks, list):
        return {name: {} for name in networks if isinstance(name, str)}
    return networks if isinstance(networks, dict) else {}


def _volume_settings(document: dict[str, Any], name: str) -> dict[str, Any]:
    declared = document.get("volumes")
    settings = declared.get(name) if isinstance(declared, dict) else None
    return settings if isinstance(settings, dict) else {}


def _named_volumes(file: ComposeFile, path: str, service: Service) -> Iterator[Problem]:
    """Compose puts its project's name before a volume's name. Without this check, a service that moves here would find
    an empty volume."""
    for index, volume in enumerate(service.volumes):
        if volume.type != "volume":
            continue
        settings = _volume_settings(file.document, volume.source)
        real, external = _real(volume.source, settings)
        if not isinstance(real, str) or not ("name" in settings or external):
            message = (
                "is a volume that Compose calls <project>_<name>; under this name the container would find it empty"
            )
            remedy = f"say which one: `volumes: {{{volume.source}: {{name: …}}}}` (docker volume ls)"
            yield Problem(f"{path}.volumes[{index}]", volume.source, message, remedy)
        elif not external:
            yield from _made_otherwise(f"{file.path}: volumes.{volume.source}", settings, real)


def _made_otherwise(path: str, settings: dict[str, Any], name: str) -> Iterator[Problem]:
    """Docker's own driver makes a volume that is missing, and nothing here would make it as the file says."""
    for key in settings.keys() - {"name", "external"}:
        if str(key).startswith("x-") or not settings[key] or (key == "driver" and settings[key] == "local"):
            continue
        message = "is not taken from here, so the container would get a plain volume on the NAS's own disk"
        remedy = f"make it once with `docker volume create … {as_text(name)}`, and write `external: true` instead"
        yield Problem(f"{path}.{as_text(str(key))}", as_text(settings[key]), message, remedy)


def _with_real_volumes(service: Service, document: dict[str, Any]) -> Service:
    """The service with its named volumes under the names that the file's own `volumes:` gives them."""

    def real(name: str) -> str:
        given, _ = _real(name, _volume_settings(document, name))
        return given if isinstance(given, str) else name

    volumes = [v.model_copy(update={"source": real(v.source)}) if v.type == "volume" else v for v in service.volumes]
    return service.model_copy(update={"volumes": tuple(volumes)})
