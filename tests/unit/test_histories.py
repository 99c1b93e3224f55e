"""How many histories are in memory at once when hundreds of runs begin?"""

import asyncio
from dataclasses import dataclass

from rollout.model.measurement import Answer, Arm, Failed, Question
from rollout.services.observe import HISTORIES
from tests.sequences.test_judged import JUDGED, release
from tests.sequences.test_learning import no_history
from tests.support.series import Traffic
from tests.support.world import a_release

AWAY = Failed(query="q", error="refused")


@dataclass(slots=True)
class Counting:
    """A metrics server that answers a while later. most: of the histories that were asked for at the same time."""

    asked: int = 0
    most: int = 0

    async def measure(self, question: Question) -> Answer:
        is_history = question.arm is Arm.HISTORY
        self.asked += is_history
        self.most = max(self.most, self.asked)
        for _ in range(20):
            await asyncio.sleep(0)
        self.asked -= is_history
        return AWAY


async def test_no_more_histories_than_the_bound_are_read_at_the_same_time() -> None:
    async with a_release(**JUDGED) as world:
        no_history(Traffic(world), AWAY)
        await release(world, 1)
        stored, counting = world.reconciler.rollouts.get(world.key), Counting()
        assert stored is not None
        assert stored.spec is not None
        observer, now = world.reconciler.observer, world.clock.now()
        observer.metrics = counting
        observer.forget(world.key)

        await asyncio.gather(*(observer.observe(stored.spec, stored.status, now) for _ in range(3 * HISTORIES)))

        assert counting.most == HISTORIES
