"""Is all that a decision needs looked at, and only the traffic of the present weight measured?"""

from dataclasses import replace
from datetime import datetime, timedelta

from policies.sequential import judge
from rollout.model.measurement import Arm
from rollout.model.names import BackendName
from rollout.model.rollout import Objective, Query, RouteRef, SlowRatio
from rollout.model.status import Added, Incident, Phase, Retiring, RolloutStatus
from rollout.progression.aims import Memory, aim_of
from rollout.progression.needs import LONGEST_WINDOW, PROXY_LAG, SCRAPE_BEFORE, needs
from tests.support.builders import ERRORS, NOON, SEQUENTIAL, VIRTUAL_SERVICE, a_revision, a_run, a_spec, a_status

MINUTE = timedelta(minutes=1)
OUTER = RouteRef(kind="VirtualService", name="outer")


def test_every_revision_that_spec_and_status_know_is_looked_at() -> None:
    retiring = (Retiring(revision=a_revision("v0"), since=NOON),)
    status = a_status(run=a_run(), former=a_revision("v8"), failed=a_revision("v9"), retiring=retiring)

    wanted = needs(a_spec(revision="v3"), status, NOON)

    assert wanted.revisions == ("v0", "v1", "v2", "v3", "v8", "v9")
    assert {str(name) for name in wanted.backends} == {f"checkout-{name}" for name in wanted.revisions}


def test_a_route_that_left_the_spec_is_looked_at_while_our_entry_is_in_it() -> None:
    entry = Added(route=OUTER, backend=BackendName(service="checkout-v2"))

    wanted = needs(a_spec(), a_status(run=a_run(), added=(entry,)), NOON)

    assert wanted.routes == (VIRTUAL_SERVICE, OUTER)


def test_the_window_begins_when_the_weight_was_in_force() -> None:
    wanted = needs(a_spec(), a_status(run=a_run()), NOON + 2 * MINUTE)

    (ask,) = wanted.asks
    assert (ask.window.start, ask.window.end) == (NOON + PROXY_LAG, NOON + 2 * MINUTE)
    assert (ask.arm, ask.revision) == (Arm.CANARY, a_revision("v2"))


def test_a_long_step_is_judged_by_its_last_minutes() -> None:
    now = NOON + 100 * MINUTE

    wanted = needs(a_spec(), a_status(run=a_run()), now)

    assert [ask.window.start for ask in wanted.asks] == [now - LONGEST_WINDOW]


def test_nothing_is_measured_before_the_weight_is_in_force() -> None:
    assert needs(a_spec(), a_status(run=a_run(in_force_at=None)), NOON + MINUTE).asks == ()
    assert needs(a_spec(), a_status(run=a_run(weight=0, step=0)), NOON + MINUTE).asks == ()
    assert needs(a_spec(), a_status(run=a_run(straight=True)), NOON + MINUTE).asks == ()
    assert needs(a_spec(), a_status(run=a_run(), phase=Phase.ROLLING_BACK), NOON + MINUTE).asks == ()


def asked(status: RolloutStatus, now: datetime, *objectives: Objective) -> list[tuple[str, str, str]]:
    """Objective, arm and revision of each measurement that is wanted."""
    wanted = needs(a_spec(objectives=objectives), status, now)
    return [(ask.objective.name, ask.arm.value, ask.revision.name) for ask in wanted.asks]


def test_history_is_asked_for_before_the_first_weight_and_only_where_it_is_judged_by() -> None:
    waiting = a_status(run=a_run(step=0, weight=0, confirmed=0))

    assert asked(waiting, NOON, SEQUENTIAL) == [("errors", "history", "v1")]
    assert asked(waiting, NOON, ERRORS) == []
    assert asked(a_status(run=a_run(step=0, weight=0, straight=True)), NOON, SEQUENTIAL) == []


def test_both_arms_are_asked_over_one_window_beside_each_other() -> None:
    status = a_status(run=a_run())

    wanted = needs(a_spec(objectives=(SEQUENTIAL,)), status, NOON + 2 * MINUTE)

    assert asked(status, NOON + MINUTE, SEQUENTIAL) == [("errors", "canary", "v2"), ("errors", "stable", "v1")]
    assert len({ask.window for ask in wanted.asks}) == 1
    assert wanted.asks[0].window.start == NOON - SCRAPE_BEFORE


def test_at_100_percent_nothing_is_asked_of_stable() -> None:
    status = a_status(run=a_run(step=3, weight=100, confirmed=100), phase=Phase.PROMOTING)

    assert asked(status, NOON + MINUTE, SEQUENTIAL) == [("errors", "canary", "v2")]


def test_the_last_requests_of_the_weight_before_are_still_compared_at_100_percent() -> None:
    aim = aim_of(SEQUENTIAL, a_spec(objectives=(SEQUENTIAL,)))
    memory = Memory(objective=SEQUENTIAL, aim=aim, state=judge.begun(aim, None, (NOON - MINUTE).timestamp()))
    run = a_run(step=3, weight=100, confirmed=100, judged=(memory.kept(),))

    assert asked(a_status(run=run, phase=Phase.PROMOTING), NOON + MINUTE, SEQUENTIAL) == [
        ("errors", "canary", "v2"),
        ("errors", "stable", "v1"),
    ]


def test_stable_is_asked_for_a_query_only_where_it_is_compared() -> None:
    alone = Query(name="orders", query="orders", above=3)
    both = replace(alone, name="p99", worse_than_stable=0.2)

    found = asked(a_status(run=a_run()), NOON + MINUTE, alone, both)

    assert found == [("orders", "canary", "v2"), ("p99", "canary", "v2"), ("p99", "stable", "v1")]


def test_stable_alone_is_watched_where_an_incident_took_the_weight() -> None:
    run = a_run(step=0, weight=0, confirmed=0, incident=Incident(since=NOON, count=1))
    gone_on = replace(run, incident=Incident(since=NOON, count=1, over=True))

    assert asked(a_status(run=run), NOON + MINUTE, SEQUENTIAL, ERRORS) == [("errors", "stable", "v1")]
    assert asked(a_status(run=gone_on), NOON + MINUTE, SEQUENTIAL) == []


def test_of_a_latency_histogram_the_bounds_are_asked_for_that_the_judge_watches() -> None:
    slow = SlowRatio(name="slow", threshold=timedelta(milliseconds=500), max_ratio=0.05)
    spec = a_spec(objectives=(slow,))
    aim = aim_of(slow, spec, (100.0, 250.0, 1000.0))
    state = judge.begun(aim, None, NOON.timestamp())
    state = state._replace(watches=tuple(state.watches[0]._replace(bound=place) for place in (2, 0)))
    run = a_run(judged=(Memory(objective=slow, aim=aim, state=state).kept(),))

    wanted = needs(spec, a_status(run=run), NOON + MINUTE)

    assert [(ask.arm, ask.bounds) for ask in wanted.asks] == [(Arm.CANARY, (100, 1000)), (Arm.STABLE, (100, 1000))]
