"""What do moves into a mesh cost: a plan of a large fleet, a tick of one, the checks of a large namespace?"""

from copy import deepcopy
from datetime import timedelta
from time import perf_counter

from adapters.memory.mesh_traffic import Workload
from rollout.migration.graph import Call, calls_of
from rollout.migration.plan import planned
from rollout.migration.preflight.catalogue import verdict
from rollout.migration.spans import Durations
from rollout.model.mesh_writes import LogPlaintext, MeshWrite, RestartWorkload
from tests.support.ailments import well
from tests.support.builders import NOON
from tests.support.fleet_world import BEAT, NAME, START, FleetWorld, a_fleet
from tests.support.fleets import a_fleet as a_pure_fleet
from tests.support.fleets import a_wave

_WAVE = 50
_SECOND = timedelta(seconds=1)


def plan_seconds(namespaces: int = 500, edges: int = 20_000) -> float:
    """The plan of a fleet in waves of 50, in which nothing has begun."""
    names = [f"team-{number:03}" for number in range(namespaces)]
    calls = calls_of(
        Call(caller=caller, callee=names[(place + 3 * step + 1) % namespaces])
        for place, caller in enumerate(names)
        for step in range(edges // namespaces)
    )
    waves = [a_wave(f"w{at}", *names[at : at + _WAVE], concurrency=5) for at in range(0, namespaces, _WAVE)]
    fleet = a_pure_fleet(*waves, calls=calls)
    started = perf_counter()
    planned(fleet, _writes, Durations(restart=60 * _SECOND, evict=_SECOND))
    return perf_counter() - started


def _writes(name: str) -> tuple[MeshWrite, ...]:
    restart = RestartWorkload(kind="Deployment", namespace=name, name="api", version="1", at=NOON)
    return (LogPlaintext(namespace=name, present=True), restart)


def preflight_seconds(pods: int = 2000) -> float:
    """The checks of one namespace with so many pods, all well."""
    world = well()
    known = world.objects["Pod"]
    for number in range(pods - len(known)):
        pod = deepcopy(known[0])
        pod["metadata"]["name"] = f"api-7d9f-{number:05}"
        world.add("Pod", pod)
    gathered = world.gathered()
    started = perf_counter()
    found = verdict(gathered)
    seconds = perf_counter() - started
    assert len(world.objects["Pod"]) == pods
    assert found.findings is not None
    return seconds


async def fleet_tick(namespaces: int = 500, pods: int = 2) -> tuple[float, float, int, int]:
    """One migration of so many namespaces, its first wave of 50 in Baseline: seconds of a tick that asks no metrics and of
    one that asks them again; requests to the API server of both; and how many pods there are.
    """
    names = [f"team-{number:03}" for number in range(namespaces)]
    waves = [{"name": f"w{at}", "namespaces": names[at : at + _WAVE]} for at in range(0, namespaces, _WAVE)]
    async with a_fleet(waves=waves) as world:
        await _filled(world, names, pods)
        for _ in range(3):  # it begins, the checks run, callers are asked for
            await _ticked(world)
        world.clock.advance(_SECOND)
        world.fate.reads.clear()
        world.fate.answers.clear()
        idle = await _timed(world)
        await _next_beat(world)
        asking = await _timed(world)
        return idle, asking, len(world.fate.reads) + len(world.fate.answers), namespaces * pods


async def _filled(world: FleetWorld, names: list[str], pods: int) -> None:
    for name in names:
        await world.put({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
        await world.fleet.deploy(Workload(namespace=name, name="api", pods=pods), START)


async def _ticked(world: FleetWorld) -> None:
    await _next_beat(world)
    await world.tick()


async def _next_beat(world: FleetWorld) -> None:
    world.clock.advance(BEAT)
    await world.fleet.beat(world.clock.now())
    await world.cache.refresh()


async def _timed(world: FleetWorld) -> float:
    started = perf_counter()
    await world.kept.migrator.tick(NAME, world.clock.now())
    return perf_counter() - started
