"""Does a release survive an API server in trouble, and is weight lowered whenever that is wanted?"""

import pytest

from tests.servers.faults import everything, moves, saves, watches, writes
from tests.servers.process import eventually
from tests.servers.trouble import Trouble

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("faults of the API server")]

LOWERED_S = 8.0  # a look takes 1 s, Prometheus' scrape another
UNANSWERED_S = 2.0  # after so long weight is lowered though the status is not saved
GIVEN_UP_S = 5.0  # after so long a write that is not answered is given up: no look is later than that


@pytest.mark.parametrize("status", [409, 429, 500])
def test_a_release_goes_on_after_some_writes_were_refused(status: int, trouble: Trouble) -> None:
    before = trouble.begins()

    fault = trouble.api.answer(status, writes, times=3)

    assert trouble.shop.reaches(weight=50), trouble.shop.told()
    assert trouble.shop.gives("v2", 50)
    assert len(fault.met) == 3
    assert trouble.has_said("tick_failed", f"the meddler says {status}")
    assert trouble.shop.status()["run"] == before["run"]


def test_what_was_asked_not_to_be_repeated_is_not_for_so_long_where_nobody_is_at_risk(trouble: Trouble) -> None:
    fault = trouble.api.answer(429, saves, times=2, Retry_After="3")

    trouble.begins()

    first, second = (asked.at for asked in fault.met)
    assert second - first >= 3


@pytest.mark.parametrize("status", [409, 429, 500])
def test_weight_is_lowered_though_no_status_can_be_saved(status: int, trouble: Trouble) -> None:
    trouble.begins()
    fault = trouble.api.answer(status, saves, Retry_After="60")

    trouble.ail(50)

    assert eventually(lambda: trouble.shop.weight("v2") == 0, LOWERED_S), trouble.shop.told()
    assert fault.met


def test_weight_is_lowered_though_a_saving_is_never_answered(trouble: Trouble) -> None:
    trouble.begins()
    fault = trouble.api.hang(saves)

    trouble.ail(50)

    assert eventually(lambda: trouble.shop.weight("v2") == 0, UNANSWERED_S + LOWERED_S), trouble.shop.told()
    assert fault.met


def test_a_saving_that_is_never_answered_is_tried_again_in_seconds_where_nothing_is_to_be_lowered(
    trouble: Trouble,
) -> None:
    trouble.begins()
    fault = trouble.api.hang(saves)

    trouble.shop.cluster.kube.patch(trouble.shop.path, {"spec": {"settle": "3s"}})  # a generation to save

    assert eventually(lambda: len(fault.met) >= 2, 3 * GIVEN_UP_S), trouble.shop.told()
    assert fault.met[1].at - fault.met[0].at <= GIVEN_UP_S + 2.0


def test_who_aborts_is_obeyed_while_an_earlier_saving_is_not_answered(trouble: Trouble) -> None:
    trouble.begins()
    fault = trouble.api.hang(saves)
    trouble.shop.cluster.kube.patch(trouble.shop.path, {"spec": {"settle": "2s"}})
    assert eventually(lambda: len(fault.met) > 0)

    trouble.abort()

    assert eventually(lambda: trouble.shop.weight("v2") == 0, UNANSWERED_S + 1.0), trouble.shop.told()


def test_a_lowering_that_was_refused_is_tried_until_it_succeeds(trouble: Trouble) -> None:
    trouble.begins()
    fault = trouble.api.answer(500, moves, times=3)

    trouble.ail(50)

    assert trouble.shop.reaches(phase="Failed"), trouble.shop.told()
    assert trouble.shop.gives("v2", 0)
    assert len(fault.met) == 3


def test_what_changed_while_all_watches_were_torn_is_seen_at_once(trouble: Trouble) -> None:
    trouble.begins()
    torn = trouble.api.tear(watches)

    trouble.name("v1")

    assert torn > 10
    assert eventually(lambda: trouble.shop.weight("v2") == 0, LOWERED_S), trouble.shop.told()


def test_what_changed_in_a_forgotten_history_is_seen(trouble: Trouble) -> None:
    trouble.begins()
    fault = trouble.api.answer(410, watches, times=5)

    assert trouble.api.cut(watches) > 10
    trouble.name("v1")

    assert eventually(lambda: trouble.shop.weight("v2") == 0, LOWERED_S), trouble.shop.told()
    assert len(fault.met) == 5


def test_a_canary_that_fails_goes_back_while_all_watches_are_silent(trouble: Trouble) -> None:
    trouble.begins()
    assert trouble.api.hush(watches) > 10

    trouble.ail(50)
    lowered = eventually(lambda: trouble.shop.weight("v2") == 0, LOWERED_S)
    trouble.api.cut(everything)

    assert lowered, trouble.shop.told()
    assert trouble.shop.reaches(phase="Failed"), trouble.shop.told()
