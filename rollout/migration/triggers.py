"""When does a namespace leave its stage by itself? One ordered row of rules per stage; the first that fires wins."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from policies.ledger_events import Event, callers, counting
from rollout.migration.closing import counts_while_closing, to_close
from rollout.migration.drift import drift_hold, opened_by_hand
from rollout.migration.effects import rollback, rollback_holds
from rollout.migration.fleet import change_hold, strict_hold
from rollout.migration.gates import blocking, holds
from rollout.migration.gitops import suspensions
from rollout.migration.limits import broken
from rollout.migration.mtls_restore import kept_open
from rollout.migration.mtls_writes import opened
from rollout.migration.stages import Trigger
from rollout.migration.view import View, named, unmeshed
from rollout.model.migration import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Fired:
    """A trigger and why it fired, for people."""

    trigger: Trigger
    why: str


SUSPENDED_WITHIN = 60.0  # seconds: what a tool leaves alone is worth a few tries, and no wait for ever
Rule = Callable[[View], Fired | None]


def excepted(view: View) -> Fired | None:
    """An exception in force is for the whole namespace."""
    today = view.now.date()
    for one in view.spec.exceptions_of(view.name):
        if one.is_whole_namespace and today < one.expires:
            return Fired(trigger=Trigger.EXCEPTED, why=f"{one.owner} keeps it out of the mesh until {one.expires}")
    return None


def exception_gone(view: View) -> Fired | None:
    """No exception keeps the namespace out any more."""
    if excepted(view) is not None:
        return None
    return Fired(trigger=Trigger.EXCEPTION_GONE, why="the exception that kept it out is gone or has expired")


def preflight_blocked(view: View) -> Fired | None:
    """A check found what blocks."""
    found = blocking(view)
    if not found:
        return None
    return Fired(trigger=Trigger.PREFLIGHT_BLOCKED, why=f"{named(tuple(one.key for one in found))}: {found[0].why}")


def unblocked(view: View) -> Fired | None:
    """The checks ran again, and nothing blocks any more."""
    if view.seen.findings is None or blocking(view):
        return None
    return Fired(trigger=Trigger.UNBLOCKED, why="nothing blocks any more")


def pod_unmeshed(view: View) -> Fired | None:
    """A pod without a proxy came up: what it is sent, nobody sees."""
    found = unmeshed(view)
    if not found or drift_hold(view) is not None:
        return None
    if change_hold(view.fleet, view.name) is not None:  # to be enrolled again is a change like another
        return None
    names = named(tuple(pod.name for pod in found))
    return Fired(trigger=Trigger.POD_UNMESHED, why=f"without a proxy, so what they are sent is not seen: {names}")


def plaintext_seen(view: View) -> Fired | None:
    """Somebody spoke plaintext after the soak."""
    return _plaintext(view.seen.plaintext.events)


def _plaintext(events: Iterable[Event]) -> Fired | None:
    found = callers(counting(events))
    if not found:
        return None
    first = found[0]
    return Fired(
        trigger=Trigger.PLAINTEXT_SEEN,
        why=f"{first.source} spoke plaintext to {first.destination} at {first.last:%H:%M:%S}",
    )


def caller_appeared(view: View) -> Fired | None:
    """A caller that is not in the mesh turned up: it cannot be enrolled while its neighbour changes."""
    hold = strict_hold(view.fleet, view.name)
    return Fired(trigger=Trigger.LIMIT_BROKEN, why=hold.message) if hold is not None else None


def plaintext_came(view: View) -> Fired | None:
    """Somebody speaks plaintext while the namespace becomes STRICT: that caller is refused, or will be at once."""
    found = _plaintext(event for event in view.seen.plaintext.events if counts_while_closing(view, event))
    return Fired(trigger=Trigger.LIMIT_BROKEN, why=found.why) if found is not None else None


def opened_otherwise(view: View) -> Fired | None:
    """Somebody opened it by hand: nobody closes it again, and all of it is opened."""
    why = opened_by_hand(view)
    return Fired(trigger=Trigger.OPENED_BY_HAND, why=why) if why else None


def exception_left(view: View) -> Fired | None:
    """Something is open for an exception that is gone: it is listened to again, and closed."""
    places = to_close(view)
    if not places or not view.is_wanted:
        return None
    return Fired(
        trigger=Trigger.EXCEPTION_LEFT, why=f"no exception is for {named(places)} any more: it is to be STRICT"
    )


def gone(view: View) -> Fired | None:
    """The namespace was deleted: a new one of the same name has proven nothing."""
    if view.namespace.exists:
        return None
    return Fired(trigger=Trigger.LIMIT_BROKEN, why="the namespace is gone")


def limit_broken(view: View) -> Fired | None:
    """Callers or pods suffer from what was changed."""
    found = broken(view)
    return Fired(trigger=Trigger.LIMIT_BROKEN, why="; ".join(found)) if found else None


def was_opened(view: View) -> Fired | None:
    """Every pod and port takes plaintext again, by the live objects; and, if that works soon, no tool puts it back."""
    if view.namespace.exists and opened(view.namespace, view.root):
        return None
    if suspensions(view) and view.in_stage() < SUSPENDED_WITHIN:
        return None
    return Fired(trigger=Trigger.OPENED, why="every pod and port takes plaintext again")


def rollback_goes_on(view: View) -> Fired | None:
    """Falling back was the first half of a rollback."""
    if not view.status.rolls_back:
        return None
    return Fired(trigger=Trigger.ROLLBACK_GOES_ON, why="open again, now everything is put back as it was")


def was_restored(view: View) -> Fired | None:
    """Nothing is left to put back."""
    if not view.status.recorded or not view.namespace.exists:
        return Fired(
            trigger=Trigger.RESTORED, why="nothing was written to it" if view.namespace.exists else "it is gone"
        )
    if rollback_holds(view) or rollback(view):
        return None
    still = kept_open(view.namespace, view.root, view.status.created)
    return Fired(trigger=Trigger.RESTORED, why=still or "everything is as it was before the first write")


def _forward(trigger: Trigger, why: Callable[[View], str]) -> Rule:
    def rule(view: View) -> Fired | None:
        return None if holds(view) else Fired(trigger=trigger, why=why(view))

    return rule


began = _forward(Trigger.BEGAN, lambda view: f"wave {view.spec.wave_of(view.name).name} has begun")
preflight_passed = _forward(Trigger.PREFLIGHT_PASSED, lambda _: "no check blocks, and every warning is acknowledged")
baseline_taken = _forward(Trigger.BASELINE_TAKEN, lambda _: "its callers were measured")
enrolled = _forward(Trigger.ENROLLED, lambda view: f"all {len(view.namespace.pods)} pods have a proxy and are ready")
control_seen = _forward(Trigger.CONTROL_SEEN, lambda _: "mTLS is seen, and every proxy is")
soaked = _forward(Trigger.SOAKED, lambda view: f"no plaintext for {view.status.soak.window}")
rehearsed = _forward(Trigger.REHEARSED, lambda _: "exceptions are written, and refused callers would be seen")
canary_verified = _forward(Trigger.CANARY_VERIFIED, lambda view: f"{view.status.canary} was well at STRICT")
strict_verified = _forward(Trigger.STRICT_VERIFIED, lambda _: "every caller was well at STRICT")
strict_soaked = _forward(Trigger.STRICT_SOAKED, lambda _: "STRICT, and watched for long enough")

RULES: Mapping[Stage, tuple[Rule, ...]] = {
    Stage.PENDING: (excepted, began),
    Stage.PREFLIGHT: (excepted, preflight_blocked, preflight_passed),
    Stage.BASELINE: (baseline_taken,),
    Stage.ENROLLING: (enrolled,),
    Stage.PERMISSIVE: (pod_unmeshed, control_seen),
    Stage.OBSERVING: (pod_unmeshed, soaked),
    Stage.REHEARSAL: (plaintext_seen, pod_unmeshed, rehearsed),
    Stage.STRICT_CANARY: (gone, opened_otherwise, limit_broken, plaintext_came, caller_appeared, canary_verified),
    Stage.STRICT: (gone, opened_otherwise, limit_broken, plaintext_came, strict_verified),
    Stage.STRICT_SOAK: (gone, opened_otherwise, limit_broken, strict_soaked),
    Stage.DONE: (gone, opened_otherwise, exception_left),
    Stage.BLOCKED: (excepted, unblocked),
    Stage.FALLING_BACK: (was_opened,),
    Stage.FALLEN_BACK: (rollback_goes_on,),
    Stage.ROLLING_BACK: (was_restored,),
    Stage.EXCEPTED: (exception_gone,),
}


def fired(view: View) -> Fired | None:
    """The first trigger that fires in this stage; None when none does."""
    for rule in RULES.get(view.stage, ()):
        found = rule(view)
        if found is not None:
            return found
    return None
