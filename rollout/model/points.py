"""When was a counter scraped, and how much had it counted?"""

from array import array
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import overload

Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """The scrapes of one counter, oldest first: seconds since 1970, and as many values.

    Two columns of bare numbers, as thousands of Rollouts keep them: a pair of boxed ones takes ten times as much. Series
    that were scraped together share their times, so nobody ever changes a column.
    """

    times: "array[float]"
    values: "array[float]"

    def __post_init__(self) -> None:
        """Raises ValueError for columns of different lengths."""
        if len(self.times) != len(self.values):
            raise ValueError(f"{len(self.times)} times, but {len(self.values)} values")

    def __len__(self) -> int:
        """How many scrapes there are."""
        return len(self.times)

    def __iter__(self) -> Iterator[Point]:
        """The pairs of time and value."""
        return zip(self.times, self.values, strict=True)

    def __hash__(self) -> int:
        """Equal columns are one key; arrays alone are none."""
        return hash(tuple(self))

    @overload
    def __getitem__(self, place: int) -> Point: ...
    @overload
    def __getitem__(self, place: slice) -> "Points": ...
    def __getitem__(self, place: int | slice) -> "Point | Points":
        """One pair, or the points of a slice."""
        if isinstance(place, slice):
            return Points(times=self.times[place], values=self.values[place])
        return self.times[place], self.values[place]

    def __add__(self, later: "Points") -> "Points":
        """These points, and later ones behind them."""
        return Points(times=self.times + later.times, values=self.values + later.values)


def points_of(pairs: Iterable[Point]) -> Points:
    """The columns of pairs of seconds since 1970 and value."""
    known = list(pairs)
    return Points(
        times=array("d", [at for at, _ in known]),
        values=array("d", [value for _, value in known]),
    )


NEVER = points_of(())  # scraped
