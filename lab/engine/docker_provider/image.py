"""docker:index/remoteImage:RemoteImage: an image that is there, pulled only if it is not."""

import base64
import json
from collections.abc import Mapping
from typing import Any

from .api import Docker, DockerError, quoted
from .operations import OperationError, Read
from .transport import TransportError

COMPLAINT = "Unable to read Docker image into resource"

Logins = Mapping[str, Mapping[str, str]]
"""Registry host → {username, password}."""


def create(docker: Docker, inputs: dict[str, Any], logins: Logins) -> str:
    """Finds or pulls the image and returns the resource's id: image id and name in one text."""
    found = ensure(docker, inputs["name"], inputs.get("platform") or "", logins, COMPLAINT)
    return found["Id"] + inputs["name"]


def ensure(docker: Docker, name: str, platform: str, logins: Logins, complaint: str) -> dict[str, Any]:
    """The local image of that name or id, pulled first if there is none. Raises OperationError."""
    try:
        if found := _inspect(docker, name):
            return found
        _pull(docker, name, platform, logins)
        if found := _inspect(docker, name):
            return found
    except (DockerError, TransportError) as err:
        raise OperationError(f"{complaint}: unable to pull image {name}: {err}") from err
    raise OperationError(f"{complaint}: unable to find or pull image {name}")


def read(docker: Docker, name: str) -> Read | None:
    """The image as it is on the host now, or None when it is gone."""
    found = _inspect(docker, name)
    if found is None:
        return None
    return Read(found["Id"] + name, {"imageId": found["Id"], "repoDigest": _digest(name, found)})


def delete(docker: Docker, state: dict[str, Any]) -> None:
    """Removes the image by name, unless it is to be kept."""
    if state.get("keepLocally"):
        return
    try:
        if _inspect(docker, state["name"]):
            docker.delete(f"/images/{quoted(state['name'])}", force=bool(state.get("forceRemove")))
    except (DockerError, TransportError) as err:
        raise OperationError(f"Unable to remove Docker image: {err}") from err


def _inspect(docker: Docker, name: str) -> dict[str, Any] | None:
    try:
        return docker.get(f"/images/{quoted(name)}/json")
    except DockerError as err:
        if err.is_missing:
            return None
        raise


def _digest(name: str, found: Mapping[str, Any]) -> str:
    """The digest under which a registry knows the image; "" for one that was built or imported here."""
    digests = found.get("RepoDigests") or []
    repository = split_tag(name)[0]
    return next((d for d in digests if d.partition("@")[0] == repository), digests[0] if len(digests) == 1 else "")


def split_tag(name: str) -> tuple[str, str]:
    """(repository, tag or digest or "latest"): the colon of a registry's port is none of a tag."""
    if "@" in name:
        repository, _, digest = name.partition("@")
        return repository, digest
    head, slash, tail = name.rpartition("/")
    last, _, tag = tail.partition(":")
    return f"{head}{slash}{last}", tag or "latest"


def _pull(docker: Docker, name: str, platform: str, logins: Logins) -> None:
    repository, tag = split_tag(name)
    first, slash, _ = repository.partition("/")
    registry = first if slash and (first == "localhost" or "." in first or ":" in first) else "docker.io"
    login = base64.urlsafe_b64encode(json.dumps(dict(logins.get(registry, {}))).encode()).decode()
    query = {"fromImage": repository, "tag": tag, "platform": platform or None}
    for message in docker.lines("/images/create", {"X-Registry-Auth": login}, **query):
        if "error" in message:
            raise OperationError(f"error pulling image {name}: {message['error']}")
