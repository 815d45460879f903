"""What earlier runs left in the stack's state: what they saw of the NAS, for `probe: off`, and what they made there."""

from typing import Any

import pulumi

from plan.held import Held, held_by
from plan.problems import Problem, UserErrors
from plan.seen import Seen, look_back

OUTPUT = "nas_seen"


def recall(network: str) -> Seen | None:
    """The same, None where there is none or none that this version understands."""
    try:
        return look_into_memory(network)
    except UserErrors:
        return None


def look_into_memory(network: str) -> Seen:
    """network: its name. Raises UserErrors where no run has looked yet, or none of this version's."""
    text = _read("readStackOutputs", "name").get(OUTPUT)
    what = "works from what an earlier run saw of the NAS, and "
    if text is None:
        what += "there is none in this stack"
    else:
        try:
            return look_back(text, network)
        except (KeyError, TypeError, ValueError):
            what += "the last one was of another version of this program, which kept something else of it"
    raise UserErrors([Problem("site.probe", "off", what, "run `pulumi up` once with `probe: on`")])


def look_into_state() -> Held:
    """What the last run, whether it ended well or not, left in this stack's state."""
    return held_by(_read("readStackResourceOutputs", "stackName"))


def _read(function: str, key: str) -> dict[str, Any]:
    """What StackReference reads too, but at once: the plan is made of it before there are any resources."""
    name = f"{pulumi.get_organization()}/{pulumi.get_project()}/{pulumi.get_stack()}"
    told = pulumi.runtime.invoke(f"pulumi:pulumi:{function}", {key: name}).value or {}
    return told.get("outputs") or {}
