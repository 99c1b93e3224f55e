"""How does the judge's memory travel through a status?

A text of at most 1 kB: the version, then JSON. Numbers are rounded when a block is closed, so that what is read is what was
written and decides the same.
"""

import json
from collections.abc import Sequence
from functools import lru_cache
from math import isfinite
from typing import Any, NoReturn

from policies.sequential.evidence import CEILING, FACTORS, RATIOS, Stake
from policies.sequential.latency import MOST
from policies.sequential.latency import RATIOS as GATE
from policies.sequential.noise import Noise
from policies.sequential.state import Block, Known, State, Watch
from policies.sequential.tallies import NOTHING

VERSION = 1
LONGEST = 1000  # characters


def checkpoint(state: State) -> State:
    """The memory as of the last closed block: what a status keeps, and what newer slices are taken into again."""
    return state._replace(
        until=state.closed_at,
        lone=False,
        slice_seconds=round(state.slice_seconds, 3),
        open_canary=NOTHING,
        open_stable=NOTHING,
    )


def dumped(state: State) -> str:
    """A checkpoint as a text of at most 1 kB; blocks that would not fit are added up, the oldest first."""
    state = checkpoint(state)
    text = _text(state)
    while len(text) > LONGEST and len(state.blocks) > 1:
        (requests, bad), (more, worse), *rest = state.blocks
        state = state._replace(blocks=((requests + more, bad + worse), *rest))
        text = _text(state)
    return text


def _text(state: State) -> str:
    fields = [
        [state.until, state.slice_seconds, state.weight, state.seconds, *state.known],
        list(state.noise),
        [_watch_fields(watch, state.noise) for watch in state.watches],
        _stake_fields(state.absolute),
        _stake_fields(state.alone),
        [*state.canary, *state.stable, *state.here],
        " ".join(f"{requests:x}.{bad:x}" if bad else f"{requests:x}" for requests, bad in state.blocks),
    ]
    return f"{VERSION} {json.dumps(fields, separators=(',', ':'))}"


def _watch_fields(watch: Watch, own: Noise) -> list[Any]:
    noise = [] if watch.noise == own else list(watch.noise)
    gate = [round(nats * 1000) for nats in watch.gate]
    return [watch.bound, noise, watch.share, _stake_fields(watch.stake), [*watch.closed], gate]


def _stake_fields(stake: Stake) -> list[int]:
    return [stake.rounds, *(round(nats * 1000) for nats in stake.capitals)]


@lru_cache(maxsize=256)  # each look reads it twice: for what to ask, and for what was answered
def loaded(text: str) -> State | None:
    """The checkpoint that `dumped` wrote; None for another version or an unreadable text, which means: begin again."""
    version, _, body = text.partition(" ")
    if version != str(VERSION):
        return None
    try:
        return _state(json.loads(body, parse_constant=_refused))
    except (ValueError, TypeError, IndexError, OverflowError, RecursionError):
        return None


def _refused(word: str) -> NoReturn:
    raise ValueError(f"{word} is no number of a checkpoint")


def _state(fields: list[Any]) -> State:
    times, noise, watches, absolute, alone, totals, blocks = fields
    until, slice_seconds, weight, seconds, *known = _numbers(times, 8)
    own = _noise(noise)
    canary, canary_bad, stable, stable_bad, here, here_bad = _numbers(totals, 6)
    if not 1 <= len(watches) <= MOST or min(slice_seconds, weight, seconds, *known, *_numbers(totals, 6)) < 0:
        raise ValueError("a checkpoint watches one to four things and counts from 0")
    return State(
        until=until,
        closed_at=until,
        slice_seconds=slice_seconds,
        weight=weight,
        known=Known(*known),
        noise=own,
        watches=tuple(_watch(watch, own) for watch in watches),
        absolute=_stake(absolute, len(FACTORS)),
        alone=_stake(alone, len(FACTORS)),
        canary=(int(canary), int(canary_bad)),
        stable=(stable, stable_bad),
        seconds=seconds,
        here=(int(here), int(here_bad)),
        blocks=tuple(_block(word) for word in blocks.split()) if isinstance(blocks, str) else _refused("blocks"),
    )


def _watch(fields: list[Any], own: Noise) -> Watch:
    bound, noise, share, stake, closed, gate = fields
    if bound is not None and (not isinstance(bound, int) or bound < 0):
        raise ValueError("a bound is known by its index")
    (share,) = _numbers([share], 1)
    canary, stable = _numbers(closed, 2)
    nats = tuple(nats / 1000 for nats in _numbers(gate, len(GATE)))
    return Watch(bound, _noise(noise) if noise else own, share, _stake(stake, len(RATIOS)), (canary, stable), nats)


def _noise(fields: list[Any]) -> Noise:
    noise = Noise(*_numbers(fields, 6))
    if noise.bursts < 1.0 or min(noise.pod, noise.arm) <= 0.0 or noise.poor < 1.0 or min(noise) < 0.0:
        raise ValueError("noise is positive")
    return noise


def _stake(fields: list[Any], alternatives: int) -> Stake:
    rounds, *nats = _numbers(fields, 1 + (alternatives if len(fields) > 1 else 0))
    if rounds < 0 or (rounds > 0) != bool(nats) or any(abs(each) > 1000 * CEILING for each in nats):
        raise ValueError("a stake has capital in each alternative once a block is closed")
    return Stake(tuple(each / 1000 for each in nats), int(rounds))


def _block(word: str) -> Block:
    requests, _, bad = word.partition(".")
    return int(requests, 16), int(bad or "0", 16)


def _numbers(fields: Sequence[Any], count: int) -> list[float]:
    """So many finite numbers, or ValueError."""
    numbers = [each for each in fields if isinstance(each, int | float) and not isinstance(each, bool)]
    if len(numbers) != count or len(fields) != count or not all(map(isfinite, numbers)):
        raise ValueError(f"expected {count} numbers")
    return numbers
