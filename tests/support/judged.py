"""How does a test tell the sequential judge a run in a few words?"""

from collections.abc import Iterable
from dataclasses import replace
from typing import Any

from policies.sequential import judge
from policies.sequential.tallies import Slice, Tally

ERRORS = judge.Aim(max_ratio=0.01)
SLOW = judge.Aim(max_ratio=0.01, bounds=(100.0, 250.0), what="took longer than 500ms")


def a_history(*, rps: float = 50.0, every: int = 20, intervals: int = 240, pods: int = 10) -> judge.History:
    """An hour of stable in intervals of 15 s, in which each pod has one bad request in `every` intervals (0 for none).

    35 % of requests are slower than the first bound, 3 % slower than the second.
    """
    requests = rps * 15 / pods
    rows = (
        tuple(Tally(requests, float(every > 0 and (7 * row + pod) % every == 0), slow(requests)) for pod in range(pods))
        for row in range(intervals)
    )
    return judge.History(interval=15.0, tallies=tuple(rows))


def slow(requests: float, times: float = 1.0) -> tuple[float, float]:
    """How many of them are slower than each bound of SLOW."""
    return 0.35 * times * requests, 0.03 * times * requests


def a_pace(**changes: Any) -> judge.Pace:
    """At 10 % since 0 s, with no soak; 50 % is next and the top."""
    return replace(judge.Pace(weight=0.1, since=0.0, soak=0.0, following=0.5, top=0.5), **changes)


def a_slice(until: float, canary: tuple[float, float], stable: tuple[float, float] = (675.0, 0.0)) -> Slice:
    """What both arms did, as (requests, bad ones), with usual latencies."""
    return Slice(until, *(Tally(requests, bad, slow(requests)) for requests, bad in (canary, stable)))


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
