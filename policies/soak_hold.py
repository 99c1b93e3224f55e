"""What is said when the evidence for STRICT is not complete yet?"""

from datetime import datetime, timedelta
from typing import NamedTuple


class Hold(NamedTuple):
    """A gate's "not yet": a short CamelCase code, and the sentence for people."""

    code: str
    sentence: str


def clock_time(at: datetime) -> str:
    """A time as sentences give it."""
    return f"{at:%Y-%m-%d %H:%M:%S}"


def length(span: timedelta) -> str:
    """A span in the largest unit that it is a whole number of: "7 d", "24 h", "90 min", "20 s"; days from 2 on."""
    seconds = round(span.total_seconds())
    units = (("d", 86400, 2), ("h", 3600, 1), ("min", 60, 1))
    for unit, size, fewest in units:
        if seconds % size == 0 and seconds >= size * fewest:
            return f"{seconds // size} {unit}"
    return f"{seconds} s"
