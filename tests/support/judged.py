"""How does a test tell the sequential judge a run in a few words?"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from random import Random
from typing import Any

from policies.sequential import judge
from policies.sequential.evidence import FACTORS, RATIOS, Stake
from policies.sequential.noise import Noise
from policies.sequential.state import Known, State, Watch
from policies.sequential.tallies import Slice, Tally
from rollout.model.status import Checkpoint

ERRORS = judge.Aim(max_ratio=0.01)
SLOW = judge.Aim(max_ratio=0.01, bounds=(100.0, 250.0), what="took longer than 500ms")

# Envoy's own for requests of Istio, in ms, and one more
BOUNDS = (
    0.5,
    1.0,
    5.0,
    10.0,
    25.0,
    50.0,
    100.0,
    250.0,
    500.0,
    1e3,
    2500.0,
    5e3,
    1e4,
    3e4,
    6e4,
    3e5,
    6e5,
    1.8e6,
    3.6e6,
    7.2e6,
)


def a_history(*, rps: float = 50.0, every: int = 20, intervals: int = 240, pods: int = 10) -> judge.History:
    """An hour of stable in intervals of 15 s, in which each pod has one bad request in `every` intervals (0 for none).

    35 % of requests are slower than the first bound, 3 % slower than the second.
    """
    requests = rps * 15 / pods
    rows = (
        tuple(Tally(requests, float(every > 0 and (7 * row + pod) % every == 0), slow(requests)) for pod in range(pods))
        for row in range(intervals)
    )
    return history_of_rows(rows)


def history_of_rows(rows: Iterable[Sequence[Tally]], interval: float = 15.0) -> judge.History:
    """The history of these rows, [interval][pod]."""
    pods = list(zip(*rows, strict=True))
    bounds = max((len(tally.slower) for pod in pods for tally in pod), default=0)
    return judge.History(
        interval=interval,
        requests=tuple(tuple(tally.requests for tally in pod) for pod in pods),
        bad=tuple(tuple(tally.bad for tally in pod) for pod in pods),
        slower=tuple(tuple(tuple(tally.slower[at] for tally in pod) for pod in pods) for at in range(bounds)),
    )


def slow(requests: float, times: float = 1.0) -> tuple[float, float]:
    """How many of them are slower than each bound of SLOW."""
    return 0.35 * times * requests, 0.03 * times * requests


def a_pace(**changes: Any) -> judge.Pace:
    """At 10 % since 0 s, with no soak; 50 % is next and the top."""
    return replace(judge.Pace(weight=0.1, since=0.0, soak=0.0, following=0.5, top=0.5), **changes)


def a_slice(until: float, canary: tuple[float, float], stable: tuple[float, float] = (675.0, 0.0)) -> Slice:
    """What both arms did, as (requests, bad ones), with usual latencies."""
    mine, theirs = (Tally(requests, bad, slow(requests)) for requests, bad in (canary, stable))
    return Slice(until, mine, theirs)


def after(
    slices: Iterable[Slice], *, aim: judge.Aim = ERRORS, history: judge.History | None = None, weight: float = 0.1
) -> judge.State:
    """The memory after these slices, from 0 s on."""
    state = judge.begun(aim, history, 0.0)
    for new in slices:
        state = judge.taken(state, aim, new, weight)
    return state


def minutes(count: int, canary: tuple[float, float], stable: tuple[float, float] = (675.0, 0.0)) -> list[Slice]:
    """So many minutes of four equal slices each."""
    return [a_slice(15.0 * (index + 1), canary, stable) for index in range(4 * count)]


def a_full_checkpoint(objective: str) -> Checkpoint:
    """A memory that has no room left: four watches among 20 bounds, 60 blocks, and the numbers of 200,000 requests per second, at random."""
    any_of = Random(objective)
    return Checkpoint(
        objective=objective,
        state=judge.dumped(_a_full_state(any_of)),
        learnt=judge.learnt_words(_a_full_state(any_of)),
        bounds=BOUNDS,
    )


def _a_full_state(any_of: Random) -> State:
    def nats(alternatives: int) -> tuple[float, ...]:
        return tuple(any_of.randint(-150_000, 4000) / 1000 for _ in range(alternatives))

    def noise() -> Noise:
        return Noise(*(round(any_of.uniform(1.0, 9.0), 3) for _ in range(6)))

    watches = (
        Watch(
            bound=bound,
            noise=noise(),
            share=round(any_of.random(), 4),
            stake=Stake(nats(len(RATIOS)), 240),
            closed=(round(any_of.uniform(1e6, 1e8), 1), round(any_of.uniform(1e6, 1e8), 1)),
            gate=nats(2),
        )
        for bound in (5, 9, 14, 19)
    )
    at = 1_764_065_608.123 + any_of.random()
    return State(
        until=at,
        closed_at=at,
        slice_seconds=15.017,
        weight=0.5,
        known=Known(720_123_457.0, 2_123_457.0, 200_100.0, 15.0),
        noise=noise(),
        watches=tuple(watches),
        absolute=Stake(nats(len(FACTORS)), 240),
        alone=Stake(nats(len(FACTORS)), 4),
        canary=(any_of.randint(10**8, 10**9), any_of.randint(10**6, 10**7)),
        stable=(round(any_of.uniform(1e9, 1e10), 1), round(any_of.uniform(1e6, 1e8), 1)),
        seconds=14400.0,
        here=(any_of.randint(10**8, 10**9), any_of.randint(10**6, 10**7)),
        blocks=tuple((any_of.randint(10**6, 10**7), any_of.randint(10**4, 10**5)) for _ in range(60)),
    )
