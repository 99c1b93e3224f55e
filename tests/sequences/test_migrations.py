"""What does a whole migration look like, told one line per event?"""

from datetime import timedelta

from adapters.memory.mesh_traffic import Caller
from rollout.model.commands import Verb
from rollout.model.migration import Stage
from tests.support.fleet_world import FleetWorld, a_fleet
from tests.support.golden import same_story

HOUR, MINUTE, SECOND = timedelta(hours=1), timedelta(minutes=1), timedelta(seconds=1)
SHOP = [{"name": "core", "namespaces": ["shop"]}]


def old() -> Caller:
    """Something outside of the cluster, which calls every five seconds."""
    return Caller(name="old", source="", target="shop/web", rate=0.2)


def told(world: FleetWorld, name: str) -> None:
    """The story is as it was kept."""
    same_story(name, "\n".join(world.story) + "\n")


def alone(world: FleetWorld) -> None:
    """Nobody calls but who is in the story."""
    world.fleet.callers.clear()


async def test_three_namespaces_in_two_waves_reach_strict() -> None:
    async with a_fleet() as world:
        await world.pass_time(HOUR, until="pay Done")

        told(world, "migration_to_strict")


async def test_a_plaintext_caller_holds_its_namespace_until_it_goes_away() -> None:
    async with a_fleet(waves=SHOP) as world:
        alone(world)
        world.fleet.call(old())
        await world.pass_time(12 * MINUTE)

        assert world.stages() == ("shop Observing",)
        world.fleet.callers.clear()
        await world.pass_time(10 * MINUTE, until="shop Done")

        told(world, "migration_plaintext_caller")


async def test_a_caller_that_turns_up_late_opens_what_was_strict() -> None:
    async with a_fleet(waves=SHOP) as world:
        alone(world)
        await world.pass_time(HOUR, until="shop StrictSoak")
        world.fleet.call(old())
        await world.pass_time(MINUTE, until="shop FallenBack")
        served = world.fleet.callers["old"].served
        await world.pass_time(2 * MINUTE)

        assert world.fleet.callers["old"].served > served
        told(world, "migration_late_caller")


async def test_after_a_fallback_a_retry_soaks_again_and_reaches_strict() -> None:
    async with a_fleet(waves=SHOP) as world:
        alone(world)
        await world.pass_time(HOUR, until="shop Strict")
        await world.say(Verb.FALLBACK, "shop", reason="smoke")
        await world.pass_time(MINUTE, until="shop FallenBack")
        await world.say(Verb.RETRY, "shop")
        await world.pass_time(HOUR, until="shop Done")

        told(world, "migration_retry")


async def test_a_rollback_leaves_no_trace() -> None:
    async with a_fleet(waves=SHOP) as world:
        alone(world)
        await world.put(users_policy("default", "PERMISSIVE"))
        await world.put(users_policy("web", "PERMISSIVE", selector="web"))
        before = await world.policies("shop")
        await world.pass_time(MINUTE)
        await world.say(Verb.ACKNOWLEDGE, "shop", finding="PA-01", reason="it moves with the rest")
        await world.pass_time(HOUR, until="shop StrictSoak")
        assert await world.policies("shop") != before
        await world.say(Verb.ROLLBACK, "shop", reason="not now")
        await world.pass_time(10 * MINUTE, until="shop RolledBack")

        assert await world.policies("shop") == before
        assert "istio-injection" not in ((await world.read("Namespace", "", "shop"))["metadata"].get("labels") or {})
        told(world, "migration_rollback")


def users_policy(name: str, mode: str, selector: str = "", namespace: str = "shop") -> dict[str, object]:
    """A user's PeerAuthentication."""
    chosen = {"selector": {"matchLabels": {"app": selector}}} if selector else {}
    return {
        "apiVersion": "security.istio.io/v1",
        "kind": "PeerAuthentication",
        "metadata": {"name": name, "namespace": namespace},
        "spec": {**chosen, "mtls": {"mode": mode}},
    }


async def test_callers_that_call_each_other_reach_strict_all_the_same() -> None:
    async with a_fleet(waves=[{"name": "core", "namespaces": ["shop", "pay"]}]) as world:
        alone(world)
        world.fleet.call(Caller(name="web", source="shop/web", target="pay/bank"))
        world.fleet.call(Caller(name="bank", source="pay/bank", target="shop/web"))
        await world.pass_time(HOUR, until="pay Done")

        assert world.stages() == ("shop Done", "pay Done")


async def test_a_wave_waits_for_its_approval() -> None:
    async with a_fleet(waves=[{"name": "core", "namespaces": ["shop"], "approval": "platform"}]) as world:
        alone(world)
        await world.policy("platform", minimum=2)
        await world.pass_time(2 * MINUTE)

        assert world.stages() == ("shop Pending",)
        await world.say(Verb.REJECT, "core", reason="not on friday")
        await world.pass_time(MINUTE)
        await world.say(Verb.RESUME)
        await world.pass_time(5 * SECOND)
        await world.say(Verb.APPROVE, "core", by="ben")
        await world.pass_time(MINUTE)
        await world.say(Verb.APPROVE, "core", by="zoe")
        await world.pass_time(HOUR, until="shop Enrolling")

        told(world, "migration_approval")


