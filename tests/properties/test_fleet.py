"""Do the fleet's rules keep neighbours apart and callers safe, and still let everybody arrive, whatever the graph?"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from itertools import combinations
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from rollout.migration.fleet import (
    MAYBE_STRICT,
    Fleet,
    admitted,
    begin_hold,
    change_hold,
    strict_hold,
    unenrol_hold,
    unenrolled_callers,
)
from rollout.migration.graph import Call, calls_of
from rollout.migration.plan import planned
from rollout.migration.spans import Durations
from rollout.migration.stages import AT_LEAST_CANARY, FORWARD, MUTATING
from rollout.migration.unblock import unblock_set
from rollout.model.migration import MigrationStatus, NamespaceStatus, Stage, Wave
from tests.support.examples import examples
from tests.support.fleets import a_fleet, put

NAMES = "abcdef"
HOUR = timedelta(hours=1)
PATIENCE = 40 * len(NAMES)  # ticks: every namespace makes ten moves, and each may wait for all others
BACK = {
    Stage.FALLING_BACK: Stage.FALLEN_BACK,
    Stage.FALLEN_BACK: Stage.OBSERVING,
    Stage.ROLLED_BACK: Stage.PREFLIGHT,
}


@st.composite
def fleets(draw: st.DrawFn, callers: str = NAMES) -> Fleet:
    """Some waves of all NAMES in some order, called by any of `callers`, in cycles too."""
    order = draw(st.permutations(NAMES))
    cuts = sorted(draw(st.sets(st.integers(1, len(NAMES) - 1), max_size=3)))
    parts = [order[start:end] for start, end in zip([0, *cuts], [*cuts, len(NAMES)], strict=True)]
    waves = [
        Wave(name=str(number), namespaces=tuple(part), concurrency=draw(st.integers(1, 3)))
        for number, part in enumerate(parts)
    ]
    pairs = draw(st.sets(st.tuples(st.sampled_from(callers), st.sampled_from(NAMES)), max_size=14))
    return a_fleet(*waves, calls=calls_of(Call(caller=caller, callee=callee) for caller, callee in pairs))


def wants_to_change(fleet: Fleet, name: str) -> bool:
    """Whether the next move is into a mutating stage, or made in one, and nothing but the neighbours holds it."""
    stage = fleet.stage_of(name)
    return stage in MUTATING or stage is Stage.BASELINE or (stage is Stage.REHEARSAL and not strict_hold(fleet, name))


def next_stage(fleet: Fleet, name: str, free: Iterable[str]) -> Stage:
    """Where the namespace is after this tick, by the holds as they were before it."""
    stage = fleet.stage_of(name)
    held = (
        (stage is Stage.PENDING and begin_hold(fleet, name))
        or (stage is Stage.ROLLING_BACK and unenrol_hold(fleet, name))
        or (stage in (*MUTATING, Stage.BASELINE, Stage.REHEARSAL) and name not in free)
    )
    if held or stage is Stage.DONE:
        return stage
    if stage is Stage.ROLLING_BACK:
        return Stage.ROLLED_BACK
    return BACK.get(stage) or FORWARD[FORWARD.index(stage) + 1]


def tick(fleet: Fleet, ready: Iterable[str], asked: Iterable[str] = ()) -> Fleet:
    """All decide at once on what was. ready: whose gates open now. asked: those of whom a person asks a step back."""
    free = admitted(fleet, [name for name in ready if wants_to_change(fleet, name)])
    moved = {name: next_stage(fleet, name, free) for name in ready}
    for name in asked:
        if fleet.stage_of(name) in AT_LEAST_CANARY:
            moved[name] = Stage.FALLING_BACK
        elif fleet.stage_of(name) in (Stage.ENROLLING, Stage.PERMISSIVE, Stage.OBSERVING, Stage.FALLEN_BACK):
            moved[name] = Stage.ROLLING_BACK
    stages = {name: moved.get(name, fleet.stage_of(name)) for name in fleet.spec.namespaces}
    in_mesh = fleet.enrolled | {name for name, stage in stages.items() if stage is Stage.PERMISSIVE}
    in_mesh -= {name for name, stage in stages.items() if stage is Stage.ROLLED_BACK}
    namespaces = tuple(NamespaceStatus(name=name, stage=stage) for name, stage in stages.items())
    return replace(fleet, status=MigrationStatus(namespaces=namespaces), enrolled=in_mesh)


def neighbours_changing(fleet: Fleet) -> list[tuple[str, str]]:
    """Pairs that call each other and are both in a mutating stage."""
    return [pair for pair in combinations(sorted(fleet.changing), 2) if fleet.calls.adjacent(*pair)]


def broken_callers(fleet: Fleet) -> dict[str, tuple[str, ...]]:
    """Of those that may be STRICT: the callers that they refuse."""
    strict = [name for name in NAMES if fleet.stage_of(name) in MAYBE_STRICT]
    return {
        name: missing
        for name in strict
        if (missing := tuple(one for one in fleet.calls.callers_of(name) if one not in fleet.enrolled))
    }


def keeping_others_in(fleet: Fleet) -> set[str]:
    """Those that are STRICT while a caller wants to leave the mesh: only a person opens them."""
    leaving = {name for name in NAMES if fleet.stage_of(name) is Stage.ROLLING_BACK}
    return {
        name for name in NAMES if fleet.stage_of(name) in AT_LEAST_CANARY and leaving & {*fleet.calls.callers_of(name)}
    }


def some(chance: Random, share: float) -> list[str]:
    """Each of NAMES with this probability."""
    return [name for name in NAMES if chance.random() < share]


@examples(100)
@given(fleet=fleets(), seed=st.integers(0, 2**32))
def test_neighbours_never_change_together_and_no_wave_exceeds_its_number(fleet: Fleet, seed: int) -> None:
    chance = Random(seed)

    for _ in range(60):
        fleet = tick(fleet, some(chance, 0.7), asked=some(chance, 0.03))

        assert neighbours_changing(fleet) == []
        assert all(len(fleet.changing & set(wave.namespaces)) <= wave.concurrency for wave in fleet.spec.waves)


@examples(100)
@given(fleet=fleets(), seed=st.integers(0, 2**32))
def test_no_caller_is_ever_refused_though_namespaces_leave_the_mesh_meanwhile(fleet: Fleet, seed: int) -> None:
    chance = Random(seed)

    for _ in range(60):
        fleet = tick(fleet, some(chance, 0.7), asked=some(chance, 0.05))

        assert broken_callers(fleet) == {}


@examples(100)
@given(fleet=fleets(), seed=st.integers(0, 2**32))
def test_when_all_callers_can_enrol_all_namespaces_arrive(fleet: Fleet, seed: int) -> None:
    chance = Random(seed)

    for _ in range(20):
        fleet = tick(fleet, some(chance, 0.5), asked=some(chance, 0.03))

    for _ in range(PATIENCE):
        fleet = tick(fleet, NAMES, asked=keeping_others_in(fleet))

    assert {fleet.stage_of(name) for name in NAMES} == {Stage.DONE}


@examples(200)
@given(fleet=fleets(), stages=st.lists(st.sampled_from(list(Stage)), min_size=len(NAMES), max_size=len(NAMES)))
def test_whatever_the_stages_are_some_of_those_that_change_go_on_and_none_beside_another(
    fleet: Fleet, stages: list[Stage]
) -> None:
    for name, stage in zip(NAMES, stages, strict=True):
        fleet = put(fleet, name, stage=stage)

    chosen = admitted(fleet, NAMES)

    assert not any(fleet.calls.adjacent(*pair) for pair in combinations(chosen, 2))
    assert all(
        fleet.calls.neighbours_of(name).isdisjoint(fleet.changing - {name})
        for name in chosen
        if name not in fleet.changing
    )
    assert not fleet.changing or fleet.changing & set(chosen)


@examples(200)
@given(fleet=fleets(), stages=st.lists(st.sampled_from(list(Stage)), min_size=len(NAMES), max_size=len(NAMES)))
def test_who_is_admitted_together_was_also_free_to_change_alone(fleet: Fleet, stages: list[Stage]) -> None:
    for name, stage in zip(NAMES, stages, strict=True):
        fleet = put(fleet, name, stage=stage)

    chosen = admitted(fleet, NAMES)

    assert all(change_hold(fleet, name) is None for name in chosen)


@examples(150)
@given(fleet=fleets(callers="vwxyz"))
def test_the_unblock_set_is_the_smallest_that_unlocks_all_and_the_first_come_soonest(fleet: Fleet) -> None:
    callers = sorted({caller for name in NAMES for caller in unenrolled_callers(fleet, name)})
    shut = opened(fleet, ())
    reached = {
        size: max(len(opened(fleet, group) - shut) for group in combinations(callers, size))
        for size in range(len(callers) + 1)
    }
    all_of_them = len(NAMES) - len(shut)

    told = unblock_set(fleet)

    sizes = [size for size, count in reached.items() if count == all_of_them]
    assert len(told) == sizes[0]
    first = next((number for number, one in enumerate(told, 1) if one.unlocks), 0)
    assert first == next((size for size, count in reached.items() if count), 0)
    assert len(told[0].unlocks if told else ()) == reached.get(1, 0)


@examples(150)
@given(fleet=fleets(callers="abcvwxyz"), enrolled=st.sets(st.sampled_from(NAMES)))
def test_each_member_of_the_unblock_set_unlocks_what_it_says(fleet: Fleet, enrolled: set[str]) -> None:
    fleet = replace(fleet, enrolled=frozenset(enrolled))
    chosen: list[str] = []

    for one in unblock_set(fleet):
        before = opened(fleet, chosen)
        chosen.append(one.namespace)

        assert opened(fleet, chosen) - before == set(one.unlocks)


def opened(fleet: Fleet, enrolled: Iterable[str]) -> set[str]:
    """Those that could be STRICT, were they and `enrolled` in the mesh."""
    also = fleet.enrolled.union(enrolled)
    return {name for name in NAMES if strict_hold(replace(fleet, enrolled=also | {name}), name) is None}


@examples(150)
@given(
    fleet=fleets(),
    stages=st.lists(st.sampled_from((*FORWARD, Stage.BLOCKED)), min_size=6, max_size=6),
    base=st.integers(0, 9),
)
def test_a_plan_always_ends_and_somebody_is_on_the_way_at_every_moment(
    fleet: Fleet, stages: list[Stage], base: int
) -> None:
    fleet = replace(fleet, spec=replace(fleet.spec, baseline=base * HOUR))
    for name, stage in zip(NAMES, stages, strict=True):
        fleet = put(fleet, name, stage=stage)

    plan = planned(fleet, lambda _: (), Durations(restart=HOUR, evict=HOUR))

    told = [one for wave in plan.waves for one in wave.namespaces]
    assert all(one.least <= one.estimate for one in told)
    assert plan.estimate <= sum((one.least for one in told), timedelta(0))
