"""How does a Rollout live in a world of plain values, where only `decide` is real and every promise is checked at each tick?"""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from fractions import Fraction
from functools import cache
from typing import Any

from adapters.memory.metrics import SCRAPES, counted
from policies.approval import Authors
from rollout.model.actions import Answer, ReleaseRoute, SetSplit
from rollout.model.approval import ApprovalPolicy
from rollout.model.commands import Command, Verb
from rollout.model.decision import Decision
from rollout.model.freeze import FreezeWindow
from rollout.model.hooks import HookAnswer, HookQuestion
from rollout.model.measurement import Arm, Counter, Counters, Measurement, Question
from rollout.model.names import BackendName
from rollout.model.observation import BackendSeen, Entry, Observation, Pool, RouteSeen, RouteState, WorkloadSeen
from rollout.model.rollout import RolloutSpec, RouteRef
from rollout.model.status import RolloutStatus
from rollout.progression.decide import decide
from rollout.progression.needs import Ask, needs
from rollout.services.perform import lowering
from rollout.traffic import shares
from tests.support.builders import ERRORS, NOON, VIRTUAL_SERVICE, a_spec, an_approval_policy
from tests.support.points import scrapes

OUTER = RouteRef(kind="VirtualService", name="outer")
REVISIONS = ("v1", "v2", "v3")
FLUX = "kustomize-controller"


def backend(revision: str) -> BackendName:
    """The backend of a revision."""
    return BackendName(service=f"checkout-{revision}")


def entry(revision: str, weight: int) -> Entry:
    """A revision's entry in a pool."""
    return Entry(backend=backend(revision), weight=weight)


@dataclass(slots=True)
class Service:
    """What stands behind a revision."""

    ready: int = 4
    template: str = "a"


