"""Who hears that something changed, and what if he is slow?"""

import asyncio

from rollout.model.names import Key
from rollout.services.feed import MOST_WAITING, Changed, Feed

CHECKOUT = Key(namespace="shop", name="checkout")


async def test_every_listener_hears_of_each_object_once_however_often_it_changed() -> None:
    feed = Feed()
    with feed.listening() as one, feed.listening() as other:
        for _ in range(3):
            feed.tell("Rollout", CHECKOUT)

        heard = [await anext(listener.changes()) for listener in (one, other)]

        assert heard == [Changed(kind="Rollout", key=CHECKOUT)] * 2
        assert len(feed) == 2


async def test_a_listener_who_is_too_slow_is_told_to_look_at_everything_again() -> None:
    feed = Feed()
    with feed.listening() as listener:
        for number in range(MOST_WAITING + 1):
            feed.tell("Rollout", Key(namespace="shop", name=f"app-{number}"))

        assert await anext(listener.changes()) == Changed()


async def test_who_left_hears_nothing_and_is_forgotten() -> None:
    feed = Feed()
    with feed.listening() as listener:
        pass

    feed.tell("Rollout", CHECKOUT)

    waiting = asyncio.ensure_future(anext(listener.changes()))
    await asyncio.sleep(0)
    assert not waiting.done()
    assert len(feed) == 0
    waiting.cancel()
