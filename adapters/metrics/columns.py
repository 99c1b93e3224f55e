"""How do the rows of an answer become columns, with the times of each scrape once?

Text of a few megabytes becomes ten times as much of lists, pairs and texts. So each series is turned into columns as soon
as it is decoded, before the next one is.
"""

import json
from array import array
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from rollout.model.points import NEVER, Points

UNREADABLE = TypeError, ValueError, OverflowError, OSError


class Columns:
    """Makes columns of one answer's points. Its series share their times where they were scraped together."""

    def __init__(self) -> None:
        self._times: dict[bytes, array[float]] = {}
        self._texts: dict[str, str] = {}

    def of(self, told: Points | Sequence[Any]) -> Points:
        """The columns of [seconds since 1970, "value"] pairs. Raises what is in UNREADABLE."""
        if isinstance(told, Points):
            return told
        if len(told) == 0:  # null is no empty list
            return NEVER
        times = array("d", [at for at, _ in told])
        known = self._times.get(key := times.tobytes())
        if known is None:
            known = self._times[key] = _checked(times)
        return Points(times=known, values=array("d", [float(value) for _, value in told]))

    def series(self, found: dict[str, Any]) -> dict[str, Any]:
        """The same JSON object; of a series, points are columns, and texts are there once; what cannot be read stays."""
        if "metric" in found and isinstance(found.get("values"), list):
            with suppress(*UNREADABLE, AttributeError):
                found["values"] = self.of(found["values"])
                found["metric"] = {name: self._texts.setdefault(text, text) for name, text in found["metric"].items()}
        return found


def decoded(body: bytes) -> object:
    """What the body of an answer says; points are columns. Raises ValueError and RecursionError as `json.loads`."""
    return json.loads(body, object_hook=Columns().series)


def _checked(times: "array[float]") -> "array[float]":
    """The times, of which each is one: a NaN among them would show in their mean."""
    for at in (sum(times) / len(times), min(times), max(times)):
        datetime.fromtimestamp(at, UTC)
    return times
