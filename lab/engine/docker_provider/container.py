"""docker:index/container:Container: create → connect → start → wait until it runs; update; delete."""

import contextlib
import time
from typing import Any

from . import container_read, container_spec, image
from .api import Docker, DockerError, quoted
from .operations import OperationError, PartlyCreated, Read
from .transport import TransportError

POLL_SECONDS = 0.1
UPDATED_IN_PLACE = frozenset(
    {"restart", "maxRetryCount", "cpuShares", "memory", "memoryReservation", "cpuSet", "memorySwap"}
)


def create(docker: Docker, inputs: dict[str, Any], logins: image.Logins) -> tuple[str, dict[str, Any]]:
    """Makes and starts the container; returns its id and, if asked for, its logs.

    Raises PartlyCreated when the start fails (an address that is in use shows only then): the container stays, and
    the next up tries to start it again. Any other failure leaves nothing behind.
    """
    complaint = f"Unable to create container with image {inputs['image']}"
    platform = inputs.get("platform") or ""
    image.ensure(docker, inputs["image"], platform, logins, complaint)
    try:
        body = container_spec.create_body(inputs)
        made = docker.post("/containers/create", body, name=inputs["name"], platform=platform or None)
    except (DockerError, TransportError) as err:
        raise OperationError(f"Unable to create container: {err}") from err
    container_id: str = made["Id"]
    try:
        _connect(docker, container_id, inputs.get("networksAdvanced") or [])
    except OperationError:
        with contextlib.suppress(DockerError, TransportError):
            docker.delete(f"/containers/{container_id}", force=True, v=True)
        raise
    try:
        return container_id, _bring_up(docker, container_id, inputs)
    except (DockerError, TransportError) as err:
        raise PartlyCreated(f"container {inputs['name']} was made, then: {err}", container_id, {}) from err


def _bring_up(docker: Docker, container_id: str, inputs: dict[str, Any]) -> dict[str, Any]:
    """Starts it, as far as the inputs want it, and returns what can be known only by having watched."""
    if not inputs.get("start", True):
        return {}
    _start(docker, container_id)
    if inputs.get("wait"):
        _wait_healthy(docker, container_id, inputs.get("waitTimeout") or 60)
    if inputs.get("attach"):
        return _attend(docker, container_id, bool(inputs.get("logs")), bool(inputs.get("tty")))
    if inputs.get("mustRun", True):
        _wait_running(docker, container_id, inputs)
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
        raise PartlyCreated(f"Unable to start container: {err}", container_id, {"mustRun": False}) from err


def _wait_running(docker: Docker, container_id: str, inputs: dict[str, Any]) -> None:
    """A container that ends at once is an error, and it is removed: Pulumi promises that it runs."""
    deadline = time.monotonic() + inputs.get("containerReadRefreshTimeoutMilliseconds", 15000) / 1000
    while True:
        time.sleep(POLL_SECONDS)  # before the first look too: what ends at once runs for a moment
        state = docker.get(f"/containers/{container_id}/json")["State"]
        if state.get("Running"):
            return
        if state.get("Status") in ("exited", "dead") or time.monotonic() > deadline:
            break
    words = _logs(docker, container_id, bool(inputs.get("tty")), tail=5).strip()
    with contextlib.suppress(DockerError, TransportError):
        docker.delete(f"/containers/{container_id}", force=True, v=bool(inputs.get("removeVolumes", True)))
    said = f"; its last words: {words}" if words else ""
    raise OperationError(
        f"container exited immediately, with status {state.get('ExitCode')}{said}. "
        "It was removed. If it is meant to end by itself, set mustRun to false"
    )


def _wait_healthy(docker: Docker, container_id: str, seconds: int) -> None:
    deadline = time.monotonic() + seconds
    while True:
        health = docker.get(f"/containers/{container_id}/json")["State"].get("Health")
        if health is None:
            raise PartlyCreated("wait is true, but the container has no healthcheck", container_id, {})
        if health.get("Status") == "healthy":
            return
        if time.monotonic() > deadline:
            raise PartlyCreated(f"container failed to be in healthy state within {seconds} s", container_id, {})
        time.sleep(1)


