"""Devices of the NAS that a service gets, and how fast it may use them."""

import re
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PlainValidator, ValidationInfo

from config.problems import reject
from config.service_parts import MAX_INT, Strict, StringMap, absolute, in_bytes, uncoloned
from config.types import Text

_CDI = re.compile(r"[A-Za-z][\w.-]*/[A-Za-z][\w-]*=[A-Za-z0-9][\w.:-]*")


def _device(value: Any) -> Any:
    if isinstance(value, str):
        reject("is not HOST, HOST:CONTAINER or HOST:CONTAINER:rwm", "write it as in /dev/dri:/dev/dri")
    return value


def _device_source(value: str) -> str:
    if not value.startswith("/") and not _CDI.fullmatch(value):
        message = "is neither the path of a device nor the name of one (CDI)"
        reject(message, "write it as in /dev/dri:/dev/dri, or vendor.com/gpu=all")
    return uncoloned(value)


def _device_target(value: str, info: ValidationInfo) -> str:
    source = info.data.get("source", value)  # without one that is told already
    if source.startswith("/") and not value.startswith("/"):
        reject("is not an absolute path in the container", "start it with /")
    if not source.startswith("/") and value != source:
        reject("stands beside the name of a device (CDI), which has no other path", "remove it")
    return uncoloned(value)


def _permissions(value: Any) -> str:
    if not isinstance(value, str) or not re.fullmatch("[rwm]{1,3}", value):
        reject("is not made of r, w and m", "write it as in /dev/dri:/dev/dri:rwm")
    return value


def _device_count(value: Any, info: ValidationInfo) -> int | None:
    if info.data.get("device_ids"):
        if value is not None:
            reject("counts devices that `device_ids` names", "keep one of the two")
        return None
    if value in ("all", None):
        return -1
    if type(value) is not int or not -1 <= value <= MAX_INT:
        reject("is no number of devices", "write a number, or all")
    return value


def _with_gpu(requests: tuple["DeviceRequest", ...]) -> tuple["DeviceRequest", ...]:
    return tuple(
        one if "gpu" in one.capabilities else one.model_copy(update={"capabilities": (*one.capabilities, "gpu")})
        for one in requests
    )


class Device(Strict):
    """A device of the NAS by its path, or by its name in the Container Device Interface (CDI), which is both source and
    target then."""

    source: Annotated[Text, AfterValidator(_device_source)]
    target: Annotated[Text, AfterValidator(_device_target)]
    permissions: Annotated[str, PlainValidator(_permissions)] = "rwm"

    @property
    def is_cdi(self) -> bool:
        return not self.source.startswith("/")


class DeviceRequest(Strict):
    """Devices that a driver of the NAS hands out. count: -1 for all, None where device_ids name them."""

    driver: Text | None = None
    device_ids: tuple[Text, ...] = ()
    count: Annotated[int | None, PlainValidator(_device_count), Field(validate_default=True)] = None
    capabilities: tuple[Text, ...] = ()
    options: StringMap = Field(default_factory=dict)


class DeviceRate(Strict):
    """rate: bytes or operations in a second."""

    path: Annotated[Text, AfterValidator(absolute)]
    rate: Annotated[int, BeforeValidator(in_bytes)]


class BlkioConfig(Strict):
    device_read_bps: tuple[DeviceRate, ...] = ()
    device_read_iops: tuple[DeviceRate, ...] = ()
    device_write_bps: tuple[DeviceRate, ...] = ()
    device_write_iops: tuple[DeviceRate, ...] = ()


Devices = tuple[Annotated[Device, BeforeValidator(_device)], ...]
Gpus = Annotated[tuple[DeviceRequest, ...], AfterValidator(_with_gpu)]
