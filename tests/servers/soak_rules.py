"""What may never happen to a Rollout, whatever was committed, commanded and broken? Each function is one such rule.

A rule answers with what breaks it, "" for nothing.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.servers.soak_facts import Fact, Key, Saved
from tests.servers.soak_traffic import RUNNING, Traffic

SEEN_IN = timedelta(seconds=3)  # a freeze is in every replica's cache long before it begins
BAD_FOR = timedelta(seconds=20)  # two scrapes and three looks after it turned bad nobody goes further


@dataclass(slots=True, kw_only=True)
class Truth:
    """What the soak itself did, which no status is asked about.

    approved, promoted: uid, run and step of each such command that was sent. promoted_full, resumed: uid and run, of
    the latter how often. frozen: by namespace, from when to when. bad: from when to when a revision of a Rollout failed half of its requests. edited: the
    revisions of routes that were stored as a person had edited them.
    """

    approved: set[tuple[str, int, int]] = field(default_factory=set)
    promoted: set[tuple[str, int, int]] = field(default_factory=set)
    promoted_full: set[tuple[str, int]] = field(default_factory=set)
    resumed: Counter[tuple[str, int]] = field(default_factory=Counter)
    frozen: dict[str, tuple[datetime, datetime]] = field(default_factory=dict)
    bad: dict[tuple[Key, str], list[tuple[datetime, datetime | None]]] = field(default_factory=dict)
    edited: set[int] = field(default_factory=set)

    def is_frozen(self, key: Key, at: datetime) -> bool:
        """Whether nothing of this namespace may be raised at that moment."""
        since, until = self.frozen.get(key[0], (at, at))
        return since + SEEN_IN < at < until

    def is_bad(self, key: Key, revision: str, at: datetime) -> bool:
        """Whether that revision has been bad for so long that everybody must have seen it."""
        spans = self.bad.get((key, revision), ())
        return any(since + BAD_FOR < at and (until is None or at < until) for since, until in spans)


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """Two statuses of one Rollout, one saved upon the other, in one run. went_on: how often it has left Paused to go on."""

    old: Saved
    new: Saved
    truth: Truth
    went_on: int

    @property
    def is_raised(self) -> bool:
        """Whether the canary is to have more than before."""
        return self.new.weight > self.old.weight


def a_run_that_goes_back_is_never_raised(change: Change) -> str:
    """After a bad verdict, an abort or a revert the weight of this run only falls."""
    went = change.old.phase in ("RollingBack", "Failed")
    return f"raised to {change.new.weight} in {change.old.phase}" if went and change.is_raised else ""


def nothing_is_raised_while_paused(change: Change) -> str:
    """Who is paused keeps its weight until a person says `resume`."""
    old, new = change.old, change.new
    if old.phase != "Paused" or new.phase not in ("Paused", *RUNNING):
        return ""
    if new.phase == "Paused":
        return f"raised to {new.weight} while Paused" if change.is_raised else ""
    return "" if change.went_on <= change.truth.resumed[new.uid, new.run] else "went on, and nobody resumed it"


def no_step_is_skipped(change: Change) -> str:
    """One step after the other, but where a person said `promote-full`, or the run is straight."""
    old, new = change.old, change.new
    leaps = (new.uid, new.run) in change.truth.promoted_full or new.straight or new.step == 0
    return f"from step {old.step} to {new.step}" if new.step > old.step + 1 and not leaps else ""


def no_gate_is_jumped(change: Change) -> str:
    """A step with a gate is left only once its approval was sent, for this run and step, and is in the status."""
    old, new = change.old, change.new
    for step in range(max(old.step, 1), min(new.step, len(old.plan) + 1)):
        gated = old.plan[step - 1][1]
        sent = (new.uid, new.run, step) in change.truth.approved
        if gated and not (step in new.approved and sent):
            return f"left step {step}, which nobody approved"
    return ""


def nothing_is_raised_in_a_freeze(change: Change) -> str:
    """A step that begins, begins outside of every freeze."""
    new = change.new
    if not change.is_raised or new.straight or new.began is None:
        return ""
    return f"raised to {new.weight} in a freeze" if change.truth.is_frozen(new.key, new.began) else ""


def nothing_is_raised_that_is_seen_to_be_bad(change: Change) -> str:
    """Half of the canary's requests fail: no step passes, but where a person said not to wait for the verdict."""
    old, new = change.old, change.new
    run = (new.uid, new.run)
    is_hurried = (*run, old.step) in change.truth.promoted or run in change.truth.promoted_full
    is_resumed = old.phase == "Paused"  # what a person lowered to nothing is measured no more until he resumes it
    if not change.is_raised or is_hurried or is_resumed or new.straight or new.began is None:
        return ""
    return f"raised to {new.weight} although bad" if change.truth.is_bad(new.key, new.canary, new.began) else ""


def no_weight_is_above_its_step(change: Change) -> str:
    """The saved weight is at most that of the step in the pinned plan."""
    new = change.new
    if new.phase not in (*RUNNING, "Paused") or new.straight or new.step > len(new.plan):
        return ""
    most = new.plan[new.step - 1][0] if new.step else 0
    return f"{new.weight} % in step {new.step}, which has {most} %" if new.weight > most else ""


CHANGES: tuple[Callable[[Change], str], ...] = (
    a_run_that_goes_back_is_never_raised,
    nothing_is_raised_while_paused,
    no_step_is_skipped,
    no_gate_is_jumped,
    nothing_is_raised_in_a_freeze,
    nothing_is_raised_that_is_seen_to_be_bad,
    no_weight_is_above_its_step,
)


def broken(facts: Iterable[Fact], truth: Truth) -> list[str]:
    """All that breaks a rule in these facts, which come in the order in which they were stored."""
    statuses: dict[Key, Saved] = {}
    went_on: Counter[tuple[str, int]] = Counter()
    traffic, found = Traffic(edited=truth.edited), list[str]()
    for fact in facts:
        wrong = [*traffic.wrong(fact)]
        if isinstance(fact, Saved):
            old = statuses.get(fact.key)
            went_on[fact.uid, fact.run] += old is not None and _went_on(old, fact)
            wrong += _of_statuses(old, fact, truth, went_on[fact.uid, fact.run])
            statuses[fact.key] = fact
        found += [f"{'/'.join(fact.key)} at {fact.revision}: {one}" for one in wrong if one]
    return found


def _went_on(old: Saved, new: Saved) -> bool:
    """Whether this run is no longer paused; that a new one began is another matter."""
    same_run = (old.uid, old.run) == (new.uid, new.run)
    return same_run and old.phase == "Paused" and new.phase in RUNNING


def _of_statuses(old: Saved | None, new: Saved, truth: Truth, went_on: int) -> Iterator[str]:
    if old is None or not new.uid or old.uid != new.uid:
        return
    if new.run < old.run:
        yield f"run {old.run} became {new.run}"
    if old.stable and not new.stable:
        yield "forgot what is stable"
    if old.phase and not new.phase:
        yield "lost its status"
    if old.run == new.run:
        yield from (rule(Change(old=old, new=new, truth=truth, went_on=went_on)) for rule in CHANGES)
