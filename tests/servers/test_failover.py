"""Does another of three replicas take over in time when the leader ends, and who asks for what until then?

Each replica is a user of its own: the audit log knows who wrote, and when whose Lease was renewed.
"""

from collections.abc import Iterator
from datetime import timedelta
from itertools import pairwise

import pytest

from tests.servers.apiserver import ApiServer
from tests.servers.process import eventually
from tests.servers.replicas import (
    DEADLINE,
    DURATION,
    EVERY,
    IN_TIME,
    PATIENCE_S,
    RETRY,
    Fleet,
    Replica,
    fleet,
    namespaced,
    now,
)

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("failover")]


@pytest.fixture(scope="module")
def running(apiserver: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Three replicas in a namespace of their own."""
    with namespaced(apiserver) as namespace, fleet(apiserver, tmp_path_factory.mktemp("three"), namespace, 3) as made:
        yield made


@pytest.fixture
def three(running: Fleet) -> Iterator[Fleet]:
    """The same, all alive; whatever is done to them, nobody may write without the lease."""
    running.whole()
    yield running
    assert running.without_lease(DEADLINE) == []


def test_the_leader_renews_every_four_seconds_and_the_others_only_watch(three: Fleet) -> None:
    leader = three.leader()
    assert eventually(lambda: len(followers(three, leader)) == 2, PATIENCE_S)
    since = now()

    assert eventually(lambda: len([one for one in three.held() if one.began > since]) >= 3, PATIENCE_S)

    gaps = sorted(later.began - earlier.began for earlier, later in pairwise(three.held()))
    asked = [one for one in three.audited() if one.user != leader.user and one.resource == "leases"]
    assert gaps[0] >= EVERY - RETRY / 4
    assert gaps[len(gaps) // 2] <= EVERY + RETRY / 4
    assert [one for one in asked if one.began > since] == []


def is_held_in_a_write(three: Fleet, leader: Replica) -> bool:
    """Whether a write of the leader waits for its answer now; if none came, as one did just before, it goes on."""
    began = now()
    leader.wire.hold()
    if eventually(lambda: three.writes(leader.user, after=began) != [], 3.0):
        return True
    leader.wire.deliver()
    return False


def test_a_leader_that_is_asked_to_end_in_the_middle_of_a_write_hands_over_at_once(three: Fleet) -> None:
    leader, release = three.leader(), three.release("asked")
    assert eventually(lambda: is_held_in_a_write(three, leader), PATIENCE_S)

    asked = now()
    code = leader.controller.terminate(meanwhile=leader.wire.deliver)
    first = three.takes_over(leader.user, asked)

    assert code == 0
    assert first.began - asked <= IN_TIME - DURATION
    assert release.ended() == "v2"


def test_a_killed_leader_is_followed_in_time_whatever_time_the_lease_tells(three: Fleet) -> None:
    leader, release = three.leader(), three.release("killed")
    three.skew(timedelta(days=1))

    killed = now()
    leader.controller.kill()
    first = three.takes_over(leader.user, killed)

    assert first.began - killed <= IN_TIME
    assert release.ended() == "v2"


def test_a_lease_that_looks_old_is_not_taken_from_whoever_renews_it(three: Fleet) -> None:
    leader, skewed = three.leader(), now()
    three.skew(timedelta(days=-1))

    assert eventually(lambda: len([one for one in three.held() if one.began > skewed]) >= 2, PATIENCE_S)

    assert {one.user for one in three.held() if one.began > skewed} == {leader.user}


def followers(fleet: Fleet, leader: Replica) -> set[str]:
    """Those that watch the Lease of this leader."""
    watched = [one.user for one in fleet.audited() if (one.verb, one.resource) == ("watch", "leases")]
    return {*watched} - {leader.user}
