"""What becomes of a migration when metrics, servers, people or the controller itself fail in the middle of it?"""

import asyncio
from datetime import timedelta
from typing import Any

import pytest

from adapters.memory.mesh_traffic import Caller
from rollout.model.commands import Verb
from rollout.model.migration import Stage
from tests.support.fate import Blow
from tests.support.fleet_world import BEAT, NAME, FleetWorld, a_fleet, migration
from tests.support.golden import same_story
from tests.support.unread import Hanging, OnlyOf, Unread

HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
SHOP = [{"name": "core", "namespaces": ["shop"]}]


def old(target: str = "shop/web") -> Caller:
    """Something outside of the cluster, which calls every five seconds."""
    return Caller(name="old", source="", target=target, rate=0.2)


async def reached(world: FleetWorld, stage: str) -> None:
    """Nobody calls, and shop has come to this stage."""
    world.fleet.callers.clear()
    await world.pass_time(HOUR, until=f"shop {stage}")


async def mode(world: FleetWorld, name: str = "default") -> str:
    """What shop says."""
    found: str = (await world.read("PeerAuthentication", "shop", name))["spec"]["mtls"]["mode"]
    return found


@pytest.mark.parametrize(("verb", "subject"), [(Verb.FALLBACK, "shop"), (Verb.ABORT, "")])
async def test_a_metrics_server_that_hangs_delays_no_fallback(verb: Verb, subject: str) -> None:
    async with a_fleet(waves=SHOP) as world:
        await reached(world, "StrictSoak")
        world.kept.migrator.observer.metrics = Hanging()
        await world.say(verb, subject)
        world.clock.advance(MINUTE)
        ticking = asyncio.create_task(world.tick())
        for _ in range(200):
            await asyncio.sleep(0)

        assert not ticking.done()
        assert await mode(world) == "PERMISSIVE"
        assert (await world.of("shop")).stage is Stage.FALLING_BACK
        ticking.cancel()
        await asyncio.gather(ticking, return_exceptions=True)


async def test_what_cannot_be_read_delays_no_fallback_and_stops_nobody() -> None:
    async with a_fleet(waves=SHOP) as world:
        await reached(world, "StrictSoak")
        world.kept.migrator.observer.records = world.kept.migrator.observer.inventory = Unread()
        await world.say(Verb.FALLBACK, "shop")
        await world.pass_time(BEAT)

        assert await mode(world) == "PERMISSIVE"
        assert (await world.of("shop")).stage is Stage.FALLEN_BACK


async def test_a_status_that_cannot_be_saved_delays_no_fallback() -> None:
    async with a_fleet(waves=SHOP) as world:
        await reached(world, "StrictSoak")
        world.fate.blow, world.fate.at = Blow.REFUSED, world.fate.begun
        world.fleet.call(old())
        await world.pass_time(MINUTE, until="shop FallenBack")

        assert await mode(world) == "PERMISSIVE"
        assert world.fleet.callers["old"].refused == 1


async def test_records_that_cannot_be_written_hold_one_namespace_and_no_other() -> None:
    async with a_fleet(waves=[{"name": "core", "namespaces": ["shop", "pay"]}]) as world:
        world.fleet.callers.clear()
        keeper = world.kept.migrator.records
        object.__setattr__(world.kept.migrator, "records", OnlyOf(keeper, "pay"))
        await world.pass_time(HOUR, until="pay Done")
        one = await world.of("shop")

        assert one.stage is Stage.PENDING
        assert [reason.code for reason in one.reasons] == ["RecordNotKept"]


async def test_a_spec_that_cannot_be_read_answers_commands_and_opens_all_the_same() -> None:
    async with a_fleet(waves=SHOP) as world:
        await reached(world, "StrictSoak")
        await world.edit("MeshMigration", "", NAME, {"spec": {"waves": [{"name": "a", "namespaces": ["x", "x"]}]}})
        await world.say(Verb.PAUSE)
        await world.say(Verb.FALLBACK, "shop")
        await world.tick()
        results = sorted([one["status"]["result"] for one in await world.commands()])

        assert world.moved[-1].after.reasons[0].code == "InvalidSpec"
        assert await mode(world) == "PERMISSIVE"
        assert results == ["Accepted", "Refused"]


