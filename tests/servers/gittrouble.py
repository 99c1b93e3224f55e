"""What does a test need to spoil git in mid-run: a shop whose controller reaches git by way of a meddler, and a small disk?"""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.servers.controller import Controller
from tests.servers.meddler import Meddler
from tests.servers.process import eventually
from tests.servers.shop import Place, Shop, opened
from tests.servers.smalldisk import seen_by, with_disk
from tests.servers.trouble import LONG

PATIENCE_S = 30.0
DISK_KB = 512  # a mirror of these specs takes about 150


@dataclass(slots=True, kw_only=True)
class GitTrouble:
    """v1 serves and v2 is deployed. way: to the git server; cache: git's folder, as the controller sees it."""

    shop: Shop
    controller: Controller
    way: Meddler
    cache: Path

    @property
    def path(self) -> str:
        """The GitSource's URL path."""
        return f"/apis/rollout.dev/v1alpha1/namespaces/{self.shop.namespace}/gitsources/specs"

    def look(self) -> None:
        """Ask for a look now, as a git host does after a push."""
        wish = {"rollout.dev/requestedAt": secrets.token_hex(4)}
        self.shop.cluster.kube.patch(self.path, {"metadata": {"annotations": wish}})

    def names(self, revision: str) -> str:
        """Name another revision in git, and have it looked at; the commit."""
        commit = self.shop.commit(revision, **LONG)
        self.look()
        return commit

    def begins(self) -> int:
        """Release v2 until it has its first weight; the run's number."""
        self.names("v2")
        assert self.shop.gives("v2", 10), self.shop.told()
        return int(self.shop.status()["run"])

    def says(self, kind: str, status: str, *words: str) -> bool:
        """Whether a condition of the GitSource comes to have this status, and all of these words."""
        return eventually(lambda: self._has(kind, status, words), PATIENCE_S, 0.1)

    def told(self) -> str:
        """The GitSource's status, for the message of a failed test."""
        return str(self.shop.cluster.kube.get(self.path).get("status"))

    def recover(self) -> None:
        """Git is there again and names v1, which gets everything."""
        self.way.heal()
        self.names("v1")
        assert self.says("Ready", "True"), self.told()
        assert self.shop.reaches(phase="Idle", stableRevision="v1"), self.shop.told()
        assert self.shop.gives("v2", 0), self.shop.told()

    def _has(self, kind: str, status: str, words: tuple[str, ...]) -> bool:
        conditions = self.shop.cluster.kube.get(self.path).get("status", {}).get("conditions") or ()
        found = [one for one in conditions if one["type"] == kind and one["status"] == status]
        return any(all(word in f"{one['reason']}: {one['message']}" for word in words) for one in found)


@contextmanager
def git_troubled(place: Place) -> Iterator[GitTrouble]:
    """The shop with its controller running, until the end of the block."""
    with opened(place) as shop:
        shop.deploy("v2")
        shop.commit("v1", **LONG)
        way = Meddler(shop.git.url)
        cache = place.directory / "small"
        cache.mkdir()
        controller = shop.controller("controller", prometheus_timeout="PT2S", git_cache=str(cache))
        controller.within = with_disk(cache, DISK_KB)
        controller.start()
        trouble = GitTrouble(shop=shop, controller=controller, way=way, cache=seen_by(controller.pid, cache))
        try:
            shop.cluster.kube.patch(trouble.path, {"spec": {"url": f"{way.url}/specs.git"}})
            assert shop.reaches(phase="Idle", stableRevision="v1"), shop.told()
            assert trouble.says("Ready", "True"), trouble.told()
            yield trouble
        finally:
            controller.kill()
            way.stop()
