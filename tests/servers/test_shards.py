"""Do shards share the work as processes: each object written by exactly one, also when one dies and when the layout changes?

One story, told once: two shards, the first with a standby, releases in both, the leader of the first is killed; then processes
of three shards begin, and those of two end. Each process is a user of its own, so the audit log knows who wrote what.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

import pytest

from tests.servers.apiserver import ApiServer
from tests.servers.auditlog import Audited
from tests.servers.process import eventually
from tests.servers.replicas import IN_TIME, PATIENCE_S, Release, namespaced, now
from tests.servers.shards import Shards, shards

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("shards")]

OF_TWO = {"replica-0": "1/2", "replica-1": "1/2", "replica-2": "2/2"}
OF_THREE = {"replica-3": "1/3", "replica-4": "2/3", "replica-5": "3/3"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What happened. led: the leaders of two shards before the first was killed, and after; waited: what another said."""

    names: list[str]
    three: list[str]
    killed: datetime
    began: datetime
    led: tuple[list[str], list[str]]
    waited: tuple[str, str]
    ends: list[str]
    writes: list[Audited]
    before: dict[str, set[str]]
    after: dict[str, set[str]]
    last: dict[str, set[str]]


@pytest.fixture(scope="module")
def story(apiserver: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Story]:
    """Lived through once."""
    with (
        namespaced(apiserver) as namespace,
        shards(apiserver, tmp_path_factory.mktemp("shards"), namespace) as on,
    ):
        yield lived(on)


def lived(on: Shards) -> Story:
    """The story."""
    for user, shard in OF_TWO.items():
        on.start(user, shard)
    names, three = on.names("a", 2), on.names("b", 3)
    leaders, since = [on.leader(number) for number in (1, 2)], now()
    releases = [on.serves(name) for name in names]
    under_way(releases)

    killed = now()
    on.processes[leaders[0]].controller.kill()
    ends = [release.ended() for release in releases]
    heirs = [on.leader(number) for number in (1, 2)]

    more = [on.serves(name) for name in three]
    for user, shard in OF_THREE.items():
        on.start(user, shard)
    assert eventually(lambda: "waits" in on.page("replica-3", "readyz"), PATIENCE_S)
    waited = (on.page("replica-3", "readyz"), on.page("replica-3", "metrics"))
    under_way(more)
    began = now()
    for user in OF_TWO:
        on.processes[user].controller.terminate()
    ends += [release.ended() for release in more]
    assert [on.leader(number) for number in (1, 2, 3)] == list(OF_THREE)
    return Story(
        names=names,
        three=three,
        killed=killed,
        began=began,
        led=(leaders, heirs),
        waited=waited,
        ends=ends,
        writes=on.writes(),
        before=on.writers(since, killed),
        after=on.writers(killed, began),
        last=on.writers(began, now()),
    )


def under_way(releases: list[Release]) -> None:
    """v2 of each has weight."""
    for release in releases:
        release.want("v2")
    assert eventually(lambda: all(one.status().get("weight", 0) >= 10 for one in releases), PATIENCE_S)


def test_each_rollout_and_its_route_are_written_by_the_leader_of_its_shard_alone(story: Story) -> None:
    leaders, _ = story.led

    assert [story.before[name] for name in story.names] == [{leaders[0]}, {leaders[1]}]


def test_a_killed_leader_is_followed_by_the_standby_of_its_own_shard_in_time(story: Story) -> None:
    (dead, _), (heir, _) = story.led
    first = next(one for one in story.writes if one.user == heir)

    assert {dead, heir} == {"replica-0", "replica-1"}
    assert story.after[story.names[0]] <= {dead, heir}
    assert first.began - story.killed <= IN_TIME


def test_the_other_shard_is_not_disturbed(story: Story) -> None:
    leaders, heirs = story.led
    name = story.names[1]
    meanwhile = [one for one in story.writes if one.name == name and story.killed < one.began < story.killed + IN_TIME]

    assert heirs[1] == leaders[1]
    assert story.after[name] == {leaders[1]}
    assert len(meanwhile) >= 4


def test_a_process_of_another_layout_waits_is_ready_and_says_so(story: Story) -> None:
    ready, metrics = story.waited

    assert ready.startswith(
        "ok; shard 1/3 waits for the layout of 2 to end: the Lease rollout-controller-1 is of replica-"
    )
    assert 'rolloutctl_layout_awaited{shard="1/3"} 1.0' in metrics
    assert 'rolloutctl_leader{shard="1/3"} 0.0' in metrics


def test_processes_of_two_layouts_never_write_at_the_same_time(story: Story) -> None:
    two = [one for one in story.writes if one.user in OF_TWO]
    three = [one for one in story.writes if one.user in OF_THREE]

    assert max(one.at for one in two) < min(one.began for one in three)


def test_after_the_change_each_rollout_is_written_by_its_new_shard_alone(story: Story) -> None:
    wrote = [story.last[name] - set(OF_TWO) for name in story.three]

    assert wrote == [{user} for user in OF_THREE]


def test_every_release_ends_and_none_is_stopped_or_repeated(story: Story) -> None:
    assert story.ends == ["v2"] * 5
