"""Which few namespaces, once enrolled, let the most others become STRICT?

To enrol the fewest for everything is no choice: all that are missing. What is chosen is their order. Each time the
namespace comes that lets the most others go at once; where none does, one of those that the nearest other waits for. So
the first others go after as few as possible. To be best at every length is NP-hard (minimum k-union).
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from heapq import heapify, heappop, heappush

from rollout.migration.fleet import MAYBE_STRICT, Fleet, outside_callers, unenrolled_callers
from rollout.model.migration import Stage


@dataclass(frozen=True, slots=True, kw_only=True)
class Unblock:
    """A namespace to enrol. unlocks: those whose last missing caller it is, () while each of its callees waits for more."""

    namespace: str
    unlocks: tuple[str, ...]


def unblock_set(fleet: Fleet) -> tuple[Unblock, ...]:
    """The namespaces to enrol, those that unlock the most first; ties by name.

    Namespaces that are called from outside without an exception are left out: no enrolment unlocks them.
    """
    waiting = {name: missing for name in fleet.spec.namespaces if (missing := _missing(fleet, name))}
    callees: dict[str, list[str]] = {}
    for name, missing in waiting.items():
        for caller in missing:
            callees.setdefault(caller, []).append(name)
    return tuple(_chosen(waiting, callees))


def _missing(fleet: Fleet, name: str) -> set[str]:
    """The callers that are missing; none where the namespace may be STRICT already or no enrolment would do."""
    stage = fleet.stage_of(name)
    if stage in MAYBE_STRICT or stage is Stage.EXCEPTED or outside_callers(fleet, name):
        return set()
    return set(unenrolled_callers(fleet, name)) - {name}  # itself it enrols anyway, before it becomes STRICT


def _chosen(waiting: Mapping[str, set[str]], callees: Mapping[str, list[str]]) -> Iterator[Unblock]:
    """Greedy, with two heaps whose stale entries are skipped: near-linear in the calls. Empties the sets of `waiting`."""
    alone = dict.fromkeys(callees, 0)  # by caller: how many wait for it alone
    for missing in waiting.values():
        if len(missing) == 1:
            alone[next(iter(missing))] += 1
    callers = [(-count, -len(callees[name]), name) for name, count in alone.items()]
    nearest = [(len(missing), name) for name, missing in waiting.items()]
    heapify(callers)
    heapify(nearest)
    left = set(callees)
    while left:
        picked = _best(callers, alone, left) or _of_the_nearest(nearest, waiting, callees)
        left.discard(picked)
        yield Unblock(namespace=picked, unlocks=tuple(name for name in callees[picked] if waiting[name] == {picked}))
        for name in callees[picked]:
            waiting[name].discard(picked)
            heappush(nearest, (len(waiting[name]), name))
            if len(waiting[name]) == 1:
                last = next(iter(waiting[name]))
                alone[last] += 1
                heappush(callers, (-alone[last], -len(callees[last]), last))


def _best(callers: list[tuple[int, int, str]], alone: Mapping[str, int], left: set[str]) -> str | None:
    """The caller that the most wait for alone; None when nobody waits for one alone."""
    while callers:
        count, _, name = callers[0]
        if name in left and -count == alone[name]:
            return name if alone[name] else None
        heappop(callers)
    return None


def _of_the_nearest(
    nearest: list[tuple[int, str]], waiting: Mapping[str, set[str]], callees: Mapping[str, list[str]]
) -> str:
    """Of the namespace that waits for the fewest: the caller that the most wait for."""
    while nearest[0][0] == 0 or nearest[0][0] != len(waiting[nearest[0][1]]):
        heappop(nearest)
    return min(waiting[nearest[0][1]], key=lambda caller: (-len(callees[caller]), caller))
