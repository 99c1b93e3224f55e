"""What keeps a namespace from going on? Each stage has its gates; an empty answer lets it pass."""

from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta

from rollout.migration.effects import exception_writes, forward
from rollout.migration.fleet import begin_hold, change_hold, strict_hold
from rollout.migration.gitops import CHECK, commit_hold
from rollout.migration.limits import suffering
from rollout.migration.mtls import live
from rollout.migration.mtls_exceptions import unwritable
from rollout.migration.self_test import self_test_reason
from rollout.migration.soaking import soak_holds
from rollout.migration.view import View, expired, unmeshed, unsettled
from rollout.model.migration import Finding, Severity, Stage
from rollout.model.status import Reason
from rollout.model.telemetry import Asked

_FEW = 3  # names in a sentence; the others are counted

Gate = Callable[[View], Iterator[Reason]]


def holds(view: View) -> tuple[Reason, ...]:
    """Why the namespace does not leave its stage forward, most important first; () when it may."""
    return tuple(GATES[view.stage](view)) if view.stage in GATES else ()


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
    )


def named(names: tuple[str, ...]) -> str:
    """The first few of them, and how many more there are."""
    more = len(names) - _FEW
    return ", ".join(names[:_FEW]) + (f" and {more} more" if more > 0 else "")


def _pending(view: View) -> Iterator[Reason]:
    yield from _of(begin_hold(view.fleet, view.name))


def _preflight(view: View) -> Iterator[Reason]:
    if view.seen.findings is None:
        yield Reason(code="NotChecked", message="the preflight checks have not run yet")
        return
    yield from _found(view)


def _found(view: View) -> Iterator[Reason]:
    if view.seen.findings is None:  # they hold until the checks run again
        if view.status.blocked:
            message = f"{view.status.blocked} findings block; see `rollout mesh preflight`"
            yield Reason(code="PreflightBlocks", message=message, warning=True)
        if view.status.warned:
            message = f"acknowledge or mend {view.status.warned} findings; see `rollout mesh preflight`"
            yield Reason(code="Unacknowledged", message=message)
    if blocking(view):
        keys = tuple(one.key for one in blocking(view))
        yield Reason(code="PreflightBlocks", message=f"mend {named(keys)}; see `rollout mesh preflight`", warning=True)
    if waiting(view):
        keys = tuple(one.key for one in waiting(view))
        message = f"acknowledge or mend {named(keys)}; see `rollout mesh preflight`"
        yield Reason(code="Unacknowledged", message=message)
    if expired(view):
        names = tuple(f"{one.owner}'s of {one.expires}" for one in expired(view))
        yield Reason(code="ExceptionExpired", message=f"exceptions have run out: {named(names)}; renew or mend them")


def _baseline(view: View) -> Iterator[Reason]:
    rest = view.spec.baseline - timedelta(seconds=view.in_stage())
    if rest > timedelta(0):
        yield Reason(code="MeasuringBaseline", message=f"callers are measured for another {_short(rest)}")
    if view.rows(Asked.SUCCESS) is None:
        yield _silent(view, Asked.SUCCESS)
    yield from _of(change_hold(view.fleet, view.name))


def _enrolling(view: View) -> Iterator[Reason]:
    yield from _of(commit_hold(view, forward(view)))
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
    look = view.seen.plaintext
    if not look.complete:
        yield Reason(code="CoverageIncomplete", message=look.gap)
    for asked in (Asked.MTLS, Asked.PLAINTEXT):
        if view.rows(asked) is None:
            yield _silent(view, asked)
            return
    # Callers of a first wave may all be outside yet: what they send in plaintext shows as well that proxies count.
    counted = any(row.value > 0 for asked in (Asked.MTLS, Asked.PLAINTEXT) for row in view.rows(asked) or ())
    if view.status.baseline and not counted:
        message = "its callers had requests before, and its proxies count none: the metrics do not work"
        yield Reason(code="NoPositiveControl", message=message)


def _observing(view: View) -> Iterator[Reason]:
    yield from _unmeshed(view)
    yield from soak_holds(view)
    yield from _of(self_test_reason(view))
    yield from _of(strict_hold(view.fleet, view.name))
    if view.seen.findings is None and view.status.looked is None:
        yield Reason(code="NotChecked", message="the preflight checks have not run yet")
    yield from _found(view)


def _rehearsal(view: View) -> Iterator[Reason]:
    yield from _unmeshed(view)
    todo = exception_writes(view)
    yield from _of(commit_hold(view, todo))
    if todo:
        yield Reason(code="ExceptionsPending", message=f"{todo[0]}: exceptions come before STRICT")
    for why in unwritable(view.namespace, view.root, view.spec.exceptions_of(view.name)):
        yield Reason(code="ExceptionUnwritable", message=why, warning=True)
    yield from _armed(view)
    yield from _of(strict_hold(view.fleet, view.name))
    yield from _of(change_hold(view.fleet, view.name))
    yield from _found(view)


def _armed(view: View) -> Iterator[Reason]:
    """Whether each proxy would tell of a refused caller: a counter that is absent is not zero."""
    rows = view.rows(Asked.REFUSALS_EXIST)
    if rows is None:
        yield _silent(view, Asked.REFUSALS_EXIST)
        return
    told = {row.label("pod") for row in rows}
    mute = tuple(pod.name for pod in live(view.namespace) if pod.meshed and pod.name not in told)
    if mute:
        message = (
            f"refused callers would stay unseen at {named(mute)}: export envoy_listener_* "
            "(proxyStatsMatcher.inclusionPrefixes: [listener.]) and restart the pods"
        )
        yield Reason(code="RefusalsUnseen", message=message)


def _strict(view: View) -> Iterator[Reason]:
    yield from _of(commit_hold(view, forward(view)))
    if view.status.in_force is None:
        yield Reason(code="NotInForce", message="STRICT is not what every pod has yet")
        yield from _of(change_hold(view.fleet, view.name))
        return
    rest = view.spec.verify - (view.now - view.status.in_force)
    if rest > timedelta(0):
        message = (
            f"verified for another {_short(rest)}; open connections are cut {_short(view.spec.drain)} after the flip"
        )
        yield Reason(code="Verifying", message=message)
    if view.status.dark_since is not None:
        yield Reason(code="TelemetryMissing", message="the metrics server cannot say how callers fare")


def _strict_canary(view: View) -> Iterator[Reason]:
    yield from _strict(view)
    yield from _of(change_hold(view.fleet, view.name)) if view.status.in_force is not None else ()


def _strict_soak(view: View) -> Iterator[Reason]:
    yield from _of(commit_hold(view, forward(view)))
    rest = view.spec.strict_soak - timedelta(seconds=view.in_stage())
    if rest > timedelta(0):
        yield Reason(code="Soaking", message=f"watched at STRICT for another {_short(rest)}")
    if view.status.dark_since is not None:
        yield Reason(code="TelemetryMissing", message="the metrics server cannot say how callers fare")


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
