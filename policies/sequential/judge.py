"""What does the evidence say of the canary so far?

Everything here is a value: `begun` once before the first request, `taken` for each new slice, `turned` at a change of
weight, `standing` whenever somebody asks. `dumped` and `loaded` carry the state of the last closed block through a status.
"""

from dataclasses import dataclass

from policies.sequential.tallies import Slice, Tally
from policies.verdict import Verdict

VERSION = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What one objective asks for.

    max_ratio: the absolute limit (0.0-1.0). bounds: for latency the histogram's bounds in ms, rising, and their words in
    Tally.slower; () for errors. false_rollback: this objective's part of the run's chance to roll back a healthy canary.
    harm_budget: bad requests that one accepts at the next weight. min_requests: canary requests without which nothing is
    promoted. what: what bad requests did, for the sentences ("failed", "took longer than 500ms").
    """

    max_ratio: float
    bounds: tuple[float, ...] = ()
    false_rollback: float = 0.01
    harm_budget: float = 30.0
    min_requests: int = 50
    what: str = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """What stable did before the first request: growth in each of `interval` seconds, by pod, oldest first.

    tallies: [interval][pod]; a pod that was not there has Tally(0, 0).
    """

    interval: float
    tallies: tuple[tuple[Tally, ...], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """Where the run stands. Weights are 0.0-1.0.

    weight: in force since `since`, for at least `soak` seconds. following: the next weight, None where the next thing is
    promotion (or its end, at 1.0). top: the highest weight below 1.0 of the plan. alone: nothing of stable is there to compare
    with (weight 1.0).
    """

    weight: float
    since: float
    soak: float
    following: float | None
    top: float

    @property
    def alone(self) -> bool:
        """Whether stable gets no requests to compare with."""
        return self.weight >= 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class State:
    """The judge's memory. until: the end of the last slice taken. (More fields are the judge's own.)"""

    until: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """How the objective stands.

    code: FAIL WorseThanStable | AboveLimit; INCONCLUSIVE SharedIncident | Suspicious | NotProven | NoRequests | TooYoung;
    PASS Proven. message: one sentence with the numbers, for people. evidence: 1.0 is none; needed: where a rollback is
    decided. ratio: the canary's so far, None without requests. requests: of the canary so far.
    """

    verdict: Verdict
    code: str
    message: str
    evidence: float
    needed: float
    ratio: float | None
    requests: float


def begun(aim: Aim, history: History | None, at: float) -> State:
    """The memory before the first request; `history` None means that nothing is known of stable."""
    raise NotImplementedError


def taken(state: State, aim: Aim, new: Slice, weight: float) -> State:
    """The memory after one more slice, at `weight` (0.0-1.0). A slice that ends at or before `state.until` changes nothing."""
    raise NotImplementedError


def turned(state: State, aim: Aim) -> State:
    """The memory with its open block closed, as at a change of weight."""
    raise NotImplementedError


def standing(state: State, aim: Aim, pace: Pace) -> Standing:
    """How the objective stands now."""
    raise NotImplementedError


def checkpoint(state: State) -> State:
    """The memory as of the last closed block: what a status keeps, and what newer slices are taken into again."""
    raise NotImplementedError


def dumped(state: State) -> str:
    """A checkpoint as a text of at most 1 kB."""
    raise NotImplementedError


def loaded(text: str) -> State | None:
    """The checkpoint that `dumped` wrote; None for another version or an unreadable text, which means: begin again."""
    raise NotImplementedError


def learnt_words(state: State) -> str:
    """What history taught, for people."""
    raise NotImplementedError


def outlook(state: State, aim: Aim, pace: Pace) -> str:
    """What the run can prove, about how fast and at which rate: "can prove <= 0.3% failed, in about 6 min at 50 rps"."""
    raise NotImplementedError


def ramp(state: State | None, aim: Aim, top: float) -> tuple[float, ...]:
    """The weights of `auto`, rising up to `top` (0.0-1.0), in whole percents; without history careful ones."""
    raise NotImplementedError
