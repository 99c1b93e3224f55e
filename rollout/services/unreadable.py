"""What does a status tell of the object that it is saved with, above all of one whose spec cannot be read?"""

from dataclasses import replace
from datetime import datetime

from rollout.model.decision import Decision
from rollout.model.status import Condition, Reason, RolloutStatus
from rollout.ports.rollouts import Stored


def of_stored(stored: Stored, decision: Decision, now: datetime) -> Decision:
    """The decision, with what its status remembers of the object: the generation, the commit, a spec to go back by."""
    status = replace(
        decision.status,
        observed_generation=stored.generation,
        source_commit=stored.commit or decision.status.source_commit,
        last_spec=_remembered(stored, decision.status),
    )
    if not stored.error:
        return replace(decision, status=status)
    status = unreadable(stored, status, now)
    known = {reason.code for reason in stored.status.reasons}
    events = tuple(event for event in decision.events if event.code != "Suspended")
    events += tuple(reason for reason in status.reasons[:1] if reason.code not in known)
    return replace(decision, status=status, events=events)


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


def _remembered(stored: Stored, status: RolloutStatus) -> str:
    """The spec that this run could go back by if the next one cannot be read."""
    if status.run is None:
        return ""
    return stored.status.last_spec if stored.error else stored.raw
