"""When are commit statuses looked after, and does trouble with a forge stay where it is?"""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from rollout.controller.kept_commits import ROUND
from rollout.model.names import Key
from rollout.ports.forges import CommitState, CommitStatus
from tests.support.builders import a_revision, a_run, a_status
from tests.support.commit_rounds import RARE, Kept, settled
from tests.support.commit_world import APPS, FIRST, SECOND, a_git_source, a_source_status, a_stored

OTHERS = Key(namespace="pay", name="others")
SERVING = a_status(stable=a_revision("v2"))


@pytest.fixture
async def kept() -> AsyncIterator[Kept]:
    kept = Kept()
    yield kept
    await kept.kept.close()


async def test_a_source_is_looked_at_once_and_then_only_when_something_changes(kept: Kept) -> None:
    assert await kept.second() == (APPS,)
    assert await kept.second(5) == ()

    kept.world.rollouts.put(a_stored(status=SERVING))

    assert await kept.second() == (APPS,)
    assert kept.contexts() == ["rollout/validate", "rollout/shop/checkout"]


async def test_a_source_that_took_another_commit_is_looked_at(kept: Kept) -> None:
    await kept.second()
    kept.world.sources.put(a_git_source(), a_source_status(SECOND))

    await kept.second()

    assert [commit for commit, _ in kept.world.forges.written] == [FIRST, SECOND]


async def test_a_rollout_wakes_its_own_source_alone(kept: Kept) -> None:
    kept.world.sources.put(a_git_source(OTHERS), a_source_status(), OTHERS)
    await kept.second()
    kept.world.rollouts.put(a_stored(status=SERVING), owner=OTHERS)

    assert await kept.second() == (OTHERS,)


async def test_a_round_reads_what_has_changed_however_many_there_are(kept: Kept) -> None:
    for number in range(5):
        kept.world.rollouts.put(a_stored(Key(namespace="shop", name=f"s-{number}"), SERVING))
    await kept.second(2)
    kept.world.rollouts.read.clear()

    await kept.second(5)
    idle = tuple(kept.world.rollouts.read)
    kept.world.rollouts.put(a_stored(Key(namespace="shop", name="s-3"), SERVING))
    await kept.kept.tick(ROUND)

    assert idle == ()
    assert kept.world.rollouts.read[:1] == [Key(namespace="shop", name="s-3")]


async def test_a_rollout_that_goes_or_changes_hands_wakes_the_source_that_had_it(kept: Kept) -> None:
    kept.world.sources.put(a_git_source(OTHERS), a_source_status(), OTHERS)
    kept.world.rollouts.put(a_stored(status=SERVING))
    await kept.second()

    kept.world.rollouts.put(a_stored(status=SERVING), owner=OTHERS)
    handed_over = await kept.second()
    kept.world.rollouts.held.clear()

    assert handed_over == (OTHERS, APPS)
    assert await kept.second() == (OTHERS,)


async def test_a_source_without_a_forge_is_left_alone(kept: Kept) -> None:
    kept.world.sources.put(a_git_source(forge=None), a_source_status())
    kept.world.sources.put(a_git_source(OTHERS), a_source_status(), OTHERS)
    kept.world.rollouts.put(a_stored(status=SERVING))

    assert set(await kept.second(3)) == {OTHERS}


async def test_progress_that_had_to_wait_is_said_when_its_time_has_come(kept: Kept) -> None:
    kept.world.rollouts.put(a_stored(status=a_status(run=a_run())))
    await kept.second()
    kept.world.rollouts.put(a_stored(status=a_status(run=a_run(step=2, weight=50))))

    await kept.second(12)

    texts = [status.text for _, status in kept.world.forges.written if status.context == "rollout/shop/checkout"]
    assert texts == ["v2: step 1 of 2 at 5 %", "v2: step 2 of 2 at 50 %"]


