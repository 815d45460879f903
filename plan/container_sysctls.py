"""A container's sysctls: where its engine takes those of its network interface, and what they make of IPv6."""

import re
from collections.abc import Iterator, Mapping

from config.problems import Problem
from config.service import Service

# From it on they go with the endpoint and not with the container.
FIRST_ENGINE_WITH_ENDPOINT_SYSCTLS = 27  # docs/decisions/0017: 27 would lose them silently, 28 refuses the container
OPTION = "com.docker.network.endpoint.sysctls"
_KEY = re.compile(r"net\.([^.]+)\.([^.]+)\.(eth[0-9]+)\.(.+)")  # as Docker itself recognises them
_CARRIED = re.compile(r"net\.([^.]+)\.([^.]+)\.IFNAME\.([^=]+)=(.*)")


def by_place(
    sysctls: Mapping[str, str], driver_opts: Mapping[str, str], engine_major: int | None
) -> tuple[dict[str, str], tuple[str, ...]]:
    """The sysctls that go with the container, and the endpoint's driver options, in the form that the engine takes.

    driver_opts: as written under the service's network.
    """
    if engine_major is None or engine_major < FIRST_ENGINE_WITH_ENDPOINT_SYSCTLS:
        # An old engine ignores the option, and takes the same sysctls with the container
        rest = {key: value for key, value in driver_opts.items() if key != OPTION}
        return {**sysctls, **carried_by(driver_opts)}, options(rest)
    own = [key for key in sorted(sysctls) if _KEY.fullmatch(key)]
    carried = [text for key, text in driver_opts.items() if key == OPTION]
    carried += [_carried(key, sysctls[key]) for key in own]
    rest = {key: value for key, value in sysctls.items() if key not in own}
    return rest, options({**driver_opts, **({OPTION: ",".join(carried)} if carried else {})})


def moved(sysctls: Mapping[str, str], engine_major: int | None) -> tuple[tuple[str, str], ...]:
    """The sysctls that the engine does not take with the container: as written, and as the endpoint carries them."""
    if engine_major is None or engine_major < FIRST_ENGINE_WITH_ENDPOINT_SYSCTLS:
        return ()
    return tuple((key, _carried(key, sysctls[key])) for key in sorted(sysctls) if _KEY.fullmatch(key))


def _carried(key: str, value: str) -> str:
    """A sysctl of an interface, as the endpoint carries it."""
    return _KEY.sub(r"net.\1.\2.IFNAME.\4", key) + f"={value}"


def written_options(service: Service, network: str) -> Mapping[str, str]:
    """The driver options that stand under the service's network."""
    attachment = service.networks.get(network)
    return attachment.driver_opts if attachment else {}


def carried_by(driver_opts: Mapping[str, str]) -> dict[str, str]:
    """The sysctls in an endpoint's driver options, by their names in the container."""
    found = (_CARRIED.fullmatch(entry.strip()) for entry in driver_opts.get(OPTION, "").split(","))
    return {f"net.{match[1]}.{match[2]}.eth0.{match[3]}": match[4] for match in found if match}


def wrong(path: str, service: Service, network: str) -> Iterator[Problem]:
    """A container on one network has one interface, and its name is eth0. Docker fails to start it with a sysctl of
    another one. path: of the service."""
    driver_opts = written_options(service, network)
    for key in service.sysctls:
        match = _KEY.fullmatch(key)
        if not match or match[3] == "eth0":
            continue
        message = (
            f"is of {match[3]}: a container on one network has eth0 only, and of several Docker decides which is which"
        )
        remedy = f"write net.{match[1]}.{match[2]}.eth0.{match[4]}; of several networks, write"
        remedy += f' "{OPTION}: {_carried(key, service.sysctls[key])}" under driver_opts of the one that you mean'
        yield Problem(f"{path}.sysctls", key, message, remedy)
    for entry in driver_opts[OPTION].split(",") if OPTION in driver_opts else ():
        if not _CARRIED.fullmatch(entry.strip()):
            message = "is no sysctl of an interface, and Docker would not start the container with it"
            remedy = "write net.FAMILY.KIND.IFNAME.KEY=VALUE with the word IFNAME, as in "
            remedy += "net.ipv6.conf.IFNAME.accept_ra=2"
            yield Problem(f"{path}.networks.{network}.driver_opts", entry, message, remedy)


def options(driver_opts: Mapping[str, str]) -> tuple[str, ...]:
    """Driver options in the plugin's form."""
    return tuple(f"{key}={value}" for key, value in sorted(driver_opts.items()))


def is_switched_off(service: Service, network: str, by_loop: bool) -> bool:
    """Whether the container has no IPv6 at all. Of `all`, the kernel hands `disable_ipv6` and `forwarding` on to each
    interface. A sysctl of `default` counts for an interface only if it is set before that is made, and which comes
    first is Docker's affair; but the watch loop takes it as the creator's word (nas/embedded/give.awk).
    """
    sysctls, words = _of_eth0(service, network), ("all", "eth0", "default") if by_loop else ("all", "eth0")
    return any(sysctls.get(f"net.ipv6.conf.{which}.disable_ipv6") == "1" for which in words)


def forwards(service: Service, network: str) -> bool:
    """Whether the container is a router by its sysctls. The kernel then ignores advertisements on an interface whose
    own `accept_ra` is not 2 (docs/upstream-facts.md#router-ignores-routers)."""
    sysctls = _of_eth0(service, network)
    return any(sysctls.get(f"net.ipv6.conf.{which}.forwarding") == "1" for which in ("all", "eth0"))


def ignores_routers(service: Service, network: str) -> bool:
    """Whether the container's own settings keep it from forming addresses of the router's prefixes."""
    sysctls = _of_eth0(service, network)
    return any(sysctls.get(f"net.ipv6.conf.eth0.{key}") == "0" for key in ("accept_ra", "autoconf"))


def _of_eth0(service: Service, network: str) -> Mapping[str, str]:
    """The sysctls, however the service sets them."""
    return {**service.sysctls, **carried_by(written_options(service, network))}
