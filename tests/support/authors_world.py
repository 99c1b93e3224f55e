"""How does a test ask whose change a revision is, with a cluster and a repository in memory?"""

import asyncio
import base64
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from adapters.kube.store import KubeRollouts
from adapters.memory.clock import ManualClock
from adapters.memory.cluster import DirectApi, MemoryCluster
from adapters.memory.past import MemoryPast
from policies.approval import Authors
from rollout.crds import definitions
from rollout.model.names import Key
from rollout.model.source import GitSource
from rollout.ports.past import Past, SpecPast
from rollout.ports.sources import Credentials, SpecSource
from rollout.services.change_authors import AuthorPorts, ProvenAuthors
from tests.support.builders import CHECKOUT, NOON
from tests.support.scribes import By, MemoryScribe, Scribe, a_rollout
from tests.support.sync_world import HOME, URL, SyncWorld, a_sync_world, namespaces

MEMORY_KEY = "ssh-ed25519 AAAA"
OURS = By(key=(MEMORY_KEY,))
VERIFY: dict[str, Any] = {"verify": {"secretRef": {"name": "keys"}}}


class AuthorsWorld:
    """A GitSource shop/apps with `verify`, the service that asks, and a scribe for the repository."""

    def __init__(self, sync: SyncWorld, cluster: MemoryCluster) -> None:
        self.sync = sync
        self.clock = ManualClock(NOON)
        self.scribe: Scribe = MemoryScribe(sync.git, URL)
        self.past: SpecPast = MemoryPast(sync.git)
        self.git: SpecSource = sync.git
        self.source = Key(namespace="shop", name="apps")
        self.answered: asyncio.Queue[Key] = asyncio.Queue()
        self._cluster = cluster
        self._hours = 0.0
        self.restart()

    def restart(self, within: timedelta = timedelta(seconds=10)) -> None:
        """A service that remembers nothing, on `git` and `past`."""
        sync = self.sync
        self.rollouts = KubeRollouts(sync.api, sync.cache)
        ports = AuthorPorts(
            rollouts=self.rollouts,
            specs=sync.specs,
            sources=sync.sources,
            secrets=sync.secrets,
            git=self.git,
            past=self.past,
        )
        self.service = ProvenAuthors(ports, HOME, self.clock, self.answered.put_nowait, within)

    def trust(self, **keys: str) -> None:
        """Let these keys sign, and no others."""
        self.secret("keys", **keys)

    def secret(self, name: str, **entries: str) -> None:
        """A Secret of the source's namespace; a dot in a name as two underscores."""
        meta = {"name": name, "namespace": "shop"}
        data = {entry.replace("__", "."): base64.b64encode(text.encode()).decode() for entry, text in entries.items()}
        self._cluster.seed({"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": data})

    async def applied(self) -> None:
        """Let the controller take what the branch has now."""
        self._hours += 1
        await self.sync.look(self.source, hours=self._hours)
        await self.sync.cache.refresh()

    async def released(self, *revisions: str, by: By = OURS) -> str:
        """The last of the commits that set these revisions one after another; it is applied."""
        commits = [self.scribe.commit({"a.yaml": a_rollout(revision)}, by) for revision in revisions]
        await self.applied()
        return commits[-1]

    async def of(self, revision: str = "v2", key: Key = CHECKOUT) -> Authors:
        """What the service says."""
        return await self.service.of(key, revision)


class SlowPast(MemoryPast):
    """A past that answers once `goes` is set. asked: how many questions are on their way or were answered."""

    def __init__(self, world: AuthorsWorld) -> None:
        super().__init__(world.sync.git)
        self.goes = asyncio.Event()
        self.most = self.asked = self.now = 0

    async def past(self, source: GitSource, credentials: Credentials, commit: str, depth: int) -> Past:
        """As in memory, later."""
        self.asked += 1
        self.now += 1
        self.most = max(self.most, self.now)
        await self.goes.wait()
        self.now -= 1
        return await super().past(source, credentials, commit, depth)


@asynccontextmanager
async def an_authors_world(**spec: Any) -> AsyncIterator[AuthorsWorld]:
    """A world whose GitSource has these fields besides `verify`."""
    cluster = MemoryCluster()
    cluster.seed(*namespaces("shop", "pay", HOME), *definitions().values())
    async with a_sync_world(DirectApi(cluster)) as sync:
        world = AuthorsWorld(sync, cluster)
        world.trust(ana__sshpub=MEMORY_KEY)
        await sync.a_source(**{**VERIFY, **spec})
        yield world
        await world.service.close()
