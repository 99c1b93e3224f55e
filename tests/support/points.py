"""How does a test say when something was scraped, in the times that it thinks in?"""

from collections.abc import Iterable
from datetime import datetime

from rollout.model.points import Points, points_of


def scraped(*pairs: tuple[datetime, float]) -> Points:
    """The points of (time, value) pairs."""
    return scrapes(pairs)


def scrapes(pairs: Iterable[tuple[datetime, float]]) -> Points:
    """The points of many (time, value) pairs."""
    return points_of((at.timestamp(), value) for at, value in pairs)
