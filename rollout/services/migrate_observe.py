"""What does the world look like for one MeshMigration?"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from rollout.migration.needs import CALLERS_WITHIN, Needs, needs
from rollout.migration.preflight.catalogue import verdict
from rollout.migration.preflight.gathered import Gathered
from rollout.migration.self_test import mark_of
from rollout.model.approval import ApprovalPolicy
from rollout.model.freeze import FreezeWindow
from rollout.model.mesh import PeerAuth
from rollout.model.mesh_writes import Snapshot
from rollout.model.migration import Finding, MigrationSpec, MigrationStatus, Stage
from rollout.model.migration_seen import CronCaller, Edge, FleetSeen, NamespaceSeen, PlaintextLook
from rollout.model.names import Key
from rollout.model.telemetry import Asked, MeshAnswer, MeshQuestion
from rollout.ports.caller_log import CallerLog
from rollout.ports.errors import PortError
from rollout.ports.mesh_metrics import MeshMetrics
from rollout.ports.migrations import Budgets, Inventory, MeshCluster, Records
from rollout.ports.policies import Policies
from rollout.ports.rollouts import Commands
from rollout.services.attribute import attributed
from rollout.services.plaintext import Listener

EDGES_AGAIN = 4  # intervals: the graph of callers moves slowly, and the question is a heavy one
PERIODS_AGAIN = timedelta(minutes=10)
WEBHOOKS_AGAIN = timedelta(minutes=5)
_CALLED_BY_THE_API_SERVER = frozenset({Stage.REHEARSAL, Stage.STRICT_CANARY, Stage.STRICT, Stage.STRICT_SOAK})
_AT_REST = frozenset({Stage.DONE, Stage.EXCEPTED, Stage.ROLLED_BACK})

Objects = Mapping[str, tuple[Mapping[str, Any], ...]]


@dataclass(slots=True)
class FleetObserver:
    """Looks: the cache for the cluster, the metrics server at most once per interval, the checks when they are due.

    home: the controller's namespace, where commands for MeshMigrations live. All that is remembered may be lost.
    """

    cluster: MeshCluster
    commands: Commands
    records: Records
    inventory: Inventory
    budgets: Budgets
    metrics: MeshMetrics
    log: CallerLog
    home: str
    actors_bound: Callable[[], bool]
    policies: Policies
    listener: Listener = field(default_factory=Listener)
    _answers: dict[tuple[str, str, Asked], MeshAnswer] = field(default_factory=dict)
    _unsent: set[tuple[str, str]] = field(default_factory=set)
    _periods: tuple[datetime, tuple[CronCaller, ...]] | None = None
    _webhooks: tuple[datetime, Mapping[str, tuple[str, ...]]] | None = None

    async def observe(self, spec: MigrationSpec, status: MigrationStatus, now: datetime) -> FleetSeen:
        """One look at everything that the stages of the namespaces need."""
        names = _names(spec, status)
        wanted = {name: needs(spec, status.of(name), now) for name in names}
        told, edges = await asyncio.gather(self._told(spec, wanted, now), self.edges(spec, status, now))
        checks = await self._checks(spec, wanted, told, self.cluster.meshed(), now)
        snapshots = {name: await self._snapshot(spec, name) for name in names if status.of(name).recorded}
        periods = await self._cron_periods(status, now)
        webhooks = await self._served_webhooks(status, now)
        looks = await self._looks(spec, status, told, now)
        # From here on nothing is waited for: what is decided on is the cluster of one moment, the last one.
        namespaces = {}
        for name in names:
            namespaces[name] = NamespaceSeen(
                namespace=self.cluster.namespace(name),
                answers=told[name],
                plaintext=looks[name],
                findings=checks.get(name),
                raw=self.cluster.raw(name),
                unsent=(spec.name, name) in self._unsent,
                snapshot=snapshots.get(name),
                webhooks=None if webhooks is None else webhooks.get(name, ()),
            )
        budgets, unbudgeted = self.budgets.budgets(spec.policies)
        return FleetSeen(
            namespaces=namespaces,
            budgets=budgets,
            unbudgeted=unbudgeted,
            root=self.cluster.root(spec.root),
            edges=edges,
            meshed=self.cluster.meshed(),
            periods=periods,
            commands=self.commands.pending(Key(namespace=self.home, name=spec.name)),
            actors_bound=self.actors_bound(),
            approvals=self.approvals(spec),
            freezes=self.freezes(spec),
        )

    def approvals(self, spec: MigrationSpec) -> dict[str, ApprovalPolicy]:
        """The policies that the waves name, by name; one that does not exist or cannot be read is not in it."""
        names = {wave.approval for wave in spec.waves if wave.approval}
        found = ((name, self.policies.approval(self.home, name)) for name in sorted(names))
        return {name: policy for name, policy in found if policy is not None}

    def freezes(self, spec: MigrationSpec) -> tuple[FreezeWindow, ...]:
        """The windows of the controller's namespace that mean the migration, whatever they reach."""
        return self.policies.freezes("MeshMigration", Key(namespace="", name=spec.name))

    async def _looks(
        self,
        spec: MigrationSpec,
        status: MigrationStatus,
        told: Mapping[str, Mapping[Asked, MeshAnswer]],
        now: datetime,
    ) -> dict[str, PlaintextLook]:
        """Who spoke plaintext, by name where the proxies' logs tell one."""
        found = {name: self.cluster.namespace(name) for name in told}
        looks = {
            name: self.listener.look(spec, status.of(name), namespace, told[name], now)
            for name, namespace in found.items()
        }
        return dict(await attributed(self.log, looks, found, _marks(spec, status), now))

    def glance(self, spec: MigrationSpec, status: MigrationStatus, root: tuple[PeerAuth, ...]) -> FleetSeen:
        """What the cache alone shows, without a request: the objects and the commands."""
        found = {name: self.cluster.namespace(name) for name in _names(spec, status)}
        return FleetSeen(
            namespaces={name: NamespaceSeen(namespace=one, answers={}) for name, one in found.items()},
            root=root,
            commands=self.commands.pending(Key(namespace=self.home, name=spec.name)),
            actors_bound=self.actors_bound(),
        )

    def is_as_decided(self, seen: FleetSeen, name: str, root: str) -> bool:
        """Whether the namespace and the mesh's own policies are what a decision was made on."""
        return self.cluster.namespace(name) == seen.namespaces[name].namespace and self.cluster.root(root) == seen.root

    def probed(self, migration: str, namespace: str, *, was_sent: bool) -> None:
        """Remember whether the last marked request to a namespace was answered."""
        (self._unsent.discard if was_sent else self._unsent.add)((migration, namespace))

    def forget(self, migration: str) -> None:
        """Drop what is remembered of a migration that is gone."""
        self._answers = {place: answer for place, answer in self._answers.items() if place[0] != migration}
        self._unsent = {place for place in self._unsent if place[0] != migration}
        self.listener.forget(migration)

    async def _told(
        self, spec: MigrationSpec, wanted: Mapping[str, Needs], now: datetime
    ) -> dict[str, dict[Asked, MeshAnswer]]:
        """The answers by namespace; what was asked within the interval is not asked again."""
        questions = [question for one in wanted.values() for question in one.questions]
        answers = await asyncio.gather(*(self._ask(spec, question, spec.interval, now) for question in questions))
        told: dict[str, dict[Asked, MeshAnswer]] = {name: {} for name in wanted}
        for answer in answers:
            told[answer.question.namespace][answer.question.asked] = answer
        return told

    async def _ask(self, spec: MigrationSpec, question: MeshQuestion, again: timedelta, now: datetime) -> MeshAnswer:
        place = (spec.name, question.namespace, question.asked)
        known = self._answers.get(place)
        if known is not None and now - known.at < again and known.question.window <= question.window:
            return known
        answer = await self.metrics.ask(question, now)
        self._answers[place] = answer
        return answer

    async def edges(self, spec: MigrationSpec, status: MigrationStatus, now: datetime) -> tuple[Edge, ...] | None:
        """Who was seen calling whom; None when one of the answers is missing."""
        leaving = any(one.stage is Stage.ROLLING_BACK or one.rolls_back for one in status.namespaces)
        rest = _AT_REST - {Stage.DONE} if leaving else _AT_REST  # who leaves must not call what is STRICT
        moving = [name for name in _names(spec, status) if status.of(name).stage not in rest]
        asked = (MeshQuestion(asked=Asked.EDGES, namespace=name, window=CALLERS_WITHIN) for name in moving)
        answers = await asyncio.gather(
            *(self._ask(spec, question, EDGES_AGAIN * spec.interval, now) for question in asked)
        )
        if any(answer.series is None for answer in answers):
            for answer in answers:  # it is asked again at the next look
                if answer.series is None:
                    self._answers.pop((spec.name, answer.question.namespace, Asked.EDGES), None)
            return None
        pairs = {
            (row.label("source_workload_namespace"), row.label("destination_workload_namespace"))
            for answer in answers
            for row in answer.series or ()
        }
        return tuple(
            Edge(source="" if source == "unknown" else source, target=target) for source, target in sorted(pairs)
        )

    async def _checks(
        self,
        spec: MigrationSpec,
        wanted: Mapping[str, Needs],
        told: Mapping[str, Mapping[Asked, MeshAnswer]],
        meshed: frozenset[str],
        now: datetime,
    ) -> dict[str, tuple[Finding, ...]]:
        """What the checks find, by namespace; nothing where they are not due. Objects are listed once for all."""
        due = [name for name, one in wanted.items() if one.checks]
        if not due:
            return {}
        try:
            objects, unread = await self.inventory.objects(spec.root)
        except PortError:
            return {}  # what was not checked opens no gate
        return {
            name: verdict(
                Gathered(
                    namespace=name,
                    spec=spec,
                    objects=objects,
                    unread=unread,
                    told=told[name],
                    enrolled=meshed,
                    now=now,
                )
            ).findings
            for name in due
        }

    async def _snapshot(self, spec: MigrationSpec, name: str) -> Snapshot | None:
        """How the namespace was; None when the record cannot be read, which lets a rollback wait and nothing else."""
        try:
            return (await self.records.read(spec.name, name)).snapshot
        except PortError:
            return None

    async def _cron_periods(self, status: MigrationStatus, now: datetime) -> tuple[CronCaller, ...] | None:
        """The CronJobs of the cluster, while some namespace soaks; None when they cannot be listed."""
        if not any(one.stage in (Stage.OBSERVING, Stage.REHEARSAL) for one in status.namespaces):
            return ()
        if self._periods is None or now - self._periods[0] >= PERIODS_AGAIN:
            try:
                self._periods = (now, await self.inventory.periods(now))
            except PortError:
                return None
        return self._periods[1]

    async def _served_webhooks(self, status: MigrationStatus, now: datetime) -> Mapping[str, tuple[str, ...]] | None:
        """Where admission webhooks are served, while something is STRICT or about to be; None when they cannot be listed."""
        if not any(one.stage in _CALLED_BY_THE_API_SERVER for one in status.namespaces):
            return {}
        if self._webhooks is None or now - self._webhooks[0] >= WEBHOOKS_AGAIN:
            try:
                self._webhooks = (now, await self.inventory.webhooks())
            except PortError:
                return None
        return self._webhooks[1]


def _names(spec: MigrationSpec, status: MigrationStatus) -> tuple[str, ...]:
    """Those of the spec, and those that it named once."""
    return (*spec.namespaces, *(one.name for one in status.namespaces if one.name not in spec.namespaces))


def _marks(spec: MigrationSpec, status: MigrationStatus) -> dict[str, str]:
    """The paths of our own marked requests, by namespace."""
    tests = ((one.name, one.self_test) for one in status.namespaces)
    return {name: mark_of(spec.name, name, test.asked_at) for name, test in tests if test is not None}
