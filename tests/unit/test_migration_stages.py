"""Does the table of stages allow nothing but single steps forward, and a way back from everywhere?"""

from itertools import pairwise

import pytest

from rollout.migration.stages import AT_LEAST_CANARY, FORWARD, INITIAL, MUTATING, TRANSITIONS, Trigger, index
from rollout.model.migration import Stage

ROWS = [(stage, trigger, to) for stage, row in TRANSITIONS.items() for trigger, to in row.items()]
UNUSED = {Stage.AUTHZ_DRY_RUN, Stage.AUTHZ_ENFORCED}


def journeys() -> set[tuple[Stage, frozenset[Stage]]]:
    """Every stage together with every set of stages that one can have been in before."""
    found = {(INITIAL, frozenset({INITIAL}))}
    ahead = list(found)
    while ahead:
        stage, visited = ahead.pop()
        for to in TRANSITIONS[stage].values():
            step = (to, visited | {to})
            if step not in found:
                found.add(step)
                ahead.append(step)
    return found


@pytest.mark.parametrize(("stage", "trigger", "to"), ROWS)
def test_no_row_goes_more_than_one_stage_forward(stage: Stage, trigger: Trigger, to: Stage) -> None:
    assert index(to) - index(stage) <= 1


def test_no_journey_returns_to_a_stage_of_the_way_that_it_never_saw() -> None:
    backward = [
        (stage, to)
        for stage, visited in journeys()
        for to in TRANSITIONS[stage].values()
        if to in FORWARD and to not in visited and (stage, to) not in pairwise(FORWARD)
    ]

    assert backward == []


def test_every_step_of_the_way_has_its_row() -> None:
    missing = [(a, b) for a, b in pairwise(FORWARD) if b not in TRANSITIONS[a].values()]

    assert missing == []


@pytest.mark.parametrize("stage", sorted(AT_LEAST_CANARY))
@pytest.mark.parametrize("trigger", [Trigger.LIMIT_BROKEN, Trigger.FALLBACK_ASKED, Trigger.ROLLBACK_ASKED])
def test_from_the_strict_canary_on_every_way_back_opens_the_namespace_first(stage: Stage, trigger: Trigger) -> None:
    assert TRANSITIONS[stage][trigger] is Stage.FALLING_BACK


@pytest.mark.parametrize("stage", [*FORWARD[1:7], Stage.BLOCKED, Stage.FALLEN_BACK])
def test_what_is_not_strict_is_rolled_back_at_once(stage: Stage) -> None:
    assert TRANSITIONS[stage][Trigger.ROLLBACK_ASKED] is Stage.ROLLING_BACK


@pytest.mark.parametrize("stage", FORWARD[1:7])
def test_a_finding_blocks_from_preflight_to_rehearsal(stage: Stage) -> None:
    assert TRANSITIONS[stage][Trigger.PREFLIGHT_BLOCKED] is Stage.BLOCKED


def test_a_finding_blocks_nothing_that_is_strict() -> None:
    blockable = {stage for stage, trigger, _ in ROWS if trigger is Trigger.PREFLIGHT_BLOCKED}

    assert not blockable & AT_LEAST_CANARY


def test_a_rollback_never_leaves_a_strict_stage_directly() -> None:
    left = {stage for stage, _, to in ROWS if to is Stage.ROLLING_BACK}

    assert not left & (AT_LEAST_CANARY | {Stage.FALLING_BACK})


@pytest.mark.parametrize(
    ("stage", "trigger", "to"),
    [
        (Stage.BLOCKED, Trigger.UNBLOCKED, Stage.PREFLIGHT),
        (Stage.BLOCKED, Trigger.EXCEPTED, Stage.EXCEPTED),
        (Stage.REHEARSAL, Trigger.FALLBACK_ASKED, Stage.FALLING_BACK),
        (Stage.REHEARSAL, Trigger.PLAINTEXT_SEEN, Stage.OBSERVING),
        (Stage.FALLING_BACK, Trigger.OPENED, Stage.FALLEN_BACK),
        (Stage.FALLING_BACK, Trigger.ROLLBACK_ASKED, Stage.FALLING_BACK),
        (Stage.FALLEN_BACK, Trigger.ROLLBACK_GOES_ON, Stage.ROLLING_BACK),
        (Stage.FALLEN_BACK, Trigger.RETRIED, Stage.OBSERVING),
        (Stage.ROLLING_BACK, Trigger.RESTORED, Stage.ROLLED_BACK),
        (Stage.ROLLED_BACK, Trigger.RETRIED, Stage.PREFLIGHT),
        (Stage.PENDING, Trigger.EXCEPTED, Stage.EXCEPTED),
        (Stage.PREFLIGHT, Trigger.EXCEPTED, Stage.EXCEPTED),
        (Stage.EXCEPTED, Trigger.EXCEPTION_GONE, Stage.PENDING),
    ],
)
def test_the_ways_aside_and_back_are_these(stage: Stage, trigger: Trigger, to: Stage) -> None:
    assert TRANSITIONS[stage][trigger] is to


@pytest.mark.parametrize("stage", [Stage.PERMISSIVE, Stage.OBSERVING, Stage.REHEARSAL])
def test_a_pod_without_a_proxy_leads_back_to_enrolling(stage: Stage) -> None:
    assert TRANSITIONS[stage][Trigger.POD_UNMESHED] is Stage.ENROLLING


def test_every_stage_but_the_two_of_authorization_is_reached() -> None:
    assert {stage for stage, _ in journeys()} == set(Stage) - UNUSED
    assert set(TRANSITIONS) == set(Stage) - UNUSED


@pytest.mark.parametrize("trigger", list(Trigger))
def test_every_trigger_has_a_row(trigger: Trigger) -> None:
    assert any(trigger in row for row in TRANSITIONS.values())


@pytest.mark.parametrize("stage", list(Stage))
def test_every_stage_has_a_place_on_the_way(stage: Stage) -> None:
    assert 0 <= index(stage) < len(FORWARD)


def test_taking_back_is_no_change_that_others_wait_for() -> None:
    assert {Stage.FALLING_BACK, Stage.ROLLING_BACK} & MUTATING == set()
