"""What does the status remember: entries that are ours, what git may remove, and which clocks run?"""

from dataclasses import replace
from datetime import timedelta

import pytest

from rollout.model.commands import Verb
from tests.support.builders import VIRTUAL_SERVICE, a_step
from tests.support.pure_world import OUTER, PureWorld, backend, running

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


def promoted() -> PureWorld:
    """v2 has just become stable."""
    world = running()
    world.pass_time(10 * MINUTE)
    assert world.status.run is None
    return world


def test_entries_that_we_make_are_remembered_before_they_are_made() -> None:
    world = PureWorld()
    world.settle()
    world.spec = replace(world.spec, revision="v2")
    world.tick()

    decision = world.decided()

    assert {added.route for added in decision.status.added} == {VIRTUAL_SERVICE, OUTER}
    assert world.share("v2") == 0


def test_an_entry_that_was_there_is_not_ours() -> None:
    world = PureWorld()
    world.give(OUTER, v1=100, v2=0)
    world.settle()
    world.spec = replace(world.spec, revision="v2")

    world.settle()

    assert {added.route for added in world.status.added} == {VIRTUAL_SERVICE}


def test_a_users_entry_of_a_failed_canary_stays_and_ours_goes() -> None:
    world = PureWorld()
    world.give(OUTER, v1=100, v2=0)
    world.settle()
    world.spec = replace(world.spec, revision="v2")
    world.settle()
    world.command(Verb.ABORT)

    world.pass_time(2 * MINUTE)

    assert world.pools[OUTER][0].names(backend("v2"))
    assert not world.pools[VIRTUAL_SERVICE][0].names(backend("v2"))
    assert world.status.added == ()


def test_the_former_stable_leaves_the_routes_after_settle() -> None:
    world = promoted()
    before = world.pools[OUTER][0].names(backend("v1"))

    world.pass_time(world.spec.settle + SECOND)

    assert before
    assert not world.pools[OUTER][0].names(backend("v1"))


def test_workload_and_service_are_removable_only_once_no_route_names_them() -> None:
    world = promoted()
    at_once = world.status.removable

    world.pass_time(world.spec.settle + SECOND)

    assert at_once == ()
    assert world.status.removable == ("Deployment/checkout-v1", "Service/checkout-v1")


def test_nothing_is_removable_while_a_run_may_go_back() -> None:
    world = promoted()
    world.pass_time(MINUTE)
    world.spec = replace(world.spec, revision="v3")

    world.settle()

    assert world.status.removable == ()


def test_soak_counts_from_when_the_weight_was_in_force() -> None:
    world = running()
    run = world.status.run
    assert run is not None

    assert run.in_force_at == world.now
    assert run.confirmed == 5


def test_only_the_missing_verdict_is_timed() -> None:
    world = running()
    world.bad = None
    world.pass_time(4 * MINUTE)
    soaking = world.status.run
    world.pass_time(3 * MINUTE)
    waiting = world.status.run

    assert soaking is not None
    assert soaking.verdict_missing.elapsed(world.now) == timedelta(0)
    assert waiting is not None
    assert waiting.verdict_missing.elapsed(world.now) == 2 * MINUTE


@pytest.mark.slow
def test_a_night_without_approval_is_not_timed() -> None:
    world = PureWorld()
    world.settle()
    world.spec = replace(world.spec, revision="v2", steps=(a_step(5, approval="team"), a_step(50)))
    world.bad = None

    world.pass_time(600 * MINUTE)

    assert world.status.run is not None
    assert world.status.run.verdict_missing.elapsed(world.now) == timedelta(0)
