"""To which weight does an incident lower a run?"""

import pytest

from rollout.model.status import Incident
from rollout.progression.incidents import lower_weight
from tests.support.builders import NOON, a_run, a_step


@pytest.mark.parametrize(("step", "weight", "lower"), [(1, 5, 0), (2, 50, 5), (3, 80, 50), (2, 3, 3), (0, 0, 0)])
def test_the_weight_goes_to_the_former_steps_and_never_up(step: int, weight: int, lower: int) -> None:
    plan = (a_step(5), a_step(50), a_step(80))

    assert lower_weight(a_run(plan=plan, step=step, weight=weight, incident=Incident(since=NOON))) == lower
