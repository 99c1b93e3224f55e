"""Does the detection bench's adapter decide as the controller does, when both are shown the same counters?"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest

from adapters.memory.metrics import Scrape
from rollout.model.measurement import Arm
from rollout.model.status import Outcome, Phase
from tests.bench import detection_adapter
from tests.bench.detection_adapter import BOUNDS, Policy
from tests.support.scenes import MINUTE
from tests.support.series import BOUNDS_MS, SCRAPES, Traffic
from tests.support.world import World, a_release

LOOK = timedelta(seconds=5)  # the harness's
LONGEST = 30 * MINUTE
STEPS = [{"weight": round(100 * weight), "soak": "1m"} for weight in detection_adapter.STEPS]
OBJECTIVES = [
    {"name": "errors", "kind": "error-ratio", "max": "1%"},
    {"name": "slow", "kind": "slow-ratio", "threshold": "500ms", "max": "1%"},
]
ACTIONS = {Outcome.PROMOTED: "promote", Outcome.FAILED: "rollback"}

Story = list[tuple[float, str]]  # seconds since the first weight, and what was decided then


class Reading(NamedTuple):
    """An arm's counters as the harness shows them. buckets: requests between each two bounds."""

    ts: float
    requests: int
    errors: int
    buckets: tuple[int, ...]


class Array(list[Any]):
    """As the harness has it."""

    def tolist(self) -> list[Any]:
        """Itself."""
        return self


@dataclass(slots=True)
class Harness:
    """Shows the adapter what came to the world's arms, in seconds from `begin` on."""

    traffic: Traffic
    begin: datetime

    def setup(self) -> Any:
        """The hour before."""
        since = self.begin - timedelta(hours=1)
        pods = self.traffic.arms[Arm.STABLE].scrapes.values()
        lines = [[self._numbers(one) for one in scrapes if since <= one.at <= self.begin] for scrapes in pods]
        rows = [
            [_grown(*two) for two in zip(before, after, strict=True)]
            for before, after in pairwise(zip(*lines, strict=True))
        ]
        return SimpleNamespace(
            slo_error=0.01,
            scrape_s=SCRAPES.total_seconds(),
            history_n=Array([[numbers[0] for numbers in row] for row in rows]),
            history_e=Array([[numbers[1] for numbers in row] for row in rows]),
            history_b=Array([[numbers[2:] for numbers in row] for row in rows]),
            stable0=self.reading(Arm.STABLE, self.begin),
        )

    def seen(self, now: datetime) -> Any:
        """What is known now."""
        return SimpleNamespace(
            t=(now - self.begin).total_seconds(),
            stable=self.reading(Arm.STABLE, now),
            canary=self.reading(Arm.CANARY, now),
        )

    def reading(self, arm: Arm, now: datetime) -> Reading:
        """The newest scrape of an arm's pods, added up."""
        newest = [max(one for one in scrapes if one.at <= now) for scrapes in self.traffic.arms[arm].scrapes.values()]
        requests, errors, *buckets = map(sum, zip(*map(self._numbers, newest), strict=True))
        return Reading((newest[0].at - self.begin).total_seconds(), requests, errors, tuple(buckets))

    def _numbers(self, scrape: Scrape) -> list[int]:
        known = dict(zip(BOUNDS_MS, scrape.slower, strict=True))
        above = [scrape.total if bound < BOUNDS_MS[0] else known.get(int(bound), 0) for bound in BOUNDS]
        buckets = [more - less for more, less in zip([scrape.total, *above], [*above, 0], strict=True)]
        return [round(number) for number in (scrape.total, scrape.bad, *buckets)]


def _grown(before: list[int], after: list[int]) -> list[int]:
    return [later - earlier for earlier, later in zip(before, after, strict=True)]


async def both(world: World, traffic: Traffic, policy: Policy, late_ratio: float) -> tuple[Story, Story]:
    """What the controller and the adapter decide; from minute 4 on so many of the canary's requests fail."""
    await world.commit(revision="v2")
    while not _weight(world):
        await world.pass_time(LOOK)
    harness = Harness(traffic, world.clock.now())
    ours: Story = [(0.0, f"{_weight(world)} %")]
    theirs: Story = [(0.0, f"{100 * policy.start(harness.setup()):.0f} %")]
    while world.clock.now() < harness.begin + LONGEST and not (_is_over(world) and theirs[-1][1] in ACTIONS.values()):
        if world.clock.now() == harness.begin + 4 * MINUTE:
            traffic.change(canary=late_ratio)
        before = _weight(world)
        await world.pass_time(LOOK)
        at = (world.clock.now() - harness.begin).total_seconds()
        if ours[-1][1] not in ACTIONS.values() and (_is_over(world) or _weight(world) != before):
            ours.append((at, ACTIONS[world.status.history[-1].outcome] if _is_over(world) else f"{_weight(world)} %"))
        if theirs[-1][1] not in ACTIONS.values():
            decided = policy.decide(harness.seen(world.clock.now()))
            if decided.action != "continue" or decided.weight is not None:
                theirs.append((at, f"{100 * decided.weight:.0f} %" if decided.weight else decided.action))
    return ours, theirs


def _weight(world: World) -> int:
    return world.status.run.weight if world.status.run else 0


def _is_over(world: World) -> bool:
    return world.status.run is None or world.status.phase in (Phase.PROMOTING, Phase.ROLLING_BACK)


@pytest.mark.parametrize(
    ("rps", "canary", "late", "slower", "ends"),
    [
        (50.0, 0.002, 0.002, 1.0, "promote"),
        (2.0, 0.0, 0.0, 1.0, "promote"),
        (50.0, 0.05, 0.05, 1.0, "rollback"),
        (1000.0, 0.01, 0.01, 1.0, "rollback"),
        (50.0, 0.002, 0.05, 1.0, "rollback"),
        (50.0, 0.002, 0.002, 3.0, "rollback"),
    ],
)
async def test_the_adapter_of_the_bench_decides_as_the_controller_does(
    rps: float, canary: float, late: float, slower: float, ends: str
) -> None:
    analysis = {"interval": "5s"}
    async with a_release(steps=STEPS, objectives=OBJECTIVES, analysis=analysis) as world:
        traffic = Traffic(world, rps=rps)
        traffic.change(canary=canary)
        traffic.slow_down(slower)

        ours, theirs = await both(world, traffic, detection_adapter.seq(), late)

    assert ours == theirs
    assert ours[-1][1] == ends
