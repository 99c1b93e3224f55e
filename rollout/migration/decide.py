"""What is to be done about a MeshMigration now? One value out; nothing here looks, acts or waits.

Namespaces are decided one after the other, and each sees what was decided before it: so no two neighbours begin to
change in one tick.
"""

from dataclasses import replace
from datetime import datetime

from rollout.migration.closing import closing_announced
from rollout.migration.effects import wanted
from rollout.migration.fleet import Fleet
from rollout.migration.freezing import freeze_moments
from rollout.migration.graph import Call, calls_of
from rollout.migration.moves import moved
from rollout.migration.mtls import live
from rollout.migration.mtls_restore import snapshot
from rollout.migration.orders import Desk, obeyed
from rollout.migration.proving import digest, facts
from rollout.migration.self_test import due, seen_now, with_probe
from rollout.migration.soaking import plaintext_calls
from rollout.migration.stages import AT_LEAST_CANARY, FORWARD, TRANSITIONS, Trigger
from rollout.migration.telling import WRITTEN, conditions, cut_announced, next_sentence, reasons, wake_at
from rollout.migration.tracking import tracked
from rollout.migration.triggers import Fired, fired
from rollout.migration.view import View, unmeshed
from rollout.model.migration import MigrationSpec, MigrationStatus, NamespaceStatus, Proven, Stage
from rollout.model.migration_seen import FleetSeen, MigrationDecision, NamespaceActions, Probe, Replied
from rollout.model.status import Reason

_ALARMING = frozenset(
    {
        *(Trigger.LIMIT_BROKEN, Trigger.FALLBACK_ASKED, Trigger.OPENED_BY_HAND),
        *(Trigger.PREFLIGHT_BLOCKED, Trigger.PLAINTEXT_SEEN),
    }
)
QUIET = frozenset(
    {
        "MeasuringBaseline",
        "Verifying",
        "Soaking",
        "NotChecked",
        "NotInForce",
        "Restarting",
        "FormerWave",
        "FirstScrapes",
        "SoakNotStarted",
        "SelfTestMissing",
        "SelfTestPending",
        "SelfTestOld",
    }
)
_OPENING = frozenset({Stage.FALLING_BACK, Stage.ROLLING_BACK})
# What may happen to a namespace that the spec names no more: back, never on.
_BACK = frozenset(
    {
        *(Trigger.LIMIT_BROKEN, Trigger.OPENED_BY_HAND, Trigger.OPENED),
        *(Trigger.ROLLBACK_GOES_ON, Trigger.RESTORED),
    }
)
_UNTOUCHED = frozenset(
    {Stage.PENDING, Stage.PREFLIGHT, Stage.BASELINE, Stage.BLOCKED, Stage.EXCEPTED, Stage.ROLLED_BACK}
)


def decide(spec: MigrationSpec, status: MigrationStatus, seen: FleetSeen, now: datetime) -> MigrationDecision:
    """The new status, what to write, what to announce, and when time alone may change something."""
    known = {one.name: one for one in status.namespaces}
    names = (*spec.namespaces, *sorted(name for name in known.keys() - set(spec.namespaces) if _is_left(known[name])))
    status = replace(status, namespaces=tuple(known.get(name, NamespaceStatus(name=name)) for name in names))
    orders = obeyed(
        Desk(spec=spec, approvals=seen.approvals, actors_bound=seen.actors_bound, now=now), status, seen.commands
    )
    status = orders.status
    fleet = fleet_of(spec, status, seen, now)
    actions: list[NamespaceActions] = []
    events = list(orders.told)
    moments: list[datetime] = []
    known = {one.name: one for one in status.namespaces}
    for name in names:
        if name not in seen.namespaces:
            continue
        before = known[name]
        view, fire = _advanced(_view(before, seen, fleet, now), orders.fires.get(name))
        probe = due(view) if fire is None else None
        view = view.of(with_probe(view, probe)) if probe is not None else view
        done = _actions(view, before, fire, probe)
        view = _told(view) if fire is None else view.of(replace(view.status, reasons=(), next=""))
        known[name] = view.status
        if _seen_by_others(before) != _seen_by_others(view.status):
            status = replace(status, namespaces=tuple(known.values()))
            fleet = replace(fleet, status=status)
        actions += [done] if done is not None else []
        cut = closing_announced(view, done.writes) if done is not None else None
        events += [(name, reason) for reason in (*_news(before, view, fire), *([cut] if cut is not None else []))]
        moments += _moments(view, fire, done)
    moments += freeze_moments(seen.freezes, now)
    status = _summed_up(spec, replace(status, namespaces=tuple(known.values())), now)
    return MigrationDecision(
        status=status,
        actions=tuple(actions),
        replies=tuple(Replied(command=one.uid, result=one.result, message=one.message) for one in orders.news),
        events=tuple(events),
        wake_at=min(moments) if moments else None,
    )


