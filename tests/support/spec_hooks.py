"""How does a test live through a run whose webhooks answer, and what does a webhook never allow?"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

from adapters.memory.hooks import MemoryHooks
from rollout.model.decision import Decision
from rollout.model.hooks import Hook, HookType
from rollout.model.status import Phase, RolloutStatus, Run
from rollout.ports.clock import Clock
from rollout.ports.hooks import HookCalls
from rollout.progression.transitions import Trigger
from tests.support.pure_world import PureWorld
from tests.support.world import World, a_release

_FAILURES = {HookType.PRE_ROLLOUT: 2, HookType.ROLLOUT: 3}
# One of each type that may hold or end a run, called as its type.
HOOKS = tuple(
    Hook(name=kind.value, type=kind, url="http://tester.test/", failures=_FAILURES.get(kind, 1))
    for kind in HookType
    if kind is not HookType.EVENT
)
_GOES_ON = {Trigger.STEP_PASSED, Trigger.STEPS_DONE}


@asynccontextmanager
async def a_hooked_release(calls: Callable[[Clock], HookCalls], **spec: Any) -> AsyncIterator[World]:
    """`a_release` whose webhooks are called by what `calls` makes of the world's clock."""
    async with a_release(**spec) as world:
        world.outside = replace(world.outside, hooks=calls(world.clock))
        await world.restart()
        yield world


def hooks_of(world: World) -> MemoryHooks:
    """What the webhooks of a world say that was made with MemoryHooks."""
    assert isinstance(world.outside.hooks, MemoryHooks)
    return world.outside.hooks


def broken_gate(world: PureWorld, before: RolloutStatus, decision: Decision) -> str:
    """Which webhook a step went past that had not said yes a moment ago for this run and step; "" for none."""
    old = before.run
    if old is None or old.straight or not _GOES_ON & set(decision.trigger.split(",")):
        return ""
    for hook in world.spec.hooks:
        if hook.type not in _gates(old, decision.status.run):
            continue
        answer = world.heard.get(hook.name)
        if answer is None or (answer.run, answer.step) != (before.runs, old.step):
            return f"{hook.name} did not answer for this step"
        if not answer.passed:
            return f"{hook.name} said no"
        if world.now - answer.at > 2 * world.spec.analysis.interval and hook.type is not HookType.PRE_ROLLOUT:
            return f"{hook.name} said yes at {answer.at}, too long ago"
    return ""


def _gates(old: Run, new: Run | None) -> set[HookType]:
    gates = {HookType.CONFIRM_TRAFFIC_INCREASE}
    gates |= {HookType.CONFIRM_ROLLOUT, HookType.PRE_ROLLOUT} if old.step == 0 else set()
    return gates | ({HookType.CONFIRM_PROMOTION} if new is not None and new.weight == 100 else set())


def disobeyed(world: PureWorld, before: RolloutStatus, decision: Decision) -> str:
    """Which rollback hook said yes in a run that keeps its weight all the same; "" for none."""
    old, new = before.run, decision.status.run
    in_hand = before.phase in (Phase.PROGRESSING, Phase.PAUSED, Phase.PROMOTING) and before.stable is not None
    if old is None or old.straight or not in_hand or new is None or decision.status.runs > before.runs:
        return ""
    answers = [world.heard.get(hook.name) for hook in world.spec.hooks if hook.type is HookType.ROLLBACK]
    for answer in answers:
        bound = answer is not None and (answer.run, answer.step) == (before.runs, old.step)
        if answer is not None and bound and answer.asked >= old.step_started and answer.passed and new.weight:
            return f"told to go back at {answer.at}, it has {new.weight} %"
    return ""
