"""How did weights and objectives of a run develop, as far as this replica has seen?

A memory and no record: it begins with the process, and is bounded in points of a line by thinning, in runs of a Rollout to
the one in hand and the last one that ended, and in Rollouts by forgetting whichever was silent for the longest.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from fractions import Fraction
from itertools import pairwise
from math import isfinite
from typing import TypeVar

from policies.verdict import Verdict, worst
from rollout.model.names import Key
from rollout.model.rollout import ErrorRatio, Mode, Query, RolloutSpec, SlowRatio
from rollout.model.status import ObjectiveVerdict, Run
from rollout.ports.rollouts import Stored

MOST_POINTS = 120  # of a line: more than a chart on a telephone has columns for
MOST_ROLLOUTS = 250  # with four objectives each and lines that are full, some 80 MB
MOST_LINES = 20  # of a run; a spec has fewer objectives, its versions together may not
Share = tuple[Fraction, Fraction]  # the lowest and the highest percent that the canary has on any route
T = TypeVar("T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Weighed:
    """From `at` on: the weight that is wanted, and which shares the routes said. until: when that was last seen so."""

    at: datetime
    until: datetime
    step: int
    wanted: int
    lowest: float
    highest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Judged:
    """One verdict. number: the value, in percent for a ratio; None where there was none."""

    at: datetime
    verdict: Verdict
    value: str
    number: float | None
    samples: int | None
    evidence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """What one objective said. above and below: its limits as its numbers are, None where that side is open.

    unit: "%" for a ratio, "" for a query's value.
    """

    name: str
    mode: Mode
    limit: str
    unit: str
    above: float | None
    below: float | None
    points: tuple[Judged, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Trace:
    """A run as it was seen. since: when the first look was. ended: None while it is in hand; outcome: "" there."""

    run: int
    revision: str
    stable: str
    started: datetime
    since: datetime
    weights: tuple[Weighed, ...] = ()
    lines: tuple[Line, ...] = ()
    ended: datetime | None = None
    outcome: str = ""


@dataclass(slots=True, kw_only=True)
class Traces:
    """The memory. since: when it began. _known: the newest runs of each Rollout, the newest last."""

    since: datetime
    most_rollouts: int = MOST_ROLLOUTS
    _known: OrderedDict[Key, tuple[Trace, ...]] = field(default_factory=OrderedDict)

    def of(self, key: Key) -> tuple[Trace, ...]:
        """The run in hand, and the last one that ended, the newest first; those that were not seen are not there."""
        return self._known.get(key, ())[::-1]

    def follows(self, key: Key) -> bool:
        """Whether a run of this Rollout is in hand, as far as was seen."""
        known = self._known.get(key, ())
        return bool(known) and known[-1].ended is None

    def saw(self, stored: Stored, share: Share, now: datetime) -> None:
        """Remember how a Rollout stands now, and which share the routes give its canary."""
        key, status = stored.key, stored.status
        known = self._known.get(key, ())
        if known and known[-1].ended is None and (status.run is None or known[-1].run != status.runs):
            known = (*known[:-1], _ended(known[-1], stored, now))[-1:]
        if status.run is not None:
            if not known or known[-1].run != status.runs or known[-1].ended is not None:
                known = (*known, _begun(stored, status.run, now))[-2:]
            known = (*known[:-1], _grown(known[-1], stored, status.run, share, now))
        if not known:
            return
        self._known[key] = known
        self._known.move_to_end(key)
        while len(self._known) > self.most_rollouts:
            self._known.popitem(last=False)

    def forget(self, key: Key) -> None:
        """Drop a Rollout that is gone."""
        self._known.pop(key, None)


def _begun(stored: Stored, run: Run, now: datetime) -> Trace:
    stable = stored.status.stable
    return Trace(
        run=stored.status.runs,
        revision=run.canary.name,
        stable=stable.name if stable else "",
        started=run.started,
        since=now,
    )


def _ended(trace: Trace, stored: Stored, now: datetime) -> Trace:
    past = next((one for one in stored.status.history if one.run == trace.run), None)
    if past is None:
        return replace(trace, ended=now)
    return replace(trace, ended=past.ended, outcome=past.outcome.value)


def _grown(trace: Trace, stored: Stored, run: Run, share: Share, now: datetime) -> Trace:
    weights = _weighed(trace.weights, run, share, now)
    return replace(trace, weights=weights, lines=_lines(trace.lines, stored.status.verdicts, stored.spec))


def _weighed(known: tuple[Weighed, ...], run: Run, share: Share, now: datetime) -> tuple[Weighed, ...]:
    lowest, highest = (float(side) for side in share)
    new = Weighed(at=now, until=now, step=run.step, wanted=run.weight, lowest=lowest, highest=highest)
    if known and replace(known[-1], at=now, until=now) == new:
        return (*known[:-1], replace(known[-1], until=now))
    return _thinned((*known, new))


def _lines(known: tuple[Line, ...], verdicts: Iterable[ObjectiveVerdict], spec: RolloutSpec | None) -> tuple[Line, ...]:
    lines = {line.name: line for line in known}
    for verdict in verdicts:
        before = lines.pop(verdict.name, None)
        points = before.points if before else ()
        if not points or points[-1].at != verdict.at:
            points = _spread((*points, _judged(verdict)))
        lines[verdict.name] = replace(_line(verdict, spec), points=points)
    return tuple(lines.values())[-MOST_LINES:]


def _line(verdict: ObjectiveVerdict, spec: RolloutSpec | None) -> Line:
    above, below = _limits(verdict.name, spec)
    unit = "%" if verdict.value.endswith("%") or verdict.limit.startswith("at most") else ""
    return Line(name=verdict.name, mode=verdict.mode, limit=verdict.limit, unit=unit, above=above, below=below)


def _limits(name: str, spec: RolloutSpec | None) -> tuple[float | None, float | None]:
    """Between which numbers the objective wants to be, as percent for a ratio."""
    found = next((one for one in spec.objectives if one.name == name), None) if spec is not None else None
    match found:
        case ErrorRatio(max_ratio=most) | SlowRatio(max_ratio=most):
            return None, most * 100
        case Query(above=above, below=below):
            return above, below
        case None:
            return None, None


def _judged(verdict: ObjectiveVerdict) -> Judged:
    return Judged(
        at=verdict.at,
        verdict=verdict.verdict,
        value=verdict.value,
        number=_number(verdict.value),
        samples=verdict.samples,
        evidence=verdict.evidence,
    )


def _number(value: str) -> float | None:
    try:
        number = float(value.removesuffix("%"))
    except ValueError:
        return None
    return number if isfinite(number) else None


def _spread(points: tuple[Judged, ...]) -> tuple[Judged, ...]:
    """Not more than MOST_POINTS: of two neighbours the worse one stays, so that no FAIL is thinned away."""
    if len(points) <= MOST_POINTS:
        return points
    first, rest, last = points[0], points[1:-1], points[-1]
    pairs = (rest[place : place + 2] for place in range(0, len(rest), 2))
    return (first, *(_worse(pair) for pair in pairs), last)


def _worse(pair: tuple[Judged, ...]) -> Judged:
    bad = worst(one.verdict for one in pair)
    return next(one for one in reversed(pair) if one.verdict is bad)


def _thinned(points: tuple[Weighed, ...]) -> tuple[Weighed, ...]:
    """Not more than MOST_POINTS: every second one goes that wants the same weight as its neighbour."""
    if len(points) <= MOST_POINTS:
        return points
    kept = [points[0]]
    for place, (before, one) in enumerate(pairwise(points), start=1):
        if one.wanted != before.wanted or place % 2 == 0 or one is points[-1]:
            kept.append(one)
    return tuple(kept[-MOST_POINTS:])
