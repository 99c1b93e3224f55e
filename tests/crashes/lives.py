"""How does a run end whose controller died on the way, and did it keep its word in every life?"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from rollout.manifest.status import status_from_dict
from rollout.model.status import RolloutStatus
from rollout.ports.errors import PortError
from tests.support.fate import KilledError
from tests.support.world import World

Act = Callable[[World], Awaitable[object]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What people do, each after some minutes, and how long the run is watched after that."""

    acts: tuple[tuple[int, Act], ...]
    minutes: int
    subsets: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """What is left in the cluster. foreign: the user's route object without its weights."""

    routes: Any
    subsets: Any
    phase: str
    stable: str
    outcomes: tuple[tuple[str, str], ...]
    removable: tuple[str, ...]
    answers: tuple[tuple[str, str], ...]
    gone: bool
    foreign: Any


async def live(world: World, story: Story) -> End:
    """Live through a story, dying and starting again where fate wants it."""
    commands: list[str] = []
    for minutes, act in story.acts:
        await survive(world, timedelta(minutes=minutes))
        name = await act(world)
        commands += [name] if isinstance(name, str) else []
    await survive(world, timedelta(minutes=story.minutes))
    return await _end(world, commands)


async def survive(world: World, duration: timedelta) -> None:
    """Let time pass; a controller that dies is started again at once."""
    end = world.clock.now() + duration
    for _ in range(5):
        try:
            await world.pass_time(end - world.clock.now())
        except KilledError:
            await world.restart()
        except PortError:
            continue  # the loop would tick again a second later
        else:
            return
    raise AssertionError("died more often than fate wanted")


async def _end(world: World, commands: list[str]) -> End:
    gone = await world.is_gone("Rollout", "checkout")
    status = RolloutStatus() if gone else status_from_dict((await world.read("Rollout", "checkout")).get("status", {}))
    route = await world.read("VirtualService", "checkout")
    rules = world.cache.list("DestinationRule", "shop")
    return End(
        routes=route["spec"]["http"],
        subsets=[subset["name"] for rule in rules for subset in rule["spec"]["subsets"]],
        phase=status.phase.value,
        stable=status.stable.name if status.stable else "",
        outcomes=tuple((past.revision, past.outcome.value) for past in status.history),
        removable=status.removable,
        answers=tuple([(name.split("-")[0], await world.answer(name)) for name in commands]),
        gone=gone,
        foreign=(
            route["metadata"].get("labels"),
            {key: value for key, value in route["spec"].items() if key != "http"},
        ),
    )


def broken_words(world: World) -> list[str]:
    """Route writes that gave the canary more than the status that was saved before said; replayed from the log."""
    found, status = [], RolloutStatus()
    for _, path, stored in world.outside.fate.answers:
        if path.endswith("/rollouts/checkout/status"):
            status = status_from_dict(stored.get("status", {}))
        if "/virtualservices/" in path:
            stable = status.stable.backend if status.stable else None
            said = status.run.weight if status.run else 0
            given = sum(
                entry.get("weight", 100)
                for entry in stored["spec"]["http"][0]["route"]
                if stable and entry["destination"] != _destination(stable.service, stable.subset)
            )
            if given > said:
                found.append(f"{path}: {given} % given, {said} % saved")
    return found


def answered_twice(world: World) -> list[str]:
    """Commands whose status was written more than once with success."""
    paths = [path for _, path, _ in world.outside.fate.answers if "/rolloutcommands/" in path]
    return sorted({path for path in paths if paths.count(path) > 1})


def _destination(service: str, subset: str) -> dict[str, str]:
    return {"host": service, "subset": subset} if subset else {"host": service}
