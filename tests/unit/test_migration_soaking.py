"""Does the soak's clock go on in silence, and begin again for all that makes silence worth nothing?"""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rollout.migration.soaking import MOST_CALLERS, MOST_KNOWN, needed, soak_holds, soaked_on
from rollout.model.mesh import Mtls
from rollout.model.migration import Stage
from rollout.model.migration_marks import SoakMark
from rollout.model.migration_seen import CronCaller
from tests.support.fleets import calling
from tests.support.mesh import NOON, peer, root_peer, workload
from tests.support.moving import BLIND, HOUR, MINUTE, QUIET, a_view, codes, enrolled
from tests.support.plaintext import an_event

START = NOON - 10 * HOUR


def soaking(**changes: Any) -> Any:
    """shop, whose clock has run for ten hours over what it is now."""
    view = a_view(Stage.OBSERVING, soak=SoakMark(clock=START, looked=NOON - 2 * MINUTE, window=24 * HOUR))
    known = soaked_on(view).soak.known
    mark = replace(view.status.soak, known=known)
    return a_view(Stage.OBSERVING, **{"soak": mark, **changes})


def test_the_clock_begins_with_the_first_complete_look() -> None:
    assert soaked_on(a_view(Stage.OBSERVING, soak=SoakMark())).soak.clock == NOON
    assert soaked_on(a_view(Stage.OBSERVING, soak=SoakMark(), look=BLIND)).soak.clock is None


def test_in_silence_the_clock_goes_on() -> None:
    mark = soaked_on(soaking()).soak

    assert (mark.clock, mark.looked, mark.restarted) == (START, NOON, "")


def test_a_look_that_proves_nothing_does_not_count_as_one() -> None:
    mark = soaked_on(soaking(look=BLIND)).soak

    assert mark.looked == NOON - 2 * MINUTE


def test_a_look_that_tells_nothing_new_is_not_written_down() -> None:
    mark = replace(soaking().status.soak, looked=NOON - timedelta(seconds=15))
    view = soaking(soak=mark)

    assert soaked_on(view) == view.status


CHANGES: dict[str, dict[str, Any]] = {
    "plaintext": {"look": replace(QUIET, events=(an_event(NOON),))},
    "silent proxies": {"look": replace(QUIET, silent="2 of 2 proxies were not scraped")},
    "a new workload": {"ns": enrolled(workloads=(workload(), workload("web")))},
    "a new Service": {"ns": enrolled(services=("api",))},
    "another mode of a user's": {
        "ns": enrolled(peer(mode=Mtls.PERMISSIVE, ours="to-strict"), peer("own", Mtls.STRICT))
    },
    "another policy of the mesh": {"root": (root_peer(Mtls.PERMISSIVE),)},
    "a caller outside": {"fleet": {"calls": calling("web>shop", "old>shop")}},
}


@pytest.mark.parametrize("changes", CHANGES.values(), ids=CHANGES)
def test_the_clock_begins_again(changes: dict[str, Any]) -> None:
    mark = soaked_on(soaking(**changes)).soak

    assert mark.clock == NOON
    assert mark.restarted != ""


def test_what_we_write_ourselves_sets_nothing_back() -> None:
    ours = peer("rollout-open-98-1", Mtls.PERMISSIVE, selector={"app": "old"}, ours="to-strict")

    mark = soaked_on(soaking(ns=enrolled(peer(mode=Mtls.PERMISSIVE, ours="to-strict"), ours))).soak

    assert mark.clock == START


def test_an_accounted_event_sets_nothing_back() -> None:
    event = replace(an_event(NOON), accounted="team-x's exception")

    assert soaked_on(soaking(look=replace(QUIET, events=(event,)))).soak.clock == START


def test_a_skip_is_void_after_the_next_event() -> None:
    mark = replace(soaking().status.soak, skipped_by="ana", skipped_why="read the code")

    quiet = soaked_on(soaking(soak=mark)).soak
    loud = soaked_on(soaking(soak=mark, look=replace(QUIET, events=(an_event(NOON),)))).soak

    assert (quiet.skipped_by, quiet.skipped_why) == ("ana", "read the code")
    assert loud.skipped_by == ""


def test_a_skipped_soak_holds_no_more() -> None:
    mark = replace(soaking().status.soak, skipped_by="ana", skipped_why="read the code")

    assert codes(soak_holds(soaking())) == ["Soaking"]
    assert list(soak_holds(soaking(soak=mark))) == []


def cron(days: float | None) -> CronCaller:
    """A CronJob that calls so seldom."""
    return CronCaller(namespace="batch", name="report", longest=timedelta(days=days) if days else None)


def test_the_soak_is_twice_as_long_as_the_slowest_caller_waits() -> None:
    assert needed(soaking(view={"periods": (cron(7),)})).length == timedelta(days=14)
    assert needed(soaking(view={"periods": (cron(0.1),)})).length == timedelta(hours=24)


def test_a_caller_beyond_the_cap_must_be_accounted_for() -> None:
    mark = replace(soaking().status.soak, clock=NOON - timedelta(days=40))

    held = codes(soak_holds(soaking(soak=mark, view={"periods": (cron(90),)})))

    assert len(held) == 1


def test_callers_are_counted_and_bounded() -> None:
    events = tuple(an_event(NOON, source_workload=f"w{n}", source_workload_namespace="x") for n in range(50))

    status = soaked_on(soaking(look=replace(QUIET, events=events)))

    assert len(status.callers) == MOST_CALLERS


def test_what_is_remembered_of_a_large_namespace_is_bounded_and_misses_nothing() -> None:
    many = enrolled(services=tuple(f"s{n:04}" for n in range(500)))
    more = enrolled(services=tuple(f"s{n:04}" for n in range(501)))
    first = soaked_on(soaking(ns=many)).soak

    assert len(first.known) <= MOST_KNOWN + 1
    later = soaked_on(a_view(Stage.OBSERVING, ns=more, soak=replace(first, clock=START, restarted=""))).soak
    assert later.clock == NOON


def test_nothing_soaks_outside_of_its_stages() -> None:
    view = a_view(Stage.STRICT, look=replace(QUIET, events=(an_event(NOON),)))

    assert soaked_on(view) == view.status
