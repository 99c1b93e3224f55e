"""Is an incident over only when stable was seen to be normal for long enough, and does time alone move what it holds?"""

from datetime import timedelta

from rollout.model.status import Incident, Run
from tests.sequences.test_incidents import both_fail, both_recover
from tests.sequences.test_judged import AUTO, JUDGED, release
from tests.support.scenes import MINUTE, SECOND
from tests.support.series import Traffic
from tests.support.world import World, a_release


def run_of(world: World) -> Run:
    assert world.status.run is not None
    return world.status.run


def incident_of(world: World) -> Incident:
    found = run_of(world).incident
    assert found is not None
    return found


async def test_a_new_block_with_few_bad_requests_is_not_the_end_of_an_incident() -> None:
    async with a_release(**JUDGED) as world:
        traffic = Traffic(world, rps=4)
        await release(world, 7)
        both_fail(world, traffic)
        await world.pass_time(90 * SECOND)
        began = incident_of(world).since
        normal = []
        while run_of(world).weight == 50:
            await world.pass_time(5 * SECOND)
            normal.append(incident_of(world).until is not None)

    assert any(normal)
    assert incident_of(world).since - began <= timedelta(minutes=3, seconds=45)
    assert run_of(world).weight == 5


async def test_an_outage_in_an_incident_does_not_count_as_its_end() -> None:
    async with a_release(**JUDGED) as world:
        traffic = Traffic(world)
        await release(world, 7)
        both_fail(world, traffic)
        await world.pass_time(90 * SECOND)
        both_recover(world, traffic)
        while incident_of(world).until is None:
            await world.pass_time(5 * SECOND)
        world.metrics.fail("connection refused")

        await world.pass_time(3 * MINUTE)

        assert run_of(world).weight == 5


async def test_a_weight_is_lowered_in_time_however_seldom_it_is_measured() -> None:
    async with a_release(**JUDGED, analysis={"interval": "5m"}) as world:
        traffic = Traffic(world)
        both_fail(world, traffic)
        await release(world, 6)
        began = incident_of(world).since

        await world.pass_time(3 * MINUTE)

        assert run_of(world).weight == 0
        assert incident_of(world).since == began + 3 * MINUTE


async def test_a_second_attempt_lasts_as_long_as_a_first_one() -> None:
    async with a_release(**{**AUTO, "auto": {"max": 50, "minDuration": "20m"}}) as world:
        traffic = Traffic(world)
        await release(world, 1)
        both_fail(world, traffic)
        await world.pass_time(8 * MINUTE)
        assert run_of(world).trial_since is None
        both_recover(world, traffic)
        while run_of(world).weight == 0:
            await world.pass_time(15 * SECOND)
        again = world.clock.now()

        await world.pass_time(19 * MINUTE)

        assert run_of(world).trial_since == again
        assert [reason.code for reason in world.status.reasons] == ["LeastDuration"]
