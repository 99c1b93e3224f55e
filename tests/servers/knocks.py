"""How do a git host and a pipeline knock at a controller that runs as a process?"""

import base64
import hashlib
import hmac
import json
import time
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError

from tests.servers.client import Obj
from tests.servers.process import eventually
from tests.servers.shop import Shop

SECRET = b"between us"


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


def _signed(body: bytes) -> str:
    return "sha256=" + hmac.new(SECRET, body, hashlib.sha256).hexdigest()
