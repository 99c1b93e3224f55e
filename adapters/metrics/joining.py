"""How do questions of many become few queries, without one of them waiting for, or suffering from, another?

Whoever asks alone is asked for at once. Who asks while others are about to is asked for with them, as `pages` has it; what
comes while all connections are taken waits for the next. A page that is too large, or refused, is halved until it is not.
"""

import asyncio
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from adapters.metrics.access import PrometheusAccess
from adapters.metrics.line import QueryError, RefusedError, TooMuchError
from adapters.metrics.lines import Lines
from adapters.metrics.pages import Range, Row, joined, pages, parted
from adapters.metrics.selectors import Shape

TURNS = (
    12  # of the event loop without a new question, after which nobody else is about to ask; a tick takes five to ask
)
LONGEST_WAIT_S = 1.5  # for others who go on coming: hundreds that are due together begin their ticks meanwhile
GRACE_S = 0.02  # for the connection to say itself that the deadline is over
FILLED = 0.6  # of the largest answer that is read is what a page should be
POINT_BYTES, SERIES_BYTES = 24, 300  # of an answer's text, about
FIRST_RATE = 40.0  # bytes for each second of a question of which nothing is known yet: a point of eight series each 5 s
REMEMBERED = 0.8  # of the former rate, where pages became smaller

Kind = tuple[Shape, int]


@dataclass(slots=True)
class _Asked:
    """One question that waits. page: who was asked for with it, and by which task."""

    range: Range
    deadline: float
    answer: "asyncio.Future[Mapping[str, Any]]"
    page: "tuple[_Asked, ...]" = ()
    task: "asyncio.Task[None] | None" = None


