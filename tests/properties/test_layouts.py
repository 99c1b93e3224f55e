"""Do processes of two layouts ever write at the same time, or two of one shard, whatever happens to them?"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from adapters.kube.api import KubeApi
from adapters.kube.layout import ShardLease
from adapters.kube.lease import Timing
from adapters.memory.cluster import DirectApi, MemoryCluster
from rollout.model.shard import Shard
from rollout.ports.errors import Unreachable
from tests.properties.test_lease import Line, cancelled
from tests.support.examples import examples
from tests.support.hours import Hours
from tests.support.lease_stand import NOON, NOW, Wall

WHO = st.integers(0, 4)
SHARDS = st.sampled_from([Shard(number=number, count=count) for count in (1, 2, 3) for number in range(1, count + 1)])
TAKES = st.sampled_from([0.0, 0.0, 0.1, 0.3, 0.6])  # there, and as much back, of at most 1.5 s
TAKES_ALL = st.lists(TAKES, min_size=4, max_size=4)
STEP_S = 0.25
UNWRITTEN_S = 3.0  # between two layouts, or two of one shard: 10 s less 7 s
SETTLED_S = 40.0  # a Lease that is not there, one that ended without a word, one that was not released, and some rounds


class SlowLine(Line):
    """A way to the API server on which each request takes its time, there and back: others come in between."""

    def __init__(self, api: KubeApi, hours: Hours, takes_s: float) -> None:
        super().__init__(api)
        self._hours = hours
        self._takes_s = takes_s

    async def _stopped_after(self, request: Coroutine[Any, Any, dict[str, Any]]) -> dict[str, Any]:
        try:
            await self._hours.sleep(self._takes_s)
        except asyncio.CancelledError:
            request.close()
            raise
        answer = await super()._stopped_after(request)
        await self._hours.sleep(self._takes_s)
        return answer


@dataclass(slots=True, kw_only=True)
class Process:
    """One process of one shard. wrote_at: when it last believed that it may write."""

    lease: ShardLease
    line: Line
    wrote_at: float = 0.0
    is_over: bool = False  # it said so itself: nobody need wait
    life: asyncio.Task[None] | None = None

    async def lives(self) -> None:
        while True:
            await self.lease.acquire()
            await self.lease.lost()

    async def dies(self) -> None:
        """It is gone, without a word."""
        await cancelled(self.life)
        for elector in (self.lease._own, *self.lease._old.values()):
            await cancelled(elector._renewing)


@dataclass(slots=True)
class World:
    """Processes of several layouts, one API server, time that is told."""

    hours: Hours = field(default_factory=Hours)
    cluster: MemoryCluster = field(default_factory=MemoryCluster)
    processes: dict[int, Process] = field(default_factory=dict)
    all: list[Process] = field(default_factory=list)

    def began(self, who: int, shard: Shard, takes_s: float = 0.0) -> None:
        """A new process, of this shard, whose requests take so long, there and back."""
        line = SlowLine(DirectApi(self.cluster), self.hours, takes_s)

        async def sleep(seconds: float) -> None:
            await self.hours.sleep(seconds)
            await line.goes_on.wait()

        lease = ShardLease(
            api=line,
            clock=Wall(self.hours.monotonic, NOON),
            namespace="default",
            name="rollout-controller",
            identity=f"process-{who}-{len(self.all)}",
            shard=shard,
            timing=Timing(monotonic=self.hours.monotonic, sleep=sleep),
        )
        made = self.processes[who] = Process(lease=lease, line=line)
        self.all.append(made)
        made.life = asyncio.create_task(made.lives())

    async def passes(self, seconds: float) -> None:
        """Time passes, and at every moment those that may write divide the fleet in one way."""
        for _ in range(round(seconds / STEP_S)):
            await self.hours.pass_(STEP_S)
            self._judged()

    def writing(self) -> list[Process]:
        """Those that may write now."""
        return [one for one in self.processes.values() if one.lease.may_write(NOW)]

    def _judged(self) -> None:
        now, writing = self.hours.monotonic(), self.writing()
        for one in writing:
            one.wrote_at = now
        for one in writing:
            others = [other for other in self.all if other is not one and excludes(one, other)]
            assert not [other for other in others if other in writing]
            assert not [other for other in others if other.wrote_at and not other.is_over and self._is_near(other)]

    def _is_near(self, other: Process) -> bool:
        return self.hours.monotonic() - other.wrote_at < UNWRITTEN_S - STEP_S


def excludes(one: Process, other: Process) -> bool:
    """Whether the two must not write at the same time: both could be whose an object is."""
    return one.lease.shard.count != other.lease.shard.count or one.lease.shard == other.lease.shard


class Layouts(RuleBasedStateMachine):
    """Everything that can happen to five processes, each of which is started again with any shard of any layout."""

    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.world = World()

    def run(self, what: Coroutine[object, object, None]) -> None:
        self.loop.run_until_complete(what)

    @rule(seconds=st.floats(0.25, 30))
    def time_passes(self, seconds: float) -> None:
        self.run(self.world.passes(seconds))

    @rule(who=WHO, shard=SHARDS, in_order=st.booleans(), seconds=st.floats(0.25, 15), takes_s=TAKES)
    def one_ends_and_another_begins(
        self, who: int, shard: Shard, in_order: bool, seconds: float, takes_s: float
    ) -> None:
        async def replaced() -> None:
            await self._ended(who, in_order=in_order)
            self.world.began(who, shard, takes_s)
            await self.world.passes(seconds)

        self.run(replaced())

    @rule(count=st.sampled_from([1, 2, 3]), in_order=st.booleans(), at_once=st.booleans(), takes=TAKES_ALL)
    def another_layout_is_rolled_out(self, count: int, in_order: bool, at_once: bool, takes: list[float]) -> None:
        async def rolled_out() -> None:
            for who, takes_s in enumerate(takes):
                await self._ended(who, in_order=in_order)
                self.world.began(who, Shard(number=who % count + 1, count=count), takes_s)
                await self.world.passes(STEP_S if at_once else 3)

        self.run(rolled_out())

    @rule(who=WHO, seconds=st.floats(0.25, 30))
    def one_is_stopped_for_a_while(self, who: int, seconds: float) -> None:
        async def stopped() -> None:
            process = self.world.processes.get(who)
            if process is not None:
                process.line.goes_on.clear()
                await self.world.passes(seconds)
                process.line.goes_on.set()

        self.run(stopped())

    @rule(who=st.sets(WHO, min_size=1, max_size=3), seconds=st.floats(0.25, 30))
    def some_are_cut_off_for_a_while(self, who: set[int], seconds: float) -> None:
        async def cut() -> None:
            lines = [self.world.processes[one].line for one in who & self.world.processes.keys()]
            for line in lines:
                line.is_cut = True
            await self.world.passes(seconds)
            for line in lines:
                line.is_cut = False

        self.run(cut())

    @rule(stored=st.booleans(), name=st.sampled_from(["rollout-controller", "rollout-controller-*", "*"]))
    def an_answer_is_lost(self, stored: bool, name: str) -> None:
        async def lost() -> None:
            self.world.cluster.faults.fail_next(f"*/leases/{name}", Unreachable("lost"), stored=stored)
            await self.world.passes(5)
            self.world.cluster.faults.recover()

        self.run(lost())

    async def _ended(self, who: int, *, in_order: bool) -> None:
        process = self.world.processes.pop(who, None)
        if process is None:
            return
        process.line.goes_on.set()
        if in_order:
            await cancelled(process.life)
            await process.lease.release()
            process.is_over = True
        await process.dies()

    def teardown(self) -> None:
        async def ended() -> None:
            try:
                await self._one_layout_is_left()
            finally:
                for who in tuple(self.world.processes):
                    await self._ended(who, in_order=False)

        self.run(ended())
        self.loop.close()

    async def _one_layout_is_left(self) -> None:
        """Once the processes of others are gone, each shard that has a process is led by one."""
        counts = sorted({one.lease.shard.count for one in self.world.processes.values()})
        for who in [who for who, one in self.world.processes.items() if one.lease.shard.count != counts[0]]:
            await self._ended(who, in_order=False)
        await self.world.passes(SETTLED_S)
        shards = {str(one.lease.shard) for one in self.world.processes.values()}
        assert {str(one.lease.shard) for one in self.world.writing()} == shards


Layouts.TestCase.settings = examples(12, steps=8)
TestLayouts = pytest.mark.slow(Layouts.TestCase)
