"""Are both arms counted as of the same instants?"""

import pytest

from policies.counters import Point
from policies.sequential.align import Arm, slices
from policies.sequential.tallies import Slice, Tally


def a_line(rate: float, first: float, last: float, every: float = 15.0) -> list[Point]:
    """A counter that grows by `rate` a second from 0 s on, scraped from `first` to `last`."""
    return [(at, rate * at) for at in (first + every * index for index in range(int((last - first) / every) + 1))]


def an_arm(*lines: list[Point], bad: list[list[Point]] | None = None) -> Arm:
    return Arm(requests=lines, bad=bad or [])


def test_a_slice_ends_at_a_scrape_of_the_canary_with_stable_as_of_then() -> None:
    canary, stable = an_arm(a_line(2.0, 0.0, 30.0)), an_arm(a_line(40.0, -5.0, 40.0))

    assert slices(canary, stable, 0.0) == (
        Slice(15.0, Tally(30.0, 0.0), Tally(600.0, 0.0)),
        Slice(30.0, Tally(30.0, 0.0), Tally(600.0, 0.0)),
    )


def test_what_is_newer_than_stables_last_scrape_waits() -> None:
    canary, stable = an_arm(a_line(2.0, 0.0, 60.0)), an_arm(a_line(40.0, -5.0, 40.0))

    assert [new.until for new in slices(canary, stable, 0.0)] == [15.0, 30.0]


def test_slices_that_end_before_are_not_told_again() -> None:
    canary, stable = an_arm(a_line(2.0, 0.0, 60.0)), an_arm(a_line(40.0, 5.0, 65.0))

    assert slices(canary, stable, 30.0) == slices(canary, stable, 0.0)[2:]


def test_an_incident_of_both_arms_between_their_scrapes_is_seen_in_both() -> None:
    """Errors at 10 % from 20 s on; stable is scraped 5 s before the canary."""
    canary = an_arm(a_line(2.0, 0.0, 45.0), bad=[[(0.0, 0.0), (15.0, 0.0), (30.0, 2.0), (45.0, 5.0)]])
    stable = an_arm(a_line(40.0, 10.0, 55.0), bad=[[(10.0, 0.0), (25.0, 20.0), (40.0, 80.0), (55.0, 140.0)]])

    first, second, third = slices(canary, stable, 0.0)

    assert [first.canary.bad, second.canary.bad, third.canary.bad] == [0.0, 2.0, 3.0]
    assert [first.stable.bad, second.stable.bad, third.stable.bad] == pytest.approx([20 / 3, 100 / 3, 60.0])


def test_a_reset_is_handled_per_pod() -> None:
    steady = a_line(2.0, 0.0, 45.0)
    restarted = [(0.0, 0.0), (15.0, 30.0), (30.0, 12.0), (45.0, 42.0)]

    told = slices(an_arm(steady, restarted), an_arm(a_line(1.0, 0.0, 45.0)), 0.0)

    assert [new.canary.requests for new in told] == [60.0, 42.0, 60.0]


def test_order_and_duplicates_of_points_change_nothing() -> None:
    line = a_line(2.0, 0.0, 60.0)
    stable = an_arm(a_line(40.0, 5.0, 65.0))

    assert slices(an_arm([*line[::-1], *line]), stable, 0.0) == slices(an_arm(line), stable, 0.0)


def test_a_pod_that_is_gone_holds_nothing_back() -> None:
    gone = a_line(2.0, 0.0, 30.0)

    told = slices(an_arm(gone, a_line(2.0, 0.0, 120.0)), an_arm(a_line(40.0, 0.0, 120.0)), 0.0)

    assert told[-1].until == 120.0
    assert sum(new.canary.requests for new in told) == 60.0 + 240.0


def test_a_living_pod_that_was_not_scraped_yet_holds_back() -> None:
    told = slices(an_arm(a_line(2.0, 7.0, 52.0), a_line(2.0, 0.0, 60.0)), an_arm(a_line(40.0, 0.0, 60.0)), 0.0)

    assert told[-1].until == 45.0


def test_a_pod_born_between_two_scrapes_counts_from_its_birth() -> None:
    born = [(20.0, 0.0), (30.0, 50.0), (45.0, 125.0)]

    told = slices(an_arm(a_line(2.0, 0.0, 45.0), born), an_arm(a_line(40.0, 0.0, 45.0)), 0.0)

    assert [new.canary.requests for new in told] == [30.0, 80.0, 105.0]


def test_latency_is_counted_by_bound() -> None:
    canary = Arm(requests=[a_line(2.0, 0.0, 15.0)], bad=[], slower=[[a_line(1.0, 0.0, 15.0)], [a_line(0.2, 0.0, 15.0)]])
    stable = Arm(requests=[a_line(4.0, 0.0, 15.0)], bad=[], slower=[[a_line(2.0, 0.0, 15.0)], []])

    (only,) = slices(canary, stable, 0.0)

    assert (only.canary.slower, only.stable.slower) == ((15.0, 3.0), (30.0, 0.0))


def test_a_canary_that_nobody_scraped_has_no_slices() -> None:
    assert slices(an_arm(), an_arm(a_line(1.0, 0.0, 60.0)), 0.0) == ()
    assert slices(an_arm([]), an_arm(a_line(1.0, 0.0, 60.0)), 0.0) == ()


def test_nothing_of_stable_to_compare_with_holds_nothing_back() -> None:
    told = slices(an_arm(a_line(2.0, 0.0, 60.0)), an_arm(), 30.0)

    assert told == tuple(Slice(until, Tally(30.0, 0.0), Tally(0.0, 0.0), lone=True) for until in (45.0, 60.0))


def test_a_stable_whose_metrics_stop_holds_back_for_two_scrapes_and_then_leaves_the_canary_lone() -> None:
    stopped = an_arm(a_line(40.0, 5.0, 65.0))

    waiting = slices(an_arm(a_line(2.0, 0.0, 90.0)), stopped, 0.0)
    silent = slices(an_arm(a_line(2.0, 0.0, 105.0)), stopped, 0.0)

    assert [(new.until, new.lone) for new in waiting] == [(15.0, False), (30.0, False), (45.0, False), (60.0, False)]
    assert [new.until for new in silent if new.lone] == [75.0, 90.0, 105.0]
    assert not any(new.stable.requests for new in silent if new.until > 75.0)


def test_one_scrape_of_each_arm_tells_nothing_of_silence() -> None:
    assert slices(an_arm([(60.0, 5.0)]), an_arm([(20.0, 5.0)]), 0.0) == ()


def test_a_pod_of_stable_that_has_just_gone_leaves_the_canary_beside_the_others() -> None:
    """Its last scrape is older than what makes stable silent, and young enough for a living pod's."""
    stable = an_arm(a_line(20.0, 5.0, 95.0), a_line(20.0, 5.0, 65.0))

    told = slices(an_arm(a_line(2.0, 0.0, 105.0)), stable, 0.0)

    assert [(new.until, new.lone) for new in told] == [(until, False) for until in (15.0, 30.0, 45.0, 60.0)]
