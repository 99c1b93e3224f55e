"""Is the chance of a false rollback spent once over all that decides, and is each objective asked for what the spec says?"""

from dataclasses import replace
from datetime import timedelta

import pytest

from policies.sequential import judge
from rollout.model.rollout import Analysis, ErrorRatio, Method, Mode, Objective, SlowRatio
from rollout.progression.aims import aim_of, deciding, sequential
from tests.support.builders import a_spec
from tests.support.judged import after, minutes

HALF = timedelta(milliseconds=500)
E1, E2 = ErrorRatio(name="e1", max_ratio=0.01), ErrorRatio(name="e2", max_ratio=0.02)
S1, S2 = (SlowRatio(name=name, threshold=HALF, max_ratio=0.05) for name in ("s1", "s2"))
SEEN = ErrorRatio(name="seen", max_ratio=0.01, mode=Mode.OBSERVE)
FIXED = ErrorRatio(name="fixed", max_ratio=0.01, method=Method.THRESHOLD)


@pytest.mark.parametrize(
    ("objectives", "shares"),
    [
        ((E1,), (1.0,)),
        ((E1, E2), (0.5, 0.5)),
        ((S1, S2), (0.5, 0.5)),
        ((S1, E1), (0.4, 0.6)),
        ((E1, E2, S1, S2), (0.3, 0.3, 0.2, 0.2)),
        ((E1, SEEN, FIXED), (1.0, 1.0)),
    ],
)
def test_the_chance_is_shared_by_kind_and_spent_by_what_decides(
    objectives: tuple[Objective, ...], shares: tuple[float, ...]
) -> None:
    spec = a_spec(objectives=objectives, analysis=Analysis(false_rollback=0.02))

    given = [aim_of(one, spec).false_rollback for one in sequential(spec)]

    assert given == pytest.approx([0.02 * share for share in shares])


def test_errors_lead_and_what_only_observes_does_not_decide() -> None:
    spec = a_spec(objectives=(S1, SEEN, E1, FIXED))

    assert [one.name for one in deciding(spec)] == ["e1", "s1"]
    assert [one.name for one in sequential(spec)] == ["s1", "seen", "e1"]


def test_the_judge_is_asked_for_what_the_spec_says() -> None:
    spec = a_spec(objectives=(S1,), analysis=replace(Analysis(), harm_budget=7, min_requests=99))

    aim = aim_of(S1, spec, (100.0, 500.0))

    assert (aim.max_ratio, aim.harm_budget, aim.min_requests) == (0.05, 7, 99)
    assert (aim.what, aim.bounds) == ("took longer than 500ms", (100.0, 500.0))


def test_a_limit_of_0_percent_aims_at_one_in_a_million() -> None:
    objective = replace(E1, max_ratio=0.0)

    aim = aim_of(objective, a_spec(objectives=(objective,)))

    pace = judge.Pace(weight=0.05, since=0.0, soak=0.0, following=None, top=0.5)
    assert aim.max_ratio == 1e-6
    assert judge.standing(judge.begun(aim, None, 0.0), aim, pace).code == "NoRequests"
    assert judge.standing(after(minutes(2, (30.0, 6.0)), aim=aim), aim, pace).code == "WorseThanStable"
    assert judge.standing(after(minutes(2, (30.0, 0.0)), aim=aim), aim, pace).code == "NotProven"
