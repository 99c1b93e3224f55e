"""Does one of two replicas that was stopped, or cut off, and comes back ever write with a lease that it has lost?"""

from collections.abc import Iterator
from datetime import datetime

import pytest

from tests.servers.apiserver import ApiServer
from tests.servers.process import eventually
from tests.servers.replicas import DEADLINE, IN_TIME, PATIENCE_S, Fleet, Replica, fleet, namespaced, now

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("failover")]


@pytest.fixture(scope="module")
def running(apiserver: ApiServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Fleet]:
    """Two replicas in a namespace of their own."""
    with namespaced(apiserver) as namespace, fleet(apiserver, tmp_path_factory.mktemp("two"), namespace, 2) as made:
        yield made


@pytest.fixture
def two(running: Fleet) -> Iterator[Fleet]:
    """The same; whatever is done to them, nobody may write without the lease."""
    yield running
    assert running.without_lease(DEADLINE) == []


def test_a_leader_that_was_stopped_for_longer_than_its_lease_only_follows(two: Fleet) -> None:
    leader, release = two.leader(), two.release("stopped")

    leader.controller.freeze()
    stopped = now()
    first = two.takes_over(leader.user, stopped)
    leader.controller.thaw()
    thawed = now()

    assert first.began - stopped <= IN_TIME
    assert follows_again(two, leader, thawed)
    assert release.ended() == "v2"
    assert two.writes(leader.user, after=thawed) == []


def test_a_leader_that_was_cut_off_only_follows_when_the_network_is_back(two: Fleet) -> None:
    leader, release = two.leader(), two.release("cut")

    leader.wire.cut()
    cut = now()
    first = two.takes_over(leader.user, cut)
    leader.wire.mend()

    assert first.began - cut <= IN_TIME
    assert follows_again(two, leader, cut)
    assert release.ended() == "v2"
    assert two.writes(leader.user, after=cut) == []


def follows_again(fleet: Fleet, replica: Replica, after: datetime) -> bool:
    """Whether it comes to watch the Lease that it had."""

    def watched() -> bool:
        asked = [one for one in fleet.audited() if one.user == replica.user and one.began >= after]
        return ("watch", "leases") in {(one.verb, one.resource) for one in asked}

    return eventually(watched, PATIENCE_S)
