"""Resources made by the docker stand-in's operations, without the CLI, as the engine would make them."""

from collections.abc import Iterator
from typing import Any

from lab.engine.docker_provider.checking import Naming
from lab.engine.docker_provider.provider import DockerProvider
from lab.engine.docker_provider.schema import CONTAINER, REMOTE_IMAGE, Resource
from tests.engine.docker_box import IMAGE, Dockerd

BOX: dict[str, Any] = {"name": "box", "image": IMAGE, "networkMode": "none", "command": ["sleep", "1000"]}


def configured(daemon: Dockerd) -> Iterator[DockerProvider]:
    """The plugin of one daemon; its containers are removed afterwards."""
    found = DockerProvider()
    found.configure({"host": daemon.host})
    yield found
    found.close()
    for name in daemon.docker("ps -aq").split():
        daemon.docker(f"rm -f {name}")


def make(
    provider: DockerProvider, resource: Resource, inputs: dict[str, Any]
) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Check and create: (id, state, inputs). A container's image name is turned into its id, as a program would."""
    if resource is CONTAINER:
        _, image, _ = make(provider, REMOTE_IMAGE, {"name": inputs["image"], "keepLocally": True})
        inputs = {**inputs, "image": image["imageId"]}
    checked, failures = provider.check(resource.token, inputs, {}, Naming("r", b"1234"))
    assert failures == []
    resource_id, state = provider.create(resource.token, checked, preview=False)
    return resource_id, state, checked
