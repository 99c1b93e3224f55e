"""Does a freeze hold what starts and rises, and nothing that goes back?"""

from dataclasses import replace

import pytest

from rollout.model.commands import Verb
from rollout.model.freeze import Overrun
from rollout.model.names import BackendName, Key
from rollout.model.observation import Entry
from rollout.model.rollout import OnInconclusive
from rollout.model.status import Outcome, Phase
from tests.support.builders import NOON, a_freeze
from tests.support.frozen import HOUR, MINUTE, answer, at_rest, codes, now
from tests.support.pure_world import PureWorld, running


def phase(world: PureWorld) -> Phase:
    return world.status.phase


@pytest.mark.parametrize("overrun", Overrun)
def test_a_new_run_is_held_at_its_beginning_and_starts_when_the_freeze_ends(overrun: Overrun) -> None:
    world = at_rest(a_freeze(start=NOON, length=HOUR, overrun=overrun))

    world.pass_time(59 * MINUTE)

    assert world.share("v2") == 0
    assert codes(world) == {"Frozen"}
    assert phase(world) is Phase.PROGRESSING
    assert world.wake_at == NOON + HOUR

    world.pass_time(2 * MINUTE)

    assert world.share("v2") == 5


def test_the_hold_says_until_when_which_window_why_and_who_may_override_it() -> None:
    world = at_rest(a_freeze(start=NOON, length=HOUR, reason="year-end closing"))

    world.settle()

    assert world.status.reasons[0].message == (
        "frozen until 2026-11-21 13:00 UTC by FreezeWindow platform/year-end (year-end closing); "
        "`rollout override` goes on: users ana may"
    )
    assert world.status.conditions[0].reason == "Frozen"
    assert [one.type for one in world.status.conditions] == ["Ready", "Reconciling"]


def test_with_finish_a_run_in_hand_goes_on_to_its_end() -> None:
    world = running(2)
    world.freezes = (now(world),)

    world.pass_time(30 * MINUTE)

    assert phase(world) is Phase.IDLE
    assert world.share("v2") == 100


def test_with_hold_a_run_in_hand_keeps_its_weight_while_the_window_lasts() -> None:
    world = running(2)
    world.freezes = (now(world, overrun=Overrun.HOLD),)

    world.pass_time(59 * MINUTE)

    assert world.share("v2") == 5
    assert codes(world) == {"Frozen"}

    world.pass_time(2 * MINUTE)

    assert world.share("v2") == 50


def test_the_tick_is_woken_when_a_freeze_begins() -> None:
    world = running(2)
    world.freezes = (a_freeze(start=world.now + 2 * MINUTE, length=HOUR, overrun=Overrun.HOLD),)

    world.pass_time(10 * MINUTE)

    assert world.share("v2") == 5


def test_with_hold_a_run_at_full_weight_stays_promoting() -> None:
    world = running(2)
    world.spec = replace(world.spec, analysis=replace(world.spec.analysis, bake=10 * MINUTE))
    world.pass_time(10 * MINUTE)
    assert phase(world) is Phase.PROMOTING
    world.freezes = (now(world, overrun=Overrun.HOLD),)

    world.pass_time(30 * MINUTE)

    assert phase(world) is Phase.PROMOTING
    assert world.share("v2") == 100

    world.pass_time(31 * MINUTE)

    assert phase(world) is Phase.IDLE


def test_windows_one_after_the_other_are_one_and_the_end_told_is_the_last() -> None:
    other = Key(namespace="shop", name="stocktaking")
    world = at_rest(
        a_freeze(start=NOON, length=HOUR), a_freeze(start=NOON + HOUR, length=HOUR, key=other, reason="stocktaking")
    )

    world.settle()

    assert world.status.reasons[0].message.startswith("frozen until 2026-11-21 14:00 UTC by FreezeWindow platform/")


@pytest.mark.parametrize("overrun", Overrun)
def test_a_rollback_is_never_held(overrun: Overrun) -> None:
    world = running(2)
    world.freezes = (now(world, overrun=overrun),)
    world.settle()
    world.bad = 500

    world.pass_time(3 * MINUTE)

    assert phase(world) is Phase.FAILED
    assert world.share("v2") == 0


