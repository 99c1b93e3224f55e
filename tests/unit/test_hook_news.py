"""Do news reach the event hooks in order, without anybody waiting for a slow one?"""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from adapters.memory.clock import ManualClock
from adapters.memory.hooks import MemoryHooks
from adapters.memory.notices import KeptNotices
from rollout.model.names import Key
from rollout.model.status import Reason
from rollout.ports.notices import About
from rollout.services.hook_news import WAITING, HookNews
from tests.support.builders import CHECKOUT, NOON
from tests.support.world import World, a_release

EVENTS: list[Mapping[str, Any]] = [
    {"name": name, "type": "event", "url": "http://news.test/"} for name in ("fast", "slow")
]


@dataclass(slots=True)
class Stand:
    """A release with two event hooks, and news about it."""

    world: World
    hooks: MemoryHooks = field(default_factory=lambda: MemoryHooks(ManualClock(NOON)))
    kept: KeptNotices = field(default_factory=KeptNotices)

    def news(self) -> HookNews:
        """What tells the hooks."""
        return HookNews(self.kept, self.world.reconciler.rollouts, self.hooks, self.world.clock)

    def told(self, name: str) -> list[str]:
        """What a hook was told, in its order."""
        return [dict(one.metadata)["eventMessage"] for one in self.hooks.asked if one.hook.name == name]


def about(kind: str = "Rollout", key: Key = CHECKOUT) -> About:
    """Whom the news are about."""
    return About(kind=kind, key=key, uid="uid", version="1", state="Idle")


async def tell(news: HookNews, *numbers: int) -> None:
    """Tell these pieces of news."""
    for number in numbers:
        await news.tell(about(), Reason(code="StepPassed", message=str(number)))


async def rested() -> None:
    """Let everything go on that waits for nothing."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_news_are_told_in_their_order_and_kept_by_who_was_told_before() -> None:
    async with a_release(webhooks=EVENTS) as world:
        stand = Stand(world)
        news = stand.news()

        await tell(news, 1, 2, 3)
        await rested()

        assert stand.told("fast") == stand.told("slow") == ["1", "2", "3"]
        assert [reason.message for _, reason in stand.kept.told] == ["1", "2", "3"]


async def test_a_slow_hook_keeps_neither_the_tick_nor_the_others_waiting() -> None:
    async with a_release(webhooks=EVENTS) as world:
        stand = Stand(world)
        stand.hooks.silence("slow")
        news = stand.news()

        async with asyncio.timeout(timedelta(seconds=5).total_seconds()):
            await tell(news, 1, 2)
        await rested()

        assert (stand.told("fast"), stand.told("slow")) == (["1", "2"], ["1"])
        stand.hooks.tell("slow", passed=True)
        await rested()
        assert stand.told("slow") == ["1", "2"]


async def test_a_hook_that_never_answers_loses_the_oldest_news_and_no_memory_grows() -> None:
    async with a_release(webhooks=EVENTS) as world:
        stand = Stand(world)
        stand.hooks.silence("slow")
        news = stand.news()
        await tell(news, 0)
        await rested()

        await tell(news, *range(1, WAITING + 11))
        stand.hooks.tell("slow", passed=True)
        for _ in range(WAITING):
            await rested()

        assert stand.told("slow") == ["0", *(str(number) for number in range(11, WAITING + 11))]


async def test_news_of_other_kinds_and_of_what_is_gone_are_told_to_no_hook() -> None:
    async with a_release(webhooks=EVENTS) as world:
        stand = Stand(world)
        news = stand.news()

        await news.tell(about(kind="GitSource"), Reason(code="Synced", message="a"))
        await news.tell(about(key=Key(namespace="shop", name="gone")), Reason(code="Deleted", message="b"))
        await rested()

        assert (stand.hooks.asked, len(stand.kept.told)) == ([], 2)


async def test_nothing_is_called_after_the_end() -> None:
    async with a_release(webhooks=EVENTS) as world:
        stand = Stand(world)
        stand.hooks.silence("slow")
        news = stand.news()
        await tell(news, 1, 2)
        await rested()

        await news.close()
        stand.hooks.tell("slow", passed=True)
        await rested()

        assert stand.told("slow") == ["1"]
