"""How does a test live through the controller's rounds of commit statuses?"""

import asyncio
from datetime import timedelta

from adapters.memory.notices import KeptNotices
from rollout.controller.kept_commits import ROUND, KeptCommits
from rollout.model.names import Key
from tests.support.commit_world import CommitWorld

ROUNDS, RARE = (timedelta(seconds=1),), timedelta(seconds=5)


class Kept:
    """What the controller keeps, on a world that stands still between two moments."""

    def __init__(self) -> None:
        self.world = CommitWorld()
        self.notices = KeptNotices()
        self.jitter = 0.0
        world, rollouts = self.world, self.world.rollouts
        self.kept = KeptCommits(
            sources=world.sources,
            specs=rollouts,
            rollouts=rollouts,
            statuses=world.service,
            notices=self.notices,
            clock=world.clock,
            jitter=lambda: self.jitter,
            may_write=lambda: world.leads,
            changed=rollouts.news,
        )

    async def second(self, count: int = 1) -> tuple[Key, ...]:
        """So many rounds, a second apart; the sources that were looked at."""
        before = len(self.world.service.looks)
        for _ in range(count):
            worked = await self.kept.tick(ROUND)
            assert worked.wake_at is not None
            assert worked.wake_at - self.world.clock.now() in (ROUNDS if self.world.sources.held else (*ROUNDS, RARE))
            await settled()
            self.world.clock.advance(timedelta(seconds=1))
        return tuple(self.world.service.looks[before:])

    def contexts(self) -> list[str]:
        """What was said so far."""
        return [status.context for _, status in self.world.forges.written]


async def settled() -> None:
    """Let everything run that needs no time to pass."""
    for _ in range(50):
        await asyncio.sleep(0)
