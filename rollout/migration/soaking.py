"""Was it quiet for long enough in this namespace, and who was not?

What that means is asked of `policies.soak`; this file says what it is asked about.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta
from hashlib import sha256

from policies.ledger_events import UNKNOWN, callers, counting
from policies.soak import Mark, Seen, Setting, Skip, Window, changes, clock, soaked, window
from policies.soak_evidence import Caller, Exempt, accounted
from policies.soak_hold import Hold
from rollout.migration.attribution import namespace_of
from rollout.migration.graph import Call
from rollout.migration.view import View
from rollout.model.migration import Exemption, MigrationSpec, NamespaceStatus, Stage
from rollout.model.migration_marks import PlaintextCaller, SoakMark
from rollout.model.migration_seen import NamespaceSeen
from rollout.model.status import Reason

REFRESH = timedelta(seconds=60)  # a look that tells nothing new is written down this often: each write costs
MOST_CALLERS = 20
MOST_KNOWN = 100
_SOAKING = frozenset({Stage.OBSERVING, Stage.REHEARSAL})
_NO_CYCLE = timedelta(0)


def soaked_on(view: View) -> NamespaceStatus:
    """The status after this look: the clock goes on, or begins again and says why."""
    if view.stage not in _SOAKING and not view.status.closing:
        return view.status
    status, look = view.status, view.seen.plaintext
    mark, known = status.soak, _known(view)
    before = _setting(mark.known) if mark.known else _setting(known)
    changed = (*_left(mark.known, known), *changes(before, _setting(known)))
    seen = Seen(events=look.events, gap=look.silent, changes=changed, complete=look.complete)
    after, why = clock(_mark(mark), seen, view.now)
    news = _is_news(mark, after, why) or bool(look.events)
    if not news and mark.known == known and mark.window == needed(view).length:
        return status
    kept = SoakMark(
        clock=after.clock,
        window=needed(view).length,
        restarted=after.restarted,
        looked=after.looked,
        last_event=after.last_event,
        known_until=look.known_until or mark.known_until,
        known=known,
        skipped_by=after.skipped.by if after.skipped else "",
        skipped_why=after.skipped.reason if after.skipped else "",
    )
    return replace(status, soak=kept, callers=_callers(view))


def soak_holds(view: View) -> Iterator[Reason]:
    """Why it was not quiet for long enough."""
    look = view.seen.plaintext
    if not look.complete:
        yield Reason(code="CoverageIncomplete", message=look.gap)
    if view.periods is None:
        yield Reason(code="CallersUnread", message="the cluster's CronJobs, which may call, cannot be listed")
    kept = mark = _mark(view.status.soak)
    if view.status.soak.looked is not None and look.complete:
        mark = replace(mark, looked=view.now)
    wait = needed(view)
    hold = soaked(mark, wait, view.now)
    if hold is not None:
        yield _reason(soaked(kept, wait, view.now) or hold)  # in words that do not change with every look
    for name in wait.beyond_cap:
        found = next(one for one in _cron_callers(view) if one.name == name)
        missing = accounted(found, view.status.soak.clock, view.now)
        if missing is not None and mark.skipped is None:
            yield _reason(missing)


def plaintext_calls(spec: MigrationSpec, status: NamespaceStatus, seen: NamespaceSeen, now: datetime) -> Iterator[Call]:
    """The calls of those whom the logs could name, until it was quiet for as long as a soak takes, or a person says so."""
    if status.soak.skipped_by:
        return
    window = status.soak.window or spec.soak
    for one in (*status.callers, *seen.plaintext.named):
        caller = namespace_of(one.source)
        if caller and now - one.last < window:
            yield Call(caller=caller, callee=status.name, seen_mtls=False)


def needed(view: View) -> Window:
    """How long it must be quiet: the spec's soak, or twice the longest period of a CronJob of the cluster."""
    return window(view.spec.soak, _NO_CYCLE, {one.name: one.period for one in _cron_callers(view)})


def _cron_callers(view: View) -> tuple[Caller, ...]:
    enrolled = view.fleet.enrolled
    return tuple(
        Caller(
            name=str(one),
            period=one.longest,
            meshed_statically=one.namespace in enrolled,
            last_success=one.ran,
            exception=_exempt(view),
        )
        for one in view.periods or ()
    )