def _attend(docker: Docker, container_id: str, with_logs: bool, tty: bool) -> dict[str, Any]:
    """Waits for the end of the container; its exit status, and its logs if asked for."""
    answer = docker.post(f"/containers/{container_id}/wait", condition="not-running")
    known: dict[str, Any] = {"exitCode": answer["StatusCode"]}
    return known | ({"containerLogs": _logs(docker, container_id, tty)} if with_logs else {})


def _logs(docker: Docker, container_id: str, tty: bool, tail: int | str = "all") -> str:
    try:
        raw = docker.raw(f"/containers/{container_id}/logs", stdout=True, stderr=True, tail=tail)
    except (DockerError, TransportError):
        return ""
    return (raw if tty else _demultiplexed(raw)).decode(errors="replace")


def _demultiplexed(raw: bytes) -> bytes:
    """Without a terminal each piece has a header of 8 bytes: stream, three zeros, length (Docker API, attach)."""
    pieces = []
    while len(raw) >= 8:
        size = int.from_bytes(raw[4:8], "big")
        pieces.append(raw[8 : 8 + size])
        raw = raw[8 + size :]
    return b"".join(pieces)


def read(docker: Docker, container_id: str, wanted: dict[str, Any]) -> Read | None:
    """The container as it is now, or None when it is gone.

    wanted: inputs or state. A container that should run and does not is shown by mustRun: false, so that the next up
    starts it (as in the official plugin's documentation of mustRun).
    """
    try:
        found = docker.get(f"/containers/{quoted(container_id)}/json")
    except DockerError as err:
        if err.is_missing:
            return None
        raise
    properties = container_read.properties(found)
    # Terraform provider 4 no longer takes the daemon's long form of a device for a change of the short one.
    if devices_of(wanted.get("devices")) == devices_of(properties["devices"]):
        del properties["devices"]
    if wanted.get("start", True) and wanted.get("mustRun"):
        properties["mustRun"] = bool(found["State"].get("Running"))
    return Read(found["Id"], properties)


def devices_of(devices: list[dict[str, Any]] | None) -> set[tuple[str, ...]]:
    """Devices with the defaults filled in, to compare."""
    return {tuple(container_spec.device(d).values()) for d in devices or []}


def update(docker: Docker, container_id: str, old: dict[str, Any], inputs: dict[str, Any]) -> None:
    """Applies what can be changed in place; a container that was found stopped is started again."""
    if any((old.get(name) or None) != (inputs.get(name) or None) for name in UPDATED_IN_PLACE):
        try:
            docker.post(f"/containers/{container_id}/update", container_spec.update_body(inputs))
        except (DockerError, TransportError) as err:
            raise OperationError(f"Unable to update a container: {err}") from err
    if inputs.get("start", True) and inputs.get("mustRun") and not old.get("mustRun"):
        try:
            docker.post(f"/containers/{container_id}/start")
        except (DockerError, TransportError) as err:
            raise OperationError(f"Unable to start container: {err}") from err


def delete(docker: Docker, container_id: str, state: dict[str, Any]) -> None:
    """Stops (destroyGraceSeconds, else at once) and removes the container, and waits until it is gone."""
    try:
        if not state.get("attach"):
            docker.post(f"/containers/{container_id}/stop", t=state.get("destroyGraceSeconds") or 0)
    except (DockerError, TransportError) as err:
        raise OperationError(f"Error stopping container {container_id}: {err}") from err
    _tolerant(
        f"Error deleting container {container_id}",
        lambda: docker.delete(
            f"/containers/{container_id}", v=bool(state.get("removeVolumes", True)), link=False, force=True
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
