"""Property values between the wire (a protobuf Struct with marked-up objects) and Python.

Plain values are None, bool, float, str, list and dict; the marks become `Secret` and `UNKNOWN`, because this plugin,
like the official one, tells the engine that it keeps secrets apart itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from google.protobuf import struct_pb2

# Pulumi's wire format: sdk/go/common/resource/plugin/rpc.go and sdk/go/common/resource/sig.
_MARK = "4dabf18193072939515e22adb298388d"
_SECRET = "1b47061264138c4ac30d75fd1eb44270"
_UNKNOWN_ON_THE_WIRE = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"


@dataclass(frozen=True)
class Secret:
    """A value that must not be shown."""

    value: Any

    def __repr__(self) -> str:
        return "Secret(...)"


class Unknown:
    """A value that is not known before something is made; only seen in previews."""

    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = Unknown()


def reveal(value: Any) -> Any:
    """The value without any marks of secrecy, at any depth."""
    if isinstance(value, Secret):
        return reveal(value.value)
    if isinstance(value, Mapping):
        return {key: reveal(item) for key, item in value.items()}
    return [reveal(item) for item in value] if isinstance(value, list) else value


def from_wire(struct: struct_pb2.Struct) -> dict[str, Any]:
    """A property map as Python; nulls are left out, as the official plugin does."""
    pairs = ((key, _decode(value)) for key, value in struct.fields.items())
    return {key: value for key, value in pairs if value is not None}


def to_wire(values: Mapping[str, Any]) -> struct_pb2.Struct:
    """The other way round."""
    struct = struct_pb2.Struct()
    struct.update({key: _encode(value) for key, value in values.items() if value is not None})
    return struct


def _decode(value: struct_pb2.Value) -> Any:
    kind = value.WhichOneof("kind")
    if kind == "struct_value":
        fields = value.struct_value.fields
        if _MARK in fields and fields[_MARK].string_value == _SECRET:
            return Secret(_decode(fields["value"]))
        return from_wire(value.struct_value)
    if kind == "list_value":
        return [_decode(item) for item in value.list_value.values]
    if kind == "string_value":
        return UNKNOWN if value.string_value == _UNKNOWN_ON_THE_WIRE else value.string_value
    return None if kind in (None, "null_value") else getattr(value, kind)


def _encode(value: Any) -> Any:
    if isinstance(value, Secret):
        return {_MARK: _SECRET, "value": _encode(value.value)}
    if value is UNKNOWN:
        return _UNKNOWN_ON_THE_WIRE
    if isinstance(value, Mapping):
        return {key: _encode(item) for key, item in value.items() if item is not None}
    return [_encode(item) for item in value] if isinstance(value, list) else value
