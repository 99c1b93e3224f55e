"""Do requests to the API server grow with what happens, and not with how many Rollouts there are?

By the server's own audit log. A hundred Rollouts are there; one is released in five steps while another one turns bad
in its second step. `make bench` measures the same with a thousand, and times and memory besides.
"""

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from tests.bench.crowd import Member
from tests.bench.scene import Calls, Request, Scene, counted, is_idle, own, staged, working
from tests.servers.missing import obtained
from tests.servers.process import eventually

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("scale")]

CROWD = 100
PATIENCE_S = 90.0
QUIET_S = 6.0
PLAN = {"steps": [{"weight": weight, "soak": "3s"} for weight in (10, 20, 30, 40, 50)], "settle": "2s"}
LOOKS = {"interval": "3s", "minRequests": 50}  # as long as a soak: so were those of Flagger and Argo Rollouts


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What the controller asked: in a quiet while, and from the release to a quiet while after both runs were over."""

    good: Member
    bad: Member
    quiet: tuple[Request, ...]
    busy: tuple[Request, ...]


@pytest.fixture(scope="module")
def story() -> Iterator[Story]:
    """The whole of it, lived through once."""
    with ExitStack() as stack:
        scene = obtained(lambda: stack.enter_context(staged(CROWD, scrape_s=1)))
        stack.enter_context(working(scene.controller()))
        assert scene.all_reach(is_idle, "rollouts", PATIENCE_S) == CROWD
        begun = after_a_quiet_while(scene)
        quiet = scene.requests(begun)
        busy = scene.server.audit_mark()
        lived_through(scene, scene.crowd[0], scene.crowd[1])
        yield Story(good=scene.crowd[0], bad=scene.crowd[1], quiet=quiet, busy=scene.requests(busy))


def lived_through(scene: Scene, good: Member, bad: Member) -> None:
    """Release both; the second fails in step 2."""
    scene.change([good, bad], revision="v2", analysis=LOOKS, **PLAN)
    scene.reach(bad, PATIENCE_S, weight=20)
    scene.prometheus.turn_bad(f"{bad.name}-v2")
    scene.reach(bad, PATIENCE_S, phase="Failed")
    scene.reach(good, PATIENCE_S, phase="Idle", stableRevision="v2")
    after_a_quiet_while(scene)


def after_a_quiet_while(scene: Scene) -> int:
    """The mark from which on only the lease was asked for, for so long."""
    found = [scene.server.audit_mark(), time.monotonic()]

    def is_quiet() -> bool:
        if own(counted(scene.requests(int(found[0])))):
            found[:] = [scene.server.audit_mark(), time.monotonic()]
        return time.monotonic() - found[1] >= QUIET_S

    assert eventually(is_quiet, PATIENCE_S, 0.5)
    return int(found[0])


def of(requests: Sequence[Request], member: Member) -> Calls:
    """The requests for one Rollout and its route; Events have names of their own."""
    return own(counted([one for one in requests if one.name == member.name]))


def test_a_hundred_idle_rollouts_cost_nothing_but_the_lease(story: Story) -> None:
    assert own(counted(story.quiet)) == {}
    assert counted(story.quiet)["patch", "leases"] > 0


def test_while_two_of_them_move_nothing_is_read_and_nobody_else_is_touched(story: Story) -> None:
    calls = counted(story.busy)

    assert [what for what in calls if what[0] in {"get", "list"}] == []
    assert own(calls) == of(story.busy, story.good) + of(story.busy, story.bad)


def test_a_release_of_five_steps_takes_at_most_30_requests(story: Story) -> None:
    calls = of(story.busy, story.good)

    assert calls["patch", "virtualservices"] in {7, 8}  # five steps, all, and the old entry goes
    assert calls.total() <= 30, calls


def test_a_run_that_is_rolled_back_at_step_2_takes_at_most_15_requests(story: Story) -> None:
    calls = of(story.busy, story.bad)

    assert calls["patch", "virtualservices"] > 0
    assert calls.total() <= 15, calls
