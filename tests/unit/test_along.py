"""Do Rollouts that are due about the same time ask together, and is nobody asked for more often than that needs?"""

from datetime import datetime, timedelta

from rollout.model.names import Key
from rollout.services.along import EACH, EARLY, Along
from rollout.services.observe import Observer
from tests.support.builders import CHECKOUT, NOON
from tests.support.scenes import MINUTE, healthy
from tests.support.world import World, a_release

HALF = MINUTE * EARLY
SECOND = timedelta(seconds=1)
A, B, C = (Key(namespace="shop", name=name) for name in "abc")


def asked(*looks: tuple[Key, datetime]) -> Along:
    """What is remembered of looks with an interval of a minute."""
    along = Along()
    for key, at in looks:
        along.asks(key, MINUTE, at)
    return along


def test_who_is_due_within_half_the_interval_is_called() -> None:
    along = asked((A, NOON), (B, NOON + HALF), (C, NOON + HALF + SECOND))

    assert along.asks(A, MINUTE, NOON + MINUTE) == (B,)


def test_who_was_called_is_due_early_and_once() -> None:
    along = asked((A, NOON), (B, NOON + SECOND))
    age = MINUTE - SECOND

    before = along.is_due(B, MINUTE, age)
    along.asks(A, MINUTE, NOON + MINUTE)
    called = along.is_due(B, MINUTE, age)
    along.asks(B, MINUTE, NOON + MINUTE)

    assert (before, called, along.is_due(B, MINUTE, age)) == (False, True, False)


def test_who_has_another_interval_is_not_called() -> None:
    along = asked((A, NOON))

    assert along.asks(B, MINUTE / 4, NOON + MINUTE) == ()


def test_no_more_are_called_than_can_look_before_they_would_be_due() -> None:
    many = [Key(namespace="shop", name=f"n{number}") for number in range(3000)]
    along = asked(*((key, NOON) for key in many))

    assert along.asks(many[0], MINUTE, NOON + MINUTE) == tuple(many[1 : HALF // EACH + 1])


def test_who_is_gone_is_not_called() -> None:
    along = asked((A, NOON), (B, NOON))

    along.forget(B)

    assert along.asks(A, MINUTE, NOON + MINUTE) == ()


async def test_a_called_rollout_is_measured_again_before_its_interval_is_over() -> None:
    async with a_release(analysis={"interval": "60s"}) as world:
        await in_mid_run(world)
        observer = world.reconciler.observer
        looked, soon = measured_at(observer), measured_at(observer) + MINUTE * 0.8

        await world.reconciler.tick(world.key, soon)
        alone = measured_at(observer)
        called = observer.along.asks(A, MINUTE, soon)
        await world.reconciler.tick(world.key, soon)

        assert (alone, called, measured_at(observer)) == (looked, (CHECKOUT,), soon)


async def in_mid_run(world: World) -> None:
    healthy(world)
    await world.commit(revision="v2")
    await world.pass_time(2 * MINUTE)


def measured_at(observer: Observer) -> datetime:
    return observer._measured[CHECKOUT][0].at
