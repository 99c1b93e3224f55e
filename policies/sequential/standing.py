"""How does the objective stand, and how is that said in one sentence?"""

from dataclasses import dataclass
from math import ceil, log
from typing import NamedTuple

from policies.sequential.latency import LIMIT, gate_nats, provable
from policies.sequential.pacing import chance, final_limit, harm_limit, percent
from policies.sequential.proof import LEVEL, SELF_EVIDENT, nats_below, still_needed
from policies.sequential.question import Aim, Pace
from policies.sequential.state import State, Watch, misbehaves, rps, usual
from policies.sequential.stretches import BLOCK
from policies.sequential.tallies import bad_of
from policies.sequential.weighing import alone_worth, evidence, open_gate, relative_worth
from policies.verdict import Verdict

BESIDE, ALONE = 0.8, 0.2  # parts of the chance of a false rollback: with stable to compare with, and without
SUSPICIOUS = 5.0  # evidence at which the weight is held
WORSE = 5.0  # relative evidence without which nothing is rolled back beside stable
FEWEST = 3  # bad requests without which nothing is rolled back
MOST_SAID = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How the objective stands.

    code: FAIL WorseThanStable | AboveLimit; INCONCLUSIVE SharedIncident | Suspicious | StableUnseen | NotProven | NoRequests |
    TooYoung;
    PASS Proven. message: one sentence with the numbers, for people. evidence: 1.0 is none; needed: where a rollback is
    decided. ratio: the canary's while stable was normal, None without requests. requests: of the canary so far.
    """

    verdict: Verdict
    code: str
    message: str
    evidence: float
    needed: float
    ratio: float | None
    requests: float


class Found(NamedTuple):
    """What the parts of the evidence are worth. worst: the watch with the highest relative part."""

    beside: float
    alone: float
    relative: float
    worst: Watch


class Answer(NamedTuple):
    """A verdict, its code and its sentence."""

    verdict: Verdict
    code: str
    message: str


def standing(state: State, aim: Aim, pace: Pace) -> Standing:
    """How the objective stands now."""
    relative = [relative_worth(state, watch, aim) for watch in state.watches]
    highest = max(relative)
    found = Found(
        evidence(state, aim, relative), alone_worth(state, aim), highest, state.watches[relative.index(highest)]
    )
    answer = _failed(state, aim, found) or _held(state, aim, pace, found) or _proven(state, aim, pace)
    alone = answer.code == "AboveLimit" or (_is_alone(state, pace) and answer.verdict != Verdict.FAIL)
    requests, bad = _while_normal(state, aim)
    return Standing(
        verdict=answer.verdict,
        code=answer.code,
        message=answer.message,
        evidence=found.alone if alone else found.beside,
        needed=_needed(aim, ALONE if alone else BESIDE),
        ratio=bad / requests if requests else None,
        requests=_so_far(state)[0],
    )


def _needed(aim: Aim, part: float) -> float:
    return 1.0 / (part * aim.false_rollback)


def _is_alone(state: State, pace: Pace) -> bool:
    """Whether the canary has nothing of stable beside it: no requests by plan, or none that anybody has seen."""
    return pace.alone or state.lone


def _so_far(state: State) -> tuple[float, float]:
    return state.canary[0] + state.open_canary.requests, state.canary[1] + state.open_canary.bad


def _while_normal(state: State, aim: Aim) -> tuple[float, float]:
    """The canary's requests and bad ones while stable was normal; all of them where that is not told or was never so."""
    normal = () if misbehaves(state, aim.max_ratio, state.open_stable) else (state.open_canary[:2],)
    blocks = (*state.blocks, *normal)
    told = sum(requests for requests, _ in blocks), sum(bad for _, bad in blocks)
    return told if told[0] and not aim.bounds else _so_far(state)


def _here(state: State) -> tuple[float, float]:
    """The canary's requests and bad ones since the last change of weight."""
    return state.here[0] + state.open_canary.requests, state.here[1] + state.open_canary.bad


def _failed(state: State, aim: Aim, found: Found) -> Answer | None:
    """FAIL, where the evidence suffices for a rollback."""
    if (
        found.beside >= _needed(aim, BESIDE)
        and found.relative >= WORSE
        and _bad_of_both(state, found.worst)[0] >= FEWEST
    ):
        told = f"canary {_compared(state, aim, found.worst, 'but')}; {_odds(found.beside, 'stable')}"
        return Answer(Verdict.FAIL, "WorseThanStable", told)
    requests, bad = _here(state)
    if found.alone >= _needed(aim, ALONE) and bad >= FEWEST:
        told = f"{bad:.0f} of {requests:.0f} requests {aim.what} with nothing of stable beside them"
        return Answer(Verdict.FAIL, "AboveLimit", f"{told}; {_odds(found.alone, 'stable was')}")
    return None


def _seen(state: State, aim: Aim, pace: Pace, found: Found) -> str:
    """What speaks against the canary: "which took 5% of requests and 3 of 14 errors"."""
    if not _is_alone(state, pace):
        return f"which {_compared(state, aim, found.worst, 'and')}"
    requests, bad = _here(state)
    return f"of whose {requests:.0f} requests {bad:.0f} {aim.what}"


def _compared(state: State, aim: Aim, watch: Watch, joined: str) -> str:
    """The canary's share of the requests and of the bad ones."""
    canary, stable = _bad_of_both(state, watch)
    requests = _so_far(state)[0]
    share = requests / (requests + state.stable[0] + state.open_stable.requests)
    return f"took {percent(share)} of requests {joined} {canary:.0f} of {canary + stable:.0f} {_kind(aim, watch)}"


