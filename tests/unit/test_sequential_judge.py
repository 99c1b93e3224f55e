"""What does the sequential judge say, in which case and in which words?"""

from dataclasses import replace

import pytest

from policies.sequential import judge
from policies.sequential.latency import telling
from policies.sequential.tallies import Slice, Tally
from policies.sequential.weighing import absolute_worth
from policies.verdict import Verdict
from tests.support.judged import ERRORS, SLOW, a_history, a_pace, a_slice, after, minutes, slow

PROMOTION = a_pace(following=None)
ALONE = a_pace(weight=1.0, following=None)
HISTORY = a_history()


def test_a_canary_that_fails_more_than_stable_beside_it_is_worse_than_stable() -> None:
    state = after(minutes(1, (30.0, 3.0), (570.0, 0.0)), history=HISTORY)

    standing = judge.standing(state, ERRORS, a_pace())

    assert (standing.verdict, standing.code) == (Verdict.FAIL, "WorseThanStable")
    assert standing.message.startswith("canary took 5% of requests but 12 of 12 errors; a canary as healthy as stable")
    assert standing.message.endswith("would show this in fewer than 1 of 1000000000 rollouts")
    assert standing.evidence >= standing.needed == 125.0
    assert (standing.ratio, standing.requests) == (0.1, 120.0)


def test_two_bad_requests_convict_nobody() -> None:
    aim = replace(ERRORS, false_rollback=0.05)
    state = after([a_slice(15.0, (2.0, 2.0), (75_000.0, 0.0))], aim=aim, history=a_history(every=0, rps=5000))

    standing = judge.standing(state, aim, a_pace())

    assert standing.evidence > standing.needed
    assert standing.verdict != Verdict.FAIL


def test_what_is_only_above_the_limit_convicts_nobody_beside_an_equally_bad_stable() -> None:
    state = after(minutes(3, (75.0, 4.0), (675.0, 36.0)), history=HISTORY)

    standing = judge.standing(state, ERRORS, a_pace())

    assert (standing.verdict, standing.code) == (Verdict.INCONCLUSIVE, "SharedIncident")
    assert standing.message == "stable misbehaves too: 144 of 2700 failed in this minute"


def test_a_share_of_the_false_rollbacks_raises_what_is_needed() -> None:
    aim = replace(ERRORS, false_rollback=0.005)
    state = judge.begun(aim, HISTORY, 0.0)

    assert judge.standing(state, aim, a_pace()).needed == 250.0
    assert judge.standing(state, aim, ALONE).needed == 1000.0


def test_without_requests_at_this_weight_nothing_is_proven() -> None:
    state = judge.turned(after(minutes(20, (75.0, 0.0)), history=HISTORY), ERRORS)
    state = judge.taken(state, ERRORS, a_slice(1215.0, (0.0, 0.0)), 0.5)

    standing = judge.standing(state, ERRORS, PROMOTION)

    assert (standing.verdict, standing.code) == (Verdict.INCONCLUSIVE, "NoRequests")


def test_a_suspicion_holds_the_weight() -> None:
    state = after([a_slice(15.0, (100.0, 2.0), (1900.0, 0.0))], history=a_history(every=100))

    standing = judge.standing(state, ERRORS, a_pace())

    assert (standing.verdict, standing.code) == (Verdict.INCONCLUSIVE, "Suspicious")
    told = f"waiting: evidence {standing.evidence:.0f} of 125 against the canary"
    assert standing.message == f"{told}, which took 5% of requests and 2 of 2 errors"


@pytest.mark.parametrize(("until", "code"), [(45.0, "Proven"), (30.0, "TooYoung")])
def test_the_soak_must_be_in_the_metrics_up_to_one_slice(until: float, code: str) -> None:
    told = [new for new in minutes(2, (5.0, 0.0), (45.0, 0.0)) if new.until <= until]
    state = after(told, history=a_history(rps=2))

    assert judge.standing(state, ERRORS, a_pace(soak=60.0)).code == code


def test_a_step_waits_for_its_proof_and_says_for_how_many_requests() -> None:
    state = after(minutes(1, (75.0, 0.0))[:1], history=HISTORY)

    standing = judge.standing(state, ERRORS, a_pace())

    assert (standing.verdict, standing.code) == (Verdict.INCONCLUSIVE, "NotProven")
    assert standing.message == "waiting: 75 of about 82 clean requests needed to show < 4.1%, about 1 min more"


