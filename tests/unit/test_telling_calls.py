"""How many requests does one promotion make, and what is each for?"""

import pytest

from tests.bench.measures import FIVE, TWO, calls_of_a_release

# Status writes: the run begins, and has its first numbers; each step: begun, in force; 100 %; promoted; entry left;
# Service removable.
BEGUN, PER_STEP, ENDED = 2, 2, 4
# Route patches: one for each weight, one for 100 %, one that takes the former stable's entry out, one that takes us out of
# the managers of its fields.
ROUTES_ENDED = 3


@pytest.mark.parametrize("weights", [TWO, FIVE])
async def test_a_promotion_makes_no_request_that_is_not_needed(weights: tuple[int, ...]) -> None:
    calls, refreshes = await calls_of_a_release(weights)

    assert calls["patch", "rollouts/status"] - refreshes == BEGUN + PER_STEP * len(weights) + ENDED
    assert calls["patch", "virtualservices"] == len(weights) + ROUTES_ENDED
    assert set(calls) == {("patch", "rollouts/status"), ("patch", "virtualservices")}  # and no GET at all


async def test_a_soaking_step_writes_its_numbers_once_a_minute_and_no_more() -> None:
    _, refreshes = await calls_of_a_release(TWO)

    assert refreshes <= 5 * len(TWO)
