"""Which replica is the active one, and until when may it write?

A Lease object says who holds it. Nobody's wall clock is trusted: a candidate measures on its own monotonic clock how
long the record has not changed, the holder how long ago it began its last successful renewal. With 10 s to the one and
7 s to the other there are 3 s in which nobody may write. A candidate reads the record once and then watches it; that it
is late to hear of a renewal only makes it wait longer, and what it takes it takes at the version that it saw.
"""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from adapters.kube.api import KubeApi, Obj, Patch
from adapters.kube.kinds import KINDS
from rollout.ports.clock import Clock
from rollout.ports.errors import NotFound, PortError

_KIND = KINDS["Lease"]
# Whoever had a Lease that was deleted may not know it yet: it counts as held until it would have ended.
_MISSING: Obj = {"metadata": {"resourceVersion": "none"}, "spec": {"holderIdentity": "nobody known"}}
_WATCH_SECONDS = "300"  # as the other watches: one that nobody serves any more is not for ever


@dataclass(frozen=True, slots=True, kw_only=True)
class Timing:
    """Spans of the election, and the clock they are measured with.

    duration: unchanged for so long, a lease may be taken; renew_within: not renewed for so long, it is lost;
    every: from one renewal to the next; retry: after a failure; request: for one request, so short that a renewal can
    be tried twice before the deadline. monotonic: seconds; sleep: waits for seconds.
    """

    duration: timedelta = timedelta(seconds=10)
    renew_within: timedelta = timedelta(seconds=7)
    every: timedelta = timedelta(seconds=4)
    retry: timedelta = timedelta(seconds=1)
    request: timedelta = timedelta(seconds=1.5)
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep


