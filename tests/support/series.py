"""What would a metrics server know of both arms if each weight sent the canary its share of so many requests a second?

Counts are what is to be expected, without chance: whole numbers of requests, spread evenly over an arm's pods, whose counters are
scraped every 15 s, each arm at instants of its own. The weight at any time is what the world's routes were last told.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from adapters.memory.metrics import Scrape, told_pods
from rollout.model.actions import SetSplit
from rollout.model.measurement import Answer, Arm, Question
from tests.support.world import World

SECOND = timedelta(seconds=1)
SCRAPES = timedelta(seconds=15)
BEFORE = timedelta(minutes=70)  # history and what is before its window
BOUNDS_MS = (100, 250, 500, 1000)


@dataclass(slots=True)
class Pods:
    """The pods of one arm. counted: of each pod so far; scraped at `offset` in each interval."""

    names: tuple[str, ...]
    offset: timedelta
    counted: list[float] = field(default_factory=lambda: [0.0] * (2 + len(BOUNDS_MS)))
    scrapes: dict[str, list[Scrape]] = field(default_factory=dict)

    def serve(self, requests: float, parts: Sequence[float]) -> None:
        """Each pod gets its share of the requests; parts: of them that fail, and that exceed each bound."""
        each = requests / len(self.names)
        for place, part in enumerate((1.0, *parts)):
            self.counted[place] += each * part

    def scrape(self, at: datetime) -> None:
        """The counters as they stand, in whole requests; pods reach the next whole one at times of their own."""
        for number, name in enumerate(self.names):
            total, bad, *slower = (int(counted + number / len(self.names)) for counted in self.counted)
            self.scrapes.setdefault(name, []).append(Scrape(at=at, total=total, bad=bad, slower=tuple(slower)))


@dataclass(frozen=True, slots=True)
class Habits:
    """What happens from some time on. rps: requests of both arms a second; the rest are parts of an arm's requests."""

    rps: float
    stable_errors: float
    canary_errors: float
    stable_slow: tuple[float, ...]
    canary_slow: tuple[float, ...]


class Traffic:
    """Answers the ratios `errors` and `slow` of a world's metrics; `change` says what is otherwise from now on.

    poison: part of all requests that fail while the canary has weight. lost: what is sent to the canary never arrives.
    """

    def __init__(
        self, world: World, *, rps: float = 50.0, errors: float = 0.002, pods: int = 4, history: bool = True
    ) -> None:
        """errors: part of requests that fail in both arms. history: whether stable was there before the run."""
        slow = (0.3, 0.1, 0.02, 0.004)
        self.poison = 0.0
        self.lost = False
        self.world = world
        self.habits = Habits(rps, errors, errors, slow, slow)
        self.at = world.clock.now() - (BEFORE if history else timedelta(0))
        self.arms = {
            Arm.STABLE: Pods(names=tuple(f"v1-{number}" for number in range(pods)), offset=timedelta(seconds=4)),
            Arm.CANARY: Pods(names=("v2-0", "v2-1"), offset=timedelta(seconds=9)),
        }
        for name in ("errors", "slow"):
            world.metrics.tell(name, self.answer)

    def change(self, *, rps: float | None = None, stable: float | None = None, canary: float | None = None) -> None:
        """From now on so many requests a second, or such parts of an arm's requests fail."""
        self.live(self.world.clock.now())
        old = self.habits
        self.habits = Habits(
            old.rps if rps is None else rps,
            old.stable_errors if stable is None else stable,
            old.canary_errors if canary is None else canary,
            old.stable_slow,
            old.canary_slow,
        )

    def slow_down(self, factor: float) -> None:
        """From now on so many times as many of the canary's requests exceed each bound."""
        self.live(self.world.clock.now())
        slow = tuple(min(1.0, part * factor) for part in self.habits.stable_slow)
        self.habits = Habits(*self._errors(), self.habits.stable_slow, slow)

    def _errors(self) -> tuple[float, float, float]:
        return self.habits.rps, self.habits.stable_errors, self.habits.canary_errors

    def live(self, until: datetime) -> None:
        """Let requests come until then."""
        while self.at < until:
            self.at += SECOND
            weight, now = self._weight(), self.habits
            stable, canary = self.arms[Arm.STABLE], self.arms[Arm.CANARY]
            more = self.poison if weight else 0.0
            stable.serve(now.rps * (1.0 - weight), (now.stable_errors + more, *now.stable_slow))
            if not self.lost:
                canary.serve(now.rps * weight, (now.canary_errors + more, *now.canary_slow))
            for arm in (stable, canary):
                if (self.at - arm.offset).timestamp() % SCRAPES.total_seconds() == 0:
                    arm.scrape(self.at)

    def _weight(self) -> float:
        """The canary's share at this time."""
        for at, action in reversed(self.world.done):
            if isinstance(action, SetSplit) and at < self.at:
                return action.split.weight / 100 if action.split.canary is not None else 0.0
        return 0.0

    def answer(self, question: Question) -> Answer:
        """What was scraped in the window."""
        self.live(question.window.end)
        arm = self.arms[Arm.CANARY if question.arm is Arm.CANARY else Arm.STABLE]
        if question.objective.name == "errors":
            return told_pods(question, arm.scrapes, ())
        slow = {name: [one._replace(bad=one.slower[2]) for one in scrapes] for name, scrapes in arm.scrapes.items()}
        return told_pods(question, slow, [timedelta(milliseconds=ms) for ms in BOUNDS_MS])
