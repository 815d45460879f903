"""What is told of a Compose project as a whole: what is ignored in it, and what stays with Compose."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from config.problems import Problem, as_text, on_one_line
from config.projects.service_reading import shown_services
from config.projects.specification import LINKS
from config.service import Service


def pointless(service: Service, on_lan_only: bool) -> Iterator[tuple[str, str]]:
    """Keys that mean nothing for a container of its own address, each with the reason."""
    if service.ports and on_lan_only:
        yield "ports", "opens nothing more: the container has an address of its own, and each of its ports is there"
    if service.ports and service.network_mode == "host":
        yield "ports", "opens nothing more: the container has the NAS's own network"
    if service.links and not any(renaming_links(service, "")):
        yield "links", LINKS


def renaming_links(service: Service, path: str) -> Iterator[Problem]:
    """Links that give the other container a second name in this one."""
    for index, link in enumerate(service.links):
        other, _, name = link.partition(":")
        if name not in ("", other):
            message = f"gives {other} a second name, and the Docker plugin for Pulumi has no key for links"
            remedy = f"give {other} that name on their network, as in `networks: {{…: {{aliases: [{name}]}}}}`"
            yield Problem(f"{path}.links[{index}]", as_text(link), on_one_line(message), on_one_line(remedy))


def ignored_note(path: str, ignored: Mapping[str, Iterable[tuple[str, str]]]) -> Iterator[Problem]:
    """One line for a file. ignored: service → its keys that are ignored, each with the reason."""
    by_key: dict[tuple[str, str], list[str]] = {}
    for service, keys in ignored.items():
        for what in dict.fromkeys(keys):
            by_key.setdefault(what, []).append(service)
    if by_key:
        told = "; ".join(f"{key} ({shown_services(services)}) {why}" for (key, why), services in by_key.items())
        message = on_one_line(f"has keys that are ignored: {told}")
        yield Problem(path, "", message, "nothing needs to be done", "note")


def not_waited_for(service: Service, left: Collection[str]) -> Iterator[tuple[str, str]]:
    for key in service.depends_on:
        if key in left:
            yield f"depends_on.{key}", "is not waited for: that service stays with Compose"


def left_with_compose(file: str, left: Sequence[str], taken: Mapping[str, str]) -> Problem:
    """taken: those of the services taken that Compose's next `up` would start, each with the service whose network it
    shares. What Compose then does, and what helps, was tried with Compose 1.29, 2.26 and 2.40
    (docs/decisions/0029)."""
    message = f"has services that stay with Compose: {shown_services(left)}. Compose's next `up` would make "
    message += f"{shown_services(taken)} a second time, and stop there, because the name or the address is in use"
    # Compose looks for the container whose network a service shares even if it makes none of that service
    alone = {key: ", network_mode: none" if shares else "" for key, shares in taken.items()}
    services = ", ".join(f"{key}: {{scale: 0{rest}}}" for key, rest in alone.items())
    remedy = f"write beside the file on the NAS a docker-compose.override.yml with `services: {{{services}}}`, which "
    remedy += "Compose reads by itself, or with -f if it is the last one; or take the rest too, with `services: all` "
    remedy += "beside the file's path in the site"
    return Problem(file, "", message, remedy, "warning")
