"""The operations of the plugin on plain Python values; the gRPC around them is in server.py."""

import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from . import container, image, network, volume
from .api import Docker, DockerError
from .checking import Failure, Naming, check
from .config import Settings, settings
from .diffing import Diff, diff
from .operations import OperationError, PartlyDone, Read
from .planning import imported_inputs, merged, planned, refreshed_inputs
from .schema import CONTAINER, NETWORK, REMOTE_IMAGE, RESOURCES, VOLUME, Resource
from .transport import TransportError
from .values import without_defaults

State = dict[str, Any]


@dataclass(frozen=True)
class Found:
    """The answer to a read."""

    resource_id: str
    state: State
    inputs: State


class DockerProvider:
    """The plugin. Every method may be called from several threads at once."""

    def __init__(self) -> None:
        self._settings = Settings()
        self._docker: Docker | None = None
        self._lock = threading.Lock()

    def configure(self, args: Mapping[str, Any]) -> None:
        """Takes the settings; makes no contact yet, as the official plugin. Raises ValueError."""
        self._settings = settings(args)

    def close(self) -> None:
        """Ends the connections."""
        if self._docker:
            self._docker.close()

    def check(self, token: str, news: State, olds: State, naming: Naming) -> tuple[State, list[Failure]]:
        """Inputs with defaults and name; and what is wrong."""
        return check(_resource(token), news, olds, naming)

    def diff(self, token: str, state: State, news: State, old_inputs: State, ignore: Iterable[str]) -> Diff:
        """What an update would change."""
        return diff(_resource(token), state, news, old_inputs, ignore)

    def create(self, token: str, inputs: State, preview: bool) -> tuple[str, State]:
        """(id, state); the id is "" in a preview. Raises OperationError, or PartlyDone with the state in `known`."""
        resource = _resource(token)
        if preview:
            return "", planned(resource, inputs)
        plain = without_defaults(inputs)
        known: State = {}
        docker = self._client()
        if resource is NETWORK:
            resource_id = network.create(docker, plain)
        elif resource is VOLUME:
            resource_id = volume.create(docker, plain)
        elif resource is REMOTE_IMAGE:
            resource_id = image.create(docker, plain, self._settings.logins)
        else:
            try:
                resource_id, known = container.create(docker, plain, self._settings.logins)
            except PartlyDone as err:
                state = merged(resource, plain, {}, err.resource_id)
                raise PartlyDone(str(err), err.resource_id, state) from err
        try:
            found = self._read(resource, resource_id, plain)
        except (DockerError, TransportError) as err:
            state = merged(resource, plain, {}, resource_id)
            raise PartlyDone(f"made, but could not be read back: {err}", resource_id, state) from err
        if found is None:
            raise OperationError(f"{resource.token} {resource_id} was made, but the daemon does not know it any more")
        return resource_id, merged(resource, plain, {**found.properties, **known}, resource_id)

    def update(self, token: str, resource_id: str, state: State, inputs: State, preview: bool) -> State:
        """The new state. Raises PartlyDone: what could not be changed stands in the state as if it had been."""
        resource = _resource(token)
        plain = without_defaults(inputs)
        after = planned(resource, plain, without_defaults(state))
        if preview:
            return after
        read: Mapping[str, Any] = {}
        try:
            docker = self._client()
            if resource is CONTAINER:
                container.update(docker, resource_id, state, plain)
            elif resource is REMOTE_IMAGE:
                image.create(docker, plain, self._settings.logins)
                found = image.read(docker, plain["name"])
                read = found.properties if found else {}
        except (OperationError, DockerError) as err:
            raise PartlyDone(str(err), resource_id, merged(resource, after, {}, resource_id)) from err
        return merged(resource, after, read, resource_id)

    def read(self, token: str, resource_id: str, state: State, inputs: State) -> Found | None:
        """What is there now; None when it is gone. Without inputs it is an import."""
        resource = _resource(token)
        if resource is REMOTE_IMAGE and not (state.get("name") or inputs.get("name")):
            raise OperationError("a RemoteImage cannot be imported: its id does not tell the name; declare it instead")
        found = self._read(resource, resource_id, {**without_defaults(inputs), **without_defaults(state)})
        if found is None:
            return None
        fresh = merged(resource, state, found.properties, found.resource_id)
        back = refreshed_inputs(resource, inputs, fresh) if inputs else imported_inputs(resource, fresh)
        return Found(found.resource_id, fresh, back)

    def delete(self, token: str, resource_id: str, state: State) -> None:
        """Removes it. Raises OperationError."""
        resource = _resource(token)
        docker = self._client()
        if resource is NETWORK:
            network.delete(docker, resource_id)
        elif resource is VOLUME:
            volume.delete(docker, resource_id)
        elif resource is REMOTE_IMAGE:
            image.delete(docker, state)
        else:
            container.delete(docker, resource_id, state)

    def _read(self, resource: Resource, resource_id: str, known: State) -> Read | None:
        docker = self._client()
        readers: dict[str, Callable[[], Read | None]] = {
            NETWORK.token: lambda: network.read(docker, resource_id),
            VOLUME.token: lambda: volume.read(docker, resource_id),
            CONTAINER.token: lambda: container.read(docker, resource_id, known),
            REMOTE_IMAGE.token: lambda: image.read(docker, known["name"]),
        }
        return readers[resource.token]()

    def _client(self) -> Docker:
        with self._lock:
            if self._docker is None:
                self._docker = Docker(self._settings.endpoint())
            return self._docker


def _resource(token: str) -> Resource:
    if token not in RESOURCES:
        known = ", ".join(t.rpartition(":")[2] for t in RESOURCES)
        raise OperationError(
            f"{token} is not implemented by this project's stand-in for the docker plugin (lab/engine), which knows "
            f"{known}; use the official plugin: make ENGINE=path"
        )
    return RESOURCES[token]
