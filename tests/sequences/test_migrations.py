"""What does a whole migration look like, told one line per event?"""

from datetime import timedelta

from tests.support.fleet_world import a_fleet
from tests.support.golden import same_story


async def test_three_namespaces_in_two_waves_reach_strict() -> None:
    async with a_fleet() as world:
        await world.pass_time(timedelta(minutes=60), until="pay Done")

    same_story("migration_to_strict", "\n".join(world.story) + "\n")
