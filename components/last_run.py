"""What earlier runs left in the stack's state: what they saw of the NAS, for `probe: off`, and what they made there."""

import time
from collections.abc import Callable, Iterable
from typing import Any

from components.pulumi_internals import stack_outputs, stack_resources
from config.networks import NetworkView
from config.problems import Problem, UserErrors
from facts.state import StackState, stack_state_of
from preflight.snapshot import NasSnapshot, load_snapshots

OUTPUT = "nas_snapshot"
OLD_OUTPUT = "nas_seen"  # its name before the first release
TRIES, PAUSE = 20, 0.2  # of reading the state, in seconds


def last_snapshots(network: str) -> dict[str, NasSnapshot]:
    """The last run's snapshots, none if there are none or if this version cannot read them."""
    try:
        return load_last_snapshots(network)
    except UserErrors:
        return {}


def load_last_snapshots(network: str, keys: Iterable[str] = ()) -> dict[str, NasSnapshot]:
    """The networks' keys → snapshot. Raises UserErrors if no run has stored a snapshot, or if this version cannot read
    it.

    network: the first one's name.
    keys: of the networks that are needed.
    """
    outputs = _read(stack_outputs)
    text = outputs.get(OUTPUT, outputs.get(OLD_OUTPUT))
    message = "needs the snapshot that an earlier `pulumi up` stored, and "
    if text is None:
        message += "this stack has none"
    else:
        try:
            found = load_snapshots(text, network)
            missing = [key for key in keys if key not in found]
            if not missing:
                return found
            message += f"the stored one does not have the network {missing[0]}, which is new in the site"
        except (KeyError, TypeError, ValueError):
            message += "the stored one is of another version of this program, which kept other things"
    raise UserErrors([Problem("site.probe", "off", message, "run `pulumi up` once with `probe: on`")])


def read_stack_states(networks: Iterable[NetworkView]) -> dict[str, StackState]:
    """The networks' keys → what the last run left in this stack's state, whether it succeeded or not."""
    resources = _read(stack_resources)
    return {view.key: stack_state_of(resources, view.resource) for view in networks}


def _read(fetch: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """The engine writes the state at the same time. If the state is a file (`pulumi login --local`) it may be half
    written ("failed to load checkpoint: EOF", seen with a stack's first `up`), so it is read again."""
    for attempt in range(TRIES):
        try:
            return fetch()
        except Exception as error:  # the SDK has no class of its own for it
            if "checkpoint" not in str(error) or attempt == TRIES - 1:
                raise
            time.sleep(PAUSE)
    raise AssertionError("unreachable")
