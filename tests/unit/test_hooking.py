"""What does each webhook's answer do to a run, and which answers count for nothing?"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rollout.model.commands import Verb
from rollout.model.hooks import OWED_KEPT, Hook, HookAnswer, HookCount, HookOwed, HookType
from rollout.model.observation import Observation
from rollout.model.rollout import Step
from rollout.model.status import Outcome, Past, Phase, Reason, RolloutStatus
from rollout.progression.hook_questions import checksum, due, event_questions, phase_word
from rollout.progression.hooking import hook_holds, hooked, last_hook, owed_after, told_to_go_back
from rollout.progression.view import View
from tests.support.builders import NOON, a_revision, a_run, a_spec, a_status
from tests.support.pure_world import PureWorld

MINUTE = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
SHORT = (Step(weight=5, soak=MINUTE), Step(weight=50, soak=MINUTE))


def a_hook(type_: HookType, **more: Any) -> Hook:
    """A webhook called `one`."""
    return replace(Hook(name="one", type=type_, url="http://tester.test/"), **more)


def a_world(*hooks: Hook, **said: bool | None) -> PureWorld:
    """git names v2, two steps of a minute, and nobody judges but these hooks, who say so."""
    world = PureWorld(hooks=dict(said))
    world.settle()
    world.spec = replace(world.spec, revision="v2", steps=SHORT, objectives=(), hooks=hooks)
    return world


def an_answer(passed: bool = True, **changes: Any) -> HookAnswer:
    """What was answered at noon in step 1 of run 1."""
    answer = HookAnswer(passed=passed, message="403: Forbidden", run=1, step=1, asked=NOON, at=NOON)
    return replace(answer, **changes)


def a_view(*hooks: Hook, status: RolloutStatus | None = None, **answers: HookAnswer) -> View:
    """Run 1 in step 1 at noon, and what its hooks said last."""
    return View(
        spec=a_spec(hooks=hooks, objectives=()),
        status=status or a_status(run=a_run()),
        seen=Observation(hooks=answers),
        verdicts=(),
        now=NOON + SECOND,
    )


PROMOTED, NO_WEIGHT = ("Idle", "v2", 100), ("Progressing", "v1", 0)
TABLE = [
    (HookType.CONFIRM_ROLLOUT, True, PROMOTED, ""),
    (HookType.CONFIRM_ROLLOUT, False, NO_WEIGHT, "HookClosed"),
    (HookType.CONFIRM_ROLLOUT, None, NO_WEIGHT, "HookWaiting"),
    (HookType.PRE_ROLLOUT, True, PROMOTED, ""),
    (HookType.PRE_ROLLOUT, False, ("Failed", "v1", 0), "Failed"),
    (HookType.PRE_ROLLOUT, None, NO_WEIGHT, "HookPending"),
    (HookType.ROLLOUT, True, PROMOTED, ""),
    (HookType.ROLLOUT, False, ("Failed", "v1", 0), "Failed"),
    (HookType.ROLLOUT, None, ("Progressing", "v1", 5), "HookPending"),
    (HookType.CONFIRM_TRAFFIC_INCREASE, True, PROMOTED, ""),
    (HookType.CONFIRM_TRAFFIC_INCREASE, False, NO_WEIGHT, "HookClosed"),
    (HookType.CONFIRM_TRAFFIC_INCREASE, None, NO_WEIGHT, "HookWaiting"),
    (HookType.CONFIRM_PROMOTION, True, PROMOTED, ""),
    (HookType.CONFIRM_PROMOTION, False, ("Progressing", "v1", 50), "HookClosed"),
    (HookType.CONFIRM_PROMOTION, None, ("Progressing", "v1", 50), "HookWaiting"),
    (HookType.POST_ROLLOUT, True, PROMOTED, ""),
    (HookType.POST_ROLLOUT, False, PROMOTED, ""),
    (HookType.POST_ROLLOUT, None, PROMOTED, ""),
    (HookType.ROLLBACK, True, ("Failed", "v1", 0), "Failed"),
    (HookType.ROLLBACK, False, PROMOTED, ""),
    (HookType.ROLLBACK, None, PROMOTED, ""),
    (HookType.EVENT, False, PROMOTED, ""),
]


@pytest.mark.parametrize(("type_", "says", "ends", "code"), TABLE)
def test_every_answer_of_every_type_does_what_the_table_says(
    type_: HookType, says: bool | None, ends: tuple[str, str, int], code: str
) -> None:
    world = a_world(a_hook(type_), one=says)

    world.pass_time(4 * MINUTE)

    stable = world.status.stable
    assert (world.status.phase.value, stable.name if stable else "", int(world.share("v2"))) == ends
    assert [reason.code for reason in world.status.reasons] == ([code] if code else [])


def test_every_type_is_in_the_table() -> None:
    assert {row[0] for row in TABLE} == set(HookType)


@pytest.mark.parametrize(
    ("changes", "why"),
    [({"run": 7}, "another run"), ({"step": 2}, "another step"), ({"asked": NOON - SECOND}, "before the step began")],
)
def test_an_answer_for_something_else_counts_for_nothing(changes: dict[str, Any], why: str) -> None:
    hooks = (a_hook(HookType.ROLLBACK), a_hook(HookType.ROLLOUT, name="two"))
    asked = an_answer(passed=True, **changes)
    view = a_view(*hooks, one=asked, two=replace(asked, passed=False))

    status = hooked(view)

    assert told_to_go_back(view) is None, why
    assert status.run is not None
    assert status.run.hooks == (), why


@pytest.mark.parametrize("said", [(True,), (True, False), (False, True, False)])
def test_a_row_of_failures_is_ended_by_a_call_that_passed(said: tuple[bool, ...]) -> None:
    view, hook = a_view(a_hook(HookType.ROLLOUT, failures=3)), a_hook(HookType.ROLLOUT, failures=3)

    for number, passed in enumerate(said):
        at = NOON + number * 15 * SECOND
        view = a_view(hook, status=hooked(a_view(hook, status=view.status, one=an_answer(passed, at=at))))

    assert [count.failures for count in view.run.hooks] == ([] if said[-1] else [1])


def test_one_answer_counts_once_however_often_it_is_looked_at() -> None:
    hook = a_hook(HookType.ROLLOUT, failures=3)
    status = a_status(run=a_run())

    for _ in range(5):
        status = hooked(a_view(hook, status=status, one=an_answer(False)))

    assert status.run is not None
    assert status.run.hooks == (HookCount(name="one", step=1, failures=1, at=NOON, message="403: Forbidden"),)


def test_a_new_step_begins_a_new_row() -> None:
    count = HookCount(name="one", step=1, failures=2, at=NOON)
    status = a_status(run=a_run(step=2, hooks=(count,)))

    hooks = hooked(a_view(a_hook(HookType.ROLLOUT, failures=3), status=status))

    assert hooks.run is not None
    assert hooks.run.hooks == ()


def test_a_muted_gate_is_told_but_is_no_news() -> None:
    view = a_view(a_hook(HookType.CONFIRM_TRAFFIC_INCREASE, mute_alert=True), one=an_answer(False))

    reason = last_hook(view)

    assert reason is not None
    assert (reason.code, reason.warning) == ("HookWaiting", False)
    assert reason.message == "confirm-traffic-increase hook one does not say yes: 403: Forbidden"


def test_a_gate_that_was_open_long_ago_is_asked_once_more() -> None:
    view = a_view(a_hook(HookType.CONFIRM_TRAFFIC_INCREASE), one=an_answer(True))

    now, later = last_hook(view), last_hook(replace(view, now=NOON + 31 * SECOND))

    assert now is None
    assert later is not None
    assert later.code == "HookWaiting"


def test_promote_passes_over_rollout_hooks_and_no_gate() -> None:
    hooks = (a_hook(HookType.ROLLOUT), a_hook(HookType.CONFIRM_TRAFFIC_INCREASE, name="gate"))
    run = a_run(skip=True)

    view = a_view(*hooks, status=a_status(run=run))

    assert hook_holds(view) is None
    assert last_hook(view) is not None


def test_promote_full_waits_for_the_tests_before_the_first_weight() -> None:
    world = a_world(a_hook(HookType.PRE_ROLLOUT), one=None)
    world.settle()
    world.command(Verb.PROMOTE_FULL)

    world.pass_time(MINUTE)

    assert world.share("v2") == 0
    assert [reason.code for reason in world.status.reasons] == ["HookPending"]


def test_who_tests_before_the_first_weight_is_asked_once_the_canary_can_serve() -> None:
    world = a_world(a_hook(HookType.PRE_ROLLOUT))
    world.services["v2"].ready = 0
    world.pass_time(MINUTE)
    early = dict(world.heard)
    world.services["v2"].ready = 4

    world.pass_time(30 * SECOND)

    assert early == {}
    assert world.share("v2") == 5


def test_a_gate_that_waits_does_not_stop_the_clock_of_missing_capacity() -> None:
    world = a_world(a_hook(HookType.CONFIRM_PROMOTION), one=False)
    world.pass_time(90 * SECOND)
    world.services["v2"].ready = 2

    world.pass_time(11 * MINUTE)

    assert world.status.phase is Phase.FAILED
    assert world.status.history[0].message.startswith("not available within 600 s")


def test_in_mid_bake_a_failing_hook_goes_back() -> None:
    world = a_world(a_hook(HookType.ROLLOUT))
    world.spec = replace(world.spec, analysis=replace(world.spec.analysis, bake=10 * MINUTE))
    world.pass_time(4 * MINUTE)
    at_full = world.share("v2")
    world.hooks["one"] = False

    world.pass_time(MINUTE)

    assert (int(at_full), int(world.share("v2")), world.status.phase) == (100, 0, Phase.FAILED)


def test_a_rollback_hook_ends_a_run_at_100_percent_too() -> None:
    world = a_world(a_hook(HookType.ROLLBACK), one=False)
    world.spec = replace(world.spec, analysis=replace(world.spec.analysis, bake=10 * MINUTE))
    world.pass_time(4 * MINUTE)
    world.hooks["one"] = True

    world.pass_time(MINUTE)

    assert (int(world.share("v2")), world.status.history[0].outcome) == (0, Outcome.ABORTED)


def test_a_run_owes_its_post_rollout_hooks_a_call_and_no_status_grows_without_end() -> None:
    old = HookOwed(name="old", run=0, revision="v0", template="", succeeded=True, since=NOON)
    status = a_status(run=a_run(), owed=(old,) * OWED_KEPT)

    owed = owed_after(a_view(a_hook(HookType.POST_ROLLOUT), status=status), Outcome.FAILED)

    assert len(owed) == OWED_KEPT
    assert (owed[-1].name, owed[-1].run, owed[-1].succeeded) == ("one", 1, False)


def test_what_is_owed_to_a_hook_that_git_took_out_is_owed_no_more() -> None:
    owed = HookOwed(name="gone", run=1, revision="v2", template="", succeeded=True, since=NOON)

    status = hooked(a_view(status=a_status(owed=(owed,))))

    assert status.owed == ()


def test_metadata_names_the_revision_and_keeps_what_is_no_placeholder() -> None:
    metadata = (("cmd", "hey http://checkout-{revision}/ -d '{\"a\": {b}}'"),)

    (question,) = due(a_view(a_hook(HookType.ROLLOUT, metadata=metadata)))

    assert dict(question.metadata) == {"cmd": "hey http://checkout-v2/ -d '{\"a\": {b}}'"}


def test_news_are_told_with_their_time_in_milliseconds() -> None:
    spec = a_spec(hooks=(a_hook(HookType.EVENT, metadata=(("team", "shop"),)), a_hook(HookType.ROLLOUT, name="two")))
    news = Reason(code="HookClosed", message="the gate is closed", warning=True)

    (question,) = event_questions(spec, a_status(run=a_run()), news, NOON, 7)

    assert question.metadata == (
        ("eventMessage", "the gate is closed"),
        ("eventType", "Warning"),
        ("timestamp", "1795262400000"),
        ("team", "shop"),
    )


def test_the_checksum_is_that_of_revision_and_pod_template() -> None:
    same = checksum("v2", "template-a")

    assert same == checksum("v2", "template-a")
    assert len({same, checksum("v3", "template-a"), checksum("v2", "template-b")}) == 3


_CLOSED = (Reason(code="HookClosed", message="no"),)
_PAST = Past(
    run=1, revision="v1", stable="v0", outcome=Outcome.PROMOTED, started=NOON, ended=NOON, message="v1 is stable"
)


@pytest.mark.parametrize(
    ("status", "word"),
    [
        (a_status(), "Initialized"),
        (a_status(history=(_PAST,)), "Succeeded"),
        (a_status(run=a_run(step=0), reasons=_CLOSED), "Waiting"),
        (a_status(run=a_run()), "Progressing"),
        (a_status(run=a_run(), reasons=_CLOSED), "Progressing"),
        (a_status(run=a_run(step=2), reasons=_CLOSED), "WaitingPromotion"),
        (a_status(run=a_run(), phase=Phase.PAUSED), "Progressing"),
        (a_status(run=a_run(step=3), phase=Phase.PROMOTING), "Promoting"),
        (a_status(run=a_run(), phase=Phase.ROLLING_BACK), "Failed"),
        (a_status(failed=a_revision("v2"), phase=Phase.FAILED), "Failed"),
    ],
)
def test_every_phase_has_a_word_of_flagger(status: RolloutStatus, word: str) -> None:
    assert phase_word(status) == word
