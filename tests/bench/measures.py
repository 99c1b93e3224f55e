"""What does the controller cost: requests of a release, a tick, an event, the start of the CLI?"""

import asyncio
import subprocess
import sys
from collections import Counter
from collections.abc import Callable
from itertools import pairwise
from statistics import median
from time import perf_counter
from typing import Any

from adapters.kube.api import Patch
from adapters.kube.watch import WorkWatch
from rollout.services.simulate import Simulation
from rollout.services.simulate_traffic import Traffic
from tests.bench.judging import ERRORS, SLOW
from tests.support.builders import a_rollout_manifest, a_spec
from tests.support.scenes import MINUTE, healthy
from tests.support.world import World, a_release, a_world, virtual_service

SOAK = 5
TWO = (5, 50)
FIVE = (5, 10, 25, 50, 75)
Calls = Counter[tuple[str, str]]


async def calls_of_a_release(weights: tuple[int, ...]) -> tuple[Calls, int]:
    """Requests of the controller for one promotion, by verb and resource, and the status writes among them that only
    refresh numbers (one a minute while a step soaks, at every other look where looks are rarer).
    """
    steps = [{"weight": weight, "soak": f"{SOAK}m"} for weight in weights]
    async with a_release(steps=steps) as world:
        fate = world.outside.fate
        fate.answers.clear()
        fate.reads.clear()
        healthy(world)
        await world.commit(revision="v2")
        await world.pass_time((SOAK * len(weights) + 2) * MINUTE)
        assert await world.split() == {"checkout-v2": 100}
        calls: Calls = Counter((verb, _resource(path)) for verb, path, _ in fate.answers)
        calls.update(("get", _resource(path)) for path in fate.reads)
        return calls, _refreshes([answer for _, path, answer in fate.answers if path.endswith("/status")])


def _refreshes(saved: list[dict[str, Any]]) -> int:
    """Status writes that changed nothing but the numbers of the verdicts."""
    statuses = [{key: value for key, value in one["status"].items() if key != "verdicts"} for one in saved]
    return sum(1 for before, after in pairwise(statuses) if before == after)


def _resource(path: str) -> str:
    parts = path.rsplit("/namespaces/shop/", maxsplit=1)[-1].split("/")
    return f"{parts[0]}/{parts[2]}" if len(parts) > 2 else parts[0]


async def tick_seconds(ticks: int = 300) -> tuple[float, float]:
    """The median of a tick that finds nothing to do, and of one in a run."""
    async with a_release() as world:
        idle = await _ticks(world, ticks)
        healthy(world)
        await world.commit(revision="v2")
        await world.pass_time(MINUTE)
        return idle, await _ticks(world, ticks)


async def _ticks(world: World, ticks: int) -> float:
    times = []
    for _ in range(ticks):
        started = perf_counter()
        await world.reconciler.tick(world.key, world.clock.now())
        times.append(perf_counter() - started)
    return median(times)


async def event_seconds(rollouts: int, events: int = 50) -> float:
    """From a changed route to the key of its Rollout, the API's own time included, with so many Rollouts."""
    async with a_world() as world:
        for number in range(rollouts):
            name = f"service-{number}"
            world.cluster.seed(
                a_rollout_manifest(name, routes=[{"kind": "VirtualService", "name": name}]),
                virtual_service(f"{name}-v1", name=name),
            )
        await world.cache.refresh()
        watch = WorkWatch(world.cache)
        changes = watch.changes()
        path = world.path("VirtualService", "service-0")
        times = []
        for number in range(events):
            started = perf_counter()
            await world.person.patch(path, Patch.MERGE, {"metadata": {"labels": {"touched": str(number)}}})
            async with asyncio.timeout(10):
                _, key = await anext(changes)
            times.append(perf_counter() - started)
            assert key.name == "service-0"
        return median(times)


def cli_seconds(runs: int = 7) -> float:
    """From starting the CLI to the end of its help text."""
    return median(_timed(_help) for _ in range(runs))


def _help() -> None:
    subprocess.run([sys.executable, "-m", "rollout.cli", "--help"], check=True, capture_output=True)


def _timed(call: Callable[[], object]) -> float:
    started = perf_counter()
    call()
    return perf_counter() - started


def simulated_seconds(runs: int = 200) -> float:
    """So many runs of a ten-minute plan at 50 requests a second, judged by errors and latency, with a canary as good as stable."""
    traffic = Traffic(rate=50.0, baseline_errors=0.001, canary_errors=0.001)
    simulation = Simulation(spec=a_spec(objectives=(ERRORS, SLOW)), traffic=traffic, runs=runs, seed=1)
    return _timed(simulation.summaries)
