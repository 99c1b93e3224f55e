"""Does what somebody signs reach a controller that runs on a real API server, and how fast?"""

import json
import sys
from collections.abc import Iterator
from statistics import median

import pytest

from tests.servers.cluster import Cluster
from tests.servers.knocks import ONE_STEP, PATIENCE_S, Doors, heard, to_first_weight
from tests.servers.prometheus import Prometheus
from tests.servers.shop import Place

pytestmark = pytest.mark.server

REVISIONS = ("v2", "v3", "v4", "v5", "v6")


@pytest.fixture(scope="module")
def doors(cluster: Cluster, prometheus: Prometheus, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    """A shop that git is not asked about for an hour, unless somebody knocks."""
    with heard(Place(cluster=cluster, prometheus=prometheus, directory=tmp_path_factory.mktemp("heard"))) as doors:
        yield doors


def test_a_webhook_brings_a_commit_to_its_first_weight_long_before_the_interval_is_over(doors: Doors) -> None:
    doors.path("host")

    seconds = [to_first_weight(doors, revision) for revision in REVISIONS]

    shown = ", ".join(f"{one:.2f}" for one in seconds)
    sys.stdout.write(f"\nfrom the webhook of a commit to its first weight: median {median(seconds):.2f} s ({shown})\n")
    assert max(seconds) < PATIENCE_S


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
