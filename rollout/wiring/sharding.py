"""How do several processes divide the fleet: whose Lease does this one take, and which objects does it keep?"""

import structlog

from adapters.kube.api import KubeApi
from adapters.kube.cache import Cache
from adapters.kube.layout import ShardLease
from adapters.memory.lease import HeldLease
from rollout.controller.divided import Divided
from rollout.controller.loop import Kept
from rollout.model.names import Key
from rollout.model.shard import SHARD, Shard
from rollout.ports.clock import Clock
from rollout.ports.lease import Lease
from rollout.settings import Settings

log = structlog.get_logger("rollout.shards")


def shard_lease(settings: Settings, api: KubeApi, clock: Clock, name: str, identity: str) -> Lease:
    """What this process has to hold before it writes. name: of the Lease of an undivided fleet."""
    if not settings.elect:
        return HeldLease()
    return ShardLease(
        api=api,
        clock=clock,
        namespace=settings.own_namespace,
        name=name,
        identity=identity,
        shard=settings.part,
        tell=_told,
    )


def waits_for(lease: Lease) -> str:
    """What another layout of the fleet has to do before this process may lead; "" when nothing is in its way."""
    return lease.waits if isinstance(lease, ShardLease) else ""


def divided(kept: tuple[Kept, ...], shard: Shard, cache: Cache, clock: Clock) -> tuple[Kept, ...]:
    """The same kinds, each without what other shards keep."""
    if shard.count == 1:
        return kept

    def label(kind: str, key: Key) -> str | None:
        obj = cache.get(kind, key.namespace, key.name)
        return None if obj is None else str((obj["metadata"].get("labels") or {}).get(SHARD, ""))

    return tuple(Divided(kept=one, shard=shard, label=label, clock=clock) for one in kept)


def _told(why: str) -> None:
    if why:
        log.warning("layout_awaited", why=why)
    else:
        log.info("layout_seen")
