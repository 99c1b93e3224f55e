"""Does everything that was promised of a release hold while all kinds of trouble come at once, and does nothing grow?

`make test` has a short one, `make e2e` one of ten minutes with 200 Rollouts. SOAK_SEED repeats what was drawn,
SOAK_SECONDS and SOAK_ROLLOUTS change the long one. What a soak did is printed at its end.
"""

import os
import secrets
import sys
from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.servers.missing import obtained
from tests.servers.soak import Soak
from tests.servers.soak_figures import growing
from tests.servers.soak_plan import Plan
from tests.servers.soak_stage import soaking

SEED = int(os.environ.get("SOAK_SEED", "0")) or secrets.randbelow(10**6)
SHORT = Plan(
    seed=SEED,
    seconds=8,
    rollouts=20,
    pause_s=0.1,
    later_s=1.5,
    interval="1s",
    longest_soak=1,
    calm=(0.3, 1),
    longest_fault=2,
)
LONG = Plan(
    seed=SEED,
    seconds=float(os.environ.get("SOAK_SECONDS", "600")),
    rollouts=int(os.environ.get("SOAK_ROLLOUTS", "200")),
    pause_s=0.6,
    later_s=8,
    interval="5s",
    longest_soak=4,
    calm=(3, 25),
    longest_fault=20,
)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(SHORT, id="short", marks=[pytest.mark.server, pytest.mark.xdist_group("soak")]),
        pytest.param(LONG, id="long", marks=pytest.mark.e2e),
    ],
)
def soak(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Soak]:
    """A soak that is over, and whose servers still run."""
    with ExitStack() as stack:
        made = obtained(lambda: stack.enter_context(soaking(tmp_path_factory.mktemp("soak"), request.param)))
        say(request, str(request.param))
        made.run()
        say(request, made.told())
        yield made


def say(request: pytest.FixtureRequest, text: str) -> None:
    """Print it also where output is captured: figures of a soak that went well are wanted, too."""
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        sys.stdout.write(f"\n{text}\n")


def test_no_rule_is_broken_at_any_moment(soak: Soak) -> None:
    assert soak.broken() == [], soak.told()


def test_everybody_comes_to_rest_within_a_minute_after_the_last_fault(soak: Soak) -> None:
    assert soak.unsettled() == [], soak.told()


def test_every_command_is_answered(soak: Soak) -> None:
    assert soak.unanswered() == [], soak.told()


def test_nobody_writes_without_the_lease(soak: Soak) -> None:
    assert soak.without_lease() == [], soak.told()


def test_nothing_crashes(soak: Soak) -> None:
    crashes = [line for line in soak.logs() if "raw" in line or "exception" in line or "crashed" in str(line["event"])]

    assert crashes == [], soak.told()
    assert soak.ended() == [], soak.told()


def test_nobody_is_flooded_with_events(soak: Soak) -> None:
    assert soak.flooded() == [], soak.told()


def test_memory_threads_and_files_stay_as_they_are(soak: Soak) -> None:
    assert growing(soak.lives) == [], soak.told()
