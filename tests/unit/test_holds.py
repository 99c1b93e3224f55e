"""What holds a run, and does it say so before any weight is raised?"""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from rollout.model.commands import Verb
from rollout.model.names import Key
from rollout.model.observation import BackendSeen
from rollout.model.rollout import Analysis
from rollout.progression.decide import decide
from tests.support.builders import VIRTUAL_SERVICE
from tests.support.pure_world import OUTER, PureWorld, backend, running

MINUTE = timedelta(minutes=1)
Trouble = Callable[[PureWorld], None]


def _suspend(world: PureWorld) -> None:
    world.spec = replace(world.spec, suspend=True)


def _no_endpoints(world: PureWorld) -> None:
    world.services["v2"].ready = 0


def _stable_dies(world: PureWorld) -> None:
    world.services["v1"].ready = 0


def _stable_changes(world: PureWorld) -> None:
    world.services["v1"].template = "b"


def _stable_grows(world: PureWorld) -> None:
    world.services["v1"].ready = 40


def _route_goes(world: PureWorld) -> None:
    world.missing.add(OUTER)


def _stranger(world: PureWorld) -> None:
    world.give(OUTER, v1=50, v3=50)


TROUBLES: dict[str, Trouble] = {
    "NotAvailable": _no_endpoints,
    "StableDown": _stable_dies,
    "StableChanged": _stable_changes,
    "RouteUnusable": _route_goes,
    "UnknownBackend": _stranger,
}


@pytest.mark.parametrize("code", list(TROUBLES))
def test_trouble_before_the_first_step_holds_it_and_is_said(code: str) -> None:
    world = PureWorld()
    world.settle()
    world.spec = replace(world.spec, revision="v2")
    world.tick()
    TROUBLES[code](world)

    world.pass_time(MINUTE)

    assert code in {reason.code for reason in world.status.reasons}
    assert world.share("v2") == 0


@pytest.mark.parametrize("code", ["Suspended", "CapacityMissing", "StableDown", "StableChanged", "RouteUnusable"])
def test_trouble_in_a_step_keeps_its_weight(code: str) -> None:
    troubles = TROUBLES | {"Suspended": _suspend, "CapacityMissing": _stable_grows}
    world = PureWorld()
    world.settle()
    world.spec = replace(
        world.spec, revision="v2", available_within=timedelta(hours=9), analysis=Analysis(interval=MINUTE)
    )
    world.settle()
    troubles[code](world)

    world.pass_time(20 * MINUTE)

    assert code in {reason.code for reason in world.status.reasons}
    assert world.share("v2") == 5


def held(world: PureWorld, **seen: Any) -> set[str]:
    """The codes that hold when the look brings this, too."""
    decision = decide(world.spec, world.status, replace(world.look(), **seen), world.now)
    return {reason.code for reason in decision.status.reasons}


def test_that_nothing_was_measured_is_said_once_the_soak_is_over() -> None:
    world = running(minutes=1)

    soaking = held(world, measurements=())
    world.now += 6 * MINUTE
    soaked = held(world, measurements=())

    assert (soaking, soaked) == ({"Soaking"}, {"NotMeasured"})


def test_a_rival_on_the_pool_is_a_hold() -> None:
    world = PureWorld()
    world.settle()
    world.spec = replace(world.spec, revision="v2")
    world.tick()

    assert "RouteContested" in held(world, rivals=(Key(namespace="shop", name="other"),))


def test_backends_that_share_a_pod_are_a_hold() -> None:
    world = PureWorld()
    world.settle()
    world.spec = replace(world.spec, revision="v2")
    world.tick()
    shared = {
        backend(name): BackendSeen(backend=backend(name), exists=True, ready=1, pods=frozenset({"same"}))
        for name in ("v1", "v2")
    }

    assert "BackendsOverlap" in held(world, backends=shared)


def test_a_raise_that_was_saved_and_not_written_is_not_written_while_suspended() -> None:
    world = PureWorld()
    world.settle()
    world.spec = replace(world.spec, revision="v2")
    world.tick()
    world.status = world.decided().status  # 5 % is saved, and then the process dies
    world.spec = replace(world.spec, suspend=True)

    world.pass_time(MINUTE)

    assert world.share("v2") == 0


def test_what_is_too_high_comes_down_even_where_raising_is_held() -> None:
    world = PureWorld()
    world.settle()
    world.spec = replace(world.spec, revision="v2")
    world.tick()
    world.status = world.decided().status  # 5 % is saved, and then the process dies
    world.give(VIRTUAL_SERVICE, v1=40, v2=60)
    world.spec = replace(world.spec, suspend=True)

    world.tick()

    assert world.pools[VIRTUAL_SERVICE][0].weight_of(backend("v2")) == 5
    assert world.pools[OUTER][0].weight_of(backend("v2")) == 0


@pytest.mark.parametrize("interrupt", ["suspend", "pause"])
def test_availability_is_not_timed_while_the_run_stands(interrupt: str) -> None:
    world = PureWorld()
    world.settle()
    world.spec = replace(world.spec, revision="v2")
    world.services["v2"].ready = 0
    world.settle()
    if interrupt == "suspend":
        _suspend(world)
    else:
        world.command(Verb.PAUSE)

    world.pass_time(600 * MINUTE)

    assert world.status.run is not None
    assert world.status.run.ending is None
