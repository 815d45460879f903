"""Containers of the site that exist already, or that do not run."""

from collections.abc import Iterator

from config.problems import Problem
from facts.nas import LiveContainer, NasFacts
from install.conf import Record, read_conf
from plan.lan import ContainerPlan, LanPlan
from preflight.findings.address_conflicts import first_without


def findings(plan: LanPlan, facts: NasFacts) -> Iterator[Problem]:
    record = read_conf(facts.conf)
    for container in plan.containers:
        live = facts.containers.get(container.name)
        if live is None:
            continue  # preflight/findings/other_states.py
        if not live.addresses:
            message = "exists on the NAS already and was not made by this program; Docker takes each name once"
            remedy = (
                f"remove it there (`docker rm -f {container.name}`; its volumes stay) and it is recreated, or leave it "
                "as it is and list it under `external_containers:`"
            )
            yield Problem(container.path, container.name, message, remedy)
        elif key := _other_key(container, record):
            yield _handed_on(container, key, plan)
        elif not live.runs and not container.ends:
            yield stopped(container.path, container.key, live)


def stopped(path: str, key: str, live: LiveContainer) -> Problem:
    remedy = f"`docker start {live.name}`, or see `docker logs {live.name}` there"
    return Problem(path, live.name, f"is {live.status} and does not run", remedy, "warning", key)


def _other_key(container: ContainerPlan, record: Record | None) -> str:
    """The key that its name belonged to in the last run, "" if that is its own."""
    key = "" if record is None else record.key_of(container.name)
    return key if key != container.key else ""


def _handed_on(container: ContainerPlan, key: str, plan: LanPlan) -> Problem:
    """Pulumi identifies containers by their keys. A container with another key is another one, and Pulumi makes it
    before it removes the old one."""
    if key in {container.key for container in plan.containers}:
        message = f"is the name of the container of {key} until that has its new one; Docker takes each name once"
        remedy = "if `pulumi up` stops at it, run it once more"
        return Problem(container.path, container.name, message, remedy, "warning", container.key)
    message = f"is the name of the container of {key}, a key that the site has no more; Pulumi removes that last, and "
    message += "Docker takes each name once"
    return Problem(container.path, container.name, message, first_without(container.key, "the old one"))
