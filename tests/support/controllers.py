"""How does a test start the controller's services on a memory cluster, and kill them again?"""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta

from adapters.kube.cache import Cache
from adapters.kube.commands import KubeCommands
from adapters.kube.kinds import WATCHED
from adapters.kube.policies import KubePolicies
from adapters.kube.store import KubeRollouts
from adapters.kube.workloads import ClusterWorkloads
from adapters.memory.authors import KnownAuthors
from adapters.memory.clock import ManualClock
from adapters.memory.cluster import DirectApi, MemoryCluster
from adapters.memory.metrics import MemoryMetrics
from adapters.memory.notices import KeptNotices
from adapters.memory.objects import Store
from adapters.traffic.router import Router
from rollout.ports.hooks import HookCalls
from rollout.services.hook_memory import HookMemory
from rollout.services.hook_news import HookNews
from rollout.services.observe import Observer
from rollout.services.perform import Performer
from rollout.services.reconcile import Reconciler
from tests.support.fate import Fate, MortalApi

HOME = "rollout-system"
USER = f"system:serviceaccount:{HOME}:rollout"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outside:
    """What outlives the controller: the cluster, time, the metrics server, webhooks and what was announced."""

    cluster: MemoryCluster
    clock: ManualClock
    metrics: MemoryMetrics
    notices: KeptNotices
    authors: KnownAuthors = field(default_factory=KnownAuthors)
    fate: Fate = field(default_factory=Fate)
    hooks: HookCalls | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Services:
    """One life of the controller: its cache and its reconciler, without the loop."""

    cache: Cache
    reconciler: Reconciler
    following: asyncio.Task[None]
    hooks: HookMemory | None = None
    news: HookNews | None = None

    async def stop(self) -> None:
        """Dead: nothing is remembered but what the cluster holds."""
        if self.hooks is not None:
            await self.hooks.close()
        if self.news is not None:
            await self.news.close()
        self.following.cancel()
        await asyncio.gather(self.following, return_exceptions=True)


async def show(cache: Cache, store: Store, since: int) -> None:
    """Bring the cache up to what the store holds; it has seen everything up to the revision `since`."""
    if since < store.oldest:
        await cache.refresh()
    elif since < store.revision:
        changed = {change.obj["kind"] for change in store.since(since)}
        await cache.refresh(kind for kind in cache.kinds if kind in changed)


async def started(outside: Outside) -> Services:
    """Fresh services that have listed everything once."""
    api = MortalApi(DirectApi(outside.cluster, user=USER), outside.fate)
    cache = Cache(api, WATCHED)
    rollouts, commands, routes = KubeRollouts(api, cache), KubeCommands(api, cache, outside.clock), Router(api, cache)
    hooks = HookMemory(outside.hooks) if outside.hooks is not None else None
    news = HookNews(outside.notices, rollouts, outside.hooks, outside.clock) if outside.hooks is not None else None
    observer = Observer(
        rollouts=rollouts,
        commands=commands,
        routes=routes,
        workloads=ClusterWorkloads(cache),
        metrics=outside.metrics,
        clock=outside.clock,
        actors_bound=lambda: True,
        policies=KubePolicies(cache, HOME),
        authors=outside.authors,
        hooks=hooks,
    )
    performer = Performer(rollouts=rollouts, commands=commands, routes=routes)
    reconciler = Reconciler(rollouts=rollouts, observer=observer, performer=performer, notices=news or outside.notices)
    following = asyncio.create_task(cache.run())
    await cache.wait_synced(timedelta(seconds=10))
    return Services(cache=cache, reconciler=reconciler, following=following, hooks=hooks, news=news)
