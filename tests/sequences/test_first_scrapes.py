"""Is nobody alarmed about proxies that have only just started?"""

from datetime import timedelta

from rollout.migration.needs import FEWEST_SCRAPES
from tests.support.fleet_world import BEAT, a_fleet

ALARMS = ("NoPositiveControl", "CoverageIncomplete")
FIRST_SCRAPES = FEWEST_SCRAPES * BEAT  # the interval of the fleet's migration is a beat


async def test_proxies_that_count_nothing_yet_alarm_nobody_before_they_were_scraped_some_times() -> None:
    async with a_fleet() as world:
        await world.pass_time(timedelta(minutes=5), until="pay Enrolling")
        world.fleet.callers["web"].silent = True
        await world.pass_time(timedelta(minutes=1), until="pay Permissive")
        await world.pass_time(FIRST_SCRAPES - BEAT)

        early = [line for line in world.story if any(code in line for code in ALARMS)]
        held = (await world.of("pay")).stage
        await world.pass_time(2 * BEAT)

    assert (early, held) == ([], "Permissive")
    assert any(code in line for line in world.story for code in ALARMS)
