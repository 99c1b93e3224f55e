"""Does every namespace's way end the same wherever among its writes the controller dies?"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pytest

from rollout.model.commands import Verb
from tests.support.fate import Blow
from tests.support.moved_world import Watch, a_watched_fleet, lived

MINUTE = timedelta(minutes=1)
# A marked request that a crash has swallowed is sent again after 10 min: longer than these lives.
QUICKLY = {"soak": "20s", "baseline": "5s", "verify": "10s", "strictSoak": "10s", "selfTest": False}
ONE = [{"name": "core", "namespaces": ["shop"]}]


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """What is left of shop: its stage, its modes, its labels, and what the commands were answered."""

    stage: str
    policies: dict[str, Any]
    labels: dict[str, str]
    answers: list[str]


async def to_the_end(watch: Watch) -> None:
    """All the way."""
    await lived(watch, 4 * MINUTE, until="shop Done")


async def to_a_fallback(watch: Watch) -> None:
    """STRICT, and back by a command."""
    await lived(watch, 4 * MINUTE, until="shop StrictSoak")
    await watch.world.say(Verb.FALLBACK, "shop", reason="smoke")
    await lived(watch, 4 * MINUTE, until="shop FallenBack")


async def to_a_rollback(watch: Watch) -> None:
    """STRICT, and back to how it was."""
    await lived(watch, 4 * MINUTE, until="shop StrictSoak")
    await watch.world.say(Verb.ROLLBACK, "shop", reason="not now")
    await lived(watch, 4 * MINUTE, until="shop RolledBack")


LIVES = {"to the end": to_the_end, "to a fallback": to_a_fallback, "to a rollback": to_a_rollback}


async def life(name: str, blow: Blow | None, at: int) -> tuple[End, int]:
    """How it ended, and how many writes it took."""
    async with a_watched_fleet(blow, at, waves=ONE, **QUICKLY) as watch:
        watch.world.fleet.callers.clear()
        await LIVES[name](watch)
        await lived(watch, timedelta(seconds=20))
        world = watch.world
        assert watch.failures == [], f"write {at} {blow}"
        policies = {key: spec for key, (_, spec) in (await world.policies("shop")).items()}
        found = (await world.read("Namespace", "", "shop"))["metadata"].get("labels") or {}
        answers = [one["status"]["result"] for one in await world.commands()]
        end = End(stage=(await world.of("shop")).stage, policies=policies, labels=dict(found), answers=answers)
        return end, world.fate.begun


@pytest.mark.parametrize("blow", [None, pytest.param(Blow.REFUSED, marks=pytest.mark.slow)])
async def test_a_life_that_nobody_disturbs_ends_as_it_should(blow: Blow | None) -> None:
    ends = {name: (await life(name, blow, 1000))[0].stage for name in LIVES}

    assert ends == {"to the end": "Done", "to a fallback": "FallenBack", "to a rollback": "RolledBack"}


QUICK = {("to a fallback", Blow.KILLED_AFTER)}
WAYS = [
    pytest.param(name, blow, marks=[] if (name, blow) in QUICK else [pytest.mark.slow])
    for name in LIVES
    for blow in Blow
]


@pytest.mark.parametrize(("name", "blow"), WAYS)
async def test_a_way_ends_the_same_wherever_the_controller_is_hit(name: str, blow: Blow) -> None:
    quiet, writes = await life(name, None, -1)

    for number in range(writes):
        end, _ = await life(name, blow, number)

        assert end == quiet, f"write {number} of {writes} {blow}"
