"""What happens in a shop while an invariant is tried out? Each scene is a short story that a planted bug spoils."""

from rollout.model.freeze import Overrun
from tests.support.troubled_shop import GATED, LATER, MINUTE, PLANS, WEBHOOKS, TroubledShop
from tests.support.turmoil import SECOND


async def a_release(shop: TroubledShop) -> None:
    """v2 goes to 5 % and, after its soak, to 50 %."""
    await shop.commit(revision="v2")
    await shop.live(3 * MINUTE)


async def a_gate(shop: TroubledShop) -> None:
    """Nobody approves the first step."""
    await shop.commit(revision="v2", steps=GATED)
    await shop.live(3 * MINUTE)


async def three_steps(shop: TroubledShop) -> None:
    """The second of three is not approved."""
    await shop.commit(revision="v2", steps=LATER)
    await shop.live(3 * MINUTE)


async def a_pause(shop: TroubledShop) -> None:
    """ana pauses at 5 %."""
    await shop.commit(revision="v2")
    await shop.live(MINUTE / 2)
    await shop.says_ana("pause", reason="lunch")
    await shop.live(MINUTE)


async def a_lowering(shop: TroubledShop) -> None:
    """Somebody takes 30 % down to 2 % between a look, which ends no step, and what it writes."""
    await shop.commit(revision="v2", steps=PLANS[3])
    await shop.live(MINUTE / 2)
    shop.witness.meanwhile = 0, lambda: shop.lower("checkout", 2)
    await shop.live(2 * MINUTE)


async def a_suspension(shop: TroubledShop) -> None:
    """Git suspends what it names."""
    await shop.commit(revision="v2", suspend=True)
    await shop.live(MINUTE)


async def a_dead_canary(shop: TroubledShop) -> None:
    """No pod of v2 is ready."""
    await shop.pods("v2", 0)
    await a_release(shop)


async def an_outage(shop: TroubledShop) -> None:
    """Prometheus is down from the first step on."""
    await shop.commit(revision="v2")
    shop.metrics_say("down")
    await shop.live(6 * MINUTE)


async def a_freeze(shop: TroubledShop) -> None:
    """Nothing may be raised for an hour."""
    await shop.freeze(0, 60, Overrun.HOLD)
    await a_release(shop)


async def a_failure(shop: TroubledShop) -> None:
    """v2 fails at 5 %."""
    await shop.commit(revision="v2")
    await shop.live(MINUTE / 2)
    shop.metrics_say("bad")
    await shop.live(4 * MINUTE)


async def a_shut_gate(shop: TroubledShop) -> None:
    """The webhook that opens steps says no."""
    shop.webhooks_say(opens=False, back=False)
    await shop.commit(revision="v2", webhooks=WEBHOOKS)
    await shop.live(6 * MINUTE)


async def a_yes_to_go_back(shop: TroubledShop) -> None:
    """The webhook that rolls back says yes at 30 %."""
    await shop.commit(revision="v2", webhooks=WEBHOOKS, steps=PLANS[3])
    await shop.live(MINUTE / 2)
    shop.webhooks_say(opens=True, back=True)
    await shop.live(4 * MINUTE)


async def a_slow_failure(shop: TroubledShop) -> None:
    """v2 fails at 30 %, where it is to stay for three minutes."""
    await shop.commit(steps=PLANS[3])
    await a_failure(shop)


async def two_runs(shop: TroubledShop) -> None:
    """v2 fails, then v3 is promoted."""
    await a_failure(shop)
    shop.metrics_say("good")
    await shop.commit(revision="v3")
    await shop.live(8 * MINUTE)


async def a_deletion(shop: TroubledShop) -> None:
    """The Rollout is deleted in mid-run."""
    await shop.commit(revision="v2")
    await shop.live(MINUTE / 2)
    await shop.remove()
    await shop.live(MINUTE)


async def a_late_deletion(shop: TroubledShop) -> None:
    """The Rollout is deleted while proxies may still use the subset of what was aborted."""
    await shop.commit(revision="v2")
    await shop.live(MINUTE / 2)
    await shop.says_ana("abort", reason="no")
    await shop.live(2 * SECOND)
    await shop.remove()
    await shop.live(MINUTE)
