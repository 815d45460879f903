"""A container's sysctls of its network interface, which Docker 27 and newer takes only with the endpoint."""

import re
from collections.abc import Iterator, Mapping

from config.problems import Problem

FIRST_ENGINE_WITH_ENDPOINT_SYSCTLS = 27  # docs/decisions/0017: 27 would lose them silently, 28 refuses the container
_OPTION = "com.docker.network.endpoint.sysctls"
_KEY = re.compile(r"net\.([^.]+)\.([^.]+)\.(eth[0-9]+)\.(.+)")  # as Docker itself recognises them


def by_place(sysctls: Mapping[str, str], engine_major: int | None) -> tuple[dict[str, str], tuple[str, ...]]:
    """The sysctls that go with the container, and the endpoint's driver options that carry the others."""
    if engine_major is None or engine_major < FIRST_ENGINE_WITH_ENDPOINT_SYSCTLS:
        return dict(sysctls), ()
    own = {key: match for key in sorted(sysctls) if (match := _KEY.fullmatch(key))}
    carried = [f"net.{match[1]}.{match[2]}.IFNAME.{match[4]}={sysctls[key]}" for key, match in own.items()]
    rest = {key: value for key, value in sysctls.items() if key not in own}
    return rest, (f"{_OPTION}={','.join(carried)}",) if carried else ()


def wrong(path: str, sysctls: Mapping[str, str]) -> Iterator[Problem]:
    """A container of this site has one interface, and its name is eth0. Docker fails to start it with a sysctl of
    another one."""
    for key in sysctls:
        match = _KEY.fullmatch(key)
        if match and match[3] != "eth0":
            message = f"is of {match[3]}, and a container of this site has no other interface than eth0"
            remedy = f"write net.{match[1]}.{match[2]}.eth0.{match[4]}, or remove it"
            yield Problem(f"{path}.sysctls", key, message, remedy)