async def test_a_round_never_waits_for_a_forge_and_asks_four_things_at_once(kept: Kept) -> None:
    kept.world.forges.hold()
    keys = [Key(namespace="pay", name=f"s{number}") for number in range(9)]
    for key in keys:
        kept.world.sources.put(a_git_source(key), a_source_status(), key)

    await kept.second(3)

    assert len(kept.world.forges.asked) == 4
    kept.world.forges.let_go()
    await settled()
    assert len(kept.world.forges.asked) == 10


async def test_a_replica_that_lost_the_lease_says_nothing_and_lists_anew_when_it_leads_again(kept: Kept) -> None:
    kept.world.rollouts.put(a_stored(status=a_status(run=a_run())))
    await kept.second()
    kept.world.leads = False
    kept.world.rollouts.put(a_stored(status=SERVING))
    assert await kept.second(3) == ()
    done = CommitStatus(context="rollout/shop/checkout", state=CommitState.SUCCESS, text="v2 serves all traffic")
    await kept.world.forges.say(a_git_source(), "forge-token-1234", FIRST, done)  # who leads meanwhile
    count = len(kept.contexts())
    kept.world.leads = True

    assert await kept.second() == (APPS,)
    assert len(kept.contexts()) == count


async def test_a_replica_that_leads_again_lists_anew_even_where_no_round_saw_it_lose_the_lease(kept: Kept) -> None:
    await kept.second()
    kept.world.forges.asked.clear()
    kept.world.clock.advance(timedelta(minutes=5))

    kept.kept.objects()
    await kept.second()

    assert kept.world.forges.asked == [FIRST]


async def test_a_lease_that_is_in_doubt_for_a_moment_only_delays(kept: Kept) -> None:
    await kept.kept.tick(ROUND)
    kept.world.leads = False  # before the look that was set off begins
    await settled()
    kept.world.leads = True

    await kept.second()

    assert kept.contexts() == ["rollout/validate"]


async def test_what_was_in_hand_at_the_start_is_ended_when_git_moves_on(kept: Kept) -> None:
    pending = CommitStatus(context="rollout/shop/checkout", state=CommitState.PENDING, text="v2: step 1 of 2 at 5 %")
    await kept.world.forges.say(a_git_source(), "forge-token-1234", FIRST, pending)
    kept.world.rollouts.put(a_stored(status=a_status(run=a_run())))
    assert kept.kept.objects() == (ROUND,)
    kept.world.rollouts.put(a_stored(status=a_status(run=a_run()), commit=SECOND))

    await kept.second()

    ended = {(commit, status.context): status.state for commit, status in kept.world.forges.written}
    assert ended[FIRST, "rollout/shop/checkout"] is CommitState.SUPERSEDED


async def test_what_changes_during_a_look_is_looked_at_after_it(kept: Kept) -> None:
    kept.world.forges.hold()
    await kept.second()
    kept.world.rollouts.put(a_stored(status=SERVING))
    await kept.second()
    kept.world.forges.let_go()
    await settled()

    await kept.second()

    assert kept.contexts() == ["rollout/validate", "rollout/shop/checkout"]


async def test_while_no_source_has_a_forge_the_round_is_rare(kept: Kept) -> None:
    held = dict(kept.world.sources.held)
    kept.world.sources.held.clear()

    idle = (await kept.kept.tick(ROUND)).wake_at
    kept.world.sources.held.update(held)

    assert idle == kept.world.clock.now() + RARE
    assert await kept.second() == (APPS,)


async def test_a_source_that_is_gone_is_forgotten(kept: Kept) -> None:
    kept.world.rollouts.put(a_stored(status=a_status(run=a_run())))
    await kept.second()
    kept.world.sources.held.clear()

    await kept.second()
    await kept.second()

    assert kept.contexts()[-1] == "rollout/shop/checkout"
    assert kept.world.forges.written[-1][1].state is CommitState.SUPERSEDED
    assert await kept.second(5) == ()
