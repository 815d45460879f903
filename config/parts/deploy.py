"""`deploy:` of a service, as far as it says something of a single container."""

from typing import Annotated, Any, Literal

from pydantic import Field, PlainValidator

from config.parts.devices import DeviceRequest
from config.problems import reject
from config.service_parts import Cpus, Mebibytes, Strict
from config.types import Integer


def _replicas(value: Any) -> int:
    if value not in (0, 1) or isinstance(value, bool):
        message = "asks for several containers of the service, and each would need an address of its own"
        reject(message, "write a service for each, or 1")
    return value


Replicas = Annotated[Integer, PlainValidator(_replicas)]


class Limits(Strict):
    cpus: Cpus | None = None
    memory: Mebibytes | None = None


class Reservations(Strict):
    memory: Mebibytes | None = None
    devices: tuple[DeviceRequest, ...] = ()


class Resources(Strict):
    limits: Limits = Limits()
    reservations: Reservations = Reservations()


class RestartPolicy(Strict):
    """condition: of a swarm, which Compose translates; it takes Docker's own words too, and restarts nothing without
    one."""

    condition: Literal["none", "no", "on-failure", "unless-stopped", "any", "always"] = "none"
    max_attempts: Annotated[Integer, Field(ge=0, le=999_999)] | None = None

    @property
    def restart(self) -> str:
        word = {"none": "no", "any": "always"}.get(self.condition, self.condition)
        return f"{word}:{self.max_attempts}" if word == "on-failure" and self.max_attempts else word


class Deploy(Strict):
    replicas: Replicas = 1
    resources: Resources = Resources()
    restart_policy: RestartPolicy | None = None
