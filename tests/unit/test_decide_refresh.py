"""When are numbers that decide nothing written down, of many Rollouts that were released in one moment?"""

from collections import Counter
from dataclasses import replace
from datetime import timedelta

from rollout.model.names import Key
from tests.support.pure_world import PureWorld, running

LOOK = timedelta(seconds=15)
MANY = 60


def refreshed_after(world: PureWorld, name: str) -> int:
    """The look at which a Rollout of this name writes its numbers anew."""
    world.spec = replace(world.spec, key=Key(namespace="shop", name=name))
    before = world.status.verdicts
    for number in range(1, 9):
        world.now += LOOK
        world.tick()
        if world.status.verdicts != before:
            return number
    raise AssertionError("never")


def test_those_of_rollouts_that_were_released_together_are_written_at_moments_of_their_own() -> None:
    looks = Counter(refreshed_after(running(5), f"n-{number}") for number in range(MANY))

    assert max(looks.values()) < MANY / 2
    assert len(looks) >= 3


def test_none_are_older_than_a_minute_and_a_half() -> None:
    looks = [refreshed_after(running(5), f"n-{number}") for number in range(MANY)]

    assert max(looks) * LOOK <= timedelta(seconds=90)
