"""What keeps a namespace from going on? Each stage has its gates; an empty answer lets it pass."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from rollout.migration.closing import closing_holds
from rollout.migration.drift import drift_hold
from rollout.migration.effects import exception_writes, forward
from rollout.migration.fleet import begin_hold, change_hold, expired_hold, strict_hold
from rollout.migration.gitops import CHECK, commit_hold
from rollout.migration.limits import expiring, mute, suffering, uncallable, unready
from rollout.migration.mtls import live
from rollout.migration.mtls_exceptions import unwritable
from rollout.migration.needs import CHECKED_WITHIN, FEWEST_SCRAPES, WATCHED_BEFORE
from rollout.migration.self_test import self_test_reason
from rollout.migration.soaking import soak_holds
from rollout.migration.view import View, may_speak_plaintext, named, unmeshed, unsettled
from rollout.model.migration import Finding, Severity, Stage
from rollout.model.status import Reason
from rollout.model.telemetry import Asked

_LISTENING = frozenset({Stage.OBSERVING, Stage.REHEARSAL})

Gate = Callable[[View], Iterator[Reason]]


def holds(view: View) -> tuple[Reason, ...]:
    """Why the namespace does not leave its stage forward, most important first; () when it may."""
    if view.stage not in GATES:
        return ()
    if not view.namespace.exists:
        return (
            Reason(code="NamespaceGone", message=f"{view.name} is not there: create it, or take it out of its wave"),
        )
    drift = drift_hold(view)
    found = [*_of(drift), *_unbudgeted(view), *GATES[view.stage](view)]
    if view.unkept:
        found.append(Reason(code="RecordNotKept", message=f"its record cannot be written: {view.unkept}", warning=True))
    return tuple(
        {reason.code: reason for reason in reversed(found)}[code] for code in dict.fromkeys(one.code for one in found)
    )


def blocking(view: View) -> tuple[Finding, ...]:
    """Findings that no acknowledgement helps against; () also when the checks did not run."""
    return tuple(one for one in view.seen.findings or () if one.severity is Severity.BLOCK)


def waiting(view: View) -> tuple[Finding, ...]:
    """Warnings for which nobody took responsibility yet.

    That a GitOps tool applies something is none: without a person's word, its writes are left to a commit.
    """
    known = {one.key for one in view.status.acknowledged}
    return tuple(
        one
        for one in view.seen.findings or ()
        if one.severity is Severity.WARN and one.check != CHECK and one.key not in known and one.check not in known
        if not (view.stage in _LISTENING and one.check == "CALLER-01" and not one.caller)  # the soak says who calls
    )


def _unbudgeted(view: View) -> Iterator[Reason]:
    for why in view.unbudgeted:
        yield Reason(code="BudgetMissing", message=why, warning=True)


def _pending(view: View) -> Iterator[Reason]:
    yield from _of(begin_hold(view.fleet, view.name))


def _preflight(view: View) -> Iterator[Reason]:
    yield from _found(view)


def _found(view: View) -> Iterator[Reason]:
    """What the checks found; between two runs of them what the last one found goes on to count, for a while."""
    yield from _of(expired_hold(view.fleet, view.name))
    looked = view.status.looked
    if view.seen.findings is None and (looked is None or view.now - looked > CHECKED_WITHIN):
        yield Reason(code="NotChecked", message="the preflight checks have not run, or not for long")
        return
    if view.seen.findings is None and view.status.blocked:
        message = f"mend what the {view.status.blocked} checks found; see `rollout mesh preflight`"
        yield Reason(code="PreflightBlocks", message=message, warning=True)
    if view.seen.findings is None and view.status.warned:
        message = f"acknowledge or mend {view.status.warned} findings; see `rollout mesh preflight`"
        yield Reason(code="Unacknowledged", message=message)
    if blocking(view):
        keys = tuple(one.key for one in blocking(view))
        yield Reason(code="PreflightBlocks", message=f"mend {named(keys)}; see `rollout mesh preflight`", warning=True)
    if waiting(view):
        keys = tuple(one.key for one in waiting(view))
        message = f"acknowledge or mend {named(keys)}; see `rollout mesh preflight`"
        yield Reason(code="Unacknowledged", message=message)


def _baseline(view: View) -> Iterator[Reason]:
    rest = view.spec.baseline - timedelta(seconds=view.in_stage())
    if rest > timedelta(0):
        yield Reason(code="MeasuringBaseline", message=f"callers are measured for another {_short(rest)}")
    for asked in (Asked.REQUESTS, Asked.CONNECTIONS):
        if view.rows(asked) is None:
            yield _silent(view, asked)
    yield from _of(change_hold(view.fleet, view.name))


def _enrolling(view: View) -> Iterator[Reason]:
    yield from _of(commit_hold(view, forward(view)))
    if view.status.in_force is None:
        yield Reason(code="NotInForce", message="its label and its own PERMISSIVE are not both there yet")
    if unmeshed(view):
        by_hand = tuple(pod.name for pod in unmeshed(view) if not pod.workload)
        if by_hand:
            message = f"nobody makes these pods anew: delete and create {named(by_hand)}, or except them"
            yield Reason(code="ByHand", message=message)
    yield from _unmeshed(view)
    if unsettled(view):
        names = tuple(str(one) for one in unsettled(view))
        yield Reason(code="Restarting", message=f"not all new and ready: {named(names)}")
    for why in suffering(view):
        yield Reason(code="CallersSuffer", message=why, warning=True)
    yield from _of(change_hold(view.fleet, view.name))


def _unmeshed(view: View) -> Iterator[Reason]:
    names = tuple(pod.name for pod in unmeshed(view))
    if names:
        yield Reason(code="PodsUnmeshed", message=f"without a proxy: {named(names)}")


def _permissive(view: View) -> Iterator[Reason]:
    yield from _unmeshed(view)
    is_early = view.in_stage() < FEWEST_SCRAPES * view.spec.interval.total_seconds()
    for one in _uncontrolled(view):  # new proxies have told nothing yet: that holds, but alarms nobody
        yield replace(one, code="FirstScrapes") if is_early else one


def _uncontrolled(view: View) -> Iterator[Reason]:
    """Why it is not known that its proxies would tell of plaintext."""
    look = view.seen.plaintext
    if not look.complete:
        yield Reason(code="CoverageIncomplete", message=look.gap)
    for asked in (Asked.MTLS, Asked.PLAINTEXT):
        if view.rows(asked) is None:
            yield _silent(view, asked)
            return
    # Callers of a first wave may all be outside yet: what they send in plaintext shows as well that proxies count.
    counted = any(row.value > 0 for asked in (Asked.MTLS, Asked.PLAINTEXT) for row in view.rows(asked) or ())
    if any(one.success is not None for one in view.status.baseline) and not counted:
        message = "its callers had requests before, and its proxies count none: the metrics do not work"
        yield Reason(code="NoPositiveControl", message=message)


def _observing(view: View) -> Iterator[Reason]:
    yield from _unmeshed(view)
    yield from soak_holds(view)
    yield from _still_open(view)
    yield from _of(self_test_reason(view))
    yield from _of(strict_hold(view.fleet, view.name))
    yield from _found(view)


def _still_open(view: View) -> Iterator[Reason]:
    """Connections without mTLS that were there before anybody listened count nothing new, and would be cut."""
    rows = view.rows(Asked.PLAINTEXT_OPEN)
    if rows is None:
        yield _silent(view, Asked.PLAINTEXT_OPEN)
        return
    let = {pod.name for pod in live(view.namespace) if may_speak_plaintext(view, pod)}
    pods = tuple(sorted({row.label("pod") for row in rows if row.value > 0 and row.label("pod") not in let}))
    if pods:
        yield Reason(code="PlaintextOpen", message=f"connections without mTLS are open to {named(pods)}")


def _rehearsal(view: View) -> Iterator[Reason]:
    yield from _unmeshed(view)
    yield from soak_holds(view)
    yield from _still_open(view)
    for why in unready(view):
        yield Reason(code="Restarting", message=why)
    todo = exception_writes(view)
    yield from _of(commit_hold(view, todo))
    if todo:
        yield Reason(code="ExceptionsPending", message=f"{todo[0]}: exceptions come before STRICT")
    for why in unwritable(view.namespace, view.root, view.spec.exceptions_of(view.name)):
        yield Reason(code="ExceptionUnwritable", message=why, warning=True)
    yield from _armed(view)
    yield from _watched(view)
    yield from _of(strict_hold(view.fleet, view.name))
    yield from _of(change_hold(view.fleet, view.name))
    yield from _found(view)


def _watched(view: View) -> Iterator[Reason]:
    """Whether all that would take STRICT back can be seen, and is well before it: else the change would be blamed."""
    for asked in WATCHED_BEFORE:
        if view.rows(asked) is None and (asked is not Asked.RECENT or view.budgets):
            yield _silent(view, asked)
    yield from _webhooks(view)
    for why in uncallable(view):
        message = f"{why} lately, and that before STRICT: mend it first"
        yield Reason(code="WebhookUncallable", message=message, warning=True)
    for why in expiring(view):
        yield Reason(code="CertificateEnding", message=f"{why} and is not renewed: mend that first", warning=True)


def _webhooks(view: View) -> Iterator[Reason]:
    if view.seen.webhooks is None:
        message = "the cluster's webhook configurations cannot be listed: some may be served here"
        yield Reason(code="WebhooksUnread", message=message)


def _armed(view: View) -> Iterator[Reason]:
    """Whether each proxy would tell of a refused caller."""
    if view.rows(Asked.REFUSALS_EXIST) is None:
        yield _silent(view, Asked.REFUSALS_EXIST)
        return
    pods = mute(view)
    if pods:
        message = (
            f"refused callers would stay unseen at {named(pods)}: export envoy_listener_* "
            "(proxyStatsMatcher.inclusionPrefixes: [listener.]) and restart the pods; where nothing is intercepted, "
            "name the proxies' listeners by --mesh-inbound"
        )
        yield Reason(code="RefusalsUnseen", message=message)


def _strict(view: View) -> Iterator[Reason]:
    yield from _of(commit_hold(view, forward(view)))
    yield from _unmeshed(view)
    yield from closing_holds(view)
    if not view.seen.plaintext.complete:
        yield Reason(code="CoverageIncomplete", message=view.seen.plaintext.gap)
    if view.status.in_force is None:
        yield Reason(code="NotInForce", message="STRICT is not what every pod has yet")
        yield from _of(change_hold(view.fleet, view.name))
        return
    yield from _verified(view, view.status.in_force)
    yield from _dark(view)


def _verified(view: View, since: datetime) -> Iterator[Reason]:
    rest = view.spec.verify - (view.now - since)
    if rest > timedelta(0):
        message = (
            f"verified for another {_short(rest)}; open connections are cut {_short(view.spec.drain)} after the flip"
        )
        yield Reason(code="Verifying", message=message)


def _strict_canary(view: View) -> Iterator[Reason]:
    yield from _strict(view)
    yield from _of(change_hold(view.fleet, view.name)) if view.status.in_force is not None else ()


def _strict_soak(view: View) -> Iterator[Reason]:
    yield from _of(commit_hold(view, forward(view)))
    rest = view.spec.strict_soak - timedelta(seconds=view.in_stage())
    if rest > timedelta(0):
        yield Reason(code="Soaking", message=f"watched at STRICT for another {_short(rest)}")
    yield from closing_holds(view)
    if view.status.in_force is not None:  # what was closed in this stage is verified like a flip
        yield from _verified(view, view.status.in_force)
    yield from _unmeshed(view)
    yield from _dark(view)


def _dark(view: View) -> Iterator[Reason]:
    if view.status.dark_since is not None:
        yield Reason(code="TelemetryMissing", message="the metrics server cannot say how callers fare")
    yield from _armed(view)
    yield from _webhooks(view)


def _of(hold: Reason | None) -> Iterator[Reason]:
    if hold is not None:
        yield hold


def _silent(view: View, asked: Asked) -> Reason:
    answer = view.seen.answers.get(asked)
    why = answer.problem if answer is not None and answer.problem else "it was not asked yet"
    return Reason(code="TelemetryMissing", message=f"{asked}: {why}")


def _short(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    for unit, size in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {unit}"
    return f"{max(seconds, 1)} s"


GATES: Mapping[Stage, Gate] = {
    Stage.PENDING: _pending,
    Stage.PREFLIGHT: _preflight,
    Stage.BASELINE: _baseline,
    Stage.ENROLLING: _enrolling,
    Stage.PERMISSIVE: _permissive,
    Stage.OBSERVING: _observing,
    Stage.REHEARSAL: _rehearsal,
    Stage.STRICT_CANARY: _strict_canary,
    Stage.STRICT: _strict,
    Stage.STRICT_SOAK: _strict_soak,
}
