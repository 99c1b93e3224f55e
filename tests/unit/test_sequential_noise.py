"""What does stable's history teach of bursts, wobble, poor pods and the usual ratio?"""

from collections.abc import Callable, Sequence
from itertools import count
from math import sin

import pytest

from policies.sequential.noise import UNKNOWN, Noise
from policies.sequential.noise import learnt as learnt_of_each

PODS, ROWS, REQUESTS = 10, 240, 1500.0
Cell = tuple[float, float]
Cells = list[list[Cell]]


def learnt(cells: Sequence[Sequence[Cell]], interval: float, *, rare: bool = True) -> Noise:
    """What is learnt of the one kind of bad requests in [interval][pod]."""
    pods = list(zip(*cells, strict=True))
    requests, bad = ([[cell[place] for cell in pod] for pod in pods] for place in (0, 1))
    (noise,) = learnt_of_each(requests, [bad], interval, rare=rare)
    return noise


def draws(seed: int) -> Callable[[], float]:
    """Numbers in [0, 1) that look random and are the same each time (multiplicative congruential, Park and Miller)."""
    state = seed

    def drawn() -> float:
        nonlocal state
        state = state * 48271 % 2147483647
        return state / 2147483647

    return drawn


def poisson(mean: float, drawn: Callable[[], float]) -> int:
    """A Poisson number as a count of exponential gaps (means of a few only)."""
    product, threshold = drawn(), 2.718281828459045**-mean
    for number in count():
        if product <= threshold:
            return number
        product *= drawn()
    raise AssertionError


def an_hour(rate: Callable[[int, int], float], *, burst: int = 1) -> Cells:
    """[interval][pod] with `rate(row, pod)` bad requests expected, which come `burst` at a time."""
    drawn = draws(20261121)
    return [
        [(REQUESTS, float(burst * poisson(rate(row, pod) / burst, drawn))) for pod in range(PODS)]
        for row in range(ROWS)
    ]


def steady(row: int, pod: int) -> float:
    """The same rate at all times and in all pods."""
    return 1.5


def test_pure_chance_shows_no_noise() -> None:
    noise = learnt(an_hour(steady), 15.0)

    assert noise.bursts == pytest.approx(1.1, abs=0.15)
    assert noise.pod < 0.1
    assert noise.arm < 0.06
    assert noise.poor == 1.0
    assert noise.usual == pytest.approx(0.001, rel=0.1)


def test_bad_requests_that_come_together_are_bursts() -> None:
    noise = learnt(an_hour(steady, burst=4), 15.0)

    assert noise.bursts == pytest.approx(4.0, rel=0.25)


def test_a_rate_that_wobbles_for_all_pods_is_no_burst() -> None:
    noise = learnt(an_hour(lambda row, _: 1.5 * (1 + sin(row / 6))), 15.0)

    assert noise.bursts < 1.4
    assert noise.arm > 0.3
    assert noise.pod >= noise.arm


def test_a_wobble_of_single_pods_averages_out_in_the_arm() -> None:
    noise = learnt(an_hour(lambda row, pod: 1.5 * (1 + sin(row / 6 + 2 * pod))), 15.0)

    assert noise.pod > 0.3
    assert noise.arm < 0.1


def test_a_lasting_difference_between_pods_is_a_poor_pod() -> None:
    noise = learnt(an_hour(lambda _, pod: 1.5 * (2.0 if pod == 0 else 0.9)), 15.0)

    assert 1.2 < noise.poor <= 2.0


def test_an_incident_does_not_raise_what_is_usual() -> None:
    noise = learnt(an_hour(lambda row, _: 20.0 if row < 12 else 1.5), 15.0)

    assert noise.usual == pytest.approx(0.001, rel=0.1)


def test_a_pod_that_was_not_there_changes_little() -> None:
    whole = an_hour(steady)
    moved = [
        [*row[:-1], *((row[-1], (0.0, 0.0)) if at < 120 else ((0.0, 0.0), row[-1]))] for at, row in enumerate(whole)
    ]

    before, later = learnt(whole, 15.0), learnt(moved, 15.0)

    assert later == pytest.approx(before, rel=0.3)


def test_which_of_two_pods_came_first_is_the_same_to_all() -> None:
    drawn = draws(3)
    sent = [(0.7 * poisson(9.0, drawn), 0.1 * poisson(1.0, drawn)) for _ in range(240)]
    gone = (0.0, 0.0)

    one = learnt([[cell, gone] if at < 120 else [gone, cell] for at, cell in enumerate(sent)], 15.0)
    other = learnt([[gone, cell] if at < 120 else [cell, gone] for at, cell in enumerate(sent)], 15.0)

    assert one == other


@pytest.mark.parametrize(
    "grid",
    [[], [[(0.0, 0.0)]] * 240, [[(100.0, 0.0)]] * 240, [[(100.0, 1.0)]] * 39],
    ids=["no", "idle", "clean", "short"],
)
def test_a_history_too_thin_to_tell_leaves_the_defaults(grid: Cells) -> None:
    noise = learnt(grid, 15.0)

    assert noise._replace(usual=0.0) == Noise()


def test_what_is_common_varies_less_than_what_is_rare() -> None:
    """Half of all requests are slow, within chance: a binomial's variance is half a Poisson's."""
    drawn = draws(7)
    grid = [[(400.0, float(sum(drawn() < 0.5 for _ in range(400))))] * 1 for _ in range(120)]

    assert learnt(grid, 15.0, rare=False).bursts == pytest.approx(1.2, abs=0.2)
    assert learnt(grid, 15.0, rare=True).bursts == 1.0


def test_a_history_too_short_for_blocks_is_not_taken_for_a_calm_one() -> None:
    seconds = 5.0
    row = ((100.0, 1.0),) * 4

    noise = learnt([row] * 60, seconds)

    assert (noise.pod, noise.arm) == (UNKNOWN, UNKNOWN)


def test_requests_that_fill_no_block_leave_the_wobble_unknown() -> None:
    noise = learnt([[(100.0, 1.0)]] * 2 + [[(0.0, 0.0)]] * 240, 15.0)

    assert (noise.pod, noise.arm) == (UNKNOWN, UNKNOWN)


def test_where_all_requests_are_bad_nothing_varies() -> None:
    noise = learnt([[(100.0, 100.0)]] * 240, 15.0, rare=False)

    assert noise == Noise(usual=1.0)