@dataclass(slots=True)
class Joint:
    """Puts together what is asked for at the same time."""

    access: PrometheusAccess
    lines: Lines
    _waiting: list[_Asked] = field(default_factory=list)
    _sending: "asyncio.Task[None] | None" = None
    _running: "set[asyncio.Task[None]]" = field(default_factory=set)
    _rates: dict[Kind, float] = field(default_factory=dict)

    async def ask(self, wanted: Range, deadline: float) -> Mapping[str, Any]:
        """What the server answers to the range's query. deadline: on the monotonic clock. Raises QueryError."""
        loop = asyncio.get_running_loop()
        asked = _Asked(wanted, deadline, loop.create_future())
        timer = loop.call_later(max(0.0, deadline - time.monotonic()) + GRACE_S, self._late, asked)
        self._waiting.append(asked)
        self._send()
        try:
            return await asked.answer
        finally:
            timer.cancel()
            self._leave(asked)

    async def close(self) -> None:
        """Break off what runs; what waits fails."""
        tasks = [*self._running, *([self._sending] if self._sending is not None else [])]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._sending = None
        _fail(self._waiting, QueryError(f"{self.access.place}: closed"))

    def _send(self) -> None:
        """See to it that what waits is asked, once a connection is free."""
        if self._waiting and self._sending is None and len(self._running) < self.access.connections:
            self._sending = asyncio.create_task(self._collected())

    async def _collected(self) -> None:
        """Wait until nobody else is about to ask, then ask for all."""
        loop, quiet, known = asyncio.get_running_loop(), 0, 0
        latest = loop.time() + LONGEST_WAIT_S
        while quiet < TURNS and loop.time() < latest:
            quiet, known = (quiet + 1 if len(self._waiting) == known else 0), len(self._waiting)
            await asyncio.sleep(0)
        waiting, self._waiting, self._sending = self._waiting, [], None
        for page in self._pages([one for one in waiting if not one.answer.done()]):
            self._start(page)

    def _pages(self, waiting: Sequence[_Asked]) -> Iterator[tuple[_Asked, ...]]:
        """Groups of what is asked for at once; of equal ranges one stands for all."""
        kinds: dict[Kind, dict[Range, list[_Asked]]] = {}
        for asked in waiting:
            kinds.setdefault(asked.range.kind, {}).setdefault(asked.range, []).append(asked)
        for kind, equal in kinds.items():
            most_seconds = FILLED * self.access.most_bytes / self._rates.get(kind, FIRST_RATE)
            for page in pages(equal, most_seconds):
                yield tuple(asked for one in page for asked in equal[one])

    def _start(self, page: tuple[_Asked, ...]) -> None:
        task = asyncio.create_task(self._answered(page))
        for asked in page:
            asked.page, asked.task = page, task
        self._running.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._running.discard(task)
        self._send()

    async def _answered(self, page: tuple[_Asked, ...]) -> None:
        """Ask for a page, and give everyone their own; halved where it is too much or refused."""
        ranges = tuple(dict.fromkeys(one.range for one in page))
        whole, deadline = joined(ranges), max(one.deadline for one in page)
        try:
            answer = await self.lines.ask(whole.query, datetime.fromtimestamp(whole.end / 1000, UTC), deadline)
            rows, own = _parted(ranges, answer) if len(ranges) > 1 else ([], [])
        except (TooMuchError, RefusedError) as error:
            if isinstance(error, TooMuchError):
                self._learn(whole, len(ranges), self.access.most_bytes)
            if len(ranges) == 1:
                _fail(page, error)
                return
            first = set(ranges[: len(ranges) // 2])
            for half in ([one for one in page if (one.range in first) is is_first] for is_first in (True, False)):
                self._start(tuple(half))
        except QueryError as error:
            _fail(page, error)
        else:
            if len(ranges) == 1:
                _tell(page, {ranges[0]: answer})
                return
            self._learn(whole, len(ranges), sum(map(_size, rows)))
            _tell(page, {one: _with_rows(answer, part) for one, part in zip(ranges, own, strict=True)})

    def _learn(self, whole: Range, questions: int, size: float) -> None:
        """How large answers of this kind are: at once where they grew, little by little where they shrank."""
        rate = size / (whole.seconds * questions)
        former = self._rates.get(whole.kind, rate)
        self._rates[whole.kind] = max(rate, 1.0, REMEMBERED * former + (1 - REMEMBERED) * rate)

    def _late(self, asked: _Asked) -> None:
        within, busy = self.access.deadline.total_seconds(), self.access.connections
        where = f", all of it spent waiting for one of {busy} connections" if asked.task is None else ""
        _fail([asked], QueryError(f"{self.access.place}: no answer within {within:g} s{where}"))

    def _leave(self, asked: _Asked) -> None:
        """Break off a page for which nobody waits any more."""
        if asked.task is not None and not asked.task.done() and all(one.answer.done() for one in asked.page):
            asked.task.cancel()
        asked.page, asked.task = (), None  # else answers would live until the garbage collector finds the circle


def _fail(page: Sequence[_Asked], error: QueryError) -> None:
    for asked in page:
        if not asked.answer.done():
            asked.answer.set_exception(type(error)(str(error)))  # each its own: a traceback grows where it is raised


def _tell(page: Sequence[_Asked], answers: Mapping[Range, Mapping[str, Any]]) -> None:
    for asked in page:
        if not asked.answer.done():
            asked.answer.set_result(answers[asked.range])


def _parted(ranges: Sequence[Range], answer: Mapping[str, Any]) -> tuple[list[Row], list[list[Row]]]:
    """All series of a joined answer, and each range's. Raises RefusedError where they cannot be told apart."""
    try:
        rows = list(answer["data"]["result"])
        return rows, parted(ranges, rows)
    except (TypeError, KeyError, ValueError, IndexError, AttributeError, OverflowError) as error:
        raise RefusedError("the server's answer to a range selector holds no series") from error


def _size(row: Row) -> int:
    return SERIES_BYTES + POINT_BYTES * (len(row.get("values", ())) + 10 * len(row.get("histograms", ())))


def _with_rows(answer: Mapping[str, Any], rows: Sequence[Row]) -> Mapping[str, Any]:
    return {**answer, "data": {**answer["data"], "result": rows}}
