"""Which moves may a namespace make on its way into the mesh? This table is all of them.

A stage is left only by a trigger that the table lists for it. Holds (`fleet.py`) are not triggers: they keep one from
firing. Commands that open a gate or stop the clock (approve, pause, resume) move nothing either.

AuthzDryRun and AuthzEnforced have no row: nothing leads to them yet, and the way ends behind StrictSoak.
"""

from enum import StrEnum

from rollout.model.migration import Stage


class Trigger(StrEnum):
    """What became true. The value is the reason that people read in events."""

    BEGAN = "Began"
    PREFLIGHT_PASSED = "PreflightPassed"
    PREFLIGHT_BLOCKED = "PreflightBlocked"
    UNBLOCKED = "Unblocked"
    BASELINE_TAKEN = "BaselineTaken"
    ENROLLED = "Enrolled"
    POD_UNMESHED = "PodUnmeshed"
    CONTROL_SEEN = "ControlSeen"
    SOAKED = "Soaked"
    PLAINTEXT_SEEN = "PlaintextSeen"
    REHEARSED = "Rehearsed"
    CANARY_VERIFIED = "CanaryVerified"
    STRICT_VERIFIED = "StrictVerified"
    STRICT_SOAKED = "StrictSoaked"
    LIMIT_BROKEN = "LimitBroken"
    FALLBACK_ASKED = "FallbackAsked"
    OPENED_BY_HAND = "OpenedByHand"
    OPENED = "Opened"
    ROLLBACK_ASKED = "RollbackAsked"
    ROLLBACK_GOES_ON = "RollbackGoesOn"
    RESTORED = "Restored"
    RETRIED = "Retried"
    EXCEPTED = "Excepted"
    EXCEPTION_GONE = "ExceptionGone"
    EXCEPTION_LEFT = "ExceptionLeft"


FORWARD: tuple[Stage, ...] = (
    Stage.PENDING,
    Stage.PREFLIGHT,
    Stage.BASELINE,
    Stage.ENROLLING,
    Stage.PERMISSIVE,
    Stage.OBSERVING,
    Stage.REHEARSAL,
    Stage.STRICT_CANARY,
    Stage.STRICT,
    Stage.STRICT_SOAK,
    Stage.DONE,
)

MUTATING: frozenset[Stage] = frozenset({Stage.ENROLLING, Stage.STRICT_CANARY, Stage.STRICT})

AT_LEAST_CANARY: frozenset[Stage] = frozenset(FORWARD[FORWARD.index(Stage.STRICT_CANARY) :])

# The stage of the way whose guarantees a stage aside still has: no more may be concluded from it.
_ASIDE: dict[Stage, Stage] = {
    Stage.BLOCKED: Stage.PENDING,
    Stage.EXCEPTED: Stage.PENDING,
    Stage.FALLING_BACK: Stage.PERMISSIVE,
    Stage.FALLEN_BACK: Stage.PERMISSIVE,
    Stage.ROLLING_BACK: Stage.PENDING,
    Stage.ROLLED_BACK: Stage.PENDING,
    Stage.AUTHZ_DRY_RUN: Stage.STRICT_SOAK,
    Stage.AUTHZ_ENFORCED: Stage.STRICT_SOAK,
}

# What was written may be found in the earlier stages too: Unblocked leads back to Preflight from as far as Rehearsal.
_BEFORE_STRICT: dict[Trigger, Stage] = {
    Trigger.PREFLIGHT_BLOCKED: Stage.BLOCKED,
    Trigger.ROLLBACK_ASKED: Stage.ROLLING_BACK,
}

# STRICT is opened before anything is un-enrolled, so a rollback begins as a fallback.
_FROM_STRICT: dict[Trigger, Stage] = dict.fromkeys(
    (Trigger.LIMIT_BROKEN, Trigger.FALLBACK_ASKED, Trigger.OPENED_BY_HAND, Trigger.ROLLBACK_ASKED), Stage.FALLING_BACK
)

TRANSITIONS: dict[Stage, dict[Trigger, Stage]] = {
    Stage.PENDING: {Trigger.BEGAN: Stage.PREFLIGHT, Trigger.EXCEPTED: Stage.EXCEPTED},
    Stage.PREFLIGHT: {
        **_BEFORE_STRICT,
        Trigger.PREFLIGHT_PASSED: Stage.BASELINE,
        Trigger.EXCEPTED: Stage.EXCEPTED,
    },
    Stage.BASELINE: {**_BEFORE_STRICT, Trigger.BASELINE_TAKEN: Stage.ENROLLING},
    Stage.ENROLLING: {**_BEFORE_STRICT, Trigger.ENROLLED: Stage.PERMISSIVE},
    Stage.PERMISSIVE: {
        **_BEFORE_STRICT,
        Trigger.CONTROL_SEEN: Stage.OBSERVING,
        Trigger.POD_UNMESHED: Stage.ENROLLING,
    },
    Stage.OBSERVING: {**_BEFORE_STRICT, Trigger.SOAKED: Stage.REHEARSAL, Trigger.POD_UNMESHED: Stage.ENROLLING},
    Stage.REHEARSAL: {
        **_BEFORE_STRICT,
        Trigger.REHEARSED: Stage.STRICT_CANARY,
        Trigger.PLAINTEXT_SEEN: Stage.OBSERVING,
        Trigger.POD_UNMESHED: Stage.ENROLLING,
        Trigger.FALLBACK_ASKED: Stage.FALLING_BACK,
    },
    Stage.STRICT_CANARY: {**_FROM_STRICT, Trigger.CANARY_VERIFIED: Stage.STRICT},
    Stage.STRICT: {**_FROM_STRICT, Trigger.STRICT_VERIFIED: Stage.STRICT_SOAK},
    Stage.STRICT_SOAK: {**_FROM_STRICT, Trigger.STRICT_SOAKED: Stage.DONE},
    Stage.DONE: {**_FROM_STRICT, Trigger.EXCEPTION_LEFT: Stage.STRICT_SOAK},
    Stage.BLOCKED: {
        Trigger.UNBLOCKED: Stage.PREFLIGHT,
        Trigger.EXCEPTED: Stage.EXCEPTED,
        Trigger.ROLLBACK_ASKED: Stage.ROLLING_BACK,
    },
    Stage.FALLING_BACK: {Trigger.OPENED: Stage.FALLEN_BACK, Trigger.ROLLBACK_ASKED: Stage.FALLING_BACK},
    Stage.FALLEN_BACK: {
        Trigger.RETRIED: Stage.OBSERVING,
        Trigger.ROLLBACK_ASKED: Stage.ROLLING_BACK,
        Trigger.ROLLBACK_GOES_ON: Stage.ROLLING_BACK,
    },
    Stage.ROLLING_BACK: {Trigger.RESTORED: Stage.ROLLED_BACK},
    Stage.ROLLED_BACK: {Trigger.RETRIED: Stage.PREFLIGHT},
    Stage.EXCEPTED: {Trigger.EXCEPTION_GONE: Stage.PENDING},
}

INITIAL = Stage.PENDING


def index(stage: Stage) -> int:
    """How far along the way a stage is, 0 for Pending; a stage aside counts as the last one whose guarantees it has."""
    return FORWARD.index(_ASIDE.get(stage, stage))
