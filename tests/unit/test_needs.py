"""Is all that a decision needs looked at, and only the traffic of the present weight measured?"""

from datetime import timedelta

from rollout.model.measurement import Arm
from rollout.model.names import BackendName
from rollout.model.rollout import RouteRef
from rollout.model.status import Added, Phase, Retiring
from rollout.progression.needs import LONGEST_WINDOW, PROXY_LAG, needs
from tests.support.builders import NOON, VIRTUAL_SERVICE, a_revision, a_run, a_spec, a_status

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
