"""Which shops do tests on real servers find open?"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers.cluster import Cluster
from tests.servers.gittrouble import GitTrouble
from tests.servers.prometheus import Prometheus
from tests.servers.shop import Place, Shop, opened, operated
from tests.servers.trouble import Trouble, troubled


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


@pytest.fixture(scope="module")
def shared_place(cluster: Cluster, prometheus: Prometheus, tmp_path_factory: pytest.TempPathFactory) -> Place:
    """Where a file opens one shop for all of its tests."""
    return Place(cluster=cluster, prometheus=prometheus, directory=tmp_path_factory.mktemp("shop"))


@pytest.fixture(scope="module")
def shop_in_trouble(shared_place: Place) -> Iterator[Trouble]:
    """One shop for all tests of a file; a file that needs another one has a fixture of its own of this name."""
    with troubled(shared_place) as trouble:
        yield trouble


@pytest.fixture
def trouble(shop_in_trouble: Trouble | GitTrouble) -> Iterator[Trouble | GitTrouble]:
    """v1 has all traffic, under load; afterwards as well."""
    with shop_in_trouble.shop.busy():
        yield shop_in_trouble
        shop_in_trouble.recover()
