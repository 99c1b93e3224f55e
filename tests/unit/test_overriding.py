"""Who lets a run go on in a freeze, and for how long?"""

from dataclasses import replace

import pytest

from policies.approval import Approvers, Realm
from policies.freeze import Recurring
from rollout.model.commands import Verb
from rollout.model.freeze import Overrun
from rollout.model.names import Key
from tests.support.builders import NOON, a_freeze
from tests.support.frozen import HOUR, MINUTE, answer, at_rest, codes, now
from tests.support.pure_world import running


def test_whom_every_window_admits_lets_the_run_go_on_for_a_reason() -> None:
    world = at_rest(a_freeze(start=NOON, length=HOUR))
    world.settle()

    said = answer(world, Verb.OVERRIDE, reason="payments are down")

    assert said == "run 1 goes on; a freeze that begins later holds it"
    assert world.share("v2") == 5
    override = world.status.run.override if world.status.run else None
    assert override is not None
    assert (override.by, override.windows, override.reason) == ("ana", ("platform/year-end",), "payments are down")


OTHER = Key(namespace="shop", name="stocktaking")
REFUSED: dict[str, dict[str, object]] = {
    "override needs a reason": {"reason": " "},
    "ben may not override FreezeWindow platform/year-end: users ana may": {"actor": "ben"},
    "slack:T1/ANA may not override FreezeWindow platform/year-end: users ana may": {
        "actor": "T1/ANA",
        "realm": Realm.SLACK,
        "vouched": "platform",
    },
    "made for run 7, now it is run 1 (v2)": {"run": 7},
    "override must say the run; now it is 1": {"run": None},
}


@pytest.mark.parametrize("said", REFUSED)
def test_an_override_is_refused_with_what_it_lacks(said: str) -> None:
    world = at_rest(a_freeze(start=NOON, length=HOUR))
    world.settle()

    answered = answer(world, Verb.OVERRIDE, **({"reason": "payments are down"} | REFUSED[said]))

    assert answered == said
    assert world.share("v2") == 0


def test_one_window_that_nobody_may_override_holds_whatever_the_others_say() -> None:
    closed = a_freeze(start=NOON, length=HOUR, key=OTHER, override=None)
    world = at_rest(a_freeze(start=NOON, length=HOUR), closed)
    world.settle()

    said = answer(world, Verb.OVERRIDE, reason="payments are down")

    assert said == "ana may not override FreezeWindow shop/stocktaking: nobody may"
    assert "nobody may override shop/stocktaking" in world.status.reasons[0].message


@pytest.mark.parametrize(("vouched", "is_let"), [("platform", True), ("shop", False)])
def test_a_tenants_receiver_vouches_for_nobody_in_a_freeze_of_the_platform(vouched: str, is_let: bool) -> None:
    world = at_rest(
        a_freeze(start=NOON, length=HOUR, override=Approvers(slack_users=("T1/ANA",)), vouched=("platform",))
    )
    world.settle()

    answer(world, Verb.OVERRIDE, actor="T1/ANA", realm=Realm.SLACK, vouched=vouched, reason="payments are down")

    assert (world.share("v2") == 5) is is_let


def test_nothing_is_overridden_where_nothing_is_frozen() -> None:
    world = running(2)
    world.freezes = (now(world),)  # finish: it holds no run in hand

    assert answer(world, Verb.OVERRIDE, reason="to be sure") == "no freeze holds run 1: nothing is to be overridden"


def test_a_window_that_begins_later_is_not_overridden() -> None:
    later = a_freeze(start=NOON + 3 * MINUTE, length=HOUR, key=OTHER, overrun=Overrun.HOLD)
    world = at_rest(a_freeze(start=NOON, length=HOUR), later)
    world.settle()
    answer(world, Verb.OVERRIDE, reason="payments are down")

    world.pass_time(30 * MINUTE)

    assert world.share("v2") == 5
    assert "shop/stocktaking" in world.status.reasons[0].message


def test_the_same_window_holds_again_the_next_time_it_comes() -> None:
    nightly = a_freeze(start=NOON, length=HOUR, overrun=Overrun.HOLD)
    again = Recurring(schedule="0 12,13 * * *", duration=30 * MINUTE)
    world = at_rest(replace(nightly, windows=(again,)))
    world.spec = replace(world.spec, steps=tuple(replace(one, soak=2 * HOUR) for one in world.spec.steps))
    world.settle()
    answer(world, Verb.OVERRIDE, reason="payments are down")
    assert world.share("v2") == 5

    world.pass_time(65 * MINUTE)

    assert "Frozen" in codes(world)


def test_an_override_binds_to_its_run() -> None:
    world = at_rest(a_freeze(start=NOON, length=HOUR))
    world.settle()
    answer(world, Verb.OVERRIDE, reason="payments are down")
    world.spec = replace(world.spec, revision="v3")

    world.pass_time(MINUTE)

    assert "Frozen" in codes(world)
    assert world.share("v3") == 0
