"""docker:index/network:Network: every change replaces; create, read and delete wait as the official plugin does."""

import time
from typing import Any

from .api import Docker, DockerError, quoted
from .operations import OperationError, Read, labels_to_map, map_to_labels
from .transport import TransportError

READ_DELAY = 2.0
REMOVE_TIMEOUT = 30.0
REMOVE_PAUSE = 5.0
REMOVE_LONGEST_PAUSE = 10.0


def create(docker: Docker, inputs: dict[str, Any]) -> str:
    """Makes the network and returns its id. Raises OperationError in the words of the official plugin."""
    body = {
        "Name": inputs["name"],
        "Labels": labels_to_map(inputs.get("labels")),
        "Driver": inputs.get("driver"),
        "Options": inputs.get("options"),
        "Internal": inputs.get("internal"),
        "Attachable": inputs.get("attachable"),
        "Ingress": inputs.get("ingress"),
        "EnableIPv6": inputs.get("ipv6"),  # false goes unsaid, like all that is false: then the daemon's default holds
        "IPAM": {
            "Driver": inputs.get("ipamDriver") or "default",
            "Config": [_ipam_to_api(c) for c in inputs.get("ipamConfigs") or []],
            "Options": inputs.get("ipamOptions"),
        },
    }
    try:
        made = docker.post("/networks/create", {k: v for k, v in body.items() if v})
    except (DockerError, TransportError) as err:
        raise OperationError(f"Unable to create network: {err}") from err
    return made["Id"]


def read(docker: Docker, resource_id: str) -> Read | None:
    """What the daemon says of it, or None when it is gone.

    Any error counts as gone, a connection that broke too, once the daemon has answered a ping.
    """
    docker.version()
    time.sleep(READ_DELAY)
    try:
        found = docker.get(f"/networks/{quoted(resource_id)}")
    except (DockerError, TransportError):
        return None
    ipam = found.get("IPAM") or {}
    return Read(
        resource_id,
        {
            "name": found["Name"],
            "labels": map_to_labels(found.get("Labels")),
            "driver": found.get("Driver"),
            "internal": found.get("Internal", False),
            "attachable": found.get("Attachable", False),
            "ingress": found.get("Ingress", False),
            "ipv6": found.get("EnableIPv6", False),
            "ipamDriver": ipam.get("Driver"),
            "ipamOptions": ipam.get("Options") or {},
            "ipamConfigs": [_ipam_from_api(c) for c in ipam.get("Config") or []],
            "options": found.get("Options") or {},
            "scope": found.get("Scope"),
        },
    )


def delete(docker: Docker, resource_id: str) -> None:
    """Removes it; while containers are attached it tries again for 30 s, then gives up. Gone is as in read()."""
    docker.version()
    deadline = time.monotonic() + REMOVE_TIMEOUT
    pause = REMOVE_PAUSE
    time.sleep(READ_DELAY)
    while True:
        try:
            docker.get(f"/networks/{quoted(resource_id)}")
        except (DockerError, TransportError):
            return
        try:
            docker.delete(f"/networks/{quoted(resource_id)}")
            return
        except DockerError as err:
            if "has active endpoints" not in str(err):
                raise OperationError(str(err)) from err
            if time.monotonic() + pause > deadline:
                raise OperationError(
                    "timeout while waiting for state to become 'removed' (last state: 'pending', timeout: 30s): "
                    f"{err}. Containers that this program does not manage are still attached to the network; "
                    f"disconnect them: docker network disconnect -f {resource_id} NAME"
                ) from err
        time.sleep(pause)
        pause = min(pause * 2, REMOVE_LONGEST_PAUSE)


def _ipam_to_api(config: dict[str, Any]) -> dict[str, Any]:
    body = {
        "Subnet": config.get("subnet"),
        "IPRange": config.get("ipRange"),
        "Gateway": config.get("gateway"),
        "AuxiliaryAddresses": config.get("auxAddress"),
    }
    return {k: v for k, v in body.items() if v}


def _ipam_from_api(config: dict[str, Any]) -> dict[str, Any]:
    found = {
        "subnet": config.get("Subnet"),
        "ipRange": config.get("IPRange"),
        "gateway": config.get("Gateway"),
        "auxAddress": config.get("AuxiliaryAddresses"),
    }
    return {k: v for k, v in found.items() if v}
