"""How many requests does a controller make in a minute in which nothing happens?"""

from datetime import timedelta

from adapters.kube.kinds import WATCHED
from adapters.kube.lease import Timing
from adapters.kube.reflector import Pace

MINUTE = timedelta(minutes=1)
MOST = 20


def test_renewing_the_lease_and_all_watches_stays_below_the_goal_at_their_shortest() -> None:
    pace = Pace(jitter=lambda: 0.0)

    watches = len(WATCHED) * MINUTE.total_seconds() / pace.spread(pace.watch)

    assert MINUTE / Timing().every + watches <= MOST
