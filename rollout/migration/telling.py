"""What are people and machines told of a migration: reasons that hold now, what is next, conditions, and when to look again?"""

from datetime import datetime, timedelta

from rollout.migration.drift import drift_hold
from rollout.migration.effects import rollback_holds
from rollout.migration.gates import holds
from rollout.migration.gitops import closed_again, git_differs
from rollout.migration.needs import CHECK_AGAIN, needs
from rollout.migration.stages import FORWARD, Trigger
from rollout.migration.view import View
from rollout.model.migration import MigrationSpec, MigrationStatus, Stage
from rollout.model.status import Condition, Reason

MOST_REASONS = 5
WRITTEN = timedelta(seconds=2)  # what was written is looked at again even when no event comes
# Reasons that only a person ends.
NEEDS_A_PERSON = frozenset(
    {
        *("AwaitingApproval", "Paused", "FallbackBudgetSpent", "PreflightBlocks", "Unacknowledged", "GateClosed"),
        *("WaitingForCommit", "ByHand", "RefusalsUnseen", "FallenBack", "RolledBack", "Blocked", "CallersOutside"),
        *("Drift", "OwnedByAnother", "NamespaceGone", "SelfTestImpossible", "PolicyMissing", "AuthorUnproven"),
        *("BudgetMissing", "CertificateEnding", "WebhookUncallable"),
    }
)


def reasons(view: View) -> tuple[Reason, ...]:
    """Why the namespace is not further than it is; () when it is where it shall be."""
    status = view.status
    match view.stage:
        case Stage.BLOCKED:
            found = view.seen.findings
            keys = ", ".join(one.key for one in found or () if one.severity == "block")
            message = f"mend {keys or 'what the checks found'}; see `rollout mesh preflight`"
            return (Reason(code="Blocked", message=message, warning=True),)
        case Stage.FALLING_BACK:
            return (Reason(code="FallingBack", message=f"opened again: {status.why_back}", warning=True),)
        case Stage.FALLEN_BACK:
            message = (
                f"takes plaintext again: {status.why_back}; `rollout mesh why {view.name}`, then retry or rollback"
            )
            past = [reason for reason in (closed_again(view), git_differs(view)) if reason is not None]
            return (Reason(code="FallenBack", message=message, warning=True), *past)
        case Stage.ROLLING_BACK:
            waits = "".join(f"; waits: {one}" for one in rollback_holds(view)[:1])
            return (Reason(code="RollingBack", message=f"put back as it was: {status.why_back}{waits}"),)
        case Stage.ROLLED_BACK:
            return (Reason(code="RolledBack", message=f"as it was before: {status.why_back}; retry begins anew"),)
        case Stage.EXCEPTED:
            return (Reason(code="Excepted", message="an exception keeps it out of the mesh"),)
        case Stage.DONE:
            drift = drift_hold(view)
            return (drift,) if drift is not None else ()
    if not view.is_wanted:
        return (Reason(code="NotInSpec", message=f"no wave names it any more: it stays {view.stage} as it is"),)
    return holds(view)[:MOST_REASONS]


def next_sentence(view: View, why: tuple[Reason, ...]) -> str:
    """What happens next, one sentence."""
    if view.stage is Stage.DONE:
        return why[0].message if why else "STRICT, and watched for long enough: nothing is left to do"
    if view.stage not in FORWARD:
        return why[0].message if why else ""
    following = FORWARD[FORWARD.index(view.stage) + 1]
    return f"then {following}: {why[0].message}" if why else f"{following} now"


def cut_announced(view: View, trigger: Trigger) -> Reason | None:
    """What people are told before something becomes STRICT: which connections end by that. None where nothing does."""
    what = {Trigger.REHEARSED: view.status.canary, Trigger.CANARY_VERIFIED: f"all of {view.name}"}.get(trigger)
    if not what:
        return None
    seconds = view.spec.drain.total_seconds()
    message = f"{what} becomes STRICT now: its long connections, those with mTLS too, are cut {seconds:.0f} s later"
    return Reason(code="ConnectionsCut", message=message)


def wake_at(view: View) -> datetime | None:
    """When time alone may change something for this namespace; None when only an event can."""
    looked = needs(view.spec, view.status, view.now)
    moments = [view.now + view.spec.interval] if looked.questions and view.stage is not Stage.BLOCKED else []
    if view.stage is Stage.FALLING_BACK:
        moments.append(view.now + WRITTEN)  # until all of it is open
    if view.stage is Stage.BLOCKED:
        moments.append(view.now + CHECK_AGAIN)
    return min(moments) if moments else None


def conditions(spec: MigrationSpec, status: MigrationStatus, now: datetime) -> tuple[Condition, ...]:
    """kstatus conditions of the whole migration. Waiting for a person is not Stalled."""
    done = sum(one.stage in (Stage.DONE, Stage.EXCEPTED) for one in status.namespaces)
    total = len(spec.namespaces)
    told = [reason for one in status.namespaces for reason in one.reasons]
    first = next((reason for reason in told if reason.code in NEEDS_A_PERSON), told[0] if told else None)
    if done == total:
        return (_condition(status, "Ready", "True", Reason(code="Done", message=f"all {total} namespaces"), now),)
    fleet = status.reasons[0] if status.reasons else first
    reason = fleet or Reason(code="Moving", message=f"{done} of {total} namespaces are done")
    return (
        _condition(status, "Ready", "Unknown", reason, now),
        _condition(status, "Reconciling", "True", reason, now),
    )


def _condition(status: MigrationStatus, kind: str, value: str, reason: Reason, now: datetime) -> Condition:
    before = next((item for item in status.conditions if item.type == kind), None)
    since = before.since if before is not None and before.status == value else now
    return Condition(type=kind, status=value, reason=reason.code, message=reason.message, since=since)
