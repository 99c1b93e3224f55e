"""How does each caller of a namespace fare, by the last answers, and how did it before the change?"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta

from policies.slo import FEWEST_BAD
from rollout.migration.view import View
from rollout.model.migration_marks import EdgeBaseline
from rollout.model.telemetry import FAILED, OUTCOME, Asked, Series

MOST_EDGES = 50
# Of fewer requests the slowest hundredth is one or two: bad luck would decide.
FEWEST_FOR_P99 = 100 * FEWEST_BAD

Place = tuple[str, str]  # who calls, and the workload that is called


@dataclass(frozen=True, slots=True, kw_only=True)
class Counted:
    """How many there were within a window, and how many of them failed."""

    total: float = 0.0
    failed: float = 0.0

    @property
    def failing(self) -> float:
        """The part that failed, 0.0-1.0; 0.0 where there were none."""
        return min(self.failed / self.total, 1.0) if self.total > 0 else 0.0


def counted(view: View, asked: Asked) -> Mapping[Place, Counted]:
    """The counts of each edge, sorted."""
    sums: dict[Place, dict[bool, float]] = defaultdict(lambda: {True: 0.0, False: 0.0})
    for row in view.rows(asked) or ():
        sums[_place(row)][row.label(OUTCOME) == FAILED] += row.value
    return {place: Counted(total=found[False], failed=found[True]) for place, found in sorted(sums.items())}


def latencies(view: View) -> Mapping[Place, timedelta]:
    """The p99 of each edge that had enough requests to tell."""
    requests = counted(view, Asked.REQUESTS)
    return {
        place: timedelta(milliseconds=row.value)
        for row in view.rows(Asked.LATENCY) or ()
        for place in (_place(row),)
        if place in requests and requests[place].total >= FEWEST_FOR_P99
    }


def before(view: View) -> Mapping[Place, EdgeBaseline]:
    """How each caller fared before the change."""
    return {(one.caller, one.workload): one for one in view.status.baseline}


def is_told_of_all(view: View) -> bool:
    """Whether the baseline has every edge that was ill before the change, so that one without an entry was well."""
    return len(view.status.baseline) < MOST_EDGES


def measured(view: View) -> tuple[EdgeBaseline, ...]:
    """How each caller of the namespace fares now. Of those without requests only who lost connections is worth a memory."""
    return tuple(_measured(view))[:MOST_EDGES]


def completed(view: View) -> tuple[EdgeBaseline, ...]:
    """The baseline, with what ails since it was taken, and with callers that came into the mesh since."""
    known = before(view)
    now = {(one.caller, one.workload): one for one in measured(view)}
    old = (
        EdgeBaseline(
            caller=one.caller,
            workload=one.workload,
            success=one.success,
            p99=one.p99,
            lost=max(one.lost, now[place].lost) if place in now else one.lost,
            recent=now[place].recent if place in now else one.recent,
        )
        for place, one in known.items()
    )
    news = (one for place, one in now.items() if place not in known)
    return (*old, *news)[:MOST_EDGES]


def _measured(view: View) -> Iterator[EdgeBaseline]:
    requests, recent = counted(view, Asked.REQUESTS), counted(view, Asked.RECENT)
    connections, slow = counted(view, Asked.CONNECTIONS), latencies(view)
    lost = {place for place, found in connections.items() if found.failed > 0}
    for place in sorted(requests.keys() | lost):
        yield EdgeBaseline(
            caller=place[0],
            workload=place[1],
            success=1 - requests[place].failing if place in requests else None,
            p99=slow.get(place),
            lost=connections.get(place, Counted()).failing,
            recent=recent.get(place, Counted()).failing,
        )


def _place(row: Series) -> Place:
    namespace, workload = row.label("source_workload_namespace"), row.label("source_workload")
    caller = f"{namespace}/{workload}" if namespace else workload or row.label("source_principal")
    return caller, row.label("destination_workload")
