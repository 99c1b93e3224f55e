"""What may never happen to a Rollout, whatever was committed, commanded and broken? Each function is one such rule.

A rule answers with what breaks it, "" for nothing.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from tests.servers.soak_facts import Fact, Key, Routed, Saved

FULL = 100
RUNNING = ("Progressing", "Promoting")
SEEN_IN = timedelta(seconds=3)  # a freeze is in every replica's cache long before it begins
BAD_FOR = timedelta(seconds=20)  # two scrapes and three looks after it turned bad nobody goes further


@dataclass(slots=True, kw_only=True)
class Truth:
    """What the soak itself did, which no status is asked about.

    approved, promoted: run and step of each such command that was sent. promoted_full, resumed: runs of such commands.
    frozen: by namespace, from when to when. bad: from when to when a revision of a Rollout failed half of its requests.
    """

    approved: set[tuple[Key, int, int]] = field(default_factory=set)
    promoted: set[tuple[Key, int, int]] = field(default_factory=set)
    promoted_full: set[tuple[Key, int]] = field(default_factory=set)
    resumed: set[tuple[Key, int]] = field(default_factory=set)
    frozen: dict[str, tuple[datetime, datetime]] = field(default_factory=dict)
    bad: dict[tuple[Key, str], list[tuple[datetime, datetime | None]]] = field(default_factory=dict)

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
    """Two statuses of one Rollout, one saved upon the other, in one run."""

    old: Saved
    new: Saved
    truth: Truth

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
    return "" if (new.key, new.run) in change.truth.resumed else "went on, and nobody resumed it"


def no_step_is_skipped(change: Change) -> str:
    """One step after the other, but where a person said `promote-full`, or the run is straight."""
    old, new = change.old, change.new
    leaps = (new.key, new.run) in change.truth.promoted_full or new.straight or new.step == 0
    return f"from step {old.step} to {new.step}" if new.step > old.step + 1 and not leaps else ""


def no_gate_is_jumped(change: Change) -> str:
    """A step with a gate is left only once its approval was sent, for this run and step, and is in the status."""
    old, new = change.old, change.new
    for step in range(max(old.step, 1), min(new.step, len(old.plan) + 1)):
        gated = old.plan[step - 1][1]
        sent = (new.key, new.run, step) in change.truth.approved
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
    run = (new.key, new.run)
    is_hurried = (*run, old.step) in change.truth.promoted or run in change.truth.promoted_full
    if not change.is_raised or is_hurried or new.straight or new.began is None:
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
    routes: dict[Key, Routed] = {}
    found: list[str] = []
    for fact in facts:
        if isinstance(fact, Saved):
            wrong = _of_statuses(statuses.get(fact.key), fact, truth)
            statuses[fact.key] = fact
        else:
            wrong = _of_routes(statuses.get(fact.key), routes.get(fact.key), fact)
            routes[fact.key] = fact
        found += [f"{'/'.join(fact.key)} at {fact.revision}: {one}" for one in wrong if one]
    return found


def _of_statuses(old: Saved | None, new: Saved, truth: Truth) -> Iterator[str]:
    if old is None or not new.uid or old.uid != new.uid:
        return
    if new.run < old.run:
        yield f"run {old.run} became {new.run}"
    if old.stable and not new.stable:
        yield "forgot what is stable"
    if old.phase and not new.phase:
        yield "lost its status"
    if old.run == new.run:
        yield from (rule(Change(old=old, new=new, truth=truth)) for rule in CHANGES)


def _of_routes(status: Saved | None, old: Routed | None, new: Routed) -> Iterator[str]:
    for number, pool in enumerate(new.pools):
        if sum(pool.values()) != FULL:
            yield f"weights {dict(pool)} are not 100 % together"
        before = old.pools[number] if old is not None and number < len(old.pools) else {}
        risen = [name for name, share in pool.items() if share > before.get(name, 0)]
        if status is None or not status.stable or old is None:
            continue
        for name in risen:
            if name == status.stable:
                continue
            allowed = status.weight if status.phase in RUNNING and name == status.canary else 0
            if pool[name] > allowed:
                yield f"{name} got {pool[name]} %, and {allowed} % was saved ({status.phase}, step {status.step})"


def lagging(status: Saved, route: Routed | None) -> str:
    """What of a canary's traffic is still to be taken away, "" when all of it is where the status says."""
    if route is None or not status.stable:
        return ""
    for pool in route.pools:
        for name, share in pool.items():
            most = status.weight if name == status.canary and status.phase != "Idle" else 0
            if name != status.stable and share > most:
                return f"{name} has {share} %, {most} % is wanted ({status.phase})"
    return ""
