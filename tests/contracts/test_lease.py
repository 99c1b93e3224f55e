"""Is at most one replica active at any moment, and does another take over?"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Any

import pytest

from adapters.clock import SystemClock
from adapters.kube.api import Patch
from adapters.kube.client import HttpApi
from adapters.kube.lease import LeaseElector, Timing
from adapters.memory.cluster import DirectApi, MemoryCluster
from adapters.memory.lease import HeldLease
from rollout.ports.errors import Unreachable
from rollout.ports.lease import Lease
from tests.support.lease_stand import NOON, NOW, Stand, Wire, cut, in_memory, wire


@pytest.fixture(params=["memory", pytest.param("apiserver", marks=pytest.mark.server)])
async def stand(request: pytest.FixtureRequest) -> AsyncIterator[Stand]:
    """A Lease on either server; on the real one time is real, and spans are shorter."""
    if request.param == "memory":
        stand = in_memory(MemoryCluster())
    else:
        timing = Timing(
            duration=timedelta(seconds=2),
            renew_within=timedelta(seconds=1.4),
            every=timedelta(seconds=0.5),
            retry=timedelta(seconds=0.15),
            request=timedelta(seconds=0.7),
        )
        api = await HttpApi.connect(str(request.getfixturevalue("kubeconfig")))
        stand = Stand(api=api, timing=timing, passes=asyncio.sleep)
    yield stand
    await stand.end()
    if isinstance(stand.api, HttpApi):
        await stand.api.close()


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


async def test_the_first_candidate_holds_and_the_second_waits(stand: Stand) -> None:
    one = await stand.holder("one")
    two = stand.candidate("two")

    await stand.passes(stand.timing.duration.total_seconds() * 1.5)

    assert (one.may_write(NOW), two.may_write(NOW)) == (True, False)
    assert (await stand.spec())["holderIdentity"] == "one"


async def test_another_takes_over_at_once_after_a_release(stand: Stand) -> None:
    one = await stand.holder("one")
    two = stand.candidate("two")
    await stand.passes(stand.timing.retry.total_seconds())

    await one.release()
    left = one.may_write(NOW)
    await stand.passes(stand.timing.retry.total_seconds() * 2)

    assert not left
    assert two.may_write(NOW)
    assert (await stand.spec())["leaseTransitions"] == 1


async def test_another_takes_over_after_a_crash(stand: Stand) -> None:
    one = await stand.holder("one")
    two = stand.candidate("two")

    cut(one)
    await stand.until(lambda: two.may_write(NOW))

    assert not one.may_write(NOW)
    assert (await stand.spec())["holderIdentity"] == "two"


async def test_losing_the_lease_is_told(stand: Stand) -> None:
    one = await stand.holder("one")
    cut(one)

    lost = asyncio.create_task(one.lost())
    await stand.until(lost.done)

    assert not one.is_held


async def test_a_lease_that_somebody_else_took_is_lost(stand: Stand) -> None:
    one = await stand.holder("one")

    await stand.api.patch(stand.path, Patch.MERGE, {"spec": {"holderIdentity": "thief"}})
    await stand.until(lambda: not one.is_held)

    assert not one.may_write(NOW)


async def test_a_deleted_lease_is_lost(stand: Stand) -> None:
    one = await stand.holder("one")

    await stand.api.delete(stand.path)
    await stand.until(lambda: not one.is_held)

    assert not one.may_write(NOW)


async def test_a_lease_can_be_acquired_again_after_it_was_lost(stand: Stand) -> None:
    one = await stand.holder("one")
    await stand.api.delete(stand.path)
    await stand.until(lambda: not one.is_held)

    stand.tasks.append(asyncio.create_task(one.acquire()))

    await stand.until(lambda: one.may_write(NOW))


async def test_no_write_begins_that_could_end_after_the_renew_deadline(still: Stand) -> None:
    one = await still.holder()
    await still.passes(4.5)  # one renewal, half a second ago
    cut(one)

    early = (one.may_write(timedelta(seconds=6)), one.may_write(timedelta(seconds=7)))
    await still.passes(3.5)
    late = (one.may_write(timedelta(seconds=2.8)), one.may_write(timedelta(seconds=3)))

    assert early == (True, False)
    assert late == (True, False)


@pytest.mark.parametrize("wall", [NOON - timedelta(days=1), NOON + timedelta(days=1)])
async def test_a_wrong_wall_clock_takes_nothing_away(still: Stand, wall: datetime) -> None:
    one = await still.holder("one")
    two = still.candidate("two", wall=wall)

    await still.passes(60)

    assert (one.may_write(NOW), two.may_write(NOW)) == (True, False)


async def test_nobody_may_write_between_two_holders_and_never_both(still: Stand) -> None:
    one = await still.holder("one")
    two = still.candidate("two")
    await still.passes(7)
    cut(one)
    seen: list[tuple[bool, bool]] = []

    for _ in range(200):
        await still.passes(0.1)
        seen.append((one.may_write(NOW), two.may_write(NOW)))

    assert (True, True) not in seen
    assert seen.count((False, False)) >= 29  # 10 s less 7 s, in tenths
    assert seen[-1] == (False, True)


async def test_a_partition_that_heals_before_the_deadline_loses_nothing(still: Stand) -> None:
    one = await still.holder()
    cut(one)
    await still.passes(6)

    cut(one, is_cut=False)
    await still.passes(60)

    assert one.may_write(NOW)


async def test_a_renewal_whose_answer_was_lost_is_made_up_for(still: Stand, cluster: MemoryCluster) -> None:
    one = await still.holder()
    cluster.faults.fail_next("*/leases/*", Unreachable("the answer was lost"), stored=True)

    await still.passes(30)

    assert one.may_write(timedelta(seconds=5))


async def test_renewing_takes_one_request_every_four_seconds(still: Stand, cluster: MemoryCluster) -> None:
    await still.holder()
    before = cluster.faults.calls.copy()

    await still.passes(60)

    assert cluster.faults.calls - before == {("patch", "leases"): 15}


async def test_a_failed_renewal_is_tried_again_every_second_until_the_deadline(still: Stand) -> None:
    one = await still.holder()
    cut(one)
    tries: list[bool] = []

    for _ in range(4):
        await still.passes(1)
        tries.append(one.problem != "")
    await still.passes(3)

    assert tries == [False, False, False, True]
    assert wire(one).refused == 4  # after 4, 5, 6 and 7 s
    assert not one.is_held


class Hanging(Wire):
    """A server that takes every request and answers none."""

    async def get(self, path: str, query: Mapping[str, str] | None = None) -> dict[str, Any]:
        await asyncio.Event().wait()
        return await super().get(path, query)


async def test_a_request_that_hangs_is_given_up(cluster: MemoryCluster) -> None:
    elector = LeaseElector(
        api=Hanging(DirectApi(cluster)),
        clock=SystemClock(),
        namespace="default",
        name="a",
        identity="one",
        timing=Timing(request=timedelta(milliseconds=10), retry=timedelta(milliseconds=1)),
    )

    with suppress(TimeoutError):
        async with asyncio.timeout(0.2):
            await elector.acquire()

    assert "no answer" in elector.problem


async def test_the_object_says_who_holds_it_since_when(still: Stand) -> None:
    await still.holder("one")

    assert await still.spec() == {
        "holderIdentity": "one",
        "leaseDurationSeconds": 10,
        "acquireTime": "2026-11-21T12:00:00.000000Z",
        "renewTime": "2026-11-21T12:00:00.000000Z",
        "leaseTransitions": 0,
    }


async def test_the_lease_of_one_process_is_held_until_released() -> None:
    lease: Lease = HeldLease()
    before = lease.may_write(timedelta(days=1))

    await lease.release()
    await lease.lost()

    assert (before, lease.may_write(NOW)) == (True, False)
