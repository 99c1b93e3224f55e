"""How is a span of time written, in a manifest as in a setting?"""

import re
from datetime import timedelta
from functools import lru_cache

# hours, minutes, seconds and milliseconds, each at most once and in this order; both Go's and Python's syntax
DURATION = r"^([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?([0-9]{1,6}ms)?$"

_UNITS = (
    ("h", timedelta(hours=1)),
    ("m", timedelta(minutes=1)),
    ("s", timedelta(seconds=1)),
    ("ms", timedelta(milliseconds=1)),
)


@lru_cache(1024)  # texts: thousands of manifests say the same few
def duration(text: str) -> timedelta:
    """`1h30m`, `90s` or `250ms` as time; ValueError when it is none of that kind."""
    match = re.fullmatch(DURATION, text)
    if match is None or not text:
        raise ValueError(f"{text!r} is no duration such as 90s, 5m or 1h30m")
    parts = zip(match.groups(), _UNITS, strict=True)
    return sum((int(part.removesuffix(name)) * unit for part, (name, unit) in parts if part), timedelta(0))


def duration_text(value: timedelta) -> str:
    """The shortest text of which `duration` makes `value`, to the millisecond: `5m`, `1h30m`, `0s`."""
    rest = value
    text = ""
    for name, unit in _UNITS:
        count, rest = divmod(rest, unit)
        text += f"{count}{name}" if count else ""
    return text or "0s"
