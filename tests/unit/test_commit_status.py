"""Is each thing said once, progress at a measured pace, and is trouble told?"""

from datetime import timedelta
from itertools import pairwise

import pytest

from rollout.model.names import Key
from rollout.model.source import Forge, ForgeKind
from rollout.model.status import Outcome, Past, Phase, Reason, RolloutStatus
from rollout.ports.errors import Forbidden, LeaseLost, NotFound, Rejected, Unreachable
from rollout.ports.forges import CommitState, CommitStatus
from tests.support.builders import NOON, a_revision, a_run, a_status
from tests.support.commit_world import (
    APPS,
    FIRST,
    TOKEN,
    CommitWorld,
    a_git_source,
    a_source_status,
    a_stored,
)

PENDING, SUCCESS, FAILURE, SUPERSEDED = CommitState
SERVING = a_status(stable=a_revision("v2"))
CART = Key(namespace="shop", name="cart")


@pytest.fixture
def world() -> CommitWorld:
    return CommitWorld()


def running(step: int = 1, weight: int = 5, why: str = "soaking") -> RolloutStatus:
    """A run of v2 that waits for something."""
    return a_status(run=a_run(step=step, weight=weight), reasons=(Reason(code="Soaking", message=why),))


async def test_a_commit_says_that_it_was_taken_and_how_its_rollout_fares(world: CommitWorld) -> None:
    world.rollouts.put(a_stored(status=running()))

    said = await world.said()

    assert said == [
        ("1", "shop/checkout", PENDING, "v2: step 1 of 2 at 5 %: soaking"),
        ("1", "validate", SUCCESS, "2 specs"),
    ]


async def test_what_was_said_is_not_said_again_and_costs_nothing(world: CommitWorld) -> None:
    world.rollouts.put(a_stored(status=SERVING))
    await world.said()
    world.forges.asked.clear()
    world.sources.asked.clear()

    said = await world.said(NOON + timedelta(hours=1))

    assert (said, world.forges.asked, world.sources.asked) == ([], [], [])


async def test_a_new_process_lists_a_commit_once_and_says_only_what_is_new(world: CommitWorld) -> None:
    world.rollouts.put(a_stored(status=running()))
    await world.said()
    world.service = world.fresh()
    world.forges.asked.clear()
    world.rollouts.put(a_stored(status=SERVING))

    said = await world.said()

    assert said == [("1", "shop/checkout", SUCCESS, "v2 serves all traffic")]
    assert world.forges.asked == [FIRST]


async def test_a_text_that_the_forge_had_to_cut_is_known_again(world: CommitWorld) -> None:
    world.rollouts.put(a_stored(status=running(why="why " * 100)))
    await world.said()
    world.service = world.fresh()

    assert await world.said() == []


async def test_the_next_step_is_said_at_most_every_10_seconds(world: CommitWorld) -> None:
    world.rollouts.put(a_stored(status=running()))
    await world.said()
    world.rollouts.put(a_stored(status=running(step=2, weight=50)))

    early = await world.said(NOON + timedelta(seconds=9))
    looked = await world.service.look(APPS, NOON + timedelta(seconds=9))
    later = await world.said(NOON + timedelta(seconds=10))

    assert early == []
    assert looked.wake_at == NOON + timedelta(seconds=10)
    assert later == [("1", "shop/checkout", PENDING, "v2: step 2 of 2 at 50 %: soaking")]


async def test_an_ending_is_said_at_once(world: CommitWorld) -> None:
    world.rollouts.put(a_stored(status=running()))
    await world.said()
    world.rollouts.put(a_stored(status=SERVING))

    assert await world.said() == [("1", "shop/checkout", SUCCESS, "v2 serves all traffic")]


async def test_another_wording_of_the_same_step_waits_longer_and_longer(world: CommitWorld) -> None:
    moments = []
    for second in range(0, 2 * 3600, 10):
        world.rollouts.put(a_stored(status=running(why=f"{second} of 9999 requests")))
        if any(context == "shop/checkout" for _, context, _, _ in await world.said(NOON + timedelta(seconds=second))):
            moments.append(second)

    assert moments == [0, 10, 30, 70, 150, 310, 630, 1270, 2550, 5110]


async def test_another_wording_never_waits_longer_than_an_hour(world: CommitWorld) -> None:
    moments = []
    for minute in range(0, 12 * 60, 5):
        world.rollouts.put(a_stored(status=running(why=f"{minute} of 9999 requests")))
        if await world.said(NOON + timedelta(minutes=minute)):
            moments.append(minute)

    assert max(later - before for before, later in pairwise(moments)) == 60


async def test_a_run_of_days_never_reaches_the_1000_statuses_that_github_takes(world: CommitWorld) -> None:
    for minute in range(0, 30 * 24 * 60, 30):
        world.rollouts.put(a_stored(status=running(why=f"{minute} of 999999 requests")))
        await world.said(NOON + timedelta(minutes=minute))

    assert len(world.forges.written) < 1000


