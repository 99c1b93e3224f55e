"""Which shops do tests on real servers find open?"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.cluster import Cluster
from tests.servers.prometheus import Prometheus
from tests.servers.shop import Place, Shop, opened, operated


@pytest.fixture
def place(cluster: Cluster, prometheus: Prometheus, tmp_path: Path) -> Place:
    """Where a test opens its own shop."""
    return Place(cluster=cluster, prometheus=prometheus, directory=tmp_path)


@pytest.fixture
def shop(place: Place) -> Iterator[Shop]:
    """v1 serves; a controller looks after a git repository that needs a password."""
    with opened(place) as shop, operated(shop):
        assert shop.reaches(phase="Idle", stableRevision="v1"), shop.told()
        yield shop
