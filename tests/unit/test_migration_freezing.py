"""Does a freeze keep namespaces from changing, and nothing from going back?"""

from datetime import timedelta

import pytest

from rollout.migration.decide import decide
from rollout.migration.fleet import begin_hold, change_hold, unenrol_hold
from rollout.migration.stages import Trigger
from rollout.model.commands import Verb
from rollout.model.freeze import FreezeWindow, Overrun
from rollout.model.migration import MigrationStatus, Stage
from tests.support.builders import NOON, a_freeze
from tests.support.fleets import a_fleet, a_wave, put
from tests.support.moving import STRICT, a_view, an_order, enrolled, seen_of

HOUR = timedelta(hours=1)
CORE = a_wave("core", "shop", "pay", concurrency=2)


def now(**changes: object) -> FreezeWindow:
    """A window that holds at NOON, for an hour."""
    return a_freeze(start=NOON, length=HOUR, **changes)


def test_a_freeze_says_until_when_which_window_and_why() -> None:
    hold = begin_hold(a_fleet(CORE, freezes=(now(reason="year-end closing"),)), "shop")

    assert hold is not None
    assert (hold.code, hold.message) == (
        "Frozen",
        "frozen until 2026-11-21 13:00 UTC by FreezeWindow platform/year-end (year-end closing)",
    )


@pytest.mark.parametrize(
    ("reach", "is_held"),
    [((), True), (("*",), True), (("shop",), True), (("pay", "other"), True), (("other",), False)],
)
def test_a_freeze_means_a_wave_by_any_namespace_that_moves_with_it(reach: tuple[str, ...], is_held: bool) -> None:
    fleet = a_fleet(CORE, freezes=(now(reach=reach),))

    assert (change_hold(fleet, "shop") is not None) is is_held


@pytest.mark.parametrize(("overrun", "is_held"), [(Overrun.FINISH, False), (Overrun.HOLD, True)])
@pytest.mark.parametrize("stage", [Stage.ENROLLING, Stage.STRICT_CANARY, Stage.STRICT])
def test_a_namespace_that_changes_already_goes_on_where_the_window_says_finish(
    stage: Stage, overrun: Overrun, is_held: bool
) -> None:
    fleet = put(a_fleet(CORE, freezes=(now(overrun=overrun),)), "shop", stage=stage)

    assert (change_hold(fleet, "shop") is not None) is is_held
    assert change_hold(fleet, "pay") is not None


def test_a_freeze_that_is_over_or_to_come_holds_nobody() -> None:
    over, ahead = a_freeze(start=NOON - HOUR, length=HOUR), a_freeze(start=NOON + HOUR, length=HOUR)

    assert begin_hold(a_fleet(CORE, freezes=(over, ahead)), "shop") is None


def test_who_leaves_the_mesh_is_not_asked_for_a_freeze() -> None:
    fleet = a_fleet(CORE, freezes=(now(overrun=Overrun.HOLD),), stages={"shop": Stage.ROLLING_BACK})

    assert unenrol_hold(fleet, "shop") is None


@pytest.mark.parametrize(("verb", "stage"), [(Verb.FALLBACK, Stage.FALLING_BACK), (Verb.ABORT, Stage.FALLING_BACK)])
def test_what_opens_is_written_in_a_freeze(verb: Verb, stage: Stage) -> None:
    view = a_view(Stage.STRICT, ns=enrolled(STRICT))
    order = an_order(verb, "" if verb is Verb.ABORT else "shop")
    seen = seen_of(view, commands=(order,), freezes=(now(overrun=Overrun.HOLD),))

    decision = decide(view.spec, MigrationStatus(namespaces=(view.status,)), seen, NOON)

    assert decision.status.of("shop").stage is stage
    assert decision.actions[0].opens


def test_a_namespace_waits_before_it_becomes_strict_and_is_woken_at_the_end() -> None:
    view = a_view(Stage.REHEARSAL)
    status = MigrationStatus(namespaces=(view.status,))

    free = decide(view.spec, status, seen_of(view), NOON)
    held = decide(view.spec, status, seen_of(view, freezes=(now(),)), NOON)

    assert [reason.code for _, reason in free.events][:1] == [Trigger.REHEARSED]
    assert held.status.of("shop").stage is Stage.REHEARSAL
    assert "Frozen" in {reason.code for reason in held.status.of("shop").reasons}
    assert held.wake_at is not None
    assert held.wake_at <= NOON + HOUR
