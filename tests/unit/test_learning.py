"""Which objectives need a history before the first weight?"""

from dataclasses import replace

from rollout.model.rollout import Mode
from rollout.progression.learning import unlearnt
from tests.support.builders import SEQUENTIAL, a_run, a_spec, a_status


def test_a_spec_with_nothing_sequential_reads_no_history() -> None:
    waiting = a_status(run=a_run(step=0, weight=0, confirmed=0))
    judged = a_spec(objectives=(SEQUENTIAL, replace(SEQUENTIAL, name="seen", mode=Mode.OBSERVE)))

    assert unlearnt(a_spec(), waiting) == ()
    assert [one.name for one in unlearnt(judged, waiting)] == ["errors", "seen"]
    assert unlearnt(judged, a_status(run=a_run())) == ()
    assert unlearnt(judged, replace(waiting, stable=None)) == ()
