"""Which part of a long list is shown, and with what does the next one begin?"""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


def paged(rows: Sequence[tuple[str, T]], limit: int, after: str) -> tuple[list[T], str]:
    """At most `limit` rows behind the one called `after`, and what to ask the next page with, "" on the last.

    rows: name and row, by name. A row that came or went meanwhile shifts no other one: the place is a name, not a number.
    """
    rest = [row for row in rows if row[0] > after] if after else list(rows)
    shown = rest[:limit]
    return [row for _, row in shown], shown[-1][0] if len(rest) > limit else ""