def _exempt(view: View) -> Exempt | None:
    found = [one for one in view.spec.exceptions_of(view.name) if one.is_whole_namespace]
    return Exempt(owner=found[0].owner, expires=found[0].expires) if found else None


def _reason(hold: Hold) -> Reason:
    return Reason(code=hold.code, message=hold.sentence)


def _is_news(before: SoakMark, after: Mark, why: str) -> bool:
    """Whether the look is worth a write of the status."""
    if why or (before.clock is None) != (after.clock is None) or before.looked is None:
        return True
    return after.looked is not None and after.looked - before.looked >= REFRESH


def _mark(mark: SoakMark) -> Mark:
    skip = None
    if mark.skipped_by and mark.clock is not None:
        skip = Skip(by=mark.skipped_by, reason=mark.skipped_why, at=mark.clock)
    return Mark(
        clock=mark.clock, looked=mark.looked, restarted=mark.restarted, last_event=mark.last_event, skipped=skip
    )


def _known(view: View) -> tuple[str, ...]:
    """What must stay as it is while the clock runs, as texts that fit into the status."""
    namespace = view.namespace
    found = [f"workload={one}" for one in namespace.workloads]
    found += [f"service={name}" for name in namespace.services]
    found += [f"exception={_digest(f'{sorted(one.workload.items())} {one.port}')}" for one in _exceptions(view)]
    # Ours change by our own hand; that somebody else changed them is told by `drift`.
    found += [f"policy={peer.name}={_digest(peer.spec)}" for peer in namespace.peers if peer.ours != view.spec.name]
    found += [f"policy={peer.namespace}/{peer.name}={_digest(peer.spec)}" for peer in view.root]
    found += [f"caller={name}" for name in view.fleet.calls.callers_of(view.name) if name not in view.fleet.enrolled]
    ordered = sorted(set(found))
    if len(ordered) <= MOST_KNOWN:
        return tuple(ordered)
    rest = _digest("\n".join(ordered[MOST_KNOWN:]))  # of so many the rest is one: any change of it counts
    return (*ordered[:MOST_KNOWN], f"policy=more={rest}")


def _exceptions(view: View) -> tuple[Exemption, ...]:
    return view.spec.exceptions_of(view.name)


def _left(before: tuple[str, ...], after: tuple[str, ...]) -> tuple[str, ...]:
    """A sentence where an exception is gone: what it accounted for was no silence."""
    gone = {text for text in before if text.startswith("exception=")} - {*after}
    return (f"{len(gone)} exceptions left the spec",) if gone else ()


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:8]


def _setting(known: tuple[str, ...]) -> Setting:
    def of(kind: str) -> list[str]:
        return [text.removeprefix(f"{kind}=") for text in known if text.startswith(f"{kind}=")]

    policies = (text.rpartition("=") for text in of("policy"))
    return Setting(
        workloads=frozenset(of("workload")),
        services=frozenset(of("service")),
        unmeshed_callers=frozenset(of("caller")),
        versions={},
        policies={name: digest for name, _, digest in policies},
    )


def _callers(view: View) -> tuple[PlaintextCaller, ...]:
    """Who spoke plaintext so far, the last ones first; the calls of one caller are added up."""
    known = {(one.workload, one.source): one for one in view.status.callers}
    look = view.seen.plaintext
    found = [*look.named]
    for one in callers(counting(look.events)):
        source = "" if one.source == UNKNOWN else one.source
        told = 0 if source else sum(named.calls for named in look.named if named.workload == one.destination)
        if one.times > told:
            calls = one.times - told
            found.append(PlaintextCaller(workload=one.destination, source=source, calls=calls, last=one.last))
    for each in found:
        before = known.get((each.workload, each.source))
        calls = each.calls + (before.calls if before else 0)
        known[each.workload, each.source] = replace(each, calls=calls)
    newest = sorted(known.values(), key=lambda one: (one.last, one.workload, one.source), reverse=True)
    return tuple(newest[:MOST_CALLERS])