@dataclass(slots=True)
class PureWorld:
    """Two routes, three revisions, verdicts and commands as plain values. bad: of 1000 requests of the canary a minute.

    hooks: what each webhook says, None for nothing; yes where it is not named. heard: what they said last.
    """

    spec: RolloutSpec = field(default_factory=lambda: a_spec(revision="v1", routes=(VIRTUAL_SERVICE, OUTER)))
    status: RolloutStatus = field(default_factory=RolloutStatus)
    now: datetime = NOON
    pools: dict[RouteRef, tuple[Pool, ...]] = field(
        default_factory=lambda: {
            ref: (Pool(name="http[0]", entries=(entry("v1", 100),)),) for ref in (VIRTUAL_SERVICE, OUTER)
        }
    )
    missing: set[RouteRef] = field(default_factory=set)
    services: dict[str, Service] = field(default_factory=lambda: {name: Service() for name in REVISIONS})
    bad: int | None = 0
    stable_bad: int = 0
    writers: dict[RouteRef, tuple[str, datetime]] = field(default_factory=dict)
    owned: set[RouteRef] = field(default_factory=set)
    policies: dict[str, ApprovalPolicy | None] = field(default_factory=dict)
    authors: Authors | None = None
    actors_bound: bool = True
    commands: list[Command] = field(default_factory=list)
    answers: dict[str, Answer] = field(default_factory=dict)
    wake_at: datetime | None = None
    freezes: tuple[FreezeWindow, ...] = ()
    hooks: dict[str, bool | None] = field(default_factory=dict)
    heard: dict[str, HookAnswer] = field(default_factory=dict)

    def twin(self) -> "PureWorld":
        """The same world once more; what becomes of one does not touch the other."""
        return replace(
            self,
            pools=dict(self.pools),
            missing=set(self.missing),
            services={name: replace(service) for name, service in self.services.items()},
            writers=dict(self.writers),
            owned=set(self.owned),
            policies=dict(self.policies),
            commands=list(self.commands),
            answers=dict(self.answers),
            hooks=dict(self.hooks),
            heard=dict(self.heard),
        )

    def look(self) -> Observation:
        """One look."""
        wanted = needs(self.spec, self.status, self.now)
        routes = tuple(
            RouteSeen(ref=ref, state=RouteState.MISSING) if ref in self.missing else self._route(ref)
            for ref in wanted.routes
        )
        return Observation(
            routes=routes,
            backends={
                backend(name): BackendSeen(
                    backend=backend(name),
                    exists=True,
                    ready=service.ready,
                    pods=frozenset(f"{name}-{number}" for number in range(service.ready)),
                )
                for name, service in self.services.items()
            },
            workloads={
                name: WorkloadSeen(
                    revision=name,
                    exists=True,
                    template=service.template,
                    wanted=service.ready,
                    ready=service.ready,
                    settled=True,
                )
                for name, service in self.services.items()
            },
            measurements=self._measurements(wanted.asks),
            commands=tuple(command for command in self.commands if command.uid not in self.answers),
            approvals={name: policy for name in wanted.approvals if (policy := self.policy(name)) is not None},
            authors=self.authors,
            actors_bound=self.actors_bound,
            freezes=self.freezes,
            hooks=self._said(wanted.hooks),
        )

    def policy(self, name: str) -> ApprovalPolicy | None:
        """The ApprovalPolicy of that name: one for whoever the cluster lets approve, unless another was set."""
        return self.policies.get(name, an_approval_policy(name))

    def _said(self, questions: Iterable[HookQuestion]) -> dict[str, HookAnswer]:
        """What webhooks said last, after these were asked."""
        for question in questions:
            passed = self.hooks.get(question.hook.name, True)
            if passed is not None:
                self.heard[question.about or question.hook.name] = HookAnswer(
                    passed=passed,
                    message="200: OK" if passed else "403: Forbidden",
                    run=question.run,
                    step=question.step,
                    asked=self.now,
                    at=self.now,
                )
        return dict(self.heard)

    def _route(self, ref: RouteRef) -> RouteSeen:
        writer, written = self.writers.get(ref, ("", None))
        tool = "Flux" if writer == FLUX else ""
        return RouteSeen(
            ref=ref, pools=self.pools[ref], writer=writer, written=written, tool=tool, owned=ref in self.owned
        )

    def _measurements(self, asks: Iterable[Ask]) -> tuple[Measurement, ...]:
        if self.bad is None:
            return ()
        found = []
        for ask in asks:
            question = ask.question(self.spec)
            found.append(Measurement(question=question, answer=self._answer(question), at=self.now))
        return tuple(found)

    def _answer(self, question: Question) -> Counters:
        bad = (self.bad or 0) if question.arm is Arm.CANARY else self.stable_bad
        if question.objective == ERRORS:
            return counted(question, total=1000, bad=bad)
        start, length = question.window.start, question.window.end - question.window.start
        times = [start + number * SCRAPES for number in range(length // SCRAPES + 1)]

        def counter(per_minute: int) -> Counter:
            return Counter(
                labels=(("pod", question.revision),),
                points=scrapes((at, per_minute * ((at - NOON) / timedelta(minutes=1) + 1000)) for at in times),
            )

        return Counters(query="q", total=(counter(1000),), bad=(counter(bad),))

    def decided(self) -> Decision:
        """What is to be done now."""
        return decide(self.spec, self.status, self.look(), self.now)

    def tick(self, *, saves: bool = True) -> Decision:
        """One tick; with `saves` False the status cannot be written."""
        decision = self.decided()
        if saves:
            self.status = decision.status
        self.wake_at = decision.wake_at if saves else self.now
        self.perform(decision.actions if saves else lowering(decision.actions))
        return decision

    def perform(self, actions: Iterable[object]) -> bool:
        """Make actions true; whether anything changed."""
        changed = False
        for action in actions:
            if isinstance(action, SetSplit) and action.route not in self.missing:
                changed |= self._split(action)
            if isinstance(action, ReleaseRoute):
                changed |= action.route in self.owned
                self.owned.discard(action.route)
            if isinstance(action, Answer):
                assert action.command not in self.answers, "answered twice"
                self.answers[action.command] = action
                changed = True
        return changed

    def _split(self, action: SetSplit) -> bool:
        before = self.pools[action.route]
        managed = shares.managed_by(before, action.split)
        try:
            self.pools[action.route] = tuple(
                shares.wanted(pool, action.split) if pool in managed else pool for pool in before
            )
        except shares.SplitError:
            return False
        if self.pools[action.route] == before:
            return False
        self.writers.pop(action.route, None)
        self.owned.add(action.route)
        return True

    def settle(self) -> None:
        """Tick until nothing moves; it must come to rest."""
        for _ in range(30):
            before = (self.status, dict(self.pools), len(self.answers))
            decision = self.tick()
            if not decision.trigger and before == (self.status, self.pools, len(self.answers)):
                return
        raise AssertionError(f"no rest: {self.status}")

    def pass_time(self, duration: timedelta) -> None:
        """Let time pass, ticking whenever a tick asked for it."""
        end = self.now + duration
        self.settle()
        while self.wake_at is not None and self.wake_at < end:
            self.now = max(self.wake_at, self.now)
            self.settle()
        self.now = end
        self.settle()

    def command(self, verb: Verb, **made_for: Any) -> str:
        """ana's command for the present run, step and revision, unless told otherwise; its uid."""
        run = self.status.run
        bound: dict[str, Any] = {"run": self.status.runs, "step": run.step, "revision": run.canary.name} if run else {}
        uid = f"uid-{len(self.commands)}"
        command = Command(uid=uid, name=uid, verb=verb, actor="ana", channel="cli", created=self.now)
        self.commands.append(replace(command, **(bound | made_for)))
        return uid

    def share(self, revision: str) -> Fraction:
        """The highest share that a revision has in any pool."""
        shares_of_pools = (
            Fraction(pool.weight_of(backend(revision)) * 100, max(pool.total, 1))
            for ref, pools in self.pools.items()
            if ref not in self.missing and ref in self.spec.routes
            for pool in pools
        )
        return max(shares_of_pools, default=Fraction(0))

    def give(self, ref: RouteRef, **weights: int) -> None:
        """A person writes a route's weights."""
        self.give_by("kubectl-edit", ref, **weights)

    def give_by(self, by: str, ref: RouteRef, **weights: int) -> None:
        """A field manager, such as FLUX, writes a route's weights."""
        self.writers[ref] = (by, self.now.replace(microsecond=0))
        self.owned.discard(ref)
        entries = tuple(entry(name, weight) for name, weight in weights.items())
        self.pools[ref] = (Pool(name="http[0]", entries=entries),)


def running(minutes: int = 0) -> PureWorld:
    """v2 is on its way for so long: 5 % on both routes until it is told otherwise."""
    return _running(minutes).twin()


@cache
def _running(minutes: int) -> PureWorld:
    world = PureWorld()
    world.settle()
    world.spec = replace(world.spec, revision="v2")
    world.pass_time(timedelta(minutes=minutes))
    return world