def _bad_of_both(state: State, watch: Watch) -> tuple[float, float]:
    canary, stable = watch.closed
    return canary + bad_of(state.open_canary, watch.bound), stable + bad_of(state.open_stable, watch.bound)


def _kind(aim: Aim, watch: Watch) -> str:
    """What the counted requests are: "errors", "that took longer than 250ms"."""
    if watch.bound is not None:
        return f"that took longer than {aim.bounds[watch.bound]:g}ms"
    return "errors" if not aim.bounds else f"that {aim.what}"


def _odds(worth: float, whom: str) -> str:
    """What evidence means, rounded down to two digits."""
    rollouts = int(min(worth, MOST_SAID))
    unit = 10 ** max(0, len(str(rollouts)) - 2)
    return f"a canary as healthy as {whom} would show this in fewer than 1 of {rollouts // unit * unit} rollouts"


def _held(state: State, aim: Aim, pace: Pace, found: Found) -> Answer | None:
    """INCONCLUSIVE, where the weight has to wait whatever is proven."""
    if not _here(state)[0]:
        return Answer(Verdict.INCONCLUSIVE, "NoRequests", "waiting: the canary has had no requests at this weight")
    stable = state.open_stable
    if misbehaves(state, aim.max_ratio, stable):
        told = f"stable misbehaves too: {stable.bad:.0f} of {stable.requests:.0f} {aim.what} in this minute"
        return Answer(Verdict.INCONCLUSIVE, "SharedIncident", told)
    worth, needed = (found.alone, ALONE) if _is_alone(state, pace) else (found.beside, BESIDE)
    if worth >= SUSPICIOUS:
        bad = _here(state)[1] if _is_alone(state, pace) else _bad_of_both(state, found.worst)[0]
        told = (
            f"evidence {worth:.0f} of {_needed(aim, needed):.0f} against the canary, {_seen(state, aim, pace, found)}"
        )
        if worth >= _needed(aim, needed):
            why = f"only {bad:.0f} of its requests were" if bad < FEWEST else "stable may be just as"
            told = f"there is evidence enough against the canary, but {why} bad"
        return Answer(Verdict.INCONCLUSIVE, "Suspicious", f"waiting: {told}")
    if state.lone and not pace.alone:
        told = "waiting: nothing of stable is in the metrics, and without it nobody knows whether the canary is as good"
        return Answer(Verdict.INCONCLUSIVE, "StableUnseen", told)
    seen = state.until - pace.since
    if seen < pace.soak - min(state.slice_seconds, BLOCK):
        told = f"waiting: {max(seen, 0.0):.0f} s of {pace.soak:.0f} s at this weight are in the metrics"
        return Answer(Verdict.INCONCLUSIVE, "TooYoung", told)
    return None


def _proven(state: State, aim: Aim, pace: Pace) -> Answer:
    """PASS, or what its proof still lacks."""
    if aim.bounds:
        return _proven_latency(state, aim, pace)
    requests = _so_far(state)[0]
    if pace.following is None and requests < aim.min_requests:
        return _waiting(f"{requests:.0f} of at least {aim.min_requests} requests")
    limit = final_limit(state, aim, pace.top) if pace.following is None else harm_limit(state, aim, pace.following)
    if limit >= SELF_EVIDENT:
        return Answer(Verdict.PASS, "Proven", f"{requests:.0f} requests: too few to do harm at the next weight")
    blocks = [*state.blocks, state.open_canary[:2]]
    normal, noise = usual(state, aim.max_ratio), chance(state.noise)
    nats = nats_below(blocks, limit, normal, noise)
    if nats >= log(1.0 / LEVEL):
        return Answer(Verdict.PASS, "Proven", f"< {percent(limit)} {aim.what}, proven with {requests:.0f} requests")
    rate = rps(state) * pace.weight
    more = still_needed(nats, rate * BLOCK, limit, normal, noise)
    told = f"{requests:.0f} of about {_two_digits(requests + more)} clean requests needed to show < {percent(limit)}"
    return _waiting(f"{told}, about {ceil(more / rate / 60)} min more" if rate > 0.0 else told)


def _proven_latency(state: State, aim: Aim, pace: Pace) -> Answer:
    """Latency promises nothing on the way up; promotion needs each gate that can be proven in time."""
    requests = _so_far(state)[0]
    if pace.following is None:
        if requests < aim.min_requests:
            return _waiting(f"{requests:.0f} of at least {aim.min_requests} requests")
        for watch in state.watches:
            if not _gate_is_open(state, watch, pace):
                kind = _kind(aim, watch)
                return _waiting(f"not shown yet: fewer than {LIMIT:g} x stable's requests {kind}")
    ratio = _so_far(state)[1] / requests
    return Answer(
        Verdict.PASS, "Proven", f"{percent(ratio)} of {requests:.0f} requests {aim.what}, no slower than stable"
    )


def _gate_is_open(state: State, watch: Watch, pace: Pace) -> bool:
    variance = watch.noise.pod + watch.noise.arm
    if not provable(watch.share, rps(state), pace.top, (watch.noise.bursts, variance)):
        return True
    growth = open_gate(state, watch) if not _is_alone(state, pace) else (0.0,) * len(watch.gate)
    return gate_nats(watch.gate, growth) >= log(1.0 / LEVEL)


def _waiting(told: str) -> Answer:
    return Answer(Verdict.INCONCLUSIVE, "NotProven", f"waiting: {told}")


def _two_digits(number: float) -> str:
    return f"{float(f'{number:.2g}'):.0f}"
