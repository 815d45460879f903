"""What `up` was asked for: kept for reboots, for `status`, and for the `up` after this one."""

import json
import re
from argparse import Namespace
from dataclasses import asdict, dataclass, fields

from box.engines import DEFAULT_PROFILE, PROFILES, Profile
from box.errors import LabError
from box.network import SECOND_CARD
from box.place import Place

LATEST = 600


@dataclass(frozen=True)
class Spec:
    """parent: the interface that has the NAS's address. late_parent: seconds from when Docker's unit is up to
    the parent's coming, at each boot; 0: it is there from the start. docker_unit, sudo, synowebapi: of a new disk.
    second_lan: the router has another LAN, and the NAS a card in it.
    compose: how the version of its `docker compose` begins, "" for none."""

    engine: str
    profile: str
    parent: str
    late_parent: int = 0
    docker_unit: str = "docker.service"
    sudo: str = ""
    synowebapi: bool = False
    second_lan: bool = False
    compose: str = ""

    @property
    def dressed(self) -> Profile:
        return PROFILES[self.profile]

    def words(self) -> str:
        """For people: all but engine and parent, which `status` shows by themselves."""
        more = [f"profile {self.profile}"]
        more += [f"sudo {self.sudo}"] if self.sudo else []
        more += ["synowebapi"] if self.synowebapi else []
        more += ["second LAN"] if self.second_lan else []
        more += [f"compose {self.compose}"] if self.compose else []
        more += [f"parent {self.late_parent} s after Docker's unit"] if self.late_parent else []
        return ", ".join(more)


def requested(options: Namespace) -> Spec:
    """From `up`'s options. Raises LabError for what no NAS of that profile can have."""
    profile = PROFILES[options.profile]
    parent = options.parent or profile.parent
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.@-]{0,14}", parent) or parent == "lo":
        raise LabError(f"--parent {parent!r} is no name of an interface", "1 to 15 of A-Z, a-z, 0-9, _, -, . and @")
    if options.second_lan and parent == SECOND_CARD:
        raise LabError(f"--parent {parent} is the name of the card in the second LAN", "leave out --parent")
    if not 0 <= options.late_parent <= LATEST:
        raise LabError(f"--late-parent {options.late_parent} is out of range", f"0 to {LATEST} seconds")
    given = {"--docker-unit": options.docker_unit, "--sudo": options.sudo, "--synowebapi": options.synowebapi}
    if profile.name != "dsm" and any(given.values()):
        which = next(name for name, value in given.items() if value)
        raise LabError(f"{which} is for a NAS of profile dsm", "lab/lab up --profile dsm ...")
    sudo = options.sudo or ("nopasswd" if profile.name == "dsm" else "")
    unit = options.docker_unit or profile.unit
    engine = options.engine or profile.engine
    more = (options.late_parent, unit, sudo, options.synowebapi, options.second_lan, options.compose or "")
    return Spec(engine, profile.name, parent, *more)


def keep(place: Place, asked: Spec) -> None:
    (place.run / "asked.json").write_text(json.dumps(asdict(asked)))


def kept(place: Place) -> Spec | None:
    """None when the lab is down."""
    try:
        asked = json.loads((place.run / "asked.json").read_text())
        known = {field.name for field in fields(Spec)}
        profile = PROFILES[asked.get("profile", DEFAULT_PROFILE)]
        return Spec(**{"parent": profile.parent, **{name: asked[name] for name in known & asked.keys()}})
    except (OSError, ValueError, KeyError, TypeError):
        return None
