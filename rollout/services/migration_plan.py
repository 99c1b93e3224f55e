"""What will a migration do, as of now? The plan with the very writes that its execution makes, and what the checks say."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from rollout.migration.decide import fleet_of
from rollout.migration.needs import CALLERS_WITHIN
from rollout.migration.plan import Plan, planned
from rollout.migration.preflight.catalogue import ASKS, Verdict, verdict
from rollout.migration.preflight.gathered import Gathered
from rollout.migration.spans import Durations
from rollout.migration.way import Way, way_of
from rollout.model.migration import MigrationSpec, MigrationStatus, Stage
from rollout.model.migration_seen import FleetSeen, NamespaceSeen
from rollout.model.telemetry import Asked, MeshAnswer, MeshQuestion
from rollout.services.migrate_observe import FleetObserver

# The least that pods take which are made anew: an image that is there, a probe that answers at once.
DURATIONS = Durations(restart=timedelta(minutes=1), evict=timedelta(seconds=30))
_COUNTED = frozenset({Stage.PERMISSIVE, Stage.OBSERVING, Stage.REHEARSAL})  # proxies count, and nothing is STRICT yet
_GLANCE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True, kw_only=True)
class MigrationPlan:
    """The plan. ways: by namespace. blind: why the graph of callers is unknown, "" when it is known."""

    spec: MigrationSpec
    plan: Plan
    ways: Mapping[str, Way]
    blind: str
    now: datetime


async def plan_now(
    observer: FleetObserver, spec: MigrationSpec, status: MigrationStatus, now: datetime
) -> MigrationPlan:
    """The plan of what is there now. Nothing is written."""
    return plan_of(spec, status, await _seen(observer, spec, status, now), now)


def plan_of(spec: MigrationSpec, status: MigrationStatus, seen: FleetSeen, now: datetime) -> MigrationPlan:
    """The plan of what was seen. Where nobody could say who calls whom, each namespace is planned as if nobody did."""
    ways = {
        name: way_of(spec, status.of(name), seen.namespaces[name], seen.root, now)
        for name in spec.namespaces
        if name in seen.namespaces
    }
    fleet = fleet_of(spec, status, seen, now)
    blind = fleet.frozen if seen.edges is None else ""
    fleet = replace(fleet, frozen="") if blind else fleet
    plan = planned(fleet, lambda name: ways[name].writes if name in ways else (), DURATIONS)
    return MigrationPlan(spec=spec, plan=plan, ways=ways, blind=blind, now=now)


async def checked(
    observer: FleetObserver, spec: MigrationSpec, status: MigrationStatus, names: Iterable[str], now: datetime
) -> dict[str, Verdict]:
    """What all preflight checks say of each of these namespaces. Objects are listed once for all."""
    objects, unread = await observer.inventory.objects(spec.root)
    enrolled = observer.cluster.meshed()

    async def one(name: str) -> Verdict:
        told = await _answers(observer, name, tuple(sorted(ASKS)), now)
        gathered = Gathered(
            namespace=name, spec=spec, objects=objects, unread=unread, told=told, enrolled=enrolled, now=now
        )
        return verdict(gathered, status.of(name).acknowledged)

    wanted = tuple(names)
    return dict(zip(wanted, await asyncio.gather(*(one(name) for name in wanted)), strict=True))


async def _seen(observer: FleetObserver, spec: MigrationSpec, status: MigrationStatus, now: datetime) -> FleetSeen:
    """What a plan goes by: no soak is listened to, and no check is run."""
    namespaces = {}
    for name in spec.namespaces:
        stage = status.of(name).stage
        answers = await _answers(observer, name, (Asked.MTLS,), now) if stage in _COUNTED else {}
        record = await observer.records.read(spec.name, name) if stage is Stage.ROLLING_BACK else None
        namespaces[name] = NamespaceSeen(
            namespace=observer.cluster.namespace(name),
            answers=answers,
            snapshot=record.snapshot if record is not None else None,
        )
    return FleetSeen(
        namespaces=namespaces,
        root=observer.cluster.root(spec.root),
        edges=await observer.edges(spec, status, now),
        meshed=observer.cluster.meshed(),
        approvals=observer.approvals(spec),
        freezes=observer.freezes(spec),
    )


async def _answers(
    observer: FleetObserver, name: str, asked: tuple[Asked, ...], now: datetime
) -> dict[Asked, MeshAnswer]:
    questions = [MeshQuestion(asked=one, namespace=name, window=_window(one)) for one in asked]
    answers = await asyncio.gather(*(observer.metrics.ask(question, now) for question in questions))
    return {answer.question.asked: answer for answer in answers}


def _window(asked: Asked) -> timedelta:
    return CALLERS_WITHIN if asked is Asked.EDGES else _GLANCE
