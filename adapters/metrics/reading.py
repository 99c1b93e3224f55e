"""How are all points of a window read, so that it is neither too much nor misunderstood?"""

import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import islice
from math import ceil

from adapters.metrics.answers import Series, joined, series, warning
from adapters.metrics.births import scrapes_selector, with_births
from adapters.metrics.joining import Joint
from adapters.metrics.line import QueryError, TooMuchError
from adapters.metrics.pages import Range
from adapters.metrics.replicas import told_twice
from adapters.metrics.selectors import Selector
from rollout.model.measurement import Arm, Question
from rollout.model.rollout import ErrorRatio, Method, SlowRatio

LOOKBACK_S = 120  # before the window, to tell old series from young ones
LONGEST_RAW_S = 1800  # of longer windows the server thins out all points but the newest
THINNED = 240  # points of a thinned series
RAW_TAIL_S = 600
COARSE_S = 60  # of a history that is too large to be read as it was scraped


class PartialError(Exception):
    """The server's answer is not what it should be in full; says why."""


class Reader:
    """Reads the ranges of raw counters that a question is about."""

    def __init__(self, joint: Joint, most_series: int) -> None:
        self._joint = joint
        self._most_series = most_series

    async def read(
        self, selectors: Sequence[Selector], question: Question, deadline: float
    ) -> tuple[tuple[Series, ...], ...]:
        """What each selector finds in the window and a little before it. Raises QueryError and PartialError.

        Series that begin inside the window begin with what is known of them before (`births`).
        """
        found = await asyncio.gather(*(self._range(one, question, deadline) for one in selectors))
        every = [one for part in found for one in part]
        ups = await self._scrapes(every, question, deadline)
        whole = iter(with_births(every, question.window.start, ups))
        return tuple(tuple(islice(whole, len(part))) for part in found)

    async def _range(self, selector: Selector, question: Question, deadline: float) -> tuple[Series, ...]:
        """As it was scraped, where that is not too much; thinned points have no instants of scrapes to align arms by."""
        seconds = _seconds(question) + LOOKBACK_S
        is_history, is_long = question.arm is Arm.HISTORY, seconds > LONGEST_RAW_S
        if is_history or not is_long or _is_sequential(question):
            try:
                return await self._points(_within(selector, question, seconds), deadline)
            except TooMuchError:
                if not (is_long or is_history):
                    raise
        if is_history:
            return _thinned(await self._points(_within(selector, question, seconds, COARSE_S), deadline))
        step = ceil(seconds / THINNED)
        seconds = max(seconds, _seconds(question) + step)
        older, newer = await asyncio.gather(
            self._points(_within(selector, question, seconds, step), deadline),
            self._points(_within(selector, question, RAW_TAIL_S), deadline),
        )
        return _thinned(joined(older, newer))

    async def _points(self, wanted: Range, deadline: float) -> tuple[Series, ...]:
        answer = await self._joint.ask(wanted, deadline)
        if warned := warning(answer):
            raise PartialError(warned)
        found = series(answer, self._most_series)
        if doubled := told_twice(found):
            raise PartialError(doubled)
        return found

    async def _scrapes(self, found: Iterable[Series], question: Question, deadline: float) -> tuple[Series, ...]:
        """The `up` of the targets of new series; () when there are none, or nothing can be learnt of them.

        One more query, only while there are series that no scrape before the window shows.
        """
        is_history = question.arm is Arm.HISTORY  # whose coarse points no `up` belongs to
        selector = scrapes_selector((one for one in found if one.is_scraped or not is_history), question.window.start)
        if selector is None:
            return ()
        try:
            return await self._range(selector, question, deadline)
        except (QueryError, PartialError):
            return ()


def _within(selector: Selector, question: Question, seconds: int, step: int = 0) -> Range:
    """The last `seconds` of the question's window."""
    return Range(selector=selector, seconds=seconds, step=step, end=round(question.window.end.timestamp() * 1000))


def _seconds(question: Question) -> int:
    window = question.window
    return ceil((window.end - window.start) / timedelta(seconds=1))


def _is_sequential(question: Question) -> bool:
    objective = question.objective
    return isinstance(objective, ErrorRatio | SlowRatio) and objective.method is Method.SEQUENTIAL


def _thinned(found: Iterable[Series]) -> tuple[Series, ...]:
    return tuple(replace(one, is_scraped=False) for one in found)
