"""What does the evidence say of the canary so far?

Everything here is a value: `begun` once before the first request, `taken` for each new slice (`gathered` for several), `turned` at a change of
weight, `standing` whenever somebody asks. `dumped` and `loaded` carry the state of the last closed block through a status.
"""

from collections.abc import Iterable

from policies.sequential.latency import telling
from policies.sequential.memory import VERSION, checkpoint, dumped, loaded
from policies.sequential.noise import learnt
from policies.sequential.pacing import outlook, percent, ramp
from policies.sequential.question import Aim, History, Pace
from policies.sequential.standing import Standing, standing
from policies.sequential.state import Known, State, Watch, misbehaves
from policies.sequential.stretches import BLOCK, total
from policies.sequential.tallies import NOTHING, Slice, added
from policies.sequential.weighing import closed_watch, settled_absolute, settled_alone

__all__ = [
    "VERSION",
    "Aim",
    "History",
    "Pace",
    "Standing",
    "State",
    "begun",
    "checkpoint",
    "dumped",
    "gathered",
    "learnt_words",
    "loaded",
    "outlook",
    "ramp",
    "standing",
    "taken",
    "tried",
    "turned",
]

KEPT = 60  # closed blocks; older ones are added up
SLACK = 1.0  # seconds by which four scrapes may exceed a block


def begun(aim: Aim, history: History | None, at: float) -> State:
    """The memory before the first request; `history` None means that nothing is known of stable."""
    history = history or History(interval=15.0)
    requests, bad, *slower = map(total, (history.requests, history.bad, *history.slower[: len(aim.bounds)]))
    watched: tuple[int | None, ...] = telling(requests, slower) or (None,)
    grids = [history.bad if bound is None else history.slower[bound] for bound in watched]
    if history.bad not in grids:  # it is where the objective's own threshold is one of the bounds
        grids.append(history.bad)
    noises = learnt(history.requests, grids, history.interval, rare=not aim.bounds)
    shares = [_digits((bad if bound is None else slower[bound]) / requests) if requests else 0.0 for bound in watched]
    rps = _digits(requests / history.seconds) if history.seconds else 0.0
    return State(
        until=at,
        closed_at=at,
        known=Known(round(requests, 1), round(bad, 1), rps, history.interval),
        noise=noises[grids.index(history.bad)],
        watches=tuple(map(Watch, watched, noises, shares)),
    )


def _digits(number: float) -> float:
    return float(f"{number:.4g}")


def taken(state: State, aim: Aim, new: Slice, weight: float) -> State:
    """The memory after one more slice, at `weight` (0.0-1.0). A slice that ends at or before `state.until` changes nothing."""
    if new.until <= state.until:
        return state
    lone = new.lone or weight >= 1.0
    if weight != state.weight:
        state = turned(state, aim)
    elif state.until > state.closed_at and (lone != state.lone or new.until - state.closed_at > BLOCK + SLACK):
        state = _closed(state, aim)
    return state._replace(
        until=new.until,
        weight=weight,
        lone=lone,
        slice_seconds=new.until - state.until,
        open_canary=added(state.open_canary, new.canary),
        open_stable=added(state.open_stable, new.stable),
    )


def gathered(state: State, aim: Aim, slices: Iterable[Slice], pace: Pace) -> State:
    """The memory after these slices; those that end before the present weight was in force belong to the one before it."""
    before = state.weight
    for new in slices:
        state = taken(state, aim, new, before if new.until <= pace.since else pace.weight)
    return state


def turned(state: State, aim: Aim) -> State:
    """The memory with its open block closed, as at a change of weight."""
    return (_closed(state, aim) if state.until > state.closed_at else state)._replace(here=(0, 0))


def tried(state: State, at: float) -> State:
    """The memory with which a trial begins, for the first time or once more, at `at`.

    What history taught and the evidence so far stay. What was counted goes, and with it whatever was proven.
    """
    watches = tuple(watch._replace(closed=(0.0, 0.0), gate=(0.0,) * len(watch.gate)) for watch in state.watches)
    counts = State(until=at, closed_at=at, known=state.known, noise=state.noise, watches=watches)
    return counts._replace(absolute=state.absolute, alone=state.alone)


def _closed(state: State, aim: Aim) -> State:
    """The memory with the open block in its capitals, totals and blocks; numbers as the status keeps them.

    Without history stable's totals are all that is known of it: a block in which it misbehaves must not become what is usual.
    """
    block = round(state.open_canary.requests), round(state.open_canary.bad)
    is_normal = not misbehaves(state, aim.max_ratio, state.open_stable)
    blocks = (*state.blocks, block) if block[0] > 0 and is_normal and not aim.bounds else state.blocks
    counts = is_normal or state.known.requests > 0.0
    stable, seconds = (state.open_stable, state.until - state.closed_at) if counts else (NOTHING, 0.0)
    return state._replace(
        closed_at=state.until,
        watches=tuple(closed_watch(state, watch, aim) for watch in state.watches),
        absolute=state.absolute if state.lone else settled_absolute(state, aim),
        alone=settled_alone(state, aim) if state.lone else state.alone,
        canary=_both(state.canary, block),
        here=_both(state.here, block),
        stable=(round(state.stable[0] + stable.requests, 1), round(state.stable[1] + stable.bad, 1)),
        seconds=round(state.seconds + seconds, 1),
        blocks=_kept(blocks),
        open_canary=NOTHING,
        open_stable=NOTHING,
    )


def _both(one: tuple[int, int], other: tuple[int, int]) -> tuple[int, int]:
    return one[0] + other[0], one[1] + other[1]


def _kept(blocks: tuple[tuple[int, int], ...]) -> tuple[tuple[int, int], ...]:
    """At most KEPT blocks: the two oldest become one, which is taken for less than both (it has one rate, not two)."""
    return blocks if len(blocks) <= KEPT else (_both(*blocks[:2]), *blocks[2:])


def learnt_words(state: State) -> str:
    """What history taught, for people."""
    known, noise = state.known, state.noise
    if not known.requests:
        return "nothing is known of stable: bad requests are taken to come 1.5 at a time, their rate to vary by 50%"
    bad = f"{percent(known.bad / known.requests)} of stable's requests were bad"
    bursts = "one by one" if noise.bursts < 1.05 else f"{noise.bursts:.2g} at a time"
    words = f"{bad} ({known.bad:.0f} of {known.requests:.0f}, {known.rps:.3g} rps), {bursts}; the rate varies by {percent(noise.pod**0.5)}"
    return words + (f", a poor pod's is {noise.poor:.2g}x as high" if noise.poor > 1.0 else "")
