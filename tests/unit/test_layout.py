"""Who leads when processes of several layouts meet, move by move?"""

import asyncio

import pytest

from adapters.kube.lease import LeaseElector, Timing
from adapters.memory.cluster import DirectApi
from rollout.model.shard import SHARDS
from rollout.ports.errors import Conflict, Unreachable
from tests.support.layouts import LEASES, NAME, Interrupted, a_lease, a_stand, cut, says
from tests.support.lease_stand import NOON, NOW, Wall


async def test_each_shard_is_led_by_one_with_a_lease_of_its_own() -> None:
    async with a_stand() as on:
        for shard in ("1/3", "2/3", "3/3", "3/3"):
            on.process(shard)
        await on.hours.pass_(20)

        assert on.leading() == ["1/3", "2/3", "3/3"]
        assert (await on.lease())["metadata"]["annotations"] == {SHARDS: "3"}


async def test_an_undivided_fleet_takes_the_lease_as_ever() -> None:
    async with a_stand() as on:
        on.process("1/1")
        await on.hours.pass_(1)

        assert on.leading() == ["1/1"]
        assert "annotations" not in (await on.lease())["metadata"]


@pytest.mark.parametrize(("old", "new"), [("1/1", "1/2"), ("1/2", "1/1"), ("2/2", "2/3"), ("3/3", "1/2")])
async def test_a_process_of_another_layout_waits_until_the_old_one_has_ended(old: str, new: str) -> None:
    async with a_stand() as on:
        first = on.process(old)
        await on.hours.pass_(20)
        second = on.process(new)
        await on.hours.pass_(60)
        before, waits = on.leading(), second.waits

        await on.ends(first)
        await on.hours.pass_(15)

        assert (before, on.leading()) == ([old], [new])
        assert f"shard {new} waits for the layout of {old[-1]} to end" in waits
        assert "process-0" in waits
        assert second.waits == ""


async def test_a_layout_whose_processes_died_without_a_word_ends_with_their_leases() -> None:
    async with a_stand() as on:
        old = [on.process(shard) for shard in ("1/2", "2/2")]
        await on.hours.pass_(20)
        for lease in old:
            cut(lease)
        on.process("1/3")

        await on.hours.pass_(9)
        early = on.leading()
        await on.hours.pass_(12)

        assert "1/3" not in early
        assert on.leading() == ["1/3"]


async def test_one_process_of_the_old_layout_is_enough_to_keep_the_new_one_out() -> None:
    async with a_stand() as on:
        first, second = on.process("1/2"), on.process("2/2")
        await on.hours.pass_(20)
        on.process("1/3")

        await on.ends(first)
        await on.hours.pass_(60)
        kept = on.leading()
        await on.ends(second)
        await on.hours.pass_(10)

        assert (kept, on.leading()) == (["2/2"], ["1/3"])


async def test_a_standby_of_the_old_layout_does_not_lead_in_the_new_one() -> None:
    async with a_stand() as on:
        leaders = [on.process("1/2"), on.process("2/2")]
        await on.hours.pass_(20)
        standby = on.process("1/2")
        await on.hours.pass_(5)

        await says(on, "3")
        await on.ends(*leaders)
        await on.hours.pass_(0.1)

        assert on.leading() == []
        assert not standby.is_leading


async def test_a_standby_of_an_undivided_fleet_leads_again_once_the_shards_are_gone() -> None:
    async with a_stand() as on:
        leader = on.process("1/1")
        await on.hours.pass_(5)
        on.process("1/1")
        await on.hours.pass_(5)
        await says(on, "2", holderIdentity="the 2 shards", leaseDurationSeconds=2**31 - 1)
        await on.ends(leader)
        await on.hours.pass_(30)

        assert on.leading() == ["1/1"]
        assert any("1/1 waits for the layout of 2" in why for why in on.told)


async def test_a_version_that_knows_no_shards_cannot_take_a_divided_fleet() -> None:
    async with a_stand() as on:
        on.process("1/2")
        await on.hours.pass_(20)
        elector = LeaseElector(
            api=DirectApi(on.cluster),
            clock=Wall(on.hours.monotonic, NOON),
            namespace="default",
            name=NAME,
            identity="old",
            timing=Timing(monotonic=on.hours.monotonic, sleep=on.hours.sleep),
        )
        taking = asyncio.create_task(elector.acquire())
        await on.hours.pass_(3600)
        taking.cancel()

        assert not elector.is_held


