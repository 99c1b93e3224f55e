"""Is the metrics server asked what a stage needs, and as far back as that means something?"""

from datetime import timedelta

import pytest

from rollout.migration.needs import needs
from rollout.model.migration import Stage
from rollout.model.telemetry import Asked
from tests.support.mesh import NOON
from tests.support.moving import HOUR, MINUTE, a_spec, standing

HEARS = {Asked.PLAINTEXT, Asked.PLAINTEXT_OPEN, Asked.PROXIES, Asked.SCRAPED, Asked.MTLS}


def windows(stage: Stage, *, policies: tuple[str, ...] = ("http",), **status: object) -> dict[Asked, timedelta]:
    """What is asked in this stage, an hour after it began, and how far back."""
    found = needs(a_spec(policies=policies), standing(stage, **status), NOON)
    return {one.asked: one.window for one in found.questions}


@pytest.mark.parametrize("stage", [Stage.REHEARSAL, Stage.STRICT_CANARY, Stage.STRICT, Stage.STRICT_SOAK])
def test_the_burn_is_asked_for_only_where_there_are_budgets(stage: Stage) -> None:
    assert Asked.RECENT in windows(stage)
    assert Asked.RECENT not in windows(stage, policies=())


def test_who_fails_seldom_is_looked_for_as_long_as_a_change_is_verified() -> None:
    found = windows(Stage.STRICT)

    assert {found[asked] for asked in (Asked.REQUESTS, Asked.CONNECTIONS, Asked.LATENCY)} == {15 * MINUTE}
    assert {found[asked] for asked in (Asked.RECENT, Asked.WEBHOOKS, Asked.REFUSED)} == {5 * MINUTE}


@pytest.mark.parametrize("asked", [Asked.REQUESTS, Asked.CONNECTIONS, Asked.RECENT, Asked.WEBHOOKS])
def test_what_failed_before_the_change_is_not_asked_for_after_it(asked: Asked) -> None:
    assert windows(Stage.STRICT, since=NOON - MINUTE)[asked] == MINUTE


def test_before_strict_the_last_minutes_are_looked_at_however_new_the_stage_is() -> None:
    found = windows(Stage.REHEARSAL, since=NOON)

    assert (found[Asked.RECENT], found[Asked.WEBHOOKS]) == (5 * MINUTE, 5 * MINUTE)
    assert found[Asked.CONNECTIONS] == 24 * HOUR


def test_while_something_is_closed_plaintext_is_listened_for_again() -> None:
    assert not HEARS & windows(Stage.STRICT_SOAK).keys()
    assert windows(Stage.STRICT_SOAK, closing=True).keys() >= HEARS