async def test_a_freeze_lets_nothing_change_but_what_goes_back() -> None:
    async with a_fleet(waves=[{"name": "core", "namespaces": ["shop"]}]) as world:
        alone(world)
        window = {"from": "2026-11-21T09:00:30Z", "to": "2026-11-21T09:03:00Z"}
        again = {"from": "2026-11-21T09:08:00Z", "to": "2026-11-21T09:30:00Z"}
        await world.freeze("closing", windows=[window, again], overrun="hold", reason="year-end closing")
        await world.pass_time(8 * MINUTE)
        world.story.append("-- shop falls back in the freeze")
        await world.say(Verb.FALLBACK, "shop", reason="to be sure")
        await world.pass_time(HOUR, until="shop FallenBack")

        told(world, "migration_freeze")


async def test_a_pause_stops_what_goes_on_and_a_resume_lets_it_go() -> None:
    async with a_fleet(waves=SHOP) as world:
        alone(world)
        await world.pass_time(HOUR, until="shop Enrolling")
        await world.say(Verb.PAUSE, reason="incident")
        await world.pass_time(5 * MINUTE)
        written = [line for line in world.story if "Deployment" in line or "label" in line]

        assert world.stages() == ("shop Enrolling",)
        assert written == []
        await world.say(Verb.RESUME)
        await world.pass_time(HOUR, until="shop Done")


async def test_under_a_strict_mesh_a_namespace_says_permissive_before_it_gets_proxies() -> None:
    async with a_fleet(waves=SHOP) as world:
        alone(world)
        world.fleet.call(old())
        await world.put(users_policy("default", "STRICT", namespace="istio-system"))
        await world.pass_time(4 * MINUTE, until="shop Observing")
        await world.pass_time(MINUTE)

        assert world.fleet.callers["old"].refused == 0
        assert "create PeerAuthentication shop/default PERMISSIVE" in "\n".join(world.story)


async def test_under_a_strict_mesh_a_fallback_leaves_every_port_open() -> None:
    async with a_fleet(waves=SHOP) as world:
        alone(world)
        await world.put(users_policy("default", "STRICT", namespace="istio-system"))
        await world.pass_time(HOUR, until="shop StrictSoak")
        world.fleet.call(old())
        await world.say(Verb.FALLBACK, "shop")
        await world.tick()
        await world.pass_time(MINUTE)

        assert world.fleet.callers["old"].refused == 0
        assert (await world.of("shop")).stage is Stage.FALLEN_BACK


async def test_an_exception_keeps_its_port_open_until_its_day() -> None:
    exception = {
        "namespace": "shop",
        "workload": {"app": "web"},
        "port": 8080,
        "mode": "PERMISSIVE",
        "owner": "team-x",
        "expires": "2026-11-22",
    }
    async with a_fleet(waves=SHOP, exceptions=[exception]) as world:
        alone(world)
        world.fleet.call(old())
        await world.pass_time(HOUR, until="shop Done")
        await world.pass_time(MINUTE)
        refused = world.fleet.callers["old"].refused
        world.clock.advance(timedelta(days=1))
        await world.pass_time(MINUTE)

        assert refused == world.fleet.callers["old"].refused == 0
        told(world, "migration_exception")


async def test_an_exception_that_has_run_out_closes_the_gate() -> None:
    exception = {
        "namespace": "shop",
        "workload": {"app": "web"},
        "port": 9999,
        "mode": "PERMISSIVE",
        "owner": "team-x",
        "expires": "2026-11-21",
    }
    async with a_fleet(waves=SHOP, exceptions=[exception]) as world:
        alone(world)
        await world.pass_time(10 * MINUTE)

        one = await world.of("shop")
        assert (one.stage, [reason.code for reason in one.reasons]) == (Stage.PENDING, ["GateClosed"])


async def test_a_look_that_tells_nothing_new_is_not_written_down() -> None:
    async with a_fleet() as world:
        await world.pass_time(HOUR, until="pay Observing")
        await world.pass_time(timedelta(seconds=10))
        before = world.fate.begun

        await world.pass_time(timedelta(seconds=50))

    assert world.fate.begun - before <= 3  # one for each namespace: it was seen a minute longer


async def test_a_caller_leaves_the_mesh_only_after_whom_it_calls_has_opened() -> None:
    async with a_fleet(waves=[{"name": "core", "namespaces": ["tools", "shop"]}]) as world:
        alone(world)
        world.fleet.call(Caller(name="ci", source="tools/ci", target="shop/web"))
        await world.pass_time(HOUR, until="shop Done")
        await world.pass_time(MINUTE, until="tools Done")
        await world.say(Verb.ROLLBACK, "tools")
        await world.pass_time(2 * MINUTE)
        waiting = await world.of("tools")
        await world.say(Verb.FALLBACK, "shop")
        await world.pass_time(2 * MINUTE, until="tools RolledBack")

        assert waiting.stage is Stage.ROLLING_BACK
        assert "waits: shop may be STRICT" in waiting.reasons[0].message
        assert world.fleet.callers["ci"].refused == 0
