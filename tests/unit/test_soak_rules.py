"""Does a soak notice when one of its rules is broken, and is it content with a release that goes well?"""

from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.servers.soak_facts import Fact, Routed, Saved, routed
from tests.servers.soak_figures import MOST, RUN_MIB, Life, Sample, growing
from tests.servers.soak_rules import BAD_FOR, Truth, broken
from tests.servers.soak_traffic import lagging

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
KEY = ("shop", "checkout")
RUN = Saved(
    revision=1,
    key=KEY,
    uid="u",
    wanted="v2",
    phase="Progressing",
    run=3,
    step=1,
    weight=10,
    stable="v1",
    canary="v2",
    plan=((10, False), (30, True), (60, False)),
    began=NOON,
)
SECOND: dict[str, Any] = {"step": 2, "weight": 30}
THIRD: dict[str, Any] = {"step": 3, "weight": 60}


def told(*statuses: dict[str, Any], truth: Truth | None = None) -> str:
    """What breaks a rule when RUN is saved with these changes, one after the other."""
    facts: list[Fact] = [replace(RUN, revision=number, **changes) for number, changes in enumerate(statuses)]
    return "; ".join(broken(facts, truth or Truth()))


def a_route(revision: int, **weights: int) -> Routed:
    """A route of one pool."""
    return Routed(revision=revision, key=KEY, pools=(weights,))


def test_a_release_in_which_the_weight_follows_what_was_saved_breaks_no_rule() -> None:
    truth = Truth(approved={("u", 3, 2)})
    facts: list[Fact] = [
        a_route(1, v1=100),
        replace(RUN, revision=2),
        a_route(3, v1=90, v2=10),
        replace(RUN, revision=4, step=2, weight=30),
        a_route(5, v1=70, v2=30),
        replace(RUN, revision=6, step=3, weight=60, approved=frozenset({2})),
        a_route(7, v1=40, v2=60),
        replace(RUN, revision=8, step=3, weight=0, phase="RollingBack"),
        a_route(9, v1=100, v2=0),
    ]

    assert broken(facts, truth) == []


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ({}, {"run": 2}, "run 3 became 2"),
        ({}, {"stable": ""}, "forgot what is stable"),
        ({}, {"phase": ""}, "lost its status"),
        ({"phase": "RollingBack", "weight": 0}, {}, "raised to 10 in RollingBack"),
        ({"phase": "Paused"}, {**SECOND, "phase": "Paused"}, "raised to 30 while Paused"),
        ({"phase": "Paused"}, {}, "nobody resumed it"),
        ({}, THIRD, "from step 1 to 3"),
        (SECOND, THIRD, "left step 2, which nobody approved"),
        (SECOND, {**THIRD, "approved": frozenset({2})}, "left step 2, which nobody approved"),
        ({}, {"weight": 30}, "30 % in step 1, which has 10 %"),
    ],
)
def test_a_status_that_breaks_a_rule_is_named(before: dict[str, Any], after: dict[str, Any], words: str) -> None:
    assert words in told(before, after)


def test_each_return_from_a_pause_needs_a_resume_and_a_run_that_replaces_a_paused_one_needs_none() -> None:
    paused, truth = {"phase": "Paused"}, Truth(resumed=Counter({("u", 4): 1}))
    new_run = {"run": 4}

    assert told(paused, new_run, {**new_run, **paused}, new_run, truth=truth) == ""
    assert "nobody resumed it" in told({**new_run, **paused}, new_run, {**new_run, **paused}, new_run, truth=truth)


def test_a_weight_that_is_raised_in_a_freeze_is_named() -> None:
    truth = Truth(frozen={"shop": (NOON - timedelta(minutes=1), NOON + timedelta(minutes=1))})

    assert "in a freeze" in told({}, SECOND, truth=truth)
    assert told({}, {**SECOND, "began": NOON + timedelta(minutes=2)}, truth=truth) == ""