@dataclass(slots=True, kw_only=True)
class LeaseElector:
    """The `Lease` port on a Lease object. identity: unique to this process, never used again after it.

    problem: why the last attempt failed, "" when it did not. is_held: for metrics; a write asks `may_write`.
    """

    api: KubeApi
    clock: Clock
    namespace: str
    name: str
    identity: str
    timing: Timing = field(default_factory=Timing)
    problem: str = ""
    is_held: bool = False
    _renewed_at: float = 0.0
    _version: str = ""  # resourceVersion of our own last write; "" when it is not known
    _record: Obj | None = None  # as a candidate knows it; None: read it
    _seen: str = ""  # resourceVersion of what another replica wrote last
    _seen_at: float = 0.0
    _renewing: asyncio.Task[None] | None = None
    _gone: asyncio.Event = field(default_factory=asyncio.Event)

    def may_write(self, within: timedelta) -> bool:
        """Whether a write that takes up to `within` would end before the renew deadline."""
        return self.is_held and within.total_seconds() <= self._left()

    async def acquire(self) -> None:
        """Return once this replica holds the lease; go on renewing it in the background."""
        self._record = None
        while not await self._attempted(self._claim):
            if self._record is None or not await self._follow(self._record):
                await self.timing.sleep(self.timing.retry.total_seconds())
        self._began()

    async def tried(self) -> bool:
        """Whether it could be taken at once; if so it is renewed in the background, as after `acquire`."""
        self._record = None
        if not await self._attempted(self._claim):
            return False
        self._began()
        return True

    async def is_free(self) -> bool:
        """Whether it may be taken now. One that is not there, or whose server does not answer, is not free so soon."""
        return await self._attempted(self._looked)

    @property
    def record(self) -> Obj:
        """The Lease as a candidate saw it last; empty while it does not know it."""
        return self._record or {}

    async def lost(self) -> None:
        """Return when the lease is not held any more."""
        await self._gone.wait()

    async def release(self) -> None:
        """Give it up so that another replica need not wait; where that fails, it ends by itself."""
        was_held = self.is_held
        await self.drop()
        if was_held and not await self._attempted(self._give_up):
            await self._attempted(self._give_up)  # a renewal that was cut off may have been stored

    async def drop(self) -> None:
        """Do not renew it any more, and tell nobody: it ends by itself."""
        self.is_held = False
        self._gone.set()
        if self._renewing is not None:
            self._renewing.cancel()
            with suppress(asyncio.CancelledError):
                await self._renewing
            self._renewing = None

    def _began(self) -> None:
        self._gone.clear()
        self.is_held = True
        self._renewing = asyncio.create_task(self._renew(), name=f"renew lease {self.namespace}/{self.name}")

    async def _renew(self) -> None:
        while self.is_held and self._left() > 0:
            due = self._renewed_at + self.timing.every.total_seconds() - self.timing.monotonic()
            pause = self.timing.retry.total_seconds() if self.problem else max(due, 0)
            await self.timing.sleep(min(pause, self._left()))
            await self._attempted(self._prolong)
        self.is_held = False
        self._gone.set()

    def _left(self) -> float:
        """Seconds until the renew deadline."""
        return self._renewed_at + self.timing.renew_within.total_seconds() - self.timing.monotonic()

    async def _attempted(self, attempt: Callable[[], Awaitable[bool]]) -> bool:
        """Whether the attempt succeeded within the time for requests; a failure is remembered, not raised."""
        began = self.timing.monotonic()
        try:
            async with asyncio.timeout(self.timing.request.total_seconds()):
                done = await attempt()
        except (PortError, TimeoutError) as error:
            self.problem = str(error) or f"lease {self.namespace}/{self.name}: no answer in {self.timing.request}"
            self._version, self._record = "", None  # the write may have been stored all the same: read before the next
            return False
        self.problem = ""
        if done:
            self._renewed_at = began
        return done

    async def _claim(self) -> bool:
        """Take the lease if it is free."""
        found = self._record or await self._read()
        if found is None:
            return await self._create()
        self._noted(found)
        if self._free_in(found) > 0:
            return False
        spec = found.get("spec") or {}
        changes = self._spec() | {"acquireTime": self._now()}
        if spec.get("holderIdentity") != self.identity:
            changes["leaseTransitions"] = int(spec.get("leaseTransitions") or 0) + 1
        await self._write(changes, found["metadata"]["resourceVersion"])
        return True

    async def _looked(self) -> bool:
        """Whether what the server has is free."""
        self._noted(await self._read() or _MISSING)
        return self._free_in(self._record or _MISSING) <= 0

    async def _prolong(self) -> bool:
        """Renew the lease if it is still ours; notice if it is not."""
        if not self._version:
            found = await self._read()
            if found is None or (found.get("spec") or {}).get("holderIdentity") != self.identity:
                self.is_held = False
                return False
            self._version = found["metadata"]["resourceVersion"]
        await self._write(self._spec(), self._version)
        return True

    async def _give_up(self) -> bool:
        if not self._version:
            found = await self._read()
            if found is None or (found.get("spec") or {}).get("holderIdentity") != self.identity:
                return True
            self._version = found["metadata"]["resourceVersion"]
        await self._write({"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": self._now()}, self._version)
        return True

    async def _follow(self, found: Obj) -> bool:
        """Watch the lease until it may be free; False when the watch ended before."""
        watching, expiring = asyncio.create_task(self._watch(found)), asyncio.create_task(self._expire())
        try:
            await asyncio.wait((watching, expiring), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (watching, expiring):
                task.cancel()
            await asyncio.gather(watching, expiring, return_exceptions=True)
        return any(task.result() for task in (watching, expiring) if not task.cancelled())

    async def _watch(self, found: Obj) -> bool:
        """Keep the record as it is on the server; True once it was given up, False when the watch ended."""
        query = {"fieldSelector": f"metadata.name={self.name}", "resourceVersion": found["metadata"]["resourceVersion"]}
        events = self.api.watch(_KIND.path("v1", self.namespace), query | {"timeoutSeconds": _WATCH_SECONDS})
        try:
            async for event in events:
                if event["type"] == "DELETED":
                    continue  # whoever had it may not know yet, and writes on until it would have ended
                self._noted(event["object"])
                if self._free_in(event["object"]) <= 0:
                    return True
        except PortError as error:
            self.problem, self._record = str(error), None
        finally:
            if isinstance(events, AsyncGenerator):
                await events.aclose()
        return False

    async def _expire(self) -> bool:
        """True once the record has not changed for as long as it lasts; False when it is not known any more."""
        while self._record is not None and (left := self._free_in(self._record)) > 0:
            await self.timing.sleep(left)
        return self._record is not None

    def _noted(self, record: Obj) -> None:
        self._record = record
        if record["metadata"]["resourceVersion"] != self._seen:
            self._seen, self._seen_at = record["metadata"]["resourceVersion"], self.timing.monotonic()

    def _free_in(self, record: Obj) -> float:
        """Seconds until the lease may be taken, if it does not change until then; 0.0 or less: now."""
        spec = record.get("spec") or {}
        if spec.get("holderIdentity") in {None, "", self.identity}:
            return 0.0
        duration: float = spec.get("leaseDurationSeconds") or self.timing.duration.total_seconds()
        return self._seen_at + duration - self.timing.monotonic()

    async def _read(self) -> Obj | None:
        try:
            return await self.api.get(_KIND.path("v1", self.namespace, self.name))
        except NotFound:
            return None

    async def _create(self) -> bool:
        body = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": self.name, "namespace": self.namespace},
            "spec": self._spec() | {"acquireTime": self._now(), "leaseTransitions": 0},
        }
        stored = await self.api.create(_KIND.path("v1", self.namespace), body)
        self._version = stored["metadata"]["resourceVersion"]
        return True

    async def _write(self, spec: Obj, version: str) -> None:
        path = _KIND.path("v1", self.namespace, self.name)
        body = {"metadata": {"resourceVersion": version}, "spec": spec}
        stored = await self.api.patch(path, Patch.MERGE, body)
        self._version = stored["metadata"]["resourceVersion"]

    def _spec(self) -> dict[str, Any]:
        return {
            "holderIdentity": self.identity,
            "leaseDurationSeconds": round(self.timing.duration.total_seconds()),
            "renewTime": self._now(),
        }

    def _now(self) -> str:
        """For people who look at the object; the election needs no more of it than that it changes."""
        return self.clock.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
