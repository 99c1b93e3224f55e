"""Does no namespace become STRICT before one marked request has shown that plaintext would be noticed?"""

from dataclasses import dataclass, field, replace
from datetime import timedelta

from rollout.model.commands import Verb
from rollout.model.migration import NamespaceStatus
from rollout.ports.probe import PlainProbe
from tests.support.fleet_world import NAME, FleetWorld, a_fleet

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


@dataclass
class Deaf:
    """A pod whose proxy counts nothing."""

    answers: bool
    asked: list[tuple[str, int, str]] = field(default_factory=list)

    async def send(self, address: str, port: int, mark: str) -> bool:
        self.asked.append((address, port, mark))
        return self.answers


def replace_probe(world: FleetWorld, probe: PlainProbe) -> PlainProbe:
    """From now on requests go there; where they went before."""
    before = world.kept.migrator.probe
    world.kept.migrator = replace(world.kept.migrator, probe=probe)
    return before


async def reason(world: FleetWorld, code: str) -> str:
    found = [one.message for one in (await world.of("shop")).reasons if one.code == code]
    return found[0] if found else ""


async def evidence(world: FleetWorld) -> tuple[str, ...]:
    """What the record says of the self-test where shop left Observing."""
    record = await world.kept.migrator.records.read(NAME, "shop")
    return next(
        fact for one in record.proofs if one.stage == "Observing" for fact in one.facts if fact[0] == "self-test"
    )


async def after_a_minute(world: FleetWorld) -> NamespaceStatus:
    """shop, a minute after it came to Observing."""
    await world.pass_time(10 * MINUTE, until="shop Observing")
    await world.pass_time(MINUTE)
    return await world.of("shop")


async def test_a_request_is_sent_when_it_is_quiet_and_seen() -> None:
    async with a_fleet(soak="2h") as world:
        shop = await after_a_minute(world)

    mark = shop.self_test
    assert mark is not None
    assert mark.seen_at is not None
    assert mark.seen_at - mark.asked_at <= 20 * SECOND
    assert shop.callers == ()


async def test_it_sets_no_clock_back() -> None:
    async with a_fleet(soak="2h") as world:
        shop = await after_a_minute(world)

    assert shop.soak.restarted == ""
    assert shop.soak.last_event is None


async def test_a_request_that_is_not_seen_holds_the_move_and_is_sent_again_after_ten_minutes() -> None:
    async with a_fleet() as world:
        deaf = replace_probe(world, Deaf(answers=True))
        first = (await after_a_minute(world)).self_test
        await world.pass_time(3 * MINUTE)
        assert "plaintext escapes" in await reason(world, "DetectorBlind")

        replace_probe(world, deaf)
        await world.pass_time(10 * MINUTE, until="shop StrictCanary")

        again = (await world.of("shop")).self_test
        assert first is not None
        assert again is not None
        assert again.asked_at - first.asked_at == 10 * MINUTE


async def test_a_pod_that_does_not_answer_is_told_of() -> None:
    async with a_fleet() as world:
        replace_probe(world, Deaf(answers=False))
        await after_a_minute(world)

        assert "let the controller reach the pods of shop" in await reason(world, "SelfTestUnsent")


async def test_where_no_port_is_named_http_a_person_does_without() -> None:
    async with a_fleet() as world:
        ports = [{"name": "tcp", "port": 80, "targetPort": "http", "protocol": "TCP"}]
        await world.edit("Service", "shop", "web", {"spec": {"ports": ports}})
        await world.pass_time(10 * MINUTE, until="shop Observing")
        await world.pass_time(4 * MINUTE)
        assert "acknowledge SELFTEST" in await reason(world, "SelfTestImpossible")

        await world.say(Verb.ACKNOWLEDGE, "shop", finding="SELFTEST", reason="it speaks nothing but TCP")

        await world.pass_time(MINUTE, until="shop StrictCanary")


async def test_a_spec_that_does_without_says_so_in_the_evidence() -> None:
    async with a_fleet(selfTest=False) as world:
        await world.pass_time(10 * MINUTE, until="shop StrictCanary")

        assert (await world.of("shop")).self_test is None
        assert "selfTest is false" in (await evidence(world))[2]


async def test_the_evidence_names_the_request_and_when_it_was_counted() -> None:
    async with a_fleet() as world:
        await world.pass_time(10 * MINUTE, until="shop StrictCanary")

        _, asked, came = await evidence(world)

    assert asked.startswith("one marked plaintext request to pod web-")
    assert came.startswith("its proxy counted it by 2026-11-21 09:")
