"""Does every run end the same on a real API server wherever among its writes the controller is killed (SIGKILL)?

Each story is lived through once undisturbed: that is the recording. Then Rollouts live through it over each of which the
controller dies at another write of that list: right before it reaches the server, or when the server has done it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from tests.servers.actors import a_command, is_refused
from tests.servers.apiserver import ApiServer
from tests.servers.deaths import Blow, Point, spread
from tests.servers.lives import Member, Stage, a_stage
from tests.servers.missing import obtained
from tests.servers.plays import PLAYS
from tests.servers.process import eventually
from tests.support.oaths import broken_words, lost_subsets, skipped_steps

PATIENCE_S = 60.0
QUICK = 20  # of two for each story
ALL, SLACK = 400, 20  # how many writes a run takes depends a little on what comes first, a look or an event
BATCHES = 3  # how often everything is played; the Rollouts of one die together, each at its own write
DEPLOY = Path(__file__).parents[2] / "deploy"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recorded:
    """A stage on which every story was lived through once: what was written for it, in order, and how it ended."""

    stage: Stage
    writes: dict[str, list[str]]
    ends: dict[str, str]

    def points(self, story: str) -> list[Point]:
        """Both sides of every write of a story."""
        return [Point(at=number, blow=blow) for number in range(len(self.writes[story])) for blow in Blow]


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recorded]:
    """On an API server of its own, as the policy that binds actors is the whole cluster's."""
    with serving(tmp_path_factory.mktemp("dying")) as server, a_stage(server, server.directory) as stage:
        members = {name: Member(name=f"{name}-000", story=story) for name, story in PLAYS.items()}
        stage.enter(*members.values())
        stage.play_to_the_end([*members.values()])
        writes = {name: stage.deaths.written[one.name] for name, one in members.items()}
        ends = stage.ends([*members.values()])
        yield Recorded(stage=stage, writes=writes, ends={name: ends[one.name] for name, one in members.items()})


@contextmanager
def serving(directory: Path) -> Iterator[ApiServer]:
    """An API server with our CRDs and Istio's, on which the actor of a command is who sent it."""
    server = ApiServer(directory)
    try:
        obtained(server.start)
        obtained(lambda: server.install_crds(["istio"]))
        server.install_files(sorted((DEPLOY / "crds").glob("*.yaml")))
        server.client().apply(*yaml.safe_load_all((DEPLOY / "base" / "actor-policy.yaml").read_text()))
        assert eventually(lambda: is_refused(server, "admin", a_command("nobody")), PATIENCE_S)
        yield server
    finally:
        server.stop()


def lived_through(recorded: Recorded, members: list[Member]) -> int:
    """Over how many of these the controller died; whatever it broke fails here."""
    stage = recorded.stage
    stage.enter(*members)
    died = stage.die(members)
    stage.play_to_the_end(members)
    ends, stored = stage.ends(members), stage.history.complete()
    for one in members:
        mine = [version for version in stored if one.owns(version[2])]
        for broken in (broken_words, skipped_steps, lost_subsets):
            assert broken(mine) == [], f"{one.name}, {one.point}: {broken.__doc__}"
        assert ends[one.name] == recorded.ends[one.play], f"{one.name}, {one.point}"
    return len(died)


def cast(recorded: Recorded, points: dict[str, list[Point]], since: int = 1) -> list[Member]:
    """A Rollout for each of these points. since: the number of the first, as names are used once."""
    return [
        Member(name=f"{name}-{number:03}", story=PLAYS[name], point=point)
        for name, found in points.items()
        for number, point in enumerate(found, start=since)
    ]


@pytest.mark.server
def test_a_killed_controller_goes_on_where_it_was_killed(recorded: Recorded) -> None:
    members = cast(recorded, {name: spread(recorded.points(name), 4)[1:3] for name in PLAYS})

    died = lived_through(recorded, members)

    assert died >= QUICK


@pytest.mark.e2e
def test_at_whichever_write_it_was_killed(recorded: Recorded) -> None:
    every = {name: recorded.points(name) for name in PLAYS}
    died = 0

    for number in range(BATCHES):
        members = cast(recorded, {name: found[number::BATCHES] for name, found in every.items()}, 100 * (number + 1))
        died += lived_through(recorded, members)

    assert sum(len(found) for found in every.values()) >= ALL
    assert died >= ALL - SLACK