def test_an_abort_is_never_held() -> None:
    world = running(2)
    world.freezes = (now(world, overrun=Overrun.HOLD),)

    answer(world, Verb.ABORT)

    assert world.share("v2") == 0


def test_the_return_to_stable_is_never_held() -> None:
    world = running(2)
    world.freezes = (now(world, overrun=Overrun.HOLD),)
    world.settle()
    world.spec = replace(world.spec, revision="v1")

    world.settle()

    assert world.share("v2") == 0
    assert world.status.history[0].outcome is Outcome.RETURNED


def test_a_revert_to_the_former_stable_is_never_held() -> None:
    world = running(30)
    assert phase(world) is Phase.IDLE
    world.freezes = (now(world, overrun=Overrun.HOLD),)
    world.spec = replace(world.spec, revision="v1")

    world.settle()

    assert phase(world) is Phase.IDLE
    assert world.share("v1") == 100


def test_a_newer_revision_takes_the_weight_from_the_older_one_and_waits() -> None:
    world = running(2)
    world.freezes = (now(world),)
    world.spec = replace(world.spec, revision="v3")

    world.pass_time(30 * MINUTE)

    assert world.share("v2") == world.share("v3") == 0
    assert codes(world) == {"Frozen"}


def test_what_was_lowered_to_nothing_is_not_resumed_in_a_freeze() -> None:
    world = running(2)
    for route in world.spec.routes:
        world.give(route, v1=100)
    world.settle()
    assert phase(world) is Phase.PAUSED
    world.freezes = (now(world),)

    said = answer(world, Verb.RESUME)

    assert said.startswith("resume would raise the weight to 5 %: frozen until ")
    assert world.share("v2") == 0


@pytest.mark.parametrize("verb", [Verb.PROMOTE, Verb.PROMOTE_FULL])
def test_no_promotion_skips_a_freeze(verb: Verb) -> None:
    world = running(2)
    world.freezes = (now(world, overrun=Overrun.HOLD),)
    world.settle()

    said = answer(world, verb)

    assert said.startswith(f"{verb} never skips a freeze: frozen until ")
    assert world.share("v2") == 5


def test_a_first_deployment_waits_for_the_end_of_a_freeze() -> None:
    world = PureWorld(freezes=(a_freeze(start=NOON, length=HOUR),))
    nobody = Entry(backend=BackendName(service="checkout"), weight=100)
    world.pools = {ref: (replace(pools[0], entries=(nobody,)),) for ref, pools in world.pools.items()}

    world.pass_time(59 * MINUTE)

    assert codes(world) == {"Frozen"}
    assert world.share("v1") == 0

    world.pass_time(2 * MINUTE)

    assert world.share("v1") == 100


def test_frozen_time_does_not_count_for_the_step_deadline() -> None:
    world = running(2)
    analysis = replace(world.spec.analysis, on_inconclusive=OnInconclusive.ROLLBACK, step_deadline=10 * MINUTE)
    world.spec = replace(world.spec, analysis=analysis)
    world.freezes = (now(world, overrun=Overrun.HOLD),)
    world.bad = None

    world.pass_time(59 * MINUTE)

    assert phase(world) is Phase.PROGRESSING

    world.pass_time(15 * MINUTE)

    assert phase(world) is Phase.FAILED


def test_nobody_asks_for_pods_of_a_run_that_a_freeze_keeps_waiting() -> None:
    world = at_rest(a_freeze(start=NOON, length=HOUR))
    world.services["v2"].ready = 0

    world.pass_time(50 * MINUTE)

    assert phase(world) is Phase.PROGRESSING
    assert codes(world) == {"Frozen", "NotAvailable"}


def test_with_hold_a_canary_that_dies_still_goes_back() -> None:
    world = running(2)
    world.freezes = (now(world, overrun=Overrun.HOLD),)
    world.settle()
    world.services["v2"].ready = 0

    world.pass_time(MINUTE)

    assert phase(world) is Phase.FAILED
