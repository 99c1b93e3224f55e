"""What does the judge remember?"""

from typing import NamedTuple

from policies.sequential.evidence import FRESH, Stake
from policies.sequential.noise import Noise
from policies.sequential.tallies import NOTHING, Tally

Block = tuple[int, int]  # canary requests and bad ones


class Watch(NamedTuple):
    """One thing in which the canary is compared with stable.

    bound: index of the latency bound that bad requests exceed; None for the objective's own bad requests. share: the part of
    stable's requests that was bad, 0.0 unknown. closed: canary's and stable's bad requests in closed blocks. gate: nats for
    each of latency.RATIOS, that the canary's ratio is below latency.LIMIT x stable's.
    """

    bound: int | None
    noise: Noise
    share: float
    stake: Stake = FRESH
    closed: tuple[float, float] = (0.0, 0.0)
    gate: tuple[float, ...] = (0.0, 0.0)


class Known(NamedTuple):
    """What history said of stable as a whole: its requests, bad ones, and requests per second; 0.0 without history.

    interval: seconds that Noise.young was learnt at.
    """

    requests: float = 0.0
    bad: float = 0.0
    rps: float = 0.0
    interval: float = 15.0


class State(NamedTuple):
    """The judge's memory. until: the end of the last slice taken.

    closed_at: the end of the last closed block, where the open one began. noise: of the objective's own bad requests.
    slice_seconds: length of the last slice. weight: of the last slice. lone: whether nothing of stable was there to compare
    with in it. absolute, alone: capitals against a fixed bar, beside stable and without it. canary, stable: all of closed
    blocks, `seconds` long. here: the canary's requests and bad ones in closed blocks since the last change of weight.
    blocks: the canary's closed ones in which stable was normal. open_canary, open_stable: the open block so far.
    """

    until: float
    closed_at: float
    known: Known
    noise: Noise
    watches: tuple[Watch, ...]
    slice_seconds: float = 0.0
    weight: float = 0.0
    lone: bool = False
    absolute: Stake = FRESH
    alone: Stake = FRESH
    canary: Block = (0, 0)
    stable: tuple[float, float] = (0.0, 0.0)
    seconds: float = 0.0
    here: Block = (0, 0)
    blocks: tuple[Block, ...] = ()
    open_canary: Tally = NOTHING
    open_stable: Tally = NOTHING


def usual(state: State, max_ratio: float) -> float:
    """Stable's bad ratio (0.0-1.0), a little high: from history, else from what it did beside the canary, else a guess.

    The guess is a tenth of the limit. Half a bad request is added, so that no record is perfect.
    """
    if state.known.requests:
        return (state.known.bad + 0.5) / (state.known.requests + 1.0)
    requests, bad = state.stable
    return (bad + 0.5) / (requests + 1.0) if requests else max_ratio / 10


def rps(state: State) -> float:
    """Requests per second of both arms: from history, else from the slices; 0.0 while unknown."""
    if state.known.rps:
        return state.known.rps
    seconds = state.seconds + state.until - state.closed_at
    requests = state.canary[0] + state.stable[0] + state.open_canary.requests + state.open_stable.requests
    return requests / seconds if seconds > 0.0 else 0.0


def misbehaves(state: State, max_ratio: float, stable: Tally) -> bool:
    """Whether stable itself is bad in this block: three bad requests, above the limit and above 3 x what is usual."""
    return stable.bad >= 3 and stable.bad > max(max_ratio, 3 * usual(state, max_ratio)) * stable.requests