def test_a_canary_that_is_raised_long_after_it_turned_bad_is_named_unless_a_person_said_so() -> None:
    truth = Truth(bad={(KEY, "v2"): [(NOON - BAD_FOR - timedelta(seconds=1), None)]})

    assert "although bad" in told({}, SECOND, truth=truth)
    truth.promoted.add(("u", 3, 1))
    assert told({}, SECOND, truth=truth) == ""


@pytest.mark.parametrize(
    ("status", "route", "words"),
    [
        ({}, {"v1": 80, "v2": 20}, "v2 got 20 %, and 10 % was saved"),
        ({}, {"v1": 90, "v3": 10}, "v3 got 10 %, and 0 % was saved"),
        ({"phase": "Paused"}, {"v1": 90, "v2": 10}, "v2 got 10 %, and 0 % was saved (Paused"),
        ({"phase": "RollingBack", "weight": 0}, {"v1": 90, "v2": 10}, "0 % was saved (RollingBack"),
        ({}, {"v1": 80, "v2": 10}, "are not 100 % together"),
    ],
)
def test_a_route_that_breaks_a_rule_is_named(status: dict[str, Any], route: dict[str, int], words: str) -> None:
    facts: list[Fact] = [a_route(1, v1=100), replace(RUN, revision=2, **status), a_route(3, **route)]

    assert words in "; ".join(broken(facts, Truth()))


def test_a_canary_with_more_than_the_status_says_lags_behind() -> None:
    failed = replace(RUN, phase="Failed", weight=0, canary="")

    assert lagging(failed, [a_route(2, v1=90, v2=10)]) == "v2 has 10 %, 0 % is wanted (Failed)"
    assert lagging(failed, [a_route(2, v1=100, v2=0)]) == ""


def test_a_destination_that_is_alone_has_everything() -> None:
    entry = {"destination": {"host": "checkout-v1"}}
    meta = {"namespace": "shop", "name": "checkout", "resourceVersion": "7"}

    assert routed({"metadata": meta, "spec": {"http": [{"route": [entry]}]}}).pools == ({"v1": 100},)


def samples(
    mib: Callable[[int], float] = lambda _: 100.0,
    runs: int = 0,
    seconds: int = 300,
    others: Callable[[int], float] = lambda _: 9.0,
) -> list[Sample]:
    """A leader's samples, with so many runs in each second. others: its files, and a quarter as many threads."""
    return [
        Sample(
            at=float(at),
            leads=True,
            runs=runs * at,
            sizes={"MiB": mib(at), "threads": others(at) // 4, "files": others(at)},
        )
        for at in range(0, seconds, 2)
    ]


def test_memory_that_grows_is_named_and_a_burst_is_not() -> None:
    steady = Life(name="r", pid=1, samples=samples(lambda at: 150.0 if at == 200 else 100.0))
    leaking = Life(name="r", pid=1, samples=samples(lambda at: 100 + at / 30))

    assert growing([steady]) == []
    assert growing([leaking]) == ["r (1) grows by 2.00 MiB a minute, 1.0 are allowed"]


def test_files_that_come_and_go_with_faults_are_not_named_and_one_that_stays_with_each_is() -> None:
    busy = Life(name="r", pid=1, samples=samples(others=lambda at: 41 + 8 * (at % 40 > 20)))
    leaking = Life(name="r", pid=1, samples=samples(others=lambda at: 41 + at // 17, seconds=600))

    assert growing([busy]) == []
    assert growing([leaking])[-1:] == [f"r (1) had 76 files, {MOST['files']} are allowed"]


def test_what_runs_leave_behind_may_grow_and_a_short_stretch_says_nothing() -> None:
    kept = Life(name="r", pid=1, samples=samples(lambda at: 100 + RUN_MIB * at, runs=1))
    short = Life(name="r", pid=1, samples=samples(lambda at: 100 + at / 30, seconds=170))

    assert growing([kept, short]) == []


def test_a_process_that_ends_much_bigger_is_named() -> None:
    jumped = Life(name="r", pid=1, samples=samples(lambda at: 100 if at < 50 else 150))

    assert growing([jumped]) == ["r (1) became 50 MiB bigger, 32 are allowed"]
