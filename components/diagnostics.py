"""Warnings of a run, on the resource that they are about. `pulumi preview` lists them below the changes."""

from collections.abc import Iterable, Sequence

import pulumi

from components.lan import MacvlanLan
from config.problems import Problem
from preflight.survey import Drift

KEPT = (
    "not as planned; it was recreated for the same reason before, so the next `pulumi up` leaves it as it is. "
    "To recreate it once more: `docker rm -f` of it on the NAS, then `pulumi up --refresh`"
)

NOT_GIVEN = (
    "not there, although the watch loop runs on the NAS, which looks again at each check. If it stays so, the loop's "
    "log and its `status` may say why"
)


def report_diagnostics(lan: MacvlanLan, drift: Drift, warnings: Iterable[Problem], network: str = "") -> None:
    """network: the key of the one that they are about."""
    _drifted(lan.shims[network], drift.shim)
    _drifted(lan.networks[network], drift.network)
    for key, found in drift.containers.items():
        _drifted(lan.containers[key], found)
    for key, found in drift.unmended.items():
        pulumi.log.warn(f"{KEPT}: {'; '.join(found)}", lan.containers[key])
    for key, found in drift.not_given.items():
        pulumi.log.warn(f"{NOT_GIVEN}: {'; '.join(found)}", lan.containers[key])
    for warning in sorted(warnings):
        text = f"{warning.path}: {warning.value}\n{warning.message}\n-> {warning.remedy}"
        tell = pulumi.log.info if warning.severity == "note" else pulumi.log.warn
        tell(text, _about(lan, warning.resource, network))


def _drifted(resource: pulumi.Resource, found: Sequence[str]) -> None:
    if found:
        pulumi.log.warn(
            f"changed on the NAS since the last `pulumi up`; the next one repairs it: {'; '.join(found)}", resource
        )


def _about(lan: MacvlanLan, on: str, network: str) -> pulumi.Resource:
    return {"network": lan.networks[network], "shim": lan.shims[network], **lan.containers}.get(on, lan)
