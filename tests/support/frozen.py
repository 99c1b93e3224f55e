"""Which world of pure decisions do tests of freezes begin with?"""

from dataclasses import replace
from datetime import timedelta

from rollout.model.commands import Verb
from rollout.model.freeze import FreezeWindow
from tests.support.builders import a_freeze
from tests.support.pure_world import PureWorld

MINUTE = timedelta(minutes=1)
HOUR = timedelta(hours=1)


def at_rest(*freezes: FreezeWindow) -> PureWorld:
    """v1 serves, and git names v2 from now on."""
    world = PureWorld(freezes=freezes)
    world.settle()
    world.spec = replace(world.spec, revision="v2")
    return world


def now(world: PureWorld, length: timedelta = HOUR, **changes: object) -> FreezeWindow:
    """A window that begins now."""
    return a_freeze(start=world.now, length=length, **changes)


def codes(world: PureWorld) -> set[str]:
    """The reasons that its status gives."""
    return {reason.code for reason in world.status.reasons}


def answer(world: PureWorld, verb: Verb, **made_for: object) -> str:
    """What the command was answered."""
    uid = world.command(verb, **made_for)
    world.settle()
    return world.answers[uid].message
