"""What is the evidence worth now, and what does a closed block leave of it?"""

from math import inf

from policies.sequential.evidence import Pair, Stake, absolute_growth, relative_growth, settled, worth
from policies.sequential.latency import TOLERANCE, gate_growth
from policies.sequential.question import Aim
from policies.sequential.state import State, Watch
from policies.sequential.tallies import bad_of

RELATIVE_OF_ERRORS = 0.5  # of the evidence, the rest is absolute
RELATIVE_OF_LATENCY = 0.9
ABOVE_RECORD = 2.0  # the bar is this x what stable is known to do, the SLO at most
WARY, WARY_WEIGHT = 6.0, 15.0  # bursts assumed of a canary alone, worth that many observed bad requests
SURE = 1.65  # standard deviations of a one-sided 95 % bound


def evidence(state: State, aim: Aim, relative: list[float]) -> float:
    """The evidence beside stable: the mean of its relative parts and the absolute part, weighted."""
    share = RELATIVE_OF_LATENCY if aim.bounds else RELATIVE_OF_ERRORS
    return share * sum(relative) / len(relative) + (1.0 - share) * absolute_worth(state, aim)


def relative_worth(state: State, watch: Watch, aim: Aim) -> float:
    """How far the canary is worse than stable in one thing."""
    return worth(watch.stake, _relative(state, watch, aim) if _has_begun(state, alone=False) else ())


def absolute_worth(state: State, aim: Aim) -> float:
    """How far the canary, beside stable, is above its bar."""
    return worth(state.absolute, _absolute(state, aim) if _has_begun(state, alone=False) else ())


def alone_worth(state: State, aim: Aim) -> float:
    """How far the canary, alone, is above its bar."""
    return worth(state.alone, _absolute(state, aim) if _has_begun(state, alone=True) else ())


def closed_watch(state: State, watch: Watch, aim: Aim) -> Watch:
    """One watch after the open block is closed."""
    if not _has_begun(state, alone=False):
        return watch
    pair = open_pair(state, watch)
    bursts = watch.noise.bursts
    return watch._replace(
        stake=settled(watch.stake, _relative(state, watch, aim)),
        closed=(
            round(watch.closed[0] + pair.canary_bad * bursts, 1),
            round(watch.closed[1] + pair.stable_bad * bursts, 1),
        ),
        gate=tuple(round(nats + more, 3) for nats, more in zip(watch.gate, open_gate(state, watch), strict=True)),
    )


def settled_absolute(state: State, aim: Aim) -> Stake:
    """The absolute part beside stable after the open block is closed."""
    return settled(state.absolute, _absolute(state, aim)) if _has_begun(state, alone=False) else state.absolute


def settled_alone(state: State, aim: Aim) -> Stake:
    """The absolute part of a canary alone after the open block is closed."""
    return settled(state.alone, _absolute(state, aim)) if _has_begun(state, alone=True) else state.alone


def open_gate(state: State, watch: Watch) -> tuple[float, ...]:
    """What the open block says for "no slower than stable"."""
    return gate_growth(open_pair(state, watch), watch.noise.pod + watch.noise.arm)


def open_pair(state: State, watch: Watch) -> Pair:
    """The open block's counts for one watch, in independent bursts."""
    canary, stable, bursts = state.open_canary, state.open_stable, watch.noise.bursts
    return Pair(
        canary.requests / bursts,
        bad_of(canary, watch.bound) / bursts,
        stable.requests / bursts,
        bad_of(stable, watch.bound) / bursts,
    )


def bar(state: State, aim: Aim) -> float:
    """What the absolute part measures against: the SLO, or 2 x the upper bound of stable's record where that is lower.

    The record is history and all closed blocks. Upper bound of a Poisson mean, e + 1 + 1.65 sqrt(e + 1/2).
    """
    bursts = state.noise.bursts
    requests, bad = state.known.requests + state.stable[0], (state.known.bad + state.stable[1]) / bursts
    upper = (bad + 1.0 + SURE * (bad + 0.5) ** 0.5) * bursts / requests if requests else inf
    return max(1e-6, min(aim.max_ratio, ABOVE_RECORD * state.noise.poor * upper))


def _has_begun(state: State, *, alone: bool) -> bool:
    """Whether the open block says anything: the canary had requests, with stable beside it or alone as asked."""
    return state.open_canary.requests > 0.0 and state.lone == alone


def _relative(state: State, watch: Watch, aim: Aim) -> tuple[float, ...]:
    noise = watch.noise
    seconds = state.until - state.closed_at
    variance = max(noise.pod + noise.arm, noise.young * state.known.interval / max(seconds, 1.0))
    usual = noise.usual
    if not state.known.requests and state.stable[0]:
        usual = watch.closed[1] / state.stable[0]
    tolerance = max(noise.poor, TOLERANCE if aim.bounds else 1.0)
    return relative_growth(open_pair(state, watch), tolerance, variance, usual)


def _absolute(state: State, aim: Aim) -> tuple[float, ...]:
    bursts = _wary_bursts(state) if state.lone else state.noise.bursts
    canary, stable = state.open_canary, state.open_stable
    pair = Pair(canary.requests / bursts, canary.bad / bursts, stable.requests / bursts, stable.bad / bursts)
    return absolute_growth(pair, bar(state, aim), 1.0 / state.noise.pod)


def _wary_bursts(state: State) -> float:
    """Bursts for a canary alone: history must have seen many bad requests to exclude that they come together.

    Nothing beside it shows a burst for what it is, and one such minute would be enough (measured: 5.4 % false rollbacks at 2
    requests per second without it, 0.2 % with it).
    """
    seen = state.known.bad
    return max(state.noise.bursts, (state.noise.bursts * seen + WARY * WARY_WEIGHT) / (seen + WARY_WEIGHT))
