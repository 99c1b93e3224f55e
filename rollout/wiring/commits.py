"""How are commit statuses wired?"""

import random
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from datetime import timedelta

from adapters.clock import SystemClock
from adapters.forges.client import HttpForges
from adapters.kube.api import KubeApi, Obj
from adapters.kube.cache import Cache
from adapters.kube.secrets import KubeSourceSecrets
from adapters.kube.sources import KubeSources
from adapters.kube.specs import KubeSpecs
from rollout.controller.kept_commits import KeptCommits
from rollout.manifest.parse import key_of
from rollout.model.names import Key
from rollout.ports.lease import Lease
from rollout.services.commit_status import CommitStatuses
from rollout.services.queries import KIND
from rollout.services.reconcile import Reconciler
from rollout.settings import Settings
from rollout.wiring.repositories import allowed_urls

_WITHIN = timedelta(seconds=5)  # one request to a forge
_LEFT = timedelta(seconds=2)  # before the renew deadline, and 3 s more before another replica may take the lease


def kept_commits(
    settings: Settings, stack: AsyncExitStack, api: KubeApi, cache: Cache, lease: Lease, reconciler: Reconciler
) -> KeptCommits:
    """Commit statuses of the cluster's GitSources; ended with `stack`."""
    clock = SystemClock()
    sources, specs = KubeSources(api, cache), KubeSpecs(api, cache)
    forges = HttpForges(clock, allowed_urls(settings).scheme, within=_WITHIN)
    stack.push_async_callback(forges.close)

    def may_write() -> bool:
        return lease.may_write(_LEFT)

    statuses = CommitStatuses(
        sources, KubeSourceSecrets(api, cache), specs, reconciler.rollouts, forges, may_write=may_write
    )
    kept = KeptCommits(
        sources=sources,
        specs=specs,
        rollouts=reconciler.rollouts,
        statuses=statuses,
        notices=reconciler.notices,
        clock=clock,
        jitter=random.random,
        may_write=may_write,
        changed=_changed(cache),
    )
    stack.push_async_callback(kept.close)
    return kept


def _changed(cache: Cache) -> Callable[[], Iterable[Key]]:
    """Which Rollouts the cache saw come, change or go since this was asked last."""
    changed: set[Key] = set()

    def note(kind: str, old: Obj | None, new: Obj | None) -> None:
        obj = new if new is not None else old
        if kind == KIND and obj is not None:
            changed.add(key_of(obj))

    def taken() -> Iterable[Key]:
        found = tuple(changed)
        changed.clear()
        return found

    cache.subscribe(note)
    return taken
