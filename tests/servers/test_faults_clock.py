"""Does a real controller keep looking, and promote nothing, after the clock of its machine was set by an hour?"""

from collections.abc import Iterator

import pytest

from tests.servers.missing import obtained
from tests.servers.process import eventually
from tests.servers.shop import Place
from tests.servers.trouble import Trouble, troubled
from tests.servers.wrongclock import WrongClock, wrong_clock

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("a wrong clock")]

HOUR = 3600
HELD_S = 8.0  # longer than the soak and some looks
LOWERED_S = 8.0 + 5.0  # a look takes 1 s, Prometheus' scrape another; the clock is minded every 5 s
PLAN = [{"weight": 10, "soak": "6s"}, {"weight": 50, "soak": "10m"}]


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> WrongClock:
    """The controller's clock."""
    return obtained(lambda: wrong_clock(tmp_path_factory.mktemp("clock")))


@pytest.fixture(scope="module")
def shop_in_trouble(shared_place: Place, clock: WrongClock) -> Iterator[Trouble]:
    """Its controller goes by that clock."""
    with troubled(shared_place, clock.command, steps=PLAN) as trouble:
        yield trouble


@pytest.fixture
def trouble(trouble: Trouble, clock: WrongClock) -> Iterator[Trouble]:
    """Before it recovers the clock is right again."""
    yield trouble
    clock.set(0)


def test_a_canary_that_fails_goes_back_within_seconds_after_a_fast_clock_was_put_right(
    trouble: Trouble, clock: WrongClock
) -> None:
    clock.set(HOUR)
    trouble.begins()

    clock.set(0)
    trouble.ail(50)

    assert eventually(lambda: trouble.shop.weight("v2") == 0, LOWERED_S), trouble.shop.told()


def test_a_step_ends_after_its_soak_anew_when_a_fast_clock_was_put_right(trouble: Trouble, clock: WrongClock) -> None:
    clock.set(HOUR)
    before = trouble.begins()

    clock.set(0)

    assert eventually(lambda: trouble.shop.weight("v2") == 50, 6.0 + LOWERED_S), trouble.shop.told()
    assert trouble.shop.status()["run"] == before["run"]


def test_by_a_slow_clock_nothing_is_promoted_and_a_person_is_obeyed(trouble: Trouble, clock: WrongClock) -> None:
    trouble.begins()

    clock.set(-HOUR)
    left = eventually(lambda: trouble.shop.weight("v2") != 10, HELD_S)
    held = trouble.shop.status()
    trouble.name("v1")

    assert not left, trouble.shop.told()
    assert held["verdict"] == "INCONCLUSIVE"  # Prometheus knows nothing of the canary an hour ago
    assert eventually(lambda: trouble.shop.weight("v2") == 0, LOWERED_S), trouble.shop.told()


def test_an_hour_that_was_skipped_is_no_evidence(trouble: Trouble, clock: WrongClock) -> None:
    before = trouble.begins()

    clock.set(HOUR)
    left = eventually(lambda: trouble.shop.weight("v2") != 10, HELD_S)
    held = trouble.shop.status()
    clock.set(0)

    assert not left, trouble.shop.told()
    assert held["verdict"] == "INCONCLUSIVE"
    assert eventually(lambda: trouble.shop.weight("v2") == 50, 6.0 + LOWERED_S), trouble.shop.told()
    assert trouble.shop.status()["run"] == before["run"]