async def test_blindness_while_strict_is_verified_opens_it() -> None:
    async with a_fleet(waves=SHOP) as world:
        await reached(world, "StrictCanary")
        world.metrics.down("no answer in 10 s")
        await world.pass_time(2 * MINUTE, until="shop FallenBack")

        same_story("migration_blind", "\n".join(world.story[-8:]) + "\n")


async def test_blindness_while_it_is_observed_closes_the_gate_and_resets_nothing() -> None:
    async with a_fleet(waves=SHOP) as world:
        await reached(world, "Observing")
        await world.pass_time(10 * SECOND)
        before = (await world.of("shop")).soak
        world.metrics.down("no answer in 10 s")
        await world.pass_time(5 * MINUTE)
        held = await world.of("shop")
        world.metrics.up()
        await world.pass_time(90 * SECOND, until="shop StrictCanary")

        assert held.stage is Stage.OBSERVING
        assert (held.soak.clock, held.soak.restarted) == (before.clock, "")
        assert "CoverageIncomplete" in [reason.code for reason in held.reasons]


async def test_plaintext_during_an_outage_is_found_by_the_look_back() -> None:
    async with a_fleet(waves=SHOP) as world:
        await reached(world, "Observing")
        await world.pass_time(30 * SECOND)
        world.metrics.down("no answer in 10 s")
        world.fleet.call(old())
        await world.pass_time(MINUTE)
        world.fleet.callers.clear()
        world.metrics.up()
        await world.pass_time(30 * SECOND)

        assert "plaintext to web" in (await world.of("shop")).soak.restarted


async def test_plaintext_while_no_controller_was_there_is_found_by_the_look_back() -> None:
    async with a_fleet(waves=SHOP) as world:
        await reached(world, "Observing")
        await world.pass_time(70 * SECOND)
        world.fleet.call(old())
        for _ in range(12):
            world.clock.advance(BEAT)
            await world.fleet.beat(world.clock.now())
        world.fleet.callers.clear()
        await world.restart()
        await world.pass_time(10 * SECOND)
        one = await world.of("shop")

        assert one.stage is Stage.OBSERVING
        assert "plaintext to web" in one.soak.restarted


async def test_a_restart_in_silence_keeps_what_was_soaked() -> None:
    async with a_fleet(waves=SHOP) as world:
        await reached(world, "Observing")
        begun = world.clock.now()
        await world.pass_time(MINUTE)
        await world.restart()
        await world.pass_time(5 * MINUTE, until="shop StrictCanary")

        assert world.clock.now() - begun < 130 * SECOND


async def test_a_restart_at_strict_does_not_meet_again_who_spoke_before_the_soak() -> None:
    async with a_fleet(waves=SHOP, soak="10s") as world:
        world.fleet.callers.clear()
        world.fleet.call(Caller(name="old", source="", target="shop/web"))
        await world.pass_time(HOUR, until="shop Observing")
        await world.pass_time(MINUTE)
        world.fleet.callers.clear()
        await world.pass_time(5 * MINUTE, until="shop StrictCanary")
        await world.restart()
        await world.pass_time(20 * SECOND)

        assert (await world.of("shop")).fallbacks == 0, world.story


async def test_plaintext_that_was_seen_is_not_forgotten_when_the_status_cannot_be_saved() -> None:
    async with a_fleet(waves=SHOP) as world:
        await reached(world, "Observing")
        await world.pass_time(30 * SECOND)
        world.fleet.call(old())
        world.fate.blow, world.fate.at = Blow.REFUSED, world.fate.begun
        await world.pass_time(BEAT)
        world.fleet.callers.clear()
        assert world.moved[-1].errors or world.moved[-2].errors
        await world.pass_time(MINUTE)

        assert "plaintext to web" in (await world.of("shop")).soak.restarted


