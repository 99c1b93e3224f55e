"""What is told of a Rollout whose spec cannot be read?"""

from dataclasses import replace
from datetime import datetime

from rollout.model.status import Condition, Reason, RolloutStatus
from rollout.ports.rollouts import Stored


def unreadable(stored: Stored, status: RolloutStatus, now: datetime) -> RolloutStatus:
    """The status of a Rollout whose spec cannot be read: said first, and Stalled until a person mends it."""
    reason = Reason(code="InvalidSpec", message=stored.error, warning=True)
    others = tuple(item for item in status.reasons if item.code not in ("Suspended", reason.code))
    before = {item.type: item for item in stored.status.conditions}
    conditions = tuple(
        _condition(
            before.get(kind), Condition(type=kind, status=value, reason=reason.code, message=reason.message, since=now)
        )
        for kind, value in (("Ready", "False"), ("Stalled", "True"))
    )
    return replace(
        status,
        reasons=(reason, *(others if status.run else ())),
        conditions=conditions,
        next="mend the spec; until then nothing is raised, a run still goes back when it fails or is aborted",
        observed_generation=stored.generation,
    )


def _condition(before: Condition | None, new: Condition) -> Condition:
    return replace(new, since=before.since) if before is not None and before.status == new.status else new
