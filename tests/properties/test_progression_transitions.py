"""Is every row of TRANSITIONS reachable, and does nothing else ever happen?"""

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.model.status import Phase, RolloutStatus
from rollout.progression.decide import decide, decide_deletion
from rollout.progression.moves import MOVES
from rollout.progression.transitions import TRANSITIONS, Trigger
from tests.support.builders import NOON, VIRTUAL_SERVICE, a_revision, a_run, a_status
from tests.support.examples import examples
from tests.support.noting import ALWAYS, FROM, MINUTE, OTHERS, Move, Noting, a_noting_world
from tests.support.pure_world import PureWorld

# Rows that only a status which `decide` itself does not write can take; the table keeps them so that such a one is not stuck.
UNREACHED = {
    (Phase.PROMOTING, Trigger.REJECTED, Phase.ROLLING_BACK),  # no gate is left to reject
    (Phase.PAUSED, Trigger.NOT_AVAILABLE, Phase.ROLLING_BACK),  # clocks stand while paused
    (Phase.PAUSED, Trigger.DEADLINE_PASSED, Phase.ROLLING_BACK),
}


def every_move() -> set[Move]:
    """All moves of all scenarios."""
    found: set[Move] = set()
    scenarios: list[tuple[Callable[[Noting], None], ...]] = [(other,) for other in OTHERS]
    scenarios += [(begin, then) for begin in FROM.values() for then in ALWAYS]
    for scenario in scenarios:
        world = a_noting_world()
        for act in scenario:
            act(world)
        found |= set(world.seen)
    return found | {(Phase.IDLE, Trigger.STABLE_FOUND, Phase.IDLE)}


@pytest.mark.slow
def test_every_row_of_the_table_is_reached_and_no_other_move_is_made() -> None:
    rows = {(phase, trigger, to) for phase, row in TRANSITIONS.items() for trigger, to in row.items()}

    moves = every_move()

    assert rows - moves == UNREACHED
    assert moves <= rows


@pytest.mark.parametrize("trigger", list(Trigger))
def test_every_trigger_has_a_move_and_a_row(trigger: Trigger) -> None:
    assert trigger in MOVES
    assert any(trigger in row for row in TRANSITIONS.values())


def _statuses() -> st.SearchStrategy[RolloutStatus]:
    """Statuses that hold together, also such as no run ever wrote."""
    run = st.builds(
        a_run,
        step=st.integers(0, 4),
        weight=st.sampled_from((0, 5, 50, 100)),
        confirmed=st.sampled_from((0, 5, 50, 100)),
        in_force_at=st.sampled_from((None, NOON)),
        straight=st.booleans(),
        skip=st.booleans(),
        full=st.booleans(),
        stable_ready=st.integers(0, 9),
        dark_since=st.sampled_from((None, NOON)),
    )
    running = st.sampled_from((Phase.PROGRESSING, Phase.PAUSED, Phase.PROMOTING, Phase.ROLLING_BACK))
    stable = st.sampled_from((None, a_revision("v1"), a_revision("v3")))
    failed = st.sampled_from((None, a_revision("v2"), a_revision("v3", template="b")))
    with_run = st.builds(a_status, phase=running, run=run, stable=stable, former=stable, failed=failed)
    without = st.builds(
        a_status, phase=st.sampled_from((Phase.IDLE, Phase.FAILED)), stable=stable, former=stable, failed=failed
    )
    return with_run | without


@examples(400)
@given(
    status=_statuses(),
    revision=st.sampled_from(("v1", "v2", "v3")),
    ready=st.tuples(*[st.sampled_from((0, 1, 4))] * 3),
    weights=st.tuples(*[st.sampled_from((0, 5, 50, 95, 100))] * 3),
    bad=st.sampled_from((None, 0, 500)),
    suspend=st.booleans(),
)
def test_decide_answers_whatever_the_status_and_the_world_say(
    status: RolloutStatus,
    revision: str,
    ready: tuple[int, int, int],
    weights: tuple[int, int, int],
    bad: int | None,
    suspend: bool,
) -> None:
    world = PureWorld(status=status, bad=bad, now=NOON + MINUTE)
    world.spec = replace(world.spec, revision=revision, suspend=suspend)
    world.give(VIRTUAL_SERVICE, **dict(zip(("v1", "v2", "v3"), weights, strict=True)))
    for name, pods in zip(("v1", "v2", "v3"), ready, strict=True):
        world.services[name].ready = pods
    seen = world.look()

    decision = decide(world.spec, status, seen, world.now)

    assert not decision.trigger or Trigger(decision.trigger) in TRANSITIONS[status.phase]
    assert decision.wake_at is None or decision.wake_at >= world.now
    assert decide_deletion(world.spec, status, seen, world.now) is not None