def _view(status: NamespaceStatus, seen: FleetSeen, fleet: Fleet, now: datetime) -> View:
    return View(
        status=status,
        seen=seen.namespaces[status.name],
        fleet=fleet,
        root=seen.root,
        periods=seen.periods,
        unkept=seen.unkept.get(status.name, ""),
        budgets=seen.budgets,
        unbudgeted=seen.unbudgeted,
        now=now,
    )


def _seen_by_others(one: NamespaceStatus) -> tuple[object, ...]:
    """All that the holds of another namespace look at: a fleet is costly to work out anew."""
    return one.stage, one.fallbacks, one.blocked


def fleet_of(spec: MigrationSpec, status: MigrationStatus, seen: FleetSeen, now: datetime) -> Fleet:
    """The fleet at the beginning of a tick. A caller that the metrics cannot name is the ledger's matter, not the graph's."""
    own = seen.namespaces
    known = {one.name: one for one in status.namespaces}
    edges = [Call(caller=edge.source, callee=edge.target) for edge in seen.edges or () if edge.source]
    edges += (
        call
        for name, one in own.items()
        for call in plaintext_calls(spec, known.get(name, NamespaceStatus(name=name)), one, now)
    )
    calls = calls_of(edges)
    fleet = Fleet(
        spec=spec,
        status=status,
        calls=calls,
        enrolled=frozenset(),
        rollouts={name: one.namespace.rollouts for name, one in own.items() if one.namespace.rollouts},
        taken=seen.taken,
        approvals=seen.approvals,
        freezes=seen.freezes,
        frozen="" if seen.edges is not None else "the metrics server cannot say who calls whom",
        now=now,
    )
    views = (
        View(status=known.get(name, NamespaceStatus(name=name)), seen=one, fleet=fleet, root=seen.root, now=now)
        for name, one in own.items()
    )
    ours = {view.name for view in views if live(view.namespace) and not unmeshed(view)}
    return replace(fleet, enrolled=frozenset(ours | (seen.meshed - own.keys())))


def _advanced(view: View, asked: Fired | None) -> tuple[View, Fired | None]:
    """The view after this look and at most one move; what a person asked for comes before what fires by itself."""
    view = view.of(tracked(view))
    fire = asked if asked is not None and asked.trigger in TRANSITIONS[view.stage] else _by_itself(view)
    return (view.of(moved(view, fire)), fire) if fire is not None else (view, None)


def _by_itself(view: View) -> Fired | None:
    """What fires without a person. What the spec names no more only goes back."""
    if view.is_wanted:
        return fired(view)
    found = fired(view) if view.stage in _OPENING | AT_LEAST_CANARY or view.status.rolls_back else None
    return found if found is not None and found.trigger in _BACK else None


def _is_left(one: NamespaceStatus) -> bool:
    """Whether something of ours may be left in a namespace that the spec names no more."""
    return one.stage not in _UNTOUCHED or one.recorded or bool(one.created)