async def test_a_retry_turns_a_failure_into_pending_again(world: CommitWorld) -> None:
    past = Past(run=1, revision="v2", stable="v1", outcome=Outcome.FAILED, started=NOON, ended=NOON, message="errors")
    world.rollouts.put(a_stored(status=a_status(phase=Phase.FAILED, failed=a_revision("v2"), history=(past,))))
    failed = await world.said()
    world.rollouts.put(a_stored(status=running()))

    retried = await world.said()

    assert failed[0] == ("1", "shop/checkout", FAILURE, "v2 failed: errors")
    assert retried == [("1", "shop/checkout", PENDING, "v2: step 1 of 2 at 5 %: soaking")]


async def test_a_rollout_that_comes_to_a_known_commit_is_compared_with_what_was_listed(world: CommitWorld) -> None:
    world.rollouts.put(a_stored(CART, status=SERVING))
    await world.said()
    world.service = world.fresh()
    world.rollouts.put(a_stored(CART, status=running()), owner=Key(namespace="shop", name="another"))
    world.rollouts.put(a_stored(status=SERVING))
    await world.said()
    world.forges.asked.clear()
    world.rollouts.put(a_stored(CART, status=SERVING))

    assert await world.said() == []
    assert world.forges.asked == []


async def test_only_rollouts_of_the_source_are_told(world: CommitWorld) -> None:
    world.rollouts.put(a_stored(status=SERVING), owner=Key(namespace="shop", name="another"))

    assert [context for _, context, _, _ in await world.said()] == ["validate"]


async def test_what_a_forge_refuses_is_not_repeated_for_an_hour_and_keeps_nothing_else_back(world: CommitWorld) -> None:
    unknown = "4" * 40
    world.rollouts.put(a_stored(status=SERVING, commit=unknown))
    world.rollouts.put(a_stored(CART, status=SERVING))

    looked = await world.service.look(APPS, NOON)
    again = await world.service.look(APPS, NOON + timedelta(minutes=59))
    after = await world.service.look(APPS, NOON + timedelta(minutes=60))

    assert isinstance(looked.trouble, NotFound)
    assert [status.context for _, status in world.forges.written] == ["rollout/shop/cart", "rollout/validate"]
    assert (again.trouble, again.wake_at) == (None, NOON + timedelta(minutes=60))
    assert isinstance(after.trouble, NotFound)


async def test_a_refused_status_is_said_once_it_is_another(world: CommitWorld) -> None:
    world.forges.refuse(Rejected("the text is not good"))
    world.rollouts.put(a_stored(status=running()))
    await world.service.look(APPS, NOON)
    world.forges.refuse(None)
    world.rollouts.put(a_stored(status=SERVING))

    said = await world.said()

    assert said == [("1", "shop/checkout", SUCCESS, "v2 serves all traffic")]


@pytest.mark.parametrize("error", [Unreachable("no answer"), Forbidden("no right")])
async def test_trouble_with_the_forge_is_raised_and_the_next_look_says_it(
    world: CommitWorld, error: Unreachable | Forbidden
) -> None:
    world.forges.fail(error)
    with pytest.raises(type(error)):
        await world.said()
    world.forges.fail(None)

    assert await world.said() == [("1", "validate", SUCCESS, "2 specs")]


async def test_a_secret_that_is_missing_is_raised(world: CommitWorld) -> None:
    world.sources.trouble = NotFound("Secret shop/forge is not there")

    with pytest.raises(NotFound, match="shop/forge"):
        await world.said()


async def test_a_replica_that_may_not_write_says_nothing(world: CommitWorld) -> None:
    world.leads = False

    with pytest.raises(LeaseLost):
        await world.said()

    assert (world.forges.written, world.forges.asked) == ([], [])


async def test_texts_are_cut_to_what_the_sources_own_forge_takes(world: CommitWorld) -> None:
    lengths = {}
    for kind in ForgeKind:
        world.service = world.fresh()
        forge = Forge(kind=kind, secret="forge")
        world.sources.put(a_git_source(forge=forge), a_source_status(FIRST, "InvalidSpecs", f"{kind} " + "why " * 100))
        lengths[kind] = len((await world.said())[0][3])

    assert lengths == {ForgeKind.GITHUB: 140, ForgeKind.GITLAB: 255, ForgeKind.GITEA: 255}


async def test_what_others_say_of_the_commit_is_left_alone(world: CommitWorld) -> None:
    build = CommitStatus(context="build", state=PENDING, text="building")
    await world.forges.say(a_git_source(), TOKEN, FIRST, build)

    await world.said()

    assert (await world.forges.statuses(a_git_source(), TOKEN, FIRST))["build"] == build
