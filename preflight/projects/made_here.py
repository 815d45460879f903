"""What this program makes beside the LAN, where the NAS has it no more, where it does not run, and where another state
made it. Of the containers on the LAN the findings on their networks tell (preflight/findings/)."""

from collections.abc import Iterator, Set

from config.problems import Problem
from config.sources import Sources
from facts.nas import NasFacts
from facts.state import StackState
from plan.project.order import COMPLETED, awaited
from preflight.findings.containers import stopped
from preflight.findings.other_states import LOST, REFRESH

AGAIN = f"{REFRESH} makes it again"


def findings(sources: Sources, on_lan: Set[str], facts: NasFacts, state: StackState, stack: str) -> Iterator[Problem]:
    """on_lan: the keys of the containers on the site's networks."""
    if not facts.docker.engine:
        return
    ends = awaited((entry.service for entry in sources.services.values()), COMPLETED)
    for key, entry in sources.services.items():
        name = entry.docker_name(key)
        live, is_known = facts.containers.get(name), name in state.containers
        if key in on_lan:
            continue
        if live is None and is_known:
            yield Problem(entry.path, name, LOST, AGAIN, "warning", key)
        elif live is not None and live.addresses and not is_known:
            whose = f"the stack {live.stack}" if live.stack not in ("", stack) else "a state that is lost"
            message = f"is a container of {whose}, of which this stack's state knows nothing; Docker takes each name "
            message += "once"
            remedy = (
                f"`docker rm -f {name}` there (its volumes stay) and it is made anew, or give this one another name"
            )
            yield Problem(entry.path, name, message, remedy)
        elif live is not None and live.addresses and not live.runs and key not in ends:
            yield stopped(entry.path, key, live)
    for name in sources.networks:
        if name in state.networks and facts.network(name) is None:
            yield Problem(sources.origins["networks", name].path, name, LOST, AGAIN, "warning")
    volumes = sources.volumes if facts.volumes is None else facts.volumes
    for name in sources.volumes:
        if name in state.volumes and name not in volumes:
            message = f"{LOST}. Docker would make an empty one, without what the file says of it"
            yield Problem(sources.origins["volumes", name].path, name, message, AGAIN, "warning")