def _actions(view: View, before: NamespaceStatus, fire: Fired | None, probe: Probe | None) -> NamespaceActions | None:
    """What is written for it: after a move first its proof and, before anything else is, the snapshot."""
    opens = view.stage in _OPENING
    writes = wanted(view)
    if view.stage is not Stage.FALLING_BACK:
        writes = writes[:1]
    forward = fire is not None and _is_forward(before.stage, view.stage)
    takes = _takes_snapshot(fire) and not before.recorded  # one that is taken again would hold our own writes
    kept = snapshot(view.namespace, view.seen.raw, view.now) if takes else None
    if kept is not None:
        writes = ()  # the snapshot is durable before the first write
    if not writes and not forward and kept is None and probe is None:
        return None
    return NamespaceActions(
        namespace=view.name,
        writes=writes,
        proof=_proof(view, before, fire) if fire is not None and forward else None,
        snapshot=kept,
        opens=opens,
        probe=probe,
    )


def _takes_snapshot(fire: Fired | None) -> bool:
    return fire is not None and fire.trigger in (Trigger.PREFLIGHT_PASSED, Trigger.BASELINE_TAKEN)


def _is_forward(before: Stage, after: Stage) -> bool:
    return before in FORWARD and after in FORWARD and FORWARD.index(after) > FORWARD.index(before)


def _proof(view: View, before: NamespaceStatus, fire: Fired) -> Proven:
    found = facts(view.of(replace(before, reasons=())), fire)
    proof = Proven(stage=before.stage, to=view.stage, at=view.now, facts=found, digest="")
    return replace(proof, digest=digest(proof))


def _told(view: View) -> View:
    why = reasons(view)
    return view.of(replace(view.status, reasons=why, next=next_sentence(view, why)))


def _news(before: NamespaceStatus, view: View, fire: Fired | None) -> tuple[Reason, ...]:
    """That plaintext is noticed, the move, and holds that were not there before."""
    after = view.status
    news = [seen] if (seen := seen_now(before, after)) is not None else []
    if fire is not None:
        moved_to = f"{before.stage} -> {after.stage}: {fire.why}"
        news.append(Reason(code=fire.trigger, message=moved_to, warning=fire.trigger in _ALARMING))
        cut = cut_announced(view, fire.trigger)
        news += [cut] if cut is not None else []
    news += _new_callers(before, after)
    known = {reason.code for reason in before.reasons} | QUIET
    return (*news, *(reason for reason in after.reasons if reason.code not in known))


def _new_callers(before: NamespaceStatus, after: NamespaceStatus) -> list[Reason]:
    """Who speaks plaintext for the first time; that one goes on speaking it is no news."""
    known = {(one.workload, one.source) for one in before.callers}
    return [
        Reason(
            code="PlaintextCaller",
            message=f"{one.source or 'a caller that the proxies cannot name'} spoke plaintext to {one.workload}: "
            "the soak begins again",
        )
        for one in after.callers
        if (one.workload, one.source) not in known
    ]


def _moments(view: View, fire: Fired | None, done: NamespaceActions | None) -> list[datetime]:
    if fire is not None:
        return [view.now]
    found = [view.now + WRITTEN] if done is not None else []
    moment = wake_at(view)
    return [*found, moment] if moment is not None else found


def _summed_up(spec: MigrationSpec, status: MigrationStatus, now: datetime) -> MigrationStatus:
    """What the whole migration is: the first wave that is not done, how many are, and what holds it."""
    ended = (Stage.DONE, Stage.EXCEPTED)
    stages = status.stages
    wave = next((one.name for one in spec.waves if any(stages[name] not in ended for name in one.namespaces)), "")
    done = sum(stages[name] in ended for name in spec.namespaces)
    paused = (Reason(code="Paused", message=status.paused),) if status.paused else ()
    suspended = (Reason(code="Suspended", message="spec.suspend: nothing goes forward"),) if spec.suspend else ()
    total = len(spec.namespaces)
    status = replace(
        status,
        wave=wave,
        done=done,
        reasons=(*paused, *suspended),
        next=f"{done} of {total} namespaces are done" + (f"; wave {wave} is next" if wave else ""),
    )
    return replace(status, conditions=conditions(spec, status, now))
