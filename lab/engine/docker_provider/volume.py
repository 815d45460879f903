"""docker:index/volume:Volume: every change replaces; a delete waits and is repeated as the official plugin's."""

import time
from typing import Any

from .api import Docker, DockerError, quoted
from .operations import OperationError, Read, labels_to_map, map_to_labels
from .transport import TransportError

REMOVE_DELAY = 2.0
REMOVE_TIMEOUT = 30.0
REMOVE_PAUSE = 5.0
REMOVE_LONGEST_PAUSE = 10.0


def create(docker: Docker, inputs: dict[str, Any]) -> str:
    """Makes the volume, or takes the one of that name as it is, and returns its name, which is the resource's id."""
    body = {
        "Name": inputs.get("name"),
        "Labels": labels_to_map(inputs.get("labels")),
        "Driver": inputs.get("driver"),
        "DriverOpts": inputs.get("driverOpts"),
    }
    try:
        made = docker.post("/volumes/create", {k: v for k, v in body.items() if v})
    except (DockerError, TransportError) as err:
        raise OperationError(f"Unable to create volume: {err}") from err
    return made["Name"]


def read(docker: Docker, resource_id: str) -> Read | None:
    """What the daemon says of it, or None when it is gone. Any other error is one."""
    try:
        found = docker.get(f"/volumes/{quoted(resource_id)}")
    except DockerError as err:
        if err.is_missing:
            return None
        raise OperationError(f"Unable to inspect volume: {err}") from err
    except TransportError as err:
        raise OperationError(f"Unable to inspect volume: {err}") from err
    return Read(
        resource_id,
        {
            "name": found["Name"],
            "labels": map_to_labels(found.get("Labels")),
            "driver": found.get("Driver"),
            "driverOpts": found.get("Options") or {},
            "mountpoint": found.get("Mountpoint"),
        },
    )


def delete(docker: Docker, resource_id: str) -> None:
    """Removes it with all that is in it; while a container has it, running or not, it tries again for 30 s."""
    deadline = time.monotonic() + REMOVE_TIMEOUT
    pause = REMOVE_PAUSE
    time.sleep(REMOVE_DELAY)
    while True:
        try:
            docker.delete(f"/volumes/{quoted(resource_id)}", force=True)
            return
        except TransportError as err:
            raise OperationError(str(err)) from err
        except DockerError as err:
            if "volume is in use" not in str(err).lower():
                raise OperationError(str(err)) from err
            if time.monotonic() + pause > deadline:
                raise OperationError(
                    "timeout while waiting for state to become 'removed' (last state: 'in_use', timeout: 30s)"
                ) from err
        time.sleep(pause)
        pause = min(pause * 2, REMOVE_LONGEST_PAUSE)
