"""What of a Rollout is news, compared with what was told of it last?"""

from dataclasses import replace
from datetime import timedelta

import pytest

from rollout.model.deeds import Approval, Pause
from rollout.model.news import News
from rollout.model.notifier import Severity
from rollout.model.status import Outcome, Phase, Reason, RolloutStatus
from rollout.progression.decide import QUIET
from rollout.progression.news import Mark, mark_from, news, unmarked
from rollout.progression.telling import NEEDS_A_PERSON
from tests.support.builders import NOON, a_run, a_status
from tests.support.notice_world import a_past, a_past_status

WAITS = Reason(code="AwaitingApproval", message="waiting for 1 approval of v2 by security")
FRESH = Mark()


def codes(found: tuple[News, ...]) -> list[str]:
    return [one.code for one in found]


def told(status: RolloutStatus, mark: Mark = FRESH) -> Mark:
    """The mark once everything of this status was told."""
    found = news(mark, status)
    after = mark_from(found[-1].mark) if found else mark
    assert after is not None
    return after


def test_a_rollout_that_rests_is_no_news() -> None:
    assert news(FRESH, a_status()) == ()


def test_a_run_that_began_is_told_with_its_plan_and_its_step() -> None:
    found = news(FRESH, a_status(run=a_run()))

    assert [(one.code, one.sentence) for one in found] == [
        ("Started", "v2 is on trial: steps of 5, 50 %"),
        ("Step", "step 1 of 2: 5 % of requests to v2"),
    ]
    assert {(one.run, one.revision, one.severity) for one in found} == {(1, "v2", Severity.INFO)}


def test_what_was_told_is_no_news() -> None:
    status = a_status(run=a_run(), reasons=(WAITS,))

    assert news(told(status), status) == ()


def test_one_of_two_approvals_is_news_and_no_end_of_the_wait() -> None:
    before = a_status(run=a_run(), reasons=(WAITS,))
    given = Approval(step=1, by="ana", at=NOON + timedelta(minutes=3))
    one_more = Reason(code="AwaitingApproval", message="waiting for 1 more approval of v2 by security: 1 of 2, by ana")
    after = a_status(run=a_run(approvals=(given,)), reasons=(one_more,))

    found = news(told(before), after)

    assert [(one.code, one.sentence, one.needs_person, one.at) for one in found] == [
        ("AwaitingApproval", one_more.message, True, given.at)
    ]
    assert news(told(after, told(before)), after) == ()


def test_the_wait_is_over_once_however_many_approved() -> None:
    given = Approval(step=1, by="ana", at=NOON)
    before = a_status(run=a_run(approvals=(given,)), reasons=(WAITS,))
    after = a_status(run=a_run(approvals=(given, replace(given, by="bo"))))

    assert codes(news(told(before), after)) == ["WaitOver"]


def test_the_mark_is_read_as_it_was_written() -> None:
    mark = told(a_status(run=a_run(), reasons=(WAITS, Reason(code="NoData", message="none"))))

    assert mark_from(str(mark)) == mark
    assert mark_from("of another version") is None


def test_steps_that_nobody_could_be_told_of_are_one() -> None:
    mark = told(a_status(run=a_run(step=1)))

    found = news(mark, a_status(run=a_run(step=3, weight=50, step_started=NOON + timedelta(minutes=9))))

    assert codes(found) == ["Step"]
    assert (found[0].step, found[0].weight) == (3, 50)


def test_a_step_that_comes_again_is_news() -> None:
    mark = told(a_status(run=a_run(step=1)))

    found = news(mark, a_status(run=a_run(step=1, step_started=NOON + timedelta(minutes=9))))

    assert codes(found) == ["Step"]


def test_a_wait_for_a_person_says_so_in_the_words_of_the_reason() -> None:
    found = news(told(a_status(run=a_run())), a_status(run=a_run(), reasons=(WAITS,)))

    assert [(one.code, one.sentence, one.needs_person) for one in found] == [("AwaitingApproval", WAITS.message, True)]


def test_the_same_wait_at_the_next_step_is_another_one() -> None:
    mark = told(a_status(run=a_run(), reasons=(WAITS,)))
    later = a_run(step=2, weight=50, step_started=NOON + timedelta(minutes=9))

    assert codes(news(mark, a_status(run=later, reasons=(WAITS,)))) == ["Step", "AwaitingApproval"]


def test_a_wait_that_ended_within_its_step_is_over_and_may_come_again() -> None:
    mark = told(a_status(run=a_run(), reasons=(WAITS,)))

    over = news(mark, a_status(run=a_run()))
    again = news(told(a_status(run=a_run()), mark), a_status(run=a_run(), reasons=(WAITS,)))

    assert codes(over) == ["WaitOver"]
    assert codes(again) == ["AwaitingApproval"]
    assert again[0].key != news(told(a_status(run=a_run())), a_status(run=a_run(), reasons=(WAITS,)))[0].key


