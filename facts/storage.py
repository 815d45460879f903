"""What containers keep their files in, as Docker shows it."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from facts.labels import COMPOSE


@dataclass(frozen=True)
class LiveMount:
    """kind: Docker's word ("bind", "volume", "tmpfs"). target: the path in the container. source: the path on the NAS,
    or the volume's name."""

    kind: str
    target: str
    source: str

    @property
    def is_anonymous(self) -> bool:
        """Whether nobody gave the volume a name. Docker then does, and no other container finds it by itself."""
        return self.kind == "volume" and re.fullmatch("[0-9a-f]{64}", self.source) is not None


@dataclass(frozen=True)
class LiveVolume:
    """options: they may have a password in them, so none is ever shown."""

    name: str
    driver: str
    options: Mapping[str, str] = field(default_factory=dict)
    labels: Mapping[str, str] = field(default_factory=dict)

    @property
    def compose_project(self) -> str:
        return self.labels.get(f"{COMPOSE}.project", "")

    @property
    def compose_key(self) -> str:
        """The key of the Compose file that Compose made it of, "" for none."""
        return self.labels.get(f"{COMPOSE}.volume", "")
