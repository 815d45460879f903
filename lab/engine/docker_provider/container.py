"""docker:index/container:Container: create → connect → upload → start → look once; update; delete."""

import time
from typing import Any

from . import container_read, container_spec, image, uploads
from .api import Docker, DockerError, quoted
from .operations import OperationError, PartlyDone, Read
from .resources import THROTTLES
from .transport import TransportError

UPDATED_IN_PLACE = frozenset(
    {"restart", "maxRetryCount", "cpuShares", "memory", "memoryReservation", "cpuSet", "memorySwap", *THROTTLES}
)


def create(docker: Docker, inputs: dict[str, Any], logins: image.Logins) -> tuple[str, dict[str, Any]]:
    """Makes and starts the container; returns its id and, if asked for, its logs.

    Raises PartlyDone for all that fails once it is made, whether it has its networks by then or not: it stays as it
    is, and the state takes the inputs for done, with `mustRun: true`.
    """
    complaint = f"Unable to create container with image {inputs['image']}"
    platform = inputs.get("platform") or ""
    image.ensure(docker, inputs["image"], "", logins, complaint)
    try:
        body = container_spec.create_body(inputs, docker.numbers())
        made = docker.post("/containers/create", body, name=inputs["name"], platform=platform or None)
    except (DockerError, TransportError) as err:
        raise OperationError(f"Unable to create container: {err}") from err
    container_id: str = made["Id"]
    try:
        _connect(docker, container_id, inputs.get("networksAdvanced") or [])
        uploads.copy_all(docker, container_id, inputs.get("uploads") or [])
        return container_id, _bring_up(docker, container_id, inputs)
    except (OperationError, DockerError, TransportError) as err:
        raise PartlyDone(str(err), container_id, {}) from err


def _bring_up(docker: Docker, container_id: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """Starts it, as far as the inputs want it, and returns what can be known only by having watched."""
    if inputs.get("start", True):
        _start(docker, container_id)
        if inputs.get("wait"):
            _wait_healthy(docker, container_id, inputs.get("waitTimeout", 60))
    if inputs.get("attach"):
        return _attend(docker, container_id, bool(inputs.get("logs")))
    return {}


def _connect(docker: Docker, container_id: str, networks: list[dict[str, Any]]) -> None:
    """Takes it from the default network and connects it to its own, one after the other, as the official plugin does.

    Up to API 1.53 the daemon forgets a MAC address that comes this way (moby #48192), and from engine 28 on it makes
    up another at every start.
    """
    if not networks:
        return
    try:
        docker.post("/networks/bridge/disconnect", {"Container": container_id, "Force": False})
    except (DockerError, TransportError) as err:
        if "is not connected to" not in str(err):
            raise OperationError(f"Unable to disconnect the default network: {err}") from err
    for network in networks:
        body = {"Container": container_id, "EndpointConfig": container_spec.endpoint_config(network)}
        try:
            docker.post(f"/networks/{quoted(network['name'])}/connect", body)
        except (DockerError, TransportError) as err:
            raise OperationError(f"Unable to connect to network '{network['name']}': {err}") from err


def _start(docker: Docker, container_id: str) -> None:
    try:
        docker.post(f"/containers/{container_id}/start")
    except (DockerError, TransportError) as err:
        raise OperationError(f"Unable to start container: {err}") from err


def _wait_healthy(docker: Docker, container_id: str, seconds: int) -> None:
    """Asks each second; one that ends or is unhealthy meanwhile is waited for until the time is over, too."""
    deadline = time.monotonic() + seconds
    while True:
        health = docker.get(f"/containers/{container_id}/json")["State"].get("Health")
        if health is None:
            raise OperationError(
                "you have supplied a 'wait' argument, but the container does not have a healthcheck defined. "
                "Please remove the 'wait' argument or add a 'healthcheck' attribute"
            )
        if health.get("Status") == "healthy":
            return
        if time.monotonic() > deadline:
            raise OperationError("container failed to be in healthy state")
        time.sleep(1)


def _attend(docker: Docker, container_id: str, with_logs: bool) -> dict[str, Any]:
    """Waits for the end of the container; its logs if asked for. How it ended is read afterwards."""
    docker.post(f"/containers/{container_id}/wait", condition="not-running")
    return {"containerLogs": _logs(docker, container_id)} if with_logs else {}


def _logs(docker: Docker, container_id: str) -> str:
    """Line by line, as they come: without a terminal each piece has a header of 8 bytes, which the plugin leaves in."""
    try:
        raw = docker.raw(f"/containers/{container_id}/logs", stdout=True, stderr=True)
    except (DockerError, TransportError):
        return ""
    return "".join(f"{line}\n" for line in raw.decode(errors="replace").splitlines())


def read(docker: Docker, container_id: str, known: dict[str, Any]) -> Read | None:
    """The container as it is at this moment, or None when there is none of that whole id.

    known: the inputs at a create, the state at a refresh. One that is to run and does not, because it ended at once
    or was stopped, is shown by `mustRun: false`, and that is no error: the next update starts it.
    """
    if all(one["Id"] != container_id for one in docker.get("/containers/json", all=True)):
        return None
    found = docker.get(f"/containers/{container_id}/json")
    properties = container_read.properties(found, known)
    if known.get("mustRun") and not found["State"].get("Running"):
        properties["mustRun"] = False
    return Read(found["Id"], properties)


def update(docker: Docker, container_id: str, old: dict[str, Any], inputs: dict[str, Any]) -> None:
    """Starts a container that was found stopped, then applies what can be changed in place. Nothing is read back."""
    if inputs.get("start", True) and inputs.get("mustRun") and not old.get("mustRun"):
        _start(docker, container_id)
    if any((old.get(name) or None) != (inputs.get(name) or None) for name in UPDATED_IN_PLACE):
        try:
            docker.post(f"/containers/{container_id}/update", container_spec.update_body(inputs))
        except (DockerError, TransportError) as err:
            raise OperationError(f"Unable to update a container: {err}") from err


def delete(docker: Docker, container_id: str, state: dict[str, Any]) -> None:
    """Stops (destroyGraceSeconds, else at once) and removes the container, and waits until it is gone."""
    if not state.get("attach"):
        _tolerant(
            f"Error stopping container {container_id}",
            lambda: docker.post(f"/containers/{container_id}/stop", t=state.get("destroyGraceSeconds") or 0),
        )
    _tolerant(
        f"Error deleting container {container_id}",
        lambda: docker.delete(
            f"/containers/{container_id}",
            v=bool(state.get("removeVolumes", True)),
            link=bool(state.get("rm")),
            force=True,
        ),
    )
    condition = "removed" if state.get("rm") else "not-running"
    _tolerant(
        f"Error waiting for container removal '{container_id}'",
        lambda: docker.post(f"/containers/{container_id}/wait", condition=condition),
    )


def _tolerant(complaint: str, call: Any) -> None:
    try:
        call()
    except (DockerError, TransportError) as err:
        if "No such container" not in str(err) and "is already in progress" not in str(err):
            raise OperationError(f"{complaint}: {err}") from err
