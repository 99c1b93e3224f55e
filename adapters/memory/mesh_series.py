"""What did a mesh's proxies show within a question's window: which series, and by how much did each grow?"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import pairwise

from rollout.model.telemetry import MeshQuestion

NAME = "__name__"
BEFORE = timedelta(minutes=30)
RECENT = timedelta(minutes=5)
GRPC_FAILURES = {"2", "4", "13", "14", "15"}
NOT_CONNECTED = {"UF", "UC", "URX", "NR"}

Labels = Mapping[str, str]
Where = Callable[[Labels], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Scraped:
    """One series: its labels, metric name included, and (time, value) points, oldest first."""

    labels: Labels
    points: Sequence[tuple[datetime, float]]

    def between(self, start: datetime, end: datetime) -> tuple[float, ...]:
        """The values from start to end, both included."""
        first, after = bisect_left(self.points, start, key=_when), bisect_right(self.points, end, key=_when)
        return tuple(value for _, value in self.points[first:after])

    def newest(self, now: datetime) -> tuple[datetime, float] | None:
        """The last point up to now; None when there is none."""
        count = bisect_right(self.points, now, key=_when)
        return self.points[count - 1] if count else None


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a question sees. last: the newest scrape up to `now`; a series that it did not show has ended."""

    question: MeshQuestion
    now: datetime
    scraped: tuple[Scraped, ...]
    last: datetime | None

    def series(self, names: Iterable[str], where: Where) -> Iterator[Scraped]:
        """Those of these metrics, with such labels."""
        wanted = set(names)
        return (one for one in self.scraped if one.labels.get(NAME) in wanted and where(one.labels))

    def present(self, name: str, where: Where) -> Iterator[tuple[Labels, float]]:
        """Those that the last scrape showed, and their values."""
        for one in self.series([name], where):
            newest = one.newest(self.now)
            if newest and newest[0] == self.last and self.now - newest[0] < RECENT:
                yield one.labels, newest[1]

    def here(self, labels: Labels) -> bool:
        """Whether the pod that was scraped is in the namespace."""
        return labels.get("namespace") == self.question.namespace

    def arrived(self, labels: Labels) -> bool:
        """Whether it is told by a pod of the namespace as the destination."""
        at = labels.get("reporter"), labels.get("destination_workload_namespace")
        return at == ("destination", self.question.namespace)

    def plaintext(self, labels: Labels) -> bool:
        """Whether that came without mTLS; nothing said is without."""
        return self.arrived(labels) and labels.get("connection_security_policy") != "mutual_tls"

    def mutual(self, labels: Labels) -> bool:
        """Whether that came with mTLS."""
        return self.arrived(labels) and labels.get("connection_security_policy") == "mutual_tls"

    def sent(self, labels: Labels) -> bool:
        """Whether a caller with a proxy tells it of the namespace."""
        to = labels.get("reporter"), labels.get("destination_service_namespace")
        return to == ("source", self.question.namespace)

    def failed(self, labels: Labels) -> bool:
        """Whether a caller tells it of a request that failed."""
        is_failure = (
            labels.get("response_code", "").startswith("5") or labels.get("grpc_response_status") in GRPC_FAILURES
        )
        return self.sent(labels) and is_failure

    def broken(self, labels: Labels) -> bool:
        """Whether a caller tells it of a connection that never came to be, or that was ended before its time."""
        return self.sent(labels) and bool(NOT_CONNECTED & set(labels.get("response_flags", "").split(",")))

    def past_services(self, labels: Labels) -> bool:
        """Whether a caller with a proxy tells it, of whatever namespace, and it went to an address that is no Service."""
        at = labels.get("reporter"), labels.get("destination_service_name")
        return at == ("source", "PassthroughCluster")

    def inbound(self, labels: Labels) -> bool:
        """Whether it is a listener of inbound connections."""
        return self.here(labels) and re.fullmatch(".*_15006", labels.get("listener_address", "")) is not None

    def within(self, one: Scraped) -> tuple[float, ...]:
        """Its values in the window."""
        return one.between(self.now - self.question.window, self.now)

    def before(self, one: Scraped) -> float | None:
        """Its last value before the window, None when it had none for long."""
        start = self.now - self.question.window
        return next(reversed(one.between(start - BEFORE, start)), None)


def increase(values: Sequence[float]) -> float | None:
    """What a counter rose by, restarts included; None for fewer than two values, of which nothing is known."""
    if len(values) < 2:
        return None
    return sum(newer - older if newer >= older else newer for older, newer in pairwise(values))


def grew(view: View, one: Scraped) -> float | None:
    """Form R: by how much it grew within the window or was born with; None when it did neither."""
    values = view.within(one)
    if rise := increase(values):
        return rise
    highest = max(values, default=0.0)
    return highest if highest > 0 and view.before(one) != highest else None


def growth(view: View, one: Scraped) -> float | None:
    """What it counted within the window, 0 included; None when it was not there, or nothing is known."""
    values, before = view.within(one), view.before(one)
    if not values:
        return None
    return max(values) if before is None or before > max(values) else increase(values)


def seen(view: View, one: Scraped) -> float | None:
    """Its highest value within the window; None when it was not there."""
    return max(view.within(one), default=None)


def _when(point: tuple[datetime, float]) -> datetime:
    return point[0]
