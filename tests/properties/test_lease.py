"""Does ever more than one replica believe that it may write, whatever happens to replicas, network and answers?"""

import asyncio
from collections.abc import AsyncIterator, Coroutine, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from adapters.kube.api import KubeApi, Obj, Patch
from adapters.kube.lease import LeaseElector, Timing
from adapters.memory.cluster import DirectApi, MemoryCluster
from rollout.ports.errors import Unreachable
from tests.support.examples import examples
from tests.support.hours import Hours
from tests.support.lease_stand import NOON, NOW, Wall, Wire

WHO = st.integers(0, 2)
STEP_S = 0.25
UNWRITTEN_S = 3.0  # between two holders: 10 s less 7 s
TAKEN_OVER_S = 12.0  # 10 s and two retries


class Line(Wire):
    """A way to the API server that can be cut, of a process that can be stopped in the middle of a request."""

    def __init__(self, api: KubeApi) -> None:
        super().__init__(api)
        self.goes_on = asyncio.Event()
        self.goes_on.set()

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        return await self._stopped_after(super().get(path, query))

    async def create(self, path: str, body: Obj, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        return await self._stopped_after(super().create(path, body, query))

    async def patch(
        self, path: str, kind: Patch, body: Obj | list[dict[str, Any]], query: Mapping[str, str] | None = None
    ) -> dict[str, Any]:
        return await self._stopped_after(super().patch(path, kind, body, query))

    async def watch(self, path: str, query: Mapping[str, str]) -> AsyncIterator[dict[str, Any]]:
        async for event in super().watch(path, query):
            await self.goes_on.wait()
            self.check()  # what was not heard is not passed over: the connection is lost
            yield event

    async def _stopped_after(self, request: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
        await self.goes_on.wait()
        answer = await request
        await self.goes_on.wait()
        return answer


@dataclass(slots=True, kw_only=True)
class Candidate:
    """One process of a replica. wrote_at: when it last believed that it may write."""

    elector: LeaseElector
    line: Line
    wrote_at: float = 0.0
    life: asyncio.Task[None] | None = None

    async def lives(self) -> None:
        while True:
            await self.elector.acquire()
            await self.elector.lost()


@dataclass(slots=True)
class World:
    """Three replicas of the controller, one Lease, time that is told."""

    hours: Hours = field(default_factory=Hours)
    cluster: MemoryCluster = field(default_factory=MemoryCluster)
    candidates: dict[int, Candidate] = field(default_factory=dict)
    holder: Candidate | None = None
    troubled_at: float = 0.0
    lives: int = 0

    def began(self, who: int, skew: timedelta) -> None:
        """A new process of this replica, with a wall clock that is wrong by `skew`."""
        self.lives += 1
        line = Line(DirectApi(self.cluster))

        async def sleep(seconds: float) -> None:
            await self.hours.sleep(seconds)
            await line.goes_on.wait()

        elector = LeaseElector(
            api=line,
            clock=Wall(self.hours.monotonic, NOON + skew),
            namespace="default",
            name="rollout-controller",
            identity=f"replica-{who}-{self.lives}",
            timing=Timing(monotonic=self.hours.monotonic, sleep=sleep),
        )
        made = self.candidates[who] = Candidate(elector=elector, line=line)
        made.life = asyncio.create_task(made.lives())

    async def ended(self, who: int) -> None:
        """Its process is gone, without a word."""
        found = self.candidates.pop(who)
        await cancelled(found.life)
        await cancelled(found.elector._renewing)

    async def passes(self, seconds: float) -> None:
        """Time passes, and at every moment at most one may write; soon after the last trouble, one may."""
        for _ in range(round(seconds / STEP_S)):
            await self.hours.pass_(STEP_S)
            self._judged()

    def _judged(self) -> None:
        now = self.hours.monotonic()
        writing = [one for one in self.candidates.values() if one.elector.may_write(NOW)]
        assert len(writing) <= 1
        if writing and writing[0] is not self.holder:
            assert self.holder is None or now - self.holder.wrote_at >= UNWRITTEN_S - STEP_S
            self.holder = writing[0]
        if writing:
            writing[0].wrote_at = now
        assert writing or now - self.troubled_at <= TAKEN_OVER_S + STEP_S


async def cancelled(task: asyncio.Task[None] | None) -> None:
    """It is over; None is nothing."""
    if task is not None:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


class Election(RuleBasedStateMachine):
    """Everything that can happen to three replicas. Trouble lasts for a while and is over before the next one begins."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.world = World()
        self.run(self._all_began())

    def run(self, what: Coroutine[Any, Any, None]) -> None:
        self.loop.run_until_complete(what)

    async def _all_began(self) -> None:
        self.world.troubled_at = self.world.hours.monotonic()
        for who, skew in enumerate((timedelta(0), timedelta(days=1), timedelta(days=-1))):
            self.world.began(who, skew)
        await self.world.passes(STEP_S)

    @rule(seconds=st.floats(0.25, 30))
    def time_passes(self, seconds: float) -> None:
        self.run(self.world.passes(seconds))

    @rule(who=WHO, seconds=st.floats(0.25, 30), skew=st.sampled_from([-1, 0, 1]))
    def one_is_killed_and_started_again(self, who: int, seconds: float, skew: int) -> None:
        async def killed() -> None:
            await self.world.ended(who)
            await self._in_trouble(seconds)
            self.world.began(who, timedelta(days=skew))

        self.run(killed())

    @rule(who=WHO, seconds=st.floats(0.25, 30))
    def one_is_stopped_for_a_while(self, who: int, seconds: float) -> None:
        async def stopped() -> None:
            goes_on = self.world.candidates[who].line.goes_on
            goes_on.clear()
            await self._in_trouble(seconds)
            goes_on.set()

        self.run(stopped())

    @rule(who=st.sets(WHO, min_size=1, max_size=2), seconds=st.floats(0.25, 30))
    def some_are_cut_off_for_a_while(self, who: set[int], seconds: float) -> None:
        async def cut() -> None:
            lines = [self.world.candidates[one].line for one in who]
            for line in lines:
                line.is_cut = True
            await self._in_trouble(seconds)
            for line in lines:
                line.is_cut = False

        self.run(cut())

    @rule(who=WHO)
    def one_ends_in_order_and_is_started_again(self, who: int) -> None:
        async def released() -> None:
            ending = self.world.candidates[who]
            await cancelled(ending.life)
            await ending.elector.release()
            if self.world.holder is ending:
                self.world.holder = None  # it says so itself: nobody need wait
            self.world.began(who, timedelta(0))
            await self._in_trouble(STEP_S)

        self.run(released())

    @rule(stored=st.booleans())
    def an_answer_is_lost(self, stored: bool) -> None:
        async def lost() -> None:
            self.world.cluster.faults.fail_next("*/leases/*", Unreachable("lost"), stored=stored)
            await self._in_trouble(5)
            self.world.cluster.faults.recover()

        self.run(lost())

    @rule(seconds=st.floats(0.25, 30))
    def watches_go_silent_for_a_while(self, seconds: float) -> None:
        async def silent() -> None:
            self.world.cluster.faults.hold()
            await self._in_trouble(seconds)
            self.world.cluster.faults.release()

        self.run(silent())

    @rule()
    def history_is_forgotten(self) -> None:
        self.world.cluster.compact()

    async def _in_trouble(self, seconds: float) -> None:
        """Time passes, in which whoever is well takes over; trouble is over at its end."""
        self.world.troubled_at = self.world.hours.monotonic()
        await self.world.passes(seconds)
        self.world.troubled_at = self.world.hours.monotonic()

    def teardown(self) -> None:
        async def ended() -> None:
            try:
                await self.world.passes(TAKEN_OVER_S + 1)
            finally:
                for who in tuple(self.world.candidates):
                    await self.world.ended(who)

        self.run(ended())
        self.loop.close()


Election.TestCase.settings = examples(40, steps=15)
TestElection = Election.TestCase
