"""Is what one look of both arms tells taken for what it is, and what it does not tell for nothing?"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from policies.sequential import judge
from policies.verdict import Verdict
from rollout.model.measurement import (
    Answer,
    Arm,
    Counter,
    Counters,
    Failed,
    Measurement,
    NoData,
    Partial,
    Question,
    Slower,
    Window,
)
from rollout.model.names import BackendName
from rollout.model.observation import Observation
from rollout.model.rollout import SlowRatio
from rollout.model.status import Run
from rollout.progression.aims import Memory, Ratio, aim_of
from rollout.progression.comparing import compared, kept, memory_of, pace_of, watched
from rollout.progression.view import View
from tests.support.builders import NOON, SEQUENTIAL, a_run, a_spec, a_status, a_step
from tests.support.points import scrapes

MINUTE = timedelta(minutes=1)
SLOW = SlowRatio(name="slow", threshold=timedelta(milliseconds=500), max_ratio=0.05)
NO_SERIES: list[Answer] = [NoData(query="q"), Counters(query="q", total=(), bad=())]
UNTOLD: list[tuple[Answer, str]] = [
    (Failed(query="q", error="refused"), "QueryFailed"),
    (Partial(query="q", warning="a store is down"), "Partial"),
]
BAD_LOOKS = [*((answer, "NoData") for answer in NO_SERIES), *UNTOLD]


def counters(per_second: float, ratio: float, *, until: int, slower: tuple[float, ...] = ()) -> Counters:
    """A pod that was scraped each 15 s from a minute before noon on; slower: bounds that a tenth of requests exceeds."""

    def counter(rate: float) -> Counter:
        times = range(-60, until + 1, 15)
        points = scrapes((NOON + timedelta(seconds=at), rate * (at + 60)) for at in times)
        return Counter(labels=(("pod", f"{per_second}"),), points=points)

    return Counters(
        query="q",
        total=(counter(per_second),),
        bad=(counter(per_second * ratio),),
        slower=tuple(
            Slower(bound=timedelta(milliseconds=bound), counters=(counter(per_second / 10),)) for bound in slower
        ),
    )


def measured(answer: Answer, arm: Arm, at: datetime, objective: Ratio) -> Measurement:
    question = Question(
        namespace="shop",
        rollout="checkout",
        objective=objective,
        revision="v2",
        backend=BackendName(service="checkout-v2"),
        workload="",
        pods=frozenset(),
        window=Window(start=NOON - MINUTE, end=at),
        arm=arm,
    )
    return Measurement(question=question, answer=answer, at=at)


def a_memory(objective: Ratio = SEQUENTIAL, bounds: tuple[float, ...] = ()) -> Memory:
    """What is known at noon, of an hour at 50 requests a second without a bad one."""
    tally = judge.History(interval=15.0)
    aim = aim_of(objective, a_spec(objectives=(objective,)), bounds)
    return Memory(objective=objective, aim=aim, state=judge.begun(aim, tally, NOON.timestamp()), learnt="all of it")


def a_view(run: Run, now: datetime, objective: Ratio = SEQUENTIAL) -> View:
    spec = a_spec(objectives=(objective,))
    return View(spec=spec, status=a_status(run=run), seen=Observation(), verdicts=(), now=now)


def looked(
    canary: Answer, stable: Answer | None, run: Run, objective: Ratio = SEQUENTIAL, seconds: int = 120
) -> tuple[str, str, Memory | None]:
    """Code and sentence of a look some time after noon, and what is remembered of it."""
    now = NOON + timedelta(seconds=seconds)
    beside = measured(stable, Arm.STABLE, now, objective) if stable is not None else None
    verdict, memory = compared(
        a_view(run, now, objective), objective, measured(canary, Arm.CANARY, now, objective), beside
    )
    return verdict.code, verdict.message, memory


def remembering(memory: Memory, **changes: Any) -> Run:
    return a_run(judged=(memory.kept(),), **changes)


@pytest.mark.parametrize(("answer", "code"), BAD_LOOKS)
def test_an_answer_that_tells_nothing_keeps_its_code_and_teaches_nothing(answer: Answer, code: str) -> None:
    stable = counters(50, 0.0, until=120)

    said, _, memory = looked(answer, stable, remembering(a_memory()))

    assert (said, memory) == (code, None)


@pytest.mark.parametrize(("answer", "code"), UNTOLD)
def test_a_stable_that_cannot_be_asked_for_leaves_everything_as_it_was(answer: Answer, code: str) -> None:
    said, message, memory = looked(counters(5, 0.5, until=120), answer, remembering(a_memory()))

    assert (said, memory) == (code, None)
    assert message.startswith("stable: ")


@pytest.mark.parametrize("nothing", NO_SERIES)
@pytest.mark.parametrize(("failing", "code"), [(0.5, "AboveLimit"), (0.0, "StableUnseen")])
def test_without_any_series_of_stable_a_bad_canary_fails_and_a_good_one_waits(
    failing: float, code: str, nothing: Answer
) -> None:
    said, _, memory = looked(counters(5, failing, until=120), nothing, remembering(a_memory()))

    assert said == code
    assert memory is not None
    assert memory.state.lone


def test_at_100_percent_the_canary_is_judged_alone() -> None:
    alone = remembering(a_memory(), weight=100, confirmed=100, step=3)

    said, _, memory = looked(counters(50, 0.2, until=120), None, alone)

    assert said == "AboveLimit"
    assert memory is not None


def test_what_was_taken_is_not_taken_again() -> None:
    canary, stable = counters(5, 0.02, until=180), counters(50, 0.0, until=180)
    run = remembering(a_memory())
    _, _, once = looked(canary, stable, run, seconds=180)
    assert once is not None

    _, _, twice = looked(canary, stable, replace(run, judged=(once.kept(),)), seconds=180)

    assert twice is not None
    assert twice.state == once.state
    assert once.kept().learnt == "all of it"


def test_what_came_before_the_weight_was_in_force_belongs_to_the_weight_before() -> None:
    late = remembering(a_memory(), in_force_at=NOON + 2 * MINUTE, weight=50)

    _, _, memory = looked(counters(5, 0.0, until=120), counters(50, 0.0, until=120), late)

    assert memory is not None
    assert memory.state.weight == 0.0


def test_a_latency_that_the_run_is_judged_by_must_stay_a_bound_of_the_histogram() -> None:
    memory = a_memory(SLOW, (100.0, 250.0))
    watch = memory.state.watches[0]._replace(bound=1)
    run = remembering(replace(memory, state=memory.state._replace(watches=(watch,))))
    stable = counters(50, 0.0, until=120, slower=(100, 250))

    code, message, _ = looked(counters(5, 0.0, until=120, slower=(100, 500)), stable, run, SLOW)
    fine, _, _ = looked(counters(5, 0.0, until=120, slower=(100, 250, 500)), stable, run, SLOW)

    assert (code, "250ms" in message) == ("NoData", True)
    assert fine != "NoData"


def test_evidence_is_told_with_what_a_rollback_needs() -> None:
    now = NOON + 2 * MINUTE
    view = a_view(remembering(a_memory()), now)
    arms = (
        measured(counters(rate, 0.0, until=120), arm, now, SEQUENTIAL)
        for rate, arm in ((5, Arm.CANARY), (50, Arm.STABLE))
    )

    verdict, _ = compared(view, SEQUENTIAL, *arms)

    assert verdict.verdict is Verdict.INCONCLUSIVE
    assert verdict.evidence.endswith(" of 125")
    assert (verdict.value, verdict.samples) == ("0%", 600)


@pytest.mark.parametrize(
    ("place", "following", "soak"),
    [
        ({"step": 1, "weight": 5}, 0.5, 300.0),
        ({"step": 2, "weight": 50}, None, 300.0),
        ({"step": 3, "weight": 100}, None, 0.0),
    ],
)
def test_the_judge_is_told_where_the_run_stands(place: dict[str, Any], following: float | None, soak: float) -> None:
    pace = pace_of(a_view(a_run(**place), NOON))

    assert (pace.weight, pace.following, pace.soak, pace.top) == (place["weight"] / 100, following, soak, 0.5)
    assert pace.since == NOON.timestamp()


def test_a_plan_that_ends_at_100_percent_has_its_top_below() -> None:
    plan = (a_step(5), a_step(40), a_step(100))

    assert pace_of(a_view(a_run(plan=plan), NOON)).top == 0.4


@pytest.mark.parametrize("state", ["9 {}", "", "1 nonsense"])
def test_a_memory_that_cannot_be_read_begins_with_the_present_weight(state: str) -> None:
    run = remembering(a_memory())
    run = replace(run, judged=(replace(run.judged[0], state=state),), in_force_at=NOON + MINUTE)

    memory = memory_of(run, a_spec(objectives=(SEQUENTIAL,)), SEQUENTIAL, NOON + 3 * MINUTE)

    assert memory.state.until == (NOON + MINUTE).timestamp()
    assert "gathered anew" in memory.anew


def test_a_change_of_weight_closes_the_block() -> None:
    run = remembering(a_memory())
    _, _, memory = looked(counters(5, 0.02, until=30), counters(50, 0.0, until=30), run, seconds=30)
    assert memory is not None

    same = kept((memory,), run, run, NOON)
    turned = kept((memory,), replace(run, weight=50), run, NOON)

    assert memory_at(same).until == NOON.timestamp()
    assert memory_at(turned).until == NOON.timestamp() + 30


def memory_at(run: Run) -> judge.State:
    state = judge.loaded(run.judged[0].state)
    assert state is not None
    return state


def test_a_weight_raised_from_0_begins_a_trial_and_forgets_no_evidence() -> None:
    run = remembering(a_memory())
    _, _, memory = looked(counters(5, 0.1, until=120), counters(50, 0.0, until=120), run)
    assert memory is not None
    before = kept((memory,), replace(run, weight=0), run, NOON)

    after = kept((), replace(before, weight=5), before, NOON + 20 * MINUTE)

    assert memory_at(after).until == (NOON + 20 * MINUTE).timestamp()
    assert memory_at(after).canary == (0, 0)
    assert memory_at(before).canary != (0, 0)
    assert [watch.stake for watch in memory_at(after).watches] == [watch.stake for watch in memory_at(before).watches]


def test_bounds_that_are_not_asked_for_change_nothing() -> None:
    memory = a_memory(SLOW, bounds=(100.0, 250.0, 1000.0))
    watch = memory.state.watches[0]._replace(bound=1)
    memory = replace(memory, state=memory.state._replace(watches=(watch,)))
    run = remembering(memory)

    def seen(bounds: tuple[float, ...]) -> tuple[str, str, Memory | None]:
        canary, stable = (counters(rate, 0.01, until=120, slower=bounds) for rate in (5, 50))
        return looked(canary, stable, run, SLOW)

    assert watched(memory) == (250.0,)
    assert seen(watched(memory)) == seen(memory.aim.bounds)
