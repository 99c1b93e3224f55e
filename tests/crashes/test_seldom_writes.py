"""Does a run of which there are few end the same wherever among its writes the controller dies?

Edits by hand, first deployments, ways back after a promotion, two routes at once, and what else subsets can meet.
"""

import pytest

from tests.crashes.lives import lived
from tests.crashes.stories import OFTEN, POINTS, SELDOM
from tests.support.fate import Blow, Fate

QUICK = {("two routes rolled back", Blow.KILLED_AFTER)}  # for the inner loop; `make test` has all
LIVES = [
    pytest.param(name, blow, marks=[] if (name, blow) in QUICK else [pytest.mark.slow])
    for name in SELDOM
    for blow in Blow
]


@pytest.mark.parametrize(("name", "blow"), LIVES)
async def test_a_run_ends_the_same_wherever_the_controller_is_hit(name: str, blow: Blow) -> None:
    quiet, writes = await lived(SELDOM[name], Fate())

    points, so = POINTS[name]
    assert str(quiet) == so
    assert writes >= points
    for number in range(writes):
        end, _ = await lived(SELDOM[name], Fate(blow=blow, at=number))

        assert end == quiet, f"write {number} of {writes} {blow}"


def test_every_story_says_how_many_writes_are_hit() -> None:
    assert POINTS.keys() == OFTEN.keys() | SELDOM.keys()
