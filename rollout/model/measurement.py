"""What did a metrics server answer for one objective?"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from rollout.model.names import BackendName
from rollout.model.points import Points
from rollout.model.rollout import Objective


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """The stretch of time that is judged, both ends aware."""

    start: datetime
    end: datetime


class Arm(StrEnum):
    """Which side of a comparison is measured: the canary, stable beside it, or stable before the first request."""

    CANARY = "canary"
    STABLE = "stable"
    HISTORY = "history"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One objective to be measured for one revision over one window.

    every: the distance of the looks of a query; only the newest where its objective has one look.
    pods: names of the pods behind the backend, for metrics that are labelled by pod alone.
    workload: name of the revision's workload, "" when the spec names none.
    bounds: of a latency histogram, in ms, those that are needed beside the threshold; None for all there are.
    """

    namespace: str
    rollout: str
    objective: Objective
    revision: str
    backend: BackendName
    workload: str
    pods: frozenset[str]
    window: Window
    arm: Arm = Arm.CANARY
    every: timedelta = timedelta(seconds=15)
    bounds: tuple[float, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Counter:
    """One raw counter with its scrapes, oldest first; it may reset to a lower value.

    labels: what tells it from others (pod, instance, ...), sorted by name. Points reach back before the window's
    start where the server has older ones, so that a series born inside the window can be told from one that is not.
    """

    labels: tuple[tuple[str, str], ...]
    points: Points


@dataclass(frozen=True, slots=True, kw_only=True)
class Slower:
    """Raw counters of the requests that took longer than `bound`, a bound of the mesh's latency histogram."""

    bound: timedelta
    counters: tuple[Counter, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Counters:
    """Raw counters of all requests and of the bad ones; `query` is what was asked, for people.

    slower: for a slow-ratio judged sequentially every bound of the histogram that was asked for, rising; else ().
    """

    query: str
    total: tuple[Counter, ...]
    bad: tuple[Counter, ...]
    slower: tuple[Slower, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Value:
    """The one number that a free query gave now. earlier: what it gave at the looks before, oldest first; NaN is left out."""

    query: str
    value: float
    earlier: tuple[float, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class NoData:
    """The server answered, and there was nothing."""

    query: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NotANumber:
    """The server answered NaN or an infinity."""

    query: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Partial:
    """The server answered with a warning that data is missing, or with more than one series; `warning` says which."""

    query: str
    warning: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """The query failed: time-out, refused connection, bad query; `error` says why."""

    query: str
    error: str


Answer = Counters | Value | NoData | NotANumber | Partial | Failed


@dataclass(frozen=True, slots=True, kw_only=True)
class Measurement:
    """An answer, and when and for which question it was got."""

    question: Question
    answer: Answer
    at: datetime
