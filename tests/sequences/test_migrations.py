"""What does a whole migration look like, told one line per event?"""

from datetime import timedelta

from tests.support.fleet_world import a_fleet
from tests.support.golden import same_story


async def test_three_namespaces_in_two_waves_reach_strict() -> None:
    async with a_fleet() as world:
        await world.pass_time(timedelta(minutes=60), until="pay Done")

    same_story("migration_to_strict", "\n".join(world.story) + "\n")


async def test_a_look_that_tells_nothing_new_is_not_written_down() -> None:
    async with a_fleet() as world:
        await world.pass_time(timedelta(minutes=60), until="pay Observing")
        await world.pass_time(timedelta(seconds=10))
        before = world.fate.begun

        await world.pass_time(timedelta(seconds=50))

    assert world.fate.begun - before <= 3  # one for each namespace: it was seen a minute longer
