"""How fast may the weight rise, and what can this run prove?"""

from math import ceil, inf, log

from policies.sequential.noise import Noise
from policies.sequential.proof import LEVEL, MARGIN, Chance, average_nats, tightest
from policies.sequential.question import Aim, Pace
from policies.sequential.state import State, rps, usual
from policies.sequential.stretches import BLOCK

REACTION = 30.0  # seconds to notice and act: two scrapes
NO_WORSE = 2.0  # nothing demands better than this x stable
PROOF_SECONDS = 180.0  # at the highest weight, that the final proof may be sized for
FIRST_LEAST, FIRST_MOST = 0.01, 0.10
CAREFUL = 0.05  # the first weight while the traffic is unknown
GROWTH = 2.5
LOW_TRAFFIC, LOW_TOP = 10.0, 0.30  # below so many requests per second a failure at a high weight says little


def chance(noise: Noise) -> Chance:
    """How the canary's counts move by chance, for proofs of its own ratio."""
    return Chance(noise.bursts, 1.0 / noise.pod)


def harm_limit(state: State, aim: Aim, weight: float) -> float:
    """The worst bad ratio that may still go to `weight`: it costs at most the harm budget until somebody reacts."""
    normal, rate = usual(state, aim.max_ratio), rps(state)
    affordable = aim.harm_budget / (rate * weight * REACTION) if rate > 0.0 else inf
    return max(normal + affordable, NO_WORSE * normal)


def final_limit(state: State, aim: Aim, top: float) -> float:
    """What promotion has to prove: the tightest limit that three minutes at `top` can, between 2 x usual and the SLO."""
    normal = usual(state, aim.max_ratio)
    tight = tightest(rps(state) * top * BLOCK, PROOF_SECONDS / BLOCK, normal, chance(state.noise))
    return max(NO_WORSE * normal, min(aim.max_ratio, tight))


def ramp(state: State | None, aim: Aim, top: float) -> tuple[float, ...]:
    """The weights of `auto`, rising up to `top` (0.0-1.0), in whole percents; without history careful ones.

    The first costs at most the harm budget even if every request is bad, each later one is 2.5 x as high.
    """
    rate = rps(state) if state else 0.0
    top = min(top, LOW_TOP) if 0.0 < rate < LOW_TRAFFIC else top
    weight = CAREFUL if rate <= 0.0 else aim.harm_budget / (rate * REACTION)
    weight = min(top, max(FIRST_LEAST, min(FIRST_MOST, weight)))
    weights = []
    while weight < 0.8 * top:
        weights.append(round(100 * weight) / 100)
        weight *= GROWTH
    return (*(weight for weight in dict.fromkeys(weights) if weight < top), top)


def outlook(state: State, aim: Aim, pace: Pace, before: float | None = None) -> str:
    """What the run can prove, about how fast and at which rate: "can prove <= 0.3% failed, in about 6 min at 50 rps".

    before: seconds until the last weight, None where they are those of `ramp`.
    """
    rate = rps(state)
    if rate <= 0.0:
        return "what can be proven is known once there are requests"
    limit, normal = final_limit(state, aim, pace.top), usual(state, aim.max_ratio)
    block = average_nats(rate * pace.top * BLOCK, limit, normal, chance(state.noise))
    proof = (log(1.0 / LEVEL) + MARGIN) / block * BLOCK
    rising = pace.soak * (len(ramp(state, aim, pace.top)) - 1) if before is None else before
    seconds = max(proof, pace.soak) + rising
    return (
        f"can prove <= {percent(limit)} {aim.what}, in about {max(1, ceil(seconds / 60 - 0.5))} min at {rate:.3g} rps"
    )


def percent(ratio: float) -> str:
    """A ratio (0.0-1.0) as people write it, two digits: 0.3%, 12%."""
    return f"{100 * ratio:.2g}%" if ratio < 0.995 else f"{100 * ratio:.0f}%"