async def test_a_deleted_lease_does_not_let_another_layout_in() -> None:
    async with a_stand() as on:
        on.process("2/2")
        await on.hours.pass_(20)
        await DirectApi(on.cluster).create(LEASES, a_lease(f"{NAME}-1"))
        await DirectApi(on.cluster).delete(f"{LEASES}/{NAME}")

        on.process("1/1")
        on.process("1/3")
        await on.hours.pass_(60)

        assert on.leading() == ["2/2"]


async def test_a_change_whose_answer_is_lost_leaves_nobody_of_the_old_layout_in() -> None:
    async with a_stand() as on:
        first = on.process("1/1")
        await on.hours.pass_(5)
        await on.ends(first)

        async def lost() -> None:
            on.cluster.faults.fail_next(f"*/leases/{NAME}", Unreachable("lost"), stored=False)

        late = Interrupted(on.cluster, "get", f"{LEASES}/{NAME}", lost)
        on.process("1/2", late)
        await on.hours.pass_(40)

        assert on.leading() == ["1/2"]


async def test_nobody_of_the_old_layout_comes_in_while_it_is_changed() -> None:
    async with a_stand() as on:
        old = [on.process(shard) for shard in ("1/2", "2/2")]
        await on.hours.pass_(20)
        await on.ends(*old)

        async def comes_back() -> None:
            on.process("2/2")
            for _ in range(100):
                await asyncio.sleep(0)

        on.process("1/3", Interrupted(on.cluster, "patch", f"{LEASES}/{NAME}", comes_back))
        await on.hours.pass_(30)

        assert on.leading() == ["1/3"]


async def test_a_layout_that_came_meanwhile_is_not_changed_without_its_leases() -> None:
    async with a_stand() as on:
        old = [on.process(shard) for shard in ("1/2", "2/2")]
        await on.hours.pass_(20)
        await on.ends(*old)

        async def another() -> None:
            await says(on, "3")
            on.process("3/3")
            for _ in range(100):
                await asyncio.sleep(0)

        on.process("1/4", Interrupted(on.cluster, "patch", f"{LEASES}/{NAME}-1", another))
        await on.hours.pass_(30)

        assert on.leading() == ["3/3"]


async def test_nothing_is_written_before_the_layout_was_seen_after_the_lease_was_taken() -> None:
    async with a_stand() as on:
        seen: list[tuple[bool, bool]] = []

        async def looks() -> None:
            lease, _ = on.lives[0]
            seen.append((lease._own.is_held, lease.may_write(NOW)))
            api.again()

        api = Interrupted(on.cluster, "get", f"{LEASES}/{NAME}", looks)
        on.process("2/2", api)
        await on.hours.pass_(20)

        assert on.leading() == ["2/2"]
        assert (True, False) in seen
        assert (True, True) not in seen


async def test_who_comes_in_between_is_not_overwritten() -> None:
    async with a_stand() as on:

        async def another() -> None:
            await says(on, "3", holderIdentity="the 3 shards", leaseDurationSeconds=2**31 - 1)
            raise Conflict("somebody wrote")

        first = on.process("1/1")
        await on.hours.pass_(5)
        await on.ends(first)
        on.process("1/2", Interrupted(on.cluster, "patch", f"{LEASES}/{NAME}", another))
        await on.hours.pass_(1.5)

        assert on.leading() == []
        assert (await on.lease())["metadata"]["annotations"] == {SHARDS: "3"}


async def test_a_lease_that_says_nothing_readable_is_left_alone_and_told() -> None:
    async with a_stand() as on:
        await DirectApi(on.cluster).create(LEASES, a_lease(NAME))
        await says(on, "many")

        one, two = on.process("1/1"), on.process("1/2")
        await on.hours.pass_(60)

        assert on.leading() == []
        assert "rollout.dev/shards is 'many'; end all controllers, then delete the Lease" in one.waits == two.waits