def test_the_announced_number_of_clean_requests_is_about_right() -> None:
    history, needed = a_history(rps=2, every=0), 0
    for count in range(1, 200):
        state = after(minutes(count, (10.0, 0.0), (20.0, 0.0)), history=history)
        standing = judge.standing(state, ERRORS, PROMOTION)
        if count == 4:
            needed = int(standing.message.split("about ")[1].split(" ")[0])
        if standing.verdict == Verdict.PASS:
            break

    assert standing.requests == pytest.approx(needed, rel=0.2)


def test_a_proven_canary_passes() -> None:
    state = after(minutes(10, (375.0, 0.0), (375.0, 0.0)), history=HISTORY)

    standing = judge.standing(state, ERRORS, PROMOTION)

    assert (standing.verdict, standing.code) == (Verdict.PASS, "Proven")
    assert "proven with 15000 requests" in standing.message


def test_promotion_needs_the_least_number_of_requests_though_all_is_proven() -> None:
    aim = replace(ERRORS, max_ratio=0.9, min_requests=50)
    state = after(minutes(1, (12.0, 0.0), (13.0, 0.0)), aim=aim, history=a_history(rps=2, every=3))

    standing = judge.standing(state, aim, PROMOTION)

    assert standing.message == "waiting: 48 of at least 50 requests"


def test_an_incident_of_both_leaves_no_mark_on_the_proof() -> None:
    incident = [a_slice(60.0, (75.0, 4.0), (675.0, 36.0))]
    state = after([*incident, *(a_slice(60.0 * at, (300.0, 0.0), (2700.0, 0.0)) for at in (2, 3))], history=HISTORY)

    assert judge.turned(state, ERRORS).blocks == ((300, 0), (300, 0))


def test_nothing_known_of_stable_means_the_stated_defaults() -> None:
    state = judge.begun(ERRORS, None, 0.0)

    assert state.noise == (1.5, 0.25, 0.25, 0.5, 1.0, 0.0)
    assert (
        judge.learnt_words(state)
        == "nothing is known of stable: bad requests are taken to come 1.5 at a time, their rate to vary by 50%"
    )


def test_without_history_a_bad_canary_fails_and_a_good_one_is_proven() -> None:
    bad, good = after(minutes(2, (30.0, 6.0), (570.0, 1.0))), after(minutes(30, (75.0, 0.0), (675.0, 0.5)))

    assert judge.standing(bad, ERRORS, a_pace()).code == "WorseThanStable"
    assert judge.standing(good, ERRORS, PROMOTION).code == "Proven"


def test_a_slow_canary_is_worse_than_stable_though_within_its_limit() -> None:
    told = [Slice(15.0 * at, Tally(300, 0, slow(300, 2.5)), Tally(2700, 0, slow(2700))) for at in range(1, 5)]
    state = after(told, aim=SLOW, history=HISTORY)

    standing = judge.standing(state, SLOW, a_pace())

    assert (standing.verdict, standing.code) == (Verdict.FAIL, "WorseThanStable")
    assert standing.message.startswith(
        "canary took 10% of requests but 1050 of 4830 that took longer than 100ms; a canary"
    )


def test_promotion_waits_until_latency_is_shown_where_that_can_be_done() -> None:
    few, many = (after(minutes(count, (375.0, 0.0), (375.0, 0.0)), aim=SLOW, history=HISTORY) for count in (1, 8))

    assert judge.standing(few, SLOW, PROMOTION).code == "NotProven"
    assert "1.75 x stable's requests that took longer than 250ms" in judge.standing(few, SLOW, PROMOTION).message
    assert judge.standing(few, SLOW, a_pace()).code == "Proven"
    assert judge.standing(many, SLOW, PROMOTION).code == "Proven"


def test_promotion_asks_no_proof_of_latency_that_the_traffic_cannot_give() -> None:
    state = after(minutes(3, (5.0, 0.0), (5.0, 0.0)), aim=SLOW, history=a_history(rps=0.2))

    assert judge.standing(state, SLOW, PROMOTION).code == "Proven"


def test_latency_without_a_telling_bound_compares_the_threshold_itself() -> None:
    told = [Slice(15.0 * at, Tally(300, 30, (0, 0)), Tally(2700, 3, (0, 0))) for at in range(1, 5)]
    state = after(told, aim=SLOW)

    standing = judge.standing(state, SLOW, a_pace())

    assert standing.message.startswith(
        "canary took 10% of requests but 120 of 132 that took longer than 500ms; a canary"
    )


