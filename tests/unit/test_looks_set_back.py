"""Is a canary looked at as often as ever when the clock was set back in mid-step?"""

from datetime import timedelta
from typing import Any

from tests.support.troubled_shop import MINUTE, WEBHOOKS, Shape, TroubledShop, a_troubled_shop

LONG = [{"weight": 30, "soak": "2h"}]


async def set_back(shop: TroubledShop, **spec: Any) -> None:
    """v2 has had 30 % for ten minutes when the clock is set back by nine."""
    await shop.commit(revision="v2", steps=LONG, **spec)
    await shop.live(10 * MINUTE)
    shop.world.clock.advance(-9 * MINUTE)
    await shop.live(timedelta(0))


async def test_a_canary_that_fails_then_goes_back_within_an_interval() -> None:
    async with a_troubled_shop(Shape()) as shop:
        await set_back(shop)
        shop.metrics_say("bad")

        await shop.live(2 * MINUTE)

        assert shop.truth().share("checkout-v2") == 0


async def test_a_rollback_hook_that_says_yes_then_is_heard_within_an_interval() -> None:
    async with a_troubled_shop(Shape()) as shop:
        await set_back(shop, webhooks=WEBHOOKS)
        shop.webhooks_say(opens=True, back=True)

        await shop.live(2 * MINUTE)

        assert shop.truth().share("checkout-v2") == 0
