"""What does a replica that waits for the lease ask, and when does it take it?"""

from collections.abc import AsyncIterator

import pytest

from adapters.memory.cluster import MemoryCluster
from rollout.ports.errors import Unreachable
from tests.support.lease_stand import NOW, Stand, cut, in_memory


@pytest.fixture
async def cluster() -> MemoryCluster:
    """The cluster behind `still`."""
    return MemoryCluster()


@pytest.fixture
async def still(cluster: MemoryCluster) -> AsyncIterator[Stand]:
    """A Lease in memory, where each second is told."""
    stand = in_memory(cluster)
    yield stand
    await stand.end()


async def test_a_candidate_reads_once_and_then_watches(still: Stand, cluster: MemoryCluster) -> None:
    await still.holder("one")
    before = cluster.faults.calls.copy()

    still.candidate("two")
    await still.passes(60)

    asked = cluster.faults.calls - before
    assert {what: asked[what] for what in asked if what[0] != "patch"} == {("get", "leases"): 1, ("watch", "leases"): 1}


async def test_a_released_lease_is_taken_without_waiting(still: Stand) -> None:
    one = await still.holder("one")
    two = still.candidate("two")
    await still.passes(2)

    await one.release()
    await still.passes(0)

    assert two.may_write(NOW)


async def test_a_candidate_whose_watch_breaks_goes_on_and_takes_nothing_early(
    still: Stand, cluster: MemoryCluster
) -> None:
    one = await still.holder("one")
    two = still.candidate("two")
    await still.passes(9)
    cluster.compact()

    await still.passes(30)

    assert (one.may_write(NOW), two.may_write(NOW)) == (True, False)


async def test_a_candidate_whose_watch_went_silent_takes_nothing(still: Stand, cluster: MemoryCluster) -> None:
    one = await still.holder("one")
    two = still.candidate("two")
    await still.passes(1)

    cluster.faults.hold()
    await still.passes(60)

    assert (one.may_write(NOW), two.may_write(NOW)) == (True, False)


async def test_a_deleted_lease_is_not_taken_before_its_holder_must_know(still: Stand) -> None:
    one = await still.holder("one")
    two = still.candidate("two")
    await still.passes(1)
    cut(one)
    await still.api.delete(still.path)
    seen: list[tuple[bool, bool]] = []

    for _ in range(150):
        await still.passes(0.1)
        seen.append((one.may_write(NOW), two.may_write(NOW)))

    assert (True, True) not in seen
    assert seen[-1] == (False, True)


async def test_a_candidate_that_cannot_read_says_why(still: Stand, cluster: MemoryCluster) -> None:
    cluster.faults.fail_all(Unreachable("the API server is away"))
    one = still.candidate("one")

    await still.passes(10)

    assert one.problem == "the API server is away"
    assert not one.may_write(NOW)
