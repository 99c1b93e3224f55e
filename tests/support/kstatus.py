"""What does Flux, or anything else that follows kstatus, make of a custom resource's status?

The generic rules of sigs.k8s.io/cli-utils (pkg/kstatus/status/core.go and generic.go), in their order; the last row is for
what no row before it decided.
"""

from collections.abc import Mapping
from typing import Any

from rollout.manifest.status import status_to_dict
from rollout.model.status import Phase, RolloutStatus

Obj = Mapping[str, Any]
CURRENT, IN_PROGRESS, FAILED, TERMINATING = "Current", "InProgress", "Failed", "Terminating"


def computed(obj: Obj) -> str:
    """Current, InProgress, Failed or Terminating."""
    metadata, status = obj["metadata"], obj.get("status") or {}
    if metadata.get("deletionTimestamp"):
        return TERMINATING
    observed = status.get("observedGeneration")
    if observed is not None and observed != metadata.get("generation"):
        return IN_PROGRESS
    said = {item["type"]: item["status"] for item in status.get("conditions") or ()}
    rules = (
        ("Reconciling", ("True",), IN_PROGRESS),
        ("Stalled", ("True",), FAILED),
        ("Ready", ("False", "Unknown"), IN_PROGRESS),
    )
    return next((answer for kind, values, answer in rules if said.get(kind) in values), CURRENT)


def is_honest(status: RolloutStatus) -> bool:
    """Whether kstatus makes of this status what is so: Failed after a failure, Current at rest, else InProgress.

    A spec that cannot be read is a failure of whoever wrote it. Nothing that waits for a person is one.
    """
    body = status_to_dict(status)
    if not body.get("conditions"):
        return True  # nothing was decided yet
    obj = {"metadata": {"generation": status.observed_generation}, "status": body}
    codes = {reason.code for reason in status.reasons}
    if status.phase is Phase.FAILED or "InvalidSpec" in codes:
        return computed(obj) == FAILED
    at_rest = status.phase is Phase.IDLE and status.stable is not None and not codes
    return computed(obj) == (CURRENT if at_rest else IN_PROGRESS)
