"""Does every run end the same wherever among its writes the controller dies?"""

import pytest

from tests.crashes.lives import lived
from tests.crashes.stories import OFTEN, POINTS
from tests.support.fate import Blow, Fate

QUICK = {("rollback", Blow.KILLED_AFTER)}  # for the inner loop; `make test` has all
LIVES = [
    pytest.param(name, blow, marks=[] if (name, blow) in QUICK else [pytest.mark.slow])
    for name in OFTEN
    for blow in Blow
]


@pytest.mark.parametrize(("name", "blow"), LIVES)
async def test_a_run_ends_the_same_wherever_the_controller_is_hit(name: str, blow: Blow) -> None:
    quiet, writes = await lived(OFTEN[name], Fate())

    points, so = POINTS[name]
    assert str(quiet) == so
    assert writes >= points
    for number in range(writes):
        end, _ = await lived(OFTEN[name], Fate(blow=blow, at=number))

        assert end == quiet, f"write {number} of {writes} {blow}"