async def test_two_fallbacks_in_a_wave_pause_the_fleet() -> None:
    async with a_fleet(waves=[{"name": "core", "namespaces": ["shop", "pay"]}]) as world:
        await reached(world, "Strict")
        await world.say(Verb.FALLBACK, "shop")
        await world.pass_time(10 * MINUTE, until="pay StrictSoak")
        await world.say(Verb.FALLBACK, "pay")
        await world.say(Verb.RETRY, "shop")
        await world.pass_time(10 * MINUTE)

        one = await world.of("shop")
        assert one.stage is Stage.REHEARSAL
        assert [reason.code for reason in one.reasons] == ["FallbackBudgetSpent"]


async def test_a_person_who_opens_what_is_strict_is_not_fought() -> None:
    async with a_fleet(waves=SHOP) as world:
        await reached(world, "StrictSoak")
        await world.edit("PeerAuthentication", "shop", "default", {"spec": {"mtls": {"mode": "PERMISSIVE"}}})
        await world.pass_time(10 * MINUTE)

        assert await mode(world) == "PERMISSIVE"
        assert (await world.of("shop")).stage is Stage.FALLEN_BACK
        assert "opened shop while it was StrictSoak" in "\n".join(world.story)


async def test_a_person_who_takes_the_label_off_is_named_and_not_fought() -> None:
    async with a_fleet(waves=SHOP) as world:
        await reached(world, "Observing")
        await world.edit("Namespace", "", "shop", {"metadata": {"labels": {"istio-injection": None}}})
        await world.pass_time(5 * MINUTE)

        one = await world.of("shop")
        assert (one.stage, one.reasons[0].code) == (Stage.OBSERVING, "Drift")
        assert "istio-injection" not in ((await world.read("Namespace", "", "shop"))["metadata"].get("labels") or {})


async def test_a_namespace_that_is_deleted_in_mid_move_stops_nobody() -> None:
    async with a_fleet(waves=[{"name": "core", "namespaces": ["shop", "pay"]}]) as world:
        await reached(world, "Strict")
        del world.fleet.workloads["shop/web"]
        await world.delete("Namespace", "", "shop")
        await world.pass_time(10 * MINUTE, until="pay Done")

        assert (await world.of("shop")).stage is Stage.FALLEN_BACK
        assert not [error for moved in world.moved for error in moved.errors]


async def test_an_empty_namespace_reaches_strict() -> None:
    async with a_fleet(waves=[{"name": "core", "namespaces": ["empty"]}]) as world:
        await world.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "empty"}})
        await world.pass_time(20 * MINUTE, until="empty Done")

        assert list(await world.policies("empty")) == ["default"]


async def test_a_migration_that_is_deleted_leaves_every_mode_as_it_is() -> None:
    async with a_fleet(waves=SHOP) as world:
        await reached(world, "StrictSoak")
        before = await world.policies("shop")
        await world.delete("MeshMigration", "", NAME)
        await world.pass_time(MINUTE)

        assert await world.policies("shop") == before


async def test_of_two_migrations_of_one_namespace_the_one_that_has_begun_goes_on() -> None:
    async with a_fleet(waves=SHOP) as world:
        await reached(world, "Observing")
        other = migration(waves=SHOP)
        other["metadata"]["name"] = "a-first"
        await world.put(other)
        await world.pass_time(MINUTE)
        moved = await world.kept.migrator.tick("a-first", world.clock.now())

        assert moved is not None
        assert [one.code for one in moved.after.of("shop").reasons] == ["OwnedByAnother"]
        await world.pass_time(HOUR, until="shop Done")


async def test_pods_that_nobody_makes_anew_are_named() -> None:
    async with a_fleet(waves=SHOP) as world:
        world.fleet.callers.clear()
        await world.put(bare_pod("lonely"))
        await world.say(Verb.ACKNOWLEDGE, "shop", finding="STS-01", reason="by hand")
        await world.pass_time(3 * MINUTE)

        one = await world.of("shop")
        assert one.stage is Stage.ENROLLING
        assert "delete and create lonely" in one.reasons[0].message


def bare_pod(name: str) -> dict[str, Any]:
    """A pod without an owner."""
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {"name": name, "namespace": "shop", "labels": {"app": name}},
        "spec": {"containers": [{"name": "app", "image": "x:1", "ports": [{"containerPort": 80}]}]},
    }
