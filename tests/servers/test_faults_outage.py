"""Is a release there after an outage of the API server as it was before, and does it go on by itself?"""

import pytest

from tests.servers.faults import everything
from tests.servers.trouble import Trouble

pytestmark = [pytest.mark.server, pytest.mark.xdist_group("outages of the API server")]


def test_a_server_that_answers_nothing_for_a_while_ends_no_run(trouble: Trouble) -> None:
    before = trouble.begins()

    fault = trouble.api.hang(everything)
    trouble.api.cut(everything)
    assert trouble.has_said("lease_lost"), trouble.lines()[-5:]
    fault.end()

    assert trouble.shop.reaches(weight=50), trouble.shop.told()
    assert trouble.shop.status()["run"] == before["run"]