def test_a_slice_over_the_block_closes_it_first() -> None:
    told = minutes(1, (75.0, 1.0))

    state = after([*told, a_slice(75.0, (75.0, 0.0))], history=HISTORY)

    assert (state.closed_at, state.blocks, state.open_canary.requests) == (60.0, ((300, 4),), 75.0)


def test_another_weight_closes_the_block() -> None:
    state = after(minutes(1, (75.0, 0.0))[:2], history=HISTORY)

    state = judge.taken(state, ERRORS, a_slice(45.0, (75.0, 0.0)), 0.5)

    assert (state.closed_at, state.blocks, state.here) == (30.0, ((150, 0),), (0, 0))


def test_the_oldest_blocks_are_added_up() -> None:
    state = judge.turned(after(minutes(70, (75.0, 0.0)), history=HISTORY), ERRORS)

    assert len(state.blocks) == 60
    assert (state.blocks[0], state.blocks[-1]) == ((11 * 300, 0), (300, 0))
    assert judge.loaded(judge.dumped(state)) == judge.checkpoint(state)


def test_a_checkpoint_takes_the_open_block_again() -> None:
    told = minutes(2, (75.0, 1.0))
    kept = judge.checkpoint(after(told[:6], history=HISTORY))

    again = kept
    for new in told:
        again = judge.taken(again, ERRORS, new, 0.1)

    assert kept.until == 60.0
    assert again == after(told, history=HISTORY)


def test_a_memory_begins_with_its_version_and_another_one_is_not_read() -> None:
    text = judge.dumped(after(minutes(3, (75.0, 1.0)), history=HISTORY))

    assert text.startswith(f"{judge.VERSION} ")
    assert judge.loaded(text) is not None
    assert judge.loaded(f"{judge.VERSION + 1}{text[1:]}") is None


def test_what_was_learnt_is_said() -> None:
    words = judge.learnt_words(judge.begun(ERRORS, HISTORY, 0.0))

    assert words.startswith(
        "0.067% of stable's requests were bad (120 of 180000, 50 rps), one by one; the rate varies by "
    )


def test_a_lucky_minute_of_stable_convicts_nobody() -> None:
    """Stable usually has 45 bad requests where it has none here; the canary has what stable usually has."""
    told = [a_slice(60.0, (3000.0, 5.0), (27_000.0, 0.0))]
    usual, silent = a_history(rps=500, every=1, intervals=240), None

    known, unknown = (
        judge.standing(after(told, history=history), ERRORS, a_pace()).evidence for history in (usual, silent)
    )

    assert known < 1.0 < unknown


def test_above_the_bar_together_with_stable_is_no_absolute_evidence() -> None:
    together = after(minutes(3, (75.0, 2.0), (675.0, 18.0)), history=HISTORY)
    apart = after(minutes(3, (75.0, 2.0), (675.0, 0.0)), history=HISTORY)

    assert absolute_worth(together, ERRORS) < 1.0 < absolute_worth(apart, ERRORS)


@pytest.mark.parametrize(
    ("slower", "watched"),
    [((500, 499, 5, 4, 0), (1, 2)), ((600, 4, 0), ()), ((90, 80, 70, 60, 50, 40, 30), (0, 2, 4, 6))],
)
def test_bounds_that_tell_much_are_watched_at_most_four(slower: tuple[float, ...], watched: tuple[int, ...]) -> None:
    assert telling(999.0, slower) == watched


@pytest.mark.parametrize(
    ("stable", "history", "code"),
    [
        ((675.0, 2.0), a_history(every=0), "NotProven"),  # fewer than three bad requests tell nothing of stable
        ((675.0, 8.0), a_history(every=0), "SharedIncident"),
        ((675.0, 8.0), a_history(every=1), "NotProven"),  # 1.3 % are usual for this stable
        ((675.0, 30.0), a_history(every=1), "SharedIncident"),
    ],
)
def test_stable_misbehaves_above_the_limit_and_above_what_is_usual(
    stable: tuple[float, float], history: judge.History, code: str
) -> None:
    state = after([a_slice(15.0, (75.0, 0.0), stable)], history=history)

    assert judge.standing(state, ERRORS, PROMOTION).code == code
