"""Is a release there after an outage of the API server as it was before, and does it go on by itself?"""

import pytest

from tests.servers.process import eventually
from tests.servers.trouble import Trouble, everything

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("outages of the API server")]

AWAY_S = 20.0  # twice as long as a lease may go without being renewed


def test_a_server_that_answers_nothing_for_a_while_ends_no_run(trouble: Trouble) -> None:
    before = trouble.begins()

    fault = trouble.api.hang(everything)
    trouble.api.cut(everything)
    assert trouble.has_said("lease_lost"), trouble.lines()[-5:]
    fault.end()

    assert trouble.shop.reaches(weight=50), trouble.shop.told()
    assert trouble.shop.status()["run"] == before["run"]


def test_a_canary_that_failed_while_the_server_was_away_goes_back_when_it_is_there_again(trouble: Trouble) -> None:
    trouble.begins(50)
    server = trouble.shop.cluster.server

    trouble.ail(50)
    server.stop()
    away = eventually(lambda: trouble.shop.weight("v2") != 50, AWAY_S)
    server.start()

    assert not away
    assert trouble.shop.reaches(phase="Failed"), trouble.shop.told()
    assert trouble.shop.gives("v2", 0)
