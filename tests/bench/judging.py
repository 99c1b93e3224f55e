"""What does the judge cost, and what does it catch?"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from random import Random
from statistics import median
from time import perf_counter

from policies.sequential import judge
from policies.sequential.judge import Aim, History, Pace, State
from policies.sequential.tallies import Slice, Tally
from rollout.model.measurement import Arm
from rollout.model.rollout import ErrorRatio, RolloutSpec, SlowRatio, Step
from rollout.progression.aims import sequential
from rollout.progression.comparing import compared
from rollout.progression.decide import decide
from rollout.progression.view import View
from rollout.services.simulate import Simulation, Spread
from rollout.services.simulate_chance import binomial, poisson
from rollout.services.simulate_run import Run
from rollout.services.simulate_traffic import SCRAPE_S, Traffic
from tests.support.builders import a_spec
from tests.support.judged import history_of_rows

ERRORS = ErrorRatio(name="errors", max_ratio=0.01)
SLOW = SlowRatio(name="slow", threshold=timedelta(milliseconds=500), max_ratio=0.05)
AIMS = (
    Aim(max_ratio=0.01, false_rollback=0.006),
    Aim(max_ratio=0.05, bounds=(250.0, 500.0), false_rollback=0.004, what="took longer than 500ms"),
)
PACE = Pace(weight=0.25, since=0.0, soak=1e9, following=0.5, top=0.5)
RPS, STABLE, FAILING, SLOWER = 50.0, 0.75, 0.001, (0.1, 0.01)
HOUR = 240  # scrapes
RUNS = 20  # of each row of the short table: enough to see that something broke, not to compare with


def evaluation_seconds(slices: int = HOUR) -> float:
    """The median of one evaluation: a new scrape of both arms taken in, and how errors and two latency bounds stand."""
    times: list[float] = []
    for _ in _judged(slices, times):
        pass
    return median(times)


def state_bytes() -> int:
    """The longest text of one objective's memory in a run of an hour."""
    return max(len(judge.dumped(state)) for states in _judged(HOUR, []) for state in states)


def _judged(slices: int, times: list[float]) -> Iterator[list[State]]:
    """The memories after each of so many scrapes of a run that nothing ends; how long each took goes to `times`."""
    chance = Random(1)
    states = [judge.begun(aim, history, 0.0) for aim, history in zip(AIMS, _histories(chance), strict=True)]
    for number in range(1, slices + 1):
        both = zip(_tallies(chance, RPS * (1.0 - STABLE)), _tallies(chance, RPS * STABLE), strict=True)
        new = [Slice(number * SCRAPE_S, *tallies) for tallies in both]
        started = perf_counter()
        states = [judge.taken(*given, PACE.weight) for given in zip(states, AIMS, new, strict=True)]
        for state, aim in zip(states, AIMS, strict=True):
            judge.standing(state, aim, PACE)
        times.append(perf_counter() - started)
        yield states


def learning_seconds(times: int = 20) -> float:
    """The median of what it costs to learn from an hour of stable's four pods, errors and two latency bounds."""
    histories = _histories(Random(1))
    found = []
    for _ in range(times):
        started = perf_counter()
        for aim, history in zip(AIMS, histories, strict=True):
            judge.begun(aim, history, 0.0)
        found.append(perf_counter() - started)
    return median(found)


def _histories(chance: Random) -> list[History]:
    """An hour of four pods as each of AIMS sees it."""
    rows = [tuple(_tallies(chance, RPS / 4) for _ in range(4)) for _ in range(HOUR)]
    return [history_of_rows(([cell[index] for cell in row] for row in rows), SCRAPE_S) for index, _ in enumerate(AIMS)]


def _tallies(chance: Random, rate: float) -> tuple[Tally, Tally]:
    """Errors and latencies of one scrape."""
    count = poisson(chance, rate * SCRAPE_S)
    slower = tuple(binomial(chance, count, part) for part in SLOWER)
    return Tally(count, binomial(chance, count, FAILING)), Tally(count, slower[-1], slower)


def look_seconds(times: int = 200) -> float:
    """The median of what a look costs from the raw counters of four pods and a canary to the verdicts of both objectives."""
    spec = a_spec(objectives=(ERRORS, SLOW))
    traffic = Traffic(
        rate=RPS, baseline_errors=FAILING, canary_errors=FAILING, baseline_slow=SLOWER[1], canary_slow=SLOWER[1]
    )
    run = Run.begun(spec, traffic, Random(1))
    status, now = run.status, run.now
    for _ in range(8):
        decision = decide(spec, status, run.world.look(status, now), now)
        status, now = decision.status, max(now, decision.wake_at or now)
    seen = run.world.look(status, now)
    view = View(spec=spec, status=status, seen=seen, verdicts=(), now=now)
    told = {(one.question.arm, one.question.objective.name): one for one in seen.measurements}
    found = []
    for _ in range(times):
        started = perf_counter()
        for one in sequential(spec):
            compared(view, one, told[Arm.CANARY, one.name], told[Arm.STABLE, one.name])
        found.append(perf_counter() - started)
    return median(found)


def detections() -> Iterator[tuple[str, str]]:
    """The short table: what the real core does on simulated traffic, 5 to 50 % in ten steps of a minute, 0.1 % usual errors."""
    steps = tuple(Step(weight=weight, soak=timedelta(minutes=1)) for weight in range(5, 51, 5))
    spec = a_spec(objectives=(ERRORS,), steps=steps)
    for rate, errors in ((2.0, 0.05), (50.0, 0.01), (50.0, 0.05), (50.0, 0.5), (1000.0, 0.01), (1000.0, 0.5)):
        yield f"{rate:g} rps, errors 0.1 % -> {100 * errors:g} %, {RUNS} runs", _caught(spec, rate, errors)
    for rate in (50.0, 1000.0):
        yield f"{rate:g} rps, canary as good as stable, {RUNS} runs", _promoted(spec, rate)


def _caught(spec: RolloutSpec, rate: float, errors: float) -> str:
    found = _simulation(spec, rate, errors).summaries()[0]
    return f"{found.rolled_back} caught after {_mean(found.to_rollback)} s, {found.failed.mean:.1f} failed requests"


def _promoted(spec: RolloutSpec, rate: float) -> str:
    (found,) = _simulation(spec, rate, FAILING).summaries()
    return f"{found.promoted} promoted after {_mean(found.to_promotion)} s, {found.rolled_back} rolled back by mistake"


def _simulation(spec: RolloutSpec, rate: float, errors: float) -> Simulation:
    fair = Traffic(rate=rate, baseline_errors=FAILING, canary_errors=FAILING)
    return Simulation(spec=spec, traffic=replace(fair, canary_errors=errors), runs=RUNS, seed=1)


def _mean(spread: Spread | None) -> str:
    return f"{spread.mean:.0f}" if spread else "-"
