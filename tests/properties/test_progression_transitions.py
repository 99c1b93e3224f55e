"""Is every row of TRANSITIONS reachable, and does nothing else ever happen?"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rollout.model.commands import Verb
from rollout.model.decision import Decision
from rollout.model.names import BackendName
from rollout.model.observation import Entry, Pool
from rollout.model.rollout import Analysis, OnInconclusive
from rollout.model.status import Phase, RolloutStatus
from rollout.progression.decide import decide, decide_deletion
from rollout.progression.moves import MOVES
from rollout.progression.transitions import TRANSITIONS, Trigger
from tests.support.builders import NOON, VIRTUAL_SERVICE, a_revision, a_run, a_status, a_step
from tests.support.examples import examples
from tests.support.pure_world import OUTER, PureWorld

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
Move = tuple[Phase, Trigger, Phase]
GATE = (a_step(5, approval="team"), a_step(50))


class Noting(PureWorld):
    """A world that notes every move."""

    seen: list[Move]

    def tick(self, *, saves: bool = True) -> Decision:
        """One tick."""
        phase = self.status.phase
        decision = super().tick(saves=saves)
        for trigger in filter(None, decision.trigger.split(",")):
            following = TRANSITIONS[phase][Trigger(trigger)]
            self.seen.append((phase, Trigger(trigger), following))
            phase = following
        return decision

    def names(self, revision: str) -> None:
        """Git names a revision, and the world comes to rest."""
        self.spec = replace(self.spec, revision=revision)
        self.settle()

    def says(self, verb: Verb, **made_for: object) -> None:
        """ana says something, and the world comes to rest."""
        self.command(verb, **made_for)
        self.settle()


def a_noting_world() -> Noting:
    """v1 is stable."""
    world = Noting()
    world.seen = []
    world.settle()
    return world


def _progressing(world: Noting) -> None:
    world.names("v2")


def _paused(world: Noting) -> None:
    world.names("v2")
    world.says(Verb.PAUSE)


def _promoting(world: Noting) -> None:
    world.spec = replace(world.spec, analysis=replace(world.spec.analysis, bake=60 * MINUTE))
    world.names("v2")
    world.pass_time(11 * MINUTE)


def _failed(world: Noting) -> None:
    world.names("v2")
    world.says(Verb.ABORT)


def _goes_on(world: Noting) -> None:
    world.pass_time(20 * MINUTE)


def _fails(world: Noting) -> None:
    world.bad = 500
    world.pass_time(MINUTE)


def _dies(world: Noting) -> None:
    world.services["v2"].ready = 0
    world.pass_time(MINUTE)


def _shrinks(world: Noting) -> None:
    world.services["v2"].ready = 0
    world.settle()
    run = world.status.run
    assert run is not None
    world.status = replace(world.status, run=replace(run, dark_since=None, weight=0))
    world.pass_time(11 * MINUTE)


def _no_verdict(world: Noting) -> None:
    world.bad = None
    analysis = Analysis(
        on_inconclusive=OnInconclusive.ROLLBACK, step_deadline=3 * MINUTE, bake=world.spec.analysis.bake
    )
    world.spec = replace(world.spec, analysis=analysis)
    world.pass_time(90 * MINUTE)


def _lowers(world: Noting) -> None:
    world.give(VIRTUAL_SERVICE, v1=98, v2=2)
    world.settle()


def _changes_image(world: Noting) -> None:
    world.services["v2"].template = "b"
    world.settle()


def _suspended_third(world: Noting) -> None:
    world.spec = replace(world.spec, suspend=True)
    world.names("v3")


def _deleted(world: Noting) -> None:
    decision = decide_deletion(world.spec, world.status, world.look(), world.now)
    if decision.status.phase is not world.status.phase:
        world.seen.append((world.status.phase, Trigger.DELETED, decision.status.phase))


def _too_small(world: Noting) -> None:
    """The next weight's capacity is missing for too long."""
    world.services["v1"].ready = 100
    world.pass_time(30 * MINUTE)


def _starts_dead(world: Noting) -> None:
    world.services["v2"].ready = 0
    world.names("v2")
    world.pass_time(11 * MINUTE)


def _says(verb: Verb) -> Callable[[Noting], None]:
    return lambda world: world.says(verb)


FROM = {Phase.PROGRESSING: _progressing, Phase.PAUSED: _paused, Phase.PROMOTING: _promoting, Phase.FAILED: _failed}
ALWAYS = [
    _says(Verb.ABORT),
    _says(Verb.PAUSE),
    _says(Verb.RESUME),
    _says(Verb.RETRY),
    _goes_on,
    _fails,
    _dies,
    _no_verdict,
    _lowers,
    _changes_image,
    _suspended_third,
    _deleted,
    _too_small,
    lambda world: world.names("v1"),
    lambda world: world.names("v3"),
]


def _reject(world: Noting) -> None:
    world.spec = replace(world.spec, steps=GATE)
    world.names("v2")
    world.says(Verb.REJECT)


def _reject_while_paused(world: Noting) -> None:
    world.spec = replace(world.spec, steps=GATE)
    world.names("v2")
    world.says(Verb.PAUSE)
    world.says(Verb.REJECT)


def _revert(world: Noting) -> None:
    _progressing(world)
    _goes_on(world)
    world.names("v1")


def _revert_from_failed(world: Noting) -> None:
    _progressing(world)
    _goes_on(world)
    world.names("v3")
    world.says(Verb.ABORT)
    world.names("v1")


def _first_deployment(world: Noting) -> None:
    world.status = RolloutStatus()
    for ref in (VIRTUAL_SERVICE, OUTER):
        placeholder = Entry(backend=BackendName(service="nothing-yet"), weight=100)
        world.pools[ref] = (Pool(name="http[0]", entries=(placeholder,)),)
    world.settle()


def _named(world: Noting) -> None:
    world.status = RolloutStatus()
    world.give(VIRTUAL_SERVICE, v1=50, v2=50)
    world.settle()
    world.says(Verb.NAME_STABLE, backend="checkout-v1")


def _named_in_rollback(world: Noting) -> None:
    _progressing(world)
    world.services["v1"].ready = 0
    world.says(Verb.ABORT)
    world.says(Verb.NAME_STABLE, backend="checkout-v2")


OTHERS = [
    _reject,
    _reject_while_paused,
    _revert,
    _revert_from_failed,
    _first_deployment,
    _named,
    _named_in_rollback,
    _starts_dead,
]
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
