"""How does one simulated run go?

The real core decides in a world in which routes obey at once and pods are ready.
"""

from collections.abc import Iterable, Iterator
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from random import Random

from rollout.model.actions import Action, SetSplit
from rollout.model.measurement import Arm as Side
from rollout.model.measurement import Measurement
from rollout.model.observation import BackendSeen, Entry, Observation, Pool, RouteSeen, WorkloadSeen
from rollout.model.rollout import Query, RolloutSpec, RouteRef
from rollout.model.status import Outcome, Reason, Revision, RolloutStatus
from rollout.model.status import Run as InHand
from rollout.progression.aims import sequential
from rollout.progression.comparing import kept
from rollout.progression.decide import decide, looked
from rollout.progression.needs import needs
from rollout.progression.view import FULL, plan_step
from rollout.services.simulate_traffic import BEGIN, SCRAPE_S, Arm, Traffic, habits, seconds
from rollout.traffic import shares

HISTORY_S = 3600.0  # of stable, before the run: what the judge learns from
STABLE = "stable"  # the name of the revision that serves already


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How one run ended. outcome: None when it had not; failed: of the canary's requests; held: by what at the end."""

    outcome: Outcome | None
    after: timedelta
    failed: int
    held: Reason | None = None


@dataclass(slots=True, kw_only=True)
class Run:
    """A run as of its last look. looks_at: when the next one is, None when nothing moves any more."""

    spec: RolloutSpec
    status: RolloutStatus
    world: "World"
    looks_at: datetime | None = BEGIN
    now: datetime = BEGIN

    @classmethod
    def begun(cls, spec: RolloutSpec, traffic: Traffic, chance: Random) -> "Run":
        """From git naming the canary up to its first weight, or to where it waits longer than HISTORY_S for that."""
        world = World(spec, traffic, chance)
        run = cls(spec=spec, status=RolloutStatus(stable=world.stable), world=world)
        end = BEGIN + timedelta(seconds=HISTORY_S)
        while (run.status.run is None or not run.status.run.weight) and run.looks_at is not None and run.looks_at < end:
            run._look(run.looks_at)
        return run

    def ended(self, end: datetime, chance: Random) -> Ended:
        """How it ends when it goes on by this chance, watched up to `end`. The run itself stays as it is."""
        run = replace(self, world=self.world.forked(chance, self.now))
        while run.looks_at is not None and run.looks_at < end:
            run._look(run.looks_at)
        at = run.looks_at or run.now
        failed = run.world.failed(at)
        if run._is_over:
            return Ended(outcome=run.status.history[0].outcome, after=at - BEGIN, failed=failed)
        return Ended(outcome=None, after=at - BEGIN, failed=failed, held=next(iter(run.status.reasons), None))

    @property
    def _is_over(self) -> bool:
        return self.status.run is None and bool(self.status.history)

    def _look(self, now: datetime) -> None:
        """One look and what it leads to."""
        decision = decide(self.spec, self.status, self.world.look(self.status, now), now)
        self.status, self.now = decision.status, now
        if self.world.perform(decision.actions, now):
            self.looks_at = now
        else:
            self.looks_at = self._next_look(decision.wake_at) if decision.wake_at is not None else None
        if self._is_over:
            self.looks_at = None

    def _next_look(self, wake_at: datetime) -> datetime:
        """The next look that may change something: in a soak those are left out at which the judge has nothing to say.

        Whatever a look leaves out it takes up later. What has not been suspicious becomes so only by a bad request.
        """
        run, codes = self.status.run, {verdict.code for verdict in self.status.verdicts}
        step = plan_step(run) if run is not None else None
        if run is None or step is None or run.in_force_at is None or sequential(self.spec) != self.spec.objectives:
            return wake_at
        soaked = run.in_force_at + step.soak
        while wake_at < soaked:
            if codes != {"TooYoung"} or not self.world.is_calm(wake_at):
                codes = self._told(run, wake_at)
            if not codes <= {"TooYoung", "Suspicious"}:
                break
            wake_at = min(wake_at + self.spec.analysis.interval, soaked)
        return wake_at

    def _told(self, run: InHand, now: datetime) -> set[str]:
        """What the judge says of each objective, and remembers of it, without all that `decide` makes of it."""
        view = looked(self.spec, self.status, self.world.look(self.status, now), now)
        self.status = replace(self.status, run=kept(view.memories, run, run, now))
        return {verdict.code for verdict in view.verdicts}


