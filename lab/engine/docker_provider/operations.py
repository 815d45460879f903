"""What the three resource types have in common."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any


class OperationError(Exception):
    """An operation failed; the text is for the person who runs pulumi."""


class PartlyDone(OperationError):
    """A create or update failed half-way; what it left belongs into the state, as if all had been done.

    resource_id: the daemon's id of what exists; known: properties that differ from the inputs.
    """

    def __init__(self, message: str, resource_id: str, known: dict[str, Any]) -> None:
        super().__init__(message)
        self.resource_id = resource_id
        self.known = known


@dataclass(frozen=True)
class Read:
    """What the daemon says of a resource. A property that is None there is unset now; one that is missing is unread."""

    resource_id: str
    properties: Mapping[str, Any]


def labels_to_map(labels: Iterable[Mapping[str, str]] | None) -> dict[str, str] | None:
    """[{label, value}] as the daemon wants it; None when there are none."""
    return {item["label"]: item["value"] for item in labels} if labels else None


def map_to_labels(labels: Mapping[str, str] | None) -> list[dict[str, str]]:
    """The daemon's labels as a list, sorted by name."""
    return [{"label": key, "value": value} for key, value in sorted((labels or {}).items())]
