"""Does what somebody signs reach a controller that runs on a real API server, and how fast?"""

import base64
import hashlib
import hmac
import json
import sys
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from statistics import median
from typing import Any
from urllib.error import HTTPError

import pytest

from tests.servers.cluster import Cluster
from tests.servers.controller import Controller
from tests.servers.process import eventually, free_port
from tests.servers.prometheus import Prometheus
from tests.servers.shop import Place, Shop, opened, operated

pytestmark = pytest.mark.server

SECRET = b"between us"
PATIENCE_S = 30.0
REVISIONS = ("v2", "v3", "v4", "v5", "v6")
ONE_STEP: dict[str, Any] = {"steps": [{"weight": 10, "soak": "1s"}], "objectives": [], "settle": "1s"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A shop whose controller hears webhooks. url: where."""

    shop: Shop
    controller: Controller
    url: str

    def path(self, name: str) -> str:
        """Where a Receiver says that it hears."""
        kube, place = self.shop.cluster.kube, f"{self.shop.path.rpartition('/rollouts')[0]}/receivers/{name}"
        assert eventually(lambda: bool(kube.get(place).get("status", {}).get("path"))), kube.get(place)
        return str(kube.get(place)["status"]["path"])

    def post(self, name: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        """Status and text of the answer."""
        request = urllib.request.Request(self.url + self.path(name), body, headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()


@pytest.fixture(scope="module")
def heard(cluster: Cluster, prometheus: Prometheus, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Heard]:
    place = Place(cluster=cluster, prometheus=prometheus, directory=tmp_path_factory.mktemp("heard"))
    with opened(place) as shop:
        source = f"{shop.path.rpartition('/rollouts')[0]}/gitsources/specs"
        cluster.kube.patch(source, {"spec": {"interval": "1h"}})
        cluster.kube.apply(*receivers(shop.namespace))
        port = free_port()
        with operated(shop, webhooks_listen=f"127.0.0.1:{port}") as controller:
            assert shop.reaches(phase="Idle", stableRevision="v1"), shop.told()
            yield Heard(shop=shop, controller=controller, url=f"http://127.0.0.1:{port}")


def receivers(namespace: str) -> Iterator[dict[str, Any]]:
    """A git host and a pipeline, with one secret."""
    specs: dict[str, dict[str, Any]] = {
        "host": {"type": "github", "sources": ["specs"]},
        "pipeline": {"type": "callback", "proof": "hmac", "grants": [{"verbs": ["abort"]}]},
    }
    meta = {"namespace": namespace, "name": "hooks"}
    data = {"secret": base64.b64encode(SECRET).decode()}
    yield {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": data}
    for name, spec in specs.items():
        yield {
            "apiVersion": "rollout.dev/v1alpha1",
            "kind": "Receiver",
            "metadata": {"namespace": namespace, "name": name},
            "spec": {**spec, "secretRef": {"name": "hooks"}},
        }


def signature(body: bytes) -> str:
    return "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()


def asked(heard: Heard, **body: Any) -> tuple[int, str]:
    """A callback of the pipeline."""
    target = {"namespace": heard.shop.namespace, "name": "checkout"}
    text, seconds = json.dumps({"target": target, **body}).encode(), str(int(time.time()))
    stamp = signature(f"{seconds}.".encode() + text)
    return heard.post("pipeline", text, {"X-Timestamp": seconds, "X-Signature": stamp})


def test_from_a_commit_to_the_first_weight_it_takes_less_than_a_second_with_a_webhook(heard: Heard) -> None:
    heard.path("host")

    seconds = [to_first_weight(heard, revision) for revision in REVISIONS]

    shown = ", ".join(f"{one:.2f}" for one in seconds)
    sys.stdout.write(f"\nfrom the webhook of a commit to its first weight: median {median(seconds):.2f} s ({shown})\n")
    assert max(seconds) < PATIENCE_S


def to_first_weight(heard: Heard, revision: str) -> float:
    """Seconds from the webhook that tells of a commit to the first weight that the route has for it."""
    shop, body = heard.shop, b"{}"
    shop.deploy(revision)
    shop.commit(revision, **ONE_STEP)
    began = time.monotonic()
    code, _ = heard.post("host", body, {"X-Hub-Signature-256": signature(body), "X-GitHub-Delivery": revision})
    assert code == 202
    assert eventually(lambda: has_weight(shop, revision), PATIENCE_S, 0.01), shop.told()
    took = time.monotonic() - began
    assert shop.reaches(phase="Idle", stableRevision=revision), shop.told()
    return took


def has_weight(shop: Shop, revision: str) -> bool:
    """Whether the route gives that revision anything."""
    (entry,) = shop.cluster.kube.get(shop.route)["spec"]["http"]
    given = {one["destination"]["host"]: one.get("weight", 0) for one in entry["route"]}
    return bool(given.get(f"checkout-{revision}"))


def test_a_pipeline_ends_a_run_and_only_the_one_that_it_has_seen(heard: Heard) -> None:
    shop = heard.shop
    shop.deploy("w1")
    shop.commit("w1", **{**ONE_STEP, "steps": [{"weight": 10, "soak": "10m"}]})
    body = b"{}"
    heard.post("host", body, {"X-Hub-Signature-256": signature(body), "X-GitHub-Delivery": "w1"})
    assert shop.reaches(phase="Progressing"), shop.told()
    run = int(shop.status()["run"])

    stale = asked(heard, verb="abort", run=run - 1, revision="w1")
    foreign = asked(heard, verb="pause", run=run, revision="w1")
    given = asked(heard, verb="abort", run=run, revision="w1", reason="smoke tests failed")

    assert (stale[0], foreign[0], given[0]) == (409, 403, 202), (stale, foreign, given)
    assert shop.reaches(phase="Failed"), shop.told()
    command = shop.cluster.kube.get(
        f"{shop.path.rpartition('/rollouts')[0]}/rolloutcommands/{json.loads(given[1])['command']}"
    )
    assert command["spec"]["actor"] == {
        "user": "pipeline",
        "groups": [],
        "realm": "callback",
        "vouched": shop.namespace,
    }
    assert command["status"]["result"] == "Accepted"
