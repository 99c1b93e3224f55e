"""What becomes of the judge's memory in an incident, and where a trial begins once more?"""

from dataclasses import replace

from policies.sequential import judge
from policies.sequential.state import misbehaves, usual
from tests.support.judged import ERRORS, a_history, a_pace, a_slice, after, minutes

NORMAL, INCIDENT = (675.0, 1.0), (675.0, 40.0)


def test_without_history_an_incident_does_not_become_what_is_usual() -> None:
    normal = minutes(5, (75.0, 0.0), NORMAL)
    incident = [a_slice(300.0 + 15 * place, (75.0, 4.0), INCIDENT) for place in range(1, 41)]

    before, later = after(normal), after([*normal, *incident])

    assert usual(later, ERRORS.max_ratio) == usual(judge.turned(before, ERRORS), ERRORS.max_ratio)
    assert misbehaves(later, ERRORS.max_ratio, later.open_stable)


def test_a_canary_in_an_incident_is_never_proven_to_be_good() -> None:
    state = after(minutes(30, (75.0, 4.0), INCIDENT))

    assert judge.standing(state, ERRORS, a_pace(following=None)).code == "SharedIncident"


def test_what_counts_as_the_ratio_is_what_came_while_stable_was_normal() -> None:
    normal = minutes(5, (75.0, 0.0), NORMAL)
    incident = [a_slice(300.0 + 15 * place, (75.0, 4.0), INCIDENT) for place in range(1, 5)]
    again = [a_slice(360.0 + 15 * place, (75.0, 0.0), NORMAL) for place in range(1, 13)]

    standing = judge.standing(after([*normal, *incident, *again], history=a_history()), ERRORS, a_pace())

    assert standing.ratio == 0.0
    assert standing.requests == 75.0 * 36


def test_a_trial_keeps_what_was_learnt_and_the_evidence_but_nothing_that_was_proven() -> None:
    state = judge.turned(after(minutes(20, (75.0, 1.0), NORMAL), history=a_history()), ERRORS)

    once_more = judge.tried(state, 5000.0)

    assert (once_more.until, once_more.canary, once_more.blocks) == (5000.0, (0, 0), ())
    assert (once_more.known, once_more.noise, once_more.absolute) == (state.known, state.noise, state.absolute)
    assert [watch.stake for watch in once_more.watches] == [watch.stake for watch in state.watches]
    assert judge.standing(once_more, ERRORS, a_pace()).code == "NoRequests"
    assert judge.loaded(judge.dumped(once_more)) == once_more


def test_evidence_that_suffices_and_does_not_decide_says_what_it_waits_for() -> None:
    aim = replace(ERRORS, false_rollback=0.05)
    few = after([a_slice(15.0, (2.0, 2.0), (75_000.0, 0.0))], aim=aim, history=a_history(every=0, rps=5000))

    standing = judge.standing(few, aim, a_pace())

    assert standing.code == "Suspicious"
    assert standing.message == (
        "waiting: there is evidence enough against the canary, but only 2 of its requests were bad"
    )
