"""Does a status stop growing, however many runs, revisions and commands there were?"""

import json
from dataclasses import replace
from datetime import timedelta
from functools import cache

from rollout.manifest.status import status_to_dict
from rollout.model.commands import Verb
from rollout.model.status import HANDLED_KEPT, HISTORY_KEPT, RolloutStatus
from tests.support.builders import a_step
from tests.support.pure_world import PureWorld, Service

COMMANDS_A_RUN = 6
RUNS = HANDLED_KEPT // COMMANDS_A_RUN + HISTORY_KEPT
MOST_BYTES = 64 * 1024  # etcd takes 1.5 MB for an object


def after(runs: int, world: PureWorld) -> RolloutStatus:
    """The status after so many more revisions, each given up for the next while people pause and resume it."""
    for _ in range(runs):
        revision = f"v{len(world.services) + 1}"
        world.services[revision] = Service()
        world.spec = replace(world.spec, revision=revision, steps=(a_step(5), a_step(50)))
        world.pass_time(timedelta(minutes=1))
        for verb in (Verb.PAUSE, Verb.RESUME) * (COMMANDS_A_RUN // 2):
            world.command(verb)
            world.settle()
    return world.status


@cache
def at_its_bound() -> PureWorld:
    """A world whose status has forgotten runs and commands already."""
    world = PureWorld()
    world.settle()
    after(RUNS, world)
    return world


def size(status: RolloutStatus) -> int:
    """Its bytes in the API server."""
    return len(json.dumps(status_to_dict(status)))


def test_what_a_status_remembers_of_runs_and_commands_has_an_end() -> None:
    status = at_its_bound().status

    assert len(status.history) == HISTORY_KEPT
    assert len(status.handled) == HANDLED_KEPT
    assert size(status) < MOST_BYTES


def test_a_status_at_its_bound_grows_no_more() -> None:
    world = at_its_bound().twin()

    before = size(world.status)
    later = size(after(3, world))

    assert abs(later - before) < before / 20
