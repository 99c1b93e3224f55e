"""May this process write, when several divide the fleet among them, and never by two layouts at a time?

The Lease that a single process holds also says into how many shards the fleet is divided. While these are more than one
nobody can take it, not even a version that knows no shards, and each shard has a Lease of its own with its number behind
the name. A shard leads while it holds its own, which it took before it saw that the layout is its own. Another layout
comes into force by whoever holds all Leases of the present one at once: so nobody leads who saw the old one.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from adapters.kube.api import KubeApi, Obj, Patch
from adapters.kube.kinds import KINDS
from adapters.kube.lease import LeaseElector, Timing
from rollout.model.shard import MOST_SHARDS, SHARDS, Shard
from rollout.ports.clock import Clock
from rollout.ports.errors import Conflict, Forbidden, NotFound, PortError, Rejected, Unreachable

_KIND = KINDS["Lease"]
_FOR_EVER = 2**31 - 1  # seconds, the most that a Lease may last
_ROUND_S = 2.0  # how often whoever waits for another layout to end looks


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """How many shards there are, by which version of the Lease; "" where it is not there."""

    count: int
    version: str


@dataclass(slots=True, kw_only=True)
class ShardLease:
    """The `Lease` port of one shard. name: of the Lease of an undivided fleet; identity: unique to this process.

    tell: called with `waits` each time that this is something else: what another layout is waited for, "" for nothing.
    """

    api: KubeApi
    clock: Clock
    namespace: str
    name: str
    identity: str
    shard: Shard
    timing: Timing = field(default_factory=Timing)
    tell: Callable[[str], None] = lambda _: None
    waits: str = ""
    is_leading: bool = False
    _own: LeaseElector = field(init=False)
    _old: dict[str, LeaseElector] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._own = self._elector(self._names(self.shard.count)[self.shard.number - 1])

    def may_write(self, within: timedelta) -> bool:
        """Whether a write that takes up to `within` would end before the renew deadline."""
        return self.is_leading and self._own.may_write(within)

    async def acquire(self) -> None:
        """Return once this process leads its shard; go on renewing its Lease in the background."""
        self.is_leading = False
        while not self.is_leading:
            try:
                layout = await self._layout()
                if layout.count == self.shard.count and (layout.version or self.shard.count == 1):
                    self._waits("")
                    self.is_leading = await self._leads()
                    continue
                if await self._change(layout.count):
                    continue
            except PortError as error:
                self._waits(str(error))
            await self.timing.sleep(_ROUND_S)

    async def lost(self) -> None:
        """Return when the lease is not held any more."""
        await self._own.lost()

    async def release(self) -> None:
        """Give it up so that another replica need not wait."""
        self.is_leading = False
        await self._own.release()

    async def _leads(self) -> bool:
        """Whether the own Lease is held and the layout is still the own one; waits for the first as long as need be."""
        if not await self._taken():
            return False
        if self.shard.count == 1:
            return True  # the Lease says both
        is_seen = False
        try:
            layout = await self._layout()
            is_seen = layout.count == self.shard.count and bool(layout.version)
        finally:
            if not is_seen:
                await self._own.release()
        return is_seen

    async def _taken(self) -> bool:
        """True once the own Lease is held; False when it is the layout's and another one came."""
        taking, pause = asyncio.ensure_future(self._own.acquire()), asyncio.ensure_future(self.timing.sleep(_ROUND_S))
        try:
            while not taking.done():
                await asyncio.wait((taking, pause), return_when=asyncio.FIRST_COMPLETED)
                if not taking.done() and self.shard.count == 1 and _count(self._own.record) != 1:
                    return False
                if pause.done():
                    pause = asyncio.ensure_future(self.timing.sleep(_ROUND_S))
            taking.result()
            return True
        finally:
            for task in (taking, pause):
                task.cancel()
            await asyncio.gather(taking, pause, return_exceptions=True)

    async def _change(self, old: int) -> bool:
        """Whether the own layout was brought into force; not while anybody leads by the old one."""
        electors = [self._old.setdefault(name, self._elector(name)) for name in self._names(old)]
        taken = [elector for elector in electors if not await elector.is_free()]
        if taken:
            holder = (taken[0].record.get("spec") or {}).get("holderIdentity")
            why = taken[0].problem or f"the Lease {taken[0].name} is of {holder}"
            self._waits(f"shard {self.shard} waits for the layout of {old} to end: {why}")
            return False
        held: list[LeaseElector] = []
        is_answered = True
        try:
            for elector in electors:
                if not await elector.tried():
                    return False
                held.append(elector)
            is_answered = False
            await self._write(old, held)
            is_answered = True
        except (Conflict, NotFound, Forbidden, Rejected):
            is_answered = True
            raise
        finally:
            # A write without an answer may still arrive: until then nobody may lead by the old layout.
            await asyncio.gather(*(one.release() if is_answered else one.drop() for one in held))
        return True

    async def _write(self, old: int, held: list[LeaseElector]) -> None:
        """Say in the Lease what is in force from now on, while all Leases of the old layout are held."""
        layout = await self._layout()
        path = _KIND.path("v1", self.namespace, self.name)
        is_ours = all(elector.may_write(self.timing.request) for elector in held)
        if layout.count != old or not is_ours:
            raise Conflict(f"{path}: another layout came, or a Lease was lost meanwhile: again")
        meta: dict[str, Any] = {"annotations": {SHARDS: str(self.shard.count) if self.shard.count > 1 else None}}
        spec = self._free() if self.shard.count == 1 else self._parked()
        try:
            async with asyncio.timeout(self.timing.request.total_seconds()):
                await self._stored(layout.version, meta, spec)
        except TimeoutError as error:
            raise Unreachable(f"{path}: no answer in {self.timing.request}, again") from error

    async def _stored(self, version: str, meta: dict[str, Any], spec: Obj) -> None:
        if version:
            body: Obj = {"metadata": meta | {"resourceVersion": version}, "spec": spec}
            await self.api.patch(_KIND.path("v1", self.namespace, self.name), Patch.MERGE, body)
            return
        annotations = {name: value for name, value in meta["annotations"].items() if value}
        named = {"name": self.name, "namespace": self.namespace, "annotations": annotations}
        body = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": named, "spec": spec}
        await self.api.create(_KIND.path("v1", self.namespace), body)

    def _parked(self) -> Obj:
        holder = f"the {self.shard.count} shards, each with a Lease of its own"
        return {"holderIdentity": holder, "leaseDurationSeconds": _FOR_EVER, "renewTime": self._now()}

    def _free(self) -> Obj:
        return {"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": self._now()}

    async def _layout(self) -> _Layout:
        """What is in force, read from the server."""
        try:
            found = await self.api.get(_KIND.path("v1", self.namespace, self.name))
        except NotFound:
            return _Layout(count=await self._left(), version="")
        return _Layout(count=_count(found), version=found["metadata"]["resourceVersion"])

    async def _left(self) -> int:
        """How many shards there are, or were, where somebody deleted the Lease that says so; 1 for none."""
        for number in range(1, MOST_SHARDS + 1):
            try:
                await self.api.get(_KIND.path("v1", self.namespace, f"{self.name}-{number}"))
            except NotFound:
                return max(1, number - 1)
            except Forbidden:
                if number == 1:
                    return 1  # who has no right to the Lease of a first shard never had shards
                raise
        return MOST_SHARDS

    def _names(self, count: int) -> list[str]:
        """Names of the Leases of a layout, in the order of the shards, which is that in which they are taken."""
        return [self.name] if count == 1 else [f"{self.name}-{number}" for number in range(1, count + 1)]

    def _elector(self, name: str) -> LeaseElector:
        return LeaseElector(
            api=self.api,
            clock=self.clock,
            namespace=self.namespace,
            name=name,
            identity=self.identity,
            timing=self.timing,
        )

    def _waits(self, why: str) -> None:
        if why != self.waits:
            self.waits = why
            self.tell(why)

    def _now(self) -> str:
        return self.clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _count(lease: Obj) -> int:
    """Into how many shards a Lease says that the fleet is divided. Rejected when it says nothing that can be read."""
    said = ((lease.get("metadata") or {}).get("annotations") or {}).get(SHARDS, "1")
    if not (said.isascii() and said.isdigit() and 1 <= int(said) <= MOST_SHARDS):
        name = lease["metadata"]["name"]
        raise Rejected(f"Lease {name}: annotation {SHARDS} is {said!r}; end all controllers, then delete the Lease")
    return int(said)
