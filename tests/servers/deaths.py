"""Where among its writes does a controller die, when the writes of many Rollouts pass one meddler?

Each Rollout has a point of its own: its n-th write is held before it reaches the server, or is done and not answered, and
none of its later ones arrives. Once all have come to their points the process is killed, and another one started.
"""

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from tests.servers.faults import Asked
from tests.servers.meddler import Meddler

NAMED = re.compile(r"[a-z]+-[0-9]{3}")
KINDS = ("rollouts", "virtualservices", "destinationrules", "rolloutcommands")


class Blow(StrEnum):
    """On which side of the server the write ends."""

    BEFORE = "before it reached the server"
    AFTER = "after the server did it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One write of a run, from 0, and what becomes of it."""

    at: int
    blow: Blow

    def __str__(self) -> str:
        return f"write {self.at}, {self.blow}"


@dataclass(slots=True, kw_only=True)
class Deaths:
    """The points of Rollouts by name, and the writes of each that came so far, with what was written: `PATCH rollouts`."""

    points: dict[str, Point] = field(default_factory=dict)
    written: dict[str, list[str]] = field(default_factory=dict)

    def reign(self, meddler: Meddler) -> None:
        """Let the meddler do as the points say from now on."""
        meddler.hang(self._is_held)
        meddler.lose(self._is_lost)
        meddler.reset(self._is_too_late)

    def over(self) -> None:
        """Nobody dies any more."""
        self.points = {}

    @property
    def dead(self) -> set[str]:
        """Those that came to their point."""
        return {name for name, point in self.points.items() if len(self.written.get(name, ())) > point.at}

    def _is_held(self, asked: Asked) -> bool:
        """Counts: it is asked first, and once for each request."""
        name = written_of(asked)
        if not name:
            return False
        self.written.setdefault(name, []).append(f"{asked.method} {kind_of(asked)}")
        return self._is_at(name, Blow.BEFORE)

    def _is_lost(self, asked: Asked) -> bool:
        return self._is_at(written_of(asked), Blow.AFTER)

    def _is_too_late(self, asked: Asked) -> bool:
        name = written_of(asked)
        point = self.points.get(name)
        return point is not None and len(self.written[name]) > point.at + 1

    def _is_at(self, name: str, blow: Blow) -> bool:
        point = self.points.get(name)
        return point is not None and point.blow is blow and len(self.written[name]) == point.at + 1


def written_of(asked: Asked) -> str:
    """The Rollout that a write is about; empty for reads and for what is about none."""
    kind = kind_of(asked)
    if asked.method == "GET" or not kind:
        return ""
    named = asked.path.partition(f"/{kind}/")[2]
    if asked.method == "POST":
        named = str(json.loads(asked.body)["metadata"]["name"])
    found = NAMED.search(named)
    return found[0] if found else ""


def kind_of(asked: Asked) -> str:
    """What is written; empty for what no run is made of: Events, the lease, releases of fields."""
    return next((kind for kind in KINDS if f"/{kind}" in asked.path), "")


def spread(points: Iterable[Point], most: int) -> list[Point]:
    """So many of the points, from the first to the last."""
    known = list(points)
    if len(known) <= most:
        return known
    return [known[round(index * (len(known) - 1) / (most - 1))] for index in range(most)] if most > 1 else known[:1]
