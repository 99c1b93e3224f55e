"""Does a move wait for the callers that only the proxies' logs can name, and tell who they are?"""

from datetime import timedelta

from adapters.memory.mesh_fleet import OUTSIDE
from adapters.memory.mesh_traffic import Caller, Workload
from rollout.model.commands import Verb
from tests.support.fleet_world import START, FleetWorld, a_fleet

MINUTE = timedelta(minutes=1)


async def with_a_legacy_caller(world: FleetWorld) -> None:
    """A namespace that no wave names calls pay, now and then."""
    await world.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "legacy"}})
    await world.fleet.deploy(Workload(namespace="legacy", name="batch"), START)
    world.fleet.call(Caller(name="batch", source="legacy/batch", target="pay/bank", rate=0.1))


async def codes(world: FleetWorld, namespace: str) -> list[str]:
    return [reason.code for reason in (await world.of(namespace)).reasons]


async def test_an_unmeshed_caller_is_named_and_waited_for() -> None:
    async with a_fleet() as world:
        await with_a_legacy_caller(world)
        await world.pass_time(20 * MINUTE)

        pay = await world.of("pay")

    assert pay.stage == "Observing"
    assert {one.source for one in pay.callers} >= {"legacy/batch"}
    (why,) = [reason.message for reason in pay.reasons if reason.code == "CallersNotEnrolled"]
    assert "legacy (seen in plaintext)" in why


async def test_one_that_calls_no_more_for_as_long_as_a_soak_takes_holds_nothing_up() -> None:
    async with a_fleet() as world:
        await with_a_legacy_caller(world)
        await world.pass_time(10 * MINUTE)
        assert "CallersNotEnrolled" in await codes(world, "pay")

        world.fleet.callers["batch"].silent = True

        await world.pass_time(30 * MINUTE, until="pay Done")


async def test_a_caller_from_outside_is_told_with_its_address() -> None:
    async with a_fleet() as world:
        world.fleet.call(Caller(name="internet", source="", target="pay/bank", rate=0.1))
        await world.pass_time(10 * MINUTE)

        pay = await world.of("pay")

    assert f"external {OUTSIDE}" in {one.source for one in pay.callers}
    assert "CallersOutside" in [reason.code for reason in pay.reasons]


async def test_a_persons_word_that_it_is_quiet_covers_the_callers_that_were_named() -> None:
    async with a_fleet(soak="1h") as world:
        await with_a_legacy_caller(world)
        await world.pass_time(10 * MINUTE)
        world.fleet.callers["batch"].silent = True
        await world.pass_time(MINUTE)

        for namespace in ("tools", "shop", "pay"):
            await world.say(Verb.PROMOTE, namespace, reason="batch was moved away")

        await world.pass_time(5 * MINUTE, until="pay StrictSoak")


async def test_where_no_log_may_be_read_callers_stay_unknown() -> None:
    async with a_fleet() as world:
        world.cluster.allows = lambda asked: asked.resource != "pods/log"
        await with_a_legacy_caller(world)
        await world.pass_time(10 * MINUTE)

        pay = await world.of("pay")

    assert {one.source for one in pay.callers} == {""}
