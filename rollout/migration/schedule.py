"""When is each namespace done at the earliest, if all of them keep to what the fleet allows?

The fleet's own rules are played through: the order of the waves, at most `concurrency` changing in a wave, no two
neighbours at once, STRICT behind the enrolment of the callers. What only a person can clear is taken as cleared at once.
"""

from collections import Counter
from collections.abc import Mapping
from datetime import timedelta
from heapq import heappop, heappush

from rollout.migration.fleet import Fleet, unenrolled_callers
from rollout.migration.spans import Spans
from rollout.migration.stages import MUTATING, index
from rollout.model.migration import Stage

START = timedelta(0)


def endings(fleet: Fleet, spans: Mapping[str, Spans]) -> dict[str, timedelta]:
    """The time from now until each namespace is done; none for one with nothing ahead."""
    played = _Play(fleet, spans)
    played.to_the_end()
    return played.ended


class _Play:
    """The fleet at one moment of the play."""

    def __init__(self, fleet: Fleet, spans: Mapping[str, Spans]) -> None:
        self.fleet = fleet
        self.spans = spans
        self.ended = dict.fromkeys(spans, START)
        self.running: list[tuple[timedelta, int, Stage]] = []  # until when, place in the spec's order, stage
        self.waiting: dict[int, Stage] = {}  # by place: the stage that each wants to enter
        self.names = fleet.spec.namespaces
        self.changing = {name for name, ahead in spans.items() if ahead and next(iter(ahead)) in MUTATING}
        self.of_wave = Counter(fleet.waves[name] for name in self.changing)
        self.behind = Counter(fleet.waves[name] for name, ahead in spans.items() if _is_behind(ahead))
        self.begun = 0  # the last wave that may begin: nobody is behind in those before it
        self.missing = {name: self._missing(name) for name in spans}
        for name, ahead in spans.items():
            if ahead:
                self._run(name, next(iter(ahead)), START)

    def _missing(self, name: str) -> set[str]:
        """The callers that are still to enrol; those that never will are a person's matter."""
        callers = unenrolled_callers(self.fleet, name)
        return {one for one in callers if one != name and Stage.ENROLLING in self.spans.get(one, {})}

    def to_the_end(self) -> None:
        """Until nobody runs."""
        while self.running:
            now = self.running[0][0]
            while self.running and self.running[0][0] == now:
                _, place, stage = heappop(self.running)
                self._finish(self.names[place], stage, now)
            for place in sorted(self.waiting):
                name, stage = self.names[place], self.waiting[place]
                if self._may(name, stage):
                    del self.waiting[place]
                    self._enter(name, stage, now)

    def _finish(self, name: str, stage: Stage, now: timedelta) -> None:
        """The namespace has been in the stage for its time: on to the next, or to the queue for it."""
        ahead = list(self.spans[name])
        following = ahead[ahead.index(stage) + 1 :]
        if stage in MUTATING and not (following and following[0] in MUTATING):
            self.changing.discard(name)
            self.of_wave[self.fleet.waves[name]] -= 1
        if stage is Stage.ENROLLING:
            for callee in self.fleet.calls.callees_of(name):
                self.missing.get(callee, set()).discard(name)
        if not following:
            self.ended[name] = now
        elif stage is Stage.PENDING or (following[0] in MUTATING and name not in self.changing):
            self.waiting[self.fleet.order[name]] = following[0]
        else:
            self._run(name, following[0], now)

    def _may(self, name: str, stage: Stage) -> bool:
        wave = self.fleet.waves[name]
        if stage not in MUTATING:
            while self.begun < wave and not self.behind[self.begun]:
                self.begun += 1
            return wave <= self.begun
        if self.of_wave[wave] >= self.fleet.spec.waves[wave].concurrency:
            return False
        if stage is Stage.STRICT_CANARY and self.missing[name]:
            return False
        return self.fleet.calls.neighbours_of(name).isdisjoint(self.changing)

    def _enter(self, name: str, stage: Stage, now: timedelta) -> None:
        if stage in MUTATING:
            self.changing.add(name)
            self.of_wave[self.fleet.waves[name]] += 1
        self._run(name, stage, now)

    def _run(self, name: str, stage: Stage, now: timedelta) -> None:
        if stage is Stage.OBSERVING and _is_behind(self.spans[name]):
            self.behind[self.fleet.waves[name]] -= 1
        heappush(self.running, (now + self.spans[name][stage], self.fleet.order[name], stage))


def _is_behind(ahead: Spans) -> bool:
    """Whether the namespace is still to come to Observing."""
    return bool(ahead) and index(next(iter(ahead))) < index(Stage.OBSERVING)
