"""Does what somebody signs reach a controller that runs on a real API server, and how fast?"""

import json
import sys
import time
from collections.abc import Iterator
from statistics import median
from typing import Any

import pytest

from tests.servers.cluster import Cluster
from tests.servers.knocks import Doors, receivers
from tests.servers.process import eventually, free_port
from tests.servers.prometheus import Prometheus
from tests.servers.shop import Place, Shop, opened, operated

pytestmark = pytest.mark.server

PATIENCE_S = 30.0
REVISIONS = ("v2", "v3", "v4", "v5", "v6")
ONE_STEP: dict[str, Any] = {"steps": [{"weight": 10, "soak": "1s"}], "objectives": [], "settle": "1s"}


@pytest.fixture(scope="module")
def doors(cluster: Cluster, prometheus: Prometheus, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    """A shop that git is not asked about for an hour, unless somebody knocks."""
    place = Place(cluster=cluster, prometheus=prometheus, directory=tmp_path_factory.mktemp("heard"))
    with opened(place) as shop:
        source = f"/apis/rollout.dev/v1alpha1/namespaces/{shop.namespace}/gitsources/specs"
        cluster.kube.patch(source, {"spec": {"interval": "1h"}})
        cluster.kube.apply(*receivers(shop.namespace))
        port = free_port()
        with operated(shop, webhooks_listen=f"127.0.0.1:{port}"):
            assert shop.reaches(phase="Idle", stableRevision="v1"), shop.told()
            yield Doors(shop=shop, url=f"http://127.0.0.1:{port}")


def test_a_webhook_brings_a_commit_to_its_first_weight_long_before_the_interval_is_over(doors: Doors) -> None:
    doors.path("host")

    seconds = [to_first_weight(doors, revision) for revision in REVISIONS]

    shown = ", ".join(f"{one:.2f}" for one in seconds)
    sys.stdout.write(f"\nfrom the webhook of a commit to its first weight: median {median(seconds):.2f} s ({shown})\n")
    assert max(seconds) < PATIENCE_S


def to_first_weight(doors: Doors, revision: str) -> float:
    """Seconds from the webhook that tells of a commit to the first weight that the route has for it."""
    shop = doors.shop
    shop.deploy(revision)
    shop.commit(revision, **ONE_STEP)
    began = time.monotonic()
    assert doors.pushed(revision) == 202
    assert eventually(lambda: has_weight(shop, revision), PATIENCE_S, 0.01), shop.told()
    took = time.monotonic() - began
    assert shop.reaches(phase="Idle", stableRevision=revision), shop.told()
    return took


def has_weight(shop: Shop, revision: str) -> bool:
    """Whether the route gives that revision anything."""
    (entry,) = shop.cluster.kube.get(shop.route)["spec"]["http"]
    given = {one["destination"]["host"]: one.get("weight", 0) for one in entry["route"]}
    return bool(given.get(f"checkout-{revision}"))


def test_a_pipeline_ends_a_run_and_only_the_one_that_it_has_seen(doors: Doors) -> None:
    shop = doors.shop
    shop.deploy("w1")
    shop.commit("w1", **{**ONE_STEP, "steps": [{"weight": 10, "soak": "10m"}]})
    doors.pushed("w1")
    assert shop.reaches(phase="Progressing"), shop.told()
    run = int(shop.status()["run"])

    stale = doors.asked(verb="abort", run=run - 1, revision="w1")
    foreign = doors.asked(verb="pause", run=run, revision="w1")
    given = doors.asked(verb="abort", run=run, revision="w1", reason="smoke tests failed")

    assert (stale[0], foreign[0], given[0]) == (409, 403, 202), (stale, foreign, given)
    assert shop.reaches(phase="Failed"), shop.told()
    commands = f"/apis/rollout.dev/v1alpha1/namespaces/{shop.namespace}/rolloutcommands"
    command = shop.cluster.kube.get(f"{commands}/{json.loads(given[1])['command']}")
    assert command["spec"]["actor"] == {
        "user": "pipeline",
        "groups": [],
        "realm": "callback",
        "vouched": shop.namespace,
    }
    assert command["status"]["result"] == "Accepted"