def test_a_second_pause_is_another_wait_though_nobody_saw_the_resume() -> None:
    reasons = (Reason(code="Paused", message="lunch"),)
    first, second = (Pause(by="ana", at=NOON + timedelta(minutes=minute), why="lunch") for minute in (1, 5))
    mark = told(a_status(run=a_run(pause=first), phase=Phase.PAUSED, reasons=reasons))

    found = news(mark, a_status(run=a_run(pause=second), phase=Phase.PAUSED, reasons=reasons))

    assert codes(found) == ["WaitOver", "Paused"]
    assert found[1].at == second.at


@pytest.mark.parametrize("code", sorted(QUIET - NEEDS_A_PERSON))
def test_what_the_controller_waits_for_by_itself_is_no_news(code: str) -> None:
    mark = told(a_status(run=a_run()))

    assert news(mark, a_status(run=a_run(), reasons=(Reason(code=code, message="so"),))) == ()


@pytest.mark.parametrize("code", sorted(NEEDS_A_PERSON))
def test_every_reason_that_only_a_person_ends_is_news_that_needs_one(code: str) -> None:
    mark = told(a_status(run=a_run()))

    found = news(mark, a_status(run=a_run(), reasons=(Reason(code=code, message="so"),)))

    assert [(one.code, one.needs_person) for one in found] == [(code, True)]


def test_silence_of_requests_is_news_once_the_weight_has_soaked() -> None:
    mark, quiet = told(a_status(run=a_run())), Reason(code="NoRequests", message="no requests")
    soaking = Reason(code="Soaking", message="soaking")

    assert news(mark, a_status(run=a_run(), reasons=(soaking, quiet))) == ()
    assert codes(news(mark, a_status(run=a_run(), reasons=(quiet,)))) == ["NoRequests"]


@pytest.mark.parametrize("outcome", Outcome)
def test_a_rollback_is_told_when_it_begins_and_when_it_is_over(outcome: Outcome) -> None:
    bad = outcome in (Outcome.FAILED, Outcome.ABORTED)
    back = a_run(ending=outcome, ending_why="errors 4% of at most 1%", weight=0)

    begins = news(told(a_status(run=a_run())), a_status(run=back, phase=Phase.ROLLING_BACK))
    ends = news(Mark(run=1, step=1), a_past_status(a_past(1, outcome)))

    if outcome is not Outcome.PROMOTED:
        assert [(one.code, one.sentence) for one in begins] == [("RollingBack", "errors 4% of at most 1%")]
        assert begins[0].severity is (Severity.WARNING if bad else Severity.INFO)
    assert codes(ends) == [outcome.value]
    assert ends[0].severity is (Severity.WARNING if bad else Severity.INFO)


def test_the_way_to_all_traffic_is_told_once() -> None:
    run = a_run(step=3, weight=100, step_started=NOON + timedelta(minutes=9))

    found = news(told(a_status(run=a_run(step=2))), a_status(run=run, phase=Phase.PROMOTING))

    assert codes(found) == ["Promoting"]


def test_every_run_that_ended_meanwhile_is_told_the_oldest_first_and_then_the_one_in_hand() -> None:
    mark = told(a_status(run=a_run(), runs=1))
    status = a_past_status(a_past(1, Outcome.FAILED), a_past(2, Outcome.SUPERSEDED), run=a_run())

    found = news(mark, replace(status, runs=3))

    assert [(one.run, one.code) for one in found] == [(1, "Failed"), (2, "Superseded"), (3, "Started"), (3, "Step")]


def test_runs_that_left_the_history_are_said_to_be_lost() -> None:
    found = news(Mark(ended=1), a_past_status(a_past(5), a_past(6)))

    assert codes(found) == ["EndsForgotten", "Promoted", "Promoted"]
    assert "runs 2 to 4" in found[0].sentence


def test_what_ended_before_there_was_a_notifier_is_not_told() -> None:
    status = a_past_status(a_past(4), a_past(5), a_past(6))

    assert [one.run for one in news(unmarked(status, NOON + timedelta(minutes=5)), status)] == [6]
    assert news(unmarked(status, NOON + timedelta(minutes=6)), status) == ()
    assert [one.run for one in news(unmarked(status, NOON), status)] == [4, 5, 6]


def test_numbers_that_begin_anew_are_told_anew() -> None:
    assert codes(news(Mark(ended=7), a_past_status(a_past(1)))) == ["Promoted"]


def test_each_mark_on_the_way_leaves_exactly_what_comes_after_it() -> None:
    status = replace(a_past_status(a_past(1), a_past(2), run=a_run(), reasons=(WAITS,)), runs=3)

    found = news(FRESH, status)

    for told_so_far, one in enumerate(found, 1):
        mark = mark_from(one.mark)
        assert mark is not None
        assert news(mark, status) == found[told_so_far:]


def test_the_same_news_have_the_same_key_and_no_others() -> None:
    status = replace(a_past_status(a_past(1), a_past(2), run=a_run(), reasons=(WAITS,)), runs=3)

    keys = [one.key for one in news(FRESH, status)]

    assert keys == [one.key for one in news(FRESH, status)]
    assert len(set(keys)) == len(keys)
