"""Is a release there as it was, and does it go on by itself, after its API server was away, or came back without history?

The server is this file's own: nobody else is to miss it.
"""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import Event

import pytest

from tests.servers.apiserver import ApiServer
from tests.servers.cluster import Cluster
from tests.servers.controllers import Controllers
from tests.servers.faults import Asked, watches
from tests.servers.kubelet import Kubelet
from tests.servers.missing import obtained
from tests.servers.process import eventually
from tests.servers.shop import Place
from tests.servers.trouble import LONG, Trouble, troubled
from tests.support.servers import OUR_CRDS

pytestmark = [pytest.mark.server, pytest.mark.e2e, pytest.mark.xdist_group("an API server of its own")]

AWAY_S = 60.0
FORGETS_S = 2
BACK_S = 40.0  # the longest pause of a watch that failed for a minute is 30 s


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """A cluster whose API server forgets what is older than a few seconds."""
    with ExitStack() as closing:
        server = ApiServer(tmp_path_factory.mktemp("kube"))
        server.more_flags = (f"--etcd-compaction-interval={FORGETS_S}s",)
        controllers, kubelet = Controllers(server), Kubelet(server)
        for part in (server, controllers, kubelet):
            closing.callback(part.stop)
        obtained(server.start)
        obtained(server.install_crds)
        server.install_files(sorted(Path(OUR_CRDS).glob("*.yaml")))
        obtained(controllers.start)
        kubelet.start()
        yield Cluster(server=server, controllers=controllers, kubelet=kubelet)


@pytest.fixture(scope="module")
def shop_in_trouble(shared_place: Place) -> Iterator[Trouble]:
    """Its second step does not end by itself."""
    with troubled(shared_place, **LONG) as trouble:
        yield trouble


def test_a_server_that_forgot_its_history_is_listed_anew(trouble: Trouble) -> None:
    trouble.begins()
    assert trouble.api.hush(watches) > 10
    trouble.name("v1")
    Event().wait(3 * FORGETS_S)

    before = len(trouble.api.seen)
    trouble.shop.cluster.server.restart()

    assert eventually(lambda: trouble.shop.weight("v2") == 0, BACK_S), trouble.shop.told()
    assert any(is_list_of_rollouts(asked) for asked in trouble.api.seen[before:])
    assert trouble.shop.reaches(phase="Idle", stableRevision="v1"), trouble.shop.told()


def is_list_of_rollouts(asked: Asked) -> bool:
    """A watch that could go on where it ended would need none."""
    return asked.method == "GET" and not asked.is_watch and asked.path.split("?")[0].endswith("/rollouts")


def test_a_run_goes_on_after_its_server_was_stopped_for_a_minute(trouble: Trouble) -> None:
    before = trouble.begins()
    server = trouble.shop.cluster.server

    server.stop()
    noticed = trouble.has_said("lease_lost")
    Event().wait(AWAY_S)
    during = trouble.shop.weight("v2")
    server.start()

    assert noticed, trouble.lines()[-5:]
    assert during in {10, 50}
    assert eventually(lambda: trouble.shop.weight("v2") == 50, BACK_S), trouble.shop.told()
    assert trouble.shop.status()["run"] == before["run"]
