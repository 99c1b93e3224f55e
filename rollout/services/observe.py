"""What does the world look like for one Rollout?"""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager, nullcontext
from dataclasses import dataclass, field, replace
from datetime import datetime

from policies.approval import Authors
from rollout.model.approval import ApprovalPolicy
from rollout.model.measurement import Arm, Counters, Measurement, Question
from rollout.model.names import BackendName, Key
from rollout.model.observation import BackendSeen, Observation, RouteSeen, WorkloadSeen
from rollout.model.rollout import RolloutSpec
from rollout.model.status import RolloutStatus
from rollout.ports.clock import Clock
from rollout.ports.metrics import Metrics
from rollout.ports.policies import ChangeAuthors, Policies
from rollout.ports.rollouts import Commands, Rollouts
from rollout.ports.routes import Routes
from rollout.ports.workloads import Workloads
from rollout.progression.gates import ASK_AGAIN
from rollout.progression.needs import Ask, Needs, needs, needs_authors
from rollout.services.along import Along
from rollout.services.hook_memory import Heard, HookMemory

HISTORIES = 32  # so many are in memory at once at most: an hour of a busy service's series has megabytes


@dataclass(slots=True)
class Observer:
    """Looks: caches for the cluster, the metrics server for measurements, at most once per analysis interval.

    actors_bound: whether the cluster binds a command's actor to its sender, as last seen.
    hooks: who calls webhooks, None where nobody may (a look of the CLI asks nobody).
    aside: entered while a metrics server is waited for, so that others may go on meanwhile. call: have another Rollout
    looked at now, as it may ask along.
    _measured: the last measurements by Rollout; lost at a restart, which only means to measure again. _authors: what git
    said last, for which run, and when.
    """

    rollouts: Rollouts
    commands: Commands
    routes: Routes
    workloads: Workloads
    metrics: Metrics
    clock: Clock
    actors_bound: Callable[[], bool]
    policies: Policies
    authors: ChangeAuthors
    hooks: HookMemory | None = None
    aside: Callable[[], AbstractAsyncContextManager[None]] = nullcontext
    call: Callable[[Key], None] = lambda _: None
    along: Along = field(default_factory=Along)
    _measured: dict[Key, tuple[Measurement, ...]] = field(default_factory=dict)
    _histories: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(HISTORIES))
    _authors: dict[Key, tuple[int, datetime, Authors]] = field(default_factory=dict)

    async def observe(self, spec: RolloutSpec, status: RolloutStatus, now: datetime) -> Observation:
        """One look at everything that `needs` names.

        Makes no request but to the metrics server, to webhooks, and to git where four eyes are asked for: all at once.
        """
        wanted = needs(spec, status, now)
        seen = self._cached(spec, wanted)
        async with self._standing_aside(wanted):
            measurements, heard, authors = await asyncio.gather(
                self._measurements(spec, wanted, seen.backends, seen.workloads),
                self._heard(spec, status, wanted, now),
                self._whose(spec, status, seen.approvals, now),
            )
        return replace(
            seen,
            measurements=measurements,
            commands=self.commands.pending(spec.key),
            authors=authors,
            hooks=heard.answers,
            calling=heard.calling,
        )

    @asynccontextmanager
    async def _standing_aside(self, wanted: Needs) -> AsyncIterator[None]:
        """Let others go on while answers are awaited.

        Who reads an hour of history waits for a turn, and has it until it may act: histories are large.
        """
        reads, has_turn = any(ask.arm is Arm.HISTORY for ask in wanted.asks), False
        try:
            async with self.aside() if wanted.asks else nullcontext():
                if reads:
                    has_turn = await self._histories.acquire()
                yield
        finally:
            if has_turn:
                self._histories.release()

    async def glance(self, spec: RolloutSpec, status: RolloutStatus, now: datetime) -> Observation:
        """The same look without what takes an answer from outside: nothing measured, no webhook and no author heard."""
        return self._cached(spec, needs(spec, status, now))

    def _cached(self, spec: RolloutSpec, wanted: Needs) -> Observation:
        """What the caches say of everything that is wanted."""
        routes = tuple(self.routes.look(spec.key, ref) for ref in wanted.routes)
        named = {entry.backend for route in routes for pool in route.pools for entry in pool.entries}
        backends = {name: self._backend(spec, name) for name in sorted(named | set(wanted.backends))}
        revisions = {revision for name in backends if (revision := spec.revision_of(name))} | set(wanted.revisions)
        found = ((name, self.policies.approval(spec.key.namespace, name)) for name in wanted.approvals)
        return Observation(
            routes=routes,
            backends=backends,
            workloads=self._workloads(spec, sorted(revisions)),
            commands=self.commands.pending(spec.key),
            rivals=self._rivals(spec, routes),
            actors_bound=self.actors_bound(),
            approvals={name: policy for name, policy in found if policy is not None},
            freezes=self.policies.freezes("Rollout", spec.key),
        )

    def forget(self, key: Key) -> None:
        """Drop what is remembered of a Rollout that is gone."""
        self._measured.pop(key, None)
        self._authors.pop(key, None)
        self.along.forget(key)
        if self.hooks is not None:
            self.hooks.forget(key)

    async def _whose(
        self, spec: RolloutSpec, status: RolloutStatus, approvals: Mapping[str, ApprovalPolicy], now: datetime
    ) -> Authors | None:
        """Whose change the run's canary is, asked at most once in ASK_AGAIN; None where no policy wants to know."""
        if status.run is None or not needs_authors(status, approvals):
            return None
        known = self._authors.get(spec.key)
        if known is not None and known[0] == status.runs and now - known[1] < ASK_AGAIN:
            return known[2]
        found = await self.authors.of(spec.key, status.run.canary.name)
        if not self.authors.is_asking(spec.key):
            self._authors[spec.key] = (status.runs, now, found)
        return found

    async def _heard(self, spec: RolloutSpec, status: RolloutStatus, wanted: Needs, now: datetime) -> Heard:
        if self.hooks is None or not (spec.hooks or status.owed):
            return Heard(answers={}, calling=frozenset())
        return await self.hooks.heard(spec, status, wanted.hooks, now)

    def _backend(self, spec: RolloutSpec, name: BackendName) -> BackendSeen:
        revision = spec.revision_of(name)
        labels = spec.labels_of(revision) if revision else ()
        return self.workloads.backend(spec.key.namespace, name, labels)

    def _workloads(self, spec: RolloutSpec, revisions: list[str]) -> Mapping[str, WorkloadSeen]:
        refs = {revision: spec.workload_of(revision) for revision in revisions}
        return {
            revision: self.workloads.workload(spec.key.namespace, ref, revision)
            for revision, ref in refs.items()
            if ref is not None
        }

    def _rivals(self, spec: RolloutSpec, routes: tuple[RouteSeen, ...]) -> tuple[Key, ...]:
        """Other Rollouts that steer one of the pools that this one steers."""
        mine = {
            (route.ref.kind, route.ref.name): {pool.name for pool in route.pools if _steers(spec, pool.entries)}
            for route in routes
        }
        rivals: set[Key] = set()
        for ref in spec.routes:
            for key in self.rollouts.on_route(spec.key.namespace, ref):
                other = self.rollouts.get(key) if key != spec.key else None
                if other is None or other.spec is None:
                    continue
                for theirs in other.spec.routes:
                    if (theirs.kind, theirs.name) != (ref.kind, ref.name):
                        continue
                    pools = {
                        pool.name for pool in self.routes.look(key, theirs).pools if _steers(other.spec, pool.entries)
                    }
                    if pools & mine[(ref.kind, ref.name)]:
                        rivals.add(key)
        return tuple(sorted(rivals))

    async def _measurements(
        self,
        spec: RolloutSpec,
        wanted: Needs,
        backends: Mapping[BackendName, BackendSeen],
        workloads: Mapping[str, WorkloadSeen],
    ) -> tuple[Measurement, ...]:
        if not wanted.asks:
            self._measured.pop(spec.key, None)
            self.along.forget(spec.key)
            return ()
        last, now = self._measured.get(spec.key, ()), wanted.asks[0].window.end
        if (
            last
            and _answers_all(last, wanted)
            and not self.along.is_due(spec.key, spec.analysis.interval, now - last[0].at)
        ):
            return last
        for other in self.along.asks(spec.key, spec.analysis.interval, now):
            self.call(other)
        questions = [_question(ask, spec, backends, workloads) for ask in wanted.asks]
        fresh = tuple(await asyncio.gather(*(self._measure(question) for question in questions)))
        if any(one.question.arm is Arm.HISTORY and isinstance(one.answer, Counters) for one in fresh):
            self._measured.pop(spec.key, None)  # what it teaches is in the status
        else:
            self._measured[spec.key] = fresh
        return fresh

    async def _measure(self, question: Question) -> Measurement:
        return Measurement(question=question, answer=await self.metrics.measure(question), at=question.window.end)


def _steers(spec: RolloutSpec, entries: tuple[object, ...]) -> bool:
    """Whether one of the entries can be a revision of the Rollout `spec`."""
    named = [getattr(entry, "backend", None) for entry in entries]
    return any(name is not None and (name == spec.stable or spec.revision_of(name) is not None) for name in named)


def _question(
    ask: Ask,
    spec: RolloutSpec,
    backends: Mapping[BackendName, BackendSeen],
    workloads: Mapping[str, WorkloadSeen],
) -> Question:
    name = ask.revision.name
    ref = spec.workload_of(name)
    workload = ref.name if ref and name in workloads else ""
    return ask.question(spec, workload=workload, pods=backends[ask.revision.backend].pods)


def _answers_all(last: tuple[Measurement, ...], wanted: Needs) -> bool:
    """Whether the last measurements answer what is asked now, in the present step, and are not of a clock set back."""
    asked = [(item.question.objective, item.question.arm, item.question.backend) for item in last]
    if asked != [(ask.objective, ask.arm, ask.revision.backend) for ask in wanted.asks]:
        return False
    if last[0].at > wanted.asks[0].window.end:
        return False
    return all(item.question.window.end >= ask.window.start for item, ask in zip(last, wanted.asks, strict=True))
