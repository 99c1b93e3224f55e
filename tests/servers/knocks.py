"""How do a git host and a pipeline knock at a controller that runs as a process?"""

import base64
import hashlib
import hmac
import json
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError

from tests.servers.client import Obj
from tests.servers.process import eventually, free_port
from tests.servers.shop import Place, Shop, opened, operated

SECRET = b"between us"
PATIENCE_S = 30.0
ONE_STEP: dict[str, Any] = {"steps": [{"weight": 10, "soak": "1s"}], "objectives": [], "settle": "1s"}


def receivers(namespace: str) -> Iterator[Obj]:
    """The Receivers `host` of a git host and `pipeline` of callbacks, which may abort, and their Secret."""
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


@dataclass(frozen=True, slots=True, kw_only=True)
class Doors:
    """The doors of a shop with these Receivers. url: where its controller listens."""

    shop: Shop
    url: str

    def path(self, name: str) -> str:
        """Where a Receiver says that it hears, as soon as it does."""
        kube = self.shop.cluster.kube
        place = f"/apis/rollout.dev/v1alpha1/namespaces/{self.shop.namespace}/receivers/{name}"
        assert eventually(lambda: bool(kube.get(place).get("status", {}).get("path"))), kube.get(place)
        return str(kube.get(place)["status"]["path"])

    def pushed(self, delivery: str) -> int:
        """The answer to a git host that says something was pushed."""
        body = b"{}"
        return self._post("host", body, {"X-Hub-Signature-256": _signed(body), "X-GitHub-Delivery": delivery})[0]

    def asked(self, **body: Any) -> tuple[int, str]:
        """Status and text of the answer to the pipeline that asks something of checkout."""
        target = {"namespace": self.shop.namespace, "name": "checkout"}
        text, seconds = json.dumps({"target": target, **body}).encode(), str(int(time.time()))
        stamp = _signed(f"{seconds}.".encode() + text)
        return self._post("pipeline", text, {"X-Timestamp": seconds, "X-Signature": stamp})

    def _post(self, name: str, body: bytes, headers: dict[str, str]) -> tuple[int, str]:
        request = urllib.request.Request(self.url + self.path(name), body, headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status, answer.read().decode()
        except HTTPError as error:
            return error.code, error.read().decode()


@contextmanager
def heard(place: Place) -> Iterator[Doors]:
    """A shop that git is not asked about for an hour, unless somebody knocks; v1 serves."""
    with opened(place) as shop:
        source = f"/apis/rollout.dev/v1alpha1/namespaces/{shop.namespace}/gitsources/specs"
        shop.cluster.kube.patch(source, {"spec": {"interval": "1h"}})
        shop.cluster.kube.apply(*receivers(shop.namespace))
        port = free_port()
        with operated(shop, webhooks_listen=f"127.0.0.1:{port}"):
            assert shop.reaches(phase="Idle", stableRevision="v1"), shop.told()
            yield Doors(shop=shop, url=f"http://127.0.0.1:{port}")


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


def _signed(body: bytes) -> str:
    return "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
