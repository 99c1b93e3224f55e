"""Which moves may a Rollout make? This table is all of them; the drawings in the docs are made from it.

A phase is left only by a trigger that the table lists for it. `triggers.py` says when a trigger fires, `moves.py`
what it changes in the status besides the phase. Holds (`holds.py`) are not triggers: they keep one from firing.
"""

from enum import StrEnum

from rollout.model.status import Phase


class Trigger(StrEnum):
    """What became true. The value is the reason that people read in events."""

    STABLE_FOUND = "StableFound"
    STABLE_NAMED = "StableNamed"
    FIRST_DEPLOYMENT = "FirstDeployment"
    NEW_REVISION = "NewRevision"
    TEMPLATE_CHANGED = "TemplateChanged"
    REVERTED = "Reverted"
    RETRIED = "Retried"
    STEP_PASSED = "StepPassed"
    STEPS_DONE = "StepsDone"
    PROMOTED = "Promoted"
    PAUSED = "Paused"
    LOWERED = "WeightLowered"
    RESUMED = "Resumed"
    ABORTED = "Aborted"
    REJECTED = "Rejected"
    ANALYSIS_FAILED = "AnalysisFailed"
    CANARY_DOWN = "CanaryDown"
    NOT_AVAILABLE = "NotAvailable"
    DEADLINE_PASSED = "DeadlinePassed"
    APPROVAL_EXPIRED = "ApprovalExpired"
    RETURNED_TO_STABLE = "ReturnedToStable"
    SUPERSEDED = "Superseded"
    INCIDENT_LOWERED = "IncidentLowered"
    INCIDENT_OVER = "IncidentOver"
    INCIDENT_REPEATED = "IncidentRepeated"
    DELETED = "Deleted"
    ROLLED_BACK = "RolledBack"
    RETURNED = "Returned"


_BACK: dict[Trigger, Phase] = dict.fromkeys(
    (
        Trigger.ABORTED,
        Trigger.REJECTED,
        Trigger.ANALYSIS_FAILED,
        Trigger.CANARY_DOWN,
        Trigger.NOT_AVAILABLE,
        Trigger.DEADLINE_PASSED,
        Trigger.RETURNED_TO_STABLE,
        Trigger.SUPERSEDED,
        Trigger.DELETED,
    ),
    Phase.ROLLING_BACK,
)

TRANSITIONS: dict[Phase, dict[Trigger, Phase]] = {
    Phase.IDLE: {
        Trigger.STABLE_FOUND: Phase.IDLE,
        Trigger.STABLE_NAMED: Phase.IDLE,
        Trigger.FIRST_DEPLOYMENT: Phase.PROGRESSING,
        Trigger.NEW_REVISION: Phase.PROGRESSING,
        Trigger.REVERTED: Phase.PROGRESSING,
    },
    Phase.PROGRESSING: {
        **_BACK,
        Trigger.NEW_REVISION: Phase.PROGRESSING,
        Trigger.TEMPLATE_CHANGED: Phase.PROGRESSING,
        Trigger.STEP_PASSED: Phase.PROGRESSING,
        Trigger.STEPS_DONE: Phase.PROMOTING,
        Trigger.INCIDENT_LOWERED: Phase.PROGRESSING,
        Trigger.INCIDENT_OVER: Phase.PROGRESSING,
        Trigger.INCIDENT_REPEATED: Phase.ROLLING_BACK,
        Trigger.APPROVAL_EXPIRED: Phase.ROLLING_BACK,
        Trigger.PAUSED: Phase.PAUSED,
        Trigger.LOWERED: Phase.PAUSED,
    },
    Phase.PAUSED: {
        **_BACK,
        Trigger.INCIDENT_LOWERED: Phase.PAUSED,
        Trigger.INCIDENT_REPEATED: Phase.ROLLING_BACK,
        Trigger.NEW_REVISION: Phase.PROGRESSING,
        Trigger.TEMPLATE_CHANGED: Phase.PROGRESSING,
        Trigger.RESUMED: Phase.PROGRESSING,
        Trigger.LOWERED: Phase.PAUSED,
    },
    Phase.PROMOTING: {
        **_BACK,
        Trigger.NEW_REVISION: Phase.PROGRESSING,
        Trigger.TEMPLATE_CHANGED: Phase.PROGRESSING,
        Trigger.PROMOTED: Phase.IDLE,
        Trigger.PAUSED: Phase.PAUSED,
        Trigger.LOWERED: Phase.PAUSED,
    },
    Phase.ROLLING_BACK: {
        Trigger.STABLE_NAMED: Phase.ROLLING_BACK,
        Trigger.ROLLED_BACK: Phase.FAILED,
        Trigger.RETURNED: Phase.IDLE,
    },
    Phase.FAILED: {
        Trigger.NEW_REVISION: Phase.PROGRESSING,
        Trigger.TEMPLATE_CHANGED: Phase.PROGRESSING,
        Trigger.RETRIED: Phase.PROGRESSING,
        Trigger.REVERTED: Phase.PROGRESSING,
        Trigger.RETURNED_TO_STABLE: Phase.IDLE,
    },
}

INITIAL = Phase.IDLE
