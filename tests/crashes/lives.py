"""How does a run end whose controller died on the way, and did it keep its word in every life?"""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from rollout.manifest.status import status_from_dict
from rollout.model.status import RolloutStatus
from rollout.ports.errors import PortError
from tests.support.fate import Fate, KilledError
from tests.support.oaths import answered_twice, broken_words, lost_subsets, skipped_steps
from tests.support.scenes import SUBSETS, deploy_subset, edit_route, healthy, subset_service
from tests.support.world import World, a_world, virtual_service

Act = Callable[[World], Awaitable[object]]
STEPS = [{"weight": 5, "soak": "1m"}, {"weight": 50, "soak": "1m"}]
GATED = [{"weight": 5, "soak": "1m", "approval": "release-managers"}, {"weight": 50, "soak": "1m"}]
LAZY = {"interval": "60s"}  # few looks, so that a life is short


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What people do, each after some minutes, and how long the run is watched after that.

    routes: names of the VirtualServices that share the traffic out. is_new: nothing is deployed, and nothing serves.
    """

    acts: tuple[tuple[int, Act], ...]
    minutes: int
    subsets: bool = False
    routes: tuple[str, ...] = ("checkout",)
    is_new: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """What is left in the cluster. foreign: the user's route objects without their weights."""

    routes: Any
    subsets: Any
    phase: str
    stable: str
    outcomes: tuple[tuple[str, str], ...]
    removable: tuple[str, ...]
    answers: tuple[tuple[str, str], ...]
    gone: bool
    foreign: Any

    def __str__(self) -> str:
        return " ".join(filter(None, (self.phase, self.stable, *(outcome for _, outcome in self.outcomes))))


@asynccontextmanager
async def a_life(story: Story, fate: Fate) -> AsyncIterator[World]:
    """v1 serves, v2 and v3 are deployed unless all is new, git names v1; the controller has not looked yet."""
    async with a_world() as world:
        if story.subsets:
            await deploy_subset(world, "v1", "v2", "v3")
            await world.put(subset_service("v1"))
        else:
            for revision in () if story.is_new else ("v1", "v2", "v3"):
                await world.deploy(revision)
            for name in story.routes:
                await world.put(virtual_service("checkout" if story.is_new else "checkout-v1", name=name))
        await edit_route(world, "VirtualService", {"exportTo": ["."], "gateways": ["mesh"]})
        backend = {"backend": SUBSETS} if story.subsets else {}
        routes = [{"kind": "VirtualService", "name": name} for name in story.routes]
        await world.rollout(revision="v1", steps=STEPS, analysis=LAZY, routes=routes, **backend)
        healthy(world)
        world.outside.fate.blow, world.outside.fate.at = fate.blow, fate.at
        yield world


async def lived(story: Story, fate: Fate) -> tuple[End, int]:
    """How it ended, and how many writes it took; a controller that broke its word fails the test here."""
    async with a_life(story, fate) as world:
        end = await live(world, story)
        for broken in (broken_words, answered_twice, skipped_steps, lost_subsets):
            assert broken(world.outside.fate.answers) == [], f"write {fate.at} {fate.blow}: {broken.__doc__}"
        return end, world.outside.fate.begun


async def live(world: World, story: Story) -> End:
    """Live through a story, dying and starting again where fate wants it."""
    commands: list[str] = []
    for minutes, act in story.acts:
        await survive(world, timedelta(minutes=minutes))
        name = await act(world)
        commands += [name] if isinstance(name, str) else []
    await survive(world, timedelta(minutes=story.minutes))
    return await _end(world, story.routes, commands)


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


async def _end(world: World, routes: tuple[str, ...], commands: list[str]) -> End:
    gone = await world.is_gone("Rollout", "checkout")
    status = RolloutStatus() if gone else status_from_dict((await world.read("Rollout", "checkout")).get("status", {}))
    found = [await world.read("VirtualService", name) for name in routes]
    rules = world.cache.list("DestinationRule", "shop")
    return End(
        routes=[route["spec"]["http"] for route in found],
        subsets=[subset["name"] for rule in rules for subset in rule["spec"]["subsets"]],
        phase=status.phase.value,
        stable=status.stable.name if status.stable else "",
        outcomes=tuple((past.revision, past.outcome.value) for past in status.history),
        removable=status.removable,
        answers=tuple([(name.split("-")[0], await world.answer(name)) for name in commands]),
        gone=gone,
        foreign=[
            (route["metadata"].get("labels"), {key: value for key, value in route["spec"].items() if key != "http"})
            for route in found
        ],
    )
