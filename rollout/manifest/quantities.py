"""How are durations, percentages and numbers written in a manifest?"""

import re
from datetime import timedelta
from decimal import Decimal
from functools import lru_cache

# hours, minutes, seconds and milliseconds, each at most once and in this order; both Go's and Python's syntax
DURATION = r"^([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,6}s)?([0-9]{1,6}ms)?$"
PERCENT = r"^(100(\.0{1,4})?|[0-9]{1,2}(\.[0-9]{1,4})?)%$"
WHOLE_PERCENT = r"^([0-9]{1,2}|1[0-9]{2}|200)%$"
NUMBER = r"^-?[0-9]{1,15}(\.[0-9]{1,9})?([eE][-+]?[0-9]{1,2})?$"

_KNOWN = 1024  # texts: thousands of manifests say the same few
_UNITS = (
    ("h", timedelta(hours=1)),
    ("m", timedelta(minutes=1)),
    ("s", timedelta(seconds=1)),
    ("ms", timedelta(milliseconds=1)),
)


@lru_cache(_KNOWN)
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


@lru_cache(_KNOWN)
def ratio(percent: str) -> float:
    """`0.5%` as 0.005; ValueError when it is no percentage."""
    number, sign, rest = percent.partition("%")
    if not sign or rest:
        raise ValueError(f'{percent!r} is no percentage such as "1%"')
    return float(Decimal(number) / 100)


def ratio_text(value: float) -> str:
    """0.005 as `0.5%`."""
    return f"{Decimal(str(value)) * 100:f}".rstrip("0").rstrip(".") + "%" if value else "0%"
