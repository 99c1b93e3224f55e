"""Where among its writes does a controller die, when the writes of many Rollouts or MeshMigrations pass one meddler?

Each has a point of its own: its n-th write is held before it reaches the server, or is done and not answered, and
none of its later ones arrives. Once all have come to their points the process is killed, and another one started.
"""

import json
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from tests.servers.controller import Controller
from tests.servers.faults import Asked
from tests.servers.meddler import Meddler
from tests.servers.process import eventually

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
    """The points by name, and the writes of each that came so far, with what was written: `PATCH rollouts`.

    kinds: what is written in a life that is counted.
    """

    kinds: tuple[str, ...] = KINDS
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

    def fall_silent(self, patience_s: float, moment_s: float = 2.0) -> bool:
        """Whether in time nothing is written any more for a moment."""

        def are_silent() -> bool:
            before = self._count
            return not eventually(lambda: self._count > before, moment_s)

        return eventually(are_silent, patience_s)

    def revive(self, controller: Controller, api: Meddler, free: Callable[[], object]) -> set[str]:
        """Kill the controller over those that came to their points, which are told, and start another one.

        free: what ends the dead one's lease.
        """
        died = self.dead
        controller.kill()
        self.over()
        api.cut(lambda _: True)
        free()
        api.heal()
        self.reign(api)
        controller.start()
        return died

    @property
    def _count(self) -> int:
        return sum(len(writes) for writes in self.written.values())

    def _is_held(self, asked: Asked) -> bool:
        """Counts: it is asked first, and once for each request."""
        name = written_of(asked, self.kinds)
        if not name:
            return False
        self.written.setdefault(name, []).append(f"{asked.method} {resource_of(asked)[1]}")
        return self._is_at(name, Blow.BEFORE)

    def _is_lost(self, asked: Asked) -> bool:
        return self._is_at(written_of(asked, self.kinds), Blow.AFTER)

    def _is_too_late(self, asked: Asked) -> bool:
        name = written_of(asked, self.kinds)
        point = self.points.get(name)
        return point is not None and len(self.written[name]) > point.at + 1

    def _is_at(self, name: str, blow: Blow) -> bool:
        point = self.points.get(name)
        return point is not None and point.blow is blow and len(self.written[name]) == point.at + 1


def written_of(asked: Asked, kinds: tuple[str, ...] = KINDS) -> str:
    """Whose life a write belongs to, by its object or the namespace of that; empty for reads and for what is of none.

    Events, the lease and releases of fields are of none.
    """
    place, kind, named = resource_of(asked)
    if asked.method == "GET" or kind not in kinds:
        return ""
    if asked.method == "POST":
        named = str(json.loads(asked.body)["metadata"]["name"])
    found = NAMED.fullmatch(place) or NAMED.search(named)
    return found[0] if found else ""


def resource_of(asked: Asked) -> tuple[str, str, str]:
    """Namespace, kind and name in a request's path, each empty where it has none; a Namespace itself is in none."""
    path = asked.path.partition("?")[0]
    parts = [*path.split("/")[3 if path.startswith("/api/") else 4 :], "", "", ""]
    if parts[0] == "namespaces" and parts[2] not in ("", "status"):
        return parts[1], parts[2], parts[3]
    return "", parts[0], parts[1]


def spread(points: Iterable[Point], most: int) -> list[Point]:
    """So many of the points, from the first to the last."""
    known = list(points)
    if len(known) <= most:
        return known
    return [known[round(index * (len(known) - 1) / (most - 1))] for index in range(most)] if most > 1 else known[:1]
