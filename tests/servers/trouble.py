"""What does a test need to spoil a release in mid-run: a shop whose controller reaches its servers by way of meddlers?"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from tests.servers.apiserver import ApiServer
from tests.servers.client import Obj
from tests.servers.controller import Controller
from tests.servers.meddler import Meddler
from tests.servers.process import eventually
from tests.servers.shop import PATIENCE_S, USER, Place, Shop, manifest, opened

PLAN: dict[str, Any] = {
    "steps": [{"weight": 10, "soak": "2s"}, {"weight": 50, "soak": "2s"}],
    "analysis": {"interval": "1s", "minRequests": 20},
}
# No run ends by itself: who was promoted once would come back without any step.
LONG = PLAN | {"steps": [{"weight": 10, "soak": "2s"}, {"weight": 50, "soak": "10m"}]}
ERRORS = "test.rollout/error-percent"


@dataclass(slots=True, kw_only=True)
class Trouble:
    """v1 serves and v2 is deployed; the Rollout is applied by hand, as git is not what is spoilt here."""

    shop: Shop
    controller: Controller
    api: Meddler
    metrics: Meddler

    def name(self, revision: str) -> None:
        """Want another revision live."""
        self.shop.cluster.kube.patch(self.shop.path, {"spec": {"revision": revision}})

    def abort(self) -> None:
        """A person ends the run, by a command."""
        spec = {"target": {"kind": "Rollout", "name": "checkout"}, "verb": "abort", "channel": "cli"}
        metadata = {"generateName": "abort-", "namespace": self.shop.namespace}
        kind = {"apiVersion": "rollout.dev/v1alpha1", "kind": "RolloutCommand"}
        self.shop.cluster.kube.create({**kind, "metadata": metadata, "spec": {**spec, "actor": {"user": "admin"}}})

    def ail(self, percent: int) -> None:
        """Let so many of v2's requests fail from now on."""
        kube = self.shop.cluster.kube
        pods = f"/api/v1/namespaces/{self.shop.namespace}/pods"
        for pod in kube.items(f"{pods}?labelSelector=version%3Dv2"):
            kube.patch(f"{pods}/{pod['metadata']['name']}", {"metadata": {"annotations": {ERRORS: str(percent)}}})

    def begins(self, weight: int = 10) -> dict[str, Any]:
        """Release v2 until it has this weight; the status then."""
        self.name("v2")
        assert self.shop.gives("v2", weight), self.shop.told()
        assert self.shop.reaches(weight=weight), self.shop.told()
        return self.shop.status()

    def has_said(self, *words: str) -> bool:
        """Whether one line of the controller's log holds all of these words, now or soon."""
        return eventually(lambda: any(all(word in line for word in words) for line in self.lines()), PATIENCE_S, 0.2)

    def lines(self) -> list[str]:
        """The controller's log."""
        return self.controller.log.read_text(errors="replace").splitlines()

    def recover(self) -> None:
        """All faults end, v1 is wanted, and everything goes to it."""
        self.api.heal()
        self.metrics.heal()
        self.ail(0)
        self.name("v1")
        assert self.shop.reaches(phase="Idle", stableRevision="v1"), self.shop.told()
        assert self.shop.gives("v2", 0), self.shop.told()


@contextmanager
def troubled(place: Place, within: tuple[str, ...] = (), **spec: Any) -> Iterator[Trouble]:
    """The shop with its controller running, until the end of the block. within: as of Controller."""
    with opened(place) as shop:
        kube, namespace = shop.cluster.kube, shop.namespace
        kube.delete(f"/apis/rollout.dev/v1alpha1/namespaces/{namespace}/gitsources/specs")
        shop.deploy("v2")
        kube.apply(manifest(namespace, "v1", **PLAN | spec))
        kubeconfig = place.directory / "meddled.kubeconfig"
        api, metrics = meddled(shop.cluster.server, namespace, kubeconfig), Meddler(place.prometheus.url)
        controller = shop.controller("led", kubeconfig, prometheus_url=metrics.url, prometheus_timeout="2s")
        controller.within = within
        controller.start()
        try:
            assert shop.reaches(phase="Idle", stableRevision="v1"), shop.told()
            yield Trouble(shop=shop, controller=controller, api=api, metrics=metrics)
        finally:
            controller.kill()
            api.stop()
            metrics.stop()


def meddled(server: ApiServer, namespace: str, kubeconfig: Path, user: str = USER) -> Meddler:
    """A meddler before the API server. kubeconfig: the file that becomes the user's, and leads through it."""
    api = Meddler(server.url, (server.ca, server.ca.with_suffix(".key")))
    kubeconfig.write_text(led_to(api, server, namespace, user))
    kubeconfig.chmod(0o600)
    return api


def led_to(api: Meddler, server: ApiServer, namespace: str, user: str = USER) -> str:
    """The user's kubeconfig, by way of the meddler."""
    config: Obj = yaml.safe_load(server.kubeconfig(user, namespace).read_text())
    config["clusters"][0]["cluster"]["server"] = api.url
    return json.dumps(config)  # JSON is YAML
