"""What must open at once, whatever else can be seen?

It looks at the status, the objects and the commands alone: no metrics, no records, no checks, and if it must be no spec.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from rollout.migration.fleet import Fleet
from rollout.migration.graph import calls_of
from rollout.migration.moves import moved
from rollout.migration.mtls_writes import opened
from rollout.migration.orders import Desk, changed_in, obeyed
from rollout.migration.stages import TRANSITIONS
from rollout.migration.view import View
from rollout.model.commands import Command, Verb
from rollout.model.mesh import Mtls, PeerAuth
from rollout.model.migration import MigrationSpec, MigrationStatus, Stage
from rollout.model.migration_seen import FleetSeen, MigrationDecision, NamespaceActions, Replied
from rollout.model.status import Reason

_OPENS = frozenset({Verb.ABORT, Verb.FALLBACK})


def any_root(now: datetime) -> tuple[PeerAuth, ...]:
    """What stands for a mesh's own policies that nobody can name: they could say STRICT."""
    return (
        PeerAuth(
            namespace="", name="default", uid="", version="", created=now, selector={}, mode=Mtls.STRICT, ports={}
        ),
    )


def is_urgent(status: MigrationStatus, commands: Iterable[Command]) -> bool:
    """Whether there may be something to open."""
    return any(one.verb in _OPENS for one in commands) or Stage.FALLING_BACK in status.stages.values()


def opening(spec: MigrationSpec, status: MigrationStatus, seen: FleetSeen, now: datetime) -> MigrationDecision | None:
    """What urgent commands do, and the writes of fallbacks that had begun; None when there is neither."""
    urgent = tuple(one for one in seen.commands if one.verb in _OPENS)
    orders = obeyed(Desk(spec=spec, actors_bound=seen.actors_bound, now=now), status, urgent)
    status = orders.status
    fleet = Fleet(spec=spec, status=status, calls=calls_of(()), enrolled=frozenset(), rollouts={}, frozen="", now=now)
    actions, events = [], list(orders.told)
    for before in status.namespaces:
        if before.name not in seen.namespaces:
            continue
        view = View(status=before, seen=seen.namespaces[before.name], fleet=fleet, root=seen.root, now=now)
        fire = orders.fires.get(before.name)
        if fire is not None and fire.trigger in TRANSITIONS[before.stage]:
            view = view.of(replace(moved(view, fire), reasons=(), next=""))
            message = f"{before.stage} -> {view.stage}: {fire.why}"
            events.append((before.name, Reason(code=fire.trigger, message=message, warning=True)))
            status = changed_in(status, view.status)
        if view.stage is Stage.FALLING_BACK and view.namespace.exists:
            writes = opened(view.namespace, view.root)
            actions += [NamespaceActions(namespace=before.name, writes=writes, opens=True)] if writes else []
    if not actions and not orders.news:
        return None
    return MigrationDecision(
        status=status,
        actions=tuple(actions),
        replies=tuple(Replied(command=one.uid, result=one.result, message=one.message) for one in orders.news),
        events=tuple(events),
        wake_at=now,
    )
