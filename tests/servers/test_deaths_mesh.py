"""Does a namespace's move into the mesh end the same wherever among its writes the controller is killed (SIGKILL)?

Each move is lived through once undisturbed on a real API server: that is the recording. Then namespaces move over each of
which the controller dies at another write of that list, right before it reaches the server or when the server has done it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import pytest

from tests.servers.deaths import Blow, Point, spread
from tests.servers.meshlives import MOVES, MeshStage, Mover, a_mesh_stage
from tests.support.oaths import closed_unproven, lost_fields, skipped_stages

POSTED, PATCHED = "POST peerauthentications", "PATCH peerauthentications"
ALL, SLACK = 40, 10  # many that move at once are looked at more seldom, so that their moves take fewer writes


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A stage on which moves were lived through once: what was written for each, in order, and how it ended."""

    stage: MeshStage
    writes: dict[str, list[str]]
    ends: dict[str, str]

    def record(self, *names: str) -> None:
        """Live through these, if nobody did yet."""
        members = {name: Mover(name=f"{name}-000", move=MOVES[name]) for name in names if name not in self.writes}
        if not members:
            return
        self.stage.enter(*members.values())
        self.stage.play_to_the_end([*members.values()])
        ends = self.stage.ends([*members.values()])
        self.writes.update({name: self.stage.deaths.written[one.name] for name, one in members.items()})
        self.ends.update({name: ends[one.name] for name, one in members.items()})

    def points(self, name: str) -> list[Point]:
        """Both sides of each write of a move."""
        return [Point(at=number, blow=blow) for number in range(len(self.writes[name])) for blow in Blow]

    def own_points(self, name: str, *others: str) -> list[Point]:
        """Those from the first write on that none of the other moves has."""
        same = max(_common(self.writes[name], self.writes[other]) for other in others)
        return [point for point in self.points(name) if point.at >= same]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    """On an API server of its own, as MeshMigrations are the whole cluster's."""
    with a_mesh_stage(tmp_path_factory.mktemp("dying-mesh")) as stage:
        yield Recorded(stage=stage, writes={}, ends={})


def _common(mine: list[str], others: list[str]) -> int:
    """With how many writes both begin."""
    pairs = list(zip(mine, others, strict=False))
    return next((number for number, (one, other) in enumerate(pairs) if one != other), len(pairs))


def lived_through(recorded: Recorded, members: list[Mover]) -> int:
    """Over how many of these the controller died; whatever it broke fails here."""
    stage = recorded.stage
    stage.enter(*members)
    died = stage.die(members)
    stage.play_to_the_end(members)
    ends, stored = stage.ends(members), stage.history.complete()
    for one in members:
        mine = [version for version in stored if one.owns(version[2])]
        for broken in (skipped_stages, closed_unproven, lost_fields):
            assert broken(mine) == [], f"{one.name}, {one.point}: {broken.__doc__}"
        assert ends[one.name] == recorded.ends[one.play], f"{one.name}, {one.point}"
    stage.leave(*members)
    return len(died)


def cast(name: str, points: list[Point], since: int = 1) -> list[Mover]:
    """A namespace for each of these points. since: the number of the first, as names are used once."""
    return [
        Mover(name=f"{name}-{number:03}", move=MOVES[name], point=point) for number, point in enumerate(points, since)
    ]


@pytest.mark.server
def test_a_killed_controller_goes_on_with_a_move_and_opens_what_must_open(recorded: Recorded) -> None:
    recorded.record("early")
    writes = recorded.writes["early"]
    record, restart, fallback = (writes.index(what) for what in ("POST configmaps", "PATCH deployments", PATCHED))
    flip = [number for number, what in enumerate(writes) if what == POSTED][-1]
    points = [Point(at=at, blow=Blow.AFTER) for at in (record, restart, flip)]

    died = lived_through(recorded, cast("early", [*points, Point(at=fallback, blow=Blow.BEFORE)]))

    assert died == len(points) + 1


@pytest.mark.e2e
def test_at_forty_writes_of_three_moves_it_was_killed(recorded: Recorded) -> None:
    recorded.record(*MOVES)
    members = cast("fallen", spread(recorded.points("fallen"), 28), 100)
    for name in ("early", "moved"):
        members += cast(name, spread(recorded.own_points(name, "fallen"), 6), 100)

    died = lived_through(recorded, members)

    assert len(members) == ALL
    assert died >= ALL - SLACK