class World:
    """Two arms behind routes of one pool each; ready pods are never what is missing."""

    def __init__(self, spec: RolloutSpec, traffic: Traffic, chance: Random) -> None:
        self.stable = Revision(name=STABLE, backend=spec.stable or spec.backend_of(STABLE))
        habit, self._habit = habits(spec, traffic)
        self._serving = Arm(STABLE, traffic.pods, habit, chance=chance, since=-HISTORY_S - 2 * SCRAPE_S)
        self._canary = Arm(spec.revision, 1, self._habit, chance=chance, since=-2 * SCRAPE_S)
        self._most = min((one.max_ratio for one in spec.objectives if not isinstance(one, Query)), default=0.0)
        self._scrapes = 0, 0
        self._spec = spec
        self._rate = traffic.rate
        self._serving.rate = traffic.rate
        revisions = (
            (self.stable.name, self.stable.backend, traffic.pods),
            (spec.revision, spec.backend_of(spec.revision), traffic.pods * 2),  # spec.capacity asks for up to 200 %
        )
        self._backends = {name: BackendSeen(backend=name, exists=True, ready=ready) for _, name, ready in revisions}
        self._workloads = {
            name: WorkloadSeen(revision=name, exists=True, wanted=ready, ready=ready, settled=True)
            for name, _, ready in (revisions if spec.workload else ())
        }
        entry = Entry(backend=self.stable.backend, weight=FULL)
        self._pools: dict[RouteRef, tuple[Pool, ...]] = {
            route: (Pool(name="route", entries=(entry,)),) for route in spec.routes
        }

    def forked(self, chance: Random, now: datetime) -> "World":
        """The same world, which goes on by another chance; its canary is scraped at instants of its own."""
        other = copy(self)
        other._serving = self._serving.forked(chance)
        other._canary = Arm(self._spec.revision, 1, self._habit, chance=chance, since=seconds(now) - 2 * SCRAPE_S)
        other._canary.live(seconds(now))
        other._canary.turn(self._canary.rate, seconds(now))
        other._pools = dict(self._pools)
        return other

    def is_calm(self, now: datetime) -> bool:
        """Whether nothing of the canary was bad since the last look, and of stable nothing that an objective forbids."""
        self._live(now)
        canary, serving = self._scrapes
        return not self._canary.worst_since(canary) and self._serving.worst_since(serving) <= self._most

    def failed(self, now: datetime) -> int:
        """How many of the canary's requests failed up to now."""
        return self._canary.failed(seconds(now))

    def _live(self, now: datetime) -> None:
        self._serving.live(seconds(now))
        self._canary.live(seconds(now))

    def look(self, status: RolloutStatus, now: datetime) -> Observation:
        """One look; everything that is to be judged is measured."""
        self._live(now)
        self._scrapes = self._canary.scrapes, self._serving.scrapes
        return Observation(
            routes=tuple(RouteSeen(ref=ref, pools=pools) for ref, pools in self._pools.items()),
            backends=self._backends,
            workloads=self._workloads,
            measurements=tuple(self._measured(status, now)),
        )

    def _measured(self, status: RolloutStatus, now: datetime) -> Iterator[Measurement]:
        for ask in needs(self._spec, status, now).asks:
            question = ask.question(self._spec)
            arm = self._canary if ask.arm is Side.CANARY else self._serving
            yield Measurement(question=question, answer=arm.answer(question), at=now)

    def perform(self, actions: Iterable[Action], now: datetime) -> bool:
        """Make every split true at once; whether anything changed."""
        changed = False
        for action in actions:
            if isinstance(action, SetSplit):
                before = self._pools[action.route]
                self._pools[action.route] = tuple(shares.wanted(pool, action.split) for pool in before)
                changed |= self._pools[action.route] != before
        if changed:
            # Requests go as the first route says: all say the same.
            pool = next(iter(self._pools.values()))[0]
            part = 1 - pool.weight_of(self.stable.backend) / pool.total
            self._canary.turn(self._rate * part, seconds(now))
            self._serving.turn(self._rate * (1 - part), seconds(now))
        return changed
